/*
 * restore: make a job of a savepoint, or of another job that is stopped.
 *
 * What goes on under which name is decided here; rebuild makes it.  It is a job like
 * any other then: 'weir run' goes on from the checkpoint.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "rebuild.h"
#include "run.h"
#include "tool.h"

/* What was asked for about a stage of the savepoint. */
struct wish {
	char		 name[WEIR_NAME_MAX + 1];
	char		 as[WEIR_NAME_MAX + 1];	/* --map; empty: as it is called */
	int		 drop;
	unsigned	 parallelism;		/* 0: as it is */
	int		 met;
};

static struct wish	*wishes;
static size_t		 nwishes;
static int		 skip_gap, edited;

/* The wish about that stage; NULL: no memory, or no name for one. */
static struct wish *
wish_get(const char *name, size_t len)
{
	struct wish	*w;
	char		 copy[WEIR_NAME_MAX + 1];
	size_t		 i;

	if (len > WEIR_NAME_MAX)
		return (NULL);
	snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	if (!name_ok(copy))
		return (NULL);
	for (i = 0; i < nwishes; i++)
		if (strcmp(wishes[i].name, copy) == 0)
			return (&wishes[i]);
	if ((w = realloc(wishes, (nwishes + 1) * sizeof(*w))) == NULL)
		return (NULL);
	wishes = w;
	w = memset(&wishes[nwishes++], 0, sizeof(*w));
	strlcpy(w->name, copy, sizeof(w->name));
	return (w);
}

static const char *
drop_set(const char *arg)
{
	struct wish *w = wish_get(arg, strlen(arg));

	if (w == NULL)
		return ("is no name of a stage");
	w->drop = 1;
	return (NULL);
}

static const char *
map_set(const char *arg)
{
	size_t		 n = strcspn(arg, "=");
	struct wish	*w = wish_get(arg, n);

	if (w == NULL || arg[n] == '\0' || !name_ok(arg + n + 1))
		return ("is not OLD=NEW, two names of stages");
	strlcpy(w->as, arg + n + 1, sizeof(w->as));
	return (NULL);
}

static const char *
parallelism_set(const char *arg)
{
	size_t		 n = strcspn(arg, "=");
	struct wish	*w = wish_get(arg, n);
	const char	*wrong = NULL;

	if (w != NULL && arg[n] == '=')
		w->parallelism = (unsigned)strtonum(arg + n + 1, 1, JOBFILE_GROUPS, &wrong);
	if (w == NULL || arg[n] == '\0' || wrong != NULL)
		return ("is not STAGE=N, the name of a stage and a number of subtasks");
	return (NULL);
}

static const struct weir_option options[] = {
	{ 0, "drop", "STAGE", "leave out this stage's state", WEIR_CALL, NULL, drop_set },
	{ 0, "map", "OLD=NEW", "the stage OLD is called NEW from now on", WEIR_CALL, NULL,
	    map_set },
	{ 'p', "parallelism", "STAGE=N", "the stage has N subtasks from now on", WEIR_CALL, NULL,
	    parallelism_set },
	{ 0, "skip-gap", NULL, "go on although input was read that is not in the savepoint",
	    WEIR_FLAG, &skip_gap, NULL },
	{ 0, "edited", NULL, "accept files that were changed by hand", WEIR_FLAG, &edited, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

/*
 * What it will be
 */

/* Only what belongs to keys can be shared out anew. */
static int
rescale_check(const struct manifest_stage *s, unsigned parallelism)
{
	size_t i;

	for (i = 0; i < s->nparts; i++)
		if (s->part[i].len > 0)
			return (tool_fail(WEIR_USAGE, "-p %s=%u: has state (\"%s\") that belongs "
			    "to its %u subtasks, not to keys: it stays with -p %u", s->name,
			    parallelism, s->part[i].name, s->parallelism, s->parallelism));
	if (s->njournals > 0)
		return (tool_fail(WEIR_USAGE, "-p %s=%u: has output or input (\"%s\") of its own "
		    "in each of its %u subtasks: it stays with -p %u", s->name, parallelism,
		    s->journal[0].name, s->parallelism, s->parallelism));
	return (0);
}

static int
gap_check(const struct image *im, const struct manifest_stage *s)
{
	size_t i;

	for (i = 0; i < s->njournals; i++)
		if (s->journal[i].gap && !skip_gap)
			return (tool_fail(WEIR_USAGE, "%s: the job ran on when this was taken: "
			    "what %s read from standard input after checkpoint %llu is not in it; "
			    "--skip-gap goes on without that", im->path, s->name,
			    (unsigned long long)im->m.id));
	return (0);
}

static int
stage_plan(const struct image *im, const struct manifest_stage *s, struct rebuild_stage *to,
    size_t *n)
{
	const struct wish	*w = NULL;
	size_t			 i;
	int			 status;

	for (i = 0; i < nwishes; i++)
		if (strcmp(wishes[i].name, s->name) == 0) {
			wishes[i].met = 1;
			w = &wishes[i];
		}
	if (w != NULL && w->drop)
		return (0);
	to += (*n)++;
	to->from = s;
	strlcpy(to->name, w != NULL && w->as[0] != '\0' ? w->as : s->name, sizeof(to->name));
	to->parallelism = w != NULL && w->parallelism != 0 ? w->parallelism : s->parallelism;
	if (to->parallelism > im->m.groups)
		return (tool_fail(WEIR_USAGE, "-p %s=%u: more than the job's %u key groups",
		    s->name, to->parallelism, im->m.groups));
	if (to->parallelism != s->parallelism &&
	    (status = rescale_check(s, to->parallelism)) != 0)
		return (status);
	return (gap_check(im, s));
}

static int
names_check(const struct image *im, const struct rebuild_stage *stage, size_t n)
{
	size_t i, k;

	for (i = 0; i < nwishes; i++)
		if (!wishes[i].met)
			return (tool_fail(WEIR_USAGE, "%s: has no stage \"%s\"", im->path,
			    wishes[i].name));
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (strcmp(stage[i].name, stage[k].name) == 0)
				return (tool_fail(WEIR_USAGE, "two stages would be called \"%s\"",
				    stage[i].name));
	return (0);
}

static int
fail_image(const struct image *im)
{
	return (tool_fail(errno == ENODATA ? WEIR_FAILED : jobdir_status(errno), "%s", im->why));
}

static int
make(struct image *im, const char *job)
{
	struct rebuild_stage	*stage;
	size_t			 i, n = 0;
	int			 status = 0;

	if ((stage = calloc(im->m.nstages + 1, sizeof(*stage))) == NULL)
		return (tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	for (i = 0; status == 0 && i < im->m.nstages; i++)
		status = stage_plan(im, &im->m.stage[i], stage, &n);
	if (status == 0)
		status = names_check(im, stage, n);
	if (status == 0 && rebuild(im, stage, n, job) == -1)
		status = fail_image(im);
	if (status == 0)
		tool_say("%s: a job at checkpoint %llu", job, (unsigned long long)im->m.id);
	free(stage);
	return (status);
}

/*
 * What it is made of
 */

static void
changed(const char *file)
{
	tool_say("%s was changed", file);
}

/* 0, or what to exit with. */
static int
open_from(struct image *im, const char *path)
{
	int status;

	if (image_is_savepoint(path))
		return (image_savepoint(im, path, edited, changed) == -1 ? fail_image(im) : 0);
	if (image_job(im, path, IMAGE_STOPPED, 0, 0) == 0)
		return (0);
	status = fail_image(im);
	if (im->dir == NULL)
		tool_fail(0, "%s: has no " MANIFEST_FILE " either, as a complete savepoint has",
		    im->path);
	return (status);
}

int
main(int argc, char *argv[])
{
	struct tool	 t = {
		.name = "restore", .synopsis = "SAVEPOINT|STOPPED-JOB",
		.summary = "make a new job of a savepoint, or of another job that is stopped",
		.options = options,
	};
	struct image	 im;
	int		 first, status;

	if ((first = tool_options(&t, argc, argv, &status)) == -1)
		return (status);
	if (argc - first != 1)
		return (tool_fail(WEIR_USAGE, "of what? weir restore -j NEWJOB SAVEPOINT, or a "
		    "stopped job"));
	if (t.job == NULL)
		return (tool_fail(WEIR_USAGE, "where to? -j NEWJOB"));
	if ((status = open_from(&im, argv[first])) == 0)
		status = make(&im, t.job);
	image_close(&im);
	free(wishes);
	return (status);
}
