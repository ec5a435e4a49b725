/* member: what each view asks of a subtask, wherever that subtask is. */
#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define ATTEMPT		5

/* Where a subtask can be when a view comes. */
enum place { NEW, JOINED, RUNNING, STOPPING, PLACES };

static struct member	m;
static struct view	v;

/* A member of attempt 5, brought there by views 1 to 3; v is then view 10. */
static void
begin(enum place place, int source)
{
	memset(&m, 0, sizeof(m));
	memset(&v, 0, sizeof(v));
	m.attempt = v.attempt = ATTEMPT;
	m.source = source;
	v.restore = v.completed = v.oldest = 3;
	v.ids.highest = 20;
	for (v.number = 1; v.number <= (uint64_t)place; v.number++) {
		v.state = v.number == JOINED ? JOB_GATHERING : JOB_RUNNING;
		v.stop = v.number == STOPPING;
		member_view(&m, &v);
	}
	v.number = 10;
	v.state = JOB_RUNNING;
}

static void
pending(uint64_t a, uint64_t b)
{
	v.ids.npending = (a != 0) + (b != 0);
	v.ids.pending[0] = a;
	v.ids.pending[1] = b;
	v.ids.highest = b > a ? b : a;
}

static void
each_state_asks_this_of_each_place(void)
{
	static const unsigned	want[JOB_CANCELLED + 1][PLACES] = {
		/*		    NEW		    JOINED	RUNNING	       STOPPING */
		[JOB_GATHERING] = { MEMBER_RESTORE, 0,		0,	       0 },
		[JOB_RUNNING]   = { 0,		    MEMBER_RUN, 0,	       0 },
		[JOB_DELAYED]   = { 0,		    0,		0,	       0 },
		[JOB_DONE]	= { MEMBER_LEAVE,   MEMBER_LEAVE, MEMBER_LEAVE, MEMBER_LEAVE },
		[JOB_FAILED]	= { MEMBER_FAIL,    MEMBER_FAIL, MEMBER_FAIL,   MEMBER_FAIL },
		[JOB_CANCELLED] = { MEMBER_FAIL,    MEMBER_FAIL, MEMBER_FAIL,   MEMBER_FAIL },
	};
	int			source, state, place;
	unsigned		todo;

	for (source = 0; source < 2; source++)
		for (state = 0; state <= JOB_CANCELLED; state++)
			for (place = NEW; place < PLACES; place++) {
				begin((enum place)place, source);
				v.stop = place == STOPPING;
				v.state = (enum job_state)state;
				if ((todo = member_view(&m, &v)) != want[state][place])
					printf("# source %d state %d place %d: %#x\n", source,
					    state, place, todo);
				CHECK(todo == want[state][place]);
			}
}

static void
newer_attempt_means_again_in_each_place(void)
{
	static const enum job_state	state[] = { JOB_GATHERING, JOB_RUNNING, JOB_DELAYED };
	int				place;
	unsigned			i;

	for (place = NEW; place < PLACES; place++)
		for (i = 0; i < 3; i++) {
			begin((enum place)place, 1);
			v.attempt = ATTEMPT + 1;
			v.state = state[i];
			v.stop = 1;
			pending(21, 22);
			v.completed = 9;
			CHECK(member_view(&m, &v) == MEMBER_AGAIN);
			CHECK(m.completed == (place == NEW ? 0 : 3) && m.triggered == 0);
		}
}

static void
job_that_ended_in_a_newer_attempt_has_ended(void)
{
	begin(RUNNING, 0);
	v.attempt = ATTEMPT + 1;
	v.state = JOB_DONE;
	CHECK(member_view(&m, &v) == MEMBER_LEAVE);
	begin(RUNNING, 0);
	v.attempt = ATTEMPT + 1;
	v.state = JOB_FAILED;
	CHECK(member_view(&m, &v) == MEMBER_FAIL);
}

static void
older_attempt_means_nothing_in_each_place(void)
{
	int place, state;

	for (place = NEW; place < PLACES; place++)
		for (state = 0; state <= JOB_CANCELLED; state++) {
			begin((enum place)place, 1);
			v.attempt = ATTEMPT - 1;
			v.state = (enum job_state)state;
			pending(21, 0);
			v.completed = 20;
			CHECK(member_view(&m, &v) == 0);
			CHECK(m.seen == (uint64_t)place);
		}
}

static void
repeated_and_old_views_mean_nothing(void)
{
	uint64_t number;

	begin(RUNNING, 1);
	pending(21, 0);
	v.completed = 4;
	CHECK(member_view(&m, &v) == (MEMBER_BARRIER | MEMBER_COMMIT));
	CHECK(member_view(&m, &v) == 0);
	pending(22, 0);
	v.completed = 5;
	v.stop = 1;
	for (number = 0; number <= 10; number++) {
		v.number = number;
		CHECK(member_view(&m, &v) == 0);
		v.state = JOB_DONE;
		CHECK(member_view(&m, &v) == 0);
		v.state = JOB_RUNNING;
	}
	v.number = 11;
	CHECK(member_view(&m, &v) == (MEMBER_BARRIER | MEMBER_COMMIT | MEMBER_STOP));
	CHECK(m.nbarrier == 1 && m.barrier[0] == 22 && m.completed == 5);
}

static void
first_view_says_what_to_restore(void)
{
	begin(NEW, 1);
	v.state = JOB_GATHERING;
	v.oldest = 2;
	CHECK(member_view(&m, &v) == MEMBER_RESTORE);
	CHECK(m.restore == 3 && m.completed == 3 && m.oldest == 2);
	begin(NEW, 0);
	v.state = JOB_GATHERING;
	v.restore = v.completed = v.oldest = 0;
	CHECK(member_view(&m, &v) == MEMBER_RESTORE);
	CHECK(m.restore == 0 && m.completed == 0);
}

/* The attempt has failed before it was joined: nothing may be restored any more. */
static void
attempt_that_failed_first_is_not_joined(void)
{
	begin(NEW, 1);
	v.state = JOB_DELAYED;
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	v.state = JOB_RUNNING;
	pending(21, 0);
	CHECK(member_view(&m, &v) == 0 && !m.joined && !m.running);
	v.number++;
	v.attempt++;
	v.state = JOB_GATHERING;
	CHECK(member_view(&m, &v) == MEMBER_AGAIN);
}

static void
lost_views_change_nothing(void)
{
	begin(JOINED, 1);
	pending(21, 22);
	v.completed = 7;
	v.oldest = 6;
	v.stop = 1;
	CHECK(member_view(&m, &v) == (MEMBER_RUN | MEMBER_COMMIT | MEMBER_STOP | MEMBER_BARRIER));
	CHECK(m.nbarrier == 2 && m.completed == 7 && m.oldest == 6);
	CHECK(m.ids.highest == 22 && m.ids.npending == 2);
}

static void
barriers_ascend_and_come_once(void)
{
	begin(RUNNING, 1);
	pending(21, 24);
	CHECK(member_view(&m, &v) == MEMBER_BARRIER);
	CHECK(m.nbarrier == 2 && m.barrier[0] == 21 && m.barrier[1] == 24);
	v.number++;
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	pending(24, 25);
	CHECK(member_view(&m, &v) == MEMBER_BARRIER);
	CHECK(m.nbarrier == 1 && m.barrier[0] == 25);
	v.number++;
	pending(0, 0);
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	pending(25, 26);
	CHECK(member_view(&m, &v) == MEMBER_BARRIER);
	CHECK(m.nbarrier == 1 && m.barrier[0] == 26);
}

static void
barriers_of_a_full_view_all_go(void)
{
	unsigned i;

	begin(RUNNING, 1);
	for (i = 0; i < VIEW_PENDING; i++)
		v.ids.pending[i] = 21 + 2 * i;
	v.ids.npending = VIEW_PENDING;
	CHECK(member_view(&m, &v) == MEMBER_BARRIER);
	CHECK(m.nbarrier == VIEW_PENDING);
	for (i = 0; i < m.nbarrier; i++)
		CHECK(m.barrier[i] == 21 + 2 * i);
}

static void
barriers_wait_until_records_may_flow(void)
{
	begin(JOINED, 1);
	pending(21, 0);
	v.state = JOB_GATHERING;
	v.stop = 1;
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	v.state = JOB_RUNNING;
	CHECK(member_view(&m, &v) == (MEMBER_RUN | MEMBER_STOP | MEMBER_BARRIER));
}

static void
only_sources_stop_and_send_barriers(void)
{
	begin(JOINED, 0);
	pending(21, 22);
	v.stop = 1;
	CHECK(member_view(&m, &v) == MEMBER_RUN);
	CHECK(m.nbarrier == 0 && m.triggered == 0);
	CHECK(m.ids.highest == 22 && m.ids.npending == 2 && m.ids.pending[0] == 21);
}

static void
stop_comes_once_and_barriers_go_on(void)
{
	begin(RUNNING, 1);
	v.stop = 1;
	CHECK(member_view(&m, &v) == MEMBER_STOP);
	v.number++;
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	pending(21, 0);
	CHECK(member_view(&m, &v) == MEMBER_BARRIER);
}

static void
commit_comes_once_for_each_completion(void)
{
	begin(RUNNING, 0);
	v.completed = 4;
	v.oldest = 4;
	CHECK(member_view(&m, &v) == MEMBER_COMMIT && m.completed == 4 && m.oldest == 4);
	v.number++;
	CHECK(member_view(&m, &v) == 0);
	v.number++;
	v.completed = 9;		/* what was completed between is in it */
	CHECK(member_view(&m, &v) == MEMBER_COMMIT && m.completed == 9);
	v.number++;
	v.completed = 8;		/* it never goes down */
	CHECK(member_view(&m, &v) == 0 && m.completed == 9);
}

static void
commit_is_said_in_a_failed_attempt_too(void)
{
	begin(RUNNING, 1);
	v.state = JOB_DELAYED;
	v.completed = 4;
	CHECK(member_view(&m, &v) == MEMBER_COMMIT && m.completed == 4);
}

int
main(void)
{
	RUN(each_state_asks_this_of_each_place);
	RUN(newer_attempt_means_again_in_each_place);
	RUN(job_that_ended_in_a_newer_attempt_has_ended);
	RUN(older_attempt_means_nothing_in_each_place);
	RUN(repeated_and_old_views_mean_nothing);
	RUN(first_view_says_what_to_restore);
	RUN(attempt_that_failed_first_is_not_joined);
	RUN(lost_views_change_nothing);
	RUN(barriers_ascend_and_come_once);
	RUN(barriers_of_a_full_view_all_go);
	RUN(barriers_wait_until_records_may_flow);
	RUN(only_sources_stop_and_send_barriers);
	RUN(stop_comes_once_and_barriers_go_on);
	RUN(commit_comes_once_for_each_completion);
	RUN(commit_is_said_in_a_failed_attempt_too);
	DONE();
}
