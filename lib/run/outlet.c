/*
 * outlet: the outputs of a worker.
 *
 * Each output has one consuming stage, known by its first knock; each of that
 * stage's subtasks gets a link of its own.  A frame is held until all the
 * consumers that it was sent to have credited it: a slot comes back only then,
 * which is the back-pressure.  An output that is no pipe is written as text.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

#define NOBODY_MS	3000		/* say that nobody has come */
#define GIVE_UP_MS	30000
#define HEAL_MS		500
#define HEADER_FACT	"header"
#define AT_ONCE		64		/* knocks, or credits of a link, in one turn */

struct inflight {
	STAILQ_ENTRY(inflight)	 next;
	uint64_t		 seq;
	struct outframe		*of;
};

struct outlink {
	char			 nonce[WEIR_NAME_MAX + 1];
	unsigned		 subtask;	/* of the consumer */
	struct link		*link;		/* NULL: not asked for yet */
	int			 ready, enough;
	uint64_t		 end_seq;	/* 0: not sent */
	int			 ended;		/* and credited */
	STAILQ_HEAD(, inflight)	 inflight;
};

struct output {
	const struct wire_out	*wire;
	int			 tag;		/* number of its stream */
	char			 stage[WEIR_NAME_MAX + 1], run[WEIR_NAME_MAX + 1];
	unsigned		 parallelism;	/* of the consumer; 0: nobody has come */
	struct outlink		*links;		/* lane by lane */
	unsigned		 lanes;
	struct weir_output	*text;		/* NULL: it is links */
};

struct outlet {
	struct door		*door;
	struct output		 outs[ENDS_MAX];
	unsigned		 n;
	int64_t			 since_ms, heal_ms;
	int			 said, announced, rubbish;
};

static const char *
out_name(const struct output *o)
{
	return (o->stage[0] != '\0' ? o->stage : "the stage behind me");
}

/* 1, 0, or -1 while it hangs on inputs that are not known yet. */
static int
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

/* Which output does this consumer come for?  NULL: none, and why. */
static struct output *
output_find(struct outlet *t, const struct knock *k, char *why, size_t size)
{
	struct output	*o, *found = NULL;
	unsigned	 i;

	if (k->parallelism > ROUTE_GROUPS) {
		snprintf(why, size, "%u subtasks are more than %u", k->parallelism, ROUTE_GROUPS);
		return (NULL);
	}
	for (i = 0; i < t->n; i++) {
		o = &t->outs[i];
		if (o->wire->kind == WIRE_TEXT)
			continue;
		if (o->parallelism > 0 && strcmp(o->stage, k->stage) == 0 &&
		    strcmp(o->run, k->run) == 0 && (k->output == -1 || k->output == (int)i))
			found = o;
		else if (found == NULL && o->parallelism == 0 && (k->output == (int)i ||
		    (k->output == -1 && (o->wire->kind == WIRE_NETWORK ||
		    (o->wire->kind == WIRE_NAME && strcmp(o->wire->target, k->stage) == 0)))))
			found = o;
	}
	if (found == NULL)
		snprintf(why, size, "no output of mine is free for \"%s\"; give me another -o",
		    k->stage);
	else if (found->parallelism > 0 && found->parallelism != k->parallelism) {
		snprintf(why, size, "\"%s\" was said to have %u subtasks", k->stage,
		    found->parallelism);
		found = NULL;
	}
	return (found);
}

/* The consumer's first knock: as many links as this subtask will have with it. */
static int
output_take(struct weir *w, struct output *o, const struct knock *k)
{
	unsigned i;

	strlcpy(o->stage, k->stage, sizeof(o->stage));
	strlcpy(o->run, k->run, sizeof(o->run));
	o->parallelism = k->parallelism;
	o->lanes = output_keyed(w) ? k->parallelism : 1;
	if ((o->links = calloc(o->lanes, sizeof(*o->links))) == NULL)
		return (weir_error(w, "%s: %u links: %s", k->stage, o->lanes, strerror(ENOMEM)));
	for (i = 0; i < o->lanes; i++)
		STAILQ_INIT(&o->links[i].inflight);
	return (0);
}

static int
link_make(struct weir *w, struct output *o, struct outlink *l, const struct knock *k)
{
	char		 address[192];
	const char	*colon;

	if (o->wire->kind == WIRE_NETWORK) {
		colon = strrchr(o->wire->target, ':');
		snprintf(address, sizeof(address), "%.*s:0",
		    (int)(colon - o->wire->target), o->wire->target);
	} else
		snprintf(address, sizeof(address), "ipc://%s/%u-%s", rundir_path(w->dir),
		    (unsigned)job_attempt(w), k->nonce);
	l->link = link_listen(address, job_attempt(w), w->set.copy || k->copy, w->wake[1]);
	if (l->link == NULL || link_failed(l->link))
		return (weir_error(w, "link to %s: %s", k->stage,
		    l->link == NULL ? strerror(errno) : link_error(l->link)));
	strlcpy(l->nonce, k->nonce, sizeof(l->nonce));
	l->subtask = k->subtask;
	return (0);
}

/* The same knock gets the same answer: nng sends it again when it likes. */
static int
knock_answer(struct weir *w, const struct knock *k, struct answer *a)
{
	struct output	*o;
	struct outlink	*l;
	int		 keyed = output_keyed(w);

	memset(a, 0, sizeof(*a));
	strlcpy(a->stage, w->set.name, sizeof(a->stage));
	a->parallelism = w->set.parallelism;
	a->keyed = keyed == 1;
	a->kind = ANSWER_REFUSED;
	if ((o = output_find(w->out, k, a->reason, sizeof(a->reason))) == NULL)
		return (0);
	if (keyed == -1 || k->attempt != job_attempt(w)) {
		a->kind = ANSWER_WAIT;
		return (0);
	}
	switch (route_link(keyed, w->subtask, w->set.parallelism, k->subtask, k->parallelism)) {
	case ROUTE_REFUSED:
		/* the consumer knows the rule and says it with both numbers */
	case ROUTE_APART:
		a->kind = ANSWER_ELSEWHERE;
		return (0);
	case ROUTE_LINKED:
		break;
	}
	if (o->parallelism == 0 && output_take(w, o, k) == -1)
		return (-1);
	l = &o->links[o->lanes == 1 ? 0 : k->subtask];
	if (l->link == NULL && link_make(w, o, l, k) == -1)
		return (-1);
	if (strcmp(l->nonce, k->nonce) != 0) {
		snprintf(a->reason, sizeof(a->reason), "subtask %u of \"%s\" has come already",
		    k->subtask, k->stage);
		return (0);
	}
	a->kind = ANSWER_LINK;
	strlcpy(a->link, link_address(l->link), sizeof(a->link));
	return (0);
}

/* Listeners that nng has given up; until the streams are announced. */
static void
outlet_heal(struct outlet *t, int64_t now)
{
	unsigned i, j;

	if (now < t->heal_ms + HEAL_MS)
		return;
	t->heal_ms = now;
	if (t->door != NULL)
		door_heal(t->door);
	for (i = 0; i < t->n; i++)
		for (j = 0; t->outs[i].links != NULL && j < t->outs[i].lanes; j++)
			if (t->outs[i].links[j].link != NULL)
				link_heal(t->outs[i].links[j].link);
}

static int
door_serve(struct weir *w)
{
	struct outlet	*t = w->out;
	struct answer	 a;
	struct knock	 k;
	int		 got, n;

	for (n = 0; n < AT_ONCE && t->door != NULL && (got = door_recv(t->door, &k)) != 0; n++) {
		if (got == -1) {
			memset(&a, 0, sizeof(a));
			a.kind = ANSWER_REFUSED;
			a.parallelism = w->set.parallelism;
			strlcpy(a.stage, w->set.name, sizeof(a.stage));
			strlcpy(a.reason, "that was no knock", sizeof(a.reason));
			if (!t->rubbish)
				weir_warn(w, "somebody knocked at my door and was not understood");
			t->rubbish = 1;
		} else if (knock_answer(w, &k, &a) == -1)
			return (-1);
		if (a.kind == ANSWER_REFUSED && got == 1)
			weir_warn(w, "refused \"%s\": %s", k.stage, a.reason);
		door_answer(t->door, &a);	/* if it cannot be sent, it is asked again */
	}
	return (0);
}

static int
output_connected(const struct output *o)
{
	unsigned i;

	if (o->wire->kind == WIRE_TEXT)
		return (1);
	if (o->parallelism == 0)
		return (0);
	for (i = 0; i < o->lanes; i++)
		if (o->links[i].link == NULL || !link_up(o->links[i].link))
			return (0);
	return (1);
}

/* Tell the user who waits for nobody; an expired wait is an error. */
static int
nobody_check(struct weir *w, int64_t now, int strangers)
{
	struct outlet *t = w->out;

	if (strangers && !t->said && now >= t->since_ms + NOBODY_MS) {
		t->said = 1;
		weir_warn(w, "nobody has connected to my output for 3 s; if the next program "
		    "reads text, put 'weir sink -' before it");
	}
	if (w->job == NULL && now >= t->since_ms + GIVE_UP_MS)
		return (weir_error(w, "nobody has connected to my output for 30 s"));
	return (0);
}

int
outlet_connect(struct weir *w, int64_t now)
{
	struct outlet	*t = w->out;
	unsigned	 i;
	int		 missing = 0, strangers = 0;

	if (door_serve(w) == -1)
		return (-1);
	for (i = 0; i < t->n; i++) {
		missing |= !output_connected(&t->outs[i]);
		strangers |= t->outs[i].wire->kind != WIRE_TEXT && t->outs[i].parallelism == 0;
	}
	if (!missing)
		return (1);
	if (nobody_check(w, now, strangers) == -1)
		return (-1);
	return (0);
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

/* Our arenas, and where records are passed on those that they lie in.  Numbers
 * are places in the atlas: one that nobody needs is there without a name. */
static void
arenas_list(const struct weir *w, struct frame_stream *s)
{
	const struct arena	*a;
	int			 passes = (w->stage->flags & (WEIR_PASSES | WEIR_KEYS)) != 0;

	for (s->narenas = 0; s->narenas < w->atlas.n; s->narenas++) {
		a = w->atlas.arena[s->narenas];
		memset(&s->arenas[s->narenas], 0, sizeof(s->arenas[0]));
		if (passes || arena_ours(a))
			arena_describe(a, &s->arenas[s->narenas]);
	}
}

/*
 * Subtasks that write to one place have one header.  The first one writes it, at
 * once, the others wait for that; in a job only in its first attempt.  A subtask
 * that is alone writes it as the first line of its output.
 */
static int
header_missing(const struct weir *w)
{
	char fact[WEIR_NAME_MAX + 16];

	snprintf(fact, sizeof(fact), HEADER_FACT "-%s", w->set.name);
	return (w->header.text != NULL && (w->job == NULL || w->job->restored == NULL) &&
	    !rundir_marked(w->dir, fact));
}

int
outlet_header_awaited(const struct weir *w)
{
	unsigned i;

	if (w->subtask == 0)
		return (0);
	for (i = 0; i < w->out->n; i++)
		if (w->out->outs[i].text != NULL)
			return (header_missing(w));
	return (0);
}

static int
header_mark(struct weir *w)
{
	char fact[WEIR_NAME_MAX + 16];

	snprintf(fact, sizeof(fact), HEADER_FACT "-%s", w->set.name);
	if (rundir_mark(w->dir, fact) == -1)
		return (weir_error(w, "%s: %s", rundir_path(w->dir), strerror(errno)));
	return (0);
}

static int
header_write(struct weir *w)
{
	struct output	*o;
	struct buf	 line = { 0 };
	unsigned	 i;
	int		 bad = 0, alone = w->set.parallelism == 1, n = 0;

	if (w->header.text == NULL || w->subtask != 0 || (!alone && !header_missing(w)))
		return (0);
	if (buf_add(&line, w->header.text, w->header.len) == -1 || buf_add(&line, "\n", 1) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	for (i = 0; i < w->out->n && !bad; i++) {
		o = &w->out->outs[i];
		if (o->text == NULL || (alone && weir_output_size(o->text) > 0))
			continue;
		n++;
		bad = alone ? weir_output_write(o->text, (char *)line.data, line.len) :
		    output_write_now(o->text, (char *)line.data, line.len);
	}
	buf_free(&line);
	return (bad ? -1 : !alone && n > 0 ? header_mark(w) : 0);
}

int
outlet_announce(struct weir *w)
{
	struct outlet		*t = w->out;
	struct frame_stream	*s;
	unsigned		 i, j;
	int			 bad = 0;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	strlcpy(s->stage, w->set.name, sizeof(s->stage));
	s->subtask = w->subtask;
	s->parallelism = w->set.parallelism;
	s->keyed = output_keyed(w) == 1;
	s->separator = (uint32_t)w->separator;
	s->record_max = w->record_max;
	s->header = w->header.text;
	s->headerlen = w->header.len;
	s->key = w->key.text;
	s->keylen = w->key.len;
	t->announced = 1;
	bad = header_write(w) == -1;
	for (i = 0; i < t->n && !bad; i++) {
		for (j = 0; t->outs[i].links != NULL && j < t->outs[i].lanes && !bad; j++) {
			arenas_list(w, s);
			if (link_send_stream(t->outs[i].links[j].link, s) == -1)
				bad = link_lost(w, "link to %s: %s", out_name(&t->outs[i]),
				    link_error(t->outs[i].links[j].link));
		}
	}
	free(s);
	return (bad ? -1 : 0);
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
	if (l->enough)
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
