/*
 * rotation: where the rest of a file is that was renamed, or copied and truncated,
 * and which file had its name next.  All of them lie in its directory.
 *
 * Files are handed over open: a name may pass on to another file at any time.
 */
#ifndef ROTATION_H
#define ROTATION_H

#include <stddef.h>
#include <stdint.h>

#include "position.h"

/*
 * 1 if the bytes before place are those of the regular file fd, 0 if not or there
 * are fewer, -1: errno.
 */
int	 rotation_fits(int fd, const struct place *);

enum rotation_by { ROTATION_INODE, ROTATION_BYTES };

/*
 * The file beside path that place is in, known by its inode and its bytes, or by
 * its bytes alone; name is set to its path.  -1: none, errno is 0, or errno.
 */
int	 rotation_find(const char *path, const struct place *, enum rotation_by,
	    char *name, size_t size);

/*
 * Of those that had path's name after the file fd, and were renamed as it was, to
 * numbers or dates, the first.  -1: there is none.
 */
int	 rotation_next(const char *path, int fd);

/* 1 if path was renamed to other as rotations do. */
int	 rotation_made(const char *path, const char *other);

/* The sentence for a file of now size bytes that is not what was read before. */
void	 rotation_differs(char *sentence, size_t len, const char *name, uint64_t offset,
	    uint64_t size, int replaced);

#endif
