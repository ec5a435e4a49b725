/*
 * trail: what is known of the bytes before a place in a file, so that the place
 * is found again, or known to be gone: hashes of the first and of the last 4 KiB.
 */
#ifndef TRAIL_H
#define TRAIL_H

#include <stddef.h>
#include <stdint.h>

#define TRAIL_BYTES	4096

/* Zeroed, a trail is at the beginning of a file. */
struct trail {
	uint64_t	 offset;		/* of the place */
	size_t		 lastlen;
	unsigned char	 first[TRAIL_BYTES];
	unsigned char	 last[2 * TRAIL_BYTES];	/* its end counts */
};

void	 trail_clear(struct trail *);

/* The place moves behind these bytes, which come next in the file. */
void	 trail_add(struct trail *, const void *, size_t len);

/*
 * Go to a place in a regular file, by reading it.  Returns 1, or 0 if the file is
 * shorter than that, -1: errno.  The file's own offset stays.
 */
int	 trail_load(struct trail *, int fd, uint64_t offset);

/* XXH3-64 of up to TRAIL_BYTES bytes, seed 0. */
uint64_t trail_first(const struct trail *);
uint64_t trail_last(const struct trail *);

#endif
