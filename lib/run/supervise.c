/*
 * supervise: the subtasks of a stage.
 *
 * The first process of a stage with -p N forks and execs itself N times and
 * waits; it never touches nng.  A child finds its number and the wiring in the
 * environment, and leaves when the pipe that its parent holds is closed.
 * Without a job the end of one is the end of all.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static void
environment_number(const char *name, unsigned long n)
{
	char s[24];

	snprintf(s, sizeof(s), "%lu", n);
	setenv(name, s, 1);
}

static pid_t
subtask_start(struct weir *w, unsigned subtask, int alive[2], char *argv[])
{
	sigset_t	none;
	pid_t		pid;

	if ((pid = fork()) != 0)
		return (pid);
	close(alive[1]);
	fcntl(alive[0], F_SETFD, 0);
	wiring_keep(&w->wiring);
	environment_number("WEIR_SUBTASK", subtask);
	environment_number("WEIR_ALIVE", (unsigned long)alive[0]);
	setenv("WEIR_RUN", rundir_path(w->dir), 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(argv[0], argv);
	log_say(LOG_ERROR, "%s: %s", argv[0], strerror(errno));
	_exit(WEIR_FAILED);
}

static int
status_of(struct weir *w, int wstatus, unsigned subtask)
{
	if (WIFEXITED(wstatus))
		return (WEXITSTATUS(wstatus));
	weir_error(w, "subtask %u was killed by signal %d (%s)", subtask, WTERMSIG(wstatus),
	    strsignal(WTERMSIG(wstatus)));
	return (WEIR_FAILED);
}

int
supervise(struct weir *w, char *argv[])
{
	pid_t		 pid[ROUTE_GROUPS], done;
	unsigned	 i, left = 0;
	int		 alive[2], wstatus, status = WEIR_DONE, s;

	if (wiring_export(w) == -1 || pipe(alive) == -1)
		return (weir_error(w, "%s", strerror(errno)), WEIR_FAILED);
	fcntl(alive[1], F_SETFD, FD_CLOEXEC);
	/* the subtasks drain after a first signal; a second one ends us, and so them */
	loop_signals(w);
	for (i = 0; i < w->set.parallelism; i++) {
		if ((pid[i] = subtask_start(w, i, alive, argv)) == -1) {
			weir_error(w, "fork: %s", strerror(errno));
			status = WEIR_FAILED;
			break;
		}
		left++;
	}
	close(alive[0]);
	if (status != WEIR_DONE)
		close(alive[1]);
	while (left > 0) {
		if ((done = waitpid(-1, &wstatus, 0)) == -1) {
			if (errno == EINTR)
				continue;
			break;
		}
		for (i = 0; i < w->set.parallelism && pid[i] != done; i++)
			;
		if (i == w->set.parallelism)
			continue;
		left--;
		s = status_of(w, wstatus, i);
		if (s != WEIR_DONE && status == WEIR_DONE) {
			status = s;
			close(alive[1]);
		}
	}
	return (status);
}
