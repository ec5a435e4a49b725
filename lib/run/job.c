/*
 * job: a subtask's line to the coordinator, and what its views ask.
 *
 * A view is level-triggered: member (lib/rules) says what is new in it.  The end
 * of the line is the coordinator's death: the process leaves with WEIR_AGAIN, as
 * it does for a newer attempt, and comes back by way of its supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

#define LOOK_MS		20		/* how often a coordinator is looked for */
#define SAY_MS		3000		/* then it is said that there is none */
#define ASLEEP_MS	2000		/* between two turns: longer than any wait */
#define GOODBYE_MS	1000		/* for a last word to go out */
#define BROKEN_MS	2000		/* for the coordinator to hear of a death */

uint32_t
job_attempt(const struct weir *w)
{
	return (w->job != NULL ? w->job->m.attempt : 0);
}

int
job_again(struct weir *w)
{
	if (w->status == 0)
		w->status = WEIR_AGAIN;
	return (-1);
}

/* Look for the job once.  1: found; 0: not there yet; -1. */
static int
job_look(struct weir *w)
{
	char why[PATH_MAX + 512];

	if (w->jobdir == NULL &&
	    (w->jobdir = jobdir_open(w->set.job, 0, why, sizeof(why))) == NULL) {
		if (errno == ENOENT)
			return (0);
		return (jobdir_status(errno) == WEIR_USAGE ? weir_misuse(w, "%s", why) :
		    weir_error(w, "%s", why));
	}
	if (!jobdir_begun(w->jobdir))
		return (0);
	if ((w->dir = jobdir_run_join(w->jobdir)) != NULL)
		return (1);
	return (errno == ENOENT ? 0 : weir_error(w, "%s", jobdir_error(w->jobdir)));
}

int
run_alive(void)
{
	const char *number = getenv("WEIR_RUN_ALIVE");
	int	    fd = number != NULL ? atoi(number) : -1;

	/* a program between us may have closed it */
	return (fd > STDERR_FILENO && fcntl(fd, F_GETFD) != -1 ? fd : -1);
}

int
job_open(struct weir *w)
{
	struct pollfd	 above = { .fd = w->alive != -1 ? w->alive : run_alive() };
	int64_t		 since = now_ms();
	int		 found, said = 0;

	while ((found = job_look(w)) == 0) {
		if (!said && now_ms() > since + SAY_MS) {
			said = 1;
			weir_warn(w, "%s: no coordinator is there; 'weir run' starts one, or "
			    "'weir checkpointd -j %s'", w->set.job, w->set.job);
		}
		if (poll(&above, 1, LOOK_MS) > 0 || now_ms() > since + JOB_TIMEOUT_MS)
			return (job_again(w));
	}
	return (found == 1 ? 0 : -1);
}

int
job_say(struct weir *w, struct say *s)
{
	s->attempt = w->job->m.attempt;
	if (control_say(w->job->control, s) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

int
job_connected(struct weir *w)
{
	struct say *s;
	int	    r;

	if (w->job->connected)
		return (0);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	w->job->connected = 1;
	STEP("connected-begin");
	s->kind = SAY_CONNECTED;
	r = job_say(w, s);
	free(s);
	return (r);
}

/* A last word, by a line of its own where there is none: nothing shall hang on it.
 * 1: it has gone out. */
int
job_say_failed(struct weir *w)
{
	char		 path[PATH_MAX];
	struct control	*c = w->job != NULL ? w->job->control : NULL;
	struct pollfd	 pfd;
	struct say	*s;
	int64_t		 until = now_ms() + GOODBYE_MS;
	int		 sent = 0;

	/* a mistake in the options may be older than our knowledge of the job */
	if ((w->dir == NULL && job_look(w) != 1) || (s = calloc(1, sizeof(*s))) == NULL)
		return (0);
	snprintf(path, sizeof(path), "%s/control", rundir_path(w->dir));
	s->kind = SAY_FAILED;
	s->attempt = job_attempt(w);
	s->status = w->status;
	s->subtask = w->subtask;
	strlcpy(s->stage.name, w->set.name, sizeof(s->stage.name));
	s->stage.parallelism = w->set.parallelism;
	strlcpy(s->why, w->sentence, sizeof(s->why));
	if ((c != NULL || (c = control_dial(path)) != NULL) && control_say(c, s) == 0)
		while (control_work(c) == 0 && (sent = control_queued(c) == 0) == 0 &&
		    now_ms() < until) {
			pfd.fd = control_fd(c);
			pfd.events = control_events(c);
			poll(&pfd, 1, (int)GOODBYE_MS);
		}
	if (w->job == NULL || c != w->job->control)
		control_close(c);
	free(s);
	return (sent);
}

/*
 * What the coordinator says.
 */

static int
view_apply(struct weir *w, const struct view *v)
{
	struct job	*j = w->job;
	unsigned	 todo, i;

	todo = member_view(&j->m, v);
	j->state = v->state;
	STEP("view-come");
	if (todo & MEMBER_LEAVE)
		j->done = 1;
	if (todo & MEMBER_FAIL) {
		if (w->status == 0)
			w->status = WEIR_FAILED;	/* the coordinator has said why */
		return (-1);
	}
	if (todo & MEMBER_AGAIN)
		return (job_again(w));
	if (!j->m.joined || todo == MEMBER_LEAVE)
		return (0);
	if (todo & MEMBER_RUN)
		j->running = 1;
	if ((todo & MEMBER_STOP) || (v->stop && !j->m.source && j->running))
		w->stop = 1;
	if (todo & MEMBER_BARRIER)
		for (i = 0; i < j->m.nbarrier && j->nbarrier < VIEW_PENDING; i++)
			j->barrier[j->nbarrier++] = j->m.barrier[i];
	if (w->in != NULL)
		inlet_view(w);
	/* what was restored is complete as well: its notice may have been lost */
	if ((todo & MEMBER_COMMIT || ((todo & MEMBER_RUN) && j->m.completed != 0)) &&
	    snapshot_commit(w, j->m.completed) == -1)
		return (-1);
	return (snapshot_view(w));
}

static int
tell_take(struct weir *w)
{
	struct job	*j = w->job;
	struct tell	*t = &j->told;

	switch (t->kind) {
	case TELL_WELCOME:
		j->welcome = 1;
		j->m.attempt = t->attempt;
		j->at_least_once = t->at_least_once;
		j->checkpoints = t->checkpoints;
		j->memory_backend = t->memory_backend;
		j->concurrent = t->concurrent;
		j->groups = t->groups;
		j->feedback = t->feedback;
		j->loop_wait_ms = t->loop_wait_ms;
		break;
	case TELL_REFUSED:
		return (t->status == WEIR_USAGE ? weir_misuse(w, "%s", t->why) :
		    weir_error(w, "%s", t->why));
	case TELL_VIEW:
		j->news = 1;
		if (j->welcome)
			return (view_apply(w, &t->view));
		break;
	case TELL_BEAT:
		break;
	}
	return (0);
}

int
job_hear(struct weir *w)
{
	struct job	*j = w->job;
	int		 got, broken;

	broken = control_work(j->control) == -1;
	while ((got = control_hear_tell(j->control, &j->told)) == 1) {
		j->heard_ms = now_ms();
		if (tell_take(w) == -1)
			return (-1);
		if (j->done)
			return (0);
	}
	if (got == -1) {
		weir_debug(w, "the coordinator was not understood");
		return (job_again(w));
	}
	if (broken) {
		weir_debug(w, "the coordinator has gone");
		return (job_again(w));
	}
	return (0);
}

static int
beat(struct weir *w, int64_t now)
{
	struct job	*j = w->job;
	struct say	*s;
	int		 r;

	if (now < j->beat_ms + JOB_BEAT_MS)
		return (0);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	j->beat_ms = now;
	s->kind = SAY_BEAT;
	s->seen = j->seen;
	s->aligning = w->in != NULL ? inlet_aligning(w) : 0;
	s->writing = snapshot_writing(w);
	r = job_say(w, s);
	free(s);
	return (r);
}

/* From within a callback that takes long. */
int
job_alive(struct weir *w)
{
	if (w->job == NULL || beat(w, now_ms()) == -1)
		return (w->job == NULL ? 0 : -1);
	if (control_queued(w->job->control) > 0)
		control_work(w->job->control);
	return (0);
}

/* Signals: a source asks for a stop, and at the second for the end; the others go
 * on until the view says so. */
static int
signals(struct weir *w)
{
	struct job	*j = w->job;
	struct say	*s;
	int		 r = 0;

	if (w->in != NULL || w->stage->produce == NULL || loop_signalled() <= j->stops)
		return (0);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	for (; j->stops < loop_signalled() && r == 0; j->stops++) {
		s->kind = j->stops == 0 ? SAY_STOP : SAY_CANCEL;
		r = job_say(w, s);
	}
	free(s);
	return (r);
}

/* We were stopped (Ctrl-Z), and so, it may be, was the coordinator: its silence
 * begins anew. */
static void
silence_forgive(struct job *j, int64_t now)
{
	if (j->served_ms != 0 && now > j->served_ms + ASLEEP_MS)
		j->heard_ms += now - j->served_ms;
	j->served_ms = now;
}

/* A link has broken and nobody has died: the attempt ends all the same. */
static int64_t
broken_until(const struct job *j)
{
	return (j->broken && (j->state == JOB_GATHERING || j->state == JOB_RUNNING) ?
	    j->broken_ms + BROKEN_MS : NEVER);
}

int
job_serve(struct weir *w, int64_t now)
{
	struct job *j = w->job;

	writer_collect(j->writer);
	if (w->status != 0)
		return (-1);
	if (job_hear(w) == -1)
		return (-1);
	if (j->done)
		return (0);
	if (beat(w, now) == -1 || signals(w) == -1)
		return (-1);
	silence_forgive(j, now);
	if (now > j->heard_ms + JOB_TIMEOUT_MS) {
		weir_warn(w, "the coordinator has said nothing for %d s: I start anew",
		    JOB_TIMEOUT_MS / 1000);
		return (job_again(w));
	}
	if (broken_until(j) != NEVER && now >= broken_until(j)) {
		weir_warn(w, "a link has broken, and all live: I start anew");
		return (job_again(w));
	}
	/* what was just said goes before we wait */
	if (control_queued(j->control) > 0)
		control_work(j->control);
	return (0);
}

int
job_polls(struct weir *w, struct polls *p, int64_t now)
{
	struct job *j = w->job;

	polls_until(p, j->beat_ms + JOB_BEAT_MS > now ? j->beat_ms + JOB_BEAT_MS : now);
	polls_until(p, j->heard_ms + JOB_TIMEOUT_MS + 1);
	polls_until(p, broken_until(j));
	return (polls_add(p, control_fd(j->control), control_events(j->control)));
}
