/*
 * step: where a process may die, for the tests that make it die there.
 *
 * Only in a build with -DWEIR_STEPS (make steps).  $WEIR_KILL is "STEP COUNT NAME FILE":
 * the process that logs as NAME ("*": any) is killed when it comes to STEP for the
 * COUNTth time, unless FILE is there already; FILE is made first, so that a
 * successor is spared and the test can see that it has happened.
 */
#include "io.h"

#ifdef WEIR_STEPS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
step_reached(const char *name)
{
	static unsigned	 times;
	static char	 want[64], self[96], file[PATH_MAX];
	static unsigned	 count;
	static int	 read_once;
	const char	*s;
	int		 fd;

	if (!read_once) {
		read_once = 1;
		if ((s = getenv("WEIR_KILL")) != NULL)
			sscanf(s, "%63s %u %95s %4000s", want, &count, self, file);
	}
	if (strcmp(name, want) != 0 || (self[0] != '*' && strcmp(self, log_name()) != 0))
		return;
	if (++times != count)
		return;
	if ((fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == -1)
		return;
	close(fd);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}
#endif
