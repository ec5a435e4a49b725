/* chance: numbers that a seed decides. */
#include <math.h>

#include "chance.h"

uint64_t
chance_next(struct chance *c)
{
	uint64_t z = (c->state += 0x9e3779b97f4a7c15U);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return (z ^ (z >> 31));
}

uint64_t
chance_below(struct chance *c, uint64_t n)
{
	return (chance_next(c) % n);
}

int64_t
chance_log(struct chance *c, int64_t low, int64_t high)
{
	double u = (double)(chance_next(c) >> 11) / (double)(1ULL << 53);

	if (high <= low)
		return (low);
	return ((int64_t)((double)low * exp(u * log((double)high / (double)low))));
}
