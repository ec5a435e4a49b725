/*
 * operands: what a source is told to read, patterns expanded, looked at once
 * before anything is read.
 */
#ifndef OPERANDS_H
#define OPERANDS_H

#include <stddef.h>

struct operands {
	char	**paths;
	size_t	 n;
	int	 follow;	/* a file may still be missing */
	int	 replay;	/* files have to be readable again */
	char	 error[1024];
};

/*
 * Add an operand: a file, "-", or a pattern, which stands for the files that it
 * matches, in byte order.  Something that has the pattern as its very name is
 * that file.  -1: error: it is not there, a directory, not readable, not to be
 * read again, or matches nothing.
 */
int	 operands_add(struct operands *, const char *operand);

/* -1: error: too few for so many subtasks, or one not to be shared. */
int	 operands_check_share(struct operands *, unsigned parallelism);

int	 operands_standard(const char *path);	/* is it standard input? */
void	 operands_free(struct operands *);

#endif
