/*
 * trial: one run of a script as a job, and what is done to its processes meanwhile.
 *
 * All its processes bear a mark in their environment.  They are our grandchildren or
 * become our children when their parents are killed: none is left unseen.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"
#include "tool.h"
#include "trial.h"

#define LIMIT_MS	60000		/* a run that takes longer hangs, unless ... */
#define LIMIT_TIMES	20		/* the clean one took long */
#define LEAVE_MS	10000		/* for what a dead run leaves behind to end */
#define SOONEST_US	500		/* a kill comes after that at the earliest */
#define PAUSE_US	200000		/* a process is frozen for at most that ... */
#define FREEZE_US	6500000		/* or, rarely, longer than the heartbeat timeout */
#define TRIES		200
#define SHOWN_LINES	20

/* How a run has ended. */
struct outcome {
	int	 ended, wstatus;
	int	 stopped;		/* it was asked to: 0 may be half of it */
};

static sigset_t		 waited;	/* SIGCHLD, and what ends us */
static int		 interrupted;

void
trial_open(struct trial *t, const char *stage)
{
	memset(t, 0, sizeof(*t));
	t->stage = stage;
	sigemptyset(&waited);
	sigaddset(&waited, SIGCHLD);
	sigaddset(&waited, SIGINT);
	sigaddset(&waited, SIGTERM);
	sigaddset(&waited, SIGHUP);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/*
 * Processes.
 */

static void
child(const struct trial *t)
{
	char	path[PATH_MAX + 8], *value = strchr(t->mark, '=') + 1;
	int	null, out, err;

	sigprocmask(SIG_UNBLOCK, &waited, NULL);
	setpgid(0, 0);
	snprintf(path, sizeof(path), "%s.out", t->dir);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s.err", t->dir);
	err = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (out == -1 || err == -1 || null == -1 || chdir(t->dir) == -1 ||
	    setenv("WEIR_CRASHTEST", value, 1) == -1 || setenv("WEIR_SCRATCH", t->dir, 1) == -1 ||
	    unsetenv("WEIR_JOB") == -1)
		_exit(tool_fail(WEIR_FAILED, "%s: %s", t->dir, strerror(errno)));
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execv(t->command[0], t->command);
	_exit(tool_fail(WEIR_FAILED, "%s: %s", t->command[0], strerror(errno)));
}

static pid_t
start(struct trial *t)
{
	pid_t pid;

	t->runs++;
	if ((pid = fork()) == 0)
		child(t);
	if (pid == -1)
		tool_fail(0, "fork: %s", strerror(errno));
	return (pid);
}

static void
outputs_clear(const struct trial *t)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s.out", t->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s.err", t->dir);
	unlink(path);
}

/* 1: it has ended; 0: the time is over. */
static int
wait_until(pid_t pid, int64_t until_us, int *wstatus)
{
	struct timespec	left;
	int64_t		us;
	pid_t		p;
	int		sig, s, ended = 0;

	for (;;) {
		while ((p = waitpid(-1, &s, WNOHANG)) > 0)
			if (p == pid) {
				*wstatus = s;
				ended = 1;
			}
		if (ended || interrupted)
			return (ended);
		if ((us = until_us - now_us()) <= 0)
			return (0);
		left.tv_sec = (time_t)(us / 1000000);
		left.tv_nsec = (long)(us % 1000000) * 1000;
		if ((sig = sigtimedwait(&waited, NULL, &left)) > 0 && sig != SIGCHLD)
			interrupted = 1;
	}
}

/* Everything else of a run that is over.  -1: it does not end, and that was said. */
static int
wait_gone(struct trial *t)
{
	int64_t	until = now_us() + LEAVE_MS * 1000, wait_us = 1000;
	int	s;

	for (;;) {
		victims_find(&t->victims, t->mark, NULL);
		if (t->victims.n == 0)
			return (0);
		if (now_us() >= until || interrupted)
			break;
		wait_until(0, now_us() + wait_us, &s);
		if (wait_us < 50000)
			wait_us *= 2;
	}
	return (tool_fail(-1, "%zu processes are left, the first is %s %ld", t->victims.n,
	    victim_name(t->victims.list[0].kind), (long)t->victims.list[0].pid));
}

/* How a run that is of no more use stands: for whoever looks for the reason. */
static void
status_show(struct trial *t)
{
	char	program[PATH_MAX], job[PATH_MAX + 8], *slash;
	pid_t	pid;
	int	s;

	snprintf(program, sizeof(program), "%s", t->command[0]);
	if ((slash = strrchr(program, '/')) == NULL)
		return;
	snprintf(slash, sizeof(program) - (size_t)(slash - program), "/weir-status");
	snprintf(job, sizeof(job), "%s/job", t->dir);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		sigprocmask(SIG_UNBLOCK, &waited, NULL);
		execl(program, program, job, (char *)NULL);
		_exit(1);
	}
	if (pid > 0)
		wait_until(pid, now_us() + LEAVE_MS * 1000, &s);
}

/* Nobody will look at it: its sockets, which may lie elsewhere, go as well. */
static void
job_forget(const struct trial *t)
{
	struct jobdir	*d;
	char		 job[PATH_MAX + 8], why[PATH_MAX + 512];

	snprintf(job, sizeof(job), "%s/job", t->dir);
	if ((d = jobdir_open(job, 0, why, sizeof(why))) == NULL)
		return;
	if (jobdir_lock(d) == 0)
		jobdir_delete(d);
	jobdir_close(d);
}

static int
end_badly(struct trial *t, const char *why)
{
	if (interrupted)
		tool_fail(0, "interrupted");
	else {
		tool_fail(0, "%s", why);
		status_show(t);
	}
	victims_kill(t->mark);
	if (interrupted)
		job_forget(t);
	return (-1);
}

static int
ended_badly(struct trial *t, int wstatus)
{
	char why[128];

	if (WIFSIGNALED(wstatus))
		snprintf(why, sizeof(why), "weir run was killed by signal %d, not by me",
		    WTERMSIG(wstatus));
	else
		snprintf(why, sizeof(why), "weir run ended with status %d", WEXITSTATUS(wstatus));
	return (end_badly(t, why));
}

/*
 * Harm.
 */

/* One of that kind. */
static const struct victim *
choose(struct trial *t, enum victim_kind kind)
{
	size_t i, n = 0, nth;

	for (i = 0; i < t->victims.n; i++)
		n += t->victims.list[i].kind == kind;
	if (n == 0)
		return (NULL);
	nth = (size_t)chance_below(&t->chance, n);
	for (i = 0; t->victims.list[i].kind != kind || nth-- > 0; i++)
		continue;
	return (&t->victims.list[i]);
}

static int
freeze(struct trial *t, pid_t pid, pid_t run, struct outcome *o)
{
	int64_t us = chance_below(&t->chance, 64) == 0 ? FREEZE_US :
	    chance_log(&t->chance, SOONEST_US, PAUSE_US);

	if (kill(pid, SIGSTOP) == -1)
		return (0);
	t->pauses++;
	o->ended = wait_until(run, now_us() + us, &o->wstatus);
	kill(pid, SIGCONT);
	return (1);
}

/* What is done, and how often out of 100: a kind of victim is killed, or ... */
enum { EVERYTHING = VICTIM_OTHER, STOP, FREEZE, HARMS };

static unsigned
harm_draw(struct trial *t)
{
	static const unsigned char	weights[HARMS] = { 38, 12, 14, 10, 4, 9, 6, 7 };
	unsigned			dice = (unsigned)chance_below(&t->chance, 100), harm;

	for (harm = 0; dice >= weights[harm]; harm++)
		dice -= weights[harm];
	/* one stage alone is to be harmed */
	if (t->stage != NULL && (harm == EVERYTHING || harm == STOP))
		harm = VICTIM_SUBTASK;
	return (harm);
}

/* Strike once.  1; 0: nobody was there. */
static int
strike(struct trial *t, pid_t run, struct outcome *o)
{
	unsigned		 harm = harm_draw(t);
	const struct victim	*v;
	enum victim_kind	 kind;

	if (harm == EVERYTHING) {
		t->everything++;
		t->nkills++;
		victims_kill(t->mark);
		return (1);
	}
	if (harm == STOP) {
		t->stops++;
		o->stopped = 1;
		return (kill(run, SIGTERM) == 0);
	}
	victims_find(&t->victims, t->mark, t->stage);
	kind = harm != FREEZE ? (enum victim_kind)harm :
	    (enum victim_kind)chance_below(&t->chance, VICTIM_SCRIPT);
	v = choose(t, kind);
	if (v == NULL)
		return (0);
	if (harm == FREEZE)
		return (freeze(t, v->pid, run, o));
	if (kill(v->pid, SIGKILL) == -1)
		return (0);
	t->nkills++;
	t->kills[v->kind]++;
	return (1);
}

/* 1: it has ended well; 0: it is to be run again; -1. */
static int
outcome_judge(struct trial *t, const struct outcome *o)
{
	int status = WIFEXITED(o->wstatus) ? WEXITSTATUS(o->wstatus) : -1;

	/* a stop may come before there is anything to stop, or to catch it */
	if (o->stopped && (status == WEIR_DONE || status == WEIR_FAILED ||
	    (status == -1 && WTERMSIG(o->wstatus) == SIGTERM)))
		return (0);
	if (status == WEIR_DONE)
		return (1);
	if (status == WEIR_AGAIN || (status == -1 && WTERMSIG(o->wstatus) == SIGKILL))
		return (0);
	return (ended_badly(t, o->wstatus));
}

/* Run it once, with that many strikes.  As outcome_judge(). */
static int
run_once(struct trial *t, unsigned *strikes, int64_t limit_us)
{
	struct outcome	o = { 0 };
	int64_t		began = now_us(), until;
	pid_t		run;

	if ((run = start(t)) == -1)
		return (-1);
	while (!o.ended) {
		until = *strikes > 0 ? now_us() + chance_log(&t->chance, SOONEST_US,
		    t->clean_ms * 1000) : began + limit_us;
		o.ended = wait_until(run, until, &o.wstatus);
		if (interrupted || (!o.ended && now_us() - began >= limit_us))
			return (end_badly(t, "weir run hangs"));
		if (!o.ended && *strikes > 0)
			*strikes -= (unsigned)strike(t, run, &o);
	}
	return (outcome_judge(t, &o));
}

static void
mark_set(struct trial *t, const char *what)
{
	snprintf(t->mark, sizeof(t->mark), "WEIR_CRASHTEST=%s:%s", what, t->dir);
}

int
trial_clean(struct trial *t)
{
	int64_t	 began = now_us();
	unsigned none = 0;

	mark_set(t, "clean");
	outputs_clear(t);
	if (run_once(t, &none, LIMIT_MS * 1000) != 1 || wait_gone(t) == -1) {
		if (interrupted)
			return (-1);
		trial_show(t);
		return (tool_fail(-1, "the clean run failed: nothing was tested"));
	}
	t->clean_ms = (now_us() - began) / 1000 + 1;
	return (0);
}

int
trial_round(struct trial *t)
{
	int64_t	 limit_us = (LIMIT_MS > t->clean_ms * LIMIT_TIMES ? LIMIT_MS :
	    t->clean_ms * LIMIT_TIMES) * 1000;
	uint64_t before = t->nkills + t->stops + t->pauses;
	unsigned strikes = 1, tries;
	int	 r = 0;

	while (strikes < 8 && chance_below(&t->chance, 3) > 0)
		strikes++;
	mark_set(t, "round");
	outputs_clear(t);
	for (tries = 0; r == 0 && tries < TRIES; tries++)
		if ((r = run_once(t, &strikes, limit_us)) != -1 && wait_gone(t) == -1)
			r = end_badly(t, "what is left of weir run does not end");
	if (r == 0)
		r = end_badly(t, "weir run was run too often");
	t->unharmed += t->nkills + t->stops + t->pauses == before;
	return (r == 1 ? 0 : -1);
}

void
trial_show(const struct trial *t)
{
	char	 path[PATH_MAX + 8], *text, *p;
	size_t	 len;
	int	 lines = 0;

	snprintf(path, sizeof(path), "%s.err", t->dir);
	if ((text = wholefile_read(AT_FDCWD, path, 1U << 30, &len)) == NULL)
		return;
	for (p = text + len; p > text && lines <= SHOWN_LINES; p--)
		lines += p[-1] == '\n';
	if (lines > SHOWN_LINES)
		p++;
	fwrite(p, 1, (size_t)(text + len - p), stderr);
	free(text);
}

int
trial_interrupted(void)
{
	return (interrupted);
}

void
trial_close(struct trial *t)
{
	if (t->mark[0] != '\0')
		victims_kill(t->mark);
}
