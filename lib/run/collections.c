/*
 * collections: lists, maps and reducing states, made of the values of one state.
 *
 * Beside the key's own entry, which holds a count, there is one for each element:
 * its key is the key, a newline, which no key has in it, and what is looked for.
 *
 *	list	KEY			the number of elements, as decimal text
 *		KEY \n INDEX		element INDEX (8 hexadecimal digits, from 0)
 *	map	KEY			the number of pairs
 *		KEY \n i INDEX		the INDEXth pair's key
 *		KEY \n k PAIR'S KEY	its INDEX, then its value
 *
 * So an append writes two entries whatever the length, and so does a pair three.
 * Hence whoever assigns entries to key groups goes by their key up to a newline.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define INDEX_DIGITS	8
#define COUNT_MAX	UINT32_MAX

struct collection {
	struct weir		*w;
	struct weir_value	*value;
	struct weir_record	 selected;	/* the key, while an element is */
	struct buf		 key;		/* of that element's entry */
	struct buf		 copy;		/* of a value that is moved */
	struct collection	*next;
};

struct weir_list { struct collection c; };
struct weir_map { struct collection c; };

struct weir_reducing {
	struct collection	 c;
	weir_reduce		*reduce;
	void			*arg;
};

void
collections_close(struct weir *w)
{
	struct collection *c;

	while ((c = w->collections) != NULL) {
		w->collections = c->next;
		buf_free(&c->key);
		buf_free(&c->copy);
		free(c);
	}
}

static int
no_memory(struct weir *w)
{
	return (weir_error(w, "%s", strerror(ENOMEM)));
}

/* size: of the struct that it begins. */
static struct collection *
collection_make(struct weir *w, const char *name, size_t size)
{
	struct collection *c;

	if ((c = calloc(1, size)) == NULL) {
		no_memory(w);
		return (NULL);
	}
	c->w = w;
	c->next = w->collections;
	w->collections = c;
	return ((c->value = weir_value(w, name)) == NULL ? NULL : c);
}

/*
 * Entries
 */

/* Select the entry of an element: kind, unless 0, then the len bytes at part. */
static int
element_select(struct collection *c, char kind, const void *part, size_t len)
{
	struct weir_record r = { .ordinal = 0 };
	int bad;

	handles_selected(c->w, &c->selected);
	if (c->selected.key == NULL)
		return (weir_error(c->w, "a list or map of no key: none is selected"));
	if (memchr(c->selected.key, '\n', c->selected.keylen) != NULL)
		return (weir_error(c->w, "a list or map of a key with a newline in it"));
	c->key.len = 0;
	bad = buf_add(&c->key, c->selected.key, c->selected.keylen) == -1 ||
	    buf_add(&c->key, "\n", 1) == -1 ||
	    (kind != 0 && buf_add(&c->key, &kind, 1) == -1) ||
	    buf_add(&c->key, part, len) == -1;
	if (bad)
		return (no_memory(c->w));
	if (c->key.len > UINT32_MAX)
		return (weir_error(c->w, "an element's key of %zu bytes", c->key.len));
	r.key = (const char *)c->key.data;
	r.keylen = (uint32_t)c->key.len;
	r.hash = weir_hash(r.key, r.keylen);
	weir_select(c->w, &r);
	return (0);
}

static int
index_select(struct collection *c, char kind, uint64_t index)
{
	char digits[INDEX_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%08" PRIx32, (uint32_t)index);
	return (element_select(c, kind, digits, INDEX_DIGITS));
}

/* Each of these selects the key again, whatever comes of it. */

static int
element_get(struct collection *c, const void **val, size_t *len)
{
	int found = weir_value_get(c->value, val, len);

	weir_select(c->w, &c->selected);
	return (found);
}

static int
element_put(struct collection *c, const void *val, size_t len)
{
	int result = weir_value_put(c->value, val, len);

	weir_select(c->w, &c->selected);
	return (result);
}

static int
element_clear(struct collection *c)
{
	int result = weir_value_clear(c->value);

	weir_select(c->w, &c->selected);
	return (result);
}

static int
damaged(struct collection *c, const char *what)
{
	return (weir_misuse(c->w, "the %s of a list or map is not one: it was written by "
	    "something else, or is damaged", what));
}

/* 0 where there is nothing. */
static int
count_get(struct collection *c, uint64_t *n)
{
	const void *val;
	const char *text;
	size_t len, i;
	int found;

	*n = 0;
	if ((found = weir_value_get(c->value, &val, &len)) != 1)
		return (found);
	for (text = val, i = 0; i < len && i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
		*n = 10 * *n + (uint64_t)(text[i] - '0');
	return (i < len || len == 0 || *n > COUNT_MAX ? damaged(c, "length") : 0);
}

static int
count_put(struct collection *c, uint64_t n)
{
	char text[24];

	if (n == 0)
		return (weir_value_clear(c->value));
	if (n > COUNT_MAX)
		return (weir_error(c->w, "a list or map of more than %" PRIu32 " elements",
		    COUNT_MAX));
	return (weir_value_put(c->value, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64,
	    n)));
}

/*
 * Lists
 */

struct weir_list *
weir_list(struct weir *w, const char *name)
{
	return ((struct weir_list *)collection_make(w, name, sizeof(struct collection)));
}

int
weir_list_add(struct weir_list *l, const void *val, size_t len)
{
	uint64_t n;

	if (count_get(&l->c, &n) == -1 || count_put(&l->c, n + 1) == -1 ||
	    index_select(&l->c, 0, n) == -1)
		return (-1);
	return (element_put(&l->c, val, len));
}

int
weir_list_count(struct weir_list *l, uint64_t *n)
{
	return (count_get(&l->c, n));
}

int
weir_list_get(struct weir_list *l, uint64_t index, const void **val, size_t *len)
{
	uint64_t n;
	int found;

	if (count_get(&l->c, &n) == -1)
		return (-1);
	if (index >= n)
		return (0);
	if (index_select(&l->c, 0, index) == -1 || (found = element_get(&l->c, val, len)) == -1)
		return (-1);
	return (found == 0 ? damaged(&l->c, "element") : 1);
}

int
weir_list_clear(struct weir_list *l)
{
	uint64_t n;

	if (count_get(&l->c, &n) == -1)
		return (-1);
	while (n-- > 0)
		if (index_select(&l->c, 0, n) == -1 || element_clear(&l->c) == -1)
			return (-1);
	return (count_put(&l->c, 0));
}

/*
 * Maps
 */

struct weir_map *
weir_map(struct weir *w, const char *name)
{
	return ((struct weir_map *)collection_make(w, name, sizeof(struct collection)));
}

int
weir_map_count(struct weir_map *m, uint64_t *n)
{
	return (count_get(&m->c, n));
}

/* The pair's index and value: 1, 0, -1. */
static int
pair_get(struct collection *c, const void *key, size_t keylen, uint64_t *index,
    const void **val, size_t *len)
{
	char digits[INDEX_DIGITS + 1], *end;
	int found;

	if (element_select(c, 'k', key, keylen) == -1 || (found = element_get(c, val, len)) == -1)
		return (-1);
	if (found == 0)
		return (0);
	if (*len < INDEX_DIGITS)
		return (damaged(c, "pair"));
	memcpy(digits, *val, INDEX_DIGITS);
	digits[INDEX_DIGITS] = '\0';
	*index = strtoul(digits, &end, 16);
	if (*end != '\0')
		return (damaged(c, "pair"));
	*val = (const char *)*val + INDEX_DIGITS;
	*len -= INDEX_DIGITS;
	return (1);
}

static int
pair_put(struct collection *c, const void *key, size_t keylen, uint64_t index,
    const void *val, size_t len)
{
	char digits[INDEX_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%08" PRIx32, (uint32_t)index);
	c->copy.len = 0;
	if (buf_add(&c->copy, digits, INDEX_DIGITS) == -1 || buf_add(&c->copy, val, len) == -1)
		return (no_memory(c->w));
	if (element_select(c, 'k', key, keylen) == -1)
		return (-1);
	return (element_put(c, c->copy.data, c->copy.len));
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
		if (count_get(&m->c, &index) == -1 || count_put(&m->c, index + 1) == -1 ||
		    index_select(&m->c, 'i', index) == -1 ||
		    element_put(&m->c, key, keylen) == -1)
			return (-1);
	}
	return (pair_put(&m->c, key, keylen, index, val, len));
}

/* The key of the pair with this index. */
static int
pair_key(struct collection *c, uint64_t index, const void **key, size_t *keylen)
{
	int found;

	if (index_select(c, 'i', index) == -1 || (found = element_get(c, key, keylen)) == -1)
		return (-1);
	return (found == 0 ? damaged(c, "index") : 0);
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
		no_memory(c->w);
	else if (index_select(c, 'i', to) == 0 && element_put(c, keep.data, keep.len) == 0)
		found = pair_get(c, keep.data, keep.len, &index, &val, &len);
	if (found == 0)
		found = damaged(c, "pair");
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
	if (count_get(&m->c, &n) == -1)
		return (-1);
	if (index >= n)
		return (damaged(&m->c, "pair"));
	if (element_select(&m->c, 'k', key, keylen) == -1 || element_clear(&m->c) == -1 ||
	    (index < n - 1 && pair_move(&m->c, n - 1, index) == -1) ||
	    index_select(&m->c, 'i', n - 1) == -1 || element_clear(&m->c) == -1 ||
	    count_put(&m->c, n - 1) == -1)
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

	if (count_get(c, &n) == -1)
		return (-1);
	if (index >= n)
		return (0);
	if (pair_key(c, index, key, keylen) == -1)
		return (-1);
	c->copy.len = 0;
	if (buf_add(&c->copy, *key, *keylen) == -1)
		return (no_memory(c->w));
	*key = c->copy.data;
	found = pair_get(c, *key, *keylen, &own, val, len);
	return (found == 0 ? damaged(c, "pair") : found);
}

int
weir_map_clear(struct weir_map *m)
{
	const void *key;
	size_t keylen;
	uint64_t n;

	if (count_get(&m->c, &n) == -1)
		return (-1);
	while (n-- > 0) {
		if (pair_key(&m->c, n, &key, &keylen) == -1 ||
		    element_select(&m->c, 'k', key, keylen) == -1 || element_clear(&m->c) == -1 ||
		    index_select(&m->c, 'i', n) == -1 || element_clear(&m->c) == -1)
			return (-1);
	}
	return (count_put(&m->c, 0));
}

/*
 * Reducing states
 */

struct weir_reducing *
weir_reducing(struct weir *w, const char *name, weir_reduce *reduce, void *arg)
{
	struct weir_reducing *r;

	r = (struct weir_reducing *)collection_make(w, name, sizeof(*r));
	if (r != NULL) {
		r->reduce = reduce;
		r->arg = arg;
	}
	return (r);
}

int
weir_reducing_add(struct weir_reducing *r, const void *val, size_t len)
{
	const void *current;
	size_t currentlen;
	int found;

	if ((found = weir_value_get(r->c.value, &current, &currentlen)) == -1)
		return (-1);
	if (!found)
		return (weir_value_put(r->c.value, val, len));
	return (r->reduce(r->c.value, r->arg, current, currentlen, val, len));
}

int
weir_reducing_get(struct weir_reducing *r, const void **val, size_t *len)
{
	return (weir_value_get(r->c.value, val, len));
}

int
weir_reducing_clear(struct weir_reducing *r)
{
	return (weir_value_clear(r->c.value));
}
