/*
 * rotation: where the rest of a file is that was renamed, or copied and truncated,
 * and which file had its name next.
 *
 * An inode is used again once its file is gone, and many files begin alike: so an
 * inode counts only with the bytes, bytes alone only if they are found in a single
 * file, and no bytes (offset 0) only under a name like the old one.
 * Who was next is told by name and birth together: a number may have been given by
 * another hand, and a birth may be that of a copy.
 * Files are renamed while a directory is read: what was opened is looked at again,
 * and what was not found is looked for a few times.
 */
#include <sys/stat.h>
#include <bsd/string.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "birth.h"
#include "rotation.h"
#include "trail.h"

#define ROTATION_TRIES	5
#define ROTATION_NUMBER	5	/* bytes of ".9999"; a longer one is a date */

struct candidate {
	char		*name;
	const char	*suffix;	/* within name; NULL: another name altogether */
	uint64_t	 inode;
	struct timespec	 born;
};

struct candidates {
	struct candidate *list;
	size_t		 n;
	char		 dir[PATH_MAX];
	const char	*base;		/* of the path that was renamed */
};

int
rotation_fits(int fd, const struct place *place)
{
	struct trail trail;
	struct stat st;
	int got;

	if (fstat(fd, &st) == -1)
		return (-1);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < place->offset)
		return (0);
	if ((got = trail_load(&trail, fd, place->offset)) != 1)
		return (got);
	return (trail_first(&trail) == place->first && trail_last(&trail) == place->last);
}

/* ".1", "-20261129", ".2026-11-29T10:00": what the name had before it follows. */
static int
suffix_dated(const char *s)
{
	return (s != NULL && (*s == '.' || *s == '-' || *s == '_') &&
	    s[1] >= '0' && s[1] <= '9' && s[strspn(s, "0123456789-._:T")] == '\0');
}

/* Made by the same hand: numbers of any length, or dates of one form. */
static int
suffix_alike(const char *a, const char *b)
{
	return (suffix_dated(a) && suffix_dated(b) && *a == *b && (strlen(a) == strlen(b) ||
	    (strlen(a) <= ROTATION_NUMBER && strlen(b) <= ROTATION_NUMBER)));
}

/* Of two that are alike: b came later.  Numbers grow as files grow old. */
static int
suffix_later(const char *a, const char *b)
{
	if (strlen(a) <= ROTATION_NUMBER && strlen(b) <= ROTATION_NUMBER)
		return (strtol(b + 1, NULL, 10) < strtol(a + 1, NULL, 10));
	return (strcmp(b, a) > 0);
}

int
rotation_made(const char *path, const char *other)
{
	size_t len = strlen(path);

	return (strncmp(path, other, len) == 0 && suffix_dated(other + len));
}

/* x was there before y. */
static int
candidate_older(const struct candidate *x, const struct candidate *y)
{
	return (x->born.tv_sec < y->born.tv_sec || (x->born.tv_sec ==
	    y->born.tv_sec && x->born.tv_nsec < y->born.tv_nsec));
}

static int
candidates_add(struct candidates *c, int dir, const struct dirent *entry, uint64_t inode)
{
	struct candidate *list, *one;
	size_t baselen = strlen(c->base);
	struct timespec born;
	struct stat st;
	int alike = strncmp(entry->d_name, c->base, baselen) == 0;

	if ((!alike && entry->d_ino != inode) || strcmp(entry->d_name, c->base) == 0 ||
	    fstatat(dir, entry->d_name, &st, 0) == -1 || !S_ISREG(st.st_mode) ||
	    birth_time(dir, entry->d_name, &born) == -1)
		return (0);
	if ((list = realloc(c->list, (c->n + 1) * sizeof(*list))) == NULL)
		return (-1);
	c->list = list;
	one = &c->list[c->n];
	if ((one->name = strdup(entry->d_name)) == NULL)
		return (-1);
	one->suffix = alike ? one->name + baselen : NULL;
	one->inode = (uint64_t)st.st_ino;
	one->born = born;
	c->n++;
	return (0);
}

/* All that may once have been path, or is inode. */
static int
candidates_list(struct candidates *c, const char *path, uint64_t inode)
{
	const struct dirent *entry;
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
	DIR *dir;
	int status = 0;

	memset(c, 0, sizeof(*c));
	if (len >= sizeof(c->dir)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	c->base = slash == NULL ? path : slash + 1;
	memcpy(c->dir, slash == NULL ? "." : path, len);
	if ((dir = opendir(c->dir)) == NULL)
		return (errno == ENOENT ? 0 : -1);
	while (status == 0 && (entry = readdir(dir)) != NULL)
		status = candidates_add(c, dirfd(dir), entry, inode);
	closedir(dir);
	return (status);
}

static void
candidates_free(struct candidates *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->list[i].name);
	free(c->list);
	c->list = NULL;
	c->n = 0;
}

/* Named as path was: "log.1" beside "log", "d/log.1" beside "d/log". */
static int
candidate_path(const struct candidates *c, const struct candidate *one, char *path, size_t size)
{
	*path = '\0';
	if (strcmp(c->dir, ".") != 0) {
		strlcpy(path, c->dir, size);
		if (strcmp(c->dir, "/") != 0)
			strlcat(path, "/", size);
	}
	return (strlcat(path, one->name, size) < size ? 0 : -1);
}

/* The candidate, open; -1: it is not there, or not the same any more. */
static int
candidate_open(const struct candidates *c, const struct candidate *one, char *path,
    size_t size)
{
	struct stat st;
	int fd;

	if (candidate_path(c, one, path, size) == -1 ||
	    (fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (-1);
	if (fstat(fd, &st) == 0 && (uint64_t)st.st_ino == one->inode)
		return (fd);
	close(fd);
	return (-1);
}

/* The file that place is in; -1: none, or too many. */
static int
candidates_find(const struct candidates *c, const struct place *place, enum rotation_by by,
    char *name, size_t size)
{
	const struct candidate *one;
	char path[PATH_MAX];
	int fd, found = -1;
	size_t i;

	for (i = 0; i < c->n; i++) {
		one = &c->list[i];
		if ((by == ROTATION_INODE && one->inode != place->inode) ||
		    (by == ROTATION_BYTES && place->offset == 0) ||
		    (one->suffix == NULL && (by == ROTATION_BYTES || place->offset == 0)) ||
		    (fd = candidate_open(c, one, path, sizeof(path))) == -1)
			continue;
		if (rotation_fits(fd, place) != 1) {
			close(fd);
			continue;
		}
		if (found != -1) {
			close(fd);
			close(found);
			return (-1);
		}
		found = fd;
		strlcpy(name, path, size);
	}
	return (found);
}

int
rotation_find(const char *path, const struct place *place, enum rotation_by by, char *name,
    size_t size)
{
	struct candidates c;
	int tries, found = -1, status = 0;

	for (tries = 0; tries < ROTATION_TRIES && status == 0 && found == -1; tries++) {
		if ((status = candidates_list(&c, path, place->inode)) == 0)
			found = candidates_find(&c, place, by, name, size);
		candidates_free(&c);
	}
	if (status == 0)
		errno = 0;
	return (found);
}

/* The first behind the file fd; *gone: it was there, and is not any more. */
static int
candidates_next(const struct candidates *c, uint64_t inode, int *gone)
{
	const struct candidate *one, *from = NULL, *next = NULL;
	char path[PATH_MAX];
	size_t i;
	int fd;

	*gone = 0;
	for (i = 0; i < c->n; i++)
		if (c->list[i].inode == inode)
			from = &c->list[i];
	for (i = 0; i < c->n && from != NULL; i++) {
		one = &c->list[i];
		if (one != from && suffix_alike(from->suffix, one->suffix) &&
		    suffix_later(from->suffix, one->suffix) && candidate_older(from, one) &&
		    (next == NULL || suffix_later(one->suffix, next->suffix)))
			next = one;
	}
	if (next == NULL)
		return (-1);
	if ((fd = candidate_open(c, next, path, sizeof(path))) == -1)
		*gone = 1;
	return (fd);
}

int
rotation_next(const char *path, int fd)
{
	struct candidates c;
	struct stat st;
	int tries, gone = 1, next = -1;

	if (fstat(fd, &st) == -1)
		return (-1);
	for (tries = 0; tries < ROTATION_TRIES && gone; tries++) {
		if (candidates_list(&c, path, (uint64_t)st.st_ino) == 0)
			next = candidates_next(&c, (uint64_t)st.st_ino, &gone);
		candidates_free(&c);
	}
	return (next);
}

void
rotation_differs(char *sentence, size_t len, const char *name, uint64_t offset, uint64_t size,
    int replaced)
{
	snprintf(sentence, len, "%s: was read to byte %llu, now it is %llu bytes and differs "
	    "before that; %s: lines may be lost", name, (unsigned long long)offset,
	    (unsigned long long)size,
	    replaced ? "replaced by another file" : "truncated in place (copytruncate?)");
}
