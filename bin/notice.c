/*
 * notice: be told when files that are followed may have changed.
 *
 * The file is watched by its inode, its directory only for who gets its name: what
 * else is written there wakes nobody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notice.h"

struct notice {
	int	 fd;
	int	 blind;		/* something is not watched */
};

#ifdef __linux__
#include <sys/inotify.h>
#include <limits.h>

struct notice *
notice_new(void)
{
	struct notice *n;

	if ((n = calloc(1, sizeof(*n))) == NULL)
		return (NULL);
	if ((n->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1) {
		free(n);
		return (NULL);
	}
	return (n);
}

static int
notice_directory(struct notice *n, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
	char dir[PATH_MAX];

	if (len >= sizeof(dir))
		return (-1);
	memcpy(dir, slash == NULL ? "." : path, len);
	dir[len] = '\0';
	return (inotify_add_watch(n->fd, dir, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR));
}

int
notice_add(struct notice *n, int fd, const char *path)
{
	char name[64];
	int number = -1;

	if (n == NULL)
		return (-1);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (fd != -1)
		number = inotify_add_watch(n->fd, name, IN_MODIFY);
	if (notice_directory(n, path) == -1 || (fd != -1 && number == -1))
		n->blind = 1;
	return (number);
}

void
notice_drop(struct notice *n, int number)
{
	if (n != NULL && number != -1)
		inotify_rm_watch(n->fd, number);
}

#else

struct notice *
notice_new(void)
{
	return (NULL);
}

int
notice_add(struct notice *n, int fd, const char *path)
{
	(void)n;
	(void)fd;
	(void)path;
	return (-1);
}

void
notice_drop(struct notice *n, int number)
{
	(void)n;
	(void)number;
}
#endif

void
notice_free(struct notice *n)
{
	if (n == NULL)
		return;
	close(n->fd);
	free(n);
}

void
notice_fail(struct notice *n)
{
	if (n != NULL)
		n->blind = 1;
}

int
notice_all(const struct notice *n)
{
	return (n != NULL && !n->blind);
}

int
notice_fd(const struct notice *n)
{
	return (n->fd);
}

void
notice_clear(struct notice *n)
{
	char events[4096];

	while (n != NULL && read(n->fd, events, sizeof(events)) > 0)
		continue;
}
