/*
 * table: (state, key) -> value, in memory.
 *
 * Slots of 8 bytes (hash, reference) in a power of two, linear probing, at most
 * three quarters full, deletion by shifting back (Knuth 6.4 R): a miss costs
 * one cache line and no tombstones pile up.  An entry is a head of 8 bytes, the
 * key, padding to 8 and the value, in units of 16 bytes of big chunks; what is
 * freed is reused by its size class.  References are unit numbers, never
 * pointers, so that a slot stays small: a key of up to 16 bytes with a counter
 * takes 32 bytes and its slot 8.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define UNIT		16U
#define CHUNK_UNITS	(1U << 14)		/* 256 KiB */
#define BLOCK		8U			/* chunks taken at once, after as many single ones */
#define CLASSES		128U			/* sizes up to 2 KiB; larger are malloc()ed */
#define SLOTS_MIN	1024U
#define AHEAD		6U			/* records between a slot's and its entry's prefetch */

struct slot {
	uint32_t	 hash;
	uint32_t	 ref;			/* 0: empty */
};

struct head {
	uint16_t	 keylen, vallen;	/* of a small entry */
	uint16_t	 state;
	uint16_t	 units;			/* 0: a large one, struct large follows */
};

struct large {
	size_t		 keylen, vallen, valcap;
	unsigned char	*bytes;			/* malloc()ed */
};

#define LARGE_UNITS	((uint32_t)((sizeof(struct head) + sizeof(struct large) + UNIT - 1) / UNIT))

struct table {
	struct slot	*slots;
	uint32_t	 mask, shift;
	uint32_t	 used;
	unsigned char	**chunks;
	uint32_t	 nchunks, next;		/* next: first free unit */
	uint32_t	 freed[CLASSES + 1];	/* heads of lists through the entries */
	uint64_t	 bytes;
	uint32_t	 ring[AHEAD];		/* hashes whose slot is on its way */
	uint32_t	 turn;
};

static struct head *
head_at(const struct table *t, uint32_t ref)
{
	return ((struct head *)(void *)(t->chunks[ref / CHUNK_UNITS] +
	    (size_t)(ref % CHUNK_UNITS) * UNIT));
}

static struct large *
large_of(struct head *h)
{
	return ((struct large *)(void *)(h + 1));
}

/* The bytes of an entry: the key, then at a multiple of 8 the value. */
static unsigned char *
head_bytes(struct head *h)
{
	return (h->units > 0 ? (unsigned char *)(h + 1) : large_of(h)->bytes);
}

static size_t
head_keylen(struct head *h)
{
	return (h->units > 0 ? h->keylen : large_of(h)->keylen);
}

static size_t
head_vallen(struct head *h)
{
	return (h->units > 0 ? h->vallen : large_of(h)->vallen);
}

static size_t
value_offset(size_t keylen)
{
	return ((keylen + 7) & ~(size_t)7);
}

/* How long the value may become where it is. */
static size_t
head_valcap(struct head *h)
{
	if (h->units == 0)
		return (large_of(h)->valcap);
	return (h->units * UNIT - sizeof(*h) - value_offset(h->keylen));
}

static void
head_set_vallen(struct head *h, size_t vallen)
{
	if (h->units > 0)
		h->vallen = (uint16_t)vallen;
	else
		large_of(h)->vallen = vallen;
}

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
	t->bytes = SLOTS_MIN * sizeof(*t->slots);
	t->next = 4;	/* reference 0 is no entry; pairs of units share a cache line */
	return (t);
}

void
table_free(struct table *t)
{
	struct head	*h;
	uint32_t	 i;

	if (t == NULL)
		return;
	for (i = 0; i <= t->mask; i++)
		if (t->slots[i].ref != 0) {
			h = head_at(t, t->slots[i].ref);
			if (h->units == 0)
				free(head_bytes(h));
		}
	for (i = 0; i < t->nchunks; i += i < BLOCK ? 1 : BLOCK)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->slots);
	free(t);
}

uint64_t
table_bytes(const struct table *t)
{
	return (t->bytes);
}

uint64_t
table_count(const struct table *t)
{
	return (t->used);
}

/* One chunk for a small table, a block of them, in large pages, for a big one:
 * there an entry may span two, which lie side by side. */
static int
chunk_add(struct table *t)
{
	uint32_t	 n = t->nchunks < BLOCK ? 1 : BLOCK, i;
	unsigned char	**list, *memory;

	/* the last unit number must fit into 32 bits */
	if (t->nchunks >= UINT32_MAX / CHUNK_UNITS - BLOCK) {
		errno = ENOMEM;
		return (-1);
	}
	if ((list = realloc(t->chunks, (t->nchunks + n) * sizeof(*list))) == NULL)
		return (-1);
	t->chunks = list;
	if ((memory = pages_alloc((size_t)n * CHUNK_UNITS * UNIT)) == NULL)
		return (-1);
	for (i = 0; i < n; i++)
		t->chunks[t->nchunks++] = memory + (size_t)i * CHUNK_UNITS * UNIT;
	t->bytes += (uint64_t)n * CHUNK_UNITS * UNIT;
	return (0);
}

static uint32_t
units_take(struct table *t, uint32_t units)
{
	uint32_t ref = t->freed[units], left;

	if (ref != 0) {
		memcpy(&t->freed[units], head_at(t, ref), sizeof(uint32_t));
		return (ref);
	}
	if (t->nchunks == 0 || t->next + units > t->nchunks * CHUNK_UNITS) {
		/* what is left of the last one becomes a free piece */
		left = t->nchunks * CHUNK_UNITS - t->next;
		if (t->nchunks > 0 && left > 0 && left <= CLASSES) {
			memcpy(head_at(t, t->next), &t->freed[left], sizeof(uint32_t));
			t->freed[left] = t->next;
		}
		if (t->nchunks > 0)
			t->next = t->nchunks * CHUNK_UNITS;
		if (chunk_add(t) == -1)
			return (0);
	}
	ref = t->next;
	t->next += units;
	return (ref);
}

static void
units_give(struct table *t, uint32_t ref, uint32_t units)
{
	memcpy(head_at(t, ref), &t->freed[units], sizeof(uint32_t));
	t->freed[units] = ref;
}

static uint32_t
large_take(struct table *t, size_t keylen, size_t vallen)
{
	size_t		 size = value_offset(keylen) + vallen + vallen / 4;	/* most grow */
	unsigned char	*bytes;
	struct large	*l;
	uint32_t	 ref;

	if ((bytes = malloc(size)) == NULL)
		return (0);
	if ((ref = units_take(t, LARGE_UNITS)) == 0) {
		free(bytes);
		return (0);
	}
	head_at(t, ref)->units = 0;
	l = large_of(head_at(t, ref));
	l->keylen = keylen;
	l->vallen = vallen;
	l->valcap = size - value_offset(keylen);
	l->bytes = bytes;
	t->bytes += size;
	return (ref);
}

/* Memory for an entry, its lengths set.  0: ENOMEM. */
static uint32_t
entry_take(struct table *t, size_t keylen, size_t vallen)
{
	size_t		 total = sizeof(struct head) + value_offset(keylen) + vallen;
	struct head	*h;
	uint32_t	 ref, units = (uint32_t)((total + UNIT - 1) / UNIT);

	if (total > (size_t)CLASSES * UNIT)
		return (large_take(t, keylen, vallen));
	if ((ref = units_take(t, units)) == 0)
		return (0);
	h = head_at(t, ref);
	h->units = (uint16_t)units;
	h->keylen = (uint16_t)keylen;
	h->vallen = (uint16_t)vallen;
	return (ref);
}

static void
entry_give(struct table *t, uint32_t ref)
{
	struct head	*h = head_at(t, ref);
	struct large	*l = large_of(h);

	if (h->units > 0) {
		units_give(t, ref, h->units);
		return;
	}
	t->bytes -= value_offset(l->keylen) + l->valcap;
	free(l->bytes);
	units_give(t, ref, LARGE_UNITS);
}

/* The slot of this key, or the empty one where it would go. */
static uint32_t
slot_find(const struct table *t, unsigned state, uint32_t mixed, const void *key, size_t keylen)
{
	struct head	*h;
	uint32_t	 i;

	for (i = home(t, mixed); t->slots[i].ref != 0; i = (i + 1) & t->mask) {
		if (t->slots[i].hash != mixed)
			continue;
		h = head_at(t, t->slots[i].ref);
		if (head_keylen(h) == keylen && h->state == state &&
		    (keylen == 0 || memcmp(head_bytes(h), key, keylen) == 0))
			break;
	}
	return (i);
}

static int
table_grow(struct table *t)
{
	struct slot	*old = t->slots, *slots;
	uint32_t	 oldmask = t->mask, i, j;

	if (t->mask >= UINT32_MAX / 2) {
		errno = ENOMEM;
		return (-1);
	}
	if ((slots = pages_alloc(((size_t)t->mask + 1) * 2 * sizeof(*slots))) == NULL)
		return (-1);
	t->slots = slots;
	t->mask = t->mask * 2 + 1;
	t->shift--;
	t->bytes += ((uint64_t)oldmask + 1) * sizeof(*slots);
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

void *
table_find(struct table *t, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t *vallen)
{
	uint32_t	 i = slot_find(t, state, mix(hash, state), key, keylen);
	struct head	*h;

	if (t->slots[i].ref == 0)
		return (NULL);
	h = head_at(t, t->slots[i].ref);
	*vallen = head_vallen(h);
	return (head_bytes(h) + value_offset(keylen));
}

/* Replace the entry in slot i by one with room for vallen; key and old value move. */
static int
entry_regrow(struct table *t, uint32_t i, size_t vallen)
{
	uint32_t	 ref, old = t->slots[i].ref;
	struct head	*h, *o = head_at(t, old);

	if ((ref = entry_take(t, head_keylen(o), vallen)) == 0)
		return (-1);
	o = head_at(t, old);
	h = head_at(t, ref);
	h->state = o->state;
	memcpy(head_bytes(h), head_bytes(o), value_offset(head_keylen(o)) + head_vallen(o));
	entry_give(t, old);
	t->slots[i].ref = ref;
	return (0);
}

/*
 * The value of the key, vallen long, to be filled in by the caller: fresh is 1
 * and the bytes are zero where the key had none, else the old bytes are kept as
 * far as they go.
 */
void *
table_put(struct table *t, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t vallen, int *fresh)
{
	uint32_t	 mixed = mix(hash, state), i, ref;
	struct head	*h;

	i = slot_find(t, state, mixed, key, keylen);
	if ((*fresh = t->slots[i].ref == 0)) {
		if (t->used >= t->mask / 4 * 3) {
			if (table_grow(t) == -1)
				return (NULL);
			i = slot_find(t, state, mixed, key, keylen);
		}
		if ((ref = entry_take(t, keylen, vallen)) == 0)
			return (NULL);
		h = head_at(t, ref);
		h->state = (uint16_t)state;
		if (keylen > 0)
			memcpy(head_bytes(h), key, keylen);
		memset(head_bytes(h) + keylen, 0, value_offset(keylen) - keylen + vallen);
		t->slots[i].hash = mixed;
		t->slots[i].ref = ref;
		t->used++;
	} else if (head_valcap(head_at(t, t->slots[i].ref)) < vallen &&
	    entry_regrow(t, i, vallen) == -1)
		return (NULL);
	h = head_at(t, t->slots[i].ref);
	head_set_vallen(h, vallen);
	return (head_bytes(h) + value_offset(keylen));
}

void
table_remove(struct table *t, unsigned state, uint32_t hash, const void *key, size_t keylen)
{
	uint32_t i, j, k;

	i = slot_find(t, state, mix(hash, state), key, keylen);
	if (t->slots[i].ref == 0)
		return;
	entry_give(t, t->slots[i].ref);
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
			entry = (const char *)head_at(t, t->slots[i].ref);
			__builtin_prefetch(entry);
			__builtin_prefetch(entry + 64);
			break;
		}
}

void
table_at(struct table *t, uint32_t ref, const void **key, size_t *keylen,
    void **val, size_t *vallen)
{
	struct head *h = head_at(t, ref);

	*key = head_bytes(h);
	*keylen = head_keylen(h);
	*val = head_bytes(h) + value_offset(*keylen);
	*vallen = head_vallen(h);
}

static int
ref_less(const struct table *t, uint32_t a, uint32_t b)
{
	struct head	*x = head_at(t, a), *y = head_at(t, b);
	size_t		 xlen = head_keylen(x), ylen = head_keylen(y), n;
	int		 c;

	n = xlen < ylen ? xlen : ylen;
	c = n > 0 ? memcmp(head_bytes(x), head_bytes(y), n) : 0;
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
table_sorted(struct table *t, unsigned state, uint32_t **refs, size_t *n)
{
	uint32_t	*list, i;
	size_t		 count = 0;

	if ((list = calloc((size_t)t->used * 2 + 1, sizeof(*list))) == NULL)
		return (-1);
	for (i = 0; i <= t->mask; i++)
		if (t->slots[i].ref != 0 && head_at(t, t->slots[i].ref)->state == state)
			list[count++] = t->slots[i].ref;
	refs_sort(t, list, list + t->used, count);
	*refs = list;
	*n = count;
	return (0);
}
