/*
 * storescan: all keys of a state in byte order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "store.h"

struct store_scan {
	struct store	*store;
	uint32_t	*refs;
	size_t		 n, next;
	struct buf	 key;			/* a copy: its entry moves when the value grows */
};

struct store_scan *
store_scan(struct store *s, unsigned state)
{
	struct store_scan *scan;

	if ((scan = calloc(1, sizeof(*scan))) == NULL ||
	    table_sorted(s->table, state, &scan->refs, &scan->n) == -1) {
		store_fail(s, ENOMEM, "state \"%s\": %s", s->names[state], strerror(ENOMEM));
		free(scan);
		return (NULL);
	}
	scan->store = s;
	s->scans++;
	return (scan);
}

int
store_scan_next(struct store_scan *scan, const void **key, size_t *keylen, const void **val,
    size_t *vallen)
{
	struct heap_entry *e;

	do {
		if (scan->next == scan->n)
			return (0);
		e = heap_at(scan->store->heap, scan->refs[scan->next++]);
	} while ((e->flags & (HEAP_FREE | HEAP_DEAD)) != 0);
	*keylen = heap_keylen(e);
	scan->key.len = 0;
	if (buf_add(&scan->key, heap_key(e), *keylen) == -1)
		return (store_fail(scan->store, errno, "%s", strerror(errno)));
	*key = scan->key.data;
	*val = heap_value(e);
	*vallen = heap_vallen(e);
	return (1);
}

void
store_scan_end(struct store_scan *scan)
{
	if (scan == NULL)
		return;
	scan->store->scans--;
	free(scan->refs);
	buf_free(&scan->key);
	free(scan);
}
