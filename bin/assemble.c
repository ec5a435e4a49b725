/*
 * assemble: stages register, until the job is whole.
 *
 *  - Nothing but the stages says what the job is.  What a resumed one has to be is
 *    said by the checkpoint: all of its stages have to come back, as they were.
 *  - Once the job is whole another name is refused, and the job goes on.
 */
#include <stdio.h>
#include <string.h>
#include <bsd/string.h>

#include "coordinator.h"
#include "run.h"
#include "tool.h"

#define SAY_MS		3000		/* then it is said who is awaited */
#define MISFIT_MS	10000		/* under 'weir run': who has not come will not */

static void
refuse(struct caller *c, int status, const char *why)
{
	struct tell t = { .kind = TELL_REFUSED, .status = status };

	strlcpy(t.why, why, sizeof(t.why));
	if (control_tell(c->control, &t) == -1)
		c->gone = 1;
}

static void
welcome(struct coordinator *co, struct caller *c)
{
	struct tell t = { .kind = TELL_WELCOME };

	t.attempt = co->coord.attempt;
	t.at_least_once = joboptions.at_least_once;
	t.memory_backend = joboptions.memory_backend;
	t.concurrent = joboptions.concurrent;
	t.groups = co->ledger.file.groups;
	t.checkpoints = joboptions.interval_ms > 0;
	t.feedback = c->subtask != NULL ? co->feedback[c->subtask->stage] : 0;
	t.loop_wait_ms = (uint64_t)joboptions.loop_wait_ms;
	if (control_tell(c->control, &t) == -1)
		c->gone = 1;
}

/* Does this stage fit the job and its last checkpoint?  0; -1: why, for all. */
static int
fits(const struct coordinator *co, const struct topology_stage *s, char *why, size_t size)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	const struct jobfile_subtask	*was;

	if (s->parallelism > co->ledger.file.groups) {
		snprintf(why, size, "%s: -p %u is more than the job's %u key groups", s->name,
		    s->parallelism, co->ledger.file.groups);
		return (-1);
	}
	if (last != NULL && (was = checkpoint_find(last, s->name)) != NULL &&
	    was->parallelism != s->parallelism) {
		snprintf(why, size, "%s: -p %u, and checkpoint %llu has it with -p %u; "
		    "put -p %u back, or make a new job of it (weir restore -p %s=%u)", s->name,
		    s->parallelism, (unsigned long long)last->id, was->parallelism,
		    was->parallelism, s->name, s->parallelism);
		return (-1);
	}
	return (0);
}

/* What running again cannot help: said once, here. */
static void
misfit(struct coordinator *co, const char *why)
{
	if (!coordinator_over(co))
		tool_fail(0, "%s", why);
	coordinator_fail(co, WEIR_USAGE, NULL);
}

void
assemble_register(struct coordinator *co, struct caller *c, const struct say *s)
{
	char why[512];

	if (c->subtask != NULL) {
		c->gone = 1;
		return;
	}
	if (co->coord.whole && !roster_knows(&co->roster, s->stage.name)) {
		snprintf(why, sizeof(why), "the job is complete without a stage called \"%s\"; "
		    "to add one, stop it and run it again", s->stage.name);
		refuse(c, WEIR_USAGE, why);
		return;
	}
	if (fits(co, &s->stage, why, sizeof(why)) == -1 || (c->subtask =
	    roster_add(&co->roster, &s->stage, s->subtask, why, sizeof(why))) == NULL) {
		misfit(co, why);
		welcome(co, c);			/* the view says that all is over */
		c->kind = CALLER_OLD;
		return;
	}
	co->news++;
	c->kind = CALLER_WAITING;
}

/* Another attempt than the slots are of: it has none of those who are in them. */
void
assemble_attempt(struct coordinator *co)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	struct caller			*c;

	co->attempt = co->coord.attempt;
	co->restored = last != NULL ? last->id : 0;
	co->news++;
	TAILQ_FOREACH(c, &co->callers, entry) {
		if (c->attempt == co->attempt || c->subtask == NULL)
			continue;
		if (c->kind == CALLER_MEMBER)
			caller_retire(c);
		else if (c->kind == CALLER_ENTERING) {
			c->kind = CALLER_WAITING;	/* it has heard nothing yet */
			c->subtask->caller = NULL;
			c->subtask->presence = AWAITED;
		}
	}
}

/* All stages of the checkpoint, all inputs and outputs, all subtasks. */
static int
whole(const struct coordinator *co)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	const struct jobfile_subtask	*s;
	char				 missing[512];
	size_t				 at = 0;

	while ((s = checkpoint_stage(last, &at)) != NULL)
		if (!roster_knows(&co->roster, s->stage))
			return (0);
	return (roster_here(&co->roster) &&
	    topology_complete(&co->roster.topology, missing, sizeof(missing)));
}

static void
whole_look(struct coordinator *co)
{
	char cycle[1024], why[1200];

	if (co->coord.whole || !whole(co))
		return;
	if (topology_cycle(&co->roster.topology, cycle, sizeof(cycle))) {
		if (!joboptions.force) {
			snprintf(why, sizeof(why), "the pipeline is a loop, %s: what is on its way "
			    "there would be in no checkpoint; --force takes them all the same",
			    cycle);
			misfit(co, why);
			return;
		}
		tool_say("the pipeline is a loop, %s: records on their way there are lost at a "
		    "restart", cycle);
		topology_feedback(&co->roster.topology, co->feedback);
	}
	coord_whole(&co->coord, now_ms());
}

static void
admit(struct coordinator *co, struct caller *c)
{
	struct subtask	*t = c->subtask;
	struct caller	*before = t->caller;

	if (!coord_register(&co->coord, t->member, co->roster.topology.stage[t->stage].source,
	    now_ms()))
		return;
	if (before != NULL) {
		notes_lost(co, t);	/* this is its successor */
		caller_retire(before);
	}
	t->caller = c;
	t->pid = control_peer(c->control);
	t->presence = REGISTERED;
	t->seen = t->aligning = t->writing = 0;
	c->kind = CALLER_ENTERING;
	c->attempt = co->coord.attempt;
	co->news++;
	whole_look(co);
}

void
assemble_admit(struct coordinator *co)
{
	struct caller *c;

	TAILQ_FOREACH(c, &co->callers, entry) {
		if (c->kind != CALLER_WAITING || c->gone)
			continue;
		if (coordinator_over(co)) {
			welcome(co, c);		/* the view says that all is over */
			c->kind = CALLER_OLD;
		} else
			admit(co, c);
	}
}

void
assemble_welcome(struct coordinator *co)
{
	struct caller *c;

	/* which inputs close a loop is not known before */
	if (joboptions.force && !co->coord.whole && !coordinator_over(co))
		return;
	TAILQ_FOREACH(c, &co->callers, entry)
		if (c->kind == CALLER_ENTERING && !c->gone) {
			welcome(co, c);
			c->kind = CALLER_MEMBER;
		}
}

/*
 * Who is awaited?
 */

static unsigned
name_add(char name[][ROSTER_LABEL], unsigned max, unsigned n, const char *what)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(name[i], what) == 0)
			return (n);
	if (n == max)
		return (n);
	strlcpy(name[n], what, ROSTER_LABEL);
	return (n + 1);
}

/* Subtasks that are not there; a whole stage by its name alone. */
static unsigned
stage_awaited(const struct roster *r, unsigned stage, char name[][ROSTER_LABEL], unsigned max,
    unsigned n)
{
	const struct topology_stage	*s = &r->topology.stage[stage];
	struct subtask			**member = r->member + r->first[stage];
	char				 label[ROSTER_LABEL];
	unsigned			 i, here = 0;

	for (i = 0; i < s->parallelism; i++)
		here += member[i]->caller != NULL;
	if (here == 0)
		return (name_add(name, max, n, s->name));
	for (i = 0; i < s->parallelism; i++)
		if (member[i]->caller == NULL)
			n = name_add(name, max, n, roster_label(r, member[i], label));
	return (n);
}

unsigned
assemble_awaited(const struct coordinator *co, char name[][ROSTER_LABEL], unsigned max)
{
	const struct roster		*r = &co->roster;
	const struct jobfile_subtask	*s;
	const struct topology_stage	*t;
	unsigned			 n = 0, i, j;
	size_t				 at = 0;

	if (co->coord.state != JOB_GATHERING)
		return (0);
	while ((s = checkpoint_stage(ledger_last(&co->ledger), &at)) != NULL)
		if (!roster_knows(r, s->stage))
			n = name_add(name, max, n, s->stage);
	for (i = 0; i < r->topology.n; i++) {
		t = &r->topology.stage[i];
		n = stage_awaited(r, i, name, max, n);
		for (j = 0; j < t->ninputs; j++)
			if (!roster_knows(r, t->input[j]))
				n = name_add(name, max, n, t->input[j]);
	}
	return (n);
}

/* Without 'weir run' nobody but us can say what is missing. */
static void
awaited_say(struct coordinator *co)
{
	char		name[AWAITED_MAX][ROSTER_LABEL], list[440] = "", missing[512];
	unsigned	n, i;

	co->awaits_said = 1;
	n = assemble_awaited(co, name, AWAITED_MAX);
	for (i = 0; i < n && i < 5; i++) {
		strlcat(list, i > 0 ? ", " : "", sizeof(list));
		strlcat(list, name[i], sizeof(list));
	}
	if (n > 5)
		snprintf(missing, sizeof(missing), "%s and %u more", list, n - 5);
	else if (n > 0)
		strlcpy(missing, list, sizeof(missing));
	else if (topology_complete(&co->roster.topology, missing, sizeof(missing)))
		return;			/* all are there, and restore */
	tool_say("waiting for %s", missing);
}

/* A stage that is here and that the checkpoint does not know, or NULL. */
static const char *
stranger_find(const struct coordinator *co, const struct jobfile_checkpoint *last)
{
	const struct topology	*t = &co->roster.topology;
	unsigned		 i;

	for (i = 0; i < t->n; i++)
		if (checkpoint_find(last, t->stage[i].name) == NULL)
			return (t->stage[i].name);
	return (NULL);
}

/* The script has been run, and stages of the checkpoint have not come. */
static void
misfit_look(struct coordinator *co)
{
	const struct jobfile_checkpoint	*last = ledger_last(&co->ledger);
	const struct jobfile_subtask	*s;
	const char			*other = stranger_find(co, last);
	size_t				 at = 0;
	int				 missing = 0;

	while ((s = checkpoint_stage(last, &at)) != NULL) {
		if (roster_knows(&co->roster, s->stage))
			continue;
		missing = 1;
		tool_fail(0, "still waiting for \"%s\" after %d s (it is in checkpoint %llu); all "
		    "stages of a job must run at the same time", s->stage, MISFIT_MS / 1000,
		    (unsigned long long)last->id);
		if (other != NULL)
			tool_fail(0, "checkpoint %llu has state for \"%s\", the script has no such "
			    "stage (it has \"%s\"): weir restore --map %s=%s, or --drop %s",
			    (unsigned long long)last->id, s->stage, other, s->stage, other,
			    s->stage);
	}
	if (missing)
		coordinator_fail(co, WEIR_USAGE, NULL);
}

void
assemble_look(struct coordinator *co, int64_t now)
{
	if (co->coord.state != JOB_GATHERING) {
		co->gathering_ms = 0;
		co->awaits_said = 0;
		return;
	}
	if (co->gathering_ms == 0)
		co->gathering_ms = now;
	if (co->run_holds == -1 && !co->awaits_said && now - co->gathering_ms >= SAY_MS)
		awaited_say(co);
	if (co->run_holds != -1 && !co->coord.whole && now - co->begun_ms >= MISFIT_MS)
		misfit_look(co);
}
