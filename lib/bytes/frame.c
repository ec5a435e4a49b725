/*
 * frame: the layout of the five frames.
 *
 * Every frame begins with its type (1 byte), the version (1), two zero bytes and
 * the attempt (4); then
 *
 *	stream	subtask, parallelism, keyed, separator (4 each), longest record (8),
 *		stage, header present (1), header, key's columns present (1), their
 *		names, number of arenas (4),
 *		then for each its name, slots (4), bytes of a slot (8)
 *	data	seq (8), count, text length, keys length (4 each), references of
 *		text, index, keys (arena, slot, offset: 4 each), origin name,
 *		byte, record (8 each), zeros up to a multiple of 8; then the
 *		bytes of those pieces whose arena is FRAME_INSIDE
 *	barrier	seq, checkpoint, time of its trigger in ms (8 each), kind (4)
 *	end	seq (8), why (4)
 *	credit	seq (8), enough (1)
 *
 * Integers are little-endian, strings a 4-byte length and their bytes.
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"

#define HEADER_MAX	(64U << 20)	/* a header is a record: bounded by --max-record */

static int
bad(void)
{
	errno = EBADMSG;
	return (-1);
}

static int
head_encode(struct buf *b, enum frame_type type, uint32_t attempt)
{
	if (buf_add_uint(b, type, 1) == -1 || buf_add_uint(b, FRAME_VERSION, 1) == -1 ||
	    buf_add_uint(b, 0, 2) == -1)
		return (-1);
	return (buf_add_uint(b, attempt, 4));
}

static int
head_decode(struct buf *b, enum frame_type *type, uint32_t *attempt)
{
	uint64_t t, version, zero, a;

	if (buf_get_uint(b, &t, 1) == -1 || buf_get_uint(b, &version, 1) == -1 ||
	    buf_get_uint(b, &zero, 2) == -1 || buf_get_uint(b, &a, 4) == -1)
		return (-1);
	if (t < FRAME_STREAM || t > FRAME_CREDIT || version != FRAME_VERSION || zero != 0)
		return (bad());
	*type = (enum frame_type)t;
	*attempt = (uint32_t)a;
	return (0);
}

static int
ref_encode(struct buf *b, const struct frame_ref *r)
{
	if (buf_add_uint(b, r->arena, 4) == -1 || buf_add_uint(b, r->slot, 4) == -1)
		return (-1);
	return (buf_add_uint(b, r->offset, 4));
}

static int
u32_decode(struct buf *b, uint32_t *v)
{
	uint64_t x;

	if (buf_get_uint(b, &x, 4) == -1)
		return (-1);
	*v = (uint32_t)x;
	return (0);
}

static int
ref_decode(struct buf *b, struct frame_ref *r)
{
	if (u32_decode(b, &r->arena) == -1 || u32_decode(b, &r->slot) == -1)
		return (-1);
	return (u32_decode(b, &r->offset));
}

static int
data_encode(struct buf *b, const struct frame *f)
{
	if (buf_add_uint(b, f->count, 4) == -1 || buf_add_uint(b, f->textlen, 4) == -1 ||
	    buf_add_uint(b, f->keyslen, 4) == -1 || ref_encode(b, &f->text) == -1 ||
	    ref_encode(b, &f->index) == -1 || ref_encode(b, &f->keys) == -1 ||
	    buf_add_string(b, f->origin, f->originlen) == -1 ||
	    buf_add_uint(b, f->byte, 8) == -1 || buf_add_uint(b, f->record, 8) == -1)
		return (-1);
	while (b->len % FRAME_ALIGN != 0)
		if (buf_add_uint(b, 0, 1) == -1)
			return (-1);
	return (0);
}

/* Take a piece that lies inside the message. */
static int
piece_decode(struct buf *b, const struct frame_ref *r, const void **at, size_t len)
{
	*at = NULL;
	if (r->arena != FRAME_INSIDE)
		return (0);
	return (buf_get(b, at, len));
}

static int
data_decode(struct buf *b, struct frame *f)
{
	const void	*index, *keys, *text;
	uint64_t	 zero;

	if (u32_decode(b, &f->count) == -1 || u32_decode(b, &f->textlen) == -1 ||
	    u32_decode(b, &f->keyslen) == -1 || ref_decode(b, &f->text) == -1 ||
	    ref_decode(b, &f->index) == -1 || ref_decode(b, &f->keys) == -1 ||
	    buf_get_string(b, &f->origin, &f->originlen, FRAME_ORIGIN) == -1 ||
	    buf_get_uint(b, &f->byte, 8) == -1 || buf_get_uint(b, &f->record, 8) == -1)
		return (-1);
	while (b->pos % FRAME_ALIGN != 0) {
		if (buf_get_uint(b, &zero, 1) == -1)
			return (-1);
		if (zero != 0)
			return (bad());
	}
	if (piece_decode(b, &f->index, &index, (size_t)f->count * sizeof(struct entry)) == -1 ||
	    piece_decode(b, &f->keys, &keys, f->keyslen) == -1 ||
	    piece_decode(b, &f->text, &text, f->textlen) == -1)
		return (-1);
	f->index_at = index;
	f->keys_at = keys;
	f->text_at = text;
	return (0);
}

int
frame_encode(struct buf *b, const struct frame *f)
{
	if (head_encode(b, f->type, f->attempt) == -1 || buf_add_uint(b, f->seq, 8) == -1)
		return (-1);
	switch (f->type) {
	case FRAME_DATA:
		return (data_encode(b, f));
	case FRAME_BARRIER:
		if (buf_add_uint(b, f->checkpoint, 8) == -1 ||
		    buf_add_uint(b, f->triggered_ms, 8) == -1)
			return (-1);
		return (buf_add_uint(b, f->kind, 4));
	case FRAME_END:
		return (buf_add_uint(b, f->kind, 4));
	case FRAME_CREDIT:
		return (buf_add_uint(b, f->enough ? 1 : 0, 1));
	case FRAME_STREAM:
		break;
	}
	return (bad());
}

int
frame_decode(const void *data, size_t len, struct frame *f)
{
	struct buf	 b;
	uint64_t	 enough;

	memset(f, 0, sizeof(*f));
	buf_borrow(&b, data, len);
	if (head_decode(&b, &f->type, &f->attempt) == -1)
		return (-1);
	if (f->type == FRAME_STREAM)
		return (0);
	if (buf_get_uint(&b, &f->seq, 8) == -1)
		return (-1);
	switch (f->type) {
	case FRAME_DATA:
		if (data_decode(&b, f) == -1)
			return (-1);
		break;
	case FRAME_BARRIER:
		if (buf_get_uint(&b, &f->checkpoint, 8) == -1 ||
		    buf_get_uint(&b, &f->triggered_ms, 8) == -1 ||
		    u32_decode(&b, &f->kind) == -1)
			return (-1);
		break;
	case FRAME_END:
		if (u32_decode(&b, &f->kind) == -1)
			return (-1);
		if (f->kind != FRAME_EOF && f->kind != FRAME_STOPPED)
			return (bad());
		break;
	default:
		if (buf_get_uint(&b, &enough, 1) == -1)
			return (-1);
		if (enough > 1)
			return (bad());
		f->enough = (int)enough;
	}
	return (b.pos == b.len ? 0 : bad());
}

/* A line of names, or none. */
static int
line_encode(struct buf *b, const char *line, size_t len)
{
	if (buf_add_uint(b, line != NULL, 1) == -1)
		return (-1);
	return (buf_add_string(b, line, line != NULL ? len : 0));
}

static int
line_decode(struct buf *b, const char **line, size_t *len)
{
	uint64_t present;

	if (buf_get_uint(b, &present, 1) == -1 ||
	    buf_get_string(b, line, len, HEADER_MAX) == -1)
		return (-1);
	if (present > 1 || (!present && *len > 0))
		return (bad());
	if (!present)
		*line = NULL;
	return (0);
}

int
frame_encode_stream(struct buf *b, uint32_t attempt, const struct frame_stream *s)
{
	uint32_t i;

	if (head_encode(b, FRAME_STREAM, attempt) == -1 ||
	    buf_add_uint(b, s->subtask, 4) == -1 || buf_add_uint(b, s->parallelism, 4) == -1 ||
	    buf_add_uint(b, s->keyed, 4) == -1 || buf_add_uint(b, s->separator, 4) == -1 ||
	    buf_add_uint(b, s->record_max, 8) == -1 ||
	    buf_add_string(b, s->stage, strlen(s->stage)) == -1 ||
	    line_encode(b, s->header, s->headerlen) == -1 ||
	    line_encode(b, s->key, s->keylen) == -1 ||
	    buf_add_uint(b, s->narenas, 4) == -1)
		return (-1);
	for (i = 0; i < s->narenas; i++)
		if (buf_add_string(b, s->arenas[i].name, strlen(s->arenas[i].name)) == -1 ||
		    buf_add_uint(b, s->arenas[i].slots, 4) == -1 ||
		    buf_add_uint(b, s->arenas[i].slot_bytes, 8) == -1)
			return (-1);
	return (0);
}

/* A string from outside into a fixed array: it must fit and hold no NUL.  An
 * arena without a name is private: its frames go inside. */
static int
name_decode(struct buf *b, char *dst, size_t size)
{
	const char	*s;
	size_t		 len;

	if (buf_get_string(b, &s, &len, size - 1) == -1)
		return (-1);
	if (memchr(s, '\0', len) != NULL)
		return (bad());
	if (len > 0)
		memcpy(dst, s, len);
	dst[len] = '\0';
	return (0);
}

int
frame_decode_stream(const void *data, size_t len, struct frame_stream *s)
{
	struct buf	 b;
	enum frame_type	 type;
	uint32_t	 attempt, i;

	memset(s, 0, sizeof(*s));
	buf_borrow(&b, data, len);
	if (head_decode(&b, &type, &attempt) == -1)
		return (-1);
	if (type != FRAME_STREAM)
		return (bad());
	if (u32_decode(&b, &s->subtask) == -1 || u32_decode(&b, &s->parallelism) == -1 ||
	    u32_decode(&b, &s->keyed) == -1 || u32_decode(&b, &s->separator) == -1 ||
	    buf_get_uint(&b, &s->record_max, 8) == -1 ||
	    name_decode(&b, s->stage, sizeof(s->stage)) == -1 ||
	    line_decode(&b, &s->header, &s->headerlen) == -1 ||
	    line_decode(&b, &s->key, &s->keylen) == -1 ||
	    u32_decode(&b, &s->narenas) == -1)
		return (-1);
	if (!name_ok(s->stage) || s->keyed > 1 || s->separator > WEIR_BLANKS ||
	    s->narenas > FRAME_ARENAS || s->subtask >= s->parallelism)
		return (bad());
	for (i = 0; i < s->narenas; i++)
		if (name_decode(&b, s->arenas[i].name, sizeof(s->arenas[i].name)) == -1 ||
		    u32_decode(&b, &s->arenas[i].slots) == -1 ||
		    buf_get_uint(&b, &s->arenas[i].slot_bytes, 8) == -1)
			return (-1);
	return (b.pos == b.len ? 0 : bad());
}
