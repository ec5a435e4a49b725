/*
 * record: the records of a text area, and nothing that is not in it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "bytes.h"
#include "tap.h"

static volatile unsigned char touched;

/* Memory of exactly that length, so that a sanitizer sees each step outside. */
static void *
exact_copy(const void *data, size_t len)
{
	void *p;

	if ((p = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	if (len > 0)
		memcpy(p, data, len);
	return (p);
}

static void
touch(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		touched = (unsigned char)(touched + (unsigned char)p[i]);
}

static void
nothing_holds_no_records(void)
{
	struct weir_record	r[4];
	size_t			pos = 0;
	uint32_t		ordinal = 3;

	CHECK(record_split("", 0, &pos, &ordinal, r, 4) == 0);
	CHECK(pos == 0 && ordinal == 3);
}

static void
empty_records_are_records(void)
{
	struct weir_record	r[4];
	char			*text = exact_copy("\n\n\n", 3);
	size_t			pos = 0, i;
	uint32_t		ordinal = 0;

	CHECK(record_split(text, 3, &pos, &ordinal, r, 4) == 3);
	CHECK(pos == 3 && ordinal == 3);
	for (i = 0; i < 3; i++) {
		CHECK(r[i].data == text + i && r[i].len == 0 && r[i].ordinal == i);
		CHECK(r[i].key == NULL && r[i].keylen == 0);
	}
	free(text);
}

static void
every_byte_but_newline_belongs_to_its_record(void)
{
	struct weir_record	r[2];
	char			bytes[256], *text;
	size_t			pos = 0, i, n = 0;
	uint32_t		ordinal = 0;

	for (i = 0; i < 256; i++)
		if (i != '\n')
			bytes[n++] = (char)i;
	bytes[n] = '\n';
	text = exact_copy(bytes, sizeof(bytes));
	CHECK(record_split(text, sizeof(bytes), &pos, &ordinal, r, 2) == 1);
	CHECK(r[0].len == 255 && memcmp(r[0].data, bytes, 255) == 0);
	free(text);
}

static void
last_record_without_newline_is_refused(void)
{
	static const char *const	texts[] = { "a", "a\nb", "\n\nb", "a\n\r" };
	struct weir_record		r[8];
	char				*text;
	size_t				pos, i, len;
	uint32_t			ordinal;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		len = strlen(texts[i]);
		text = exact_copy(texts[i], len);
		pos = ordinal = 0;
		errno = 0;
		CHECK(record_split(text, len, &pos, &ordinal, r, 8) == -1 && errno == EBADMSG);
		free(text);
	}
}

static void
splitting_in_steps_gives_the_same_records(void)
{
	static const char	text[] = "one\n\nthree\r\n4\n\n\nseven\n";
	struct weir_record	all[16], r[16];
	size_t			len = sizeof(text) - 1, pos = 0, step, n;
	uint32_t		ordinal = 0;
	long			total, got, i;

	total = record_split(text, len, &pos, &ordinal, all, 16);
	CHECK(total == 7 && pos == len);
	for (step = 1; step < 9; step++) {
		pos = ordinal = 0;
		for (n = 0; pos < len; n += (size_t)got) {
			got = record_split(text, len, &pos, &ordinal, r, step);
			if (got < 1 || got > (long)step || n + (size_t)got > 7) {
				CHECK(!"a step of the right size");
				return;
			}
			for (i = 0; i < got; i++)
				CHECK(memcmp(&r[i], &all[n + (size_t)i], sizeof(r[i])) == 0);
		}
		CHECK(n == 7 && ordinal == 7);
		CHECK(record_split(text, len, &pos, &ordinal, r, step) == 0);
	}
}

static void
newlines_are_counted_as_one_by_one(void)
{
	char		text[1100];
	size_t		len, i;
	uint64_t	n, x = 88172645463325252;

	for (len = 0; len < sizeof(text); len++) {
		memset(text, '\n', len);
		CHECK(record_count(text, len) == len);
		memset(text, '\v', len);
		CHECK(record_count(text, len) == 0);
	}
	for (len = 0; len < sizeof(text); len++) {
		for (n = 0, i = 0; i < len; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			text[i] = x & 8 ? '\n' : (char)(x >> 16);
			n += text[i] == '\n';
		}
		CHECK(record_count(text, len) == n);
	}
}

/* A frame of one entry over ten bytes of text and six of keys. */
#define TEXT_BYTES	10U
#define KEYS_BYTES	6U

static long
unpack_one(const struct entry *e, struct weir_record *r)
{
	struct frame	 f = { .type = FRAME_DATA, .count = 1 };
	char		*text = exact_copy("abc\ndef\n\n\n", TEXT_BYTES);
	char		*keys = exact_copy("KEYS..", KEYS_BYTES);
	struct entry	*index = exact_copy(e, sizeof(*e));
	size_t		 pos = 0;
	long		 n;

	f.textlen = TEXT_BYTES;
	f.keyslen = KEYS_BYTES;
	f.text_at = text;
	f.keys_at = keys;
	f.index_at = index;
	errno = 0;
	if ((n = record_unpack(&f, &pos, r, 4)) == 1) {
		touch(r->data, r->len + 1);	/* its newline as well */
		touch(r->key, r->keylen);
	} else
		CHECK(n == -1 && errno == EBADMSG);
	free(text);
	free(keys);
	free(index);
	return (n);
}

static void
entries_come_back_with_text_key_and_hash(void)
{
	static const char		text[] = "abc\ndef\n";
	static const struct entry	index[] = {
		{ 4, 3, 5, 2, 0xfffffffe, 17 }, { 0, 3, ENTRY_ASIDE | 1, 3, 0, UINT32_MAX },
	};
	struct frame			f = { .type = FRAME_DATA, .count = 2 };
	struct weir_record		r[2];
	size_t				pos = 0;

	f.textlen = 8;
	f.text_at = text;
	f.keyslen = 4;
	f.keys_at = "KEYS";
	f.index_at = index;
	CHECK(record_unpack(&f, &pos, r, 2) == 2 && pos == 2);
	CHECK(r[0].data == text + 4 && r[0].len == 3 && r[0].key == text + 5 && r[0].keylen == 2);
	CHECK(r[0].hash == 0xfffffffe && r[0].ordinal == 17);
	CHECK(r[1].data == text && r[1].key == f.keys_at + 1 && r[1].keylen == 3);
	CHECK(r[1].hash == 0 && r[1].ordinal == UINT32_MAX);
	CHECK(record_unpack(&f, &pos, r, 2) == 0);
}

static void
unpacking_in_steps_gives_the_same_records(void)
{
	struct entry		index[50];
	struct frame		f = { .type = FRAME_DATA, .count = 50 };
	struct weir_record	r[50];
	size_t			pos, step;
	uint32_t		i, seen;
	long			n;

	memset(index, 0, sizeof(index));
	for (i = 0; i < 50; i++)
		index[i].ordinal = i;
	f.index_at = index;
	f.text_at = "\n";
	f.textlen = 1;
	for (step = 1; step <= 51; step += 7)
		for (pos = 0, seen = 0; pos < 50;) {
			n = record_unpack(&f, &pos, r, step < 50 ? step : 50);
			if (n < 1) {
				CHECK(!"a record");
				return;
			}
			for (i = 0; i < (uint32_t)n; i++)
				CHECK(r[i].ordinal == seen++);
			CHECK(pos == seen);
		}
}

static void
a_record_may_end_at_the_very_end_and_not_behind_it(void)
{
	struct weir_record	r;
	struct entry		e = { 0, 0, 0, 0, 0, 0 };

	e.offset = 9;
	CHECK(unpack_one(&e, &r) == 1 && r.len == 0);
	e.len = 1;
	CHECK(unpack_one(&e, &r) == -1);
	e.offset = 10;
	e.len = 0;			/* there is no room for its newline */
	CHECK(unpack_one(&e, &r) == -1);
	e.offset = 0;
	e.len = 9;
	CHECK(unpack_one(&e, &r) == 1 && r.len == 9);
	e.len = 10;
	CHECK(unpack_one(&e, &r) == -1);
}

static void
a_key_may_end_at_the_very_end_and_not_behind_it(void)
{
	struct weir_record	r;
	struct entry		e = { 0, 0, 0, 0, 0, 0 };

	e.key = 10;
	CHECK(unpack_one(&e, &r) == 1 && r.keylen == 0);
	e.keylen = 1;
	CHECK(unpack_one(&e, &r) == -1);
	e.key = 0;
	e.keylen = 10;
	CHECK(unpack_one(&e, &r) == 1);
	e.keylen = 11;
	CHECK(unpack_one(&e, &r) == -1);
	e.key = 11;
	e.keylen = 0;
	CHECK(unpack_one(&e, &r) == -1);
}

static void
a_key_aside_is_bound_by_the_key_area(void)
{
	struct weir_record	r;
	struct entry		e = { 0, 0, ENTRY_ASIDE, 0, 0, 0 };

	e.keylen = 6;
	CHECK(unpack_one(&e, &r) == 1 && r.keylen == 6);
	e.keylen = 7;
	CHECK(unpack_one(&e, &r) == -1);
	e.key = ENTRY_ASIDE | 6;
	e.keylen = 0;
	CHECK(unpack_one(&e, &r) == 1);
	e.keylen = 1;
	CHECK(unpack_one(&e, &r) == -1);
	e.key = ENTRY_ASIDE | 7;
	e.keylen = 0;
	CHECK(unpack_one(&e, &r) == -1);
	e.key = UINT32_MAX;
	CHECK(unpack_one(&e, &r) == -1);
}

static void
exactly_what_is_within_bounds_is_taken(void)
{
	static const uint32_t	v[] = {
		0, 1, 5, 6, 7, 9, 10, 11, 0x7fffffff, 0x80000000, 0x80000006, 0x80000007,
		0xfffffff6, 0xfffffffe, 0xffffffff,
	};
	const size_t		n = sizeof(v) / sizeof(v[0]);
	struct weir_record	r;
	struct entry		e = { 0, 0, 0, 0, 0, 0 };
	size_t			i, j, k, l;
	uint64_t		area;
	int			good;

	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
			for (k = 0; k < n; k++)
				for (l = 0; l < n; l++) {
					e.offset = v[i];
					e.len = v[j];
					e.key = v[k];
					e.keylen = v[l];
					area = v[k] & ENTRY_ASIDE ? KEYS_BYTES : TEXT_BYTES;
					good = (uint64_t)v[i] + v[j] + 1 <= TEXT_BYTES &&
					    (uint64_t)(v[k] & ~ENTRY_ASIDE) + v[l] <= area;
					CHECK(unpack_one(&e, &r) == (good ? 1 : -1));
				}
}

static void
one_bad_entry_refuses_the_lot(void)
{
	struct entry		index[3] = { { 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0 },
				    { 1, 0, 0, 0, 0, 0 } };
	struct frame		f = { .type = FRAME_DATA, .count = 3, .textlen = 1 };
	struct weir_record	r[3];
	size_t			pos = 0;

	f.index_at = index;
	f.text_at = "\n";
	CHECK(record_unpack(&f, &pos, r, 2) == 2 && pos == 2);
	CHECK(record_unpack(&f, &pos, r, 2) == -1);
	pos = 0;
	CHECK(record_unpack(&f, &pos, r, 3) == -1);
}

/* Entries lie in memory that their writer may change at any time: here, one field
 * of one of them, between a good and a bad value. */
static struct entry	shared;
static int		over;

static void *
writer(void *field)
{
	uint32_t	*p = field, good = *p, bad = field == &shared.key ? 0x7ffffff0 : 0xfffffff0;

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		__atomic_store_n(p, bad, __ATOMIC_RELAXED);
		__atomic_store_n(p, good, __ATOMIC_RELAXED);
	}
	return (NULL);
}

/* Often enough to meet a change half-way; at least until both have been met. */
static int
unpack_meanwhile(const struct frame *f)
{
	struct weir_record	r;
	size_t			pos, i, taken = 0, refused = 0;

	for (i = 0; i < 3000000 || ((taken == 0 || refused == 0) && i < 2000000000); i++) {
		pos = 0;
		if (record_unpack(f, &pos, &r, 1) == -1) {
			refused++;
			continue;
		}
		taken++;
		if (r.data != f->text_at || r.len != 3 || r.keylen != 1 || r.key != f->text_at + 2)
			return (0);
	}
	return (taken > 0 && refused > 0);
}

static void
entries_changed_meanwhile_stay_within_bounds(void)
{
	static const char	text[] = "abc\n";
	uint32_t		*fields[] = { &shared.offset, &shared.len, &shared.key, &shared.keylen };
	struct frame		f = { .type = FRAME_DATA, .count = 1, .textlen = 4 };
	pthread_t		thread;
	size_t			i;

	f.index_at = &shared;
	f.text_at = f.keys_at = text;
	for (i = 0; i < 4; i++) {
		shared = (struct entry){ 0, 3, 2, 1, 0, 0 };
		__atomic_store_n(&over, 0, __ATOMIC_RELAXED);
		if (pthread_create(&thread, NULL, writer, fields[i]) != 0) {
			CHECK(!"a thread");
			return;
		}
		CHECK(unpack_meanwhile(&f));
		__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
	}
}

int
main(void)
{
	RUN(nothing_holds_no_records);
	RUN(empty_records_are_records);
	RUN(every_byte_but_newline_belongs_to_its_record);
	RUN(last_record_without_newline_is_refused);
	RUN(splitting_in_steps_gives_the_same_records);
	RUN(newlines_are_counted_as_one_by_one);
	RUN(entries_come_back_with_text_key_and_hash);
	RUN(unpacking_in_steps_gives_the_same_records);
	RUN(a_record_may_end_at_the_very_end_and_not_behind_it);
	RUN(a_key_may_end_at_the_very_end_and_not_behind_it);
	RUN(a_key_aside_is_bound_by_the_key_area);
	RUN(exactly_what_is_within_bounds_is_taken);
	RUN(one_bad_entry_refuses_the_lot);
	RUN(entries_changed_meanwhile_stay_within_bounds);
	DONE();
}
