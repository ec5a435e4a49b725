/*
 * savepoint: write the state of a job to a directory, as text.
 */
#include "takeout.h"
#include "tool.h"

int
main(int argc, char *argv[])
{
	struct tool	 t = {
		.name = "savepoint", .synopsis = "DIR",
		.summary = "write the state of a job, running or not, to a new directory, as text",
	};
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if (argc - first != 1)
		return (tool_fail(WEIR_USAGE, "where to? weir savepoint -j JOB DIR"));
	if (t.job == NULL)
		return (tool_fail(WEIR_USAGE, "which job? -j DIR, or $WEIR_JOB"));
	return (takeout(t.job, argv[first]));
}
