/*
 * hostile: what the programs that do wrong on purpose have in common.
 *
 * They are tests' tools: an error of their own ends them with status 2 and a
 * line, so that it is never taken for what the program under test did.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <err.h>
#include <stdint.h>
#include <string.h>
#include <nng/nng.h>

#define HOSTILE_MS	10000		/* nobody is waited for any longer */
#define HOSTILE_OWN	2		/* exit status: an error of ours */
#define HOSTILE_SPARED	3		/* exit status: nobody minded what we did */

/* What they leave to the end of the process is no leak of the program under test. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

/* Marsaglia's xorshift64*: the same numbers for the same seed, everywhere. */
static inline uint64_t
chance(uint64_t *state)
{
	uint64_t x = *state != 0 ? *state : 88172645463325252U;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return (x * 2685821657736338717U);
}

static inline void
chance_fill(uint64_t *state, void *to, size_t len)
{
	unsigned char	*p = to;
	size_t		 i;

	for (i = 0; i < len; i++)
		p[i] = (unsigned char)(chance(state) >> 56);
}

static inline void
nng_must(const char *what, int error)
{
	if (error != 0)
		errx(HOSTILE_OWN, "%s: %s", what, nng_strerror(error));
}

#endif
