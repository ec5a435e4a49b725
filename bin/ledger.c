/*
 * ledger: job.json, and what has come in for the checkpoints that are under way.
 *
 *  - The file in memory is what is on disk: it changes when that has.
 *  - A part belongs to its checkpoint under way, from a successful save on to the
 *    checkpoint in the file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"

int
ledger_open(struct ledger *l, struct jobdir *dir, unsigned groups)
{
	int r;

	memset(l, 0, sizeof(*l));
	l->dir = dir;
	if ((r = jobdir_start(dir, &l->file)) != 0)
		return (r);
	jobdir_new(&l->file, groups);
	return (0);
}

static void
underway_free(struct underway *u)
{
	unsigned i;

	for (i = 0; i < u->nparts; i++)
		jobfile_subtask_free(&u->part[i].part);
	free(u->part);
	free(u);
}

void
ledger_close(struct ledger *l)
{
	while (l->underway != NULL)
		ledger_end(l, l->underway->id);
	jobfile_free(&l->file);
}

struct underway *
ledger_find(const struct ledger *l, uint64_t id)
{
	struct underway *u;

	for (u = l->underway; u != NULL && u->id != id; u = u->next)
		;
	return (u);
}

int
ledger_begin(struct ledger *l, uint64_t id, int64_t triggered_ms, unsigned nparts)
{
	struct underway *u;

	if ((u = calloc(1, sizeof(*u))) == NULL ||
	    (u->part = calloc(nparts, sizeof(*u->part))) == NULL) {
		free(u);
		return (-1);
	}
	u->id = id;
	u->triggered_ms = triggered_ms;
	u->nparts = nparts;
	u->next = l->underway;
	l->underway = u;
	return (0);
}

void
ledger_part(struct ledger *l, uint64_t id, unsigned member, struct jobfile_subtask *part,
    uint64_t bytes, int64_t duration_ms)
{
	struct underway *u = ledger_find(l, id);

	if (u == NULL || member >= u->nparts || u->part[member].come) {
		jobfile_subtask_free(part);
		return;
	}
	u->part[member] = (struct part){ *part, bytes, duration_ms, 1 };
	u->bytes += bytes;
	u->last = member;
	memset(part, 0, sizeof(*part));
}

void
ledger_end(struct ledger *l, uint64_t id)
{
	struct underway **at, *u;

	for (at = &l->underway; (u = *at) != NULL; at = &u->next)
		if (u->id == id) {
			*at = u->next;
			underway_free(u);
			return;
		}
}

static struct jobfile_checkpoint *
retained_find(const struct jobfile *f, uint64_t id)
{
	size_t i;

	for (i = 0; i < f->ncheckpoints; i++)
		if (f->checkpoint[i].id == id)
			return (&f->checkpoint[i]);
	return (NULL);
}

/* What has just completed, as the file says it; its parts are borrowed. */
static int
checkpoint_make(const struct ledger *l, const struct coord *c, uint64_t id,
    struct jobfile_checkpoint *made)
{
	const struct coord_pending	*p;
	const struct underway		*u = ledger_find(l, id);
	unsigned			 i;

	for (p = c->ended; p != NULL && p->id != id; p = p->next)
		;
	if (p == NULL || u == NULL) {
		errno = EINVAL;
		return (-1);
	}
	*made = (struct jobfile_checkpoint){ .id = id, .kind = (enum jobfile_kind)p->kind,
	    .final = p->final, .triggered_ms = u->triggered_ms,
	    .duration_ms = p->ended_ms - p->triggered_ms };
	if ((made->subtask = calloc(u->nparts, sizeof(*made->subtask))) == NULL)
		return (-1);
	for (i = 0; i < u->nparts; i++)
		made->subtask[made->nsubtasks++] = u->part[i].part;
	return (0);
}

/* The file that is to be; *made is set to the first of those that are new. */
static int
file_make(const struct ledger *l, const struct coord *c, struct jobfile *next)
{
	const struct jobfile_checkpoint	*old;
	unsigned			 i;

	*next = l->file;
	next->attempt = c->attempt;
	next->reserved = c->reserved;
	next->ncheckpoints = 0;
	next->checkpoint = calloc(c->nretained + 1, sizeof(*next->checkpoint));
	if (next->checkpoint == NULL)
		return (-1);
	for (i = 0; i < c->nretained; i++) {
		if ((old = retained_find(&l->file, c->retained[i])) != NULL)
			next->checkpoint[i] = *old;
		else if (checkpoint_make(l, c, c->retained[i], &next->checkpoint[i]) == -1)
			return (-1);
		next->ncheckpoints++;
	}
	return (0);
}

/* It was not to be: free what was made for it. */
static void
file_drop(const struct ledger *l, struct jobfile *next)
{
	size_t i;

	for (i = 0; i < next->ncheckpoints; i++)
		if (retained_find(&l->file, next->checkpoint[i].id) == NULL)
			free(next->checkpoint[i].subtask);
	free(next->checkpoint);
}

/* It is on disk: parts of the new ones are its own, those retired are freed. */
static void
file_adopt(struct ledger *l, struct jobfile *next)
{
	struct underway	*u;
	size_t		 i;
	unsigned	 k;

	for (i = 0; i < next->ncheckpoints; i++)
		if (retained_find(&l->file, next->checkpoint[i].id) == NULL &&
		    (u = ledger_find(l, next->checkpoint[i].id)) != NULL)
			for (k = 0; k < u->nparts; k++)
				memset(&u->part[k].part, 0, sizeof(u->part[k].part));
	for (i = 0; i < l->file.ncheckpoints; i++)
		if (retained_find(next, l->file.checkpoint[i].id) == NULL)
			jobfile_checkpoint_free(&l->file.checkpoint[i]);
	free(l->file.checkpoint);
	l->file = *next;
}

int
ledger_save(struct ledger *l, const struct coord *c)
{
	struct jobfile	next;
	int		saved;

	if (file_make(l, c, &next) == 0 && jobdir_save(l->dir, &next) == 0) {
		file_adopt(l, &next);
		return (0);
	}
	saved = errno;
	file_drop(l, &next);
	errno = saved;
	return (-1);
}

const struct jobfile_checkpoint *
ledger_last(const struct ledger *l)
{
	return (l->file.ncheckpoints > 0 ? &l->file.checkpoint[l->file.ncheckpoints - 1] : NULL);
}
