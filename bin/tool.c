/*
 * tool: what the programs that control jobs have in common.
 *
 * Options are rows as those of the stages, from the same tables.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "tool.h"

static const struct weir_option common[] = {
	{ 'j', "job", "DIR", "the job's directory (default: $WEIR_JOB)", WEIR_CALL, NULL, NULL },
	{ 'v', "verbose", NULL, "say more on standard error", WEIR_CALL, NULL, NULL },
	{ 'q', "quiet", NULL, "say only errors", WEIR_CALL, NULL, NULL },
	{ 'h', "help", NULL, "print this and exit", WEIR_CALL, NULL, NULL },
	{ 'V', "version", NULL, "print versions and exit", WEIR_CALL, NULL, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

void
tool_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vsay(LOG_WARN, fmt, ap);
	va_end(ap);
}

int
tool_fail(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vsay(LOG_ERROR, fmt, ap);
	va_end(ap);
	return (status);
}

int
tool_printed(void)
{
	if (fflush(stdout) == EOF || ferror(stdout))
		return (tool_fail(WEIR_FAILED, "standard output: %s", strerror(errno)));
	return (WEIR_DONE);
}

static void
rows_print(const struct weir_option *o)
{
	for (; o != NULL && o->name != NULL; o++)
		row_print(o);
}

static void
usage_print(const struct tool *t)
{
	printf("usage: weir %s [OPTION]...%s%s\n%s\n", t->name, t->synopsis[0] != '\0' ? " " : "",
	    t->synopsis, t->summary);
	if (t->options != NULL || t->shared != NULL)
		printf("\nOptions of %s:\n", t->name);
	rows_print(t->options);
	rows_print(t->shared);
	printf("\nOptions of all programs:\n");
	rows_print(common);
	printf("\nExit status: 0 done, 1 failed, 2 wrong usage or a state that does not fit, "
	    "75 run me again.\n");
}

/* Remember an option as it may be handed on, where there are such. */
static int
words_add(struct tool *t, const struct weir_option *o, const char *arg)
{
	char	**words, *word;
	size_t	  size = strlen(o->name) + (arg != NULL ? strlen(arg) : 0) + 4;

	if (t->shared == NULL)
		return (0);
	if ((words = realloc(t->words, (t->nwords + 2) * sizeof(*words))) == NULL)
		return (-1);
	t->words = words;
	if ((word = malloc(size)) == NULL)
		return (-1);
	snprintf(word, size, "--%s%s%s", o->name, arg != NULL ? "=" : "", arg != NULL ? arg : "");
	words[t->nwords++] = word;
	words[t->nwords] = NULL;
	return (0);
}

/* 1: all is done; 0; -1: errno. */
static int
common_set(struct tool *t, const struct weir_option *o, const char *arg)
{
	switch (o->letter) {
	case 'j':
		t->job = arg;
		return (0);
	case 'v':
		t->verbose = 1;
		return (words_add(t, o, NULL));
	case 'q':
		t->quiet = 1;
		return (words_add(t, o, NULL));
	case 'h':
		usage_print(t);
		return (1);
	default:
		weir_version(stdout);
		return (1);
	}
}

/* The rows of a tool, one kind behind the other: where the second one begins and
 * the third. */
struct kinds {
	unsigned shared, common;
};

static void
tables_build(struct rows *rows, const struct tool *t, struct kinds *k)
{
	const struct weir_option *o;

	rows_open(rows, t->name);
	for (o = t->options; o != NULL && o->name != NULL; o++)
		rows_add(rows, o);
	k->shared = rows->n;
	for (o = t->shared; o != NULL && o->name != NULL; o++)
		rows_add(rows, o);
	k->common = rows->n;
	for (o = common; o->name != NULL; o++)
		rows_add(rows, o);
}

/* Row i was given.  As common_set(), or -1 after it was said what is wrong. */
static int
option_take(struct tool *t, struct rows *rows, const struct kinds *k, unsigned i,
    const char *arg)
{
	const struct weir_option	*o = rows->row[i];
	const char			*why;
	int				 r;

	if (i >= k->common)
		r = common_set(t, o, arg);
	else if ((why = row_set(o, arg)) != NULL) {
		rows_refuse(rows, o, arg, why);
		return (tool_fail(-1, "%s", rows->why));
	} else
		r = i >= k->shared ? words_add(t, o, arg) : 0;
	return (r == -1 ? tool_fail(-1, "%s", strerror(errno)) : r);
}

int
tool_options(struct tool *t, int argc, char *argv[], int *status)
{
	const char	*arg;
	struct rows	 rows;
	struct kinds	 kinds;
	int		 i, r;

	log_open(t->name, LOG_WARN);
	t->job = getenv("WEIR_JOB");
	tables_build(&rows, t, &kinds);
	*status = WEIR_USAGE;
	while ((i = rows_next(&rows, argc, argv, &arg)) >= 0) {
		if ((r = option_take(t, &rows, &kinds, (unsigned)i, arg)) == 1)
			*status = tool_printed();
		if (r != 0)
			return (-1);
	}
	if (t->job != NULL && t->job[0] == '\0')
		t->job = NULL;
	log_open(t->name, t->quiet ? LOG_ERROR : t->verbose ? LOG_DEBUG : LOG_WARN);
	rows.dashes |= t->command;
	if (i == ROWS_END && (i = rows_operands(&rows, argc, argv)) != -1)
		return (i);
	return (tool_fail(-1, "%s", rows.why));
}

const char *
tool_job(const struct tool *t, int argc, char *argv[], int first)
{
	const char *job = first < argc ? argv[first] : t->job;

	if (first + 1 < argc) {
		tool_fail(0, "one job at a time: %s is one operand too many", argv[first + 1]);
		return (NULL);
	}
	if (job == NULL) {
		tool_fail(0, "which job? -j DIR, or $WEIR_JOB");
		return (NULL);
	}
	return (job);
}
