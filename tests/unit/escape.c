/* escape: bytes as a column of a text file. */
#include <errno.h>

#include "bytes.h"
#include "tap.h"

/* These bytes are this text, and back. */
static int
is(const char *bytes, size_t len, const char *text)
{
	struct buf	a = { 0 }, b = { 0 };
	int		same;

	same = escape_add(&a, bytes, len) == 0 && a.len == strlen(text) &&
	    memcmp(a.data, text, a.len) == 0 && escape_read(&b, text, strlen(text)) == 0 &&
	    b.len == len && memcmp(b.data, bytes, len) == 0;
	buf_free(&a);
	buf_free(&b);
	return (same);
}

#define IS(bytes, text)	is(bytes, sizeof(bytes) - 1, text)

static int
refused(const char *text)
{
	struct buf	b = { 0 };
	int		bad = escape_read(&b, text, strlen(text)) == -1 && errno == EBADMSG;

	buf_free(&b);
	return (bad);
}

static void
escape_leaves_text_as_it_is(void)
{
	CHECK(IS("apple pie, 3", "apple pie, 3"));
	CHECK(IS("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x8f", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8d\x8f"));
	CHECK(is("x", 1, "x"));
}

static void
escape_writes_what_would_end_a_column_or_a_line(void)
{
	CHECK(IS("a\tb\nc\rd\\e", "a\\tb\\nc\\rd\\\\e"));
	CHECK(IS("\\", "\\\\"));
}

static void
escape_writes_control_characters_and_bytes_that_are_no_utf8(void)
{
	CHECK(IS("\0\x1f\x7f", "\\x00\\x1f\\x7f"));
	CHECK(IS("\xe4", "\\xe4"));
	CHECK(IS("a\xc3", "a\\xc3"));
	CHECK(IS("\xc0\x80", "\\xc0\\x80"));		/* overlong */
	CHECK(IS("\xed\xa0\x80", "\\xed\\xa0\\x80"));	/* a surrogate */
	CHECK(IS("\xc2\x85", "\\xc2\\x85"));		/* a control character */
	CHECK(IS("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"));
}

static void
escape_gives_back_any_bytes(void)
{
	struct buf	text = { 0 }, back = { 0 };
	unsigned char	bytes[512];
	unsigned	seed = 1;
	size_t		i, round;
	int		bad = 0;

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
		text.len = back.len = 0;
		bad |= escape_add(&text, bytes, sizeof(bytes)) == -1 ||
		    memchr(text.data, '\t', text.len) != NULL ||
		    memchr(text.data, '\n', text.len) != NULL ||
		    escape_read(&back, (char *)text.data, text.len) == -1 ||
		    back.len != sizeof(bytes) || memcmp(back.data, bytes, back.len) != 0;
	}
	CHECK(!bad);
	buf_free(&text);
	buf_free(&back);
}

static void
escape_reads_what_people_write(void)
{
	struct buf b = { 0 };

	CHECK(escape_read(&b, "\\x41\\xC3\\xa4", 12) == 0);
	CHECK(b.len == 3 && memcmp(b.data, "A\xc3\xa4", 3) == 0);
	buf_free(&b);
}

static void
escape_refuses_a_backslash_that_means_nothing(void)
{
	CHECK(refused("a\\"));
	CHECK(refused("\\q"));
	CHECK(refused("\\x4"));
	CHECK(refused("\\x4g"));
	CHECK(refused("\\="));
}

static void
escape_tells_text_from_bytes(void)
{
	CHECK(escape_needless("a\tb\n\xc3\xa4\\", 7));
	CHECK(escape_needless("", 0));
	CHECK(!escape_needless("a\0", 2));
	CHECK(!escape_needless("\xe4", 1));
}

int
main(void)
{
	RUN(escape_leaves_text_as_it_is);
	RUN(escape_writes_what_would_end_a_column_or_a_line);
	RUN(escape_writes_control_characters_and_bytes_that_are_no_utf8);
	RUN(escape_gives_back_any_bytes);
	RUN(escape_reads_what_people_write);
	RUN(escape_refuses_a_backslash_that_means_nothing);
	RUN(escape_tells_text_from_bytes);
	DONE();
}
