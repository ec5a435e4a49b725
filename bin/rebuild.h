/*
 * rebuild: a job's directory, made of an image.
 */
#ifndef REBUILD_H
#define REBUILD_H

#include "image.h"

/*
 * The stages that it shall have, made of those of the image; an image's stage that is
 * none of these is left out.
 */
struct rebuild_stage {
	const struct manifest_stage *from;
	char		 name[WEIR_NAME_MAX + 1];
	unsigned	 parallelism;
};

/*
 * Make it at path, which is not there or empty; what was made is removed where it
 * fails.  0, or -1: image.why, and errno as of jobdir.
 */
int	 rebuild(struct image *, const struct rebuild_stage *, size_t n, const char *path);

#endif
