/*
 * number: put before each record its number among those of its key.
 *
 *	weir source sample.txt | weir keyby -W -k 1 | weir number | weir sink
 *
 * A stage to begin with: it has all that most stages need, and nothing else.
 *  1. Copy the directory; call the file weir-NAME.c, set NAME in the Makefile and
 *     .name below.  Any weir-NAME on the PATH is run by 'weir NAME'.
 *  2. struct weir_stage says what the stage has; the runtime calls it.  What you
 *     do not need is left out.
 *  3. What has to survive is state: by key (next, below) or of the subtask (seen).
 *     Other variables are gone when the process is; so do not count in them.
 *  4. Let the same input give the same output: no clock, no chance, no order of a
 *     hash table.  After a crash records come again, from the last checkpoint on.
 *  5. Try it without a job, then with one, then while it is being killed:
 *	./number.sh
 *	weir run -c 1s -j JOB ./number.sh sample.txt out
 *	weir crashtest -c 20ms ./number.sh LONG out
 *
 * weir.h is the whole interface; weir_main(3) begins its manual.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <weir.h>

#define DIGITS	24		/* more than a number has */

static uint64_t			 first = 1;	/* --first */
static struct weir_value	*next;		/* keyed state: numbers given so far */
static uint64_t			 seen;		/* operator state: records of this subtask */

static const struct weir_option options[] = {
	{ .letter = 'f', .name = "first", .arg = "N",
	  .help = "the first number of each key (default 1)",
	  .type = WEIR_NUMBER, .to = &first },
	{ .name = NULL }
};

/* Options are parsed, nothing else has happened: the place for complaints. */
static int
number_setup(struct weir *w, int argc, char *argv[])
{
	if (argc > 0)
		return (weir_misuse(w, "%s: I take no operands; files are read by 'weir "
		    "source FILE'", argv[0]));
	return (0);
}

/* Connected, and restored if there was something to restore: make the handles. */
static int
number_open(struct weir *w)
{
	if ((next = weir_value(w, "next")) == NULL)
		return (-1);
	return (weir_value_layout(next, "Q"));	/* a uint64_t: savepoints are text */
}

/* One record.  The state of its key is selected; what is emitted goes downstream. */
static int
number_record(struct weir *w, const struct weir_record *r)
{
	uint64_t	*given = weir_value_hold(next, sizeof(*given));
	char		*to = weir_reserve(w, DIGITS + r->len + 1, NULL);
	int		 n;

	if (given == NULL || to == NULL)
		return (-1);
	n = snprintf(to, DIGITS, "%" PRIu64 "\t", first + (*given)++);
	memcpy(to + n, r->data, r->len);
	to[(size_t)n + r->len] = '\n';
	seen++;
	return (weir_commit(w, (size_t)n + r->len + 1, 1));
}

/* Between two records: keyed state is saved by itself, the rest is said here. */
static int
number_snapshot(struct weir *w, uint64_t checkpoint)
{
	char	 text[DIGITS];
	int	 n = snprintf(text, sizeof(text), "%" PRIu64, seen);

	(void)checkpoint;
	return (weir_save(w, text, (size_t)n));
}

/* Before open(), and not on a first start. */
static int
number_restore(struct weir *w, const void *state, size_t len)
{
	char text[DIGITS];

	if (len < sizeof(text)) {
		memcpy(text, state, len);
		text[len] = '\0';
		if (sscanf(text, "%" SCNu64, &seen) == 1)
			return (0);
	}
	return (weir_misuse(w, "the checkpoint holds no count of mine"));
}

/* ok: all went well. */
static int
number_close(struct weir *w, int ok)
{
	if (ok)
		weir_debug(w, "%" PRIu64 " records", seen);
	return (0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI,
	.name = "number",
	.summary = "number the records of each key",
	.options = options,
	.flags = WEIR_KEYED,
	.setup = number_setup, .open = number_open, .record = number_record,
	.snapshot = number_snapshot, .restore = number_restore,
	.close = number_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
