/*
 * ledger: job.json is what coord says, with the parts that came in; what could not
 * be saved changes nothing.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "ledger.h"
#include "tap.h"

static char		 dir[64], why[1024];
static struct jobdir	*d;
static struct ledger	 l;
static struct coord	 c;

/* A job of two members that runs, as it is after so many saves. */
static int
begin(void)
{
	int found, i;

	d = jobdir_open(dir, 1, why, sizeof(why));
	CHECK(d != NULL && jobdir_lock(d) == 0);
	found = ledger_open(&l, d, 128);
	memset(&c, 0, sizeof(c));
	c.timeout_ms = 1000;
	c.retain = 2;
	c.trigger.concurrent = 4;
	c.attempt = l.file.attempt;
	c.reserved = l.file.reserved;
	c.retained = calloc(8, sizeof(*c.retained));
	for (i = 0; i < (int)l.file.ncheckpoints; i++)
		c.retained[c.nretained++] = l.file.checkpoint[i].id;
	coord_open(&c, 0);
	for (i = 0; i < 2; i++)
		coord_register(&c, (unsigned)i, i == 0, 0);
	coord_whole(&c, 0);
	for (i = 0; i < 2; i++)
		coord_connected(&c, (unsigned)i, 0);
	return (found);
}

static void
end(void)
{
	ledger_close(&l);
	coord_close(&c);
	jobdir_close(d);
}

static struct jobfile_subtask
part(const char *stage, const char *state)
{
	struct jobfile_subtask s = { .parallelism = 1 };

	strcpy(s.stage, stage);
	s.state = strdup(state);
	s.statelen = strlen(state);
	return (s);
}

/* A checkpoint that both members ack; its states are text. */
static uint64_t
checkpoint(const char *text)
{
	struct jobfile_subtask	a = part("source", text), b = part("sink", text);
	uint64_t		id = coord_request(&c, COORD_REQUESTED, 100);

	CHECK(id != 0 && ledger_begin(&l, id, 1700000000000, 2) == 0);
	ledger_part(&l, id, 1, &b, 10, 1);
	ledger_part(&l, id, 0, &a, 20, 2);
	CHECK(a.state == NULL && b.state == NULL);
	coord_ack(&c, 0, id, 150);
	coord_ack(&c, 1, id, 150);
	return (id);
}

static void
forget_ended(void)
{
	struct coord_pending *p;

	while ((p = coord_ended(&c)) != NULL) {
		ledger_end(&l, p->id);
		coord_pending_free(p);
	}
}

static void
save(void)
{
	CHECK(ledger_save(&l, &c) == 0);
	coord_saved(&c);
	forget_ended();
}

static void
ledger_of_a_new_job_is_there_once_it_is_saved(void)
{
	CHECK(begin() == 0 && !jobdir_begun(d) && l.file.groups == 128);
	CHECK(ledger_last(&l) == NULL);
	save();
	CHECK(jobdir_begun(d));
	end();
}

static void
ledger_keeps_what_is_retained_and_no_more(void)
{
	const struct jobfile_checkpoint *last;
	int				 i;

	CHECK(begin() == 1);
	for (i = 0; i < 3; i++) {
		checkpoint(i == 2 ? "third" : "earlier");
		save();
	}
	CHECK(l.file.ncheckpoints == 2 && l.underway == NULL);
	last = ledger_last(&l);
	CHECK(last->id == c.retained[1] && last->kind == JOBFILE_REQUESTED);
	CHECK(last->duration_ms == 50 && last->triggered_ms == 1700000000000);
	CHECK(last->nsubtasks == 2 && strcmp(last->subtask[1].stage, "source") == 0);
	end();
	CHECK(begin() == 1);			/* and so it was on disk */
	last = ledger_last(&l);
	CHECK(l.file.ncheckpoints == 2 && last->subtask[0].statelen == 5 &&
	    memcmp(last->subtask[0].state, "third", 5) == 0);
	end();
}

static void
ledger_unsaved_is_as_it_was(void)
{
	struct rlimit	rl = { 0, RLIM_INFINITY };
	uint64_t	was;

	begin();
	save();
	was = ledger_last(&l)->id;
	checkpoint("never");
	CHECK(setrlimit(RLIMIT_FSIZE, &rl) == 0);
	CHECK(ledger_save(&l, &c) == -1 && errno == EFBIG && !jobdir_unknown(d));
	rl.rlim_cur = RLIM_INFINITY;
	CHECK(setrlimit(RLIMIT_FSIZE, &rl) == 0);
	coord_unsaved(&c, 200);
	forget_ended();
	CHECK(ledger_last(&l)->id == was && l.underway == NULL);
	checkpoint("after");
	save();
	CHECK(ledger_last(&l)->id > was);
	end();
}

static void
ledger_part_counts_once_and_only_under_way(void)
{
	struct jobfile_subtask	a = part("source", "a"), again = part("source", "b");
	struct underway		*u;

	begin();
	save();
	CHECK(ledger_begin(&l, 1000, 0, 2) == 0);
	ledger_part(&l, 1000, 0, &a, 20, 2);
	ledger_part(&l, 1000, 0, &again, 30, 2);
	u = ledger_find(&l, 1000);
	CHECK(u != NULL && u->bytes == 20 && u->last == 0 && again.state == NULL);
	a = part("source", "late");
	ledger_part(&l, 999, 0, &a, 20, 2);
	CHECK(a.state == NULL && ledger_find(&l, 999) == NULL);
	a = part("source", "beyond");
	ledger_part(&l, 1000, 2, &a, 20, 2);
	CHECK(a.state == NULL && u->bytes == 20);
	end();
}

int
main(void)
{
	char command[96];

	signal(SIGXFSZ, SIG_IGN);
	strcpy(dir, "/tmp/weir-ledger.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	RUN(ledger_of_a_new_job_is_there_once_it_is_saved);
	RUN(ledger_keeps_what_is_retained_and_no_more);
	RUN(ledger_unsaved_is_as_it_was);
	RUN(ledger_part_counts_once_and_only_under_way);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	CHECK(system(command) == 0);
	DONE();
}
