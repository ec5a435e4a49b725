/*
 * cast: subtasks that are played, for the tests of a coordinator.
 *
 *	cast JOB <SCRIPT
 *
 * The script's lines are done one after the other; every actor beats meanwhile and
 * hears what it is told.  ACTOR is STAGE.I.
 *
 *	enter ACTOR P OUTPUTS [INPUT]...	dial and register; no INPUT: a source
 *	connected|finished|want ACTOR		say so
 *	ack|committed ACTOR ID			likewise; ack ACTOR ID STATE, *N: N bytes
 *	decline ACTOR ID WHY
 *	seen ACTOR SEEN ALIGNING WRITING	what it beats from now on
 *	failed STAGE STATUS WHY			on a line of its own
 *	stop, cancel				likewise
 *	leave ACTOR				close its line
 *	mute ACTOR				no more beats
 *	line ACTOR TEXT				a line as it is
 *	play ACTOR				from here on it acks and commits by itself
 *	await ACTOR state|attempt|completed|oldest|pending|highest|stop VALUE
 *	await ACTOR welcome|closed|refused
 *	print ACTOR				its last view
 *	ask TEXT				a line of a tool; print the answer
 *	keep TEXT				likewise; its line stays open until "drop"
 *	sh COMMAND				run it
 *
 * Exits 1 when something is awaited in vain.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bsd/string.h>

#include "run.h"

#define ACTORS		16
#define WORDS		8
#define PATIENCE_MS	15000

struct actor {
	char		 name[WEIR_NAME_MAX + 8];
	struct control	*control;
	struct say	 say;		/* its registration */
	struct tell	 told;
	struct view	 view;
	uint32_t	 attempt;
	uint64_t	 seen, aligning, writing, acked;
	int		 closed, left, refused, mute, playing;
};

static char		 path[PATH_MAX];
static struct actor	 cast[ACTORS];
static unsigned		 ncast;
static int64_t		 beat_ms, patience_ms = PATIENCE_MS;

static struct actor *
actor(const char *name)
{
	unsigned i;

	for (i = 0; i < ncast; i++)
		if (strcmp(cast[i].name, name) == 0)
			return (&cast[i]);
	errx(1, "nobody is called %s", name);
}

static void
speak(struct actor *a, struct say *s)
{
	s->attempt = a->attempt;
	if (!a->closed && control_say(a->control, s) == -1)
		err(1, "%s", a->name);
}

static void
ack(struct actor *a, uint64_t id, const char *state)
{
	struct say	s = { .kind = SAY_ACK, .id = id, .bytes = 1000, .duration_ms = 1 };
	size_t		n = state[0] == '*' ? strtoul(state + 1, NULL, 10) : strlen(state);

	strlcpy(s.part.stage, a->say.stage.name, sizeof(s.part.stage));
	s.part.subtask = a->say.subtask;
	s.part.parallelism = a->say.stage.parallelism;
	s.part.statelen = n;
	if ((s.part.state = calloc(1, n + 1)) == NULL)
		err(1, NULL);
	if (state[0] != '*')
		memcpy(s.part.state, state, n);
	speak(a, &s);
	say_free(&s);
	a->acked = id;
}

/* What a view asks of one who plays by itself. */
static void
play(struct actor *a)
{
	struct say	s = { .kind = SAY_COMMITTED, .id = a->view.completed };
	unsigned	i;

	for (i = 0; i < a->view.ids.npending; i++)
		if (a->view.ids.pending[i] > a->acked)
			ack(a, a->view.ids.pending[i], "played");
	if (a->view.completed > 0)
		speak(a, &s);
}

static void
hear(struct actor *a)
{
	a->closed |= control_work(a->control) == -1;
	while (control_hear_tell(a->control, &a->told) == 1) {
		switch (a->told.kind) {
		case TELL_WELCOME:
			a->attempt = a->told.attempt;
			break;
		case TELL_REFUSED:
			printf("%s refused %d %s\n", a->name, a->told.status, a->told.why);
			a->refused = 1;
			break;
		case TELL_VIEW:
			a->view = a->told.view;
			if (a->playing)
				play(a);
			break;
		default:
			break;
		}
	}
}

static void
beat(void)
{
	struct say	 s;
	unsigned	 i;

	if (now_ms() < beat_ms)
		return;
	beat_ms = now_ms() + 500;
	for (i = 0; i < ncast; i++) {
		s = (struct say){ .kind = SAY_BEAT, .seen = cast[i].seen,
		    .aligning = cast[i].aligning, .writing = cast[i].writing };
		if (!cast[i].mute)
			speak(&cast[i], &s);
	}
}

/* Some time passes, or somebody is told something. */
static void
turn(int ms)
{
	struct pollfd	p[ACTORS];
	unsigned	i;

	for (i = 0; i < ncast; i++) {
		p[i] = (struct pollfd){ .fd = -1 };
		if (!cast[i].closed)
			p[i] = (struct pollfd){ control_fd(cast[i].control),
			    control_events(cast[i].control), 0 };
	}
	if (poll(p, ncast, ms) == -1 && errno != EINTR)
		err(1, "poll");
	for (i = 0; i < ncast; i++)
		if (!cast[i].closed)
			hear(&cast[i]);
	beat();
	fflush(stdout);
}

static struct control *
dial(void)
{
	const struct timespec	 pause = { 0, 10000000 };
	struct control		*c;
	int64_t			 until = now_ms() + patience_ms;

	while ((c = control_dial(path)) == NULL && now_ms() < until)
		nanosleep(&pause, NULL);
	if (c == NULL)
		err(1, "%s", path);
	return (c);
}

static void
enter(char *word[], unsigned n)
{
	struct actor	*a = &cast[ncast];
	char		*dot = strrchr(word[1], '.');
	unsigned	 i;

	for (i = 0; i < ncast; i++)
		if (strcmp(cast[i].name, word[1]) == 0) {
			a = &cast[i];		/* once more */
			if (!a->left)
				control_close(a->control);
		}
	if (a == &cast[ncast] && ++ncast > ACTORS)
		errx(1, "too many actors");
	memset(a, 0, sizeof(*a));
	strlcpy(a->name, word[1], sizeof(a->name));
	a->control = dial();
	a->say.kind = SAY_REGISTER;
	strlcpy(a->say.nonce, "nonce", sizeof(a->say.nonce));
	snprintf(a->say.stage.name, sizeof(a->say.stage.name), "%.*s", (int)(dot - word[1]),
	    word[1]);
	a->say.subtask = (unsigned)atoi(dot + 1);
	a->say.stage.parallelism = (unsigned)atoi(word[2]);
	a->say.stage.outputs = (unsigned)atoi(word[3]);
	a->say.stage.source = n == 4;
	for (i = 4; i < n; i++)
		strlcpy(a->say.stage.input[a->say.stage.ninputs++], word[i], WEIR_NAME_MAX + 1);
	speak(a, &a->say);
}

/* A line of its own, for one word. */
static void
call(struct say *s)
{
	struct control	*c = dial();
	int64_t		 until = now_ms() + patience_ms;

	if (control_say(c, s) == -1)
		err(1, NULL);
	while (control_queued(c) > 0 && now_ms() < until)
		if (control_work(c) == -1)
			errx(1, "the line is closed");
	control_close(c);
}

static struct control	*kept;

/* A tool's question; meanwhile the others are heard. */
static void
ask(const char *text, int keep)
{
	struct control	*c = dial();
	const char	*line;
	size_t		 len;
	int64_t		 until = now_ms() + patience_ms;

	if (control_send(c, text) == -1)
		err(1, NULL);
	while (control_line(c, &line, &len) == 0) {
		if (now_ms() > until)
			errx(1, "no answer to %s", text);
		turn(20);
		if (control_work(c) == -1)
			errx(1, "the line is closed");
	}
	printf("%s\n", line);
	if (keep)
		kept = c;
	else
		control_close(c);
}

static const char *
state_name(const struct actor *a)
{
	return (a->view.number == 0 ? "" : control_state(a->view.state));
}

static int
is_pending(const struct view *v, uint64_t id)
{
	unsigned i;

	for (i = 0; i < v->ids.npending && v->ids.pending[i] != id; i++)
		;
	return (i < v->ids.npending);
}

static int
holds(const struct actor *a, const char *what, const char *value)
{
	uint64_t n = value != NULL ? strtoull(value, NULL, 10) : 0;

	if (strcmp(what, "state") == 0)
		return (strcmp(state_name(a), value) == 0);
	if (strcmp(what, "attempt") == 0)
		return (a->attempt == n);
	if (strcmp(what, "completed") == 0)
		return (a->view.completed == n);
	if (strcmp(what, "oldest") == 0)
		return (a->view.oldest == n);
	if (strcmp(what, "highest") == 0)
		return (a->view.ids.highest == n);
	if (strcmp(what, "pending") == 0)
		return (n == 0 ? a->view.ids.npending == 0 : is_pending(&a->view, n));
	if (strcmp(what, "stop") == 0)
		return (a->view.stop == (int)n);
	if (strcmp(what, "welcome") == 0)
		return (a->attempt > 0 && a->view.number > 0);
	if (strcmp(what, "closed") == 0)
		return (a->closed);
	if (strcmp(what, "refused") == 0)
		return (a->refused);
	errx(1, "await what? %s", what);
}

static void
await(const struct actor *a, const char *what, const char *value)
{
	int64_t until = now_ms() + patience_ms;

	while (!holds(a, what, value)) {
		if (now_ms() > until || (a->closed && strcmp(what, "closed") != 0))
			errx(1, "%s: %s %s was awaited in vain; state %s, attempt %u", a->name,
			    what, value != NULL ? value : "", state_name(a), a->attempt);
		turn(50);
	}
}

static void
print(const struct actor *a)
{
	printf("%s state %s attempt %u restore %" PRIu64 " completed %" PRIu64 " stop %d\n",
	    a->name, state_name(a), a->attempt, a->view.restore, a->view.completed, a->view.stop);
}

/* What is said with an actor's name in front. */
static int
say_simple(char *word[], unsigned n, const char *rest)
{
	static const struct {
		const char	*word;
		enum say_kind	 kind;
		unsigned	 words;
	} simple[] = {
		{ "connected", SAY_CONNECTED, 2 }, { "finished", SAY_FINISHED, 2 },
		{ "want", SAY_WANT, 2 }, { "committed", SAY_COMMITTED, 3 },
		{ "decline", SAY_DECLINE, 3 },
	};
	struct say	s = { 0 };
	size_t		i;

	for (i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (strcmp(word[0], simple[i].word) == 0 && n >= simple[i].words) {
			s.kind = simple[i].kind;
			s.id = n > 2 ? strtoull(word[2], NULL, 10) : 0;
			strlcpy(s.why, rest, sizeof(s.why));
			speak(actor(word[1]), &s);
			return (1);
		}
	return (0);
}

static void
say_called(char *word[], unsigned n, const char *rest)
{
	struct say s = { .kind = SAY_STOP };

	if (strcmp(word[0], "cancel") == 0)
		s.kind = SAY_CANCEL;
	if (strcmp(word[0], "failed") == 0 && n > 2) {
		s.kind = SAY_FAILED;
		strlcpy(s.stage.name, word[1], sizeof(s.stage.name));
		s.status = atoi(word[2]);
		strlcpy(s.why, rest, sizeof(s.why));
	}
	call(&s);
}

static void
change(struct actor *a, char *word[], unsigned n)
{
	if (strcmp(word[0], "leave") == 0) {
		control_close(a->control);
		a->closed = a->left = 1;
	} else if (strcmp(word[0], "mute") == 0)
		a->mute = 1;
	else if (strcmp(word[0], "play") == 0) {
		a->playing = 1;
		play(a);
	} else if (strcmp(word[0], "seen") == 0 && n > 4) {
		a->seen = strtoull(word[2], NULL, 10);
		a->aligning = strtoull(word[3], NULL, 10);
		a->writing = strtoull(word[4], NULL, 10);
		beat_ms = 0;
		beat();
	} else
		errx(1, "what is \"%s\"?", word[0]);
}

/* One line of the script; rest is what follows its third word. */
static void
perform(char *word[], unsigned n, const char *rest, const char *all)
{
	if (strcmp(word[0], "enter") == 0 && n > 3)
		enter(word, n);
	else if (strcmp(word[0], "ack") == 0 && n > 2)
		ack(actor(word[1]), strtoull(word[2], NULL, 10), rest);
	else if (strcmp(word[0], "await") == 0 && n > 2)
		await(actor(word[1]), word[2], n > 3 ? word[3] : NULL);
	else if (strcmp(word[0], "print") == 0 && n > 1)
		print(actor(word[1]));
	else if (strcmp(word[0], "ask") == 0)
		ask(all + 4, 0);
	else if (strcmp(word[0], "keep") == 0)
		ask(all + 5, 1);
	else if (strcmp(word[0], "drop") == 0) {
		control_close(kept);
		kept = NULL;
	} else if (strcmp(word[0], "sh") == 0) {
		if (system(all + 3) != 0)
			errx(1, "failed: %s", all + 3);
	} else if (strcmp(word[0], "line") == 0 && n > 2) {
		if (control_send(actor(word[1])->control, strstr(all, word[2])) == -1)
			err(1, NULL);
	} else if (strcmp(word[0], "failed") == 0 || strcmp(word[0], "stop") == 0 ||
	    strcmp(word[0], "cancel") == 0)
		say_called(word, n, rest);
	else if (!say_simple(word, n, rest) && n > 1)
		change(actor(word[1]), word, n);
}

static void
script_line(const char *line)
{
	char		 copy[1024], *next = copy, *word[WORDS], *w;
	const char	*rest = "";
	unsigned	 n = 0;

	line += strspn(line, " \t");
	strlcpy(copy, line, sizeof(copy));
	while ((w = strsep(&next, " ")) != NULL && n < WORDS) {
		if (*w == '\0')
			continue;
		word[n++] = w;
		if (n == 3 && next != NULL)
			rest = line + (next - copy);
	}
	if (n == 0 || word[0][0] == '#')
		return;
	perform(word, n, rest, line);
	turn(0);
}

int
main(int argc, char *argv[])
{
	const struct timespec	 pause = { 0, 10000000 };
	struct jobdir		*d = NULL;
	struct rundir		*run = NULL;
	const char		*slow = getenv("WEIR_SLOW");
	char			 line[1024], why[PATH_MAX + 512];
	int64_t			 until;

	if (argc != 2)
		errx(2, "usage: cast JOB <SCRIPT");
	if (slow != NULL)
		patience_ms *= atoi(slow);
	for (until = now_ms() + patience_ms; run == NULL && now_ms() < until;
	    nanosleep(&pause, NULL)) {
		if (d == NULL && (d = jobdir_open(argv[1], 0, why, sizeof(why))) == NULL)
			continue;
		run = jobdir_run_join(d);
	}
	if (run == NULL)
		errx(1, "%s: nobody coordinates it", argv[1]);
	snprintf(path, sizeof(path), "%s/control", rundir_path(run));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		script_line(line);
	}
	for (; ncast > 0; ncast--)
		if (!cast[ncast - 1].left)
			control_close(cast[ncast - 1].control);
	rundir_close(run);
	jobdir_close(d);
	return (0);
}
