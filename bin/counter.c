/*
 * counter: the numbers A, A+1, ... B, one a line.
 *
 * Relies on: no number is above INT64_MAX, so next + step cannot wrap.  At the end
 * next is the number that would come, so that a longer range goes on there.
 */
#include <string.h>

#include "counter.h"

/* Digits up to end; -1 if there is anything else, nothing, or too much. */
static int
counter_number(const char *p, const char *end, uint64_t *number)
{
	uint64_t value = 0, digit;

	if (p == end)
		return (-1);
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return (-1);
		digit = (uint64_t)(*p - '0');
		if (value > (INT64_MAX - digit) / 10)
			return (-1);
		value = value * 10 + digit;
	}
	*number = value;
	return (0);
}

const char *
counter_parse(struct counter *c, const char *range)
{
	const char *dots, *end = range + strlen(range);

	c->step = 1;
	c->bytes = c->records = 0;
	c->last = INT64_MAX;
	if ((dots = strstr(range, "..")) == NULL ||
	    counter_number(range, dots, &c->next) == -1 ||
	    (dots + 2 < end && counter_number(dots + 2, end, &c->last) == -1))
		return ("not A..B or A.., numbers from 0 to 9223372036854775807");
	if (c->last < c->next)
		return ("ends before it begins");
	return (NULL);
}

void
counter_share(struct counter *c, unsigned subtask, unsigned parallelism)
{
	c->next += subtask;
	c->step = parallelism;
}

int
counter_resume(struct counter *c, uint64_t next, uint64_t bytes, uint64_t records)
{
	if (next < c->next || (next - c->next) % c->step != 0)
		return (-1);
	c->next = next;
	c->bytes = bytes;
	c->records = records;
	return (0);
}

int
counter_done(const struct counter *c)
{
	return (c->next > c->last);
}

/* Digits and a newline; returns their number. */
static size_t
counter_print(char *buf, uint64_t number)
{
	char text[COUNTER_LINE], *p = text + sizeof(text);
	size_t len;

	*--p = '\n';
	do
		*--p = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	len = (size_t)(text + sizeof(text) - p);
	memcpy(buf, p, len);
	return (len);
}

size_t
counter_fill(struct counter *c, char *buf, size_t len, size_t most, size_t *n)
{
	size_t used = 0;

	for (*n = 0; *n < most && !counter_done(c) && len - used >= COUNTER_LINE; (*n)++) {
		used += counter_print(buf + used, c->next);
		c->next += c->step;
	}
	c->bytes += used;
	c->records += *n;
	return (used);
}
