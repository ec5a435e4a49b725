/* restart: may the job be started again after a failure, and when? */
#include "rules.h"

static int
rate_failure(struct restart *r, int64_t now)
{
	unsigned slot;

	if (r->max == 0)
		return (0);
	slot = (unsigned)(r->restarts % (r->max < RESTART_RATE_MAX ? r->max : RESTART_RATE_MAX));
	/* the slot that this restart would take holds the oldest one remembered */
	if (r->restarts >= r->max && now - r->at[slot] <= r->per_ms)
		return (0);
	r->at[slot] = now;
	return (1);
}

int
restart_failure(struct restart *r, int64_t now, int64_t *delay_ms)
{
	double next;

	*delay_ms = r->delay_ms;
	switch (r->kind) {
	case RESTART_NONE:
		return (0);
	case RESTART_FIXED:
		if (r->restarts >= r->max)
			return (0);
		break;
	case RESTART_RATE:
		if (!rate_failure(r, now))
			return (0);
		break;
	case RESTART_EXPONENTIAL:
		if (r->next_ms > 0)
			*delay_ms = r->next_ms;
		next = (double)*delay_ms * r->factor;
		if (next > (double)r->max_ms)
			r->next_ms = r->max_ms;
		else		/* rounded up: 1 ms times 1.5 has to grow */
			r->next_ms = (int64_t)next + ((double)(int64_t)next < next);
		break;
	}
	r->restarts++;
	return (1);
}

void
restart_completed(struct restart *r)
{
	r->next_ms = 0;
}
