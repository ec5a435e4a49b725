/*
 * decimal: numbers are read, added, compared and printed without rounding, and
 * what cannot be kept is refused by its kind.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "tap.h"

static enum decimal_fault
parse(struct decimal *d, const char *text)
{
	return (decimal_parse(d, text, strlen(text)));
}

static struct decimal
number(const char *text)
{
	struct decimal	 d = { 0, 0 };

	if (parse(&d, text) != DECIMAL_GOOD) {
		printf("# not read: %s\n", text);
		tap_bad = 1;
	}
	return (d);
}

/* Is d printed as text?  What lies behind the end must stay as it was. */
static int
prints(const struct decimal *d, const char *text)
{
	char	 to[DECIMAL_TEXT + 1], *end;

	memset(to, '#', sizeof(to));
	end = decimal_print(to, d);
	if ((size_t)(end - to) == strlen(text) && memcmp(to, text, strlen(text)) == 0 &&
	    end - to <= DECIMAL_TEXT && *end == '#')
		return (1);
	printf("# %.*s, not %s\n", (int)(end - to), to, text);
	return (0);
}

static int
reads_as(const char *in, const char *out)
{
	struct decimal	 d = number(in);

	return (prints(&d, out));
}

static int
is(const char *text, enum decimal_fault fault)
{
	struct decimal	 d = { 42, 7 };

	if (parse(&d, text) != fault) {
		printf("# \"%s\": wrong fault\n", text);
		return (0);
	}
	return (d.whole == 42 && d.atto == 7);
}

/* a + b is sum, or NULL: does not fit, and a is as it was. */
static int
adds(const char *a, const char *b, const char *sum)
{
	struct decimal	 x = number(a), y = number(b), was = x;

	if (decimal_add(&x, &y) == -1)
		return (sum == NULL && x.whole == was.whole && x.atto == was.atto);
	return (sum != NULL && prints(&x, sum));
}

static void
decimal_integer_is_kept(void)
{
	CHECK(reads_as("0", "0"));
	CHECK(reads_as("7", "7"));
	CHECK(reads_as("10", "10"));
	CHECK(reads_as("99", "99"));
	CHECK(reads_as("-1", "-1"));
	CHECK(reads_as("1234567890123456789", "1234567890123456789"));
	CHECK(reads_as("9223372036854775807", "9223372036854775807"));
	CHECK(reads_as("-9223372036854775808", "-9223372036854775808"));
}

static void
decimal_sign_and_zeros_are_not_printed_again(void)
{
	CHECK(reads_as("+5", "5"));
	CHECK(reads_as("-0", "0"));
	CHECK(reads_as("-0.000", "0"));
	CHECK(reads_as("007", "7"));
	CHECK(reads_as("00000000000000000000000000000000000000000012", "12"));
	CHECK(reads_as("1.50", "1.5"));
	CHECK(reads_as("3.00", "3"));
	CHECK(reads_as("-00.10", "-0.1"));
}

static void
decimal_fraction_is_kept(void)
{
	CHECK(reads_as("0.1", "0.1"));
	CHECK(reads_as("-0.3", "-0.3"));
	CHECK(reads_as("-2.75", "-2.75"));
	CHECK(reads_as("1.05", "1.05"));
	CHECK(reads_as("0.000000000000000001", "0.000000000000000001"));
	CHECK(reads_as("-0.000000000000000001", "-0.000000000000000001"));
	CHECK(reads_as("-1.999999999999999999", "-1.999999999999999999"));
	CHECK(reads_as("9223372036854775807.999999999999999999",
	    "9223372036854775807.999999999999999999"));
	CHECK(reads_as("-9223372036854775807.999999999999999999",
	    "-9223372036854775807.999999999999999999"));
}

static void
decimal_other_text_is_no_number(void)
{
	static const char *const text[] = {
		"", "+", "-", ".", "-.", "+.", ".5", "5.", "-.5", "5.-", "--5", "+-5", "5-",
		" 5", "5 ", "5\r", "1,5", "1e3", "0x10", "amount", "1.2.3", "1..2", "inf",
		"nan", "5a", "5.a", "5.5a", "\xd9\xa1", "/", ":",
		"99999999999999999999x", "0.1234567890123456789x"
	};
	size_t	 i;

	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		CHECK(is(text[i], DECIMAL_NO_NUMBER));
}

static void
decimal_nul_is_no_digit(void)
{
	struct decimal	 d;

	CHECK(decimal_parse(&d, "1\0", 2) == DECIMAL_NO_NUMBER);
	CHECK(decimal_parse(&d, "\0", 1) == DECIMAL_NO_NUMBER);
	CHECK(decimal_parse(&d, "1.\0", 3) == DECIMAL_NO_NUMBER);
}

static void
decimal_reads_no_byte_behind_its_length(void)
{
	struct decimal	 d;

	CHECK(decimal_parse(&d, "123", 2) == DECIMAL_GOOD && d.whole == 12);
	CHECK(decimal_parse(&d, "1.5", 1) == DECIMAL_GOOD && prints(&d, "1"));
	CHECK(decimal_parse(&d, "1.5", 2) == DECIMAL_NO_NUMBER);
	CHECK(decimal_parse(&d, "1.57", 3) == DECIMAL_GOOD && prints(&d, "1.5"));
}

static void
decimal_eighteen_places_and_no_more(void)
{
	CHECK(reads_as("0.123456789012345678", "0.123456789012345678"));
	CHECK(is("0.1234567890123456789", DECIMAL_TOO_FINE));
	CHECK(is("0.1000000000000000000", DECIMAL_TOO_FINE));
	CHECK(is("0.00000000000000000000000000000000000000000", DECIMAL_TOO_FINE));
	CHECK(is("0.99999999999999999999999999999999999999999", DECIMAL_TOO_FINE));
}

static void
decimal_beyond_64_bits_is_too_large(void)
{
	CHECK(is("9223372036854775808", DECIMAL_TOO_LARGE));
	CHECK(is("-9223372036854775809", DECIMAL_TOO_LARGE));
	CHECK(is("-9223372036854775808.000000000000000001", DECIMAL_TOO_LARGE));
	CHECK(is("18446744073709551615", DECIMAL_TOO_LARGE));
	CHECK(is("18446744073709551615.5", DECIMAL_TOO_LARGE));
	CHECK(is("-18446744073709551615.5", DECIMAL_TOO_LARGE));
	CHECK(is("18446744073709551616", DECIMAL_TOO_LARGE));
	CHECK(is("18446744073709551617", DECIMAL_TOO_LARGE));
	CHECK(is("340282366920938463463374607431768211457", DECIMAL_TOO_LARGE));
}

static void
decimal_ten_times_a_tenth_is_one(void)
{
	struct decimal	 sum = { 0, 0 }, tenth = number("0.1");
	int		 i;

	for (i = 0; i < 10; i++)
		CHECK(decimal_add(&sum, &tenth) == 0);
	CHECK(prints(&sum, "1"));
	CHECK(adds("0.1", "0.2", "0.3"));
	CHECK(adds("1.50", "1.50", "3"));
}

static void
decimal_add_carries_over_zero(void)
{
	CHECK(adds("0.5", "-0.5", "0"));
	CHECK(adds("-0.5", "-0.5", "-1"));
	CHECK(adds("-0.3", "0.1", "-0.2"));
	CHECK(adds("-0.1", "0.3", "0.2"));
	CHECK(adds("-1", "0.000000000000000001", "-0.999999999999999999"));
	CHECK(adds("0.999999999999999999", "0.000000000000000001", "1"));
	CHECK(adds("-2.25", "5", "2.75"));
	CHECK(adds("100", "-0.01", "99.99"));
}

static void
decimal_add_reaches_the_limits(void)
{
	CHECK(adds("9223372036854775806", "1", "9223372036854775807"));
	CHECK(adds("-9223372036854775807", "-1", "-9223372036854775808"));
	CHECK(adds("9223372036854775807", "-9223372036854775808", "-1"));
	CHECK(adds("9223372036854775807", "0.999999999999999999",
	    "9223372036854775807.999999999999999999"));
	/* the whole parts alone would not fit: -2^63 and -1, and a carry */
	CHECK(adds("-9223372036854775807.5", "-0.5", "-9223372036854775808"));
	CHECK(adds("9223372036854775807.5", "-0.6", "9223372036854775806.9"));
}

static void
decimal_overflow_leaves_the_sum(void)
{
	CHECK(adds("9223372036854775807", "1", NULL));
	CHECK(adds("-9223372036854775808", "-1", NULL));
	CHECK(adds("-9223372036854775808", "-0.000000000000000001", NULL));
	CHECK(adds("9223372036854775807.5", "0.5", NULL));
	CHECK(adds("9223372036854775807.5", "9223372036854775807.5", NULL));
	CHECK(adds("-9223372036854775808", "-9223372036854775808", NULL));
	CHECK(adds("5000000000000000000", "5000000000000000000", NULL));
}

static void
decimal_order_is_by_value(void)
{
	static const char *const ascending[] = {
		"-9223372036854775808", "-10", "-9.5", "-1", "-0.7", "-0.5",
		"-0.000000000000000001", "0", "0.000000000000000001", "0.5", "0.7", "1",
		"9.5", "10", "9223372036854775807.999999999999999999"
	};
	struct decimal	 a, b;
	size_t		 i, j;

	for (i = 0; i < sizeof(ascending) / sizeof(ascending[0]); i++)
		for (j = 0; j < sizeof(ascending) / sizeof(ascending[0]); j++) {
			a = number(ascending[i]);
			b = number(ascending[j]);
			CHECK((decimal_compare(&a, &b) < 0) == (i < j));
			CHECK((decimal_compare(&a, &b) > 0) == (i > j));
		}
	a = number("-0");
	b = number("0.00");
	CHECK(decimal_compare(&a, &b) == 0);
}

static void
decimal_double_is_near_on_both_sides_of_zero(void)
{
	struct decimal	 d;

	d = number("0.1");
	CHECK(decimal_double(&d) == 0.1);
	d = number("-0.000000000000000001");
	CHECK(decimal_double(&d) == -1e-18);
	d = number("-2.5");
	CHECK(decimal_double(&d) == -2.5);
	d = number("-9223372036854775808");
	CHECK(decimal_double(&d) == -9223372036854775808.0);
	d = number("0");
	CHECK(decimal_double(&d) == 0);
}

static void
decimal_print_unsigned_is_printf(void)
{
	char		 to[DECIMAL_TEXT], expected[DECIMAL_TEXT];
	uint64_t	 v = 1;
	char		*end;
	int		 i, off;

	for (i = 0; i < 20; i++, v *= 10)
		for (off = -1; off <= 1; off++) {
			end = decimal_print_unsigned(to, v + (uint64_t)off);
			*end = '\0';
			snprintf(expected, sizeof(expected), "%llu",
			    (unsigned long long)(v + (uint64_t)off));
			CHECK(strcmp(to, expected) == 0);
		}
	end = decimal_print_unsigned(to, UINT64_MAX);
	CHECK(end - to == 20 && memcmp(to, "18446744073709551615", 20) == 0);
}

/* A fixed sequence of pairs (splitmix64), of all magnitudes. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

static struct decimal
any_decimal(uint64_t *state)
{
	struct decimal	 d;
	uint64_t	 v = draw(state);
	unsigned	 shift = 2 + (unsigned)(draw(state) % 60);

	d.whole = (int64_t)(v >> shift);
	if (draw(state) & 1)
		d.whole = -d.whole;
	d.atto = draw(state) & 1 ? draw(state) % DECIMAL_ONE : 0;
	return (d);
}

static void
decimal_print_is_read_back_and_add_is_undone(void)
{
	uint64_t	 state = 1;
	struct decimal	 a, b, minus, sum, back;
	char		 to[DECIMAL_TEXT];
	int		 i, bad = 0;

	for (i = 0; i < 100000; i++) {
		a = any_decimal(&state);
		b = any_decimal(&state);
		bad += decimal_parse(&back, to, (size_t)(decimal_print(to, &a) - to)) !=
		    DECIMAL_GOOD || decimal_compare(&a, &back) != 0;
		minus.whole = b.atto > 0 ? -b.whole - 1 : -b.whole;
		minus.atto = b.atto > 0 ? DECIMAL_ONE - b.atto : 0;
		sum = a;
		bad += decimal_add(&sum, &b) == -1 || decimal_add(&sum, &minus) == -1 ||
		    decimal_compare(&sum, &a) != 0;
	}
	CHECK(bad == 0);
}

int
main(void)
{
	RUN(decimal_integer_is_kept);
	RUN(decimal_sign_and_zeros_are_not_printed_again);
	RUN(decimal_fraction_is_kept);
	RUN(decimal_other_text_is_no_number);
	RUN(decimal_nul_is_no_digit);
	RUN(decimal_reads_no_byte_behind_its_length);
	RUN(decimal_eighteen_places_and_no_more);
	RUN(decimal_beyond_64_bits_is_too_large);
	RUN(decimal_ten_times_a_tenth_is_one);
	RUN(decimal_add_carries_over_zero);
	RUN(decimal_add_reaches_the_limits);
	RUN(decimal_overflow_leaves_the_sum);
	RUN(decimal_order_is_by_value);
	RUN(decimal_double_is_near_on_both_sides_of_zero);
	RUN(decimal_print_unsigned_is_printf);
	RUN(decimal_print_is_read_back_and_add_is_undone);
	DONE();
}
