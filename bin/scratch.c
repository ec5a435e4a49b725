/* scratch: where a script is run under test. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "differ.h"
#include "run.h"
#include "scratch.h"
#include "tool.h"

static int
fail(const char *verb, const char *file)
{
	return (tool_fail(-1, "%s %s: %s", verb, file, strerror(errno)));
}

int
scratch_open(struct scratch *s)
{
	const char	*tmp = getenv("TMPDIR");
	char		 path[PATH_MAX], *real;

	memset(s, 0, sizeof(*s));
	snprintf(path, sizeof(path), "%s/weir-crashtest.XXXXXX",
	    tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
	if (mkdtemp(path) == NULL || (real = realpath(path, NULL)) == NULL)
		return (fail("make", path));
	s->path = real;
	return (0);
}

/* A link in dir to an entry of the current directory. */
static int
link_make(const char *dir, const char *here, const char *entry)
{
	char target[PATH_MAX], path[PATH_MAX];

	if ((size_t)snprintf(target, sizeof(target), "%s/%s", here, entry) >= sizeof(target) ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", dir, entry) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return (fail("link", entry));
	}
	if (symlink(target, path) == -1 && errno != EEXIST)
		return (fail("link", path));
	return (0);
}

int
scratch_run(const struct scratch *s, const char *name, char *dir, size_t size)
{
	struct dirent	*e;
	char		 here[PATH_MAX];
	DIR		*d;
	int		 r = 0;

	snprintf(dir, size, "%s/%s", s->path, name);
	if (tree_remove(AT_FDCWD, dir) == -1)
		return (fail("remove", dir));
	if (mkdir(dir, 0700) == -1)
		return (fail("make", dir));
	if (getcwd(here, sizeof(here)) == NULL || (d = opendir(".")) == NULL)
		return (fail("read", "the current directory"));
	while (r == 0 && (e = readdir(d)) != NULL)
		/* a job of this name is the user's: the run has its own */
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    strcmp(e->d_name, SCRATCH_JOB) != 0)
			r = link_make(dir, here, e->d_name);
	closedir(d);
	return (r);
}

/*
 * What was made: regular files, not below the links.
 */

struct names {
	char	**list;
	size_t	  n;
};

static int
names_add(struct names *names, const char *name)
{
	char **list;

	if ((list = realloc(names->list, (names->n + 1) * sizeof(*list))) == NULL)
		return (-1);
	names->list = list;
	if ((list[names->n] = strdup(name)) == NULL)
		return (-1);
	names->n++;
	return (0);
}

static int
names_order(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static void
names_free(struct names *names)
{
	while (names->n > 0)
		free(names->list[--names->n]);
	free(names->list);
	names->list = NULL;
}

/* below: the path from dir on, empty or with a slash behind it */
static int
made_find(struct names *names, const char *dir, const char *below)
{
	char		 path[PATH_MAX], name[PATH_MAX];
	struct dirent	*e;
	struct stat	 st;
	DIR		*d;
	int		 r = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, below);
	if ((d = opendir(path)) == NULL)
		return (-1);
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    (below[0] == '\0' && strcmp(e->d_name, SCRATCH_JOB) == 0) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		if ((size_t)snprintf(name, sizeof(name), "%s%s%s", below, e->d_name,
		    S_ISDIR(st.st_mode) ? "/" : "") >= sizeof(name))
			continue;
		if (S_ISDIR(st.st_mode))
			r = made_find(names, dir, name);
		else if (S_ISREG(st.st_mode))
			r = names_add(names, name);
	}
	closedir(d);
	return (r);
}

static int
made(struct names *names, const char *dir)
{
	memset(names, 0, sizeof(*names));
	if (made_find(names, dir, "") == -1) {
		names_free(names);
		return (fail("read", dir));
	}
	if (names->n > 0)
		qsort(names->list, names->n, sizeof(*names->list), names_order);
	return (0);
}

int
scratch_outputs(struct scratch *s, const char *dir)
{
	struct names names;

	if (made(&names, dir) == -1)
		return (-1);
	s->output = names.list;
	s->noutputs = names.n;
	return (0);
}

int
scratch_differ(const struct scratch *s, const char *clean, const char *dir, int unordered)
{
	struct names	names;
	char		want[PATH_MAX * 2], got[PATH_MAX * 2];
	size_t		i = 0, j = 0;
	int		order, r = 0;

	if (made(&names, dir) == -1)
		return (-1);
	while (r == 0 && (i < s->noutputs || j < names.n)) {
		order = i == s->noutputs ? 1 : j == names.n ? -1 :
		    strcmp(s->output[i], names.list[j]);
		if (order != 0) {
			tool_fail(0, "%s: %s", order < 0 ? s->output[i] : names.list[j],
			    order < 0 ? "the clean run made it, this one did not" :
			    "this run made it, the clean one did not");
			r = 1;
			break;
		}
		snprintf(want, sizeof(want), "%s/%s", clean, s->output[i]);
		snprintf(got, sizeof(got), "%s/%s", dir, s->output[i]);
		r = differ_files(s->output[i], want, got, unordered);
		i++;
		j++;
	}
	names_free(&names);
	return (r);
}

int
scratch_lines(const char *clean, const char *file, int unordered)
{
	return (differ_lines("standard output", clean, file, unordered));
}

void
scratch_close(struct scratch *s)
{
	struct names names = { s->output, s->noutputs };

	names_free(&names);
	if (s->path != NULL && tree_remove(AT_FDCWD, s->path) == -1)
		fail("remove", s->path);
	free(s->path);
	memset(s, 0, sizeof(*s));
}
