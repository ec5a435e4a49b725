/*
 * writer: the thread that does all disk I/O that may wait.
 *
 *  - One job at a time, in the order of writer_put().
 *  - What a job has done is seen by its owner when done() is called, in the same
 *    order, in the owner's thread.
 *  - After the first job that failed none is run any more: each is done with -1.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "io.h"

struct job {
	int	(*run)(void *);
	void	(*done)(void *, int);
	void	*arg;
	int	 result;
	STAILQ_ENTRY(job) link;
};

STAILQ_HEAD(jobs, job);

struct writer {
	pthread_t	 thread;
	pthread_mutex_t	 mutex;
	pthread_cond_t	 come;		/* todo has a job, or it is over */
	struct jobs	 todo, ready;	/* under the mutex */
	int		 over;		/* likewise */
	int		 wakefd;
	int		 closing;	/* the owner's */
	size_t		 pending;	/* the owner's */
};

/* The owner looks when the first job is ready; it takes all of them then. */
static void
job_ready(struct writer *w, struct job *job)
{
	int first = STAILQ_EMPTY(&w->ready);

	STAILQ_INSERT_TAIL(&w->ready, job, link);
	/* full: somebody has been woken already */
	if (first && write(w->wakefd, "", 1) == -1)
		return;
}

static void *
writer_main(void *arg)
{
	struct writer	*w = arg;
	struct job	*job;
	int		 failed = 0;

	pthread_mutex_lock(&w->mutex);
	for (;;) {
		while (STAILQ_EMPTY(&w->todo) && !w->over)
			pthread_cond_wait(&w->come, &w->mutex);
		if ((job = STAILQ_FIRST(&w->todo)) == NULL)
			break;
		STAILQ_REMOVE_HEAD(&w->todo, link);
		pthread_mutex_unlock(&w->mutex);
		job->result = failed ? -1 : job->run(job->arg);
		failed = failed || job->result == -1;
		pthread_mutex_lock(&w->mutex);
		job_ready(w, job);
	}
	pthread_mutex_unlock(&w->mutex);
	return (NULL);
}

/* Signals are the owner's alone. */
static int
thread_start(struct writer *w)
{
	sigset_t	all, old;
	int		error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return (error);
}

struct writer *
writer_new(int wakefd)
{
	struct writer	*w;
	int		 error;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->wakefd = wakefd;
	STAILQ_INIT(&w->todo);
	STAILQ_INIT(&w->ready);
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->come, NULL);
	if ((error = thread_start(w)) != 0) {
		pthread_cond_destroy(&w->come);
		pthread_mutex_destroy(&w->mutex);
		free(w);
		errno = error;
		return (NULL);
	}
	return (w);
}

int
writer_put(struct writer *w, int (*run)(void *), void (*done)(void *, int), void *arg)
{
	struct job *job;

	if (w->closing) {
		errno = ECANCELED;
		return (-1);
	}
	if ((job = calloc(1, sizeof(*job))) == NULL)
		return (-1);
	job->run = run;
	job->done = done;
	job->arg = arg;
	w->pending++;
	pthread_mutex_lock(&w->mutex);
	STAILQ_INSERT_TAIL(&w->todo, job, link);
	pthread_cond_signal(&w->come);
	pthread_mutex_unlock(&w->mutex);
	return (0);
}

/* done() may put another job: the list is taken before. */
size_t
writer_collect(struct writer *w)
{
	struct jobs	 ready = STAILQ_HEAD_INITIALIZER(ready);
	struct job	*job;
	size_t		 n = 0;

	pthread_mutex_lock(&w->mutex);
	STAILQ_CONCAT(&ready, &w->ready);
	pthread_mutex_unlock(&w->mutex);
	while ((job = STAILQ_FIRST(&ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&ready, link);
		w->pending--;
		n++;
		if (job->done != NULL)
			job->done(job->arg, job->result);
		free(job);
	}
	return (n);
}

size_t
writer_pending(const struct writer *w)
{
	return (w->pending);
}

void
writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	w->closing = 1;
	pthread_mutex_lock(&w->mutex);
	w->over = 1;
	pthread_cond_signal(&w->come);
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	writer_collect(w);
	pthread_cond_destroy(&w->come);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}
