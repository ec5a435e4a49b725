/*
 * notes: what is said on standard error of a job's life, and in history.tsv.
 *
 * One line a fact; a job whose checkpoints come faster than people read says them
 * only with -v.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "coordinator.h"
#include "run.h"
#include "tool.h"

#define QUIET_MS	1000		/* checkpoints are not told more often */

struct before {
	char		 stage[WEIR_NAME_MAX + 1];
	unsigned	 subtask;
	uint64_t	 sum;
};

static uint64_t
last_id(const struct coordinator *co)
{
	const struct jobfile_checkpoint *last = ledger_last(&co->ledger);

	return (last != NULL ? last->id : 0);
}

/* The time of day, with the day if it is another one. */
static void
moment(int64_t ms, char *text, size_t size)
{
	struct tm	then, today;
	time_t		t = (time_t)(ms / 1000), now = time(NULL);

	text[0] = '\0';
	if (localtime_r(&t, &then) == NULL || localtime_r(&now, &today) == NULL)
		return;
	strftime(text, size, then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ?
	    "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
}

/* The job will be compared with what it was, when it is done. */
static void
before_keep(struct coordinator *co, const struct jobfile_checkpoint *last)
{
	const struct jobfile_subtask	*s;
	size_t				 i;

	if ((co->before = calloc(last->nsubtasks + 1, sizeof(*co->before))) == NULL)
		return;			/* then it is not said that there was nothing to do */
	for (i = 0; i < last->nsubtasks; i++) {
		s = &last->subtask[i];
		strlcpy(co->before[i].stage, s->stage, sizeof(co->before[i].stage));
		co->before[i].subtask = s->subtask;
		co->before[i].sum = XXH3_64bits(s->state, s->statelen);
	}
	co->nbefore = last->nsubtasks;
}

void
notes_start(struct coordinator *co)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	char				 when[32];

	if (!co->resumed)
		tool_say("new job");
	else if (last == NULL)
		tool_say("starting again: no checkpoint has been completed yet");
	else {
		moment(last->triggered_ms, when, sizeof(when));
		tool_say("resuming at checkpoint %llu (%s)", (unsigned long long)last->id, when);
		co->resumed_at = last->id;
		before_keep(co, last);
	}
}

void
notes_free(struct coordinator *co)
{
	free(co->before);
	co->before = NULL;
}

/*
 * The end of a checkpoint.
 */

static const char *
doing(const struct subtask *s, uint64_t id)
{
	if (s->writing >= id)
		return ("writing");
	if (s->aligning == id)
		return ("aligning");
	return (s->seen < id ? "it has not seen the barrier" : "its snapshot is under way");
}

/* The first one that has not acked, or NULL; how many they are. */
static const struct subtask *
missing_find(const struct coordinator *co, const struct coord_pending *p, unsigned *n)
{
	const struct subtask	*first = NULL;
	unsigned		 i;

	*n = 0;
	for (i = 0; i < co->roster.nmembers; i++)
		if (!p->acked[i] && (*n)++ == 0)
			first = co->roster.member[i];
	return (first);
}

static void
why_expired(const struct coordinator *co, const struct coord_pending *p, char *why, size_t size)
{
	const struct subtask	*first;
	char			 label[ROSTER_LABEL], more[32] = "";
	unsigned		 n;

	if ((first = missing_find(co, p, &n)) == NULL)
		return;
	if (n > 1)
		snprintf(more, sizeof(more), ", nor had %u more", n - 1);
	snprintf(why, size, "%s had not acked after %lld ms (%s)%s",
	    roster_label(&co->roster, first, label),
	    (long long)(p->ended_ms - p->triggered_ms), doing(first, p->id), more);
}

void
notes_why(const struct coordinator *co, const struct coord_pending *p, char *why, size_t size)
{
	why[0] = '\0';
	switch (p->how) {
	case COORD_COMPLETED:
		break;
	case COORD_EXPIRED:
		why_expired(co, p, why, size);
		break;
	case COORD_DECLINED:
	case COORD_UNSAVED:
		strlcpy(why, co->why, size);
		break;
	case COORD_SUBSUMED:
		strlcpy(why, "a later one has completed", size);
		break;
	case COORD_INTERRUPTED:
		strlcpy(why, coordinator_over(co) ? "the job has ended" : "the job is restarted",
		    size);
		break;
	}
}

/* Who was slowest: the last to ack, or the first that has not. */
static const struct subtask *
slowest_find(const struct coordinator *co, const struct coord_pending *p)
{
	const struct underway	*u = ledger_find(&co->ledger, p->id);
	unsigned		 n;

	if (p->how != COORD_COMPLETED)
		return (missing_find(co, p, &n));
	return (u != NULL ? co->roster.member[u->last] : NULL);
}

static void
history_add(struct coordinator *co, const struct coord_pending *p, const char *slowest,
    const char *why)
{
	const struct underway	*u = ledger_find(&co->ledger, p->id);
	struct history		 h = { .id = p->id, .kind = (enum jobfile_kind)p->kind };

	h.completed = p->how == COORD_COMPLETED;
	h.start_ms = u != NULL ? u->triggered_ms : 0;
	h.duration_ms = p->ended_ms - p->triggered_ms;
	h.bytes = u != NULL ? u->bytes : 0;
	h.acks = p->nacked;
	h.subtasks = co->roster.nmembers;
	strlcpy(h.slowest, slowest, sizeof(h.slowest));
	strlcpy(h.why, why, sizeof(h.why));
	if (jobdir_history(co->dir, &h) == -1)
		log_say(LOG_DEBUG, "%s", jobdir_error(co->dir));
}

void
notes_ended(struct coordinator *co, const struct coord_pending *p)
{
	const struct underway	*u = ledger_find(&co->ledger, p->id);
	const struct subtask	*slowest = slowest_find(co, p);
	char			 label[ROSTER_LABEL] = "", why[256];
	enum log_level		 level = LOG_WARN;
	int64_t			 now = now_ms();

	if (slowest != NULL)
		roster_label(&co->roster, slowest, label);
	notes_why(co, p, why, sizeof(why));
	history_add(co, p, label, why);
	if (p->how == COORD_SUBSUMED || p->how == COORD_INTERRUPTED ||
	    now - co->said_ms < QUIET_MS ||
	    (p->how == COORD_COMPLETED && joboptions.interval_ms > 0 &&
	    joboptions.interval_ms < QUIET_MS))
		level = LOG_DEBUG;
	else
		co->said_ms = now;
	if (p->how == COORD_COMPLETED)
		log_say(level, "checkpoint %llu complete: %llu bytes in %lld ms, slowest %s",
		    (unsigned long long)p->id, (unsigned long long)(u != NULL ? u->bytes : 0),
		    (long long)(p->ended_ms - p->triggered_ms), label);
	else
		log_say(level, "checkpoint %llu aborted: %s", (unsigned long long)p->id, why);
}

/*
 * The job.
 */

static void
from_where(const struct coordinator *co, char *text, size_t size)
{
	if (last_id(co) > 0)
		snprintf(text, size, "checkpoint %llu", (unsigned long long)last_id(co));
	else
		strlcpy(text, "the beginning", size);
}

void
notes_lost(struct coordinator *co, const struct subtask *s)
{
	const struct coord	*c = &co->coord;
	char			 label[ROSTER_LABEL], from[64];
	int64_t			 delay = c->open_ms - now_ms();

	snprintf(co->lost, sizeof(co->lost), "stage %s (pid %ld) was lost",
	    roster_label(&co->roster, s, label), (long)s->pid);
	if (c->state == JOB_FAILED) {
		co->status = WEIR_FAILED;
		snprintf(co->end, sizeof(co->end), "%s, and %s", co->lost,
		    c->restart.kind == RESTART_NONE ? "nothing restarts the job (see -R)" :
		    c->why);
		return;
	}
	from_where(co, from, sizeof(from));
	tool_say("%s; restarting from %s in %lld ms", co->lost, from,
	    (long long)(delay > 0 ? delay : 0));
}

/* Did the sources read anything since the job was resumed? */
static int
nothing_new(const struct coordinator *co)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	const struct jobfile_subtask	*s;
	size_t				 i, k;
	int				 stage;

	if (co->resumed_at == 0 || last == NULL || co->before == NULL)
		return (0);
	for (i = 0; i < last->nsubtasks; i++) {
		s = &last->subtask[i];
		stage = topology_find(&co->roster.topology, s->stage);
		if (stage == -1 || !co->roster.topology.stage[stage].source)
			continue;
		for (k = 0; k < co->nbefore && (co->before[k].subtask != s->subtask ||
		    strcmp(co->before[k].stage, s->stage) != 0); k++)
			;
		if (k == co->nbefore || co->before[k].sum != XXH3_64bits(s->state, s->statelen))
			return (0);
	}
	return (1);
}

static void
done(const struct coordinator *co)
{
	unsigned long long id = last_id(co);

	if (co->coord.stop)
		tool_say("stopped at checkpoint %llu; the same line goes on from there", id);
	else if (nothing_new(co))
		tool_say("no new input since checkpoint %llu: nothing to do",
		    (unsigned long long)co->resumed_at);
	else
		tool_say("done at checkpoint %llu", id);
}

static void
failed(const struct coordinator *co)
{
	const char *why = co->end[0] != '\0' ? co->end : co->coord.why;

	if (why[0] != '\0')
		tool_fail(0, "%s; the job stays at checkpoint %llu", why,
		    (unsigned long long)last_id(co));
}

static void
running(struct coordinator *co)
{
	log_say(LOG_DEBUG, "running, attempt %lu", (unsigned long)co->coord.attempt);
	rundir_clear_below(co->run, co->coord.attempt);	/* all are in this one now */
	if (!co->hinted && last_id(co) == 0 && joboptions.interval_ms > 0 &&
	    isatty(STDERR_FILENO))
		tool_say("first output at checkpoint 1");
	co->hinted = 1;
}

void
notes_state(struct coordinator *co)
{
	enum job_state state = co->coord.state;

	if (state == co->noted)
		return;
	co->noted = state;
	notify("STATUS=%s, attempt %lu, checkpoint %llu", control_state(state),
	    (unsigned long)co->coord.attempt, (unsigned long long)last_id(co));
	switch (state) {
	case JOB_RUNNING:
		running(co);
		break;
	case JOB_DONE:
		done(co);
		break;
	case JOB_FAILED:
		failed(co);
		break;
	case JOB_CANCELLED:
		tool_say("%s; the job stays at checkpoint %llu", co->coord.why,
		    (unsigned long long)last_id(co));
		break;
	default:
		break;
	}
}
