/*
 * frame: what is encoded is decoded again; anything else is refused, or means
 * something that lies within the bytes that came.  Bytes to decode are always
 * copied to memory of exactly their length: a sanitizer sees each step outside.
 */
#include <errno.h>
#include <stdint.h>

#include "bytes.h"
#include "tap.h"

static volatile unsigned char touched;

static unsigned char *
exact_copy(const void *data, size_t len)
{
	unsigned char *p;

	if ((p = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	if (len > 0)
		memcpy(p, data, len);
	return (p);
}

/* All of [at, at + len) is readable, and lies within the frame. */
static int
inside(const void *at, size_t len, const unsigned char *data, size_t total)
{
	const unsigned char	*p = at;
	size_t			 i;

	if (len == 0)
		return (1);
	if (p < data || len > total || (size_t)(p - data) > total - len)
		return (0);
	for (i = 0; i < len; i++)
		touched = (unsigned char)(touched + p[i]);
	return (1);
}

static int
names_sane(const struct frame_stream *s)
{
	uint32_t i;

	for (i = 0; i < s->narenas; i++)
		if (memchr(s->arenas[i].name, '\0', sizeof(s->arenas[i].name)) == NULL)
			return (0);
	return (name_ok(s->stage) && s->subtask < s->parallelism);
}

/* Decode bytes that anybody may have sent.  1: taken; 0: refused; -1: taken, and
 * what it means is out of bounds. */
static int
decode_hostile(const void *bytes, size_t len)
{
	static struct frame_stream	 s;
	struct frame			 f;
	unsigned char			*data = exact_copy(bytes, len);
	int				 result = 0;

	errno = 0;
	if (frame_decode(data, len, &f) == -1)
		result = errno == EBADMSG ? 0 : -1;
	else if (f.type == FRAME_STREAM) {
		if (frame_decode_stream(data, len, &s) == 0)
			result = s.narenas <= FRAME_ARENAS && names_sane(&s) &&
			    inside(s.header, s.headerlen, data, len) &&
			    inside(s.key, s.keylen, data, len) ? 1 : -1;
		else if (errno != EBADMSG)
			result = -1;
	} else if (f.type == FRAME_DATA) {
		result = inside(f.origin, f.originlen, data, len) ? 1 : -1;
		if (f.index.arena == FRAME_INSIDE && (!inside(f.index_at,
		    (size_t)f.count * sizeof(struct entry), data, len) ||
		    (uintptr_t)f.index_at % sizeof(uint32_t) != 0))
			result = -1;
		if (f.keys.arena == FRAME_INSIDE && !inside(f.keys_at, f.keyslen, data, len))
			result = -1;
		if (f.text.arena == FRAME_INSIDE && !inside(f.text_at, f.textlen, data, len))
			result = -1;
	} else
		result = 1;
	free(data);
	return (result);
}

/* A data frame with all its pieces inside. */
static void
data_inside(struct buf *b, struct frame *f)
{
	static const struct entry entries[] = {
		{ 0, 3, 0, 1, 0x1234, 0 }, { 4, 0, ENTRY_ASIDE | 2, 2, UINT32_MAX, 1 },
	};
	static const char text[] = "a b\n\n", keys[] = "....";

	memset(f, 0, sizeof(*f));
	f->type = FRAME_DATA;
	f->attempt = UINT32_MAX;
	f->seq = UINT64_MAX;
	f->count = 2;
	f->textlen = 5;
	f->keyslen = 4;
	f->text.arena = f->index.arena = f->keys.arena = FRAME_INSIDE;
	f->origin = "access.log";
	f->originlen = 10;
	f->byte = UINT64_MAX;
	f->record = 1;
	CHECK(frame_encode(b, f) == 0);
	CHECK(b->len % FRAME_ALIGN == 0);
	CHECK(buf_add(b, entries, sizeof(entries)) == 0);
	CHECK(buf_add(b, keys, 4) == 0);
	CHECK(buf_add(b, text, 5) == 0);
}

static void
data_by_reference(struct buf *b, struct frame *f)
{
	memset(f, 0, sizeof(*f));
	f->type = FRAME_DATA;
	f->attempt = 7;
	f->seq = 1;
	f->count = f->textlen = f->keyslen = UINT32_MAX;
	f->text = (struct frame_ref){ 0, UINT32_MAX, 1 };
	f->index = (struct frame_ref){ 63, 2, UINT32_MAX };
	f->keys = (struct frame_ref){ 0xfffe, 3, 4 };
	f->origin = "pipe";		/* so that no padding follows */
	f->originlen = 4;
	f->byte = 1;
	f->record = UINT64_MAX;
	CHECK(frame_encode(b, f) == 0);
}

static void
small_frame(struct buf *b, struct frame *f, enum frame_type type, uint64_t n)
{
	memset(f, 0, sizeof(*f));
	f->type = type;
	f->attempt = (uint32_t)n;
	f->seq = n;
	f->checkpoint = f->triggered_ms = type == FRAME_BARRIER ? n : 0;
	f->kind = type == FRAME_BARRIER ? (uint32_t)n : type == FRAME_END ? FRAME_STOPPED : 0;
	f->enough = type == FRAME_CREDIT && n > 0;
	CHECK(frame_encode(b, f) == 0);
}

static void
stream_full(struct frame_stream *s)
{
	uint32_t i;

	memset(s, 0, sizeof(*s));
	memset(s->stage, 's', WEIR_NAME_MAX);
	s->subtask = UINT32_MAX - 1;
	s->parallelism = UINT32_MAX;
	s->keyed = 1;
	s->separator = WEIR_BLANKS;
	s->record_max = UINT64_MAX;
	s->header = "customer\0amount";
	s->headerlen = 15;
	s->key = "";
	s->keylen = 0;
	s->narenas = FRAME_ARENAS;
	for (i = 0; i < FRAME_ARENAS; i++) {
		memset(s->arenas[i].name, 'a' + (int)(i % 26), i % WEIR_NAME_MAX);
		s->arenas[i].slots = i == 0 ? 0 : UINT32_MAX - i;
		s->arenas[i].slot_bytes = i == 0 ? 0 : UINT64_MAX - i;
	}
}

static void
stream_small(struct buf *b)
{
	static struct frame_stream s;

	memset(&s, 0, sizeof(s));
	strcpy(s.stage, "keyby");
	s.parallelism = 1;
	s.separator = '\t';
	s.header = "a\tb";
	s.headerlen = 3;
	s.narenas = 2;
	strcpy(s.arenas[0].name, "/weir-0-1-2-text");
	s.arenas[0].slots = 8;
	s.arenas[0].slot_bytes = 1 << 20;
	CHECK(frame_encode_stream(b, 3, &s) == 0);
}

static int
frames_equal(const struct frame *a, const struct frame *b)
{
	return (a->type == b->type && a->attempt == b->attempt && a->seq == b->seq &&
	    a->count == b->count && a->textlen == b->textlen && a->keyslen == b->keyslen &&
	    memcmp(&a->text, &b->text, sizeof(a->text)) == 0 &&
	    memcmp(&a->index, &b->index, sizeof(a->index)) == 0 &&
	    memcmp(&a->keys, &b->keys, sizeof(a->keys)) == 0 &&
	    a->originlen == b->originlen && (a->originlen == 0 ||
	    memcmp(a->origin, b->origin, a->originlen) == 0) && a->byte == b->byte &&
	    a->record == b->record && a->checkpoint == b->checkpoint &&
	    a->triggered_ms == b->triggered_ms && a->kind == b->kind && a->enough == b->enough);
}

static void
barrier_end_and_credit_come_back(void)
{
	static const enum frame_type	types[] = { FRAME_BARRIER, FRAME_END, FRAME_CREDIT };
	static const uint64_t		numbers[] = { 0, 1, UINT32_MAX, UINT64_MAX };
	struct buf			b = { 0 };
	struct frame			f, g;
	size_t				i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < 4; j++) {
			b.len = 0;
			small_frame(&b, &f, types[i], numbers[j]);
			CHECK(frame_decode(b.data, b.len, &g) == 0 && frames_equal(&f, &g));
		}
	buf_free(&b);
}

static void
both_reasons_of_an_end_come_back(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_END, .kind = FRAME_EOF }, g;

	CHECK(frame_encode(&b, &f) == 0);
	CHECK(frame_decode(b.data, b.len, &g) == 0 && g.kind == FRAME_EOF);
	b.len = 0;
	f.kind = FRAME_STOPPED;
	CHECK(frame_encode(&b, &f) == 0);
	CHECK(frame_decode(b.data, b.len, &g) == 0 && g.kind == FRAME_STOPPED);
	buf_free(&b);
}

static void
data_by_reference_comes_back(void)
{
	struct buf	b = { 0 };
	struct frame	f, g;

	data_by_reference(&b, &f);
	CHECK(frame_decode(b.data, b.len, &g) == 0 && frames_equal(&f, &g));
	CHECK(g.text_at == NULL && g.index_at == NULL && g.keys_at == NULL);
	buf_free(&b);
}

static void
data_inside_comes_back_with_its_pieces(void)
{
	struct buf	b = { 0 };
	struct frame	f, g;

	data_inside(&b, &f);
	CHECK(frame_decode(b.data, b.len, &g) == 0 && frames_equal(&f, &g));
	CHECK(g.index_at != NULL && g.index_at[1].hash == UINT32_MAX);
	CHECK(g.keys_at != NULL && memcmp(g.keys_at, "....", 4) == 0);
	CHECK(g.text_at != NULL && memcmp(g.text_at, "a b\n\n", 5) == 0);
	buf_free(&b);
}

static void
an_empty_data_frame_comes_back(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_DATA, .origin = "" }, g;

	f.text.arena = f.index.arena = f.keys.arena = FRAME_INSIDE;
	CHECK(frame_encode(&b, &f) == 0);
	CHECK(frame_decode(b.data, b.len, &g) == 0 && frames_equal(&f, &g));
	buf_free(&b);
}

static void
pieces_begin_at_a_multiple_of_eight_whatever_the_origin(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_DATA, .count = 1, .textlen = 1 }, g;
	struct entry	e = { 0, 0, 0, 0, 0, 0 };
	char		name[FRAME_ORIGIN];
	unsigned char	*data;
	size_t		len;

	memset(name, 'n', sizeof(name));
	f.text.arena = f.index.arena = f.keys.arena = FRAME_INSIDE;
	f.origin = name;
	for (len = 0; len <= sizeof(name); len++) {
		b.len = 0;
		f.originlen = len;
		CHECK(frame_encode(&b, &f) == 0);
		CHECK(buf_add(&b, &e, sizeof(e)) == 0 && buf_add(&b, "\n", 1) == 0);
		data = exact_copy(b.data, b.len);
		CHECK(frame_decode(data, b.len, &g) == 0 && g.originlen == len);
		CHECK((uintptr_t)g.index_at % FRAME_ALIGN == 0);
		free(data);
	}
	buf_free(&b);
}

static void
a_full_stream_frame_comes_back(void)
{
	static struct frame_stream	s, t;
	struct frame			f;
	struct buf			b = { 0 };
	uint32_t			i;

	stream_full(&s);
	CHECK(frame_encode_stream(&b, UINT32_MAX, &s) == 0);
	CHECK(frame_decode(b.data, b.len, &f) == 0);
	CHECK(f.type == FRAME_STREAM && f.attempt == UINT32_MAX);
	CHECK(frame_decode_stream(b.data, b.len, &t) == 0);
	CHECK(strcmp(s.stage, t.stage) == 0 && strlen(t.stage) == WEIR_NAME_MAX);
	CHECK(s.subtask == t.subtask && s.parallelism == t.parallelism && s.keyed == t.keyed);
	CHECK(s.separator == t.separator && s.record_max == t.record_max);
	CHECK(t.headerlen == 15 && memcmp(t.header, s.header, 15) == 0);
	CHECK(t.key != NULL && t.keylen == 0);
	CHECK(t.narenas == FRAME_ARENAS);
	for (i = 0; i < FRAME_ARENAS; i++)
		CHECK(strcmp(s.arenas[i].name, t.arenas[i].name) == 0 &&
		    s.arenas[i].slots == t.arenas[i].slots &&
		    s.arenas[i].slot_bytes == t.arenas[i].slot_bytes);
	buf_free(&b);
}

static void
no_header_is_not_an_empty_header(void)
{
	static struct frame_stream	s, t;
	struct buf			b = { 0 };

	memset(&s, 0, sizeof(s));
	strcpy(s.stage, "x");
	s.parallelism = 1;
	CHECK(frame_encode_stream(&b, 0, &s) == 0);
	CHECK(frame_decode_stream(b.data, b.len, &t) == 0);
	CHECK(t.header == NULL && t.headerlen == 0 && t.key == NULL);
	b.len = 0;
	s.header = "";
	CHECK(frame_encode_stream(&b, 0, &s) == 0);
	CHECK(frame_decode_stream(b.data, b.len, &t) == 0);
	CHECK(t.header != NULL && t.headerlen == 0 && t.key == NULL);
	buf_free(&b);
}

/* One of each, for what has to hold for all. */
#define NFRAMES	6

static void
frames_all(struct buf b[NFRAMES])
{
	struct frame f;

	memset(b, 0, NFRAMES * sizeof(*b));
	stream_small(&b[0]);
	data_inside(&b[1], &f);
	data_by_reference(&b[2], &f);
	small_frame(&b[3], &f, FRAME_BARRIER, 0x0123456789abcdef);
	small_frame(&b[4], &f, FRAME_END, 5);
	small_frame(&b[5], &f, FRAME_CREDIT, 6);
}

static void
frame_truncated_anywhere_is_refused(void)
{
	struct buf	b[NFRAMES];
	size_t		i, len;

	frames_all(b);
	for (i = 0; i < NFRAMES; i++) {
		CHECK(decode_hostile(b[i].data, b[i].len) == 1);
		for (len = 0; len < b[i].len; len++)
			if (decode_hostile(b[i].data, len) != 0) {
				printf("# frame %zu cut to %zu of %zu\n", i, len, b[i].len);
				CHECK(!"taken");
			}
		buf_free(&b[i]);
	}
}

static void
frame_with_more_behind_it_is_refused(void)
{
	struct buf	b[NFRAMES];
	size_t		i;

	frames_all(b);
	for (i = 0; i < NFRAMES; i++) {
		CHECK(buf_add(&b[i], "", 1) == 0);
		CHECK(decode_hostile(b[i].data, b[i].len) == 0);
		buf_free(&b[i]);
	}
}

static void
any_single_byte_may_change_and_nothing_is_read_outside(void)
{
	struct buf	b[NFRAMES];
	size_t		i, at;
	unsigned	x;

	frames_all(b);
	for (i = 0; i < NFRAMES; i++) {
		for (at = 0; at < b[i].len; at++)
			for (x = 1; x < 256; x++) {
				b[i].data[at] ^= (unsigned char)x;
				if (decode_hostile(b[i].data, b[i].len) == -1) {
					printf("# frame %zu, byte %zu ^ %u\n", i, at, x);
					CHECK(!"out of bounds");
				}
				b[i].data[at] ^= (unsigned char)x;
			}
		buf_free(&b[i]);
	}
}

static void
lengths_of_all_ones_anywhere_are_not_believed(void)
{
	static const uint32_t	values[] = { 0xffffffff, 0x80000000, 0x7fffffff, 0x0aaaaaab, 0 };
	struct buf		b[NFRAMES];
	unsigned char		saved[4];
	size_t			i, at, v;

	frames_all(b);
	for (i = 0; i < NFRAMES; i++) {
		for (at = 0; at + 4 <= b[i].len; at++)
			for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
				memcpy(saved, b[i].data + at, 4);
				memcpy(b[i].data + at, &values[v], 4);
				CHECK(decode_hostile(b[i].data, b[i].len) != -1);
				memcpy(b[i].data + at, saved, 4);
			}
		buf_free(&b[i]);
	}
}

static void
random_bytes_are_refused_or_within_bounds(void)
{
	unsigned char	data[256];
	uint64_t	x = 0x9e3779b97f4a7c15;
	size_t		i, n, len, taken = 0;
	int		result;

	for (n = 0; n < 300000; n++) {
		len = (size_t)(x >> 8) % sizeof(data);
		for (i = 0; i < len; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			/* small numbers look more like frames than large ones */
			data[i] = (unsigned char)(x & 1 ? 0 : x >> 32);
		}
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		if (len >= 4) {
			data[0] = (unsigned char)(1 + n % 5);
			data[1] = FRAME_VERSION;
			data[2] = data[3] = 0;
		}
		if ((result = decode_hostile(data, len)) == -1) {
			printf("# round %zu, type %u, %zu bytes\n", n, data[0], len);
			CHECK(!"out of bounds");
		}
		taken += result == 1;
	}
	CHECK(taken > 100);		/* it was not all for nothing */
}

/* The frame with one byte of it set. */
static int
with_byte(const struct buf *b, size_t at, unsigned char value)
{
	unsigned char	saved = b->data[at];
	int		result;

	b->data[at] = value;
	result = decode_hostile(b->data, b->len);
	b->data[at] = saved;
	return (result);
}

static void
unknown_types_versions_and_reserved_bits_are_refused(void)
{
	struct buf	b[NFRAMES];
	unsigned	v;
	size_t		i;

	frames_all(b);
	for (i = 0; i < NFRAMES; i++) {
		CHECK(with_byte(&b[i], 0, 0) == 0);
		for (v = FRAME_CREDIT + 1; v < 256; v++)
			CHECK(with_byte(&b[i], 0, (unsigned char)v) == 0);
		for (v = 0; v < 256; v++)
			CHECK(v == FRAME_VERSION || with_byte(&b[i], 1, (unsigned char)v) == 0);
		CHECK(with_byte(&b[i], 2, 1) == 0);
		CHECK(with_byte(&b[i], 3, 0x80) == 0);
		buf_free(&b[i]);
	}
}

static void
values_without_a_meaning_are_refused(void)
{
	struct buf	b = { 0 };
	struct frame	f;

	small_frame(&b, &f, FRAME_END, 1);
	CHECK(with_byte(&b, 16, 0) == 0);		/* why */
	CHECK(with_byte(&b, 16, 3) == 0);
	CHECK(with_byte(&b, 17, 1) == 0);
	b.len = 0;
	small_frame(&b, &f, FRAME_CREDIT, 1);
	CHECK(with_byte(&b, 16, 2) == 0);		/* enough */
	CHECK(with_byte(&b, 16, 0) == 1);
	buf_free(&b);
}

static void
an_origin_over_its_limit_is_refused(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_DATA };
	char		name[FRAME_ORIGIN + 1];

	memset(name, 'n', sizeof(name));
	f.origin = name;
	f.originlen = FRAME_ORIGIN;
	CHECK(frame_encode(&b, &f) == 0);
	CHECK(decode_hostile(b.data, b.len) == 1);
	b.len = 0;
	f.originlen = FRAME_ORIGIN + 1;
	CHECK(frame_encode(&b, &f) == 0);
	CHECK(decode_hostile(b.data, b.len) == 0);
	buf_free(&b);
}

/* A stream frame with these words in it, which the encoder takes as they are. */
static int
stream_taken(const char *stage, uint32_t subtask, uint32_t parallelism, uint32_t keyed,
    uint32_t separator)
{
	static struct frame_stream	s;
	struct buf			b = { 0 };
	int				result;

	memset(&s, 0, sizeof(s));
	strcpy(s.stage, stage);
	s.subtask = subtask;
	s.parallelism = parallelism;
	s.keyed = keyed;
	s.separator = separator;
	CHECK(frame_encode_stream(&b, 0, &s) == 0);
	result = decode_hostile(b.data, b.len);
	buf_free(&b);
	return (result);
}

static void
streams_that_cannot_be_are_refused(void)
{
	CHECK(stream_taken("keyby", 0, 1, 0, '\t') == 1);
	CHECK(stream_taken("keyby", 127, 128, 1, WEIR_BLANKS) == 1);
	CHECK(stream_taken("", 0, 1, 0, '\t') == 0);
	CHECK(stream_taken("../keyby", 0, 1, 0, '\t') == 0);
	CHECK(stream_taken("key by", 0, 1, 0, '\t') == 0);
	CHECK(stream_taken("keyby", 0, 0, 0, '\t') == 0);
	CHECK(stream_taken("keyby", 1, 1, 0, '\t') == 0);
	CHECK(stream_taken("keyby", UINT32_MAX, 1, 0, '\t') == 0);
	CHECK(stream_taken("keyby", 0, 1, 2, '\t') == 0);
	CHECK(stream_taken("keyby", 0, 1, 0, WEIR_BLANKS + 1) == 0);
	CHECK(stream_taken("keyby", 0, 1, 0, UINT32_MAX) == 0);
}

/* What frame_encode_stream() would never write: built by hand. */
static int
stream_by_hand(const char *stage, size_t stagelen, uint64_t present, size_t headerlen,
    const char *arena, size_t arenalen, unsigned arenas)
{
	struct buf	b = { 0 };
	unsigned	i;
	int		bad, result;

	bad = buf_add(&b, "\1\1\0\0\0\0\0", 8) == -1 || buf_add_uint(&b, 0, 4) == -1 ||
	    buf_add_uint(&b, 1, 4) == -1 || buf_add_uint(&b, 0, 4) == -1 ||
	    buf_add_uint(&b, 9, 4) == -1 || buf_add_uint(&b, 1, 8) == -1 ||
	    buf_add_string(&b, stage, stagelen) == -1 || buf_add_uint(&b, present, 1) == -1 ||
	    buf_add_string(&b, "hhhh", headerlen) == -1 || buf_add_uint(&b, 0, 5) == -1 ||
	    buf_add_uint(&b, arenas, 4) == -1;
	for (i = 0; i < arenas; i++)
		bad |= buf_add_string(&b, arena, arenalen) == -1 ||
		    buf_add_uint(&b, 1, 4) == -1 || buf_add_uint(&b, 1, 8) == -1;
	CHECK(!bad);
	result = decode_hostile(b.data, b.len);
	buf_free(&b);
	return (result);
}

static void
names_that_do_not_fit_or_hold_a_nul_are_refused(void)
{
	char name[100];

	memset(name, 'n', sizeof(name));
	CHECK(stream_by_hand("reduce", 6, 1, 4, "/weir-1", 7, 1) == 1);
	CHECK(stream_by_hand(name, WEIR_NAME_MAX, 0, 0, name, WEIR_NAME_MAX - 1, 1) == 1);
	CHECK(stream_by_hand("reduce", 6, 1, 4, "", 0, 1) == 1);
	CHECK(stream_by_hand(name, WEIR_NAME_MAX + 1, 0, 0, "/weir-1", 7, 1) == 0);
	CHECK(stream_by_hand("red\0ce", 6, 0, 0, "/weir-1", 7, 1) == 0);
	CHECK(stream_by_hand("reduce", 7, 0, 0, "/weir-1", 7, 1) == 0);
	CHECK(stream_by_hand("reduce", 6, 0, 0, name, WEIR_NAME_MAX, 1) == 0);
	CHECK(stream_by_hand("reduce", 6, 0, 0, "/we\0r-1", 7, 1) == 0);
	CHECK(stream_by_hand("reduce", 6, 0, 4, "/weir-1", 7, 1) == 0);
	CHECK(stream_by_hand("reduce", 6, 2, 4, "/weir-1", 7, 1) == 0);
}

static void
more_arenas_than_there_can_be_are_refused(void)
{
	struct buf	b = { 0 };
	size_t		at;

	CHECK(stream_by_hand("reduce", 6, 1, 4, "/weir-1", 7, 0) == 1);
	CHECK(stream_by_hand("reduce", 6, 1, 4, "/weir-1", 7, FRAME_ARENAS) == 1);
	CHECK(stream_by_hand("reduce", 6, 1, 4, "/weir-1", 7, FRAME_ARENAS + 1) == 0);
	stream_small(&b);
	/* the number stands before the two arenas: a name and none */
	at = b.len - (4 + 16 + 12) - (4 + 12) - 4;
	CHECK(with_byte(&b, at, 2) == 1);
	CHECK(with_byte(&b, at, 1) == 0);
	CHECK(with_byte(&b, at, 3) == 0);
	CHECK(with_byte(&b, at + 3, 0xff) == 0);
	buf_free(&b);
}

static void
frames_of_the_other_kind_are_refused_by_either_function(void)
{
	static struct frame_stream	s;
	struct buf			b[NFRAMES], e = { 0 };
	struct frame			f = { .type = FRAME_STREAM };
	size_t				i;

	frames_all(b);
	for (i = 1; i < NFRAMES; i++) {
		errno = 0;
		CHECK(frame_decode_stream(b[i].data, b[i].len, &s) == -1 && errno == EBADMSG);
	}
	errno = 0;
	CHECK(frame_encode(&e, &f) == -1 && errno == EBADMSG);
	for (i = 0; i < NFRAMES; i++)
		buf_free(&b[i]);
	buf_free(&e);
}

int
main(void)
{
	RUN(barrier_end_and_credit_come_back);
	RUN(both_reasons_of_an_end_come_back);
	RUN(data_by_reference_comes_back);
	RUN(data_inside_comes_back_with_its_pieces);
	RUN(an_empty_data_frame_comes_back);
	RUN(pieces_begin_at_a_multiple_of_eight_whatever_the_origin);
	RUN(a_full_stream_frame_comes_back);
	RUN(no_header_is_not_an_empty_header);
	RUN(frame_truncated_anywhere_is_refused);
	RUN(frame_with_more_behind_it_is_refused);
	RUN(any_single_byte_may_change_and_nothing_is_read_outside);
	RUN(lengths_of_all_ones_anywhere_are_not_believed);
	RUN(random_bytes_are_refused_or_within_bounds);
	RUN(unknown_types_versions_and_reserved_bits_are_refused);
	RUN(values_without_a_meaning_are_refused);
	RUN(an_origin_over_its_limit_is_refused);
	RUN(streams_that_cannot_be_are_refused);
	RUN(names_that_do_not_fit_or_hold_a_nul_are_refused);
	RUN(more_arenas_than_there_can_be_are_refused);
	RUN(frames_of_the_other_kind_are_refused_by_either_function);
	DONE();
}
