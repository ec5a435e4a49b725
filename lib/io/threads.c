/*
 * threads: whether there can be as many as nng starts.
 *
 * Where one of them cannot be started nng 1.5.2 crashes, or waits for ever: so
 * the same number is tried before it is called, and let go again.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io.h"

#define THREADS_MAX	512U

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void *
thread_wait(void *arg)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return (arg);
}

/* Tasks, at most 16; expiry, one a CPU; poller, resolvers, timer, reaper. */
static unsigned
threads_wanted(void)
{
	long		cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned	n = cpus < 1 ? 1 : cpus > 256 ? 256 : (unsigned)cpus;

	return (7 + (n > 8 ? 16 : 2 * n) + n);
}

int
threads_check(char *why, size_t size)
{
	pthread_t	thread[THREADS_MAX];
	unsigned	i, n = threads_wanted();
	int		error = 0;

	pthread_mutex_lock(&gate);
	for (i = 0; i < n && error == 0; i++)
		if ((error = pthread_create(&thread[i], NULL, thread_wait, NULL)) != 0)
			break;
	pthread_mutex_unlock(&gate);
	while (i > 0)
		pthread_join(thread[--i], NULL);
	if (error == 0)
		return (0);
	snprintf(why, size, "%u threads cannot be started (ulimit -u, -v): %s", n, strerror(error));
	return (-1);
}
