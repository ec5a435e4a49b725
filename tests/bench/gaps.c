/*
 * gaps: how long a file did not grow, at most, while a command ran.
 *
 *	gaps FILE COMMAND [ARG]...
 *
 * Looks once a millisecond.  Prints the longest while in milliseconds, and how long
 * the command took; status 1 if it failed.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

int
main(int argc, char *argv[])
{
	const struct timespec	pause = { 0, 1000000 };
	double			begun = now_ms(), grown = begun, longest = 0, now;
	struct stat		st;
	off_t			size = -1;
	pid_t			pid;
	int			status;

	if (argc < 3)
		errx(2, "usage: gaps FILE COMMAND [ARG]...");
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		err(1, "%s", argv[2]);
	}
	do {
		if (stat(argv[1], &st) == -1)
			err(1, "%s", argv[1]);
		now = now_ms();
		if (st.st_size != size)
			grown = now;
		size = st.st_size;
		if (now - grown > longest)
			longest = now - grown;
		nanosleep(&pause, NULL);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	printf("%.0f %.0f\n", longest, now_ms() - begun);
	return (!WIFEXITED(status) || WEXITSTATUS(status) != 0);
}
