/*
 * stop: end a job after a final checkpoint; it can go on from there.
 */
#include "ending.h"
#include "tool.h"

int
main(int argc, char *argv[])
{
	struct tool	 t = {
		.name = "stop", .synopsis = "[DIR]",
		.summary = "end a job with a final checkpoint, and wait until it has ended",
	};
	const char	*job;
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((job = tool_job(&t, argc, argv, first)) == NULL)
		return (WEIR_USAGE);
	switch (ending_wait(job, "stop", &status)) {
	case 0:
		tool_say("%s: not running", job);
		return (WEIR_DONE);
	case 1:
		return (WEIR_DONE);
	default:
		return (status);
	}
}
