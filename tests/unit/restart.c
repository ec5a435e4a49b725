/* restart: Flink's strategies with its counting rules (W15), times in ms. */
#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define S	1000
#define MIN	(60 * S)

/*
 * A stage that always dies at once: when the job starts, up to n times.  The
 * first start is at 0; -1 says that the job has failed.
 */
static void
dies_at_once(struct restart *r, int64_t *start, unsigned n)
{
	int64_t		now = 0, delay;
	unsigned	i;

	for (i = 0; i < n; i++) {
		start[i] = now;
		if (now != -1)
			now = restart_failure(r, now, &delay) ? now + delay : -1;
	}
}

/* Delays of failures in a row, all without a checkpoint between them. */
static int
delays_are(struct restart *r, const int64_t *want, unsigned n)
{
	int64_t		delay;
	unsigned	i;

	for (i = 0; i < n; i++)
		if (!restart_failure(r, (int64_t)i, &delay) || delay != want[i]) {
			printf("# delay %u: %lld\n", i, (long long)delay);
			return (0);
		}
	return (1);
}

static void
none_never_restarts(void)
{
	struct restart	r = { .kind = RESTART_NONE, .max = 5 };
	int64_t		delay;

	CHECK(!restart_failure(&r, 0, &delay));
	CHECK(!restart_failure(&r, 100 * MIN, &delay));
}

static void
w15_fixed_delay_starts_at_0_10_20_30(void)
{
	struct restart		r = { .kind = RESTART_FIXED, .max = 3, .delay_ms = 10 * S };
	static const int64_t	want[] = { 0, 10 * S, 20 * S, 30 * S, -1, -1 };
	int64_t			start[6];

	dies_at_once(&r, start, 6);
	CHECK(memcmp(start, want, sizeof(want)) == 0);
	CHECK(r.restarts == 3);
}

static void
fixed_delay_never_forgets(void)
{
	struct restart	r = { .kind = RESTART_FIXED, .max = 2, .delay_ms = 1 };
	int64_t		delay;

	CHECK(restart_failure(&r, 0, &delay));
	restart_completed(&r);
	CHECK(restart_failure(&r, 1000 * MIN, &delay));
	restart_completed(&r);
	CHECK(!restart_failure(&r, 2000 * MIN, &delay));
}

static void
fixed_delay_of_no_restarts_gives_up(void)
{
	struct restart	r = { .kind = RESTART_FIXED, .max = 0 };
	int64_t		delay;

	CHECK(!restart_failure(&r, 0, &delay));
}

static void
fixed_delay_inf_never_gives_up(void)
{
	struct restart	r = { .kind = RESTART_FIXED, .max = UINT64_MAX, .delay_ms = 7 };
	int64_t		delay;
	unsigned	i, allowed = 0;

	r.restarts = (uint64_t)UINT32_MAX - 50000;	/* and no narrower counter */
	for (i = 0; i < 100000; i++)
		allowed += (unsigned)(restart_failure(&r, i, &delay) && delay == 7);
	CHECK(allowed == 100000);
}

static void
w15_failure_rate_fourth_in_the_window_is_final(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = 3, .per_ms = 5 * MIN, .delay_ms = 9 };
	int64_t		delay = 0;

	CHECK(restart_failure(&r, 0 * MIN, &delay) && delay == 9);
	CHECK(restart_failure(&r, 1 * MIN, &delay) && delay == 9);
	CHECK(restart_failure(&r, 2 * MIN, &delay) && delay == 9);
	CHECK(!restart_failure(&r, 3 * MIN, &delay));
}

static void
w15_failure_rate_fourth_behind_the_window_restarts(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = 3, .per_ms = 5 * MIN };
	int64_t		delay;

	CHECK(restart_failure(&r, 0 * MIN, &delay));
	CHECK(restart_failure(&r, 1 * MIN, &delay));
	CHECK(restart_failure(&r, 2 * MIN, &delay));
	CHECK(restart_failure(&r, 5 * MIN + 1 * S, &delay));
	/* the three that count now came at 1, 2 and 5 min */
	CHECK(restart_failure(&r, 6 * MIN + 1, &delay));
	CHECK(!restart_failure(&r, 7 * MIN, &delay));
}

static void
failure_rate_of_exactly_its_window_is_final(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = 3, .per_ms = 5 * MIN };
	int64_t		delay;

	restart_failure(&r, 0, &delay);
	restart_failure(&r, 1, &delay);
	restart_failure(&r, 2, &delay);
	CHECK(!restart_failure(&r, 5 * MIN, &delay));	/* more than per_ms ago, it says */
	CHECK(restart_failure(&r, 5 * MIN + 1, &delay));
}

static void
failure_rate_is_not_reset_by_a_checkpoint(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = 1, .per_ms = MIN };
	int64_t		delay;

	CHECK(restart_failure(&r, 0, &delay));
	restart_completed(&r);
	CHECK(!restart_failure(&r, MIN, &delay));
}

static void
failure_rate_of_none_gives_up(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = 0, .per_ms = MIN };
	int64_t		delay;

	CHECK(!restart_failure(&r, 0, &delay));
}

static void
failure_rate_remembers_as_many_as_it_can(void)
{
	struct restart	r = { .kind = RESTART_RATE, .max = RESTART_RATE_MAX, .per_ms = MIN };
	int64_t		delay;
	int		i;

	for (i = 0; i < RESTART_RATE_MAX; i++)
		CHECK(restart_failure(&r, i, &delay));
	CHECK(!restart_failure(&r, MIN, &delay));
	CHECK(restart_failure(&r, MIN + 1, &delay));	/* the one at 0 is forgotten */
	CHECK(!restart_failure(&r, MIN + 1, &delay));	/* the one at 1 is not */
}

static void
w15_exponential_grows_to_its_maximum(void)
{
	struct restart		r = { .kind = RESTART_EXPONENTIAL, .delay_ms = S,
	    .max_ms = 60 * S, .factor = 1.5 };
	static const int64_t	want[] = { 1000, 1500, 2250, 3375, 5063, 7595, 11393, 17090,
	    25635, 38453, 57680, 60000, 60000, 60000 };

	CHECK(delays_are(&r, want, 14));
}

static void
w15_exponential_doubles_to_300_s(void)
{
	struct restart		r = { .kind = RESTART_EXPONENTIAL, .delay_ms = S,
	    .max_ms = 300 * S, .factor = 2 };
	static const int64_t	want[] = { 1 * S, 2 * S, 4 * S, 8 * S, 16 * S, 32 * S, 64 * S,
	    128 * S, 256 * S, 300 * S, 300 * S };

	CHECK(delays_are(&r, want, 11));
}

static void
exponential_goes_back_after_a_checkpoint(void)
{
	struct restart		r = { .kind = RESTART_EXPONENTIAL, .delay_ms = 100,
	    .max_ms = 1000, .factor = 2 };
	static const int64_t	want[] = { 100, 200, 400, 800, 1000, 1000 };

	CHECK(delays_are(&r, want, 6));
	restart_completed(&r);
	CHECK(delays_are(&r, want, 6));
	restart_completed(&r);
	restart_completed(&r);
	CHECK(delays_are(&r, want, 2));
}

static void
exponential_grows_from_1_ms(void)
{
	struct restart		r = { .kind = RESTART_EXPONENTIAL, .delay_ms = 1,
	    .max_ms = 10, .factor = 1.5 };
	static const int64_t	want[] = { 1, 2, 3, 5, 8, 10, 10 };

	CHECK(delays_are(&r, want, 7));
}

static void
exponential_without_delay_stays_without(void)
{
	struct restart		r = { .kind = RESTART_EXPONENTIAL, .delay_ms = 0,
	    .max_ms = 10, .factor = 1.5 };
	static const int64_t	want[] = { 0, 0, 0, 0 };

	CHECK(delays_are(&r, want, 4));
}

static void
exponential_never_gives_up(void)
{
	struct restart	r = { .kind = RESTART_EXPONENTIAL, .delay_ms = 100,
	    .max_ms = MIN, .factor = 1.5 };
	int64_t		delay;
	unsigned	i, allowed = 0;

	for (i = 0; i < 100000; i++)
		allowed += (unsigned)(restart_failure(&r, 0, &delay) && delay <= MIN);
	CHECK(allowed == 100000 && delay == MIN);
}

int
main(void)
{
	RUN(none_never_restarts);
	RUN(w15_fixed_delay_starts_at_0_10_20_30);
	RUN(fixed_delay_never_forgets);
	RUN(fixed_delay_of_no_restarts_gives_up);
	RUN(fixed_delay_inf_never_gives_up);
	RUN(w15_failure_rate_fourth_in_the_window_is_final);
	RUN(w15_failure_rate_fourth_behind_the_window_restarts);
	RUN(failure_rate_of_exactly_its_window_is_final);
	RUN(failure_rate_is_not_reset_by_a_checkpoint);
	RUN(failure_rate_of_none_gives_up);
	RUN(failure_rate_remembers_as_many_as_it_can);
	RUN(w15_exponential_grows_to_its_maximum);
	RUN(w15_exponential_doubles_to_300_s);
	RUN(exponential_goes_back_after_a_checkpoint);
	RUN(exponential_grows_from_1_ms);
	RUN(exponential_without_delay_stays_without);
	RUN(exponential_never_gives_up);
	DONE();
}
