/*
 * parts: what makes up a subtask's operator state.
 *
 * The stage's own is "stage", the others are the runtime's (weir-job(5)).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "run.h"

#define STAGE	"stage"

struct parts {
	char		 name[OPSTATE_NAME + 1];
	int		(*save)(void *, struct buf *);
	void		*arg;
	struct parts	*next;
};

int
part_add(struct weir *w, const char *name, int (*save)(void *, struct buf *), void *arg)
{
	struct parts *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	strlcpy(p->name, name, sizeof(p->name));
	p->save = save;
	p->arg = arg;
	p->next = w->job->parts;
	w->job->parts = p;
	return (0);
}

void
parts_free(struct weir *w)
{
	struct parts *p;

	while ((p = w->job->parts) != NULL) {
		w->job->parts = p->next;
		free(p);
	}
}

static int
part_save(struct buf *b, const char *name, int (*save)(void *, struct buf *), void *arg)
{
	struct buf	part = { 0 };
	int		r;

	r = save(arg, &part) == -1 || opstate_put(b, name, part.data, part.len) == -1;
	buf_free(&part);
	return (r ? -1 : 0);
}

/* weir_save() adds to what snapshot() has in hand. */
static int
stage_save(void *arg, struct buf *b)
{
	struct weir *w = arg;
	int	     r;

	w->saving = b;
	r = w->stage->snapshot(w, w->job->seen);
	w->saving = NULL;
	return (r);
}

int
weir_save(struct weir *w, const void *data, size_t len)
{
	if (w->saving == NULL)
		return (weir_error(w, "weir_save() outside of snapshot()"));
	if (buf_add(w->saving, data, len) == -1)
		return (weir_error(w, "operator state: %s", strerror(errno)));
	return (0);
}

int
parts_save(struct weir *w, struct buf *b)
{
	struct parts *p;

	if (opstate_begin(b) == -1)
		return (weir_error(w, "operator state: %s", strerror(errno)));
	for (p = w->job->parts; p != NULL; p = p->next)
		if (part_save(b, p->name, p->save, p->arg) == -1)
			return (w->status != 0 ? -1 : weir_error(w, "operator state \"%s\": %s",
			    p->name, strerror(errno)));
	if (w->stage->snapshot != NULL && part_save(b, STAGE, stage_save, w) == -1)
		return (w->status != 0 ? -1 : weir_error(w, "operator state: %s",
		    strerror(errno)));
	return (0);
}

/* A reader of the restored parts.  -1: there are none. */
static int
parts_open(const struct weir *w, struct buf *b)
{
	const struct jobfile_subtask *at = w->job != NULL ? w->job->restored : NULL;

	if (at == NULL || at->statelen == 0)
		return (-1);
	return (opstate_read(b, at->state, at->statelen));
}

const void *
part_restored(const struct weir *w, const char *name, size_t *len)
{
	struct opstate_part	p;
	struct buf		b;

	if (parts_open(w, &b) == -1)
		return (NULL);
	while (opstate_next(&b, &p) == 1)
		if (opstate_is(&p, name)) {
			*len = p.len;
			return (p.data);
		}
	return (NULL);
}

int
parts_check(struct weir *w)
{
	const struct jobfile_subtask	*at = w->job->restored;
	struct opstate_part		 p;
	struct buf			 b;
	int				 got = -1;

	if (at == NULL || at->statelen == 0)
		return (0);
	if (parts_open(w, &b) == 0)
		while ((got = opstate_next(&b, &p)) == 1)
			;
	if (got == -1)
		return (weir_misuse(w, "%sjob.json: the operator state of %s is damaged, or of a "
		    "newer weir", jobdir_path(w->jobdir), w->self));
	return (0);
}
