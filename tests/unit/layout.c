/* layout: values as text, and back. */
#include <errno.h>
#include <stdint.h>

#include "layout.h"
#include "tap.h"

struct place {
	uint32_t at, len;
};

/* These bytes are this text, and back. */
static int
is(const char *layout, const void *val, size_t len, const char *text)
{
	struct buf	a = { 0 }, b = { 0 };
	char		why[128];
	int		same;

	same = layout_print(&a, layout, val, len) == 0 && a.len == strlen(text) &&
	    (a.len == 0 || memcmp(a.data, text, a.len) == 0) &&
	    layout_parse(&b, layout, text, strlen(text), why, sizeof(why)) == 0 &&
	    b.len == len && (len == 0 || memcmp(b.data, val, len) == 0);
	if (!same)
		printf("# \"%.*s\"\n", (int)a.len, a.data);
	buf_free(&a);
	buf_free(&b);
	return (same);
}

/* This text is none, for that reason. */
static int
refused(const char *layout, const char *text, const char *want)
{
	struct buf	b = { 0 };
	char		why[128];
	int		bad;

	bad = layout_parse(&b, layout, text, strlen(text), why, sizeof(why)) == -1 &&
	    errno == EBADMSG && strcmp(why, want) == 0;
	if (!bad)
		printf("# %s\n", why);
	buf_free(&b);
	return (bad);
}

static void
layout_none_is_escaped_bytes(void)
{
	CHECK(is(NULL, "a\tb", 3, "a\\tb"));
	CHECK(is(NULL, "", 0, ""));
	CHECK(refused(NULL, "\\q", "the value has a backslash that means nothing"));
}

static void
layout_prints_integers(void)
{
	const int64_t	q[] = { INT64_MIN, -1, INT64_MAX };
	const uint64_t	Q[] = { 0, UINT64_MAX };
	const int32_t	i[] = { INT32_MIN, 7 };
	const uint32_t	I[] = { UINT32_MAX };

	CHECK(is("qqq", q, sizeof(q), "-9223372036854775808\t-1\t9223372036854775807"));
	CHECK(is("QQ", Q, sizeof(Q), "0\t18446744073709551615"));
	CHECK(is("ii", i, sizeof(i), "-2147483648\t7"));
	CHECK(is("I", I, sizeof(I), "4294967295"));
}

static void
layout_prints_doubles_that_read_back(void)
{
	const double d[] = { 0.1, 1.0 / 3, -1e300, 5e-324 };

	CHECK(is("dddd", d, sizeof(d),
	    "0.1\t0.3333333333333333\t-1e+300\t4.94065645841247e-324"));
}

static void
layout_prints_decimals(void)
{
	struct { int64_t whole; uint64_t atto; } n[] = { { -1, 500000000000000000 }, { 3, 0 } };

	CHECK(is("NN", n, sizeof(n), "-0.5\t3"));
}

static void
layout_prints_texts_behind_the_fields(void)
{
	struct {
		struct place	a;
		uint64_t	n;
		struct place	b;
		char		texts[5];
	} v;

	memset(&v, 0, sizeof(v));
	v.a = (struct place){ 24, 2 };
	v.n = 9;
	v.b = (struct place){ 26, 3 };
	memcpy(v.texts, "x\tabc", 5);
	CHECK(is("TQT", &v, 29, "x\\t\t9\tabc"));
	v.b.len = 0;
	CHECK(is("TQT", &v, 26, "x\\t\t9\t"));
}

static void
layout_shows_a_number_as_it_was_read(void)
{
	struct {
		int64_t		whole;
		uint64_t	atto;
		struct place	text;
		char		bytes[8];
	} v;

	memset(&v, 0, sizeof(v));
	v.whole = 2;
	v.atto = 500000000000000000;
	v.text = (struct place){ 24, 4 };
	memcpy(v.bytes, "2.50", 4);
	CHECK(is("X", &v, 28, "2.50"));
}

static void
layout_escapes_what_is_not_as_it_says(void)
{
	struct {
		struct place	a;
		char		texts[4];
	} v = { { 8, 9 }, "abcd" };

	CHECK(is("Q", "abc", 3, "\\=abc"));
	CHECK(is("Q", "abcdefghi", 9, "\\=abcdefghi"));
	CHECK(is("T", &v, 12, "\\=\\x08\\x00\\x00\\x00\\t\\x00\\x00\\x00abcd"));
	v.a.len = 2;			/* a gap behind it */
	CHECK(is("T", &v, 12, "\\=\\x08\\x00\\x00\\x00\\x02\\x00\\x00\\x00abcd"));
}

static void
layout_leaves_padding_out(void)
{
	struct { int32_t a; char pad[4]; int64_t b; } v = { 1, "", 2 };

	CHECK(is("ixxxxq", &v, sizeof(v), "1\t2"));
}

static void
layout_refuses_what_is_no_value(void)
{
	CHECK(refused("Q", "two", "field 1 of the value is not an integer"));
	CHECK(refused("Q", "", "field 1 of the value is not an integer"));
	CHECK(refused("Q", " 2", "field 1 of the value is not an integer"));
	CHECK(refused("Q", "-2", "field 1 of the value is out of range"));
	CHECK(refused("Q", "18446744073709551616", "field 1 of the value is out of range"));
	CHECK(refused("i", "2147483648", "field 1 of the value is out of range"));
	CHECK(refused("I", "4294967296", "field 1 of the value is out of range"));
	CHECK(refused("dd", "1\tx", "field 2 of the value is not a number"));
	CHECK(refused("N", "1e3",
	    "field 1 of the value is not a number of 64 bits and at most 18 decimals"));
	CHECK(refused("X", "",
	    "field 1 of the value is not a number of 64 bits and at most 18 decimals"));
	CHECK(refused("T", "a\\", "field 1 of the value has a backslash that means nothing"));
	CHECK(refused("QQ", "1", "field 1 of the value is the last one, there are too few"));
	CHECK(refused("Q", "1\t2", "field 1 of the value is not the last one, there are too many"));
}

int
main(void)
{
	RUN(layout_none_is_escaped_bytes);
	RUN(layout_prints_integers);
	RUN(layout_prints_doubles_that_read_back);
	RUN(layout_prints_decimals);
	RUN(layout_prints_texts_behind_the_fields);
	RUN(layout_shows_a_number_as_it_was_read);
	RUN(layout_escapes_what_is_not_as_it_says);
	RUN(layout_leaves_padding_out);
	RUN(layout_refuses_what_is_no_value);
	DONE();
}
