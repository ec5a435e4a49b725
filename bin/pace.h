/*
 * pace: so many records a second, exact over time.
 *
 * Record k (from 0) of a stage is due k/rate seconds after the first one; of
 * parallel subtasks each has every parallelism-th record.  Pure: the caller
 * brings the time, a clock that never goes back, in nanoseconds.
 */
#ifndef PACE_H
#define PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_MAX	UINT64_C(1000000000)	/* records a second */

struct pace {
	uint64_t	 rate;		/* records a second, 1 to PACE_MAX */
	uint64_t	 subtask, parallelism;
	uint64_t	 start_ns;	/* when record 0 was due */
	uint64_t	 sent;		/* by this subtask, since then */
	int		 running;
};

void	 pace_init(struct pace *, uint64_t rate, unsigned subtask, unsigned parallelism);

/* How many more records may be sent now.  The first call starts the clock. */
size_t	 pace_due(struct pace *, uint64_t now_ns);

/* n records were sent. */
void	 pace_sent(struct pace *, size_t n);

/* Milliseconds until the next record is due, rounded up; at least 1. */
int	 pace_wait_ms(const struct pace *, uint64_t now_ns);

/* The input ran dry: what was not sent meanwhile is not made up for. */
void	 pace_idle(struct pace *);

#endif
