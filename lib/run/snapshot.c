/*
 * snapshot: what a barrier saves, and what becomes of it.
 *
 * At barrier N, between two records: operator state is collected and changed
 * keyed state encoded; the writer makes both and all journals durable; then N is
 * acknowledged.  When N is complete the writer publishes; then N is committed.
 *  - The writer's order is ours: what was appended before the barrier lies before
 *    the mark, what is appended behind it does not.
 *  - Where a journal is published once, N is not acknowledged while an earlier
 *    one waits for its fate: so the range that is published with an id is the
 *    same whenever it is published again.
 *  - What an aborted id wrote is part of the next one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <bsd/string.h>

#include "run.h"

/* One that was taken, or that was retained when we came. */
struct snap {
	STAILQ_ENTRY(snap)	 next;
	struct weir		*w;
	uint64_t		 id;
	int64_t			 begun_ms;
	struct jobfile_subtask	 part;		/* its memory is ours */
	struct journal_range	*ranges;	/* filled in by the writer */
	size_t			 nranges;
	struct store_cut	*cut;
	uint64_t		 bytes, journalled;
	int			 written, acked, dead;
	int64_t			 took_ms;
};

struct snaps {
	STAILQ_HEAD(, snap)	 list;		/* ascending ids */
	uint64_t		 committing;	/* the writer publishes it; 0 */
	uint64_t		 committed;
	uint64_t		 trimmed;	/* below this one's start */
};

struct commit {
	struct weir		*w;
	const struct snap	*at;
	uint64_t		 id;
};

static int
decline(struct weir *w, uint64_t id, int status, const char *why)
{
	struct say	*s;
	int		 r;

	weir_debug(w, "checkpoint %llu declined: %s", (unsigned long long)id, why);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	s->kind = SAY_DECLINE;
	s->id = id;
	s->status = status;
	strlcpy(s->why, why, sizeof(s->why));
	r = job_say(w, s);
	free(s);
	return (r);
}

int
store_failed(struct weir *w)
{
	const char *why = store_error(handles_store(w));

	return (jobdir_status(errno) == WEIR_USAGE ? weir_misuse(w, "%s", why) :
	    weir_error(w, "%s", why));
}

static void
snap_free(struct snap *s)
{
	free(s->part.state);
	free(s->part.range);
	free(s->ranges);
	free(s);
}

static struct snaps *
snaps_of(struct weir *w)
{
	struct snaps *ss = w->job->snaps;

	if (ss == NULL && (ss = w->job->snaps = calloc(1, sizeof(*ss))) != NULL)
		STAILQ_INIT(&ss->list);
	if (ss == NULL)
		weir_error(w, "%s", strerror(errno));
	return (ss);
}

static struct snap *
snap_find(const struct weir *w, uint64_t id)
{
	struct snap *s;

	if (w->job->snaps != NULL)
		STAILQ_FOREACH(s, &w->job->snaps->list, next)
			if (s->id == id)
				return (s);
	return (NULL);
}

uint64_t
snapshot_writing(const struct weir *w)
{
	struct snap *s;

	if (w->job->snaps != NULL)
		STAILQ_FOREACH(s, &w->job->snaps->list, next)
			if (!s->acked)
				return (s->id);
	return (0);
}

int
snapshot_open(const struct weir *w)
{
	struct snap *s;

	if (w->job->snaps != NULL)
		STAILQ_FOREACH(s, &w->job->snaps->list, next)
			if (!s->dead && s->id > w->job->m.completed)
				return (1);
	return (0);
}

/*
 * Writing.
 */

/* In the writer. */
static int
snap_run(void *arg)
{
	struct snap *s = arg;

	STEP("write-begin");
	if (s->cut != NULL && store_write(s->cut) == -1)
		return (-1);
	return (journals_w_mark(s->w, &s->ranges, &s->nranges, &s->journalled));
}

/* The ranges that the store and the journals have given, in one list. */
static int
ranges_join(struct snap *s)
{
	struct jobfile_subtask	*p = &s->part;
	struct journal_range	*list;

	if (s->nranges == 0)
		return (0);
	if ((list = realloc(p->range, (p->nranges + s->nranges) * sizeof(*list))) == NULL)
		return (-1);
	memcpy(list + p->nranges, s->ranges, s->nranges * sizeof(*list));
	p->range = list;
	p->nranges += s->nranges;
	return (0);
}

static int
acknowledge(struct weir *w, struct snap *s)
{
	struct say	*say;
	int		 r;

	if ((say = calloc(1, sizeof(*say))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	say->kind = SAY_ACK;
	say->id = s->id;
	say->part = s->part;		/* borrowed: it is not freed here */
	say->bytes = s->bytes;
	say->duration_ms = s->took_ms;
	s->acked = 1;
	STEP("ack-begin");
	r = job_say(w, say);
	free(say);
	return (r);
}

/* What is written and may be acknowledged, in order. */
static int
acks_send(struct weir *w)
{
	struct snap	*s;
	int		 once = journals_once(w);

	STAILQ_FOREACH(s, &w->job->snaps->list, next) {
		if (s->acked) {
			if (once && !s->dead && s->id > w->job->snaps->committed)
				return (0);
			continue;
		}
		if (!s->written)
			return (0);
		if (!s->dead && acknowledge(w, s) == -1)
			return (-1);
		s->acked = 1;
		if (once && !s->dead)
			return (0);
	}
	return (0);
}

static void
snap_done(void *arg, int result)
{
	struct snap	*s = arg;
	struct weir	*w = s->w;

	if (s->cut != NULL &&
	    (result = store_cut_done(s->cut, result, &s->part, &s->bytes)) == -1)
		store_failed(w);
	s->cut = NULL;
	if (result == -1) {
		if (w->status == 0 && !journals_failed(w))
			weir_error(w, "checkpoint %llu could not be written",
			    (unsigned long long)s->id);
		return;
	}
	if (ranges_join(s) == -1) {
		weir_error(w, "%s", strerror(errno));
		return;
	}
	s->bytes += s->journalled + s->part.statelen;
	s->written = 1;
	s->took_ms = now_ms() - s->begun_ms;
	acks_send(w);
}

static struct snap *
snap_new(struct weir *w, uint64_t id)
{
	struct snaps	*ss = snaps_of(w);
	struct snap	*s;

	if (ss == NULL || (s = calloc(1, sizeof(*s))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	s->w = w;
	s->id = id;
	s->begun_ms = now_ms();
	strlcpy(s->part.stage, w->set.name, sizeof(s->part.stage));
	s->part.subtask = w->subtask;
	s->part.parallelism = w->set.parallelism;
	return (s);
}

/* Operator state.  1: it is in the snapshot; 0: declined; -1. */
static int
state_collect(struct weir *w, struct snap *s)
{
	struct buf	state = { 0 };
	char		why[160];

	if (parts_save(w, &state) == -1) {
		buf_free(&state);
		return (-1);
	}
	s->part.state = state.data;
	s->part.statelen = state.len;
	if (state.len <= JOBFILE_STATE)
		return (1);
	snprintf(why, sizeof(why), "operator state of %zu bytes is over the limit of %d",
	    state.len, JOBFILE_STATE);
	return (decline(w, s->id, WEIR_FAILED, why));
}

/* In the writer. */
static int
block_run(void *arg)
{
	return (store_block_write(arg));
}

static void
block_done(void *arg, int result)
{
	store_block_done(arg, result);
}

static int
block_put(void *arg, struct store_block *b)
{
	const struct weir *w = arg;

	return (writer_put(w->job->writer, block_run, block_done, b));
}

/* Keyed state.  1, 0: declined, -1. */
static int
store_collect(struct weir *w, struct snap *s)
{
	struct store *store = handles_store(w);

	if (store == NULL || w->job->memory_backend)
		return (1);
	store_early(store, block_put, w);
	if ((s->cut = store_cut(store, s->id)) != NULL)
		return (1);
	if (errno != EAGAIN)
		return (store_failed(w));
	return (decline(w, s->id, WEIR_AGAIN, "the disk is behind with checkpoints before it"));
}

int
snapshot_take(struct weir *w, uint64_t id)
{
	struct snap	*s;
	int		 got;

	w->job->seen = id;
	STEP("snapshot-begin");
	if ((s = snap_new(w, id)) == NULL)
		return (-1);
	journals_release(w);
	if ((got = state_collect(w, s)) != 1 || (got = store_collect(w, s)) != 1) {
		snap_free(s);
		return (got);
	}
	STAILQ_INSERT_TAIL(&w->job->snaps->list, s, next);
	if (journals_flush(w) == -1)
		return (-1);
	if (writer_put(w->job->writer, snap_run, snap_done, s) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	STEP("snapshot-taken");
	return (0);
}

/*
 * Its fate.
 */

/* In the writer. */
static int
commit_run(void *arg)
{
	struct commit *c = arg;

	return (journals_w_publish(c->w, c->id, &c->at->part));
}

static int
committed(struct weir *w, uint64_t id)
{
	struct say	*s;
	int		 r;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	s->kind = SAY_COMMITTED;
	s->id = id;
	STEP("committed-begin");
	r = job_say(w, s);
	free(s);
	return (r);
}

static void
commit_done(void *arg, int result)
{
	struct commit	*c = arg;
	struct weir	*w = c->w;
	struct snaps	*ss = w->job->snaps;

	ss->committing = 0;
	if (result == -1) {
		if (w->status == 0 && !journals_failed(w))
			weir_error(w, "checkpoint %llu could not be committed",
			    (unsigned long long)c->id);
	} else {
		journals_unwanted(w);
		ss->committed = c->id;
		if (committed(w, c->id) == 0 && snapshot_view(w) == 0)
			acks_send(w);
	}
	free(c);
}

/* The newest complete one; publishing it publishes all before it. */
static int
commit_begin(struct weir *w)
{
	struct snaps	*ss = w->job->snaps;
	uint64_t	 id = w->job->m.completed;
	struct snap	*s;
	struct commit	*c;

	if (id == 0 || !w->job->running || ss->committing != 0 || ss->committed >= id)
		return (0);
	if ((s = snap_find(w, id)) == NULL || !journals_publish(w)) {
		ss->committed = id;
		return (committed(w, id));
	}
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	c->w = w;
	c->id = id;
	c->at = s;
	ss->committing = id;
	if (writer_put(w->job->writer, commit_run, commit_done, c) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

int
snapshot_commit(struct weir *w, uint64_t id)
{
	if (snaps_of(w) == NULL)
		return (-1);
	if (w->stage->complete != NULL && w->open && w->stage->complete(w, id) == -1)
		return (-1);
	return (commit_begin(w));
}

struct trim {
	struct weir		*w;
	struct jobfile_subtask	 below;		/* ranges are ours */
};

static int
trim_run(void *arg)
{
	struct trim *t = arg;

	return (journals_w_trim(t->w, &t->below));
}

static void
trim_done(void *arg, int result)
{
	struct trim *t = arg;

	if (result == -1 && t->w->status == 0 && !journals_failed(t->w))
		weir_error(t->w, "a journal could not be trimmed");
	free(t->below.range);
	free(t);
}

/* What lies below the oldest retained checkpoint's starts can go. */
static int
trim(struct weir *w, const struct snap *oldest)
{
	const struct jobfile_subtask	*p = &oldest->part;
	struct trim			*t;

	w->job->snaps->trimmed = oldest->id;
	if (p->nranges == 0 || w->job->journals == NULL)
		return (0);
	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (t->below.range = calloc(p->nranges, sizeof(*t->below.range))) == NULL) {
		free(t);
		return (weir_error(w, "%s", strerror(errno)));
	}
	t->w = w;
	t->below.nranges = p->nranges;
	memcpy(t->below.range, p->range, p->nranges * sizeof(*p->range));
	if (writer_put(w->job->writer, trim_run, trim_done, t) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

static int
fates(struct weir *w)
{
	struct snaps	*ss = w->job->snaps;
	struct snap	*s, *after;

	for (s = STAILQ_FIRST(&ss->list); s != NULL; s = after) {
		after = STAILQ_NEXT(s, next);
		if (!s->dead && s->id != w->job->m.completed &&
		    ids_dead(&w->job->m.ids, s->id) && s->id > w->job->m.completed) {
			s->dead = 1;
			if (w->stage->aborted != NULL && w->stage->aborted(w, s->id) == -1)
				return (-1);
		}
		/* below what is retained, committed and not in the writer's hands */
		if (s->written && s->id < w->job->m.oldest && s->id <= ss->committed &&
		    s->id != ss->committing) {
			STAILQ_REMOVE(&ss->list, s, snap, next);
			snap_free(s);
		}
	}
	return (0);
}

int
snapshot_view(struct weir *w)
{
	struct job	*j = w->job;
	struct snaps	*ss = snaps_of(w);
	struct store	*store = handles_store(w);
	struct snap	*s;

	if (ss == NULL || fates(w) == -1)
		return (-1);
	if (store != NULL)
		store_view(store, j->m.oldest);
	j->tend = 1;
	if (commit_begin(w) == -1)
		return (-1);
	if (j->m.oldest > ss->trimmed && j->m.oldest <= ss->committed &&
	    (s = snap_find(w, j->m.oldest)) != NULL && trim(w, s) == -1)
		return (-1);
	return (acks_send(w));
}

/* Those that were retained when we came: their ranges tell what may be trimmed,
 * the newest is published again. */
int
snapshot_adopt(struct weir *w)
{
	struct job			*j = w->job;
	const struct jobfile_subtask	*p;
	struct snaps			*ss = snaps_of(w);
	struct snap			*s;
	size_t				 i, k;

	for (i = 0; ss != NULL && i < j->file.ncheckpoints; i++) {
		if (j->file.checkpoint[i].id > j->m.restore)
			break;
		p = NULL;
		for (k = 0; k < j->file.checkpoint[i].nsubtasks; k++)
			if (strcmp(j->file.checkpoint[i].subtask[k].stage, w->set.name) == 0 &&
			    j->file.checkpoint[i].subtask[k].subtask == w->subtask)
				p = &j->file.checkpoint[i].subtask[k];
		if (p == NULL)
			continue;
		if ((s = snap_new(w, j->file.checkpoint[i].id)) == NULL)
			return (-1);
		s->written = s->acked = 1;
		if (p->nranges > 0) {
			s->part.range = calloc(p->nranges, sizeof(*p->range));
			if (s->part.range == NULL)
				return (weir_error(w, "%s", strerror(errno)));
			memcpy(s->part.range, p->range, p->nranges * sizeof(*p->range));
			s->part.nranges = p->nranges;
		}
		STAILQ_INSERT_TAIL(&ss->list, s, next);
	}
	return (ss == NULL ? -1 : 0);
}

void
snapshot_free(struct weir *w)
{
	struct snaps	*ss = w->job->snaps;
	struct snap	*s;

	if (ss == NULL)
		return;
	while ((s = STAILQ_FIRST(&ss->list)) != NULL) {
		STAILQ_REMOVE_HEAD(&ss->list, next);
		snap_free(s);
	}
	free(ss);
	w->job->snaps = NULL;
}
