/*
 * rotation: where the rest of a file is that was renamed, or copied and truncated,
 * while nobody watched.
 *
 * An inode is used again once its file is gone, and many files begin alike: so an
 * inode counts only with the bytes, bytes alone only if they are found in a single
 * file, and no bytes (offset 0) only under a name like the old one.
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

#include "rotation.h"
#include "trail.h"

struct candidate {
	char		*name;
	const char	*suffix;	/* within name; NULL: another name altogether */
	uint64_t	 inode;
	struct timespec	 written;
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

static int
candidate_fits(const struct candidates *c, const struct candidate *one,
    const struct place *place)
{
	char path[PATH_MAX];
	int fd, fits;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", c->dir, one->name) >= sizeof(path))
		return (0);
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (0);
	fits = rotation_fits(fd, place);
	close(fd);
	return (fits == 1);
}

/* ".1", "-20261129", ".2026-11-29T10:00": what the name had before it follows. */
static int
candidate_dated(const struct candidate *one)
{
	const char *s = one->suffix;

	return (s != NULL && (*s == '.' || *s == '-' || *s == '_') &&
	    s[1] >= '0' && s[1] <= '9' && s[strspn(s, "0123456789-._:T")] == '\0');
}

/* Older ones first.  Of two that were written at once the greater number is older. */
static int
candidate_compare(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	long m, n;

	if (x->written.tv_sec != y->written.tv_sec)
		return (x->written.tv_sec < y->written.tv_sec ? -1 : 1);
	if (x->written.tv_nsec != y->written.tv_nsec)
		return (x->written.tv_nsec < y->written.tv_nsec ? -1 : 1);
	if (x->suffix != NULL && y->suffix != NULL && strlen(x->suffix) < 6 &&
	    strlen(y->suffix) < 6 && *x->suffix == '.' && *y->suffix == '.') {
		m = strtol(x->suffix + 1, NULL, 10);
		n = strtol(y->suffix + 1, NULL, 10);
		if (m != n)
			return (m > n ? -1 : 1);
	}
	return (strcmp(x->name, y->name));
}

static int
candidates_add(struct candidates *c, const struct dirent *entry, int dirfd_, uint64_t inode)
{
	struct candidate *list, *one;
	size_t baselen = strlen(c->base);
	struct stat st;
	int alike = strncmp(entry->d_name, c->base, baselen) == 0;

	if ((!alike && entry->d_ino != inode) || strcmp(entry->d_name, c->base) == 0 ||
	    fstatat(dirfd_, entry->d_name, &st, 0) == -1 || !S_ISREG(st.st_mode))
		return (0);
	if ((list = realloc(c->list, (c->n + 1) * sizeof(*list))) == NULL)
		return (-1);
	c->list = list;
	one = &c->list[c->n];
	if ((one->name = strdup(entry->d_name)) == NULL)
		return (-1);
	one->suffix = alike ? one->name + baselen : NULL;
	one->inode = (uint64_t)st.st_ino;
	one->written = st.st_mtim;
	c->n++;
	return (0);
}

static int
candidates_list(struct candidates *c, const char *path, uint64_t inode)
{
	const struct dirent *entry;
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
	DIR *dir;
	int status = 0;

	if (len >= sizeof(c->dir)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	c->base = slash == NULL ? path : slash + 1;
	memcpy(c->dir, slash == NULL ? "." : path, len);
	c->dir[len] = '\0';
	if ((dir = opendir(c->dir)) == NULL)
		return (errno == ENOENT ? 0 : -1);
	while (status == 0 && (entry = readdir(dir)) != NULL)
		status = candidates_add(c, entry, dirfd(dir), inode);
	closedir(dir);
	return (status);
}

/* The file that place is in; NULL: none, or too many. */
static const struct candidate *
candidates_find(const struct candidates *c, const struct place *place, enum rotation_by by)
{
	const struct candidate *one, *found = NULL;
	size_t i;

	for (i = 0; i < c->n; i++) {
		one = &c->list[i];
		if ((by == ROTATION_INODE && one->inode != place->inode) ||
		    (by == ROTATION_BYTES && place->offset == 0) ||
		    (one->suffix == NULL && (by == ROTATION_BYTES || place->offset == 0)) ||
		    !candidate_fits(c, one, place))
			continue;
		if (found != NULL)
			return (NULL);
		found = one;
	}
	return (found);
}

static int
rotation_add(struct rotation *r, const struct candidates *c, const struct candidate *one)
{
	char **paths, path[PATH_MAX] = "";

	/* named as path was: "log.1" beside "log", "d/log.1" beside "d/log" */
	if (strcmp(c->dir, ".") != 0) {
		strlcpy(path, c->dir, sizeof(path));
		if (strcmp(c->dir, "/") != 0)
			strlcat(path, "/", sizeof(path));
	}
	if (strlcat(path, one->name, sizeof(path)) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if ((paths = realloc(r->paths, (r->n + 1) * sizeof(*paths))) == NULL)
		return (-1);
	r->paths = paths;
	if ((r->paths[r->n] = strdup(path)) == NULL)
		return (-1);
	r->n++;
	return (0);
}

int
rotation_find(struct rotation *r, const char *path, const struct place *place,
    enum rotation_by by)
{
	struct candidates c = { .list = NULL };
	const struct candidate *found;
	size_t i;
	int status;

	memset(r, 0, sizeof(*r));
	status = candidates_list(&c, path, place->inode);
	if (c.n > 1)
		qsort(c.list, c.n, sizeof(*c.list), candidate_compare);
	if (status == 0 && (found = candidates_find(&c, place, by)) != NULL) {
		status = rotation_add(r, &c, found);
		for (i = (size_t)(found - c.list) + 1; i < c.n && status == 0; i++)
			if (candidate_dated(&c.list[i]))
				status = rotation_add(r, &c, &c.list[i]);
	}
	for (i = 0; i < c.n; i++)
		free(c.list[i].name);
	free(c.list);
	if (status == -1)
		rotation_free(r);
	return (status);
}

void
rotation_drop(struct rotation *r, size_t i)
{
	free(r->paths[i]);
	r->n--;
	memmove(r->paths + i, r->paths + i + 1, (r->n - i) * sizeof(*r->paths));
}

void
rotation_free(struct rotation *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		free(r->paths[i]);
	free(r->paths);
	memset(r, 0, sizeof(*r));
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
