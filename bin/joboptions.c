/*
 * joboptions: how a job is run.
 *
 * The defaults are Flink's: a timeout of 10 minutes, one checkpoint at a time, no
 * pause, one kept; but for the restart strategy, which is exponential-delay where
 * checkpointing is on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "joboptions.h"
#include "run.h"

#define SHORTEST_MS	10		/* Flink's least interval, and least timeout */
#define RETAIN_MAX	1000
#define RESTART_WORDS	4		/* NAME:A:B:C */

struct joboptions joboptions = {
	.timeout_ms = 600000, .concurrent = 1, .retain = 1, .loop_wait_ms = 1000,
};

static int restart_given;

static const char *
duration_set(const char *arg, int64_t least_ms, int64_t *to)
{
	static char	 why[64];
	const char	*wrong;
	uint64_t	 ms;

	if ((wrong = duration_parse(arg, &ms)) != NULL)
		return (wrong);
	if ((int64_t)ms < least_ms) {
		snprintf(why, sizeof(why), "is less than %lld ms", (long long)least_ms);
		return (why);
	}
	*to = (int64_t)ms;
	return (NULL);
}

static const char *
number_set(const char *arg, unsigned most, unsigned *to)
{
	static char	 why[64];
	const char	*wrong;
	unsigned	 n;

	n = (unsigned)strtonum(arg, 1, most, &wrong);
	if (wrong == NULL) {
		*to = n;
		return (NULL);
	}
	snprintf(why, sizeof(why), "is no number from 1 to %u", most);
	return (why);
}

/* One of two words; *to is which. */
static const char *
choice_set(const char *arg, const char *first, const char *second, int *to)
{
	static char why[64];

	if (strcmp(arg, first) == 0 || strcmp(arg, second) == 0) {
		*to = strcmp(arg, second) == 0;
		return (NULL);
	}
	snprintf(why, sizeof(why), "is none of %s, %s", first, second);
	return (why);
}

static const char *
interval_set(const char *arg)
{
	return (duration_set(arg, SHORTEST_MS, &joboptions.interval_ms));
}

static const char *
mode_set(const char *arg)
{
	return (choice_set(arg, "exactly-once", "at-least-once", &joboptions.at_least_once));
}

static const char *
timeout_set(const char *arg)
{
	return (duration_set(arg, SHORTEST_MS, &joboptions.timeout_ms));
}

static const char *
pause_set(const char *arg)
{
	return (duration_set(arg, 0, &joboptions.pause_ms));
}

static const char *
concurrent_set(const char *arg)
{
	return (number_set(arg, VIEW_PENDING, &joboptions.concurrent));
}

static const char *
retain_set(const char *arg)
{
	return (number_set(arg, RETAIN_MAX, &joboptions.retain));
}

static const char *
backend_set(const char *arg)
{
	return (choice_set(arg, "leveldb", "memory", &joboptions.memory_backend));
}

static const char *
groups_set(const char *arg)
{
	return (number_set(arg, JOBFILE_GROUPS, &joboptions.groups));
}

static const char *
loop_wait_set(const char *arg)
{
	return (duration_set(arg, 0, &joboptions.loop_wait_ms));
}

/*
 * Restart strategies: NAME:A:B:C, where what is left out has its default.
 */

static const char *
count_set(const char *arg, uint64_t most, uint64_t *to)
{
	static char	 why[64];
	const char	*wrong;
	uint64_t	 n;

	if (most == UINT64_MAX && strcmp(arg, "inf") == 0) {
		*to = UINT64_MAX;
		return (NULL);
	}
	n = (uint64_t)strtonum(arg, 0, most == UINT64_MAX ? INT64_MAX : (int64_t)most, &wrong);
	if (wrong == NULL) {
		*to = n;
		return (NULL);
	}
	snprintf(why, sizeof(why), most == UINT64_MAX ? "has a number of restarts that is none "
	    "(or inf)" : "has no number of failures from 0 to %llu", (unsigned long long)most);
	return (why);
}

static const char *
fixed_set(struct restart *r, char *word[], unsigned n)
{
	const char *why = NULL;

	*r = (struct restart){ .kind = RESTART_FIXED, .max = 1, .delay_ms = 10000 };
	if (n > 0)
		why = count_set(word[0], UINT64_MAX, &r->max);
	if (why == NULL && n > 1)
		why = duration_set(word[1], 0, &r->delay_ms);
	return (why == NULL && n > 2 ? "is more than fixed-delay:N:DELAY" : why);
}

static const char *
rate_set(struct restart *r, char *word[], unsigned n)
{
	const char *why = NULL;

	*r = (struct restart){ .kind = RESTART_RATE, .max = 1, .per_ms = 60000,
	    .delay_ms = 10000 };
	if (n > 0)
		why = count_set(word[0], RESTART_RATE_MAX, &r->max);
	if (why == NULL && n > 1)
		why = duration_set(word[1], 1, &r->per_ms);
	if (why == NULL && n > 2)
		why = duration_set(word[2], 0, &r->delay_ms);
	return (why);
}

static const char *
exponential_set(struct restart *r, char *word[], unsigned n)
{
	const char	*why = NULL;
	char		*end;

	*r = (struct restart){ .kind = RESTART_EXPONENTIAL, .delay_ms = 100, .max_ms = 60000,
	    .factor = 1.5 };
	if (n > 0)
		why = duration_set(word[0], 1, &r->delay_ms);
	if (why == NULL && n > 1)
		why = duration_set(word[1], 1, &r->max_ms);
	if (why == NULL && n > 2) {
		r->factor = strtod(word[2], &end);
		if (end == word[2] || *end != '\0' || !(r->factor >= 1 && r->factor <= 1000))
			return ("has no factor from 1 to 1000");
	}
	if (why == NULL && n > 1 && r->max_ms < r->delay_ms)
		return ("has a last delay that is shorter than its first");
	if (why == NULL && r->max_ms < r->delay_ms)
		r->max_ms = r->delay_ms;
	return (why);
}

static const char *
none_set(struct restart *r, char *word[], unsigned n)
{
	(void)word;
	*r = (struct restart){ .kind = RESTART_NONE };
	return (n > 0 ? "is more than none" : NULL);
}

static const char *
restart_set(const char *arg)
{
	static const struct {
		const char	*name;
		const char	*(*set)(struct restart *, char *word[], unsigned n);
	} kinds[] = {
		{ "none", none_set }, { "fixed-delay", fixed_set }, { "failure-rate", rate_set },
		{ "exponential-delay", exponential_set },
	};
	char		 text[128], *next = text, *word[RESTART_WORDS + 1];
	unsigned	 n, i;

	if (strlcpy(text, arg, sizeof(text)) >= sizeof(text))
		return ("is too long");
	for (n = 0; next != NULL && n <= RESTART_WORDS; n++)
		word[n] = strsep(&next, ":");
	if (n > RESTART_WORDS)
		return ("has too many parts");
	restart_given = 1;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word[0], kinds[i].name) == 0)
			return (kinds[i].set(&joboptions.restart, word + 1, n - 1));
	return ("is none of none, fixed-delay, failure-rate, exponential-delay");
}

#define ROW(letter, name, arg, help, set) { letter, name, arg, help, WEIR_CALL, NULL, set }

const struct weir_option joboptions_rows[] = {
	ROW('c', "interval", "DURATION", "a checkpoint each DURATION (default: only at the end)",
	    interval_set),
	ROW('m', "mode", "MODE", "exactly-once (default) or at-least-once", mode_set),
	ROW('T', "timeout", "DURATION", "give up a checkpoint after that (default 10m)",
	    timeout_set),
	ROW(0, "min-pause", "DURATION", "at least, from one checkpoint to the next (default 0s)",
	    pause_set),
	ROW(0, "max-concurrent", "N", "checkpoints at a time, at most 64 (default 1)",
	    concurrent_set),
	ROW(0, "retain", "N", "completed checkpoints that are kept (default 1)", retain_set),
	ROW('R', "restart", "STRATEGY", "none, fixed-delay, failure-rate, exponential-delay",
	    restart_set),
	ROW(0, "backend", "BACKEND", "of keyed state: leveldb (default) or memory", backend_set),
	ROW('G', "key-groups", "N", "of a new job: its greatest parallelism (default 128)",
	    groups_set),
	{ 0, "force", NULL, "checkpoints in spite of a loop", WEIR_FLAG, &joboptions.force, NULL },
	ROW(0, "loop-wait", "DURATION", "a loop that is silent so long has ended (default 1s)",
	    loop_wait_set),
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

void
joboptions_settle(void)
{
	char *none[1] = { NULL };

	if (!restart_given && joboptions.interval_ms > 0)
		exponential_set(&joboptions.restart, none, 0);
}
