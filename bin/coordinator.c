/*
 * coordinator: what is heard becomes events of coord, and what follows from them.
 *
 * coordinator_settle() has the order of things: job.json first, and only then is
 * anybody told.  Hence nobody acts on what a crash could take back.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <bsd/string.h>

#include "coordinator.h"
#include "run.h"
#include "tool.h"

int
coordinator_over(const struct coordinator *co)
{
	enum job_state state = co->coord.state;

	return (state == JOB_DONE || state == JOB_FAILED || state == JOB_CANCELLED);
}

void
coordinator_fail(struct coordinator *co, int status, const char *why)
{
	if (coordinator_over(co))
		return;
	co->status = status;
	strlcpy(co->end, why != NULL ? why : "", sizeof(co->end));
	coord_failed(&co->coord, co->end, now_ms());
}

void
coordinator_stop(struct coordinator *co)
{
	coord_stop(&co->coord, now_ms());
}

void
coordinator_cancel(struct coordinator *co)
{
	if (coordinator_over(co))
		return;
	co->cancelling = 1;
	coord_cancel(&co->coord, now_ms());
}

/*
 * What members say.
 */

/* A part is of the one who brings it; anything else is not of our kind. */
static int
part_check(const struct coordinator *co, const struct caller *from, const struct say *s)
{
	const struct topology_stage *stage = &co->roster.topology.stage[from->subtask->stage];

	return (strcmp(s->part.stage, stage->name) == 0 &&
	    s->part.subtask == from->subtask->number &&
	    s->part.parallelism == stage->parallelism);
}

static void
hear_ack(struct coordinator *co, struct caller *from, struct say *s)
{
	if (!part_check(co, from, s)) {
		from->gone = 1;
		return;
	}
	ledger_part(&co->ledger, s->id, from->subtask->member, &s->part, s->bytes,
	    s->duration_ms);
	coord_ack(&co->coord, from->subtask->member, s->id, now_ms());
}

static void
hear_decline(struct coordinator *co, const struct caller *from, const struct say *s)
{
	char label[ROSTER_LABEL];

	snprintf(co->why, sizeof(co->why), "%s: %s",
	    roster_label(&co->roster, from->subtask, label), s->why);
	coord_decline(&co->coord, from->subtask->member, s->id,
	    s->status == WEIR_AGAIN ? NULL : co->why, now_ms());
}

static void
hear_beat(struct subtask *t, const struct say *s)
{
	t->seen = s->seen;
	t->aligning = s->aligning;
	t->writing = s->writing;
}

/* Of this attempt. */
static void
hear_member(struct coordinator *co, struct caller *from, struct say *s)
{
	struct coord	*c = &co->coord;
	struct subtask	*t = from->subtask;

	switch (s->kind) {
	case SAY_CONNECTED:
		t->presence = CONNECTED;
		co->news++;
		coord_connected(c, t->member, now_ms());
		break;
	case SAY_ACK:
		hear_ack(co, from, s);
		break;
	case SAY_DECLINE:
		hear_decline(co, from, s);
		break;
	case SAY_FINISHED:
		t->presence = FINISHED;
		co->news++;
		coord_finished(c, t->member, now_ms());
		break;
	case SAY_COMMITTED:
		coord_committed(c, t->member, s->id, now_ms());
		break;
	case SAY_WANT:
		coord_want(c, now_ms());
		break;
	default:
		hear_beat(t, s);
		break;
	}
}

/*
 * It has said itself what is wrong, unless there are two of its name.
 */
static void
hear_failed(struct coordinator *co, const struct say *s)
{
	int	status = s->status == WEIR_USAGE ? WEIR_USAGE : WEIR_FAILED;
	char	why[256];

	if (coordinator_over(co))
		return;
	topology_clash(s->stage.name, why, sizeof(why));
	if (strcmp(s->why, why) == 0) {
		coordinator_fail(co, status, NULL);
		tool_fail(0, "%s", why);
		return;
	}
	snprintf(why, sizeof(why), "%s failed", s->stage.name);
	coordinator_fail(co, status, why);
}

void
coordinator_hear(struct coordinator *co, struct caller *from, struct say *s)
{
	switch (s->kind) {
	case SAY_REGISTER:
		assemble_register(co, from, s);
		break;
	case SAY_FAILED:
		hear_failed(co, s);
		break;
	case SAY_STOP:
		coordinator_stop(co);
		break;
	case SAY_CANCEL:
		coordinator_cancel(co);
		break;
	default:
		/* nothing of one attempt is acted on in another */
		if (from->kind == CALLER_MEMBER && s->attempt == from->attempt &&
		    s->attempt == co->coord.attempt)
			hear_member(co, from, s);
		break;
	}
	say_free(s);
}

void
coordinator_lost(struct coordinator *co, struct caller *gone)
{
	struct subtask		*t = gone->subtask;
	enum job_state		 was = co->coord.state;

	if (t == NULL || t->caller != gone)
		return;
	t->caller = NULL;
	t->presence = coordinator_over(co) ? LEFT : AWAITED;
	co->news++;
	coord_lost(&co->coord, t->member, now_ms());
	if (was == JOB_GATHERING || was == JOB_RUNNING)
		notes_lost(co, t);
}

/*
 * What follows.
 */

/* The directory is not where it was: nothing can be saved there any more. */
static int
removed(const struct coordinator *co)
{
	struct stat a, b;

	return (stat(co->path, &a) == -1 || fstat(jobdir_fd(co->dir), &b) == -1 ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino);
}

/* In the writer.  A failure is not its end: it may be asked again. */
static int
save_run(void *arg)
{
	struct coordinator *co = arg;

	co->save_error = ledger_save(&co->ledger, &co->coord) == 0 ? 0 : errno;
	return (0);
}

/* A disk may take its time; the stages would take us for dead.  Nothing is heard
 * meanwhile: an event comes before a save or behind it. */
int
coordinator_save(struct coordinator *co)
{
	struct pollfd	pfd = { .fd = co->wake[0], .events = POLLIN };
	char		sink[8];

	if (writer_put(co->writer, save_run, NULL, co) == -1)
		return (-1);
	while (writer_pending(co->writer) > 0) {
		switch (poll(&pfd, 1, BEAT_MS)) {
		case 0:
			callers_sign(co);
			break;
		case 1:
			if (read(co->wake[0], sink, sizeof(sink)) == -1)
				continue;
		}
		writer_collect(co->writer);
	}
	errno = co->save_error;
	return (co->save_error == 0 ? 0 : -1);
}

static void
save(struct coordinator *co)
{
	char why[1100];

	if (coordinator_save(co) == 0) {
		coord_saved(&co->coord);
		return;
	}
	if (jobdir_unknown(co->dir)) {
		co->status = tool_fail(WEIR_AGAIN, "%s; what is on disk is not known: the "
		    "coordinator has to start again", jobdir_error(co->dir));
		co->leave = 1;
		return;
	}
	strlcpy(co->why, jobdir_error(co->dir), sizeof(co->why));
	coord_unsaved(&co->coord, now_ms());
	if (removed(co)) {
		snprintf(why, sizeof(why), "%s was removed while the job ran", co->path);
		coordinator_fail(co, WEIR_FAILED, why);
	} else if (co->coord.state == JOB_DELAYED)
		tool_say("%s; trying again in %lld ms", co->why,
		    (long long)(co->coord.open_ms - now_ms()));
	else if (co->coord.state == JOB_DONE)
		tool_say("%s; nothing is lost, all was saved before", co->why);
}

static void
tell_ended(struct coordinator *co)
{
	struct coord_pending *p;

	while ((p = coord_ended(&co->coord)) != NULL) {
		notes_ended(co, p);
		asks_ended(co, p);
		ledger_end(&co->ledger, p->id);
		coord_pending_free(p);
	}
}

static int64_t
epoch_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (ts.tv_sec < 0 ? 0 : (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
begin_new(struct coordinator *co)
{
	const struct coord_pending *p;

	for (p = co->coord.pending; p != NULL; p = p->next)
		if (ledger_find(&co->ledger, p->id) == NULL &&
		    ledger_begin(&co->ledger, p->id, epoch_ms(), co->roster.nmembers) == -1) {
			coordinator_fail(co, WEIR_FAILED, strerror(errno));
			return;
		}
}

void
coordinator_settle(struct coordinator *co)
{
	struct coord *c = &co->coord;

	do {
		if (c->attempt != co->attempt)
			assemble_attempt(co);
		assemble_admit(co);
		if (c->attempt != co->attempt)
			assemble_attempt(co);
		if (c->persist) {
			STEP("coord-decided");
			save(co);
			STEP("coord-saved");
		}
		if (co->leave)
			return;
		tell_ended(co);
		begin_new(co);
	} while (c->persist || c->attempt != co->attempt);
	assemble_welcome(co);
	if (c->changed)
		co->news++;
	c->changed = 0;
	notes_state(co);
	callers_tell(co);
	STEP("coord-told");
	asks_committed(co);
	asks_watch(co);
}
