/*
 * inlet: the inputs of a worker.
 *
 * An upstream is knocked at for each of its subtasks that has a link for us; the
 * first answer says how many there are.  Then each link begins with a stream
 * frame, gets credit 0, and gives one frame at a time into the stage's hand.
 *
 * An upstream that is behind us in a loop waits for our stream before it sends its
 * own: its links come up later, when all others have, and have their numbers
 * behind them.  They take no part in alignments.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

#define KNOCK_AGAIN_MS	50
#define LOOK_AGAIN_MS	5		/* for a door that has yet to be made */
#define ANSWER_MS	10000		/* an upstream that says nothing at all */
#define SLICE_MS	100		/* of work on a frame at a time */
#define CREDIT_EVERY	2		/* frames, while more are waiting */
#define AHEAD		12		/* records from asking for their values to record() */

struct inlink {
	struct upstream		*up;
	unsigned		 subtask;	/* of the upstream */
	char			 nonce[WEIR_NAME_MAX + 1];
	struct knocker		*knocker;
	int64_t			 again_ms;	/* knock then; NEVER: an answer is awaited */
	int64_t			 since_ms;	/* of the last knock, or dialled then */
	struct link		*link;
	struct frame_stream	*stream;	/* NULL until it came; header is our copy */
	int			 apart;		/* no link between us and that subtask */
	unsigned		 number;	/* in alignments: among those that are there */
	int			 admitted;	/* of a loop: has credit 0 */
	int			 ended, credited_end;
	enum frame_why		 why;
	uint64_t		 end_seq;
	uint64_t		 barrier;	/* the last one that came */
};

struct upstream {
	const struct wire_in	*wire;
	unsigned		 parallelism;	/* 0: not known yet */
	int			 keyed;
	int			 feedback;	/* it closes a loop */
	char			 stage[WEIR_NAME_MAX + 1];
	struct inlink		*links;
	unsigned		 n;
};

struct inlet {
	struct upstream		 ups[ENDS_MAX];
	unsigned		 n;
	unsigned		 turn;		/* fairness between links */
	int			 granted, enough;
	struct align		 align;		/* in a job */
	struct feedback		*back;		/* NULL: no loop closes here */

	struct weir_record	 chunk[CHUNK];	/* of the frame in hand */
	size_t			 nchunk, taken, pos;
	uint32_t		 ordinal;
	struct inlink		*from;		/* whose frame is in hand */
};

/* The links of all inputs, one after another; NULL at the end. */
static struct inlink *
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
static const char *
up_name(const struct upstream *up)
{
	const char *slash = strrchr(up->wire->base, '/');

	if (up->stage[0] != '\0')
		return (up->stage);
	return (slash != NULL && strstr(up->wire->base, "://") == NULL ? slash + 1 :
	    up->wire->base);
}

/* Until there is a link its death is seen at the shell pipe, or by its silence. */
static int
inlink_unborn(const struct inlink *l)
{
	return (!l->apart && (l->link == NULL || (!link_up(l->link) && !link_gone(l->link))));
}

static int
inlink_knock(struct weir *w, struct inlink *l)
{
	struct knock k = { .attempt = job_attempt(w) };

	strlcpy(k.stage, w->set.name, sizeof(k.stage));
	strlcpy(k.run, rundir_base(w->dir), sizeof(k.run));
	strlcpy(k.nonce, l->nonce, sizeof(k.nonce));
	k.subtask = w->subtask;
	k.parallelism = w->set.parallelism;
	k.output = l->up->wire->output;
	k.copy = l->up->feedback;	/* memory is not mapped in a circle */
	l->again_ms = NEVER;
	l->since_ms = now_ms();
	if (knocker_send(l->knocker, &k) == -1)
		return (weir_error(w, "cannot knock at %s", l->up->wire->base));
	return (0);
}

/* The address of a subtask's door: RUN/NAME.I, in a job RUN/ATTEMPT-NAME.I, or
 * port + I. */
static void
door_address(const struct weir *w, const char *base, unsigned subtask, char *address,
    size_t size)
{
	const char *colon = strrchr(base, ':'), *slash = strrchr(base, '/');

	if (w->job != NULL && slash != NULL)
		snprintf(address, size, "ipc://%.*s/%u-%s.%u", (int)(slash - base), base,
		    (unsigned)job_attempt(w), slash + 1, subtask);
	else if (strstr(base, "://") != NULL && colon != NULL)
		snprintf(address, size, "%.*s:%ld", (int)(colon - base), base,
		    atol(colon + 1) + (long)subtask);
	else
		snprintf(address, size, "ipc://%s.%u", base, subtask);
}

static int
inlink_start(struct weir *w, struct inlink *l, struct upstream *up, unsigned subtask)
{
	char address[PATH_MAX], why[256];

	l->up = up;
	l->subtask = subtask;
	snprintf(l->nonce, sizeof(l->nonce), "%08x%08x", arc4random(), arc4random());
	door_address(w, up->wire->base, subtask, address, sizeof(address));
	if ((l->knocker = knocker_open(address, why, sizeof(why))) == NULL)
		return (weir_error(w, "input: %s", why));
	return (inlink_knock(w, l));
}

static int
upstreams_start(struct weir *w, int feedback)
{
	unsigned	 closing = w->job != NULL ? w->job->feedback : 0, i;
	struct upstream	*up;

	for (i = 0; i < w->wiring.nin; i++) {
		if ((int)(closing >> i & 1) != feedback)
			continue;
		up = &w->in->ups[w->in->n];
		up->wire = &w->wiring.in[i];
		up->feedback = feedback;
		if ((up->links = calloc(1, sizeof(struct inlink))) == NULL)
			return (weir_error(w, "%s", strerror(errno)));
		w->in->n++;
		up->n = 1;
		if (inlink_start(w, &up->links[0], up, 0) == -1)
			return (-1);
	}
	return (0);
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

/* The first answer tells how many subtasks there are: knock at the others. */
static int
upstream_widen(struct weir *w, struct upstream *up, const struct answer *a)
{
	struct inlink	*links;
	unsigned	 i;

	up->parallelism = a->parallelism;
	up->keyed = a->keyed;
	strlcpy(up->stage, a->stage, sizeof(up->stage));
	if (a->parallelism > ROUTE_GROUPS ||
	    route_link(a->keyed, 0, a->parallelism, w->subtask, w->set.parallelism) ==
	    ROUTE_REFUSED)
		return (weir_misuse(w, "%s has -p %u and I have -p %u; a stream without keys "
		    "connects equal numbers, or many to one", a->stage, a->parallelism,
		    w->set.parallelism));
	if ((links = calloc(a->parallelism, sizeof(*links))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	links[0] = up->links[0];
	free(up->links);
	up->links = links;
	for (i = 1; i < a->parallelism; i++) {
		up->n = i + 1;
		if (route_link(a->keyed, i, a->parallelism, w->subtask, w->set.parallelism) !=
		    ROUTE_LINKED) {
			links[i].up = up;
			links[i].apart = 1;
			links[i].again_ms = NEVER;
		} else if (inlink_start(w, &links[i], up, i) == -1)
			return (-1);
	}
	return (0);
}

/* A link over the network is at the host that was knocked at. */
static void
link_host(const char *base, const char *answer, char *address, size_t size)
{
	const char *host = strrchr(base, ':'), *port = strrchr(answer, ':');

	if (strncmp(answer, "ipc:", 4) == 0 || host == NULL || port == NULL)
		strlcpy(address, answer, size);
	else
		snprintf(address, size, "%.*s%s", (int)(host - base), base, port);
}

static int
inlink_answer(struct weir *w, struct inlink *l, const struct answer *a, int64_t now)
{
	struct upstream	*up = l->up;
	unsigned	 index = (unsigned)(l - up->links);
	char		 address[192];

	if (a->kind == ANSWER_REFUSED)
		return (weir_misuse(w, "%s refuses me: %s", a->stage, a->reason));
	if (a->kind == ANSWER_WAIT) {
		l->again_ms = now + KNOCK_AGAIN_MS;
		return (0);
	}
	if (up->parallelism == 0) {
		if (upstream_widen(w, up, a) == -1)
			return (-1);
		l = &up->links[index];
	}
	if (a->kind == ANSWER_ELSEWHERE)
		l->apart = 1;
	else {
		link_host(up->wire->base, a->link, address, sizeof(address));
		l->since_ms = now;
		l->link = link_dial(address, job_attempt(w), w->wake[1]);
		if (l->link == NULL || link_failed(l->link))
			return (weir_error(w, "link to %s: %s", a->stage,
			    l->link == NULL ? strerror(errno) : link_error(l->link)));
	}
	knocker_close(l->knocker);
	l->knocker = NULL;
	return (0);
}

/* Only when nothing more can be received: what it sent before counts. */
static int
upstream_lost(struct weir *w, const struct inlink *l)
{
	return (link_lost(w, "%s has gone before the end of the stream", up_name(l->up)));
}

/* Header and key lie in the message: keep copies behind the stream. */
static struct frame_stream *
stream_keep(struct frame_stream *old)
{
	struct frame_stream	*s;
	char			*at;

	if ((s = realloc(old, sizeof(*s) + old->headerlen + old->keylen)) == NULL)
		return (NULL);
	at = (char *)(s + 1);
	if (s->header != NULL)
		s->header = memcpy(at, s->header, s->headerlen);
	if (s->key != NULL)
		s->key = memcpy(at + s->headerlen, s->key, s->keylen);
	return (s);
}

static int
inlink_stream(struct weir *w, struct inlink *l)
{
	struct frame	 f;
	struct held	*held;
	int		 got, gone = link_gone(l->link);

	if ((l->stream = calloc(1, sizeof(*l->stream))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	got = link_recv(l->link, &w->atlas, &f, l->stream, &held);
	if (got == 1 && f.type == FRAME_STREAM) {
		l->stream = stream_keep(l->stream);
		link_release(held);
		return (l->stream == NULL ? weir_error(w, "%s", strerror(errno)) : 0);
	}
	free(l->stream);
	l->stream = NULL;
	if (got == 1) {
		link_release(held);
		return (link_lost(w, "link from %s: it does not begin with a stream frame",
		    up_name(l->up)));
	}
	if (got == -1)
		return (link_lost(w, "link from %s: %s", up_name(l->up), link_error(l->link)));
	return (gone ? upstream_lost(w, l) : 0);
}

static int
lines_differ(const char *a, size_t alen, const char *b, size_t blen)
{
	return ((a == NULL) != (b == NULL) || alen != blen ||
	    (a != NULL && memcmp(a, b, alen) != 0));
}

/* What is common to all inputs: keys, separator, header, the longest record. */
static int
streams_merge(struct weir *w)
{
	const struct frame_stream	*s, *first = NULL;
	struct inlink			*l;
	unsigned			 i;
	int				 agree = 1, agree_key = 1;

	w->keyed_in = 1;
	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++) {
		if ((s = l->stream) == NULL || l->up->feedback)
			continue;
		if (first == NULL) {
			first = s;
			w->separator_in = (int)s->separator;
		}
		w->keyed_in &= (int)s->keyed;
		if (s->record_max > w->record_max && s->record_max <= RECORD_MAX)
			w->record_max = s->record_max;
		if ((int)s->separator != w->separator_in)
			w->separator_in = '\t';
		agree &= !lines_differ(s->header, s->headerlen, first->header, first->headerlen);
		agree_key &= !lines_differ(s->key, s->keylen, first->key, first->keylen);
	}
	if (first == NULL)
		return (weir_error(w, "no input has a link for me"));
	if (!agree)
		weir_warn(w, "the headers of my inputs differ: columns have no names");
	if (agree && line_set(w, &w->header_in, first->header, first->headerlen) == -1)
		return (-1);
	return (agree_key ? line_set(w, &w->key_in, first->key, first->keylen) : 0);
}

/* Links that are there take part in alignments, under their numbers. */
static int
align_open(struct weir *w)
{
	struct inlet	*in = w->in;
	struct inlink	*l;
	unsigned	 i;

	for (i = 0; (l = inlink_at(in, i)) != NULL; i++)
		if (l->link != NULL && !l->up->feedback)
			l->number = in->align.links++;
	if (w->job == NULL)
		return (0);
	in->align.at_least_once = w->job->at_least_once;
	if ((in->align.parked = calloc(in->align.links, 1)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

/* 1: its stream is there, or it needs none; 0: it is awaited. */
static int
inlink_connect(struct weir *w, unsigned i, int64_t now)
{
	struct inlink	*l = inlink_at(w->in, i);
	struct answer	 a;
	int		 got;

	if (l->knocker != NULL) {
		if (l->again_ms != NEVER && now >= l->again_ms && inlink_knock(w, l) == -1)
			return (-1);
		if ((got = knocker_recv(l->knocker, &a)) == -1)
			return (weir_error(w, "%s: the answer to my knock is none",
			    l->up->wire->base));
		if (got == 1 && inlink_answer(w, l, &a, now) == -1)
			return (-1);
		l = inlink_at(w->in, i);	/* widened */
	}
	if (l->link != NULL && l->stream == NULL && inlink_stream(w, l) == -1)
		return (-1);
	if (!inlink_unborn(l))
		l->since_ms = now;
	else if (w->job == NULL && now > l->since_ms + ANSWER_MS)
		return (weir_error(w, "%s %s for %d s", l->link == NULL ?
		    "nobody answers at" : "cannot connect to", l->up->wire->base,
		    ANSWER_MS / 1000));
	return (l->apart || l->stream != NULL);
}

int
inlet_connect(struct weir *w, int64_t now)
{
	struct inlink	*l;
	unsigned	 i;
	int		 got, missing = 0;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++) {
		if ((got = inlink_connect(w, i, now)) == -1)
			return (-1);
		missing |= got == 0 && !inlink_at(w->in, i)->up->feedback;
	}
	if (missing)
		return (0);
	return (streams_merge(w) == -1 || align_open(w) == -1 ? -1 : 1);
}

/* What comes round a loop is as what came into it, or it has no place here. */
static int
inlink_admit(struct weir *w, struct inlink *l)
{
	if (w->keyed_in && !l->stream->keyed && (w->stage->flags & (WEIR_KEYED | WEIR_PASSES)))
		return (weir_misuse(w, "the stream from %s, round the loop, is not keyed; put "
		    "'weir keyby -k FIELD' behind it", up_name(l->up)));
	l->admitted = 1;
	if (link_credit(l->link, 0) == -1)
		return (link_lost(w, "link from %s: %s", up_name(l->up), link_error(l->link)));
	return (0);
}

int
inlet_close_loop(struct weir *w, int64_t now)
{
	struct inlink	*l;
	unsigned	 i;
	int		 got, missing = 0;

	for (i = 0; (l = inlink_at(w->in, i)) != NULL; i++) {
		if (!l->up->feedback)
			continue;
		if ((got = inlink_connect(w, i, now)) == -1)
			return (-1);
		missing |= got == 0;
		l = inlink_at(w->in, i);
		if (l->stream != NULL && !l->admitted && inlink_admit(w, l) == -1)
			return (-1);
	}
	return (!missing);
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

static void
hand_take(struct weir *w, struct inframe *in)
{
	w->hand = in;
	w->in->from = in->from;
	w->in->nchunk = w->in->taken = w->in->pos = w->in->ordinal = 0;
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

const char *
inlet_tag(const struct weir *w)
{
	if (w->in == NULL || w->in->from == NULL || w->in->from->up->wire->tag[0] == '\0')
		return (NULL);
	return (w->in->from->up->wire->tag);
}

static int
frame_bad(struct weir *w)
{
	return (link_lost(w, "link from %s: a frame whose index or text is damaged",
	    up_name(w->in->from->up)));
}

/* Index or text may be damaged: then a run does not end where a record does. */
static int
run_hand(struct weir *w, const char *run, const char *end)
{
	if (run == end)
		return (0);
	return (end[-1] != '\n' ? frame_bad(w) : w->stage->text(w, run, (size_t)(end - run)));
}

/* Hand out text in the longest runs of whole records that lie side by side. */
static int
process_text(struct weir *w)
{
	struct inlet		*in = w->in;
	const struct frame	*f = &w->hand->f;
	const char		*run = NULL, *end = NULL;
	long			 n, i;

	if (f->count == 0) {
		in->pos = f->textlen;
		return (run_hand(w, f->text_at, f->text_at + f->textlen));
	}
	while (in->pos < f->count) {
		if ((n = record_unpack(f, &in->pos, in->chunk, CHUNK)) == -1)
			return (frame_bad(w));
		for (i = 0; i < n; i++) {
			if (in->chunk[i].data != end) {
				if (run_hand(w, run, end) == -1)
					return (-1);
				run = in->chunk[i].data;
			}
			end = in->chunk[i].data + in->chunk[i].len + 1;
		}
	}
	return (run_hand(w, run, end));
}

/* Hand out what is left of the chunk.  1: all taken; 0: output is full. */
static int
chunk_process(struct weir *w)
{
	struct inlet	*in = w->in;
	long		 n;

	while (in->taken < in->nchunk) {
		if (weir_full(w))
			return (0);
		if (w->stage->batch != NULL) {
			n = w->stage->batch(w, in->chunk + in->taken, in->nchunk - in->taken);
			if (n <= 0)
				return ((int)n);
			in->taken += (size_t)n;
		} else {
			/* a stage with batch() does this itself */
			if (w->keyed_in && in->taken + AHEAD < in->nchunk)
				handles_prefetch(w, &in->chunk[in->taken + AHEAD]);
			weir_select(w, &in->chunk[in->taken]);
			if (w->stage->record(w, &in->chunk[in->taken]) == -1)
				return (-1);
			in->taken++;
		}
	}
	return (1);
}

/* 1: all; 0: output is full; 2: the coordinator is not to wait for our signs of
 * life until a slow function is through with the frame. */
static int
process_records(struct weir *w)
{
	struct inlet		*in = w->in;
	const struct frame	*f = &w->hand->f;
	int64_t			 until = now_ms() + SLICE_MS;
	long			 n, i;
	int			 done;

	for (;;) {
		if ((done = chunk_process(w)) != 1)
			return (done);
		if (in->pos >= (f->count > 0 ? f->count : f->textlen))
			return (1);
		if (now_ms() > until)
			return (2);
		if (f->count > 0)
			n = record_unpack(f, &in->pos, in->chunk, CHUNK);
		else
			n = record_split(f->text_at, f->textlen, &in->pos, &in->ordinal,
			    in->chunk, CHUNK);
		if (n == -1)
			return (frame_bad(w));
		for (i = 0; !w->keyed_in && i < n; i++)
			in->chunk[i].key = NULL;
		in->nchunk = (size_t)n;
		in->taken = 0;
	}
}

/* Work on the frame in hand. */
int
inlet_process(struct weir *w)
{
	struct inframe	*f = w->hand;
	int		 done;

	if (!w->quit) {
		if (w->stage->text != NULL && !w->records) {
			if (w->in->pos == 0 && process_text(w) == -1)
				return (-1);
		} else if ((done = process_records(w)) != 1)
			return (done);
		if ((done = emit_flush(w)) != 1)
			return (done);
	}
	w->hand = NULL;
	inframe_unref(w, f);
	if (w->in->back != NULL)
		feedback_stir(w->in->back);
	return (1);
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
