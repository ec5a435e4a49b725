/*
 * decimal: exact numbers for sums, and their text.
 *
 * A number is written [+-]digits[.digits]: no blanks, no exponent, at least one
 * digit on each side of the point.  It lies between -2^63 and 2^63 - 10^-18 and
 * has at most 18 decimals; within that nothing is ever rounded.
 */
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_PLACES	18			/* decimals that are kept */
#define DECIMAL_ONE	1000000000000000000	/* attos in 1 */
#define DECIMAL_TEXT	40			/* bytes that any number's text fits in */

/* The value is whole + atto / 10^18: whole is rounded down, also below 0. */
struct decimal {
	int64_t		whole;
	uint64_t	atto;		/* 0 to DECIMAL_ONE - 1 */
};

enum decimal_fault {
	DECIMAL_GOOD,
	DECIMAL_NO_NUMBER,	/* something else is written there */
	DECIMAL_TOO_FINE,	/* more than 18 decimals, be they zeros */
	DECIMAL_TOO_LARGE	/* the whole part does not fit 64 bits */
};

/* Read a number of len bytes; d is set only if it is good. */
enum decimal_fault decimal_parse(struct decimal *d, const char *text, size_t len);

/* Add to a sum: 0, or -1 if the result does not fit; sum is then unchanged. */
int	 decimal_add(struct decimal *sum, const struct decimal *more);

/* Less than, equal to or greater than 0, as a is to b. */
int	 decimal_compare(const struct decimal *a, const struct decimal *b);

/* The nearest double, but for an error of two units in its last place. */
double	 decimal_double(const struct decimal *);

/*
 * Print without zeros at the end of the decimals, and no point without decimals:
 * 3, -0.5.  At most DECIMAL_TEXT bytes, not terminated.  Return the end.
 */
char	*decimal_print(char *to, const struct decimal *);
char	*decimal_print_unsigned(char *to, uint64_t);

#endif
