/*
 * fields: where fields lie in a record, byte for byte; how a field is named; and
 * the sentences about both.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"
#include "tap.h"

static struct fields
split_by(int separator)
{
	struct fields	 f;

	fields_begin(&f, separator, NULL, 0);
	return (f);
}

/* Is field n of the record what is expected?  NULL: there is none. */
static int
found(int separator, const char *record, size_t len, uint32_t n, const char *expected,
    size_t expectedlen)
{
	struct fields		 f = split_by(separator);
	struct fields_cursor	 c;
	struct fields_slice	 slice;

	fields_start(&c, record, len);
	if (!fields_find(&f, &c, n, &slice))
		return (expected == NULL);
	return (expected != NULL && slice.len == expectedlen && slice.at >= record &&
	    slice.at + slice.len <= record + len &&
	    memcmp(slice.at, expected, expectedlen) == 0);
}

static int
is(int separator, const char *record, uint32_t n, const char *expected)
{
	return (found(separator, record, strlen(record), n, expected,
	    expected == NULL ? 0 : strlen(expected)));
}

static void
field_zero_is_the_record(void)
{
	CHECK(is('\t', "a\tb", 0, "a\tb"));
	CHECK(is('\t', "", 0, ""));
	CHECK(is(WEIR_BLANKS, "  a b ", 0, "  a b "));
}

static void
fields_count_from_one(void)
{
	CHECK(is('\t', "a\tbc\td", 1, "a"));
	CHECK(is('\t', "a\tbc\td", 2, "bc"));
	CHECK(is('\t', "a\tbc\td", 3, "d"));
	CHECK(is('\t', "a\tbc\td", 4, NULL));
	CHECK(is('\t', "a\tbc\td", UINT32_MAX, NULL));
	CHECK(is(',', "a\tb,c", 1, "a\tb"));
	CHECK(is(',', "a\tb,c", 2, "c"));
}

static void
empty_fields_are_fields(void)
{
	CHECK(is('\t', "", 1, ""));
	CHECK(is('\t', "", 2, NULL));
	CHECK(is('\t', "\t", 1, ""));
	CHECK(is('\t', "\t", 2, ""));
	CHECK(is('\t', "\t", 3, NULL));
	CHECK(is('\t', "a\t\tb", 2, ""));
	CHECK(is('\t', "a\t\tb", 3, "b"));
	CHECK(is('\t', "a\t", 2, ""));
}

static void
any_byte_may_stand_in_a_field(void)
{
	CHECK(found('\t', "a\0b\tc\0", 6, 1, "a\0b", 3));
	CHECK(found('\t', "a\0b\tc\0", 6, 2, "c\0", 2));
	CHECK(found(0, "a\0b", 3, 2, "b", 1));
	CHECK(found(0xff, "a\xff" "b", 3, 2, "b", 1));
	CHECK(found(WEIR_BLANKS, "\0 \0\0", 4, 2, "\0\0", 2));
	CHECK(found(WEIR_BLANKS, "\0 \0\0", 4, 1, "\0", 1));
}

static void
bytes_behind_the_record_are_not_read(void)
{
	CHECK(found('\t', "ab\tc", 2, 1, "ab", 2));
	CHECK(found('\t', "ab\tc", 2, 2, NULL, 0));
	CHECK(found('\t', "ab\tc", 3, 2, "", 0));
	CHECK(found(WEIR_BLANKS, "ab cd", 4, 2, "c", 1));
	CHECK(found(WEIR_BLANKS, "ab c", 3, 2, NULL, 0));
}

static void
carriage_return_stays(void)
{
	CHECK(is('\t', "a\tb\r", 2, "b\r"));
	CHECK(is('\t', "a\tb\r", 1, "a"));
	CHECK(is(WEIR_BLANKS, "a b\r", 2, "b\r"));
}

static void
blanks_split_as_awk_does(void)
{
	CHECK(is(WEIR_BLANKS, "a b", 1, "a"));
	CHECK(is(WEIR_BLANKS, "a b", 2, "b"));
	CHECK(is(WEIR_BLANKS, "a \t  b", 2, "b"));
	CHECK(is(WEIR_BLANKS, " \t a b", 1, "a"));
	CHECK(is(WEIR_BLANKS, "a b  ", 2, "b"));
	CHECK(is(WEIR_BLANKS, "a b  ", 3, NULL));
	CHECK(is(WEIR_BLANKS, "a", 1, "a"));
	CHECK(is(WEIR_BLANKS, "", 1, NULL));
	CHECK(is(WEIR_BLANKS, " \t ", 1, NULL));
	CHECK(is(WEIR_BLANKS, "a\rb\vc d", 1, "a\rb\vc"));
}

static void
cursor_goes_in_any_order(void)
{
	static const uint32_t	 order[] = { 2, 2, 3, 1, 0, 3, 4, 1, 9, 9, 2, 3 };
	static const char *const record[] = { "x\tyy\tzzz", " x  yy \t zzz " };
	struct fields		 f;
	struct fields_cursor	 c;
	struct fields_slice	 slice;
	size_t			 i, mode;
	int			 there;

	for (mode = 0; mode < 2; mode++) {
		f = split_by(mode == 0 ? '\t' : WEIR_BLANKS);
		fields_start(&c, record[mode], strlen(record[mode]));
		for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			there = fields_find(&f, &c, order[i], &slice);
			CHECK(there == (order[i] <= 3));
			if (there)
				CHECK(slice.len == (order[i] == 0 ? strlen(record[mode]) :
				    order[i]));
		}
	}
}

static void
list_by_number_and_name(void)
{
	struct field	 field;
	char		 why[FIELDS_WHY];

	CHECK(fields_parse(&field, "0", 1, why) == 0 && !field.by_name && field.number == 0);
	CHECK(fields_parse(&field, "17,3", 2, why) == 0 && !field.by_name &&
	    field.number == 17);
	CHECK(fields_parse(&field, "4294967294", 10, why) == 0 &&
	    field.number == UINT32_MAX - 1);
	CHECK(fields_parse(&field, "id", 2, why) == 0 && field.by_name);
	CHECK(fields_parse(&field, "1st", 3, why) == 0 && field.by_name);
	CHECK(fields_parse(&field, "-1", 2, why) == 0 && field.by_name);
}

static void
field_that_cannot_be_is_refused(void)
{
	struct field	 field;
	char		 why[FIELDS_WHY];

	CHECK(fields_parse(&field, "", 0, why) == -1);
	CHECK(strcmp(why, "a field is missing: 1, 2, ..., 0 for the whole record, "
	    "or a column's name") == 0);
	CHECK(fields_parse(&field, "4294967295", 10, why) == -1);
	CHECK(fields_parse(&field, "99999999999999999999999999", 26, why) == -1);
	CHECK(strcmp(why, "no record has a field 99999999999999999999999999") == 0);
}

/* Resolve name in header: the number, or -1 and why. */
static long
resolve(int separator, const char *header, const char *name, char *why)
{
	struct fields	 f;
	struct field	 field;

	fields_begin(&f, separator, header, header == NULL ? 0 : strlen(header));
	*why = '\0';
	if (fields_parse(&field, name, strlen(name), why) == -1 ||
	    fields_resolve(&field, &f, why) == -1)
		return (-1);
	return ((long)field.number);
}

static void
column_is_found_by_name(void)
{
	char	 why[FIELDS_WHY];

	CHECK(resolve('\t', "id\tamount\tnote", "id", why) == 1);
	CHECK(resolve('\t', "id\tamount\tnote", "note", why) == 3);
	CHECK(resolve(',', "id,amount\tx,note", "amount\tx", why) == 2);
	CHECK(resolve(WEIR_BLANKS, "  id   amount", "amount", why) == 2);
	/* a number is a number, whatever the columns are called */
	CHECK(resolve('\t', "2\t1", "1", why) == 1);
	CHECK(resolve('\t', NULL, "7", why) == 7);
}

static void
column_that_is_not_there_names_the_others(void)
{
	char	 why[FIELDS_WHY];

	CHECK(resolve('\t', "id\tamount", "amuont", why) == -1);
	CHECK(strcmp(why, "no column \"amuont\"; the header has: id amount") == 0);
	CHECK(resolve('\t', "id\tamount", "amoun", why) == -1);
	CHECK(resolve('\t', "id\tamount", "amounts", why) == -1);
	CHECK(resolve('\t', "id\tamount\r", "amount", why) == -1);
	CHECK(strcmp(why, "no column \"amount\"; the header has: id amount\\r "
	    "(with a carriage return: tr -d '\\r')") == 0);
	CHECK(resolve('\t', NULL, "amount", why) == -1);
	CHECK(strcmp(why, "no column \"amount\": there is no header; source -H") == 0);
	CHECK(resolve('\t', "x\tid\tx", "x", why) == -1);
	CHECK(strcmp(why, "two columns are called \"x\", 1 and 3; say which by its number") ==
	    0);
}

static void
long_header_is_cut_in_the_sentence(void)
{
	char	 header[5000], why[FIELDS_WHY];
	size_t	 i, len;

	for (len = 1; len < 400; len++) {
		for (i = 0; i < sizeof(header) - 1; i++)
			header[i] = i % (len + 1) == len ? '\t' : 'c';
		header[i] = '\0';
		CHECK(resolve('\t', header, "x", why) == -1);
		CHECK(strlen(why) < FIELDS_WHY && strcmp(why + strlen(why) - 3, "...") == 0);
	}
}

/* What is said of the field missing in the record. */
static int
says_missing(int separator, const char *name, const char *record, const char *expected)
{
	struct fields	 f = split_by(separator);
	struct field	 field;
	char		 why[FIELDS_WHY];

	if (fields_parse(&field, name, strlen(name), why) == -1)
		return (0);
	fields_missing(&f, &field, record, strlen(record), "-s to drop such records", why);
	if (strcmp(why, expected) != 0)
		printf("# %s\n", why);
	return (strcmp(why, expected) == 0);
}

static void
missing_field_says_how_many_there_are(void)
{
	CHECK(says_missing('\t', "7", "a b c", "no field 7, only 1 (separator TAB); "
	    "try -W for blanks, -t C, or -s to drop such records"));
	CHECK(says_missing(',', "7", "a,b,", "no field 7, only 3 (separator ','); "
	    "try -W for blanks, -t C, or -s to drop such records"));
	CHECK(says_missing(WEIR_BLANKS, "7", " a b c ", "no field 7, only 3 (separator "
	    "blanks); try -t C, or -s to drop such records"));
	CHECK(says_missing(WEIR_BLANKS, "1", "", "no field 1, only 0 (separator blanks); "
	    "try -t C, or -s to drop such records"));
	CHECK(says_missing(1, "2", "a", "no field 2, only 1 (separator '\\001'); "
	    "try -W for blanks, -t C, or -s to drop such records"));
}

static void
missing_field_says_its_name(void)
{
	struct fields	 f;
	struct field	 field;
	char		 why[FIELDS_WHY];

	fields_begin(&f, '\t', "id\tamount", 9);
	CHECK(fields_parse(&field, "amount", 6, why) == 0);
	CHECK(fields_resolve(&field, &f, why) == 0);
	fields_missing(&f, &field, "a", 1, "-s", why);
	CHECK(strncmp(why, "no field 2 (amount), only 1 ", 28) == 0);
}

static int
doubts(int separator, uint32_t n, const char *record, char *why)
{
	struct fields	 f = split_by(separator);
	struct field	 field = { .number = n };

	*why = '\0';
	return (fields_doubt(&f, &field, record, strlen(record), why));
}

static void
record_without_separator_is_doubted(void)
{
	char	 why[FIELDS_WHY];

	CHECK(doubts('\t', 1, "a,b,c", why) == 1);
	CHECK(strcmp(why, "the first record holds no separator (TAB); try -W for blanks, "
	    "or -t C") == 0);
	CHECK(doubts(WEIR_BLANKS, 1, "a,b,c", why) == 1);
	CHECK(strcmp(why, "the first record holds no separator (blanks); try -t C") == 0);
	CHECK(doubts('\t', 0, "a,b,c", why) == 0);
	CHECK(doubts('\t', 1, "a\tb", why) == 0);
	CHECK(doubts('\t', 1, "a\t", why) == 0);
	CHECK(doubts(WEIR_BLANKS, 2, "a b", why) == 0);
}

static void
carriage_return_in_the_field_is_doubted(void)
{
	char	 why[FIELDS_WHY];

	CHECK(doubts('\t', 2, "a\tb\r", why) == 1);
	CHECK(strcmp(why, "the first record's field 2 ends in a carriage return, which stays "
	    "part of it; tr -d '\\r' in front of source takes it away") == 0);
	CHECK(doubts('\t', 1, "a\tb\r", why) == 0);
	CHECK(doubts('\t', 0, "a\tb\r", why) == 1);
	CHECK(strncmp(why, "the first record's text ends in a carriage return", 49) == 0);
	CHECK(doubts('\t', 1, "a\r\tb", why) == 0);
	CHECK(doubts('\t', 0, "a\tb", why) == 0);
}

static int
quotes(const char *text, size_t len, size_t size, const char *expected)
{
	char	 to[100];

	memset(to, '#', sizeof(to));
	fields_quote(to, size, text, len);
	if (strcmp(to, expected) != 0)
		printf("# %s, not %s\n", to, expected);
	return (strcmp(to, expected) == 0 && to[size] == '#');
}

static void
quote_shows_every_byte(void)
{
	CHECK(quotes("plain text", 10, 40, "plain text"));
	CHECK(quotes("", 0, 8, ""));
	CHECK(quotes("a\tb\r", 4, 40, "a\\tb\\r"));
	CHECK(quotes("\"\\", 2, 40, "\\\"\\\\"));
	CHECK(quotes("\0\033[31m\177", 7, 40, "\\000\\033[31m\\177"));
	CHECK(quotes("caf\xc3\xa9 \xe2\x82\xac", 9, 40, "caf\xc3\xa9 \xe2\x82\xac"));
	CHECK(quotes("\xf0\x9f\x90\x9f", 4, 40, "\xf0\x9f\x90\x9f"));
	/* broken, cut short, and control characters beyond ASCII */
	CHECK(quotes("\xff\xc3", 2, 40, "\\377\\303"));
	CHECK(quotes("\xe2\x82", 2, 40, "\\342\\202"));
	CHECK(quotes("\xc2\x9b", 2, 40, "\\302\\233"));
	CHECK(quotes("\xc0\xaf", 2, 40, "\\300\\257"));
}

static void
quote_is_cut_where_it_does_not_fit(void)
{
	CHECK(quotes("1234567", 7, 8, "1234567"));
	CHECK(quotes("12345678", 8, 8, "1234..."));
	CHECK(quotes("123456\xff", 7, 8, "1234..."));
	CHECK(quotes("\xff\xff", 2, 8, "\\377..."));
	CHECK(quotes("\xff\xff", 2, 9, "\\377\\377"));
	CHECK(quotes("ab\xe2\x82\xac\xe2\x82\xac", 8, 8, "ab..."));
	CHECK(quotes("ab\xe2\x82\xac\xe2\x82\xac", 8, 9, "ab\xe2\x82\xac\xe2\x82\xac"));
}

static void
stream_separator_is_the_default(void)
{
	struct fields	 f;

	CHECK(!fields_own());
	fields_begin(&f, '|', "a|b", 3);
	CHECK(f.separator == '|' && f.joint == '|' && f.headerlen == 3);
	fields_begin(&f, WEIR_BLANKS, NULL, 0);
	CHECK(f.separator == WEIR_BLANKS && f.joint == '\t' && f.header == NULL);
	fields_begin(&f, -1, NULL, 0);
	CHECK(f.separator == '\t' && f.joint == '\t');
}

static void
separator_is_one_byte(void)
{
	CHECK(fields_set_separator("") != NULL);
	CHECK(fields_set_separator(",,") != NULL);
	CHECK(fields_set_separator("\\n") != NULL);
	CHECK(fields_set_separator("\xc3\xa9") != NULL);
	CHECK(fields_set_separator("\n") != NULL);
	CHECK(!fields_own());
}

static void
own_separator_goes_before_the_stream(void)
{
	struct fields	 f;

	CHECK(fields_set_separator(",") == NULL);
	CHECK(fields_own() && fields_check() == NULL);
	fields_begin(&f, '|', NULL, 0);
	CHECK(f.separator == ',' && f.joint == ',');
	CHECK(fields_set_separator("\\t") == NULL);
	fields_begin(&f, '|', NULL, 0);
	CHECK(f.separator == '\t' && f.joint == '\t');
	CHECK(fields_set_separator("\xfe") == NULL);
	fields_begin(&f, '|', NULL, 0);
	CHECK(f.separator == 0xfe && f.joint == (char)0xfe);
}

/* The last one: an option cannot be taken back. */
static void
whitespace_and_separator_exclude_each_other(void)
{
	fields_whitespace = 1;
	CHECK(fields_own() && fields_check() != NULL);
}

int
main(void)
{
	RUN(field_zero_is_the_record);
	RUN(fields_count_from_one);
	RUN(empty_fields_are_fields);
	RUN(any_byte_may_stand_in_a_field);
	RUN(bytes_behind_the_record_are_not_read);
	RUN(carriage_return_stays);
	RUN(blanks_split_as_awk_does);
	RUN(cursor_goes_in_any_order);
	RUN(list_by_number_and_name);
	RUN(field_that_cannot_be_is_refused);
	RUN(column_is_found_by_name);
	RUN(column_that_is_not_there_names_the_others);
	RUN(long_header_is_cut_in_the_sentence);
	RUN(missing_field_says_how_many_there_are);
	RUN(missing_field_says_its_name);
	RUN(record_without_separator_is_doubted);
	RUN(carriage_return_in_the_field_is_doubted);
	RUN(quote_shows_every_byte);
	RUN(quote_is_cut_where_it_does_not_fit);
	RUN(stream_separator_is_the_default);
	RUN(separator_is_one_byte);
	RUN(own_separator_goes_before_the_stream);
	RUN(whitespace_and_separator_exclude_each_other);
	DONE();
}
