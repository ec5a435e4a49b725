/*
 * peak: run a command and bound the memory that it may have used.
 *
 *	peak MIB COMMAND [ARG]...
 *
 * Exits with the command's status; 99 and a line if its resident memory, or that
 * of one of its children, was ever more than MIB.  A signal is told as 128 + n.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct rusage	 ru;
	pid_t		 pid;
	int		 status;

	if (argc < 3)
		errx(2, "usage: peak MIB COMMAND [ARG]...");
	if ((pid = fork()) == -1)
		err(2, "fork");
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		err(127, "%s", argv[2]);
	}
	if (waitpid(pid, &status, 0) == -1 || getrusage(RUSAGE_CHILDREN, &ru) == -1)
		err(2, "wait");
	if (ru.ru_maxrss > atol(argv[1]) * 1024) {
		warnx("%s used %ld KiB, more than %s MiB", argv[2], ru.ru_maxrss, argv[1]);
		return (99);
	}
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}
