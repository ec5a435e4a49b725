/* coord: deaths, and the attempts that they end. */
#include "job.h"

static void
first_death_counts_and_later_ones_do_not(void)
{
	running(1000);
	c.restart.delay_ms = 100;
	c.restart.max_ms = 1000;
	pass(1000);
	coord_ack(&c, 0, 1, 1000);
	coord_lost(&c, 1, 1010);
	CHECK(c.state == JOB_DELAYED && c.changed && pending_are(0, 0));
	CHECK(c.restart.restarts == 1 && coord_next(&c) == 1110);
	SILENT(coord_lost(&c, 1, 1020));
	SILENT(coord_lost(&c, 0, 1020));
	SILENT(coord_lost(&c, 2, 1030));
	CHECK(c.restart.restarts == 1 && coord_next(&c) == 1110);
	SILENT(ack_all(1, 1040));
	CHECK(c.attempt == 1);
}

static void
register_waits_while_delayed(void)
{
	running(1000);
	c.restart.delay_ms = 100;
	c.restart.max_ms = 1000;
	coord_lost(&c, 1, 500);
	SILENT(CHECK(!coord_register(&c, 1, 0, 550)));
	SILENT(coord_connected(&c, 1, 550));
	SILENT(coord_tick(&c, 599));
	coord_tick(&c, 600);
	CHECK(c.state == JOB_GATHERING && c.attempt == 2 && c.persist && c.changed);
	CHECK(coord_register(&c, 1, 0, 600));
	CHECK(c.restart.restarts == 1);
}

static void
new_attempt_waits_for_everybody_again(void)
{
	unsigned i;

	running(1000);
	pass(1000);
	ack_all(1, 1000);
	coord_finished(&c, SOURCE, 1100);
	CHECK(c.final == 0 && pending_are(2, 0));	/* the final one */
	ack_all(2, 1200);
	coord_committed(&c, 0, 2, 1200);
	coord_committed(&c, 1, 2, 1200);
	coord_lost(&c, 2, 1300);
	CHECK(c.state == JOB_GATHERING && c.attempt == 2 && coord_next(&c) == RULES_NEVER);
	coord_view(&c, &v);
	CHECK(v.restore == 2 && v.ids.npending == 0);
	for (i = 0; i < MEMBERS; i++) {
		SILENT(coord_connected(&c, i, 1300));	/* of the old attempt */
		CHECK(coord_register(&c, i, i == SOURCE, 1300));
	}
	SILENT(coord_connected(&c, 0, 1300));
	SILENT(coord_connected(&c, 1, 1300));
	coord_connected(&c, 2, 1400);
	CHECK(c.state == JOB_RUNNING && c.final == 0 && pending_are(0, 0));
	CHECK(coord_next(&c) == 2400);
	SILENT(coord_committed(&c, 2, 2, 1500));	/* final is not known yet */
	coord_finished(&c, SOURCE, 1600);
	CHECK(pending_are(3, 0));
	ack_all(3, 1700);
	SILENT(coord_committed(&c, 2, 3, 1700));	/* the others have not said it here */
	commit_all(3, 1800);
	CHECK(c.state == JOB_DONE);
}

static void
successor_in_the_same_attempt_opens_a_new_one(void)
{
	running(1000);
	pass(1000);
	CHECK(coord_register(&c, 1, 0, 1100));
	CHECK(c.attempt == 2 && c.state == JOB_GATHERING && pending_are(0, 0));
	CHECK(c.member[1].present && !c.member[0].present && c.restart.restarts == 1);
	begin(1000);
	CHECK(coord_register(&c, 0, 1, 0) && coord_register(&c, 1, 0, 0));
	CHECK(coord_register(&c, 1, 0, 10));	/* while it gathers, the same */
	CHECK(c.attempt == 2 && c.member[1].present && !c.member[0].present);
	c.restart.delay_ms = 50;
	c.restart.max_ms = 50;
	CHECK(!coord_register(&c, 1, 0, 20));
	CHECK(c.state == JOB_DELAYED && coord_next(&c) == 70);
}

static void
death_while_gathering_counts(void)
{
	begin(1000);
	c.restart.kind = RESTART_FIXED;
	c.restart.max = 1;
	coord_register(&c, 0, 1, 0);
	coord_lost(&c, 0, 0);
	CHECK(c.attempt == 2 && c.state == JOB_GATHERING);
	coord_register(&c, 0, 1, 0);
	coord_lost(&c, 0, 0);
	CHECK(c.attempt == 2 && c.state == JOB_FAILED);
}

static void
completed_checkpoint_resets_the_delay(void)
{
	static const int64_t	delay[] = { 100, 200, 400, 100, 200 };
	unsigned		i;

	running(1000);
	c.restart.delay_ms = 100;
	c.restart.max_ms = 10000;
	for (i = 0; i < 5; i++) {
		if (i == 3)
			ack_all(coord_request(&c, COORD_REQUESTED, 0), 0);
		coord_lost(&c, 2, 0);
		CHECK(coord_next(&c) == delay[i]);
		coord_tick(&c, delay[i]);
		gather(delay[i]);
	}
	CHECK(c.attempt == 6);
}

static void
strategy_that_gives_up_fails_the_job_and_says_why(void)
{
	running(1000);
	c.restart.kind = RESTART_FIXED;
	c.restart.max = 2;
	pass(1000);
	coord_lost(&c, 0, 1000);
	gather(1000);
	coord_lost(&c, 0, 1000);
	gather(1000);
	CHECK(c.state == JOB_RUNNING && c.attempt == 3);
	c.changed = 0;
	coord_lost(&c, 1, 1500);
	CHECK(c.state == JOB_FAILED && c.changed && c.attempt == 3);
	CHECK(strcmp(c.why, "the restart strategy gives up after 2 restarts") == 0);
	CHECK(coord_next(&c) == RULES_NEVER);
	coord_view(&c, &v);
	CHECK(v.state == JOB_FAILED);
	SILENT(coord_lost(&c, 0, 1600));
	SILENT(CHECK(!coord_register(&c, 0, 1, 1600)));
	SILENT(coord_tick(&c, 100000));
}

int
main(void)
{
	RUN(first_death_counts_and_later_ones_do_not);
	RUN(register_waits_while_delayed);
	RUN(new_attempt_waits_for_everybody_again);
	RUN(successor_in_the_same_attempt_opens_a_new_one);
	RUN(death_while_gathering_counts);
	RUN(completed_checkpoint_resets_the_delay);
	RUN(strategy_that_gives_up_fails_the_job_and_says_why);
	coord_close(&c);
	DONE();
}
