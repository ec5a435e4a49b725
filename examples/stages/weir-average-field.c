/*
 * average-field: the average of each two values, whatever their keys are
 * (CountWindowAverage as a Checkpointed instance field).
 *
 *	weir source pairs.csv | weir keyby -t , -k 1 | weir average-field | weir sink
 *
 * The same text as weir-average.c but for where the window lies: here it is a
 * variable of the program, one for each subtask and not one for each key.  The
 * answers differ as soon as there are two keys: a pair is made of neighbours.
 *  - snapshot() is called between two records; what it gives weir_save() is what
 *    restore() gets.  It is text: it may be restored on another machine.
 *  - restore() comes before open(), which therefore must not reset the window.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "keyvalue.h"

#define STATE	48

static struct {
	int64_t	 count, sum;
} window;

static int
average_open(struct weir *w)
{
	weir_set_separator(w, weir_separator(w));
	return (0);
}

static int
average_record(struct weir *w, const struct weir_record *r)
{
	int64_t	 value, mean;
	int	 got;

	if ((got = keyvalue_get(w, r, &value)) != 1)
		return (got);
	window.count++;
	window.sum += value;
	if (window.count < 2)
		return (0);
	mean = window.sum / window.count;
	window.count = window.sum = 0;
	return (keyvalue_emit(w, r, mean));
}

static int
average_snapshot(struct weir *w, uint64_t checkpoint)
{
	char	 state[STATE];
	int	 n;

	(void)checkpoint;
	n = snprintf(state, sizeof(state), "%" PRId64 " %" PRId64, window.count, window.sum);
	return (weir_save(w, state, (size_t)n));
}

static int
average_restore(struct weir *w, const void *state, size_t len)
{
	char	 text[STATE];

	if (len < sizeof(text)) {
		memcpy(text, state, len);
		text[len] = '\0';
		if (sscanf(text, "%" SCNd64 " %" SCNd64, &window.count, &window.sum) == 2)
			return (0);
	}
	return (weir_misuse(w, "the checkpoint holds no window of mine"));
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI, .name = "average-field",
	.summary = "the average of each two values, whatever their keys are",
	.flags = WEIR_KEYED,
	.open = average_open, .record = average_record,
	.snapshot = average_snapshot, .restore = average_restore,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
