/*
 * outlet: the outputs of a worker.
 *
 * A frame is held until all the consumers that it was sent to have credited it: a
 * slot comes back only then, which is the back-pressure.  An output that is no pipe
 * is written as text.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/string.h>

#include "outlet.h"

#define AT_ONCE		64		/* credits of a link, in one turn */

const char *
out_name(const struct output *o)
{
	return (o->stage[0] != '\0' ? o->stage : "the stage behind me");
}

/* 1, 0, or -1 while it hangs on inputs that are not known yet. */
int
output_keyed(const struct weir *w)
{
	if (w->stage->flags & WEIR_KEYS)
		return (1);
	return (w->stage->flags & WEIR_PASSES ? w->keyed_in : 0);
}

static int
links_wanted(const struct outlet *t)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->outs[i].wire->kind != WIRE_TEXT)
			return (1);
	return (0);
}

/* Under the rules of a sink on standard output.  Closing it tells what went wrong
 * late: the descriptor is our own. */
static int
text_open(struct weir *w, struct output *o, unsigned i)
{
	char	name[32];
	int	fd;

	if (o->wire->kind != WIRE_TEXT)
		return (0);
	snprintf(name, sizeof(name), "text-%u", i);
	if ((fd = fcntl(o->wire->fd, F_DUPFD_CLOEXEC, 3)) == -1)
		return (weir_error(w, "standard output: %s", strerror(errno)));
	o->text = output_fd(w, name, fd, "standard output");
	return (o->text != NULL ? 0 : -1);
}

int
outlet_open(struct weir *w)
{
	struct outlet	*t;
	char		 address[192], why[256];
	unsigned	 i;

	if (w->stage->flags & WEIR_SINK)
		return (0);
	if ((t = w->out = calloc(1, sizeof(*t))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	for (i = 0; i < w->wiring.nout; i++) {
		t->outs[i].wire = &w->wiring.out[i];
		t->outs[i].tag = weir_output(w, w->wiring.out[i].tag);
		t->outs[i].lanes = 1;
	}
	t->n = w->wiring.nout;
	for (i = 0; i < t->n; i++)
		if (text_open(w, &t->outs[i], i) == -1)
			return (-1);
	t->since_ms = t->heal_ms = now_ms();
	if (!links_wanted(t))
		return (0);
	if (w->job != NULL)
		snprintf(address, sizeof(address), "ipc://%s/%u-%s.%u", rundir_path(w->dir),
		    (unsigned)job_attempt(w), w->set.name, w->subtask);
	else
		snprintf(address, sizeof(address), "ipc://%s/%s.%u", rundir_path(w->dir),
		    w->set.name, w->subtask);
	if ((t->door = door_open(address, why, sizeof(why))) == NULL)
		return (weir_error(w, "door %s", why));
	for (i = 0; i < t->n; i++) {
		const char *colon = strrchr(t->outs[i].wire->target, ':');

		if (t->outs[i].wire->kind != WIRE_NETWORK)
			continue;
		snprintf(address, sizeof(address), "%.*s:%ld",
		    (int)(colon - t->outs[i].wire->target), t->outs[i].wire->target,
		    atol(colon + 1) + (long)w->subtask);
		if (door_listen(t->door, address, why, sizeof(why)) == -1)
			return (weir_error(w, "door %s", why));
	}
	return (0);
}

void
outlet_close(struct weir *w)
{
	struct outlet	*t = w->out;
	struct inflight	*f;
	struct outlink	*l;
	unsigned	 i, j;

	if (t == NULL)
		return;
	for (i = 0; i < t->n; i++) {
		for (j = 0; t->outs[i].links != NULL && j < t->outs[i].lanes; j++) {
			l = &t->outs[i].links[j];
			while ((f = STAILQ_FIRST(&l->inflight)) != NULL) {
				STAILQ_REMOVE_HEAD(&l->inflight, next);
				outframe_unref(w, f->of);
				free(f);
			}
			link_close(l->link);
		}
		free(t->outs[i].links);
	}
	door_close(t->door);
	free(t);
	w->out = NULL;
}

int
outlet_polls(struct weir *w, struct polls *p)
{
	struct outlet	*t = w->out;
	struct output	*o;
	unsigned	 i, j;
	int		 bad = 0;

	if (t->door != NULL)
		bad = polls_add(p, door_poll(t->door), POLLIN);
	if (!t->announced) {
		outlet_heal(t, now_ms());
		polls_until(p, t->heal_ms + HEAL_MS);
	}
	for (i = 0; i < t->n && !bad; i++) {
		o = &t->outs[i];
		/* a pipe's writer hears of its reader's end as an error */
		if (o->wire->kind == WIRE_PIPE && !output_connected(o) && o->wire->fd != -1)
			bad = polls_add(p, o->wire->fd, 0);
		for (j = 0; o->links != NULL && j < o->lanes && !bad; j++) {
			if (o->links[j].link == NULL)
				continue;
			bad = polls_add(p, link_recvfd(o->links[j].link), POLLIN);
			if (!bad && link_sendfd(o->links[j].link) != -1)
				bad = polls_add(p, link_sendfd(o->links[j].link), POLLIN);
		}
	}
	return (bad);
}

int
outlet_ready(const struct weir *w)
{
	const struct output	*o;
	unsigned		 i, j;

	for (i = 0; i < w->out->n; i++) {
		o = &w->out->outs[i];
		for (j = 0; o->links != NULL && j < o->lanes; j++)
			if (!o->links[j].ready)
				return (0);
	}
	return (1);
}

static int
credits_take(struct weir *w, struct output *o, struct outlink *l)
{
	struct frame		 f;
	struct frame_stream	 s;
	struct held		*held;
	struct inflight		*in;
	int			 got = 0, n;

	for (n = 0; n < AT_ONCE && (got = link_recv(l->link, &w->atlas, &f, &s, &held)) == 1;
	    n++) {
		link_release(held);
		l->ready = 1;
		l->enough |= f.enough;
		while ((in = STAILQ_FIRST(&l->inflight)) != NULL && in->seq <= f.seq) {
			STAILQ_REMOVE_HEAD(&l->inflight, next);
			outframe_unref(w, in->of);
			free(in);
		}
		if (l->end_seq > 0 && f.seq >= l->end_seq)
			l->ended = 1;
	}
	if (got == -1 || link_flush(l->link) == -1)
		return (link_lost(w, "link to %s: %s", out_name(o), link_error(l->link)));
	return (0);
}

int
outlet_serve(struct weir *w)
{
	struct outlet	*t = w->out;
	struct output	*o;
	unsigned	 i, j;

	if (door_serve(w) == -1)
		return (-1);
	for (i = 0; i < t->n; i++) {
		o = &t->outs[i];
		for (j = 0; o->links != NULL && j < o->lanes; j++)
			if (o->links[j].link != NULL && credits_take(w, o, &o->links[j]) == -1)
				return (-1);
	}
	return (0);
}

unsigned
outlet_count(const struct weir *w)
{
	return (w->out->n);
}

unsigned
outlet_lanes(const struct weir *w, unsigned output)
{
	return (w->out->outs[output].lanes);
}

int
outlet_tag(const struct weir *w, unsigned output)
{
	return (w->out->outs[output].tag);
}

static int
frame_text(struct weir *w, struct output *o, const struct frame *f)
{
	struct weir_record	 r[CHUNK];
	size_t			 pos = 0;
	long			 n, i;

	if (f->count == 0)
		return (weir_output_write(o->text, f->text_at, f->textlen));
	while (pos < f->count) {
		if ((n = record_unpack(f, &pos, r, CHUNK)) == -1)
			return (weir_error(w, "an index of my own is damaged"));
		for (i = 0; i < n; i++)
			if (weir_output_write(o->text, r[i].data, r[i].len + 1) == -1)
				return (-1);
	}
	return (0);
}

int
outlet_put(struct weir *w, unsigned output, unsigned lane, struct frame *f, struct outframe *of)
{
	struct output	*o = &w->out->outs[output];
	struct outlink	*l;
	struct inflight	*in;

	if (o->text != NULL)
		return (frame_text(w, o, f));
	l = &o->links[lane];
	if (l->enough && w->job == NULL)
		return (0);
	if ((in = malloc(sizeof(*in))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	if (link_send(l->link, &w->atlas, f) == -1) {
		free(in);
		return (link_lost(w, "link to %s: %s", out_name(o), link_error(l->link)));
	}
	in->seq = f->seq;
	in->of = of;
	of->refs++;
	STAILQ_INSERT_TAIL(&l->inflight, in, next);
	return (0);
}

/* To every link of every output, behind all that was sent there. */
static int
frame_everywhere(struct weir *w, struct frame *f)
{
	struct output	*o;
	unsigned	 i, j;

	for (i = 0; i < w->out->n; i++) {
		o = &w->out->outs[i];
		for (j = 0; o->links != NULL && j < o->lanes; j++) {
			if (link_send(o->links[j].link, &w->atlas, f) == -1)
				return (link_lost(w, "link to %s: %s", out_name(o),
				    link_error(o->links[j].link)));
			if (f->type == FRAME_END)
				o->links[j].end_seq = f->seq;
		}
	}
	return (0);
}

int
outlet_end(struct weir *w, enum frame_why why)
{
	struct frame f = { .type = FRAME_END, .kind = why };

	return (frame_everywhere(w, &f));
}

int
outlet_barrier(struct weir *w, uint64_t id, uint64_t triggered_ms)
{
	struct frame f = { .type = FRAME_BARRIER, .checkpoint = id, .triggered_ms = triggered_ms };

	return (frame_everywhere(w, &f));
}

int
outlet_done(const struct weir *w)
{
	const struct output	*o;
	unsigned		 i, j;

	for (i = 0; i < w->out->n; i++) {
		o = &w->out->outs[i];
		for (j = 0; o->links != NULL && j < o->lanes; j++)
			if (!o->links[j].ended)
				return (0);
	}
	return (1);
}

int
outlet_unwanted(const struct weir *w)
{
	const struct output	*o;
	unsigned		 i, j;

	for (i = 0; i < w->out->n; i++) {
		o = &w->out->outs[i];
		if (o->text != NULL && !output_gone(o->text))
			return (0);
		for (j = 0; o->links != NULL && j < o->lanes; j++)
			if (!o->links[j].enough)
				return (0);
	}
	return (1);
}

int
outlet_check(struct weir *w)
{
	struct output	*o;
	struct pollfd	 pfd = { .events = 0 };
	unsigned	 i, j;

	for (i = 0; i < w->out->n; i++) {
		o = &w->out->outs[i];
		for (j = 0; o->links != NULL && j < o->lanes; j++)
			if (o->links[j].link != NULL && link_gone(o->links[j].link) &&
			    !o->links[j].ended)
				return (link_lost(w, "%s has gone before the end of the stream",
				    out_name(o)));
		if (w->job != NULL)
			continue;
		if (o->wire->kind != WIRE_PIPE || output_connected(o))
			continue;
		pfd.fd = o->wire->fd;
		if (pfd.fd != -1 && poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLERR | POLLHUP)))
			return (o->parallelism > 0 ? weir_error(w, "%s has gone before we were "
			    "connected", o->stage) : weir_error(w, "the program behind me has "
			    "gone, and it never connected; if it reads text, put 'weir sink -' "
			    "before it"));
	}
	return (0);
}
