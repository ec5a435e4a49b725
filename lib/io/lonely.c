/*
 * lonely: does anybody else have a file open?
 *
 * Only Linux says: it grants a write lease to the one who has it open alone.  The
 * lease is given back at once.
 */
#ifdef __linux__
#define _GNU_SOURCE			/* F_SETLEASE, F_SETSIG */
#endif

#include <fcntl.h>
#include <signal.h>

#include "io.h"

#ifdef F_SETLEASE

int
file_lonely(int fd)
{
	int alone;

	/* who opens it now would have a signal sent to us: one that does nothing */
	if (fcntl(fd, F_SETSIG, SIGURG) == -1)
		return (0);
	alone = fcntl(fd, F_SETLEASE, F_WRLCK) == 0;
	if (alone)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	fcntl(fd, F_SETSIG, 0);
	return (alone);
}

#else

int
file_lonely(int fd)
{
	(void)fd;
	return (0);
}

#endif
