/*
 * succession: the files that have one name, one after the other.
 *
 * Each is read to its end, under whatever name it has by then, before the one that
 * had the name next.
 */
#ifndef SUCCESSION_H
#define SUCCESSION_H

#include <sys/stat.h>

#include "position.h"

struct succession {
	char		*path;		/* "-" is standard input */
	int		 standard;
	struct place	 resume;	/* to begin at; flags 0: at the beginning */
	int		 alone;		/* none is read but path behind the one in hand */
	int		 elsewhere;	/* the file in hand is not path any more */
	int		 next;		/* open already, to be taken next; -1: none */
};

/* -1: no memory. */
int	 succession_begin(struct succession *, const char *path);
void	 succession_end(struct succession *);

/* Open the next file.  -1: errno. */
int	 succession_take(struct succession *);

/*
 * Is resume in the file that was taken?  If that was renamed since somebody looked,
 * *fd becomes the other one.  st is of *fd, before and after.  1, 0, -1: errno.
 */
int	 succession_check(const struct succession *, int *fd, struct stat *st);

/* The file that was taken is read from now on. */
void	 succession_settle(struct succession *, const struct stat *);

/* 1 if fd has an heir that was renamed as well: nothing more can come in fd. */
int	 succession_passed(const struct succession *, int fd);

/*
 * fd has ended: have the next one open, if there is one.  named is a file that is
 * known to have had the name after fd, -1 if none is; it is taken over.
 */
void	 succession_pass(struct succession *, int fd, int named);

#endif
