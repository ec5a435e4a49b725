/*
 * pattern: the part of a record that an extended regular expression finds.
 *
 * That is what its first group matched or, where it has none, the whole match:
 * the leftmost, and the longest of those.  Any byte may stand in the record,
 * NUL included, which no `.' matches.
 *
 * Nothing here calls the runtime.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stddef.h>

#include "fields.h"

struct pattern;

/*
 * pattern_new	NULL and why, a sentence of FIELDS_WHY bytes at most, if text is
 *		no such expression or there is no memory.
 * pattern_find	1 and the slice, which is part of the record; 0 if nothing
 *		matches, or the match does without the group; -1 without memory.
 * pattern_text	the expression, as it was given: borrowed from there.
 */
struct pattern	*pattern_new(const char *text, char *why);
void		 pattern_free(struct pattern *);
int		 pattern_find(const struct pattern *, const char *record, size_t len,
		    struct fields_slice *);
const char	*pattern_text(const struct pattern *);

#endif
