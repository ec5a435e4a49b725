/*
 * store: keyed state.
 *
 *  - Without a job it is a table and nothing more.
 *  - In a job each entry bears the generation, the number of barriers before it,
 *    of its last change: a barrier writes the entries of the one that it closes.
 *  - A key that was removed stays as a dead entry until that is written.
 *  - An entry does not keep its hash: that is weir_hash() of its key.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "io.h"
#include "store.h"

#define EVICT_STEPS	64U			/* pieces looked at for one that comes */
#define LIST_MIN	1024U			/* changes that are always listed */

int
store_fail(struct store *s, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

static int
fail_memory(struct store *s, unsigned state)
{
	return (store_fail(s, ENOMEM, "state \"%s\": %s", s->names[state], strerror(ENOMEM)));
}

struct store *
store_new(uint64_t memory_bytes)
{
	struct store *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	if ((s->table = table_new()) == NULL) {
		free(s);
		return (NULL);
	}
	s->heap = table_heap(s->table);
	s->memory = memory_bytes;
	return (s);
}

void
store_free(struct store *s)
{
	struct store_block *b;

	if (s == NULL)
		return;
	while ((b = s->spare) != NULL) {
		s->spare = b->next;
		free(b);
	}
	base_close(s->base);
	journal_close(s->journal);
	buf_free(&s->key);
	table_free(s->table);
	while (s->nnames > 0)
		free(s->layouts[--s->nnames]);
	free(s->names);
	free(s->layouts);
	free(s->list);
	free(s);
}

const char *
store_error(const struct store *s)
{
	return (s->why);
}

/*
 * Entries
 */

uint32_t
store_hash(struct heap_entry *e)
{
	return ((uint32_t)XXH3_64bits(heap_key(e), heap_keylen(e)));
}

/* What base calls a key.  Of an element of a list or map the key group is that of
 * the list's key, which ends at a newline. */
int
store_base_key(struct store *s, struct buf *b, unsigned state, const void *key, size_t keylen)
{
	const char	*end = keylen > 0 ? memchr(key, '\n', keylen) : NULL;
	size_t		 len = end != NULL ? (size_t)(end - (const char *)key) : keylen;

	return (base_key(b, (uint32_t)XXH3_64bits(key, len) % s->groups, s->names[state], key,
	    keylen));
}

/* Beyond a quarter of all entries the barrier looks at each instead. */
static void
list_add(struct store *s, struct heap_entry *e)
{
	struct heap_entry	**list;
	size_t			 room = s->list_room > 0 ? s->list_room * 2 : LIST_MIN;

	if (s->nlist >= LIST_MIN && s->nlist > table_count(s->table) / 4) {
		s->walk = 1;
		return;
	}
	if (s->nlist == s->list_room) {
		if ((list = realloc(s->list, room * sizeof(*list))) == NULL) {
			s->walk = 1;
			return;
		}
		s->list = list;
		s->list_room = room;
	}
	s->list[s->nlist++] = e;
}

/* The first time since the barrier. */
static void
entry_changed(struct store *s, struct heap_entry *e)
{
	e->generation = s->generation & (HEAP_GENERATIONS - 1);
	if ((e->flags & HEAP_SAME) != 0)
		s->same--;
	e->flags &= ~(unsigned)HEAP_SAME;
	e->flags |= HEAP_USED;
	if (!s->walk)
		list_add(s, e);
}

/* Take the key's value from base into the table.  NULL: errno 0, or an error. */
static struct heap_entry *
entry_fetch(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen)
{
	struct heap_entry	*e = NULL;
	char			*val;
	size_t			 vallen;
	int			 found;

	if (store_bytes(s) > s->memory && s->same > table_count(s->table) / 8)
		store_evict(s, EVICT_STEPS);
	s->key.len = 0;
	if (store_base_key(s, &s->key, state, key, keylen) == -1) {
		fail_memory(s, state);
		return (NULL);
	}
	found = base_get(s->base, s->key.data, s->key.len, &val, &vallen, s->why, sizeof(s->why));
	if (found == 1) {
		e = store_insert(s, state, hash, key, keylen, val, vallen);
		base_release(val);
	} else if (found == 0)
		errno = 0;
	if (e != NULL) {
		e->flags = HEAP_BASE | HEAP_SAME | HEAP_USED;
		s->same++;
	}
	return (e);
}

/* Its entry, dead or not, wherever it is.  NULL: errno 0, or an error. */
static struct heap_entry *
entry_find(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen)
{
	struct heap_entry *e = table_find(s->table, state, hash, key, keylen);

	if (e == NULL && s->base != NULL)
		return (entry_fetch(s, state, hash, key, keylen));
	if (e == NULL)
		errno = 0;
	return (e);
}

void *
store_find(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t *vallen)
{
	struct heap_entry *e;

	if ((e = entry_find(s, state, hash, key, keylen)) == NULL)
		return (NULL);
	if ((e->flags & HEAP_DEAD) != 0) {
		errno = 0;
		return (NULL);
	}
	if ((e->flags & HEAP_USED) == 0)
		e->flags |= HEAP_USED;
	*vallen = heap_vallen(e);
	return (heap_value(e));
}

/* Memory was taken.  1: without a store on disk there is no way to be rid of any. */
static int
alone_full(struct store *s)
{
	if (s->generation != 0 || table_bytes(s->table) <= s->memory) {
		s->counted = s->heap->bytes;
		return (0);
	}
	store_fail(s, ENOMEM, "state is over its bound of %llu MiB with %llu keys, and none of it "
	    "can leave memory without a job, or with --backend memory; give me more with -M",
	    (unsigned long long)s->memory >> 20, (unsigned long long)table_count(s->table));
	return (1);
}

/* A key that is new, or has a longer value than there is room for. */
static struct heap_entry *
entry_put(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t vallen, int *fresh)
{
	struct heap_entry *e;

	if ((e = table_put(s->table, state, hash, key, keylen, vallen, fresh)) == NULL)
		fail_memory(s, state);
	else if (s->heap->bytes != s->counted && alone_full(s))
		return (NULL);
	return (e);
}

/* Most keys are there, and their values keep their length. */
void *
store_put(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen,
    size_t vallen, int *fresh)
{
	struct heap_entry *e = table_find(s->table, state, hash, key, keylen);

	if (e == NULL && s->base != NULL &&
	    (e = entry_fetch(s, state, hash, key, keylen)) == NULL && errno != 0)
		return (NULL);
	*fresh = 0;
	if (e != NULL && heap_room(e) >= vallen)
		heap_set_vallen(e, vallen);
	else if ((e = entry_put(s, state, hash, key, keylen, vallen, fresh)) == NULL)
		return (NULL);
	if (e->generation != s->generation)
		entry_changed(s, e);
	if ((e->flags & HEAP_DEAD) != 0) {
		e->flags &= ~(unsigned)HEAP_DEAD;
		memset(heap_value(e), 0, vallen);
		*fresh = 1;
	}
	return (heap_value(e));
}

/* A large value's memory goes at once. */
static struct heap_entry *
entry_lighten(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen,
    struct heap_entry *e)
{
	unsigned flags = e->flags;
	int	 fresh;

	table_remove(s->table, hash, e);
	if ((e = table_put(s->table, state, hash, key, keylen, 0, &fresh)) != NULL)
		e->flags = flags & 31U;
	return (e);
}

int
store_remove(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen)
{
	struct heap_entry *e;

	if ((e = entry_find(s, state, hash, key, keylen)) == NULL)
		return (errno != 0 ? -1 : 0);
	if (s->generation == 0) {
		table_remove(s->table, hash, e);
		return (0);
	}
	if (e->units == 0 &&
	    (e = entry_lighten(s, state, hash, key, keylen, e)) == NULL)
		return (fail_memory(s, state));
	if (e->generation != s->generation)
		entry_changed(s, e);
	e->flags |= HEAP_DEAD;
	return (0);
}

void
store_prefetch(struct store *s, unsigned state, uint32_t hash)
{
	table_prefetch(s->table, state, hash);
}

/* As it was at a barrier: nothing that has changed. */
struct heap_entry *
store_insert(struct store *s, unsigned state, uint32_t hash, const void *key, size_t keylen,
    const void *val, size_t vallen)
{
	struct heap_entry	*e;
	int			 fresh;

	if ((e = table_put(s->table, state, hash, key, keylen, vallen, &fresh)) == NULL)
		fail_memory(s, state);
	else if (vallen > 0)
		memcpy(heap_value(e), val, vallen);
	return (e);
}

/*
 * The bound
 */

uint64_t
store_count(const struct store *s)
{
	return (table_count(s->table));
}

/* Without a job nothing is given back: what was taken from the system counts. */
uint64_t
store_bytes(const struct store *s)
{
	if (s->generation == 0)
		return (table_bytes(s->table));
	return (table_live(s->table) + s->list_room * sizeof(*s->list) + s->afloat);
}

enum store_pressure
store_pressure(const struct store *s)
{
	uint64_t bytes = store_bytes(s);

	return (bytes > s->memory ? STORE_FULL : bytes > s->memory / 2 ? STORE_HALF : STORE_EASY);
}
