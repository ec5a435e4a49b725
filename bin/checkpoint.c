/*
 * checkpoint: take one now, and wait until it is complete.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "run.h"
#include "tool.h"

static int
outcome(const json_t *o)
{
	const char	*why = json_string_value(json_object_get(o, "why"));
	long long	 id = (long long)json_integer_value(json_object_get(o, "id"));

	if (why == NULL)
		why = "";
	if (id == 0)
		return (tool_fail(WEIR_FAILED, "none was taken: %s", why));
	if (!json_is_true(json_object_get(o, "completed")))
		return (tool_fail(WEIR_FAILED, "checkpoint %lld was given up: %s", id, why));
	printf("%lld\n", id);
	return (tool_printed());
}

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "checkpoint", .synopsis = "[DIR]",
		.summary = "take a checkpoint of a running job, print its id",
	};
	const char	*job;
	struct ask	*a;
	json_t		*o;
	char		 why[PATH_MAX + 512];
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((job = tool_job(&t, argc, argv, first)) == NULL)
		return (WEIR_USAGE);
	if ((a = ask_open(job, why, sizeof(why))) == NULL)
		return (tool_fail(errno == ECONNREFUSED ? WEIR_FAILED : jobdir_status(errno), "%s",
		    why));
	o = ask_say(a, "checkpoint") == -1 ? NULL : ask_line(a, -1);
	status = o != NULL ? outcome(o) :
	    tool_fail(WEIR_FAILED, "%s: its coordinator has gone, nobody knows whether a "
	    "checkpoint was taken", job);
	json_decref(o);
	ask_close(a);
	return (status);
}
