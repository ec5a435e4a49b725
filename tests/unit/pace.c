/*
 * pace: exact over time, shared among subtasks, no debt after a pause.
 */
#include <limits.h>

#include "pace.h"
#include "tap.h"

#define MS	UINT64_C(1000000)
#define SECOND	(1000 * MS)
#define START	(UINT64_C(123456789) * SECOND + 17)

static size_t
take(struct pace *p, uint64_t now_ns)
{
	size_t due = pace_due(p, now_ns);

	pace_sent(p, due);
	return (due);
}

static void
first_record_is_due_at_once(void)
{
	struct pace p;

	pace_init(&p, 10, 0, 1);
	CHECK(take(&p, START) == 1);
	CHECK(take(&p, START + 99 * MS) == 0);
	CHECK(take(&p, START + 100 * MS) == 1);
}

static void
no_rate_drifts_over_a_day(void)
{
	static const uint64_t rate[] = { 1, 3, 7, 1000, 999983, PACE_MAX };
	struct pace p;
	size_t i;

	for (i = 0; i < sizeof(rate) / sizeof(rate[0]); i++) {
		pace_init(&p, rate[i], 0, 1);
		take(&p, START);
		take(&p, START + 12345 * MS);
		take(&p, START + 86400 * SECOND);
		CHECK(p.sent == rate[i] * 86400 + 1);
	}
}

static void
after_the_wait_a_record_is_due_and_not_before(void)
{
	struct pace p;
	uint64_t now = START, wait;
	size_t i, total = 0;

	pace_init(&p, 300, 0, 1);
	for (i = 0; i < 3000; i++) {
		total += take(&p, now);
		CHECK(pace_due(&p, now) == 0);
		wait = (uint64_t)pace_wait_ms(&p, now) * MS;
		CHECK(wait >= MS && wait <= 4 * MS);
		CHECK(pace_due(&p, now + wait) >= 1);
		if (wait > MS)
			CHECK(pace_due(&p, now + wait - MS) == 0);
		now += wait;
	}
	CHECK(total == (now - START - wait) * 300 / SECOND + 1);
}

static void
slow_rates_wait_long(void)
{
	struct pace p;

	pace_init(&p, 1, 0, 1);
	take(&p, START);
	CHECK(pace_wait_ms(&p, START) == 1000);
	CHECK(pace_wait_ms(&p, START + 1) == 1000);
	CHECK(pace_wait_ms(&p, START + 999 * MS) == 1);
	CHECK(pace_wait_ms(&p, START + 2000 * MS) == 1);
	pace_sent(&p, 100000000);
	CHECK(pace_wait_ms(&p, START) == INT_MAX);
}

static void
subtasks_share_the_rate(void)
{
	struct pace p[3];
	size_t sent[3] = { 0 };
	uint64_t now;
	unsigned i;

	for (i = 0; i < 3; i++)
		pace_init(&p[i], 7, i, 3);
	for (now = START; now < START + 10 * SECOND; now += MS)
		for (i = 0; i < 3; i++)
			sent[i] += take(&p[i], now);
	CHECK(sent[0] == 24 && sent[1] == 23 && sent[2] == 23);
}

static void
a_blocked_output_is_made_up_for(void)
{
	struct pace p;

	pace_init(&p, 100, 0, 1);
	CHECK(take(&p, START) == 1);
	CHECK(take(&p, START + 5 * SECOND) == 500);
}

static void
an_idle_input_is_not_made_up_for(void)
{
	struct pace p;

	pace_init(&p, 100, 0, 1);
	CHECK(take(&p, START) == 1);
	pace_idle(&p);
	CHECK(take(&p, START + 3600 * SECOND) == 1);
	CHECK(take(&p, START + 3600 * SECOND + 10 * MS) == 1);
}

int
main(void)
{
	RUN(first_record_is_due_at_once);
	RUN(no_rate_drifts_over_a_day);
	RUN(after_the_wait_a_record_is_due_and_not_before);
	RUN(slow_rates_wait_long);
	RUN(subtasks_share_the_rate);
	RUN(a_blocked_output_is_made_up_for);
	RUN(an_idle_input_is_not_made_up_for);
	DONE();
}
