/*
 * lines: counted, found from behind, and cut where they are too long.
 */
#include <stdint.h>

#include "lines.h"
#include "tap.h"

#define EVERY	SIZE_MAX

static size_t	whole_n;

static size_t
whole(const char *text, size_t max, size_t most)
{
	return (lines_whole(text, strlen(text), max, most, &whole_n));
}

static void
count_is_that_of_a_simple_loop(void)
{
	static char buf[3 * 2048 + 777];
	size_t from, len, i, n;
	uint32_t seed = 1;

	for (i = 0; i < sizeof(buf); i++) {
		seed = seed * 1664525 + 1013904223;
		buf[i] = seed >> 28 == 0 ? '\n' : (char)(seed >> 16);
	}
	for (from = 0; from < 70; from += 7)
		for (len = 0; len <= sizeof(buf) - from; len += 97) {
			for (n = i = 0; i < len; i++)
				n += buf[from + i] == '\n';
			CHECK(lines_count(buf + from, len) == n);
		}
	CHECK(lines_count(buf, sizeof(buf)) > 300);
}

static void
count_of_nothing_but_newlines_does_not_overflow(void)
{
	static char buf[100000];

	memset(buf, '\n', sizeof(buf));
	CHECK(lines_count(buf, sizeof(buf)) == sizeof(buf));
	CHECK(lines_count(buf, 0) == 0);
}

static void
last_is_found_at_every_distance(void)
{
	static char buf[5000];
	size_t at;

	memset(buf, 'x', sizeof(buf));
	CHECK(lines_last(buf, sizeof(buf)) == 0);
	for (at = 0; at < sizeof(buf); at++) {
		buf[at] = '\n';
		CHECK(lines_last(buf, sizeof(buf)) == at + 1);
		CHECK(lines_last(buf, at) == 0);
		buf[at] = 'x';
	}
	CHECK(lines_last(buf, 0) == 0);
}

static void
whole_leaves_the_unfinished_line(void)
{
	CHECK(whole("a\nbb\nccc", 100, EVERY) == 5 && whole_n == 2);
	CHECK(whole("a\nbb\nccc\n", 100, EVERY) == 9 && whole_n == 3);
	CHECK(whole("abc", 100, EVERY) == 0 && whole_n == 0);
	CHECK(whole("", 100, EVERY) == 0 && whole_n == 0);
	CHECK(whole("\n\n", 100, EVERY) == 2 && whole_n == 2);
}

static void
whole_takes_nul_bytes(void)
{
	CHECK(lines_whole("a\0b\n\0\n\0", 7, 100, EVERY, &whole_n) == 6 && whole_n == 2);
}

static void
whole_stops_before_a_line_that_is_too_long(void)
{
	CHECK(whole("a\nbb\nccc\nd\n", 2, EVERY) == 5 && whole_n == 2);
	CHECK(whole("ccc\nd\n", 2, EVERY) == 0 && whole_n == 0);
	CHECK(whole("a\nbb\nccc", 2, EVERY) == 5 && whole_n == 2);
	CHECK(whole("a\nbb\ncc", 2, EVERY) == 5 && whole_n == 2);
}

static void
whole_takes_a_line_of_exactly_the_limit(void)
{
	CHECK(whole("ccc\n", 3, EVERY) == 4 && whole_n == 1);
	CHECK(whole("ccc\nccc\nccc\nccc", 3, EVERY) == 12 && whole_n == 3);
	CHECK(whole("a\n\nccc\n\n\nbb\n", 3, EVERY) == 12 && whole_n == 6);
	CHECK(whole("cccc\n", 3, EVERY) == 0);
}

static void
whole_agrees_with_a_simple_loop(void)
{
	char buf[64];
	size_t len, max, most, i, start, n, end;
	uint32_t seed = 7;
	int round;

	for (round = 0; round < 20000; round++) {
		seed = seed * 1664525 + 1013904223;
		len = (seed >> 8) % sizeof(buf);
		max = (seed >> 16) % 12;
		most = (seed >> 24) % 8;
		for (i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			buf[i] = seed >> 30 == 0 ? '\n' : 'x';
		}
		for (start = n = end = i = 0; i < len && n < most && i - start <= max; i++)
			if (buf[i] == '\n') {
				n++;
				end = start = i + 1;
			}
		CHECK(lines_whole(buf, len, max, most, &whole_n) == end);
		CHECK(whole_n == n);
	}
}

static void
whole_takes_no_more_than_asked(void)
{
	CHECK(whole("a\nbb\nccc\n", 100, 2) == 5 && whole_n == 2);
	CHECK(whole("a\nbb\nccc\n", 100, 3) == 9 && whole_n == 3);
	CHECK(whole("a\nbb\nccc\n", 100, 4) == 9 && whole_n == 3);
}

int
main(void)
{
	RUN(count_is_that_of_a_simple_loop);
	RUN(count_of_nothing_but_newlines_does_not_overflow);
	RUN(last_is_found_at_every_distance);
	RUN(whole_leaves_the_unfinished_line);
	RUN(whole_takes_nul_bytes);
	RUN(whole_stops_before_a_line_that_is_too_long);
	RUN(whole_takes_a_line_of_exactly_the_limit);
	RUN(whole_agrees_with_a_simple_loop);
	RUN(whole_takes_no_more_than_asked);
	DONE();
}
