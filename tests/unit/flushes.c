/*
 * flushes: which command lines say that nothing is held back.
 */
#include "flushes.h"
#include "tap.h"

#define SAYS(...)	flushes((char *const []){ __VA_ARGS__, NULL })

static char mawk[] = "mawk", sed[] = "sed", python3[] = "python3", W[] = "-W", u[] = "-u";
static char interactive[] = "interactive", program[] = "x", dash_e[] = "-e", E[] = "-E";

static void
flushes_mawk_that_is_interactive(void)
{
	static char path[] = "/usr/bin/mawk", joined[] = "-Winteractive", gawk[] = "gawk";

	CHECK(SAYS(mawk, W, interactive, program));
	CHECK(SAYS(path, dash_e, program, W, interactive));
	CHECK(SAYS(mawk, joined, program));
	CHECK(!SAYS(mawk, program));
	CHECK(!SAYS(mawk, W));
	CHECK(!SAYS(mawk, interactive, W));
	CHECK(!SAYS(mawk, W, program, interactive));
	CHECK(!SAYS(gawk, W, interactive, program));
}

static void
flushes_by_an_option_before_the_operands(void)
{
	static char stdbuf[] = "stdbuf", oL[] = "-oL", eL[] = "-eL";

	CHECK(SAYS(python3, u, program));
	CHECK(SAYS(python3, E, u, program));
	CHECK(!SAYS(python3, program, u));
	CHECK(SAYS(stdbuf, oL, mawk, program));
	CHECK(!SAYS(stdbuf, eL, mawk, oL));
}

static void
flushes_by_an_option_anywhere(void)
{
	CHECK(SAYS(sed, program, u));
	CHECK(!SAYS(sed, program));
	CHECK(!SAYS(sed));
	CHECK(!SAYS(u, u));
}

int
main(void)
{
	RUN(flushes_mawk_that_is_interactive);
	RUN(flushes_by_an_option_before_the_operands);
	RUN(flushes_by_an_option_anywhere);
	DONE();
}
