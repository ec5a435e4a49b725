/*
 * enter: how a subtask comes to its attempt.
 *
 * There is one way to start and it is the way to recover: lock the stage's
 * directory, register, be told attempt and checkpoint, restore.  Only then doors
 * are opened and links made: their names hold the attempt.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

#define LOCK_MS		10000		/* for a dying predecessor */
#define LOCK_LOOK_MS	5

/* Wait for the control line, or ms; the supervisor's death ends us. */
static void
pause_for(struct weir *w, int fd, short events, int ms)
{
	struct pollfd pfd[3] = {
		{ w->alive, 0, 0 }, { fd, events, 0 }, { w->wake[0], POLLIN, 0 },
	};
	char sink[64];

	if (poll(pfd, 3, ms) <= 0)
		return;
	if (pfd[0].revents != 0)
		_exit(WEIR_AGAIN);
	if (pfd[2].revents != 0 && read(w->wake[0], sink, sizeof(sink)) == -1)
		return;
}

static int
stage_lock(struct weir *w)
{
	struct job	*j = w->job;
	int64_t		 deadline = now_ms() + LOCK_MS;
	char		 why[PATH_MAX + 512];
	int		 got;

	j->stage = stagedir_open(w->jobdir, w->set.name, w->subtask, why, sizeof(why));
	if (j->stage == NULL)
		return (jobdir_status(errno) == WEIR_USAGE ? weir_misuse(w, "%s", why) :
		    weir_error(w, "%s", why));
	while ((got = stagedir_lock(j->stage, now_ms(), deadline)) == 0)
		pause_for(w, -1, 0, LOCK_LOOK_MS);
	if (got == 1)
		return (0);
	return (jobdir_status(errno) == WEIR_USAGE ? weir_misuse(w, "%s", stagedir_error(j->stage)) :
	    weir_error(w, "%s", stagedir_error(j->stage)));
}

/* The names of our inputs: RUN/NAME is what an address line says. */
static int
inputs_name(struct weir *w, struct topology_stage *s)
{
	const char	*base, *slash;
	unsigned	 i;

	for (i = 0; i < w->wiring.nin; i++) {
		base = w->wiring.in[i].base;
		if (strstr(base, "://") != NULL)
			return (weir_misuse(w, "-i %s: a link over the network has no place in a "
			    "job", base));
		slash = strrchr(base, '/');
		strlcpy(s->input[s->ninputs++], slash != NULL ? slash + 1 : base,
		    sizeof(s->input[0]));
	}
	return (0);
}

static int
knock(struct weir *w)
{
	struct job	*j = w->job;
	char		 path[PATH_MAX];
	struct say	*s;
	unsigned	 i;
	int		 r;

	snprintf(path, sizeof(path), "%s/control", rundir_path(w->dir));
	if ((j->control = control_dial(path)) == NULL) {
		if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
			return (job_again(w));
		return (weir_error(w, "%s: %s", path, strerror(errno)));
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	s->kind = SAY_REGISTER;
	s->subtask = w->subtask;
	snprintf(s->nonce, sizeof(s->nonce), "%08x%08x", arc4random(), arc4random());
	strlcpy(s->stage.name, w->set.name, sizeof(s->stage.name));
	s->stage.parallelism = w->set.parallelism;
	s->stage.source = w->stage->produce != NULL;
	for (i = 0; i < w->wiring.nout; i++)
		s->stage.outputs += w->wiring.out[i].kind != WIRE_TEXT;
	r = inputs_name(w, &s->stage) == -1 || job_say(w, s) == -1 ? -1 : 0;
	free(s);
	j->m.source = w->stage->produce != NULL;
	return (r);
}

/* Until the first view of our attempt. */
static int
attempt_await(struct weir *w)
{
	struct job *j = w->job;

	j->heard_ms = now_ms();
	while (!j->m.joined) {
		pause_for(w, control_fd(j->control), control_events(j->control), JOB_BEAT_MS);
		if (job_serve(w, now_ms()) == -1)
			return (-1);
		if (j->done)
			return (0);
		if (j->welcome && w->registered != -1) {
			if (write(w->registered, "", 1) == -1)
				weir_debug(w, "supervisor: %s", strerror(errno));
			close(w->registered);
			w->registered = -1;
		}
	}
	return (0);
}

/* What a checkpoint has of this subtask; NULL: nothing. */
static const struct jobfile_subtask *
share_find(const struct weir *w, const struct jobfile_checkpoint *c)
{
	size_t i;

	for (i = 0; i < c->nsubtasks; i++)
		if (strcmp(c->subtask[i].stage, w->set.name) == 0 &&
		    c->subtask[i].subtask == w->subtask)
			return (&c->subtask[i]);
	return (NULL);
}

/* job.json stays as it is until we are connected: no checkpoint is under way. */
static int
share_read(struct weir *w)
{
	struct job	*j = w->job;
	size_t		 i;

	if (j->m.restore == 0)
		return (0);
	switch (jobdir_read(w->jobdir, &j->file)) {
	case 0:
		return (weir_misuse(w, "%sjob.json has gone", jobdir_path(w->jobdir)));
	case -1:
		return (jobdir_status(errno) == WEIR_USAGE ?
		    weir_misuse(w, "%s", jobdir_error(w->jobdir)) :
		    weir_error(w, "%s", jobdir_error(w->jobdir)));
	}
	for (i = 0; i < j->file.ncheckpoints; i++)
		if (j->file.checkpoint[i].id == j->m.restore) {
			j->restored = share_find(w, &j->file.checkpoint[i]);
			break;
		}
	if (i == j->file.ncheckpoints)
		return (weir_misuse(w, "%sjob.json has no checkpoint %llu",
		    jobdir_path(w->jobdir), (unsigned long long)j->m.restore));
	if (j->restored == NULL)
		weir_warn(w, "checkpoint %llu knows nothing of me: I start empty",
		    (unsigned long long)j->m.restore);
	else if (j->restored->parallelism != w->set.parallelism)
		return (weir_misuse(w, "checkpoint %llu has -p %u, I have -p %u; 'weir restore' "
		    "makes a job of another parallelism", (unsigned long long)j->m.restore,
		    j->restored->parallelism, w->set.parallelism));
	return (0);
}

static int
stage_restore(struct weir *w)
{
	const void	*state;
	size_t		 len;

	if (parts_check(w) == -1)
		return (-1);
	state = part_restored(w, "stage", &len);
	if (state == NULL || w->stage->restore == NULL)
		return (0);
	return (w->stage->restore(w, state, len));
}

int
job_enter(struct weir *w)
{
	struct job *j;

	if ((j = w->job = calloc(1, sizeof(*j))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	j->began_ms = now_ms();
	STEP("enter-begin");
	if (stage_lock(w) == -1)
		return (-1);
	STEP("enter-locked");
	if ((j->writer = writer_new(w->wake[1])) == NULL)
		return (weir_error(w, "a thread for the disk: %s", strerror(errno)));
	if (knock(w) == -1 || attempt_await(w) == -1)
		return (-1);
	if (j->done)
		return (0);
	STEP("restore-begin");
	return (share_read(w) == -1 || snapshot_adopt(w) == -1 || stage_restore(w) == -1 ? -1 :
	    0);
}
