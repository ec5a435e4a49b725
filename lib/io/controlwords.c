/*
 * controlwords: what is said on a control line, as JSON.
 *
 * {"say":"ack","attempt":3,"id":17,...} goes up, {"tell":"view","number":9,...}
 * comes down.  A table says which members each kind has; others are passed over,
 * so that a newer peer may say more.  Whoever sent a line may be hostile: what
 * is taken from it is within the bounds of what it is put into.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>
/* only strnvis() differs between the BSDs */
#define LIBBSD_OPENBSD_VIS
#include <bsd/vis.h>

#include "io.h"

enum {
	ATTEMPT = 0x01, ID = 0x02, STAGE = 0x04, SHAPE = 0x08, PART = 0x10, WHY = 0x20,
	STATUS = 0x40, BEAT = 0x80
};

static const struct {
	const char	*name;
	unsigned	 has;
} says[] = {
	[SAY_REGISTER] =	{ "register", STAGE | SHAPE },
	[SAY_CONNECTED] =	{ "connected", ATTEMPT },
	[SAY_ACK] =		{ "ack", ATTEMPT | ID | PART },
	[SAY_DECLINE] =		{ "decline", ATTEMPT | ID | STATUS | WHY },
	[SAY_FINISHED] =	{ "finished", ATTEMPT },
	[SAY_COMMITTED] =	{ "committed", ATTEMPT | ID },
	[SAY_FAILED] =		{ "failed", STAGE | STATUS | WHY },
	[SAY_WANT] =		{ "want", ATTEMPT },
	[SAY_BEAT] =		{ "beat", ATTEMPT | BEAT },
	[SAY_STOP] =		{ "stop", 0 },
	[SAY_CANCEL] =		{ "cancel", 0 },
};

static const char *const tells[] = {
	[TELL_WELCOME] = "welcome", [TELL_REFUSED] = "refused", [TELL_VIEW] = "view",
	[TELL_BEAT] = "beat",
};

static const char *const states[] = {
	[JOB_GATHERING] = "gathering", [JOB_RUNNING] = "running", [JOB_DELAYED] = "delayed",
	[JOB_DONE] = "done", [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

#define COUNT(list)	(sizeof(list) / sizeof(list[0]))

const char *
control_state(enum job_state state)
{
	return (states[state]);
}

/*
 * Encoding.  A member that could not be made leaves the object incomplete, which
 * is no more noticed than at its end: bad counts them.
 */

struct maker {
	json_t	*o;
	int	 bad;
};

static void
put(struct maker *m, const char *name, json_t *value)
{
	if (json_object_set_new_nocheck(m->o, name, value) == -1)
		m->bad = 1;
}

static void
put_number(struct maker *m, const char *name, uint64_t n)
{
	put(m, name, json_integer((json_int_t)n));
}

/* A sentence may name files: what is not UTF-8 is made visible. */
static json_t *
sentence(const char *s)
{
	char	 visible[4 * sizeof(((struct say *)NULL)->why)];
	json_t	*o;

	if ((o = json_string(s)) != NULL)
		return (o);
	strnvis(visible, s, sizeof(visible), VIS_CSTYLE);
	return (json_string(visible));
}

static void
put_stage(struct maker *m, const struct say *s)
{
	put(m, "stage", json_string(s->stage.name));
	put_number(m, "subtask", s->subtask);
}

static void
put_shape(struct maker *m, const struct say *s)
{
	json_t		*inputs = json_array();
	unsigned	 i;

	for (i = 0; i < s->stage.ninputs; i++)
		if (json_array_append_new(inputs, json_string(s->stage.input[i])) == -1)
			m->bad = 1;
	put_number(m, "parallelism", s->stage.parallelism);
	put(m, "source", json_boolean(s->stage.source));
	put(m, "inputs", inputs);
	put_number(m, "outputs", s->stage.outputs);
	put(m, "nonce", json_string(s->nonce));
}

static void
put_part(struct maker *m, const struct say *s)
{
	put_number(m, "bytes", s->bytes);
	put_number(m, "duration_ms", (uint64_t)s->duration_ms);
	put(m, "part", jobfile_subtask_json(&s->part));
}

static void
put_beat(struct maker *m, const struct say *s)
{
	put_number(m, "seen", s->seen);
	put_number(m, "aligning", s->aligning);
	put_number(m, "writing", s->writing);
}

static int
send_object(struct control *c, struct maker *m)
{
	char	*line = NULL;
	int	 r = -1;

	if (!m->bad)
		line = json_dumps(m->o, JSON_COMPACT);
	json_decref(m->o);
	if (line == NULL)
		errno = ENOMEM;
	else
		r = control_send(c, line);
	free(line);
	return (r);
}

int
control_say(struct control *c, const struct say *s)
{
	struct maker	m = { json_object(), 0 };
	unsigned	has = says[s->kind].has;

	put(&m, "say", json_string(says[s->kind].name));
	if (has & ATTEMPT)
		put_number(&m, "attempt", s->attempt);
	if (has & ID)
		put_number(&m, "id", s->id);
	if (has & STAGE)
		put_stage(&m, s);
	if (has & SHAPE)
		put_shape(&m, s);
	if (has & PART)
		put_part(&m, s);
	if (has & STATUS)
		put(&m, "status", json_integer(s->status));
	if (has & WHY)
		put(&m, "why", sentence(s->why));
	if (has & BEAT)
		put_beat(&m, s);
	return (send_object(c, &m));
}

static void
put_welcome(struct maker *m, const struct tell *t)
{
	put_number(m, "attempt", t->attempt);
	put(m, "at_least_once", json_boolean(t->at_least_once));
	put(m, "memory_backend", json_boolean(t->memory_backend));
	put(m, "checkpoints", json_boolean(t->checkpoints));
	put_number(m, "concurrent", t->concurrent);
	put_number(m, "groups", t->groups);
	put_number(m, "feedback", t->feedback);
	put_number(m, "loop_wait_ms", t->loop_wait_ms);
}

static void
put_view(struct maker *m, const struct view *v)
{
	json_t		*pending = json_array();
	unsigned	 i;

	for (i = 0; i < v->ids.npending; i++)
		if (json_array_append_new(pending,
		    json_integer((json_int_t)v->ids.pending[i])) == -1)
			m->bad = 1;
	put_number(m, "number", v->number);
	put(m, "state", json_string(states[v->state]));
	put_number(m, "attempt", v->attempt);
	put_number(m, "restore", v->restore);
	put_number(m, "completed", v->completed);
	put_number(m, "oldest", v->oldest);
	put_number(m, "highest", v->ids.highest);
	put(m, "pending", pending);
	put(m, "stop", json_boolean(v->stop));
}

int
control_tell(struct control *c, const struct tell *t)
{
	struct maker m = { json_object(), 0 };

	put(&m, "tell", json_string(tells[t->kind]));
	switch (t->kind) {
	case TELL_WELCOME:
		put_welcome(&m, t);
		break;
	case TELL_REFUSED:
		put(&m, "status", json_integer(t->status));
		put(&m, "why", sentence(t->why));
		break;
	case TELL_VIEW:
		put_view(&m, &t->view);
		break;
	case TELL_BEAT:
		break;
	}
	return (send_object(c, &m));
}

/*
 * Decoding.  Functions give 0, or -1 where a member is missing or not what it
 * should be.
 */

static int
get_uint(json_t *o, const char *name, uint64_t max, uint64_t *n)
{
	json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return (-1);
	*n = (uint64_t)json_integer_value(v);
	return (0);
}

static int
get_id(json_t *o, const char *name, uint64_t *n)
{
	return (get_uint(o, name, INT64_MAX, n));
}

static int
get_unsigned(json_t *o, const char *name, unsigned max, unsigned *n)
{
	uint64_t v;

	if (get_uint(o, name, max, &v) == -1)
		return (-1);
	*n = (unsigned)v;
	return (0);
}

static int
get_bool(json_t *o, const char *name, int *flag)
{
	json_t *v = json_object_get(o, name);

	*flag = json_is_true(v);
	return (json_is_boolean(v) ? 0 : -1);
}

static int
get_attempt(json_t *o, uint32_t *attempt)
{
	uint64_t v;

	if (get_uint(o, "attempt", UINT32_MAX, &v) == -1)
		return (-1);
	*attempt = (uint32_t)v;
	return (0);
}

static int
copy_name(char *dst, size_t size, json_t *v)
{
	const char *s = json_string_value(v);

	if (s == NULL || !name_ok(s))
		return (-1);
	return (strlcpy(dst, s, size) < size ? 0 : -1);
}

/* A sentence that is too long is cut. */
static int
get_status(json_t *o, int *status, char *why, size_t size)
{
	const char	*s = json_string_value(json_object_get(o, "why"));
	unsigned	 n = 0;

	if (s == NULL || (status != NULL && get_unsigned(o, "status", 255, &n) == -1))
		return (-1);
	if (status != NULL)
		*status = (int)n;
	strlcpy(why, s, size);
	return (0);
}

static int
get_shape(json_t *o, struct say *s)
{
	struct topology_stage	*t = &s->stage;
	json_t			*inputs = json_object_get(o, "inputs");
	size_t			 i, n = json_array_size(inputs);

	if (!json_is_array(inputs) || n > COUNT(t->input) ||
	    get_unsigned(o, "parallelism", JOBFILE_GROUPS, &t->parallelism) == -1 ||
	    get_bool(o, "source", &t->source) == -1 ||
	    get_unsigned(o, "outputs", TOPOLOGY_STAGES, &t->outputs) == -1 ||
	    copy_name(s->nonce, sizeof(s->nonce), json_object_get(o, "nonce")) == -1 ||
	    s->subtask >= t->parallelism)
		return (-1);
	for (i = 0; i < n; i++)
		if (copy_name(t->input[i], sizeof(t->input[i]), json_array_get(inputs, i)) == -1)
			return (-1);
	t->ninputs = (unsigned)n;
	return (0);
}

static int
get_part(json_t *o, struct say *s)
{
	uint64_t duration;

	if (get_id(o, "bytes", &s->bytes) == -1 || get_id(o, "duration_ms", &duration) == -1)
		return (-1);
	s->duration_ms = (int64_t)duration;
	return (jobfile_subtask_parse(json_object_get(o, "part"), &s->part));
}

static int
say_get(json_t *o, struct say *s)
{
	const char	*kind = json_string_value(json_object_get(o, "say"));
	size_t		 i;
	unsigned	 has;

	for (i = 0; i < COUNT(says) && (kind == NULL || strcmp(kind, says[i].name) != 0); i++)
		;
	if (i == COUNT(says))
		return (-1);
	s->kind = (enum say_kind)i;
	has = says[i].has;
	if ((has & ATTEMPT && get_attempt(o, &s->attempt) == -1) ||
	    (has & ID && get_id(o, "id", &s->id) == -1) ||
	    (has & STAGE && (copy_name(s->stage.name, sizeof(s->stage.name),
	    json_object_get(o, "stage")) == -1 ||
	    get_unsigned(o, "subtask", JOBFILE_GROUPS, &s->subtask) == -1)) ||
	    (has & SHAPE && get_shape(o, s) == -1) ||
	    (has & WHY && get_status(o, has & STATUS ? &s->status : NULL, s->why,
	    sizeof(s->why)) == -1) ||
	    (has & BEAT && (get_id(o, "seen", &s->seen) == -1 ||
	    get_id(o, "aligning", &s->aligning) == -1 ||
	    get_id(o, "writing", &s->writing) == -1)))
		return (-1);
	return (has & PART ? get_part(o, s) : 0);	/* the last: it holds memory */
}

static int
get_welcome(json_t *o, struct tell *t)
{
	if (get_attempt(o, &t->attempt) == -1 ||
	    get_bool(o, "at_least_once", &t->at_least_once) == -1 ||
	    get_bool(o, "memory_backend", &t->memory_backend) == -1 ||
	    get_bool(o, "checkpoints", &t->checkpoints) == -1 ||
	    get_unsigned(o, "concurrent", VIEW_PENDING, &t->concurrent) == -1 ||
	    get_unsigned(o, "groups", JOBFILE_GROUPS, &t->groups) == -1 ||
	    get_unsigned(o, "feedback", UINT32_MAX, &t->feedback) == -1 ||
	    get_uint(o, "loop_wait_ms", INT64_MAX, &t->loop_wait_ms) == -1)
		return (-1);
	return (0);
}

static int
get_pending(json_t *o, struct ids *ids)
{
	json_t		*list = json_object_get(o, "pending"), *id;
	size_t		 i, n = json_array_size(list);

	if (!json_is_array(list) || n > VIEW_PENDING)
		return (-1);
	for (i = 0; i < n; i++) {
		id = json_array_get(list, i);
		if (!json_is_integer(id) || json_integer_value(id) <= 0 ||
		    (i > 0 && (uint64_t)json_integer_value(id) <= ids->pending[i - 1]))
			return (-1);
		ids->pending[i] = (uint64_t)json_integer_value(id);
	}
	ids->npending = (unsigned)n;
	return (0);
}

static int
get_view(json_t *o, struct view *v)
{
	const char	*state = json_string_value(json_object_get(o, "state"));
	size_t		 i;

	for (i = 0; i < COUNT(states) && (state == NULL || strcmp(state, states[i]) != 0); i++)
		;
	v->state = (enum job_state)i;
	if (i == COUNT(states) || get_id(o, "number", &v->number) == -1 ||
	    get_attempt(o, &v->attempt) == -1 || get_id(o, "restore", &v->restore) == -1 ||
	    get_id(o, "completed", &v->completed) == -1 ||
	    get_id(o, "oldest", &v->oldest) == -1 ||
	    get_id(o, "highest", &v->ids.highest) == -1 ||
	    get_bool(o, "stop", &v->stop) == -1)
		return (-1);
	return (get_pending(o, &v->ids));
}

static int
tell_get(json_t *o, struct tell *t)
{
	const char	*kind = json_string_value(json_object_get(o, "tell"));
	size_t		 i;

	for (i = 0; i < COUNT(tells) && (kind == NULL || strcmp(kind, tells[i]) != 0); i++)
		;
	if (i == COUNT(tells))
		return (-1);
	t->kind = (enum tell_kind)i;
	switch (t->kind) {
	case TELL_WELCOME:
		return (get_welcome(o, t));
	case TELL_REFUSED:
		return (get_status(o, &t->status, t->why, sizeof(t->why)));
	case TELL_VIEW:
		return (get_view(o, &t->view));
	case TELL_BEAT:
		break;
	}
	return (0);
}

/* NULL: not JSON, or no memory. */
static json_t *
line_load(const char *line, size_t len)
{
	json_error_t	 error;
	json_t		*o;

	if ((o = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error)) == NULL)
		errno = json_error_code(&error) == json_error_out_of_memory ? ENOMEM : EBADMSG;
	return (o);
}

int
say_parse(const char *line, size_t len, struct say *s)
{
	json_t	*o;
	int	 r;

	memset(s, 0, sizeof(*s));
	if ((o = line_load(line, len)) == NULL)
		return (-1);
	errno = EBADMSG;
	r = say_get(o, s);
	json_decref(o);
	return (r);
}

void
say_free(struct say *s)
{
	jobfile_subtask_free(&s->part);
}

int
control_hear_say(struct control *c, struct say *s)
{
	const char	*line;
	size_t		 len;

	if (!control_line(c, &line, &len))
		return (0);
	return (say_parse(line, len, s) == 0 ? 1 : -1);
}

int
control_hear_tell(struct control *c, struct tell *t)
{
	const char	*line;
	size_t		 len;
	json_t		*o;
	int		 r;

	if (!control_line(c, &line, &len))
		return (0);
	memset(t, 0, sizeof(*t));
	if ((o = line_load(line, len)) == NULL)
		return (-1);
	r = tell_get(o, t);
	json_decref(o);
	errno = EBADMSG;
	return (r == 0 ? 1 : -1);
}
