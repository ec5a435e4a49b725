/*
 * loop: the one poll loop of a worker.
 *
 * A worker goes through phases, one after the other; each has one function that
 * says whether it is over.  What nng's threads and signals have to tell comes as
 * a byte in the wake pipe.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define HEADER_MS	5		/* look again for what another subtask has to do */
#define LEAVE_MS	10000		/* for an upstream to take our last credit */
#define SIGNALS_MAX	100

enum phase {
	CONNECTING_OUT,		/* a source: its consumers come first */
	CONNECTING,		/* links to all upstreams, and their stream frames */
	OPENING,		/* the stage's open() */
	ANNOUNCING,		/* consumers connect, get our stream frame, credit 0 */
	RUNNING,
	ENDING,			/* the stage's end() */
	STANDING_BY,		/* in a job: barriers still come until it is done */
	DRAINING,		/* our ends wait to be credited */
	LEAVING,		/* our last credit waits for the upstream to close */
	LEFT
};

struct loop {
	enum phase	 phase;
	struct polls	 polls;
	int64_t		 now;
	int64_t		 wait_until;	/* a source waits; NEVER: not for a time */
	int		 waiting;	/* until then, or until its descriptor is ready */
	int		 announced, ended, finished;
	int64_t		 busy_ms;		/* when a frame was taken last */
	int64_t		 timer_ms;		/* of weir_wait_ms(), not a source's; NEVER */
	int		 ready;			/* what is watched, or the timer */
	int		 answered;		/* ready() has emitted what is not sent */
	enum frame_why	 why;
	int64_t		 leave_ms;
	struct weir	*w;
};

static volatile sig_atomic_t	 signalled;
static int			 signal_fd = -1;

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

int
polls_add(struct polls *p, int fd, short events)
{
	struct pollfd *list;

	if (p->n == p->room) {
		if ((list = realloc(p->fd, (p->room * 2 + 16) * sizeof(*list))) == NULL)
			return (-1);
		p->fd = list;
		p->room = p->room * 2 + 16;
	}
	p->fd[p->n].fd = fd;
	p->fd[p->n].events = events;
	p->fd[p->n++].revents = 0;
	return (0);
}

void
polls_until(struct polls *p, int64_t ms)
{
	if (ms != NEVER && (p->until_ms == NEVER || ms < p->until_ms))
		p->until_ms = ms;
}

/* The first signal asks for a stop; the handler is gone then, so that a second
 * has its default action, whatever we are blocked in. */
static void
signal_catch(int sig)
{
	int saved = errno;

	(void)sig;
	if (signalled < SIGNALS_MAX)
		signalled++;
	if (signal_fd != -1 && write(signal_fd, "", 1) == -1)
		errno = saved;
	errno = saved;
}

static char bus_text[sizeof(((struct weir *)0)->self) + 64];

static void
bus_catch(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, bus_text, strlen(bus_text)) == -1)
		_exit(WEIR_FAILED);
	_exit(WEIR_FAILED);
}

static void
signals_open(struct weir *w, unsigned flags)
{
	struct sigaction	sa;
	sigset_t		none;

	signal_fd = w->wake[1];
	snprintf(bus_text, sizeof(bus_text), "%s: shared memory of frames was cut off by "
	    "somebody\n", w->self);
	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = bus_catch;
	sigaction(SIGBUS, &sa, NULL);
	sa.sa_handler = signal_catch;
	sa.sa_flags = (int)flags;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void
loop_signals(struct weir *w)
{
	signals_open(w, (unsigned)SA_RESTART | (unsigned)SA_RESETHAND);
}

void
loop_signals_job(struct weir *w)
{
	signals_open(w, (unsigned)SA_RESTART);
}

int
loop_signalled(void)
{
	return (signalled);
}

static int
connect_out(struct loop *l)
{
	return (outlet_connect(l->w, l->now));
}

static int
connect_in(struct loop *l)
{
	struct weir	*w = l->w;
	int		 done;

	if (w->in == NULL) {
		w->keyed_in = 0;
		return (1);
	}
	if (w->out != NULL && outlet_serve(w) == -1)
		return (-1);
	if ((done = inlet_connect(w, l->now)) != 1)
		return (done);
	if ((w->stage->flags & WEIR_KEYED) && !w->keyed_in)
		return (weir_misuse(w, "the stream is not keyed; put 'weir keyby -k FIELD' "
		    "before me"));
	return (1);
}

/* WEIR_WAIT of a source: until its descriptor can be read, or a time. */
static void
source_wait(struct loop *l)
{
	l->waiting = 1;
	l->wait_until = l->w->wait_ms < 0 ? NEVER : l->now + l->w->wait_ms;
}

static int
source_waits(struct loop *l)
{
	struct pollfd pfd = { .fd = l->w->wait_fd, .events = POLLIN };

	if (l->waiting && (l->w->stop || l->w->quit ||
	    (l->wait_until != NEVER && l->now >= l->wait_until) ||
	    (pfd.fd != -1 && poll(&pfd, 1, 0) == 1)))
		l->waiting = 0;
	return (l->waiting);
}

static int
stage_open(struct loop *l)
{
	struct weir	*w = l->w;
	int		 done;

	if (source_waits(l))
		return (0);
	if (w->stage->flags & (WEIR_PASSES | WEIR_KEYS)) {
		w->separator = w->separator_in;
		if (line_set(w, &w->header, w->header_in.text, w->header_in.len) == -1 ||
		    line_set(w, &w->key, w->key_in.text, w->key_in.len) == -1)
			return (-1);
	}
	if ((done = outputs_open(w)) == WEIR_OK) {
		w->open = 1;
		if (w->stage->open != NULL)
			done = w->stage->open(w);
	}
	if (done == -1)
		return (-1);
	if (done == WEIR_WAIT) {
		source_wait(l);
		return (w->stop ? weir_error(w, "stopped before the first record") : 0);
	}
	return (handles_opened(w) == -1 || emit_arenas(w) == -1 ? -1 : 1);
}

static int
announce(struct loop *l)
{
	struct weir	*w = l->w;
	int		 closed, done;

	if ((closed = w->in != NULL ? inlet_close_loop(w, l->now) : 1) == -1)
		return (-1);
	if (w->out != NULL) {
		if (!l->announced) {
			if ((done = outlet_connect(w, l->now)) != 1)
				return (done);
			if (outlet_header_awaited(w)) {
				polls_until(&l->polls, l->now + HEADER_MS);
				return (0);
			}
			if (outlet_announce(w) == -1)
				return (-1);
			l->announced = 1;
		}
		if (outlet_serve(w) == -1)
			return (-1);
		if (!outlet_ready(w))
			return (0);
		/* all consumers have our arenas mapped: their names may go */
		for (done = 0; done < (int)w->atlas.n; done++)
			arena_unlink(w->atlas.arena[done]);
	}
	if (!closed)
		return (0);
	if (w->in != NULL && inlet_grant(w) == -1)
		return (-1);
	return (w->job != NULL && job_connected(w) == -1 ? -1 : 1);
}

/* A source's turn.  1: at its end; 2: it has done something; 0: it waits. */
static int
produce(struct loop *l)
{
	struct weir	*w = l->w;
	int64_t		 due;
	int		 ready, done;

	if (w->job != NULL && (done = w->job->running ? barriers_send(w) : 0) != 1)
		return (done);
	if (barrier_holds(w))
		return (0);
	if (w->stop || w->quit) {
		l->why = FRAME_STOPPED;
		return (1);
	}
	if ((ready = emit_ready(w)) != 1)
		return (ready == -1 || emit_flush(w) == -1 ? -1 : 0);
	done = WEIR_WAIT;
	if (!source_waits(l)) {
		w->wait_fd = w->wait_ms = -1;
		if ((done = w->stage->produce(w)) == -1)
			return (-1);
		l->now = now_ms();
		if (done == WEIR_WAIT)
			source_wait(l);
	}
	if (done != WEIR_OK && emit_pace(w, l->now, &due) == -1)
		return (-1);
	if (done == WEIR_OK) {
		l->why = FRAME_EOF;
		return (1);
	}
	polls_until(&l->polls, due);
	return (done == WEIR_MORE ? 2 : 0);
}

/* What ready() has emitted, a few records at a time.  1: it is sent, or may wait. */
static int
answers_go(struct loop *l)
{
	struct weir	*w = l->w;
	int64_t		 due;
	int		 got;

	if (!l->answered || w->out == NULL || unread(w))
		return (1);
	if ((got = emit_pace(w, l->now, &due)) != 1)
		return (got);
	polls_until(&l->polls, due);
	l->answered = due != NEVER;
	return (1);
}

static int
consume(struct loop *l)
{
	struct weir	*w = l->w;
	int		 got;

	/* an upstream may have heard before us that records flow */
	if (w->job != NULL && !w->job->running)
		return (0);
	/* what did not find a slot goes before anything new is taken */
	if (w->out != NULL && weir_full(w) && !unread(w) && (got = emit_flush(w)) != 1)
		return (got);
	if ((got = answers_go(l)) != 1)
		return (got);
	if (w->hand == NULL) {
		if (w->job != NULL && w->job->due != 0)
			return (barrier_due(w));
		if (barrier_holds(w))
			return (0);
		if ((got = inlet_take(w)) == -1)
			return (-1);
		if (got == 0) {
			if (w->job != NULL && w->job->due != 0)
				return (2);
			if ((got = inlet_ended(w)) == 0) {
				polls_until(&l->polls, inlet_silent_ms(w));
				return (0);
			}
			l->why = unread(w) ? FRAME_STOPPED : (enum frame_why)got;
			return (1);
		}
	}
	l->busy_ms = l->now;
	if ((got = inlet_process(w)) == -1)
		return (-1);
	if (inlet_credits(w, 0) == -1)
		return (-1);
	return (got != 0 ? 2 : 0);
}

static int
run_on(struct loop *l)
{
	struct weir *w = l->w;

	if (w->out != NULL && outlet_serve(w) == -1)
		return (-1);
	if (w->out != NULL && outlet_unwanted(w))
		w->quit = 1;
	if (w->quit && inlet_enough(w) == -1)
		return (-1);
	if (w->in != NULL && inlet_take_back(w) == -1)
		return (-1);
	return (w->in == NULL ? produce(l) : consume(l));
}

/* The stage's last words, then the ends behind them. */
static int
end(struct loop *l)
{
	struct weir	*w = l->w;
	int		 done;

	if (w->out != NULL && outlet_serve(w) == -1)
		return (-1);
	if (w->in != NULL && inlet_take_back(w) == -1)
		return (-1);
	if (!l->ended && w->out != NULL && !unread(w) && weir_full(w) &&
	    (done = emit_flush(w)) != 1)
		return (done);
	if (!l->ended && (done = answers_go(l)) != 1)
		return (done);
	if (!l->ended && w->stage->drain != NULL && (done = w->stage->drain(w)) != WEIR_OK)
		return (done == -1 ? -1 : 0);
	if (!l->ended && !unread(w) && l->why == FRAME_EOF && w->stage->end != NULL) {
		if ((done = w->stage->end(w)) == -1)
			return (-1);
		if (done != WEIR_OK)
			return (done == WEIR_WAIT ? 0 : 2);
	}
	l->ended = 1;
	if (w->out == NULL)
		return (1);
	if (!unread(w) && (done = emit_flush(w)) != 1)
		return (done);
	return (outlet_end(w, l->why) == -1 ? -1 : 1);
}

/* Its end is sent; in a job barriers still pass until all is done. */
static int
stand_by(struct loop *l)
{
	struct weir	*w = l->w;
	struct say	*s;
	int		 got;

	if (w->job == NULL)
		return (1);
	if (w->out != NULL && outlet_serve(w) == -1)
		return (-1);
	if (w->in == NULL) {
		if (!l->finished) {
			l->finished = 1;
			if ((s = calloc(1, sizeof(*s))) == NULL)
				return (weir_error(w, "%s", strerror(errno)));
			s->kind = SAY_FINISHED;
			got = job_say(w, s);
			free(s);
			if (got == -1)
				return (-1);
		}
		return (barriers_send(w) == -1 ? -1 : 0);
	}
	if (inlet_take_back(w) == -1)
		return (-1);
	if (w->job->due != 0)
		return (barrier_due(w));
	return (inlet_take(w) == -1 ? -1 : w->job->due != 0 ? 2 : 0);
}

static int
drain(struct loop *l)
{
	struct weir *w = l->w;

	if (w->out != NULL) {
		if (outlet_serve(w) == -1)
			return (-1);
		if (!outlet_done(w))
			return (0);
	}
	/* close() before the credit: an upstream may believe what it says */
	w->open = 0;
	if (w->stage->close != NULL && w->stage->close(w, 1) == -1)
		return (-1);
	l->leave_ms = l->now + LEAVE_MS;
	return (w->in != NULL && inlet_finish(w) == -1 ? -1 : 1);
}

static int
leave(struct loop *l)
{
	if (l->w->in == NULL || inlet_left(l->w) || l->now >= l->leave_ms)
		return (1);
	polls_until(&l->polls, l->leave_ms);
	return (inlet_credits(l->w, 1) == -1 ? -1 : 0);
}

/* 1: the phase is over; 2: it has done something, go on; 0: it waits; -1. */
static int
step(struct loop *l)
{
	static int (*const phases[])(struct loop *) = {
		[CONNECTING_OUT] = connect_out, [CONNECTING] = connect_in,
		[OPENING] = stage_open, [ANNOUNCING] = announce, [RUNNING] = run_on,
		[ENDING] = end, [STANDING_BY] = stand_by, [DRAINING] = drain, [LEAVING] = leave,
	};

	return (phases[l->phase](l));
}

/* In a job the coordinator speaks first: a neighbour's end may be everybody's. */
static int
job_check(struct loop *l)
{
	struct weir *w = l->w;

	if (job_serve(w, l->now) == -1)
		return (-1);
	if (w->job->done || w->job->broken)
		return (0);
	if (tend(w, l->now, l->busy_ms) == -1)
		return (-1);
	if (w->out != NULL && outlet_check(w) == -1)
		return (-1);
	return (w->in != NULL ? inlet_check(w) : 0);
}

/* Neighbours that are lost, a parent that died, a signal. */
static int
check(struct loop *l)
{
	struct weir	*w = l->w;
	struct pollfd	 pfd = { .fd = w->alive, .events = 0 };

	if (pfd.fd != -1 && poll(&pfd, 1, 0) == 1)
		_exit(WEIR_AGAIN);
	if (w->job != NULL)
		return (job_check(l));
	if (signalled && !w->stop) {
		w->stop = 1;
		if (l->phase < ANNOUNCING)
			return (weir_error(w, "interrupted before all were connected"));
		weir_debug(w, "a signal: %s", w->in == NULL ?
		    "I stop reading" : "I finish what still comes");
	}
	if (w->out != NULL && l->phase < LEAVING && outlet_check(w) == -1)
		return (-1);
	return (w->in != NULL && l->phase < LEAVING ? inlet_check(w) : 0);
}

/* ready() may be called. */
static int
stage_listens(const struct loop *l)
{
	return (l->w->stage->ready != NULL && l->phase >= RUNNING && l->phase <= ENDING);
}

static int
wait(struct loop *l, int64_t timeout)
{
	struct weir	*w = l->w;
	struct polls	*p = &l->polls;
	char		 sink[64];
	unsigned	 i, first, nwatch = stage_listens(l) ? w->nwatch : 0;
	int		 bad;

	p->n = 0;
	bad = polls_add(p, w->wake[0], POLLIN);
	first = p->n;
	for (i = 0; i < nwatch; i++)
		bad |= polls_add(p, w->watch[i].fd, w->watch[i].events);
	if (w->in != NULL && w->wait_ms >= 0) {
		l->timer_ms = l->now + w->wait_ms;
		w->wait_ms = -1;
	}
	polls_until(p, l->timer_ms);
	if (w->job != NULL)
		bad |= job_polls(w, p, l->now);
	if (w->alive != -1)
		bad |= polls_add(p, w->alive, 0);
	if (w->in != NULL)
		bad |= inlet_polls(w, p);
	if (w->out != NULL)
		bad |= outlet_polls(w, p);
	if (l->waiting) {
		if (w->wait_fd != -1)
			bad |= polls_add(p, w->wait_fd, POLLIN);
		polls_until(p, l->wait_until);
	}
	if (bad)
		return (weir_error(w, "%s", strerror(errno)));
	if (timeout == NEVER && p->until_ms != NEVER)
		timeout = p->until_ms > l->now ? p->until_ms - l->now : 0;
	if (poll(p->fd, p->n, timeout > 60000 ? 60000 : (int)timeout) == -1 && errno != EINTR)
		return (weir_error(w, "poll: %s", strerror(errno)));
	if (p->fd[0].revents != 0 && read(w->wake[0], sink, sizeof(sink)) == -1 &&
	    errno != EAGAIN)
		return (weir_error(w, "poll: %s", strerror(errno)));
	for (i = 0; i < nwatch; i++)
		l->ready |= p->fd[first + i].revents != 0;
	return (0);
}

/* What the stage waited for is there. */
static int
stage_ready(struct loop *l)
{
	struct weir *w = l->w;

	if (l->timer_ms != NEVER && l->now >= l->timer_ms) {
		l->timer_ms = NEVER;
		l->ready = 1;
	}
	if (!l->ready || !stage_listens(l))
		return (0);
	l->ready = 0;
	l->answered = 1;
	return (w->stage->ready(w));
}

/* The job is done: all is committed. */
static int
job_close(struct weir *w)
{
	if (!w->open)
		return (0);
	w->open = 0;
	return (w->stage->close != NULL ? w->stage->close(w, 1) : 0);
}

int
loop_run(struct weir *w)
{
	struct loop	 l = { .w = w, .why = FRAME_EOF, .wait_until = NEVER, .timer_ms = NEVER };
	int		 done;

	l.phase = w->in == NULL ? CONNECTING_OUT : CONNECTING;
	for (done = 0; done != -1 && l.phase < LEFT;) {
		l.now = now_ms();
		l.polls.until_ms = NEVER;
		done = stage_ready(&l);
		if (done == 0 && (w->job == NULL || !w->job->broken) && (done = step(&l)) == 1) {
			l.phase++;
			continue;
		}
		if (done == -1 && w->job != NULL && w->job->broken && w->status == 0)
			done = 0;
		/* before we wait, nobody shall wait for us */
		if (done == 0 && w->in != NULL && l.phase > ANNOUNCING && l.phase < LEAVING &&
		    inlet_credits(w, 1) == -1 && w->status != 0)
			done = -1;
		if (done != -1 && check(&l) == -1)
			done = w->job != NULL && w->job->broken && w->status == 0 ? 0 : -1;
		if (done != -1 && w->job != NULL && w->job->done) {
			done = job_close(w);
			break;
		}
		if (done == 0 && w->job != NULL && w->job->news)
			done = 2;
		if (w->job != NULL)
			w->job->news = 0;
		if (done != -1 && wait(&l, done == 2 ? 0 : NEVER) == -1)
			done = -1;
	}
	free(l.polls.fd);
	return (done == -1 ? -1 : 0);
}
