/*
 * heap: entries keep their bytes, and a walk meets each of them once.
 */
#include "bytes.h"
#include "tap.h"

#define ENTRIES	3000

struct kept {
	uint32_t	 ref;			/* 0: none */
	size_t		 keylen, vallen;
	unsigned char	 seed;
};

static uint64_t rng = 1;

static unsigned
chance(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return ((unsigned)(rng >> 20) % n);
}

static void
take(struct heap *h, struct kept *k)
{
	struct heap_entry *e;

	k->keylen = chance(40);
	k->vallen = chance(10) == 0 ? chance(5000) : chance(200);
	k->seed = (unsigned char)chance(256);
	k->ref = heap_take(h, k->keylen, k->vallen);
	CHECK(k->ref != 0);
	e = heap_at(h, k->ref);
	CHECK(e->flags == 0 && e->generation == 0 && e->state == 0);
	CHECK(heap_keylen(e) == k->keylen && heap_vallen(e) == k->vallen);
	CHECK((uintptr_t)heap_value(e) % 8 == 0 && heap_room(e) >= k->vallen);
	memset(heap_key(e), k->seed, k->keylen);
	memset(heap_value(e), k->seed ^ 0xff, heap_room(e));
	e->generation = HEAP_GENERATIONS - 1;
	e->state = HEAP_STATES - 1;
	e->flags = HEAP_DEAD | HEAP_BASE | HEAP_SAME | HEAP_USED;
}

static int
bytes_are(const unsigned char *p, size_t len, unsigned char c)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != c)
			return (0);
	return (1);
}

static int
is(const struct heap *h, const struct kept *k)
{
	struct heap_entry *e = heap_at(h, k->ref);

	return (heap_keylen(e) == k->keylen && heap_vallen(e) == k->vallen &&
	    e->generation == HEAP_GENERATIONS - 1 && e->state == HEAP_STATES - 1 &&
	    bytes_are(heap_key(e), k->keylen, k->seed) &&
	    bytes_are(heap_value(e), heap_room(e), k->seed ^ 0xff));
}

/* Pieces lie one behind the other, from the first unit to the end. */
static int
walk_meets(const struct heap *h, const struct kept *k)
{
	static unsigned char	met[1 << 22];
	unsigned		i, live = 0, found = 0;
	uint32_t		ref, last = 0;

	memset(met, 0, sizeof(met));
	for (ref = heap_first(h); ref != 0; last = ref, ref = heap_next(h, ref)) {
		if (ref <= last || ref >= sizeof(met))
			return (0);
		if ((heap_at(h, ref)->flags & HEAP_FREE) == 0) {
			met[ref] = 1;
			found++;
		}
	}
	for (i = 0; i < ENTRIES; i++)
		if (k[i].ref != 0) {
			live++;
			if (!met[k[i].ref])
				return (0);
		}
	return (live == found);
}

static void
a_walk_meets_each_entry_once_whatever_comes_and_goes(void)
{
	static struct kept	kept[ENTRIES];
	struct heap		h;
	unsigned		i, n;

	memset(&h, 0, sizeof(h));
	CHECK(heap_first(&h) == 0);
	for (i = 0; i < 60000; i++) {
		n = chance(ENTRIES);
		if (kept[n].ref == 0)
			take(&h, &kept[n]);
		else {
			CHECK(is(&h, &kept[n]));
			heap_give(&h, kept[n].ref);
			kept[n].ref = 0;
		}
		if (i % 5000 == 0)
			heap_merge(&h);
		if (i % 6000 == 0)
			CHECK(walk_meets(&h, kept));
	}
	CHECK(walk_meets(&h, kept));
	for (n = 0; n < ENTRIES; n++)
		if (kept[n].ref != 0) {
			CHECK(is(&h, &kept[n]));
			heap_give(&h, kept[n].ref);
			kept[n].ref = 0;
		}
	CHECK(walk_meets(&h, kept) && h.live == 0 && h.bytes > 0);
	heap_free(&h);
}

/* Entries that all grow, a little at a time, each time into a piece of another size. */
static void
what_was_freed_becomes_room_for_larger_ones(void)
{
	static struct kept	kept[ENTRIES];
	struct heap		h;
	uint32_t		old;
	unsigned		n, size, merges = 0;

	memset(&h, 0, sizeof(h));
	for (size = 10; size < 1900; size += 30)
		for (n = 0; n < ENTRIES; n++) {
			old = kept[n].ref;
			kept[n].ref = heap_take(&h, 8, size);
			CHECK(kept[n].ref != 0);
			memset(heap_key(heap_at(&h, kept[n].ref)), (int)n, 8 + size);
			if (old != 0)
				heap_give(&h, old);
			if (heap_scattered(&h)) {
				heap_merge(&h);
				merges++;
			}
		}
	for (n = 0; n < ENTRIES; n++)
		CHECK(bytes_are(heap_key(heap_at(&h, kept[n].ref)), 8 + size - 30,
		    (unsigned char)n));
	CHECK(h.bytes < h.live * 3);
	CHECK(merges > 0 && merges < 100);
	if (tap_bad)
		printf("# %u times merged, %llu taken, %llu in use\n", merges,
		    (unsigned long long)h.bytes, (unsigned long long)h.live);
	heap_free(&h);
}

static void
what_is_freed_is_used_again(void)
{
	struct heap	h;
	uint32_t	refs[1000], ref;
	uint64_t	bytes;
	unsigned	i, round;

	memset(&h, 0, sizeof(h));
	for (i = 0; i < 1000; i++)
		refs[i] = heap_take(&h, i % 30, i % 3000);
	bytes = h.bytes;
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 1000; i++)
			heap_give(&h, refs[i]);
		for (i = 1000; i-- > 0;)
			refs[i] = heap_take(&h, i % 30, i % 3000);
	}
	CHECK(h.bytes == bytes);
	for (ref = heap_first(&h), i = 0; ref != 0; ref = heap_next(&h, ref))
		i += (heap_at(&h, ref)->flags & HEAP_FREE) == 0;
	CHECK(i == 1000);
	heap_free(&h);
}

int
main(void)
{
	RUN(a_walk_meets_each_entry_once_whatever_comes_and_goes);
	RUN(what_was_freed_becomes_room_for_larger_ones);
	RUN(what_is_freed_is_used_again);
	DONE();
}
