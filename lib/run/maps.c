/*
 * maps: collections of pairs that can be found, and gone through.
 *
 * A pair knows its index and an index its pair's key; see collections.c.  For one
 * that is removed the last one takes its index: so there is never a gap.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct weir_map { struct collection c; };

struct weir_map *
weir_map(struct weir *w, const char *name)
{
	return ((struct weir_map *)collection_make(w, name, sizeof(struct collection)));
}

int
weir_map_count(struct weir_map *m, uint64_t *n)
{
	return (collection_count(&m->c, n));
}

/* The pair's index and value: 1, 0, -1. */
static int
pair_get(struct collection *c, const void *key, size_t keylen, uint64_t *index,
    const void **val, size_t *len)
{
	char digits[COLLECTION_DIGITS + 1], *end;
	int found;

	if (collection_select(c, 'k', key, keylen) == -1 ||
	    (found = collection_get(c, val, len)) == -1)
		return (-1);
	if (found == 0)
		return (0);
	if (*len < COLLECTION_DIGITS)
		return (collection_damaged(c, "pair"));
	memcpy(digits, *val, COLLECTION_DIGITS);
	digits[COLLECTION_DIGITS] = '\0';
	*index = strtoul(digits, &end, 16);
	if (*end != '\0')
		return (collection_damaged(c, "pair"));
	*val = (const char *)*val + COLLECTION_DIGITS;
	*len -= COLLECTION_DIGITS;
	return (1);
}

static int
pair_put(struct collection *c, const void *key, size_t keylen, uint64_t index,
    const void *val, size_t len)
{
	char digits[COLLECTION_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%08" PRIx32, (uint32_t)index);
	c->copy.len = 0;
	if (buf_add(&c->copy, digits, COLLECTION_DIGITS) == -1 ||
	    buf_add(&c->copy, val, len) == -1)
		return (collection_no_memory(c->w));
	if (collection_select(c, 'k', key, keylen) == -1)
		return (-1);
	return (collection_put(c, c->copy.data, c->copy.len));
}

int
weir_map_get(struct weir_map *m, const void *key, size_t keylen, const void **val, size_t *len)
{
	uint64_t index;

	return (pair_get(&m->c, key, keylen, &index, val, len));
}

int
weir_map_put(struct weir_map *m, const void *key, size_t keylen, const void *val, size_t len)
{
	const void *old;
	uint64_t index;
	size_t oldlen;
	int found;

	if ((found = pair_get(&m->c, key, keylen, &index, &old, &oldlen)) == -1)
		return (-1);
	if (!found) {
		if (collection_count(&m->c, &index) == -1 ||
		    collection_set_count(&m->c, index + 1) == -1 ||
		    collection_select_index(&m->c, 'i', index) == -1 ||
		    collection_put(&m->c, key, keylen) == -1)
			return (-1);
	}
	return (pair_put(&m->c, key, keylen, index, val, len));
}

/* The key of the pair with this index. */
static int
pair_key(struct collection *c, uint64_t index, const void **key, size_t *keylen)
{
	int found;

	if (collection_select_index(c, 'i', index) == -1 ||
	    (found = collection_get(c, key, keylen)) == -1)
		return (-1);
	return (found == 0 ? collection_damaged(c, "index") : 0);
}

/* The last pair takes the index of one that goes. */
static int
pair_move(struct collection *c, uint64_t from, uint64_t to)
{
	const void *key, *val;
	struct buf keep = { 0 };
	size_t keylen, len;
	uint64_t index;
	int found = -1;

	if (pair_key(c, from, &key, &keylen) == -1)
		return (-1);
	if (buf_add(&keep, key, keylen) == -1)
		collection_no_memory(c->w);
	else if (collection_select_index(c, 'i', to) == 0 &&
	    collection_put(c, keep.data, keep.len) == 0)
		found = pair_get(c, keep.data, keep.len, &index, &val, &len);
	if (found == 0)
		found = collection_damaged(c, "pair");
	if (found == 1)
		found = pair_put(c, keep.data, keep.len, to, val, len);
	buf_free(&keep);
	return (found);
}

int
weir_map_remove(struct weir_map *m, const void *key, size_t keylen)
{
	const void *val;
	uint64_t index, n;
	size_t len;
	int found;

	if ((found = pair_get(&m->c, key, keylen, &index, &val, &len)) != 1)
		return (found);
	if (collection_count(&m->c, &n) == -1)
		return (-1);
	if (index >= n)
		return (collection_damaged(&m->c, "pair"));
	if (collection_select(&m->c, 'k', key, keylen) == -1 || collection_clear(&m->c) == -1 ||
	    (index < n - 1 && pair_move(&m->c, n - 1, index) == -1) ||
	    collection_select_index(&m->c, 'i', n - 1) == -1 || collection_clear(&m->c) == -1 ||
	    collection_set_count(&m->c, n - 1) == -1)
		return (-1);
	return (1);
}

int
weir_map_at(struct weir_map *m, uint64_t index, const void **key, size_t *keylen,
    const void **val, size_t *len)
{
	struct collection *c = &m->c;
	uint64_t n, own;
	int found;

	if (collection_count(c, &n) == -1)
		return (-1);
	if (index >= n)
		return (0);
	if (pair_key(c, index, key, keylen) == -1)
		return (-1);
	c->copy.len = 0;
	if (buf_add(&c->copy, *key, *keylen) == -1)
		return (collection_no_memory(c->w));
	*key = c->copy.data;
	found = pair_get(c, *key, *keylen, &own, val, len);
	return (found == 0 ? collection_damaged(c, "pair") : found);
}

int
weir_map_clear(struct weir_map *m)
{
	const void *key;
	size_t keylen;
	uint64_t n;

	if (collection_count(&m->c, &n) == -1)
		return (-1);
	while (n-- > 0) {
		if (pair_key(&m->c, n, &key, &keylen) == -1 ||
		    collection_select(&m->c, 'k', key, keylen) == -1 ||
		    collection_clear(&m->c) == -1 ||
		    collection_select_index(&m->c, 'i', n) == -1 ||
		    collection_clear(&m->c) == -1)
			return (-1);
	}
	return (collection_set_count(&m->c, 0));
}
