/* sorter: lines, in byte order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "sorter.h"

struct line {
	const char	*at;
	size_t		 len;
};

/* A file of sorted lines, and the first one that was not given out. */
struct run {
	FILE		*file;
	char		*text;
	size_t		 room;
	ssize_t		 len;		/* -1: it is used up */
};

struct sorter {
	char		*bytes;			/* lines as they came, one behind the other */
	size_t		 memory, room, used;
	struct line	*line;
	size_t		 nlines, line_room;
	size_t		 next;			/* of them, where they were enough */
	struct run	*run;
	size_t		 nruns;
	ssize_t		 given;			/* run that the last line was of; -1 */
};

struct sorter *
sorter_new(size_t memory_bytes)
{
	struct sorter *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->memory = memory_bytes;
	s->given = -1;
	return (s);
}

void
sorter_free(struct sorter *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nruns; i++) {
		fclose(s->run[i].file);
		free(s->run[i].text);
	}
	free(s->run);
	free(s->bytes);
	free(s->line);
	free(s);
}

static int
line_order(const void *a, const void *b)
{
	const struct line	*x = a, *y = b;
	int			 c;

	c = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);
	return (c != 0 ? c : (x->len > y->len) - (x->len < y->len));
}

/* Lines were added by their place: the bytes may have moved since. */
static void
lines_sort(struct sorter *s)
{
	size_t i, at = 0;

	for (i = 0; i < s->nlines; at += s->line[i++].len)
		s->line[i].at = s->bytes + at;
	if (s->nlines > 0)
		qsort(s->line, s->nlines, sizeof(*s->line), line_order);
}

/*
 * Temporary files
 */

/* It has no name any more: nobody has to remove it. */
static FILE *
temporary(void)
{
	const char	*dir = getenv("TMPDIR");
	char		 path[4096];
	FILE		*f = NULL;
	int		 fd;

	snprintf(path, sizeof(path), "%s/weir-sort.XXXXXX", dir != NULL && dir[0] != '\0' ?
	    dir : "/tmp");
	if ((fd = mkstemp(path)) == -1)
		return (NULL);
	if (unlink(path) == -1 || (f = fdopen(fd, "w+")) == NULL)
		close(fd);
	return (f);
}

static int
run_new(struct sorter *s)
{
	struct run *run;

	if ((run = realloc(s->run, (s->nruns + 1) * sizeof(*run))) == NULL)
		return (-1);
	s->run = run;
	memset(&run[s->nruns], 0, sizeof(*run));
	if ((run[s->nruns].file = temporary()) == NULL)
		return (-1);
	s->nruns++;
	return (0);
}

/* What is in memory goes to a file. */
static int
spill(struct sorter *s)
{
	FILE	*f;
	size_t	 i;

	lines_sort(s);
	if (run_new(s) == -1)
		return (-1);
	f = s->run[s->nruns - 1].file;
	for (i = 0; i < s->nlines; i++)
		if (fwrite(s->line[i].at, 1, s->line[i].len, f) != s->line[i].len ||
		    putc('\n', f) == EOF)
			return (-1);
	s->nlines = s->used = 0;
	return (fflush(f) == EOF || fseek(f, 0, SEEK_SET) == -1 ? -1 : 0);
}

static int
run_read(struct run *r)
{
	errno = 0;
	r->len = getline(&r->text, &r->room, r->file);
	if (r->len == -1)
		return (ferror(r->file) || errno == ENOMEM ? -1 : 0);
	r->len--;			/* the newline */
	return (0);
}

/*
 * Lines
 */

static int
room_make(struct sorter *s, size_t len)
{
	struct line	*line;
	char		*bytes;
	size_t		 room = s->room > 0 ? s->room : 4096;

	while (room - s->used < len)
		room *= 2;
	if (room > s->room) {
		if ((bytes = realloc(s->bytes, room)) == NULL)
			return (-1);
		s->bytes = bytes;
		s->room = room;
	}
	if (s->nlines < s->line_room)
		return (0);
	room = s->line_room > 0 ? s->line_room * 2 : 256;
	if ((line = realloc(s->line, room * sizeof(*line))) == NULL)
		return (-1);
	s->line = line;
	s->line_room = room;
	return (0);
}

int
sorter_add(struct sorter *s, const char *line, size_t len)
{
	if (s->used + s->nlines * sizeof(*s->line) + len > s->memory && s->nlines > 0 &&
	    spill(s) == -1)
		return (-1);
	if (room_make(s, len) == -1)
		return (-1);
	if (len > 0)
		memcpy(s->bytes + s->used, line, len);
	s->used += len;
	s->line[s->nlines++].len = len;
	return (0);
}

int
sorter_sort(struct sorter *s)
{
	size_t i;

	if (s->nruns == 0) {
		lines_sort(s);
		return (0);
	}
	if (s->nlines > 0 && spill(s) == -1)
		return (-1);
	for (i = 0; i < s->nruns; i++)
		if (run_read(&s->run[i]) == -1)
			return (-1);
	return (0);
}

/* There are few: each is some memory's worth. */
static int
merge_next(struct sorter *s, const char **line, size_t *len)
{
	struct line	best = { NULL, 0 }, at;
	size_t		i;

	if (s->given != -1 && run_read(&s->run[s->given]) == -1)
		return (-1);
	s->given = -1;
	for (i = 0; i < s->nruns; i++) {
		if (s->run[i].len == -1)
			continue;
		at = (struct line){ s->run[i].text, (size_t)s->run[i].len };
		if (s->given != -1 && line_order(&best, &at) <= 0)
			continue;
		best = at;
		s->given = (ssize_t)i;
	}
	*line = best.at;
	*len = best.len;
	return (s->given != -1);
}

int
sorter_next(struct sorter *s, const char **line, size_t *len)
{
	if (s->nruns > 0)
		return (merge_next(s, line, len));
	if (s->next == s->nlines)
		return (0);
	*line = s->line[s->next].at;
	*len = s->line[s->next++].len;
	return (1);
}
