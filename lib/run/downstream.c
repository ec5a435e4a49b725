/*
 * downstream: how the links of the outputs come up.
 *
 * Each output has one consuming stage, known by its first knock; each of that
 * stage's subtasks gets a link of its own, and when all are there a stream frame.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "outlet.h"

#define NOBODY_MS	3000		/* say that nobody has come */
#define GIVE_UP_MS	30000
#define AT_ONCE		64		/* knocks, in one turn */
#define HEADER_FACT	"header"

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
void
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

int
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

int
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
