/* operands: what a source is told to read, looked at once before anything is read. */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operands.h"
#include "reader.h"

static int operands_fail(struct operands *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static int
operands_fail(struct operands *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->error, sizeof(o->error), fmt, ap);
	va_end(ap);
	return (-1);
}

static int
operands_append(struct operands *o, const char *path)
{
	char **paths;

	if ((o->n & (o->n - 1)) == 0) {
		paths = realloc(o->paths, (o->n ? 2 * o->n : 1) * sizeof(*paths));
		if (paths == NULL)
			return (operands_fail(o, "%s", strerror(ENOMEM)));
		o->paths = paths;
	}
	if ((o->paths[o->n] = strdup(path)) == NULL)
		return (operands_fail(o, "%s", strerror(ENOMEM)));
	o->n++;
	return (0);
}

int
operands_standard(const char *path)
{
	return (strcmp(path, "-") == 0);
}

static int
operands_add_standard(struct operands *o)
{
	struct stat st;
	size_t i;
	int flags;

	for (i = 0; i < o->n; i++)
		if (operands_standard(o->paths[i]))
			return (operands_fail(o, "standard input is named twice, it can be read "
			    "once"));
	/* The runtime has put something unreadable where it was closed. */
	flags = fcntl(STDIN_FILENO, F_GETFL);
	if (flags == -1 || (flags & O_ACCMODE) == O_WRONLY)
		return (operands_fail(o, "standard input is closed; name a FILE"));
	if (fstat(STDIN_FILENO, &st) == -1)
		return (operands_fail(o, "standard input: %s", strerror(errno)));
	if (S_ISDIR(st.st_mode))
		return (operands_fail(o, "standard input: %s", strerror(EISDIR)));
	return (operands_append(o, "-"));
}

static int
operands_add_file(struct operands *o, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1) {
		if (!o->follow || errno != ENOENT)
			return (operands_fail(o, "%s: %s", path, strerror(errno)));
	} else if (S_ISDIR(st.st_mode))
		return (operands_fail(o, "%s: %s; name its files: '%s%s*'", path, strerror(EISDIR),
		    path, path[strlen(path) - 1] == '/' ? "" : "/"));
	else if (access(path, R_OK) == -1)
		return (operands_fail(o, "%s: %s", path, strerror(errno)));
	else if (o->replay && !S_ISREG(st.st_mode))
		return (operands_fail(o, READER_ONCE, path));
	return (operands_append(o, path));
}

static int
operands_compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static int
operands_add_pattern(struct operands *o, const char *pattern)
{
	glob_t found;
	size_t i;
	int status = 0;

	switch (glob(pattern, GLOB_NOSORT, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		globfree(&found);
		return (operands_fail(o, "%s: no file matches this pattern", pattern));
	default:
		globfree(&found);
		return (operands_fail(o, "%s: cannot be expanded: %s", pattern, strerror(errno)));
	}
	/* glob's own order depends on the locale. */
	qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), operands_compare);
	for (i = 0; i < found.gl_pathc && status == 0; i++)
		status = operands_add_file(o, found.gl_pathv[i]);
	globfree(&found);
	return (status);
}

int
operands_add(struct operands *o, const char *operand)
{
	struct stat st;

	if (operands_standard(operand))
		return (operands_add_standard(o));
	if (strpbrk(operand, "*?[") != NULL && lstat(operand, &st) == -1)
		return (operands_add_pattern(o, operand));
	if (*operand == '\0')
		return (operands_fail(o, "an operand is empty; an unset variable?"));
	return (operands_add_file(o, operand));
}

int
operands_check_share(struct operands *o, unsigned parallelism)
{
	size_t i;

	for (i = 0; i < o->n && parallelism > 1; i++)
		if (operands_standard(o->paths[i]))
			return (operands_fail(o, "-p %u: standard input cannot be shared",
			    parallelism));
	if (o->n < parallelism)
		return (operands_fail(o, "-p %u: more subtasks than files (%zu), and each file "
		    "is read by one", parallelism, o->n));
	return (0);
}

void
operands_free(struct operands *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		free(o->paths[i]);
	free(o->paths);
	o->paths = NULL;
	o->n = 0;
}
