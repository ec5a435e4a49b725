/*
 * process: another program, its input a pipe and its output a terminal of ours, or
 * a pipe too.
 *
 * It gets a process group of its own: the terminal's Ctrl-C asks us to stop, and
 * the program is needed until the last record is answered.
 */
#define _XOPEN_SOURCE	700		/* posix_openpt() and its like */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "process.h"

extern char **environ;

/* The terminal's other end is opened before the program is there: the first read
 * of a terminal that nobody has open fails. */
static int
terminal_open(int ends[2])
{
	struct termios raw;
	const char *name;

	ends[1] = -1;
	if ((ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) == -1)
		return (-1);
	if (grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0 &&
	    (name = ptsname(ends[0])) != NULL &&
	    (ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) != -1 &&
	    tcgetattr(ends[1], &raw) == 0) {
		cfmakeraw(&raw);
		if (tcsetattr(ends[1], TCSANOW, &raw) == 0)
			return (0);
	}
	close(ends[0]);
	if (ends[1] != -1)
		close(ends[1]);
	return (-1);
}

static int
pipe_open(int ends[2])
{
	if (pipe(ends) == -1)
		return (-1);
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return (0);
}

/* Ours, for a program that shall write plain text. */
static char **
environment(void)
{
	static char term[] = "TERM=dumb", colour[] = "NO_COLOR=1";
	size_t i, n = 0;
	char **copy;

	for (i = 0; environ[i] != NULL; i++)
		continue;
	if ((copy = calloc(i + 3, sizeof(*copy))) == NULL)
		return (NULL);
	copy[n++] = term;
	copy[n++] = colour;
	for (i = 0; environ[i] != NULL; i++)
		if (strncmp(environ[i], "TERM=", 5) != 0 &&
		    strncmp(environ[i], "NO_COLOR=", 9) != 0)
			copy[n++] = environ[i];
	return (copy);
}

/* What we ignore or catch is not what the program wants. */
static void
signals_reset(posix_spawnattr_t *attributes)
{
	static const int ours[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGXFSZ };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	posix_spawnattr_setsigmask(attributes, &set);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		sigaddset(&set, ours[i]);
	posix_spawnattr_setsigdefault(attributes, &set);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
	    POSIX_SPAWN_SETPGROUP);
}

/* 0, or an errno: that of the exec too. */
static int
spawn(pid_t *pid, char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char **env;
	int error;

	if ((env = environment()) == NULL)
		return (ENOMEM);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	signals_reset(&attributes);
	error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawnp(pid, argv[0], &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(env);
	return (error);
}

int
process_start(struct process *p, char *const argv[], int terminal)
{
	int in[2], out[2], error;

	p->pid = 0;
	p->in = p->out = -1;
	if (pipe_open(in) == -1)
		return (-1);
	p->terminal = terminal && terminal_open(out) == 0;
	if (!p->terminal && pipe_open(out) == -1) {
		error = errno;
		close(in[0]);
		close(in[1]);
		errno = error;
		return (-1);
	}
	error = spawn(&p->pid, argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	if (error == 0) {
		fcntl(p->in, F_SETFL, O_NONBLOCK);
		fcntl(p->out, F_SETFL, O_NONBLOCK);
		return (0);
	}
	p->pid = 0;
	process_close_in(p);
	close(p->out);
	p->out = -1;
	errno = error;
	return (-1);
}

ssize_t
process_read(const struct process *p, void *buf, size_t size)
{
	ssize_t n;

	n = read(p->out, buf, size);
	/* so says a terminal whose other end is closed */
	return (n == -1 && errno == EIO ? 0 : n);
}

void
process_close_in(struct process *p)
{
	if (p->in != -1)
		close(p->in);
	p->in = -1;
}

int
process_ended(struct process *p, int *status)
{
	pid_t got;

	if ((got = waitpid(p->pid, status, WNOHANG)) > 0)
		p->pid = 0;
	return (got > 0 ? 1 : (int)got);
}

void
process_kill(struct process *p)
{
	kill(-p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	p->pid = 0;
}

const char *
process_status(int status, char *buf)
{
	if (WIFSIGNALED(status))
		snprintf(buf, PROCESS_STATUS, "signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(buf, PROCESS_STATUS, "status %d", WEXITSTATUS(status));
	return (buf);
}
