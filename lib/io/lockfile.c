/*
 * lockfile: a file that one process holds, and who that is.
 *
 * One line, PID<TAB>RUN<TAB>START.  It is written over, then cut to its length:
 * whoever reads it meanwhile sees a first line that is whole.  Of a lock that
 * nobody holds the line says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bsd/libutil.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "io.h"

#define LINE_MAX_BYTES	(PATH_MAX + 64)

int
lockfile_take(int dirfd, const char *file)
{
	return (flopenat(dirfd, file, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
	    0600));
}

int
lockfile_say(int fd, const char *run)
{
	char	line[LINE_MAX_BYTES];
	int	n;

	n = snprintf(line, sizeof(line), "%ld\t%s\t%lld\n", (long)getpid(), run,
	    (long long)time(NULL));
	if ((size_t)n >= sizeof(line)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if (pwrite(fd, line, (size_t)n, 0) != n || ftruncate(fd, n) == -1)
		return (-1);
	return (0);
}

static int
line_parse(char *line, struct holder *h)
{
	char		*run, *start, *end;
	const char	*wrong;

	if ((end = strchr(line, '\n')) == NULL)
		return (0);
	*end = '\0';
	if ((run = strchr(line, '\t')) == NULL || (start = strchr(run + 1, '\t')) == NULL)
		return (0);
	*run++ = *start++ = '\0';
	h->pid = (long)strtonum(line, 1, INT32_MAX, &wrong);
	if (wrong == NULL)
		h->start_s = strtonum(start, 0, INT64_MAX, &wrong);
	return (wrong == NULL && strlcpy(h->run, run, sizeof(h->run)) < sizeof(h->run));
}

int
lockfile_read(int dirfd, const char *file, struct holder *h)
{
	char	line[LINE_MAX_BYTES];
	ssize_t	n;
	int	fd;

	memset(h, 0, sizeof(*h));
	if ((fd = openat(dirfd, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)) == -1)
		return (errno == ENOENT ? 0 : -1);
	n = pread(fd, line, sizeof(line) - 1, 0);
	close(fd);
	if (n == -1)
		return (-1);
	line[n] = '\0';
	return (line_parse(line, h));
}
