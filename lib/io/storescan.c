/*
 * storescan: all keys of a state in byte order.
 *
 *  - The table's keys are sorted; base has its own in order within each key group:
 *    of each group a run is read ahead, and the smallest of their first ones is
 *    the next of base.
 *  - Where both have a key the table's entry counts; a dead one hides base's.
 *  - Base is read as it was when the scan began, and nothing leaves memory while
 *    it goes on: what was in the table then is still where it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "store.h"

#define RUN_BYTES	(4U << 20)		/* of all groups together */
#define RUN_LEAST	256U

struct pair {
	uint32_t	 keylen, vallen;	/* then the key, and the value */
};

/* What is read ahead of one group; the first pair is at pos. */
struct run {
	struct buf	 bytes;
	int		 more;			/* there may be some behind */
};

struct store_scan {
	struct store	*store;
	unsigned	 state;
	uint32_t	*refs;			/* the table's, sorted */
	size_t		 n, next;
	struct buf	 key;			/* a copy: its entry moves when the value grows */

	struct base_cursor *cursor;		/* NULL: there is no base */
	struct run	*run;			/* of each group */
	unsigned	*heap;			/* groups by their first keys, smallest on top */
	unsigned	 nheap;
	int		 taken;			/* the top was given out: go on behind it */
	struct buf	 name;
};

static int
fail_memory(struct store_scan *scan)
{
	return (store_fail(scan->store, ENOMEM, "state \"%s\": %s",
	    scan->store->names[scan->state], strerror(ENOMEM)));
}

/*
 * Runs
 */

static void
run_first(const struct run *r, const unsigned char **key, size_t *keylen,
    const unsigned char **val, size_t *vallen)
{
	struct pair p;

	memcpy(&p, r->bytes.data + r->bytes.pos, sizeof(p));
	*key = r->bytes.data + r->bytes.pos + sizeof(p);
	*keylen = p.keylen;
	*val = *key + p.keylen;
	*vallen = p.vallen;
}

static int
run_add(struct run *r, const char *key, size_t keylen, const char *val, size_t vallen)
{
	struct pair p = { (uint32_t)keylen, (uint32_t)vallen };

	if (buf_add(&r->bytes, &p, sizeof(p)) == -1 || buf_add(&r->bytes, key, keylen) == -1)
		return (-1);
	return (buf_add(&r->bytes, val, vallen));
}

/* Read on from the cursor; prefix bytes of each key are the same for the group. */
static int
run_read(struct store_scan *scan, struct run *r, size_t prefix)
{
	struct store	*s = scan->store;
	const char	*key, *val;
	size_t		 keylen, vallen, most = RUN_BYTES / s->groups;
	int		 there;

	r->bytes.len = r->bytes.pos = 0;
	r->more = 1;
	while (r->bytes.len < (most < RUN_LEAST ? RUN_LEAST : most)) {
		there = base_at(scan->cursor, &key, &keylen, &val, &vallen, s->why,
		    sizeof(s->why));
		if (there == -1)
			return (-1);
		if (there == 0 || keylen < prefix || memcmp(key, scan->name.data, prefix) != 0) {
			r->more = 0;
			return (0);
		}
		if (run_add(r, key + prefix, keylen - prefix, val, vallen) == -1)
			return (fail_memory(scan));
		base_next(scan->cursor);
	}
	return (0);
}

/* From the key behind last on, or from the first one. */
static int
run_fill(struct store_scan *scan, unsigned group, const struct buf *last)
{
	struct store	*s = scan->store;
	size_t		 prefix;

	scan->name.len = 0;
	if (base_key(&scan->name, group, s->names[scan->state], NULL, 0) == -1)
		return (fail_memory(scan));
	prefix = scan->name.len;
	if (last != NULL && (buf_add(&scan->name, last->data, last->len) == -1 ||
	    buf_add(&scan->name, "", 1) == -1))
		return (fail_memory(scan));
	base_seek(scan->cursor, scan->name.data, scan->name.len);
	return (run_read(scan, &scan->run[group], prefix));
}

/* Behind its first pair; a run that is used up is read on. */
static int
run_advance(struct store_scan *scan, unsigned group)
{
	struct run		*r = &scan->run[group];
	const unsigned char	*key, *val;
	struct buf		 last = { 0 };
	size_t			 keylen, vallen;
	int			 result;

	run_first(r, &key, &keylen, &val, &vallen);
	if (r->bytes.pos + sizeof(struct pair) + keylen + vallen < r->bytes.len) {
		r->bytes.pos += sizeof(struct pair) + keylen + vallen;
		return (0);
	}
	if (!r->more) {
		r->bytes.len = r->bytes.pos = 0;
		return (0);
	}
	if (buf_add(&last, key, keylen) == -1)
		return (fail_memory(scan));
	result = run_fill(scan, group, &last);
	buf_free(&last);
	return (result);
}

/*
 * The smallest of them
 */

static int
key_order(const void *a, size_t alen, const void *b, size_t blen)
{
	size_t	n = alen < blen ? alen : blen;
	int	c = n > 0 ? memcmp(a, b, n) : 0;

	return (c != 0 ? c : alen < blen ? -1 : alen > blen);
}

static int
group_less(const struct store_scan *scan, unsigned a, unsigned b)
{
	const unsigned char	*x, *y, *val;
	size_t			 xlen, ylen, vallen;

	run_first(&scan->run[a], &x, &xlen, &val, &vallen);
	run_first(&scan->run[b], &y, &ylen, &val, &vallen);
	return (key_order(x, xlen, y, ylen) < 0);
}

static void
heap_sink(struct store_scan *scan, unsigned i)
{
	unsigned least, child, group;

	for (;; i = least) {
		least = i;
		for (child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < scan->nheap &&
			    group_less(scan, scan->heap[child], scan->heap[least]))
				least = child;
		if (least == i)
			return;
		group = scan->heap[i];
		scan->heap[i] = scan->heap[least];
		scan->heap[least] = group;
	}
}

/* The top of the heap has been used. */
static int
heap_advance(struct store_scan *scan)
{
	unsigned group = scan->heap[0];

	if (run_advance(scan, group) == -1)
		return (-1);
	if (scan->run[group].bytes.len == 0) {
		buf_free(&scan->run[group].bytes);
		scan->heap[0] = scan->heap[--scan->nheap];
	}
	heap_sink(scan, 0);
	return (0);
}

static int
base_begin(struct store_scan *scan)
{
	struct store	*s = scan->store;
	unsigned	 g, i;

	scan->run = calloc(s->groups, sizeof(*scan->run));
	scan->heap = calloc(s->groups, sizeof(*scan->heap));
	scan->cursor = base_cursor(s->base);
	if (scan->run == NULL || scan->heap == NULL || scan->cursor == NULL)
		return (fail_memory(scan));
	for (g = 0; g < s->groups; g++) {
		if (run_fill(scan, g, NULL) == -1)
			return (-1);
		if (scan->run[g].bytes.len > 0)
			scan->heap[scan->nheap++] = g;
	}
	for (i = scan->nheap / 2; i-- > 0;)
		heap_sink(scan, i);
	return (0);
}

/*
 * Scans
 */

struct store_scan *
store_scan(struct store *s, unsigned state)
{
	struct store_scan *scan;

	if ((scan = calloc(1, sizeof(*scan))) == NULL) {
		store_fail(s, ENOMEM, "state \"%s\": %s", s->names[state], strerror(ENOMEM));
		return (NULL);
	}
	scan->store = s;
	scan->state = state;
	s->scans++;
	if (table_sorted(s->table, state, &scan->refs, &scan->n) == -1)
		fail_memory(scan);
	else if (s->base == NULL || base_begin(scan) == 0)
		return (scan);
	store_scan_end(scan);
	return (NULL);
}

/* Which of the two has the smaller key?  Negative: the table; 0: it is the same. */
static int
sides_order(const struct store_scan *scan)
{
	const unsigned char	*key, *val;
	struct heap_entry	*e;
	size_t			 keylen, vallen;

	if (scan->nheap == 0)
		return (-1);
	if (scan->next == scan->n)
		return (1);
	e = heap_at(scan->store->heap, scan->refs[scan->next]);
	run_first(&scan->run[scan->heap[0]], &key, &keylen, &val, &vallen);
	return (key_order(heap_key(e), heap_keylen(e), key, keylen));
}

/* An entry of the table.  1; 0: it is dead; -1. */
static int
give_entry(struct store_scan *scan, struct heap_entry *e, const void **key, size_t *keylen,
    const void **val, size_t *vallen)
{
	if ((e->flags & (HEAP_FREE | HEAP_DEAD)) != 0)
		return (0);
	*keylen = heap_keylen(e);
	scan->key.len = 0;
	if (buf_add(&scan->key, heap_key(e), *keylen) == -1)
		return (fail_memory(scan));
	*key = scan->key.data;
	*val = heap_value(e);
	*vallen = heap_vallen(e);
	return (1);
}

static int
give_base(struct store_scan *scan, const void **key, size_t *keylen, const void **val,
    size_t *vallen)
{
	const unsigned char *k, *v;

	run_first(&scan->run[scan->heap[0]], &k, keylen, &v, vallen);
	scan->taken = 1;
	*key = k;
	*val = v;
	return (1);
}

int
store_scan_next(struct store_scan *scan, const void **key, size_t *keylen, const void **val,
    size_t *vallen)
{
	struct heap_entry	*e;
	int			 order, given;

	do {
		if (scan->taken && heap_advance(scan) == -1)
			return (-1);
		scan->taken = 0;
		if (scan->next == scan->n && scan->nheap == 0)
			return (0);
		if ((order = sides_order(scan)) > 0) {
			given = give_base(scan, key, keylen, val, vallen);
			continue;
		}
		scan->taken = order == 0;
		e = heap_at(scan->store->heap, scan->refs[scan->next++]);
		given = give_entry(scan, e, key, keylen, val, vallen);
	} while (given == 0);
	return (given);
}

void
store_scan_end(struct store_scan *scan)
{
	unsigned g;

	if (scan == NULL)
		return;
	scan->store->scans--;
	for (g = 0; scan->run != NULL && g < scan->store->groups; g++)
		buf_free(&scan->run[g].bytes);
	base_cursor_free(scan->cursor);
	free(scan->run);
	free(scan->heap);
	free(scan->refs);
	buf_free(&scan->key);
	buf_free(&scan->name);
	free(scan);
}
