/*
 * watch: what run knows of its job, out of status lines.
 */
#include <stdarg.h>
#include <jansson.h>

#include "tap.h"
#include "watch.h"

static struct watch w;

static void
begin(void)
{
	watch_close(&w);
	memset(&w, 0, sizeof(w));
}

/* A status with these stages, each "NAME=STATE" with one subtask; NULL at the end. */
static int
take(const char *answer, const char *state, int attempt, int64_t now_ms, ...)
{
	json_t		*status, *stages = json_array();
	const char	*stage, *eq;
	va_list		 ap;
	int		 r;

	va_start(ap, now_ms);
	while ((stage = va_arg(ap, const char *)) != NULL) {
		eq = strchr(stage, '=');
		json_array_append_new(stages, json_pack("{s:s%, s:[{s:i, s:i, s:s}]}", "name",
		    stage, (size_t)(eq - stage), "subtasks", "subtask", 0, "pid",
		    strcmp(eq + 1, "awaited") == 0 ? 0 : 4711, "state", eq + 1));
	}
	va_end(ap);
	status = json_pack("{s:s, s:s, s:i, s:i, s:b, s:o}", "answer", answer, "state", state,
	    "attempt", attempt, "pid", 99, "stopping", 0, "stages", stages);
	r = watch_take(&w, status, now_ms);
	json_decref(status);
	return (r);
}

static void
states_and_the_moment_an_attempt_opened(void)
{
	begin();
	CHECK(w.state == WATCH_NOTHING);
	CHECK(take("watch", "gathering", 1, 100, NULL) == 0);
	CHECK(w.state == WATCH_GATHERING && w.attempt == 1 && w.pid == 99 && w.opened_ms == 100);
	CHECK(take("watch", "gathering", 1, 150, "a=registered", NULL) == 0);
	CHECK(w.opened_ms == 100);
	CHECK(take("watch", "running", 1, 200, "a=connected", NULL) == 0);
	CHECK(w.state == WATCH_RUNNING);
	CHECK(take("watch", "delayed", 1, 300, NULL) == 0 && w.state == WATCH_DELAYED);
	CHECK(take("watch", "gathering", 2, 400, NULL) == 0 && w.opened_ms == 400);
	CHECK(take("watch", "done", 2, 500, NULL) == 0 && w.state == WATCH_OVER);
	CHECK(take("watch", "failed", 2, 500, NULL) == 0 && w.state == WATCH_OVER);
	CHECK(take("watch", "cancelled", 2, 500, NULL) == 0 && w.state == WATCH_OVER);
}

static void
a_stage_that_was_there_is_missing_until_it_is_back(void)
{
	begin();
	CHECK(take("watch", "running", 1, 0, "a=connected", "b=connected", NULL) == 0);
	CHECK(w.nseen == 2 && w.missing[0] == '\0');
	CHECK(take("watch", "gathering", 2, 0, "a=registered", "b=awaited", NULL) == 0);
	CHECK(strcmp(w.missing, "b") == 0);
	CHECK(take("watch", "gathering", 2, 0, "a=registered", "b=registered", NULL) == 0);
	CHECK(w.missing[0] == '\0');
}

static void
one_that_the_coordinator_does_not_list_any_more_is_missing_too(void)
{
	begin();
	CHECK(take("watch", "running", 1, 0, "a=connected", "b=connected", NULL) == 0);
	watch_lost(&w);
	CHECK(w.state == WATCH_NOTHING && w.missing[0] == '\0' && w.nseen == 2);
	CHECK(take("watch", "gathering", 2, 0, "b=registered", NULL) == 0);
	CHECK(strcmp(w.missing, "a") == 0);
}

static void
one_that_was_never_there_is_not_missing(void)
{
	begin();
	CHECK(take("watch", "gathering", 2, 0, "a=registered", "b=awaited", NULL) == 0);
	CHECK(w.nseen == 1 && w.missing[0] == '\0');
	watch_forget(&w);
	CHECK(take("watch", "gathering", 2, 0, "a=awaited", "b=awaited", NULL) == 0);
	CHECK(w.nseen == 0 && w.missing[0] == '\0');
}

static void
a_source_that_has_finished_is_not_missing(void)
{
	begin();
	CHECK(take("watch", "running", 1, 0, "a=finished", "b=done", NULL) == 0);
	CHECK(w.missing[0] == '\0');
}

static void
an_answer_stays_one_when_other_news_come_behind_it(void)
{
	begin();
	CHECK(take("watch", "running", 1, 0, NULL) == 0 && !w.answered);
	CHECK(take("status", "running", 1, 0, NULL) == 0 && w.answered);
	CHECK(take("watch", "running", 1, 0, NULL) == 0 && w.answered);
	watch_lost(&w);
	CHECK(!w.answered);
}

static void
rubbish_is_told(void)
{
	json_t *empty = json_object();

	begin();
	CHECK(watch_take(&w, empty, 0) == -1);
	json_decref(empty);
	CHECK(take("watch", "dreaming", 1, 0, NULL) == -1);
}

int
main(void)
{
	RUN(states_and_the_moment_an_attempt_opened);
	RUN(a_stage_that_was_there_is_missing_until_it_is_back);
	RUN(one_that_the_coordinator_does_not_list_any_more_is_missing_too);
	RUN(one_that_was_never_there_is_not_missing);
	RUN(a_source_that_has_finished_is_not_missing);
	RUN(an_answer_stays_one_when_other_news_come_behind_it);
	RUN(rubbish_is_told);
	watch_close(&w);
	DONE();
}
