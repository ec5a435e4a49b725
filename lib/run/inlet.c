/*
 * inlet: the inputs of a worker.
 *
 * A link that is up gets credit 0, and gives one frame at a time into the stage's
 * hand.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "inlet.h"

#define LOOK_AGAIN_MS	5		/* for a door that has yet to be made */
#define CREDIT_EVERY	2		/* frames, while more are waiting */

/* The links of all inputs, one after another; NULL at the end. */
struct inlink *
inlink_at(struct inlet *in, unsigned i)
{
	unsigned u;

	for (u = 0; u < in->n; u++) {
		if (i < in->ups[u].n)
			return (&in->ups[u].links[i]);
		i -= in->ups[u].n;
	}
	return (NULL);
}

/* Before it has answered, the name in its address: RUN/NAME. */
const char *
up_name(const struct upstream *up)
{
	const char *slash = strrchr(up->wire->base, '/');

	if (up->stage[0] != '\0')
		return (up->stage);
	return (slash != NULL && strstr(up->wire->base, "://") == NULL ? slash + 1 :
	    up->wire->base);
}

/* Until there is a link its death is seen at the shell pipe, or by its silence. */
int
inlink_unborn(const struct inlink *l)
{
	return (!l->apart && (l->link == NULL || (!link_up(l->link) && !link_gone(l->link))));
}

int
inlet_open(struct weir *w)
{
	if (w->wiring.nin == 0)
		return (0);
	if ((w->in = calloc(1, sizeof(*w->in))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	if (w->job != NULL && w->job->feedback != 0 && (w->in->back =
	    feedback_new(w->memory_bytes, (int64_t)w->job->loop_wait_ms)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	return (upstreams_start(w, 0) == -1 || upstreams_start(w, 1) == -1 ? -1 : 0);
}

void
inlet_close(struct inlet *in)
{
	struct inlink	*l;
	unsigned	 i;

	if (in == NULL)
		return;
	feedback_free(in->back);
	for (i = 0; (l = inlink_at(in, i)) != NULL; i++) {
		knocker_close(l->knocker);
		link_close(l->link);
		if (l->stream != NULL)
			free(l->stream);
	}
	for (i = 0; i < in->n; i++)
		free(in->ups[i].links);
	free(in->align.parked);
	free(in);
}

/* Only when nothing more can be received: what it sent before counts. */
int
upstream_lost(struct weir *w, const struct inlink *l)
{
	return (link_lost(w, "%s has gone before the end of the stream", up_name(l->up)));
}

/* All but what comes round a loop. */
static int
inputs_ended(const struct inlet *in)
{
	const struct inlink	*l;
	unsigned		 u, i;

	for (u = 0; u < in->n; u++)
		for (i = 0; i < in->ups[u].n && !in->ups[u].feedback; i++) {
			l = &in->ups[u].links[i];
			if (l->link != NULL && !l->ended)
				return (0);
		}
	return (1);
}

/*
 * May a frame be taken from it?  An end is the last one, but for barriers: and
 * behind all ends comes the final one, which has to find nothing in a loop.
 */
static int
inlink_wanted(const struct weir *w, const struct inlink *l)
{
	if (l->up->feedback)
		return (l->admitted);
	if (w->job == NULL)
		return (!l->ended);
	if (w->in->back != NULL && !feedback_ended(w->in->back) && inputs_ended(w->in))
		return (0);
	return (w->job->due == 0 && (w->in->align.parked == NULL ||
	    !w->in->align.parked[l->number]));
}

int
inlet_polls(struct weir *w, struct polls *p)
{
	struct inlet	*in = w->in;
	struct inlink	*l;
	unsigned	 i;
	int		 bad = 0, holds = in->granted && barrier_holds(w);

	for (i = 0; (l = inlink_at(in, i)) != NULL && !bad; i++) {
		if (l->knocker != NULL) {
			bad = polls_add(p, knocker_poll(l->knocker), POLLIN);
			polls_until(p, l->again_ms);
			if (knocker_waits(l->knocker))
				polls_until(p, now_ms() + LOOK_AGAIN_MS);
		} else if (l->link != NULL) {
			if (l->stream == NULL || (inlink_wanted(w, l) && (l->up->feedback ||
			    (w->hand == NULL && !holds && in->granted))))
				bad = polls_add(p, link_recvfd(l->link), POLLIN);
			if (!bad && link_sendfd(l->link) != -1)
				bad = polls_add(p, link_sendfd(l->link), POLLIN);
		}
		if (w->job != NULL || !inlink_unborn(l))
			continue;
		if (!bad && l->up->wire->watch != -1)
			bad = polls_add(p, l->up->wire->watch, 0);
		polls_until(p, l->since_ms + ANSWER_MS + 1);
	}
	return (bad);
}

int
inlet_grant(struct weir *w)
{
	struct inlink	*l;
	unsigned	 i;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++)
		if (l->link != NULL && !l->up->feedback && link_credit(l->link, 0) == -1)
			return (link_lost(w, "link from %s: %s", up_name(l->up),
			    link_error(l->link)));
	w->in->granted = 1;
	return (0);
}

void
inframe_unref(struct weir *w, struct inframe *f)
{
	if (--f->refs > 0)
		return;
	/* a link that has broken is reported where it is waited for */
	if (!f->from->up->feedback && link_done(f->from->link, f->f.seq) == -1)
		weir_debug(w, "link from %s: %s", up_name(f->from->up), link_error(f->from->link));
	link_release(f->held);
	free(f);
}

/* Credits are batched while there is work, and sent before we wait. */
int
inlet_credits(struct weir *w, int all)
{
	struct inlink	*l;
	unsigned	 i;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++) {
		if (l->link == NULL || link_gone(l->link))
			continue;
		if (link_flush(l->link) == -1 ||
		    (link_owed(l->link) >= (all ? 1 : CREDIT_EVERY) &&
		    link_credit(l->link, w->in->enough) == -1))
			return (link_lost(w, "link from %s: %s", up_name(l->up),
			    link_error(l->link)));
	}
	return (0);
}

int
inlet_enough(struct weir *w)
{
	struct inlink	*l;
	unsigned	 i;

	if (w->in == NULL || w->in->enough || !w->in->granted)
		return (0);
	w->in->enough = 1;
	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++)
		if (l->link != NULL && !link_gone(l->link) && link_credit(l->link, 1) == -1)
			return (link_lost(w, "link from %s: %s", up_name(l->up),
			    link_error(l->link)));
	return (0);
}

/* Nothing is held for it: its place in the order of credits is given back. */
static int
control_frame_done(struct weir *w, struct inlink *l, struct held *held, uint64_t seq)
{
	link_release(held);
	if (link_done(l->link, seq) == -1)
		return (link_lost(w, "link from %s: %s", up_name(l->up), link_error(l->link)));
	return (0);
}

static int
take_end(struct weir *w, struct inlink *l, const struct frame *f, struct held *held)
{
	if (l->ended) {
		link_release(held);
		return (link_lost(w, "link from %s: a second end", up_name(l->up)));
	}
	l->ended = 1;
	l->why = (enum frame_why)f->kind;
	l->end_seq = f->seq;
	if (w->in->back != NULL)
		feedback_stir(w->in->back);
	if (w->job != NULL)		/* no credit is asked for: the job's end is told */
		return (control_frame_done(w, l, held, f->seq));
	link_release(held);
	return (0);
}

static int
take_barrier(struct weir *w, struct inlink *l, const struct frame *f, struct held *held)
{
	struct job	*j = w->job;
	uint64_t	 id = f->checkpoint, triggered_ms = f->triggered_ms;

	if (control_frame_done(w, l, held, f->seq) == -1)
		return (-1);
	if (id <= l->barrier)
		return (link_lost(w, "link from %s: barriers that do not ascend", up_name(l->up)));
	l->barrier = id;
	if (l->up->feedback)
		return (0);
	if (align_barrier(&w->in->align, l->number, id, &j->m.ids) == ALIGN_SNAPSHOT) {
		j->due = id;
		j->triggered_ms = triggered_ms;
	}
	return (0);
}

/* It is credited at once: who sent it may be who we wait for. */
static int
back_take(struct weir *w, struct inlink *l, struct inframe *in)
{
	if (link_done(l->link, in->f.seq) == -1)
		weir_debug(w, "link from %s: %s", up_name(l->up), link_error(l->link));
	if (feedback_put(w->in->back, in) == 0)
		return (1);
	return (weir_error(w, "more comes round the loop, from %s, than my %llu bytes of memory "
	    "hold (-M)", up_name(l->up), (unsigned long long)w->memory_bytes));
}

static int
inlink_take(struct weir *w, struct inlink *l)
{
	struct frame_stream	 s;
	struct inframe		*in;
	struct frame		 f;
	struct held		*held;
	int			 got, gone = link_gone(l->link);

	if ((got = link_recv(l->link, &w->atlas, &f, &s, &held)) == -1)
		return (link_lost(w, "link from %s: %s", up_name(l->up), link_error(l->link)));
	if (got == 0)
		return (gone ? upstream_lost(w, l) : 0);
	if (f.type == FRAME_END)
		return (take_end(w, l, &f, held));
	if (f.type == FRAME_BARRIER && w->job != NULL)
		return (take_barrier(w, l, &f, held));
	if (f.type != FRAME_DATA || (f.count == 0 && l->stream->keyed) || l->ended) {
		link_release(held);
		return (link_lost(w, "link from %s: a frame that has no place here",
		    up_name(l->up)));
	}
	if ((in = calloc(1, sizeof(*in))) == NULL) {
		link_release(held);
		return (weir_error(w, "%s", strerror(errno)));
	}
	in->f = f;
	in->held = held;
	in->from = l;
	in->refs = 1;
	if (l->up->feedback)
		return (back_take(w, l, in));
	hand_take(w, in);
	return (1);
}

int
inlet_take_back(struct weir *w)
{
	struct inlink	*l;
	unsigned	 i;
	int		 got;

	for (i = 0; w->in->back != NULL && (l = inlink_at(w->in, i)) != NULL; i++) {
		if (!l->up->feedback || l->link == NULL)
			continue;
		while ((got = inlink_take(w, l)) != 0)
			if (got == -1)
				return (-1);
	}
	return (0);
}

/* The queue of what came round a loop has its turn as a link has. */
int
inlet_take(struct weir *w)
{
	struct inlet	*in = w->in;
	struct inframe	*back;
	struct inlink	*l;
	unsigned	 i, n;
	int		 got;

	for (n = 0; inlink_at(in, n) != NULL; n++)
		;
	n += in->back != NULL;
	for (i = 0; i < n; i++) {
		if ((l = inlink_at(in, in->turn++ % n)) == NULL) {
			if ((back = feedback_next(in->back)) == NULL)
				continue;
			hand_take(w, back);
			return (1);
		}
		if (l->link == NULL || l->up->feedback || !inlink_wanted(w, l))
			continue;
		if ((got = inlink_take(w, l)) != 0)
			return (got);
	}
	return (0);
}

int64_t
inlet_silent_ms(const struct weir *w)
{
	return (w->in->back != NULL && inputs_ended(w->in) ? feedback_silent_ms(w->in->back) :
	    NEVER);
}

int
inlet_ended(struct weir *w)
{
	struct inlet	*in = w->in;
	struct inlink	*l;
	unsigned	 i;
	int		 stopped = 0;

	if (!inputs_ended(in))
		return (0);
	if (in->back != NULL) {
		if (now_ms() < feedback_silent_ms(in->back))
			return (0);
		feedback_end(in->back);
	}
	for (i = 0; (l = inlink_at(in, i)) != NULL; i++) {
		if (l->link != NULL && l->why == FRAME_STOPPED)
			stopped = 1;
	}
	return (stopped ? FRAME_STOPPED : FRAME_EOF);
}

int
inlet_finish(struct weir *w)
{
	struct inlink	*l;
	unsigned	 i;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++)
		if (l->link != NULL && !l->credited_end) {
			l->credited_end = 1;
			if (link_done(l->link, l->end_seq) == -1)
				return (link_lost(w, "link from %s: %s", up_name(l->up),
				    link_error(l->link)));
		}
	return (inlet_credits(w, 1));
}

int
inlet_left(const struct weir *w)
{
	struct inlink	*l;
	unsigned	 i;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++)
		if (l->link != NULL && !link_gone(l->link))
			return (0);
	return (1);
}

void
inlet_view(struct weir *w)
{
	if (w->in->align.parked != NULL)
		align_view(&w->in->align, &w->job->m.ids);
}

uint64_t
inlet_aligning(const struct weir *w)
{
	return (w->in->align.id);
}

int
inlet_check(struct weir *w)
{
	struct inlink	*l;
	struct pollfd	 pfd;
	unsigned	 i;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++) {
		if (!w->in->granted && l->link != NULL && link_gone(l->link))
			return (upstream_lost(w, l));
		if (w->job != NULL)
			continue;
		if (inlink_unborn(l) && (pfd.fd = l->up->wire->watch) != -1) {
			pfd.events = 0;
			if (poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLHUP | POLLERR)))
				return (weir_error(w, "%s has gone before we were connected",
				    up_name(l->up)));
		}
	}
	return (0);
}
