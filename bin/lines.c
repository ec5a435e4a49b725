/*
 * lines: where lines end in a piece of memory.
 *
 * Counting runs at the speed of memory: it is the one thing that a source does
 * to every byte.  Everything else here looks at a few bytes near an end.
 */
#include <stdint.h>
#include <string.h>

#include "lines.h"

#define LANES	32
#define ROUNDS	64		/* below 256: a lane is one byte */
#define BLOCK	(LANES * ROUNDS)

/* Constant bounds and a counter a lane: compilers make vectors of this at -O2. */
static size_t
lines_count_block(const unsigned char *p)
{
	uint8_t lane[LANES] = { 0 };
	size_t i, j, n = 0;

	for (i = 0; i < ROUNDS; i++)
		for (j = 0; j < LANES; j++)
			lane[j] += p[i * LANES + j] == '\n';
	for (j = 0; j < LANES; j++)
		n += lane[j];
	return (n);
}

size_t
lines_count(const char *buf, size_t len)
{
	const unsigned char *p = (const unsigned char *)buf;
	size_t n = 0;

	for (; len >= BLOCK; len -= BLOCK, p += BLOCK)
		n += lines_count_block(p);
	for (; len > 0; len--)
		n += *p++ == '\n';
	return (n);
}

/* memrchr() is not POSIX; memchr() skips the blocks that have no newline. */
size_t
lines_last(const char *buf, size_t len)
{
	size_t from;

	while (len > 0) {
		from = len > BLOCK ? len - BLOCK : 0;
		if (memchr(buf + from, '\n', len - from) == NULL) {
			len = from;
			continue;
		}
		while (buf[len - 1] != '\n')
			len--;
		break;
	}
	return (len);
}

/* The bytes of the first n lines of buf, which has at least that many. */
static size_t
lines_first(const char *buf, size_t len, size_t n)
{
	const char *p = buf, *newline;

	while (n-- > 0) {
		newline = memchr(p, '\n', len - (size_t)(p - buf));
		p = newline + 1;
	}
	return ((size_t)(p - buf));
}

size_t
lines_whole(const char *buf, size_t len, size_t max, size_t most, size_t *n)
{
	size_t whole = 0, step = 1;

	/* From line start to line start; each hop is the longest allowed one. */
	while (step > 0 && len - whole > max) {
		step = lines_last(buf + whole, max + 1);
		whole += step;
	}
	if (step > 0)
		whole += lines_last(buf + whole, len - whole);
	*n = lines_count(buf, whole);
	if (*n > most) {
		*n = most;
		whole = lines_first(buf, whole, most);
	}
	return (whole);
}
