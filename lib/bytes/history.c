/*
 * history: a line for each checkpoint that was tried (weir-job(5)).
 *
 * Nine columns, for awk and for people: no program decides by them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>
/* only strnvis() differs between the BSDs */
#define LIBBSD_OPENBSD_VIS
#include <bsd/vis.h>

#include "bytes.h"

#define COLUMNS	9
#define VISIBLE	(VIS_TAB | VIS_NL | VIS_CSTYLE)

int
history_encode(struct buf *b, const struct history *h)
{
	char	line[2048], slowest[4 * sizeof(h->slowest)], why[4 * sizeof(h->why)];
	int	n;

	strvis(slowest, h->slowest, VISIBLE);
	strvis(why, h->why, VISIBLE);
	n = snprintf(line, sizeof(line), "%" PRIu64 "\t%s\t%s\t%" PRId64 "\t%" PRId64
	    "\t%" PRIu64 "\t%u/%u\t%s\t%s\n", h->id, jobfile_kind(h->kind),
	    h->completed ? "completed" : "aborted", h->start_ms, h->duration_ms, h->bytes,
	    h->acks, h->subtasks, slowest, why);
	return (buf_add(b, line, (size_t)n));
}

static int
number(const char *s, uint64_t *v)
{
	const char *wrong;

	*v = (uint64_t)strtonum(s, 0, INT64_MAX, &wrong);
	return (wrong == NULL ? 0 : -1);
}

static int
kind_parse(const char *s, enum jobfile_kind *kind)
{
	for (*kind = JOBFILE_PERIODIC; *kind <= JOBFILE_SAVEPOINT; ++*kind)
		if (strcmp(s, jobfile_kind(*kind)) == 0)
			return (0);
	return (-1);
}

static int
acks_parse(char *s, struct history *h)
{
	uint64_t	 acks, subtasks;
	char		*of = strchr(s, '/');

	if (of == NULL)
		return (-1);
	*of++ = '\0';
	if (number(s, &acks) == -1 || number(of, &subtasks) == -1 || acks > UINT32_MAX ||
	    subtasks > UINT32_MAX)
		return (-1);
	h->acks = (unsigned)acks;
	h->subtasks = (unsigned)subtasks;
	return (0);
}

/* vis(3) makes text longer, never shorter: what fits as text fits as bytes. */
static int
text_parse(const char *s, char *dst, size_t size)
{
	char text[2048];

	if (strunvis(text, s) == -1)
		return (-1);
	return (strlcpy(dst, text, size) < size ? 0 : -1);
}

int
history_decode(const char *line, size_t len, struct history *h)
{
	char		 copy[2048], *column[COLUMNS + 1], *next = copy;
	uint64_t	 start, duration;
	unsigned	 n;

	memset(h, 0, sizeof(*h));
	errno = EBADMSG;
	if (len >= sizeof(copy) || memchr(line, '\0', len) != NULL)
		return (-1);
	memcpy(copy, line, len);
	copy[len] = '\0';
	for (n = 0; next != NULL && n <= COLUMNS; n++)
		column[n] = strsep(&next, "\t");
	if (n != COLUMNS || number(column[0], &h->id) == -1 ||
	    kind_parse(column[1], &h->kind) == -1 || number(column[3], &start) == -1 ||
	    number(column[4], &duration) == -1 || number(column[5], &h->bytes) == -1 ||
	    acks_parse(column[6], h) == -1 ||
	    text_parse(column[7], h->slowest, sizeof(h->slowest)) == -1 ||
	    text_parse(column[8], h->why, sizeof(h->why)) == -1)
		return (-1);
	h->completed = strcmp(column[2], "completed") == 0;
	if (!h->completed && strcmp(column[2], "aborted") != 0)
		return (-1);
	h->start_ms = (int64_t)start;
	h->duration_ms = (int64_t)duration;
	return (0);
}
