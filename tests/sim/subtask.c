/*
 * subtask: a worker's life in the simulator.
 *
 * There is one way to start it, and it is the way to recover it: register, be
 * told what to restore, connect, run.  It dies at any step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

void
report_send(struct subtask *n, enum up what, uint64_t id, const struct payload *p)
{
	struct report *r;

	if (!n->linked || n->nup == REPORTS)
		return;
	r = &n->up[n->nup++];
	memset(r, 0, sizeof(*r));
	r->what = what;
	r->id = id;
	r->attempt = n->m.attempt;
	if (p != NULL)
		r->p = *p;
}

void
subtask_die(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	int		 k;

	if (!n->alive)
		return;
	TRACE(w, "subtask %d dies\n", i);
	coverage.deaths++;
	n->alive = 0;
	for (k = 0; k < w->links; k++)
		if ((w->l[k].from == i || w->l[k].to == i) && w->l[k].attempt == n->m.attempt)
			w->l[k].broken = 1;
	if (n->linked && w->coord_alive) {
		if (n->registered && n->m.attempt == w->c.attempt) {
			coord_lost(&w->c, (unsigned)i, w->now);
			coordinator_after(w);
		}
	}
	n->linked = 0;
}

void
subtask_start(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	enum kind	 kind = n->kind;
	int		 source = n->source, k;

	memset(n, 0, sizeof(*n));
	n->kind = kind;
	n->source = source;
	n->alive = n->linked = 1;
	n->m.source = n->kind == SOURCE;
	n->a.parked = n->parked;
	n->a.at_least_once = w->at_least_once || w->mutant == NO_ALIGNMENT;
	for (k = 0; k < w->links; k++)
		n->a.links += w->l[k].to == i;
	report_send(n, REGISTER, 0, NULL);
}

void
forward(struct world *w, int i, const struct sframe *f)
{
	struct slink	*l;
	int		 k;

	for (k = 0; k < w->links; k++) {
		l = &w->l[k];
		if (l->from != i || l->broken || l->attempt != w->n[i].m.attempt)
			continue;
		if (f->type == DATA && l->partition != -1 && l->partition != f->r.record % 2)
			continue;
		if (l->tail == QUEUE) {
			violate(w, "more frames than the simulator has room for");
			return;
		}
		l->q[l->tail++] = *f;
		l->data += f->type == DATA;
	}
}

/* One step between two records: the barrier goes first, then the snapshot. */
void
subtask_snapshot(struct world *w, int i, uint64_t id)
{
	struct subtask	*n = &w->n[i];
	struct sframe	 f = { .type = BARRIER, .id = id };

	forward(w, i, &f);
	if (n->nw == WRITES || (w->chaos && rnd(w, 80) == 0)) {
		report_send(n, DECLINE, id, NULL);
		return;
	}
	if (n->kind == SINK)
		n->now.to = w->disk.jend;
	n->w[n->nw].id = id;
	n->w[n->nw].p = n->now;
	if (n->kind == SOURCE && w->mutant == POSITION_EARLY && n->now.pos > 0)
		n->w[n->nw].p.pos--;
	if (w->mutant == ACK_BEFORE_SYNC) {
		report_send(n, ACK, id, &n->w[n->nw].p);
		return;
	}
	n->nw++;
	if (n->kind == SINK && w->mutant == COMMIT_AT_BARRIER)
		n->publish_to = n->now.to;
}

/* Cut the journal, publish again all that it still has. */
static void
sink_restore(struct world *w, struct subtask *n)
{
	struct disk *d = &w->disk;

	if (d->jend < n->now.to)
		violate(w, "a restored checkpoint's journal is not there");
	if (d->olen > n->now.to && w->mutant == NONE)
		violate(w, "more is published than was completed");
	if (d->olen < d->jbase)
		violate(w, "the journal was trimmed and the output is shorter");
	d->jend = n->now.to;
	n->publish_at = d->jbase;
	n->publish_to = n->now.to;
}

static void
restore(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct slink	*l;
	int		 k;

	if (n->m.restore != 0)
		n->now = w->acked[n->m.restore][i];
	if (n->kind == SINK)
		sink_restore(w, n);
	n->joined = 1;
	for (k = 0; k < w->links; k++) {
		l = &w->l[k];
		if ((l->from == i || l->to == i) && l->attempt != n->m.attempt) {
			l->attempt = n->m.attempt;
			l->broken = 0;
			if (w->mutant != OLD_FRAMES_TAKEN)
				l->head = l->tail = l->data = 0;
		}
	}
}

static void
commit_begin(struct world *w, int i)
{
	struct subtask *n = &w->n[i];

	n->commit_id = n->m.completed;
	if (n->kind != SINK)
		return;
	n->publish_to = w->acked[n->m.completed][i].to;
	if (n->publish_to < n->publish_at && n->publish_at > w->disk.olen)
		violate(w, "published is beyond completed");
}

/* The view that has come.  Now and then it stays, and comes again later. */
void
subtask_view(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	unsigned	 todo, k;
	struct sframe	 end = { .type = END };

	if (rnd(w, 8) != 0)
		n->has_mail = 0;
	todo = member_view(&n->m, &n->mail);
	if (todo & (MEMBER_LEAVE | MEMBER_FAIL)) {
		n->linked = n->alive = 0;
		return;
	}
	if (todo & MEMBER_AGAIN) {
		subtask_die(w, i);
		return;
	}
	if (todo & MEMBER_RESTORE)
		restore(w, i);
	if (!n->joined)
		return;
	if (n->kind != SOURCE)
		coverage.given_up += align_view(&n->a, &n->m.ids);
	if (todo & MEMBER_RUN)
		n->run = 1;
	if (todo & MEMBER_COMMIT || ((todo & MEMBER_RUN) && n->m.completed != 0))
		commit_begin(w, i);
	if ((todo & MEMBER_STOP) && !n->end_sent) {
		n->end_sent = 1;
		forward(w, i, &end);
		report_send(n, FINISHED, 0, NULL);
	}
	if (todo & MEMBER_BARRIER)
		for (k = 0; k < n->m.nbarrier; k++)
			subtask_snapshot(w, i, n->m.barrier[k]);
}

/* Both ends of each link have restored. */
void
subtask_connect(struct world *w, int i)
{
	struct subtask	*n = &w->n[i], *other;
	struct slink	*l;
	int		 k;

	for (k = 0; k < w->links; k++) {
		l = &w->l[k];
		if (l->from != i && l->to != i)
			continue;
		other = &w->n[l->from == i ? l->to : l->from];
		if (!other->alive || !other->joined || other->m.attempt != n->m.attempt ||
		    l->broken)
			return;
	}
	n->connected = 1;
	report_send(n, CONNECTED, 0, NULL);
}
