/*
 * job: a coord with three members on a clock of our own, for its unit tests.
 *
 * begin() opens one as checkpointd does, gather() brings its members, running()
 * is both.  Restart delay 0: a death opens the next attempt at once.
 */
#ifndef JOB_H
#define JOB_H

#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define SOURCE	0		/* members: a source, an operator, a sink */
#define MEMBERS	3

static struct coord	c;
static struct view	v;		/* the last one asked for */

static inline void
begin(int64_t interval_ms)
{
	coord_close(&c);
	memset(&c, 0, sizeof(c));
	c.restart.kind = RESTART_EXPONENTIAL;
	c.restart.factor = 2;
	c.trigger.interval_ms = interval_ms;
	c.trigger.concurrent = 1;
	c.timeout_ms = 600;
	c.retain = 1;
	coord_open(&c, 0);
}

static inline void
gather(int64_t now)
{
	unsigned i;

	for (i = 0; i < MEMBERS; i++)
		coord_register(&c, i, i == SOURCE, now);
	coord_whole(&c, now);
	for (i = 0; i < MEMBERS; i++)
		coord_connected(&c, i, now);
}

/* A job that runs since 0, with all that it has said forgotten. */
static inline void
running(int64_t interval_ms)
{
	begin(interval_ms);
	gather(0);
	coord_saved(&c);
	c.changed = 0;
}

/* Let the time pass until then, tick by tick as coord_next() asks for them. */
static inline void
pass(int64_t until)
{
	while (coord_next(&c) <= until)
		coord_tick(&c, coord_next(&c));
	coord_tick(&c, until);
}

static inline void
ack_all(uint64_t id, int64_t now)
{
	unsigned i;

	for (i = 0; i < MEMBERS; i++)
		coord_ack(&c, i, id, now);
}

static inline void
commit_all(uint64_t id, int64_t now)
{
	unsigned i;

	for (i = 0; i < MEMBERS; i++)
		coord_committed(&c, i, id, now);
}

/* The ids that a view calls pending, at most two of them. */
static inline int
pending_are(uint64_t a, uint64_t b)
{
	coord_view(&c, &v);
	return (v.ids.npending == (unsigned)(a != 0) + (b != 0) &&
	    (a == 0 || v.ids.pending[0] == a) && (b == 0 || v.ids.pending[1] == b));
}

/* How many have ended since it was asked last; is one of them id, in this way? */
static inline int
ended(uint64_t id, enum coord_end how, int *n)
{
	struct coord_pending	*p;
	int			 found = 0;

	for (*n = 0; (p = coord_ended(&c)) != NULL; coord_pending_free(p), ++*n)
		found |= p->id == id && p->how == how;
	return (found);
}

/* This one has, and no other. */
static inline int
ended_as(uint64_t id, enum coord_end how)
{
	int n;

	return (ended(id, how, &n) && n == 1);
}

static inline uint64_t
view_completed(void)
{
	coord_view(&c, &v);
	return (v.completed);
}

/* An event that has to leave everything as it was. */
#define SILENT(event) do {						\
	uint64_t was = c.view, highest = c.highest;			\
	enum job_state state = c.state;					\
	int n;								\
	c.persist = c.changed = 0;					\
	ended(0, COORD_COMPLETED, &n);					\
	event;								\
	CHECK(c.view == was && c.highest == highest && c.state == state); \
	CHECK(!c.persist && !c.changed);				\
	ended(0, COORD_COMPLETED, &n);					\
	CHECK(n == 0);							\
} while (0)

#endif
