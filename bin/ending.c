/* ending: ask a job to end, and wait until it has. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <bsd/string.h>

#include "ask.h"
#include "ending.h"
#include "run.h"
#include "tool.h"

#define LOOK_MS		20
#define BACK_MS		3000	/* for a coordinator that was killed to come back */

/* What its last words were. */
struct words {
	char	 state[16], why[1024];
};

static void
listen(struct ask *a, struct words *w)
{
	const char	*state, *why;
	json_t		*o;

	while ((o = ask_line(a, -1)) != NULL) {
		state = json_string_value(json_object_get(o, "state"));
		why = json_string_value(json_object_get(o, "why"));
		if (state != NULL)
			strlcpy(w->state, state, sizeof(w->state));
		if (state != NULL && why != NULL)
			strlcpy(w->why, why, sizeof(w->why));
		json_decref(o);
	}
}

static int
over(const struct words *w)
{
	return (strcmp(w->state, "done") == 0 || strcmp(w->state, "failed") == 0 ||
	    strcmp(w->state, "cancelled") == 0);
}

/* Its process has gone, and the lock with it: the job can be started again. */
static int
left(const char *job)
{
	struct jobdir	*d;
	struct holder	 h;
	char		 why[PATH_MAX + 512];
	int		 r;

	if ((d = jobdir_open(job, 0, why, sizeof(why))) == NULL)
		return (1);
	r = !jobdir_holder(d, &h);
	jobdir_close(d);
	return (r);
}

int
ending_wait(const char *job, const char *question, int *status)
{
	struct words	 w = { "", "" };
	struct ask	*a;
	char		 why[PATH_MAX + 512];
	int64_t		 until = 0;

	while (!over(&w)) {
		if ((a = ask_open(job, why, sizeof(why))) == NULL) {
			if (errno != ECONNREFUSED) {
				*status = tool_fail(jobdir_status(errno), "%s", why);
				return (-1);
			}
			if (now_ms() >= until)
				break;
			poll(NULL, 0, LOOK_MS);
			continue;
		}
		if (ask_say(a, question) == 0 && ask_say(a, "watch") == 0)
			listen(a, &w);
		ask_close(a);
		until = now_ms() + BACK_MS;
	}
	if (until == 0)
		return (0);
	for (until = now_ms() + BACK_MS; !left(job) && now_ms() < until; )
		poll(NULL, 0, LOOK_MS);
	if (strcmp(w.state, "failed") != 0 && over(&w))
		return (1);
	*status = tool_fail(WEIR_FAILED, "%s: %s", job, over(&w) ? w.why :
	    "its coordinator has gone before the job was over");
	return (-1);
}
