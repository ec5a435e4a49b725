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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "header.h"
#include "notice.h"
#include "operands.h"
#include "resume.h"

#define FILES_LOOK_MS	 20	/* how often followed files are looked at */
#define FILES_WATCHED_MS 200	/* ... although they are watched */
#define FILES_GATHER_MS	 2	/* at least, after something came */

struct file {
	char		*path;		/* borrowed from operands */
	struct input	*input;		/* NULL: not this subtask's, or ended */
	struct place	 place;		/* where it was then */
};

struct files {
	struct input_options	 options;
	struct operands		 operands;
	struct file		*list;
	struct place		*places;	/* files_position()'s */
	size_t			 n, left, current;
	size_t			 idle;		/* inputs in a row that had nothing */
	struct notice		*notice;		/* NULL: none */
	int			 told;		/* it was waited for */
	uint64_t		 lines_ms;	/* when there were some last */
	struct input		*placed;	/* whose place was told last */
	int			 borrowed;	/* the first one is here for its header only */
	struct header		 header;
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

static int
files_no_memory(struct files *f)
{
	return (files_fail(f, "%s", strerror(ENOMEM)));
}

struct files *
files_new(const struct input_options *options)
{
	struct files *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return (NULL);
	f->options = *options;
	f->operands.follow = options->follow;
	f->operands.replay = options->replay;
	return (f);
}

void
files_free(struct files *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++)
		input_free(f->list[i].input);
	free(f->list);
	free(f->places);
	notice_free(f->notice);
	operands_free(&f->operands);
	header_free(&f->header);
	free(f);
}

int
files_add(struct files *f, const char *operand)
{
	if (operands_add(&f->operands, operand) == -1)
		return (files_fail(f, "%s", f->operands.error));
	return (0);
}

int
files_check_share(struct files *f, unsigned parallelism)
{
	if (operands_check_share(&f->operands, parallelism) == -1)
		return (files_fail(f, "%s", f->operands.error));
	return (0);
}

static void
files_drop(struct files *f, size_t i)
{
	struct file *file = &f->list[i];

	if (!f->borrowed || i > 0) {
		input_place(file->input, &file->place);
		file->place.flags |= PLACE_ENDED;
	}
	input_free(file->input);
	file->input = NULL;
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
	while (f->list[f->current].input == NULL);
}

/* The header of the position, if this run wants one, and the other way round. */
static int
files_restore_header(struct files *f, const struct position *position)
{
	const struct place *place;
	size_t i;

	if (position->header != NULL) {
		if (!f->options.header)
			return (files_fail(f, "-H is missing: %s was read with it",
			    position->header_of));
		return (header_take(&f->header, position->header, position->headerlen,
		    position->header_of, f->error, sizeof(f->error)));
	}
	for (i = 0; i < position->n && f->options.header; i++) {
		place = &position->places[i];
		if ((place->flags & PLACE_BEGUN) && place->offset > 0)
			return (files_fail(f, "-H: %s was read without it", place->name));
	}
	return (0);
}

static int
files_begin(struct files *f, size_t i, struct resumed *from)
{
	struct file *file = &f->list[i];

	file->path = from->path;
	file->place.flags = PLACE_OTHER;
	if (!from->mine && !(f->borrowed && i == 0))
		return (0);
	if ((file->input = input_new(file->path, &f->options)) == NULL)
		return (files_no_memory(f));
	f->left++;
	if (from->mine && from->place != NULL) {
		input_resume(file->input, from->place, from->fd, from->alone);
		from->fd = -1;
	}
	return (0);
}

int
files_share(struct files *f, const struct position *position, unsigned subtask,
    unsigned parallelism, void (*say)(void *, const char *), void *arg)
{
	struct resume plan = { .say = say, .arg = arg };
	size_t i;
	int status;

	if (f->options.follow)
		f->options.notice = f->notice = notice_new();

	if (position != NULL) {
		if (files_restore_header(f, position) == -1)
			return (-1);
		/* what is new since was not there at first */
		f->options.from_end = 0;
	}
	if ((status = resume_plan(&plan, &f->operands, position, subtask, parallelism)) == -1)
		files_fail(f, "%s", plan.error);
	else if ((f->list = calloc(plan.n + 1, sizeof(*f->list))) == NULL)
		status = files_no_memory(f);
	if (status == 0) {
		f->n = plan.n;
		f->borrowed = f->options.header && f->header.line == NULL && !plan.list[0].mine;
		for (i = 0; i < plan.n && status == 0; i++)
			status = files_begin(f, i, &plan.list[i]);
		f->current = f->n - 1;
		files_advance(f);
	}
	resume_free(&plan);
	return (status);
}

/* Standard input, where this subtask reads it. */
static struct file *
files_standard(const struct files *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (operands_standard(f->list[i].path))
			return (&f->list[i]);
	return (NULL);
}

int
files_need_spool(const struct files *f)
{
	const struct file *file = files_standard(f);
	struct place place;
	struct stat st;

	if (file == NULL || file->input == NULL)
		return (0);
	/* once in the spool, always: what it still holds comes first */
	input_place(file->input, &place);
	return ((place.flags & PLACE_SPOOL) || fstat(STDIN_FILENO, &st) == -1 ||
	    !S_ISREG(st.st_mode));
}

void
files_spool(struct files *f, struct spool *spool)
{
	input_spool(files_standard(f)->input, spool);
}

static void
files_place(const struct files *f, const struct file *file, struct place *place)
{
	if (file->input == NULL || (f->borrowed && file == f->list))
		*place = file->place;
	else
		input_place(file->input, place);
	place->name = file->path;
}

int
files_position(struct files *f, struct position *p)
{
	size_t i;

	memset(p, 0, sizeof(*p));
	if (f->places == NULL &&
	    (f->places = calloc(f->n + 1, sizeof(*f->places))) == NULL)
		return (files_no_memory(f));
	for (i = 0; i < f->n; i++)
		files_place(f, &f->list[i], &f->places[i]);
	p->kind = POSITION_FILES;
	p->header = f->header.line;
	p->headerlen = f->header.len;
	p->header_of = f->header.of;
	p->places = f->places;
	p->n = f->n;
	return (0);
}

uint64_t
files_spooled(const struct files *f)
{
	struct place place;

	files_place(f, files_standard(f), &place);
	return (place.offset);
}

static enum input_answer
files_take_header(struct files *f, const struct input *in, const struct input_chunk *chunk)
{
	if (header_take(&f->header, chunk->data, chunk->len, input_name(in), f->error,
	    sizeof(f->error)) == -1)
		return (INPUT_FAILED);
	if (f->borrowed && in == f->list[0].input) {
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
	struct input *in = f->list[f->current].input;
	enum input_answer answer;

	answer = input_read(in, room, have, most, now_ms, chunk);
	if (answer != INPUT_WAIT)
		f->idle = 0;
	switch (answer) {
	case INPUT_HEADER:
		return (files_take_header(f, in, chunk));
	case INPUT_LINES:
		f->lines_ms = now_ms;
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

	while (answer == INPUT_MORE && f->header.line == NULL && f->left > 0)
		answer = files_step(f, NULL, 0, 0, now_ms, chunk);
	if (answer != INPUT_MORE)
		return (answer);
	if (f->header.line == NULL)
		return (INPUT_END);
	chunk->data = f->header.line;
	chunk->len = f->header.len;
	return (INPUT_HEADER);
}

enum input_answer
files_read(struct files *f, char *room, size_t have, size_t most, uint64_t now_ms,
    struct input_chunk *chunk)
{
	enum input_answer answer;

	if (f->left == 0)
		return (INPUT_END);
	/* before the look, so that what comes meanwhile is told again */
	if (f->told)
		notice_clear(f->notice);
	f->told = 0;
	do
		answer = files_step(f, room, have, most, now_ms, chunk);
	while (answer == INPUT_MORE && f->idle > 0);
	return (answer);
}

size_t
files_want(const struct files *f)
{
	return (f->left == 0 ? 1 : input_want(f->list[f->current].input));
}

int
files_wait(struct files *f, uint64_t now_ms, int *ms)
{
	int fd = -1;

	*ms = -1;
	if (f->left == 1 || !f->options.follow)
		fd = input_fd(f->list[f->current].input);
	if (fd != -1)
		return (fd);
	/* a file that is written by the line wakes nobody for each of them */
	if (!notice_all(f->notice) || now_ms - f->lines_ms < FILES_GATHER_MS) {
		*ms = notice_all(f->notice) ? FILES_GATHER_MS : FILES_LOOK_MS;
		return (-1);
	}
	f->told = 1;
	*ms = FILES_WATCHED_MS;
	return (notice_fd(f->notice));
}

const char *
files_error(const struct files *f)
{
	return (f->error);
}
