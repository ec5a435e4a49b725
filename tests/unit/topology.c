/* topology: what the stages register, and whether it is whole. */
#include <stdint.h>

#include "rules.h"
#include "tap.h"

static struct topology	t;
static char		text[256];

static void
begin(void)
{
	topology_free(&t);
	text[0] = '\0';
}

/* A stage with its upstreams, named in one string with spaces between. */
static struct topology_stage
stage(const char *name, unsigned outputs, const char *inputs)
{
	struct topology_stage	s = { .parallelism = 1, .outputs = outputs };
	size_t			n;

	snprintf(s.name, sizeof(s.name), "%s", name);
	s.source = *inputs == '\0';
	for (; *inputs != '\0'; inputs += n + (inputs[n] == ' ')) {
		n = strcspn(inputs, " ");
		snprintf(s.input[s.ninputs++], sizeof(s.input[0]), "%.*s", (int)n, inputs);
	}
	return (s);
}

static int
add(const char *name, unsigned outputs, const char *inputs)
{
	struct topology_stage s = stage(name, outputs, inputs);

	return (topology_add(&t, &s, text, sizeof(text)));
}

static int
is_whole(void)
{
	return (topology_complete(&t, text, sizeof(text)));
}

static int
says(const char *want)
{
	if (strcmp(text, want) == 0)
		return (1);
	printf("# %s\n", text);
	return (0);
}

static void
chain_is_whole_when_all_have_come(void)
{
	begin();
	CHECK(!is_whole() && says("any stage"));
	CHECK(add("sink", 0, "reduce") == 0);
	CHECK(!is_whole() && says("\"reduce\", the input of \"sink\""));
	CHECK(add("reduce", 1, "keyby") == 1);
	CHECK(!is_whole() && says("\"keyby\", the input of \"reduce\""));
	CHECK(add("keyby", 1, "source") == 2);
	CHECK(add("source", 1, "") == 3);
	CHECK(is_whole());
}

static void
source_waits_for_its_consumer(void)
{
	begin();
	add("source", 1, "");
	CHECK(!is_whole() && says("consumers of \"source\": 0 of 1 have come"));
	add("sink", 0, "source");
	CHECK(is_whole());
}

static void
tee_waits_for_all_its_consumers(void)
{
	begin();
	add("source", 2, "");
	add("raw", 0, "source");
	CHECK(!is_whole() && says("consumers of \"source\": 1 of 2 have come"));
	add("sink", 0, "source");
	CHECK(is_whole());
}

static void
consumer_too_many_is_not_whole(void)
{
	begin();
	add("source", 1, "");
	add("sink", 0, "source");
	CHECK(is_whole());
	add("stranger", 0, "source");
	CHECK(!is_whole() && says("consumers of \"source\": 2 of 1 have come"));
	begin();
	add("sink", 0, "source");
	add("source", 0, "");
	CHECK(!is_whole() && says("consumers of \"source\": 1 of 0 have come"));
}

static void
join_waits_for_all_its_inputs(void)
{
	begin();
	add("join", 0, "left right");
	add("left", 1, "");
	CHECK(!is_whole() && says("\"right\", the input of \"join\""));
	add("right", 1, "");
	CHECK(is_whole());
}

static void
each_input_is_one_consumer(void)
{
	begin();
	add("source", 2, "");
	add("both", 0, "source source");
	CHECK(is_whole());
}

static void
two_pipelines_are_one_job(void)
{
	begin();
	add("a", 1, "");
	add("x", 0, "a");
	add("b", 1, "");
	CHECK(!is_whole());
	add("y", 0, "b");
	CHECK(is_whole());
}

static void
other_subtasks_of_a_stage_are_the_same(void)
{
	begin();
	CHECK(add("source", 1, "") == 0);
	CHECK(add("sink", 0, "source") == 1);
	CHECK(add("source", 1, "") == 0);
	CHECK(add("sink", 0, "source") == 1);
	CHECK(t.n == 2 && is_whole());
	CHECK(topology_find(&t, "sink") == 1 && topology_find(&t, "sin") == -1);
}

static void
second_stage_of_a_name_is_refused(void)
{
	static const char	why[] = "two stages are called \"reduce\"; give one of them "
	    "-n NAME (the name is the identity of its state)";
	struct topology_stage	s = stage("reduce", 1, "keyby");

	begin();
	CHECK(topology_add(&t, &s, text, sizeof(text)) == 0);
	CHECK(add("reduce", 1, "reduce") == -1 && says(why));		/* reduce | reduce */
	CHECK(add("reduce", 2, "keyby") == -1 && says(why));
	CHECK(add("reduce", 1, "keyby other") == -1 && says(why));
	s.parallelism = 2;
	CHECK(topology_add(&t, &s, text, sizeof(text)) == -1 && says(why));
	s.parallelism = 1;
	s.source = 1;
	CHECK(topology_add(&t, &s, text, sizeof(text)) == -1 && says(why));
	CHECK(t.n == 1 && strcmp(t.stage[0].input[0], "keyby") == 0);
}

static void
stages_beyond_the_limit_are_refused(void)
{
	char	 name[32];
	int	 i;

	begin();
	for (i = 0; i < TOPOLOGY_STAGES; i++) {
		snprintf(name, sizeof(name), "stage%d", i);
		CHECK(add(name, 0, "") == i);
	}
	CHECK(add("more", 0, "") == -1 && says("more than 128 stages"));
	CHECK(add("stage7", 0, "") == 7);
	CHECK(topology_find(&t, "stage127") == 127);
}

static int
has_cycle(void)
{
	text[0] = '\0';
	return (topology_cycle(&t, text, sizeof(text)));
}

static void
cycle_is_named_without_the_way_to_it(void)
{
	begin();
	add("source", 1, "");
	add("a", 1, "source c");
	add("b", 2, "a");
	add("c", 1, "b");
	add("sink", 0, "b");
	CHECK(is_whole());
	CHECK(has_cycle() && says("a -> b -> c -> a"));
}

static void
stage_that_feeds_itself_is_a_cycle(void)
{
	begin();
	add("source", 1, "");
	add("a", 1, "source a");
	CHECK(has_cycle() && says("a -> a"));
}

static void
cycle_behind_a_chain_that_ends_is_found(void)
{
	begin();
	add("s", 2, "");
	add("x", 1, "s");
	add("sink", 0, "x");
	add("a", 1, "s b");
	add("b", 1, "a");
	CHECK(has_cycle() && says("a -> b -> a"));
}

static void
cycle_without_a_source_is_found(void)
{
	begin();
	add("s", 1, "");
	add("k", 0, "s");
	add("a", 1, "b");
	add("b", 1, "a");
	CHECK(has_cycle() && says("a -> b -> a"));
}

static void
diamond_is_no_cycle(void)
{
	begin();
	add("source", 2, "");
	add("a", 1, "source");
	add("b", 1, "source");
	add("join", 1, "a b");
	add("sink", 0, "join");
	CHECK(is_whole() && !has_cycle());
	begin();
	CHECK(!has_cycle());
}

/* The inputs of a stage that close a loop. */
static uint32_t
closing(const char *name)
{
	uint32_t feedback[TOPOLOGY_STAGES];

	topology_feedback(&t, feedback);
	return (feedback[topology_find(&t, name)]);
}

static void
feedback_is_the_input_of_the_first_stage(void)
{
	begin();
	add("c", 1, "b");		/* whoever comes first */
	add("a", 1, "source c");
	add("b", 2, "a");
	add("sink", 0, "b");
	add("source", 1, "");
	CHECK(closing("a") == 0x2);
	CHECK(closing("b") == 0 && closing("c") == 0 && closing("sink") == 0);
	begin();
	add("source", 1, "");
	add("a", 1, "a source");
	CHECK(closing("a") == 0x1);
}

static void
every_way_back_is_feedback(void)
{
	begin();
	add("source", 1, "");
	add("a", 2, "b source c");
	add("b", 1, "a");
	add("c", 1, "a");
	CHECK(closing("a") == 0x5 && closing("b") == 0 && closing("c") == 0);
}

static void
loop_in_a_loop_has_its_own(void)
{
	begin();
	add("source", 1, "");
	add("a", 1, "source c");
	add("b", 1, "a c");
	add("c", 3, "b");
	add("sink", 0, "c");
	CHECK(closing("a") == 0x2 && closing("b") == 0x2 && closing("c") == 0);
}

static void
feedback_is_where_a_cycle_is(void)
{
	begin();
	add("source", 2, "");
	add("a", 1, "source");
	add("b", 1, "source a");
	add("sink", 0, "b");
	CHECK(closing("a") == 0 && closing("b") == 0 && closing("sink") == 0);
	begin();
	add("a", 1, "b");
	add("b", 1, "a");
	CHECK(closing("a") == 0x1 && closing("b") == 0);
}

static void
cycle_that_does_not_fit_is_cut(void)
{
	char	cut[8] = "";
	size_t	size;

	begin();
	add("first", 1, "second");
	add("second", 1, "first");
	for (size = 1; size <= sizeof(cut); size++) {
		memset(cut, 'x', sizeof(cut));
		CHECK(topology_cycle(&t, cut, size));
		CHECK(cut[size - 1] == '\0' && strncmp(cut, "first -> ", size - 1) == 0);
	}
}

int
main(void)
{
	RUN(chain_is_whole_when_all_have_come);
	RUN(source_waits_for_its_consumer);
	RUN(tee_waits_for_all_its_consumers);
	RUN(consumer_too_many_is_not_whole);
	RUN(join_waits_for_all_its_inputs);
	RUN(each_input_is_one_consumer);
	RUN(two_pipelines_are_one_job);
	RUN(other_subtasks_of_a_stage_are_the_same);
	RUN(second_stage_of_a_name_is_refused);
	RUN(stages_beyond_the_limit_are_refused);
	RUN(cycle_is_named_without_the_way_to_it);
	RUN(stage_that_feeds_itself_is_a_cycle);
	RUN(cycle_behind_a_chain_that_ends_is_found);
	RUN(cycle_without_a_source_is_found);
	RUN(diamond_is_no_cycle);
	RUN(feedback_is_the_input_of_the_first_stage);
	RUN(every_way_back_is_feedback);
	RUN(loop_in_a_loop_has_its_own);
	RUN(feedback_is_where_a_cycle_is);
	RUN(cycle_that_does_not_fit_is_cut);
	topology_free(&t);
	DONE();
}
