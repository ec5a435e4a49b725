/*
 * birth: when a file came into being, which no later write or rename changes.
 */
#ifndef BIRTH_H
#define BIRTH_H

#include <time.h>

/*
 * Of the file called name in directory dirfd.  Where the system or the file system
 * does not know it, *born is when it was last written.  -1: errno.
 */
int	 birth_time(int dirfd, const char *name, struct timespec *born);

#endif
