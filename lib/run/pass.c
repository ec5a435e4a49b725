/*
 * pass: records that a stage passes on without copying them.
 *
 * They become an index over the text of the frame in hand.  Where all outputs
 * have one consuming subtask the entries are written straight into a slot; else
 * they are gathered, and ordered by subtask when they leave.  So they are too
 * where no slot is free: weir_full() is true then and a flush is tried again
 * when credits come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

/* An index slot for entries of ours, its keys copied behind them. */
static int
index_slot(struct weir *w, struct stream *s, struct frame *f)
{
	struct emit	*e = w->emit;
	int		 slot = s->index;

	if (slot == -1 && (slot = arena_take(e->indices)) == -1)
		return (-1);
	f->index.arena = (uint32_t)e->index_number;
	f->index.slot = (uint32_t)slot;
	f->keys.arena = FRAME_INSIDE;
	f->keys_at = (const char *)s->keys.data;
	f->keyslen = (uint32_t)s->keys.len;
	if (s->keys.len > 0 && arena_extend(e->indices, slot) == 0) {
		f->keys.arena = (uint32_t)e->index_number;
		f->keys.slot = (uint32_t)slot;
		f->keys.offset = EMIT_INDEX;
		memcpy(arena_at(e->indices, slot) + EMIT_INDEX, s->keys.data, s->keys.len);
		f->keys_at = arena_at(e->indices, slot) + EMIT_INDEX;
	}
	return (slot);
}

/* Order entries by the subtask that their key belongs to; where[i] to where[i+1]. */
static void
lanes_scatter(const struct stream *s, unsigned lanes, struct entry *to, uint32_t *where)
{
	uint32_t	 at[ROUTE_GROUPS], i;
	unsigned	 lane;

	memset(where, 0, (lanes + 1) * sizeof(*where));
	for (i = 0; i < s->count; i++)
		where[route_subtask(route_group(s->entries[i].hash, ROUTE_GROUPS),
		    ROUTE_GROUPS, lanes) + 1]++;
	for (lane = 0; lane < lanes; lane++) {
		where[lane + 1] += where[lane];
		at[lane] = where[lane];
	}
	for (i = 0; i < s->count; i++)
		to[at[route_subtask(route_group(s->entries[i].hash, ROUTE_GROUPS),
		    ROUTE_GROUPS, lanes)]++] = s->entries[i];
}

/* Send the entries to the outputs that have as many lanes as output first. */
static int
index_send(struct weir *w, struct stream *s, unsigned first)
{
	struct emit	*e = w->emit;
	struct outframe	*of;
	struct frame	 f = w->hand->f;
	struct entry	*to;
	unsigned	 lanes = outlet_lanes(w, first), lane, i;
	uint32_t	 where[ROUTE_GROUPS + 1] = { 0, s->count };
	int		 slot, bad = 0;

	f.index.offset = 0;
	if ((slot = index_slot(w, s, &f)) == -1)
		return (0);
	if ((of = outframe_new(w, -1, slot, w->hand)) == NULL)
		return (-1);
	to = (struct entry *)(void *)arena_at(e->indices, slot);
	if (lanes > 1)
		lanes_scatter(s, lanes, to, where);
	else if (s->index == -1)
		memcpy(to, s->entries, s->count * sizeof(*to));
	for (lane = 0; lane < lanes && !bad; lane++) {
		f.count = where[lane + 1] - where[lane];
		f.index.offset = where[lane] * (uint32_t)sizeof(struct entry);
		f.index_at = to + where[lane];
		for (i = first; f.count > 0 && i < outlet_count(w) && !bad; i++)
			if (outlet_tag(w, i) == 0 && outlet_lanes(w, i) == lanes)
				bad = outlet_put(w, i, lane, &f, of) == -1;
	}
	s->index = -1;
	outframe_unref(w, of);
	return (bad ? -1 : 1);
}

int
index_flush(struct weir *w, struct stream *s)
{
	unsigned	 i;
	int		 sent;

	for (; s->count > 0 && s->next < outlet_count(w); s->next++) {
		if (outlet_tag(w, s->next) != 0)
			continue;
		/* sent already with an earlier output of as many lanes? */
		for (i = 0; i < s->next; i++)
			if (outlet_tag(w, i) == 0 &&
			    outlet_lanes(w, i) == outlet_lanes(w, s->next))
				break;
		if (i == s->next && (sent = index_send(w, s, s->next)) != 1)
			return (sent);
	}
	s->count = 0;
	s->keys.len = 0;
	s->next = 0;
	return (1);
}

/* Where the key lies: in the text area, or copied aside. */
static int
key_place(struct weir *w, struct stream *s, const struct weir_record *r, struct entry *e)
{
	const struct frame *f = &w->hand->f;

	e->keylen = r->keylen;
	if (r->key == NULL)
		e->key = e->keylen = 0;
	else if ((uintptr_t)r->key >= (uintptr_t)f->text_at &&
	    (uintptr_t)r->key + r->keylen <= (uintptr_t)f->text_at + f->textlen)
		e->key = (uint32_t)(r->key - f->text_at);
	else {
		if (r->keylen > w->record_max)
			return (weir_error(w, "a key of %u bytes is over the limit of %llu",
			    r->keylen, (unsigned long long)w->record_max));
		e->key = (uint32_t)s->keys.len | ENTRY_ASIDE;
		if (buf_add(&s->keys, r->key, r->keylen) == -1)
			return (weir_error(w, "%s", strerror(errno)));
	}
	return (0);
}

/* Begin an index: in a slot where one output form is all there is and one is free. */
static int
index_begin(struct weir *w, struct stream *s)
{
	unsigned	i, direct = 1;

	if (s->len > 0 && text_flush(w, s) == -1)
		return (-1);
	for (i = 0; i < outlet_count(w); i++)
		if (outlet_lanes(w, i) != 1)
			direct = 0;
	s->index = direct ? arena_take(w->emit->indices) : -1;
	s->entries = s->index == -1 ? s->gathered :
	    (struct entry *)(void *)arena_at(w->emit->indices, s->index);
	return (0);
}

int
weir_pass(struct weir *w, const struct weir_record *r)
{
	struct stream	*s = &w->emit->streams[0];
	struct entry	*e;

	if (s->count == 0 && index_begin(w, s) == -1)
		return (-1);
	if (s->count == EMIT_ENTRIES)
		return (weir_error(w, "records were passed while weir_full()"));
	e = &s->entries[s->count];
	if (key_place(w, s, r, e) == -1)
		return (-1);
	e->offset = (uint32_t)(r->data - w->hand->f.text_at);
	e->len = r->len;
	e->hash = r->hash;
	e->ordinal = r->ordinal;
	s->count++;
	if (s->count == EMIT_ENTRIES || s->keys.len > w->record_max)
		return (index_flush(w, s) == -1 ? -1 : 0);
	return (0);
}
