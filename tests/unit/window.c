/*
 * window: of a key one record is asked about, others go on beside it, and outputs
 * come out as the records went in.
 */
#include <string.h>

#include "tap.h"
#include "window.h"

#define HELD_MAX	(1u << 20)

static struct window	q;

static struct weir_record
record(const char *key, const char *data)
{
	struct weir_record r = { .data = data, .len = (uint32_t)strlen(data) };

	r.key = key;
	if (key != NULL) {
		r.keylen = (uint32_t)strlen(key);
		r.hash = weir_hash(key, r.keylen);
	}
	return (r);
}

static int
add(const char *key, const char *data, const char *place)
{
	struct weir_record r = record(key, data);

	return (window_takes(&q, &r) && window_add(&q, &r, place) == 0);
}

static int
is(const struct weir_record *r, const char *key, const char *data)
{
	return (r->len == strlen(data) && memcmp(r->data, data, r->len) == 0 &&
	    (key == NULL ? r->key == NULL : r->keylen == strlen(key) &&
	    memcmp(r->key, key, r->keylen) == 0 && r->hash == weir_hash(key, r->keylen)));
}

/* The records that are asked about now, "a1 b1": at most 16. */
static const char *
asks(void)
{
	static char text[256];
	struct weir_record r;
	int n;

	text[0] = '\0';
	for (n = 0; n < 16 && window_ask(&q, &r); n++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s%.*s",
		    n ? " " : "", (int)r.keylen, r.keylen ? r.key : "", (int)r.len, r.data);
	return (text);
}

/* The next one answers with this output; what comes out then, lines and all. */
static const char *
answers(const char *output)
{
	static char text[256];
	const char *lines;
	size_t len;

	text[0] = '\0';
	if (window_output(&q, output, strlen(output)) == WINDOW_EMIT)
		snprintf(text, sizeof(text), "%s\n", output);
	window_answered(&q);
	while (window_out(&q, &lines, &len))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.*s", (int)len,
		    lines);
	return (text);
}

static void
begin(void)
{
	window_close(&q);
	CHECK(window_open(&q, HELD_MAX) == 0);
}

static void
window_asks_and_emits_in_order(void)
{
	struct weir_record r;

	begin();
	CHECK(add("a", "1", "f: record 1, byte 0"));
	CHECK(add("b", "", "f: record 2, byte 2"));
	CHECK(add("", "3", "f: record 3, byte 3"));
	CHECK(strcmp(asks(), "a1 b 3") == 0);
	CHECK(strcmp(asks(), "") == 0);
	CHECK(strcmp(window_asked(&q, &r), "f: record 1, byte 0") == 0);
	CHECK(is(&r, "a", "1"));
	CHECK(strcmp(answers("A"), "A\n") == 0);
	CHECK(strcmp(window_asked(&q, &r), "f: record 2, byte 2") == 0);
	CHECK(is(&r, "b", ""));
	CHECK(strcmp(answers("B"), "B\n") == 0);
	CHECK(is((window_asked(&q, &r), &r), "", "3"));
	CHECK(strcmp(answers("C"), "C\n") == 0);
	CHECK(q.count == 0);
}

static void
window_a_record_waits_for_its_key_only(void)
{
	begin();
	CHECK(add("a", "1", "") && add("a", "2", "") && add("a", "3", "") && add("b", "1", ""));
	CHECK(strcmp(asks(), "a1 b1") == 0);
	CHECK(strcmp(answers("A1"), "A1\n") == 0);
	CHECK(add("b", "2", "") && add("c", "1", ""));
	CHECK(strcmp(asks(), "a2 c1") == 0);
	CHECK(strcmp(answers("B1"), "") == 0);		/* a2 and a3 are before it */
	CHECK(strcmp(asks(), "b2") == 0);
	CHECK(strcmp(answers("A2"), "A2\n") == 0);
	CHECK(strcmp(asks(), "a3") == 0);
	CHECK(strcmp(answers("C1"), "") == 0);
	CHECK(strcmp(answers("B2"), "") == 0);
	CHECK(strcmp(answers("A3"), "A3\nB1\nB2\nC1\n") == 0);
	CHECK(q.count == 0 && q.held == 0);
}

static void
window_holds_all_outputs_of_a_record(void)
{
	const char *lines;
	size_t len;

	begin();
	CHECK(add("a", "1", "") && add("a", "2", "") && add("b", "1", "") && add("c", "1", ""));
	CHECK(strcmp(asks(), "a1 b1 c1") == 0);
	CHECK(strcmp(answers("A1"), "A1\n") == 0);
	CHECK(strcmp(asks(), "a2") == 0);
	CHECK(window_output(&q, "B1", 2) == WINDOW_KEEPS);
	CHECK(window_output(&q, "", 0) == WINDOW_KEEPS);
	CHECK(strcmp(answers("B1'"), "") == 0);
	window_answered(&q);			/* c1: none */
	CHECK(!window_out(&q, &lines, &len));
	CHECK(strcmp(answers("A2"), "A2\nB1\n\nB1'\n") == 0);
	CHECK(q.count == 0);
}

static void
window_without_keys_nothing_waits(void)
{
	begin();
	CHECK(add(NULL, "1", "") && add(NULL, "1", ""));
	CHECK(strcmp(asks(), "1 1") == 0);
}

static void
window_is_bounded_in_records(void)
{
	int n;

	begin();
	for (n = 0; add(NULL, "x", ""); n++)
		continue;
	CHECK(n == WINDOW_MAX);
	for (; q.count > 0; n--) {
		(void)asks();
		(void)answers("");
	}
	CHECK(n == 0 && add(NULL, "x", ""));
}

static void
window_is_bounded_in_bytes_but_for_one(void)
{
	static char big[WINDOW_BYTES + 1];

	begin();
	memset(big, 'x', WINDOW_BYTES);
	CHECK(add(NULL, big, "there"));
	CHECK(!add(NULL, "y", ""));
	(void)asks();
	(void)answers("");
	CHECK(add(NULL, "y", ""));
	CHECK(!add(NULL, big, ""));
}

/* count records of other keys, behind two of one key of which the first is asked. */
static void
fill(int count)
{
	char key[16];

	CHECK(add("hot", "1", "") && add("hot", "2", ""));
	while (count-- > 0) {
		snprintf(key, sizeof(key), "%d", count);
		add(key, "", "");
	}
}

static void
window_asks_so_many_while_one_waits(void)
{
	struct weir_record r;
	size_t n;

	begin();
	fill(2 * WINDOW_AHEAD);
	for (n = 0; window_ask(&q, &r); n++)
		continue;
	CHECK(n == WINDOW_AHEAD);
	CHECK(strcmp(answers("1"), "1\n") == 0);		/* the other hot one waits no more */
	CHECK(window_ask(&q, &r) && is(&r, "hot", "2"));
}

static void
window_large_answers_are_few(void)
{
	static char output[HELD_MAX / 32 / 4];
	struct weir_record r;
	size_t n;

	begin();
	memset(output, 'x', sizeof(output) - 1);
	CHECK(add("large", "", ""));
	CHECK(window_ask(&q, &r));
	CHECK(window_output(&q, output, sizeof(output) - 1) == WINDOW_EMIT);
	CHECK(strcmp(answers(""), "\n") == 0);
	fill(100);
	for (n = 0; window_ask(&q, &r); n++)
		continue;
	CHECK(n == 4);
	CHECK(strcmp(answers(""), "\n") == 0);
	CHECK(window_ask(&q, &r) && is(&r, "hot", "2"));
}

static void
window_too_much_too_early(void)
{
	static char output[HELD_MAX / 2];
	struct weir_record r;

	begin();
	memset(output, 'x', sizeof(output));
	fill(1);
	CHECK(window_ask(&q, &r) && window_ask(&q, &r));
	CHECK(strcmp(answers("1"), "1\n") == 0);
	CHECK(is((window_asked(&q, &r), &r), "0", ""));
	CHECK(window_output(&q, output, sizeof(output)) == WINDOW_KEEPS);
	CHECK(window_output(&q, output, sizeof(output)) == WINDOW_FULL);
}

/* What has to come out: the number of the record, once. */
static void
out_is(unsigned long *out)
{
	const char *lines;
	size_t len;
	char *end;

	while (window_out(&q, &lines, &len)) {
		CHECK(strtoul(lines, &end, 10) == (*out)++ && *end == '\n');
		CHECK(end + 1 == lines + len);
	}
}

static void
answer_with_number(unsigned long *next, unsigned long *out)
{
	struct weir_record r;
	unsigned long number, *of;
	char text[16];

	(void)window_asked(&q, &r);
	number = strtoul(r.data, NULL, 10);
	of = &next[strtoul(r.key, NULL, 10)];
	CHECK(number >= *of);
	*of = number + 1;
	snprintf(text, sizeof(text), "%lu", number);
	if (window_output(&q, text, strlen(text)) == WINDOW_EMIT)
		CHECK(number == (*out)++);
	window_answered(&q);
	out_is(out);
}

/* Any order of asking and answering: each key in order, all outputs in order. */
static void
window_survives_a_long_run(void)
{
	static unsigned long next[64];
	unsigned long in = 0, out = 0;
	unsigned dice, seed = 7;
	struct weir_record r;
	char key[16], data[256];

	begin();
	while (out < 50000 && !tap_bad) {
		seed = seed * 1103515245 + 12345;
		dice = seed >> 16;
		snprintf(key, sizeof(key), "%u,", dice / 5 % 2 ? dice / 10 % 64 : 0);
		snprintf(data, sizeof(data), "%lu %0*d", in, (int)(dice % 199), 0);
		if (dice % 5 < 2 && in < 50000)
			in += (unsigned)add(key, data, key);
		else if (dice % 5 == 2)
			(void)window_ask(&q, &r);
		else if (q.nasked > 0)
			answer_with_number(next, &out);
	}
	CHECK(q.count == 0 && q.held == 0 && q.nwaiting == 0);
}

int
main(void)
{
	RUN(window_asks_and_emits_in_order);
	RUN(window_a_record_waits_for_its_key_only);
	RUN(window_holds_all_outputs_of_a_record);
	RUN(window_without_keys_nothing_waits);
	RUN(window_is_bounded_in_records);
	RUN(window_is_bounded_in_bytes_but_for_one);
	RUN(window_asks_so_many_while_one_waits);
	RUN(window_large_answers_are_few);
	RUN(window_too_much_too_early);
	RUN(window_survives_a_long_run);
	window_close(&q);
	DONE();
}
