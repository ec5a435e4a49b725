/*
 * average: the average of each two values of a key (CountWindowAverage).
 *
 *	weir source pairs.csv | weir keyby -t , -k 1 | weir average | weir sink
 *
 * A window is a key's count and sum.  It is keyed state: the runtime selects the
 * one of the record's key before average_record() is called, saves what has
 * changed at each checkpoint and brings it back.  A key without a window gets
 * zeros, which is the default value here, and is without one again when its
 * window is full: cleared, not kept as zeros.
 * weir_value_hold() is for values of a fixed size: their own memory.  The layout,
 * two int64_t, is for people: savepoints are text, and so is what weir state prints.
 */
#include <stdint.h>

#include "keyvalue.h"

struct window {
	int64_t	 count, sum;
};

static struct weir_value	*average;

static int
average_open(struct weir *w)
{
	weir_set_separator(w, weir_separator(w));
	if ((average = weir_value(w, "average")) == NULL)
		return (-1);
	return (weir_value_layout(average, "qq"));
}

static int
average_record(struct weir *w, const struct weir_record *r)
{
	struct window	*window;
	int64_t		 value, mean;
	int		 got;

	if ((got = keyvalue_get(w, r, &value)) != 1)
		return (got);
	if ((window = weir_value_hold(average, sizeof(*window))) == NULL)
		return (-1);
	window->count++;
	window->sum += value;
	if (window->count < 2)
		return (0);
	mean = window->sum / window->count;	/* toward zero */
	if (weir_value_clear(average) == -1)	/* window is gone with it */
		return (-1);
	return (keyvalue_emit(w, r, mean));
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI, .name = "average",
	.summary = "the average of each two values of a key",
	.flags = WEIR_KEYED,
	.open = average_open, .record = average_record,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
