/*
 * imagetext: a stage's keyed state, as sorted lines: made of its subtasks' entries, or
 * read from a savepoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "image.h"
#include "layout.h"
#include "sorter.h"

#define SORT_BYTES	(256U << 20)	/* in memory; more goes to a file */

struct imagetext {
	struct image		*im;
	const struct manifest_stage *stage;
	struct sorter		*sorter;	/* of a job */

	FILE			*file;		/* of a savepoint */
	char			 name[MANIFEST_NAME + 1];
	char			*line;
	size_t			 room;
	struct buf		 before;	/* state and key of the line before */
	unsigned long long	 number;	/* of the line, from 1 */
	uint64_t		 bytes;
	XXH3_state_t		*sum;
};

static int
fail_errno(struct imagetext *t, const char *verb)
{
	return (image_fail(t->im, errno, "%s %s.tsv: %s", verb, t->stage->name,
	    strerror(errno)));
}

int
imagetext_fail(struct imagetext *t, const char *why)
{
	if (t->file != NULL)
		return (image_fail(t->im, EBADMSG, "%s%s:%llu: %s", t->im->path, t->name,
		    t->number, why));
	return (image_fail(t->im, EBADMSG, "%s: the state of %s: %s", t->im->path,
	    t->stage->name, why));
}

/*
 * Of a job
 */

static int
entry_print(struct imagetext *t, const struct image_subtask *s, const struct store_entry *e,
    struct buf *line)
{
	const char *layout, *name = store_read_name(s->store, e->state, &layout);

	line->len = 0;
	if (buf_add(line, name, strlen(name)) == -1 || buf_add(line, "\t", 1) == -1 ||
	    escape_add(line, e->key, e->keylen) == -1 || buf_add(line, "\t", 1) == -1 ||
	    layout_print(line, layout, e->val, e->vallen) == -1)
		return (fail_errno(t, "make"));
	if (sorter_add(t->sorter, (char *)line->data, line->len) == -1)
		return (fail_errno(t, "sort"));
	return (0);
}

static int
subtask_print(struct imagetext *t, struct image_subtask *s)
{
	struct store_entry	e;
	struct buf		line = { 0 };
	int			there = store_read_load(s->store) == -1 ? -1 : 1, bad = 0;

	while (there == 1 && !bad && (there = store_read_next(s->store, &e)) == 1)
		bad = entry_print(t, s, &e, &line);
	buf_free(&line);
	if (there == -1)
		bad = image_fail(t->im, errno, "%s%s.%u: %s", t->im->path, s->part->stage,
		    s->part->subtask, store_read_error(s->store));
	store_read_close(s->store);
	s->store = NULL;
	return (bad ? -1 : 0);
}

static int
job_open(struct imagetext *t)
{
	struct image	*im = t->im;
	size_t		 i;

	if ((t->sorter = sorter_new(SORT_BYTES)) == NULL)
		return (fail_errno(t, "sort"));
	for (i = 0; i < im->nsub; i++)
		if (strcmp(im->sub[i].part->stage, t->stage->name) == 0 &&
		    subtask_print(t, &im->sub[i]) == -1)
			return (-1);
	return (sorter_sort(t->sorter) == -1 ? fail_errno(t, "sort") : 0);
}

/*
 * Of a savepoint
 */

static int
savepoint_open(struct imagetext *t)
{
	int fd;

	manifest_text_name(t->name, t->stage);
	if ((t->sum = XXH3_createState()) == NULL)
		return (fail_errno(t, "read"));
	XXH3_64bits_reset(t->sum);
	if (manifest_file(&t->im->m, t->name) == NULL)
		return (image_fail(t->im, EBADMSG, "%s" MANIFEST_FILE ": says nothing of %s",
		    t->im->path, t->name));
	fd = openat(t->im->fd, t->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 || (t->file = fdopen(fd, "r")) == NULL) {
		image_fail(t->im, errno == ENOENT ? EBADMSG : errno, "%s%s: %s", t->im->path,
		    t->name, strerror(errno));
		fd = fd != -1 ? close(fd) : 0;
		return (-1);
	}
	return (0);
}

int
imageline_cut(const struct manifest_stage *s, const char *line, size_t len,
    struct imageline *cut)
{
	const char	*key, *val;
	int		 state;

	if ((key = memchr(line, '\t', len)) == NULL ||
	    (val = memchr(key + 1, '\t', len - (size_t)(key + 1 - line))) == NULL ||
	    (state = manifest_state(s, line, (size_t)(key - line))) == -1)
		return (-1);
	cut->state = (unsigned)state;
	cut->key = key + 1;
	cut->keylen = (size_t)(val - key) - 1;
	cut->val = val + 1;
	cut->vallen = len - (size_t)(val + 1 - line);
	return (0);
}

/* Behind the line before, by state and key. */
static int
order_check(struct imagetext *t, const struct imageline *l)
{
	size_t	n = (size_t)(l->val - t->line), least = n < t->before.len ? n : t->before.len;
	int	c = least > 0 ? memcmp(t->before.data, t->line, least) : -1;

	if (c == 0 && n == t->before.len)
		return (imagetext_fail(t, "the same state and key as the line before"));
	if (c > 0 || (c == 0 && n < t->before.len))
		return (imagetext_fail(t, "out of order: LC_ALL=C sort puts it right"));
	t->before.len = 0;
	return (buf_add(&t->before, t->line, n) == -1 ? fail_errno(t, "read") : 0);
}

static int
line_check(struct imagetext *t, size_t len)
{
	struct imageline l;

	if (imageline_cut(t->stage, t->line, len, &l) == -1)
		return (imagetext_fail(t, "is not STATE, KEY and VALUE, joined by TABs, of a state "
		    "of this stage"));
	return (order_check(t, &l));
}

/* All of it was read: is it what the manifest says? */
static int
sum_check(struct imagetext *t)
{
	const struct manifest_file *f = manifest_file(&t->im->m, t->name);

	if (f->bytes == t->bytes && f->sum == XXH3_64bits_digest(t->sum))
		return (0);
	if (!t->im->edited)
		return (image_fail(t->im, EBADMSG, "%s%s: its sum differs from that in "
		    MANIFEST_FILE ": damaged, or changed by hand? --edited takes it", t->im->path,
		    t->name));
	t->im->changed(t->name);
	return (0);
}

static int
savepoint_next(struct imagetext *t, const char **line, size_t *len)
{
	ssize_t n;

	errno = 0;
	if ((n = getline(&t->line, &t->room, t->file)) == -1) {
		if (ferror(t->file) || errno == ENOMEM)
			return (fail_errno(t, "read"));
		return (sum_check(t));
	}
	t->number++;
	t->bytes += (uint64_t)n;
	XXH3_64bits_update(t->sum, t->line, (size_t)n);
	if (t->line[n - 1] != '\n')
		return (imagetext_fail(t, "cut short: no newline at its end"));
	if (line_check(t, (size_t)n - 1) == -1)
		return (-1);
	*line = t->line;
	*len = (size_t)n - 1;
	return (1);
}

/*
 * Either
 */

struct imagetext *
imagetext_open(struct image *im, const struct manifest_stage *stage)
{
	struct imagetext *t;

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		image_fail(im, ENOMEM, "%s", strerror(ENOMEM));
		return (NULL);
	}
	t->im = im;
	t->stage = stage;
	if ((im->fd != -1 ? savepoint_open(t) : job_open(t)) == 0)
		return (t);
	imagetext_close(t);
	return (NULL);
}

int
imagetext_next(struct imagetext *t, const char **line, size_t *len)
{
	int more;

	if (t->file != NULL)
		return (savepoint_next(t, line, len));
	if ((more = sorter_next(t->sorter, line, len)) == -1)
		return (fail_errno(t, "sort"));
	return (more);
}

void
imagetext_close(struct imagetext *t)
{
	int error = errno;

	if (t == NULL)
		return;
	sorter_free(t->sorter);
	if (t->file != NULL)
		fclose(t->file);
	free(t->line);
	buf_free(&t->before);
	XXH3_freeState(t->sum);
	free(t);
	errno = error;
}

/*
 * One key
 */

/* An element of a list or map lies with its key: that ends at a newline. */
unsigned
image_owner(const struct image *im, unsigned parallelism, const void *key, size_t keylen)
{
	const char *end = memchr(key, '\n', keylen);

	if (end != NULL)
		keylen = (size_t)(end - (const char *)key);
	return (route_subtask(route_group(weir_hash(key, keylen), im->m.groups), im->m.groups,
	    parallelism));
}

/* A subtask numbers its states itself.  -1: it has no such one. */
static int
number_find(const struct store_read *r, const struct manifest_state *state, const char **layout)
{
	unsigned i;

	for (i = 0; i < store_read_states(r); i++)
		if (strcmp(store_read_name(r, i, layout), state->name) == 0)
			return ((int)i);
	return (-1);
}

static int
subtask_find(struct image *im, const struct image_subtask *s,
    const struct manifest_state *state, const void *key, size_t keylen, struct buf *value)
{
	const char	*layout;
	const void	*val;
	size_t		 len;
	int		 number, found;

	if ((number = number_find(s->store, state, &layout)) == -1)
		return (0);
	if (store_read_load(s->store) == -1 || (found = store_read_find(s->store,
	    (unsigned)number, key, keylen, &val, &len)) == -1)
		return (image_fail(im, errno, "%s%s.%u: %s", im->path, s->part->stage,
		    s->part->subtask, store_read_error(s->store)));
	if (found && layout_print(value, layout, val, len) == -1)
		return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	return (found);
}

/* The owner is asked first; but a stage may have keys of its own choice anywhere. */
static int
job_find(struct image *im, const struct manifest_stage *stage, unsigned state, const void *key,
    size_t keylen, struct buf *value)
{
	const struct image_subtask	*s;
	unsigned			 owner = image_owner(im, stage->parallelism, key, keylen);
	size_t				 i;
	int				 pass, found = 0;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < im->nsub && found == 0; i++) {
			s = &im->sub[i];
			if (strcmp(s->part->stage, stage->name) == 0 &&
			    (s->part->subtask == owner) == (pass == 0))
				found = subtask_find(im, s, &stage->state[state], key, keylen,
				    value);
		}
	return (found);
}

static int
lines_find(struct image *im, const struct manifest_stage *stage, unsigned state,
    const struct buf *key, struct buf *value)
{
	struct imagetext *t;
	struct imageline  l;
	const char	 *line;
	size_t		  len;
	int		  more, found = 0;

	if ((t = imagetext_open(im, stage)) == NULL)
		return (-1);
	while ((more = imagetext_next(t, &line, &len)) == 1) {
		if (found || imageline_cut(stage, line, len, &l) == -1 || l.state != state ||
		    l.keylen != key->len ||
		    (key->len > 0 && memcmp(l.key, key->data, key->len) != 0))
			continue;
		if (buf_add(value, l.val, l.vallen) == -1) {
			more = fail_errno(t, "read");
			break;
		}
		found = 1;
	}
	imagetext_close(t);
	return (more == -1 ? -1 : found);
}

int
imagetext_find(struct image *im, const struct manifest_stage *stage, unsigned state,
    const void *key, size_t keylen, struct buf *value)
{
	struct buf	text = { 0 };
	int		found;

	if (im->fd == -1)
		return (job_find(im, stage, state, key, keylen, value));
	if (escape_add(&text, key, keylen) == -1)
		return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	found = lines_find(im, stage, state, &text, value);
	buf_free(&text);
	return (found);
}
