/*
 * roster: a subtask's number as a member never changes; who is there, and what a
 * checkpoint has of whom.
 */
#include "roster.h"
#include "tap.h"

static struct roster	r;
static char		why[256];

static struct topology_stage
stage(const char *name, unsigned parallelism)
{
	struct topology_stage s = { .parallelism = parallelism, .outputs = 1 };

	strcpy(s.name, name);
	return (s);
}

static struct subtask *
add(const char *name, unsigned parallelism, unsigned number)
{
	struct topology_stage s = stage(name, parallelism);

	return (roster_add(&r, &s, number, why, sizeof(why)));
}

static void
roster_gives_slots_to_a_whole_stage(void)
{
	struct subtask	*a = add("a", 3, 2), *b = add("b", 1, 0);
	char		 label[ROSTER_LABEL];

	CHECK(a != NULL && a->member == 2 && a->number == 2);
	CHECK(b != NULL && b->member == 3 && r.nmembers == 4);
	CHECK(add("a", 3, 0)->member == 0 && add("a", 3, 2) == a && r.nmembers == 4);
	CHECK(r.member[1]->number == 1 && r.member[3] == b);
	CHECK(strcmp(roster_label(&r, a, label), "a.2") == 0);
	CHECK(roster_knows(&r, "b") && !roster_knows(&r, "c"));
	roster_free(&r);
}

static void
roster_refuses_another_stage_of_that_name(void)
{
	CHECK(add("a", 3, 0) != NULL && add("a", 2, 0) == NULL);
	CHECK(strncmp(why, "two stages are called \"a\"", 25) == 0 && r.nmembers == 3);
	roster_free(&r);
}

static void
roster_is_here_when_all_subtasks_are(void)
{
	struct subtask	*a = add("a", 2, 0);
	struct caller	*anybody = (struct caller *)&r;

	CHECK(!roster_here(&r));
	a->caller = anybody;
	CHECK(!roster_here(&r));
	r.member[1]->caller = anybody;
	CHECK(roster_here(&r));
	add("b", 1, 0);
	CHECK(!roster_here(&r));
	roster_free(&r);
}

static void
checkpoint_gives_each_stage_once(void)
{
	struct jobfile_subtask		 s[4] = {
		{ .stage = "a", .parallelism = 1 },
		{ .stage = "b", .parallelism = 2 },
		{ .stage = "b", .parallelism = 2, .subtask = 1 },
		{ .stage = "c", .parallelism = 1 },
	};
	struct jobfile_checkpoint	 c = { .subtask = s, .nsubtasks = 4 };
	size_t				 at = 0;

	CHECK(checkpoint_stage(&c, &at) == &s[0] && checkpoint_stage(&c, &at) == &s[1]);
	CHECK(checkpoint_stage(&c, &at) == &s[3] && checkpoint_stage(&c, &at) == NULL);
	CHECK(checkpoint_find(&c, "b") == &s[1] && checkpoint_find(&c, "d") == NULL);
	at = 0;
	CHECK(checkpoint_stage(NULL, &at) == NULL && checkpoint_find(NULL, "a") == NULL);
}

int
main(void)
{
	RUN(roster_gives_slots_to_a_whole_stage);
	RUN(roster_refuses_another_stage_of_that_name);
	RUN(roster_is_here_when_all_subtasks_are);
	RUN(checkpoint_gives_each_stage_once);
	DONE();
}
