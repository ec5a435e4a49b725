/*
 * joboptions: how a job is run, as it is written on a command line.
 */
#include "joboptions.h"
#include "tap.h"

static const struct weir_option *
row(const char *name)
{
	const struct weir_option *o;

	for (o = joboptions_rows; o->name != NULL && strcmp(o->name, name) != 0; o++)
		;
	return (o);
}

static const char *
given(const char *name, const char *arg)
{
	return (row(name)->set(arg));
}

static void
refused(const char *name, const char *arg, const char *expected)
{
	const char *why = given(name, arg);

	if (why == NULL || strcmp(why, expected) != 0)
		printf("# --%s %s: %s\n", name, arg, why != NULL ? why : "taken");
	CHECK(why != NULL && strcmp(why, expected) == 0);
}

static void
joboptions_defaults_are_flinks(void)
{
	joboptions_settle();
	CHECK(joboptions.interval_ms == 0 && joboptions.timeout_ms == 600000);
	CHECK(joboptions.pause_ms == 0 && joboptions.concurrent == 1 && joboptions.retain == 1);
	CHECK(!joboptions.at_least_once && !joboptions.memory_backend && !joboptions.force);
	CHECK(joboptions.loop_wait_ms == 1000 && joboptions.restart.kind == RESTART_NONE);
}

static void
joboptions_with_an_interval_restarts_exponentially(void)
{
	CHECK(given("interval", "1s") == NULL && joboptions.interval_ms == 1000);
	joboptions_settle();
	CHECK(joboptions.restart.kind == RESTART_EXPONENTIAL);
	CHECK(joboptions.restart.delay_ms == 100 && joboptions.restart.max_ms == 60000);
	CHECK(joboptions.restart.factor == 1.5);
}

static void
joboptions_interval_has_a_unit_and_is_at_least_10_ms(void)
{
	refused("interval", "1000", "which unit? 1000ms or 1000s");
	refused("interval", "9ms", "is less than 10 ms");
	refused("interval", "0s", "is less than 10 ms");
	CHECK(given("interval", "10ms") == NULL && joboptions.interval_ms == 10);
}

static void
joboptions_words_and_numbers_are_checked(void)
{
	refused("mode", "exactly", "is none of exactly-once, at-least-once");
	CHECK(given("mode", "at-least-once") == NULL && joboptions.at_least_once == 1);
	CHECK(given("mode", "exactly-once") == NULL && joboptions.at_least_once == 0);
	CHECK(given("backend", "memory") == NULL && joboptions.memory_backend == 1);
	refused("max-concurrent", "65", "is no number from 1 to 64");
	refused("max-concurrent", "0", "is no number from 1 to 64");
	refused("retain", "0", "is no number from 1 to 1000");
	refused("key-groups", "32769", "is no number from 1 to 32768");
	CHECK(given("min-pause", "0s") == NULL);
	CHECK(given("max-concurrent", "64") == NULL && joboptions.concurrent == 64);
}

static void
joboptions_restart_none(void)
{
	CHECK(given("restart", "none") == NULL && joboptions.restart.kind == RESTART_NONE);
	refused("restart", "none:1", "is more than none");
	joboptions_settle();
	CHECK(joboptions.restart.kind == RESTART_NONE);	/* said, and so it stays */
}

static void
joboptions_restart_fixed_delay(void)
{
	struct restart *r = &joboptions.restart;

	CHECK(given("restart", "fixed-delay") == NULL);
	CHECK(r->kind == RESTART_FIXED && r->max == 1 && r->delay_ms == 10000);
	CHECK(given("restart", "fixed-delay:3:1s") == NULL);
	CHECK(r->max == 3 && r->delay_ms == 1000);
	CHECK(given("restart", "fixed-delay:inf") == NULL && r->max == UINT64_MAX);
	refused("restart", "fixed-delay:x", "has a number of restarts that is none (or inf)");
	refused("restart", "fixed-delay:3:1", "which unit? 1ms or 1s");
	refused("restart", "fixed-delay:3:1s:2", "is more than fixed-delay:N:DELAY");
}

static void
joboptions_restart_failure_rate(void)
{
	struct restart *r = &joboptions.restart;

	CHECK(given("restart", "failure-rate") == NULL && r->kind == RESTART_RATE);
	CHECK(r->max == 1 && r->per_ms == 60000 && r->delay_ms == 10000);
	CHECK(given("restart", "failure-rate:100:5m:1s") == NULL);
	CHECK(r->max == 100 && r->per_ms == 300000 && r->delay_ms == 1000);
	refused("restart", "failure-rate:101", "has no number of failures from 0 to 100");
	refused("restart", "failure-rate:inf", "has no number of failures from 0 to 100");
}

static void
joboptions_restart_exponential_delay(void)
{
	struct restart *r = &joboptions.restart;

	CHECK(given("restart", "exponential-delay:1s:300s:2") == NULL);
	CHECK(r->delay_ms == 1000 && r->max_ms == 300000 && r->factor == 2);
	CHECK(given("restart", "exponential-delay:2m") == NULL && r->max_ms == 120000);
	refused("restart", "exponential-delay:2s:1s",
	    "has a last delay that is shorter than its first");
	refused("restart", "exponential-delay:1s:1m:0.5", "has no factor from 1 to 1000");
	refused("restart", "exponential-delay:1s:1m:nan", "has no factor from 1 to 1000");
	refused("restart", "exponential-delay:1s:1m:2:3", "has too many parts");
	refused("restart", "sometimes",
	    "is none of none, fixed-delay, failure-rate, exponential-delay");
}

int
main(void)
{
	RUN(joboptions_defaults_are_flinks);
	RUN(joboptions_with_an_interval_restarts_exponentially);
	RUN(joboptions_interval_has_a_unit_and_is_at_least_10_ms);
	RUN(joboptions_words_and_numbers_are_checked);
	RUN(joboptions_restart_none);
	RUN(joboptions_restart_fixed_delay);
	RUN(joboptions_restart_failure_rate);
	RUN(joboptions_restart_exponential_delay);
	DONE();
}
