/*
 * dialogue: lines to another program and back, in the runtime's one poll loop.
 *
 * A terminal wakes us for each line, at a price that both sides pay: while many are
 * owed they are looked for now and then.  While output is full none is taken, and
 * silence does not count.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dialogue.h"

#define READ_SIZE	65536		/* bytes */
#define FULL_MS		5		/* look again whether there is room for output */
#define LINGER_AT	512		/* answers owed on a terminal: let them gather ... */
#define LINGER_MS	1		/* ... for so long */
#define LOOK_MS		5		/* look again whether it has ended */
#define EXIT_MS		200		/* from closing its output to its end */
#define LEAVE_MS	1000		/* for one that is not needed any more */

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Time is over that began when it spoke last. */
static int
overdue(const struct dialogue *d)
{
	return (now_ms() - d->heard_ms >= (int64_t)d->timeout_ms);
}

/* Be called again: for what, and when at the latest. */
static int
wait_on(struct dialogue *d)
{
	int watched = !d->ended && !d->full && !d->lingers;
	int64_t left;

	if (d->full)
		weir_wait_ms(d->weir, FULL_MS);
	else if (d->lingers)
		weir_wait_ms(d->weir, LINGER_MS);
	else if (d->owed > 0) {
		left = d->heard_ms + (int64_t)d->timeout_ms - now_ms();
		weir_wait_ms(d->weir, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
	}
	if (watched == d->watched)
		return (0);
	d->watched = watched;
	return (weir_watch(d->weir, d->process.out, watched ? POLLIN : 0));
}

int
dialogue_open(struct dialogue *d, struct weir *w, char *const argv[], int terminal,
    uint64_t timeout_ms)
{
	d->weir = w;
	d->name = argv[0];
	d->timeout_ms = timeout_ms;
	if (process_start(&d->process, argv, terminal) == -1)
		return (errno == ENOMEM || errno == EAGAIN || errno == EMFILE ?
		    weir_error(w, "%s: %s", d->name, strerror(errno)) :
		    weir_misuse(w, "%s: %s", d->name, strerror(errno)));
	if (terminal && !d->process.terminal)
		weir_debug(w, "no pseudo-terminal can be had: %s writes into a pipe, where it "
		    "may hold its output back", d->name);
	return (wait_on(d));
}

/* As much as the pipe takes; the rest when it takes more. */
static int
ask(struct dialogue *d)
{
	ssize_t n;

	while (d->process.in != -1 && carry_len(&d->asked) > 0) {
		n = write(d->process.in, carry_data(&d->asked), carry_len(&d->asked));
		if (n > 0)
			carry_drop(&d->asked, (size_t)n);
		else if (n == -1 && errno == EAGAIN)
			return (weir_watch(d->weir, d->process.in, POLLOUT));
		else if (n == -1 && errno == EPIPE) {
			/* why will be seen at its output's end */
			carry_clear(&d->asked);
			break;
		} else if (n == -1 && errno != EINTR)
			return (weir_error(d->weir, "write to %s: %s", d->name,
			    strerror(errno)));
	}
	return (d->process.in == -1 ? 0 : weir_watch(d->weir, d->process.in, 0));
}

int
dialogue_go(struct dialogue *d)
{
	return (ask(d) == -1 ? -1 : wait_on(d));
}

void
dialogue_owes(struct dialogue *d)
{
	if (d->owed++ == 0)
		d->heard_ms = now_ms();
}

/* All whole lines that are there. */
static int
take_lines(struct dialogue *d, int (*take)(void *, char *, size_t), void *cookie)
{
	size_t len;

	while ((len = carry_line(&d->answers)) > 0) {
		if (take(cookie, d->answers.buf + d->answers.start, len - 1) == -1)
			return (-1);
		carry_drop(&d->answers, len);
	}
	return (0);
}

/* What it has written by now. */
static int
hear(struct dialogue *d, int (*take)(void *, char *, size_t), void *cookie)
{
	char *room;
	ssize_t n;

	d->lingers = 0;
	while (!d->ended && !d->full && carry_len(&d->answers) <= d->line_max) {
		if ((room = carry_room(&d->answers, READ_SIZE)) == NULL)
			return (weir_error(d->weir, "no memory for what %s answers", d->name));
		n = process_read(&d->process, room, READ_SIZE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return (weir_error(d->weir, "read from %s: %s", d->name,
			    strerror(errno)));
		if (n == 0) {
			d->ended = 1;
			break;
		}
		carry_add(&d->answers, (size_t)n);
		d->heard_ms = now_ms();
		if (take_lines(d, take, cookie) == -1 || ask(d) == -1)
			return (-1);
		d->full = weir_full(d->weir);
		d->lingers = d->process.terminal && d->owed >= LINGER_AT;
	}
	return (0);
}

int
dialogue_ready(struct dialogue *d, int (*take)(void *, char *, size_t), void *cookie)
{
	int was_full = d->full, had_ended = d->ended;

	if (ask(d) == -1)
		return (-1);
	d->full = weir_full(d->weir);
	if (was_full && !d->full)
		d->heard_ms = now_ms();
	if (hear(d, take, cookie) == -1 || wait_on(d) == -1)
		return (-1);
	if (d->ended && !had_ended)
		return (DIALOGUE_ENDED);
	return (d->owed > 0 && !d->full && overdue(d) ? DIALOGUE_SILENT : DIALOGUE_GOES_ON);
}

/* It is told that there is no more, says no more, and ends. */
int
dialogue_end(struct dialogue *d, int *status)
{
	if (d->process.in != -1) {
		process_close_in(&d->process);
		d->heard_ms = now_ms();
	}
	if (d->ended && process_ended(&d->process, status) == 1)
		return (WEIR_OK);
	if (overdue(d))
		return (weir_error(d->weir, "%s has answered all, and does not end at the end of "
		    "its input", d->name));
	weir_wait_ms(d->weir, LOOK_MS);
	return (WEIR_WAIT);
}

int
dialogue_gone(struct dialogue *d, int *status)
{
	int ended, tries;

	for (tries = 0; (ended = process_ended(&d->process, status)) == 0 &&
	    tries < EXIT_MS / LOOK_MS; tries++)
		(void)poll(NULL, 0, LOOK_MS);
	return (ended == 1);
}

void
dialogue_close(struct dialogue *d)
{
	struct pollfd pfd = { .fd = d->process.out, .events = POLLIN };
	int64_t until = now_ms() + LEAVE_MS;
	char rest[512];
	int status;

	if (d->name == NULL)		/* it was never opened */
		return;
	process_close_in(&d->process);
	while (d->process.pid != 0 && process_ended(&d->process, &status) == 0 &&
	    now_ms() < until)
		if (poll(&pfd, 1, LOOK_MS) == 1 &&
		    process_read(&d->process, rest, sizeof(rest)) <= 0)
			pfd.fd = -1;
	if (d->process.pid != 0)
		process_kill(&d->process);
	if (d->process.out != -1)
		close(d->process.out);
	carry_free(&d->asked);
	carry_free(&d->answers);
}
