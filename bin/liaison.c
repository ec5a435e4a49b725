/* liaison: our line to the coordinator of a job. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "liaison.h"
#include "run.h"

void
liaison_open(struct liaison *l, const char *job)
{
	memset(l, 0, sizeof(*l));
	l->job = job;
	l->dial_every_ms = 0;
}

void
liaison_close(struct liaison *l)
{
	ask_close(l->ask);
	watch_close(&l->watch);
}

void
liaison_lost(struct liaison *l, int64_t now_ms)
{
	ask_close(l->ask);
	l->ask = NULL;
	l->told = WISH_NOTHING;
	l->dial_ms = now_ms;
	l->dial_every_ms = 0;
	if (l->waits)
		l->question_ms = now_ms;
	watch_lost(&l->watch);
}

static void
dial(struct liaison *l, int64_t now_ms)
{
	char why[PATH_MAX + 512];

	if ((l->ask = ask_open(l->job, why, sizeof(why))) != NULL &&
	    ask_say(l->ask, "watch") == 0)
		return;
	ask_close(l->ask);
	l->ask = NULL;
	l->dial_every_ms++;
	if (l->dial_every_ms > LIAISON_DIAL_MS)
		l->dial_every_ms = LIAISON_DIAL_MS;
	l->dial_ms = now_ms + l->dial_every_ms;
}

static void
say(struct liaison *l, int64_t now_ms)
{
	static const char *const words[] = { NULL, "stop", "cancel" };

	if (l->wish > l->told && ask_say(l->ask, words[l->wish]) == 0)
		l->told = l->wish;
	if (l->question_ms != 0 && now_ms >= l->question_ms && ask_say(l->ask, "status") == 0)
		l->question_ms = 0;
}

void
liaison_hear(struct liaison *l, pid_t coordinator, int64_t now_ms)
{
	json_t	*status;
	int	 bad = 0;

	if (l->ask == NULL)
		return;
	while (!bad && (status = ask_line(l->ask, 0)) != NULL) {
		/* the answer to "stop" says nothing more */
		if (json_object_get(status, "state") != NULL)
			bad = watch_take(&l->watch, status, now_ms) == -1 ||
			    l->watch.pid != (int64_t)coordinator;
		json_decref(status);
	}
	if (bad || errno != ETIMEDOUT)
		liaison_lost(l, now_ms);
	else if (l->watch.answered)
		l->waits = 0;
}

void
liaison_work(struct liaison *l, pid_t coordinator, int64_t now_ms)
{
	if (l->ask == NULL && coordinator != 0 && now_ms >= l->dial_ms)
		dial(l, now_ms);
	if (l->ask != NULL)
		say(l, now_ms);
	liaison_hear(l, coordinator, now_ms);
}

void
liaison_question(struct liaison *l, int64_t at_ms)
{
	l->question_ms = at_ms;
	l->waits = 1;
	l->watch.answered = 0;
}

int64_t
liaison_next(const struct liaison *l)
{
	if (l->ask == NULL)
		return (l->dial_ms);
	return (l->question_ms != 0 ? l->question_ms : NEVER);
}

int
liaison_fd(const struct liaison *l)
{
	return (l->ask != NULL ? ask_fd(l->ask) : -1);
}
