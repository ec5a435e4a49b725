/*
 * coord: the coordinator's side of the checkpoint protocol.
 *
 * Job.json's replacement is the commit point: an event that changes something
 * durable sets persist, and its driver writes before it tells anybody.
 *  - Ids are never used twice: those up to reserved may be out.  A job that is
 *    done gives back what it has reserved.
 *  - Nothing of another attempt is acted on: a member that registers gets a
 *    clean slate, and a new attempt empties all slates.
 *  - The first death in an attempt is the failure that counts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

static void
say(struct coord *c)
{
	c->view++;
	c->changed = 1;
}

void
coord_pending_free(struct coord_pending *p)
{
	if (p == NULL)
		return;
	free(p->acked);
	free(p);
}

static unsigned
pending_count(const struct coord *c)
{
	const struct coord_pending	*p;
	unsigned			 n = 0;

	/* a savepoint does not take the place of a checkpoint */
	for (p = c->pending; p != NULL; p = p->next)
		n += p->kind != COORD_SAVEPOINT;
	return (n);
}

/* It is out of the view; the driver hears of it from coord_ended(). */
static void
pending_end(struct coord *c, struct coord_pending *p, enum coord_end how, int64_t now)
{
	struct coord_pending **at;

	for (at = &c->pending; *at != p; at = &(*at)->next)
		;
	*at = p->next;
	p->how = how;
	p->ended_ms = now;
	p->next = NULL;
	for (at = &c->ended; *at != NULL; at = &(*at)->next)
		;
	*at = p;
}

static void
pending_end_all(struct coord *c, enum coord_end how, int64_t now)
{
	while (c->pending != NULL)
		pending_end(c, c->pending, how, now);
}

struct coord_pending *
coord_ended(struct coord *c)
{
	struct coord_pending *p = c->ended;

	if (p != NULL)
		c->ended = p->next;
	return (p);
}

static struct coord_pending *
pending_find(const struct coord *c, uint64_t id)
{
	struct coord_pending *p;

	for (p = c->pending; p != NULL && p->id != id; p = p->next)
		;
	return (p);
}

/* Room for what is durable: coord_saved() cannot fail. */
static int
durable_room(struct coord *c, unsigned n)
{
	uint64_t *list;

	if ((list = realloc(c->durable.retained, (n > 0 ? n : 1) * sizeof(*list))) == NULL)
		return (-1);
	c->durable.retained = list;
	return (0);
}

void
coord_open(struct coord *c, int64_t now)
{
	if (durable_room(c, c->nretained) == -1) {
		coord_failed(c, strerror(errno), now);
		return;
	}
	coord_saved(c);
	c->highest = c->reserved;
	c->reserved += COORD_RESERVE;	/* no checkpoint waits for that later */
	c->open_ms = now;
	c->attempt++;
	c->state = JOB_GATHERING;
	c->persist = 1;
	say(c);
}

void
coord_close(struct coord *c)
{
	struct coord_pending *p;

	pending_end_all(c, COORD_INTERRUPTED, 0);
	while ((p = coord_ended(c)) != NULL)
		coord_pending_free(p);
	free(c->member);
	free(c->retained);
	free(c->durable.retained);
}

static uint64_t
last_completed(const struct coord *c)
{
	return (c->nretained > 0 ? c->retained[c->nretained - 1] : 0);
}

/* A new attempt: everybody starts from the last completed checkpoint. */
static void
attempt_open(struct coord *c, int64_t now)
{
	unsigned i;

	for (i = 0; i < c->nmembers; i++) {
		c->member[i].present = c->member[i].connected = c->member[i].finished = 0;
		c->member[i].committed = 0;
	}
	c->attempt++;
	c->state = JOB_GATHERING;
	c->open_ms = now;
	c->final = 0;
	c->again_ms = c->again_delay_ms = 0;
	c->declined = 0;
	c->persist = 1;
	say(c);
}

static void
attempt_fail(struct coord *c, int64_t now)
{
	int64_t delay;

	if (c->state != JOB_GATHERING && c->state != JOB_RUNNING)
		return;
	pending_end_all(c, COORD_INTERRUPTED, now);
	trigger_stop(&c->trigger);
	if (!restart_failure(&c->restart, now, &delay)) {
		c->state = JOB_FAILED;
		snprintf(c->why, sizeof(c->why), "the restart strategy gives up after %llu "
		    "restarts", (unsigned long long)c->restart.restarts);
	} else {
		c->state = JOB_DELAYED;
		c->open_ms = now + delay;
	}
	say(c);
	coord_tick(c, now);
}

static void
run_if_ready(struct coord *c, int64_t now)
{
	unsigned i;

	if (c->state != JOB_GATHERING || !c->whole)
		return;
	for (i = 0; i < c->nmembers; i++)
		if (!c->member[i].connected)
			return;
	c->state = JOB_RUNNING;
	trigger_start(&c->trigger, now);
	say(c);
}

static int
is_present(const struct coord *c, unsigned member)
{
	return (member < c->nmembers && c->member[member].present);
}

/* One that was here in this attempt already is its own successor: that fails it. */
int
coord_register(struct coord *c, unsigned member, int source, int64_t now)
{
	struct coord_member *list;

	coord_lost(c, member, now);
	if (c->state != JOB_GATHERING)
		return (0);
	if (member >= c->nmembers) {
		if ((list = realloc(c->member, (member + 1) * sizeof(*list))) == NULL)
			return (0);
		memset(list + c->nmembers, 0, (member + 1 - c->nmembers) * sizeof(*list));
		c->member = list;
		c->nmembers = member + 1;
	}
	c->member[member].present = 1;
	c->member[member].source = source;
	return (1);
}

void
coord_whole(struct coord *c, int64_t now)
{
	c->whole = 1;
	run_if_ready(c, now);
}

void
coord_lost(struct coord *c, unsigned member, int64_t now)
{
	if (!is_present(c, member))
		return;
	c->member[member].present = 0;
	attempt_fail(c, now);
}

void
coord_connected(struct coord *c, unsigned member, int64_t now)
{
	if (c->state != JOB_GATHERING || !is_present(c, member))
		return;
	c->member[member].connected = 1;
	run_if_ready(c, now);
}

static int
all_finished(const struct coord *c)
{
	unsigned i;

	for (i = 0; i < c->nmembers; i++)
		if (c->member[i].source && !c->member[i].finished)
			return (0);
	return (1);
}

/* Give out an id: the next one that job.json has reserved. */
static uint64_t
checkpoint_begin(struct coord *c, enum coord_kind kind, int64_t now)
{
	struct coord_pending	*p, **at;
	unsigned		 n = 0;

	for (at = &c->pending; *at != NULL; at = &(*at)->next)
		n++;
	if (n == VIEW_PENDING)
		return (0);		/* what no view can name would count as aborted */
	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->acked = calloc(c->nmembers, 1)) == NULL) {
		free(p);
		return (0);
	}
	p->id = ++c->highest;
	p->kind = kind;
	p->final = all_finished(c);
	p->triggered_ms = now;
	*at = p;
	if (c->highest > c->reserved) {
		c->reserved = c->highest + COORD_RESERVE;
		c->persist = 1;
	}
	say(c);
	return (p->id);
}

/*
 * A savepoint may complete after checkpoints that are newer: it is never the last
 * one, and below the oldest retained one, where stages may have trimmed, not kept.
 */
static int
retain(struct coord *c, uint64_t id)
{
	uint64_t	*list;
	unsigned	 at = c->nretained;

	while (at > 0 && c->retained[at - 1] > id)
		at--;
	if (at == 0 && c->nretained > 0)
		return (0);
	if (durable_room(c, c->nretained + 1) == -1 ||
	    (list = realloc(c->retained, (c->nretained + 1) * sizeof(*list))) == NULL)
		return (-1);
	c->retained = list;
	memmove(list + at + 1, list + at, (c->nretained++ - at) * sizeof(*list));
	list[at] = id;
	while (c->nretained > (c->retain > 0 ? c->retain : 1) &&
	    (c->held == 0 || c->retained[0] < c->held))
		memmove(c->retained, c->retained + 1, --c->nretained * sizeof(*list));
	return (0);
}

static void
done_if_committed(struct coord *c)
{
	unsigned i;

	if (c->final == 0 || c->state != JOB_RUNNING || c->pending != NULL)
		return;
	for (i = 0; i < c->nmembers; i++)
		if (c->member[i].committed < c->final)
			return;
	c->state = JOB_DONE;
	trigger_stop(&c->trigger);
	c->reserved = c->highest;	/* the others were not given out, and will not be */
	c->persist = 1;
	say(c);
}

static void
checkpoint_complete(struct coord *c, struct coord_pending *p, int64_t now)
{
	struct coord_pending	*q, *next;
	uint64_t		 id = p->id;

	if (retain(c, id) == -1) {
		coord_failed(c, strerror(errno), now);
		return;
	}
	if (p->final && id > c->final)
		c->final = id;
	pending_end(c, p, COORD_COMPLETED, now);
	for (q = c->pending; q != NULL; q = next) {
		next = q->next;
		if (q->id < id && q->kind != COORD_SAVEPOINT)
			pending_end(c, q, COORD_SUBSUMED, now);
	}
	restart_completed(&c->restart);
	trigger_completed(&c->trigger, now);
	c->persist = 1;
	say(c);
}

void
coord_ack(struct coord *c, unsigned member, uint64_t id, int64_t now)
{
	struct coord_pending *p;

	if (c->state != JOB_RUNNING || !is_present(c, member) ||
	    (p = pending_find(c, id)) == NULL || p->acked[member])
		return;			/* late, or twice */
	p->acked[member] = 1;
	if (++p->nacked == c->nmembers)
		checkpoint_complete(c, p, now);
	coord_tick(c, now);
}

/* What fails once may well fail again: the final one waits, longer each time. */
static void
final_later(struct coord *c, int64_t now)
{
	c->again_delay_ms = c->again_delay_ms == 0 ? COORD_AGAIN_MS : c->again_delay_ms * 2;
	if (c->again_delay_ms > COORD_AGAIN_MAX_MS)
		c->again_delay_ms = COORD_AGAIN_MAX_MS;
	c->again_ms = now + c->again_delay_ms;
}

static void
checkpoint_abort(struct coord *c, struct coord_pending *p, enum coord_end how, int64_t now)
{
	if (p->final)
		final_later(c, now);
	pending_end(c, p, how, now);
	say(c);
}

static int
is_over(const struct coord *c)
{
	return (c->state == JOB_DONE || c->state == JOB_FAILED || c->state == JOB_CANCELLED);
}

static void
job_end(struct coord *c, enum job_state state, const char *why, int64_t now)
{
	if (is_over(c))
		return;
	pending_end_all(c, COORD_INTERRUPTED, now);
	trigger_stop(&c->trigger);
	c->state = state;
	snprintf(c->why, sizeof(c->why), "%s", why);
	say(c);
}

/* Behind the last record nothing changes any more: a final one that is declined for
 * good would be for ever. */
void
coord_decline(struct coord *c, unsigned member, uint64_t id, const char *why, int64_t now)
{
	struct coord_pending	*p;
	char			 end[sizeof(c->why)];

	if (c->state != JOB_RUNNING || !is_present(c, member) ||
	    (p = pending_find(c, id)) == NULL)
		return;
	if (p->final && why != NULL)
		c->declined++;
	checkpoint_abort(c, p, COORD_DECLINED, now);
	if (c->declined == COORD_DECLINES) {
		snprintf(end, sizeof(end), "the final checkpoint cannot be taken: %s", why);
		job_end(c, JOB_FAILED, end, now);
	}
	coord_tick(c, now);
}

void
coord_finished(struct coord *c, unsigned member, int64_t now)
{
	if (c->state != JOB_RUNNING || !is_present(c, member))
		return;
	c->member[member].finished = 1;
	coord_tick(c, now);
}

void
coord_committed(struct coord *c, unsigned member, uint64_t id, int64_t now)
{
	if (c->state != JOB_RUNNING || !is_present(c, member))
		return;
	if (id > c->member[member].committed)
		c->member[member].committed = id;
	coord_tick(c, now);
}

void
coord_failed(struct coord *c, const char *why, int64_t now)
{
	job_end(c, JOB_FAILED, why, now);
}

uint64_t
coord_request(struct coord *c, enum coord_kind kind, int64_t now)
{
	if (c->state != JOB_RUNNING || c->final != 0)
		return (0);
	return (checkpoint_begin(c, kind, now));
}

void
coord_want(struct coord *c, int64_t now)
{
	if (c->pending == NULL && now >= c->again_ms)
		coord_request(c, COORD_REQUESTED, now);
}

void
coord_stop(struct coord *c, int64_t now)
{
	if (c->stop)
		return;
	c->stop = 1;
	c->stop_ms = now;
	say(c);
	coord_tick(c, now);
}

void
coord_cancel(struct coord *c, int64_t now)
{
	job_end(c, JOB_CANCELLED, "cancelled", now);
}

/* The final checkpoint waits for no interval; it is tried until one completes.
 * Those of the interval would be the same, and end with the last source. */
static int
final_wanted(const struct coord *c)
{
	const struct coord_pending *p;

	if (c->state != JOB_RUNNING || c->final != 0 || !all_finished(c))
		return (0);
	for (p = c->pending; p != NULL; p = p->next)
		if (p->final)
			return (0);
	return (1);
}

/* A job that was stopped does not wait for ever for one who never comes. */
static int64_t
stop_patience(const struct coord *c)
{
	unsigned i;

	if (!c->stop || c->state != JOB_GATHERING)
		return (RULES_NEVER);
	for (i = 0; i < c->nmembers && c->member[i].present; i++)
		;
	if (i == c->nmembers && c->whole)
		return (RULES_NEVER);
	return ((c->stop_ms > c->open_ms ? c->stop_ms : c->open_ms) + COORD_STOP_MS);
}

void
coord_tick(struct coord *c, int64_t now)
{
	struct coord_pending *p, *next;

	if (c->state == JOB_DELAYED && now >= c->open_ms)
		attempt_open(c, now);
	if (now >= stop_patience(c))
		job_end(c, JOB_CANCELLED, "stopped while stages were missing", now);
	if (c->state != JOB_RUNNING)
		return;
	for (p = c->pending; p != NULL; p = next) {
		next = p->next;
		if (p->kind != COORD_SAVEPOINT && now - p->triggered_ms >= c->timeout_ms)
			checkpoint_abort(c, p, COORD_EXPIRED, now);
	}
	if (final_wanted(c) && now >= c->again_ms) {
		if (checkpoint_begin(c, COORD_REQUESTED, now) == 0)
			final_later(c, now);
	} else if (!all_finished(c) && trigger_fire(&c->trigger, now, pending_count(c)))
		checkpoint_begin(c, COORD_PERIODIC, now);
	done_if_committed(c);
}

int64_t
coord_next(const struct coord *c)
{
	const struct coord_pending	*p;
	int64_t				 next = RULES_NEVER;

	if (c->state == JOB_DELAYED)
		return (c->open_ms);
	if (c->state != JOB_RUNNING)
		return (stop_patience(c));
	if (!all_finished(c))
		next = trigger_next(&c->trigger, pending_count(c));
	if (final_wanted(c) && c->again_ms < next)
		next = c->again_ms;
	for (p = c->pending; p != NULL; p = p->next)
		if (p->kind != COORD_SAVEPOINT && p->triggered_ms + c->timeout_ms < next)
			next = p->triggered_ms + c->timeout_ms;
	return (next);
}

/*
 * Durability.
 */

void
coord_saved(struct coord *c)
{
	struct coord_durable *d = &c->durable;

	c->persist = 0;
	d->attempt = c->attempt;
	d->reserved = c->reserved;
	d->final = c->final;
	d->nretained = c->nretained;
	if (c->nretained > 0)
		memcpy(d->retained, c->retained, c->nretained * sizeof(*d->retained));
}

/* Ids above those reserved: nobody has heard of them. */
static void
unsaved_pending(struct coord *c, int64_t now)
{
	struct coord_pending *p, *next;

	for (p = c->pending; p != NULL; p = next) {
		next = p->next;
		if (p->id > c->durable.reserved)
			checkpoint_abort(c, p, COORD_UNSAVED, now);
	}
	if (c->highest > c->durable.reserved)
		c->highest = c->durable.reserved;
	c->reserved = c->durable.reserved;
}

static void
unsaved_completed(struct coord *c, int64_t now)
{
	struct coord_pending *p;

	for (p = c->ended; p != NULL; p = p->next)
		if (p->how == COORD_COMPLETED) {
			p->how = COORD_UNSAVED;
			if (p->final)
				final_later(c, now);
		}
	c->final = c->durable.final;
	c->nretained = c->durable.nretained;
	if (c->nretained > 0)
		memcpy(c->retained, c->durable.retained,
		    c->nretained * sizeof(*c->retained));
}

void
coord_unsaved(struct coord *c, int64_t now)
{
	c->persist = 0;
	unsaved_pending(c, now);
	unsaved_completed(c, now);
	if (c->attempt != c->durable.attempt) {
		c->attempt = c->durable.attempt;
		if (c->state == JOB_GATHERING) {
			c->state = JOB_DELAYED;
			c->open_ms = now + COORD_AGAIN_MAX_MS / 10;
		}
	}
	say(c);
}

void
coord_view(const struct coord *c, struct view *v)
{
	const struct coord_pending *p;

	memset(v, 0, sizeof(*v));
	v->number = c->view;
	v->state = c->state;
	v->attempt = c->attempt;
	v->restore = v->completed = last_completed(c);
	v->oldest = c->nretained > 0 ? c->retained[0] : 0;
	v->stop = c->stop;
	v->ids.highest = c->highest;
	for (p = c->pending; p != NULL && v->ids.npending < VIEW_PENDING; p = p->next)
		v->ids.pending[v->ids.npending++] = p->id;
}
