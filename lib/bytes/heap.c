/*
 * heap: the entries of a table in memory.
 *
 * An entry is a head of 8 bytes, the key, padding to 8 and the value, in units of
 * 16 bytes of big chunks; what is freed is reused by its size class.  A reference
 * is the number of an entry's first unit: it stays good, and the entry where it
 * is, until the entry is given back.  A free piece keeps its length in its head,
 * so that all of the memory can be walked in the order in which it lies.  Before
 * more is asked of the system a larger free piece is split; neighbours are made one
 * again only by heap_merge(), which knows that nobody remembers a piece between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define BLOCK		8U	/* chunks taken at once, after as many single ones */
#define LARGE_UNITS	((uint32_t)((sizeof(struct heap_entry) + sizeof(struct heap_large) + \
			    HEAP_UNIT - 1) / HEAP_UNIT))

static uint32_t
units_of(const struct heap_entry *e)
{
	return (e->units > 0 ? e->units : LARGE_UNITS);
}

void
heap_free(struct heap *h)
{
	struct heap_entry	*e;
	uint32_t		 ref, i;

	for (ref = heap_first(h); ref != 0; ref = heap_next(h, ref)) {
		e = heap_at(h, ref);
		if (e->units == 0)
			free(heap_large(e)->bytes);
	}
	for (i = 0; i < h->nchunks; i += i < BLOCK ? 1 : BLOCK)
		free(h->chunks[i]);
	free(h->chunks);
	memset(h, 0, sizeof(*h));
}

/* One chunk for a small table, a block of them, in large pages, for a big one:
 * there an entry may span two, which lie side by side. */
static int
chunk_add(struct heap *h)
{
	uint32_t	 n = h->nchunks < BLOCK ? 1 : BLOCK, i;
	unsigned char	**list, *memory;

	/* the last unit number must fit into 32 bits */
	if (h->nchunks >= UINT32_MAX / HEAP_CHUNK - BLOCK) {
		errno = ENOMEM;
		return (-1);
	}
	if ((list = realloc(h->chunks, (h->nchunks + n) * sizeof(*list))) == NULL)
		return (-1);
	h->chunks = list;
	if ((memory = pages_alloc((size_t)n * HEAP_CHUNK * HEAP_UNIT)) == NULL)
		return (-1);
	for (i = 0; i < n; i++)
		h->chunks[h->nchunks++] = memory + (size_t)i * HEAP_CHUNK * HEAP_UNIT;
	h->bytes += (uint64_t)n * HEAP_CHUNK * HEAP_UNIT;
	return (0);
}

/* The link of a free piece lies behind its head. */
static void
units_give(struct heap *h, uint32_t ref, uint32_t units)
{
	struct heap_entry *e = heap_at(h, ref);

	memset(e, 0, sizeof(*e));
	e->units = (uint8_t)units;
	e->flags = HEAP_FREE;
	memcpy(e + 1, &h->freed[units], sizeof(uint32_t));
	h->freed[units] = ref;
}

/* The first free piece of that size.  0: there is none. */
static uint32_t
freed_take(struct heap *h, uint32_t units)
{
	uint32_t ref = h->freed[units];

	if (ref != 0)
		memcpy(&h->freed[units], heap_at(h, ref) + 1, sizeof(uint32_t));
	return (ref);
}

/* Of the smallest free piece that is larger; what is over stays free. */
static uint32_t
units_split(struct heap *h, uint32_t units)
{
	uint32_t size, ref;

	for (size = units + 1; size <= HEAP_CLASSES; size++)
		if ((ref = freed_take(h, size)) != 0) {
			units_give(h, ref + units, size - units);
			return (ref);
		}
	return (0);
}

static uint32_t
units_take(struct heap *h, uint32_t units)
{
	uint32_t ref, end = h->nchunks * HEAP_CHUNK;

	if ((ref = freed_take(h, units)) != 0)
		return (ref);
	if (h->nchunks == 0)
		h->end = HEAP_FIRST;
	if (h->nchunks == 0 || h->end + units > end) {
		/* what is left of the last one, less than a largest piece, is free */
		if (h->end < end)
			units_give(h, h->end, end - h->end);
		if (h->nchunks > 0)
			h->end = end;
		if ((ref = units_split(h, units)) != 0)
			return (ref);
		if (chunk_add(h) == -1)
			return (0);
	}
	ref = h->end;
	h->end += units;
	return (ref);
}

static uint32_t
large_take(struct heap *h, size_t keylen, size_t vallen)
{
	size_t			 size = heap_padded(keylen) + vallen + vallen / 4; /* most grow */
	struct heap_large	*l;
	unsigned char		*bytes;
	uint32_t		 ref;

	if ((bytes = malloc(size)) == NULL)
		return (0);
	if ((ref = units_take(h, LARGE_UNITS)) == 0) {
		free(bytes);
		return (0);
	}
	memset(heap_at(h, ref), 0, sizeof(struct heap_entry));
	l = heap_large(heap_at(h, ref));
	l->keylen = keylen;
	l->vallen = vallen;
	l->room = size - heap_padded(keylen);
	l->bytes = bytes;
	h->bytes += size;
	h->live += size + LARGE_UNITS * HEAP_UNIT;
	return (ref);
}

uint32_t
heap_take(struct heap *h, size_t keylen, size_t vallen)
{
	size_t			 total = sizeof(struct heap_entry) + heap_padded(keylen) + vallen;
	struct heap_entry	*e;
	uint32_t		 ref, units = (uint32_t)((total + HEAP_UNIT - 1) / HEAP_UNIT);

	if (total > (size_t)HEAP_CLASSES * HEAP_UNIT)
		return (large_take(h, keylen, vallen));
	if ((ref = units_take(h, units)) == 0)
		return (0);
	e = heap_at(h, ref);
	memset(e, 0, sizeof(*e));
	e->units = (uint8_t)units;
	e->keylen = keylen & HEAP_LENGTH;
	e->vallen = vallen & HEAP_LENGTH;
	h->live += units * HEAP_UNIT;
	return (ref);
}

void
heap_give(struct heap *h, uint32_t ref)
{
	struct heap_entry	*e = heap_at(h, ref);
	struct heap_large	*l = heap_large(e);
	size_t			 size;

	if (e->units == 0) {
		size = heap_padded(l->keylen) + l->room;
		h->bytes -= size;
		h->live -= size;
		free(l->bytes);
	}
	h->live -= units_of(e) * HEAP_UNIT;
	h->given += units_of(e) * HEAP_UNIT;
	units_give(h, ref, units_of(e));
}

/* Chunks that were taken at once lie side by side, others do not. */
static int
borders(uint32_t unit)
{
	uint32_t chunk = unit / HEAP_CHUNK;

	return (unit % HEAP_CHUNK == 0 && (chunk < BLOCK || chunk % BLOCK == 0));
}

static void
run_give(struct heap *h, uint32_t ref, uint32_t units)
{
	uint32_t n;

	for (; units > 0; ref += n, units -= n) {
		n = units < HEAP_CLASSES ? units : HEAP_CLASSES;
		units_give(h, ref, n);
	}
}

int
heap_scattered(const struct heap *h)
{
	return (h->bytes / 2 > h->live && h->given > h->live);
}

void
heap_merge(struct heap *h)
{
	uint32_t ref, next, run = 0, units = 0;

	memset(h->freed, 0, sizeof(h->freed));
	h->given = 0;
	for (ref = heap_first(h); ref != 0; ref = next) {
		next = heap_next(h, ref);
		if ((heap_at(h, ref)->flags & HEAP_FREE) != 0 && units > 0 && !borders(ref)) {
			units += heap_at(h, ref)->units;
			continue;
		}
		run_give(h, run, units);
		run = ref;
		units = (heap_at(h, ref)->flags & HEAP_FREE) != 0 ? heap_at(h, ref)->units : 0;
	}
	run_give(h, run, units);
}

uint32_t
heap_next(const struct heap *h, uint32_t ref)
{
	ref += units_of(heap_at(h, ref));
	return (ref < h->end ? ref : 0);
}

uint32_t
heap_first(const struct heap *h)
{
	return (h->nchunks > 0 ? HEAP_FIRST : 0);
}
