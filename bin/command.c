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
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dialogue.h"
#include "fields.h"
#include "flushes.h"
#include "function.h"
#include "protocol.h"
#include "window.h"

#define AHEAD		8		/* records from fetching state to its use */
#define QUESTIONS	(1u << 20)	/* bytes that the program does not read yet */
#define LINGER_MS	2		/* for outputs to come together in a frame */
#define STATE_MAX	(16u << 20)	/* bytes */
#define ANSWER_MAX	(2 * STATE_MAX + 16)	/* bytes of a line: a state, escaped */
#define SHOWN		80		/* bytes of an answer in a sentence */

struct command {
	struct weir_function	 function;	/* first, so that one is the other */
	struct weir		*weir;
	char			**argv;
	int			 pipe;		/* it flushes: no terminal is needed */
	uint64_t		 memory, timeout_ms;
	struct weir_value	*state;		/* NULL: the stream is not keyed */
	struct window		 window;
	struct dialogue		 dialogue;
};

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

	if (c->window.nasked == 0)
		return (weir_error(c->weir, "%s %s%s", c->argv[0], what, detail));
	place = window_asked(&c->window, &r);
	if (c->window.nasked == 1)
		return (weir_error(c->weir, "%s: %s %s%s; it has this record to answer", place,
		    c->argv[0], what, detail));
	return (weir_error(c->weir, "%s: %s %s%s; it has this record and %zu more to answer",
	    place, c->argv[0], what, detail, c->window.nasked - 1));
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
	if (window_open(&c->window, c->memory) == -1)
		return (no_memory(c));
	return (dialogue_open(&c->dialogue, w, c->argv, !c->pipe, c->timeout_ms));
}

/*
 * Asking
 */

static int
ask(struct command *c, const struct weir_record *r)
{
	const void *state = NULL;
	size_t len = 0;
	int found = 0;

	if (c->state != NULL) {
		weir_select(c->weir, r);
		if ((found = weir_value_get(c->state, &state, &len)) == -1)
			return (-1);
	}
	/* a state of no bytes is one, wherever it lies */
	if (protocol_ask(&c->dialogue.asked, r->key, c->state != NULL ? r->keylen : 0,
	    !found ? NULL : len == 0 ? "" : state, len, r->data, r->len) == -1)
		return (no_memory(c));
	dialogue_owes(&c->dialogue);
	return (0);
}

/* About all that may be asked about now. */
static int
ask_on(struct command *c)
{
	struct weir_record r;

	while (carry_len(&c->dialogue.asked) < QUESTIONS && window_ask(&c->window, &r))
		if (ask(c, &r) == -1)
			return (-1);
	return (0);
}

static long
command_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct command *c = (struct command *)function;
	char place[WINDOW_PLACE];
	size_t i;

	for (i = 0; i < n && window_takes(&c->window, &records[i]); i++) {
		if (c->state != NULL && i + AHEAD < n)
			weir_value_prefetch(c->state, &records[i + AHEAD]);
		weir_place(w, &records[i], place, sizeof(place));
		if (window_add(&c->window, &records[i], place) == -1)
			return (no_memory(c));
	}
	return (ask_on(c) == -1 || dialogue_go(&c->dialogue) == -1 ? -1 : (long)i);
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

/* Outputs whose turn it is. */
static int
emit_on(struct command *c)
{
	const char *at, *newline, *end;
	size_t len;

	while (window_out(&c->window, &at, &len))
		for (end = at + len; at < end; at = newline + 1) {
			newline = memchr(at, '\n', (size_t)(end - at));
			if (weir_emit(c->weir, at, (size_t)(newline - at)) == -1)
				return (-1);
		}
	return (0);
}

static int
answer_output(struct command *c, const char *text, size_t len)
{
	switch (window_output(&c->window, text, len)) {
	case WINDOW_EMIT:
		return (weir_emit(c->weir, text, len));
	case WINDOW_FULL:
		return (fail(c, "answers with more than may wait for earlier records (-M gives "
		    "it more room)", ""));
	case WINDOW_MEMORY:
		return (no_memory(c));
	default:
		return (0);
	}
}

/* The record's last line: what becomes of its key's state. */
static int
answer_end(struct command *c, enum answer_kind kind, const char *text, size_t len)
{
	struct weir_record r;
	int result = 0;

	(void)window_asked(&c->window, &r);
	if (kind == ANSWER_STORE && c->state == NULL)
		return (fail(c, "answers with a state, but the stream is not keyed "
		    "(put 'weir keyby -k FIELD' before me)", ""));
	if (kind == ANSWER_STORE && len > STATE_MAX)
		return (fail(c, "answers with a state of more than 16 MiB", ""));
	if (c->state != NULL && kind != ANSWER_KEEP) {
		weir_select(c->weir, &r);
		result = kind == ANSWER_STORE ? weir_value_put(c->state, text, len) :
		    weir_value_clear(c->state);
	}
	if (result == -1)
		return (-1);
	window_answered(&c->window);
	c->dialogue.owed--;
	return (emit_on(c) == -1 ? -1 : ask_on(c));
}

/* For dialogue_ready(). */
static int
answer(void *cookie, char *line, size_t len)
{
	struct command *c = cookie;
	enum answer_kind kind;
	const char *text;
	size_t textlen;

	if (c->window.nasked == 0)
		return (wrong_answer(c, line, len, "nothing was asked for"));
	kind = protocol_read(line, len, &text, &textlen);
	switch (kind) {
	case ANSWER_OUTPUT:
		return (answer_output(c, text, textlen));
	case ANSWER_NONE:
		return (wrong_answer(c, line, len, text));
	default:
		return (answer_end(c, kind, text, textlen));
	}
}

/*
 * How a program that has closed its output ended, or that it did not.  In a job one
 * that was killed is a death as our own would be: the restart strategy decides.
 */
static int
gone(struct command *c)
{
	char how[PROCESS_STATUS], sentence[128];
	int status;

	if (!dialogue_gone(&c->dialogue, &status))
		return (fail(c, "has closed its output", ""));
	snprintf(sentence, sizeof(sentence), "has ended before its input, with %s",
	    process_status(status, how));
	if (weir_job(c->weir) && WIFSIGNALED(status)) {
		weir_warn(c->weir, "%s %s", c->argv[0], sentence);
		_exit(WEIR_AGAIN);
	}
	return (fail(c, sentence, ""));
}

/* Its output has ended: well, if it was told to end and owes nothing. */
static int
ended(struct command *c)
{
	const struct carry *rest = &c->dialogue.answers;

	if (carry_len(rest) > 0)
		return (wrong_answer(c, carry_data(rest), carry_len(rest), "is no whole line"));
	return (c->window.count == 0 && c->dialogue.process.in == -1 ? 0 : gone(c));
}

static int
silent(struct command *c)
{
	char has[64];
	int whole = c->timeout_ms % 1000 == 0;

	if (c->window.nasked == 1)
		snprintf(has, sizeof(has), "one record");
	else
		snprintf(has, sizeof(has), "%zu records", c->window.nasked);
	return (weir_error(c->weir, "%s has %s and has answered nothing for %llu %s; output held "
	    "back? mawk -W interactive, gawk fflush(), python3 -u, sed -u, jq -M --unbuffered",
	    c->argv[0], has, (unsigned long long)c->timeout_ms / (whole ? 1000 : 1),
	    whole ? "s" : "ms"));
}

static int
command_ready(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;

	(void)w;
	switch (dialogue_ready(&c->dialogue, answer, c)) {
	case DIALOGUE_GOES_ON:
		return (carry_len(&c->dialogue.answers) <= ANSWER_MAX ? 0 :
		    fail(c, "answers with a line that has no end", ""));
	case DIALOGUE_ENDED:
		return (ended(c));
	case DIALOGUE_SILENT:
		return (silent(c));
	default:
		return (-1);
	}
}

static int
command_drain(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;

	(void)w;
	return (c->window.count == 0 ? WEIR_OK : WEIR_WAIT);
}

static int
command_end(struct weir_function *function, struct weir *w)
{
	struct command *c = (struct command *)function;
	char how[PROCESS_STATUS];
	int status, done;

	done = dialogue_end(&c->dialogue, &status);
	if (done != WEIR_OK || status == 0)
		return (done);
	return (weir_error(w, "%s has answered all, and ended with %s", c->argv[0],
	    process_status(status, how)));
}

static void
command_close(struct weir_function *function)
{
	struct command *c = (struct command *)function;

	dialogue_close(&c->dialogue);
	window_close(&c->window);
	free(c);
}

struct weir_function *
command_new(struct weir *w, char *argv[], int pipe, uint64_t memory, uint64_t timeout_ms)
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
	c->argv = argv;
	weir_linger(w, LINGER_MS);
	c->pipe = pipe || flushes(argv);
	c->memory = memory;
	c->timeout_ms = timeout_ms;
	c->dialogue.line_max = ANSWER_MAX;
	return (&c->function);
}
