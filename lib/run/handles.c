/*
 * handles: keyed state, as a stage sees it.
 *
 * All states of a stage live in one store, each under its number.  A handle
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
#define ALIVE_STEPS	65536		/* of a scan, between two signs of life */

struct weir_value {
	struct weir		*w;
	unsigned		 number;
	char			 name[WEIR_NAME_MAX + 1];
	struct weir_value	*next;
};

struct handles {
	struct store		*store;
	struct weir_value	*values;
	const char		*key;
	uint32_t		 keylen, hash;
	int			 selected;
};

struct weir_scan {
	struct weir_value	*value;
	struct store_scan	*scan;
	unsigned		 steps;
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

static int
names_save(void *store, struct buf *b)
{
	return (store_names_save(store, b));
}

static int
keyed_save(void *store, struct buf *b)
{
	return (store_export(store, b));
}

struct store *
handles_store(const struct weir *w)
{
	return (w->handles->store);
}

/* Either keeps what the other would not find: a job has one for its life. */
static int
backend_check(struct weir *w)
{
	const struct jobfile_subtask	*at = w->job->restored;
	size_t				 i, len;

	if (at == NULL)
		return (0);
	if (!w->job->memory_backend && part_restored(w, STORE_PART_KEYED, &len) != NULL)
		return (weir_misuse(w, "checkpoint %llu has its state in the checkpoint itself: "
		    "--backend memory, as before", (unsigned long long)w->job->m.restore));
	for (i = 0; w->job->memory_backend && i < at->nranges; i++)
		if (strcmp(at->range[i].name, STORE_JOURNAL) == 0)
			return (weir_misuse(w, "checkpoint %llu has its state on disk: leave out "
			    "--backend memory", (unsigned long long)w->job->m.restore));
	return (0);
}

/* In a job: names and values as of the checkpoint that is restored. */
static int
store_restore(struct weir *w, struct store *store)
{
	struct job	*j = w->job;
	const void	*part;
	size_t		 len;

	if ((part = part_restored(w, STORE_PART_NAMES, &len)) != NULL &&
	    store_names_restore(store, part, len) == -1)
		return (store_failed(w));
	if (part_add(w, STORE_PART_NAMES, names_save, store) == -1)
		return (-1);
	if (backend_check(w) == -1)
		return (-1);
	/* the final checkpoint, and those that were asked for, come beside the others */
	if (!j->memory_backend)
		return (store_attach(store, stagedir_fd(j->stage), stagedir_path(j->stage),
		    j->groups, j->concurrent + 1, j->restored, j->m.restore) == -1 ?
		    store_failed(w) : 0);
	if ((part = part_restored(w, STORE_PART_KEYED, &len)) != NULL &&
	    store_import(store, part, len) == -1)
		return (store_failed(w));
	return (part_add(w, STORE_PART_KEYED, keyed_save, store));
}

static int
store_make(struct weir *w)
{
	struct handles *h = w->handles;

	if (h->store != NULL)
		return (0);
	if ((h->store = store_new(w->memory_bytes)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	return (w->job != NULL ? store_restore(w, h->store) : 0);
}

/* State that the stage does not ask for any more is kept all the same. */
int
handles_opened(struct weir *w)
{
	size_t len;

	if (w->job == NULL || part_restored(w, STORE_PART_NAMES, &len) == NULL)
		return (0);
	return (store_make(w));
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
	store_free(h->store);
	free(h);
}

struct weir_value *
weir_value(struct weir *w, const char *name)
{
	struct handles		*h = w->handles;
	struct weir_value	*v;
	int			 number;

	if (!w->keyed_in && !(w->stage->flags & WEIR_OWN_KEYS)) {
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
	if (store_make(w) == -1)
		return (NULL);
	if ((number = store_state(h->store, name)) == -1) {
		weir_error(w, "%s", store_error(h->store));
		return (NULL);
	}
	if ((v = calloc(1, sizeof(*v))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	v->w = w;
	v->number = (unsigned)number;
	strlcpy(v->name, name, sizeof(v->name));
	v->next = h->values;
	h->values = v;
	return (v);
}

int
weir_value_layout(struct weir_value *v, const char *layout)
{
	struct store	*store = v->w->handles->store;
	size_t		 len = strlen(layout);

	if (len == 0 || len > WEIR_LAYOUT_MAX || strspn(layout, WEIR_LAYOUT) < len)
		return (weir_misuse(v->w, "state \"%s\": \"%s\" is no layout: 1 to %d of "
		    WEIR_LAYOUT, v->name, layout, WEIR_LAYOUT_MAX));
	if (store_layout_set(store, v->number, layout) == 0)
		return (0);
	return (errno == EINVAL ? weir_misuse(v->w, "%s", store_error(store)) :
	    weir_error(v->w, "%s", store_error(store)));
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
handles_selected(const struct weir *w, struct weir_record *r)
{
	const struct handles *h = w->handles;

	r->key = h->selected ? h->key : NULL;
	r->keylen = h->keylen;
	r->hash = h->hash;
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
	store_prefetch(v->w->handles->store, v->number, r->hash);
}

void
handles_prefetch(struct weir *w, const struct weir_record *r)
{
	struct weir_value *v;

	for (v = w->handles->values; v != NULL; v = v->next)
		weir_value_prefetch(v, r);
}

int
weir_value_get(struct weir_value *v, const void **val, size_t *len)
{
	struct handles *h = v->w->handles;

	if (!h->selected)
		return (weir_error(v->w, "state \"%s\": no key is selected", v->name));
	*val = store_find(h->store, v->number, h->hash, h->key, h->keylen, len);
	if (*val == NULL && errno != 0)
		return (weir_error(v->w, "%s", store_error(h->store)));
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
	p = store_put(h->store, v->number, h->hash, h->key, h->keylen, len, &fresh);
	if (p == NULL)
		weir_error(v->w, "%s", store_error(h->store));
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
	if (store_remove(h->store, v->number, h->hash, h->key, h->keylen) == -1)
		return (weir_error(v->w, "%s", store_error(h->store)));
	return (0);
}

struct weir_scan *
weir_scan(struct weir_value *v)
{
	struct handles		*h = v->w->handles;
	struct weir_scan	*s;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		weir_error(v->w, "%s", strerror(errno));
		return (NULL);
	}
	s->value = v;
	if ((s->scan = store_scan(h->store, v->number)) == NULL) {
		weir_error(v->w, "%s", store_error(h->store));
		free(s);
		return (NULL);
	}
	return (s);
}

int
weir_scan_next(struct weir_scan *s, struct weir_record *r, const void **val, size_t *len)
{
	struct weir	*w = s->value->w;
	const void	*key;
	size_t		 keylen;
	int		 more;

	if (++s->steps % ALIVE_STEPS == 0 && job_alive(w) == -1)
		return (-1);
	if ((more = store_scan_next(s->scan, &key, &keylen, val, len)) == -1)
		return (weir_error(w, "%s", store_error(w->handles->store)));
	if (!more)
		return (0);
	r->data = r->key = key;
	r->len = r->keylen = (uint32_t)keylen;
	r->hash = weir_hash(r->key, keylen);
	r->ordinal = 0;
	weir_select(w, r);
	return (1);
}

void
weir_scan_end(struct weir_scan *s)
{
	if (s == NULL)
		return;
	store_scan_end(s->scan);
	free(s);
}
