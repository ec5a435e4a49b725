/* writer: jobs are run in order in another thread and done in the owner's. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

#define JOBS	2000

struct task {
	int	 number, result, done, outcome;
	int	 blocked;		/* signals, in the thread */
	pthread_t thread;
	struct writer *writer;
};

static int	 wake[2], order[JOBS + 8], norder;
static struct task tasks[JOBS];

/* The gate holds the first job back until the test says so. */
static pthread_mutex_t	 gate_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	 gate_cond = PTHREAD_COND_INITIALIZER;
static int		 gate_open;

static void
gate_set(int open)
{
	pthread_mutex_lock(&gate_mutex);
	gate_open = open;
	pthread_cond_signal(&gate_cond);
	pthread_mutex_unlock(&gate_mutex);
}

static int
gate_wait(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate_mutex);
	while (!gate_open)
		pthread_cond_wait(&gate_cond, &gate_mutex);
	pthread_mutex_unlock(&gate_mutex);
	return (0);
}

static int
task_run(void *arg)
{
	struct task	*t = arg;
	sigset_t	 set;

	t->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	t->blocked = sigismember(&set, SIGTERM) && sigismember(&set, SIGCHLD);
	return (t->result);
}

static void
task_done(void *arg, int result)
{
	struct task *t = arg;

	t->done++;
	t->outcome = result;
	order[norder++] = t->number;
}

static struct writer *
begun(void)
{
	int i;

	CHECK(pipe(wake) == 0);
	fcntl(wake[0], F_SETFL, O_NONBLOCK);
	fcntl(wake[1], F_SETFL, O_NONBLOCK);
	memset(tasks, 0, sizeof(tasks));
	norder = 0;
	for (i = 0; i < JOBS; i++)
		tasks[i].number = i;
	return (writer_new(wake[1]));
}

static void
ended(struct writer *w)
{
	writer_free(w);
	close(wake[0]);
	close(wake[1]);
}

/* Until n more are done, woken by the descriptor alone. */
static int
collect(struct writer *w, size_t n)
{
	struct pollfd	pfd = { .fd = wake[0], .events = POLLIN };
	char		byte[64];

	while (n > 0) {
		if (poll(&pfd, 1, 20000) != 1)
			return (0);
		while (read(wake[0], byte, sizeof(byte)) > 0)
			;
		n -= writer_collect(w);
	}
	return (1);
}

static void
jobs_are_run_in_order_in_another_thread(void)
{
	struct writer	*w = begun();
	int		 i;

	for (i = 0; i < JOBS; i++) {
		tasks[i].result = i % 7;
		CHECK(writer_put(w, task_run, task_done, &tasks[i]) == 0);
	}
	CHECK(writer_pending(w) == JOBS);
	CHECK(collect(w, JOBS));
	CHECK(writer_pending(w) == 0 && norder == JOBS);
	for (i = 0; i < JOBS; i++)
		CHECK(order[i] == i && tasks[i].done == 1 && tasks[i].outcome == i % 7 &&
		    tasks[i].blocked && !pthread_equal(tasks[i].thread, pthread_self()));
	ended(w);
}

static void
nothing_is_done_outside_collect(void)
{
	struct writer	*w = begun();
	struct pollfd	 pfd = { .fd = wake[0], .events = POLLIN };

	CHECK(writer_collect(w) == 0);
	CHECK(writer_put(w, task_run, task_done, &tasks[0]) == 0);
	CHECK(poll(&pfd, 1, 20000) == 1 && norder == 0 && writer_pending(w) == 1);
	CHECK(writer_collect(w) == 1 && norder == 1 && writer_collect(w) == 0);
	ended(w);
}

/* A wake that is full is not written to, and loses nothing. */
static void
a_wake_that_is_full_does_not_block(void)
{
	struct writer	*w = begun();
	char		 junk[4096] = { 0 };

	while (write(wake[1], junk, sizeof(junk)) > 0)
		;
	CHECK(writer_put(w, task_run, task_done, &tasks[0]) == 0);
	CHECK(collect(w, 1) && norder == 1);
	ended(w);
}

static void
put_again(void *arg, int result)
{
	struct task *t = arg;

	task_done(t, result);
	if (t->number < 9)
		CHECK(writer_put(t->writer, task_run, put_again, t + 1) == 0);
}

static void
done_may_put_another_job(void)
{
	struct writer	*w = begun();
	int		 i;

	for (i = 0; i < 10; i++)
		tasks[i].writer = w;
	CHECK(writer_put(w, task_run, put_again, &tasks[0]) == 0);
	CHECK(collect(w, 10) && norder == 10 && order[9] == 9);
	ended(w);
}

static void
after_a_failure_no_job_is_run(void)
{
	struct writer	*w = begun();
	int		 i;

	gate_set(0);
	CHECK(writer_put(w, gate_wait, NULL, NULL) == 0);
	for (i = 0; i < 10; i++) {
		tasks[i].result = i == 3 ? -1 : i;
		CHECK(writer_put(w, task_run, task_done, &tasks[i]) == 0);
	}
	gate_set(1);
	CHECK(collect(w, 11));
	for (i = 0; i < 10; i++) {
		CHECK(order[i] == i && tasks[i].outcome == (i < 3 ? i : -1));
		CHECK(tasks[i].blocked == (i <= 3));		/* was it run? */
	}
	CHECK(writer_put(w, task_run, task_done, &tasks[10]) == 0);
	CHECK(collect(w, 1) && tasks[10].outcome == -1 && !tasks[10].blocked);
	ended(w);
}

static void
put_refused(void *arg, int result)
{
	struct task *t = arg;

	task_done(t, result);
	CHECK(writer_put(t->writer, task_run, task_done, t + 1) == -1 && errno == ECANCELED);
}

static void
freeing_waits_for_all_that_is_put(void)
{
	struct writer	*w = begun();
	int		 i;

	gate_set(0);
	CHECK(writer_put(w, gate_wait, NULL, NULL) == 0);
	for (i = 0; i < 100; i++) {
		tasks[i].result = i;
		tasks[i].writer = w;
		CHECK(writer_put(w, task_run, i == 99 ? put_refused : task_done, &tasks[i]) == 0);
	}
	gate_set(1);
	ended(w);
	CHECK(norder == 100);
	for (i = 0; i < 100; i++)
		CHECK(order[i] == i && tasks[i].done == 1 && tasks[i].outcome == i);
	writer_free(NULL);
}

/* What one job writes the next one and the owner see: for the thread sanitizer. */
static int	 shared[64], touched;

static int
shared_run(void *arg)
{
	int *p = arg;

	*p += 1;
	return (*p);
}

static void
shared_done(void *arg, int result)
{
	int *p = arg;

	CHECK(*p >= result);
	touched += *p;
}

static void
what_a_job_did_is_seen_when_it_is_done(void)
{
	struct writer	*w = begun();
	int		 i, round;

	for (round = 0; round < 50; round++) {
		for (i = 0; i < 64; i++)
			CHECK(writer_put(w, shared_run, shared_done, &shared[i]) == 0);
		CHECK(collect(w, 64));
	}
	for (i = 0; i < 64; i++)
		CHECK(shared[i] == 50);
	CHECK(touched > 0);
	ended(w);
}

static void
the_owners_signals_are_as_before(void)
{
	struct writer	*w;
	sigset_t	 before, after;
	int		 i, same = 1;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w = begun();
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (i = 1; i < 32; i++)
		same = same && sigismember(&before, i) == sigismember(&after, i);
	CHECK(same);
	ended(w);
}

int
main(void)
{
	RUN(jobs_are_run_in_order_in_another_thread);
	RUN(nothing_is_done_outside_collect);
	RUN(a_wake_that_is_full_does_not_block);
	RUN(done_may_put_another_job);
	RUN(after_a_failure_no_job_is_run);
	RUN(freeing_waits_for_all_that_is_put);
	RUN(what_a_job_did_is_seen_when_it_is_done);
	RUN(the_owners_signals_are_as_before);
	DONE();
}
