/*
 * table: (state, key) -> entry, in memory.
 *
 * Slots of 8 bytes (hash, reference) in a power of two, linear probing, at most
 * three quarters full, deletion by shifting back (Knuth 6.4 R): a miss costs
 * one cache line and no tombstones pile up.  References are unit numbers of the
 * heap, never pointers, so that a slot stays small: a key of up to 16 bytes with
 * a counter takes 32 bytes and its slot 8.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define SLOTS_MIN	1024U
#define AHEAD		6U			/* records between a slot's and its entry's prefetch */

struct slot {
	uint32_t	 hash;
	uint32_t	 ref;			/* 0: empty */
};

struct table {
	struct slot	*slots;
	uint32_t	 mask, shift;
	uint32_t	 used;
	struct heap	 heap;
	uint32_t	 ring[AHEAD];		/* hashes whose slot is on its way */
	uint32_t	 turn;
};

/* State number 0 leaves the hash as it is: the common table of one state. */
static uint32_t
mix(uint32_t hash, unsigned state)
{
	return (hash ^ (state * 0x85ebca6bU));
}

/* Key groups use the hash's value modulo a small number: take the place in the
 * table from other bits. */
static uint32_t
home(const struct table *t, uint32_t hash)
{
	return ((hash * 0x9e3779b1U) >> t->shift);
}

struct table *
table_new(void)
{
	struct table *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	if ((t->slots = calloc(SLOTS_MIN, sizeof(*t->slots))) == NULL) {
		free(t);
		return (NULL);
	}
	t->mask = SLOTS_MIN - 1;
	t->shift = 22;
	return (t);
}

void
table_free(struct table *t)
{
	if (t == NULL)
		return;
	heap_free(&t->heap);
	free(t->slots);
	free(t);
}

struct heap *
table_heap(struct table *t)
{
	return (&t->heap);
}

static uint64_t
slots_bytes(const struct table *t)
{
	return (((uint64_t)t->mask + 1) * sizeof(*t->slots));
}

uint64_t
table_bytes(const struct table *t)
{
	return (slots_bytes(t) + t->heap.bytes);
}

uint64_t
table_live(const struct table *t)
{
	return (slots_bytes(t) + t->heap.live);
}

uint64_t
table_count(const struct table *t)
{
	return (t->used);
}

/* The slot of this key, or the empty one where it would go. */
static inline uint32_t
slot_find(const struct table *t, unsigned state, uint32_t mixed, const void *key, size_t keylen)
{
	struct heap_entry	*e;
	uint32_t		 i;

	for (i = home(t, mixed); t->slots[i].ref != 0; i = (i + 1) & t->mask) {
		if (t->slots[i].hash != mixed)
			continue;
		e = heap_at(&t->heap, t->slots[i].ref);
		if (heap_keylen(e) == keylen && e->state == state &&
		    (keylen == 0 || memcmp(heap_key(e), key, keylen) == 0))
			break;
	}
	return (i);
}

/* Twice as many slots, or half as many. */
static int
slots_resize(struct table *t, uint32_t mask, uint32_t shift)
{
	struct slot	*old = t->slots, *slots;
	uint32_t	 oldmask = t->mask, i, j;

	if ((slots = pages_alloc(((size_t)mask + 1) * sizeof(*slots))) == NULL)
		return (-1);
	t->slots = slots;
	t->mask = mask;
	t->shift = shift;
	for (i = 0; i <= oldmask; i++) {
		if (old[i].ref == 0)
			continue;
		for (j = home(t, old[i].hash); slots[j].ref != 0; j = (j + 1) & t->mask)
			;
		slots[j] = old[i];
	}
	free(old);
	return (0);
}

static int
table_grow(struct table *t)
{
	if (t->mask >= UINT32_MAX / 2) {
		errno = ENOMEM;
		return (-1);
	}
	return (slots_resize(t, t->mask * 2 + 1, t->shift - 1));
}

/* Where there is no memory for that it stays as it is. */
void
table_shrink(struct table *t)
{
	while (t->mask >= SLOTS_MIN && t->used < t->mask / 16 * 3 &&
	    slots_resize(t, t->mask / 2, t->shift + 1) == 0)
		;
}

struct heap_entry *
table_find(const struct table *t, unsigned state, uint32_t hash, const void *key, size_t keylen)
{
	uint32_t ref = t->slots[slot_find(t, state, mix(hash, state), key, keylen)].ref;

	return (ref != 0 ? heap_at(&t->heap, ref) : NULL);
}

/* Replace the entry in slot i by one with room for vallen; key and old value move. */
static int
entry_regrow(struct table *t, uint32_t i, size_t vallen)
{
	uint32_t		 ref, old = t->slots[i].ref;
	struct heap_entry	*e, *o = heap_at(&t->heap, old);

	if ((ref = heap_take(&t->heap, heap_keylen(o), vallen)) == 0)
		return (-1);
	e = heap_at(&t->heap, ref);
	e->state = o->state;
	e->flags = o->flags;
	memcpy(heap_key(e), heap_key(o), heap_padded(heap_keylen(o)) + heap_vallen(o));
	heap_give(&t->heap, old);
	t->slots[i].ref = ref;
	return (0);
}

static int
entry_new(struct table *t, uint32_t i, unsigned state, uint32_t mixed, const void *key,
    size_t keylen, size_t vallen)
{
	struct heap_entry	*e;
	uint32_t		 ref;

	if ((ref = heap_take(&t->heap, keylen, vallen)) == 0)
		return (-1);
	e = heap_at(&t->heap, ref);
	e->state = state & (HEAP_STATES - 1);
	if (keylen > 0)
		memcpy(heap_key(e), key, keylen);
	memset(heap_key(e) + keylen, 0, heap_padded(keylen) - keylen + vallen);
	t->slots[i].hash = mixed;
	t->slots[i].ref = ref;
	t->used++;
	return (0);
}

/*
 * The entry of the key, its value vallen long and to be filled in by the caller:
 * fresh is 1 and the bytes are zero where the key had none, else the old bytes
 * are kept as far as they go.
 */
struct heap_entry *
table_put(struct table *t, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t vallen, int *fresh)
{
	struct heap_entry	*e;
	uint32_t		 mixed = mix(hash, state), i;

	i = slot_find(t, state, mixed, key, keylen);
	if ((*fresh = t->slots[i].ref == 0)) {
		if (t->used >= t->mask / 4 * 3) {
			if (table_grow(t) == -1)
				return (NULL);
			i = slot_find(t, state, mixed, key, keylen);
		}
		if (entry_new(t, i, state, mixed, key, keylen, vallen) == -1)
			return (NULL);
	} else if (heap_room(heap_at(&t->heap, t->slots[i].ref)) < vallen &&
	    entry_regrow(t, i, vallen) == -1)
		return (NULL);
	e = heap_at(&t->heap, t->slots[i].ref);
	heap_set_vallen(e, vallen);
	return (e);
}

/* hash is that of its key: what lies there is not looked at. */
void
table_remove(struct table *t, uint32_t hash, struct heap_entry *e)
{
	uint32_t i, j, k;

	i = home(t, mix(hash, e->state));
	for (; heap_at(&t->heap, t->slots[i].ref) != e; i = (i + 1) & t->mask)
		assert(t->slots[i].ref != 0);
	heap_give(&t->heap, t->slots[i].ref);
	t->used--;
	/* shift back what would not be found any more over the gap at i */
	for (j = (i + 1) & t->mask; t->slots[j].ref != 0; j = (j + 1) & t->mask) {
		k = home(t, t->slots[j].hash);
		if (((j - k) & t->mask) >= ((j - i) & t->mask)) {
			t->slots[i] = t->slots[j];
			i = j;
		}
	}
	t->slots[i].ref = 0;
}

/*
 * Two misses wait on the way to a value: its slot, then its entry.  The slot is
 * fetched now, the entry of the record that was announced AHEAD calls ago.  The
 * line behind it is asked for as well: measured, without it the entry itself
 * comes too late and reduce takes a quarter longer.
 */
void
table_prefetch(struct table *t, unsigned state, uint32_t hash)
{
	uint32_t	 mixed = mix(hash, state), old, i;
	const char	*entry;

	__builtin_prefetch(&t->slots[home(t, mixed)]);
	old = t->ring[t->turn];
	t->ring[t->turn] = mixed;
	t->turn = t->turn + 1 == AHEAD ? 0 : t->turn + 1;
	for (i = home(t, old); t->slots[i].ref != 0; i = (i + 1) & t->mask)
		if (t->slots[i].hash == old) {
			entry = (const char *)heap_at(&t->heap, t->slots[i].ref);
			__builtin_prefetch(entry);
			__builtin_prefetch(entry + 64);
			break;
		}
}

static int
ref_less(const struct table *t, uint32_t a, uint32_t b)
{
	struct heap_entry	*x = heap_at(&t->heap, a), *y = heap_at(&t->heap, b);
	size_t			 xlen = heap_keylen(x), ylen = heap_keylen(y), n;
	int			 c;

	n = xlen < ylen ? xlen : ylen;
	c = n > 0 ? memcmp(heap_key(x), heap_key(y), n) : 0;
	return (c != 0 ? c < 0 : xlen < ylen);
}

/* Merge sort of refs[0..n), tmp as long: qsort(3) of POSIX 2008 passes no context. */
static void
refs_sort(const struct table *t, uint32_t *refs, uint32_t *tmp, size_t n)
{
	size_t half = n / 2, i, j, k;

	if (n < 2)
		return;
	refs_sort(t, refs, tmp, half);
	refs_sort(t, refs + half, tmp, n - half);
	memcpy(tmp, refs, half * sizeof(*tmp));
	for (i = 0, j = half, k = 0; i < half; k++)
		refs[k] = j < n && ref_less(t, refs[j], tmp[i]) ? refs[j++] : tmp[i++];
}

int
table_sorted(const struct table *t, unsigned state, uint32_t **refs, size_t *n)
{
	uint32_t	*list, i;
	size_t		 count = 0;

	if ((list = calloc((size_t)t->used * 2 + 1, sizeof(*list))) == NULL)
		return (-1);
	for (i = 0; i <= t->mask; i++)
		if (t->slots[i].ref != 0 && heap_at(&t->heap, t->slots[i].ref)->state == state)
			list[count++] = t->slots[i].ref;
	refs_sort(t, list, list + t->used, count);
	*refs = list;
	*n = count;
	return (0);
}
