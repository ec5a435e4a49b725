/*
 * coordinator: checkpointd in the simulator.
 *
 * Its job.json is what world calls durable; everything else dies with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

void
coordinator_die(struct world *w)
{
	int i;

	TRACE(w, "coordinator dies\n");
	coverage.coord_deaths++;
	coord_close(&w->c);
	w->coord_alive = 0;
	for (i = 0; i < w->subtasks; i++) {
		w->n[i].linked = 0;
		w->n[i].nup = 0;
	}
}

/* Replace job.json.  What it says is completed can only grow. */
static void
persist(struct world *w)
{
	struct coord	*c = &w->c;
	unsigned	 i;

	w->d_attempt = c->attempt;
	w->d_reserved = w->mutant == ID_REUSED ? c->highest : c->reserved;
	w->d_nretained = c->nretained;
	for (i = 0; i < c->nretained; i++) {
		w->d_retained[i] = c->retained[i];
		if (i > 0 && c->retained[i] <= c->retained[i - 1])
			violate(w, "the retained checkpoints do not ascend");
	}
	if (i > 0) {
		if (c->retained[i - 1] < w->max_completed)
			violate(w, "the completed checkpoint went back");
		w->max_completed = c->retained[i - 1];
	}
	coord_saved(c);
}

/* An fsync that fails: old or new, nobody knows; we exit. */
static int
persist_fails(struct world *w)
{
	if (!w->chaos || rnd(w, 60) != 0)
		return (0);
	if (rnd(w, 2))
		persist(w);
	coverage.failed_writes++;
	coordinator_die(w);
	return (1);
}

static void
ended(struct world *w, const struct coord_pending *p)
{
	if (p->how != COORD_COMPLETED) {
		coverage.aborted++;
		coverage.unsaved += p->how == COORD_UNSAVED;
		return;
	}
	TRACE(w, "checkpoint %llu completed\n", (unsigned long long)p->id);
	coverage.completed++;
	coverage.late += p->id < w->max_completed;
	check_checkpoint(w, p->id);
}

/* After each event: job.json first, and only then the view. */
void
coordinator_after(struct world *w)
{
	struct coord		*c = &w->c;
	struct coord_pending	*p;

	if (c->highest >= IDS - 1)
		violate(w, "more ids than the simulator has room for");
	if (c->persist) {
		if (persist_fails(w))
			return;
		if (w->chaos && c->durable.attempt > 0 && rnd(w, 60) == 0)
			coord_unsaved(c, w->now);	/* the disk is full */
		else if (w->mutant != VIEW_BEFORE_PERSIST || !w->chaos || rnd(w, 4) != 0)
			persist(w);	/* the mutant: later, perhaps */
	}
	/* only now can anybody hear of it */
	if (c->attempt < w->max_attempt)
		violate(w, "the attempt went back");
	w->max_attempt = c->attempt;
	for (; w->given < c->highest && w->given < IDS - 1; w->given++) {
		if (w->used[w->given + 1])
			violate(w, "an id was used twice");
		w->used[w->given + 1] = 1;
	}
	while ((p = coord_ended(c)) != NULL) {
		ended(w, p);
		coord_pending_free(p);
	}
}

void
coordinator_start(struct world *w)
{
	struct coord	*c = &w->c;
	unsigned	 i;

	memset(c, 0, sizeof(*c));
	c->restart.kind = RESTART_EXPONENTIAL;
	c->restart.delay_ms = w->delay_ms;
	c->restart.max_ms = 20;
	c->restart.factor = 1.5;
	c->trigger.interval_ms = w->interval_ms;
	c->trigger.pause_ms = w->pause_ms;
	c->trigger.concurrent = w->concurrent;
	c->timeout_ms = w->timeout_ms;
	c->retain = w->retain;
	c->attempt = w->d_attempt;
	c->reserved = w->d_reserved;
	if ((c->retained = calloc(8, sizeof(uint64_t))) == NULL)
		abort();
	for (i = 0; i < w->d_nretained; i++)
		c->retained[i] = w->d_retained[i];
	c->nretained = w->d_nretained;
	coord_open(c, w->now);
	w->given = c->highest;
	w->coord_alive = 1;
	TRACE(w, "coordinator starts, attempt %u\n", c->attempt);
	coordinator_after(w);
}

/* A knock of a subtask that is not of this attempt yet. */
static void
hear_register(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct coord	*c = &w->c;
	unsigned	 k;
	int		 all = 1;

	n->registered = coord_register(c, (unsigned)i, n->kind == SOURCE, w->now);
	coordinator_after(w);
	/* welcomed once its attempt is durable */
	n->registered &= w->coord_alive && c->state == JOB_GATHERING;
	if (n->registered) {
		n->m.attempt = c->attempt;
		memmove(&n->up[0], &n->up[1], --n->nup * sizeof(n->up[0]));
		for (k = 0; k < (unsigned)w->subtasks; k++)
			all &= k < c->nmembers && c->member[k].present;
		if (all && !c->whole)
			coord_whole(c, w->now);
	}				/* else it knocks again */
	coordinator_after(w);
}

void
coordinator_hear(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct coord	*c = &w->c;
	struct report	 r = n->up[0];
	unsigned	 from = (unsigned)i;

	if (r.what == REGISTER) {
		hear_register(w, i);
		return;
	}
	memmove(&n->up[0], &n->up[1], --n->nup * sizeof(r));
	if (r.attempt != c->attempt)
		return;
	switch (r.what) {
	case CONNECTED:
		coord_connected(c, from, w->now);
		break;
	case ACK:
		if (c->state == JOB_RUNNING)
			w->acked[r.id][i] = r.p;
		coord_ack(c, from, r.id, w->now);
		break;
	case DECLINE:
		coord_decline(c, from, r.id, NULL, w->now);
		break;
	case FINISHED:
		coord_finished(c, from, w->now);
		break;
	default:
		coord_committed(c, from, r.id, w->now);
		break;
	}
	coordinator_after(w);
}

/* The newest view, unless one is on its way: it is skipped where it would block. */
void
coordinator_tell(struct world *w, int i)
{
	struct subtask *n = &w->n[i];

	if (!n->registered || !n->linked || n->has_mail || rnd(w, 5) == 0)
		return;
	coord_view(&w->c, &n->mail);
	n->has_mail = 1;
}
