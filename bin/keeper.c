/* keeper: checkpointd as our child, kept alive. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "run.h"
#include "tool.h"

#define DELAY_MS	100		/* between starts that come to nothing; doubled */
#define DELAY_MAX_MS	10000
#define LIVED_MS	10000		/* this one did not come to nothing */
#define TRIES		7		/* in a row that end with WEIR_AGAIN: 6 s */

static void
child(struct keeper *k, int alive)
{
	static const int	handled[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE };
	char			number[16], option[] = "-j", **argv;
	sigset_t		none;
	size_t			i;
	int			null;

	setpgid(0, 0);
	if ((argv = calloc(k->nwords + 4, sizeof(*argv))) == NULL ||
	    (argv[0] = strdup(k->program)) == NULL || (null = open("/dev/null", O_RDWR)) == -1)
		_exit(tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	if (k->nwords > 0)
		memcpy(argv + 1, k->words, k->nwords * sizeof(*argv));
	argv[k->nwords + 1] = option;
	argv[k->nwords + 2] = strdup(k->job);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	snprintf(number, sizeof(number), "%d", alive);
	fcntl(alive, F_SETFD, 0);
	setenv("WEIR_ALIVE", number, 1);
	setenv("WEIR_AS", "run", 1);
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signal(handled[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	_exit(tool_fail(WEIR_FAILED, "%s: %s", k->program, strerror(errno)));
}

int
keeper_start(struct keeper *k, int64_t now_ms)
{
	int fd[2], saved;

	if (pipe(fd) == -1)
		return (-1);
	fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	if ((k->pid = fork()) == 0)
		child(k, fd[0]);
	saved = errno;
	close(fd[0]);
	k->alive = fd[1];
	k->started_ms = now_ms;
	if (k->pid != -1)
		return (0);
	keeper_leave(k);
	k->pid = 0;
	errno = saved;
	return (-1);
}

/* Somebody else has the lock: the process that it names is there. */
static int
in_use(const struct keeper *k, pid_t mine)
{
	struct jobdir	*d;
	struct holder	 h;
	char		 why[PATH_MAX + 512];
	int		 r;

	if ((d = jobdir_open(k->job, 1, why, sizeof(why))) == NULL)
		return (0);
	r = jobdir_holder(d, &h) && h.pid != (long)mine;
	jobdir_close(d);
	return (r);
}

int
keeper_ended(struct keeper *k, int wstatus, int64_t now_ms)
{
	pid_t mine = k->pid;

	k->pid = 0;
	keeper_leave(k);
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) != WEIR_AGAIN)
		return (WEXITSTATUS(wstatus));
	if (WIFEXITED(wstatus) && in_use(k, mine))
		return (WEIR_AGAIN);
	if (now_ms - k->started_ms >= LIVED_MS)
		k->delay_ms = k->tries = 0;
	/* as where the disk fails each time */
	if (WIFEXITED(wstatus) && ++k->tries == TRIES)
		return (tool_fail(WEIR_AGAIN, "checkpointd had to start again %d times in a row: "
		    "%s stays at its last checkpoint; run the same line again", TRIES, k->job));
	k->again_ms = now_ms + k->delay_ms;
	k->delay_ms = k->delay_ms == 0 ? DELAY_MS : k->delay_ms * 2;
	if (k->delay_ms > DELAY_MAX_MS)
		k->delay_ms = DELAY_MAX_MS;
	return (-1);
}

void
keeper_leave(struct keeper *k)
{
	if (k->alive != -1)
		close(k->alive);
	k->alive = -1;
}

void
keeper_kill(struct keeper *k)
{
	if (k->pid > 0)
		kill(k->pid, SIGKILL);
}
