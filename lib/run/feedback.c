/*
 * feedback: what has come round a loop.
 *
 * It is taken whatever else waits, for who sent it may be who we wait for; so it is
 * held here, and there may not be more of it than memory.  No checkpoint has it.
 * A loop has ended when it has been silent long enough.
 */
#include <errno.h>
#include <stdlib.h>

#include "run.h"

struct feedback {
	struct inframe	*first, **last;
	uint64_t	 bytes, max;
	int64_t		 wait_ms, stirred_ms;
	int		 ended;
};

struct feedback *
feedback_new(uint64_t max, int64_t wait_ms)
{
	struct feedback *b;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (NULL);
	b->last = &b->first;
	b->max = max;
	b->wait_ms = wait_ms;
	b->stirred_ms = now_ms();
	return (b);
}

static void
drop(struct inframe *in)
{
	link_release(in->held);
	free(in);
}

void
feedback_free(struct feedback *b)
{
	struct inframe *in;

	if (b == NULL)
		return;
	while ((in = feedback_next(b)) != NULL)
		drop(in);
	free(b);
}

static uint64_t
weight(const struct inframe *in)
{
	return (sizeof(*in) + in->f.textlen + in->f.keyslen +
	    (uint64_t)in->f.count * sizeof(struct entry));
}

int
feedback_put(struct feedback *b, struct inframe *in)
{
	if (b->ended || b->bytes + weight(in) > b->max) {
		drop(in);
		return (b->ended ? 0 : -1);
	}
	b->bytes += weight(in);
	in->next = NULL;
	*b->last = in;
	b->last = &in->next;
	feedback_stir(b);
	return (0);
}

struct inframe *
feedback_next(struct feedback *b)
{
	struct inframe *in = b->first;

	if (in == NULL)
		return (NULL);
	if ((b->first = in->next) == NULL)
		b->last = &b->first;
	b->bytes -= weight(in);
	return (in);
}

void
feedback_stir(struct feedback *b)
{
	b->stirred_ms = now_ms();
}

int64_t
feedback_silent_ms(const struct feedback *b)
{
	return (b->stirred_ms + b->wait_ms);
}

void
feedback_end(struct feedback *b)
{
	b->ended = 1;
}

int
feedback_ended(const struct feedback *b)
{
	return (b->ended);
}
