/*
 * files: the operands of a source, one after the other, or all at once where
 * they are followed.
 *
 * Invariants: inputs that have ended are NULL; `left` counts the others;
 * `current` is one of those as long as there is one.
 */
#include <sys/stat.h>
#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#define FILES_SHOWN	60	/* bytes of a header in a sentence */

struct files {
	struct input_options	 options;
	struct input		**inputs;
	size_t			 n, left, current;
	size_t			 idle;		/* inputs in a row that had nothing */
	struct input		*placed;	/* whose place was told last */
	int			 borrowed;	/* the first one is here for its header only */
	char			*header;	/* NULL: not known */
	size_t			 headerlen;
	char			*header_of;	/* the file's name */
	char			 error[1024];
};

static int files_fail(struct files *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static int
files_fail(struct files *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->error, sizeof(f->error), fmt, ap);
	va_end(ap);
	return (-1);
}

struct files *
files_new(const struct input_options *options)
{
	struct files *f;

	if ((f = calloc(1, sizeof(*f))) != NULL)
		f->options = *options;
	return (f);
}

void
files_free(struct files *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++)
		input_free(f->inputs[i]);
	free(f->inputs);
	free(f->header);
	free(f->header_of);
	free(f);
}

static int
files_append(struct files *f, const char *path)
{
	struct input **inputs;

	if ((f->n & (f->n - 1)) == 0) {
		inputs = realloc(f->inputs, (f->n ? 2 * f->n : 1) * sizeof(struct input *));
		if (inputs == NULL)
			return (files_fail(f, "%s", strerror(ENOMEM)));
		f->inputs = inputs;
	}
	if ((f->inputs[f->n] = input_new(path, &f->options)) == NULL)
		return (files_fail(f, "%s", strerror(ENOMEM)));
	f->n++;
	f->left++;
	return (0);
}

static int
files_standard(const struct input *in)
{
	return (strcmp(input_name(in), "standard input") == 0);
}

static int
files_add_standard(struct files *f)
{
	struct stat st;
	size_t i;
	int flags;

	for (i = 0; i < f->n; i++)
		if (files_standard(f->inputs[i]))
			return (files_fail(f, "standard input is named twice, it can be read once"));
	/* The runtime has put something unreadable where it was closed. */
	flags = fcntl(STDIN_FILENO, F_GETFL);
	if (flags == -1 || (flags & O_ACCMODE) == O_WRONLY)
		return (files_fail(f, "standard input is closed; name a FILE"));
	if (fstat(STDIN_FILENO, &st) == -1)
		return (files_fail(f, "standard input: %s", strerror(errno)));
	if (S_ISDIR(st.st_mode))
		return (files_fail(f, "standard input: %s", strerror(EISDIR)));
	return (files_append(f, "-"));
}

static int
files_add_file(struct files *f, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1) {
		if (!f->options.follow || errno != ENOENT)
			return (files_fail(f, "%s: %s", path, strerror(errno)));
	} else if (S_ISDIR(st.st_mode))
		return (files_fail(f, "%s: %s; name its files: '%s%s*'", path, strerror(EISDIR),
		    path, path[strlen(path) - 1] == '/' ? "" : "/"));
	else if (access(path, R_OK) == -1)
		return (files_fail(f, "%s: %s", path, strerror(errno)));
	return (files_append(f, path));
}

static int
files_compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static int
files_add_pattern(struct files *f, const char *pattern)
{
	glob_t found;
	size_t i;
	int status = 0;

	switch (glob(pattern, GLOB_NOSORT, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		globfree(&found);
		return (files_fail(f, "%s: no file matches this pattern", pattern));
	default:
		globfree(&found);
		return (files_fail(f, "%s: cannot be expanded: %s", pattern, strerror(errno)));
	}
	/* glob's own order depends on the locale. */
	qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), files_compare);
	for (i = 0; i < found.gl_pathc && status == 0; i++)
		status = files_add_file(f, found.gl_pathv[i]);
	globfree(&found);
	return (status);
}

int
files_add(struct files *f, const char *operand)
{
	struct stat st;

	if (strcmp(operand, "-") == 0)
		return (files_add_standard(f));
	if (strpbrk(operand, "*?[") != NULL && lstat(operand, &st) == -1)
		return (files_add_pattern(f, operand));
	if (*operand == '\0')
		return (files_fail(f, "an operand is empty; an unset variable?"));
	return (files_add_file(f, operand));
}

static void
files_drop(struct files *f, size_t i)
{
	input_free(f->inputs[i]);
	f->inputs[i] = NULL;
	f->left--;
}

/* On to the next input that has not ended. */
static void
files_advance(struct files *f)
{
	if (f->left == 0)
		return;
	do
		f->current = (f->current + 1) % f->n;
	while (f->inputs[f->current] == NULL);
}

int
files_check_share(struct files *f, unsigned parallelism)
{
	size_t i;

	for (i = 0; i < f->n && parallelism > 1; i++)
		if (files_standard(f->inputs[i]))
			return (files_fail(f, "-p %u: standard input cannot be shared", parallelism));
	if (f->n < parallelism)
		return (files_fail(f, "-p %u: more subtasks than files (%zu), and each file "
		    "is read by one", parallelism, f->n));
	return (0);
}

void
files_share(struct files *f, unsigned subtask, unsigned parallelism)
{
	size_t i;

	f->borrowed = f->options.header && subtask != 0;
	for (i = f->borrowed; i < f->n; i++)
		if (i % parallelism != subtask)
			files_drop(f, i);
	if (f->inputs[0] == NULL)
		files_advance(f);
}

/* The beginning of a header for a sentence: no byte that a terminal acts on. */
static const char *
files_show(char to[2 * FILES_SHOWN + 4], const char *header, size_t len)
{
	char *p = to;
	size_t i;

	for (i = 0; i < len && i < FILES_SHOWN; i++)
		if (header[i] == '\t') {
			*p++ = '\\';
			*p++ = 't';
		} else
			*p++ = header[i] < ' ' || header[i] > '~' ? '?' : header[i];
	strlcpy(p, len > FILES_SHOWN ? "..." : "", 4);
	return (to);
}

/* The first header is kept, each other one has to be the same. */
static enum input_answer
files_take_header(struct files *f, const struct input *in, const struct input_chunk *chunk)
{
	char ours[2 * FILES_SHOWN + 4], other[2 * FILES_SHOWN + 4];

	if (f->header == NULL) {
		f->header = malloc(chunk->len + 1);
		f->header_of = strdup(input_name(in));
		if (f->header == NULL || f->header_of == NULL) {
			files_fail(f, "%s", strerror(ENOMEM));
			return (INPUT_FAILED);
		}
		memcpy(f->header, chunk->data, chunk->len);
		f->headerlen = chunk->len;
	} else if (chunk->len != f->headerlen ||
	    memcmp(chunk->data, f->header, chunk->len) != 0) {
		files_fail(f, "%s: its header \"%s\" is not \"%s\", that of %s", input_name(in),
		    files_show(other, chunk->data, chunk->len),
		    files_show(ours, f->header, f->headerlen), f->header_of);
		return (INPUT_FAILED);
	}
	if (f->borrowed && in == f->inputs[0]) {
		files_drop(f, 0);
		files_advance(f);
	}
	return (INPUT_MORE);
}

/* A step of the current input; INPUT_WAIT only when it is the whole list's answer. */
static enum input_answer
files_step(struct files *f, char *room, size_t have, size_t most, uint64_t now_ms,
    struct input_chunk *chunk)
{
	struct input *in = f->inputs[f->current];
	enum input_answer answer;

	answer = input_read(in, room, have, most, now_ms, chunk);
	if (answer != INPUT_WAIT)
		f->idle = 0;
	switch (answer) {
	case INPUT_HEADER:
		return (files_take_header(f, in, chunk));
	case INPUT_LINES:
		if (f->options.follow)
			files_advance(f);
		break;
	case INPUT_PLACE:
		if (f->placed != in && f->placed != NULL)
			input_displace(f->placed);
		f->placed = in;
		break;
	case INPUT_WAIT:
		if (f->options.follow && ++f->idle < f->left) {
			files_advance(f);
			return (INPUT_MORE);
		}
		f->idle = 0;
		break;
	case INPUT_END:
		if (f->placed == in)
			f->placed = NULL;
		files_drop(f, f->current);
		files_advance(f);
		return (INPUT_MORE);
	case INPUT_WARN:
	case INPUT_FAILED:
	case INPUT_MISUSE:
		strlcpy(f->error, input_error(in), sizeof(f->error));
		break;
	case INPUT_LONG:
	case INPUT_MORE:
		break;
	}
	return (answer);
}

enum input_answer
files_header(struct files *f, uint64_t now_ms, struct input_chunk *chunk)
{
	enum input_answer answer = INPUT_MORE;

	while (answer == INPUT_MORE && f->header == NULL && f->left > 0)
		answer = files_step(f, NULL, 0, 0, now_ms, chunk);
	if (answer != INPUT_MORE)
		return (answer);
	if (f->header == NULL)
		return (INPUT_END);
	chunk->data = f->header;
	chunk->len = f->headerlen;
	return (INPUT_HEADER);
}

enum input_answer
files_read(struct files *f, char *room, size_t have, size_t most, uint64_t now_ms,
    struct input_chunk *chunk)
{
	enum input_answer answer;

	if (f->left == 0)
		return (INPUT_END);
	do
		answer = files_step(f, room, have, most, now_ms, chunk);
	while (answer == INPUT_MORE && f->idle > 0);
	return (answer);
}

size_t
files_want(const struct files *f)
{
	return (f->left == 0 ? 1 : input_want(f->inputs[f->current]));
}

int
files_fd(const struct files *f)
{
	if (f->left == 0 || (f->options.follow && f->left > 1))
		return (-1);
	return (input_fd(f->inputs[f->current]));
}

const char *
files_error(const struct files *f)
{
	return (f->error);
}
