/*
 * scratch: where a script is run under test, and what it has made there.
 *
 * A directory of its own for each run, with links to all that lies in the current
 * one: what the script reads is there, what it makes is made there.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>

struct scratch {
	char	 *path;			/* of the directory of directories */
	char	**output;		/* files that a run has made, relative, sorted */
	size_t	  noutputs;
};

/*
 * All: -1: why, or the sentence was said.
 *
 * scratch_open		make it, below $TMPDIR.
 * scratch_run		make the directory of a run there, in place of one of that
 *			name; its path is in dir.
 * scratch_outputs	remember what that run has made; its job is none of it.
 * scratch_differ	1: a run has made other files, or another content, and it was
 *			said which; 0.  Unordered: their lines in any order.
 * scratch_lines	1: the lines of the first file are not all in the second, in
 *			their order or unordered, others between them; and it was
 *			said which.
 * scratch_close	remove it.
 */
#define SCRATCH_JOB	"job"

int	 scratch_open(struct scratch *);
int	 scratch_run(const struct scratch *, const char *name, char *dir, size_t size);
int	 scratch_outputs(struct scratch *, const char *dir);
int	 scratch_differ(const struct scratch *, const char *clean, const char *dir,
	    int unordered);
int	 scratch_lines(const char *clean, const char *file, int unordered);
void	 scratch_close(struct scratch *);

#endif
