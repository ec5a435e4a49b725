/*
 * table: (state, key) -> value, in memory.
 *
 * Slots of 8 bytes (hash, reference) in a power of two, linear probing, at most
 * three quarters full, deletion by shifting back (Knuth 6.4 R): a miss costs
 * one cache line and no tombstones pile up.  An entry is a header, the key,
 * padding to 8 and the value, in units of 16 bytes of big chunks; what is freed
 * is reused by its size class.  References are unit numbers, never pointers, so
 * that a slot stays small.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define UNIT		16U
#define CHUNK_UNITS	(1U << 14)		/* 256 KiB */
#define CLASSES		128U			/* sizes up to 2 KiB; larger are malloc()ed */
#define SLOTS_MIN	1024U
#define AHEAD		6U			/* records between a slot's and its entry's prefetch */

struct slot {
	uint32_t	 hash;
	uint32_t	 ref;			/* 0: empty */
};

struct head {
	uint32_t	 keylen, vallen;
	uint32_t	 valcap;
	uint16_t	 units;			/* 0: the bytes are malloc()ed */
	uint16_t	 state;
};

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

/* The bytes behind a head: the key, then at a multiple of 8 the value. */
static unsigned char *
head_bytes(struct head *h)
{
	unsigned char *outside;

	if (h->units > 0)
		return ((unsigned char *)(h + 1));
	memcpy(&outside, h + 1, sizeof(outside));
	return (outside);
}

static size_t
value_offset(size_t keylen)
{
	return ((keylen + 7) & ~(size_t)7);
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
	t->next = 1;				/* reference 0 is no entry */
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
	for (i = 0; i < t->nchunks; i++)
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

static int
chunk_add(struct table *t)
{
	unsigned char **list, *chunk;

	/* the last unit number must fit into 32 bits */
	if (t->nchunks >= UINT32_MAX / CHUNK_UNITS) {
		errno = ENOMEM;
		return (-1);
	}
	if ((list = realloc(t->chunks, (t->nchunks + 1) * sizeof(*list))) == NULL)
		return (-1);
	t->chunks = list;
	if ((chunk = malloc((size_t)CHUNK_UNITS * UNIT)) == NULL)
		return (-1);
	t->chunks[t->nchunks++] = chunk;
	t->bytes += (uint64_t)CHUNK_UNITS * UNIT;
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
		/* an entry never spans two chunks: what is left becomes a free piece */
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

/* Memory for an entry whose value may grow to valcap.  0: ENOMEM. */
static uint32_t
entry_take(struct table *t, size_t keylen, size_t vallen)
{
	size_t		 size, total;
	struct head	*h;
	uint32_t	 ref, units;
	unsigned char	*p;

	size = value_offset(keylen) + vallen;
	total = sizeof(*h) + size;
	units = (uint32_t)((total + UNIT - 1) / UNIT);
	if (total <= (size_t)CLASSES * UNIT) {
		if ((ref = units_take(t, units)) == 0)
			return (0);
		h = head_at(t, ref);
		h->units = (uint16_t)units;
		h->valcap = (uint32_t)(units * UNIT - sizeof(*h) - value_offset(keylen));
	} else {
		size += vallen / 4;		/* large values mostly grow */
		if ((p = malloc(size)) == NULL)
			return (0);
		if ((ref = units_take(t, 2)) == 0) {
			free(p);
			return (0);
		}
		h = head_at(t, ref);
		h->units = 0;
		h->valcap = (uint32_t)(size - value_offset(keylen));
		memcpy(h + 1, &p, sizeof(p));
		t->bytes += size;
	}
	h->keylen = (uint32_t)keylen;
	h->vallen = (uint32_t)vallen;
	return (ref);
}

static void
entry_give(struct table *t, uint32_t ref)
{
	struct head *h = head_at(t, ref);

	if (h->units == 0) {
		t->bytes -= value_offset(h->keylen) + h->valcap;
		free(head_bytes(h));
		units_give(t, ref, 2);
	} else
		units_give(t, ref, h->units);
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
		if (h->keylen == keylen && h->state == state &&
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
	if ((slots = calloc(((size_t)t->mask + 1) * 2, sizeof(*slots))) == NULL)
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
	*vallen = h->vallen;
	return (head_bytes(h) + value_offset(keylen));
}

/* Replace the entry in slot i by one with room for vallen; key and old value move. */
static int
entry_regrow(struct table *t, uint32_t i, size_t vallen)
{
	uint32_t	 ref, old = t->slots[i].ref;
	struct head	*h, *o = head_at(t, old);

	if ((ref = entry_take(t, o->keylen, vallen)) == 0)
		return (-1);
	o = head_at(t, old);
	h = head_at(t, ref);
	h->state = o->state;
	memcpy(head_bytes(h), head_bytes(o), value_offset(o->keylen) + o->vallen);
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
	} else if (head_at(t, t->slots[i].ref)->valcap < vallen && entry_regrow(t, i, vallen) == -1)
		return (NULL);
	h = head_at(t, t->slots[i].ref);
	h->vallen = (uint32_t)vallen;
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
 * fetched now, the entry of the record that was announced AHEAD calls ago; most
 * entries end in the cache line behind the one that they begin in.
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
			__builtin_prefetch(entry + 40);
			break;
		}
}

void
table_at(struct table *t, uint32_t ref, const void **key, size_t *keylen,
    void **val, size_t *vallen)
{
	struct head *h = head_at(t, ref);

	*key = head_bytes(h);
	*keylen = h->keylen;
	*val = head_bytes(h) + value_offset(h->keylen);
	*vallen = h->vallen;
}

static int
ref_less(const struct table *t, uint32_t a, uint32_t b)
{
	struct head	*x = head_at(t, a), *y = head_at(t, b);
	size_t		 n = x->keylen < y->keylen ? x->keylen : y->keylen;
	int		 c;

	c = n > 0 ? memcmp(head_bytes(x), head_bytes(y), n) : 0;
	return (c != 0 ? c < 0 : x->keylen < y->keylen);
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
