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
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conduct.h"
#include "liaison.h"
#include "run.h"
#include "tool.h"
#include "wake.h"

#define LOOK_MS		20	/* for the end of what is not our child */
#define BACK_MS		2000	/* for a stage to come back in a new attempt */
#define NEWS_MS		200	/* for what stages said before they ended */
#define LEAVE_MS	5000	/* for the script to end after its job has failed */
#define KILLED_MAX	3	/* scripts that are killed before they start a stage */
#define KEEPER_MS	3000	/* for checkpointd to leave */

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
	struct liaison	 line;			/* to the coordinator */
	enum phase	 phase;
	int		 over;			/* the job; status is its */
	int64_t		 over_ms;
	int		 done;			/* and so are we */
	int		 status;
	unsigned	 killed;		/* scripts, before any stage was seen */
	int		 told;			/* on a terminal: what Ctrl-C did */
	int		 passed_on;		/* the stop, to the script */
};

static void
signal_take(struct conduct *c)
{
	if (c->over && c->script->group != 0)
		kill(-c->script->group, c->line.wish == WISH_CANCEL ? SIGKILL : SIGTERM);
	c->line.wish = c->line.wish == WISH_NOTHING ? WISH_STOP : WISH_CANCEL;
}

static int
stop_wanted(const struct conduct *c)
{
	return (c->line.wish != WISH_NOTHING || c->line.watch.stopping);
}

/* On a terminal: what a stop was, whoever asked for it. */
static void
stop_tell(struct conduct *c)
{
	if (c->told || c->over || c->line.wish == WISH_CANCEL || !isatty(STDERR_FILENO))
		return;
	c->told = 1;
	tool_say("stopping with a final checkpoint; Ctrl-C again cancels");
}

/* A stage that was stopped ends well: its shell would go on behind the pipeline as
 * if that were done.  It ends now, the stages when they are ready. */
static void
stop_pass_on(struct conduct *c)
{
	if (c->passed_on || !stop_wanted(c) || c->script->pid == 0)
		return;
	c->passed_on = 1;
	kill(c->script->pid, SIGTERM);
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

/* It was killed, or had to give up for now; a shell tells the same of what it ran. */
static int
worth_again(int wstatus)
{
	return (WIFSIGNALED(wstatus) || WEXITSTATUS(wstatus) == WEIR_AGAIN ||
	    WEXITSTATUS(wstatus) > 128);
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
	    !(worth_again(c->script->wstatus) && stop_wanted(c))) {
		tool_say("the job is done; %s %s", c->script->name,
		    ended_how(c->script->wstatus, how, sizeof(how)));
		/* what it does besides its stages may not have been done */
		if (worth_again(c->script->wstatus))
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
	watch_forget(&c->line.watch);
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
	if (c->phase != RUNS || c->script->kill_ms != 0 || c->line.watch.stopping ||
	    c->line.watch.state != WATCH_GATHERING || c->line.watch.missing[0] == '\0')
		return (NEVER);
	return (c->line.watch.opened_ms + BACK_MS);
}

static void
script_watch(struct conduct *c, int64_t now)
{
	int64_t until = back_until(c);

	if (until == NEVER || now < until)
		return;
	tool_say("\"%s\" has not come back: %s is run again", c->line.watch.missing, c->script->name);
	script_end(c->script, now);
}

/* Nothing of it is left, and this is how the job stands. */
static void
script_verdict(struct conduct *c, int64_t now)
{
	if (c->line.watch.state == WATCH_OVER)
		return;			/* checkpointd is about to leave */
	if (c->line.watch.nseen == 0 && c->phase == ENDED) {
		c->phase = ENDED_EARLY;
		liaison_question(&c->line, now + NEWS_MS);
	} else if (c->line.watch.nseen == 0 && (!worth_again(c->script->wstatus) ||
	    ++c->killed == KILLED_MAX))
		no_stage(c);
	else if (c->line.watch.stopping)
		finish(c, tool_fail(WEIR_FAILED, "the stages have ended before the job was "
		    "stopped: it stays at its last checkpoint"));
	else {
		if (c->line.watch.nseen > 0)
			c->killed = 0;
		c->phase = WANTED;
	}
}

static void
script_step(struct conduct *c, int64_t now)
{
	switch (c->phase) {
	case WANTED:
		if (c->line.wish != WISH_NOTHING)
			finish(c, tool_fail(WEIR_FAILED, "%s is not running: nothing to stop",
			    c->script->name));
		else if (c->line.watch.state == WATCH_GATHERING)
			script_begin(c);
		break;
	case RUNS:
		stop_pass_on(c);
		script_tick(c->script, now);
		if (script_runs(c->script)) {
			script_watch(c, now);
			break;
		}
		c->phase = ENDED;
		liaison_question(&c->line, now);
		break;
	case ENDED:
	case ENDED_EARLY:
		if (c->line.watch.answered)
			script_verdict(c, now);
		else if (c->line.wish == WISH_CANCEL && liaison_fd(&c->line) == -1)
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
coordinator_advance(struct conduct *c, int64_t now)
{
	if (c->keeper->pid == 0 && c->line.wish == WISH_CANCEL) {
		job_over(c, WEIR_FAILED, now);
		return;
	}
	if (c->keeper->pid == 0 && now >= c->keeper->again_ms &&
	    keeper_start(c->keeper, now) == -1) {
		finish(c, tool_fail(WEIR_FAILED, "start checkpointd: %s", strerror(errno)));
		return;
	}
	liaison_work(&c->line, c->keeper->pid, now);
	if (c->line.watch.stopping)
		stop_tell(c);
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
			liaison_hear(&c->line, pid, now);
			liaison_lost(&c->line, now);
			if ((status = keeper_ended(c->keeper, wstatus, now)) != -1)
				job_over(c, status, now);
		} else if (script_reaped(c->script, pid, wstatus) && WIFSTOPPED(wstatus))
			script_stopped(c->script);
	}
}

static void
signals_take(struct conduct *c, int64_t now)
{
	unsigned n;

	for (n = wake_drain(); n > 0; n--)
		signal_take(c);
	if (c->line.wish != WISH_NOTHING)
		stop_tell(c);
	children_reap(c, now);
}

static void
sooner(int64_t *next, int64_t ms)
{
	if (ms != NEVER && (*next == NEVER || ms < *next))
		*next = ms;
}

/* When to look again although nothing has come. */
static int64_t
next_look(struct conduct *c, int64_t now)
{
	int64_t next = NEVER;

	if (!c->over) {
		if (c->keeper->pid == 0)
			sooner(&next, c->keeper->again_ms);
		else
			sooner(&next, liaison_next(&c->line));
		sooner(&next, back_until(c));
	}
	if (c->script->group != 0 && c->script->kill_ms != 0)
		sooner(&next, now < c->script->kill_ms ? c->script->kill_ms : now + LOOK_MS);
	/* of the end of processes that are not our children there may be no signal */
	if (c->script->group != 0 && c->script->pid == 0)
		sooner(&next, now + LOOK_MS);
	if (c->over && now < c->over_ms + LEAVE_MS)
		sooner(&next, c->over_ms + LEAVE_MS);
	return (next);
}

static void
look(struct conduct *c)
{
	struct pollfd	p[2] = { { wake_fd(), POLLIN, 0 }, { liaison_fd(&c->line), POLLIN, 0 } };
	int64_t		now = now_ms(), next = next_look(c, now);

	if (poll(p, 2, next == NEVER ? -1 : next <= now ? 0 : (int)(next - now)) == -1 &&
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
		struct pollfd p = { wake_fd(), POLLIN, 0 };

		if ((now = now_ms()) >= until)
			keeper_kill(c->keeper);
		poll(&p, 1, now >= until ? LOOK_MS : (int)(until - now));
		signals_take(c, now);
	}
}

int
conduct(struct keeper *keeper, struct script *script)
{
	struct conduct	c = { .keeper = keeper, .script = script };
	int64_t		now;

	/* what the script leaves behind becomes our child: its end is seen */
	liaison_open(&c.line, keeper->job);
	if (wake_open() == -1 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	while (!c.done) {
		now = now_ms();
		signals_take(&c, now);
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
	liaison_close(&c.line);
	return (c.status);
}
