/* tree: a directory and all that is below it, removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

static int
below_remove(int fd)
{
	struct dirent	*e;
	DIR		*dir;
	int		 r = 0, saved;

	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return (-1);
	}
	while (r == 0 && (errno = 0, e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = tree_remove(dirfd(dir), e->d_name);
	saved = errno;
	closedir(dir);
	errno = saved;
	return (r == 0 && saved != 0 ? -1 : r);
}

int
tree_remove(int dirfd, const char *name)
{
	int fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return (0);
	if (errno != EISDIR && errno != EPERM)
		return (-1);
	/* a link to a directory is unlinked above, and never followed */
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || below_remove(fd) == -1)
		return (-1);
	return (unlinkat(dirfd, name, AT_REMOVEDIR));
}
