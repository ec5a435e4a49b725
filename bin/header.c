/* header: the one line 1 that all files of a source have. */
#include <bsd/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "header.h"

#define HEADER_SHOWN	60	/* bytes in a sentence */

/* The beginning of a header for a sentence: no byte that a terminal acts on. */
static const char *
header_show(char to[2 * HEADER_SHOWN + 4], const char *line, size_t len)
{
	char *p = to;
	size_t i;

	for (i = 0; i < len && i < HEADER_SHOWN; i++)
		if (line[i] == '\t') {
			*p++ = '\\';
			*p++ = 't';
		} else
			*p++ = line[i] < ' ' || line[i] > '~' ? '?' : line[i];
	strlcpy(p, len > HEADER_SHOWN ? "..." : "", 4);
	return (to);
}

int
header_take(struct header *h, const char *line, size_t len, const char *of, char *sentence,
    size_t size)
{
	char ours[2 * HEADER_SHOWN + 4], other[2 * HEADER_SHOWN + 4];

	if (h->line == NULL) {
		h->line = malloc(len + 1);
		h->of = strdup(of);
		if (h->line == NULL || h->of == NULL) {
			snprintf(sentence, size, "%s", strerror(ENOMEM));
			return (-1);
		}
		memcpy(h->line, line, len);
		h->len = len;
	} else if (len != h->len || memcmp(line, h->line, len) != 0) {
		snprintf(sentence, size, "%s: its header \"%s\" is not \"%s\", that of %s", of,
		    header_show(other, line, len), header_show(ours, h->line, h->len), h->of);
		return (-1);
	}
	return (0);
}

void
header_free(struct header *h)
{
	free(h->line);
	free(h->of);
	memset(h, 0, sizeof(*h));
}
