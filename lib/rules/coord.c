/*
 * coord: the coordinator's side of the checkpoint protocol.
 *
 * Job.json's replacement is the commit point: an event that changes something
 * durable sets persist, and its driver writes before it tells anybody.
 *  - Ids are never used twice: those up to reserved may be out.
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

static void
pending_free(struct coord_pending *p)
{
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

static void
pending_drop_all(struct coord *c)
{
	struct coord_pending *p;

	while ((p = c->pending) != NULL) {
		c->pending = p->next;
		pending_free(p);
	}
}

static struct coord_pending *
pending_find(const struct coord *c, uint64_t id)
{
	struct coord_pending *p;

	for (p = c->pending; p != NULL && p->id != id; p = p->next)
		;
	return (p);
}

static void
pending_remove(struct coord *c, struct coord_pending *gone)
{
	struct coord_pending **at;

	for (at = &c->pending; *at != gone; at = &(*at)->next)
		;
	*at = gone->next;
	pending_free(gone);
}

void
coord_open(struct coord *c, int64_t now)
{
	(void)now;
	c->highest = c->reserved;
	c->attempt++;
	c->state = JOB_GATHERING;
	c->persist = 1;
	say(c);
}

void
coord_close(struct coord *c)
{
	pending_drop_all(c);
	free(c->member);
	free(c->retained);
}

static uint64_t
last_completed(const struct coord *c)
{
	return (c->nretained > 0 ? c->retained[c->nretained - 1] : 0);
}

/* A new attempt: everybody starts from the last completed checkpoint. */
static void
attempt_open(struct coord *c)
{
	unsigned i;

	for (i = 0; i < c->nmembers; i++) {
		c->member[i].present = c->member[i].connected = c->member[i].finished = 0;
		c->member[i].committed = 0;
	}
	c->attempt++;
	c->state = JOB_GATHERING;
	c->final = 0;
	c->persist = 1;
	say(c);
}

static void
attempt_fail(struct coord *c, int64_t now)
{
	int64_t delay;

	if (c->state != JOB_GATHERING && c->state != JOB_RUNNING)
		return;
	pending_drop_all(c);
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
	if ((list = realloc(c->retained, (c->nretained + 1) * sizeof(*list))) == NULL)
		return (-1);
	c->retained = list;
	memmove(list + at + 1, list + at, (c->nretained++ - at) * sizeof(*list));
	list[at] = id;
	while (c->nretained > (c->retain > 0 ? c->retain : 1))
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
	say(c);
}

static void
checkpoint_complete(struct coord *c, struct coord_pending *p, int64_t now)
{
	struct coord_pending	*q, *next;
	uint64_t		 id = p->id;

	if (p->final && id > c->final)
		c->final = id;
	if (retain(c, id) == -1) {
		coord_failed(c, strerror(errno));
		return;
	}
	pending_remove(c, p);
	for (q = c->pending; q != NULL; q = next) {
		next = q->next;
		if (q->id < id && q->kind != COORD_SAVEPOINT)
			pending_remove(c, q);
	}
	restart_completed(&c->restart);
	trigger_completed(&c->trigger, now);
	c->completed_now = id;
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

static void
checkpoint_abort(struct coord *c, struct coord_pending *p)
{
	c->aborted_now = p->id;
	pending_remove(c, p);
	say(c);
}

void
coord_decline(struct coord *c, unsigned member, uint64_t id, int64_t now)
{
	struct coord_pending *p;

	if (c->state != JOB_RUNNING || !is_present(c, member) ||
	    (p = pending_find(c, id)) == NULL)
		return;
	checkpoint_abort(c, p);
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
coord_failed(struct coord *c, const char *why)
{
	if (c->state == JOB_DONE || c->state == JOB_FAILED || c->state == JOB_CANCELLED)
		return;
	pending_drop_all(c);
	trigger_stop(&c->trigger);
	c->state = JOB_FAILED;
	snprintf(c->why, sizeof(c->why), "%s", why);
	say(c);
}

uint64_t
coord_request(struct coord *c, enum coord_kind kind, int64_t now)
{
	if (c->state != JOB_RUNNING || c->final != 0)
		return (0);
	return (checkpoint_begin(c, kind, now));
}

void
coord_stop(struct coord *c, int64_t now)
{
	if (c->stop)
		return;
	c->stop = 1;
	say(c);
	coord_tick(c, now);
}

void
coord_cancel(struct coord *c)
{
	if (c->state == JOB_FAILED)
		return;
	coord_failed(c, "cancelled");
	if (c->state == JOB_FAILED)
		c->state = JOB_CANCELLED;
}

/* The final checkpoint waits for no interval; it is tried until one completes. */
static int
final_wanted(const struct coord *c)
{
	const struct coord_pending *p;

	if (c->final != 0 || !all_finished(c))
		return (0);
	for (p = c->pending; p != NULL; p = p->next)
		if (p->final)
			return (0);
	return (1);
}

void
coord_tick(struct coord *c, int64_t now)
{
	struct coord_pending *p, *next;

	if (c->state == JOB_DELAYED && now >= c->open_ms)
		attempt_open(c);
	if (c->state != JOB_RUNNING)
		return;
	for (p = c->pending; p != NULL; p = next) {
		next = p->next;
		if (p->kind != COORD_SAVEPOINT && now - p->triggered_ms >= c->timeout_ms)
			checkpoint_abort(c, p);
	}
	if (final_wanted(c))
		checkpoint_begin(c, COORD_REQUESTED, now);
	else if (c->final == 0 && trigger_fire(&c->trigger, now, pending_count(c)))
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
		return (RULES_NEVER);
	if (c->final == 0)
		next = trigger_next(&c->trigger, pending_count(c));
	for (p = c->pending; p != NULL; p = p->next)
		if (p->kind != COORD_SAVEPOINT && p->triggered_ms + c->timeout_ms < next)
			next = p->triggered_ms + c->timeout_ms;
	return (next);
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
