/*
 * carry: bytes that were read and not handed out yet, in one piece.
 *
 * A long line comes in many reads; no byte of it is searched for its newline
 * twice.
 */
#include <stdlib.h>
#include <string.h>

#include "carry.h"

#define CARRY_FIRST	(64 * 1024)	/* bytes */

char *
carry_room(struct carry *c, size_t len)
{
	size_t held = carry_len(c), size;
	char *buf;

	if (c->start > 0 && c->size - c->end < len) {
		memmove(c->buf, c->buf + c->start, held);
		c->start = 0;
		c->end = held;
	}
	if (c->buf == NULL || c->size - c->end < len) {
		for (size = c->size ? c->size : CARRY_FIRST; size - held < len; size *= 2)
			continue;
		if ((buf = realloc(c->buf, size)) == NULL)
			return (NULL);
		c->buf = buf;
		c->size = size;
	}
	return (c->buf + c->end);
}

void
carry_add(struct carry *c, size_t len)
{
	c->end += len;
}

int
carry_set(struct carry *c, const char *buf, size_t len)
{
	char *room;

	carry_clear(c);
	if (len == 0)
		return (0);
	if ((room = carry_room(c, len)) == NULL)
		return (-1);
	memcpy(room, buf, len);
	carry_add(c, len);
	return (0);
}

void
carry_drop(struct carry *c, size_t len)
{
	c->start += len;
	c->scanned = c->line = 0;
	if (c->start == c->end)
		carry_clear(c);
}

void
carry_clear(struct carry *c)
{
	c->start = c->end = c->scanned = c->line = 0;
}

void
carry_free(struct carry *c)
{
	free(c->buf);
	memset(c, 0, sizeof(*c));
}

size_t
carry_line(struct carry *c)
{
	const char *data = carry_data(c), *newline;
	size_t held = carry_len(c);

	if (c->line == 0 && held > c->scanned) {
		newline = memchr(data + c->scanned, '\n', held - c->scanned);
		if (newline != NULL)
			c->line = (size_t)(newline - data) + 1;
		c->scanned = held;
	}
	return (c->line);
}

const char *
carry_data(const struct carry *c)
{
	return (c->buf == NULL ? "" : c->buf + c->start);
}

size_t
carry_len(const struct carry *c)
{
	return (c->end - c->start);
}
