/* work: a subtask's records, its writer and its commits in the simulator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static int
is_full(const struct world *w, int i)
{
	int k;

	for (k = 0; k < w->links; k++)
		if (w->l[k].from == i && w->l[k].data >= ROOM)
			return (1);
	return (0);
}

static void
produce(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct sframe	 f = { .type = DATA };

	if (n->now.pos < w->records && (w->mutant != FINISHED_EARLY || n->now.pos < RECORDS - 1)) {
		f.r.source = (short)n->source;
		f.r.record = (short)n->now.pos++;
	} else {
		f.type = END;
		n->end_sent = 1;
		report_send(n, FINISHED, 0, NULL);
	}
	forward(w, i, &f);
}

static void
take_record(struct world *w, int i, const struct sframe *f)
{
	struct subtask	*n = &w->n[i];
	struct disk	*d = &w->disk;

	n->now.applied[f->r.source]++;
	if (n->kind != SINK)
		forward(w, i, f);
	else if (d->jend == DISK)
		violate(w, "more records than the simulator has room for");
	else
		d->journal[d->jend++] = f->r;
}

static void
take(struct world *w, int i, struct slink *l)
{
	struct subtask	*n = &w->n[i];
	struct sframe	 f = l->q[l->head++];
	enum align_step	 step;

	if (l->head == l->tail)
		l->head = l->tail = 0;
	switch (f.type) {
	case DATA:
		l->data--;
		take_record(w, i, &f);
		break;
	case BARRIER:
		step = align_barrier(&n->a, l->place, f.id, &n->m.ids);
		coverage.steps[step]++;
		if (step == ALIGN_SNAPSHOT)
			subtask_snapshot(w, i, f.id);
		break;
	case END:
		if (++n->ends == (int)n->a.links)
			forward(w, i, &f);
		break;
	}
}

static int
take_any(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct slink	*l;
	int		 k, start = (int)rnd(w, LINKS);

	if (!n->joined || is_full(w, i))
		return (0);
	for (k = 0; k < w->links; k++) {
		l = &w->l[(start + k) % w->links];
		if (l->to != i || l->broken || l->head == l->tail ||
		    l->attempt != n->m.attempt || n->parked[l->place])
			continue;
		take(w, i, l);
		return (1);
	}
	return (0);
}

/* The writer: a snapshot becomes durable, or the disk is broken. */
static int
write_one(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct writing	 first = n->w[0];

	if (n->nw > 1 && rnd(w, 8) == 0) {	/* a savepoint lets later ones go first */
		n->w[0] = n->w[1];
		n->w[1] = first;
	}
	if (n->nw == 0)
		return (0);
	if (w->chaos && rnd(w, 100) == 0) {
		coverage.failed_writes++;
		subtask_die(w, i);
		return (1);
	}
	if (n->kind == SINK && w->disk.jsynced < n->w[0].p.to)
		w->disk.jsynced = n->w[0].p.to;
	report_send(n, ACK, n->w[0].id, &n->w[0].p);
	memmove(&n->w[0], &n->w[1], --n->nw * sizeof(n->w[0]));
	return (1);
}

static void
publish_one(struct world *w, struct subtask *n)
{
	struct disk	*d = &w->disk;
	int		 k = n->publish_at++;

	if (k < d->olen && (d->out[k].source != d->journal[k].source ||
	    d->out[k].record != d->journal[k].record))
		violate(w, "a commit done again writes other bytes");
	d->out[k] = d->journal[k];
	if (k >= d->olen) {
		d->olen = k + 1;
		check_published(w, k);
	}
	if (w->mutant == TRIM_BEFORE_FSYNC)
		d->jbase = n->publish_at;
}

/* The output's fsync; only then is the journal below the oldest retained trimmed. */
static void
publish_sync(struct world *w, int i)
{
	struct subtask	*n = &w->n[i];
	struct disk	*d = &w->disk;
	int		 to;

	if (n->publish_at > d->osynced)
		d->osynced = n->publish_at;
	if (n->m.oldest == 0)
		return;
	to = w->acked[n->m.oldest][i].to;
	if (to <= d->osynced && to > d->jbase)
		d->jbase = to;
}

/* Publish one record, or at the end fsync and say that it is committed. */
static int
commit_one(struct world *w, int i)
{
	struct subtask *n = &w->n[i];

	if (!n->joined)
		return (0);
	if (n->kind == SINK && n->publish_at < n->publish_to) {
		publish_one(w, n);
		return (1);
	}
	if (n->commit_id == 0)
		return (0);
	if (n->kind == SINK && w->mutant != COMMITTED_BEFORE_FSYNC)
		publish_sync(w, i);
	report_send(n, COMMITTED, n->commit_id, NULL);
	n->commit_id = 0;
	return (1);
}

/* One of the things that this subtask could do now. */
int
subtask_step(struct world *w, int i)
{
	struct subtask *n = &w->n[i];

	if (!n->alive) {
		if (w->coord_alive)
			subtask_start(w, i);
		return (w->coord_alive);
	}
	if (!n->linked) {		/* hears nothing any more: exit 75, and again */
		if (rnd(w, 4) == 0) {
			subtask_die(w, i);
			return (1);
		}
		if (!n->joined)
			return (0);
	}
	switch (rnd(w, 6)) {
	case 0:
		return (write_one(w, i));
	case 1:
		return (commit_one(w, i));
	case 2:
		if (!n->joined || n->connected)
			return (0);
		subtask_connect(w, i);
		return (n->connected);
	case 3:
		if (!n->has_mail)
			return (0);
		subtask_view(w, i);
		return (1);
	default:
		if (n->kind != SOURCE)
			return (take_any(w, i));
		if (!n->run || n->end_sent || is_full(w, i))
			return (0);
		produce(w, i);
		return (1);
	}
}
