/*
 * emit: text that a stage emits becomes frames.
 *
 * A stream is what goes to the outputs of one tag.  Emitted text fills a slot of
 * our text arena; where none is free it spills into memory, weir_full() is true
 * and nothing more is handed out until credits come.  What is passed on and not
 * copied is pass.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "run.h"

#define SLOTS		8
#define TEXT_MIN	(1U << 20)		/* bytes of a text slot, at least */
#define COPIED_BYTES	(256U << 10)		/* of a frame that is copied: caches are small */

int
emit_open(struct weir *w)
{
	struct emit	*e;
	unsigned	 i, j;
	const char	*tag;

	if ((e = w->emit = calloc(1, sizeof(*e))) == NULL ||
	    (e->streams = calloc(w->wiring.nout + 1, sizeof(*e->streams))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	e->n = 1;				/* the untagged one */
	for (i = 0; i < w->wiring.nout; i++) {
		tag = w->wiring.out[i].tag;
		for (j = 0; j < e->n && strcmp(e->streams[j].tag, tag) != 0; j++)
			;
		if (j == e->n)
			strlcpy(e->streams[e->n++].tag, tag, sizeof(e->streams[0].tag));
	}
	for (i = 0; i < e->n; i++) {
		e->streams[i].slot = e->streams[i].index = -1;
		e->streams[i].origin.record = 1;
		e->streams[i].origin.len = strlcpy(e->streams[i].origin.name, w->self,
		    sizeof(e->streams[i].origin.name));
	}
	e->flushed_ms = NEVER;
	return (0);
}

void
emit_close(struct emit *e)
{
	unsigned i;

	if (e == NULL)
		return;
	for (i = 0; i < e->n; i++) {
		buf_free(&e->streams[i].spill);
		buf_free(&e->streams[i].keys);
		free(e->streams[i].gathered);
	}
	free(e->streams);
	free(e);
}

static int
arena_add(struct weir *w, const char *kind, size_t first, size_t bytes, struct arena **a)
{
	char	suffix[48];
	int	n;

	if (w->job == NULL)
		snprintf(suffix, sizeof(suffix), "%u-%s", w->subtask, kind);
	else	/* all stages of a job have one directory, and a name may be long */
		snprintf(suffix, sizeof(suffix), "%u-%08x-%u-%s", (unsigned)job_attempt(w),
		    (unsigned)weir_hash(w->set.name, strlen(w->set.name)), w->subtask, kind);
	*a = arena_create(w->dir, suffix, SLOTS, first, bytes,
	    w->dir != NULL && !w->set.copy);
	if (*a == NULL || (n = atlas_add(&w->atlas, *a)) == -1)
		return (weir_error(w, "memory for frames: %s", strerror(errno)));
	return (n);
}

/* Passing stages need an index, the others text; tagged outputs need text. */
int
emit_arenas(struct weir *w)
{
	struct emit	*e = w->emit;
	int		 passes = (w->stage->flags & (WEIR_PASSES | WEIR_KEYS)) != 0;
	unsigned	 i;

	if (w->stage->flags & WEIR_SINK)
		return (0);
	e->text_bytes = TEXT_MIN;
	if (e->text_bytes < w->record_max + 1)
		e->text_bytes = w->record_max + 1;
	e->frame_bytes = w->set.copy ? COPIED_BYTES : e->text_bytes;
	if (passes && (e->index_number = arena_add(w, "index", EMIT_INDEX,
	    EMIT_INDEX + 2 * w->record_max, &e->indices)) == -1)
		return (-1);
	if (!passes && (e->text_number = arena_add(w, "text", e->text_bytes,
	    e->text_bytes, &e->text)) == -1)
		return (-1);
	for (i = 0; passes && i < e->n; i++)
		if ((e->streams[i].gathered = calloc(EMIT_ENTRIES, sizeof(struct entry))) == NULL)
			return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

/* A stage that mostly passes may emit some text of its own. */
static int
text_arena(struct weir *w)
{
	struct emit *e = w->emit;

	if (e->text != NULL)
		return (0);
	/* the consumers have not mapped it: its frames go inside */
	e->text_number = arena_add(w, "own", e->text_bytes, e->text_bytes, &e->text);
	return (e->text_number == -1 ? -1 : 0);
}

struct outframe *
outframe_new(struct weir *w, int text_slot, int index_slot, struct inframe *in)
{
	struct outframe *of;

	if ((of = calloc(1, sizeof(*of))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	of->refs = 1;
	of->text_slot = text_slot;
	of->index_slot = index_slot;
	if ((of->in = in) != NULL)
		in->refs++;
	return (of);
}

void
outframe_unref(struct weir *w, struct outframe *of)
{
	if (--of->refs > 0)
		return;
	if (of->text_slot != -1)
		arena_drop(w->emit->text, of->text_slot);
	if (of->index_slot != -1)
		arena_drop(w->emit->indices, of->index_slot);
	if (of->in != NULL)
		inframe_unref(w, of->in);
	free(of);
}

/* Send the text area that is being filled. */
int
text_flush(struct weir *w, struct stream *s)
{
	struct emit	*e = w->emit;
	struct outframe	*of;
	struct frame	 f = { .type = FRAME_DATA };
	unsigned	 i;
	int		 bad = 0;

	if (s->slot == -1 || s->len == 0)
		return (0);
	if ((of = outframe_new(w, s->slot, -1, NULL)) == NULL)
		return (-1);
	f.text.arena = (uint32_t)e->text_number;
	f.text.slot = (uint32_t)s->slot;
	f.text_at = s->at;
	f.textlen = (uint32_t)s->len;
	f.origin = s->origin.name;
	f.originlen = s->origin.len;
	f.byte = s->byte;
	f.record = s->record;
	for (i = 0; i < outlet_count(w) && !bad; i++)
		if (outlet_tag(w, i) == (int)(s - e->streams))
			bad = outlet_put(w, i, 0, &f, of) == -1;
	outframe_unref(w, of);
	s->slot = -1;
	s->len = 0;
	return (bad ? -1 : 0);
}

static int
text_slot(struct weir *w, struct stream *s)
{
	struct emit *e = w->emit;

	if (s->slot == -1) {
		if (text_arena(w) == -1)
			return (-1);
		if ((s->slot = arena_take(e->text)) == -1)
			return (0);
		s->at = arena_at(e->text, s->slot);
		s->len = 0;
	}
	return (1);
}

/* Move spilled records into slots as far as there are any. */
static int
spill_flush(struct weir *w, struct stream *s)
{
	const char	*from;
	size_t		 len, i;
	int		 got;

	while (s->spill.pos < s->spill.len) {
		if (text_flush(w, s) == -1 || (got = text_slot(w, s)) == -1)
			return (-1);
		if (got == 0)
			return (0);
		from = (const char *)s->spill.data + s->spill.pos;
		len = s->spill.len - s->spill.pos;
		if (len > w->emit->text_bytes) {
			for (i = w->emit->text_bytes; from[i - 1] != '\n'; i--)
				;
			len = i;
		}
		memcpy(s->at, from, len);
		s->len = len;
		s->byte = s->origin.byte;
		s->record = s->origin.record;
		s->origin.byte += len;
		s->origin.record += record_count(from, len);
		s->spill.pos += len;
	}
	s->spill.pos = s->spill.len = 0;
	return (1);
}

int
emit_flush(struct weir *w)
{
	struct emit	*e = w->emit;
	unsigned	 i;
	int		 n;

	for (i = 0; i < e->n; i++) {
		if ((n = index_flush(w, &e->streams[i])) != 1 ||
		    (n = spill_flush(w, &e->streams[i])) != 1)
			return (n);
		if (text_flush(w, &e->streams[i]) == -1)
			return (-1);
	}
	return (1);
}

/* A source is called with a slot in hand: one read fits, and has one origin. */
int
emit_ready(struct weir *w)
{
	struct stream *s = &w->emit->streams[0];

	if (weir_full(w))
		return (0);
	if (s->slot != -1 && s->len >= w->emit->frame_bytes && text_flush(w, s) == -1)
		return (-1);
	return (text_slot(w, s));
}

int
emit_empty(const struct weir *w)
{
	unsigned i;

	for (i = 0; i < w->emit->n; i++)
		if (w->emit->streams[i].len > 0 || w->emit->streams[i].spill.len > 0 ||
		    w->emit->streams[i].count > 0)
			return (0);
	return (1);
}

/*
 * Frames of a source, and of ready(): one half full goes at once, the first after a
 * pause too; others when linger_ms have passed since the last partial one.  *due:
 * when to look again.
 */
int
emit_pace(struct weir *w, int64_t now, int64_t *due)
{
	struct emit *e = w->emit;

	*due = NEVER;
	if (emit_empty(w))
		return (1);
	if (e->streams[0].len < e->frame_bytes / 2 && e->streams[0].spill.len == 0 &&
	    e->flushed_ms != NEVER && now < e->flushed_ms + (int64_t)w->linger_ms) {
		*due = e->flushed_ms + (int64_t)w->linger_ms;
		return (1);
	}
	e->flushed_ms = now;
	return (emit_flush(w));
}

/* Passing and emitting keep their order: a frame is of one kind. */
static int
kind_text(struct weir *w, struct stream *s)
{
	if (w->stage->flags & WEIR_KEYS)
		return (weir_error(w, "a stage whose output is keyed emits with weir_pass()"));
	return (s->count > 0 && index_flush(w, s) == -1 ? -1 : 0);
}

static char *
stream_reserve(struct weir *w, struct stream *s, size_t len, size_t *have)
{
	struct emit	*e = w->emit;
	unsigned char	*p;
	int		 got;

	if (s->count > 0 || (w->stage->flags & WEIR_KEYS)) {
		if (kind_text(w, s) == -1)
			return (NULL);
	}
	if (len > e->text_bytes) {
		weir_error(w, "%zu bytes are over the limit of %zu that a frame has", len,
		    e->text_bytes);
		return (NULL);
	}
	e->reserved = s;
	if (s->spill.len == 0 && s->count == 0) {
		if (s->slot != -1 && s->len > 0 && s->len + len > e->frame_bytes &&
		    text_flush(w, s) == -1)
			return (NULL);
		if ((got = text_slot(w, s)) == -1)
			return (NULL);
		if (got == 1) {
			e->in_spill = 0;
			if (have != NULL)
				*have = s->len + len > e->frame_bytes ? len :
				    e->frame_bytes - s->len;
			return (s->at + s->len);
		}
	}
	e->in_spill = 1;
	if ((p = buf_room(&s->spill, len)) == NULL)
		weir_error(w, "memory for what is emitted: %s", strerror(errno));
	if (have != NULL)
		*have = len;
	return ((char *)p);
}

char *
weir_reserve(struct weir *w, size_t len, size_t *have)
{
	return (stream_reserve(w, &w->emit->streams[0], len, have));
}

int
weir_commit(struct weir *w, size_t len, size_t n)
{
	struct emit	*e = w->emit;
	struct stream	*s = e->reserved;

	if (e->in_spill) {
		s->spill.len += len;
		return (0);
	}
	if (s->len == 0) {
		s->byte = s->origin.byte;
		s->record = s->origin.record;
	}
	s->len += len;
	s->origin.byte += len;
	s->origin.record += n;
	return (0);
}

static int
stream_emit(struct weir *w, struct stream *s, const char *data, size_t len)
{
	char *p;

	if (len > w->record_max)
		return (weir_error(w, "a record of %zu bytes is over the limit of %llu "
		    "(source --max-record)", len, (unsigned long long)w->record_max));
	if ((p = stream_reserve(w, s, len + 1, NULL)) == NULL)
		return (-1);
	memcpy(p, data, len);
	p[len] = '\n';
	return (weir_commit(w, len + 1, 1));
}

int
weir_emit(struct weir *w, const char *data, size_t len)
{
	return (stream_emit(w, &w->emit->streams[0], data, len));
}

int
weir_emit_to(struct weir *w, int output, const char *data, size_t len)
{
	if (output < 0 || (unsigned)output >= w->emit->n)
		return (weir_error(w, "no output has the number %d", output));
	return (stream_emit(w, &w->emit->streams[output], data, len));
}

int
weir_output(const struct weir *w, const char *tag)
{
	unsigned i;

	for (i = 0; i < w->emit->n; i++)
		if (strcmp(w->emit->streams[i].tag, tag) == 0)
			return ((int)i);
	return (-1);
}

int
weir_full(const struct weir *w)
{
	const struct emit	*e = w->emit;
	const struct stream	*s;

	for (s = e->streams; s < e->streams + e->n; s++)
		if (s->spill.len > 0 || s->count == EMIT_ENTRIES || s->keys.len > w->record_max)
			return (1);
	return (0);
}

int
weir_origin(struct weir *w, const char *name, uint64_t byte, uint64_t record)
{
	struct stream	*s = &w->emit->streams[0];
	struct origin	*o = &s->origin;
	size_t		 len = strlen(name);

	if (len >= sizeof(o->name)) {		/* the end of a path says more */
		name += len - sizeof(o->name) + 1;
		len = sizeof(o->name) - 1;
	}
	if (o->len == len && memcmp(o->name, name, len) == 0 && o->byte == byte &&
	    o->record == record)
		return (0);
	/* what is spilled has yet to be given its origin: the next one waits */
	if (s->spill.len > 0 && spill_flush(w, s) == -1)
		return (-1);
	if (text_flush(w, s) == -1)
		return (-1);
	memcpy(o->name, name, len + 1);
	o->len = len;
	o->byte = byte;
	o->record = record;
	return (0);
}

/* "access.log: record 3, byte 120": of a record in hand, or of what a source
 * commits next. */
int
report_place(const struct weir *w, const struct weir_record *r, char *buf, size_t size)
{
	const struct origin	*o = &w->emit->streams[0].origin;
	const struct frame	*f = w->hand != NULL ? &w->hand->f : NULL;

	if (f != NULL && r != NULL && (uintptr_t)r->data >= (uintptr_t)f->text_at &&
	    (uintptr_t)r->data <= (uintptr_t)f->text_at + f->textlen)
		snprintf(buf, size, "%.*s: record %llu, byte %llu", (int)f->originlen, f->origin,
		    (unsigned long long)(f->record + r->ordinal),
		    (unsigned long long)(f->byte + (uint64_t)(r->data - f->text_at)));
	else
		snprintf(buf, size, "%s: record %llu, byte %llu", o->name,
		    (unsigned long long)o->record, (unsigned long long)o->byte);
	return (0);
}
