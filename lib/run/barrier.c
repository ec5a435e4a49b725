/*
 * barrier: where the stream is cut into epochs.
 *
 * Barrier N is forwarded to all outputs before any later record, and then the
 * snapshot is taken: for the loop one step between two records.
 */
#include <string.h>
#include <time.h>

#include "run.h"

static int64_t
wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Forward it behind all that was emitted, then take the snapshot: one step between
 * two records.  1: done; 0: what is in hand has to go first. */
static int
barrier_pass(struct weir *w, uint64_t id)
{
	int done;

	STEP("barrier-come");
	if (w->stage->drain != NULL && (done = w->stage->drain(w)) != WEIR_OK)
		return (done == -1 ? -1 : 0);
	if (w->out != NULL) {
		if (!unread(w) && (done = emit_flush(w)) != 1)
			return (done);
		if (outlet_barrier(w, id, w->job->triggered_ms) == -1)
			return (-1);
		STEP("barrier-forwarded");
	}
	return (snapshot_take(w, id) == -1 ? -1 : 1);
}

/* A source's: those that the view wants, in ascending order. */
int
barriers_send(struct weir *w)
{
	struct job	*j = w->job;
	int		 done;

	while (j->nbarrier > 0) {
		j->triggered_ms = (uint64_t)wall_ms();
		if ((done = barrier_pass(w, j->barrier[0])) != 1)
			return (done);
		memmove(j->barrier, j->barrier + 1, --j->nbarrier * sizeof(j->barrier[0]));
	}
	return (1);
}

/* The one that has come on all inputs.  2: passed; 0: not yet. */
int
barrier_due(struct weir *w)
{
	int done;

	if ((done = barrier_pass(w, w->job->due)) != 1)
		return (done);
	w->job->due = 0;
	return (2);
}

/* The disk is behind, or memory is short until a checkpoint of ours is complete. */
int
barrier_holds(const struct weir *w)
{
	struct store *store;

	if (w->job == NULL)
		return (0);
	if (journals_full(w))
		return (1);
	store = handles_store(w);
	return (store != NULL && store_pressure(store) == STORE_FULL &&
	    (snapshot_open(w) || w->job->tending));
}
