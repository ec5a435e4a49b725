/*
 * handles: keyed state, as a stage sees it.
 *
 * All states of a stage live in one table, each under its number.  A handle
 * knows nothing of the key: that is the one the runtime, or a batch stage,
 * selected last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "run.h"

#define VALUE_MAX	(16U << 20)	/* bytes of one key's value */

struct weir_value {
	struct weir		*w;
	unsigned		 number;
	char			 name[WEIR_NAME_MAX + 1];
	struct weir_value	*next;
};

struct handles {
	struct table		*table;
	struct weir_value	*values;
	unsigned		 count;
	const char		*key;
	uint32_t		 keylen, hash;
	int			 selected;
};

struct weir_scan {
	struct weir_value	*value;
	uint32_t		*refs;
	size_t			 n, next;
	struct buf		 key;		/* a copy: its entry moves when a value grows */
};

uint32_t
weir_hash(const void *key, size_t len)
{
	return ((uint32_t)XXH3_64bits(key, len));
}

int
handles_open(struct weir *w)
{
	if ((w->handles = calloc(1, sizeof(*w->handles))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

void
handles_close(struct handles *h)
{
	struct weir_value *v;

	if (h == NULL)
		return;
	while ((v = h->values) != NULL) {
		h->values = v->next;
		free(v);
	}
	table_free(h->table);
	free(h);
}

struct weir_value *
weir_value(struct weir *w, const char *name)
{
	struct handles		*h = w->handles;
	struct weir_value	*v;

	if (!w->keyed_in) {
		weir_misuse(w, "state \"%s\" wants a key and the stream is not keyed; "
		    "put 'weir keyby -k FIELD' before me", name);
		return (NULL);
	}
	if (!name_ok(name)) {
		weir_misuse(w, "\"%s\" is no name for a state: letters, digits, _ and -, "
		    "at most %d", name, WEIR_NAME_MAX);
		return (NULL);
	}
	for (v = h->values; v != NULL; v = v->next)
		if (strcmp(v->name, name) == 0) {
			weir_misuse(w, "two states are called \"%s\"; a name is the identity "
			    "of a state", name);
			return (NULL);
		}
	if ((h->table == NULL && (h->table = table_new()) == NULL) ||
	    (v = calloc(1, sizeof(*v))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	v->w = w;
	v->number = h->count++;
	strlcpy(v->name, name, sizeof(v->name));
	v->next = h->values;
	h->values = v;
	return (v);
}

void
weir_select(struct weir *w, const struct weir_record *r)
{
	struct handles *h = w->handles;

	h->key = r->key;
	h->keylen = r->keylen;
	h->hash = r->hash;
	h->selected = r->key != NULL;
}

void
weir_memory(struct weir *w, uint64_t bytes)
{
	w->memory_bytes = bytes;
}

void
weir_value_prefetch(struct weir_value *v, const struct weir_record *r)
{
	__builtin_prefetch(r->key);
	table_prefetch(v->w->handles->table, v->number, r->hash);
}

int
weir_value_get(struct weir_value *v, const void **val, size_t *len)
{
	struct handles *h = v->w->handles;

	if (!h->selected)
		return (weir_error(v->w, "state \"%s\": no key is selected", v->name));
	*val = table_find(h->table, v->number, h->hash, h->key, h->keylen, len);
	return (*val != NULL);
}

/* The key's value, len bytes long, to be filled in. */
static void *
value_make(struct weir_value *v, size_t len)
{
	struct handles	*h = v->w->handles;
	void		*p;
	int		 fresh;

	if (!h->selected) {
		weir_error(v->w, "state \"%s\": no key is selected", v->name);
		return (NULL);
	}
	if (len > VALUE_MAX) {
		weir_error(v->w, "state \"%s\" of one key is %zu bytes, over the limit of %u",
		    v->name, len, VALUE_MAX);
		return (NULL);
	}
	p = table_put(h->table, v->number, h->hash, h->key, h->keylen, len, &fresh);
	if (p == NULL)
		weir_error(v->w, "state \"%s\": %s", v->name, strerror(errno));
	else if (table_bytes(h->table) > v->w->memory_bytes) {
		weir_error(v->w, "state is over its bound of %llu MiB with %llu keys, and "
		    "without checkpoints none of it can leave memory; give me more with -M",
		    (unsigned long long)v->w->memory_bytes >> 20,
		    (unsigned long long)table_count(h->table));
		return (NULL);
	}
	return (p);
}

int
weir_value_put(struct weir_value *v, const void *val, size_t len)
{
	void *p;

	if ((p = value_make(v, len)) == NULL)
		return (-1);
	if (len > 0)
		memcpy(p, val, len);
	return (0);
}

void *
weir_value_hold(struct weir_value *v, size_t size)
{
	return (value_make(v, size));
}

int
weir_value_clear(struct weir_value *v)
{
	struct handles *h = v->w->handles;

	if (!h->selected)
		return (weir_error(v->w, "state \"%s\": no key is selected", v->name));
	table_remove(h->table, v->number, h->hash, h->key, h->keylen);
	return (0);
}

struct weir_scan *
weir_scan(struct weir_value *v)
{
	struct weir_scan *s;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    table_sorted(v->w->handles->table, v->number, &s->refs, &s->n) == -1) {
		weir_error(v->w, "%s", strerror(errno));
		free(s);
		return (NULL);
	}
	s->value = v;
	return (s);
}

int
weir_scan_next(struct weir_scan *s, struct weir_record *r, const void **val, size_t *len)
{
	const void	*key;
	void		*at;
	size_t		 keylen;

	if (s->next == s->n)
		return (0);
	table_at(s->value->w->handles->table, s->refs[s->next++], &key, &keylen, &at, len);
	s->key.len = 0;
	if (buf_add(&s->key, key, keylen) == -1)
		return (weir_error(s->value->w, "%s", strerror(errno)));
	*val = at;
	r->data = r->key = (const char *)s->key.data;
	r->len = r->keylen = (uint32_t)keylen;
	r->hash = weir_hash(r->key, keylen);
	r->ordinal = 0;
	weir_select(s->value->w, r);
	return (1);
}

void
weir_scan_end(struct weir_scan *s)
{
	if (s == NULL)
		return;
	free(s->refs);
	buf_free(&s->key);
	free(s);
}
