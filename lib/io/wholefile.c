/*
 * wholefile: a small file, read whole and replaced whole.
 *
 * The new one is written aside, synced, renamed, and the directory synced.  A
 * crash leaves the one or the other.  From the rename on a failure leaves open
 * which of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

static int
read_all(int fd, char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = read(fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EBADMSG;	/* shorter than a moment ago */
		if (n <= 0)
			return (-1);
		data += n;
		len -= (size_t)n;
	}
	return (0);
}

static char *
load(int fd, size_t max, size_t *len)
{
	struct stat	 st;
	char		*data;

	if (fstat(fd, &st) == -1)
		return (NULL);
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uintmax_t)st.st_size > max) {
		errno = EBADMSG;
		return (NULL);
	}
	*len = (size_t)st.st_size;
	if ((data = malloc(*len + 1)) != NULL && read_all(fd, data, *len) == -1) {
		free(data);
		data = NULL;
	}
	return (data);
}

char *
wholefile_read(int dirfd, const char *file, size_t max, size_t *len)
{
	char	*data;
	int	 fd, error;

	/* a FIFO in its place must not make anybody wait */
	fd = openat(dirfd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return (NULL);
	data = load(fd, max, len);
	error = errno;
	close(fd);
	errno = error;
	return (data);
}

/* A file of its own: of one whose sync has failed nobody knows what is on disk. */
static int
temp_create(int dirfd, const char *temp)
{
	if (unlinkat(dirfd, temp, 0) == -1 && errno != ENOENT)
		return (-1);
	return (openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

static int
temp_write(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return (-1);
		data += n;
		len -= (size_t)n;
	}
	return (0);
}

static int
temp_sync(int fd)
{
	return (fsync(fd));
}

static int
temp_rename(int dirfd, const char *temp, const char *file)
{
	return (renameat(dirfd, temp, dirfd, file));
}

static int
directory_sync(int dirfd)
{
	return (fsync(dirfd));
}

enum replaced
wholefile_replace(int dirfd, const char *file, const char *temp, const void *data, size_t len,
    const char **verb)
{
	int fd, error;

	*verb = "create";
	STEP("replace-begin");
	if ((fd = temp_create(dirfd, temp)) == -1)
		return (REPLACED_NOT);
	*verb = "write";
	if (temp_write(fd, data, len) == -1 || (*verb = "sync", temp_sync(fd) == -1)) {
		error = errno;
		close(fd);
		unlinkat(dirfd, temp, 0);	/* its space may be what is missing */
		errno = error;
		return (REPLACED_NOT);
	}
	close(fd);
	*verb = "replace";
	STEP("replace-written");
	if (temp_rename(dirfd, temp, file) == -1)
		return (REPLACED_UNKNOWN);
	STEP("replace-renamed");
	if (directory_sync(dirfd) == -1)
		return (REPLACED_UNKNOWN);
	STEP("replace-durable");
	return (REPLACED);
}
