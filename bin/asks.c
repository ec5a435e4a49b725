/*
 * asks: what tools ask the coordinator, and what it answers (ask.h).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator.h"
#include "run.h"

static const char *const presences[] = {
	[AWAITED] = "awaited", [REGISTERED] = "registered", [CONNECTED] = "connected",
	[FINISHED] = "finished", [LEFT] = "done",
};

/* o is taken; a tool that cannot be answered is left. */
static void
answer(struct caller *to, json_t *o)
{
	char *line = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (line == NULL || control_send(to->control, line) == -1)
		to->gone = 1;
	free(line);
	json_decref(o);
}

/*
 * The status.
 */

static json_t *
subtask_json(const struct subtask *s, int here)
{
	return (json_pack("{s:i, s:I, s:s}", "subtask", (int)s->number, "pid",
	    (json_int_t)(here ? s->pid : 0), "state", presences[s->presence]));
}

static json_t *
stage_json(const struct roster *r, unsigned stage)
{
	const struct topology_stage	*t = &r->topology.stage[stage];
	const struct subtask		*s;
	json_t				*inputs = json_array(), *subtasks = json_array();
	unsigned			 i;

	for (i = 0; i < t->ninputs; i++)
		json_array_append_new(inputs, json_string(t->input[i]));
	for (i = 0; i < t->parallelism; i++) {
		s = r->member[r->first[stage] + i];
		json_array_append_new(subtasks, subtask_json(s, s->caller != NULL));
	}
	return (json_pack("{s:s, s:i, s:b, s:o, s:o}", "name", t->name, "parallelism",
	    (int)t->parallelism, "source", t->source, "inputs", inputs, "subtasks", subtasks));
}

/* One that has not come yet: the checkpoint knows it. */
static json_t *
absent_json(const struct jobfile_subtask *first)
{
	json_t		*subtasks = json_array();
	struct subtask	 s = { .presence = AWAITED };

	for (; s.number < first->parallelism; s.number++)
		json_array_append_new(subtasks, subtask_json(&s, 0));
	return (json_pack("{s:s, s:i, s:b, s:[], s:o}", "name", first->stage, "parallelism",
	    (int)first->parallelism, "source", 0, "inputs", "subtasks", subtasks));
}

/* All of a stage's inputs have been told. */
static int
inputs_told(const struct topology *t, const struct topology_stage *s, const uint8_t *told)
{
	unsigned	i;
	int		up;

	for (i = 0; i < s->ninputs; i++)
		if ((up = topology_find(t, s->input[i])) != -1 && !told[up])
			return (0);
	return (1);
}

/* As records go through them; in a loop as they have come. */
static json_t *
stages_json(const struct coordinator *co)
{
	const struct topology		*t = &co->roster.topology;
	const struct jobfile_subtask	*s;
	json_t				*list = json_array();
	uint8_t				 told[TOPOLOGY_STAGES] = { 0 };
	size_t				 at = 0;
	unsigned			 i, n;

	for (n = 0; n < t->n; n++) {
		for (i = 0; i < t->n && (told[i] || !inputs_told(t, &t->stage[i], told)); i++)
			;
		if (i == t->n)
			for (i = 0; told[i]; i++)
				;
		told[i] = 1;
		json_array_append_new(list, stage_json(&co->roster, i));
	}
	while ((s = checkpoint_stage(ledger_last(&co->ledger), &at)) != NULL)
		if (!roster_knows(&co->roster, s->stage))
			json_array_append_new(list, absent_json(s));
	return (list);
}

static json_t *
completed_json(const struct coordinator *co)
{
	const struct jobfile_checkpoint *last = ledger_last(&co->ledger);

	if (last == NULL)
		return (json_null());
	return (json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)last->id, "kind",
	    jobfile_kind(last->kind), "triggered_ms", (json_int_t)last->triggered_ms,
	    "duration_ms", (json_int_t)last->duration_ms));
}

static json_t *
pending_json(const struct coordinator *co)
{
	const struct coord_pending	*p;
	const struct underway		*u;
	json_t				*list = json_array();

	for (p = co->coord.pending; p != NULL; p = p->next) {
		u = ledger_find(&co->ledger, p->id);
		json_array_append_new(list, json_pack("{s:I, s:s, s:I, s:i, s:i}",
		    "id", (json_int_t)p->id, "kind", jobfile_kind((enum jobfile_kind)p->kind),
		    "triggered_ms", (json_int_t)(u != NULL ? u->triggered_ms : 0),
		    "acks", (int)p->nacked, "subtasks", (int)co->roster.nmembers));
	}
	return (list);
}

static json_t *
awaited_json(const struct coordinator *co)
{
	char		 name[AWAITED_MAX][ROSTER_LABEL];
	json_t		*list = json_array();
	unsigned	 i, n = assemble_awaited(co, name, AWAITED_MAX);

	for (i = 0; i < n; i++)
		json_array_append_new(list, json_string(name[i]));
	return (list);
}

/* A path need not be UTF-8; then it cannot be said in JSON. */
static json_t *
text_json(const char *s)
{
	json_t *o = json_string(s);

	return (o != NULL ? o : json_string(""));
}

/* Why it failed, or is restarted. */
static const char *
status_why(const struct coordinator *co)
{
	if (co->coord.state == JOB_DELAYED)
		return (co->lost);
	if (co->coord.state == JOB_FAILED)
		return (co->end[0] != '\0' ? co->end : co->coord.why);
	return ("");
}

static json_t *
status_json(const struct coordinator *co, const char *asked)
{
	const struct coord *c = &co->coord;

	return (json_pack("{s:s, s:o, s:I, s:I, s:s, s:o, s:I, s:I, s:b, s:b, s:I, "
	    "s:o, s:o, s:o, s:o}",
	    "answer", asked, "job", text_json(co->path), "pid", (json_int_t)getpid(),
	    "since_ms", (json_int_t)co->started_ms, "state", control_state(c->state),
	    "why", text_json(status_why(co)), "attempt", (json_int_t)c->attempt,
	    "restored", (json_int_t)co->restored, "stopping", c->stop,
	    "cancelling", co->cancelling, "interval_ms", (json_int_t)joboptions.interval_ms,
	    "completed", completed_json(co), "pending", pending_json(co),
	    "stages", stages_json(co), "awaited", awaited_json(co)));
}

void
asks_watch(struct coordinator *co)
{
	struct caller *c;

	TAILQ_FOREACH(c, &co->callers, entry)
		if (c->watching && !c->gone && c->news < co->news &&
		    control_queued(c->control) == 0) {
			c->news = co->news;
			answer(c, status_json(co, "watch"));
		}
}

/*
 * Requests.
 */

static json_t *
checkpoint_json(uint64_t id, int completed, const char *why)
{
	return (json_pack("{s:s, s:I, s:b, s:s}", "answer", "checkpoint", "id", (json_int_t)id,
	    "completed", completed, "why", why));
}

static json_t *
error_json(const char *why)
{
	return (json_pack("{s:s, s:s}", "answer", "error", "why", why));
}

static void
request(struct coordinator *co, struct caller *from, enum coord_kind kind)
{
	if (from->asked != 0) {
		answer(from, error_json("one at a time: a checkpoint is under way"));
		return;
	}
	from->kept = kind == COORD_SAVEPOINT;
	from->asked = coord_request(&co->coord, kind, now_ms());
	if (from->asked != 0)
		return;
	if (co->coord.state == JOB_RUNNING)
		answer(from, checkpoint_json(0, 0, co->coord.final != 0 ?
		    "the job is about to end" : "too many are under way"));
	else
		answer(from, checkpoint_json(0, 0, "the job is not running"));
}

static void
ask_checkpoint(struct coordinator *co, struct caller *from)
{
	request(co, from, COORD_REQUESTED);
}

static void
ask_savepoint(struct coordinator *co, struct caller *from)
{
	request(co, from, COORD_SAVEPOINT);
}

/* For as long as its line is open. */
static void
hold(struct coordinator *co, struct caller *from, uint64_t id)
{
	from->held = id;
	if (co->coord.held == 0 || id < co->coord.held)
		co->coord.held = id;
}

static void
held_find(struct coordinator *co)
{
	const struct caller *c;

	co->coord.held = 0;
	TAILQ_FOREACH(c, &co->callers, entry)
		if (!c->gone && c->held != 0 &&
		    (co->coord.held == 0 || c->held < co->coord.held))
			co->coord.held = c->held;
}

static void
ask_hold(struct coordinator *co, struct caller *from)
{
	const struct jobfile_checkpoint *last = ledger_last(&co->ledger);

	if (last != NULL)
		hold(co, from, last->id);
	answer(from, json_pack("{s:s, s:I}", "answer", "hold", "id",
	    (json_int_t)(last != NULL ? last->id : 0)));
}

/* A later one that has completed is as good: it was triggered after the question. */
void
asks_ended(struct coordinator *co, const struct coord_pending *p)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	struct caller			*c;
	char				 why[512];

	TAILQ_FOREACH(c, &co->callers, entry) {
		if (c->gone || c->asked != p->id)
			continue;
		if (c->kept && p->how == COORD_COMPLETED && last != NULL) {
			hold(co, c, last->id);
			continue;	/* asks_committed() */
		}
		c->asked = 0;
		notes_why(co, p, why, sizeof(why));
		if (p->how == COORD_SUBSUMED && last != NULL)
			answer(c, checkpoint_json(last->id, 1, ""));
		else
			answer(c, checkpoint_json(p->id, p->how == COORD_COMPLETED, why));
	}
}

/* A savepoint is taken of what was committed: what it continues is outside then. */
void
asks_committed(struct coordinator *co)
{
	const struct coord	*c = &co->coord;
	struct caller		*from;
	uint64_t		 least = UINT64_MAX;
	unsigned		 i;

	held_find(co);
	for (i = 0; i < c->nmembers; i++)
		if (c->member[i].committed < least)
			least = c->member[i].committed;
	TAILQ_FOREACH(from, &co->callers, entry) {
		if (from->gone || from->asked == 0 || !from->kept ||
		    ledger_find(&co->ledger, from->asked) != NULL ||
		    (c->state == JOB_RUNNING && least < from->held))
			continue;
		answer(from, checkpoint_json(from->held, 1, ""));
		from->asked = 0;
	}
}

static void
ask_watch(struct coordinator *co, struct caller *from)
{
	from->watching = 1;
	from->news = co->news;
	answer(from, status_json(co, "watch"));
}

static void
ask_status(struct coordinator *co, struct caller *from)
{
	answer(from, status_json(co, "status"));
}

static void
ask_stop(struct coordinator *co, struct caller *from)
{
	coordinator_stop(co);
	answer(from, json_pack("{s:s}", "answer", "stop"));
}

static void
ask_cancel(struct coordinator *co, struct caller *from)
{
	coordinator_cancel(co);
	answer(from, json_pack("{s:s}", "answer", "cancel"));
}

void
asks_hear(struct coordinator *co, struct caller *from, const char *line, size_t len)
{
	static const struct {
		const char	*name;
		void		(*ask)(struct coordinator *, struct caller *);
	} asks[] = {
		{ "status", ask_status }, { "watch", ask_watch }, { "stop", ask_stop },
		{ "cancel", ask_cancel }, { "checkpoint", ask_checkpoint },
		{ "savepoint", ask_savepoint }, { "hold", ask_hold },
	};
	json_t		*o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char	*ask = json_string_value(json_object_get(o, "ask"));
	size_t		 i;

	for (i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		if (ask != NULL && strcmp(ask, asks[i].name) == 0)
			break;
	json_decref(o);
	if (i < sizeof(asks) / sizeof(asks[0]))
		asks[i].ask(co, from);
	else
		answer(from, error_json("no such question: status, watch, checkpoint, savepoint, hold, stop, "
		    "cancel"));
}
