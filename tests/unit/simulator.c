/*
 * simulator: whole jobs in one process, driven by a seed.
 *
 * The objects of lib/rules are the ones that the programs run.  Around them:
 * processes that die at any step, links that lose what is under way, views that
 * are lost or repeated, disks that forget what was not synced, a coordinator
 * that dies before or after its file was replaced.  Each step one thing is
 * chosen at random and the invariants are checked:
 *
 *	1	published output is a prefix of the failure-free one (one path), or
 *		never holds a record twice (several); at the end nothing is missing
 *	2, 7	a completed checkpoint: what a stage has applied = the records
 *		below the source positions, on every path
 *	4	nothing of another attempt is acted on
 *	6	published <= completed; attempt and completed only grow; ids are new
 *	8	when the crashes are over the job finishes
 *
 * One seed replays one run: SEED=n SCHEDULES=1 TRACE=1.  The mutants are
 * protocols that are wrong on purpose; each has to be found.
 */
#include <stdint.h>

#include "rules.h"
#include "tap.h"

#define NODES		6
#define LINKS		8
#define RECORDS		40		/* of each source */
#define QUEUE		512
#define ROOM		4		/* data frames on a link: back-pressure */
#define IDS		8192
#define CHAOS		3000		/* steps with failures */
#define CALM		60000		/* steps in which the job has to finish then */

enum kind { SOURCE, OPERATOR, SINK };
enum mutant {
	NONE, COMMIT_AT_BARRIER, POSITION_EARLY, VIEW_BEFORE_PERSIST, NO_ALIGNMENT,
	ID_REUSED, ACK_BEFORE_SYNC, TRIM_BEFORE_FSYNC, COMMITTED_BEFORE_FSYNC, MUTANTS
};

static const char *const mutant_name[] = {
	"none", "commit at the barrier", "source position one record early",
	"view before job.json", "no alignment", "ids reused after a crash",
	"ack before sync", "journal trimmed before the output's fsync",
	"committed said before the fsync",
};

enum ftype { DATA, BARRIER, END };

struct sframe {
	enum ftype	 type;
	uint64_t	 id;
	int		 source, record;
};

struct slink {
	int		 from, to, partition;	/* partition: odd or even records only; -1: all */
	uint32_t	 attempt;
	int		 broken;
	struct sframe	 q[QUEUE];
	unsigned	 head, tail, data;
};

/* What an ack carries: positions of a source, applied records of the others. */
struct payload {
	int		 pos;
	int		 applied[2];
	int		 to;			/* sink: end of its journal */
};

struct writing {
	uint64_t	 id;
	struct payload	 p;
};

enum up { REGISTER, CONNECTED, ACK, DECLINE, FINISHED, COMMITTED };

struct upmsg {
	enum up		 what;
	uint64_t	 id;
	uint32_t	 attempt;
	struct payload	 p;
};

struct node {
	enum kind	 kind;
	int		 source;		/* number of a source */
	/* volatile */
	int		 alive, linked;		/* linked: control link is up */
	int		 registered;
	struct member	 m;
	struct align	 a;
	uint8_t		 parked[LINKS];
	int		 joined, connected, run, ended, end_sent, ends;
	struct payload	 now;
	struct writing	 w[64];
	unsigned	 nw;
	int		 publish_to, publish_at;
	uint64_t	 commit_id;
	struct upmsg	 up[256];
	unsigned	 nup;
	/* on disk: a sink's journal and output, what was synced of them */
	struct sframe	 journal[4096];
	int		 jend, jsynced, jbase;
	struct sframe	 out[4096];
	int		 olen, osynced;
};

struct world {
	struct node	 n[NODES];
	struct slink	 l[LINKS];
	int		 nodes, links, sources, paths;
	int		 coord_alive;
	struct coord	 c;
	struct payload	 acked[IDS][NODES];	/* volatile, then durable when retained */
	/* job.json */
	uint32_t	 d_attempt;
	uint64_t	 d_reserved, d_retained[8];
	unsigned	 d_nretained;
	int64_t		 now;
	uint64_t	 rng, seed;
	uint8_t		 used[IDS];		/* ids that were given out */
	uint64_t	 given;
	uint64_t	 max_completed;
	uint32_t	 max_attempt;
	enum mutant	 mutant;
	int		 chaos, at_least_once, trace;
	char		 violation[160];
};

static struct world W;

static uint64_t
rnd(struct world *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return ((w->rng >> 11) % n);
}

static void
violate(struct world *w, const char *what)
{
	if (w->violation[0] == '\0')
		snprintf(w->violation, sizeof(w->violation), "seed %llu: %s",
		    (unsigned long long)w->seed, what);
}

#define TRACE(w, ...) do { if ((w)->trace) { printf("# "); printf(__VA_ARGS__); } } while (0)

/* Shapes */

static void
link_add(struct world *w, int from, int to, int partition)
{
	struct slink *l = &w->l[w->links++];

	l->from = from;
	l->to = to;
	l->partition = partition;
}

static void
node_add(struct world *w, enum kind kind)
{
	struct node *n = &w->n[w->nodes++];

	n->kind = kind;
	if (kind == SOURCE)
		n->source = w->sources++;
}

static void
shape(struct world *w, int which)
{
	w->paths = 1;
	switch (which) {
	case 0:				/* a chain */
		node_add(w, SOURCE), node_add(w, OPERATOR), node_add(w, SINK);
		link_add(w, 0, 1, -1), link_add(w, 1, 2, -1);
		break;
	case 1:				/* fan-in */
		node_add(w, SOURCE), node_add(w, SOURCE), node_add(w, OPERATOR);
		node_add(w, SINK);
		link_add(w, 0, 2, -1), link_add(w, 1, 2, -1), link_add(w, 2, 3, -1);
		break;
	case 2:				/* a diamond: every record comes twice */
		node_add(w, SOURCE), node_add(w, OPERATOR), node_add(w, OPERATOR);
		node_add(w, OPERATOR), node_add(w, SINK);
		link_add(w, 0, 1, -1), link_add(w, 0, 2, -1), link_add(w, 1, 3, -1);
		link_add(w, 2, 3, -1), link_add(w, 3, 4, -1);
		w->paths = 2;
		break;
	default:			/* -p 2 behind keyby */
		node_add(w, SOURCE), node_add(w, OPERATOR), node_add(w, OPERATOR);
		node_add(w, OPERATOR), node_add(w, SINK);
		link_add(w, 0, 1, -1), link_add(w, 1, 2, 0), link_add(w, 1, 3, 1);
		link_add(w, 2, 4, -1), link_add(w, 3, 4, -1);
		break;
	}
}

/* How often node n has seen record i of a source, if everything got there. */
static int
reaches(const struct world *w, int n, int source, int i)
{
	int k, sum = 0;

	if (w->n[n].kind == SOURCE)
		return (w->n[n].source == source);
	for (k = 0; k < w->links; k++)
		if (w->l[k].to == n && (w->l[k].partition == -1 || w->l[k].partition == i % 2))
			sum += reaches(w, w->l[k].from, source, i);
	return (sum);
}

/* Invariants */

static void
check_checkpoint(struct world *w, uint64_t id)
{
	int n, s, i, want;

	if (w->at_least_once)
		return;
	for (n = 0; n < w->nodes; n++) {
		if (w->n[n].kind == SOURCE)
			continue;
		for (s = 0; s < w->nodes; s++) {
			if (w->n[s].kind != SOURCE)
				continue;
			for (want = 0, i = 0; i < w->acked[id % IDS][s].pos; i++)
				want += reaches(w, n, w->n[s].source, i);
			if (w->acked[id % IDS][n].applied[w->n[s].source] != want)
				violate(w, "a snapshot holds not what is below the source position");
		}
	}
}

static void
check_output(struct world *w, const struct node *n, int k)
{
	const struct sframe	*f = &n->out[k];
	int			 i, seen = 0;

	if (w->links == 2 && (f->source != 0 || f->record != k))
		violate(w, "published output is no prefix of the failure-free one");
	for (i = 0; i < n->olen; i++)
		seen += n->out[i].source == f->source && n->out[i].record == f->record;
	if (seen > w->paths)
		violate(w, "a record was published twice");
}

static void
check_end(struct world *w)
{
	struct node	*n = &w->n[w->nodes - 1];

	if (n->olen != RECORDS * w->sources * w->paths)
		violate(w, "done, and output is missing");
	if (n->osynced != n->olen)
		violate(w, "done, and output is not on disk");
}

/* Coordinator */

static void
send_up(struct node *n, enum up what, uint64_t id, const struct payload *p)
{
	struct upmsg *u;

	if (!n->linked || n->nup == 256)
		return;
	u = &n->up[n->nup++];
	memset(u, 0, sizeof(*u));
	u->what = what;
	u->id = id;
	u->attempt = n->m.attempt;
	if (p != NULL)
		u->p = *p;
}

static void
coord_die(struct world *w)
{
	int i;

	TRACE(w, "coordinator dies\n");
	coord_close(&w->c);
	w->coord_alive = 0;
	for (i = 0; i < w->nodes; i++) {
		w->n[i].linked = 0;
		w->n[i].nup = 0;
	}
}

static void
persist(struct world *w)
{
	struct coord	*c = &w->c;
	unsigned	 i;

	w->d_attempt = c->attempt;
	w->d_reserved = w->mutant == ID_REUSED ? c->highest : c->reserved;
	w->d_nretained = c->nretained;
	for (i = 0; i < c->nretained; i++)
		w->d_retained[i] = c->retained[i];
	c->persist = 0;
}

/* After each event: job.json first, and only then the view. */
static void
coord_after(struct world *w)
{
	struct coord	*c = &w->c;

	if (c->completed_now != 0 && c->completed_now <= w->max_completed)
		violate(w, "the completed checkpoint went back");
	if (c->attempt < w->max_attempt)
		violate(w, "the attempt went back");
	w->max_attempt = c->attempt;
	if (c->persist) {
		/* an fsync that fails: old or new, nobody knows; we exit */
		if (w->chaos && rnd(w, 60) == 0) {
			if (rnd(w, 2)) {
				if (c->completed_now)
					w->max_completed = c->completed_now;
				persist(w);
			}
			coord_die(w);
			return;
		}
		if (w->mutant == VIEW_BEFORE_PERSIST && w->chaos && rnd(w, 4) == 0)
			;		/* written later, perhaps */
		else
			persist(w);
	}
	/* only now can anybody hear of it */
	for (; w->given < c->highest; w->given++) {
		if (w->used[(w->given + 1) % IDS])
			violate(w, "an id was used twice");
		w->used[(w->given + 1) % IDS] = 1;
	}
	if (c->completed_now) {
		TRACE(w, "checkpoint %llu completed\n", (unsigned long long)c->completed_now);
		w->max_completed = c->completed_now;
		check_checkpoint(w, c->completed_now);
		c->completed_now = 0;
	}
}

static void
coord_start(struct world *w)
{
	struct coord	*c = &w->c;
	unsigned	 i;

	memset(c, 0, sizeof(*c));
	c->restart.kind = RESTART_EXPONENTIAL;
	c->restart.delay_ms = 1;
	c->restart.max_ms = 20;
	c->restart.factor = 1.5;
	c->trigger.interval_ms = 20;
	c->trigger.concurrent = 1 + (unsigned)(w->seed % 3);
	c->timeout_ms = 200;
	c->retain = 1 + (unsigned)(w->seed / 3 % 2);
	c->attempt = w->d_attempt;
	c->reserved = w->d_reserved;
	c->retained = calloc(8, sizeof(uint64_t));
	for (i = 0; i < w->d_nretained; i++)
		c->retained[i] = w->d_retained[i];
	c->nretained = w->d_nretained;
	coord_open(c, w->now);
	w->given = c->highest;
	w->coord_alive = 1;
	TRACE(w, "coordinator starts, attempt %u\n", c->attempt);
	coord_after(w);
}

static void
coord_hear(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	struct upmsg	 u;
	struct coord	*c = &w->c;
	unsigned	 k;
	int		 all = 1;

	u = n->up[0];
	if (u.what == REGISTER) {
		n->registered = coord_register(c, (unsigned)i, n->kind == SOURCE, w->now);
		if (!n->registered) {	/* it will knock again */
			coord_after(w);
			return;
		}
		n->m.attempt = c->attempt;
		n->nup = 0;
		for (k = 0; k < (unsigned)w->nodes; k++)
			all &= k < c->nmembers && c->member[k].present;
		if (all && !c->whole)
			coord_whole(c, w->now);
		coord_after(w);
		return;
	}
	memmove(&n->up[0], &n->up[1], --n->nup * sizeof(u));
	if (u.attempt != c->attempt)
		return;
	switch (u.what) {
	case CONNECTED:
		coord_connected(c, (unsigned)i, w->now);
		break;
	case ACK:
		if (c->state == JOB_RUNNING)
			w->acked[u.id % IDS][i] = u.p;
		coord_ack(c, (unsigned)i, u.id, w->now);
		break;
	case DECLINE:
		coord_decline(c, (unsigned)i, u.id, w->now);
		break;
	case FINISHED:
		coord_finished(c, (unsigned)i, w->now);
		break;
	default:
		coord_committed(c, (unsigned)i, u.id, w->now);
		break;
	}
	coord_after(w);
}

/* Nodes */

static void
node_die(struct world *w, int i, int power)
{
	struct node	*n = &w->n[i];
	int		 k;

	if (power) {
		/* what was not synced is gone, as far as the disk pleases */
		if (n->jend > n->jsynced)
			n->jend = n->jsynced + (int)rnd(w, (uint64_t)(n->jend - n->jsynced + 1));
		if (n->olen > n->osynced)
			n->olen = n->osynced + (int)rnd(w, (uint64_t)(n->olen - n->osynced + 1));
	}
	if (!n->alive)
		return;
	TRACE(w, "node %d dies\n", i);
	n->alive = 0;
	for (k = 0; k < w->links; k++)
		if ((w->l[k].from == i || w->l[k].to == i) && w->l[k].attempt == n->m.attempt)
			w->l[k].broken = 1;
	if (n->linked && w->coord_alive) {
		n->linked = 0;
		n->nup = 0;
		if (n->registered && n->m.attempt == w->c.attempt) {
			coord_lost(&w->c, (unsigned)i, w->now);
			coord_after(w);
		}
	}
	n->linked = 0;
}

static void
node_start(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	int		 k;

	n->alive = 1;
	n->linked = 1;
	n->registered = 0;
	memset(&n->m, 0, sizeof(n->m));
	memset(&n->a, 0, sizeof(n->a));
	memset(n->parked, 0, sizeof(n->parked));
	memset(&n->now, 0, sizeof(n->now));
	n->m.source = n->kind == SOURCE;
	n->a.parked = n->parked;
	n->a.at_least_once = w->at_least_once || w->mutant == NO_ALIGNMENT;
	for (k = 0; k < w->links; k++)
		n->a.links += w->l[k].to == i;
	n->joined = n->connected = n->run = n->ended = n->end_sent = n->ends = 0;
	n->nw = n->nup = 0;
	n->publish_to = n->publish_at = 0;
	n->commit_id = 0;
	send_up(n, REGISTER, 0, NULL);
}

static int
full(const struct world *w, int i)
{
	int k;

	for (k = 0; k < w->links; k++)
		if (w->l[k].from == i && (w->l[k].data >= ROOM || w->l[k].tail >= QUEUE - 4))
			return (1);
	return (0);
}

static void
forward(struct world *w, int i, const struct sframe *f)
{
	struct slink	*l;
	int		 k;

	for (k = 0; k < w->links; k++) {
		l = &w->l[k];
		if (l->from != i || l->broken || l->tail == QUEUE ||
		    l->attempt != w->n[i].m.attempt)
			continue;
		if (f->type == DATA && l->partition != -1 && l->partition != f->record % 2)
			continue;
		l->q[l->tail++] = *f;
		l->data += f->type == DATA;
	}
}

/* One step between two records: the barrier goes first, then the snapshot. */
static void
snapshot(struct world *w, int i, uint64_t id)
{
	struct node	*n = &w->n[i];
	struct sframe	 f = { .type = BARRIER, .id = id };

	forward(w, i, &f);
	if (w->chaos && rnd(w, 80) == 0) {
		send_up(n, DECLINE, id, NULL);
		return;
	}
	if (n->kind == SINK)
		n->now.to = n->jend;
	if (n->nw == 64)
		return;
	n->w[n->nw].id = id;
	n->w[n->nw].p = n->now;
	if (n->kind == SOURCE && w->mutant == POSITION_EARLY && n->now.pos > 0)
		n->w[n->nw].p.pos--;
	if (w->mutant == ACK_BEFORE_SYNC) {
		send_up(n, ACK, id, &n->w[n->nw].p);
		return;
	}
	n->nw++;
	if (n->kind == SINK && w->mutant == COMMIT_AT_BARRIER)
		n->publish_to = n->now.to;
}

static void
node_restore(struct world *w, int i)
{
	struct node		*n = &w->n[i];
	const struct payload	*p = &w->acked[n->m.restore % IDS][i];
	int			 k;

	memset(&n->now, 0, sizeof(n->now));
	if (n->m.restore != 0)
		n->now = *p;
	if (n->kind == SINK) {
		if (n->jend < n->now.to)
			violate(w, "a restored checkpoint's journal is not there");
		if (n->olen > n->now.to && w->mutant == NONE)
			violate(w, "more is published than was completed");
		n->jend = n->now.to;
		n->publish_at = n->jbase;
		n->publish_to = n->now.to;
		if (n->olen < n->jbase)
			violate(w, "the journal was trimmed and the output is shorter");
	}
	n->joined = 1;
	for (k = 0; k < w->links; k++)
		if ((w->l[k].from == i || w->l[k].to == i) && w->l[k].attempt != n->m.attempt) {
			w->l[k].attempt = n->m.attempt;
			w->l[k].broken = 0;
			w->l[k].head = w->l[k].tail = w->l[k].data = 0;
		}
}

static void
node_view(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	struct view	 v;
	unsigned	 todo, k;
	struct sframe	 f = { .type = END };

	coord_view(&w->c, &v);
	todo = member_view(&n->m, &v);
	if (todo & (MEMBER_LEAVE | MEMBER_FAIL)) {
		n->linked = 0;
		n->alive = 0;
		return;
	}
	if (todo & MEMBER_AGAIN) {
		node_die(w, i, 0);
		return;
	}
	if (todo & MEMBER_RESTORE)
		node_restore(w, i);
	if (!n->joined)
		return;
	if (n->kind != SOURCE)
		align_view(&n->a, &n->m.ids);
	if (todo & MEMBER_RUN)
		n->run = 1;
	if (todo & MEMBER_COMMIT || ((todo & MEMBER_RUN) && n->m.completed != 0)) {
		n->commit_id = n->m.completed;
		if (n->kind == SINK) {
			n->publish_to = w->acked[n->m.completed % IDS][i].to;
			if (n->publish_to < n->publish_at && n->publish_at > n->olen)
				violate(w, "published is beyond completed");
		}
	}
	if ((todo & MEMBER_STOP) && !n->end_sent) {
		n->end_sent = 1;
		forward(w, i, &f);
		send_up(n, FINISHED, 0, NULL);
	}
	if (todo & MEMBER_BARRIER)
		for (k = 0; k < n->m.nbarrier; k++)
			snapshot(w, i, n->m.barrier[k]);
}

static void
node_connect(struct world *w, int i)
{
	struct node	*n = &w->n[i], *other;
	int		 k;

	for (k = 0; k < w->links; k++) {
		if (w->l[k].from != i && w->l[k].to != i)
			continue;
		other = &w->n[w->l[k].from == i ? w->l[k].to : w->l[k].from];
		if (!other->alive || !other->joined || other->m.attempt != n->m.attempt ||
		    w->l[k].broken)
			return;
	}
	n->connected = 1;
	send_up(n, CONNECTED, 0, NULL);
}

static void
node_produce(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	struct sframe	 f = { .type = DATA, .source = n->source, .record = n->now.pos };

	if (n->now.pos < RECORDS) {
		n->now.pos++;
		forward(w, i, &f);
	} else {
		f.type = END;
		n->end_sent = 1;
		forward(w, i, &f);
		send_up(n, FINISHED, 0, NULL);
	}
}

static void
node_take(struct world *w, int i, int k)
{
	struct node	*n = &w->n[i];
	struct slink	*l = &w->l[k];
	struct sframe	 f = l->q[l->head++];
	unsigned	 place = 0;
	int		 j;

	if (l->head == l->tail)
		l->head = l->tail = 0;
	for (j = 0; j < k; j++)
		place += w->l[j].to == i;
	switch (f.type) {
	case DATA:
		l->data--;
		n->now.applied[f.source]++;
		if (n->kind == SINK)
			n->journal[n->jend++] = f;
		else
			forward(w, i, &f);
		break;
	case BARRIER:
		if (align_barrier(&n->a, place, f.id, &n->m.ids) == ALIGN_SNAPSHOT)
			snapshot(w, i, f.id);
		break;
	case END:
		if (++n->ends == (int)n->a.links) {
			n->ended = 1;
			forward(w, i, &f);
		}
		break;
	}
}

/* The writer: the oldest snapshot becomes durable, or the disk is broken. */
static void
node_write(struct world *w, int i)
{
	struct node *n = &w->n[i];

	if (w->chaos && rnd(w, 100) == 0) {
		node_die(w, i, 0);
		return;
	}
	if (n->kind == SINK && n->jsynced < n->w[0].p.to)
		n->jsynced = n->w[0].p.to;
	send_up(n, ACK, n->w[0].id, &n->w[0].p);
	memmove(&n->w[0], &n->w[1], --n->nw * sizeof(n->w[0]));
}

/* Publish one record, or at the end fsync and say that it is committed. */
static void
node_commit(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	int		 k = n->publish_at;

	if (n->kind == SINK && k < n->publish_to) {
		if (k < n->olen && (n->out[k].source != n->journal[k].source ||
		    n->out[k].record != n->journal[k].record))
			violate(w, "a commit done again writes other bytes");
		n->out[k] = n->journal[k];
		if (k >= n->olen) {
			n->olen = k + 1;
			check_output(w, n, k);
		}
		n->publish_at++;
		if (w->mutant == TRIM_BEFORE_FSYNC)
			n->jbase = n->publish_at;
		return;
	}
	if (n->kind == SINK && w->mutant != COMMITTED_BEFORE_FSYNC) {
		n->osynced = n->publish_at > n->osynced ? n->publish_at : n->osynced;
		if (n->m.oldest != 0 && w->acked[n->m.oldest % IDS][i].to <= n->osynced &&
		    w->acked[n->m.oldest % IDS][i].to > n->jbase)
			n->jbase = w->acked[n->m.oldest % IDS][i].to;
	}
	send_up(n, COMMITTED, n->commit_id, NULL);
	n->commit_id = 0;
}

/* One of the things that this node could do now; 0 if there is none. */
static int
node_step(struct world *w, int i)
{
	struct node	*n = &w->n[i];
	struct slink	*l;
	int		 k, start, j;
	unsigned	 place;

	if (!n->alive) {
		if (!w->coord_alive)
			return (0);
		node_start(w, i);
		return (1);
	}
	if (!n->linked) {		/* hears nothing any more: exit 75, and again */
		if (rnd(w, 4) == 0)
			node_die(w, i, 0);
		else if (!n->joined)
			return (0);
	}
	switch (rnd(w, 5)) {
	case 0:
		if (n->nw > 0) {
			node_write(w, i);
			return (1);
		}
		break;
	case 1:
		if (n->joined && (n->publish_at < n->publish_to || n->commit_id != 0)) {
			node_commit(w, i);
			return (1);
		}
		break;
	case 2:
		if (n->joined && !n->connected) {
			node_connect(w, i);
			return (1);
		}
		break;
	default:
		if (n->kind == SOURCE) {
			if (n->run && !n->end_sent && !full(w, i)) {
				node_produce(w, i);
				return (1);
			}
			return (0);
		}
		for (start = (int)rnd(w, LINKS), k = 0; k < w->links; k++) {
			l = &w->l[(start + k) % w->links];
			if (l->to != i || l->broken || l->head == l->tail || !n->joined ||
			    l->attempt != n->m.attempt)
				continue;
			for (place = 0, j = 0; &w->l[j] != l; j++)
				place += w->l[j].to == i;
			if (n->parked[place] || full(w, i))
				continue;
			node_take(w, i, (int)(l - w->l));
			return (1);
		}
	}
	return (0);
}

static void
crash(struct world *w)
{
	int i, power;

	switch (rnd(w, 6)) {
	case 0:
		if (w->coord_alive)
			coord_die(w);
		break;
	case 1:				/* everything; half of the time the power */
		power = (int)rnd(w, 2);
		for (i = 0; i < w->nodes; i++)
			node_die(w, i, power);
		if (w->coord_alive)
			coord_die(w);
		break;
	default:
		node_die(w, (int)rnd(w, (uint64_t)w->nodes), 0);
	}
}

static void
world_step(struct world *w)
{
	int i = (int)rnd(w, (uint64_t)w->nodes);

	if (w->chaos && rnd(w, 150) == 0) {
		crash(w);
		return;
	}
	switch (rnd(w, 8)) {
	case 0:
		w->now += (int64_t)rnd(w, 4);
		if (!w->coord_alive)
			coord_start(w);
		else {
			coord_tick(&w->c, w->now);
			coord_after(w);
		}
		break;
	case 1:
		/* the newest view, lost now and then, and said again by the heartbeat */
		if (w->coord_alive && w->n[i].registered && w->n[i].linked && rnd(w, 5) != 0)
			node_view(w, i);
		break;
	case 2:
		if (w->coord_alive && w->n[i].linked && w->n[i].nup > 0)
			coord_hear(w, i);
		break;
	default:
		node_step(w, i);
	}
}

static int
schedule(uint64_t seed, enum mutant mutant)
{
	struct world	*w = &W;
	int		 step;

	memset(w, 0, sizeof(*w));
	w->seed = seed;
	w->rng = seed * 0x9e3779b97f4a7c15U + 1;
	w->mutant = mutant;
	w->trace = getenv("TRACE") != NULL;
	for (step = 0; step < 8; step++)
		rnd(w, 2);
	shape(w, (int)(seed % 4));
	coord_start(w);
	w->chaos = 1;
	for (step = 0; step < CHAOS + CALM && w->violation[0] == '\0'; step++) {
		if (step == CHAOS)
			w->chaos = 0;
		world_step(w);
		if (w->coord_alive && w->c.state == JOB_DONE)
			break;
	}
	if (w->violation[0] == '\0') {
		if (step == CHAOS + CALM)
			violate(w, "the crashes are over and the job does not finish");
		else
			check_end(w);
	}
	if (w->coord_alive)
		coord_close(&w->c);
	return (w->violation[0] == '\0' ? 0 : -1);
}

static uint64_t	first_seed = 1, schedules = 2000;

static void
schedules_keep_the_invariants(void)
{
	uint64_t s, bad = 0;

	for (s = first_seed; s < first_seed + schedules && bad < 5; s++)
		if (schedule(s, NONE) == -1) {
			printf("# %s\n", W.violation);
			bad++;
		}
	CHECK(bad == 0);
	printf("# %llu schedules from seed %llu\n", (unsigned long long)schedules,
	    (unsigned long long)first_seed);
}

static void
each_mutant_is_found(void)
{
	uint64_t	s;
	int		m;

	for (m = NONE + 1; m < MUTANTS; m++) {
		for (s = 1; s < 3000 && schedule(s, (enum mutant)m) == 0; s++)
			;
		printf("# mutant \"%s\": %s\n", mutant_name[m],
		    W.violation[0] != '\0' ? W.violation : "NOT FOUND");
		CHECK(W.violation[0] != '\0');
	}
}

int
main(void)
{
	if (getenv("SEED") != NULL)
		first_seed = strtoull(getenv("SEED"), NULL, 10);
	if (getenv("SCHEDULES") != NULL)
		schedules = strtoull(getenv("SCHEDULES"), NULL, 10);
	RUN(schedules_keep_the_invariants);
	if (getenv("TRACE") == NULL)
		RUN(each_mutant_is_found);
	DONE();
}
