/*
 * upstream: how the links of the inputs come up.
 *
 * An upstream is knocked at for each of its subtasks that has a link for us; the
 * first answer says how many there are.  Then each link begins with a stream
 * frame.
 *
 * An upstream that is behind us in a loop waits for our stream before it sends its
 * own: its links come up later, when all others have, and have their numbers
 * behind them.  They take no part in alignments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "inlet.h"

#define KNOCK_AGAIN_MS	50

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

int
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
