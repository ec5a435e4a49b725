/*
 * counter: the numbers A, A+1, ... B, one a line.
 *
 * Relies on: no number is above INT64_MAX, so next + step cannot wrap.
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
	c->done = 0;
	c->last = INT64_MAX;
	if ((dots = strstr(range, "..")) == NULL ||
	    counter_number(range, dots, &c->next) == -1 ||
	    (dots + 2 < end && counter_number(dots + 2, end, &c->last) == -1))
		return ("not A..B or A.., numbers from 0 to 9223372036854775807");
	if (c->last < c->next)
		return ("ends before it begins");
	return (NULL);
}

static void
counter_skip(struct counter *c, uint64_t by)
{
	if (c->done || c->last - c->next < by)
		c->done = 1;
	else
		c->next += by;
}

void
counter_share(struct counter *c, unsigned subtask, unsigned parallelism)
{
	counter_skip(c, subtask);
	c->step = parallelism;
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

	for (*n = 0; *n < most && !c->done && len - used >= COUNTER_LINE; (*n)++) {
		used += counter_print(buf + used, c->next);
		counter_skip(c, c->step);
	}
	return (used);
}
