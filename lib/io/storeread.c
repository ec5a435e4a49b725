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

#include "io.h"
#include "store.h"

#define CHUNK_BYTES	(1U << 20)		/* read at a time */

struct store_read {
	struct store		*store;		/* a table of its own */
	struct rangefile	*journal;	/* NULL: none */
	const void		*inside;	/* of the memory backend; NULL: none; borrowed */
	size_t			 insidelen;
	uint32_t		 next;		/* entry, behind loading */
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

static int
read_open(struct store_read *r, int dirfd, const char *dir, const struct jobfile_subtask *at)
{
	char	why[PATH_MAX + 256];
	size_t	i;

	if (parts_take(r, at) == -1)
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
store_read_open(int dirfd, const char *dir, const struct jobfile_subtask *at, char *why,
    size_t size)
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
	if (read_open(r, dirfd, dir, at) == 0)
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
	store_free(r->store);
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
	return (bad ? -1 : 0);
}

/*
 * What is there
 */

int
store_read_next(struct store_read *r, struct store_entry *e)
{
	struct heap_entry *at;

	for (; r->next != 0; r->next = heap_next(r->store->heap, r->next)) {
		at = heap_at(r->store->heap, r->next);
		if ((at->flags & (HEAP_FREE | HEAP_DEAD)) != 0)
			continue;
		e->state = at->state;
		e->key = heap_key(at);
		e->keylen = heap_keylen(at);
		e->val = heap_value(at);
		e->vallen = heap_vallen(at);
		r->next = heap_next(r->store->heap, r->next);
		return (1);
	}
	return (0);
}
