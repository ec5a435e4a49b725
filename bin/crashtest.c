/*
 * crashtest: does a script's output survive crashes?
 *
 * A clean run first; then rounds in which processes of the job are killed at random
 * moments, and the same line is run again until it ends well.  After each round all
 * files that the script has made are what the clean run made.
 *
 * The run finds $WEIR_SCRATCH in its environment, its directory: a sink refuses a
 * FILE that resolves outside of it, source refuses -F, which would never end.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/stdlib.h>

#include "chance.h"
#include "joboptions.h"
#include "run.h"
#include "scratch.h"
#include "tool.h"
#include "trial.h"

#define CLEAN		"clean"
#define ROUND		"round"
#define INTERRUPTED	130		/* as shells say it */

static uint64_t		 nrounds = 100;
static uint64_t		 seed;
static int		 seeded, unordered;
static const char	*stage;

static const char *
rounds_set(const char *arg)
{
	const char *wrong;

	nrounds = (uint64_t)strtonum(arg, 1, INT32_MAX, &wrong);
	return (wrong == NULL ? NULL : "is no number of rounds");
}

static const char *
seed_set(const char *arg)
{
	const char *wrong;

	seed = (uint64_t)strtonum(arg, 0, INT64_MAX, &wrong);
	seeded = 1;
	return (wrong == NULL ? NULL : "is no seed: a number");
}

static const struct weir_option options[] = {
	{ 'N', "rounds", "ROUNDS", "how many, after the clean run (default 100)", WEIR_CALL, NULL, rounds_set },
	{ 0, "seed", "SEED", "what is drawn, and when (default: another each time)", WEIR_CALL, NULL, seed_set },
	{ 0, "kill", "STAGE", "kill only processes of this stage", WEIR_STRING, &stage, NULL },
	{ 0, "unordered", NULL, "lines of a file may come in another order", WEIR_FLAG, &unordered, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

/* weir run, which lies beside us; quick checkpoints and restarts, unless our job
 * options say other; the script. */
static char **
command_make(const struct tool *t, const char *argv0, char *script, char *args[], size_t nargs)
{
	static char	 program[PATH_MAX], interval[] = "--interval=20ms",
			 restart[] = "--restart=exponential-delay:10ms:1s", j[] = "-j",
			 job[] = SCRATCH_JOB;
	char		**v, *slash;
	size_t		  n = 0, i;

	if ((v = calloc(t->nwords + nargs + 8, sizeof(*v))) == NULL ||
	    realpath(strchr(argv0, '/') != NULL ? argv0 : "/proc/self/exe", program) == NULL ||
	    (slash = strrchr(program, '/')) == NULL)
		return (NULL);
	snprintf(slash, sizeof(program) - (size_t)(slash - program), "/weir-run");
	v[n++] = program;
	v[n++] = interval;
	v[n++] = restart;
	for (i = 0; i < t->nwords; i++)
		v[n++] = t->words[i];
	v[n++] = j;
	v[n++] = job;
	v[n++] = script;
	for (i = 0; i < nargs; i++)
		v[n++] = args[i];
	return (v);
}

/* 0: go on; 1: it failed, and why was said. */
static int
clean_run(struct trial *t, struct scratch *s)
{
	if (scratch_run(s, CLEAN, t->dir, sizeof(t->dir)) == -1 || trial_clean(t) == -1 ||
	    scratch_outputs(s, t->dir) == -1)
		return (1);
	printf("crashtest: clean run: %" PRId64 " ms, %zu file%s; seed %" PRIu64 "\n", t->clean_ms,
	    s->noutputs, s->noutputs == 1 ? "" : "s", seed);
	fflush(stdout);
	return (0);
}

static int
round_run(struct trial *t, const struct scratch *s, uint64_t number)
{
	char clean[PATH_MAX], out[2][PATH_MAX + 8];

	t->chance.state = seed + number;
	snprintf(clean, sizeof(clean), "%s/%s", s->path, CLEAN);
	if (scratch_run(s, ROUND, t->dir, sizeof(t->dir)) == -1 || trial_round(t) == -1 ||
	    scratch_differ(s, clean, t->dir, unordered) != 0)
		return (1);
	if (s->noutputs > 0)
		return (0);
	snprintf(out[0], sizeof(out[0]), "%s.out", clean);
	snprintf(out[1], sizeof(out[1]), "%s.out", t->dir);
	return (scratch_lines(out[0], out[1], unordered) != 0);
}

static void
summary(const struct trial *t, const struct scratch *s, uint64_t done)
{
	size_t		i;
	const char	*comma = " (";

	printf("crashtest: %" PRIu64 " rounds, %" PRIu64 " kills", done, t->nkills);
	for (i = 0; i < VICTIM_KINDS; i++)
		if (t->kills[i] > 0) {
			printf("%s%" PRIu64 " %s", comma, t->kills[i], victim_name((enum victim_kind)i));
			comma = ", ";
		}
	if (t->everything > 0) {
		printf("%s%" PRIu64 " of everything at once", comma, t->everything);
		comma = ", ";
	}
	printf("%s, %" PRIu64 " pauses, %" PRIu64 " stops, %" PRIu64 " runs; %" PRIu64
	    " rounds ended before a kill\n", comma[0] == ',' ? ")" : "", t->pauses, t->stops,
	    t->runs, t->unharmed);
	printf("crashtest: seed %" PRIu64 ": no difference in %s\n", seed,
	    s->noutputs > 0 ? "the files that the script makes" : "standard output");
}

static int
rounds(struct trial *t, struct scratch *s, int quiet)
{
	uint64_t i;

	if (clean_run(t, s) != 0)
		return (trial_interrupted() ? INTERRUPTED : WEIR_FAILED);
	for (i = 0; i < nrounds; i++) {
		if (isatty(STDERR_FILENO) && !quiet)
			fprintf(stderr, "\rround %" PRIu64 " of %" PRIu64 " ", i + 1, nrounds);
		if (round_run(t, s, i) != 0) {
			if (trial_interrupted())
				return (INTERRUPTED);
			trial_show(t);
			return (tool_fail(WEIR_FAILED, "round %" PRIu64 " of seed %" PRIu64
			    " failed; all is in %s; again, if the moments are the same: "
			    "-N 1 --seed %" PRIu64, i + 1, seed, s->path, seed + i));
		}
	}
	summary(t, s, i);
	if (stage != NULL && t->nkills + t->pauses == 0)
		return (tool_fail(WEIR_FAILED, "nothing was killed: is there a stage called "
		    "\"%s\"?", stage));
	return (tool_printed());
}

int
main(int argc, char *argv[])
{
	static struct tool tool = {
		.name = "crashtest", .synopsis = "SCRIPT [ARG]...",
		.summary = "run a script, kill it at random, compare what it makes",
		.options = options, .shared = joboptions_rows, .command = 1,
	};
	/* as long as the process */
	static struct scratch	 s;
	static struct trial	 t;
	static char		*script;
	int			 first, status;

	if ((first = tool_options(&tool, argc, argv, &status)) == -1)
		return (status);
	if (first == argc)
		return (tool_fail(WEIR_USAGE, "which script? weir crashtest [OPTION]... SCRIPT"));
	if ((script = realpath(argv[first], NULL)) == NULL)
		return (tool_fail(WEIR_USAGE, "%s: %s", argv[first], strerror(errno)));
	if (!seeded)
		seed = arc4random_uniform(1000000000);
	trial_open(&t, stage);
	if ((t.command = command_make(&tool, argv[0], script, argv + first + 1,
	    (size_t)(argc - first - 1))) == NULL)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	if (scratch_open(&s) == -1)
		return (WEIR_FAILED);
	status = rounds(&t, &s, tool.quiet);
	trial_close(&t);
	if (status == WEIR_DONE || status == INTERRUPTED)
		scratch_close(&s);
	return (status);
}
