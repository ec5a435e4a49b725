/* coord: how a job ends - done, stopped, failed, cancelled. */
#include "job.h"

static void
final_checkpoint_waits_for_all_sources_and_no_interval(void)
{
	running(0);
	c.member[1].source = 1;			/* two of them */
	SILENT(coord_finished(&c, 0, 100));
	SILENT(coord_finished(&c, 0, 100));
	coord_finished(&c, 1, 200);
	CHECK(pending_are(1, 0) && coord_next(&c) == 800);
	SILENT(coord_finished(&c, 1, 250));	/* it is under way */
	SILENT(coord_tick(&c, 300));
	ack_all(1, 300);
	CHECK(c.final == 1 && c.state == JOB_RUNNING && coord_next(&c) == RULES_NEVER);
	SILENT(coord_tick(&c, 100000));		/* it is the last one */
	CHECK(coord_request(&c, COORD_SAVEPOINT, 400) == 0);
}

static void
checkpoint_before_the_last_source_is_not_final(void)
{
	running(1000);
	pass(1000);
	coord_finished(&c, SOURCE, 1100);
	CHECK(pending_are(1, 2));
	coord_ack(&c, 0, 1, 1200);
	ack_all(1, 1200);
	CHECK(c.final == 0 && view_completed() == 1 && pending_are(2, 0));
	commit_all(1, 1300);
	CHECK(c.state == JOB_RUNNING);
	ack_all(2, 1400);
	CHECK(c.final == 2);
}

static void
final_checkpoint_is_tried_until_one_completes(void)
{
	running(0);
	coord_finished(&c, SOURCE, 100);
	coord_decline(&c, 2, 1, NULL, 200);
	CHECK(ended_as(1, COORD_DECLINED) && pending_are(0, 0) && coord_next(&c) == 300);
	SILENT(coord_tick(&c, 299));
	pass(300);
	CHECK(pending_are(2, 0));
	pass(900);
	CHECK(ended_as(2, COORD_EXPIRED) && pending_are(0, 0) && coord_next(&c) == 1100);
	pass(1100);
	CHECK(pending_are(3, 0) && c.final == 0);
	ack_all(3, 1200);
	CHECK(c.final == 3 && pending_are(0, 0));
}

static void
final_checkpoint_that_fails_is_not_taken_by_the_interval(void)
{
	running(10);
	coord_finished(&c, SOURCE, 5);
	coord_decline(&c, 2, 1, NULL, 6);
	CHECK(coord_next(&c) == 106);
	SILENT(coord_tick(&c, 50));
	coord_tick(&c, 106);
	CHECK(pending_are(2, 0));
	coord_decline(&c, 2, 2, NULL, 107);
	CHECK(coord_next(&c) == 307);		/* longer each time */
}

static void
final_checkpoint_that_no_view_can_name_waits(void)
{
	unsigned i;

	running(0);
	for (i = 0; i < VIEW_PENDING; i++)
		coord_request(&c, COORD_SAVEPOINT, 0);
	coord_finished(&c, SOURCE, 100);
	CHECK(coord_next(&c) == 200);		/* and does not spin */
	coord_decline(&c, 1, 1, NULL, 150);
	SILENT(coord_tick(&c, 199));
	coord_tick(&c, 200);
	coord_view(&c, &v);
	CHECK(v.ids.highest == VIEW_PENDING + 1);
}

static void
stop_does_not_wait_for_ever_for_who_never_comes(void)
{
	begin(1000);
	coord_register(&c, SOURCE, 1, 0);
	coord_stop(&c, 100);
	CHECK(coord_next(&c) == 5100);
	SILENT(coord_tick(&c, 5099));
	coord_tick(&c, 5100);
	CHECK(c.state == JOB_CANCELLED);
	CHECK(strcmp(c.why, "stopped while stages were missing") == 0);
	running(1000);				/* the same in a later attempt */
	coord_stop(&c, 100);
	coord_lost(&c, 1, 9000);
	CHECK(c.attempt == 2 && coord_next(&c) == 14000);
	coord_register(&c, 0, 1, 9100);
	coord_register(&c, 2, 0, 9100);
	CHECK(coord_next(&c) == 14000);
	coord_register(&c, 1, 0, 13999);
	CHECK(coord_next(&c) == RULES_NEVER);	/* all are there: it will run */
}

static void
done_when_all_have_committed_the_final_checkpoint(void)
{
	running(1000);
	pass(1000);
	ack_all(1, 1000);
	commit_all(1, 1000);
	coord_finished(&c, SOURCE, 1100);
	ack_all(2, 1200);
	SILENT(coord_committed(&c, 0, 2, 1300));
	SILENT(coord_committed(&c, 0, 2, 1300));
	SILENT(coord_committed(&c, 1, 2, 1300));
	SILENT(coord_committed(&c, 1, 1, 1300));	/* a late word takes nothing back */
	SILENT(coord_committed(&c, 2, 1, 1300));
	c.changed = 0;
	coord_committed(&c, 2, 2, 1400);
	CHECK(c.state == JOB_DONE && c.changed && coord_next(&c) == RULES_NEVER);
	CHECK(c.persist && c.reserved == 2);	/* the next run goes on with 3 */
	coord_saved(&c);
	SILENT(coord_lost(&c, 0, 1500));	/* they leave */
	SILENT(coord_tick(&c, 100000));
}

static void
done_waits_for_a_pending_savepoint(void)
{
	running(0);
	coord_request(&c, COORD_SAVEPOINT, 0);
	coord_finished(&c, SOURCE, 100);
	CHECK(pending_are(1, 2));
	ack_all(2, 200);
	commit_all(2, 300);
	CHECK(c.state == JOB_RUNNING && pending_are(1, 0));
	ack_all(1, 5000);
	CHECK(c.state == JOB_DONE && view_completed() == 2);
}

static void
late_final_savepoint_takes_nothing_back(void)
{
	running(0);
	coord_finished(&c, SOURCE, 100);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 100) == 2);
	CHECK(coord_request(&c, COORD_REQUESTED, 100) == 3);
	ack_all(3, 200);
	CHECK(c.final == 3 && pending_are(2, 0));
	ack_all(2, 300);
	CHECK(c.final == 3 && view_completed() == 3);
	commit_all(2, 400);
	CHECK(c.state == JOB_RUNNING);
	commit_all(3, 400);
	CHECK(c.state == JOB_DONE);
}

static void
stop_is_in_the_view_until_the_job_is_done(void)
{
	running(1000);
	coord_view(&c, &v);
	CHECK(!v.stop);
	coord_stop(&c, 100);
	coord_view(&c, &v);
	CHECK(v.stop && c.changed && c.state == JOB_RUNNING);
	SILENT(coord_stop(&c, 200));
	coord_lost(&c, 1, 300);			/* an ordinary recovery */
	gather(300);
	coord_view(&c, &v);
	CHECK(v.stop && v.attempt == 2 && v.state == JOB_RUNNING);
	coord_finished(&c, SOURCE, 400);
	ack_all(1, 400);
	commit_all(1, 400);
	CHECK(c.state == JOB_DONE);
}

static void
cancel_ends_what_has_not_ended(void)
{
	running(1000);
	pass(1000);
	c.changed = 0;
	coord_cancel(&c, 1000);
	CHECK(c.state == JOB_CANCELLED && c.changed && pending_are(0, 0));
	CHECK(v.state == JOB_CANCELLED && strcmp(c.why, "cancelled") == 0);
	CHECK(coord_next(&c) == RULES_NEVER && c.restart.restarts == 0);
	SILENT(coord_cancel(&c, 1000));
	SILENT(coord_failed(&c, "too late", 1000));
	SILENT(coord_lost(&c, 0, 1100));
	running(1000);
	c.restart.delay_ms = c.restart.max_ms = 100;
	coord_lost(&c, 0, 0);
	coord_cancel(&c, 1000);
	CHECK(c.state == JOB_CANCELLED && coord_next(&c) == RULES_NEVER);
	SILENT(coord_tick(&c, 1000));
}

static void
cancel_changes_no_end(void)
{
	running(0);
	coord_failed(&c, "a bad record", 1000);
	SILENT(coord_cancel(&c, 1000));
	CHECK(c.state == JOB_FAILED && strcmp(c.why, "a bad record") == 0);
	running(0);
	coord_finished(&c, SOURCE, 0);
	ack_all(1, 0);
	commit_all(1, 0);
	SILENT(coord_cancel(&c, 1000));
	CHECK(c.state == JOB_DONE);
}

static void
bad_record_fails_the_job_without_asking(void)
{
	running(1000);
	pass(1000);
	c.changed = 0;
	coord_failed(&c, "reduce: no such field", 1000);
	CHECK(c.state == JOB_FAILED && c.changed && pending_are(0, 0));
	CHECK(strcmp(c.why, "reduce: no such field") == 0 && c.restart.restarts == 0);
	SILENT(coord_lost(&c, 1, 1000));
	SILENT(coord_failed(&c, "sink: another", 1000));
	CHECK(strcmp(c.why, "reduce: no such field") == 0);
}

int
main(void)
{
	RUN(final_checkpoint_waits_for_all_sources_and_no_interval);
	RUN(checkpoint_before_the_last_source_is_not_final);
	RUN(final_checkpoint_is_tried_until_one_completes);
	RUN(done_when_all_have_committed_the_final_checkpoint);
	RUN(done_waits_for_a_pending_savepoint);
	RUN(late_final_savepoint_takes_nothing_back);
	RUN(stop_is_in_the_view_until_the_job_is_done);
	RUN(final_checkpoint_that_fails_is_not_taken_by_the_interval);
	RUN(final_checkpoint_that_no_view_can_name_waits);
	RUN(stop_does_not_wait_for_ever_for_who_never_comes);
	RUN(cancel_ends_what_has_not_ended);
	RUN(cancel_changes_no_end);
	RUN(bad_record_fails_the_job_without_asking);
	coord_close(&c);
	DONE();
}
