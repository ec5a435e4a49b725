/*
 * journals: durable bytes of a stage, as weir.h offers them.
 *
 * The owner appends to memory, the writer to the disk: a piece at a time, when it
 * is large, at each barrier, and at once for what is kept (a spool).  Positions
 * that the owner sees are ahead of the disk; a checkpoint names only what its
 * mark has made durable.
 *  - The start of the marks moves behind what is published, or released, in steps
 *    of a segment: what lies below the oldest retained start is unlinked.
 *  - A journal that is published once remembers how far in a file beside it,
 *    written after publish() and before N is called committed.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "run.h"

#define PIECE_BYTES	(1U << 20)	/* handed to the writer at once */
#define SEGMENT_BYTES	(64U << 20)
#define SPARES		8		/* pieces whose memory is kept: new pages cost */
#define BEHIND_BYTES	(32U << 20)	/* that wait for the writer: emit no more */
#define RUNNING		".running"

struct weir_journal {
	struct weir_journal	*next;
	struct weir		*w;
	char			 name[WEIR_NAME_MAX + 1];
	int			 flags;
	struct buf		 piece;		/* not the writer's yet */
	struct buf		 spare[SPARES];
	unsigned		 nspare;
	uint64_t		 end;		/* as the owner sees it */
	uint64_t		 released;	/* by the owner */
	atomic_ullong		 useless;	/* what was released, for the writer */
	uint64_t		 behind;	/* bytes that the writer has to write */
	int			 unwanted;	/* publish() says that nobody reads */

	pthread_mutex_t		 mutex;		/* for j and all below */
	struct journal		*j;
	int			(*publish)(struct weir_range *, void *);
	void			*arg;
	int			 once;
	uint64_t		 published, marked;
	uint64_t		 begun_at;	/* a start to be */
	int			 begun;
	int			 error;		/* errno of the first failure */
	char			 why[PATH_MAX + 512];
};

/* A piece on its way. */
struct piece {
	struct weir_journal	*g;
	struct buf		 bytes;
};

/* In the writer, or with nobody else there: keep the first failure. */
static int
fail_journal(struct weir_journal *g)
{
	if (g->error == 0) {
		g->error = errno;
		strlcpy(g->why, journal_error(g->j), sizeof(g->why));
	}
	return (-1);
}

int
journals_failed(struct weir *w)
{
	struct weir_journal	*g;
	int			 error;

	for (g = w->job->journals; g != NULL; g = g->next) {
		pthread_mutex_lock(&g->mutex);
		error = g->error;
		pthread_mutex_unlock(&g->mutex);
		if (error == 0)
			continue;
		if (jobdir_status(error) == WEIR_USAGE)
			weir_misuse(w, "%s", g->why);
		else
			weir_error(w, "%s", g->why);
		return (1);
	}
	return (0);
}

static const struct journal_range *
range_find(const struct jobfile_subtask *at, const char *name)
{
	size_t i;

	for (i = 0; at != NULL && i < at->nranges; i++)
		if (strcmp(at->range[i].name, name) == 0)
			return (&at->range[i]);
	return (NULL);
}

static int
attach(struct weir_journal *g)
{
	struct weir			*w = g->w;
	const struct journal_range	*r = range_find(w->job->restored, g->name);
	struct journal_range		 none = { .start = 0 };
	const enum journal_tail		 tail = g->flags & WEIR_KEEP ? JOURNAL_KEEP : JOURNAL_CUT;

	if (r == NULL) {
		/* of an attempt before the first checkpoint: a spool is all there is */
		strlcpy(none.name, g->name, sizeof(none.name));
		none.sum = XXH3_64bits("", 0);
		r = &none;
	}
	if (journal_attach(g->j, r, tail) == -1)
		return (fail_journal(g));
	g->end = journal_offset(g->j);
	g->marked = r->to;
	g->published = g->released = journal_start(g->j);
	/* else a job that takes one checkpoint a run would keep everything */
	if (r->to > g->published) {
		if (journal_begin_start(g->j) == -1)
			return (fail_journal(g));
		g->begun = 1;
		g->begun_at = g->end;
	}
	return (0);
}

struct weir_journal *
weir_journal(struct weir *w, const char *name, int flags)
{
	struct weir_journal *g;

	if (w->job == NULL || w->job->writer == NULL || !name_ok(name)) {
		weir_misuse(w, "journal \"%s\": %s", name, w->job == NULL ?
		    "there is none without a job" : "no name for one");
		return (NULL);
	}
	for (g = w->job->journals; g != NULL; g = g->next)
		if (strcmp(g->name, name) == 0) {
			weir_misuse(w, "two journals are called \"%s\"", name);
			return (NULL);
		}
	if ((g = calloc(1, sizeof(*g))) == NULL ||
	    (g->j = journal_open(stagedir_fd(w->job->stage), stagedir_path(w->job->stage), name,
	    SEGMENT_BYTES)) == NULL) {
		free(g);
		weir_error(w, "journal \"%s\": %s", name, strerror(errno));
		return (NULL);
	}
	g->w = w;
	g->flags = flags;
	strlcpy(g->name, name, sizeof(g->name));
	pthread_mutex_init(&g->mutex, NULL);
	/* the writer walks the list: what it sees has to be whole */
	if (attach(g) == 0) {
		g->next = w->job->journals;
		w->job->journals = g;
		return (g);
	}
	if (jobdir_status(g->error) == WEIR_USAGE)
		weir_misuse(w, "%s", g->why);
	else
		weir_error(w, "%s", g->why);
	journal_close(g->j);
	free(g);
	return (NULL);
}

void
journals_close(struct weir *w)
{
	struct weir_journal *g;

	while ((g = w->job->journals) != NULL) {
		w->job->journals = g->next;
		journal_close(g->j);
		pthread_mutex_destroy(&g->mutex);
		buf_free(&g->piece);
		while (g->nspare > 0)
			buf_free(&g->spare[--g->nspare]);
		free(g);
	}
}

/*
 * Appending.
 */

/* In the writer. */
static int
piece_run(void *arg)
{
	struct piece	*p = arg;
	int		 r = 0;

	pthread_mutex_lock(&p->g->mutex);
	if (journal_append(p->g->j, p->bytes.data, p->bytes.len) == -1)
		r = fail_journal(p->g);
	pthread_mutex_unlock(&p->g->mutex);
	return (r);
}

static void
piece_spare(struct weir_journal *g, struct buf *b)
{
	if (b->cap < PIECE_BYTES || b->cap > 2 * PIECE_BYTES || g->nspare == SPARES) {
		buf_free(b);
		return;
	}
	b->len = 0;
	g->spare[g->nspare++] = *b;
}

static void
piece_done(void *arg, int result)
{
	struct piece *p = arg;

	p->g->behind -= p->bytes.len;
	if (result == -1)
		journals_failed(p->g->w);
	piece_spare(p->g, &p->bytes);
	free(p);
}

static int
piece_put(struct weir_journal *g)
{
	struct piece *p;

	if (g->piece.len == 0)
		return (0);
	if ((p = malloc(sizeof(*p))) == NULL)
		return (weir_error(g->w, "%s", strerror(errno)));
	p->g = g;
	p->bytes = g->piece;
	memset(&g->piece, 0, sizeof(g->piece));
	g->behind += p->bytes.len;
	if (writer_put(g->w->job->writer, piece_run, piece_done, p) == -1) {
		buf_free(&p->bytes);
		free(p);
		return (weir_error(g->w, "%s", strerror(errno)));
	}
	return (0);
}

int
weir_journal_append(struct weir_journal *g, const void *data, size_t len)
{
	if (g->piece.data == NULL && len > PIECE_BYTES / 16 && g->nspare > 0)
		g->piece = g->spare[--g->nspare];
	if (buf_add(&g->piece, data, len) == -1)
		return (weir_error(g->w, "journal \"%s\": %s", g->name, strerror(errno)));
	g->end += len;
	if (g->piece.len >= PIECE_BYTES || (g->flags & WEIR_KEEP))
		return (piece_put(g));
	return (0);
}

int
journals_flush(struct weir *w)
{
	struct weir_journal *g;

	for (g = w->job->journals; g != NULL; g = g->next)
		if (piece_put(g) == -1)
			return (-1);
	return (0);
}

int
journals_full(const struct weir *w)
{
	const struct weir_journal	*g;
	uint64_t			 behind = 0;

	for (g = w->job->journals; g != NULL; g = g->next)
		behind += g->behind;
	return (behind > BEHIND_BYTES);
}

uint64_t
weir_journal_end(const struct weir_journal *g)
{
	return (g->end);
}

uint64_t
weir_journal_start(const struct weir_journal *g)
{
	struct weir_journal	*own = (struct weir_journal *)(uintptr_t)g;
	uint64_t		 start;

	pthread_mutex_lock(&own->mutex);
	start = journal_start(own->j);
	pthread_mutex_unlock(&own->mutex);
	return (start);
}

int
weir_journal_read(struct weir_journal *g, uint64_t from, void *buf, size_t len)
{
	int r;

	pthread_mutex_lock(&g->mutex);
	if ((r = journal_read(g->j, from, buf, len)) == -1)
		fail_journal(g);
	pthread_mutex_unlock(&g->mutex);
	return (r == -1 ? (journals_failed(g->w), -1) : 0);
}

/* Counts from the next barrier on: see journals_release(). */
void
weir_journal_release(struct weir_journal *g, uint64_t position)
{
	g->released = position;
}

void
journals_release(struct weir *w)
{
	struct weir_journal *g;

	/* without the mutex: the writer may hold it for as long as a sync takes */
	for (g = w->job->journals; g != NULL; g = g->next)
		g->useless = g->released;
}

/*
 * Marks, in the writer.
 */

/* The start moves to where a segment began, once all below is of no use. */
static int
mark(struct weir_journal *g, struct journal_range *r, uint64_t *bytes)
{
	uint64_t below = g->publish != NULL ? g->published : g->useless;

	if (g->begun && below >= g->begun_at) {
		if (journal_adopt_start(g->j) == -1)
			return (fail_journal(g));
		g->begun = 0;
	}
	if (journal_mark(g->j, r) == -1)
		return (fail_journal(g));
	*bytes += r->to - g->marked;
	g->marked = r->to;
	if (!g->begun && r->to > r->start) {
		if (journal_begin_start(g->j) == -1)
			return (fail_journal(g));
		g->begun = 1;
		g->begun_at = r->to;
	}
	return (0);
}

int
journals_w_mark(struct weir *w, struct journal_range **ranges, size_t *n, uint64_t *bytes)
{
	struct weir_journal	*g;
	size_t			 count = 0;
	int			 r = 0;

	for (g = w->job->journals; g != NULL; g = g->next)
		count++;
	*n = 0;
	if (count == 0)
		return (0);
	if ((*ranges = calloc(count, sizeof(**ranges))) == NULL)
		return (-1);
	for (g = w->job->journals; g != NULL && r == 0; g = g->next) {
		pthread_mutex_lock(&g->mutex);
		r = mark(g, &(*ranges)[(*n)++], bytes);
		pthread_mutex_unlock(&g->mutex);
	}
	return (r);
}

int
journals_w_trim(struct weir *w, const struct jobfile_subtask *below)
{
	struct weir_journal		*g;
	const struct journal_range	*r;
	int				 failed = 0;

	for (g = w->job->journals; g != NULL && !failed; g = g->next) {
		if ((r = range_find(below, g->name)) == NULL)
			continue;
		pthread_mutex_lock(&g->mutex);
		if (journal_trim(g->j, r->start) == -1)
			failed = fail_journal(g);
		pthread_mutex_unlock(&g->mutex);
	}
	return (failed);
}

/*
 * Publishing, in the writer.
 */

static int
published_write(struct weir_journal *g)
{
	const char	*verb;
	int		 error;

	if (companion_write(stagedir_fd(g->w->job->stage), g->name, JOURNAL_PUBLISHED,
	    g->published, &verb) == 0)
		return (0);
	error = errno;
	pthread_mutex_lock(&g->mutex);
	g->error = error;
	snprintf(g->why, sizeof(g->why), "%s %s/%s" JOURNAL_PUBLISHED ": %s", verb,
	    stagedir_path(g->w->job->stage), g->name, strerror(error));
	pthread_mutex_unlock(&g->mutex);
	return (-1);
}

/* How far it was published; before the first time nowhere. */
static int
published_read(struct weir_journal *g)
{
	const char	*dir = stagedir_path(g->w->job->stage);
	uint64_t	 n;

	switch (companion_read(stagedir_fd(g->w->job->stage), g->name, JOURNAL_PUBLISHED, &n)) {
	case 1:
		if (n > g->published && n <= g->marked)
			g->published = n;
		return (0);
	case 0:
		return (0);
	}
	if (errno == EBADMSG)
		return (weir_misuse(g->w, "%s/%s" JOURNAL_PUBLISHED ": damaged: not a position; "
		    "put it back from a backup", dir, g->name));
	return (weir_error(g->w, "read %s/%s" JOURNAL_PUBLISHED ": %s", dir, g->name,
	    strerror(errno)));
}

int
weir_journal_publish(struct weir_journal *g, int (*publish)(struct weir_range *, void *),
    void *arg, int flags)
{
	int r = 0;

	pthread_mutex_lock(&g->mutex);
	g->publish = publish;
	g->arg = arg;
	g->once = (flags & WEIR_ONCE) != 0;
	if (g->once && g->w->job->restored != NULL)
		r = published_read(g);
	pthread_mutex_unlock(&g->mutex);
	return (r);
}

void
journals_whole(struct weir_journal *g)
{
	pthread_mutex_lock(&g->mutex);
	journal_whole(g->j);
	pthread_mutex_unlock(&g->mutex);
}

/* What lies below is not to be published. */
void
journals_skip(struct weir_journal *g, uint64_t position)
{
	pthread_mutex_lock(&g->mutex);
	if (g->published < position)
		g->published = position;
	pthread_mutex_unlock(&g->mutex);
}

/* publish() waits as long as it likes: the owner is not to wait with it. */
static int
publish(struct weir_journal *g, uint64_t id, uint64_t to)
{
	struct weir_range	r = { .journal = g, .checkpoint = id, .from = g->published,
				    .to = to };
	int			got;

	if (g->publish == NULL || g->published >= to)
		return (0);
	STEP("publish-begin");
	if ((got = g->publish(&r, g->arg)) == -1)
		return (-1);
	pthread_mutex_lock(&g->mutex);
	g->published = to;
	g->unwanted |= got == 1;
	pthread_mutex_unlock(&g->mutex);
	return (g->once ? published_write(g) : 0);
}

int
journals_w_publish(struct weir *w, uint64_t id, const struct jobfile_subtask *at)
{
	struct weir_journal		*g;
	const struct journal_range	*r;

	for (g = w->job->journals; g != NULL; g = g->next)
		if ((r = range_find(at, g->name)) != NULL && publish(g, id, r->to) == -1)
			return (-1);
	return (0);
}

int
weir_range_copy(struct weir_range *r, int fd, int64_t offset, const char *name)
{
	struct weir_journal	*g = r->journal;
	int			 bad = 0;

	pthread_mutex_lock(&g->mutex);
	if (journal_publish(g->j, r->from, r->to, fd, (off_t)offset, name) == -1)
		bad = fail_journal(g);
	pthread_mutex_unlock(&g->mutex);
	return (bad);
}

int
journals_give(struct weir_range *r, int fd, const char *path)
{
	struct weir_journal	*g = r->journal;
	int			 given;

	pthread_mutex_lock(&g->mutex);
	if ((given = journal_give(g->j, r->to, fd, path)) == -1)
		fail_journal(g);
	else if (given)
		g->begun = 0;
	pthread_mutex_unlock(&g->mutex);
	return (given);
}

int
weir_range_read(struct weir_range *r, uint64_t from, void *buf, size_t len)
{
	struct weir_journal	*g = r->journal;
	int			 bad = 0;

	if (from < r->from || from > r->to || len > r->to - from)
		return (weir_range_error(r, "journal \"%s\": read outside of its range",
		    g->name));
	pthread_mutex_lock(&g->mutex);
	if (journal_read(g->j, from, buf, len) == -1)
		bad = fail_journal(g);
	pthread_mutex_unlock(&g->mutex);
	return (bad);
}

int
weir_range_lock(struct weir_range *r)
{
	struct weir_journal	*g = r->journal;
	char			 file[WEIR_NAME_MAX + 16];
	int			 fd;

	snprintf(file, sizeof(file), "%s" RUNNING, g->name);
	fd = lockfile_take(stagedir_fd(g->w->job->stage), file);
	if (fd == -1 && errno != EWOULDBLOCK)
		weir_range_error(r, "lock %s/%s: %s", stagedir_path(g->w->job->stage), file,
		    strerror(errno));
	return (fd);
}

int
weir_range_error(struct weir_range *r, const char *fmt, ...)
{
	struct weir_journal	*g = r->journal;
	va_list			 ap;

	pthread_mutex_lock(&g->mutex);
	if (g->error == 0) {
		g->error = EIO;
		va_start(ap, fmt);
		vsnprintf(g->why, sizeof(g->why), fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&g->mutex);
	return (-1);
}

/*
 * What the owner asks.
 */

int
journals_once(const struct weir *w)
{
	const struct weir_journal *g;

	for (g = w->job->journals; g != NULL; g = g->next)
		if (g->once)
			return (1);
	return (0);
}

int
journals_publish(const struct weir *w)
{
	const struct weir_journal *g;

	for (g = w->job->journals; g != NULL; g = g->next)
		if (g->publish != NULL)
			return (1);
	return (0);
}

void
journals_unwanted(struct weir *w)
{
	struct weir_journal *g;

	for (g = w->job->journals; g != NULL; g = g->next) {
		pthread_mutex_lock(&g->mutex);
		if (g->unwanted)
			weir_quit(w);
		pthread_mutex_unlock(&g->mutex);
	}
}
