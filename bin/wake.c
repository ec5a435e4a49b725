/* wake: signals as bytes in a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "wake.h"

static int wake[2];

static void
note(int sig)
{
	char	byte = (char)sig;
	int	saved = errno;

	if (write(wake[1], &byte, 1) == -1)
		errno = saved;		/* full: there is enough to wake up for */
	errno = saved;
}

static int
catch(int sig)
{
	struct sigaction act, was;

	/* nohup stays nohup */
	if (sig == SIGHUP && sigaction(sig, NULL, &was) == 0 && was.sa_handler == SIG_IGN)
		return (0);
	memset(&act, 0, sizeof(act));
	act.sa_handler = note;
	act.sa_flags = SA_RESTART;
	sigemptyset(&act.sa_mask);
	return (sigaction(sig, &act, NULL));
}

int
wake_open(void)
{
	int i;

	if (pipe(wake) == -1)
		return (-1);
	for (i = 0; i < 2; i++)
		if (fcntl(wake[i], F_SETFD, FD_CLOEXEC) == -1 ||
		    fcntl(wake[i], F_SETFL, O_NONBLOCK) == -1)
			return (-1);
	signal(SIGPIPE, SIG_IGN);
	return (catch(SIGINT) == -1 || catch(SIGTERM) == -1 || catch(SIGHUP) == -1 ||
	    catch(SIGCHLD) == -1 ? -1 : 0);
}

int
wake_fd(void)
{
	return (wake[0]);
}

unsigned
wake_drain(void)
{
	char		byte[64];
	ssize_t		n, i;
	unsigned	ends = 0;

	while ((n = read(wake[0], byte, sizeof(byte))) > 0)
		for (i = 0; i < n; i++)
			ends += byte[i] != SIGCHLD;
	return (ends);
}
