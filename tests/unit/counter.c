/*
 * counter: ranges as people write them, and every number once.
 */
#include "counter.h"
#include "tap.h"

static struct counter	c;
static char		text[4096];

/* All that is left, a piece of at most len bytes at a time. */
static const char *
drain(size_t len, size_t most)
{
	size_t used, n, lines, i;
	char *to = text;

	while ((used = counter_fill(&c, to, len, most, &n)) > 0) {
		CHECK(used <= len && n <= most);
		for (lines = i = 0; i < used; i++)
			lines += to[i] == '\n';
		CHECK(lines == n);
		to += used;
	}
	*to = '\0';
	return (text);
}

static void
both_ends_are_in_the_range(void)
{
	CHECK(counter_parse(&c, "0..9") == NULL);
	CHECK(strcmp(drain(1000, 1000), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n") == 0);
	CHECK(counter_done(&c));
	CHECK(counter_parse(&c, "5..5") == NULL);
	CHECK(strcmp(drain(1000, 1000), "5\n") == 0);
}

static void
small_rooms_and_small_portions_lose_nothing(void)
{
	CHECK(counter_parse(&c, "8..12") == NULL);
	CHECK(strcmp(drain(COUNTER_LINE, 100), "8\n9\n10\n11\n12\n") == 0);
	CHECK(counter_parse(&c, "8..12") == NULL);
	CHECK(strcmp(drain(1000, 2), "8\n9\n10\n11\n12\n") == 0);
}

static void
the_greatest_number_ends_the_open_range(void)
{
	CHECK(counter_parse(&c, "9223372036854775806..") == NULL);
	CHECK(strcmp(drain(1000, 1000), "9223372036854775806\n9223372036854775807\n") == 0);
	CHECK(counter_done(&c));
}

static void
subtasks_share_the_numbers(void)
{
	CHECK(counter_parse(&c, "10..15") == NULL);
	counter_share(&c, 1, 4);
	CHECK(strcmp(drain(1000, 1000), "11\n15\n") == 0);
	CHECK(counter_parse(&c, "10..15") == NULL);
	counter_share(&c, 3, 4);
	CHECK(strcmp(drain(1000, 1000), "13\n") == 0);
	CHECK(counter_parse(&c, "10..11") == NULL);
	counter_share(&c, 2, 4);
	CHECK(strcmp(drain(1000, 1000), "") == 0);
}

static void
a_counter_goes_on_behind_what_was_written(void)
{
	uint64_t next, bytes, records;

	CHECK(counter_parse(&c, "8..20") == NULL);
	counter_share(&c, 1, 3);
	CHECK(strncmp(drain(COUNTER_LINE, 1), "9\n12\n15\n18\n", 11) == 0);
	next = c.next;
	bytes = c.bytes;
	records = c.records;
	CHECK(next == 21 && bytes == 11 && records == 4);
	/* a longer range holds it, and so does an open one */
	CHECK(counter_parse(&c, "8..25") == NULL);
	counter_share(&c, 1, 3);
	CHECK(counter_resume(&c, next, bytes, records) == 0);
	CHECK(strcmp(drain(1000, 1000), "21\n24\n") == 0);
	CHECK(c.bytes == 17 && c.records == 6);
	/* another subtask's number, one before the range, and the end */
	CHECK(counter_parse(&c, "8..25") == NULL);
	CHECK(counter_resume(&c, 7, 0, 0) == -1);
	counter_share(&c, 0, 3);
	CHECK(counter_resume(&c, next, bytes, records) == -1);
	CHECK(counter_resume(&c, 26, bytes, records) == 0);
	CHECK(counter_done(&c) && strcmp(drain(1000, 1000), "") == 0);
}

static void
what_is_no_range_is_refused(void)
{
	static const char *const wrong[] = {
		"", "..", "5", "..5", "a..b", "1..b", "-1..5", "1...5", "1..5x", " 1..5",
		"+1..5", "1..-5", "1.5..2", "9223372036854775808..", "0..99999999999999999999"
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(counter_parse(&c, wrong[i]) != NULL);
	CHECK(strcmp(counter_parse(&c, "9..0"), "ends before it begins") == 0);
}

int
main(void)
{
	RUN(both_ends_are_in_the_range);
	RUN(small_rooms_and_small_portions_lose_nothing);
	RUN(the_greatest_number_ends_the_open_range);
	RUN(subtasks_share_the_numbers);
	RUN(a_counter_goes_on_behind_what_was_written);
	RUN(what_is_no_range_is_refused);
	DONE();
}
