/*
 * follow: what becomes of a regular file while its end is watched.
 *
 * It may grow, be renamed and replaced, or be cut and written anew in place.
 * The last is seen by its size, or, where it has grown beyond the old end since,
 * by the bytes before that end.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stddef.h>
#include <stdint.h>

#define FOLLOW_PROBE	256	/* bytes before the end that are remembered */

struct follow {
	uint64_t	 offset;	/* read so far, from the file's beginning */
	int		 at_end;	/* a read came back empty */
	int		 renamed;	/* another file has, or had, its name ... */
	int		 next;		/* ... and this descriptor; -1: none */
	uint64_t	 since_ms;	/* silent for as long, since it was renamed */
	char		 probe[FOLLOW_PROBE];
	size_t		 probelen;
};

enum follow_answer {
	FOLLOW_SAME,
	FOLLOW_GREW,
	FOLLOW_TRUNCATED,	/* what is before offset has changed */
	FOLLOW_RENAMED,		/* and it will not grow any more */
	FOLLOW_FAILED		/* errno */
};

/* Reading starts at offset; what was followed before was closed. */
void	 follow_begin(struct follow *, uint64_t offset);
void	 follow_close(struct follow *);

/* The file that took the name, for the caller to close; -1: open it by name. */
int	 follow_take_next(struct follow *);

/* These bytes were read next. */
void	 follow_read(struct follow *, const char *buf, size_t len);

/*
 * Look at the file after a read that found its end.  path NULL: it has no name
 * that could be given to another.  size is set to its bytes.  A renamed file has
 * ended when it was silent for quiet_ms, or when the name has gone on to a third.
 */
enum follow_answer follow_look(struct follow *, int fd, const char *path,
	    uint64_t now_ms, uint64_t quiet_ms, uint64_t *size);

#endif
