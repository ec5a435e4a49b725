/* trigger: when checkpoints are due (W9), on a clock of our own in ms. */
#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define SHOTS	8
#define LASTS	2500		/* each checkpoint of an ideal schedule */

/*
 * An ideal clock that starts at 0: it goes from one moment to the next at which
 * the trigger wants to be asked or a checkpoint completes.
 */
static void
schedule(struct trigger *t, int64_t *shot)
{
	int64_t		done[SHOTS], now;
	unsigned	fired = 0, completed = 0;

	trigger_start(t, 0);
	while (fired < SHOTS) {
		now = trigger_next(t, fired - completed);
		if (completed < fired && done[completed] <= now) {
			now = done[completed++];
			trigger_completed(t, now);
		}
		if (now == RULES_NEVER) {
			printf("# after %u checkpoints it waits for ever\n", fired);
			shot[fired++] = -1;
			continue;
		}
		while (fired < SHOTS && trigger_fire(t, now, fired - completed)) {
			shot[fired] = now;
			done[fired++] = now + LASTS;
		}
	}
}

static int
schedule_is(struct trigger *t, const int64_t *want)
{
	int64_t		shot[SHOTS];
	unsigned	i;

	schedule(t, shot);
	for (i = 0; i < SHOTS; i++)
		if (shot[i] != want[i]) {
			printf("# checkpoint %u at %lld\n", i + 1, (long long)shot[i]);
			return (0);
		}
	return (1);
}

static void
w9_one_at_a_time(void)
{
	struct trigger		t = { .interval_ms = 1000, .concurrent = 1 };
	static const int64_t	want[SHOTS] = { 1000, 3500, 6000, 8500, 11000, 13500, 16000, 18500 };

	CHECK(schedule_is(&t, want));
}

static void
w9_pause_counts_from_the_completion(void)
{
	struct trigger		t = { .interval_ms = 1000, .pause_ms = 500, .concurrent = 1 };
	static const int64_t	want[SHOTS] = { 1000, 4000, 7000, 10000, 13000, 16000, 19000, 22000 };

	CHECK(schedule_is(&t, want));
}

static void
w9_two_at_a_time(void)
{
	struct trigger		t = { .interval_ms = 1000, .concurrent = 2 };
	static const int64_t	want[SHOTS] = { 1000, 2000, 3500, 4500, 6000, 7000, 8500, 9500 };

	CHECK(schedule_is(&t, want));
}

static void
w9_pause_raises_the_interval(void)
{
	struct trigger		t = { .interval_ms = 1000, .pause_ms = 3000, .concurrent = 1 };
	static const int64_t	want[SHOTS] = { 3000, 8500, 14000, 19500, 25000, 30500, 36000, 41500 };

	CHECK(schedule_is(&t, want));
	CHECK(t.interval_ms == 3000);
}

static void
fast_checkpoints_keep_the_fixed_rate(void)
{
	struct trigger	t = { .interval_ms = 1000, .concurrent = 1 };
	int64_t		now;

	trigger_start(&t, 0);
	for (now = 1000; now <= 100000; now += 1000) {
		CHECK(trigger_next(&t, 0) == now);
		CHECK(!trigger_fire(&t, now - 1, 0));
		CHECK(trigger_fire(&t, now + 30, 0));	/* we come late, each time */
		trigger_completed(&t, now + 40);
		CHECK(!trigger_fire(&t, now + 50, 0));
	}
}

static void
first_one_comes_a_full_interval_after_the_start(void)
{
	struct trigger t = { .interval_ms = 1000, .concurrent = 1 };

	trigger_start(&t, 77);
	CHECK(trigger_next(&t, 0) == 1077);
	CHECK(!trigger_fire(&t, 77, 0) && !trigger_fire(&t, 1076, 0));
	CHECK(trigger_fire(&t, 1077, 0));
	CHECK(trigger_next(&t, 1) == 2077);
}

static void
limit_queues_one_and_stops_the_timer(void)
{
	struct trigger t = { .interval_ms = 1000, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 2000, 1));
	CHECK(trigger_next(&t, 1) == RULES_NEVER);
	CHECK(!trigger_fire(&t, 3000, 1) && !trigger_fire(&t, 9000, 1));
	CHECK(trigger_next(&t, 0) <= 9300);
	CHECK(trigger_fire(&t, 9300, 0));	/* a slot is free; completed or not */
	CHECK(!trigger_fire(&t, 9300, 0));	/* one was queued, not eight */
	CHECK(trigger_next(&t, 1) == 10300);	/* the rate counts from there */
}

static void
queued_one_waits_for_the_pause(void)
{
	struct trigger t = { .interval_ms = 1000, .pause_ms = 500, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 2000, 1));
	trigger_completed(&t, 2200);
	CHECK(trigger_next(&t, 0) == 2700);
	CHECK(!trigger_fire(&t, 2699, 0));
	CHECK(trigger_fire(&t, 2700, 0));
}

static void
due_in_the_pause_is_queued_until_its_end(void)
{
	struct trigger t = { .interval_ms = 1000, .pause_ms = 500, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	trigger_completed(&t, 1900);
	CHECK(!trigger_fire(&t, 2000, 0));
	CHECK(trigger_next(&t, 0) == 2400);
	CHECK(trigger_fire(&t, 2400, 0));
	CHECK(trigger_next(&t, 1) == 3400);
}

static void
pause_does_not_count_from_an_abort(void)
{
	struct trigger t = { .interval_ms = 1000, .pause_ms = 900, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 2000, 1));
	CHECK(trigger_fire(&t, 2100, 0));	/* aborted at 2100 */
}

static void
clock_that_jumps_ahead_fires_once(void)
{
	struct trigger t = { .interval_ms = 1000, .concurrent = 3 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	trigger_completed(&t, 1000);
	CHECK(trigger_fire(&t, 3600123, 0));	/* suspended for an hour */
	CHECK(!trigger_fire(&t, 3600123, 1));
	CHECK(trigger_next(&t, 1) == 3601123);
	CHECK(trigger_fire(&t, 3601123, 1));
	CHECK(trigger_fire(&t, 3603123, 1));	/* one interval late, to the millisecond */
	CHECK(!trigger_fire(&t, 3603123, 1));
}

static void
clock_that_stands_still_fires_once(void)
{
	struct trigger t = { .interval_ms = 1000, .concurrent = 3 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 1000, 1) && !trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 900, 0));	/* nor if it went back */
	CHECK(trigger_fire(&t, 2000, 0));
}

static void
no_interval_never_fires(void)
{
	struct trigger t = { .interval_ms = 0, .pause_ms = 500, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_next(&t, 0) == RULES_NEVER);
	CHECK(!trigger_fire(&t, 1000000, 0));
	trigger_completed(&t, 1000000);
	CHECK(trigger_next(&t, 0) == RULES_NEVER);
	CHECK(!trigger_fire(&t, 2000000, 0));
}

static void
stopped_it_never_fires(void)
{
	struct trigger t = { .interval_ms = 1000, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 2000, 1));	/* queued */
	trigger_stop(&t);
	CHECK(trigger_next(&t, 0) == RULES_NEVER);
	CHECK(!trigger_fire(&t, 5000, 0));
	trigger_start(&t, 5000);
	trigger_stop(&t);
	CHECK(trigger_next(&t, 0) == RULES_NEVER);
	CHECK(!trigger_fire(&t, 9000, 0));
}

static void
start_forgets_the_last_attempt(void)
{
	struct trigger t = { .interval_ms = 1000, .pause_ms = 1000, .concurrent = 1 };

	trigger_start(&t, 0);
	CHECK(trigger_fire(&t, 1000, 0));
	CHECK(!trigger_fire(&t, 2000, 1));	/* queued */
	trigger_completed(&t, 2900);
	trigger_start(&t, 3000);
	CHECK(trigger_next(&t, 0) == 4000);
	CHECK(!trigger_fire(&t, 3999, 0));
	CHECK(trigger_fire(&t, 4000, 0));
}

int
main(void)
{
	RUN(w9_one_at_a_time);
	RUN(w9_pause_counts_from_the_completion);
	RUN(w9_two_at_a_time);
	RUN(w9_pause_raises_the_interval);
	RUN(fast_checkpoints_keep_the_fixed_rate);
	RUN(first_one_comes_a_full_interval_after_the_start);
	RUN(limit_queues_one_and_stops_the_timer);
	RUN(queued_one_waits_for_the_pause);
	RUN(due_in_the_pause_is_queued_until_its_end);
	RUN(pause_does_not_count_from_an_abort);
	RUN(clock_that_jumps_ahead_fires_once);
	RUN(clock_that_stands_still_fires_once);
	RUN(no_interval_never_fires);
	RUN(stopped_it_never_fires);
	RUN(start_forgets_the_last_attempt);
	DONE();
}
