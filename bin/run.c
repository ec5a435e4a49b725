/*
 * run: run a script as a job.
 *
 * Here is what is run, and with which environment; conduct does it.  Without a
 * job directory the script takes our place.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conduct.h"
#include "joboptions.h"
#include "keeper.h"
#include "run.h"
#include "script.h"
#include "tool.h"

static const char *text;		/* -e */

static const struct weir_option options[] = {
	{ 'e', "execute", "TEXT", "run this text with sh, instead of a SCRIPT", WEIR_STRING, &text, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

/*
 * The environment of the script.
 */

/* The directory of a program that was found, as it lies on disk; to be freed. */
static char *
directory_of(const char *argv0)
{
	char *path, *slash;

	if ((path = realpath(strchr(argv0, '/') != NULL ? argv0 : "/proc/self/exe",
	    NULL)) != NULL && (slash = strrchr(path, '/')) != NULL)
		*slash = '\0';
	return (path);
}

/* The front lies in bin/, we in libexec/weir/ beside it. */
static int
path_set(const char *libexec)
{
	const char	*was = getenv("PATH");
	char		 front[PATH_MAX], *bin, *path;
	size_t		 size;
	int		 r;

	snprintf(front, sizeof(front), "%s/../../bin", libexec);
	if ((bin = realpath(front, NULL)) == NULL)
		return (0);
	if (was == NULL)
		was = "/usr/bin:/bin";
	size = strlen(bin) + strlen(was) + 2;
	if ((path = malloc(size)) == NULL) {
		free(bin);
		return (-1);
	}
	snprintf(path, size, "%s:%s", bin, was);
	r = setenv("PATH", path, 1);
	free(path);
	free(bin);
	return (r);
}

/* What a stage finds as its standard output when that is ours: it gets text. */
static int
outside_set(void)
{
	struct stat	st;
	char		outside[64];

	if (fstat(STDOUT_FILENO, &st) == -1)
		return (unsetenv("WEIR_OUTSIDE"));
	snprintf(outside, sizeof(outside), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return (setenv("WEIR_OUTSIDE", outside, 1));
}

/*
 * What is to be run.
 */

/* Make the directory, as its absolute name goes into the environment. */
static int
job_find(const char *job)
{
	struct jobdir	*d;
	char		 why[PATH_MAX + 512], *path;
	int		 status;

	if ((d = jobdir_open(job, 1, why, sizeof(why))) == NULL)
		return (tool_fail(jobdir_status(errno), "%s", why));
	jobdir_close(d);
	if ((path = realpath(job, NULL)) == NULL)
		return (tool_fail(WEIR_FAILED, "%s: %s", job, strerror(errno)));
	status = setenv("WEIR_JOB", path, 1);
	free(path);
	return (status == -1 ? tool_fail(WEIR_FAILED, "%s", strerror(errno)) : 0);
}

/* No job: the script takes our place. */
static int
ephemeral(const struct script *s)
{
	unsetenv("WEIR_JOB");
	execvp(s->words[0], s->words);
	tool_fail(0, "%s: %s", s->words[0], strerror(errno));
	return (errno == ENOENT ? 127 : 126);
}

static int
job(const struct tool *t, struct script *s, const char *libexec)
{
	struct keeper	k = { .job = t->job, .words = t->words, .nwords = t->nwords, .alive = -1 };
	char		program[PATH_MAX];
	int		status;

	if ((status = job_find(t->job)) != 0)
		return (status);
	snprintf(program, sizeof(program), "%s/weir-checkpointd", libexec);
	k.program = program;
	return (conduct(&k, s));
}

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "run", .synopsis = "SCRIPT [ARG]...",
		.summary = "run a script as a job, or run it again", .options = options,
		.shared = joboptions_rows, .command = 1,
	};
	/* as long as the process */
	static struct script s;
	static char	*libexec;
	const char	*file;
	char		 why[PATH_MAX + 128];
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if (text == NULL && first == argc)
		return (tool_fail(WEIR_USAGE, "which script? weir run [OPTION]... SCRIPT, or "
		    "-e TEXT"));
	if (t.job == NULL && joboptions.interval_ms > 0)
		return (tool_fail(WEIR_USAGE, "-c: -j DIR is missing: where the job is kept"));
	file = text == NULL ? argv[first++] : NULL;
	if (script_words(&s, file, text, argv + first, (size_t)(argc - first), why,
	    sizeof(why)) == -1)
		return (tool_fail(WEIR_USAGE, "%s", why));
	if ((libexec = directory_of(argv[0])) == NULL || path_set(libexec) == -1 ||
	    outside_set() == -1)
		return (tool_fail(WEIR_FAILED, "%s: %s", argv[0], strerror(errno)));
	return (t.job != NULL ? job(&t, &s, libexec) : ephemeral(&s));
}
