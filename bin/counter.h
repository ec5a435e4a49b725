/*
 * counter: the numbers A, A+1, ... B, one a line.
 *
 * Its position is one number, the next to be written.  Of parallel subtasks
 * each has every parallelism-th number.  Pure.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stddef.h>
#include <stdint.h>

#define COUNTER_LINE	21	/* bytes that the longest line may take */

struct counter {
	uint64_t	 next;
	uint64_t	 last;		/* the last number, itself included */
	uint64_t	 step;
	uint64_t	 bytes, records;	/* written so far */
};

/*
 * Read "A..B" or "A..", numbers from 0 to INT64_MAX; the latter has no end.
 * Returns NULL, or what is wrong, for "RANGE: ...".
 */
const char *counter_parse(struct counter *, const char *range);

/* Keep only this subtask's numbers. */
void	 counter_share(struct counter *, unsigned subtask, unsigned parallelism);

/* Go on at next, which was written down; -1: it is none of this subtask's numbers. */
int	 counter_resume(struct counter *, uint64_t next, uint64_t bytes, uint64_t records);
int	 counter_done(const struct counter *);

/*
 * Write numbers into buf while a line is sure to fit, at most `most`; n is set
 * to their number.  Returns the bytes written; 0 at the end.
 */
size_t	 counter_fill(struct counter *, char *buf, size_t len, size_t most, size_t *n);

#endif
