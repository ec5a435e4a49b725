/*
 * tend: what keyed state wants from the disk besides its snapshots.
 *
 * The store says what there is to do, the writer does it, one piece at a time and
 * behind the snapshots that wait already.  Over half of its memory a stage asks
 * for a checkpoint: only what all retained ones agree on can leave the table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define IDLE_MS		1000		/* without a record: time to write back */
#define ASK_MS		100		/* between two askings of a stage */
#define AGAIN_MS	1000		/* what was asked for has come to nothing */
#define END_MS		100		/* at the end at most */
#define END_SHARE	50		/* and of the run at most one so many-th */

struct tending {
	struct weir		*w;
	struct store_work	*work;
};

static int
tend_run(void *arg)
{
	struct tending *t = arg;

	return (store_work_run(t->work));
}

static void
tend_done(void *arg, int result)
{
	struct tending	*t = arg;
	struct weir	*w = t->w;

	w->job->tending = 0;
	w->job->tend = 1;		/* there may be more */
	if (store_work_done(t->work, result) == -1)
		store_failed(w);
	free(t);
}

/* 0, or -1; nothing is to be done where the store says so. */
static int
tend_begin(struct weir *w, enum store_moment moment)
{
	struct job	*j = w->job;
	struct tending	*t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	errno = 0;
	if ((t->work = store_tend(handles_store(w), moment, 0)) == NULL) {
		free(t);
		return (errno != 0 ? store_failed(w) : 0);
	}
	t->w = w;
	j->tending = 1;
	if (writer_put(j->writer, tend_run, tend_done, t) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

static int
ask(struct weir *w)
{
	struct say	*s;
	int		 r;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	s->kind = SAY_WANT;
	r = job_say(w, s);
	free(s);
	return (r);
}

/* Once for each completed checkpoint that was of no help; again where it was aborted,
 * with or without us. */
static int
want(struct weir *w, int64_t now)
{
	struct job *j = w->job;

	if (j->m.ids.npending > 0 || store_pressure(handles_store(w)) == STORE_EASY ||
	    (j->wanted == j->m.completed + 1 && now < j->asked_ms + AGAIN_MS))
		return (0);
	j->wanted = j->m.completed + 1;
	j->asked_ms = now;
	return (ask(w));
}

/* A stage asks again while it has to: the one that it got may have been aborted. */
int
weir_want(struct weir *w)
{
	struct job	*j = w->job;
	int64_t		 now = now_ms();

	if (j == NULL || !j->running || j->m.ids.npending > 0 || now < j->asked_ms + ASK_MS)
		return (0);
	j->asked_ms = now;
	return (ask(w));
}

int
tend(struct weir *w, int64_t now, int64_t busy_ms)
{
	struct job *j = w->job;

	if (handles_store(w) == NULL || j->memory_backend || !j->running || j->tending)
		return (0);
	if (now >= busy_ms + IDLE_MS && (j->tend || j->idle_ms < busy_ms)) {
		j->idle_ms = now;
		j->tend = 0;
		return (tend_begin(w, STORE_IDLE));
	}
	/* the journal may be trimmed; over half what is in base as well may leave */
	if (j->tend || store_pressure(handles_store(w)) != STORE_EASY) {
		j->tend = 0;
		if (tend_begin(w, STORE_BUSY) == -1)
			return (-1);
	}
	return (j->tending || store_pressure(handles_store(w)) == STORE_EASY ? 0 :
	    want(w, now));
}

/* The job is done and the writer at rest: at rest its state is in base. */
int
tend_end(struct weir *w)
{
	struct store		*store = handles_store(w);
	struct store_work	*work;
	int64_t			 now = now_ms(), until;

	if (store == NULL || w->job->memory_backend)
		return (0);
	until = now + (now - w->job->began_ms) / END_SHARE;
	if (until > now + END_MS)
		until = now + END_MS;
	while (now < until && (work = store_tend(store, STORE_END, until - now)) != NULL) {
		if (store_work_done(work, store_work_run(work)) == -1)
			return (store_failed(w));
		now = now_ms();
	}
	return (0);
}
