/*
 * feed: a COMMAND that reads what a sink gets.
 *
 * In a job the epoch that is committed is the command's standard input: a file
 * that is complete before the command starts, so that no death of ours looks to
 * it like the end of a shorter epoch.
 *  - The same id comes with the same bytes, whatever dies: a command that keeps
 *    the ids it has done beside what it does makes it exactly once.
 *  - One command at a time: it and all that it starts hold a lock, which a
 *    successor of ours waits for.
 * publish() and all below it run in the runtime's writer.
 */
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "feed.h"

#define PAUSE_MS	100	/* between two tries: doubled each time, up to */
#define PAUSE_MOST_MS	10000
#define SAY_TRIES	3	/* how many failures are no news */
#define STOP_TRIES	3	/* that a stop is held up for */
#define LOOK_MS		20
#define LOCK_FD		3	/* as the command sees it */

extern char **environ;

struct feed {
	struct weir		*w;
	char			**argv;
	struct weir_journal	*journal;	/* in a job */
	struct weir_output	*pipe;		/* without one */
	pid_t			 pid;		/* likewise; 0: not running */
};

/* What the runtime tells its own processes is not for a pipeline in a command. */
static int
is_internal(const char *variable)
{
	static const char *const names[] = {
		"WEIR_CHECKPOINT=", "WEIR_JOB=", "WEIR_SUBTASK=", "WEIR_RUN=", "WEIR_ALIVE=",
		"WEIR_INPUTS=", "WEIR_OUTPUTS=", "WEIR_OUTSIDE=", "WEIR_REGISTERED=", "WEIR_AS=",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return (1);
	return (0);
}

/* checkpoint is a variable, borrowed; NULL without memory. */
static char **
environment(char *checkpoint)
{
	char		**list;
	size_t		 i, n = 0;

	for (i = 0; environ[i] != NULL; i++)
		;
	if ((list = calloc(i + 2, sizeof(*list))) == NULL)
		return (NULL);
	for (i = 0; environ[i] != NULL; i++)
		if (!is_internal(environ[i]))
			list[n++] = environ[i];
	list[n] = checkpoint;
	return (list);
}

/* As a program expects to be started: no signal is blocked or ignored by us. */
static int
attributes(posix_spawnattr_t *a)
{
	static const int	 ours[] = { SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP };
	sigset_t		 none, all;
	size_t			 i;
	int			 error;

	if ((error = posix_spawnattr_init(a)) != 0)
		return (error);
	sigemptyset(&none);
	sigemptyset(&all);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(&all, ours[i]);
	posix_spawnattr_setsigmask(a, &none);
	posix_spawnattr_setsigdefault(a, &all);
	return (posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
}

/* in becomes its standard input; lock, if not -1, stays open.  0 and *pid, or errno. */
static int
start(const struct feed *f, uint64_t checkpoint, int in, int lock, pid_t *pid)
{
	posix_spawn_file_actions_t	 actions;
	posix_spawnattr_t		 attr;
	char				 variable[64], **env;
	int				 error;

	snprintf(variable, sizeof(variable), "WEIR_CHECKPOINT=%llu",
	    (unsigned long long)checkpoint);
	if ((env = environment(variable)) == NULL)
		return (ENOMEM);
	if ((error = attributes(&attr)) == 0 &&
	    (error = posix_spawn_file_actions_init(&actions)) == 0) {
		error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
		if (error == 0 && lock != -1)
			error = posix_spawn_file_actions_adddup2(&actions, lock, LOCK_FD);
		if (error == 0)
			error = posix_spawnp(pid, f->argv[0], &actions, &attr, f->argv, env);
		posix_spawn_file_actions_destroy(&actions);
		posix_spawnattr_destroy(&attr);
	}
	free(env);
	return (error);
}

/* Its exit, in words; NULL: 0. */
static const char *
ending(pid_t pid, char *text, size_t size)
{
	int status;

	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR) {
			snprintf(text, size, "%s", strerror(errno));
			return (text);
		}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return (NULL);
	if (WIFEXITED(status))
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	else
		snprintf(text, size, "killed by signal %d, %s", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	return (text);
}

static void
pause_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/*
 * Epochs, in the writer.
 */

/* The range as a file without a name: a descriptor to read it, or -1. */
static int
epoch_file(struct weir_range *r)
{
	const char	*dir = getenv("TMPDIR");
	char		 path[4096];
	int		 out, in = -1;

	snprintf(path, sizeof(path), "%s/weir-epoch-XXXXXX",
	    dir != NULL && dir[0] != '\0' ? dir : "/tmp");
	if ((out = mkstemp(path)) == -1 || fcntl(out, F_SETFD, FD_CLOEXEC) == -1)
		return (weir_range_error(r, "%s: %s", path, strerror(errno)));
	if ((in = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		weir_range_error(r, "%s: %s", path, strerror(errno));
	unlink(path);
	if (in != -1 && weir_range_copy(r, out, 0, path) == -1) {
		close(in);
		in = -1;
	}
	close(out);
	return (in);
}

/* Whatever a predecessor started has ended then. */
static int
epoch_lock(struct feed *f, struct weir_range *r)
{
	int lock, waited = 0;

	while ((lock = weir_range_lock(r)) == -1) {
		if (errno != EWOULDBLOCK)
			return (-1);
		if (weir_stopped(f->w) && waited > PAUSE_MOST_MS)
			return (weir_range_error(r, "%s of an earlier attempt still runs",
			    f->argv[0]));
		if (waited == PAUSE_MOST_MS)
			weir_warn(f->w, "checkpoint %llu: %s of an earlier attempt still runs: "
			    "waiting", (unsigned long long)r->checkpoint, f->argv[0]);
		pause_ms(LOOK_MS);
		waited += LOOK_MS;
	}
	return (lock);
}

/* Run it once.  1: it has done; 0: it has failed, and why; -1. */
static int
epoch_try(struct feed *f, struct weir_range *r, char *why, size_t size)
{
	int	in, lock, error;
	pid_t	pid;

	if ((lock = epoch_lock(f, r)) == -1)
		return (-1);
	if ((in = epoch_file(r)) == -1) {
		close(lock);
		return (-1);
	}
	error = start(f, r->checkpoint, in, lock, &pid);
	close(in);
	if (error == EAGAIN || error == ENOMEM)
		snprintf(why, size, "%s", strerror(error));
	else if (error != 0)
		weir_range_error(r, "run %s: %s", f->argv[0], strerror(error));
	else if (ending(pid, why, size) == NULL) {
		close(lock);
		return (1);
	}
	close(lock);
	return (error == 0 || error == EAGAIN || error == ENOMEM ? 0 : -1);
}

static int
publish(struct weir_range *r, void *arg)
{
	struct feed	*f = arg;
	char		 why[128];
	long		 ms, waited;
	int		 done, tries = 0, held = 0;

	if (r->from == r->to)
		return (0);
	for (ms = PAUSE_MS; (done = epoch_try(f, r, why, sizeof(why))) == 0; ) {
		if (++tries % 20 == SAY_TRIES)
			weir_warn(f->w, "checkpoint %llu: %s has failed %d times (%s): it is run "
			    "again until it exits 0", (unsigned long long)r->checkpoint,
			    f->argv[0], tries, why);
		if (weir_stopped(f->w) && ++held == STOP_TRIES)
			return (weir_range_error(r, "checkpoint %llu: %s has failed (%s); "
			    "the next start runs it again with the same id",
			    (unsigned long long)r->checkpoint, f->argv[0], why));
		for (waited = 0; waited < ms && (!weir_stopped(f->w) || waited < PAUSE_MS);
		    waited += LOOK_MS)
			pause_ms(LOOK_MS);
		ms = ms * 2 < PAUSE_MOST_MS ? ms * 2 : PAUSE_MOST_MS;
	}
	return (done == 1 ? 0 : -1);
}

/*
 * The stage's side.
 */

struct feed *
feed_new(struct weir *w, char *argv[])
{
	struct feed *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	f->w = w;
	f->argv = argv;
	return (f);
}

static int
fed_open(struct feed *f)
{
	int	ends[2], error;

	if (pipe(ends) == -1)
		return (weir_error(f->w, "pipe: %s", strerror(errno)));
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	error = start(f, 0, ends[0], -1, &f->pid);
	close(ends[0]);
	if (error == 0 &&
	    (f->pipe = weir_output_fd(f->w, "command", ends[1], f->argv[0])) != NULL)
		return (weir_output_open(f->pipe));
	close(ends[1]);
	if (error != 0)
		f->pid = 0;
	return (error == 0 ? -1 : weir_error(f->w, "run %s: %s", f->argv[0], strerror(error)));
}

int
feed_open(struct feed *f)
{
	if (!weir_job(f->w))
		return (fed_open(f));
	if ((f->journal = weir_journal(f->w, "epochs", 0)) == NULL)
		return (-1);
	return (weir_journal_publish(f->journal, publish, f, WEIR_ONCE));
}

int
feed_text(struct feed *f, const char *text, size_t len)
{
	return (f->journal != NULL ? weir_journal_append(f->journal, text, len) :
	    weir_output_write(f->pipe, text, len));
}

int
feed_close(struct feed *f, int ok)
{
	char		 text[128];
	const char	*why;

	if (f->pid == 0)
		return (0);
	if (f->pipe != NULL)
		weir_output_close(f->pipe);
	why = ending(f->pid, text, sizeof(text));
	f->pid = 0;
	return (why == NULL || !ok ? 0 : weir_error(f->w, "%s: %s", f->argv[0], why));
}
