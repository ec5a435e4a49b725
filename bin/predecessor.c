/* predecessor: the coordinator that a job had before, and may still have. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <bsd/string.h>

#include "ask.h"
#include "predecessor.h"
#include "run.h"
#include "tool.h"

#define WAIT_MS		10000		/* for it to leave */
#define SAY_MS		1000		/* then it is said */
#define LOOK_MS		20
#define ANSWER_MS	200
#define STAYS_MS	300		/* one that answers may not have seen yet that it is to go */

/* A job that is over is about to be left. */
static int
serves(const json_t *status)
{
	static const char *const over[] = { "done", "failed", "cancelled" };
	const char		*state = json_string_value(json_object_get(status, "state"));
	size_t			 i;

	for (i = 0; state != NULL && i < sizeof(over) / sizeof(over[0]); i++)
		if (strcmp(state, over[i]) == 0)
			return (0);
	return (state != NULL);
}

static int
lives(const char *job)
{
	struct ask	*a;
	json_t		*status, *more = NULL;
	char		 why[PATH_MAX + 512];
	int		 r;

	if ((a = ask_open(job, why, sizeof(why))) == NULL)
		return (0);
	status = ask_say(a, "status") == 0 ? ask_line(a, ANSWER_MS) : NULL;
	r = serves(status) && (more = ask_line(a, STAYS_MS)) == NULL && errno == ETIMEDOUT;
	json_decref(more);
	json_decref(status);
	ask_close(a);
	return (r);
}

static int
silent(struct jobdir *d, char *why, size_t size)
{
	struct holder h;

	if (jobdir_holder(d, &h))
		snprintf(why, size, "%s: process %ld still has it, and has not answered for "
		    "%d s; end it with 'kill -9 %ld'", jobdir_path(d), h.pid, WAIT_MS / 1000,
		    h.pid);
	errno = EWOULDBLOCK;
	return (-1);
}

static void
wait_say(struct jobdir *d)
{
	struct holder h;

	if (jobdir_holder(d, &h))
		tool_say("%s: waiting for process %ld, which still has it, to end",
		    jobdir_path(d), h.pid);
}

int
predecessor_wait(struct jobdir *d, const char *job, int gone, char *why, size_t size)
{
	struct pollfd	p = { gone, 0, 0 };
	int64_t		since = now_ms();
	int		said = 0, error;

	while (jobdir_lock(d) == -1) {
		error = errno;
		strlcpy(why, jobdir_error(d), size);
		if (error != EWOULDBLOCK || lives(job)) {
			errno = error;
			return (-1);
		}
		if (now_ms() - since >= WAIT_MS)
			return (silent(d, why, size));
		if (!said && now_ms() - since >= SAY_MS) {
			wait_say(d);
			said = 1;
		}
		if (poll(&p, 1, LOOK_MS) != 0) {
			errno = EINTR;
			return (-1);
		}
	}
	return (0);
}
