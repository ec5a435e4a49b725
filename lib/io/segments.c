/*
 * segments: the files that a journal is cut into (weir-journal(5)).
 *
 * Only the last one is written to.  Where a file is missing, short or in the way
 * it is named; nothing is repaired here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bsd/string.h>

#include "io.h"

#define OFFSET_DIGITS	16
#define FILE_MAX	(WEIR_NAME_MAX + 1 + OFFSET_DIGITS)	/* bytes of a file's name */
#define RENEW_BYTES	(256 * 1024)

static int
fail(struct segments *, int, const char *, ...) WEIR_PRINTF(3, 4);

static int
fail(struct segments *s, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

static void
file_name(const struct segments *s, uint64_t first, char file[FILE_MAX + 1])
{
	snprintf(file, FILE_MAX + 1, "%s.%016" PRIx64, s->name, first);
}

void
segments_path(const struct segments *s, uint64_t first, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.%016" PRIx64, s->dir, s->name, first);
}

/* "VERB FILE: REASON" of a system call that failed. */
static int
fail_call(struct segments *s, const char *verb, uint64_t first)
{
	char	path[PATH_MAX + FILE_MAX + 2];
	int	error = errno;

	segments_path(s, first, path, sizeof(path));
	return (fail(s, error, "%s %s: %s", verb, path, strerror(error)));
}

static uint64_t
end_of(const struct segment *g)
{
	return (g->first + g->len);
}

int
segments_open(struct segments *s, int dirfd, const char *dir, const char *name)
{
	memset(s, 0, sizeof(*s));
	s->dirfd = dirfd;
	s->readfd = -1;
	if (!name_ok(name) || strlcpy(s->name, name, sizeof(s->name)) >= sizeof(s->name) ||
	    strlcpy(s->dir, dir, sizeof(s->dir)) >= sizeof(s->dir)) {
		errno = EINVAL;
		return (-1);
	}
	return (0);
}

static void
read_close(struct segments *s)
{
	if (s->readfd != -1)
		close(s->readfd);
	s->readfd = -1;
}

void
segments_close(struct segments *s)
{
	read_close(s);
	free(s->list);
	s->list = NULL;
	s->n = s->room = 0;
}

static int
list_add(struct segments *s, uint64_t first, uint64_t len)
{
	struct segment	*list;
	size_t		 room = s->room > 0 ? s->room * 2 : 8;

	if (s->n == s->room) {
		if ((list = realloc(s->list, room * sizeof(*list))) == NULL)
			return (fail(s, ENOMEM, "%s: %s", s->dir, strerror(ENOMEM)));
		s->list = list;
		s->room = room;
	}
	s->list[s->n].first = first;
	s->list[s->n++].len = len;
	return (0);
}

/* 1: the file is called NAME.OFFSET. */
static int
file_parse(const struct segments *s, const char *file, uint64_t *first)
{
	size_t	 n = strlen(s->name);
	char	 again[FILE_MAX + 1];

	if (strncmp(file, s->name, n) != 0 || file[n] != '.' ||
	    strlen(file + n + 1) != OFFSET_DIGITS)
		return (0);
	*first = strtoull(file + n + 1, NULL, 16);
	file_name(s, *first, again);
	return (strcmp(file, again) == 0);
}

static int
order(const void *a, const void *b)
{
	const struct segment *s = a, *t = b;

	return ((s->first > t->first) - (s->first < t->first));
}

static int
overlap_check(struct segments *s)
{
	char	path[PATH_MAX + FILE_MAX + 2], other[FILE_MAX + 1];
	size_t	i;

	for (i = 0; i < s->n; i++) {
		segments_path(s, s->list[i].first, path, sizeof(path));
		if (s->list[i].first > INT64_MAX || end_of(&s->list[i]) > INT64_MAX)
			return (fail(s, EBADMSG, "%s: reaches beyond what a position can be",
			    path));
		if (i + 1 == s->n || end_of(&s->list[i]) <= s->list[i + 1].first)
			continue;
		file_name(s, s->list[i + 1].first, other);
		return (fail(s, EBADMSG, "%s: reaches to %" PRIu64 ", but %s begins at %" PRIu64,
		    path, end_of(&s->list[i]), other, s->list[i + 1].first));
	}
	return (0);
}

static int
scan_file(struct segments *s, const char *file)
{
	struct stat	st;
	uint64_t	first;

	if (!file_parse(s, file, &first))
		return (0);
	if (fstatat(s->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (fail_call(s, "look at", first));
	if (!S_ISREG(st.st_mode))
		return (fail(s, EBADMSG, "%s/%s: is not a file", s->dir, file));
	return (list_add(s, first, (uint64_t)st.st_size));
}

int
segments_scan(struct segments *s)
{
	struct dirent	*e;
	DIR		*d;
	int		 fd, r = 0;

	read_close(s);
	s->n = 0;
	if ((fd = openat(s->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    (d = fdopendir(fd)) == NULL) {
		r = errno;
		if (fd != -1)
			close(fd);
		return (fail(s, r, "open %s: %s", s->dir, strerror(r)));
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		r = scan_file(s, e->d_name);
	if (r == 0 && errno != 0)
		r = fail(s, errno, "read %s: %s", s->dir, strerror(errno));
	closedir(d);
	if (r == -1)
		return (-1);
	if (s->n > 0)
		qsort(s->list, s->n, sizeof(*s->list), order);
	return (overlap_check(s));
}

/* The last segment that begins at or below a position, or NULL. */
static struct segment *
segment_find(const struct segments *s, uint64_t position)
{
	size_t low = 0, high = s->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (s->list[mid].first <= position)
			low = mid + 1;
		else
			high = mid;
	}
	return (low > 0 ? &s->list[low - 1] : NULL);
}

/* Bytes are wanted from position on, and are not there. */
static int
fail_missing(struct segments *s, const struct segment *g, uint64_t position)
{
	char path[PATH_MAX + FILE_MAX + 2], next[FILE_MAX + 1];

	if (g == NULL || end_of(g) < position) {
		segments_path(s, position, path, sizeof(path));
		return (fail(s, EBADMSG, "%s: missing: the bytes from %" PRIu64 " on are needed",
		    path, position));
	}
	segments_path(s, g->first, path, sizeof(path));
	file_name(s, position, next);
	return (fail(s, EBADMSG, "%s: ends at %" PRIu64 ", more is needed: cut short, or %s is "
	    "missing", path, position, next));
}

uint64_t
segments_contiguous(const struct segments *s, uint64_t from)
{
	const struct segment *g;

	while ((g = segment_find(s, from)) != NULL && end_of(g) > from)
		from = end_of(g);
	return (from);
}

int
segments_at(struct segments *s, uint64_t position, int *fd, off_t *at, uint64_t *n)
{
	const struct segment	*g = segment_find(s, position);
	char			 file[FILE_MAX + 1];

	if (g == NULL || end_of(g) <= position)
		return (fail_missing(s, g, position));
	if (s->readfd == -1 || s->readfirst != g->first) {
		read_close(s);
		file_name(s, g->first, file);
		s->readfd = openat(s->dirfd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (s->readfd == -1)
			return (fail_call(s, "open", g->first));
		s->readfirst = g->first;
	}
	*fd = s->readfd;
	*at = (off_t)(position - g->first);
	*n = end_of(g) - position;
	return (0);
}

int
segments_read(struct segments *s, uint64_t from, void *data, size_t len)
{
	char		*p = data;
	uint64_t	 there;
	ssize_t		 n;
	off_t		 at;
	int		 fd;

	while (len > 0) {
		if (segments_at(s, from, &fd, &at, &there) == -1)
			return (-1);
		n = pread(fd, p, there < len ? (size_t)there : len, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return (fail_call(s, "read", s->readfirst));
		if (n == 0)
			return (fail_missing(s, segment_find(s, from), from));
		p += n;
		from += (uint64_t)n;
		len -= (size_t)n;
	}
	return (0);
}

int
segments_create(struct segments *s, uint64_t first)
{
	char	file[FILE_MAX + 1];
	int	fd;

	if (list_add(s, first, 0) == -1)
		return (-1);
	file_name(s, first, file);
	fd = openat(s->dirfd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return (fd != -1 ? fd : fail_call(s, "create", first));
}

int
segments_writable(struct segments *s, size_t i)
{
	char	file[FILE_MAX + 1];
	int	fd;

	file_name(s, s->list[i].first, file);
	fd = openat(s->dirfd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	return (fd != -1 ? fd : fail_call(s, "open", s->list[i].first));
}

static int
write_all(int fd, const char *p, size_t len, off_t at)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, p, len, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return (-1);
		}
		p += n;
		len -= (size_t)n;
		at += n;
	}
	return (0);
}

/* At the end of the last one, always at its place: a part of an earlier write
 * that failed is never in between. */
int
segments_write(struct segments *s, int fd, const void *data, size_t len)
{
	struct segment *g = &s->list[s->n - 1];

	if (write_all(fd, data, len, (off_t)g->len) == -1)
		return (fail_call(s, "append", g->first));
	g->len += len;
	return (0);
}

/* Of the last one.  What somebody else did to it is found before it is vouched
 * for. */
int
segments_sync(struct segments *s, int fd)
{
	const struct segment	*g = &s->list[s->n - 1];
	struct stat		 st;
	char			 path[PATH_MAX + FILE_MAX + 2];

	if (fdatasync(fd) == -1)
		return (fail_call(s, "sync", g->first));
	if (fstat(fd, &st) == -1)
		return (fail_call(s, "look at", g->first));
	segments_path(s, g->first, path, sizeof(path));
	if (st.st_nlink == 0)
		return (fail(s, EBADMSG, "%s: has been removed", path));
	if ((uint64_t)st.st_size != g->len)
		return (fail(s, EBADMSG, "%s: is %lld bytes long, %" PRIu64 " were written: "
		    "somebody else changed it", path, (long long)st.st_size, g->len));
	return (0);
}

int
segments_sync_directory(struct segments *s)
{
	if (fsync(s->dirfd) == -1)
		return (fail(s, errno, "sync %s: %s", s->dir, strerror(errno)));
	return (0);
}

/* Write what is there to its place once more, and sync: after a sync that failed
 * it may have been in memory only. */
static int
renew_file(int fd, off_t at, off_t end, char *buf)
{
	ssize_t n;

	while (at < end) {
		n = pread(fd, buf, RENEW_BYTES, at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;		/* shorter than a moment ago */
		if (n <= 0 || write_all(fd, buf, (size_t)n, at) == -1)
			return (-1);
		at += n;
	}
	return (fdatasync(fd));
}

int
segments_renew(struct segments *s, uint64_t from)
{
	const struct segment	*g;
	char			 file[FILE_MAX + 1], *buf;
	int			 fd, r = 0;

	if ((buf = malloc(RENEW_BYTES)) == NULL)
		return (fail(s, ENOMEM, "%s: %s", s->dir, strerror(ENOMEM)));
	while (r == 0 && (g = segment_find(s, from)) != NULL && end_of(g) > from) {
		file_name(s, g->first, file);
		if ((fd = openat(s->dirfd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC)) == -1) {
			r = fail_call(s, "open", g->first);
			break;
		}
		if (renew_file(fd, (off_t)(from - g->first), (off_t)g->len, buf) == -1)
			r = fail_call(s, "write again", g->first);
		close(fd);
		from = end_of(g);
	}
	free(buf);
	return (r);
}

int
segments_remove(struct segments *s, size_t i)
{
	char		file[FILE_MAX + 1];
	uint64_t	first = s->list[i].first;

	if (s->readfd != -1 && s->readfirst == first)
		read_close(s);
	file_name(s, first, file);
	if (unlinkat(s->dirfd, file, 0) == -1 && errno != ENOENT)
		return (fail_call(s, "remove", first));
	memmove(s->list + i, s->list + i + 1, (--s->n - i) * sizeof(*s->list));
	return (0);
}

/* The last one is cut there if it reaches beyond. */
int
segments_truncate(struct segments *s, uint64_t to)
{
	struct segment	*g = s->n > 0 ? &s->list[s->n - 1] : NULL;
	int		 fd;

	if (g == NULL || end_of(g) <= to)
		return (0);
	if ((fd = segments_writable(s, s->n - 1)) == -1)
		return (-1);
	g->len = to - g->first;
	if (ftruncate(fd, (off_t)g->len) == -1 || fsync(fd) == -1) {
		fail_call(s, "cut", g->first);
		close(fd);
		return (-1);
	}
	close(fd);
	return (0);
}

int
segments_given(struct segments *s, uint64_t start, uint64_t to)
{
	uint64_t	at;
	size_t		i;

	for (i = 0; i < s->n; i++)
		if (end_of(&s->list[i]) > start && s->list[i].first < to)
			return (0);
	switch (start < to ? companion_read(s->dirfd, s->name, JOURNAL_GIVEN, &at) : 0) {
	case 1:
		return (at == to);
	case 0:
		return (0);
	}
	if (errno == EBADMSG)
		return (fail(s, EBADMSG, "%s/%s" JOURNAL_GIVEN ": damaged: not a position; put "
		    "it back from a backup", s->dir, s->name));
	return (fail(s, errno, "read %s/%s" JOURNAL_GIVEN ": %s", s->dir, s->name,
	    strerror(errno)));
}

int
segments_give(struct segments *s, size_t i, const char *path)
{
	char file[FILE_MAX + 1];

	file_name(s, s->list[i].first, file);
	if (renameat(s->dirfd, file, AT_FDCWD, path) == -1)
		return (0);		/* another file system, most likely */
	if (s->readfd != -1 && s->readfirst == s->list[i].first)
		read_close(s);
	memmove(s->list + i, s->list + i + 1, (--s->n - i) * sizeof(*s->list));
	return (1);
}
