/*
 * stop: end a job after a final checkpoint; it can go on from there.
 */
#include <limits.h>
#include <stddef.h>

#include "ending.h"
#include "savedir.h"
#include "takeout.h"
#include "tool.h"

static const char *savepoint;

static const struct weir_option options[] = {
	{ 0, "savepoint", "DIR", "and write a savepoint of it to this new directory", WEIR_STRING,
	    &savepoint, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "stop", .synopsis = "[DIR]",
		.summary = "end a job with a final checkpoint, and wait until it has ended",
		.options = options,
	};
	const char	*job;
	char		 why[PATH_MAX + 64];
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((job = tool_job(&t, argc, argv, first)) == NULL)
		return (WEIR_USAGE);
	/* before anything is stopped for it */
	if (savepoint != NULL && !savedir_may(savepoint, why, sizeof(why)))
		return (tool_fail(WEIR_USAGE, "%s", why));
	switch (ending_wait(job, "stop", &status)) {
	case 0:
		tool_say("%s: not running", job);
		break;
	case 1:
		break;
	default:
		return (status);
	}
	return (savepoint != NULL ? takeout_stopped(job, savepoint) : WEIR_DONE);
}
