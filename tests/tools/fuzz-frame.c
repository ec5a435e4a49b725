/*
 * fuzz-frame: mutated frames, records and messages, the same for the same seed.
 *
 *	fuzz-frame [ITERATIONS [SEED]]		100000, 1
 *
 * Every input lies in memory of exactly its size, so that AddressSanitizer sees
 * each byte too many.  What a decoder accepts has to be what the encoder would
 * have made of it, and what it points at has to lie within the input.  Exits 1
 * with a line that says how to see it again.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "hostile.h"

#define INPUT_MAX	4096

static uint64_t	 seed, iteration, first;
static uint64_t	 accepted, touched;

static void
fail(const char *what)
{
	errx(1, "%s: fuzz-frame 1 %" PRIu64 " (iteration %" PRIu64 " of seed %" PRIu64 ")",
	    what, first, iteration, seed);
}

/* Read each byte: its sum is kept, so that no compiler leaves this out. */
static void
touch(const void *at, size_t len)
{
	const unsigned char	*p = at;
	size_t			 i;

	for (i = 0; i < len; i++)
		touched += p[i];
}

/* What there is to mutate. */

static size_t
data_make(unsigned char *to, uint64_t *r)
{
	static const char	text[] = "apple\t1\npear\t22\n\nfig\t333\n";
	static const char	keys[] = "applefig";
	struct entry		entries[4] = {
		{ 0, 7, 0, 5, 1, 0 }, { 8, 7, 8, 4, 2, 1 }, { 16, 0, 16, 0, 3, 2 },
		{ 17, 7, 5 | ENTRY_ASIDE, 3, 4, 3 },
	};
	struct frame		f = { .type = FRAME_DATA, .seq = 1, .origin = "access.log",
	    .originlen = 10, .byte = 4711, .record = 42 };
	struct buf		b = { 0 };
	size_t			len;

	f.text.arena = f.index.arena = f.keys.arena = FRAME_INSIDE;
	f.textlen = sizeof(text) - 1;
	f.count = chance(r) % 3 == 0 ? 0 : 4;
	f.keyslen = f.count > 0 ? sizeof(keys) - 1 : 0;
	if (frame_encode(&b, &f) == -1 || buf_add(&b, entries, f.count * sizeof(entries[0])) == -1 ||
	    buf_add(&b, keys, f.keyslen) == -1 || buf_add(&b, text, f.textlen) == -1)
		err(2, "data");
	memcpy(to, b.data, len = b.len);
	buf_free(&b);
	return (len);
}

static size_t
control_make(unsigned char *to, uint64_t *r)
{
	static const enum frame_type types[] = { FRAME_BARRIER, FRAME_END, FRAME_CREDIT };
	struct frame	f = { .seq = 7, .kind = FRAME_EOF, .checkpoint = 3, .enough = 1 };
	struct buf	b = { 0 };
	size_t		len;

	f.type = types[chance(r) % 3];
	if (frame_encode(&b, &f) == -1)
		err(2, "control");
	memcpy(to, b.data, len = b.len);
	buf_free(&b);
	return (len);
}

static size_t
stream_make(unsigned char *to, uint64_t *r)
{
	struct frame_stream	s = { .stage = "keyby", .subtask = 1, .parallelism = 2,
	    .keyed = 1, .separator = '\t', .record_max = 1 << 20, .header = "id\tname",
	    .headerlen = 7, .key = "id", .keylen = 2, .narenas = 2 };
	struct buf		b = { 0 };
	size_t			len;

	if (chance(r) % 2 == 0) {
		s.header = NULL;
		s.headerlen = 0;
	}
	strcpy(s.arenas[0].name, "/weir-0-1-2-0-text");
	s.arenas[0].slots = 8;
	s.arenas[0].slot_bytes = 1 << 20;
	if (frame_encode_stream(&b, 0, &s) == -1)
		err(2, "stream");
	memcpy(to, b.data, len = b.len);
	buf_free(&b);
	return (len);
}

static size_t
message_make(unsigned char *to, uint64_t *r)
{
	static const struct knock	k = { .stage = "reduce", .run = "1-2", .nonce = "ab",
	    .parallelism = 2, .subtask = 1, .output = -1 };
	static const struct answer	a = { .kind = ANSWER_LINK, .stage = "keyby",
	    .parallelism = 1, .keyed = 1, .link = "ipc:///tmp/x", .reason = "none" };
	char				*text;
	size_t				 len;

	text = chance(r) % 2 == 0 ? message_knock(&k) : message_answer(&a);
	if (text == NULL)
		err(2, "message");
	memcpy(to, text, len = strlen(text));
	free(text);
	return (len);
}

/* Mutations; each returns the new length. */

static size_t
value_set(unsigned char *p, size_t len, uint64_t *r)
{
	static const uint32_t edges[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff,
	    0x80000000, 0xfffffffe, 0xffffffff };
	uint32_t	v = edges[chance(r) % (sizeof(edges) / sizeof(edges[0]))];
	size_t		at = chance(r) % len, i;

	for (i = 0; i < 4 && at + i < len; i++)
		p[at + i] = (unsigned char)(v >> (8 * i));
	return (len);
}

static size_t
mutate(unsigned char *p, size_t len, uint64_t *r)
{
	size_t at, n;

	if (len == 0)
		return (0);
	at = chance(r) % len;
	switch (chance(r) % 6) {
	case 0:
		p[at] ^= (unsigned char)(1U << chance(r) % 8);
		return (len);
	case 1:
		p[at] = (unsigned char)(chance(r) >> 56);
		return (len);
	case 2:
		return (value_set(p, len, r));
	case 3:
		return (at);
	case 4:				/* a piece comes twice */
		n = chance(r) % (len - at) + 1;
		if (len + n > INPUT_MAX)
			return (len);
		memmove(p + at + n, p + at, len - at);
		return (len + n);
	default:			/* a piece is missing */
		n = chance(r) % (len - at) + 1;
		memmove(p + at, p + at + n, len - at - n);
		return (len - n);
	}
}

/* What is done with an input. */

static void
records_check(const struct frame *f)
{
	struct weir_record	r[3];
	size_t			pos = 0, end = f->count > 0 ? f->count : f->textlen;
	uint32_t		ordinal = 0;
	long			n, i;

	while (pos < end) {
		n = f->count > 0 ? record_unpack(f, &pos, r, 3) :
		    record_split(f->text_at, f->textlen, &pos, &ordinal, r, 3);
		if (n == -1)
			return;
		if (n == 0)
			fail("records without an end");
		for (i = 0; i < n; i++) {
			touch(r[i].data, (size_t)r[i].len + 1);
			if (r[i].key != NULL)
				touch(r[i].key, r[i].keylen);
		}
	}
	touched += record_count(f->text_at, f->textlen);
}

/* The index where it may be read: as link does it. */
static void
data_check(struct frame *f, struct buf *b)
{
	void *index = NULL;

	if ((f->index.arena == FRAME_INSIDE &&
	    buf_add(b, f->index_at, f->count * sizeof(struct entry)) == -1) ||
	    (f->keys.arena == FRAME_INSIDE && buf_add(b, f->keys_at, f->keyslen) == -1) ||
	    (f->text.arena == FRAME_INSIDE && buf_add(b, f->text_at, f->textlen) == -1))
		err(2, "data");
	if (f->text.arena != FRAME_INSIDE || (f->count > 0 && f->index.arena != FRAME_INSIDE) ||
	    (f->keyslen > 0 && f->keys.arena != FRAME_INSIDE))
		return;
	if (f->count > 0) {
		if ((index = malloc(f->count * sizeof(struct entry))) == NULL)
			err(2, "index");
		f->index_at = memcpy(index, f->index_at, f->count * sizeof(struct entry));
	}
	records_check(f);
	free(index);
}

static void
frame_check(const unsigned char *input, size_t len)
{
	struct frame_stream	s;
	struct frame		f;
	struct buf		b = { 0 };
	int			ok;

	ok = frame_decode(input, len, &f) == 0;
	if (ok && f.type == FRAME_STREAM)
		ok = frame_decode_stream(input, len, &s) == 0 &&
		    frame_encode_stream(&b, f.attempt, &s) == 0;
	else if (ok && frame_encode(&b, &f) == 0 && f.type == FRAME_DATA)
		data_check(&f, &b);
	if (ok) {
		accepted++;
		if (b.len != len || memcmp(b.data, input, len) != 0)
			fail("accepted what no encoder makes");
	}
	buf_free(&b);
}

static void
message_check(const char *input, size_t len)
{
	struct knock	k, k2;
	struct answer	a, a2;
	char		*text;

	if (message_parse_knock(input, len, &k) == 0) {
		accepted++;
		if ((text = message_knock(&k)) == NULL ||
		    message_parse_knock(text, strlen(text), &k2) == -1 ||
		    strcmp(k.stage, k2.stage) != 0 || strcmp(k.nonce, k2.nonce) != 0 ||
		    k.subtask != k2.subtask || k.parallelism != k2.parallelism)
			fail("a knock that is another when it is repeated");
		free(text);
	}
	if (message_parse_answer(input, len, &a) == 0) {
		accepted++;
		if ((text = message_answer(&a)) == NULL ||
		    message_parse_answer(text, strlen(text), &a2) == -1 ||
		    a.kind != a2.kind || strcmp(a.link, a2.link) != 0)
			fail("an answer that is another when it is repeated");
		free(text);
	}
}

/* One input, from its own seed alone. */
static void
once(uint64_t r)
{
	static size_t	(*const makes[])(unsigned char *, uint64_t *) = {
		data_make, data_make, control_make, stream_make, message_make,
	};
	unsigned char	 bytes[INPUT_MAX], *input;
	unsigned	 kind = (unsigned)(chance(&r) % 5);
	size_t		 len = makes[kind](bytes, &r), n;

	for (n = chance(&r) % 4; n > 0; n--)
		len = mutate(bytes, len, &r);
	if ((input = malloc(len + (len == 0))) == NULL)
		err(2, "input");
	memcpy(input, bytes, len);
	if (kind == 4)
		message_check((const char *)input, len);
	else
		frame_check(input, len);
	free(input);
}

int
main(int argc, char *argv[])
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000, state;

	seed = state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (first = seed; iteration < n; iteration++) {
		once(first);
		first = chance(&state);
	}
	printf("%" PRIu64 " inputs, %" PRIu64 " accepted, %016" PRIx64 "\n", n, accepted, touched);
	/* an oracle that is never asked is none */
	return (n >= 1000 && (accepted < n / 10 || accepted > n - n / 10));
}
