/*
 * hint: what counts as a misspelling, and of what.
 */
#include "hint.h"
#include "tap.h"

static const char *const names[] = {
	"source", "keyby", "statemap", "reduce", "sink", "status", "state", "help",
};

#define NAMES	(sizeof(names) / sizeof(names[0]))

static int
means(const char *word, const char *name)
{
	const char *hint;

	hint = hint_closest(word, names, NAMES);
	if (hint == NULL || name == NULL)
		return (hint == name);
	return (strcmp(hint, name) == 0);
}

static void
distance_counts_each_kind_of_slip_once(void)
{
	CHECK(hint_distance("reduce", "reduce") == 0);
	CHECK(hint_distance("redcue", "reduce") == 1);	/* neighbours changed */
	CHECK(hint_distance("reduc", "reduce") == 1);
	CHECK(hint_distance("redduce", "reduce") == 1);
	CHECK(hint_distance("retuce", "reduce") == 1);
	CHECK(hint_distance("erduec", "reduce") == 2);
	CHECK(hint_distance("", "sink") == 4);
	CHECK(hint_distance("sink", "") == 4);
	CHECK(hint_distance("kitten", "sitting") == 3);
	CHECK(hint_distance("ca", "abc") == 3);		/* a changed pair is not touched again */
}

static void
distance_is_symmetric(void)
{
	size_t i, j;

	for (i = 0; i < NAMES; i++)
		for (j = 0; j < NAMES; j++)
			CHECK(hint_distance(names[i], names[j]) ==
			    hint_distance(names[j], names[i]));
}

static void
long_words_are_like_no_other(void)
{
	char word[HINT_MAX + 2];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	CHECK(hint_distance(word, word) > HINT_MAX);
	CHECK(hint_distance("a", word) > HINT_MAX);
	CHECK(means(word, NULL));
	word[HINT_MAX] = '\0';
	CHECK(hint_distance(word, word) == 0);
	CHECK(hint_distance(word, "") == HINT_MAX);
}

static void
slips_are_understood(void)
{
	CHECK(means("redcue", "reduce"));
	CHECK(means("sorce", "source"));
	CHECK(means("srouce", "source"));
	CHECK(means("keyb", "keyby"));
	CHECK(means("keby", "keyby"));
	CHECK(means("sikn", "sink"));
	CHECK(means("statmap", "statemap"));
	CHECK(means("Reduce", "reduce"));
	CHECK(means("hlep", "help"));
}

static void
the_nearest_wins(void)
{
	CHECK(means("stat", "state"));
	CHECK(means("statu", "status"));	/* as near to state: the first of equals */
	CHECK(means("statuss", "status"));
}

static void
a_beginning_is_enough_if_it_is_one_program_s(void)
{
	CHECK(means("so", "source"));
	CHECK(means("red", "reduce"));
	CHECK(means("sta", NULL));
	CHECK(means("s", NULL));
	CHECK(means("", NULL));
}

static void
other_words_are_left_alone(void)
{
	CHECK(means("sort", NULL));
	CHECK(means("join", NULL));
	CHECK(means("min", NULL));
	CHECK(means("xyzzy", NULL));
	CHECK(means("window", NULL));
	CHECK(hint_closest("sink", NULL, 0) == NULL);
}

int
main(void)
{
	RUN(distance_counts_each_kind_of_slip_once);
	RUN(distance_is_symmetric);
	RUN(long_words_are_like_no_other);
	RUN(slips_are_understood);
	RUN(the_nearest_wins);
	RUN(a_beginning_is_enough_if_it_is_one_program_s);
	RUN(other_words_are_left_alone);
	DONE();
}
