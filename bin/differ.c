/* differ: the first difference between two files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "differ.h"
#include "run.h"
#include "tool.h"

#define FILE_BYTES	(1U << 30)	/* at most: they are compared in memory */
#define SHOWN		200		/* bytes of a line */

struct text {
	char	*data;
	size_t	 len;
	char	**line;			/* its lines begin here; one more: the end */
	size_t	 nlines;
};

/* A line without its newline. */
static size_t
line_len(const struct text *t, size_t i)
{
	size_t len = (size_t)(t->line[i + 1] - t->line[i]);

	return (len > 0 && t->line[i][len - 1] == '\n' ? len - 1 : len);
}

static int
text_split(struct text *t)
{
	char	*p, *end = t->data + t->len, *nl;
	size_t	 room = 0;
	char   **line;

	for (p = t->data; ; p = nl + 1) {
		if (t->nlines + 2 > room) {
			room = room == 0 ? 1024 : room * 2;
			if ((line = realloc(t->line, room * sizeof(*line))) == NULL)
				return (-1);
			t->line = line;
		}
		t->line[t->nlines] = p < end ? p : end;
		if (p >= end)
			return (0);
		t->nlines++;
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end - 1;
	}
}

static void
text_free(struct text *t)
{
	free(t->data);
	free(t->line);
}

static int
text_read(struct text *t, const char *file)
{
	memset(t, 0, sizeof(*t));
	if ((t->data = wholefile_read(AT_FDCWD, file, FILE_BYTES, &t->len)) != NULL &&
	    text_split(t) == 0)
		return (0);
	text_free(t);
	memset(t, 0, sizeof(*t));
	return (tool_fail(-1, "read %s: %s", file, strerror(errno)));
}

/* Lines of one text are sorted by where they begin, so their ends go with them. */
struct slice {
	const char	*at;
	size_t		 len;
};

static int
slice_order(const void *a, const void *b)
{
	const struct slice	*x = a, *y = b;
	int			 r = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);

	return (r != 0 ? r : (x->len > y->len) - (x->len < y->len));
}

static struct slice *
slices_make(const struct text *t)
{
	struct slice	*s;
	size_t		 i;

	if ((s = calloc(t->nlines + 1, sizeof(*s))) == NULL)
		return (NULL);
	for (i = 0; i < t->nlines; i++) {
		s[i].at = t->line[i];
		s[i].len = line_len(t, i);
	}
	return (s);
}

static void
line_say(const char *which, const struct slice *s)
{
	tool_fail(0, "  %s %.*s%s", which, (int)(s->len < SHOWN ? s->len : SHOWN), s->at,
	    s->len > SHOWN ? "..." : "");
}

/* Line i of both: said, with whose is missing. */
static int
difference_say(const char *name, size_t i, const struct slice *want, size_t nwant,
    const struct slice *got, size_t ngot, const char *where)
{
	tool_fail(0, "%s: line %zu%s differs; the clean run has %zu lines, this one %zu", name,
	    i + 1, where, nwant, ngot);
	if (i < nwant)
		line_say("clean:", &want[i]);
	if (i < ngot)
		line_say("now:  ", &got[i]);
	return (1);
}

static int
slices_compare(const char *name, const struct text *want, const struct text *got, int sorted)
{
	struct slice	*w = slices_make(want), *g = slices_make(got);
	size_t		 i;
	int		 r = 0;

	if (w == NULL || g == NULL)
		r = tool_fail(-1, "%s: %s", name, strerror(errno));
	else {
		if (sorted) {
			qsort(w, want->nlines, sizeof(*w), slice_order);
			qsort(g, got->nlines, sizeof(*g), slice_order);
		}
		for (i = 0; i < want->nlines && i < got->nlines; i++)
			if (slice_order(&w[i], &g[i]) != 0)
				break;
		if (i < want->nlines || i < got->nlines)
			r = difference_say(name, i, w, want->nlines, g, got->nlines,
			    sorted ? " of the sorted file" : "");
		else if (!sorted)
			r = tool_fail(1, "%s: differs in its last newline", name);
	}
	free(w);
	free(g);
	return (r);
}

int
differ_files(const char *name, const char *want, const char *got, int unordered)
{
	struct text	w, g;
	int		r = 0;

	if (text_read(&w, want) == -1)
		return (-1);
	if (text_read(&g, got) == -1) {
		text_free(&w);
		return (-1);
	}
	if (w.len != g.len || memcmp(w.data, g.data, w.len) != 0)
		r = slices_compare(name, &w, &g, unordered);
	text_free(&w);
	text_free(&g);
	return (r);
}

int
differ_lines(const char *name, const char *want, const char *got, int unordered)
{
	struct text	 w, g;
	struct slice	*ws = NULL, *gs = NULL;
	size_t		 i, j;
	int		 r = -1;

	if (text_read(&w, want) == -1)
		return (-1);
	if (text_read(&g, got) == 0 && (ws = slices_make(&w)) != NULL &&
	    (gs = slices_make(&g)) != NULL) {
		if (unordered) {
			qsort(ws, w.nlines, sizeof(*ws), slice_order);
			qsort(gs, g.nlines, sizeof(*gs), slice_order);
		}
		for (i = j = 0; i < w.nlines && j < g.nlines; j++)
			i += slice_order(&ws[i], &gs[j]) == 0;
		r = i < w.nlines;
		if (r == 1) {
			tool_fail(0, "%s: line %zu%s is missing%s", name, i + 1, unordered ?
			    " of the sorted text" : "", unordered ? "" :
			    ", or not behind the lines before it");
			line_say("clean:", &ws[i]);
		}
	}
	free(ws);
	free(gs);
	text_free(&w);
	text_free(&g);
	return (r);
}
