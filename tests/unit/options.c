/*
 * options: sizes and durations, as they are written on a command line.
 */
#include <inttypes.h>

#include "run.h"
#include "tap.h"

static void
size_is(const char *s, uint64_t expected)
{
	uint64_t	 n = 42;
	const char	*why = size_parse(s, &n);

	if (why != NULL || n != expected)
		printf("# size %s: %s, %" PRIu64 "\n", s, why != NULL ? why : "taken", n);
	CHECK(why == NULL && n == expected);
}

static void
size_says(const char *s, const char *expected)
{
	uint64_t	 n = 42;
	const char	*why = size_parse(s, &n);

	if (why == NULL || strcmp(why, expected) != 0)
		printf("# size \"%s\": %s\n", s, why != NULL ? why : "taken");
	CHECK(why != NULL && strcmp(why, expected) == 0);
	CHECK(n == 42);
}

static void
duration_is(const char *s, uint64_t expected)
{
	uint64_t	 ms = 42;
	const char	*why = duration_parse(s, &ms);

	if (why != NULL || ms != expected)
		printf("# duration %s: %s, %" PRIu64 "\n", s, why != NULL ? why : "taken", ms);
	CHECK(why == NULL && ms == expected);
}

static void
duration_says(const char *s, const char *expected)
{
	uint64_t	 ms = 42;
	const char	*why = duration_parse(s, &ms);

	if (why == NULL || strcmp(why, expected) != 0)
		printf("# duration \"%s\": %s\n", s, why != NULL ? why : "taken");
	CHECK(why != NULL && strcmp(why, expected) == 0);
	CHECK(ms == 42);
}

static void
sizes_are_powers_of_1024(void)
{
	size_is("0", 0);
	size_is("4096", 4096);
	size_is("1k", 1024);
	size_is("1K", 1024);
	size_is("64m", 64U << 20);
	size_is("64M", 64U << 20);
	size_is("1g", 1U << 30);
	size_is("3G", 3ULL << 30);
	size_is("007k", 7168);
}

static void
sizes_go_up_to_64_bits_and_not_beyond(void)
{
	size_is("18446744073709551615", UINT64_MAX);
	size_is("17179869183G", UINT64_C(17179869183) << 30);
	size_says("17179869184G", "is too large");
	size_says("18014398509481984k", "is too large");
	size_says("18446744073709551616", "is no size; write 4096, 64k, 64M or 1G");
	size_says("99999999999999999999999999k", "is no size; write 4096, 64k, 64M or 1G");
}

static void
what_is_no_size_is_refused(void)
{
	static const char *const	none[] = { "", "k", "M", "-1", "+1", " 1", "\t1", "x", ".5k" };
	static const char *const	odd[] = { "1x", "1kk", "1 k", "1kB", "1.5M", "1T", "0x10", "1," };
	size_t				i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		size_says(none[i], "is no size; write 4096, 64k, 64M or 1G");
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		size_says(odd[i], "has no unit that I know: k, M or G");
}

static void
durations_are_milliseconds(void)
{
	duration_is("0ms", 0);
	duration_is("250ms", 250);
	duration_is("1s", 1000);
	duration_is("2m", 120000);
	duration_is("1h", 3600000);
	duration_is("3d", 259200000);
	duration_is("0s", 0);
}

static void
durations_without_a_unit_are_asked_for_it(void)
{
	duration_says("1000", "which unit? 1000ms or 1000s");
	duration_says("0", "which unit? 0ms or 0s");
}

static void
what_is_no_duration_is_refused(void)
{
	static const char *const	none[] = { "", "ms", "s", "-1s", "+1s", " 1s", "x", ".5s" };
	static const char *const	odd[] = { "1x", "1S", "1 s", "1sec", "1.5s", "1mss", "1w", "0x1s" };
	size_t				i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		duration_says(none[i], "is no duration; write 250ms, 1s, 2m or 1h");
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		duration_says(odd[i], "has no unit that I know: ms, s, m, h or d");
}

static void
a_fortnight_may_be_written_in_any_unit(void)
{
	duration_is("14d", 1209600000);
	duration_is("336h", 1209600000);
	duration_is("20160m", 1209600000);
	duration_is("1209600s", 1209600000);
	duration_is("1209600000ms", 1209600000);
}

static void
durations_that_overflow_are_refused(void)
{
	uint64_t ms = 42;

	CHECK(duration_parse("18446744073709551615d", &ms) != NULL && ms == 42);
	CHECK(duration_parse("18446744073709551616ms", &ms) != NULL && ms == 42);
	CHECK(duration_parse("213503982335d", &ms) != NULL && ms == 42);
	CHECK(duration_parse("18446744073709552s", &ms) != NULL && ms == 42);
}

static void
a_long_word_is_answered_in_one_line(void)
{
	char		 digits[400];
	const char	*why;
	uint64_t	 n;

	memset(digits, '0', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	why = duration_parse(digits, &n);
	CHECK(why != NULL && strlen(why) < 200 && strchr(why, '\n') == NULL);
}

static const char *table;

static const char *
table_set(const char *arg)
{
	table = arg == NULL ? "none" : arg;
	return (NULL);
}

/* Parse a command line; its first operand is *operand. */
static int
command_line(struct weir *w, const char **operand, const char *a, const char *b, const char *c)
{
	static const struct weir_option rows[] = {
		{ .name = "table", .arg = "[=FIELD]", .type = WEIR_CALL, .set = table_set },
		{ .name = NULL }
	};
	static const struct weir_stage stage = { .name = "stage", .options = rows };
	static char	 words[16][4][16];	/* getopt remembers where it was */
	static unsigned	 next;
	char		(*word)[16] = words[next++ % 16];
	char		*argv[] = { word[0], word[1], word[2], word[3], NULL };
	int		 first = 0, done;

	snprintf(word[0], sizeof(word[0]), "stage");
	snprintf(word[1], sizeof(word[1]), "%s", a);
	snprintf(word[2], sizeof(word[2]), "%s", b);
	snprintf(word[3], sizeof(word[3]), "%s", c);
	memset(w, 0, sizeof(*w));
	w->stage = &stage;
	done = options_parse(w, 4, argv, &first);
	*operand = done == 0 ? argv[first] : NULL;
	return (done);
}

static void
two_dashes_before_operands_start_a_command(void)
{
	struct weir	 w;
	const char	*operand;

	CHECK(command_line(&w, &operand, "-v", "--", "psql") == 0 && weir_command(&w) == 1);
	CHECK(strcmp(operand, "psql") == 0);
	CHECK(command_line(&w, &operand, "--", "--", "psql") == 0 && weir_command(&w) == 1);
	CHECK(strcmp(operand, "--") == 0);
}

static void
two_dashes_elsewhere_do_not(void)
{
	struct weir	 w;
	const char	*operand;

	CHECK(command_line(&w, &operand, "-n", "--", "psql") == 0 && weir_command(&w) == 0);
	CHECK(command_line(&w, &operand, "-v", "file", "--") == -1);
	CHECK(command_line(&w, &operand, "-v", "file", "-") == 0 && weir_command(&w) == 0);
}

static void
an_argument_may_be_left_out(void)
{
	struct weir	 w;
	const char	*operand;

	table = NULL;
	CHECK(command_line(&w, &operand, "--table", "file", "-") == 0);
	CHECK(table != NULL && strcmp(table, "none") == 0 && strcmp(operand, "file") == 0);
	CHECK(command_line(&w, &operand, "--table=2", "file", "-") == 0);
	CHECK(table != NULL && strcmp(table, "2") == 0 && strcmp(operand, "file") == 0);
}

int
main(void)
{
	RUN(sizes_are_powers_of_1024);
	RUN(sizes_go_up_to_64_bits_and_not_beyond);
	RUN(what_is_no_size_is_refused);
	RUN(durations_are_milliseconds);
	RUN(durations_without_a_unit_are_asked_for_it);
	RUN(what_is_no_duration_is_refused);
	RUN(a_fortnight_may_be_written_in_any_unit);
	RUN(durations_that_overflow_are_refused);
	RUN(a_long_word_is_answered_in_one_line);
	RUN(two_dashes_before_operands_start_a_command);
	RUN(two_dashes_elsewhere_do_not);
	RUN(an_argument_may_be_left_out);
	DONE();
}
