/* birth: when a file came into being; statx(2) is Linux's alone. */
#ifdef __linux__
#define _GNU_SOURCE
#endif
#include <sys/stat.h>
#include <fcntl.h>

#include "birth.h"

int
birth_time(int dirfd, const char *name, struct timespec *born)
{
	struct stat st;
#ifdef STATX_BTIME
	struct statx stx;

	if (statx(dirfd, name, 0, STATX_BTIME, &stx) == 0 &&
	    (stx.stx_mask & STATX_BTIME)) {
		born->tv_sec = stx.stx_btime.tv_sec;
		born->tv_nsec = stx.stx_btime.tv_nsec;
		return (0);
	}
#endif
	if (fstatat(dirfd, name, &st, 0) == -1)
		return (-1);
	*born = st.st_mtim;
	return (0);
}
