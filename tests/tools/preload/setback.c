/*
 * setback: a wall clock that is set back by an hour, to be preloaded.
 *
 * It is when the file $SETBACK is there.  Other clocks go on as they do.  Who waits
 * until a moment of the wall clock waits that much longer, as the kernel would have
 * it: he is woken all the time, to look whether it has come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BACK_S	3600
#define LOOK_NS	2000000

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	const char *file = getenv("SETBACK");

	if (syscall(SYS_clock_gettime, clock, t) == -1)
		return (-1);
	if ((clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && file != NULL &&
	    access(file, F_OK) == 0)
		t->tv_sec -= BACK_S;
	return (0);
}

time_t
time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out != NULL)
		*out = t.tv_sec;
	return (t.tv_sec);
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	out->tv_sec = t.tv_sec;
	out->tv_usec = t.tv_nsec / 1000;
	return (0);
}

int
pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
    const struct timespec *restrict until)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if ((t.tv_nsec += LOOK_NS) >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	if (pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &t) != ETIMEDOUT)
		return (0);
	clock_gettime(CLOCK_REALTIME, &t);
	return (t.tv_sec > until->tv_sec ||
	    (t.tv_sec == until->tv_sec && t.tv_nsec >= until->tv_nsec) ? ETIMEDOUT : 0);
}
