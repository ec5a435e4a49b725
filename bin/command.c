/*
 * command: a function that is another program, asked and answering by lines.
 *
 * The state is kept here: the program is told it with each record, and says what
 * it is from then on.  Many records are asked about before the first is answered,
 * but of one key only one; a record that has to wait holds back those behind it.
 * Hence:
 *  - outputs come in the order of the records, and a replay is the same run;
 *  - when all is answered, before a barrier, nothing of a record is anywhere but
 *    in its key's state and in what was emitted.
 * Relies on: nothing that the program keeps for itself matters to an answer.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fields.h"
#include "function.h"
#include "inflight.h"
#include "process.h"
#include "protocol.h"

#define AHEAD		8		/* records from fetching state to its use */
#define READ_SIZE	65536		/* bytes */
#define STATE_MAX	(16u << 20)	/* bytes */
#define ANSWER_MAX	(2 * STATE_MAX + 16)	/* bytes of a line: a state, escaped */
#define FULL_MS		5		/* look again whether there is room for output */
#define LINGER_AT	64		/* records in flight: let answers gather ... */
#define LINGER_MS	1		/* ... for so long */
#define LEAVE_MS	1000		/* for a program that is not needed any more */
#define EXIT_MS		200		/* from closing its output to its end */
#define SHOWN		80		/* bytes of an answer in a sentence */

struct command {
	struct weir_function	 function;	/* first, so that one is the other */
	struct weir		*weir;
	char			**argv;
	uint64_t		 timeout_ms;	/* of silence, while something is asked */
	struct weir_value	*state;		/* NULL: the stream is not keyed */
	struct process		 process;
	struct inflight		 inflight;
	struct carry		 asked, answers;	/* not written, not read yet */
	int			 full;		/* no answer can be taken now */
	int			 lingers;	/* it answers, and has a lot more to */
	int			 watched;	/* answers are waited for */
	int			 ended;		/* its output is */
	int64_t			 heard_ms;	/* when it spoke last, or was asked first */
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int
no_memory(struct command *c)
{
	return (weir_error(c->weir, "no memory for what %s is asked", c->argv[0]));
}

/* What is wrong with the program; of the record that is to be answered, if any. */
static int
fail(struct command *c, const char *what, const char *detail)
{
	struct weir_record r;
	const char *place;

	if (c->inflight.count == 0)
		return (weir_error(c->weir, "%s %s%s", c->argv[0], what, detail));
	place = inflight_first(&c->inflight, &r);
	if (c->inflight.count == 1)
		return (weir_error(c->weir, "%s: %s %s%s; it has this record to answer", place,
		    c->argv[0], what, detail));
	return (weir_error(c->weir, "%s: %s %s%s; it has this record and %zu more to answer",
	    place, c->argv[0], what, detail, c->inflight.count - 1));
}

/* For what, and how long.  A program that answers record by record would wake us for
 * each of them: while it has many it is looked at now and then. */
static int
wait_on(struct command *c)
{
	int watched = !c->ended && !c->full && !c->lingers;
	int64_t left;

	if (c->full)
		weir_wait_ms(c->weir, FULL_MS);
	else if (c->lingers)
		weir_wait_ms(c->weir, LINGER_MS);
	else if (c->inflight.count > 0) {
		left = c->heard_ms + (int64_t)c->timeout_ms - now_ms();
		weir_wait_ms(c->weir, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
	}
	if (watched == c->watched)
		return (0);
	c->watched = watched;
	return (weir_watch(c->weir, c->process.out, watched ? POLLIN : 0));
}

static int
command_open(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;
	struct fields fields;

	c->weir = w;
	fields_begin(&fields, weir_separator(w), NULL, 0);
	weir_set_separator(w, (unsigned char)fields.joint);
	if (weir_keyed(w) && (c->state = weir_value(w, "state")) == NULL)
		return (-1);
	if (inflight_open(&c->inflight) == -1)
		return (no_memory(c));
	if (process_start(&c->process, c->argv) == -1)
		return (errno == ENOMEM || errno == EAGAIN || errno == EMFILE ?
		    weir_error(w, "%s: %s", c->argv[0], strerror(errno)) :
		    weir_misuse(w, "%s: %s", c->argv[0], strerror(errno)));
	if (!c->process.terminal)
		weir_debug(w, "no pseudo-terminal can be had: %s writes into a pipe, where it "
		    "may hold its output back", c->argv[0]);
	return (wait_on(c));
}

/*
 * Asking
 */

/* As much as the pipe takes; the rest when it takes more. */
static int
ask_write(struct command *c)
{
	ssize_t n;

	while (c->process.in != -1 && carry_len(&c->asked) > 0) {
		n = write(c->process.in, carry_data(&c->asked), carry_len(&c->asked));
		if (n > 0)
			carry_drop(&c->asked, (size_t)n);
		else if (n == -1 && errno == EAGAIN)
			return (weir_watch(c->weir, c->process.in, POLLOUT));
		else if (n == -1 && errno == EPIPE) {
			/* why will be seen at its output's end */
			carry_clear(&c->asked);
			break;
		} else if (n == -1 && errno != EINTR)
			return (weir_error(c->weir, "write to %s: %s", c->argv[0],
			    strerror(errno)));
	}
	return (c->process.in == -1 ? 0 : weir_watch(c->weir, c->process.in, 0));
}

static int
ask(struct command *c, const struct weir_record *r)
{
	char place[INFLIGHT_PLACE];
	const void *state = NULL;
	size_t len = 0;
	int found = 0;

	if (c->state != NULL) {
		weir_select(c->weir, r);
		if ((found = weir_value_get(c->state, &state, &len)) == -1)
			return (-1);
	}
	/* a state of no bytes is one, wherever it lies */
	if (protocol_ask(&c->asked, r->key, c->state != NULL ? r->keylen : 0,
	    !found ? NULL : len == 0 ? "" : state, len, r->data, r->len) == -1)
		return (no_memory(c));
	weir_place(c->weir, r, place, sizeof(place));
	if (c->inflight.count == 0)
		c->heard_ms = now_ms();
	return (inflight_add(&c->inflight, r, place) == -1 ? no_memory(c) : 0);
}

static long
command_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct command *c = (struct command *)function;
	size_t i;

	(void)w;
	for (i = 0; i < n && inflight_takes(&c->inflight, &records[i]); i++) {
		if (c->state != NULL && i + AHEAD < n)
			weir_value_prefetch(c->state, &records[i + AHEAD]);
		if (ask(c, &records[i]) == -1)
			return (-1);
	}
	if (ask_write(c) == -1 || wait_on(c) == -1)
		return (-1);
	return ((long)i);
}

/*
 * Answers
 */

static int
wrong_answer(struct command *c, const char *line, size_t len, const char *why)
{
	char shown[SHOWN], sentence[2 * SHOWN + FIELDS_WHY];

	snprintf(sentence, sizeof(sentence), "\"%s\", which %s",
	    fields_quote(shown, sizeof(shown), line, len), why);
	return (fail(c, "answers ", sentence));
}

/* The record's last line: what becomes of its key's state. */
static int
answer_end(struct command *c, enum answer_kind kind, const char *text, size_t len)
{
	struct weir_record r;
	int result = 0;

	(void)inflight_first(&c->inflight, &r);
	if (c->state == NULL) {
		if (kind == ANSWER_STORE)
			return (fail(c, "answers with a state, but the stream is not keyed "
			    "(put 'weir keyby -k FIELD' before me)", ""));
	} else if (kind == ANSWER_STORE && len > STATE_MAX) {
		return (fail(c, "answers with a state of more than 16 MiB", ""));
	} else if (kind != ANSWER_KEEP) {
		weir_select(c->weir, &r);
		result = kind == ANSWER_STORE ? weir_value_put(c->state, text, len) :
		    weir_value_clear(c->state);
	}
	inflight_pop(&c->inflight);
	return (result);
}

static int
answer(struct command *c, char *line, size_t len)
{
	enum answer_kind kind;
	const char *text;
	size_t textlen;

	if (c->inflight.count == 0)
		return (wrong_answer(c, line, len, "nothing was asked for"));
	kind = protocol_read(line, len, &text, &textlen);
	switch (kind) {
	case ANSWER_OUTPUT:
		return (weir_emit(c->weir, text, textlen));
	case ANSWER_NONE:
		return (wrong_answer(c, line, len, text));
	default:
		return (answer_end(c, kind, text, textlen));
	}
}

/* All whole lines that are there. */
static int
answers_take(struct command *c)
{
	size_t len;

	while ((len = carry_line(&c->answers)) > 0) {
		/* the carry is ours, and so is what is in it */
		if (answer(c, c->answers.buf + c->answers.start, len - 1) == -1)
			return (-1);
		carry_drop(&c->answers, len);
	}
	if (carry_len(&c->answers) > ANSWER_MAX)
		return (fail(c, "answers with a line that has no end", ""));
	return (0);
}

/*
 * How a program that has closed its output ended, or that it did not.  In a job one
 * that was killed is a death as our own would be: the restart strategy decides.
 */
static int
command_gone(struct command *c)
{
	char how[64], sentence[128];
	int status, ended, tries;

	for (tries = 0; (ended = process_ended(&c->process, &status)) == 0 &&
	    tries < EXIT_MS / FULL_MS; tries++)
		(void)poll(NULL, 0, FULL_MS);
	if (ended != 1)
		return (fail(c, "has closed its output", ""));
	snprintf(sentence, sizeof(sentence), "has ended before its input, with %s",
	    process_status(status, how));
	if (weir_job(c->weir) && WIFSIGNALED(status)) {
		weir_warn(c->weir, "%s %s", c->argv[0], sentence);
		_exit(WEIR_AGAIN);
	}
	return (fail(c, sentence, ""));
}

static int
command_over(struct command *c)
{
	c->ended = 1;
	if (carry_len(&c->answers) > 0)
		return (wrong_answer(c, carry_data(&c->answers), carry_len(&c->answers),
		    "is no whole line"));
	return (c->inflight.count == 0 && c->process.in == -1 ? 0 : command_gone(c));
}

static int
answers_read(struct command *c)
{
	char *room;
	ssize_t n;

	c->lingers = 0;
	while (!c->ended && !c->full) {
		if ((room = carry_room(&c->answers, READ_SIZE)) == NULL)
			return (no_memory(c));
		n = process_read(&c->process, room, READ_SIZE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1)
			return (weir_error(c->weir, "read from %s: %s", c->argv[0],
			    strerror(errno)));
		if (n == 0)
			return (command_over(c));
		carry_add(&c->answers, (size_t)n);
		c->heard_ms = now_ms();
		if (answers_take(c) == -1)
			return (-1);
		c->full = weir_full(c->weir);
		c->lingers = c->inflight.count >= LINGER_AT;
	}
	return (0);
}

static int
silent(struct command *c)
{
	char has[64];
	int whole = c->timeout_ms % 1000 == 0;

	if (c->inflight.count == 1)
		snprintf(has, sizeof(has), "one record");
	else
		snprintf(has, sizeof(has), "%zu records", c->inflight.count);
	return (weir_error(c->weir, "%s has %s and has answered nothing for %llu %s; output held "
	    "back? mawk -W interactive, gawk fflush(), python3 -u, sed -u, jq -M --unbuffered",
	    c->argv[0], has, (unsigned long long)c->timeout_ms / (whole ? 1000 : 1),
	    whole ? "s" : "ms"));
}

static int
command_ready(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;
	int was_full = c->full;

	if (ask_write(c) == -1)
		return (-1);
	c->full = weir_full(w);
	if (was_full && !c->full)
		c->heard_ms = now_ms();
	if (answers_read(c) == -1)
		return (-1);
	if (!c->full && c->inflight.count > 0 &&
	    now_ms() - c->heard_ms >= (int64_t)c->timeout_ms)
		return (silent(c));
	return (wait_on(c));
}

static int
command_drain(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;

	(void)w;
	return (c->inflight.count == 0 ? WEIR_OK : WEIR_WAIT);
}

/*
 * The end
 */

/* 0: it has ended well; -1: said how not. */
static int
ended_well(struct command *c, int status)
{
	char how[64];

	if (status == 0)
		return (0);
	return (weir_error(c->weir, "%s has answered all, and ended with %s", c->argv[0],
	    process_status(status, how)));
}

/* It is told that there is no more, says no more, and ends. */
static int
command_end(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;
	int status;

	if (c->process.in != -1) {
		process_close_in(&c->process);
		c->heard_ms = now_ms();
	}
	if (c->ended && process_ended(&c->process, &status) == 1)
		return (ended_well(c, status));
	if (now_ms() - c->heard_ms >= (int64_t)c->timeout_ms)
		return (weir_error(w, "%s has answered all, and does not end at the end of its "
		    "input", c->argv[0]));
	weir_wait_ms(w, FULL_MS);
	return (WEIR_WAIT);
}

/* After a stop the program may end as it likes, but it has to. */
static void
command_close(struct weir_function *function)
{
	struct command *c = (struct command *)function;
	struct pollfd pfd = { .fd = c->process.out, .events = POLLIN };
	int64_t until = now_ms() + LEAVE_MS;
	char rest[512];
	int status;

	process_close_in(&c->process);
	while (c->process.pid != 0 && process_ended(&c->process, &status) == 0 &&
	    now_ms() < until)
		if (poll(&pfd, 1, FULL_MS) == 1 &&
		    process_read(&c->process, rest, sizeof(rest)) <= 0)
			pfd.fd = -1;
	if (c->process.pid != 0)
		process_kill(&c->process);
	if (c->process.out != -1)
		close(c->process.out);
	inflight_close(&c->inflight);
	carry_free(&c->asked);
	carry_free(&c->answers);
	free(c);
}

struct weir_function *
command_new(struct weir *w, char *argv[], uint64_t timeout_ms)
{
	struct command *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		weir_error(w, "no memory for a command");
		return (NULL);
	}
	c->function.open = command_open;
	c->function.process = command_process;
	c->function.ready = command_ready;
	c->function.drain = command_drain;
	c->function.end = command_end;
	c->function.close = command_close;
	c->process.in = c->process.out = -1;
	c->argv = argv;
	c->timeout_ms = timeout_ms;
	return (&c->function);
}
