/*
 * chance: numbers that a seed decides (splitmix64, Steele et al. 2014).
 */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

struct chance {
	uint64_t state;
};

uint64_t chance_next(struct chance *);
uint64_t chance_below(struct chance *, uint64_t n);	/* 0 to n - 1; n is not 0 */
/* Any order of magnitude from low to high is as likely as another. */
int64_t	 chance_log(struct chance *, int64_t low, int64_t high);

#endif
