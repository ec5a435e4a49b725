/*
 * jobfile: what is complete of a job, as job.json holds it (weir-job(5)).
 *
 *  - One text for one jobfile: encoding puts everything in order, decoding takes
 *    nothing that is not in order.
 *  - A flipped bit or a missing byte is found by the sum at the end; whatever has
 *    a right sum is still looked at as if somebody hostile had made it.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "bytes.h"

#define SEAL_BYTES	27		/* ,"sum":"0123456789abcdef"} and newline */
#define HEX		"%016" PRIx64

static const char *const kinds[] = {
	[JOBFILE_PERIODIC] = "periodic", [JOBFILE_REQUESTED] = "requested",
	[JOBFILE_SAVEPOINT] = "savepoint",
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

const char *
jobfile_kind(enum jobfile_kind kind)
{
	return (kinds[kind]);
}

void
jobfile_subtask_free(struct jobfile_subtask *s)
{
	free(s->state);
	free(s->range);
	memset(s, 0, sizeof(*s));
}

void
jobfile_checkpoint_free(struct jobfile_checkpoint *c)
{
	size_t i;

	for (i = 0; i < c->nsubtasks; i++)
		jobfile_subtask_free(&c->subtask[i]);
	free(c->subtask);
	memset(c, 0, sizeof(*c));
}

void
jobfile_free(struct jobfile *f)
{
	size_t i;

	for (i = 0; i < f->ncheckpoints; i++)
		jobfile_checkpoint_free(&f->checkpoint[i]);
	free(f->checkpoint);
	memset(f, 0, sizeof(*f));
}

static int refuse(int error, char *why, size_t size, const char *fmt, ...)
    WEIR_PRINTF(4, 5);

static int
refuse(int error, char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

/*
 * Does it fit together?  NULL, or what does not.  This is what readers of a
 * jobfile rely on, whoever made it.
 */

static const char *
ranges_fit(const struct jobfile_subtask *s)
{
	const struct journal_range	*r;
	size_t				 i;

	if (s->nranges > JOBFILE_RANGES)
		return ("too many journals");
	for (i = 0; i < s->nranges; i++) {
		r = &s->range[i];
		if (!name_ok(r->name))
			return ("a journal has no proper name");
		if (r->start > r->to || r->to > INT64_MAX)
			return ("a journal ends before it starts");
		if (i > 0 && strcmp(s->range[i - 1].name, r->name) >= 0)
			return ("journals are out of order");
	}
	return (NULL);
}

static const char *
alone_fits(const struct jobfile_subtask *s, unsigned groups)
{
	if (!name_ok(s->stage))
		return ("a stage has no proper name");
	if (s->parallelism > groups || s->subtask >= s->parallelism)
		return ("a subtask is beyond its stage's parallelism");
	if (s->statelen > JOBFILE_STATE)
		return ("an operator state is too large");
	if (s->batches > INT64_MAX)
		return ("a number of batches is out of range");
	return (ranges_fit(s));
}

/* before: the subtask before it, or NULL. */
static const char *
subtask_fits(const struct jobfile_subtask *s, const struct jobfile_subtask *before,
    unsigned groups)
{
	const char	*why;
	int		 cmp;

	if ((why = alone_fits(s, groups)) != NULL)
		return (why);
	cmp = before == NULL ? -1 : strcmp(before->stage, s->stage);
	if (cmp > 0)
		return ("stages are out of order");
	if (cmp == 0 && (s->subtask != before->subtask + 1 ||
	    s->parallelism != before->parallelism))
		return ("subtasks are out of order");
	if (cmp < 0 && (s->subtask != 0 ||
	    (before != NULL && before->subtask + 1 != before->parallelism)))
		return ("a subtask is missing");
	return (NULL);
}

static const char *
checkpoint_fits(const struct jobfile_checkpoint *c, unsigned groups)
{
	const struct jobfile_subtask	*before = NULL;
	const char			*why;
	size_t				 i;

	if ((size_t)c->kind >= KINDS || (c->final != 0 && c->final != 1))
		return ("a checkpoint is of no known kind");
	if (c->triggered_ms < 0 || c->duration_ms < 0)
		return ("a time is out of range");
	for (i = 0; i < c->nsubtasks; before = &c->subtask[i++])
		if ((why = subtask_fits(&c->subtask[i], before, groups)) != NULL)
			return (why);
	if (before != NULL && before->subtask + 1 != before->parallelism)
		return ("a subtask is missing");
	return (NULL);
}

static const char *
jobfile_fits(const struct jobfile *f)
{
	const char	*why;
	uint64_t	 id = 0;
	size_t		 i;

	if (f->groups == 0 || f->groups > JOBFILE_GROUPS)
		return ("the number of key groups is out of range");
	if (f->reserved > INT64_MAX)
		return ("an id is out of range");
	for (i = 0; i < f->ncheckpoints; id = f->checkpoint[i++].id) {
		if (f->checkpoint[i].id <= id || f->checkpoint[i].id > f->reserved)
			return ("the ids of checkpoints are out of order");
		if ((why = checkpoint_fits(&f->checkpoint[i], f->groups)) != NULL)
			return (why);
	}
	return (NULL);
}

/*
 * Encoding.
 */

static int
range_order(const void *a, const void *b)
{
	return (strcmp(((const struct journal_range *)a)->name,
	    ((const struct journal_range *)b)->name));
}

static int
subtask_order(const void *a, const void *b)
{
	const struct jobfile_subtask	*s = a, *t = b;
	int				 cmp;

	if ((cmp = strcmp(s->stage, t->stage)) != 0)
		return (cmp);
	return ((s->subtask > t->subtask) - (s->subtask < t->subtask));
}

static void
ranges_sort(struct jobfile_subtask *s)
{
	if (s->nranges > 0)
		qsort(s->range, s->nranges, sizeof(*s->range), range_order);
}

static void
checkpoint_sort(struct jobfile_checkpoint *c)
{
	size_t i;

	if (c->nsubtasks > 0)
		qsort(c->subtask, c->nsubtasks, sizeof(*c->subtask), subtask_order);
	for (i = 0; i < c->nsubtasks; i++)
		ranges_sort(&c->subtask[i]);
}

static json_t *
hex_json(uint64_t v)
{
	return (json_sprintf(HEX, v));
}

static json_t *
bytes_json(const void *data, size_t len)
{
	json_t	*o;
	char	*text;
	size_t	 n;

	if ((text = base64_encode(data, len, &n)) == NULL)
		return (NULL);
	o = json_stringn_nocheck(text, n);
	free(text);
	return (o);
}

/* o is taken in both outcomes; NULL: no memory. */
static json_t *
array_append(json_t *array, json_t *o)
{
	if (array == NULL)
		json_decref(o);
	else if (json_array_append_new(array, o) == -1) {
		json_decref(array);
		return (NULL);
	}
	return (array);
}

struct json_t *
jobfile_subtask_json(const struct jobfile_subtask *s)
{
	const struct journal_range	*r;
	json_t				*ranges = json_array();
	size_t				 i;

	for (i = 0; i < s->nranges; i++) {
		r = &s->range[i];
		ranges = array_append(ranges, json_pack("{s:s, s:I, s:I, s:o}",
		    "name", r->name, "start", (json_int_t)r->start,
		    "to", (json_int_t)r->to, "sum", hex_json(r->sum)));
	}
	return (json_pack("{s:s, s:I, s:I, s:o, s:I, s:o}", "stage", s->stage,
	    "subtask", (json_int_t)s->subtask, "parallelism", (json_int_t)s->parallelism,
	    "state", bytes_json(s->state, s->statelen),
	    "batches", (json_int_t)s->batches, "journals", ranges));
}

static json_t *
checkpoint_json(const struct jobfile_checkpoint *c)
{
	json_t	*subtasks = json_array();
	size_t	 i;

	for (i = 0; i < c->nsubtasks; i++)
		subtasks = array_append(subtasks, jobfile_subtask_json(&c->subtask[i]));
	return (json_pack("{s:I, s:s, s:b, s:I, s:I, s:o}", "id", (json_int_t)c->id,
	    "kind", kinds[c->kind], "final", c->final,
	    "triggered_ms", (json_int_t)c->triggered_ms,
	    "duration_ms", (json_int_t)c->duration_ms, "subtasks", subtasks));
}

static json_t *
jobfile_json(const struct jobfile *f)
{
	json_t	*checkpoints = json_array();
	size_t	 i;

	for (i = 0; i < f->ncheckpoints; i++)
		checkpoints = array_append(checkpoints, checkpoint_json(&f->checkpoint[i]));
	return (json_pack("{s:i, s:o, s:I, s:I, s:I, s:o}", "format", JOBFILE_FORMAT,
	    "id", hex_json(f->id), "groups", (json_int_t)f->groups,
	    "attempt", (json_int_t)f->attempt, "reserved", (json_int_t)f->reserved,
	    "checkpoints", checkpoints));
}

/* The end of a file that begins with these bytes. */
static void
seal_make(const char *text, size_t len, char seal[SEAL_BYTES + 1])
{
	snprintf(seal, SEAL_BYTES + 1, ",\"sum\":\"" HEX "\"}\n",
	    (uint64_t)XXH3_64bits(text, len));
}

char *
jobfile_encode(struct jobfile *f, size_t *len)
{
	json_t	*o;
	char	*text = NULL, *sealed = NULL;
	size_t	 i, n;

	for (i = 0; i < f->ncheckpoints; i++)
		checkpoint_sort(&f->checkpoint[i]);
	if (jobfile_fits(f) != NULL) {
		errno = EINVAL;
		return (NULL);
	}
	if ((o = jobfile_json(f)) != NULL)
		text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text != NULL)
		sealed = realloc(text, strlen(text) + SEAL_BYTES);
	if (sealed == NULL) {
		free(text);
		errno = ENOMEM;
		return (NULL);
	}
	n = strlen(sealed) - 1;			/* the seal has the last } */
	seal_make(sealed, n, sealed + n);
	*len = n + SEAL_BYTES;
	return (sealed);
}

/*
 * Decoding.
 */

static int
seal_check(const char *text, size_t len, char *why, size_t size)
{
	char	seal[SEAL_BYTES + 1];
	size_t	n = len - SEAL_BYTES;

	if (len < SEAL_BYTES || memcmp(text + n, ",\"sum\":\"", 8) != 0 ||
	    memcmp(text + len - 3, "\"}\n", 3) != 0)
		return (refuse(EBADMSG, why, size, "damaged: cut short, or not written by weir"));
	seal_make(text, n, seal);
	if (memcmp(text + n, seal, SEAL_BYTES) != 0)
		return (refuse(EBADMSG, why, size, "damaged: its bytes have the sum %.16s, "
		    "its end says %.16s", seal + 8, text + n + 8));
	return (0);
}

static int
hex_parse(const char *s, uint64_t *v)
{
	char	again[17];
	size_t	i;

	for (i = 0, *v = 0; i < 16 && s[i] != '\0'; i++)
		*v = *v << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
	snprintf(again, sizeof(again), HEX, *v);
	return (strcmp(s, again) == 0 ? 0 : -1);
}

/* Fails on a member that is missing, of another type, or not known. */
#define UNPACK(o, ...)	json_unpack_ex(o, NULL, JSON_STRICT, __VA_ARGS__)

static int
range_parse(json_t *o, struct journal_range *r)
{
	const char	*name, *sum;
	json_int_t	 start, to;

	if (UNPACK(o, "{s:s, s:I, s:I, s:s}", "name", &name, "start", &start, "to", &to,
	    "sum", &sum) == -1 || start < 0 || to < 0 ||
	    strlcpy(r->name, name, sizeof(r->name)) >= sizeof(r->name) ||
	    hex_parse(sum, &r->sum) == -1)
		return (-1);
	r->start = (uint64_t)start;
	r->to = (uint64_t)to;
	return (0);
}

static int
subtask_parse(json_t *o, struct jobfile_subtask *s)
{
	const char	*stage, *state;
	json_int_t	 subtask, parallelism, batches;
	json_t		*ranges;
	size_t		 statelen, n;

	if (UNPACK(o, "{s:s, s:I, s:I, s:s%, s:I, s:o}", "stage", &stage,
	    "subtask", &subtask, "parallelism", &parallelism, "state", &state, &statelen,
	    "batches", &batches, "journals", &ranges) == -1 ||
	    !json_is_array(ranges) || batches < 0 ||
	    subtask < 0 || subtask > JOBFILE_GROUPS ||
	    parallelism < 0 || parallelism > JOBFILE_GROUPS ||
	    strlcpy(s->stage, stage, sizeof(s->stage)) >= sizeof(s->stage))
		return (-1);
	s->subtask = (unsigned)subtask;
	s->parallelism = (unsigned)parallelism;
	s->batches = (uint64_t)batches;
	n = json_array_size(ranges);
	if (base64_decode(state, statelen, &s->state, &s->statelen) == -1 ||
	    (n > 0 && (s->range = calloc(n, sizeof(*s->range))) == NULL))
		return (-1);
	for (; s->nranges < n; s->nranges++)
		if (range_parse(json_array_get(ranges, s->nranges),
		    &s->range[s->nranges]) == -1)
			return (-1);
	return (0);
}

int
jobfile_subtask_parse(struct json_t *o, struct jobfile_subtask *s)
{
	int r;

	memset(s, 0, sizeof(*s));
	errno = 0;
	if ((r = subtask_parse(o, s)) == 0) {
		ranges_sort(s);
		if (alone_fits(s, JOBFILE_GROUPS) != NULL)
			r = -1;
	}
	if (r == 0)
		return (0);
	jobfile_subtask_free(s);
	if (errno != ENOMEM)
		errno = EBADMSG;
	return (-1);
}

static int
checkpoint_parse(json_t *o, struct jobfile_checkpoint *c)
{
	const char	*kind;
	json_int_t	 id, triggered, duration;
	json_t		*subtasks;
	size_t		 n, i;

	if (UNPACK(o, "{s:I, s:s, s:b, s:I, s:I, s:o}", "id", &id, "kind", &kind,
	    "final", &c->final, "triggered_ms", &triggered, "duration_ms", &duration,
	    "subtasks", &subtasks) == -1 || !json_is_array(subtasks) || id < 0)
		return (-1);
	for (i = 0; i < KINDS && strcmp(kind, kinds[i]) != 0; i++)
		;
	c->kind = (enum jobfile_kind)i;
	c->id = (uint64_t)id;
	c->triggered_ms = triggered;
	c->duration_ms = duration;
	n = json_array_size(subtasks);
	if (n > 0 && (c->subtask = calloc(n, sizeof(*c->subtask))) == NULL)
		return (-1);
	for (i = 0; i < n; i++) {
		c->nsubtasks++;
		if (subtask_parse(json_array_get(subtasks, i), &c->subtask[i]) == -1)
			return (-1);
	}
	return (0);
}

static int
jobfile_parse(json_t *o, struct jobfile *f)
{
	const char	*id, *sum;
	json_int_t	 groups, attempt, reserved;
	json_t		*checkpoints;
	size_t		 n, i;
	int		 format;

	if (UNPACK(o, "{s:i, s:s, s:I, s:I, s:I, s:o, s:s}", "format", &format, "id", &id,
	    "groups", &groups, "attempt", &attempt, "reserved", &reserved,
	    "checkpoints", &checkpoints, "sum", &sum) == -1 ||
	    !json_is_array(checkpoints) || hex_parse(id, &f->id) == -1 ||
	    groups < 0 || groups > JOBFILE_GROUPS || attempt < 0 || attempt > UINT32_MAX ||
	    reserved < 0)
		return (-1);
	f->groups = (unsigned)groups;
	f->attempt = (uint32_t)attempt;
	f->reserved = (uint64_t)reserved;
	n = json_array_size(checkpoints);
	if (n > 0 && (f->checkpoint = calloc(n, sizeof(*f->checkpoint))) == NULL)
		return (-1);
	for (i = 0; i < n; i++) {
		f->ncheckpoints++;
		if (checkpoint_parse(json_array_get(checkpoints, i), &f->checkpoint[i]) == -1)
			return (-1);
	}
	return (0);
}

static int
json_decode(json_t *o, struct jobfile *f, char *why, size_t size)
{
	const char	*misfit;
	json_t		*format = json_object_get(o, "format");

	if (!json_is_integer(format) || json_integer_value(format) < JOBFILE_FORMAT)
		return (refuse(EBADMSG, why, size, "damaged: not written by weir: no format"));
	if (json_integer_value(format) > JOBFILE_FORMAT)
		return (refuse(ENOTSUP, why, size, "has format %lld, this weir knows %d: a newer "
		    "weir made it", (long long)json_integer_value(format), JOBFILE_FORMAT));
	errno = 0;
	if (jobfile_parse(o, f) == -1) {
		if (errno == ENOMEM)
			return (refuse(ENOMEM, why, size, "%s", strerror(ENOMEM)));
		return (refuse(EBADMSG, why, size, "damaged: not written by weir: a member is "
		    "missing, unknown or of another type"));
	}
	if ((misfit = jobfile_fits(f)) != NULL)
		return (refuse(EBADMSG, why, size, "damaged: not written by weir: %s", misfit));
	return (0);
}

int
jobfile_decode(const void *data, size_t len, struct jobfile *f, char *why, size_t size)
{
	json_error_t	 error;
	json_t		*o;
	int		 saved, r;

	memset(f, 0, sizeof(*f));
	if (seal_check(data, len, why, size) == -1)
		return (-1);
	if ((o = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error)) == NULL)
		return (refuse(EBADMSG, why, size, "damaged: not written by weir: byte %d: %s",
		    error.position, error.text));
	r = json_decode(o, f, why, size);
	saved = errno;
	json_decref(o);
	if (r == -1)
		jobfile_free(f);
	errno = saved;
	return (r);
}
