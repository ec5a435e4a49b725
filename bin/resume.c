/*
 * resume: which file goes on where, when a source begins.
 *
 * A file is first looked for under its own name; then, by inode and bytes, under
 * another one beside it; then by its bytes alone.  What has been found under the
 * name of another operand is that operand from now on, so that a pattern that
 * matches renamed files as well reads nothing twice.
 * Invariant: an operand is in the list once; taken[] says so.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"
#include "resume.h"
#include "weir.h"

struct plan {
	struct resume		*r;
	const struct operands	*operands;
	const struct position	*position;
	unsigned		 subtask, parallelism;
	char			*taken;		/* of each operand */
	char			*done;		/* of each place */
	size_t			 next;		/* operand to compare first */
};

static int resume_fail(struct resume *, const char *, ...)
    __attribute__((__format__(__printf__, 2, 3)));

static int
resume_fail(struct resume *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
	return (-1);
}

/* Standard input, or the file as it is named now: 1 if place is in it. */
static int
resume_fits(const char *path, const struct place *place, struct stat *st)
{
	int fd = STDIN_FILENO, fits;

	memset(st, 0, sizeof(*st));
	if (operands_standard(path)) {
		if (fstat(fd, st) == -1)
			return (0);
		return ((place->flags & PLACE_SPOOL) || rotation_fits(fd, place) == 1);
	}
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (0);
	fits = fstat(fd, st) == 0 && rotation_fits(fd, place) == 1;
	close(fd);
	return (fits);
}

/* The operand of that name, or -1; names come mostly in the same order as before. */
static ssize_t
plan_operand(struct plan *p, const char *path)
{
	size_t n = p->operands->n, i, j;

	for (i = 0; i < n; i++) {
		j = (p->next + i) % n;
		if (!p->taken[j] && strcmp(p->operands->paths[j], path) == 0)
			return ((ssize_t)j);
	}
	return (-1);
}

static int
plan_named(const struct plan *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->operands->n; i++)
		if (strcmp(p->operands->paths[i], path) == 0)
			return (1);
	return (0);
}

/* Place i goes on in operand j. */
static void
plan_take(struct plan *p, size_t i, size_t j)
{
	struct resumed *one = &p->r->list[i];

	p->taken[j] = p->done[i] = 1;
	p->next = j + 1;
	one->path = p->operands->paths[j];
	one->mine = (p->position->places[i].flags & PLACE_OTHER) == 0;
	one->place = &p->position->places[i];
}

/* The places whose files have kept their names. */
static void
plan_same(struct plan *p)
{
	const struct place *place;
	struct stat st;
	ssize_t j;
	size_t i;

	for (i = 0; i < p->position->n; i++) {
		place = &p->position->places[i];
		if ((j = plan_operand(p, place->name)) == -1)
			continue;
		if ((place->flags & PLACE_BEGUN) == 0 || (place->flags & PLACE_OTHER) ||
		    (resume_fits(place->name, place, &st) && ((uint64_t)st.st_ino ==
		    place->inode || operands_standard(place->name))))
			plan_take(p, i, (size_t)j);
	}
}

/* Files that have been path are operands themselves. */
static int
plan_apart(const struct plan *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->operands->n; i++)
		if (rotation_made(path, p->operands->paths[i]))
			return (1);
	return (0);
}

/*
 * Place i was found in the file fd, called name now.  Returns 1, or 0 if that is of
 * no use: no operand asks for it.
 */
static int
plan_renamed(struct plan *p, size_t i, int fd, const char *name)
{
	const struct place *place = &p->position->places[i];
	int named = plan_named(p, name);
	ssize_t j;

	if (named && p->parallelism > 1) {
		close(fd);
		return (resume_fail(p->r, "%s: is called %s now, which is named as well; with "
		    "-p a pattern must not match renamed files", place->name, name));
	}
	if ((j = plan_operand(p, named ? name : place->name)) != -1)
		plan_take(p, i, (size_t)j);
	if (named || j == -1) {
		close(fd);
		return (j != -1);
	}
	p->r->list[i].fd = fd;
	p->r->list[i].alone = plan_apart(p, place->name);
	return (1);
}

static int
plan_rotated(struct plan *p, size_t i, enum rotation_by by)
{
	const struct place *place = &p->position->places[i];
	char name[PATH_MAX];
	int fd;

	if (operands_standard(place->name))
		return (0);
	fd = rotation_find(place->name, place, by, name, sizeof(name));
	if (fd == -1 && errno != 0)
		return (resume_fail(p->r, "%s: %s", place->name, strerror(errno)));
	return (fd == -1 ? 0 : plan_renamed(p, i, fd, name));
}

/* No file has what was read. */
static int
plan_lost(struct plan *p, size_t i, const struct stat *st)
{
	const struct place *place = &p->position->places[i];
	struct resume *r = p->r;
	char line[1024];
	size_t len;

	if (plan_operand(p, place->name) != -1) {
		rotation_differs(r->error, sizeof(r->error), operands_standard(place->name) ?
		    "standard input" : place->name, place->offset, (uint64_t)st->st_size,
		    (uint64_t)st->st_ino != place->inode);
		len = strlen(r->error);
		snprintf(r->error + len, sizeof(r->error) - len, "; put it back, or start over "
		    "with a new job directory");
		return (-1);
	}
	snprintf(line, sizeof(line), "%s: was read to byte %llu, and is not %s any more",
	    place->name, (unsigned long long)place->offset,
	    access(place->name, F_OK) == 0 ? "named" : "there");
	r->say(r->arg, line);
	return (0);
}

/* Place i is not where it was. */
static int
plan_search(struct plan *p, size_t i)
{
	const struct place *place = &p->position->places[i];
	struct stat st;
	ssize_t j;
	int status;

	if ((status = plan_rotated(p, i, ROTATION_INODE)) != 0)
		return (status);
	j = plan_operand(p, place->name);
	if (resume_fits(place->name, place, &st) && j != -1) {
		plan_take(p, i, (size_t)j);
		return (0);
	}
	if ((status = plan_rotated(p, i, ROTATION_BYTES)) != 0)
		return (status);
	/* a followed file that is missing is waited for, and looked at then */
	if (j != -1 && p->operands->follow && !operands_standard(place->name) &&
	    access(place->name, F_OK) == -1) {
		plan_take(p, i, (size_t)j);
		return (0);
	}
	return (plan_lost(p, i, &st));
}

/*
 * What is known comes first; what turns up later is shared by its name alone, since
 * not every subtask may have seen it.
 */
static void
plan_close(struct plan *p)
{
	struct resume *r = p->r;
	size_t known = p->position->n, i;
	char *path;

	r->n = 0;
	for (i = 0; i < known; i++)
		if (p->done[i])
			r->list[r->n++] = r->list[i];
	for (i = 0; i < p->operands->n; i++) {
		if (p->taken[i])
			continue;
		path = p->operands->paths[i];
		r->list[r->n].place = NULL;
		r->list[r->n].fd = -1;
		r->list[r->n].path = path;
		r->list[r->n++].mine = (known == 0 ? i : weir_hash(path, strlen(path))) %
		    p->parallelism == p->subtask;
	}
}

int
resume_plan(struct resume *r, const struct operands *operands, const struct position *position,
    unsigned subtask, unsigned parallelism)
{
	static const struct position none;
	struct plan p = { .r = r, .operands = operands,
	    .position = position != NULL ? position : &none,
	    .subtask = subtask, .parallelism = parallelism };
	size_t i, n = p.position->n;
	int status = 0;

	r->list = calloc(n + operands->n + 1, sizeof(*r->list));
	p.taken = calloc(operands->n + 1, 1);
	p.done = calloc(n + 1, 1);
	if (r->list == NULL || p.taken == NULL || p.done == NULL)
		status = resume_fail(r, "%s", strerror(ENOMEM));
	else {
		r->n = n;
		for (i = 0; i < n; i++)
			r->list[i].fd = -1;
		plan_same(&p);
		for (i = 0; i < n && status != -1; i++)
			if (!p.done[i] && !(p.position->places[i].flags & PLACE_OTHER))
				status = plan_search(&p, i);
		if (status != -1)
			plan_close(&p);
	}
	free(p.taken);
	free(p.done);
	return (status == -1 ? -1 : 0);
}

void
resume_free(struct resume *r)
{
	size_t i;

	for (i = 0; r->list != NULL && i < r->n; i++)
		if (r->list[i].fd != -1)
			close(r->list[i].fd);
	free(r->list);
	r->list = NULL;
	r->n = 0;
}
