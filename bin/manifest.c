/*
 * manifest: what a savepoint says of itself: how it is kept, and written.
 * manifestread.c is the other way round.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "manifest.h"

static const char *const backends[] = {
	[BACKEND_NONE] = "-", [BACKEND_LEVELDB] = "leveldb", [BACKEND_MEMORY] = "memory",
};

static void
stage_free(struct manifest_stage *s)
{
	size_t i;

	for (i = 0; i < s->nstates; i++)
		free(s->state[i].layout);
	for (i = 0; i < s->nparts; i++)
		free(s->part[i].data);
	free(s->state);
	free(s->part);
	free(s->journal);
}

void
manifest_free(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->nstages; i++)
		stage_free(&m->stage[i]);
	free(m->stage);
	free(m->file);
	memset(m, 0, sizeof(*m));
}

/*
 * Adding
 */

/* One more behind the n of that size; NULL: no memory, and all is as it was. */
static void *
list_add(void **list, size_t *n, size_t size)
{
	char *grown;

	if ((grown = realloc(*list, (*n + 1) * size)) == NULL)
		return (NULL);
	*list = grown;
	return (memset(grown + (*n)++ * size, 0, size));
}

#define ADD(list, n)							\
	void *all = list, *one = list_add(&all, &n, sizeof(*list));	\
	list = all;							\
	return (one)

struct manifest_stage *
manifest_stage_add(struct manifest *m)
{
	ADD(m->stage, m->nstages);
}

struct manifest_state *
manifest_state_add(struct manifest_stage *s)
{
	ADD(s->state, s->nstates);
}

struct manifest_part *
manifest_part_add(struct manifest_stage *s)
{
	ADD(s->part, s->nparts);
}

struct manifest_journal *
manifest_journal_add(struct manifest_stage *s)
{
	ADD(s->journal, s->njournals);
}

struct manifest_file *
manifest_file_add(struct manifest *m)
{
	ADD(m->file, m->nfiles);
}

/*
 * Looking up
 */

struct manifest_stage *
manifest_stage(const struct manifest *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nstages; i++)
		if (strcmp(m->stage[i].name, name) == 0)
			return (&m->stage[i]);
	return (NULL);
}

const struct manifest_file *
manifest_file(const struct manifest *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nfiles; i++)
		if (strcmp(m->file[i].name, name) == 0)
			return (&m->file[i]);
	return (NULL);
}

int
manifest_state(const struct manifest_stage *s, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < s->nstates; i++)
		if (strlen(s->state[i].name) == len && memcmp(s->state[i].name, name, len) == 0)
			return ((int)i);
	return (-1);
}

void
manifest_text_name(char name[MANIFEST_NAME + 1], const struct manifest_stage *s)
{
	snprintf(name, MANIFEST_NAME + 1, "%s.tsv", s->name);
}

void
manifest_journal_name(char name[MANIFEST_NAME + 1], const struct manifest_stage *s,
    const struct manifest_journal *j)
{
	snprintf(name, MANIFEST_NAME + 1, "%s.%u.%s", s->name, j->subtask, j->name);
}

/*
 * Encoding
 */

static int add(struct buf *, const char *, ...) WEIR_PRINTF(2, 3);

static int
add(struct buf *b, const char *fmt, ...)
{
	char	line[1024];
	va_list	ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return (buf_add(b, line, (size_t)n));
}

/* Bytes that are text stand as they are. */
static int
part_encode(struct buf *b, const struct manifest_stage *s, const struct manifest_part *p)
{
	char	*text;
	size_t	 len;
	int	 plain = escape_needless(p->data, p->len), bad;

	if (add(b, "part\t%s\t%u\t%s\t%s\t", s->name, p->subtask, p->name,
	    plain ? "text" : "base64") == -1)
		return (-1);
	if (plain)
		bad = escape_add(b, p->data, p->len);
	else {
		if ((text = base64_encode(p->data, p->len, &len)) == NULL)
			return (-1);
		bad = buf_add(b, text, len);
		free(text);
	}
	return (bad == -1 ? -1 : buf_add(b, "\n", 1));
}

static int
journal_encode(struct buf *b, const struct manifest_stage *s, const struct manifest_journal *j)
{
	char published[24] = "-";

	if (j->published != MANIFEST_NOT)
		snprintf(published, sizeof(published), "%" PRIu64, j->published);
	return (add(b, "journal\t%s\t%u\t%s\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n", s->name,
	    j->subtask, j->name, j->start, j->to, published, j->gap ? "gap" : "whole"));
}

static int
stage_encode(struct buf *b, const struct manifest_stage *s)
{
	size_t	i;
	int	bad;

	bad = add(b, "stage\t%s\t%u\t%s\n", s->name, s->parallelism, backends[s->backend]);
	for (i = 0; !bad && i < s->nstates; i++)
		bad = add(b, "state\t%s\t%s\t%s\n", s->name, s->state[i].name,
		    s->state[i].layout != NULL ? s->state[i].layout : "");
	for (i = 0; !bad && i < s->nparts; i++)
		bad = part_encode(b, s, &s->part[i]);
	for (i = 0; !bad && i < s->njournals; i++)
		bad = journal_encode(b, s, &s->journal[i]);
	return (bad);
}

int
manifest_encode(struct buf *b, const struct manifest *m)
{
	size_t	i, begin = b->len;
	int	bad;

	bad = add(b, "weir-savepoint\t%d\njob\t%016" PRIx64 "\ngroups\t%u\nreserved\t%" PRIu64 "\n",
	    MANIFEST_FORMAT, m->job, m->groups, m->reserved) == -1 ||
	    add(b, "checkpoint\t%" PRIu64 "\t%s\t%s\t%" PRId64 "\t%" PRId64 "\n", m->id,
	    jobfile_kind(m->kind), m->final ? "final" : "open", m->triggered_ms,
	    m->duration_ms) == -1;
	for (i = 0; !bad && i < m->nstages; i++)
		bad = stage_encode(b, &m->stage[i]);
	for (i = 0; !bad && i < m->nfiles; i++)
		bad = add(b, "file\t%s\t%" PRIu64 "\t%016" PRIx64 "\n", m->file[i].name,
		    m->file[i].bytes, m->file[i].sum);
	return (bad ? -1 : add(b, "sum\t%016" PRIx64 "\n",
	    (uint64_t)XXH3_64bits(b->data + begin, b->len - begin)));
}
