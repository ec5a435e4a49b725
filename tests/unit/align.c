/* align: each barrier against each state, exactly once and at least once. */
#include <stdarg.h>
#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define LINKS	3

static struct align	a;
static uint8_t		parked[LINKS];

static void
begin(unsigned links, int at_least_once)
{
	memset(&a, 0, sizeof(a));
	memset(parked, 0, sizeof(parked));
	a.links = links;
	a.at_least_once = at_least_once;
	a.parked = parked;
}

/* What a view says: ids given out up to highest, these pending; 0 ends them. */
static struct ids
ids(uint64_t highest, ...)
{
	struct ids	v = { .highest = highest };
	va_list		ap;
	int		id;

	va_start(ap, highest);
	while ((id = va_arg(ap, int)) != 0)
		v.pending[v.npending++] = (uint64_t)id;
	va_end(ap);
	return (v);
}

static int
parks(int first, int second, int third)
{
	return (parked[0] == first && parked[1] == second && parked[2] == third);
}

/* A barrier on a link, under a view of its own. */
static enum align_step
barrier(unsigned link, uint64_t id, struct ids v)
{
	return (align_barrier(&a, link, id, &v));
}

static int
view(struct ids v)
{
	return (align_view(&a, &v));
}

static void
ids_are_dead_when_given_out_and_not_pending(void)
{
	struct ids v = ids(9, 4, 7, 0);

	CHECK(ids_dead(&v, 3) && ids_dead(&v, 5) && ids_dead(&v, 8) && ids_dead(&v, 9));
	CHECK(!ids_dead(&v, 4) && !ids_dead(&v, 7));
	CHECK(!ids_dead(&v, 10));	/* newer than the view */
}

/* FLOWING */

static void
align_flowing_newer_barrier_parks_its_link(void)
{
	begin(LINKS, 0);
	CHECK(barrier(1, 4, ids(4, 4, 0)) == ALIGN_PARK);
	CHECK(parks(0, 1, 0));
}

static void
align_flowing_id_above_the_view_is_newer(void)
{
	begin(LINKS, 0);
	CHECK(barrier(2, 4, ids(3, 0)) == ALIGN_PARK);
	CHECK(parks(0, 0, 1));
}

static void
align_flowing_last_barrier_snapshots(void)
{
	begin(1, 0);
	CHECK(barrier(0, 1, ids(1, 1, 0)) == ALIGN_SNAPSHOT);
	CHECK(parks(0, 0, 0));
	CHECK(barrier(0, 2, ids(1, 0)) == ALIGN_SNAPSHOT);
}

static void
align_flowing_stale_barrier_is_dropped(void)
{
	begin(1, 0);
	CHECK(barrier(0, 2, ids(5, 0)) == ALIGN_DROP);			/* dead */
	CHECK(barrier(0, 3, ids(5, 3, 0)) == ALIGN_SNAPSHOT);
	CHECK(barrier(0, 3, ids(5, 3, 0)) == ALIGN_DROP);		/* done */
	CHECK(barrier(0, 2, ids(5, 2, 3, 0)) == ALIGN_DROP);		/* below it */
	CHECK(barrier(0, 0, ids(0, 0)) == ALIGN_DROP);			/* no id */
	begin(LINKS, 0);
	CHECK(barrier(0, 2, ids(2, 0)) == ALIGN_DROP);
	CHECK(parks(0, 0, 0));
}

/* ALIGNING */

static void
align_same_barrier_parks_the_next_link(void)
{
	begin(LINKS, 0);
	barrier(0, 1, ids(1, 1, 0));
	CHECK(barrier(2, 1, ids(1, 1, 0)) == ALIGN_PARK);
	CHECK(parks(1, 0, 1));
}

static void
align_last_barrier_snapshots_and_releases(void)
{
	begin(LINKS, 0);
	barrier(0, 1, ids(1, 1, 0));
	barrier(2, 1, ids(1, 1, 0));
	CHECK(barrier(1, 1, ids(1, 1, 0)) == ALIGN_SNAPSHOT);
	CHECK(parks(0, 0, 0));
	CHECK(barrier(0, 1, ids(1, 1, 0)) == ALIGN_DROP);
	CHECK(barrier(1, 2, ids(2, 2, 0)) == ALIGN_PARK);
	CHECK(parks(0, 1, 0));
}

static void
align_newer_barrier_restarts(void)
{
	struct ids v = ids(2, 1, 2, 0);

	begin(LINKS, 0);
	barrier(0, 1, v);
	barrier(1, 1, v);
	CHECK(barrier(2, 2, v) == ALIGN_RESTART);	/* link 2 will never bring 1 */
	CHECK(parks(0, 0, 1));
	CHECK(barrier(0, 2, v) == ALIGN_PARK);
	CHECK(parks(1, 0, 1));
	CHECK(barrier(1, 2, v) == ALIGN_SNAPSHOT);
	CHECK(parks(0, 0, 0));
}

static void
align_id_above_the_view_restarts_too(void)
{
	begin(LINKS, 0);
	barrier(0, 1, ids(1, 1, 0));
	CHECK(barrier(1, 2, ids(1, 1, 0)) == ALIGN_RESTART);
	CHECK(parks(0, 1, 0));
}

static void
align_lower_barrier_is_dropped(void)
{
	struct ids v = ids(2, 1, 2, 0);

	begin(LINKS, 0);
	barrier(0, 2, v);
	CHECK(barrier(1, 1, v) == ALIGN_DROP);
	CHECK(parks(1, 0, 0));
	CHECK(barrier(1, 2, v) == ALIGN_PARK);
	CHECK(barrier(2, 2, v) == ALIGN_SNAPSHOT);
}

static void
align_dead_barrier_does_not_disturb(void)
{
	struct ids v = ids(3, 1, 0);

	begin(LINKS, 0);
	barrier(0, 1, v);
	CHECK(barrier(1, 3, v) == ALIGN_DROP);		/* newer, and dead */
	CHECK(parks(1, 0, 0));
	CHECK(barrier(1, 1, v) == ALIGN_PARK);
	CHECK(barrier(2, 1, ids(3, 0)) == ALIGN_DROP);	/* died before its last came */
	CHECK(parks(1, 1, 0));				/* the view releases them */
}

/* Views */

static void
view_gives_up_a_dead_alignment(void)
{
	begin(LINKS, 0);
	barrier(0, 1, ids(1, 1, 0));
	CHECK(view(ids(2, 2, 0)) == 1);
	CHECK(parks(0, 0, 0));
	CHECK(view(ids(2, 2, 0)) == 0);
	CHECK(barrier(1, 1, ids(0, 0)) == ALIGN_DROP);	/* whoever says so */
	CHECK(parks(0, 0, 0));
	CHECK(barrier(1, 2, ids(2, 2, 0)) == ALIGN_PARK);
	CHECK(barrier(0, 2, ids(2, 2, 0)) == ALIGN_PARK);
	CHECK(barrier(2, 2, ids(2, 2, 0)) == ALIGN_SNAPSHOT);
}

static void
view_keeps_a_pending_alignment(void)
{
	begin(LINKS, 0);
	barrier(0, 1, ids(1, 1, 0));
	CHECK(view(ids(1, 1, 0)) == 0);
	CHECK(view(ids(3, 1, 3, 0)) == 0);
	CHECK(parks(1, 0, 0));
}

static void
view_keeps_an_alignment_above_it(void)
{
	begin(LINKS, 0);
	barrier(0, 2, ids(1, 0));
	CHECK(view(ids(1, 0)) == 0);
	CHECK(parks(1, 0, 0));
	CHECK(view(ids(2, 0)) == 1);		/* and then it has caught up */
	CHECK(parks(0, 0, 0));
}

static void
view_means_nothing_to_flowing_links(void)
{
	begin(LINKS, 0);
	CHECK(view(ids(0, 0)) == 0);
	CHECK(view(ids(5, 0)) == 0);
	CHECK(barrier(0, 6, ids(5, 0)) == ALIGN_PARK);
}

/* At least once */

static void
count_parks_nothing_and_snapshots_at_the_last(void)
{
	struct ids v = ids(1, 1, 0);

	begin(LINKS, 1);
	CHECK(barrier(0, 1, v) == ALIGN_COUNT);
	CHECK(barrier(2, 1, v) == ALIGN_COUNT);
	CHECK(parks(0, 0, 0));
	CHECK(barrier(1, 1, v) == ALIGN_SNAPSHOT);
	CHECK(barrier(1, 1, v) == ALIGN_DROP);
	CHECK(a.ntally == 0);
}

static void
count_one_link_snapshots_at_once(void)
{
	uint64_t id;

	begin(1, 1);
	for (id = 1; id <= 2 * ALIGN_COUNTS; id++)
		CHECK(barrier(0, id, ids(0, 0)) == ALIGN_SNAPSHOT);
	CHECK(a.ntally == 0);
}

static void
count_keeps_ids_apart(void)
{
	struct ids v = ids(2, 1, 2, 0);

	begin(2, 1);
	CHECK(barrier(0, 1, v) == ALIGN_COUNT);
	CHECK(barrier(0, 2, v) == ALIGN_COUNT);
	CHECK(barrier(0, 3, v) == ALIGN_COUNT);		/* above the view */
	CHECK(barrier(1, 1, v) == ALIGN_SNAPSHOT);
	CHECK(barrier(1, 2, v) == ALIGN_SNAPSHOT);
	CHECK(barrier(1, 3, v) == ALIGN_SNAPSHOT);
}

static void
count_last_ends_all_before_it(void)
{
	struct ids v = ids(3, 1, 2, 3, 0);

	begin(2, 1);
	barrier(0, 1, v);
	barrier(0, 2, v);
	barrier(0, 3, v);
	CHECK(barrier(1, 2, v) == ALIGN_SNAPSHOT);
	CHECK(a.ntally == 1 && a.tally[0].id == 3);
	CHECK(barrier(1, 1, v) == ALIGN_DROP);
	CHECK(barrier(1, 3, v) == ALIGN_SNAPSHOT);
}

static void
count_drops_dead_ids(void)
{
	begin(2, 1);
	CHECK(barrier(0, 1, ids(2, 2, 0)) == ALIGN_DROP);
	CHECK(a.ntally == 0);
	CHECK(barrier(0, 0, ids(0, 0)) == ALIGN_DROP);
}

static void
count_is_forgotten_when_the_view_gives_it_up(void)
{
	begin(2, 1);
	barrier(0, 1, ids(3, 1, 2, 3, 0));
	barrier(0, 2, ids(3, 1, 2, 3, 0));
	barrier(0, 3, ids(3, 1, 2, 3, 0));
	CHECK(view(ids(3, 2, 0)) == 0);		/* no link was parked */
	CHECK(a.ntally == 1 && a.tally[0].id == 2);
	CHECK(barrier(1, 2, ids(3, 2, 0)) == ALIGN_SNAPSHOT);
}

static void
count_beyond_fifty_forgets_the_oldest(void)
{
	uint64_t id;

	begin(2, 1);
	for (id = 1; id <= ALIGN_COUNTS; id++)
		CHECK(barrier(0, id, ids(0, 0)) == ALIGN_COUNT);
	CHECK(a.ntally == 50 && a.tally[0].id == 1);
	CHECK(barrier(0, 51, ids(0, 0)) == ALIGN_COUNT);
	CHECK(a.ntally == 50 && a.tally[0].id == 2 && a.tally[49].id == 51);
	CHECK(barrier(1, 1, ids(0, 0)) == ALIGN_COUNT);	/* forgets 2 for it */
	CHECK(barrier(1, 3, ids(0, 0)) == ALIGN_SNAPSHOT);
	CHECK(barrier(1, 51, ids(0, 0)) == ALIGN_SNAPSHOT);
	CHECK(a.ntally == 0);
}

/*
 * W13: a sum stage with inputs X = 1, barrier, 2 and Y = 10, barrier; they come
 * as x1, X-barrier, x2, y10, Y-barrier, a parked link later.  Crash after the
 * snapshot: what came behind the barriers is replayed onto it.
 */
static int
sum_after_replay(int *snapshot)
{
	struct ids	v = ids(1, 1, 0);
	int		sum = 1, held = 0;

	*snapshot = -1;
	if (barrier(0, 1, v) == ALIGN_SNAPSHOT)
		*snapshot = sum;
	if (parked[0])
		held = 2;
	else
		sum += 2;
	sum += 10;
	if (barrier(1, 1, v) == ALIGN_SNAPSHOT)
		*snapshot = sum;
	CHECK(!parked[0] && sum + held == 13);
	return (*snapshot + 2);
}

static void
w13_exactly_once_holds_back(void)
{
	int snapshot;

	begin(2, 0);
	CHECK(sum_after_replay(&snapshot) == 13 && snapshot == 11);
}

static void
w13_at_least_once_counts_again(void)
{
	int snapshot;

	begin(2, 1);
	CHECK(sum_after_replay(&snapshot) == 15 && snapshot == 13);
}

int
main(void)
{
	RUN(ids_are_dead_when_given_out_and_not_pending);
	RUN(align_flowing_newer_barrier_parks_its_link);
	RUN(align_flowing_id_above_the_view_is_newer);
	RUN(align_flowing_last_barrier_snapshots);
	RUN(align_flowing_stale_barrier_is_dropped);
	RUN(align_same_barrier_parks_the_next_link);
	RUN(align_last_barrier_snapshots_and_releases);
	RUN(align_newer_barrier_restarts);
	RUN(align_id_above_the_view_restarts_too);
	RUN(align_lower_barrier_is_dropped);
	RUN(align_dead_barrier_does_not_disturb);
	RUN(view_gives_up_a_dead_alignment);
	RUN(view_keeps_a_pending_alignment);
	RUN(view_keeps_an_alignment_above_it);
	RUN(view_means_nothing_to_flowing_links);
	RUN(count_parks_nothing_and_snapshots_at_the_last);
	RUN(count_one_link_snapshots_at_once);
	RUN(count_keeps_ids_apart);
	RUN(count_last_ends_all_before_it);
	RUN(count_drops_dead_ids);
	RUN(count_is_forgotten_when_the_view_gives_it_up);
	RUN(count_beyond_fifty_forgets_the_oldest);
	RUN(w13_exactly_once_holds_back);
	RUN(w13_at_least_once_counts_again);
	DONE();
}
