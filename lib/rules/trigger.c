/* trigger: when is the next checkpoint due? */
#include "rules.h"

void
trigger_start(struct trigger *t, int64_t now)
{
	if (t->interval_ms > 0 && t->interval_ms < t->pause_ms)
		t->interval_ms = t->pause_ms;
	t->queued = 0;
	t->completed_ms = -RULES_NEVER;
	t->due_ms = t->interval_ms > 0 ? now + t->interval_ms : RULES_NEVER;
}

void
trigger_stop(struct trigger *t)
{
	t->queued = 0;
	t->due_ms = RULES_NEVER;
}

/* The pause after the last completion is over then. */
static int64_t
paused_until(const struct trigger *t)
{
	return (t->completed_ms == -RULES_NEVER ? -RULES_NEVER : t->completed_ms + t->pause_ms);
}

int64_t
trigger_next(const struct trigger *t, unsigned pending)
{
	if (!t->queued)
		return (t->due_ms);
	return (pending >= t->concurrent ? RULES_NEVER : paused_until(t));
}

int
trigger_fire(struct trigger *t, int64_t now, unsigned pending)
{
	if (!t->queued && now < t->due_ms)
		return (0);
	if (pending >= t->concurrent || now < paused_until(t)) {
		t->queued = 1;
		t->due_ms = RULES_NEVER;
		return (0);
	}
	/* the fixed rate counts from when it was due, or from a queued one */
	if (t->queued || t->due_ms + t->interval_ms <= now)
		t->due_ms = now + t->interval_ms;
	else
		t->due_ms += t->interval_ms;
	t->queued = 0;
	return (1);
}

void
trigger_completed(struct trigger *t, int64_t now)
{
	t->completed_ms = now;
}
