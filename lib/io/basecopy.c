/*
 * basecopy: a base as it is now, for somebody else than its stage.
 *
 *  - LevelDB's tables never change once they are there: a second name pins them while
 *    the few files that grow are copied.  It is a copy when no file came or went
 *    meanwhile; else it is made again.
 *  - LevelDB, when it opens the copy, writes to numbers that its list has not given
 *    out; of those the stage may just be making a table.  So only names below them
 *    go into the copy; where that number cannot be told the tables are copied.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "io.h"

#define BASE		"base"
#define PREFIX		"base."		/* then the process that reads it, and a number */
#define PINNED		"pinned"	/* beside the copy: tables by their second names */
#define LIST_BYTES	(256U << 20)	/* of the list of tables, at most */
#define TRIES		200
#define COPY_BYTES	(64 * 1024)

/* Names of all files that make it up, and a sum that is the same for the same ones. */
struct listing {
	struct buf	names;			/* each with a NUL behind it */
	uint64_t	sum;
};

static int
counts(const char *name)
{
	return (name[0] != '.' && strcmp(name, "LOCK") != 0 && strncmp(name, "LOG", 3) != 0);
}

static int
listing_make(int dirfd, struct listing *l)
{
	struct dirent	*e;
	DIR		*d;
	int		 fd, r = 0;

	memset(l, 0, sizeof(*l));
	if ((fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	if ((d = fdopendir(fd)) == NULL) {
		close(fd);
		return (-1);
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (counts(e->d_name)) {
			r = buf_add(&l->names, e->d_name, strlen(e->d_name) + 1);
			l->sum += XXH3_64bits(e->d_name, strlen(e->d_name));
		}
	if (r == 0 && errno != 0)
		r = -1;
	closedir(d);
	return (r);
}

static int
content_copy(int in, int out)
{
	char	buf[COPY_BYTES];
	ssize_t	n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, (size_t)n) != n)
			return (-1);
	return (n == 0 ? 0 : -1);
}

static int
file_copy(int from, int to, const char *name)
{
	int in, out, bad;

	if ((in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return (-1);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bad = out == -1 || content_copy(in, out) == -1;
	close(in);
	if (out != -1)
		close(out);
	return (bad ? -1 : 0);
}

static int
is_table(const char *name)
{
	size_t n = strlen(name);

	return (n > 4 && (strcmp(name + n - 4, ".ldb") == 0 || strcmp(name + n - 4, ".sst") == 0));
}

/* All that is in the listing: tables get a name in pinned, the rest is copied. */
static int
files_each(const struct listing *l, int from, int pinned, int to)
{
	const char	*name = (const char *)l->names.data;
	int		 r = 0;

	for (; r == 0 && name < (const char *)l->names.data + l->names.len;
	    name += strlen(name) + 1)
		r = is_table(name) ? linkat(from, name, pinned, name, 0) :
		    file_copy(from, to, name);
	return (r);
}

/* 1: nothing came or went; 0: again; -1. */
static int
files_take(int from, int pinned, int to)
{
	struct listing	before, after = { .sum = 0 };
	int		r;

	if ((r = listing_make(from, &before)) == 0 &&
	    (r = files_each(&before, from, pinned, to)) == 0 &&
	    (r = listing_make(from, &after)) == 0)
		r = before.names.len == after.names.len && before.sum == after.sum;
	else if (errno == ENOENT)
		r = 0;
	buf_free(&before.names);
	buf_free(&after.names);
	return (r);
}

/* The list of tables that was copied; to be freed. */
static char *
list_read(int to, size_t *len)
{
	char	*current, *list = NULL;
	size_t	 n;

	if ((current = wholefile_read(to, "CURRENT", 256, &n)) == NULL)
		return (NULL);
	if (n > 1 && current[n - 1] == '\n' && memchr(current, '/', n) == NULL) {
		current[n - 1] = '\0';
		list = wholefile_read(to, current, LIST_BYTES, len);
	}
	free(current);
	return (list);
}

/* Numbers from there on are free; 0: nobody knows. */
static uint64_t
free_number(int to)
{
	char		*list;
	uint64_t	 number = 0;
	size_t		 len;

	if ((list = list_read(to, &len)) != NULL)
		number = basefiles_free_number(list, len);
	free(list);
	return (number);
}

static int
tables_take(int pinned, int to)
{
	struct listing	l;
	const char	*name;
	uint64_t	number = free_number(to);
	int		r = listing_make(pinned, &l);

	for (name = (const char *)l.names.data; r == 0 &&
	    name < (const char *)l.names.data + l.names.len; name += strlen(name) + 1) {
		if (number == 0)
			r = file_copy(pinned, to, name);
		else if (strtoull(name, NULL, 10) < number)
			r = renameat(pinned, name, to, name);
	}
	buf_free(&l.names);
	return (r);
}

/* An empty directory in parent. */
static int
directory_fresh(int parent, const char *name)
{
	if (tree_remove(parent, name) == -1 || mkdirat(parent, name, 0700) == -1)
		return (-1);
	return (openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* As files_take(), with the tables. */
static int
copy_once(int from, int parent)
{
	int pinned, to = -1, r = -1, error;

	if ((pinned = directory_fresh(parent, PINNED)) != -1 &&
	    (to = directory_fresh(parent, BASE)) != -1 &&
	    (r = files_take(from, pinned, to)) == 1)
		r = tables_take(pinned, to) == -1 ? -1 : 1;
	error = errno;
	if (pinned != -1)
		close(pinned);
	if (to != -1)
		close(to);
	if (r == 1)
		tree_remove(parent, PINNED);
	errno = error;
	return (r);
}

/* Copies whose reader was killed. */
static void
stale_remove(int dirfd)
{
	struct dirent	*e;
	DIR		*d;
	char		*end;
	pid_t		 pid;
	int		 fd;

	if ((fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    (d = fdopendir(fd)) == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		pid = (pid_t)strtol(e->d_name + strlen(PREFIX), &end, 10);
		if (pid > 0 && *end == '-' && kill(pid, 0) == -1 && errno == ESRCH)
			tree_remove(dirfd, e->d_name);
	}
	closedir(d);
}

/* One process may read the same base twice at a time. */
static void
name_make(char *name, size_t size)
{
	static unsigned n;

	snprintf(name, size, PREFIX "%ld-%u", (long)getpid(), n++);
}

int
basecopy_make(int dirfd, const char *dir, char *path, size_t pathsize, char *why, size_t size)
{
	char	name[32];
	int	parent = -1, from, r = 0, tries, saved;

	stale_remove(dirfd);
	name_make(name, sizeof(name));
	snprintf(path, pathsize, "%s/%s", dir, name);
	if ((from = openat(dirfd, BASE, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1) {
		snprintf(why, size, "open %s/" BASE ": %s", dir, strerror(errno));
		if (errno == ENOENT)
			errno = EBADMSG;	/* the checkpoint says that there is one */
		return (-1);
	}
	if ((mkdirat(dirfd, name, 0700) == -1 && errno != EEXIST) ||
	    (parent = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		r = -1;
	for (tries = 0; r == 0 && tries < TRIES; tries++)
		r = copy_once(from, parent);
	saved = r == 0 ? EAGAIN : errno;
	close(from);
	if (r == 1)
		return (parent);
	snprintf(why, size, "copy %s/" BASE " to %s: %s", dir, path, strerror(saved));
	if (parent != -1)
		close(parent);
	tree_remove(dirfd, name);
	errno = saved;
	return (-1);
}

void
basecopy_remove(int dirfd, const char *path)
{
	tree_remove(dirfd, strrchr(path, '/') + 1);
}
