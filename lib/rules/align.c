/*
 * align: a stage's inputs at barriers.
 *
 * Barriers on a link ascend.  So a later barrier on a link that still owes N
 * says that N was given up above; and one rule settles the race of barrier and
 * view: N is dead exactly when it was given out and is not pending.
 */
#include <string.h>

#include "rules.h"

enum { FLOWING, ALIGNING };
enum { STALE, SAME, NEWER, LAST };

/*
 * What a barrier is to us:	STALE	nobody waits for it
 *				SAME	of the alignment under way, others owe it
 *				NEWER	than all before it, others owe it
 *				LAST	it has come on all links now
 */
static const enum align_step step[2][4] = {
	/*             STALE       SAME        NEWER          LAST */
	[FLOWING]  = { ALIGN_DROP, ALIGN_DROP, ALIGN_PARK,    ALIGN_SNAPSHOT },
	[ALIGNING] = { ALIGN_DROP, ALIGN_PARK, ALIGN_RESTART, ALIGN_SNAPSHOT },
};

int
ids_dead(const struct ids *v, uint64_t id)
{
	unsigned i;

	if (id > v->highest)
		return (0);		/* newer than the view */
	for (i = 0; i < v->npending; i++)
		if (v->pending[i] == id)
			return (0);
	return (1);
}

static void
release(struct align *a)
{
	memset(a->parked, 0, a->links);
	a->come = 0;
	a->id = 0;
}

static void
tally_remove(struct align *a, unsigned i)
{
	memmove(&a->tally[i], &a->tally[i + 1], (a->ntally - i - 1) * sizeof(a->tally[0]));
	a->ntally--;
}

/* At least once: the last of N snapshots and ends all before it. */
static enum align_step
count(struct align *a, uint64_t id)
{
	unsigned i;

	for (i = 0; i < a->ntally && a->tally[i].id != id; i++)
		;
	if (i == a->ntally) {
		if (a->links > 1 && a->ntally == ALIGN_COUNTS)
			tally_remove(a, 0);
		i = a->links > 1 ? a->ntally++ : 0;
		a->tally[i].id = id;
		a->tally[i].come = 0;
	}
	if (++a->tally[i].come < a->links)
		return (ALIGN_COUNT);
	a->last = id;
	for (i = 0; i < a->ntally;)
		if (a->tally[i].id <= id)
			tally_remove(a, i);
		else
			i++;
	return (ALIGN_SNAPSHOT);
}

enum align_step
align_barrier(struct align *a, unsigned link, uint64_t id, const struct ids *ids)
{
	unsigned	come = a->id == id ? a->come + 1 : 1;
	int		event;
	enum align_step	todo;

	if (id <= a->last || id < a->id || ids_dead(ids, id))
		event = STALE;
	else if (a->at_least_once)
		return (count(a, id));
	else if (come == a->links)
		event = LAST;
	else
		event = id == a->id ? SAME : NEWER;
	todo = step[a->id != 0 ? ALIGNING : FLOWING][event];
	switch (todo) {
	case ALIGN_RESTART:
		release(a);
		/* FALLTHROUGH */
	case ALIGN_PARK:
		a->id = id;
		a->come++;
		a->parked[link] = 1;
		break;
	case ALIGN_SNAPSHOT:
		release(a);
		a->last = id;
		break;
	case ALIGN_DROP:
	case ALIGN_COUNT:
		break;
	}
	return (todo);
}

int
align_view(struct align *a, const struct ids *ids)
{
	unsigned i;

	for (i = 0; i < a->ntally;)
		if (ids_dead(ids, a->tally[i].id))
			tally_remove(a, i);
		else
			i++;
	if (a->id == 0 || !ids_dead(ids, a->id))
		return (0);
	a->last = a->id;
	release(a);
	return (1);
}
