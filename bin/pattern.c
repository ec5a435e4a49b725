/*
 * pattern: the part of a record that an extended regular expression finds.
 *
 * Relies on: REG_STARTEND, by which regexec() is told where a record ends; POSIX
 * leaves it out, glibc and the BSDs have it.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "pattern.h"

struct pattern {
	regex_t		 compiled;
	const char	*text;
	size_t		 part;		/* of the match: 0, or group 1 */
};

struct pattern *
pattern_new(const char *text, char *why)
{
	struct pattern	*p;
	int		 fault;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		snprintf(why, FIELDS_WHY, "no memory");
		return (NULL);
	}
	if ((fault = regcomp(&p->compiled, text, REG_EXTENDED)) != 0) {
		regerror(fault, &p->compiled, why, FIELDS_WHY);
		free(p);
		return (NULL);
	}
	p->text = text;
	p->part = p->compiled.re_nsub > 0;
	return (p);
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	regfree(&p->compiled);
	free(p);
}

int
pattern_find(const struct pattern *p, const char *record, size_t len,
    struct fields_slice *slice)
{
	regmatch_t	 match[2];
	int		 answer;

	match[0].rm_so = 0;
	match[0].rm_eo = (regoff_t)len;
	answer = regexec(&p->compiled, record, 2, match, REG_STARTEND);
	if (answer != 0)
		return (answer == REG_NOMATCH ? 0 : -1);
	if (match[p->part].rm_so == -1)
		return (0);
	slice->at = record + match[p->part].rm_so;
	slice->len = (size_t)(match[p->part].rm_eo - match[p->part].rm_so);
	return (1);
}

const char *
pattern_text(const struct pattern *p)
{
	return (p->text);
}
