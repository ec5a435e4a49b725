/*
 * hint: which of some names a misspelt word may have meant.
 *
 * One slip, or one in three letters, is a misspelling; more is another word.
 */
#include <string.h>

#include "hint.h"

static unsigned
least(unsigned a, unsigned b, unsigned c)
{
	if (b < a)
		a = b;
	return (c < a ? c : a);
}

unsigned
hint_distance(const char *a, const char *b)
{
	unsigned row[3][HINT_MAX + 1];		/* this one, the last, the one before */
	unsigned *now, *last, *before, *spare;
	size_t i, j, alen, blen;

	alen = strlen(a);
	blen = strlen(b);
	if (alen > HINT_MAX || blen > HINT_MAX)
		return (HINT_MAX + 1);
	now = row[0];
	last = row[1];
	before = row[2];
	for (j = 0; j <= blen; j++)
		now[j] = (unsigned)j;
	for (i = 1; i <= alen; i++) {
		spare = before;
		before = last;
		last = now;
		now = spare;
		now[0] = (unsigned)i;
		for (j = 1; j <= blen; j++) {
			now[j] = least(last[j] + 1, now[j - 1] + 1,
			    last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
	}
	return (now[blen]);
}

const char *
hint_closest(const char *word, const char *const *names, size_t n)
{
	const char *closest, *begun;
	size_t i, len, longer;
	unsigned distance, best;

	closest = begun = NULL;
	best = HINT_MAX;
	len = strlen(word);
	for (i = 0; i < n; i++) {
		distance = hint_distance(word, names[i]);
		longer = strlen(names[i]) > len ? strlen(names[i]) : len;
		if (distance < best && distance <= (longer < 6 ? 1 : longer / 3)) {
			best = distance;
			closest = names[i];
		}
	}
	if (closest != NULL || len < 2)
		return (closest);
	for (i = 0; i < n; i++)
		if (strncmp(word, names[i], len) == 0) {
			if (begun != NULL)
				return (NULL);
			begun = names[i];
		}
	return (begun);
}
