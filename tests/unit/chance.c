/*
 * chance: what a seed decides is the same each time, and spread as it should be.
 */
#include "chance.h"
#include "tap.h"

static void
a_seed_gives_the_same_numbers(void)
{
	struct chance	a = { 42 }, b = { 42 }, c = { 43 };
	int		i, same = 0;

	for (i = 0; i < 1000; i++) {
		CHECK(chance_next(&a) == chance_next(&b));
		same += chance_next(&c) == chance_next(&b);
		chance_next(&a);
	}
	CHECK(same == 0);
}

/* The first numbers of the reference implementation, seed 1234567. */
static void
it_is_splitmix64(void)
{
	struct chance c = { 1234567 };

	CHECK(chance_next(&c) == 6457827717110365317U);
	CHECK(chance_next(&c) == 3203168211198807973U);
	CHECK(chance_next(&c) == 9817491932198370423U);
}

static void
below_is_below_and_reaches_all(void)
{
	struct chance	c = { 7 };
	unsigned	seen[10] = { 0 };
	uint64_t	n;
	int		i;

	for (i = 0; i < 10000; i++) {
		n = chance_below(&c, 10);
		CHECK(n < 10);
		seen[n < 10 ? n : 0]++;
	}
	for (i = 0; i < 10; i++)
		CHECK(seen[i] > 800 && seen[i] < 1200);
}

static void
orders_of_magnitude_are_as_likely_as_each_other(void)
{
	struct chance	c = { 7 };
	unsigned	small = 0;
	int64_t		n;
	int		i;

	for (i = 0; i < 10000; i++) {
		n = chance_log(&c, 100, 1000000);
		CHECK(n >= 100 && n <= 1000000);
		small += n < 10000;
	}
	CHECK(small > 4700 && small < 5300);
	CHECK(chance_log(&c, 500, 500) == 500);
	CHECK(chance_log(&c, 500, 3) == 500);
}

int
main(void)
{
	RUN(a_seed_gives_the_same_numbers);
	RUN(it_is_splitmix64);
	RUN(below_is_below_and_reaches_all);
	RUN(orders_of_magnitude_are_as_likely_as_each_other);
	DONE();
}
