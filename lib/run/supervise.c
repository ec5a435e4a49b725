/*
 * supervise: the subtasks of a stage.
 *
 * The first process of a stage, with -p N or in a job, forks and execs itself N
 * times; it never touches nng.  A child finds its number and the wiring in the
 * environment, and leaves when the pipe that its parent holds is closed.
 *  - Without a job the end of one is the end of all.
 *  - In a job one that ends with WEIR_AGAIN or by a signal is started again: at
 *    once if it had registered, else after a pause that doubles.  Standard input
 *    stays open here meanwhile: what is in a pipe waits.
 *  - 'weir run' holds a pipe too ($WEIR_RUN_ALIVE): at its end all leave.
 *  - A neighbour holds the other end of a shell's pipe as long as it lives.  In a job
 *    nobody starts it again but the script: the stage leaves, too, unless the job is
 *    just over.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

#define PAUSE_MS	100
#define PAUSE_MAX_MS	10000
#define NEIGHBOUR_MS	1000		/* for a job that is over to end here as well */
#define LOCK_MS		1000		/* for a supervisor that is dying */
#define LOCK_LOOK_MS	10

struct child {
	pid_t		 pid;		/* 0: not running */
	int		 over;		/* not to be started again */
	int		 registered;	/* read end: a byte when it has registered; -1 */
	int64_t		 again_ms;	/* start it then */
	int64_t		 pause_ms;
};

struct supervisor {
	struct weir	*w;
	char		**argv;
	struct child	 child[ROUTE_GROUPS];
	int		 alive[2];
	int		 run_alive;	/* -1: nobody above us says */
	int64_t		 leave_ms;	/* a neighbour has gone: leave then; NEVER */
	int		 status;	/* the first that was not WEIR_DONE */
};

static int	 child_fd = -1;

static void
child_catch(int sig)
{
	int saved = errno;

	(void)sig;
	if (write(child_fd, "", 1) == -1)
		errno = saved;
	errno = saved;
}

static void
environment_number(const char *name, unsigned long n)
{
	char s[24];

	snprintf(s, sizeof(s), "%lu", n);
	setenv(name, s, 1);
}

/* In the child. */
static void
child_exec(struct supervisor *s, unsigned subtask, int registered)
{
	struct weir	*w = s->w;
	sigset_t	 none;

	close(s->alive[1]);
	fcntl(s->alive[0], F_SETFD, 0);
	fcntl(registered, F_SETFD, 0);
	wiring_keep(&w->wiring);
	environment_number("WEIR_SUBTASK", subtask);
	environment_number("WEIR_ALIVE", (unsigned long)s->alive[0]);
	environment_number("WEIR_REGISTERED", (unsigned long)registered);
	setenv("WEIR_RUN", rundir_path(w->dir), 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(s->argv[0], s->argv);
	log_say(LOG_ERROR, "%s: %s", s->argv[0], strerror(errno));
	_exit(WEIR_FAILED);
}

static int
child_start(struct supervisor *s, unsigned i)
{
	struct child	*c = &s->child[i];
	int		 fd[2];

	if (pipe(fd) == -1)
		return (-1);
	fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	if ((c->pid = fork()) == 0)
		child_exec(s, i, fd[1]);
	close(fd[1]);
	if (c->pid == -1) {
		c->pid = 0;
		close(fd[0]);
		return (-1);
	}
	c->registered = fd[0];
	return (0);
}

/* All children hear of it, and leave. */
static void
give_up(struct supervisor *s, int status)
{
	unsigned i;

	s->leave_ms = NEVER;
	if (s->status == WEIR_DONE)
		s->status = status;
	if (s->alive[1] != -1)
		close(s->alive[1]);
	s->alive[1] = -1;
	for (i = 0; i < s->w->set.parallelism; i++)
		s->child[i].over = 1;
}

/* In a job: the coordinator tells the others, they end by themselves. */
static void
child_failed(struct supervisor *s, int status)
{
	unsigned i;

	if (s->w->jobdir == NULL) {
		give_up(s, status);
		return;
	}
	if (s->status == WEIR_DONE)
		s->status = status;
	for (i = 0; i < s->w->set.parallelism; i++)
		s->child[i].over = 1;
}

static void
child_again(struct child *c, int64_t now)
{
	char byte;

	if (read(c->registered, &byte, 1) == 1)
		c->pause_ms = 0;
	else if (c->pause_ms == 0)
		c->pause_ms = PAUSE_MS;
	else
		c->pause_ms = c->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : c->pause_ms * 2;
	c->again_ms = now + c->pause_ms;
}

static void
child_ended(struct supervisor *s, unsigned i, int wstatus)
{
	struct child	*c = &s->child[i];
	struct weir	*w = s->w;

	if (w->jobdir != NULL && WIFSIGNALED(wstatus) && WTERMSIG(wstatus) != SIGKILL)
		weir_warn(w, "subtask %u (pid %ld) was killed by signal %d (%s)", i,
		    (long)c->pid, WTERMSIG(wstatus), strsignal(WTERMSIG(wstatus)));
	c->pid = 0;
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == WEIR_DONE)
		c->over = 1;
	else if (w->jobdir != NULL && (WIFSIGNALED(wstatus) || WEXITSTATUS(wstatus) == WEIR_AGAIN)) {
		child_again(c, now_ms());
		if (s->leave_ms != NEVER)
			give_up(s, WEIR_AGAIN);
	}
	else if (WIFEXITED(wstatus)) {
		c->over = 1;
		child_failed(s, WEXITSTATUS(wstatus));
	} else {
		weir_error(w, "subtask %u was killed by signal %d (%s)", i, WTERMSIG(wstatus),
		    strsignal(WTERMSIG(wstatus)));
		c->over = 1;
		child_failed(s, WEIR_FAILED);
	}
	close(c->registered);
	c->registered = -1;
}

static void
children_reap(struct supervisor *s)
{
	pid_t		pid;
	unsigned	i;
	int		wstatus;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0) {
		for (i = 0; i < s->w->set.parallelism && s->child[i].pid != pid; i++)
			;
		if (i < s->w->set.parallelism)
			child_ended(s, i, wstatus);
	}
}

/* Start those whose time has come.  1: some are left; *until: when to look again. */
static int
children_start(struct supervisor *s, int64_t *until)
{
	struct child	*c;
	int64_t		 now = now_ms();
	unsigned	 i;
	int		 left = 0;

	*until = NEVER;
	for (i = 0; i < s->w->set.parallelism; i++) {
		c = &s->child[i];
		if (c->pid == 0 && !c->over && now >= c->again_ms && child_start(s, i) == -1) {
			weir_error(s->w, "fork: %s", strerror(errno));
			give_up(s, WEIR_FAILED);
		}
		left |= c->pid != 0 || !c->over;
		if (c->pid == 0 && !c->over && (*until == NEVER || c->again_ms < *until))
			*until = c->again_ms;
	}
	if (s->leave_ms != NEVER && (*until == NEVER || s->leave_ms < *until))
		*until = s->leave_ms;
	return (left);
}

/* The pipes to the neighbours, of which only the end is of interest. */
static nfds_t
neighbours(const struct supervisor *s, struct pollfd *pfd)
{
	const struct wiring	*g = &s->w->wiring;
	unsigned		 i;
	nfds_t			 n = 0;

	if (s->w->jobdir == NULL || s->leave_ms != NEVER || s->alive[1] == -1)
		return (0);
	for (i = 0; i < g->nin; i++)
		if (g->in[i].watch != -1)
			pfd[n++] = (struct pollfd){ .fd = g->in[i].watch };
	for (i = 0; i < g->nout; i++)
		if (g->out[i].kind == WIRE_PIPE)
			pfd[n++] = (struct pollfd){ .fd = g->out[i].fd };
	return (n);
}

/* For a child's end, the end of 'weir run' or of a neighbour, or the time. */
static void
await(struct supervisor *s, int64_t until)
{
	struct pollfd	 pfd[2 + 2 * ENDS_MAX] = {
		{ s->w->wake[0], POLLIN, 0 }, { s->run_alive, 0, 0 },
	};
	char		 sink[64];
	int64_t		 now = now_ms(), ms = until == NEVER ? -1 : until > now ? until - now : 0;
	nfds_t		 i, n = 2 + neighbours(s, pfd + 2);

	if (s->leave_ms != NEVER && now >= s->leave_ms)
		give_up(s, WEIR_AGAIN);
	else if (poll(pfd, n, (int)ms) > 0) {
		if (pfd[0].revents != 0 && read(s->w->wake[0], sink, sizeof(sink)) == -1)
			return;
		if (pfd[1].revents != 0) {
			s->run_alive = -1;
			give_up(s, WEIR_AGAIN);
		}
		for (i = 2; i < n; i++)
			if (pfd[i].revents != 0)
				s->leave_ms = now_ms() + NEIGHBOUR_MS;
	}
}

static void
signals(struct supervisor *s)
{
	struct sigaction sa;

	/* a first signal: subtasks drain, or the job stops; a second one ends us where
	 * there is no job, and so them */
	if (s->w->jobdir != NULL)
		loop_signals_job(s->w);
	else
		loop_signals(s->w);
	child_fd = s->w->wake[1];
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = child_catch;
	sa.sa_flags = SA_RESTART;
	sigaction(SIGCHLD, &sa, NULL);
}

int
supervise(struct weir *w, char *argv[])
{
	struct supervisor	*s;
	int64_t			 until;
	int			 status;

	if ((s = calloc(1, sizeof(*s))) == NULL || wiring_export(w) == -1 || pipe(s->alive) == -1) {
		weir_error(w, "%s", strerror(errno));
		free(s);
		return (WEIR_FAILED);
	}
	s->w = w;
	s->argv = argv;
	s->leave_ms = NEVER;
	s->run_alive = w->jobdir != NULL ? run_alive() : -1;
	fcntl(s->alive[0], F_SETFD, FD_CLOEXEC);
	fcntl(s->alive[1], F_SETFD, FD_CLOEXEC);
	if (s->run_alive != -1)
		fcntl(s->run_alive, F_SETFD, FD_CLOEXEC);
	signals(s);
	while (children_start(s, &until)) {
		await(s, until);
		children_reap(s);
	}
	status = s->status;
	free(s);
	return (status);
}

/*
 * Two stages of one name would be one state.  The lock of a supervisor that is
 * dying, with the script that is run anew, is waited for.
 */
int
supervise_lock(struct weir *w)
{
	struct pollfd	 none = { .fd = -1 };
	char		 file[WEIR_NAME_MAX + 16], why[256];
	int64_t		 until = now_ms() + LOCK_MS;
	int		 dirfd;

	snprintf(file, sizeof(file), "stage.%s", w->set.name);
	if ((dirfd = open(rundir_path(w->dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (weir_error(w, "%s: %s", rundir_path(w->dir), strerror(errno)));
	while (lockfile_take(dirfd, file) == -1) {
		if (errno != EWOULDBLOCK) {
			weir_error(w, "lock %s/%s: %s", rundir_path(w->dir), file, strerror(errno));
			break;
		}
		if (now_ms() > until) {
			topology_clash(w->set.name, why, sizeof(why));
			weir_misuse(w, "%s", why);
			w->clash = 1;
			break;
		}
		poll(&none, 1, LOCK_LOOK_MS);
	}
	close(dirfd);
	return (w->status != 0 ? -1 : 0);
}
