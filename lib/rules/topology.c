/*
 * topology: what the stages register, and whether it is whole.
 *
 * Whole: every input has its upstream, every output its consumer, all subtasks
 * of each belong to one registration.  Nothing but the stages says what the job
 * is, so nothing else has to be kept in step with the script.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

int
topology_find(const struct topology *t, const char *name)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->stage[i].name, name) == 0)
			return ((int)i);
	return (-1);
}

static int
same(const struct topology_stage *a, const struct topology_stage *b)
{
	unsigned i;

	if (a->parallelism != b->parallelism || a->outputs != b->outputs ||
	    a->source != b->source || a->ninputs != b->ninputs)
		return (0);
	for (i = 0; i < a->ninputs; i++)
		if (strcmp(a->input[i], b->input[i]) != 0)
			return (0);
	return (1);
}

void
topology_clash(const char *name, char *why, size_t size)
{
	snprintf(why, size, "two stages are called \"%s\"; give one of them -n NAME "
	    "(the name is the identity of its state)", name);
}

int
topology_add(struct topology *t, const struct topology_stage *s, char *why, size_t size)
{
	struct topology_stage	*list;
	int			 i;

	if ((i = topology_find(t, s->name)) != -1) {
		if (same(&t->stage[i], s))
			return (i);
		topology_clash(s->name, why, size);
		return (-1);
	}
	if (t->n == TOPOLOGY_STAGES) {
		snprintf(why, size, "more than %d stages", TOPOLOGY_STAGES);
		return (-1);
	}
	if (t->n == t->room) {
		list = realloc(t->stage, (t->room * 2 + 8) * sizeof(*list));
		if (list == NULL) {
			snprintf(why, size, "%s", strerror(errno));
			return (-1);
		}
		t->stage = list;
		t->room = t->room * 2 + 8;
	}
	t->stage[t->n] = *s;
	return ((int)t->n++);
}

/* Stages that name this one as an input, each input counted. */
static unsigned
consumers(const struct topology *t, const char *name)
{
	unsigned i, j, n = 0;

	for (i = 0; i < t->n; i++)
		for (j = 0; j < t->stage[i].ninputs; j++)
			n += strcmp(t->stage[i].input[j], name) == 0;
	return (n);
}

int
topology_complete(const struct topology *t, char *missing, size_t size)
{
	const struct topology_stage	*s;
	unsigned			 i, n;

	for (i = 0; i < t->n; i++) {
		s = &t->stage[i];
		for (n = 0; n < s->ninputs; n++)
			if (topology_find(t, s->input[n]) == -1) {
				snprintf(missing, size, "\"%s\", the input of \"%s\"",
				    s->input[n], s->name);
				return (0);
			}
		if ((n = consumers(t, s->name)) != s->outputs) {
			snprintf(missing, size, "consumers of \"%s\": %u of %u have come",
			    s->name, n, s->outputs);
			return (0);
		}
	}
	if (t->n == 0)
		snprintf(missing, size, "any stage");
	return (t->n > 0);
}

/* Depth first from stage at; path holds the way here.  1: it met itself. */
static int
walk(const struct topology *t, unsigned at, uint8_t *colour, unsigned *path, unsigned depth,
    unsigned *from, unsigned *to)
{
	unsigned	i, j;

	colour[at] = 1;
	path[depth] = at;
	for (i = 0; i < t->n; i++)
		for (j = 0; j < t->stage[i].ninputs; j++) {
			if (strcmp(t->stage[i].input[j], t->stage[at].name) != 0)
				continue;
			if (colour[i] == 1) {
				for (*from = 0; path[*from] != i; (*from)++)
					;
				*to = depth;
				return (1);
			}
			if (colour[i] == 0 && walk(t, i, colour, path, depth + 1, from, to))
				return (1);
		}
	colour[at] = 2;
	return (0);
}

int
topology_cycle(const struct topology *t, char *cycle, size_t size)
{
	uint8_t		 colour[TOPOLOGY_STAGES] = { 0 };
	unsigned	 path[TOPOLOGY_STAGES], i, from, to;
	size_t		 n = 0;

	for (i = 0; i < t->n; i++) {
		if (colour[i] != 0 || !walk(t, i, colour, path, 0, &from, &to))
			continue;
		for (i = from; i <= to && n < size; i++)
			n += (size_t)snprintf(cycle + n, size - n, "%s -> ", t->stage[path[i]].name);
		if (n < size)
			snprintf(cycle + n, size - n, "%s", t->stage[path[from]].name);
		return (1);
	}
	return (0);
}

static int
feeds(const struct topology *t, unsigned from, unsigned to, unsigned input)
{
	return (strcmp(t->stage[to].input[input], t->stage[from].name) == 0);
}

/* Who is behind no source comes last. */
static void
breadth_first(const struct topology *t, unsigned order[TOPOLOGY_STAGES])
{
	uint8_t		seen[TOPOLOGY_STAGES] = { 0 };
	unsigned	n = 0, at, i, j;

	for (i = 0; i < t->n; i++)
		if (t->stage[i].source) {
			seen[i] = 1;
			order[n++] = i;
		}
	for (at = 0; at < t->n; at++) {
		for (i = 0; at == n; i++)
			if (!seen[i]) {
				seen[i] = 1;
				order[n++] = i;
			}
		for (i = 0; i < t->n; i++)
			for (j = 0; j < t->stage[i].ninputs && !seen[i]; j++)
				if (feeds(t, order[at], i, j)) {
					seen[i] = 1;
					order[n++] = i;
				}
	}
}

/* Is there a way between two stages that uses no feedback? */
static int
leads(const struct topology *t, unsigned from, unsigned to, const uint32_t *feedback,
    uint8_t *seen)
{
	unsigned i, j;

	if (from == to)
		return (1);
	seen[from] = 1;
	for (i = 0; i < t->n; i++)
		for (j = 0; j < t->stage[i].ninputs && !seen[i]; j++)
			if ((feedback[i] >> j & 1) == 0 && feeds(t, from, i, j) &&
			    leads(t, i, to, feedback, seen))
				return (1);
	return (0);
}

void
topology_feedback(const struct topology *t, uint32_t feedback[TOPOLOGY_STAGES])
{
	unsigned	order[TOPOLOGY_STAGES], i, j;
	uint8_t		seen[TOPOLOGY_STAGES];
	int		up;

	memset(feedback, 0, TOPOLOGY_STAGES * sizeof(feedback[0]));
	breadth_first(t, order);
	for (i = 0; i < t->n; i++)
		for (j = 0; j < t->stage[order[i]].ninputs; j++) {
			memset(seen, 0, sizeof(seen));
			up = topology_find(t, t->stage[order[i]].input[j]);
			if (up != -1 && leads(t, order[i], (unsigned)up, feedback, seen))
				feedback[order[i]] |= (uint32_t)1 << j;
		}
}

void
topology_free(struct topology *t)
{
	free(t->stage);
	memset(t, 0, sizeof(*t));
}
