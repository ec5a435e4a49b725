/*
 * follow: what becomes of a regular file while its end is watched.
 *
 * A file that was renamed still grows until its writer notices: it counts as
 * ended only when another file has its name and it has been silent for a while.
 * That other file is held open meanwhile, since it may be renamed as well.
 */
#include <sys/stat.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"

void
follow_begin(struct follow *f, uint64_t offset)
{
	memset(f, 0, sizeof(*f));
	f->offset = offset;
	f->next = -1;
}

void
follow_close(struct follow *f)
{
	if (f->next != -1)
		close(f->next);
	f->next = -1;
	f->renamed = 0;
}

int
follow_take_next(struct follow *f)
{
	int next = f->next;

	f->next = -1;
	return (next);
}

void
follow_read(struct follow *f, const char *buf, size_t len)
{
	size_t keep;

	f->offset += len;
	if (len > sizeof(f->probe)) {
		buf += len - sizeof(f->probe);
		len = sizeof(f->probe);
	}
	keep = sizeof(f->probe) - len;
	if (keep > f->probelen)
		keep = f->probelen;
	memmove(f->probe, f->probe + f->probelen - keep, keep);
	memcpy(f->probe + keep, buf, len);
	f->probelen = keep + len;
}

/* 1 if the bytes before offset are still those that were read; -1: errno. */
static int
follow_unchanged(const struct follow *f, int fd)
{
	char now[FOLLOW_PROBE];
	ssize_t n;

	n = pread(fd, now, f->probelen, (off_t)(f->offset - f->probelen));
	if (n == -1)
		return (-1);
	return ((size_t)n == f->probelen && memcmp(now, f->probe, f->probelen) == 0);
}

static int
follow_is(const struct stat *st, int fd)
{
	struct stat other;

	return (fstat(fd, &other) == 0 && st->st_ino == other.st_ino &&
	    st->st_dev == other.st_dev);
}

/* Who has the name?  Returns 1 if that is a third file. */
static int
follow_name(struct follow *f, int fd, const char *path, uint64_t now_ms)
{
	struct stat named;

	if (path == NULL || stat(path, &named) == -1)
		return (0);
	if (follow_is(&named, fd)) {
		follow_close(f);
		return (0);
	}
	if (f->next != -1)
		return (!follow_is(&named, f->next));
	if (!f->renamed) {
		f->renamed = 1;
		f->since_ms = now_ms;
	}
	f->next = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return (0);
}

enum follow_answer
follow_look(struct follow *f, int fd, const char *path, uint64_t now_ms, uint64_t quiet_ms,
    uint64_t *size)
{
	struct stat st;
	int unchanged;

	if (fstat(fd, &st) == -1)
		return (FOLLOW_FAILED);
	*size = (uint64_t)st.st_size;
	if (*size < f->offset)
		return (FOLLOW_TRUNCATED);
	if (*size > f->offset) {
		if ((unchanged = follow_unchanged(f, fd)) == -1)
			return (FOLLOW_FAILED);
		f->at_end = 0;
		f->since_ms = now_ms;
		return (unchanged ? FOLLOW_GREW : FOLLOW_TRUNCATED);
	}
	if (follow_name(f, fd, path, now_ms) ||
	    (f->renamed && now_ms - f->since_ms >= quiet_ms))
		return (FOLLOW_RENAMED);
	return (FOLLOW_SAME);
}
