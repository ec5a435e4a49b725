/*
 * savedir: an image, written as a savepoint: a new directory, its manifest last.
 */
#ifndef SAVEDIR_H
#define SAVEDIR_H

#include "image.h"

/*
 * savedir_may	1: a directory can be made there; 0: why not is in why.
 * savedir_write	files that were made are removed where it fails; bytes: how many
 *		were written.  -1: image.why, errno as of jobdir.
 */
int	 savedir_may(const char *path, char *why, size_t size);
int	 savedir_write(struct image *, const char *path, uint64_t *bytes);

#endif
