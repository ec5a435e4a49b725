/*
 * stagedir: the directory of one subtask in that of its job (weir-job(5)).
 *
 *  - It is made below a job.json that is durable, and is durable itself when it
 *    is opened: what an acknowledged checkpoint names can be found again.
 *  - One process has its lock: a successor waits until its predecessor is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

/* What is there already, and what may be made. */
enum how {
	OPEN,			/* all of it, below a job.json */
	LOOK,			/* nothing */
	NEW			/* all of it; job.json comes last */
};

struct stagedir {
	char	 path[PATH_MAX + WEIR_NAME_MAX + 32];
	char	 name[WEIR_NAME_MAX + 16];		/* NAME.I */
	int	 fd, lock;				/* -1 */
	char	 why[PATH_MAX + 512];
};

/* "VERB PATH: REASON" of a system call that failed. */
static int
fail_call(struct stagedir *s, const char *verb, const char *path)
{
	int error = errno;

	snprintf(s->why, sizeof(s->why), "%s %s: %s", verb, path, strerror(error));
	errno = error;
	return (-1);
}

static int
directory_sync(struct stagedir *s, int fd)
{
	if (fsync(fd) == -1)
		return (fail_call(s, "sync what holds", s->path));
	return (0);
}

/* Also when it was there already: whoever made it may have died before syncing. */
static int
directory_make(struct stagedir *s, int parent, const char *name)
{
	if (mkdirat(parent, name, 0700) == -1 && errno != EEXIST)
		return (fail_call(s, "make", s->path));
	return (directory_sync(s, parent));
}

static int
directory_open(struct stagedir *s, int parent, const char *name)
{
	int fd;

	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return (fd != -1 ? fd : fail_call(s, "open", s->path));
}

/* Descriptor of stages/, job.json first, durably. */
static int
stages_open(struct stagedir *s, struct jobdir *d, enum how how)
{
	struct stat	st;
	int		fd = jobdir_fd(d);

	if (how != NEW && !jobdir_begun(d)) {
		snprintf(s->why, sizeof(s->why), "%s: no job was ever started here",
		    jobdir_path(d));
		errno = ENOENT;
		return (-1);
	}
	if (how == OPEN && fstatat(fd, JOBDIR_STAGES, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
	    directory_sync(s, fd) == -1)
		return (-1);
	if (how != LOOK && directory_make(s, fd, JOBDIR_STAGES) == -1)
		return (-1);
	return (directory_open(s, fd, JOBDIR_STAGES));
}

static int
stage_open(struct stagedir *s, struct jobdir *d, enum how how)
{
	int stages, saved;

	if ((stages = stages_open(s, d, how)) == -1)
		return (-1);
	if (how == LOOK || directory_make(s, stages, s->name) == 0)
		s->fd = directory_open(s, stages, s->name);
	saved = errno;
	close(stages);
	errno = saved;
	return (s->fd != -1 ? 0 : -1);
}

static struct stagedir *
open_as(struct jobdir *d, const char *stage, unsigned subtask, enum how how, char *why,
    size_t size)
{
	struct stagedir	*s;
	int		 error;

	if (!name_ok(stage) || (s = calloc(1, sizeof(*s))) == NULL) {
		if (!name_ok(stage))
			errno = EINVAL;
		snprintf(why, size, "stage \"%.64s\": %s", stage, strerror(errno));
		return (NULL);
	}
	s->fd = s->lock = -1;
	snprintf(s->name, sizeof(s->name), "%s.%u", stage, subtask);
	snprintf(s->path, sizeof(s->path), "%s" JOBDIR_STAGES "/%s", jobdir_path(d), s->name);
	if (stage_open(s, d, how) == 0)
		return (s);
	error = errno;
	snprintf(why, size, "%s", s->why);
	free(s);
	errno = error;
	return (NULL);
}

struct stagedir *
stagedir_open(struct jobdir *d, const char *stage, unsigned subtask, char *why, size_t size)
{
	return (open_as(d, stage, subtask, OPEN, why, size));
}

struct stagedir *
stagedir_look(struct jobdir *d, const char *stage, unsigned subtask, char *why, size_t size)
{
	return (open_as(d, stage, subtask, LOOK, why, size));
}

struct stagedir *
stagedir_new(struct jobdir *d, const char *stage, unsigned subtask, char *why, size_t size)
{
	return (open_as(d, stage, subtask, NEW, why, size));
}

void
stagedir_close(struct stagedir *s)
{
	if (s == NULL)
		return;
	if (s->lock != -1)
		close(s->lock);
	close(s->fd);
	free(s);
}

int
stagedir_fd(const struct stagedir *s)
{
	return (s->fd);
}

const char *
stagedir_path(const struct stagedir *s)
{
	return (s->path);
}

const char *
stagedir_error(const struct stagedir *s)
{
	return (s->why);
}

/* Somebody has it. */
static void
holder_name(struct stagedir *s)
{
	struct holder h;

	if (lockfile_read(s->fd, JOBDIR_LOCK, &h) == 1)
		snprintf(s->why, sizeof(s->why), "%s: process %ld still has it", s->path, h.pid);
	else
		snprintf(s->why, sizeof(s->why), "%s: another process still has it", s->path);
}

int
stagedir_lock(struct stagedir *s, int64_t now_ms, int64_t deadline_ms)
{
	if (s->lock != -1)
		return (1);
	if ((s->lock = lockfile_take(s->fd, JOBDIR_LOCK)) == -1) {
		if (errno != EWOULDBLOCK)
			return (fail_call(s, "lock", s->path));
		holder_name(s);
		errno = EWOULDBLOCK;
		return (now_ms < deadline_ms ? 0 : -1);
	}
	if (lockfile_say(s->lock, "") == -1) {
		fail_call(s, "write the lock of", s->path);
		close(s->lock);
		s->lock = -1;
		return (-1);
	}
	return (1);
}
