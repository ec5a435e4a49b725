/*
 * status: how a job is doing.
 *
 * What its coordinator says; where there is none, what job.json knows.  Looking
 * changes nothing: no lock is taken.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "moment.h"
#include "run.h"
#include "tool.h"

#define ANSWER_MS	10000		/* a coordinator that waits for its disk is slow */

static int as_json, pids;

static const struct weir_option options[] = {
	{ 0, "json", NULL, "one JSON object instead of text", WEIR_FLAG, &as_json, NULL },
	{ 0, "pids", NULL, "only the subtasks' processes: NAME.I PID", WEIR_FLAG, &pids, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

static const char *
word(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return (s != NULL ? s : "");
}

static long long
number(const json_t *o, const char *name)
{
	return ((long long)json_integer_value(json_object_get(o, name)));
}

static int
json_print(json_t *o)
{
	json_object_del(o, "answer");
	if (json_dumpf(o, stdout, JSON_COMPACT) == -1 || putchar('\n') == EOF)
		return (tool_fail(WEIR_FAILED, "standard output: %s", strerror(errno)));
	return (tool_printed());
}

static int
pids_print(const json_t *o)
{
	const json_t	*stage, *subtask;
	size_t		 i, j;

	json_array_foreach(json_object_get(o, "stages"), i, stage)
		json_array_foreach(json_object_get(stage, "subtasks"), j, subtask)
			if (number(subtask, "pid") != 0)
				printf("%s.%lld %lld\n", word(stage, "name"),
				    number(subtask, "subtask"), number(subtask, "pid"));
	return (tool_printed());
}

/*
 * Text.
 */

static void
checkpoints_print(const json_t *o)
{
	const json_t	*done = json_object_get(o, "completed"), *pending;
	char		 ago[MOMENT_SIZE], took[MOMENT_SIZE];
	size_t		 i;

	if (json_is_object(done))
		printf("checkpoint %lld, %s ago, took %s\n", number(done, "id"),
		    moment_ago(moment_now() - number(done, "triggered_ms") -
		    number(done, "duration_ms"), ago), moment_ago(number(done, "duration_ms"),
		    took));
	else
		printf("no checkpoint is complete yet\n");
	json_array_foreach(json_object_get(o, "pending"), i, pending)
		printf("checkpoint %lld is under way for %s: %lld of %lld subtasks have it\n",
		    number(pending, "id"), moment_ago(moment_now() -
		    number(pending, "triggered_ms"), ago), number(pending, "acks"),
		    number(pending, "subtasks"));
}

/* The states of a stage's subtasks, each with their number unless all have it. */
static void
states_print(const json_t *stage)
{
	static const char *const states[] = {
		"awaited", "registered", "connected", "finished", "done",
	};
	const json_t	*subtask, *all = json_object_get(stage, "subtasks");
	const char	*before = "";
	size_t		 i, j, n;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		n = 0;
		json_array_foreach(all, j, subtask)
			n += strcmp(word(subtask, "state"), states[i]) == 0;
		if (n > 0 && n == json_array_size(all))
			printf("%s", states[i]);
		else if (n > 0)
			printf("%s%zu %s", before, n, states[i]);
		if (n > 0)
			before = ", ";
	}
	putchar('\n');
}

static void
stages_print(const json_t *o)
{
	const json_t	*stage, *name;
	size_t		 i;
	int		 width = 5;

	json_array_foreach(json_object_get(o, "stages"), i, stage)
		if ((int)strlen(word(stage, "name")) > width)
			width = (int)strlen(word(stage, "name"));
	if (json_array_size(json_object_get(o, "stages")) > 0)
		printf("\n%-*s  subtasks  state\n", width, "stage");
	json_array_foreach(json_object_get(o, "stages"), i, stage) {
		printf("%-*s  %8lld  ", width, word(stage, "name"), number(stage, "parallelism"));
		states_print(stage);
	}
	if (json_array_size(json_object_get(o, "awaited")) == 0)
		return;
	printf("\nwaits for");
	json_array_foreach(json_object_get(o, "awaited"), i, name)
		printf("%s %s", i > 0 ? "," : "", json_string_value(name));
	putchar('\n');
}

static int
text_print(const json_t *o)
{
	char since[MOMENT_SIZE];

	printf("%s/: process %lld since %s\n", word(o, "job"), number(o, "pid"),
	    moment_clock(number(o, "since_ms"), since));
	printf("%s%s, attempt %lld", word(o, "state"), json_is_true(json_object_get(o,
	    "stopping")) ? " and stopping" : "", number(o, "attempt"));
	if (number(o, "restored") != 0)
		printf(" from checkpoint %lld", number(o, "restored"));
	printf("%s%s\n", word(o, "why")[0] != '\0' ? ": " : "", word(o, "why"));
	checkpoints_print(o);
	stages_print(o);
	return (tool_printed());
}

/*
 * A job that does not run.
 */

static json_t *
checkpoint_json(const struct jobfile_checkpoint *c)
{
	return (json_pack("{s:I, s:s, s:I, s:I, s:b}", "id", (json_int_t)c->id, "kind",
	    jobfile_kind(c->kind), "triggered_ms", (json_int_t)c->triggered_ms, "duration_ms",
	    (json_int_t)c->duration_ms, "final", c->final));
}

static int
rest_print(struct jobdir *d, const struct jobfile *f)
{
	const struct jobfile_checkpoint	*last = f->ncheckpoints > 0 ?
	    &f->checkpoint[f->ncheckpoints - 1] : NULL;
	char				 when[MOMENT_SIZE];
	json_t				*o;

	if (pids)
		return (WEIR_FAILED);
	if (as_json) {
		o = json_pack("{s:s, s:s, s:I, s:o}", "job", jobdir_path(d), "state", "stopped",
		    "attempt", (json_int_t)f->attempt, "completed",
		    last != NULL ? checkpoint_json(last) : json_null());
		if (o != NULL)
			json_print(o);
		json_decref(o);
		return (WEIR_FAILED);
	}
	if (last == NULL)
		printf("%s: not running; no checkpoint was ever complete\n", jobdir_path(d));
	else
		printf("%s: not running; %s checkpoint %llu (%s)\n", jobdir_path(d),
		    last->final ? "all that it was given is done, up to" : "it goes on from",
		    (unsigned long long)last->id, moment_clock(last->triggered_ms, when));
	tool_printed();
	return (WEIR_FAILED);
}

static int
rest(const char *job)
{
	struct jobdir	*d;
	struct jobfile	 f = { 0 };
	char		 why[PATH_MAX + 512];
	int		 status;

	if ((d = jobdir_open(job, 0, why, sizeof(why))) == NULL)
		return (tool_fail(jobdir_status(errno), "%s", why));
	if (jobdir_read(d, &f) == -1)
		status = tool_fail(jobdir_status(errno), "%s", jobdir_error(d));
	else
		status = rest_print(d, &f);
	jobfile_free(&f);
	jobdir_close(d);
	return (status);
}

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "status", .synopsis = "[DIR]", .summary = "how a job is doing",
		.options = options,
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
		return (errno == ECONNREFUSED ? rest(job) :
		    tool_fail(jobdir_status(errno), "%s", why));
	o = ask_say(a, "status") == -1 ? NULL : ask_line(a, ANSWER_MS);
	if (o == NULL)
		status = errno == ECONNRESET ? rest(job) :
		    tool_fail(WEIR_FAILED, "%s: its coordinator does not answer: %s", job,
		    strerror(errno));
	else
		status = as_json ? json_print(o) : pids ? pids_print(o) : text_print(o);
	json_decref(o);
	ask_close(a);
	return (status);
}
