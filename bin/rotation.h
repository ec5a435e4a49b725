/*
 * rotation: where the rest of a file is that was renamed, or copied and truncated,
 * while nobody watched: in the same directory, known by its inode or its bytes.
 */
#ifndef ROTATION_H
#define ROTATION_H

#include <stddef.h>
#include <stdint.h>

#include "position.h"

struct rotation {
	char	**paths;	/* oldest first; each is read to its end */
	size_t	 n;
};

/*
 * 1 if the bytes before place are those of the regular file fd, 0 if not or there
 * are fewer, -1: errno.
 */
int	 rotation_fits(int fd, const struct place *);

/*
 * Find the file beside path that place is in, and those that had path's name
 * after it: path's name and digits, as logrotate makes them of numbers and dates.
 * None: n is 0.  -1: errno.
 */
enum rotation_by { ROTATION_INODE, ROTATION_BYTES };

int	 rotation_find(struct rotation *, const char *path, const struct place *,
	    enum rotation_by);
void	 rotation_drop(struct rotation *, size_t i);
void	 rotation_free(struct rotation *);

/* The sentence for a file of now size bytes that is not what was read before. */
void	 rotation_differs(char *sentence, size_t len, const char *name, uint64_t offset,
	    uint64_t size, int replaced);

#endif
