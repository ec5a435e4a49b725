/*
 * main: the life of a program.
 *
 * Options and operands are checked first, so that a mistake costs nothing; then
 * the wiring; then this process becomes the one worker of the stage, or the
 * supervisor of several.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

#define FILES_MIN	64U		/* descriptors; some 28, and 8 for each further link */
#define FILES_MOST	4096

#ifndef VERSION
#define VERSION "0"
#endif

void
weir_version(FILE *f)
{
	fprintf(f, "weir %s\n%s\n", VERSION, io_versions());
}

/* A descriptor 0, 1 or 2 that is closed would be given to the next file: put
 * something there that fails when it is used. */
static void
descriptors_fill(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
			return;
}

static int
standard_closed(struct weir *w)
{
	/* asked before the holes are filled */
	if (fcntl(STDOUT_FILENO, F_GETFD) == -1 && !(w->stage->flags & WEIR_SINK) &&
	    w->set.noutputs == 0)
		return (weir_misuse(w, "standard output is closed; give me -o or a pipe"));
	if (fcntl(STDIN_FILENO, F_GETFD) == -1 && w->stage->produce == NULL &&
	    w->set.ninputs == 0)
		return (weir_misuse(w, "standard input is closed; put 'weir source' before me"));
	return (0);
}

/* Where a link finds no descriptor nng tries again for ever, and says nothing.
 * 128 links take some thousand: the usual soft limit is too low, the hard one not. */
static int
files_check(struct weir *w)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (0);
	if (rl.rlim_cur < FILES_MOST && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max < FILES_MOST ? rl.rlim_max : FILES_MOST;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (rl.rlim_cur < FILES_MIN)
		return (weir_misuse(w, "only %u files may be open at a time (ulimit -n), and I "
		    "need %u", (unsigned)rl.rlim_cur, FILES_MIN));
	return (0);
}

static int
stage_check(struct weir *w)
{
	const struct weir_stage	*s = w->stage;
	int			 ways;

	ways = (s->produce != NULL) + (s->record != NULL) + (s->batch != NULL);
	if (s->abi != WEIR_ABI)
		return (weir_misuse(w, "built for version %d of weir.h, this library has %d; "
		    "compile it again", s->abi, WEIR_ABI));
	if (s->name == NULL || !name_ok(s->name) || ways > 1 ||
	    (ways == 0 && s->text == NULL))
		return (weir_misuse(w, "a stage needs a name, and one of produce, record, batch "
		    "and text"));
	return (0);
}

/* NAME.I is a subtask; their supervisor is the stage. */
static void
self_name(struct weir *w, int subtask)
{
	if (subtask)
		snprintf(w->self, sizeof(w->self), "%s.%u", w->set.name, w->subtask);
	else
		strlcpy(w->self, w->set.name, sizeof(w->self));
	log_open(w->self, w->set.quiet ? LOG_ERROR : w->set.verbose ? LOG_DEBUG : LOG_WARN);
}

static int
wake_open(struct weir *w)
{
	if (pipe(w->wake) == -1)
		return (weir_error(w, "pipe: %s", strerror(errno)));
	fcntl(w->wake[0], F_SETFD, FD_CLOEXEC);
	fcntl(w->wake[1], F_SETFD, FD_CLOEXEC);
	fcntl(w->wake[0], F_SETFL, O_NONBLOCK);
	fcntl(w->wake[1], F_SETFL, O_NONBLOCK);
	return (0);
}

static int
rundir_make(struct weir *w)
{
	char why[256];

	if ((w->dir = rundir_create(w->set.name, why, sizeof(why))) == NULL)
		return (weir_error(w, "run directory %s", why));
	return (0);
}

/* As a subtask of a job.  Nothing can be opened before the attempt is known, and
 * what was there before is restored before the stage is opened. */
static int
work_job(struct weir *w)
{
	if (job_open(w) == -1 || job_enter(w) == -1)
		return (-1);
	if (w->job->done)
		return (0);
	if (report_open(w) == -1 || outlet_open(w) == -1 || inlet_open(w) == -1)
		return (-1);
	return (loop_run(w));
}

/* As a worker: door, address lines, inputs, and then the loop.  nng's threads
 * inherit the signal mask: signals are ours alone. */
static int
work(struct weir *w, int subtask)
{
	sigset_t all;
	char	 why[256];

	if (w->set.copy)
		pages_keep();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (threads_check(why, sizeof(why)) == -1)
		return (weir_error(w, "%s", why));
	if (emit_open(w) == -1 || handles_open(w) == -1)
		return (-1);
	if (w->set.job != NULL) {
		loop_signals_job(w);
		return (work_job(w));
	}
	if (report_open(w) == -1 || outlet_open(w) == -1)
		return (-1);
	if (!subtask) {
		loop_signals(w);
		if (wiring_announce(w) == -1 || wiring_inputs(w) == -1 || circle_check(w) == -1)
			return (-1);
		sigprocmask(SIG_SETMASK, &all, NULL);
	}
	if (inlet_open(w) == -1)
		return (-1);
	loop_signals(w);
	return (loop_run(w));
}

/* The writer may be in the middle of something that waits: it is not waited for.
 * What it has not made durable was not acknowledged. */
static void
job_leave(struct weir *w)
{
	unsigned i;

	/* of two stages with one name nobody would know which has spoken: the
	 * coordinator does */
	if (w->sentence[0] != '\0' && !(w->clash && job_say_failed(w))) {
		log_say(LOG_ERROR, "%s", w->sentence);
		if (w->status != WEIR_AGAIN)
			job_say_failed(w);
	}
	if (w->status != WEIR_AGAIN && w->open && w->stage->close != NULL)
		w->stage->close(w, 0);
	for (i = 0; i < w->atlas.n; i++)
		arena_unlink(w->atlas.arena[i]);
	_exit(w->status);
}

static void
job_clean(struct weir *w)
{
	struct job *j = w->job;

	if (j == NULL)
		return;
	writer_free(j->writer);
	j->writer = NULL;
	tend_end(w);
	snapshot_free(w);
	journals_close(w);
	parts_free(w);
	jobfile_free(&j->file);
	control_close(j->control);
	stagedir_close(j->stage);
	free(j);
	w->job = NULL;
}

static void
clean(struct weir *w)
{
	if (w->open && w->stage->close != NULL)
		w->stage->close(w, 0);
	report_close(w);
	if (w->hand != NULL && w->status != 0)
		inframe_unref(w, w->hand);
	outlet_close(w);
	inlet_close(w->in);
	emit_close(w->emit);
	job_clean(w);
	outputs_free(w);
	collections_close(w);
	handles_close(w->handles);
	atlas_free(&w->atlas);
	rundir_close(w->dir);
	jobdir_close(w->jobdir);
	free(w->header_in.text);
	free(w->header.text);
	free(w->key_in.text);
	free(w->key.text);
}

/* A descriptor that our parent kept open for us; -1. */
static int
descriptor_take(const char *name)
{
	const char	*s = getenv(name);
	int		 fd = s != NULL ? atoi(s) : -1;

	unsetenv(name);
	if (fd != -1 && fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return (-1);
	return (fd);
}

/* A subtask: its number and the wiring come from the supervisor. */
static int
subtask_run(struct weir *w, const char *number)
{
	const char *run = getenv("WEIR_RUN");

	w->subtask = (unsigned)atoi(number);
	w->alive = descriptor_take("WEIR_ALIVE");
	w->registered = descriptor_take("WEIR_REGISTERED");
	self_name(w, w->set.job == NULL || w->set.parallelism > 1);
	if (w->set.job == NULL && (run == NULL || (w->dir = rundir_open(run)) == NULL))
		return (weir_error(w, "WEIR_SUBTASK is set, but WEIR_RUN names no directory"));
	wiring_import(w);
	return (work(w, 1));
}

static int
stage_run(struct weir *w, char *argv[])
{
	const char	*number = getenv("WEIR_SUBTASK");
	unsigned	 i;
	int		 links = w->stage->produce == NULL;

	if (number != NULL) {
		unsetenv("WEIR_SUBTASK");
		return (subtask_run(w, number));
	}
	if (wiring_outputs(w) == -1)
		return (-1);
	if (w->set.job != NULL) {
		if (job_open(w) == -1 || supervise_lock(w) == -1 || wiring_announce(w) == -1 ||
		    wiring_inputs(w) == -1)
			return (-1);
		w->status = supervise(w, argv);
		return (w->status == WEIR_DONE ? 0 : -1);
	}
	for (i = 0; i < w->wiring.nout; i++)
		links |= w->wiring.out[i].kind != WIRE_TEXT;
	if ((links || w->set.parallelism > 1) && rundir_make(w) == -1)
		return (-1);
	if (w->set.parallelism == 1)
		return (work(w, 0));
	if (wiring_announce(w) == -1 || wiring_inputs(w) == -1 || circle_check(w) == -1)
		return (-1);
	w->status = supervise(w, argv);
	return (w->status == WEIR_DONE ? 0 : -1);
}

int
weir_main(int argc, char *argv[], const struct weir_stage *stage)
{
	struct weir	w;
	int		first, done;

	memset(&w, 0, sizeof(w));
	w.stage = stage;
	w.set.name = stage->name;
	w.set.parallelism = 1;
	w.alive = w.registered = w.wait_fd = w.wait_ms = -1;
	if ((w.set.job = getenv("WEIR_JOB")) != NULL && w.set.job[0] == '\0')
		w.set.job = NULL;
	w.wake[0] = w.wake[1] = -1;
	w.keyed_in = -1;
	w.separator = w.separator_in = '\t';
	w.record_max = 1U << 20;
	w.linger_ms = 10;
	w.memory_bytes = 256U << 20;
	log_open(stage->name != NULL ? stage->name : "weir", LOG_WARN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a write over the limit fails with EFBIG */

	done = stage_check(&w);
	if (done == 0)
		done = options_parse(&w, argc, argv, &first);
	if (done == 0) {
		self_name(&w, 0);
		done = standard_closed(&w);
		descriptors_fill();
		if (done == 0 && (files_check(&w) == -1 || wake_open(&w) == -1 ||
		    (stage->setup != NULL &&
		    stage->setup(&w, argc - first, argv + first) == -1) ||
		    stage_run(&w, argv) == -1))
			done = -1;
		if (w.set.job == NULL || w.status == 0)
			clean(&w);
	}
	if (w.set.job != NULL && w.status != 0)
		job_leave(&w);
	if (w.sentence[0] != '\0')
		log_say(LOG_ERROR, "%s", w.sentence);
	if (done == 1 && fflush(stdout) == EOF)
		return (WEIR_FAILED);
	return (done == -1 ? w.status != 0 ? w.status : WEIR_FAILED : w.status);
}

int
weir_keyed(const struct weir *w)
{
	return (w->keyed_in == 1);
}

int
weir_separator(const struct weir *w)
{
	return (w->separator_in);
}

void
weir_set_separator(struct weir *w, int separator)
{
	w->separator = separator;
}

int
line_set(struct weir *w, struct line *l, const char *text, size_t len)
{
	char *copy = NULL;

	if (text != NULL && (copy = malloc(len + 1)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	free(l->text);
	l->text = copy;
	l->len = 0;
	if (copy != NULL) {
		memcpy(copy, text, len);
		copy[len] = '\0';
		l->len = len;
	}
	return (0);
}

const char *
weir_header(const struct weir *w, size_t *len)
{
	*len = w->header_in.len;
	return (w->header_in.text);
}

int
weir_set_header(struct weir *w, const char *line, size_t len)
{
	return (line_set(w, &w->header, line, len));
}

const char *
weir_key_header(const struct weir *w, size_t *len)
{
	*len = w->key_in.len;
	return (w->key_in.text);
}

int
weir_set_key_header(struct weir *w, const char *line, size_t len)
{
	return (line_set(w, &w->key, line, len));
}

const char *
weir_name(const struct weir *w)
{
	return (w->set.name);
}

unsigned
weir_subtask(const struct weir *w)
{
	return (w->subtask);
}

unsigned
weir_parallelism(const struct weir *w)
{
	return (w->set.parallelism);
}

const char *
weir_tag(const struct weir *w)
{
	return (inlet_tag(w));
}

int
weir_job(const struct weir *w)
{
	return (w->set.job != NULL);
}

int64_t
weir_triggered(const struct weir *w)
{
	return (w->job != NULL ? (int64_t)w->job->triggered_ms : 0);
}

int
weir_watch(struct weir *w, int fd, short events)
{
	unsigned i;

	for (i = 0; i < w->nwatch && w->watch[i].fd != fd; i++)
		;
	if (events == 0) {
		if (i < w->nwatch)
			w->watch[i] = w->watch[--w->nwatch];
		return (0);
	}
	if (i == WATCH_MAX)
		return (weir_error(w, "more than %d descriptors to be watched", WATCH_MAX));
	w->watch[i].fd = fd;
	w->watch[i].events = events;
	if (i == w->nwatch)
		w->nwatch++;
	return (0);
}

int
weir_stopped(const struct weir *w)
{
	return (w->stop);
}

void
weir_limit(struct weir *w, size_t bytes)
{
	w->record_max = bytes > RECORD_MAX ? RECORD_MAX : bytes;
}

size_t
weir_record_max(const struct weir *w)
{
	return ((size_t)w->record_max);
}

void
weir_linger(struct weir *w, uint64_t ms)
{
	w->linger_ms = ms;
}

void
weir_wait_fd(struct weir *w, int fd)
{
	w->wait_fd = fd;
}

void
weir_wait_ms(struct weir *w, int ms)
{
	w->wait_ms = ms;
}

void
weir_records(struct weir *w)
{
	w->records = 1;
}

void
weir_quit(struct weir *w)
{
	w->quit = 1;
}

/* In a job others may want more, or the next run's reader: its state is that of all
 * records, up to where the sources end. */
int
unread(const struct weir *w)
{
	return (w->quit && w->job == NULL);
}
