/*
 * rules: decisions, without I/O and without a clock.
 */
#ifndef RULES_H
#define RULES_H

#include <stdint.h>

#include "bytes.h"

/*
 * route: which subtask gets what.
 *
 * A key belongs to a key group, a range of key groups to a subtask (Flink's
 * KeyGroupRangeAssignment): the groups never change in a job's life, so another
 * parallelism moves whole groups.
 */
#define ROUTE_GROUPS	128U		/* and so the greatest parallelism */

unsigned route_group(uint32_t hash, unsigned groups);
unsigned route_subtask(unsigned group, unsigned groups, unsigned parallelism);

enum route {
	ROUTE_LINKED,		/* these two subtasks have a link */
	ROUTE_APART,		/* not these two */
	ROUTE_REFUSED		/* stages of such parallelisms cannot be connected */
};

/* Upstream subtask up of ups, its consumer's subtask down of downs. */
enum route route_link(int keyed, unsigned up, unsigned ups, unsigned down, unsigned downs);

#endif
