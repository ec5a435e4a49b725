/* coord: ids, and the life of a checkpoint, event by event. */
#include "job.h"

/* Gathering */

static void
open_raises_the_attempt_and_says_so_durably(void)
{
	begin(1000);
	CHECK(c.attempt == 1 && c.state == JOB_GATHERING && c.persist && c.changed);
	coord_view(&c, &v);
	CHECK(v.number == 1 && v.attempt == 1 && v.restore == 0 && v.ids.highest == 0);
	CHECK(coord_next(&c) == RULES_NEVER);
}

static void
job_runs_when_whole_and_all_connected(void)
{
	unsigned i;

	begin(1000);
	for (i = 0; i < MEMBERS; i++)
		CHECK(coord_register(&c, i, i == SOURCE, 0));
	for (i = 0; i < MEMBERS; i++)
		SILENT(coord_connected(&c, i, 0));
	coord_whole(&c, 5);
	CHECK(c.state == JOB_RUNNING && c.changed);
	begin(1000);
	for (i = 0; i < MEMBERS; i++)
		coord_register(&c, i, i == SOURCE, 0);
	SILENT(coord_whole(&c, 0));
	for (i = 0; i < MEMBERS - 1; i++)
		SILENT(coord_connected(&c, i, 0));
	SILENT(coord_connected(&c, MEMBERS, 0));	/* a stranger */
	coord_connected(&c, MEMBERS - 1, 0);
	CHECK(c.state == JOB_RUNNING);
}

static void
job_waits_for_each_member(void)
{
	unsigned i, last;

	for (last = 0; last < MEMBERS; last++) {
		begin(0);
		for (i = 0; i < MEMBERS; i++)
			coord_register(&c, i, i == SOURCE, 0);
		coord_whole(&c, 0);
		for (i = 0; i < MEMBERS; i++)
			if (i != last)
				SILENT(coord_connected(&c, i, 0));
		coord_connected(&c, last, 0);
		CHECK(c.state == JOB_RUNNING);
		coord_finished(&c, SOURCE, 0);
		for (i = 0; i < MEMBERS; i++)
			if (i != last)
				SILENT(coord_ack(&c, i, 1, 0));
		coord_ack(&c, last, 1, 0);
		CHECK(c.final == 1);
		for (i = 0; i < MEMBERS; i++)
			if (i != last)
				SILENT(coord_committed(&c, i, 1, 0));
		coord_committed(&c, last, 1, 0);
		CHECK(c.state == JOB_DONE);
	}
}

static void
reports_before_the_job_runs_mean_nothing(void)
{
	begin(0);
	coord_register(&c, SOURCE, 1, 0);
	SILENT(coord_finished(&c, SOURCE, 0));
	SILENT(coord_committed(&c, SOURCE, 100, 0));
	coord_register(&c, 1, 0, 0);
	coord_register(&c, 2, 0, 0);
	SILENT(coord_committed(&c, 1, 100, 0));
	SILENT(coord_committed(&c, 2, 100, 0));
	coord_whole(&c, 0);
	coord_connected(&c, 0, 0);
	coord_connected(&c, 1, 0);
	coord_connected(&c, 2, 0);
	CHECK(c.state == JOB_RUNNING);
	SILENT(coord_tick(&c, 0));		/* no source has finished */
	coord_finished(&c, SOURCE, 0);
	ack_all(1, 0);
	CHECK(c.final == 1 && c.state == JOB_RUNNING);
}

static void
nothing_is_triggered_before_the_job_runs(void)
{
	begin(1000);
	SILENT(coord_tick(&c, 5000));
	CHECK(coord_request(&c, COORD_SAVEPOINT, 5000) == 0);
	gather(5000);
	CHECK(coord_next(&c) == 6000);		/* a full interval after the start */
	SILENT(coord_tick(&c, 5999));
	coord_tick(&c, 6000);
	CHECK(pending_are(1, 0));
}

static void
stranger_is_refused_while_the_job_runs(void)
{
	running(1000);
	pass(1000);
	SILENT(CHECK(!coord_register(&c, MEMBERS, 0, 1000)));
	SILENT(coord_ack(&c, MEMBERS, 1, 1000));
	SILENT(coord_decline(&c, MEMBERS, 1, NULL, 1000));
	SILENT(coord_finished(&c, MEMBERS, 1000));
	SILENT(coord_committed(&c, MEMBERS, 1, 1000));
	SILENT(coord_lost(&c, MEMBERS, 1000));
	ack_all(1, 1000);
	CHECK(ended_as(1, COORD_COMPLETED));	/* without the stranger's ack */
}

/* Ids */

static void
ids_start_at_1_and_are_reserved_16_ahead(void)
{
	uint64_t id;

	running(0);
	for (id = 1; id <= 40; id++) {
		coord_saved(&c);
		CHECK(coord_request(&c, COORD_REQUESTED, 0) == id);
		CHECK(c.persist == (id % 17 == 0));
		CHECK(c.reserved >= id && c.reserved <= id + COORD_RESERVE);
	}
}

static void
ids_are_never_used_again_after_a_crash(void)
{
	uint64_t	reserved, last;
	uint32_t	attempt;
	int		round;

	running(0);
	for (round = 0; round < 5; round++) {
		last = coord_request(&c, COORD_REQUESTED, 0);
		CHECK(last != 0);
		reserved = c.reserved;
		attempt = c.attempt;
		coord_close(&c);
		memset(&c, 0, sizeof(c));
		c.reserved = reserved;
		c.attempt = attempt;
		coord_open(&c, 0);
		CHECK(c.attempt == attempt + 1 && c.persist);
		coord_view(&c, &v);
		CHECK(v.ids.highest == reserved && v.ids.npending == 0);
		gather(0);
		CHECK(coord_request(&c, COORD_REQUESTED, 0) == reserved + 1);
		CHECK(c.highest > last);
	}
}

static void
ids_ascend_over_attempts(void)
{
	running(1000);
	pass(1000);
	coord_lost(&c, 1, 1100);
	gather(1100);
	pass(2100);
	CHECK(pending_are(2, 0));
}

static void
more_than_a_view_can_name_is_refused(void)
{
	unsigned i;

	running(0);
	for (i = 1; i <= VIEW_PENDING; i++)
		CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == i);
	SILENT(CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == 0));
	coord_view(&c, &v);
	CHECK(v.ids.npending == VIEW_PENDING && v.ids.pending[63] == 64);
	coord_decline(&c, 0, 7, NULL, 0);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == 65);
}

/* A checkpoint's life */

static void
last_ack_completes_durably(void)
{
	running(1000);
	pass(1000);
	CHECK(pending_are(1, 0) && v.ids.highest == 1 && c.changed);
	SILENT(coord_ack(&c, 0, 1, 1100));
	SILENT(coord_ack(&c, 0, 1, 1100));		/* twice is once */
	SILENT(coord_ack(&c, 1, 1, 1100));
	SILENT(coord_ack(&c, 2, 2, 1100));		/* of an id that is not out */
	coord_ack(&c, 2, 1, 1200);
	CHECK(ended_as(1, COORD_COMPLETED) && c.persist && c.changed);
	CHECK(view_completed() == 1 && v.restore == 1 && v.oldest == 1 && v.ids.npending == 0);
	SILENT(ack_all(1, 1300));
}

static void
w10_timeouts_and_late_acks(void)
{
	uint64_t id;

	running(1000);
	for (id = 1; id <= 5; id++) {
		CHECK(coord_next(&c) == (int64_t)id * 1000);
		pass((int64_t)id * 1000);
		CHECK(pending_are(id, 0));
		coord_ack(&c, 0, id, (int64_t)id * 1000 + 1);
		CHECK(coord_next(&c) == (int64_t)id * 1000 + 600);
		SILENT(coord_tick(&c, (int64_t)id * 1000 + 599));
		coord_tick(&c, (int64_t)id * 1000 + 600);
		CHECK(ended_as(id, COORD_EXPIRED) && c.changed && pending_are(0, 0));
		SILENT(coord_ack(&c, 1, id, (int64_t)id * 1000 + 700));
		SILENT(coord_ack(&c, 2, id, (int64_t)id * 1000 + 700));
		SILENT(coord_decline(&c, 2, id, NULL, (int64_t)id * 1000 + 700));
	}
	CHECK(c.state == JOB_RUNNING && view_completed() == 0 && v.ids.highest == 5);
	CHECK(c.nretained == 0 && c.attempt == 1);
}

static void
decline_aborts_and_the_job_goes_on(void)
{
	running(1000);
	pass(1000);
	coord_ack(&c, 0, 1, 1000);
	coord_decline(&c, 1, 1, NULL, 1100);
	CHECK(ended_as(1, COORD_DECLINED) && c.changed && pending_are(0, 0));
	SILENT(coord_decline(&c, 1, 1, NULL, 1100));
	SILENT(coord_ack(&c, 2, 1, 1100));
	pass(2000);
	CHECK(pending_are(2, 0));
	ack_all(2, 2000);
	CHECK(view_completed() == 2);
}

static void
a_final_one_that_is_always_declined_fails_the_job(void)
{
	uint64_t	id;
	int64_t		now = 100;

	running(1000);
	coord_finished(&c, SOURCE, now);
	for (id = 1; id <= 3; id++) {
		CHECK(pending_are(id, 0) && c.state == JOB_RUNNING);
		coord_decline(&c, 1, id, "too much", now);
		now = coord_next(&c);
		if (id < 3)
			pass(now);
	}
	CHECK(c.state == JOB_FAILED && pending_are(0, 0) &&
	    strcmp(c.why, "the final checkpoint cannot be taken: too much") == 0);
}

static void
a_final_one_that_is_put_off_is_tried_again(void)
{
	uint64_t	id;
	int64_t		now = 100;

	running(1000);
	coord_finished(&c, SOURCE, now);
	for (id = 1; id <= 9; id++) {
		CHECK(pending_are(id, 0));
		coord_decline(&c, 1, id, NULL, now);
		pass(now = coord_next(&c));
	}
	CHECK(c.state == JOB_RUNNING && pending_are(10, 0));
}

static void
abort_frees_the_slot_of_a_queued_one(void)
{
	running(1000);
	c.timeout_ms = 1500;
	pass(2499);
	CHECK(pending_are(1, 0));
	pass(2500);
	CHECK(ended_as(1, COORD_EXPIRED) && pending_are(2, 0));
	CHECK(coord_next(&c) == 3500);
}

static void
pause_counts_from_the_completion(void)
{
	running(1000);
	c.trigger.pause_ms = 500;
	c.timeout_ms = 5000;
	pass(1000);
	ack_all(1, 1900);
	SILENT(coord_tick(&c, 2000));
	CHECK(coord_next(&c) == 2400);
	pass(2400);
	CHECK(pending_are(2, 0));
}

static void
w11_completion_subsumes_lower_ids(void)
{
	struct coord_pending *p;

	running(1000);
	c.trigger.concurrent = 3;
	c.timeout_ms = 100000;
	pass(2000);
	CHECK(pending_are(1, 2));
	coord_ack(&c, 0, 1, 2100);
	ack_all(2, 2100);
	CHECK(view_completed() == 2 && pending_are(0, 0));
	p = coord_ended(&c);
	CHECK(p != NULL && p->id == 2 && p->how == COORD_COMPLETED && p->nacked == MEMBERS);
	coord_pending_free(p);
	p = coord_ended(&c);
	CHECK(p != NULL && p->id == 1 && p->how == COORD_SUBSUMED && p->ended_ms == 2100);
	CHECK(p != NULL && p->nacked == 1 && p->acked[0] && !p->acked[1]);
	coord_pending_free(p);
	SILENT(coord_ack(&c, 1, 1, 2200));
	SILENT(coord_ack(&c, 2, 1, 2200));
}

static void
w11_higher_ids_stay_pending(void)
{
	running(1000);
	c.trigger.concurrent = 3;
	c.timeout_ms = 100000;
	pass(3000);
	ack_all(2, 3100);
	CHECK(view_completed() == 2 && pending_are(3, 0));
	ack_all(3, 3200);
	CHECK(view_completed() == 3);
}

static void
w11_savepoint_with_a_lower_id_is_kept(void)
{
	int n;

	running(1000);
	c.trigger.concurrent = 3;
	CHECK(coord_request(&c, COORD_SAVEPOINT, 500) == 1);
	pass(1000);
	CHECK(pending_are(1, 2));
	ack_all(2, 1100);
	CHECK(view_completed() == 2 && pending_are(1, 0));
	pass(1900);
	CHECK(pending_are(1, 0));		/* nor does it expire */
	ack_all(1, 1900);
	CHECK(ended(1, COORD_COMPLETED, &n) && pending_are(0, 0));
	CHECK(view_completed() == 2);		/* and nothing goes back */
	CHECK(v.restore == 2 && v.oldest == 2 && c.nretained == 1);
}

static void
late_savepoint_takes_its_place_among_the_retained(void)
{
	running(1000);
	c.retain = 3;
	pass(1000);
	ack_all(1, 1000);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 1500) == 2);
	pass(2000);
	ack_all(3, 2000);
	ack_all(2, 2100);
	CHECK(c.nretained == 3 && c.retained[0] == 1 && c.retained[1] == 2 && c.retained[2] == 3);
	CHECK(view_completed() == 3 && v.oldest == 1);
}

static void
savepoint_takes_no_slot_and_waits_for_none(void)
{
	running(1000);
	c.trigger.pause_ms = 900;
	pass(1000);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 1000) == 2);
	CHECK(pending_are(1, 2));
	ack_all(1, 1050);
	CHECK(pending_are(2, 0) && coord_next(&c) == 2000);
	pass(2000);
	CHECK(pending_are(2, 3));
}

static void
one_that_is_held_and_later_ones_are_retained(void)
{
	uint64_t id;

	running(0);
	c.retain = 1;
	for (id = 1; id <= 4; id++) {
		CHECK(coord_request(&c, COORD_REQUESTED, 0) == id);
		ack_all(id, 0);
		if (id == 2)
			c.held = id;
	}
	coord_view(&c, &v);
	CHECK(c.nretained == 3 && v.oldest == 2 && v.completed == 4);
	c.held = 0;
	CHECK(coord_request(&c, COORD_REQUESTED, 0) == 5);
	ack_all(5, 0);
	CHECK(c.nretained == 1 && c.retained[0] == 5);
}

static void
w17_retains_as_many_as_asked_for(void)
{
	unsigned retain, i;

	for (retain = 0; retain <= 3; retain++) {
		running(1000);
		c.retain = retain;
		for (i = 1; i <= 5; i++) {
			pass(1000 * i);
			ack_all(i, 1000 * i);
		}
		CHECK(c.nretained == (retain > 1 ? retain : 1));
		CHECK(c.retained[c.nretained - 1] == 5 && view_completed() == 5);
		CHECK(v.oldest == 6 - c.nretained && c.retained[0] == v.oldest);
	}
}

static void
all_that_expire_at_once_are_told(void)
{
	int n;

	running(1000);
	c.trigger.concurrent = 3;
	pass(1000);
	coord_request(&c, COORD_REQUESTED, 1000);
	coord_ack(&c, 1, 2, 1100);
	CHECK(pending_are(1, 2));
	coord_tick(&c, 1600);
	CHECK(ended(2, COORD_EXPIRED, &n) && n == 2 && pending_are(0, 0));
}

static void
want_triggers_one_at_once_unless_one_is_pending(void)
{
	begin(1000);
	SILENT(coord_want(&c, 0));		/* nothing runs */
	running(1000);
	c.trigger.pause_ms = 900;
	coord_want(&c, 100);
	CHECK(pending_are(1, 0));
	SILENT(coord_want(&c, 150));
	ack_all(1, 200);
	coord_want(&c, 201);
	CHECK(pending_are(2, 0));
}

/* What could not be saved */

static void
unsaved_completion_is_an_abort_and_the_job_goes_on(void)
{
	running(1000);
	pass(1000);
	ack_all(1, 1000);
	coord_saved(&c);
	CHECK(ended_as(1, COORD_COMPLETED));
	pass(2000);
	ack_all(2, 2000);
	CHECK(c.persist && view_completed() == 2);
	coord_unsaved(&c, 2000);
	CHECK(ended_as(2, COORD_UNSAVED) && !c.persist && c.state == JOB_RUNNING);
	CHECK(view_completed() == 1 && v.oldest == 1 && v.restore == 1 && v.ids.highest == 2);
	pass(3000);
	ack_all(3, 3000);
	coord_saved(&c);
	CHECK(view_completed() == 3 && c.nretained == 1);
}

static void
unsaved_reservation_takes_the_id_back(void)
{
	uint64_t id;

	running(0);
	for (id = 1; id <= 16; id++)
		CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == id);
	CHECK(c.reserved == 16);
	coord_saved(&c);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == 17 && c.persist);
	coord_unsaved(&c, 0);
	CHECK(ended_as(17, COORD_UNSAVED) && c.highest == 16 && c.reserved == 16);
	coord_view(&c, &v);
	CHECK(v.ids.highest == 16 && v.ids.npending == 16);
	CHECK(coord_request(&c, COORD_SAVEPOINT, 0) == 17 && c.reserved == 17 + COORD_RESERVE);
}

static void
unsaved_final_checkpoint_is_tried_again_later(void)
{
	running(0);
	coord_finished(&c, SOURCE, 0);
	coord_saved(&c);
	ack_all(1, 10);
	CHECK(c.final == 1);
	coord_unsaved(&c, 10);
	CHECK(ended_as(1, COORD_UNSAVED) && c.final == 0 && coord_next(&c) == 110);
	SILENT(coord_tick(&c, 109));
	SILENT(commit_all(1, 109));
	coord_tick(&c, 110);
	CHECK(pending_are(2, 0));
	coord_unsaved(&c, 110);			/* what is durable stays */
	CHECK(pending_are(2, 0));
	ack_all(2, 120);
	coord_saved(&c);
	commit_all(2, 130);
	CHECK(c.state == JOB_DONE);
}

static void
unsaved_attempt_is_opened_later(void)
{
	running(1000);
	coord_lost(&c, 1, 500);
	CHECK(c.attempt == 2 && c.state == JOB_GATHERING && c.persist);
	coord_unsaved(&c, 500);
	CHECK(c.attempt == 1 && c.state == JOB_DELAYED && coord_next(&c) == 1500);
	SILENT(CHECK(!coord_register(&c, 0, 1, 600)));
	coord_tick(&c, 1500);
	CHECK(c.attempt == 2 && c.state == JOB_GATHERING && c.persist);
	coord_saved(&c);
	gather(1500);
	CHECK(c.state == JOB_RUNNING);
}

int
main(void)
{
	RUN(open_raises_the_attempt_and_says_so_durably);
	RUN(job_runs_when_whole_and_all_connected);
	RUN(job_waits_for_each_member);
	RUN(reports_before_the_job_runs_mean_nothing);
	RUN(nothing_is_triggered_before_the_job_runs);
	RUN(stranger_is_refused_while_the_job_runs);
	RUN(ids_start_at_1_and_are_reserved_16_ahead);
	RUN(ids_are_never_used_again_after_a_crash);
	RUN(ids_ascend_over_attempts);
	RUN(more_than_a_view_can_name_is_refused);
	RUN(last_ack_completes_durably);
	RUN(w10_timeouts_and_late_acks);
	RUN(decline_aborts_and_the_job_goes_on);
	RUN(a_final_one_that_is_always_declined_fails_the_job);
	RUN(a_final_one_that_is_put_off_is_tried_again);
	RUN(abort_frees_the_slot_of_a_queued_one);
	RUN(pause_counts_from_the_completion);
	RUN(w11_completion_subsumes_lower_ids);
	RUN(w11_higher_ids_stay_pending);
	RUN(w11_savepoint_with_a_lower_id_is_kept);
	RUN(late_savepoint_takes_its_place_among_the_retained);
	RUN(savepoint_takes_no_slot_and_waits_for_none);
	RUN(one_that_is_held_and_later_ones_are_retained);
	RUN(w17_retains_as_many_as_asked_for);
	RUN(all_that_expire_at_once_are_told);
	RUN(want_triggers_one_at_once_unless_one_is_pending);
	RUN(unsaved_completion_is_an_abort_and_the_job_goes_on);
	RUN(unsaved_reservation_takes_the_id_back);
	RUN(unsaved_final_checkpoint_is_tried_again_later);
	RUN(unsaved_attempt_is_opened_later);
	coord_close(&c);
	DONE();
}
