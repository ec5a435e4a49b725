/*
 * manifest: what a savepoint says of itself, read: line by line, each in its place.
 *
 * It may have been edited, or made by somebody hostile: what is taken fits together
 * as a checkpoint does (jobfile in bytes.h), and each error names its line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "io.h"
#include "manifest.h"

#define COLUMNS	8

struct reader {
	struct manifest	*m;
	const char	*text, *at, *end;
	unsigned	 line;
	char		*copy;			/* of the line, its columns terminated */
	char		*column[COLUMNS];
	size_t		 n;
	char		*why;
	size_t		 size;
};

static int fail(struct reader *, int, const char *, ...) WEIR_PRINTF(3, 4);

static int
fail(struct reader *r, int error, const char *fmt, ...)
{
	va_list	ap;
	int	n = snprintf(r->why, r->size, ":%u: ", r->line);

	va_start(ap, fmt);
	vsnprintf(r->why + n, r->size - (size_t)n, fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

static int
fail_memory(struct reader *r)
{
	return (fail(r, ENOMEM, "%s", strerror(ENOMEM)));
}

static int
misfit(struct reader *r)
{
	return (fail(r, EBADMSG, "not a line of a savepoint at this place"));
}

/* 1: the next line is in r->column; 0: there is none. */
static int
line_next(struct reader *r)
{
	const char	*newline;
	char		*p;

	free(r->copy);
	r->copy = NULL;
	r->n = 0;
	if (r->at == r->end)
		return (0);
	r->line++;
	if ((newline = memchr(r->at, '\n', (size_t)(r->end - r->at))) == NULL)
		return (fail(r, EBADMSG, "cut short: no newline at its end"));
	if (memchr(r->at, '\0', (size_t)(newline - r->at)) != NULL)
		return (fail(r, EBADMSG, "has a byte 0 in it"));
	if ((r->copy = strndup(r->at, (size_t)(newline - r->at))) == NULL)
		return (fail_memory(r));
	r->at = newline + 1;
	for (p = r->copy; r->n < COLUMNS; *p++ = '\0') {
		r->column[r->n++] = p;
		if ((p = strchr(p, '\t')) == NULL)
			return (1);
	}
	return (misfit(r));
}

static int
is(const struct reader *r, const char *kind, size_t columns)
{
	return (r->n == columns && strcmp(r->column[0], kind) == 0);
}

static int
number(struct reader *r, unsigned i, uint64_t most, uint64_t *n)
{
	const char *wrong, *s = r->column[i];

	*n = (uint64_t)strtonum(s, 0, most > INT64_MAX ? INT64_MAX : (long long)most, &wrong);
	if (wrong != NULL || strspn(s, "0123456789") != strlen(s) || (s[0] == '0' && s[1] != '\0'))
		return (fail(r, EBADMSG, "column %u is no number, or out of range", i + 1));
	return (0);
}

static int
hex(struct reader *r, unsigned i, uint64_t *n)
{
	const char *s = r->column[i];

	if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
		return (fail(r, EBADMSG, "column %u is not 16 hexadecimal digits", i + 1));
	*n = strtoull(s, NULL, 16);
	return (0);
}

static int
word(struct reader *r, unsigned i, const char *const *words, size_t nwords, int *which)
{
	for (*which = 0; (size_t)*which < nwords; ++*which)
		if (strcmp(r->column[i], words[*which]) == 0)
			return (0);
	return (fail(r, EBADMSG, "column %u is \"%.32s\", which is not known there", i + 1,
	    r->column[i]));
}

#define WORD(r, i, words, which)	word(r, i, words, sizeof(words) / sizeof((words)[0]), which)

/*
 * The lines
 */

/* The one line of that kind has to be next. */
static int
expect(struct reader *r, const char *kind, size_t columns)
{
	int more = line_next(r);

	if (more == 0) {
		r->line++;
		return (fail(r, EBADMSG, "cut short: \"%s\" is missing", kind));
	}
	return (more == -1 ? -1 : is(r, kind, columns) ? 0 : misfit(r));
}

static int
head_read(struct reader *r)
{
	static const char *const	kinds[] = { "periodic", "requested", "savepoint" };
	static const char *const	ends[] = { "open", "final" };
	struct manifest			*m = r->m;
	uint64_t			 groups, triggered, duration;
	int				 kind;

	if (expect(r, "job", 2) == -1 || hex(r, 1, &m->job) == -1 ||
	    expect(r, "groups", 2) == -1 || number(r, 1, JOBFILE_GROUPS, &groups) == -1 ||
	    expect(r, "reserved", 2) == -1 || number(r, 1, INT64_MAX, &m->reserved) == -1 ||
	    expect(r, "checkpoint", 6) == -1 || number(r, 1, m->reserved, &m->id) == -1 ||
	    WORD(r, 2, kinds, &kind) == -1 || WORD(r, 3, ends, &m->final) == -1 ||
	    number(r, 4, INT64_MAX, &triggered) == -1 || number(r, 5, INT64_MAX, &duration) == -1)
		return (-1);
	if (groups == 0 || m->id == 0)
		return (fail(r, EBADMSG, "%s of 0", groups == 0 ? "a number of key groups" :
		    "a checkpoint"));
	m->groups = (unsigned)groups;
	m->kind = (enum jobfile_kind)kind;
	m->triggered_ms = (int64_t)triggered;
	m->duration_ms = (int64_t)duration;
	return (0);
}

static int
name_take(struct reader *r, unsigned i, char *name, size_t size)
{
	if (!name_ok(r->column[i]))
		return (fail(r, EBADMSG, "column %u is no name", i + 1));
	strlcpy(name, r->column[i], size);
	return (0);
}

static int
stage_read(struct reader *r)
{
	static const char *const	 backends[] = { "-", "leveldb", "memory" };
	struct manifest			*m = r->m;
	struct manifest_stage		*s = manifest_stage_add(m);
	uint64_t			 parallelism;
	int				 backend;

	if (s == NULL)
		return (fail_memory(r));
	if (name_take(r, 1, s->name, sizeof(s->name)) == -1 ||
	    number(r, 2, m->groups, &parallelism) == -1 || WORD(r, 3, backends, &backend) == -1)
		return (-1);
	if (parallelism == 0 || (m->nstages > 1 && strcmp(s[-1].name, s->name) >= 0))
		return (fail(r, EBADMSG, parallelism == 0 ? "a stage without subtasks" :
		    "stages are out of order"));
	s->parallelism = (unsigned)parallelism;
	s->backend = (enum manifest_backend)backend;
	return (0);
}

/* What stands behind a stage's line belongs to it, and says so. */
static struct manifest_stage *
stage_of(struct reader *r)
{
	struct manifest_stage *s = r->m->nstages > 0 ? &r->m->stage[r->m->nstages - 1] : NULL;

	if (s == NULL || strcmp(s->name, r->column[1]) != 0) {
		misfit(r);
		return (NULL);
	}
	return (s);
}

static int
subtask_take(struct reader *r, const struct manifest_stage *s, unsigned *subtask)
{
	uint64_t n;

	if (number(r, 2, s->parallelism - 1, &n) == -1)
		return (-1);
	*subtask = (unsigned)n;
	return (0);
}

static int
state_read(struct reader *r)
{
	struct manifest_stage	*s = stage_of(r);
	struct manifest_state	*state;
	const char		*layout = r->column[3];

	if (s == NULL)
		return (-1);
	if (s->backend == BACKEND_NONE || s->nparts + s->njournals > 0 ||
	    manifest_state(s, r->column[2], strlen(r->column[2])) != -1)
		return (misfit(r));
	if ((state = manifest_state_add(s)) == NULL)
		return (fail_memory(r));
	if (name_take(r, 2, state->name, sizeof(state->name)) == -1)
		return (-1);
	if (strlen(layout) > WEIR_LAYOUT_MAX || strspn(layout, WEIR_LAYOUT) != strlen(layout))
		return (fail(r, EBADMSG, "column 4 is no layout"));
	if (layout[0] != '\0' && (state->layout = strdup(layout)) == NULL)
		return (fail_memory(r));
	return (0);
}

static int
data_take(struct reader *r, struct manifest_part *p, int base64)
{
	struct buf	b = { 0 };
	const char	*text = r->column[5];
	int		 bad;

	if (base64)
		bad = base64_decode(text, strlen(text), &p->data, &p->len);
	else if ((bad = escape_read(&b, text, strlen(text))) == 0) {
		p->data = b.data;
		p->len = b.len;
	} else
		buf_free(&b);
	if (bad == -1)
		return (errno == ENOMEM ? fail_memory(r) : fail(r, EBADMSG, "column 6 is not %s",
		    base64 ? "base64" : "escaped text"));
	if (p->len > JOBFILE_STATE)
		return (fail(r, EBADMSG, "an operator state is too large"));
	return (0);
}

/* These are made of other lines. */
static int
is_kept_elsewhere(const char *part)
{
	return (strcmp(part, STORE_PART_NAMES) == 0 || strcmp(part, STORE_PART_KEYED) == 0 ||
	    strcmp(part, OPSTATE_RESTORED) == 0);
}

static int
part_read(struct reader *r)
{
	static const char *const	 codes[] = { "text", "base64" };
	struct manifest_stage		*s = stage_of(r);
	struct manifest_part		*p;
	int				 code;

	if (s == NULL)
		return (-1);
	if (s->njournals > 0)
		return (misfit(r));
	if ((p = manifest_part_add(s)) == NULL)
		return (fail_memory(r));
	if (subtask_take(r, s, &p->subtask) == -1 || WORD(r, 4, codes, &code) == -1)
		return (-1);
	if (strlcpy(p->name, r->column[3], sizeof(p->name)) >= sizeof(p->name) ||
	    p->name[0] == '\0' || is_kept_elsewhere(p->name))
		return (fail(r, EBADMSG, "column 4 is no name of a part"));
	if (s->nparts > 1 && p[-1].subtask > p->subtask)
		return (fail(r, EBADMSG, "subtasks are out of order"));
	return (data_take(r, p, code));
}

static int
journal_fits(struct reader *r, const struct manifest_stage *s, const struct manifest_journal *j)
{
	if (s->njournals > 1 && (j[-1].subtask > j->subtask || (j[-1].subtask == j->subtask &&
	    strcmp(j[-1].name, j->name) >= 0)))
		return (fail(r, EBADMSG, "journals are out of order"));
	if (j->start > j->to)
		return (fail(r, EBADMSG, "a journal ends before it starts"));
	if (strcmp(j->name, STORE_JOURNAL) == 0)
		return (fail(r, EBADMSG, "keyed state is no journal here"));
	if (s->njournals >= (size_t)JOBFILE_RANGES * s->parallelism)
		return (fail(r, EBADMSG, "too many journals"));
	return (0);
}

static int
journal_read_line(struct reader *r)
{
	static const char *const	 ends[] = { "whole", "gap" };
	struct manifest_stage		*s = stage_of(r);
	struct manifest_journal		*j;

	if (s == NULL)
		return (-1);
	if ((j = manifest_journal_add(s)) == NULL)
		return (fail_memory(r));
	j->published = MANIFEST_NOT;
	if (subtask_take(r, s, &j->subtask) == -1 ||
	    name_take(r, 3, j->name, sizeof(j->name)) == -1 ||
	    number(r, 4, INT64_MAX, &j->start) == -1 || number(r, 5, INT64_MAX, &j->to) == -1 ||
	    WORD(r, 7, ends, &j->gap) == -1)
		return (-1);
	if (strcmp(r->column[6], "-") != 0 && number(r, 6, j->to, &j->published) == -1)
		return (-1);
	return (journal_fits(r, s, j));
}

static int
file_read(struct reader *r)
{
	struct manifest_file *f = manifest_file_add(r->m);

	if (f == NULL)
		return (fail_memory(r));
	if (strlcpy(f->name, r->column[1], sizeof(f->name)) >= sizeof(f->name) ||
	    strchr(f->name, '/') != NULL)
		return (fail(r, EBADMSG, "column 2 is no file's name"));
	return (number(r, 2, INT64_MAX, &f->bytes) == -1 ? -1 : hex(r, 3, &f->sum));
}

/* 1: go on; 0: that was the sum. */
static int
body_read(struct reader *r, int *right)
{
	const char	*begin = r->at;
	uint64_t	 sum;
	int		 more = line_next(r);

	if (more == 0) {
		r->line++;
		return (fail(r, EBADMSG, "cut short: the sum is missing"));
	}
	if (more == -1)
		return (-1);
	if (is(r, "sum", 2)) {
		if (hex(r, 1, &sum) == -1)
			return (-1);
		*right = sum == XXH3_64bits(r->text, (size_t)(begin - r->text));
		return (r->at == r->end ? 0 : fail(r, EBADMSG, "more lines behind the sum"));
	}
	if (is(r, "file", 4))
		return (file_read(r) == -1 ? -1 : 1);
	if (r->m->nfiles > 0)
		return (misfit(r));
	return ((is(r, "stage", 4) ? stage_read(r) : is(r, "state", 4) ? state_read(r) :
	    is(r, "part", 6) ? part_read(r) : is(r, "journal", 8) ? journal_read_line(r) :
	    misfit(r)) == -1 ? -1 : 1);
}

static int
version_read(struct reader *r)
{
	uint64_t format;

	if (line_next(r) != 1 || !is(r, "weir-savepoint", 2))
		return (fail(r, EBADMSG, "not the manifest of a savepoint"));
	if (number(r, 1, INT64_MAX, &format) == -1)
		return (-1);
	if (format > MANIFEST_FORMAT)
		return (fail(r, ENOTSUP, "has format %" PRIu64 ", this weir knows %d: a newer weir "
		    "made it", format, MANIFEST_FORMAT));
	return (format == MANIFEST_FORMAT ? 0 : misfit(r));
}

int
manifest_decode(struct manifest *m, const char *text, size_t len, int *sum, char *why,
    size_t size)
{
	struct reader	r = { .m = m, .text = text, .at = text, .end = text + len, .why = why,
			    .size = size };
	int		more, error;

	memset(m, 0, sizeof(*m));
	*sum = 0;
	more = version_read(&r) == -1 || head_read(&r) == -1 ? -1 : 1;
	while (more == 1)
		more = body_read(&r, sum);
	error = errno;
	free(r.copy);
	if (more == -1)
		manifest_free(m);
	errno = error;
	return (more);
}
