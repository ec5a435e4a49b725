/*
 * moment: times and quantities, as people read them.
 */
#ifndef MOMENT_H
#define MOMENT_H

#include <stddef.h>
#include <stdint.h>

#define MOMENT_SIZE	32

/* All return their buffer. */
const char *moment_clock(int64_t ms, char[MOMENT_SIZE]);	/* since the Epoch: 08:14:02,
				   with the date unless it is today's */
const char *moment_ago(int64_t ms, char[MOMENT_SIZE]);		/* a duration, roughly: 3 s */
const char *moment_bytes(uint64_t, char[MOMENT_SIZE]);		/* 512 B, 1.5 MiB */
int64_t	 moment_now(void);					/* ms since the Epoch */

#endif
