/*
 * history: the checkpoints of a job that were tried.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "moment.h"
#include "run.h"
#include "tool.h"

static int as_json;

static const struct weir_option options[] = {
	{ 0, "json", NULL, "a JSON object a line instead of a table", WEIR_FLAG, &as_json, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

static void
row_json(const struct history *h)
{
	json_t *o;

	o = json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:s, s:s}",
	    "id", (json_int_t)h->id, "kind", jobfile_kind(h->kind),
	    "status", h->completed ? "completed" : "aborted", "start_ms", (json_int_t)h->start_ms,
	    "duration_ms", (json_int_t)h->duration_ms, "bytes", (json_int_t)h->bytes,
	    "acks", (int)h->acks, "subtasks", (int)h->subtasks, "slowest", h->slowest,
	    "why", h->why);
	if (o == NULL)			/* bytes that are no UTF-8 */
		return;
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static void
row_text(const struct history *h)
{
	char start[MOMENT_SIZE], took[MOMENT_SIZE], bytes[MOMENT_SIZE], acks[MOMENT_SIZE];

	snprintf(acks, sizeof(acks), "%u/%u", h->acks, h->subtasks);
	printf("%6" PRIu64 "  %-9s  %-9s  %-19s  %8s  %10s  %7s  %s%s%s\n", h->id,
	    jobfile_kind(h->kind), h->completed ? "completed" : "aborted",
	    moment_clock(h->start_ms, start), moment_ago(h->duration_ms, took),
	    moment_bytes(h->bytes, bytes), acks, h->slowest,
	    h->slowest[0] != '\0' && h->why[0] != '\0' ? ": " : "", h->why);
}

/* A line that was cut by a crash is passed over: no program decides by them. */
static int
file_print(FILE *f)
{
	struct history	 h;
	char		*line = NULL;
	size_t		 size = 0;
	ssize_t		 n;

	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] != '\n' || history_decode(line, (size_t)n - 1, &h) == -1)
			continue;
		if (as_json)
			row_json(&h);
		else
			row_text(&h);
	}
	free(line);
	return (ferror(f) ? -1 : 0);
}

static int
print(struct jobdir *d)
{
	FILE	*f;
	int	 old, r;

	if (!as_json)
		printf("%6s  %-9s  %-9s  %-19s  %8s  %10s  %7s  %s\n", "id", "kind", "status",
		    "start", "duration", "bytes", "acks", "slowest");
	for (old = 1; old >= 0; old--) {
		if ((f = jobdir_history_open(d, old)) == NULL) {
			if (errno == ENOENT)
				continue;
			return (tool_fail(WEIR_FAILED, "%s", jobdir_error(d)));
		}
		r = file_print(f);
		fclose(f);
		if (r == -1)
			return (tool_fail(WEIR_FAILED, "%s: %s", jobdir_path(d),
			    strerror(errno)));
	}
	return (tool_printed());
}

int
main(int argc, char *argv[])
{
	static struct tool t = {
		.name = "history", .synopsis = "[DIR]",
		.summary = "the checkpoints of a job that were tried", .options = options,
	};
	const char	*job;
	struct jobdir	*d;
	char		 why[PATH_MAX + 512];
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((job = tool_job(&t, argc, argv, first)) == NULL)
		return (WEIR_USAGE);
	if ((d = jobdir_open(job, 0, why, sizeof(why))) == NULL)
		return (tool_fail(jobdir_status(errno), "%s", why));
	status = print(d);
	jobdir_close(d);
	return (status);
}
