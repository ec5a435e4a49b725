/* roster: who belongs to the job. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster.h"

/* Slots for all subtasks of a stage that has just been added. */
static int
slots_add(struct roster *r, unsigned stage, unsigned parallelism)
{
	struct subtask	**member, *list;
	unsigned	  i;

	if ((member = realloc(r->member, (r->nmembers + parallelism) * sizeof(*member))) == NULL)
		return (-1);
	r->member = member;
	if ((list = calloc(parallelism, sizeof(*list))) == NULL)
		return (-1);
	r->first[stage] = r->nmembers;
	for (i = 0; i < parallelism; i++) {
		list[i].stage = stage;
		list[i].number = i;
		list[i].member = r->nmembers;
		member[r->nmembers++] = &list[i];
	}
	return (0);
}

struct subtask *
roster_add(struct roster *r, const struct topology_stage *s, unsigned number, char *why,
    size_t size)
{
	unsigned	known = r->topology.n;
	int		stage;

	if ((stage = topology_add(&r->topology, s, why, size)) == -1)
		return (NULL);
	if ((unsigned)stage == known && slots_add(r, known, s->parallelism) == -1) {
		r->topology.n--;
		snprintf(why, size, "%s", strerror(errno));
		return (NULL);
	}
	return (r->member[r->first[stage] + number]);
}

const char *
roster_label(const struct roster *r, const struct subtask *s, char label[ROSTER_LABEL])
{
	snprintf(label, ROSTER_LABEL, "%s.%u", r->topology.stage[s->stage].name, s->number);
	return (label);
}

int
roster_here(const struct roster *r)
{
	unsigned i;

	for (i = 0; i < r->nmembers && r->member[i]->caller != NULL; i++)
		;
	return (i == r->nmembers);
}

int
roster_knows(const struct roster *r, const char *stage)
{
	return (topology_find(&r->topology, stage) != -1);
}

void
roster_free(struct roster *r)
{
	unsigned i;

	/* a stage's slots are one piece of memory */
	for (i = 0; i < r->topology.n; i++)
		free(r->member[r->first[i]]);
	free(r->member);
	topology_free(&r->topology);
	memset(r, 0, sizeof(*r));
}

const struct jobfile_subtask *
checkpoint_stage(const struct jobfile_checkpoint *c, size_t *at)
{
	const struct jobfile_subtask *s;

	if (c == NULL || *at >= c->nsubtasks)
		return (NULL);
	s = &c->subtask[*at];
	*at += s->parallelism;		/* all of each stage are there */
	return (s);
}

const struct jobfile_subtask *
checkpoint_find(const struct jobfile_checkpoint *c, const char *stage)
{
	const struct jobfile_subtask	*s;
	size_t				 at = 0;

	while ((s = checkpoint_stage(c, &at)) != NULL)
		if (strcmp(s->stage, stage) == 0)
			return (s);
	return (NULL);
}
