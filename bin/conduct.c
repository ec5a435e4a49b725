/*
 * conduct: a script and its coordinator, until the job is over.
 *
 * What becomes of the job is read from the coordinator's status lines (watch).
 *  - The job decides, not the script: we end when that is over, with its status.
 *  - What signals have asked for is asked again of a coordinator that has come back:
 *    what is wanted is compared with what it knows.
 *  - A script is run again only when nothing of the one before is left.
 *  - Our death ends all: checkpointd and the stages watch pipes that we hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "conduct.h"
#include "run.h"
#include "tool.h"
#include "watch.h"

#define DIAL_MS		20	/* between looks for the coordinator, at most */
#define BACK_MS		2000	/* for a stage to come back in a new attempt */
#define NEWS_MS		200	/* for what stages said before they ended */
#define LEAVE_MS	5000	/* for the script to end after its job has failed */
#define KILLED_MAX	3	/* scripts that are killed before they start a stage */
#define KEEPER_MS	3000	/* for checkpointd to leave */

enum asked { ASKED_NOTHING, ASKED_STOP, ASKED_CANCEL };

/* Is the script to be run? */
enum phase {
	WANTED,			/* once the job gathers stages */
	RUNS,
	ENDED,			/* the coordinator is asked how the job stands */
	ENDED_EARLY		/* and asked once more, as no stage was seen */
};

struct conduct {
	struct keeper	*keeper;
	struct script	*script;
	struct watch	 watch;
	struct ask	*ask;			/* NULL: nobody answers yet */
	enum phase	 phase;
	enum asked	 asked, sent;		/* sent to this coordinator */
	int64_t		 dial_ms, dial_every;
	int64_t		 question_ms;		/* when to ask how it stands; 0: it is asked */
	int		 over;			/* the job; status is its */
	int64_t		 over_ms;
	int		 done;			/* and so are we */
	int		 status;
	unsigned	 killed;		/* scripts, before any stage was seen */
	int		 told;			/* on a terminal: what Ctrl-C did */
};

static int	 wake[2];		/* signals, as bytes */

/*
 * Signals.
 */

static void
signal_note(int sig)
{
	char	byte = (char)sig;
	int	saved = errno;

	if (write(wake[1], &byte, 1) == -1)
		errno = saved;		/* full: there is enough to wake up for */
	errno = saved;
}

static int
signals_open(void)
{
	static const int	handled[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction	act, was;
	size_t			i;

	if (pipe(wake) == -1)
		return (-1);
	for (i = 0; i < 2; i++)
		if (fcntl(wake[i], F_SETFD, FD_CLOEXEC) == -1 ||
		    fcntl(wake[i], F_SETFL, O_NONBLOCK) == -1)
			return (-1);
	signal(SIGPIPE, SIG_IGN);
	memset(&act, 0, sizeof(act));
	act.sa_handler = signal_note;
	act.sa_flags = SA_RESTART;
	sigemptyset(&act.sa_mask);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
		/* nohup stays nohup */
		if (sigaction(handled[i], NULL, &was) == -1 || (handled[i] == SIGHUP &&
		    was.sa_handler == SIG_IGN))
			continue;
		if (sigaction(handled[i], &act, NULL) == -1)
			return (-1);
	}
	/* what the script leaves behind becomes our child: its end is seen */
	return (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

static void
signal_take(struct conduct *c)
{
	if (c->over && c->script->group != 0)
		kill(-c->script->group, c->asked == ASKED_CANCEL ? SIGKILL : SIGTERM);
	c->asked = c->asked == ASKED_NOTHING ? ASKED_STOP : ASKED_CANCEL;
}

static int
stop_wanted(const struct conduct *c)
{
	return (c->asked != ASKED_NOTHING || c->watch.stopping);
}

/* On a terminal: what a stop was, whoever asked for it. */
static void
stop_tell(struct conduct *c)
{
	if (c->told || c->over || c->asked == ASKED_CANCEL || !isatty(STDERR_FILENO))
		return;
	c->told = 1;
	tool_say("stopping with a final checkpoint; Ctrl-C again cancels");
}

/*
 * The end.
 */

static void
finish(struct conduct *c, int status)
{
	c->done = 1;
	c->status = status;
}

static void
job_over(struct conduct *c, int status, int64_t now)
{
	c->over = 1;
	c->over_ms = now;
	c->status = status;
}

static const char *
ended_how(int wstatus, char *how, size_t size)
{
	if (WIFSIGNALED(wstatus))
		snprintf(how, size, "was killed by signal %d (%s)", WTERMSIG(wstatus),
		    strsignal(WTERMSIG(wstatus)));
	else
		snprintf(how, size, "ended with status %d", WEXITSTATUS(wstatus));
	return (how);
}

/* The script has ended and none of its processes was a stage.  One that was killed
 * is run again, as any process that is killed. */
static void
no_stage(struct conduct *c)
{
	char	how[128];
	int	s = WIFEXITED(c->script->wstatus) ? WEXITSTATUS(c->script->wstatus) : -1;

	finish(c, tool_fail(s == 2 || s == 126 || s == 127 ? WEIR_USAGE : WEIR_FAILED,
	    "%s %s and started no stage", c->script->name,
	    ended_how(c->script->wstatus, how, sizeof(how))));
}

/* The job is over: so will the script be.  One that has more to do gets the time. */
static void
over_wait(struct conduct *c, int64_t now)
{
	char how[128];

	if (c->script->pid != 0) {
		if (c->status != WEIR_DONE && now - c->over_ms >= LEAVE_MS)
			script_end(c->script, now);
		return;
	}
	/* stages leave just behind their job */
	if (script_runs(c->script) && now - c->over_ms < LEAVE_MS)
		return;
	/* Ctrl-C ends its shell as well */
	if (c->status == WEIR_DONE && c->phase != WANTED && c->script->wstatus != 0 &&
	    !(WIFSIGNALED(c->script->wstatus) && stop_wanted(c))) {
		tool_say("the job is done; %s %s", c->script->name,
		    ended_how(c->script->wstatus, how, sizeof(how)));
		/* what it does besides its stages may not have been done */
		if (WIFSIGNALED(c->script->wstatus))
			c->status = WEIR_AGAIN;
	}
	finish(c, c->status);
}

/*
 * The script.
 */

static void
script_begin(struct conduct *c)
{
	watch_forget(&c->watch);
	if (script_start(c->script) == -1) {
		finish(c, tool_fail(WEIR_FAILED, "start %s: %s", c->script->name,
		    strerror(errno)));
		return;
	}
	c->phase = RUNS;
}

/* A stage that was there and does not come back until then will not: its shell
 * waits for the others. */
static int64_t
back_until(const struct conduct *c)
{
	if (c->phase != RUNS || c->script->kill_ms != 0 || c->watch.stopping ||
	    c->watch.state != WATCH_GATHERING || c->watch.missing[0] == '\0')
		return (NEVER);
	return (c->watch.opened_ms + BACK_MS);
}

static void
script_watch(struct conduct *c, int64_t now)
{
	int64_t until = back_until(c);

	if (until == NEVER || now < until)
		return;
	tool_say("\"%s\" has not come back: %s is run again", c->watch.missing, c->script->name);
	script_end(c->script, now);
}

/* It was killed, or had to give up for now; a shell tells the same of what it ran. */
static int
worth_again(int wstatus)
{
	return (WIFSIGNALED(wstatus) || WEXITSTATUS(wstatus) == WEIR_AGAIN ||
	    WEXITSTATUS(wstatus) > 128);
}

/* Nothing of it is left, and this is how the job stands. */
static void
script_verdict(struct conduct *c, int64_t now)
{
	if (c->watch.state == WATCH_OVER)
		return;			/* checkpointd is about to leave */
	if (c->watch.nseen == 0 && c->phase == ENDED) {
		c->phase = ENDED_EARLY;
		c->question_ms = now + NEWS_MS;
		c->watch.answered = 0;
	} else if (c->watch.nseen == 0 && (!worth_again(c->script->wstatus) ||
	    ++c->killed == KILLED_MAX))
		no_stage(c);
	else if (c->watch.stopping)
		finish(c, tool_fail(WEIR_FAILED, "the stages have ended before the job was "
		    "stopped: it stays at its last checkpoint"));
	else {
		if (c->watch.nseen > 0)
			c->killed = 0;
		c->phase = WANTED;
	}
}

static void
script_step(struct conduct *c, int64_t now)
{
	switch (c->phase) {
	case WANTED:
		if (c->asked != ASKED_NOTHING)
			finish(c, tool_fail(WEIR_FAILED, "%s is not running: nothing to stop",
			    c->script->name));
		else if (c->watch.state == WATCH_GATHERING)
			script_begin(c);
		break;
	case RUNS:
		script_tick(c->script, now);
		if (script_runs(c->script)) {
			script_watch(c, now);
			break;
		}
		c->phase = ENDED;
		c->question_ms = now;
		c->watch.answered = 0;
		break;
	case ENDED:
	case ENDED_EARLY:
		if (c->watch.answered)
			script_verdict(c, now);
		else if (c->asked == ASKED_CANCEL && c->ask == NULL)
			finish(c, WEIR_FAILED);
		break;
	}
}

static void
script_advance(struct conduct *c, int64_t now)
{
	enum phase was;

	do {
		was = c->phase;
		script_step(c, now);
	} while (!c->done && c->phase != was);
}

/*
 * The coordinator.
 */

static void
coordinator_lost(struct conduct *c, int64_t now)
{
	ask_close(c->ask);
	c->ask = NULL;
	c->sent = ASKED_NOTHING;
	c->dial_ms = now;
	c->dial_every = 1;
	if (c->phase == ENDED || c->phase == ENDED_EARLY)
		c->question_ms = now;
	watch_lost(&c->watch);
}

static void
coordinator_dial(struct conduct *c, int64_t now)
{
	char why[PATH_MAX + 512];

	if ((c->ask = ask_open(c->keeper->job, why, sizeof(why))) != NULL &&
	    ask_say(c->ask, "watch") == 0)
		return;
	ask_close(c->ask);
	c->ask = NULL;
	c->dial_every = c->dial_every * 2 > DIAL_MS ? DIAL_MS : c->dial_every * 2;
	c->dial_ms = now + c->dial_every;
}

/* Take what it has said. */
static void
coordinator_hear(struct conduct *c, int64_t now)
{
	json_t	*status;
	int	 bad = 0;

	while (!bad && (status = ask_line(c->ask, 0)) != NULL) {
		/* the answer to "stop" says nothing more */
		if (json_object_get(status, "state") != NULL)
			bad = watch_take(&c->watch, status, now) == -1 ||
			    c->watch.pid != (int64_t)c->keeper->pid;
		json_decref(status);
	}
	if (bad || errno != ETIMEDOUT)
		coordinator_lost(c, now);
	else if (c->watch.stopping)
		stop_tell(c);
}

static void
coordinator_say(struct conduct *c, int64_t now)
{
	static const char *const words[] = { NULL, "stop", "cancel" };

	if (c->asked > c->sent && ask_say(c->ask, words[c->asked]) == 0)
		c->sent = c->asked;
	if (c->question_ms != 0 && now >= c->question_ms && ask_say(c->ask, "status") == 0)
		c->question_ms = 0;
}

static void
coordinator_advance(struct conduct *c, int64_t now)
{
	if (c->keeper->pid == 0 && c->asked == ASKED_CANCEL) {
		job_over(c, WEIR_FAILED, now);
		return;
	}
	if (c->keeper->pid == 0 && now >= c->keeper->again_ms &&
	    keeper_start(c->keeper, now) == -1) {
		finish(c, tool_fail(WEIR_FAILED, "start checkpointd: %s", strerror(errno)));
		return;
	}
	if (c->ask == NULL && c->keeper->pid != 0 && now >= c->dial_ms)
		coordinator_dial(c, now);
	if (c->ask != NULL) {
		coordinator_say(c, now);
		coordinator_hear(c, now);
	}
}

/*
 * The loop.
 */

static void
children_reap(struct conduct *c, int64_t now)
{
	pid_t	pid;
	int	wstatus, status;

	while ((pid = waitpid(-1, &wstatus, WNOHANG | WUNTRACED)) > 0) {
		if (pid == c->keeper->pid && !WIFSTOPPED(wstatus)) {
			/* its last words are still to be heard */
			if (c->ask != NULL)
				coordinator_hear(c, now);
			if (c->ask != NULL)
				coordinator_lost(c, now);
			if ((status = keeper_ended(c->keeper, wstatus, now)) != -1)
				job_over(c, status, now);
		} else if (script_reaped(c->script, pid, wstatus) && WIFSTOPPED(wstatus))
			script_stopped(c->script);
	}
}

static void
wake_drain(struct conduct *c, int64_t now)
{
	char	byte[64];
	ssize_t	n, i;

	while ((n = read(wake[0], byte, sizeof(byte))) > 0)
		for (i = 0; i < n; i++)
			if (byte[i] != SIGCHLD)
				signal_take(c);
	if (c->asked != ASKED_NOTHING)
		stop_tell(c);
	children_reap(c, now);
}

static void
sooner(int64_t *next, int64_t ms)
{
	if (*next == NEVER || ms < *next)
		*next = ms;
}

/* When to look again although nothing has come. */
static int64_t
next_look(struct conduct *c, int64_t now)
{
	int64_t next = NEVER, back;

	if (c->keeper->pid == 0 && !c->over)
		sooner(&next, c->keeper->again_ms);
	if (c->ask == NULL && !c->over)
		sooner(&next, c->dial_ms);
	if (c->ask != NULL && c->question_ms != 0)
		sooner(&next, c->question_ms);
	if (c->script->group != 0 && c->script->kill_ms != 0)
		sooner(&next, now < c->script->kill_ms ? c->script->kill_ms : now + DIAL_MS);
	if ((back = back_until(c)) != NEVER && !c->over)
		sooner(&next, back);
	/* of the end of processes that are not our children there may be no signal */
	if (c->script->group != 0 && c->script->pid == 0)
		sooner(&next, now + DIAL_MS);
	if (c->over && now < c->over_ms + LEAVE_MS)
		sooner(&next, c->over_ms + LEAVE_MS);
	return (next);
}

static void
look(struct conduct *c)
{
	struct pollfd	p[2];
	int64_t		now = now_ms(), next = next_look(c, now);
	nfds_t		n = 1;

	p[0].fd = wake[0];
	p[0].events = POLLIN;
	if (c->ask != NULL) {
		p[n].fd = ask_fd(c->ask);
		p[n++].events = POLLIN;
	}
	if (poll(p, n, next == NEVER ? -1 : next <= now ? 0 : (int)(next - now)) == -1 &&
	    errno != EINTR)
		finish(c, tool_fail(WEIR_FAILED, "poll: %s", strerror(errno)));
}

/* checkpointd leaves: its pipe is closed. */
static void
keeper_wait(struct conduct *c)
{
	int64_t until = now_ms() + KEEPER_MS, now;

	keeper_leave(c->keeper);
	while (c->keeper->pid != 0) {
		struct pollfd p = { wake[0], POLLIN, 0 };

		if ((now = now_ms()) >= until)
			keeper_kill(c->keeper);
		poll(&p, 1, now >= until ? DIAL_MS : (int)(until - now));
		wake_drain(c, now);
	}
}

int
conduct(struct keeper *keeper, struct script *script)
{
	struct conduct	c = { .keeper = keeper, .script = script, .dial_every = 1 };
	int64_t		now;

	if (signals_open() == -1)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	while (!c.done) {
		now = now_ms();
		wake_drain(&c, now);
		if (!c.over)
			coordinator_advance(&c, now);
		if (!c.over && !c.done)
			script_advance(&c, now);
		if (c.over) {
			script_tick(script, now);
			over_wait(&c, now);
		}
		if (!c.done)
			look(&c);
	}
	keeper_wait(&c);
	ask_close(c.ask);
	watch_close(&c.watch);
	return (c.status);
}
