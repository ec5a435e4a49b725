/*
 * storetend: what leaves the journal, and what leaves memory.
 *
 *  - Base is given entries that every retained checkpoint agrees on, and no others:
 *    those whose last change was closed by the oldest one or before.
 *  - It is written by the writer while records go on.  Until a batch is durable
 *    nothing relies on it; then those of its entries that have not changed
 *    meanwhile are the same there, and need neither the journal nor memory.
 *  - What is the same leaves memory when that is short: first what was not used
 *    since the hand came by last (a clock).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bsd/string.h>

#include "io.h"
#include "store.h"

#define WORK_LEAST	(64U << 10)		/* bytes for base at a time */
#define WORK_MOST	(2U << 20)
#define BATCH		10000			/* entries of one write */
#define MAKE_MS		10			/* that it takes to make base */
#define PER_MS		1000			/* entries that are written in a millisecond */
#define AHEAD		8			/* entries fetched before */
#define STEPS		(1U << 18)		/* pieces looked at in one call */

struct item {
	size_t		 at;			/* in bytes: its key, then its value */
	const unsigned char *key;		/* the same, once all are there */
	uint32_t	 keylen, vallen;
	struct heap_entry *entry;
	int		 dead;
};

struct store_work {
	struct store	*store;
	uint64_t	 trim;			/* the journal, below */
	struct buf	 bytes;
	struct item	*item;
	size_t		 nitems, room, written;
	unsigned	 generation;		/* what changed since is of this one, or later */
	uint64_t	 epoch, batches;
	int64_t		 budget_ms;
	struct base	*base;			/* made if NULL */
	int		 error;			/* errno of a write that failed, and why */
	char		 why[PATH_MAX + 512];
};

void
store_view(struct store *s, uint64_t oldest)
{
	size_t n = 0;

	while (n < s->nclosed && s->closed[n].id <= oldest)
		n++;
	if (n == 0)
		return;
	s->trim = s->closed[n - 1].start;
	s->settled = s->closed[n - 1].generation + 1;
	s->epoch = oldest;
	s->unseen = 1;
	s->nclosed -= n;
	memmove(s->closed, s->closed + n, s->nclosed * sizeof(*s->closed));
}

/*
 * What goes to base
 */

static int
work_add(struct store_work *w, struct heap_entry *e)
{
	struct store	*s = w->store;
	struct item	*item;
	size_t		 room = w->room > 0 ? w->room * 2 : 256, at = w->bytes.len;

	if (w->nitems == w->room) {
		if ((item = realloc(w->item, room * sizeof(*item))) == NULL)
			return (-1);
		w->item = item;
		w->room = room;
	}
	item = &w->item[w->nitems];
	item->at = at;
	item->entry = e;
	item->dead = (e->flags & HEAP_DEAD) != 0;
	if (store_base_key(s, &w->bytes, e->state, heap_key(e), heap_keylen(e)) == -1)
		return (-1);
	item->keylen = (uint32_t)(w->bytes.len - at);
	item->vallen = item->dead ? 0 : (uint32_t)heap_vallen(e);
	if (buf_add(&w->bytes, heap_value(e), item->vallen) == -1)
		return (-1);
	e->flags |= HEAP_BASE;
	w->nitems++;
	return (0);
}

static int
settled(const struct store *s, const struct heap_entry *e)
{
	return ((e->flags & (HEAP_FREE | HEAP_SAME)) == 0 && e->generation < s->settled &&
	    (e->flags & (HEAP_DEAD | HEAP_BASE)) != HEAP_DEAD);
}

/* From where it stopped; through all memory, once for each time that more settled. */
static int
work_collect(struct store_work *w, size_t bytes)
{
	struct store		*s = w->store;
	struct heap_entry	*e;
	unsigned		 steps = STEPS;

	while (steps-- > 0 && w->bytes.len < bytes) {
		if (s->collect == 0) {
			if (!s->unseen)
				break;
			s->unseen = 0;
			s->collect = heap_first(s->heap);
			continue;
		}
		e = heap_at(s->heap, s->collect);
		if (settled(s, e) && work_add(w, e) == -1)
			return (-1);
		s->collect = heap_next(s->heap, s->collect);
	}
	return (0);
}

/*
 * What leaves memory
 */

/* Until enough has, or so many pieces were looked at. */
void
store_evict(struct store *s, unsigned steps)
{
	struct heap_entry	*e;
	uint64_t		 enough = s->memory / 2 - s->memory / 16;

	if (s->scans > 0)
		return;
	for (; steps > 0 && s->same > 0 && store_bytes(s) > enough; steps--) {
		if (s->hand == 0 && (s->hand = heap_first(s->heap)) == 0)
			return;
		e = heap_at(s->heap, s->hand);
		if ((e->flags & HEAP_SAME) != 0 && (e->flags & HEAP_USED) == 0) {
			table_remove(s->table, store_hash(e), e);
			STEP("evict-removed");
			s->same--;
		} else if ((e->flags & HEAP_FREE) == 0)
			e->flags &= ~(unsigned)HEAP_USED;
		s->hand = heap_next(s->heap, s->hand);
	}
}

/* Where few entries may go it is worth a look only if memory is full. */
static int
crowded(const struct store *s)
{
	uint64_t bytes = store_bytes(s);

	return (bytes > s->memory / 2 &&
	    (bytes > s->memory || s->same > table_count(s->table) / 8));
}

/* What is free lies in pieces that nobody needs any more: values have grown.  Whoever
 * remembers a place in memory begins again; a work or a scan is waited for. */
static void
tidy(struct store *s)
{
	if (s->scans > 0 || s->heap->bytes <= s->memory || !heap_scattered(s->heap))
		return;
	heap_merge(s->heap);
	s->nlist = 0;
	s->walk = 1;
	s->sweeping = 0;
	s->collect = s->hand = 0;
	s->unseen = 1;
}

/*
 * Works
 */

static struct store_work *
work_new(struct store *s, int64_t budget_ms)
{
	struct store_work *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->store = s;
	w->trim = s->trim;
	w->generation = s->generation;
	w->epoch = s->epoch;
	w->budget_ms = budget_ms;
	w->base = s->base;
	return (w);
}

static void
work_free(struct store_work *w)
{
	buf_free(&w->bytes);
	free(w->item);
	free(w);
}

static size_t
work_bytes(const struct store_work *w)
{
	return (w->bytes.cap + w->room * sizeof(*w->item));
}

/* All of it, or none: half of it in base would be read from the journal all the
 * same when the job goes on. */
static int
ends_in_base(const struct store *s, int64_t budget_ms)
{
	uint64_t left = table_count(s->table) - s->same;

	return (left > 0 && budget_ms >= (s->base == NULL ? MAKE_MS : 1) &&
	    left <= (uint64_t)budget_ms * PER_MS);
}

struct store_work *
store_tend(struct store *s, enum store_moment moment, int64_t budget_ms)
{
	struct store_work	*w;
	uint64_t		 bytes = s->memory / 8;

	errno = 0;
	if (s->generation == 0 || s->working)
		return (NULL);
	if (moment == STORE_END && !ends_in_base(s, budget_ms))
		return (NULL);
	tidy(s);
	if (moment == STORE_BUSY && crowded(s)) {
		store_evict(s, STEPS);
		table_shrink(s->table);
	}
	if ((w = work_new(s, moment == STORE_END ? budget_ms : INT64_MAX)) == NULL) {
		store_fail(s, ENOMEM, "%s: %s", s->dir, strerror(ENOMEM));
		return (NULL);
	}
	bytes = bytes < WORK_LEAST ? WORK_LEAST : bytes > WORK_MOST ? WORK_MOST : bytes;
	/* without memory for it what was collected goes, the rest another time */
	if (moment != STORE_BUSY || store_bytes(s) > s->memory / 2)
		work_collect(w, (size_t)bytes);
	if (w->nitems == 0 && w->trim <= s->trimmed) {
		work_free(w);
		errno = 0;
		return (NULL);
	}
	s->working = 1;
	s->afloat += work_bytes(w);
	return (w);
}

static int
item_order(const void *a, const void *b)
{
	const struct item	*x = a, *y = b;
	int			 c;

	c = memcmp(x->key, y->key, x->keylen < y->keylen ? x->keylen : y->keylen);
	return (c != 0 ? c : x->keylen < y->keylen ? -1 : x->keylen > y->keylen);
}

static void
items_sort(struct store_work *w)
{
	size_t i;

	for (i = 0; i < w->nitems; i++)
		w->item[i].key = w->bytes.data + w->item[i].at;
	qsort(w->item, w->nitems, sizeof(*w->item), item_order);
}

static int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int
batch_write(struct store_work *w)
{
	const struct item	*item;
	size_t			 end = w->written + BATCH, i;

	if (end > w->nitems)
		end = w->nitems;
	for (i = w->written; i < end; i++) {
		item = &w->item[i];
		if (item->dead)
			base_delete(w->base, item->key, item->keylen);
		else
			base_put(w->base, item->key, item->keylen, item->key + item->keylen,
			    item->vallen);
	}
	if (base_write(w->base, w->epoch, w->why, sizeof(w->why)) == -1)
		return (-1);
	w->written = end;
	w->batches = base_batches(w->base);
	return (0);
}

static int
base_run(struct store_work *w)
{
	struct store	*s = w->store;
	int64_t		 begun = clock_ms();

	if (w->base == NULL && (w->base = base_create(s->dirfd, s->dir, s->memory, w->why,
	    sizeof(w->why))) == NULL)
		return (-1);
	items_sort(w);
	while (w->written < w->nitems && clock_ms() - begun < w->budget_ms)
		if (batch_write(w) == -1)
			return (-1);
	return (0);
}

int
store_work_run(struct store_work *w)
{
	struct journal	*j = w->store->journal;
	int		 result = journal_trim(j, w->trim);

	if (result == -1)
		strlcpy(w->why, journal_error(j), sizeof(w->why));
	else if (w->nitems > 0)
		result = base_run(w);
	w->error = errno;
	return (result);
}

/* What was written is the same in base, unless it has changed since. */
static void
items_settle(struct store_work *w)
{
	struct store		*s = w->store;
	struct heap_entry	*e;
	size_t			 i;

	for (i = 0; i < w->written; i++) {
		if (i + AHEAD < w->written)
			__builtin_prefetch(w->item[i + AHEAD].entry);
		e = w->item[i].entry;
		if ((e->flags & (HEAP_FREE | HEAP_SAME)) != 0 || e->generation >= w->generation)
			continue;
		if ((e->flags & HEAP_DEAD) == 0) {
			e->flags |= HEAP_SAME;
			s->same++;
		} else if (s->scans == 0)
			table_remove(s->table, store_hash(e), e);
	}
}

int
store_work_done(struct store_work *w, int result)
{
	struct store *s = w->store;

	s->base = w->base;
	s->working = 0;
	s->afloat -= work_bytes(w);
	if (result == -1) {
		if (w->error != 0)		/* it was run */
			store_fail(s, w->error, "%s", w->why);
	} else {
		s->trimmed = w->trim;
		if (w->written > 0)
			s->batches = w->batches;
		items_settle(w);
	}
	work_free(w);
	return (result);
}
