/* route: which subtask gets what. */
#include "rules.h"

unsigned
route_group(uint32_t hash, unsigned groups)
{
	return (hash % groups);
}

unsigned
route_subtask(unsigned group, unsigned groups, unsigned parallelism)
{
	return ((unsigned)((uint64_t)group * parallelism / groups));
}

enum route
route_link(int keyed, unsigned up, unsigned ups, unsigned down, unsigned downs)
{
	if (keyed || downs == 1)
		return (ROUTE_LINKED);
	if (ups != downs)
		return (ROUTE_REFUSED);
	return (up == down ? ROUTE_LINKED : ROUTE_APART);
}
