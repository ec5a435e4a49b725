/*
 * callers: who has dialled the coordinator.
 *
 *  - A line's end is the death of who was behind it.
 *  - One who says nothing for too long counts as dead, and so that it is: it is
 *    killed, by the process that the kernel says is there.
 *  - Only the newest view is told, and not to one who has not taken what was told
 *    before: a view says all that those before it said.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "coordinator.h"
#include "run.h"
#include "tool.h"

#define FULL_MS		100		/* no descriptors: nobody is accepted so long */
#define DEAF_BYTES	(1U << 20)	/* a tool that does not take its answers is not heard */

int
callers_room(const struct coordinator *co)
{
	return (co->ncallers < co->room && co->listen_ms <= now_ms());
}

static void
caller_add(struct coordinator *co, struct control *control)
{
	struct caller *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		control_close(control);
		return;
	}
	c->control = control;
	c->heard_ms = now_ms();
	TAILQ_INSERT_TAIL(&co->callers, c, entry);
	co->ncallers++;
}

void
callers_accept(struct coordinator *co)
{
	struct control *control;

	while (callers_room(co)) {
		if ((control = control_accept(co->listener)) != NULL)
			caller_add(co, control);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			co->listen_ms = now_ms() + FULL_MS;
		else if (errno != EPERM)
			return;
	}
}

void
caller_retire(struct caller *c)
{
	if (c->subtask != NULL && c->subtask->caller == c) {
		c->subtask->caller = NULL;
		c->subtask->presence = AWAITED;
	}
	c->kind = CALLER_OLD;
	c->heard_ms = now_ms();
}

/* All lines that have come.  Each may have consequences: an ack may complete. */
static void
hear_lines(struct coordinator *co, struct caller *c)
{
	const char	*line;
	size_t		 len;
	struct say	 s;

	while (!c->gone && !co->leave && control_queued(c->control) <= DEAF_BYTES &&
	    control_line(c->control, &line, &len) == 1) {
		if (c->kind != CALLER_OLD)
			c->heard_ms = now_ms();
		if (say_parse(line, len, &s) == 0)
			coordinator_hear(co, c, &s);
		else if (errno == ENOMEM || c->subtask != NULL) {
			tool_say("process %ld on a control line was not understood",
			    (long)control_peer(c->control));
			c->gone = 1;
		} else
			asks_hear(co, c, line, len);
		coordinator_settle(co);
	}
}

void
caller_work(struct coordinator *co, struct caller *c)
{
	int broken = control_work(c->control) == -1;

	/* what came before the end counts */
	hear_lines(co, c);
	c->gone |= broken;
	if (c->gone) {
		coordinator_lost(co, c);
		coordinator_settle(co);
	}
}

void
callers_sweep(struct coordinator *co)
{
	struct caller *c, *next;

	TAILQ_FOREACH_SAFE(c, &co->callers, entry, next)
		if (c->gone) {
			coordinator_lost(co, c);
			TAILQ_REMOVE(&co->callers, c, entry);
			co->ncallers--;
			control_close(c->control);
			free(c);
		}
}

static int64_t
patience_ms(const struct caller *c)
{
	if (c->kind == CALLER_STRANGER)
		return (RULES_NEVER);
	if ((c->kind == CALLER_MEMBER || c->kind == CALLER_ENTERING) &&
	    c->subtask->presence == REGISTERED)
		return (RESTORING_MS);
	return (SILENT_MS);
}

static void
silence_look(struct coordinator *co, struct caller *c, int64_t now)
{
	char label[ROSTER_LABEL];

	if (now - c->heard_ms <= patience_ms(c))
		return;
	tool_say("%s (pid %ld) %s for %lld s: killed", roster_label(&co->roster, c->subtask, label),
	    (long)control_peer(c->control), c->kind == CALLER_OLD ?
	    "has stayed in an attempt that is over" : "has said nothing",
	    (long long)(patience_ms(c) / 1000));
	kill(control_peer(c->control), SIGKILL);
	c->gone = 1;
	coordinator_lost(co, c);
}

void
callers_sign(struct coordinator *co)
{
	static const struct tell	 beat = { .kind = TELL_BEAT };
	struct caller			*c;

	TAILQ_FOREACH(c, &co->callers, entry)
		if (c->subtask != NULL && !c->gone && control_queued(c->control) == 0 &&
		    control_tell(c->control, &beat) == -1)
			c->gone = 1;
}

void
callers_beat(struct coordinator *co, int64_t now)
{
	struct caller *c;

	callers_sign(co);
	TAILQ_FOREACH(c, &co->callers, entry)
		if (c->subtask != NULL && !c->gone && !coordinator_over(co))
			silence_look(co, c, now);
}

/* The coordinator itself was stopped, or slept: nobody was silent meanwhile. */
void
callers_forgive(struct coordinator *co, int64_t ms)
{
	struct caller *c;

	TAILQ_FOREACH(c, &co->callers, entry)
		c->heard_ms += ms;
}

void
callers_tell(struct coordinator *co)
{
	struct tell	 t = { .kind = TELL_VIEW };
	struct caller	*c;

	coord_view(&co->coord, &t.view);
	TAILQ_FOREACH(c, &co->callers, entry) {
		if (c->gone || (c->kind != CALLER_MEMBER && c->kind != CALLER_OLD) ||
		    c->told >= t.view.number || control_queued(c->control) > 0)
			continue;
		if (control_tell(c->control, &t) == -1)
			c->gone = 1;
		c->told = t.view.number;
	}
}
