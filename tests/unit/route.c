/*
 * route: every key has one subtask, every subtask its share of the keys.
 */
#include "rules.h"
#include "tap.h"

static void
groups_are_the_hash_modulo_their_number(void)
{
	static const uint32_t	hash[] = { 0, 1, 127, 128, 129, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned		groups, i;

	for (groups = 1; groups <= 300; groups++)
		for (i = 0; i < sizeof(hash) / sizeof(hash[0]); i++) {
			CHECK(route_group(hash[i], groups) < groups);
			CHECK(route_group(hash[i], groups) == hash[i] % groups);
		}
}

static void
key_groups_of_a_subtask_are_contiguous(void)
{
	unsigned p, g, last, s;

	for (p = 1; p <= ROUTE_GROUPS; p++)
		for (last = 0, g = 0; g < ROUTE_GROUPS; g++) {
			s = route_subtask(g, ROUTE_GROUPS, p);
			CHECK(s == last || s == last + 1);
			CHECK(s < p);
			last = s;
		}
}

static void
every_subtask_gets_its_share(void)
{
	unsigned share[ROUTE_GROUPS], p, g, i;

	for (p = 1; p <= ROUTE_GROUPS; p++) {
		memset(share, 0, sizeof(share));
		for (g = 0; g < ROUTE_GROUPS; g++)
			share[route_subtask(g, ROUTE_GROUPS, p)]++;
		for (i = 0; i < p; i++) {
			CHECK(share[i] >= ROUTE_GROUPS / p);
			CHECK(share[i] <= (ROUTE_GROUPS + p - 1) / p);
		}
	}
}

/* KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex */
static void
ranges_are_those_of_flink(void)
{
	unsigned groups, p, i, g;

	for (groups = 1; groups <= 200; groups++)
		for (p = 1; p <= groups; p++)
			for (i = 0; i < p; i++)
				for (g = (i * groups + p - 1) / p; g <= ((i + 1) * groups - 1) / p; g++)
					CHECK(route_subtask(g, groups, p) == i);
}

static void
large_numbers_do_not_overflow(void)
{
	CHECK(route_subtask(UINT32_MAX - 1, UINT32_MAX, 128) == 127);
	CHECK(route_subtask(0x80000000U, UINT32_MAX, 128) == 64);
	CHECK(route_subtask(32767, 32768, 32768) == 32767);
}

static void
a_keyed_stream_links_everybody(void)
{
	unsigned ups, downs, u, d;

	for (ups = 1; ups <= 9; ups++)
		for (downs = 1; downs <= 9; downs++)
			for (u = 0; u < ups; u++)
				for (d = 0; d < downs; d++)
					CHECK(route_link(1, u, ups, d, downs) == ROUTE_LINKED);
}

static void
an_unkeyed_stream_merges_or_goes_one_to_one(void)
{
	unsigned	ups, downs, u, d;
	enum route	expected;

	for (ups = 1; ups <= 9; ups++)
		for (downs = 1; downs <= 9; downs++)
			for (u = 0; u < ups; u++)
				for (d = 0; d < downs; d++) {
					if (downs == 1)
						expected = ROUTE_LINKED;
					else if (ups == downs)
						expected = u == d ? ROUTE_LINKED : ROUTE_APART;
					else
						expected = ROUTE_REFUSED;
					CHECK(route_link(0, u, ups, d, downs) == expected);
				}
}

/* No record is lost or doubled: one way on from each subtask, one way to each. */
static void
an_unkeyed_subtask_has_one_consumer_and_no_consumer_starves(void)
{
	unsigned p, q, u, d, links, fed;

	for (p = 1; p <= ROUTE_GROUPS; p++)
		for (q = 1; q <= p; q += p > 1 ? p - 1 : 1) {
			for (u = 0; u < p; u++) {
				for (links = 0, d = 0; d < q; d++)
					links += route_link(0, u, p, d, q) == ROUTE_LINKED;
				CHECK(links == 1);
			}
			for (d = 0; d < q; d++) {
				for (fed = 0, u = 0; u < p; u++)
					fed += route_link(0, u, p, d, q) == ROUTE_LINKED;
				CHECK(fed == p / q);
			}
		}
}

int
main(void)
{
	RUN(groups_are_the_hash_modulo_their_number);
	RUN(key_groups_of_a_subtask_are_contiguous);
	RUN(every_subtask_gets_its_share);
	RUN(ranges_are_those_of_flink);
	RUN(large_numbers_do_not_overflow);
	RUN(a_keyed_stream_links_everybody);
	RUN(an_unkeyed_stream_merges_or_goes_one_to_one);
	RUN(an_unkeyed_subtask_has_one_consumer_and_no_consumer_starves);
	DONE();
}
