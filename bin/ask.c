/* ask: a question to the coordinator of a job. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "run.h"

struct ask {
	struct control	*control;
	int		 gone;		/* it has closed: what came before can be heard */
};

/* Where it listens; the directory of sockets stays as it is. */
static int
address_find(const char *job, char *path, size_t size, char *why, size_t whysize)
{
	struct jobdir	*d;
	struct holder	 h;
	int		 r = -1, saved;

	if ((d = jobdir_open(job, 0, why, whysize)) == NULL)
		return (-1);
	if (!jobdir_holder(d, &h) || h.run[0] == '\0') {
		snprintf(why, whysize, "%s: not running", jobdir_path(d));
		errno = ECONNREFUSED;
	} else if ((size_t)snprintf(path, size, "%s/control", h.run) >= size) {
		snprintf(why, whysize, "%s: %s", h.run, strerror(ENAMETOOLONG));
		errno = ENAMETOOLONG;
	} else
		r = 0;
	saved = errno;
	jobdir_close(d);
	errno = saved;
	return (r);
}

struct ask *
ask_open(const char *job, char *why, size_t size)
{
	struct ask	*a;
	char		 path[PATH_MAX];
	int		 saved;

	if (address_find(job, path, sizeof(path), why, size) == -1)
		return (NULL);
	if ((a = calloc(1, sizeof(*a))) != NULL && (a->control = control_dial(path)) != NULL)
		return (a);
	if (errno == ENOENT || errno == ECONNREFUSED) {
		snprintf(why, size, "%s: not running", job);
		errno = ECONNREFUSED;
	} else
		snprintf(why, size, "%s: %s", path, strerror(errno));
	saved = errno;
	free(a);
	errno = saved;
	return (NULL);
}

void
ask_close(struct ask *a)
{
	if (a == NULL)
		return;
	control_close(a->control);
	free(a);
}

int
ask_fd(const struct ask *a)
{
	return (control_fd(a->control));
}

int
ask_say(struct ask *a, const char *question)
{
	char line[64];

	snprintf(line, sizeof(line), "{\"ask\":\"%s\"}", question);
	return (control_send(a->control, line));
}

static json_t *
take(struct ask *a)
{
	const char	*line;
	size_t		 len;

	if (control_line(a->control, &line, &len) != 1)
		return (NULL);
	return (json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL));
}

json_t *
ask_line(struct ask *a, int timeout_ms)
{
	struct pollfd	 p;
	json_t		*answer;
	int64_t		 until = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms, left;

	p.fd = control_fd(a->control);
	while (!a->gone) {
		a->gone = control_work(a->control) == -1;
		if ((answer = take(a)) != NULL)
			return (answer);
		if (a->gone || (left = until - now_ms()) <= 0)
			break;
		p.events = control_events(a->control);
		if (poll(&p, 1, timeout_ms < 0 ? -1 : (int)left) == -1 && errno != EINTR)
			return (NULL);
	}
	if (a->gone && (answer = take(a)) != NULL)
		return (answer);
	errno = a->gone ? ECONNRESET : ETIMEDOUT;
	return (NULL);
}
