/* world: chance, the shapes of jobs, and what befalls them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

struct coverage coverage;

uint64_t
rnd(struct world *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return ((w->rng >> 11) % n);
}

void
violate(struct world *w, const char *what)
{
	if (w->violation[0] == '\0')
		snprintf(w->violation, sizeof(w->violation), "seed %llu: %s",
		    (unsigned long long)w->seed, what);
}

/* Subtasks by letter: a source, an operator, the sink. */
static void
subtasks(struct world *w, const char *kinds)
{
	struct subtask *n;

	for (; *kinds != '\0'; kinds++) {
		n = &w->n[w->subtasks++];
		n->kind = *kinds == 's' ? SOURCE : *kinds == 'o' ? OPERATOR : SINK;
		if (n->kind == SOURCE)
			n->source = w->sources++;
	}
}

static void
connect(struct world *w, int from, int to, int partition)
{
	struct slink	*l = &w->l[w->links];
	int		 k;

	l->from = from;
	l->to = to;
	l->partition = partition;
	for (k = 0; k < w->links; k++)
		l->place += w->l[k].to == to;
	w->links++;
}

static void
shape(struct world *w, int which)
{
	int i;

	w->paths = 1;
	switch (which) {
	case 0:				/* a chain */
		subtasks(w, "sok");
		connect(w, 0, 1, -1), connect(w, 1, 2, -1);
		w->ordered = 1;
		break;
	case 1:				/* fan-in of two */
		subtasks(w, "ssok");
		connect(w, 0, 2, -1), connect(w, 1, 2, -1), connect(w, 2, 3, -1);
		break;
	case 2:				/* a diamond: every record comes twice */
		subtasks(w, "soook");
		connect(w, 0, 1, -1), connect(w, 0, 2, -1), connect(w, 1, 3, -1);
		connect(w, 2, 3, -1), connect(w, 3, 4, -1);
		w->paths = 2;
		break;
	case 3:				/* -p 2 behind keyby */
		subtasks(w, "soook");
		connect(w, 0, 1, -1), connect(w, 1, 2, 0), connect(w, 1, 3, 1);
		connect(w, 2, 4, -1), connect(w, 3, 4, -1);
		break;
	default:			/* fan-in of three, one of them by a detour */
		subtasks(w, "sssook");
		for (i = 0; i < 3; i++)
			connect(w, i, i == 0 ? 3 : 4, -1);
		connect(w, 3, 4, -1), connect(w, 4, 5, -1);
		break;
	}
}

void
world_open(struct world *w, uint64_t seed, enum mutant mutant)
{
	int i;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->rng = seed * 0x9e3779b97f4a7c15U + 1;
	w->mutant = mutant;
	w->trace = getenv("TRACE") != NULL;
	w->records = RECORDS;
	for (i = 0; i < 8; i++)
		rnd(w, 2);
	shape(w, (int)(seed % SHAPES));
	w->at_least_once = rnd(w, 4) == 0;
	w->stops = rnd(w, 3) == 0;
	w->interval_ms = 2 + (int64_t)rnd(w, 30);
	w->pause_ms = (int64_t)(rnd(w, 4) == 0 ? rnd(w, 40) : 0);
	w->timeout_ms = rnd(w, 4) == 0 ? 15 : CALM_TIMEOUT;
	w->concurrent = 1 + (unsigned)rnd(w, 3);
	w->retain = 1 + (unsigned)rnd(w, 3);
	w->delay_ms = (int64_t)rnd(w, 2);
	w->crash_every = 150 << rnd(w, 4);
	w->chaos = 1;
	coordinator_start(w);
}

void
world_close(struct world *w)
{
	if (w->coord_alive)
		coord_close(&w->c);
}

void
world_calm(struct world *w)
{
	w->chaos = 0;
	w->timeout_ms = w->c.timeout_ms = CALM_TIMEOUT;
}

/* The job is done and everybody has left; the same line is run again. */
void
world_again(struct world *w)
{
	int i;

	coord_close(&w->c);
	w->coord_alive = 0;
	for (i = 0; i < w->subtasks; i++)
		w->n[i].alive = w->n[i].linked = 0;
	for (i = 0; i < w->links; i++)
		w->l[i].broken = 1;
	w->records += (int)rnd(w, GROWN + 1);
	w->chaos = 1;
	TRACE(w, "run again, %d records\n", w->records);
}

/* Everything; half of the time it is the power, and the disk keeps what it likes. */
static void
crash_all(struct world *w)
{
	struct disk	*d = &w->disk;
	int		 i;

	for (i = 0; i < w->subtasks; i++)
		subtask_die(w, i);
	if (w->coord_alive)
		coordinator_die(w);
	if (rnd(w, 2))
		return;
	coverage.power++;
	if (d->jend > d->jsynced)
		d->jend = d->jsynced + (int)rnd(w, (uint64_t)(d->jend - d->jsynced + 1));
	if (d->olen > d->osynced)
		d->olen = d->osynced + (int)rnd(w, (uint64_t)(d->olen - d->osynced + 1));
}

static void
crash(struct world *w)
{
	switch (rnd(w, 6)) {
	case 0:
		if (w->coord_alive)
			coordinator_die(w);
		break;
	case 1:
		crash_all(w);
		break;
	default:
		subtask_die(w, (int)rnd(w, (uint64_t)w->subtasks));
	}
}

/* What people ask for: checkpoints, savepoints, a stop. */
static void
ask(struct world *w)
{
	if (!w->coord_alive)
		return;
	if (w->stops && rnd(w, 8) == 0) {
		coverage.stops++;
		coord_stop(&w->c, w->now);
	} else
		coord_request(&w->c, rnd(w, 2) ? COORD_SAVEPOINT : COORD_REQUESTED, w->now);
	coordinator_after(w);
}

void
world_step(struct world *w)
{
	int i = (int)rnd(w, (uint64_t)w->subtasks);

	if (w->chaos && rnd(w, w->crash_every) == 0) {
		crash(w);
		return;
	}
	if (w->chaos && rnd(w, 80) == 0) {
		ask(w);
		return;
	}
	switch (rnd(w, 8)) {
	case 0:
		w->now += (int64_t)rnd(w, 4);
		if (!w->coord_alive)
			coordinator_start(w);
		else {
			coord_tick(&w->c, w->now);
			coordinator_after(w);
		}
		break;
	case 1:
		if (w->coord_alive)
			coordinator_tell(w, i);
		break;
	case 2:
		if (w->coord_alive && w->n[i].linked && w->n[i].nup > 0)
			coordinator_hear(w, i);
		break;
	default:
		subtask_step(w, i);
	}
}
