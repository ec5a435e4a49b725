/*
 * checkpointd: the coordinator of a job.
 *
 * Triggers checkpoints, collects what the stages acknowledge, declares them
 * complete by replacing job.json, and decides restarts.  Hence:
 *  - it holds the job's lock for its life, taken before it reads anything there;
 *  - nobody is told what is not durable: a crash of it takes nothing back;
 *  - it leaves last, when all stages have heard how the job has ended.
 * Relies on: job.json is written by nobody else; lines end when processes do.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <bsd/stdlib.h>

#include "coordinator.h"
#include "predecessor.h"
#include "run.h"
#include "tool.h"

#define ASLEEP_MS	1000		/* later than we wanted to wake: we were stopped */
#define FILES		16		/* descriptors that are no lines */
#define LINGER_MS	300		/* for one who is being started again, to hear of it */

static volatile sig_atomic_t	signals;

static void
signal_catch(int sig)
{
	(void)sig;
	signals++;
}

/* Stop at the first, cancel at the second.  Under 'weir run' they are its affair. */
static void
signals_open(const struct coordinator *co)
{
	struct sigaction sa = { .sa_handler = signal_catch };

	sigemptyset(&sa.sa_mask);
	if (co->run_holds != -1)
		sa.sa_handler = SIG_IGN;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);		/* EFBIG has a sentence */
}

static void
signals_take(struct coordinator *co)
{
	static sig_atomic_t taken;

	for (; taken < signals; taken++) {
		if (taken == 0) {
			notify("STOPPING=1");
			coordinator_stop(co);
		} else
			coordinator_cancel(co);
	}
}

/* A line for each subtask, and tools; what is left is for files. */
static void
files_most(struct coordinator *co)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	co->room = rl.rlim_cur > FILES + INT_MAX / 2 ? INT_MAX / 2 :
	    rl.rlim_cur > FILES ? (unsigned)rl.rlim_cur - FILES : 1;
}

/*
 * The beginning.
 */

static int
fail_job(const struct coordinator *co)
{
	return (tool_fail(jobdir_status(errno), "%s", jobdir_error(co->dir)));
}

/* Lock the job, read it, make its sockets. */
static int
directory_open(struct coordinator *co, const char *path)
{
	char	why[PATH_MAX + 512];
	int	found;

	if ((co->dir = jobdir_open(path, 1, why, sizeof(why))) == NULL)
		return (tool_fail(jobdir_status(errno), "%s", why));
	if (predecessor_wait(co->dir, path, co->run_holds, why, sizeof(why)) == -1)
		return (errno == EINTR ? WEIR_AGAIN : tool_fail(jobdir_status(errno), "%s", why));
	found = ledger_open(&co->ledger, co->dir,
	    joboptions.groups != 0 ? joboptions.groups : ROUTE_GROUPS);
	if (found == -1)
		return (fail_job(co));
	co->resumed = found;
	if (joboptions.groups != 0 && joboptions.groups != co->ledger.file.groups)
		return (tool_fail(WEIR_USAGE, "-G %u: %s has %u key groups, for its whole life",
		    joboptions.groups, jobdir_path(co->dir), co->ledger.file.groups));
	if ((co->path = realpath(path, NULL)) == NULL)
		return (tool_fail(WEIR_FAILED, "%s: %s", path, strerror(errno)));
	return (0);
}

static int
line_open(struct coordinator *co)
{
	char path[PATH_MAX], why[PATH_MAX + 128];

	if ((co->run = jobdir_run_make(co->dir)) == NULL)
		return (fail_job(co));
	rundir_clear_below(co->run, co->ledger.file.attempt + 1);
	snprintf(path, sizeof(path), "%s/control", rundir_path(co->run));
	if ((co->listener = control_listen(path, why, sizeof(why))) == -1)
		return (tool_fail(WEIR_FAILED, "listen at %s", why));
	return (0);
}

static int
writer_open(struct coordinator *co)
{
	if (pipe(co->wake) == -1)
		return (tool_fail(WEIR_FAILED, "pipe: %s", strerror(errno)));
	fcntl(co->wake[0], F_SETFD, FD_CLOEXEC);
	fcntl(co->wake[1], F_SETFD, FD_CLOEXEC);
	if ((co->writer = writer_new(co->wake[1])) == NULL)
		return (tool_fail(WEIR_FAILED, "thread: %s", strerror(errno)));
	return (0);
}

/* coord, as job.json has it. */
static int
coord_start(struct coordinator *co)
{
	struct coord		*c = &co->coord;
	const struct jobfile	*f = &co->ledger.file;

	c->restart = joboptions.restart;
	c->trigger = (struct trigger){ .interval_ms = joboptions.interval_ms,
	    .pause_ms = joboptions.pause_ms, .concurrent = joboptions.concurrent };
	c->timeout_ms = joboptions.timeout_ms;
	c->retain = joboptions.retain;
	c->attempt = f->attempt;
	c->reserved = f->reserved;
	if ((c->retained = calloc(f->ncheckpoints + 1, sizeof(*c->retained))) == NULL)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	for (; c->nretained < f->ncheckpoints; c->nretained++)
		c->retained[c->nretained] = f->checkpoint[c->nretained].id;
	coord_open(c, now_ms());
	if (coordinator_save(co) == -1)
		return (jobdir_unknown(co->dir) ? tool_fail(WEIR_AGAIN, "%s",
		    jobdir_error(co->dir)) : fail_job(co));
	coord_saved(c);
	return (0);
}

/*
 * The loop.
 */

/* Subtasks, and tools that have not taken their answers. */
static int
callers_left(const struct coordinator *co)
{
	const struct caller	*c;
	int			 n = 0;

	TAILQ_FOREACH(c, &co->callers, entry)
		n += c->subtask != NULL || control_queued(c->control) > 0;
	return (n);
}

/* All have heard how it has ended, or have had the time to. */
static int
is_told(struct coordinator *co, int64_t now)
{
	int64_t over;

	if (!coordinator_over(co))
		return (0);
	if (co->over_ms == 0) {
		co->over_ms = now;
		notify("STOPPING=1");
	}
	over = now - co->over_ms;
	if (callers_left(co) > 0)
		return (over >= LEAVE_MS);
	return (roster_here(&co->roster) || co->coord.state == JOB_DONE || over >= LINGER_MS);
}

static int64_t
wake_ms(const struct coordinator *co)
{
	int64_t until = coord_next(&co->coord);

	if (co->beat_ms < until)
		until = co->beat_ms;
	if (co->listen_ms > now_ms() && co->listen_ms < until)
		until = co->listen_ms;
	if (co->over_ms != 0 && co->over_ms + LINGER_MS < until && callers_left(co) == 0)
		until = co->over_ms + LINGER_MS;
	return (until);
}

#define FIRST	2			/* polled: the listener, the pipe, then callers */

static struct pollfd *
polls_make(const struct coordinator *co, nfds_t *n)
{
	const struct caller	*c;
	struct pollfd		*p;

	*n = FIRST;
	TAILQ_FOREACH(c, &co->callers, entry)
		++*n;
	if ((p = calloc(*n, sizeof(*p))) == NULL)
		return (NULL);
	p[0] = (struct pollfd){ callers_room(co) ? co->listener : -1, POLLIN, 0 };
	p[1] = (struct pollfd){ co->run_holds, 0, 0 };
	*n = FIRST;
	TAILQ_FOREACH(c, &co->callers, entry)
		p[(*n)++] = (struct pollfd){ control_fd(c->control),
		    control_events(c->control), 0 };
	return (p);
}

/* What poll has found.  New callers are behind those that were polled. */
static void
turn(struct coordinator *co, const struct pollfd *p, nfds_t n)
{
	struct caller	*c;
	nfds_t		 i = FIRST;

	if (p[1].revents != 0) {
		co->status = WEIR_AGAIN;
		co->leave = co->run_gone = 1;
		return;
	}
	for (c = TAILQ_FIRST(&co->callers); i < n && !co->leave; i++, c = TAILQ_NEXT(c, entry))
		if (p[i].revents != 0 && !c->gone)
			caller_work(co, c);
	if (p[0].revents != 0)
		callers_accept(co);
}

static void
time_passes(struct coordinator *co, int64_t late_ms)
{
	int64_t now = now_ms();

	if (late_ms > ASLEEP_MS)
		callers_forgive(co, late_ms);
	if (now >= co->beat_ms) {
		callers_beat(co, now);
		assemble_look(co, now);
		co->beat_ms = now + BEAT_MS;
	}
	coord_tick(&co->coord, now);
	coordinator_settle(co);
	callers_sweep(co);
}

static void
loop(struct coordinator *co)
{
	struct pollfd	*p;
	nfds_t		 n;
	int64_t		 until, ms;

	while (!co->leave && !is_told(co, now_ms())) {
		if ((p = polls_make(co, &n)) == NULL) {
			co->status = tool_fail(WEIR_FAILED, "%s", strerror(errno));
			co->leave = 1;
			break;
		}
		until = wake_ms(co);
		ms = until - now_ms();
		if (poll(p, n, ms < 0 ? 0 : (int)ms) > 0)
			turn(co, p, n);
		free(p);
		if (co->leave)
			break;
		signals_take(co);
		time_passes(co, now_ms() - until);
	}
}

static int
exit_status(const struct coordinator *co)
{
	if (co->leave)
		return (co->status);
	switch (co->coord.state) {
	case JOB_DONE:
		return (WEIR_DONE);
	case JOB_FAILED:
		return (co->status != 0 ? co->status : WEIR_FAILED);
	default:
		return (WEIR_FAILED);
	}
}

static void
close_all(struct coordinator *co)
{
	struct caller *c;

	while ((c = TAILQ_FIRST(&co->callers)) != NULL) {
		TAILQ_REMOVE(&co->callers, c, entry);
		control_close(c->control);
		free(c);
	}
	writer_free(co->writer);
	coord_close(&co->coord);
	ledger_close(&co->ledger);
	roster_free(&co->roster);
	notes_free(co);
	free(co->path);
	/* an end that is all's end leaves no sockets behind */
	if (co->run != NULL && (co->run_gone || (coordinator_over(co) && !co->leave)))
		rundir_remove(co->run);
	else
		rundir_close(co->run);
	jobdir_close(co->dir);
}

static int
serve(struct coordinator *co, const char *path)
{
	struct timespec	ts;
	int		status;

	if ((status = directory_open(co, path)) != 0 || (status = line_open(co)) != 0)
		return (status);
	clock_gettime(CLOCK_REALTIME, &ts);
	co->started_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	co->begun_ms = co->beat_ms = now_ms();
	if ((status = writer_open(co)) != 0 || (status = coord_start(co)) != 0)
		return (status);
	notes_start(co);
	notify("READY=1\nSTATUS=gathering");
	loop(co);
	return (exit_status(co));
}

/* The pipe that 'weir run' holds. */
static int
run_find(const char *s)
{
	const char	*wrong;
	int		 fd;

	if (s == NULL)
		return (-1);
	fd = (int)strtonum(s, 0, INT_MAX, &wrong);
	if (wrong != NULL || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	return (fd);
}

int
main(int argc, char *argv[])
{
	static struct tool tool = {
		.name = "checkpointd", .synopsis = "",
		.summary = "Coordinate a job: take checkpoints, restart what was lost.",
		.shared = joboptions_rows,
	};
	static struct coordinator	 co = { .listener = -1 };
	const char			*as = getenv("WEIR_AS");
	int				 first, status;

	if ((first = tool_options(&tool, argc, argv, &status)) == -1)
		return (status);
	if (as != NULL)
		log_open(as, tool.quiet ? LOG_ERROR : tool.verbose ? LOG_DEBUG : LOG_WARN);
	if (first < argc)
		return (tool_fail(WEIR_USAGE, "%s: no operand is wanted", argv[first]));
	if (tool.job == NULL)
		return (tool_fail(WEIR_USAGE, "-j DIR is missing"));
	joboptions_settle();
	TAILQ_INIT(&co.callers);
	co.run_holds = run_find(getenv("WEIR_ALIVE"));
	files_most(&co);
	signals_open(&co);
	status = serve(&co, tool.job);
	close_all(&co);
	return (status);
}
