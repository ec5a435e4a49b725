/*
 * state: the keyed state of a job, running or not, as of its last complete
 * checkpoint; or that of a savepoint.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "ask.h"
#include "image.h"
#include "run.h"
#include "tool.h"

#define HOLD_MS	1000		/* for an answer; it goes well without, mostly */

/* STAGE[.STATE] */
struct target {
	const struct manifest_stage *stage;
	const struct manifest_state *state;	/* NULL: all */
};

static int
fail_image(const struct image *im)
{
	return (tool_fail(errno == ENODATA ? WEIR_FAILED : jobdir_status(errno), "%s", im->why));
}

/* The last checkpoint of a job; one that runs keeps it until we have read it. */
static int
open_job(struct image *im, const char *path)
{
	struct ask	*a;
	json_t		*o = NULL;
	char		 why[PATH_MAX + 512];
	int		 r, error;

	if ((a = ask_open(path, why, sizeof(why))) != NULL && ask_say(a, "hold") == 0)
		o = ask_line(a, HOLD_MS);
	r = image_job(im, path, IMAGE_LOOK, 0, 0);
	error = errno;
	json_decref(o);
	ask_close(a);
	errno = error;
	return (r);
}

/* A path of either, or the id of a checkpoint. */
static int
open_any(struct image *im, const struct tool *t, const char *what)
{
	int is_id = what[0] != '\0' && strspn(what, "0123456789") == strlen(what);

	if (is_id && t->job != NULL)
		return (image_job(im, t->job, IMAGE_LOOK, strtoull(what, NULL, 10), 0));
	if (image_is_savepoint(what))
		return (image_savepoint(im, what, 0, NULL));
	return (open_job(im, what));
}

static int
stages_missing(const struct image *im, const char *name)
{
	char	names[512] = "";
	size_t	i;

	for (i = 0; i < im->m.nstages; i++) {
		if (im->m.stage[i].nstates == 0)
			continue;
		strlcat(names, names[0] != '\0' ? ", " : "", sizeof(names));
		strlcat(names, im->m.stage[i].name, sizeof(names));
	}
	return (tool_fail(WEIR_USAGE, "%s: no stage \"%s\" with keyed state; there %s%s", im->path,
	    name, names[0] != '\0' ? "is " : "is none", names));
}

static int
states_missing(const struct manifest_stage *stage, const char *name)
{
	char	names[512] = "";
	size_t	i;

	for (i = 0; i < stage->nstates; i++) {
		strlcat(names, i > 0 ? ", " : "", sizeof(names));
		strlcat(names, stage->state[i].name, sizeof(names));
	}
	if (name == NULL)
		return (tool_fail(WEIR_USAGE, "%s has several states, which one? %s.STATE: %s",
		    stage->name, stage->name, names));
	return (tool_fail(WEIR_USAGE, "%s has no state \"%s\"; it has %s", stage->name, name,
	    names));
}

static int
target_find(struct target *t, const struct image *im, const char *what)
{
	char	stage[WEIR_NAME_MAX + 1];
	size_t	n = strcspn(what, ".");
	int	state;

	snprintf(stage, sizeof(stage), "%.*s", (int)n, what);
	t->stage = n <= WEIR_NAME_MAX ? manifest_stage(&im->m, stage) : NULL;
	t->state = NULL;
	if (t->stage == NULL || t->stage->nstates == 0)
		return (stages_missing(im, stage));
	if (what[n] == '\0')
		return (0);
	if ((state = manifest_state(t->stage, what + n + 1, strlen(what + n + 1))) == -1)
		return (states_missing(t->stage, what + n + 1));
	t->state = &t->stage->state[state];
	return (0);
}

/* Cut the next line of a stage's text.  1, 0, -1. */
static int
next(struct imagetext *text, const struct manifest_stage *stage, struct imageline *l)
{
	const char	*line;
	size_t		 len;
	int		 more = imagetext_next(text, &line, &len);

	if (more == 1 && imageline_cut(stage, line, len, l) == -1)
		return (imagetext_fail(text, "is no entry"));
	return (more);
}

/*
 * list
 */

struct count {
	unsigned long long keys, bytes;
};

static int
stage_list(struct image *im, const struct manifest_stage *stage)
{
	struct imagetext *text;
	struct imageline  l;
	struct count	 *count;
	size_t		  i;
	int		  more;

	if ((count = calloc(stage->nstates, sizeof(*count))) == NULL)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	if ((text = imagetext_open(im, stage)) == NULL) {
		free(count);
		return (fail_image(im));
	}
	while ((more = next(text, stage, &l)) == 1) {
		count[l.state].keys++;
		count[l.state].bytes += l.keylen + l.vallen;
	}
	for (i = 0; more == 0 && i < stage->nstates; i++)
		printf("%s.%s\t%llu\t%llu\n", stage->name, stage->state[i].name, count[i].keys,
		    count[i].bytes);
	imagetext_close(text);
	free(count);
	return (more == 0 ? 0 : fail_image(im));
}

static int
list(struct image *im, char *argv[])
{
	size_t	i;
	int	status = 0;

	(void)argv;
	for (i = 0; status == 0 && i < im->m.nstages; i++)
		if (im->m.stage[i].nstates > 0)
			status = stage_list(im, &im->m.stage[i]);
	return (status != 0 ? status : tool_printed());
}

/*
 * get
 */

static int
get(struct image *im, char *argv[])
{
	struct target	t;
	struct buf	value = { 0 };
	int		status, found;

	if ((status = target_find(&t, im, argv[0])) != 0)
		return (status);
	if (t.state == NULL && t.stage->nstates > 1)
		return (states_missing(t.stage, NULL));
	if (t.state == NULL)
		t.state = t.stage->state;
	if ((found = imagetext_find(im, t.stage, (unsigned)(t.state - t.stage->state), argv[1],
	    strlen(argv[1]), &value)) == -1)
		return (fail_image(im));
	if (found)
		printf("%.*s\n", (int)value.len, value.data != NULL ? (char *)value.data : "");
	buf_free(&value);
	status = tool_printed();
	return (status != 0 ? status : found ? WEIR_DONE : WEIR_FAILED);
}

/*
 * export
 */

static int
export(struct image *im, char *argv[])
{
	struct target	  t;
	struct imagetext *text;
	struct imageline  l;
	int		  status, more;

	if ((status = target_find(&t, im, argv[0])) != 0)
		return (status);
	if ((text = imagetext_open(im, t.stage)) == NULL)
		return (fail_image(im));
	while ((more = next(text, t.stage, &l)) == 1) {
		if (t.state == NULL && t.stage->nstates > 1)
			printf("%s\t", t.stage->state[l.state].name);
		else if (t.state != NULL && &t.stage->state[l.state] != t.state)
			continue;
		fwrite(l.key, 1, l.keylen, stdout);
		putchar('\t');
		fwrite(l.val, 1, l.vallen, stdout);
		putchar('\n');
	}
	imagetext_close(text);
	return (more == 0 ? tool_printed() : fail_image(im));
}

/*
 * diff
 */

struct side {
	struct image	 im;
	const struct manifest_stage *stage;	/* NULL: it has no such one */
	struct imagetext *text;
	char		 sign;
	const char	*line;
	size_t		 len;
	int		 more;
};

static int
side_next(struct side *s)
{
	if (s->text == NULL)
		s->more = 0;
	else if ((s->more = imagetext_next(s->text, &s->line, &s->len)) == -1)
		return (fail_image(&s->im));
	return (0);
}

static int
side_open(struct side *s, const char *stage)
{
	s->stage = manifest_stage(&s->im.m, stage);
	s->text = NULL;
	if (s->stage != NULL && s->stage->nstates > 0 &&
	    (s->text = imagetext_open(&s->im, s->stage)) == NULL)
		return (fail_image(&s->im));
	return (side_next(s));
}

static int
side_print(struct side *s, const char *stage)
{
	printf("%c%s\t", s->sign, stage);
	fwrite(s->line, 1, s->len, stdout);
	putchar('\n');
	return (side_next(s));
}

/* Which line comes first: below, above or 0 as memcmp() has it. */
static int
sides_compare(const struct side *a, const struct side *b)
{
	size_t	least = a->len < b->len ? a->len : b->len;
	int	c;

	if (!a->more || !b->more)
		return (a->more ? -1 : 1);
	c = memcmp(a->line, b->line, least);
	return (c != 0 ? c : (a->len > b->len) - (a->len < b->len));
}

/* A line that changed is two that follow each other: what it was, and what it is. */
static int
stage_diff(struct side *a, struct side *b, const char *stage, int *differ)
{
	int status, c;

	if ((status = side_open(a, stage)) != 0 || (status = side_open(b, stage)) != 0)
		return (status);
	while (status == 0 && (a->more || b->more)) {
		if ((c = sides_compare(a, b)) != 0) {
			*differ = 1;
			status = side_print(c < 0 ? a : b, stage);
		} else if ((status = side_next(a)) == 0)
			status = side_next(b);
	}
	return (status);
}

static int
stages_diff(struct side *a, struct side *b, int *differ)
{
	const struct manifest	*m = &a->im.m, *n = &b->im.m;
	size_t			 i = 0, j = 0;
	int			 c, status = 0;

	while (status == 0 && (i < m->nstages || j < n->nstages)) {
		c = i == m->nstages ? 1 : j == n->nstages ? -1 :
		    strcmp(m->stage[i].name, n->stage[j].name);
		status = stage_diff(a, b, c <= 0 ? m->stage[i].name : n->stage[j].name, differ);
		imagetext_close(a->text);
		imagetext_close(b->text);
		i += c <= 0;
		j += c >= 0;
	}
	return (status);
}

static int
diff(const struct tool *t, char *argv[])
{
	struct side	a = { .sign = '-', .im.fd = -1 }, b = { .sign = '+', .im.fd = -1 };
	int		status = 0, differ = 0;

	if (open_any(&a.im, t, argv[0]) == -1)
		status = fail_image(&a.im);
	else if (open_any(&b.im, t, argv[1]) == -1)
		status = fail_image(&b.im);
	else if ((status = stages_diff(&a, &b, &differ)) == 0)
		status = tool_printed();
	image_close(&a.im);
	image_close(&b.im);
	return (status != 0 ? status : differ ? WEIR_FAILED : WEIR_DONE);
}

/*
 * Which of them
 */

static const struct verb {
	const char	*name;
	int		 operands;
	int		(*run)(struct image *, char *argv[]);	/* NULL: of two images */
} verbs[] = {
	{ "list", 0, list }, { "get", 2, get }, { "export", 1, export }, { "diff", 2, NULL },
};

static const struct verb *
verb_find(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return (&verbs[i]);
	return (NULL);
}

int
main(int argc, char *argv[])
{
	struct tool		 t = {
		.name = "state",
		.synopsis = "list | get STAGE[.STATE] KEY | export STAGE[.STATE] | diff A B",
		.summary = "the keyed state of a job as of its last checkpoint, or of a savepoint",
	};
	const struct verb	*verb;
	struct image		 im;
	int			 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if ((verb = verb_find(argv[first])) == NULL || argc - first - 1 != verb->operands)
		return (tool_fail(WEIR_USAGE, "what of it? list, get STAGE[.STATE] KEY, "
		    "export STAGE[.STATE], or diff A B"));
	if (verb->run == NULL)
		return (diff(&t, argv + first + 1));
	if (t.job == NULL)
		return (tool_fail(WEIR_USAGE, "which job? -j DIR, or $WEIR_JOB"));
	status = open_any(&im, &t, t.job) == -1 ? fail_image(&im) :
	    verb->run(&im, argv + first + 1);
	image_close(&im);
	return (status);
}
