/*
 * hint: which of some names a misspelt word may have meant.
 */
#ifndef HINT_H
#define HINT_H

#include <stddef.h>

#define HINT_MAX	64	/* bytes of a word; longer ones are like no other */

/*
 * hint_distance	how many letters have to be put in, left out, replaced, or
 *			changed with their neighbour to make b of a (the optimal
 *			string alignment distance).  Above HINT_MAX: too long.
 * hint_closest		the name nearest to word, the first of equals; or the only
 *			one that word begins; or NULL where a hint would be a guess.
 */
unsigned	 hint_distance(const char *a, const char *b);
const char	*hint_closest(const char *word, const char *const *names, size_t n);

#endif
