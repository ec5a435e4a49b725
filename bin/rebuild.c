/*
 * rebuild: a job's directory, made of an image.
 *
 *  - Journals first, synced; job.json comes last, and with it the job is there.
 *  - Keyed state goes to the subtasks that own its key groups, as the journal of a
 *    stage that has put each key once.
 *  - Other journals begin where they began, with the bytes that they had: what was
 *    not given to the outside yet will be.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "layout.h"
#include "rebuild.h"

#define SEGMENT_BYTES	(64U << 20)
#define PIECE_BYTES	(1U << 20)	/* of a journal, written at once */

/* A subtask that is being made. */
struct target {
	struct stagedir	*dir;
	struct journal	*state;		/* NULL: none, or of the memory backend */
	struct buf	 bytes;		/* of it, not yet written; memory: all */
};

struct rebuild {
	struct image	*im;
	struct jobdir	*dir;
	struct jobfile	 file;
	const struct rebuild_stage *stage;	/* in hand */
	struct jobfile_subtask *sub;	/* its subtasks, borrowed from file */
	struct target	*target;	/* likewise, as many */
};

static int
fail_memory(struct rebuild *r)
{
	return (image_fail(r->im, ENOMEM, "%s", strerror(ENOMEM)));
}

static int
fail_journal(struct rebuild *r, const struct journal *j)
{
	return (image_fail(r->im, errno, "%s", journal_error(j)));
}

/*
 * Keyed state
 */

static int
bytes_flush(struct rebuild *r, struct target *t)
{
	if (t->state == NULL)
		return (0);
	if (journal_append(t->state, t->bytes.data, t->bytes.len) == -1)
		return (fail_journal(r, t->state));
	t->bytes.len = 0;
	return (0);
}

/* A line of text becomes an entry of the journal of its subtask. */
static int
entry_put(struct rebuild *r, struct imagetext *text, const struct imageline *l,
    struct buf *key, struct buf *val)
{
	const struct manifest_stage	*from = r->stage->from;
	struct store_entry		 e = { .state = l->state };
	struct target			*t;
	char				 why[256];

	key->len = val->len = 0;
	if (escape_read(key, l->key, l->keylen) == -1)
		return (errno == EBADMSG ? imagetext_fail(text, "the key has a backslash that "
		    "means nothing") : fail_memory(r));
	if (layout_parse(val, from->state[l->state].layout, l->val, l->vallen, why,
	    sizeof(why)) == -1)
		return (errno == EBADMSG ? imagetext_fail(text, why) : fail_memory(r));
	e.key = key->data;
	e.keylen = key->len;
	e.val = val->data;
	e.vallen = val->len;
	t = &r->target[image_owner(r->im, r->stage->parallelism, key->data, key->len)];
	if (store_entry_encode(&t->bytes, &e) == -1)
		return (fail_memory(r));
	return (t->bytes.len >= PIECE_BYTES ? bytes_flush(r, t) : 0);
}

static int
text_put(struct rebuild *r)
{
	const struct manifest_stage	*from = r->stage->from;
	struct imagetext		*text;
	struct imageline		 l;
	struct buf			 key = { 0 }, val = { 0 };
	const char			*line;
	size_t				 len;
	int				 more;

	if ((text = imagetext_open(r->im, from)) == NULL)
		return (-1);
	while ((more = imagetext_next(text, &line, &len)) == 1) {
		if (imageline_cut(from, line, len, &l) == -1)
			more = imagetext_fail(text, "is no entry");
		else if (entry_put(r, text, &l, &key, &val) == -1)
			more = -1;
		if (more == -1)
			break;
	}
	imagetext_close(text);
	buf_free(&key);
	buf_free(&val);
	return (more);
}

static struct journal_range *
range_add(struct rebuild *r, struct jobfile_subtask *s)
{
	struct journal_range *range;

	if ((range = realloc(s->range, (s->nranges + 1) * sizeof(*range))) == NULL) {
		fail_memory(r);
		return (NULL);
	}
	s->range = range;
	return (&s->range[s->nranges++]);
}

static int
state_begin(struct rebuild *r, struct target *t)
{
	if (r->stage->from->backend != BACKEND_LEVELDB)
		return (0);
	t->state = journal_open(stagedir_fd(t->dir), stagedir_path(t->dir), STORE_JOURNAL,
	    SEGMENT_BYTES);
	if (t->state == NULL)
		return (image_fail(r->im, errno, "%s: %s", stagedir_path(t->dir), strerror(errno)));
	return (journal_create(t->state) == -1 ? fail_journal(r, t->state) : 0);
}

static int
state_end(struct rebuild *r, struct target *t, struct jobfile_subtask *s)
{
	struct journal_range *range;

	if (t->state == NULL)
		return (0);
	if (bytes_flush(r, t) == -1 || (range = range_add(r, s)) == NULL)
		return (-1);
	return (journal_mark(t->state, range) == -1 ? fail_journal(r, t->state) : 0);
}

static int
keyed_put(struct rebuild *r)
{
	const struct manifest_stage	*from = r->stage->from;
	unsigned			 i;

	if (from->nstates == 0)
		return (0);
	for (i = 0; i < r->stage->parallelism; i++)
		if (state_begin(r, &r->target[i]) == -1)
			return (-1);
	if (text_put(r) == -1)
		return (-1);
	for (i = 0; i < r->stage->parallelism; i++)
		if (state_end(r, &r->target[i], &r->sub[i]) == -1)
			return (-1);
	return (0);
}

/*
 * Other journals
 */

static int
bytes_put(struct rebuild *r, struct journal *j, const struct manifest_journal *m)
{
	struct imagebytes	*b;
	char			*data;
	ssize_t			 n = -1;

	if ((data = malloc(PIECE_BYTES)) == NULL)
		return (fail_memory(r));
	if ((b = imagebytes_open(r->im, r->stage->from, m)) != NULL)
		while ((n = imagebytes_read(b, data, PIECE_BYTES)) > 0)
			if (journal_append(j, data, (size_t)n) == -1) {
				fail_journal(r, j);
				n = -1;
				break;
			}
	imagebytes_close(b);
	free(data);
	return (n == -1 ? -1 : 0);
}

static int
published_put(struct rebuild *r, const struct target *t, const struct manifest_journal *m)
{
	const char *verb;

	if (m->published == MANIFEST_NOT || companion_write(stagedir_fd(t->dir), m->name,
	    JOURNAL_PUBLISHED, m->published, &verb) == 0)
		return (0);
	return (image_fail(r->im, errno, "%s %s/%s" JOURNAL_PUBLISHED ": %s", verb,
	    stagedir_path(t->dir), m->name, strerror(errno)));
}

/* It begins where it began: at its start it is empty, then it has its bytes. */
static int
journal_put(struct rebuild *r, const struct manifest_journal *m)
{
	struct target		*t = &r->target[m->subtask];
	struct journal_range	 at = { .start = m->start, .to = m->start,
				    .sum = XXH3_64bits("", 0) }, *range;
	struct journal		*j;
	int			 bad;

	strlcpy(at.name, m->name, sizeof(at.name));
	if ((range = range_add(r, &r->sub[m->subtask])) == NULL)
		return (-1);
	if ((j = journal_open(stagedir_fd(t->dir), stagedir_path(t->dir), m->name,
	    SEGMENT_BYTES)) == NULL)
		return (image_fail(r->im, errno, "%s: %s", stagedir_path(t->dir), strerror(errno)));
	if (journal_attach(j, &at, JOURNAL_CUT) == -1)
		bad = fail_journal(r, j);
	else if ((bad = bytes_put(r, j, m)) == 0 && journal_mark(j, range) == -1)
		bad = fail_journal(r, j);
	journal_close(j);
	return (bad == 0 ? published_put(r, t, m) : -1);
}

/*
 * Operator state
 */

static int
names_put(struct rebuild *r, struct buf *b)
{
	const struct manifest_stage	*from = r->stage->from;
	struct buf			 names = { 0 };
	size_t				 i;
	int				 bad;

	bad = buf_add_uint(&names, from->nstates, 4);
	for (i = 0; bad == 0 && i < from->nstates; i++)
		bad = store_names_encode(&names, from->state[i].name, from->state[i].layout);
	if (bad == 0)
		bad = opstate_put(b, STORE_PART_NAMES, names.data, names.len);
	buf_free(&names);
	return (bad);
}

static int
parts_encode(struct rebuild *r, unsigned subtask, struct buf *b)
{
	const struct manifest_stage	*from = r->stage->from;
	const struct target		*t = &r->target[subtask];
	size_t				 i;

	if (opstate_begin(b) == -1 || (from->nstates > 0 && names_put(r, b) == -1) ||
	    (from->backend == BACKEND_MEMORY &&
	    opstate_put(b, STORE_PART_KEYED, t->bytes.data, t->bytes.len) == -1) ||
	    opstate_put(b, OPSTATE_RESTORED, "", 0) == -1)
		return (-1);
	for (i = 0; i < from->nparts; i++)
		if (from->part[i].subtask == subtask && opstate_put(b, from->part[i].name,
		    from->part[i].data, from->part[i].len) == -1)
			return (-1);
	return (0);
}

static int
parts_put(struct rebuild *r, unsigned subtask)
{
	struct jobfile_subtask	*s = &r->sub[subtask];
	struct buf		 b = { 0 };

	if (parts_encode(r, subtask, &b) == -1) {
		buf_free(&b);
		return (fail_memory(r));
	}
	s->state = b.data;
	s->statelen = b.len;
	if (b.len <= JOBFILE_STATE)
		return (0);
	return (image_fail(r->im, EBADMSG, "%s.%u: its operator state of %zu bytes is over the "
	    "limit of %d", s->stage, subtask, b.len, JOBFILE_STATE));
}

/*
 * A stage
 */

static int
subtasks_begin(struct rebuild *r)
{
	struct jobfile_checkpoint	*c = r->file.checkpoint;
	unsigned			 i, n = r->stage->parallelism;
	struct jobfile_subtask		*all;

	if ((all = realloc(c->subtask, (c->nsubtasks + n) * sizeof(*all))) == NULL ||
	    (c->subtask = all, r->target = calloc(n, sizeof(*r->target))) == NULL)
		return (fail_memory(r));
	r->sub = c->subtask + c->nsubtasks;
	memset(r->sub, 0, n * sizeof(*r->sub));
	c->nsubtasks += n;
	for (i = 0; i < n; i++) {
		strlcpy(r->sub[i].stage, r->stage->name, sizeof(r->sub[i].stage));
		r->sub[i].subtask = i;
		r->sub[i].parallelism = n;
		r->target[i].dir = stagedir_new(r->dir, r->stage->name, i, r->im->why,
		    sizeof(r->im->why));
		if (r->target[i].dir == NULL)
			return (-1);
	}
	return (0);
}

static void
subtasks_end(struct rebuild *r)
{
	unsigned i;

	for (i = 0; r->target != NULL && i < r->stage->parallelism; i++) {
		journal_close(r->target[i].state);
		stagedir_close(r->target[i].dir);
		buf_free(&r->target[i].bytes);
	}
	free(r->target);
	r->target = NULL;
}

static int
stage_fill(struct rebuild *r)
{
	const struct manifest_stage	*from = r->stage->from;
	unsigned			 i;
	size_t				 k;

	if (keyed_put(r) == -1)
		return (-1);
	for (k = 0; k < from->njournals; k++)
		if (journal_put(r, &from->journal[k]) == -1)
			return (-1);
	for (i = 0; i < r->stage->parallelism; i++)
		if (parts_put(r, i) == -1)
			return (-1);
	return (0);
}

static int
stage_put(struct rebuild *r, const struct rebuild_stage *stage)
{
	int bad, error;

	r->stage = stage;
	bad = subtasks_begin(r) == -1 || stage_fill(r) == -1;
	error = errno;
	subtasks_end(r);
	errno = error;
	return (bad ? -1 : 0);
}

/*
 * The job
 */

static int
jobfile_begin(struct rebuild *r)
{
	const struct manifest		*m = &r->im->m;
	struct jobfile_checkpoint	*c;

	r->file.id = m->job;
	r->file.groups = m->groups;
	r->file.reserved = m->reserved;
	if ((c = r->file.checkpoint = calloc(1, sizeof(*c))) == NULL)
		return (fail_memory(r));
	r->file.ncheckpoints = 1;
	c->id = m->id;
	c->kind = m->kind;
	c->final = m->final;
	c->triggered_ms = m->triggered_ms;
	c->duration_ms = m->duration_ms;
	return (0);
}

static int
all_put(struct rebuild *r, const struct rebuild_stage *stage, size_t n)
{
	size_t i;

	if (jobfile_begin(r) == -1)
		return (-1);
	for (i = 0; i < n; i++)
		if (stage_put(r, &stage[i]) == -1)
			return (-1);
	if (jobdir_save(r->dir, &r->file) == -1)
		return (image_fail(r->im, errno, "%s", jobdir_error(r->dir)));
	return (0);
}

/* A directory for it, that nobody else takes. */
static int
directory_make(struct rebuild *r, const char *path)
{
	struct image *im = r->im;

	if ((r->dir = jobdir_open(path, 1, im->why, sizeof(im->why))) == NULL)
		return (-1);
	if (jobdir_begun(r->dir))
		return (image_fail(im, EBADMSG, "%s: a job is there already; give -j a new "
		    "directory", jobdir_path(r->dir)));
	if (jobdir_lock(r->dir) == -1)
		return (image_fail(im, errno, "%s", jobdir_error(r->dir)));
	if (jobdir_begun(r->dir))
		return (image_fail(im, EBADMSG, "%s: somebody else has just made a job there",
		    jobdir_path(r->dir)));
	return (0);
}

int
rebuild(struct image *im, const struct rebuild_stage *stage, size_t n, const char *path)
{
	struct rebuild	r = { .im = im };
	int		was = access(path, F_OK) == 0, bad, error;

	bad = directory_make(&r, path) == -1 || all_put(&r, stage, n) == -1;
	error = errno;
	/* EWOULDBLOCK: somebody else is at it */
	if (bad && error != EWOULDBLOCK && r.dir != NULL && !jobdir_begun(r.dir))
		jobdir_undo(r.dir, was);
	jobfile_free(&r.file);
	jobdir_close(r.dir);
	errno = error;
	return (bad ? -1 : 0);
}
