/*
 * storecut: what a barrier finds changed, on its way to the journal.
 *
 *  - A cut is encoded between two records and written while they go on; what is
 *    encoded of a large one is written meanwhile.
 *  - With as many changed entries go as many unchanged ones, from where the last
 *    cut stopped (the sweep): when all memory has been gone through the journal
 *    starts where the round began, and what lies below is not needed any more.
 *  - Of a round are left out entries that changed since it began, which are
 *    written anyway, and those that base has.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "store.h"

#define BLOCK_FIRST	(64U << 10)		/* most cuts are small */
#define BLOCK_MOST	(2U << 20)	/* the writer begins when one is full */
#define SWEEP_BYTES	(256U << 10)		/* no round for a journal below */
#define SWEEP_STEPS	(1U << 16)		/* pieces passed over in one cut, at least */
#define AHEAD		8			/* entries of the list fetched before */

struct store_cut {
	struct store	*store;
	struct store_block *first, *last;	/* not the writer's */
	uint64_t	 bytes, entries;
	uint64_t	 batches;		/* that base had */
	int		 begins, closes;	/* a round of the sweep */
	struct journal_range range;
	int		 error;			/* errno of a write that failed */
};

/*
 * Memory
 */

/* Of all blocks but the first of a cut: an eighth of the bound. */
static size_t
block_bytes(const struct store *s)
{
	uint64_t n = s->memory / 8;

	return (n < BLOCK_FIRST ? BLOCK_FIRST : n > BLOCK_MOST ? BLOCK_MOST : (size_t)n);
}

static struct store_block *
block_new(struct store *s, size_t size)
{
	struct store_block *b = s->spare;

	if (b != NULL && b->size >= size) {
		s->spare = b->next;
		s->spare_bytes -= b->size;
	} else if ((b = malloc(sizeof(*b) + size)) != NULL)
		b->size = size;
	if (b != NULL) {
		b->next = NULL;
		b->store = s;
		b->opens = b->error = 0;
		b->len = 0;
	}
	return (b);
}

/* Blocks of the usual size are kept, an eighth of the bound. */
static void
blocks_free(struct store *s, struct store_block *b)
{
	struct store_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		if (b->size != block_bytes(s) || s->spare_bytes + b->size > s->memory / 8) {
			free(b);
			continue;
		}
		b->next = s->spare;
		s->spare = b;
		s->spare_bytes += b->size;
	}
}

/* The full block is the writer's. */
static int
cut_early(struct store_cut *c)
{
	struct store		*s = c->store;
	struct store_block	*b = c->last;

	b->opens = c->begins;
	if (s->early(s->early_arg, b) == -1)
		return (store_fail(s, errno, "checkpoint: %s", strerror(errno)));
	c->begins = 0;
	c->first = c->last = NULL;
	return (0);
}

/* Room for so many bytes at the end of the last block. */
static int
cut_room(struct store_cut *c, size_t need)
{
	size_t			 size = c->bytes == 0 ? BLOCK_FIRST : block_bytes(c->store);
	struct store_block	*b;

	if (c->last != NULL && c->store->early != NULL && cut_early(c) == -1)
		return (-1);
	if ((b = block_new(c->store, need > size ? need : size)) == NULL)
		return (store_fail(c->store, ENOMEM, "checkpoint: %s", strerror(ENOMEM)));
	if (c->first == NULL)
		c->first = b;
	else
		c->last->next = b;
	c->last = b;
	return (0);
}

static int
cut_entry(struct store_cut *c, struct heap_entry *e)
{
	struct change	 change;
	size_t		 need;
	unsigned char	*at;

	change_of(e, &change);
	need = CHANGE_HEAD + change.keylen + change.vallen;
	if ((c->last == NULL || c->last->size - c->last->len < need) && cut_room(c, need) == -1)
		return (-1);
	at = c->last->data + c->last->len;
	need = (size_t)(change_encode(at, &change) - at);
	c->last->len += need;
	c->bytes += need;
	c->entries++;
	return (0);
}

/*
 * Encoding
 */

/* A dead entry goes once it is written, unless base still has its key.  What a scan
 * leaves lying the sweep takes. */
static int
entry_bury(struct store *s, struct heap_entry *e)
{
	if ((e->flags & (HEAP_DEAD | HEAP_BASE)) != HEAP_DEAD || s->scans > 0)
		return (0);
	table_remove(s->table, store_hash(e), e);
	return (1);
}

static int
cut_changed(struct store_cut *c, struct heap_entry *e)
{
	struct store *s = c->store;

	if ((e->flags & HEAP_FREE) != 0 || e->generation != s->generation)
		return (0);
	if (cut_entry(c, e) == -1)
		return (-1);
	entry_bury(s, e);
	return (0);
}

static int
cut_list(struct store_cut *c)
{
	struct store	*s = c->store;
	size_t		 i;

	for (i = 0; i < s->nlist; i++) {
		if (i + AHEAD < s->nlist)
			__builtin_prefetch(s->list[i + AHEAD]);
		if (cut_changed(c, s->list[i]) == -1)
			return (-1);
	}
	return (0);
}

static int
cut_walk(struct store_cut *c)
{
	struct heap	*h = c->store->heap;
	uint32_t	 ref;

	for (ref = heap_first(h); ref != 0; ref = heap_next(h, ref))
		if (cut_changed(c, heap_at(h, ref)) == -1)
			return (-1);
	return (0);
}

/* A round begins where the cut does: before anything of it can be written. */
static void
sweep_begin(struct store_cut *c)
{
	struct store *s = c->store;

	if (s->sweeping || s->end - s->start < SWEEP_BYTES)
		return;
	s->sweeping = c->begins = 1;
	s->round = s->generation;
	s->sweep = heap_first(s->heap);
	s->next = s->end;
}

/* 1: the round has to write it. */
static int
sweep_wants(struct store *s, struct heap_entry *e)
{
	return ((e->flags & (HEAP_FREE | HEAP_SAME)) == 0 && e->generation < s->round &&
	    !entry_bury(s, e));
}

static int
cut_sweep(struct store_cut *c)
{
	struct store		*s = c->store;
	struct heap_entry	*e;
	uint64_t		 until = c->entries * 2;
	uint64_t		 steps = SWEEP_STEPS + c->entries * 8;

	if (!s->sweeping)
		return (0);
	for (; s->sweep != 0; s->sweep = heap_next(s->heap, s->sweep)) {
		e = heap_at(s->heap, s->sweep);
		if (!sweep_wants(s, e)) {
			if (--steps == 0)
				return (0);
			continue;
		}
		if (c->entries == until)
			return (0);
		if (cut_entry(c, e) == -1)
			return (-1);
	}
	c->closes = 1;
	s->sweeping = 0;
	s->start = s->next;
	return (0);
}

/*
 * Barriers
 */

/* Where there are more than can be remembered the last one stands for those before
 * it: what they closed is taken to be newer than it is. */
void
store_closed(struct store *s, uint64_t id, unsigned generation)
{
	struct closed *c;

	if (s->nclosed < STORE_CLOSED)
		s->closed[s->nclosed++].start = s->start;
	c = &s->closed[s->nclosed - 1];
	c->id = id;
	c->generation = generation;
}

/* Before the numbers of generations are used up: what matters of them is what has
 * settled.  The round begins again. */
static void
generations_renumber(struct store *s)
{
	struct heap_entry	*e;
	uint32_t		 ref;

	for (ref = heap_first(s->heap); ref != 0; ref = heap_next(s->heap, ref)) {
		e = heap_at(s->heap, ref);
		e->generation = e->generation >= s->settled;
	}
	if (s->nclosed > 0) {
		s->closed[0].id = s->closed[s->nclosed - 1].id;
		s->closed[0].generation = 1;
		s->nclosed = 1;
	}
	s->settled = s->settled > 0;
	s->generation = 2;
	s->sweeping = 0;
}

static struct store_cut *
cut_new(struct store *s)
{
	struct store_cut *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		store_fail(s, ENOMEM, "checkpoint: %s", strerror(ENOMEM));
		return (NULL);
	}
	c->store = s;
	c->batches = s->batches;
	return (c);
}

static void
cut_free(struct store_cut *c)
{
	blocks_free(c->store, c->first);
	free(c);
}

struct store_cut *
store_cut(struct store *s, uint64_t id)
{
	struct store_cut *c;

	if (s->ncuts >= s->concurrent) {
		errno = EAGAIN;
		return (NULL);
	}
	if ((c = cut_new(s)) == NULL)
		return (NULL);
	sweep_begin(c);
	if ((s->walk ? cut_walk(c) : cut_list(c)) == -1 || cut_sweep(c) == -1) {
		cut_free(c);
		errno = ENOMEM;
		return (NULL);
	}
	s->nlist = 0;
	s->walk = 0;
	s->end += c->bytes;
	store_closed(s, id, s->generation);
	if (++s->generation > HEAP_GENERATIONS - 1024 && !s->working)
		generations_renumber(s);
	assert(s->generation < HEAP_GENERATIONS);
	s->ncuts++;
	s->afloat += c->bytes;
	return (c);
}

void
store_early(struct store *s, int (*put)(void *, struct store_block *), void *arg)
{
	s->early = put;
	s->early_arg = arg;
}

int
store_block_write(struct store_block *b)
{
	struct journal	*j = b->store->journal;
	int		 result;

	result = b->opens ? journal_begin_start(j) : 0;
	if (result == 0)
		result = journal_append(j, b->data, b->len);
	b->error = result == -1 ? errno : 0;
	return (result);
}

/* Why it failed is said with the cut, which fails then, too. */
void
store_block_done(struct store_block *b, int result)
{
	struct store *s = b->store;

	if (result == -1 && s->early_error == 0)
		s->early_error = b->error;
	blocks_free(s, b);
}

static int
cut_write(struct store_cut *c)
{
	struct journal		*j = c->store->journal;
	const struct store_block *b;

	if (c->begins && journal_begin_start(j) == -1)
		return (-1);
	for (b = c->first; b != NULL; b = b->next)
		if (journal_append(j, b->data, b->len) == -1)
			return (-1);
	if (c->closes && journal_adopt_start(j) == -1)
		return (-1);
	return (journal_mark(j, &c->range));
}

int
store_write(struct store_cut *c)
{
	int result = cut_write(c);

	c->error = errno;
	return (result);
}

static int
part_add(struct store_cut *c, struct jobfile_subtask *part)
{
	struct journal_range *range;

	range = realloc(part->range, (part->nranges + 1) * sizeof(*range));
	if (range == NULL)
		return (store_fail(c->store, ENOMEM, "checkpoint: %s", strerror(ENOMEM)));
	part->range = range;
	part->range[part->nranges++] = c->range;
	part->batches = c->batches;
	return (0);
}

int
store_cut_done(struct store_cut *c, int result, struct jobfile_subtask *part, uint64_t *bytes)
{
	struct store *s = c->store;

	if (result == 0)
		result = part_add(c, part);
	else if (c->error != 0 || s->early_error != 0)	/* something was run */
		store_fail(s, c->error != 0 ? c->error : s->early_error, "%s",
		    journal_error(s->journal));
	*bytes = c->bytes;
	s->ncuts--;
	s->afloat -= c->bytes;
	cut_free(c);
	return (result);
}
