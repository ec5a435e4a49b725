/*
 * pattern: which part of a record an expression finds, whatever bytes are there.
 */
#include <string.h>

#include "pattern.h"
#include "tap.h"

/* Does the expression find want in the len bytes at record?  NULL: nothing. */
static int
finds(const char *expression, const char *record, size_t len, const char *want, size_t wantlen)
{
	struct fields_slice	 slice = { NULL, 0 };
	struct pattern		*p;
	char			 why[FIELDS_WHY];
	int			 found;

	if ((p = pattern_new(expression, why)) == NULL) {
		printf("# %s: %s\n", expression, why);
		return (0);
	}
	found = pattern_find(p, record, len, &slice);
	pattern_free(p);
	if (want == NULL)
		return (found == 0);
	return (found == 1 && slice.at >= record && slice.len == wantlen &&
	    slice.at + slice.len <= record + len && memcmp(slice.at, want, wantlen) == 0);
}

#define FINDS(e, r, w)	finds(e, r, sizeof(r) - 1, w, sizeof(w) - 1)
#define NOTHING(e, r)	finds(e, r, sizeof(r) - 1, NULL, 0)

static void
pattern_without_group_is_the_match(void)
{
	CHECK(FINDS("[0-9]+", "a12b345", "12"));
	CHECK(FINDS("a|ab|abc", "xabcd", "abc"));
	CHECK(FINDS("x*", "abc", ""));
	CHECK(NOTHING("[0-9]", "abc"));
}

static void
pattern_with_groups_is_the_first(void)
{
	CHECK(FINDS("id=([a-z]*);n=([0-9]+)", "..id=ann;n=7", "ann"));
	CHECK(FINDS("id=([a-z]*)", "id=", ""));
	CHECK(FINDS("(a(b))c", "abc", "ab"));
}

static void
pattern_group_that_took_no_part_is_nothing(void)
{
	CHECK(NOTHING("(a)|b", "b"));
	CHECK(FINDS("(a)|b", "ba", "") == 0);
	CHECK(FINDS("(a)?b", "ab", "a"));
}

static void
pattern_ends_with_the_record(void)
{
	CHECK(finds("c$", "abcd", 3, "c", 1));
	CHECK(finds("d", "abcd", 3, NULL, 0));
	CHECK(finds("^$", "abcd", 0, "", 0));
}

static void
pattern_any_byte_in_the_record(void)
{
	CHECK(FINDS("[0-9]+", "a\0b\0c12", "12"));
	CHECK(FINDS("b([^;]*);", "a\0b\0c;", "\0c"));
	CHECK(FINDS("[^a]+", "a\377\376a", "\377\376"));
}

static void
pattern_refuses_what_is_no_expression(void)
{
	char why[FIELDS_WHY] = "";

	CHECK(pattern_new("(a", why) == NULL && why[0] != '\0');
	CHECK(pattern_new("[z-a]", why) == NULL);
}

int
main(void)
{
	RUN(pattern_without_group_is_the_match);
	RUN(pattern_with_groups_is_the_first);
	RUN(pattern_group_that_took_no_part_is_nothing);
	RUN(pattern_ends_with_the_record);
	RUN(pattern_any_byte_in_the_record);
	RUN(pattern_refuses_what_is_no_expression);
	DONE();
}
