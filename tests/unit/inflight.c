/*
 * inflight: records come out as they went in, and of one key there is one.
 */
#include <string.h>

#include "inflight.h"
#include "tap.h"

static struct inflight	q;

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

	return (inflight_takes(&q, &r) && inflight_add(&q, &r, place) == 0);
}

static int
first_is(const char *key, const char *data, const char *place)
{
	struct weir_record r;
	const char *where;

	where = inflight_first(&q, &r);
	return (strcmp(where, place) == 0 && r.len == strlen(data) &&
	    memcmp(r.data, data, r.len) == 0 && (key == NULL ? r.key == NULL :
	    r.keylen == strlen(key) && memcmp(r.key, key, r.keylen) == 0 &&
	    r.hash == weir_hash(key, r.keylen)));
}

static void
begin(void)
{
	inflight_close(&q);
	CHECK(inflight_open(&q) == 0);
}

static void
inflight_first_in_first_out(void)
{
	begin();
	CHECK(add("a", "1", "f: record 1, byte 0"));
	CHECK(add("b", "", "f: record 2, byte 2"));
	CHECK(add("", "3", "f: record 3, byte 3"));
	CHECK(first_is("a", "1", "f: record 1, byte 0"));
	inflight_pop(&q);
	CHECK(first_is("b", "", "f: record 2, byte 2"));
	inflight_pop(&q);
	CHECK(first_is("", "3", "f: record 3, byte 3"));
	inflight_pop(&q);
	CHECK(q.count == 0);
}

static void
inflight_a_key_waits_for_its_answer(void)
{
	begin();
	CHECK(add("a", "1", ""));
	CHECK(add("b", "1", ""));
	CHECK(!add("a", "2", ""));
	inflight_pop(&q);
	CHECK(add("a", "2", ""));
	CHECK(!add("b", "2", ""));
}

static void
inflight_without_keys_nothing_waits(void)
{
	begin();
	CHECK(add(NULL, "1", ""));
	CHECK(add(NULL, "1", ""));
	CHECK(first_is(NULL, "1", ""));
}

static void
inflight_is_bounded_in_records(void)
{
	int n;

	begin();
	for (n = 0; add(NULL, "x", ""); n++)
		continue;
	CHECK(n == INFLIGHT_MAX);
	for (; q.count > 0; n--)
		inflight_pop(&q);
	CHECK(n == 0 && add(NULL, "x", ""));
}

static void
inflight_is_bounded_in_bytes_but_for_one(void)
{
	static char big[INFLIGHT_BYTES + 1];

	begin();
	memset(big, 'x', INFLIGHT_BYTES);
	CHECK(add(NULL, big, "there"));
	CHECK(!add(NULL, "y", ""));
	CHECK(first_is(NULL, big, "there"));
	inflight_pop(&q);
	CHECK(add(NULL, "y", ""));
	CHECK(!add(NULL, big, ""));
}

/* The ring goes round many times, its bytes are moved. */
static void
inflight_survives_a_long_run(void)
{
	char key[32], data[256];
	unsigned i, done = 0;

	begin();
	memset(data, 'd', sizeof(data) - 1);
	data[sizeof(data) - 1] = '\0';
	for (i = 0; i < 50000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		while (!add(key, data, key)) {
			snprintf(key, sizeof(key), "%u", done++);
			if (!first_is(key, data, key)) {
				tap_bad = 1;
				return;
			}
			inflight_pop(&q);
			snprintf(key, sizeof(key), "%u", i);
		}
	}
	CHECK(done + q.count == 50000);
}

int
main(void)
{
	RUN(inflight_first_in_first_out);
	RUN(inflight_a_key_waits_for_its_answer);
	RUN(inflight_without_keys_nothing_waits);
	RUN(inflight_is_bounded_in_records);
	RUN(inflight_is_bounded_in_bytes_but_for_one);
	RUN(inflight_survives_a_long_run);
	inflight_close(&q);
	DONE();
}
