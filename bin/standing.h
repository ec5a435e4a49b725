/*
 * standing: where an input stands, as a checkpoint keeps it and gives it back.
 *
 * The place is that of the first byte that was not handed out.
 */
#ifndef STANDING_H
#define STANDING_H

#include <stddef.h>
#include <stdint.h>

#include "position.h"
#include "trail.h"

struct standing {
	uint64_t	 byte, record;
	int		 header;	/* line 1 is still to come */
	int		 to_end;	/* skip what is there */
	int		 skipping;	/* the rest of a line */
	int		 unterminated;	/* the newline of the last line is to come */

	int		 begun;		/* a file has; resume is of no use any more */
	int		 first;		/* byte is where line 1 begins */
	struct place	 resume;
	struct trail	*trail;		/* NULL: nobody will ask where it was */
};

/* A file begins at byte, or goes on there if that is what resume says. */
void	 standing_begin(struct standing *, uint64_t byte, int header, int to_end);

/* Keep the trail of the regular file fd from here on.  -1: errno. */
int	 standing_trail(struct standing *, int fd);

/*
 * These bytes are done with.  What is beyond end, the bytes that were read, is not
 * the file's: a newline that was added to its last line.
 */
void	 standing_pass(struct standing *, const char *data, size_t len, uint64_t end);

/* The place, without its name; inode is that of the file. */
void	 standing_place(const struct standing *, struct place *, uint64_t end, uint64_t inode);

#endif
