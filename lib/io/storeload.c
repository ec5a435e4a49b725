/*
 * storeload: changes as they stand in a journal, and the table made of them again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "io.h"
#include "store.h"

#define SEGMENT_BYTES	(64U << 20)
#define CHUNK_BYTES	(1U << 20)		/* read at a time */
#define BATCH		64U			/* changes whose slots are fetched before */
#define LENGTH_MAX	(1U << 30)		/* of a key, and of a value */

/*
 * Changes
 */

void
change_of(struct heap_entry *e, struct change *c)
{
	c->state = e->state;
	c->dead = (e->flags & HEAP_DEAD) != 0;
	c->hash = store_hash(e);
	c->key = heap_key(e);
	c->keylen = heap_keylen(e);
	c->val = heap_value(e);
	c->vallen = c->dead ? 0 : heap_vallen(e);
}

static unsigned char *
number_encode(unsigned char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (unsigned char)(v | 0x80);
	*p++ = (unsigned char)v;
	return (p);
}

unsigned char *
change_encode(unsigned char *p, const struct change *c)
{
	p = number_encode(p, c->state * 2 + (unsigned)c->dead);
	*p++ = (unsigned char)c->hash;
	*p++ = (unsigned char)(c->hash >> 8);
	*p++ = (unsigned char)(c->hash >> 16);
	*p++ = (unsigned char)(c->hash >> 24);
	p = number_encode(p, c->keylen);
	if (!c->dead)
		p = number_encode(p, c->vallen);
	memcpy(p, c->key, c->keylen);
	memcpy(p + c->keylen, c->val, c->vallen);
	return (p + c->keylen + c->vallen);
}

/* 1; 0: it goes on behind end; -1: EBADMSG */
static int
number_decode(const unsigned char **p, const unsigned char *end, uint64_t max, uint64_t *v)
{
	unsigned shift;

	for (*v = 0, shift = 0; *p < end; shift += 7) {
		*v |= (uint64_t)(**p & 0x7f) << shift;
		if ((*(*p)++ & 0x80) == 0) {
			errno = EBADMSG;
			return (*v > max ? -1 : 1);
		}
		if (shift == 28) {
			errno = EBADMSG;
			return (-1);
		}
	}
	return (0);
}

int
change_decode(const unsigned char *data, size_t len, struct change *c, size_t *used)
{
	const unsigned char	*p = data, *end = data + len;
	uint64_t		 kind, keylen, vallen = 0;
	int			 r;

	if ((r = number_decode(&p, end, HEAP_STATES * 2 - 1, &kind)) != 1)
		return (r);
	if (end - p < 4)
		return (0);
	c->hash = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	p += 4;
	if ((r = number_decode(&p, end, LENGTH_MAX, &keylen)) != 1)
		return (r);
	c->dead = kind & 1;
	if (!c->dead && (r = number_decode(&p, end, LENGTH_MAX, &vallen)) != 1)
		return (r);
	c->state = (unsigned)(kind >> 1);
	c->keylen = keylen;
	c->vallen = vallen;
	c->key = p;
	c->val = p + keylen;
	*used = (size_t)(p - data) + keylen + vallen;
	return (*used <= len);
}

/*
 * The table
 */

/* What base has of a key nobody knows any more. */
static int
change_apply(struct store *s, const struct change *c)
{
	struct heap_entry *e;

	if (c->dead && s->base == NULL) {
		if ((e = table_find(s->table, c->state, c->hash, c->key, c->keylen)) != NULL)
			table_remove(s->table, c->hash, e);
		return (0);
	}
	e = store_insert(s, c->state, c->hash, c->key, c->keylen, c->val, c->vallen);
	if (e == NULL)
		return (-1);
	e->flags = (s->base != NULL ? HEAP_BASE : 0U) |
	    (c->dead ? HEAP_DEAD : 0U);
	return (0);
}

/* All changes that are whole; what is used of the bytes.  -1: store_error(). */
int
changes_apply(struct store *s, const unsigned char *data, size_t len, size_t *used)
{
	struct change	c[BATCH];
	size_t		n, i, size;
	int		r = 1;

	for (*used = 0; r == 1;) {
		for (n = 0; n < BATCH; n++, *used += size) {
			r = change_decode(data + *used, len - *used, &c[n], &size);
			if (r != 1 || c[n].state >= s->nnames)
				break;
			table_prefetch(s->table, c[n].state, c[n].hash);
		}
		if (r == -1 || (r == 1 && n < BATCH))
			return (store_fail(s, EBADMSG, "not an entry"));
		for (i = 0; i < n; i++)
			if (change_apply(s, &c[i]) == -1)
				return (-1);
	}
	return (0);
}

static int
fail_range(struct store *s, const struct journal_range *r, uint64_t at)
{
	return (store_fail(s, EBADMSG, "%s/%s: the bytes at %" PRIu64 " (of %" PRIu64 " to %"
	    PRIu64 ") are no entry of a state", s->dir, r->name, at, r->start, r->to));
}

/* Read a chunk behind what is left of the one before; *at moves on. */
static int
chunk_read(struct store *s, struct buf *b, uint64_t *at, uint64_t to)
{
	size_t n = to - *at < CHUNK_BYTES ? (size_t)(to - *at) : CHUNK_BYTES;

	if (buf_room(b, n) == NULL)
		return (store_fail(s, ENOMEM, "%s: %s", s->dir, strerror(ENOMEM)));
	if (journal_read(s->journal, *at, b->data + b->len, n) == -1)
		return (store_fail(s, errno, "%s", journal_error(s->journal)));
	b->len += n;
	*at += n;
	return (0);
}

static int
range_load(struct store *s, const struct journal_range *r)
{
	struct buf	 b = { 0 };
	uint64_t	 at = r->start;
	size_t		 used;
	int		 result = 0;

	while (result == 0 && at < r->to) {
		if ((result = chunk_read(s, &b, &at, r->to)) == -1)
			break;
		if ((result = changes_apply(s, b.data, b.len, &used)) == -1 && errno == EBADMSG)
			fail_range(s, r, at - (b.len - used));
		memmove(b.data, b.data + used, b.len - used);
		b.len -= used;
	}
	if (result == 0 && b.len > 0)
		result = fail_range(s, r, r->to - b.len);
	buf_free(&b);
	return (result);
}

/*
 * A place on disk
 */

static const struct journal_range *
range_find(const struct jobfile_subtask *part)
{
	size_t i;

	for (i = 0; part != NULL && i < part->nranges; i++)
		if (strcmp(part->range[i].name, STORE_JOURNAL) == 0)
			return (&part->range[i]);
	return (NULL);
}

static int
journal_load(struct store *s, const struct journal_range *r)
{
	int ok = r != NULL ? journal_attach(s->journal, r, JOURNAL_CUT) :
	    journal_create(s->journal);

	if (ok == -1)
		return (store_fail(s, errno, "%s", journal_error(s->journal)));
	s->start = s->end = s->trim = s->trimmed = journal_start(s->journal);
	if (r == NULL)
		return (0);
	s->end = r->to;
	return (range_load(s, r));
}

/* Does it hold what the checkpoint says that it had, and nothing from later on? */
static int
base_fits(struct store *s, uint64_t batches, uint64_t id)
{
	const char *path = base_path(s->base);

	s->batches = base_batches(s->base);
	if (s->batches < batches)
		return (store_fail(s, EBADMSG, "%s: has %" PRIu64 " batches, the checkpoint says %"
		    PRIu64 ": cut short, or from elsewhere", path, s->batches, batches));
	if (base_epoch(s->base) > id)
		return (store_fail(s, EBADMSG, "%s: holds state of checkpoint %" PRIu64 ", later "
		    "than the one to be restored, %" PRIu64, path, base_epoch(s->base), id));
	return (0);
}

/*
 * A checkpoint without batches does not need base: all of its state is in the
 * journal.  One that was being made when its maker died goes then, and so does any
 * other that was never written to, or cannot be read.  One that was written to after
 * that checkpoint is as good as any: it holds nothing but what was retained.
 */
static int
base_load(struct store *s, const struct jobfile_subtask *restored, uint64_t id)
{
	uint64_t batches = restored != NULL ? restored->batches : 0;

	if (!base_exists(s->dirfd))
		return (batches == 0 ? 0 : store_fail(s, EBADMSG, "%s/base: missing: the "
		    "checkpoint says that it has %" PRIu64 " batches", s->dir, batches));
	if (restored != NULL) {
		s->base = base_open(s->dirfd, s->dir, s->memory, s->why, sizeof(s->why));
		if (s->base == NULL && (batches > 0 || errno != EBADMSG))
			return (-1);
		if (s->base != NULL && (batches > 0 || base_batches(s->base) > 0))
			return (base_fits(s, batches, id));
	}
	base_close(s->base);
	s->base = NULL;
	return (base_remove(s->dirfd, s->dir, s->why, sizeof(s->why)));
}

int
store_attach(struct store *s, int dirfd, const char *dir, unsigned groups, unsigned concurrent,
    const struct jobfile_subtask *restored, uint64_t id)
{
	const struct journal_range *range = range_find(restored);

	if (strlcpy(s->dir, dir, sizeof(s->dir)) >= sizeof(s->dir))
		return (store_fail(s, ENAMETOOLONG, "%s: %s", dir, strerror(ENAMETOOLONG)));
	s->dirfd = dirfd;
	s->groups = groups;
	s->concurrent = concurrent;
	s->journal = journal_open(dirfd, dir, STORE_JOURNAL, SEGMENT_BYTES);
	if (s->journal == NULL)
		return (store_fail(s, errno, "%s: %s", dir, strerror(errno)));
	if (base_load(s, restored, id) == -1 || journal_load(s, range) == -1)
		return (-1);
	/* what was restored is as of that checkpoint: generation 0 */
	if (range != NULL)
		store_closed(s, id, 0);
	s->generation = 1;
	return (0);
}

/*
 * As bytes, where the coordinator keeps them.
 */

int
store_export(struct store *s, struct buf *b)
{
	struct heap_entry	*e;
	struct change		 c;
	unsigned char		*p;
	uint32_t		 ref;

	for (ref = heap_first(s->heap); ref != 0; ref = heap_next(s->heap, ref)) {
		e = heap_at(s->heap, ref);
		if ((e->flags & (HEAP_FREE | HEAP_DEAD)) != 0)
			continue;
		change_of(e, &c);
		if ((p = buf_room(b, CHANGE_HEAD + c.keylen + c.vallen)) == NULL)
			return (store_fail(s, errno, "checkpoint: %s", strerror(errno)));
		b->len += (size_t)(change_encode(p, &c) - p);
	}
	return (0);
}

int
store_import(struct store *s, const void *data, size_t len)
{
	size_t used;

	if (changes_apply(s, data, len, &used) == -1 && errno != EBADMSG)
		return (-1);
	if (used < len)
		return (store_fail(s, EBADMSG, "the state in the checkpoint is not understood"));
	return (0);
}

int
store_entry_encode(struct buf *b, const struct store_entry *e)
{
	const struct change	 c = { .state = e->state, .key = e->key, .keylen = e->keylen,
				    .val = e->val, .vallen = e->vallen,
				    .hash = weir_hash(e->key, e->keylen) };
	unsigned char		*p;

	if ((p = buf_room(b, CHANGE_HEAD + c.keylen + c.vallen)) == NULL)
		return (-1);
	b->len += (size_t)(change_encode(p, &c) - p);
	return (0);
}
