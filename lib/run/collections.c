/*
 * collections: lists and reducing states, and what maps are made of, too: entries
 * beside that of a key.
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

#define COUNT_MAX	UINT32_MAX

struct weir_list { struct collection c; };

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

int
collection_no_memory(struct weir *w)
{
	return (weir_error(w, "%s", strerror(ENOMEM)));
}

struct collection *
collection_make(struct weir *w, const char *name, size_t size)
{
	struct collection *c;

	if ((c = calloc(1, size)) == NULL) {
		collection_no_memory(w);
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

int
collection_select(struct collection *c, char kind, const void *part, size_t len)
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
		return (collection_no_memory(c->w));
	if (c->key.len > UINT32_MAX)
		return (weir_error(c->w, "an element's key of %zu bytes", c->key.len));
	r.key = (const char *)c->key.data;
	r.keylen = (uint32_t)c->key.len;
	r.hash = weir_hash(r.key, r.keylen);
	weir_select(c->w, &r);
	return (0);
}

int
collection_select_index(struct collection *c, char kind, uint64_t index)
{
	char digits[COLLECTION_DIGITS + 1];

	snprintf(digits, sizeof(digits), "%08" PRIx32, (uint32_t)index);
	return (collection_select(c, kind, digits, COLLECTION_DIGITS));
}

int
collection_get(struct collection *c, const void **val, size_t *len)
{
	int found = weir_value_get(c->value, val, len);

	weir_select(c->w, &c->selected);
	return (found);
}

int
collection_put(struct collection *c, const void *val, size_t len)
{
	int result = weir_value_put(c->value, val, len);

	weir_select(c->w, &c->selected);
	return (result);
}

int
collection_clear(struct collection *c)
{
	int result = weir_value_clear(c->value);

	weir_select(c->w, &c->selected);
	return (result);
}

int
collection_damaged(struct collection *c, const char *what)
{
	return (weir_misuse(c->w, "the %s of a list or map is not one: it was written by "
	    "something else, or is damaged", what));
}

/* 0 where there is nothing. */
int
collection_count(struct collection *c, uint64_t *n)
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
	return (i < len || len == 0 || *n > COUNT_MAX ? collection_damaged(c, "length") : 0);
}

int
collection_set_count(struct collection *c, uint64_t n)
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

	if (collection_count(&l->c, &n) == -1 || collection_set_count(&l->c, n + 1) == -1 ||
	    collection_select_index(&l->c, 0, n) == -1)
		return (-1);
	return (collection_put(&l->c, val, len));
}

int
weir_list_count(struct weir_list *l, uint64_t *n)
{
	return (collection_count(&l->c, n));
}

int
weir_list_get(struct weir_list *l, uint64_t index, const void **val, size_t *len)
{
	uint64_t n;
	int found;

	if (collection_count(&l->c, &n) == -1)
		return (-1);
	if (index >= n)
		return (0);
	if (collection_select_index(&l->c, 0, index) == -1 ||
	    (found = collection_get(&l->c, val, len)) == -1)
		return (-1);
	return (found == 0 ? collection_damaged(&l->c, "element") : 1);
}

int
weir_list_clear(struct weir_list *l)
{
	uint64_t n;

	if (collection_count(&l->c, &n) == -1)
		return (-1);
	while (n-- > 0)
		if (collection_select_index(&l->c, 0, n) == -1 || collection_clear(&l->c) == -1)
			return (-1);
	return (collection_set_count(&l->c, 0));
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
