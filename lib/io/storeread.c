/*
 * storeread: keyed state as of a checkpoint, read by somebody else than its stage.
 *
 *  - State at N is the range of the journal that N names, and base below it, where
 *    there is one; or, of the memory backend, a part of the operator state.
 *  - What will be needed is held open first; loading it can wait.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io.h"
#include "store.h"

#define CHUNK_BYTES	(1U << 20)		/* read at a time */

struct store_read {
	struct store		*store;		/* a table of its own */
	struct rangefile	*journal;	/* NULL: none */
	const void		*inside;	/* of the memory backend; NULL: none; borrowed */
	size_t			 insidelen;
	uint32_t		 next;		/* entry of the table, behind loading */

	int			 dirfd;		/* the stage's; borrowed */
	int			 copy;		/* of base; -1: there is none */
	char			 path[PATH_MAX];	/* its name */
	struct base_cursor	*cursor;
	struct buf		 key, val;	/* of base, what was given out last */
};

static int
part_take(struct store_read *r, const struct opstate_part *p)
{
	if (opstate_is(p, STORE_PART_NAMES))
		return (store_names_restore(r->store, p->data, p->len));
	if (opstate_is(p, STORE_PART_KEYED)) {
		r->inside = p->data;
		r->insidelen = p->len;
	}
	return (0);
}

static int
parts_take(struct store_read *r, const struct jobfile_subtask *at)
{
	struct opstate_part	p;
	struct buf		b;
	int			more = 0;

	if (at->statelen == 0)
		return (0);
	if (opstate_read(&b, at->state, at->statelen) == 0)
		while ((more = opstate_next(&b, &p)) == 1)
			if (part_take(r, &p) == -1)
				return (-1);
	if (more == 0 && b.pos == b.len)
		return (0);
	return (store_fail(r->store, EBADMSG, "the operator state of %s.%u is damaged, or of a "
	    "newer weir", at->stage, at->subtask));
}

/* Base holds nothing but what all retained checkpoints agree on: any state of it
 * will do that is not older than the checkpoint, while that is retained. */
static int
base_take(struct store_read *r, const char *dir, const struct jobfile_subtask *at, uint64_t id)
{
	struct store *s = r->store;

	r->copy = basecopy_make(r->dirfd, dir, r->path, sizeof(r->path), s->why,
	    sizeof(s->why));
	if (r->copy == -1 || (s->base = base_open(r->copy, r->path, 0, s->why,
	    sizeof(s->why))) == NULL)
		return (-1);
	if (base_batches(s->base) < at->batches)
		return (store_fail(s, EBADMSG, "%s/base: has %llu batches, the checkpoint says "
		    "%llu: cut short, or from elsewhere", dir,
		    (unsigned long long)base_batches(s->base), (unsigned long long)at->batches));
	if (base_epoch(s->base) > id)
		return (store_fail(s, EBADMSG, "%s/base: holds state of checkpoint %llu, later "
		    "than %llu", dir, (unsigned long long)base_epoch(s->base),
		    (unsigned long long)id));
	return (0);
}

static int
read_open(struct store_read *r, int dirfd, const char *dir, const struct jobfile_subtask *at,
    uint64_t id)
{
	char	why[PATH_MAX + 256];
	size_t	i;

	r->dirfd = dirfd;
	if (parts_take(r, at) == -1)
		return (-1);
	if (at->batches > 0 && r->inside == NULL && base_take(r, dir, at, id) == -1)
		return (-1);
	for (i = 0; i < at->nranges && r->inside == NULL; i++) {
		if (strcmp(at->range[i].name, STORE_JOURNAL) != 0)
			continue;
		r->journal = rangefile_open(dirfd, dir, &at->range[i], JOURNAL_CUT, why,
		    sizeof(why));
		if (r->journal == NULL)
			return (store_fail(r->store, errno, "%s", why));
	}
	return (0);
}

struct store_read *
store_read_open(int dirfd, const char *dir, const struct jobfile_subtask *at, unsigned groups,
    uint64_t id, char *why, size_t size)
{
	struct store_read	*r;
	int			 error;

	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->store = store_new(UINT64_MAX)) == NULL) {
		snprintf(why, size, "%s: %s", dir, strerror(ENOMEM));
		free(r);
		errno = ENOMEM;
		return (NULL);
	}
	r->copy = -1;
	r->store->groups = groups;
	if (read_open(r, dirfd, dir, at, id) == 0)
		return (r);
	error = errno;
	snprintf(why, size, "%s", store_error(r->store));
	store_read_close(r);
	errno = error;
	return (NULL);
}

void
store_read_close(struct store_read *r)
{
	if (r == NULL)
		return;
	rangefile_close(r->journal);
	base_cursor_free(r->cursor);
	store_free(r->store);
	if (r->copy != -1) {
		close(r->copy);
		basecopy_remove(r->dirfd, r->path);
	}
	buf_free(&r->key);
	buf_free(&r->val);
	free(r);
}

const char *
store_read_error(const struct store_read *r)
{
	return (store_error(r->store));
}

unsigned
store_read_states(const struct store_read *r)
{
	return (r->store->nnames);
}

const char *
store_read_name(const struct store_read *r, unsigned state, const char **layout)
{
	*layout = store_layout(r->store, state);
	return (r->store->names[state]);
}

int
store_read_memory(const struct store_read *r)
{
	return (r->inside != NULL);
}

/*
 * Loading
 */

/* A journal's range in pieces; what is left of one goes before the next. */
static int
journal_load(struct store_read *r)
{
	struct buf	b = { 0 };
	ssize_t		n = 0;
	size_t		used;
	int		bad = 0;

	while (!bad) {
		if (buf_room(&b, CHUNK_BYTES) == NULL) {
			bad = store_fail(r->store, ENOMEM, "%s", strerror(ENOMEM));
			break;
		}
		if ((n = rangefile_read(r->journal, b.data + b.len, CHUNK_BYTES)) == -1)
			bad = store_fail(r->store, errno, "%s", rangefile_error(r->journal));
		if (n <= 0)
			break;
		b.len += (size_t)n;
		bad = changes_apply(r->store, b.data, b.len, &used);
		memmove(b.data, b.data + used, b.len - used);
		b.len -= used;
	}
	if (!bad && b.len > 0)
		bad = store_fail(r->store, EBADMSG, "the last entry is not whole");
	buf_free(&b);
	return (bad ? -1 : 0);
}

int
store_read_load(struct store_read *r)
{
	int bad = 0;

	if (r->inside != NULL)
		bad = store_import(r->store, r->inside, r->insidelen);
	else if (r->journal != NULL)
		bad = journal_load(r);
	r->next = heap_first(r->store->heap);
	if (bad || r->store->base == NULL)
		return (bad ? -1 : 0);
	if ((r->cursor = base_cursor(r->store->base)) == NULL)
		return (store_fail(r->store, ENOMEM, "%s", strerror(ENOMEM)));
	base_seek(r->cursor, "", 0);
	return (0);
}

/*
 * What is there
 */

static int
table_next(struct store_read *r, struct store_entry *e)
{
	struct heap	*h = r->store->heap;
	struct heap_entry *at;

	while (r->next != 0) {
		at = heap_at(h, r->next);
		r->next = heap_next(h, r->next);
		if ((at->flags & (HEAP_FREE | HEAP_DEAD)) != 0)
			continue;
		e->state = at->state;
		e->key = heap_key(at);
		e->keylen = heap_keylen(at);
		e->val = heap_value(at);
		e->vallen = heap_vallen(at);
		return (1);
	}
	return (0);
}

/* GROUP (2 bytes), STATE, NUL, KEY.  1; 0: not of a state. */
static int
base_entry(struct store_read *r, const char *key, size_t keylen, struct store_entry *e)
{
	struct store	*s = r->store;
	const char	*end;

	if (keylen < 3 || (end = memchr(key + 2, '\0', keylen - 2)) == NULL)
		return (0);
	for (e->state = 0; e->state < s->nnames; e->state++)
		if (strcmp(s->names[e->state], key + 2) == 0)
			break;
	e->key = end + 1;
	e->keylen = keylen - (size_t)(end + 1 - key);
	return (e->state < s->nnames);
}

/* What the table has of a key counts, even that it has none any more. */
static int
base_next_entry(struct store_read *r, struct store_entry *e)
{
	struct store	*s = r->store;
	const char	*key, *val;
	size_t		 keylen;
	int		 there;

	while ((there = base_at(r->cursor, &key, &keylen, &val, &e->vallen, s->why,
	    sizeof(s->why))) == 1) {
		e->val = val;
		if (base_entry(r, key, keylen, e) && table_find(s->table, e->state,
		    weir_hash(e->key, e->keylen), e->key, e->keylen) == NULL)
			return (1);
		base_next(r->cursor);
	}
	return (there);
}

/* Copied, as the cursor moves on. */
static int
base_give(struct store_read *r, struct store_entry *e)
{
	r->key.len = r->val.len = 0;
	if (buf_add(&r->key, e->key, e->keylen) == -1 ||
	    buf_add(&r->val, e->val, e->vallen) == -1)
		return (store_fail(r->store, ENOMEM, "%s", strerror(ENOMEM)));
	e->key = r->key.data;
	e->val = r->val.data;
	base_next(r->cursor);
	return (1);
}

int
store_read_next(struct store_read *r, struct store_entry *e)
{
	int there;

	if (table_next(r, e))
		return (1);
	if (r->cursor == NULL || (there = base_next_entry(r, e)) == 0)
		return (0);
	return (there == -1 ? -1 : base_give(r, e));
}

int
store_read_find(struct store_read *r, unsigned state, const void *key, size_t keylen,
    const void **val, size_t *vallen)
{
	*val = store_find(r->store, state, weir_hash(key, keylen), key, keylen, vallen);
	return (*val != NULL ? 1 : errno == 0 ? 0 : -1);
}
