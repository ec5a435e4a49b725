/*
 * pace: so many records a second, exact over time.
 *
 * Products stay below 2^64 because seconds and the rest are taken apart and
 * the rate is at most PACE_MAX.
 */
#include <limits.h>

#include "pace.h"

#define SECOND_NS	UINT64_C(1000000000)
#define MS_NS		UINT64_C(1000000)

void
pace_init(struct pace *p, uint64_t rate, unsigned subtask, unsigned parallelism)
{
	p->rate = rate;
	p->subtask = subtask;
	p->parallelism = parallelism;
	pace_idle(p);
}

size_t
pace_due(struct pace *p, uint64_t now_ns)
{
	uint64_t elapsed_ns, all, mine;

	if (!p->running) {
		p->running = 1;
		p->start_ns = now_ns;
		p->sent = 0;
	}
	elapsed_ns = now_ns - p->start_ns;
	all = elapsed_ns / SECOND_NS * p->rate +
	    elapsed_ns % SECOND_NS * p->rate / SECOND_NS + 1;
	mine = (all + p->parallelism - 1 - p->subtask) / p->parallelism;
	return (mine > p->sent ? (size_t)(mine - p->sent) : 0);
}

void
pace_sent(struct pace *p, size_t n)
{
	p->sent += n;
}

int
pace_wait_ms(const struct pace *p, uint64_t now_ns)
{
	uint64_t next, due_ns, ms;

	next = p->sent * p->parallelism + p->subtask;
	due_ns = p->start_ns + next / p->rate * SECOND_NS +
	    (next % p->rate * SECOND_NS + p->rate - 1) / p->rate;
	if (due_ns <= now_ns)
		return (1);
	ms = (due_ns - now_ns + MS_NS - 1) / MS_NS;
	return (ms > INT_MAX ? INT_MAX : (int)ms);
}

void
pace_idle(struct pace *p)
{
	p->running = 0;
	p->sent = 0;
}
