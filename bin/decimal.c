/*
 * decimal: exact numbers for sums, and their text.
 *
 * A number is a whole part and a count of 10^-18 above it, so that
 *  - a sum of integers is exact to 64 bits, and a sum of decimals exact too:
 *    no scale has to be agreed on and none can run out;
 *  - adding is one carry and one check; comparing is by whole, then by atto.
 */
#include <string.h>

#include "decimal.h"

static const uint64_t power[DECIMAL_PLACES + 1] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
	1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000,
	100000000000000, 1000000000000000, 10000000000000000,
	100000000000000000, DECIMAL_ONE
};

/*
 * Read digits up to the first byte that is none; *end is set to it.  Returns -1
 * where they stop fitting 64 bits, or a little before that.
 */
static int
digits_parse(const char *text, const char *limit, uint64_t *value, const char **end)
{
	const char	*p = text;
	uint64_t	 v = 0;
	unsigned	 digit;
	int		 overflow = 0;

	for (; p < limit; p++) {
		digit = (unsigned)(unsigned char)*p - '0';
		if (digit > 9)
			break;
		if (v > (UINT64_MAX - 9) / 10)
			overflow = 1;
		v = v * 10 + digit;
	}
	*value = v;
	*end = p;
	return (overflow ? -1 : 0);
}

/* From sign and magnitude: 0, or -1 if it does not fit. */
static int
decimal_make(struct decimal *d, int negative, uint64_t whole, uint64_t atto)
{
	if (whole > (uint64_t)INT64_MAX + 1)
		return (-1);
	if (!negative || (whole == 0 && atto == 0)) {
		if (whole > INT64_MAX)
			return (-1);
		d->whole = (int64_t)whole;
		d->atto = atto;
		return (0);
	}
	if (atto > 0) {
		whole++;
		atto = DECIMAL_ONE - atto;
	}
	if (whole > (uint64_t)INT64_MAX + 1)
		return (-1);
	d->whole = -(int64_t)(whole - 1) - 1;
	d->atto = atto;
	return (0);
}

enum decimal_fault
decimal_parse(struct decimal *d, const char *text, size_t len)
{
	const char	*limit = text + len, *point = NULL, *end;
	uint64_t	 whole, atto = 0;
	size_t		 places;
	int		 negative, large;

	negative = len > 0 && *text == '-';
	if (len > 0 && (*text == '-' || *text == '+'))
		text++;
	large = digits_parse(text, limit, &whole, &end) == -1;
	if (end == text)
		return (DECIMAL_NO_NUMBER);
	if (end < limit && *end == '.') {
		point = end;
		(void)digits_parse(point + 1, limit, &atto, &end);
		if (end == point + 1)
			return (DECIMAL_NO_NUMBER);
	}
	if (end != limit)
		return (DECIMAL_NO_NUMBER);
	if (point != NULL) {
		places = (size_t)(end - point - 1);
		if (places > DECIMAL_PLACES)
			return (DECIMAL_TOO_FINE);
		atto *= power[DECIMAL_PLACES - places];
	}
	if (large || decimal_make(d, negative, whole, atto) == -1)
		return (DECIMAL_TOO_LARGE);
	return (DECIMAL_GOOD);
}

int
decimal_add(struct decimal *sum, const struct decimal *more)
{
	uint64_t	 atto = sum->atto + more->atto;
	int64_t		 low, high;

	low = sum->whole < more->whole ? sum->whole : more->whole;
	high = sum->whole < more->whole ? more->whole : sum->whole;
	if (atto >= DECIMAL_ONE) {
		/* into the lower one: it has room unless the sum has none */
		if (low == INT64_MAX)
			return (-1);
		atto -= DECIMAL_ONE;
		low++;
	}
	if (high > 0 ? low > INT64_MAX - high : low < INT64_MIN - high)
		return (-1);
	sum->whole = low + high;
	sum->atto = atto;
	return (0);
}

int
decimal_compare(const struct decimal *a, const struct decimal *b)
{
	if (a->whole != b->whole)
		return (a->whole < b->whole ? -1 : 1);
	if (a->atto != b->atto)
		return (a->atto < b->atto ? -1 : 1);
	return (0);
}

/* To sign and magnitude; returns 1 below 0. */
static int
decimal_split(const struct decimal *d, uint64_t *whole, uint64_t *atto)
{
	*whole = (uint64_t)d->whole;
	*atto = d->atto;
	if (d->whole >= 0)
		return (0);
	*whole = 0 - *whole;
	if (*atto > 0) {
		(*whole)--;
		*atto = DECIMAL_ONE - *atto;
	}
	return (1);
}

double
decimal_double(const struct decimal *d)
{
	uint64_t	 whole, atto;
	double		 v;
	int		 negative;

	negative = decimal_split(d, &whole, &atto);
	v = (double)whole + (double)atto / (double)DECIMAL_ONE;
	return (negative ? -v : v);
}

/* Two digits at a time, from the right, into exactly n bytes. */
static void
digits_print(char *to, uint64_t v, size_t n)
{
	static const char pairs[] =
	    "0001020304050607080910111213141516171819"
	    "2021222324252627282930313233343536373839"
	    "4041424344454647484950515253545556575859"
	    "6061626364656667686970717273747576777879"
	    "8081828384858687888990919293949596979899";

	for (; n >= 2; n -= 2, v /= 100)
		memcpy(to + n - 2, pairs + 2 * (v % 100), 2);
	if (n == 1)
		*to = (char)('0' + v % 10);
}

char *
decimal_print_unsigned(char *to, uint64_t v)
{
	size_t	 n = 1;

	while (n <= DECIMAL_PLACES && v >= power[n])
		n++;
	if (v >= 10 * (uint64_t)DECIMAL_ONE)
		n++;
	digits_print(to, v, n);
	return (to + n);
}

char *
decimal_print(char *to, const struct decimal *d)
{
	uint64_t	 whole, atto;
	size_t		 places = DECIMAL_PLACES;

	if (decimal_split(d, &whole, &atto))
		*to++ = '-';
	to = decimal_print_unsigned(to, whole);
	if (atto == 0)
		return (to);
	for (; atto % 10 == 0; places--)
		atto /= 10;
	*to++ = '.';
	digits_print(to, atto, places);
	return (to + places);
}
