/*
 * cancel: end a job at once, and on request forget it.
 *
 * What was committed stays; what came after the last checkpoint is read again when
 * the job is run again.
 */
#include <errno.h>
#include <limits.h>

#include "ending.h"
#include "run.h"
#include "tool.h"

static int delete;

static const struct weir_option options[] = {
	{ 0, "delete", NULL, "remove the job's directory, too", WEIR_FLAG, &delete, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

static int
job_delete(const char *job)
{
	struct jobdir	*d;
	char		 why[PATH_MAX + 512];
	int		 status = WEIR_DONE;

	if ((d = jobdir_open(job, 0, why, sizeof(why))) == NULL)
		return (tool_fail(jobdir_status(errno), "%s", why));
	if (jobdir_lock(d) == -1 || jobdir_delete(d) == -1)
		status = tool_fail(jobdir_status(errno), "%s", jobdir_error(d));
	jobdir_close(d);
	return (status);
}

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "cancel", .synopsis = "[DIR]", .summary = "end a job at once",
		.options = options,
	};
	const char	*job;
	int		 first, status, ended;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((job = tool_job(&t, argc, argv, first)) == NULL)
		return (WEIR_USAGE);
	if ((ended = ending_wait(job, "cancel", &status)) == -1)
		return (status);
	if (ended == 0 && !delete)
		tool_say("%s: not running", job);
	return (delete ? job_delete(job) : WEIR_DONE);
}
