/*
 * counter: a source that counts (CounterSource): 0, 1, 2, ...
 *
 *	weir counter [END] | weir sink
 *
 * A source emits in produce(), and between two calls of it barriers pass.  So to
 * emit a number and to move the offset on is one step, without a lock: an offset
 * that is saved is that of the first number behind the barrier.  Hence no number
 * is missing and none comes twice in what checkpoints commit.
 * To cancel is nobody's work here: once a stop was asked for (a signal, weir stop)
 * produce() is not called again, and the offset is saved a last time.
 * Of -p N subtasks each counts in steps of N.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir.h>

#define TURN	1000		/* numbers of one call: it must not take long */
#define DIGITS	24

static uint64_t	 offset, limit = UINT64_MAX;
static int	 restored;

static int
counter_setup(struct weir *w, int argc, char *argv[])
{
	char *end;

	if (argc > 1)
		return (weir_misuse(w, "one number, please: where to stop"));
	if (argc == 0)
		return (0);
	errno = 0;
	limit = strtoull(argv[0], &end, 10);
	if (end == argv[0] || *end != '\0' || errno != 0)
		return (weir_misuse(w, "%s: not a number", argv[0]));
	return (0);
}

static int
counter_open(struct weir *w)
{
	if (!restored)
		offset = weir_subtask(w);
	return (weir_origin(w, "counter", 0, 1));
}

static int
counter_produce(struct weir *w)
{
	char		 text[DIGITS];
	unsigned	 i;
	int		 n;

	for (i = 0; i < TURN && !weir_full(w); i++) {
		if (offset >= limit)
			return (WEIR_OK);
		n = snprintf(text, sizeof(text), "%" PRIu64, offset);
		if (weir_emit(w, text, (size_t)n) == -1)
			return (-1);
		offset += weir_parallelism(w);
	}
	return (WEIR_MORE);
}

static int
counter_snapshot(struct weir *w, uint64_t checkpoint)
{
	char	 text[DIGITS];
	int	 n = snprintf(text, sizeof(text), "%" PRIu64, offset);

	(void)checkpoint;
	return (weir_save(w, text, (size_t)n));
}

static int
counter_restore(struct weir *w, const void *state, size_t len)
{
	char text[DIGITS];

	if (len < sizeof(text)) {
		memcpy(text, state, len);
		text[len] = '\0';
		restored = sscanf(text, "%" SCNu64, &offset) == 1;
	}
	return (restored ? 0 : weir_misuse(w, "the checkpoint holds no offset of mine"));
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI, .name = "counter",
	.synopsis = "[END]",
	.summary = "count from 0, up to END or for ever",
	.setup = counter_setup, .open = counter_open, .produce = counter_produce,
	.snapshot = counter_snapshot, .restore = counter_restore,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
