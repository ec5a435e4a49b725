/* image: what a checkpoint holds: opening a job, or a savepoint. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <bsd/string.h>

#include "image.h"
#include "run.h"

#define TRIES		200		/* a job that runs may be faster than we are */
#define LOCK_MS		10000		/* for subtasks that are about to leave */
#define LOCK_LOOK_MS	20
#define MANIFEST_BYTES	(256U << 20)	/* at most */

int
image_fail(struct image *im, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(im->why, sizeof(im->why), fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

static void
path_set(struct image *im, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	snprintf(im->path, sizeof(im->path), "%.*s/", (int)n, path);
}

/*
 * A job
 */

static void
sub_release(struct image *im)
{
	struct image_subtask	*s;
	size_t			 i, k;

	for (i = 0; i < im->nsub; i++) {
		s = &im->sub[i];
		store_read_close(s->store);
		for (k = 0; s->range != NULL && k < s->part->nranges; k++)
			rangefile_close(s->range[k]);
		free(s->range);
		stagedir_close(s->dir);
	}
	free(im->sub);
	im->sub = NULL;
	im->nsub = 0;
}

void
image_close(struct image *im)
{
	sub_release(im);
	jobfile_free(&im->file);
	jobdir_close(im->dir);
	manifest_free(&im->m);
	if (im->fd != -1)
		close(im->fd);
}

/* What is behind such a journal's range is there, though no checkpoint knows it. */
static int
is_kept(const char *journal)
{
	return (strcmp(journal, "spool") == 0 || strcmp(journal, "stdin") == 0);
}

static int
ranges_hold(struct image *im, struct image_subtask *s)
{
	const struct journal_range	*r;
	size_t				 i;

	if ((s->range = calloc(s->part->nranges + 1, sizeof(*s->range))) == NULL)
		return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	for (i = 0; i < s->part->nranges; i++) {
		r = &s->part->range[i];
		if (strcmp(r->name, STORE_JOURNAL) == 0)
			continue;
		s->range[i] = rangefile_open(stagedir_fd(s->dir), stagedir_path(s->dir), r,
		    im->stopped && is_kept(r->name) ? JOURNAL_KEEP : JOURNAL_CUT, im->why,
		    sizeof(im->why));
		if (s->range[i] == NULL)
			return (-1);
	}
	return (0);
}

/* Of a stopped job nobody else shall be at it. */
static int
sub_lock(struct image *im, struct image_subtask *s)
{
	const struct timespec	pause = { 0, LOCK_LOOK_MS * 1000000 };
	int64_t			deadline = now_ms() + LOCK_MS;
	int			got;

	while ((got = stagedir_lock(s->dir, now_ms(), deadline)) == 0)
		nanosleep(&pause, NULL);
	return (got == 1 ? 0 : image_fail(im, errno, "%s", stagedir_error(s->dir)));
}

static int
sub_hold(struct image *im, struct image_subtask *s)
{
	s->dir = stagedir_look(im->dir, s->part->stage, s->part->subtask, im->why,
	    sizeof(im->why));
	if (s->dir == NULL || (im->stopped && sub_lock(im, s) == -1))
		return (-1);
	s->store = store_read_open(stagedir_fd(s->dir), stagedir_path(s->dir), s->part,
	    im->file.groups, im->at->id, im->why, sizeof(im->why));
	return (s->store == NULL ? -1 : ranges_hold(im, s));
}

static int
all_hold(struct image *im)
{
	size_t i;

	if ((im->sub = calloc(im->at->nsubtasks + 1, sizeof(*im->sub))) == NULL)
		return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	for (i = 0; i < im->at->nsubtasks; i++) {
		im->sub[i].part = &im->at->subtask[i];
		im->nsub++;
		if (sub_hold(im, &im->sub[i]) == -1)
			return (-1);
	}
	return (0);
}

/* The checkpoint that is wanted. */
static int
checkpoint_choose(struct image *im, uint64_t id, uint64_t least)
{
	size_t n = im->file.ncheckpoints;

	while (n > 0 && id != 0 && im->file.checkpoint[n - 1].id != id)
		n--;
	if (n == 0 && id != 0)
		return (image_fail(im, ENODATA, "%s: checkpoint %" PRIu64 " is not retained",
		    im->path, id));
	if (n == 0)
		return (image_fail(im, ENODATA, "%s: no checkpoint was ever complete", im->path));
	im->at = &im->file.checkpoint[n - 1];
	if (im->at->id < least)
		return (image_fail(im, ENODATA, "%s: checkpoint %" PRIu64 " is not there any more",
		    im->path, least));
	return (0);
}

/* Read job.json and hold on to what it names. */
static int
hold_once(struct image *im, uint64_t id, uint64_t least)
{
	switch (jobdir_read(im->dir, &im->file)) {
	case -1:
		return (image_fail(im, errno, "%s", jobdir_error(im->dir)));
	case 0:
		return (image_fail(im, ENODATA, "%s: no checkpoint was ever complete", im->path));
	}
	if (checkpoint_choose(im, id, least) == -1)
		return (-1);
	return (all_hold(im));
}

/* What was not there may have been retired meanwhile: then another one is. */
static int
hold(struct image *im, uint64_t id, uint64_t least)
{
	uint64_t	before = 0;
	int		tries, error;

	for (tries = 0; tries < TRIES; tries++) {
		if (hold_once(im, id, least) == 0)
			return (0);
		if ((errno != EBADMSG && errno != ENOENT && errno != EAGAIN) || im->at == NULL ||
		    im->at->id == before)
			return (-1);
		error = errno;
		before = im->at->id;
		sub_release(im);
		jobfile_free(&im->file);
		im->at = NULL;
		errno = error;
	}
	return (-1);
}

/* 1: the same part belongs to nobody but this image's runs. */
static int
is_internal(const struct opstate_part *p)
{
	return (opstate_is(p, STORE_PART_NAMES) || opstate_is(p, STORE_PART_KEYED) ||
	    opstate_is(p, OPSTATE_RESTORED));
}

static int
parts_describe(struct manifest_stage *stage, const struct image_subtask *s)
{
	struct manifest_part	*part;
	struct opstate_part	 p;
	struct buf		 b;

	if (s->part->statelen == 0 || opstate_read(&b, s->part->state, s->part->statelen) == -1)
		return (0);
	while (opstate_next(&b, &p) == 1) {
		if (is_internal(&p))
			continue;
		if ((part = manifest_part_add(stage)) == NULL ||
		    (part->data = malloc(p.len + 1)) == NULL)
			return (-1);
		part->subtask = s->part->subtask;
		memcpy(part->name, p.name, p.namelen);
		memcpy(part->data, p.data, p.len);
		part->len = p.len;
	}
	return (0);
}

static int
states_describe(struct manifest_stage *stage, const struct image_subtask *s)
{
	struct manifest_state	*state;
	const char		*name, *layout;
	unsigned		 i;
	int			 at;

	for (i = 0; i < store_read_states(s->store); i++) {
		name = store_read_name(s->store, i, &layout);
		if ((at = manifest_state(stage, name, strlen(name))) == -1) {
			if ((state = manifest_state_add(stage)) == NULL)
				return (-1);
			strlcpy(state->name, name, sizeof(state->name));
		} else
			state = &stage->state[at];
		if (state->layout == NULL && layout != NULL &&
		    (state->layout = strdup(layout)) == NULL)
			return (-1);
	}
	if (stage->nstates > 0)
		stage->backend = store_read_memory(s->store) ? BACKEND_MEMORY : BACKEND_LEVELDB;
	return (0);
}

/* Up to where a journal was given to the outside. */
static uint64_t
published_read(const struct image_subtask *s, const char *journal)
{
	uint64_t n;

	return (companion_read(stagedir_fd(s->dir), journal, JOURNAL_PUBLISHED, &n) == 1 ? n :
	    MANIFEST_NOT);
}

static int
journals_describe(struct image *im, struct manifest_stage *stage, const struct image_subtask *s)
{
	const struct journal_range	*r;
	struct manifest_journal		*j;
	size_t				 i;

	for (i = 0; i < s->part->nranges; i++) {
		r = &s->part->range[i];
		if (s->range[i] == NULL)
			continue;
		if ((j = manifest_journal_add(stage)) == NULL)
			return (-1);
		strlcpy(j->name, r->name, sizeof(j->name));
		j->subtask = s->part->subtask;
		j->start = rangefile_start(s->range[i]);
		j->to = rangefile_end(s->range[i]);
		j->published = published_read(s, r->name);
		if (j->published != MANIFEST_NOT && j->published > j->to)
			j->published = j->to;
		j->gap = is_kept(r->name) && !im->stopped && !im->at->final;
	}
	return (0);
}

static int
sub_describe(struct image *im, const struct image_subtask *s)
{
	struct manifest_stage *stage = manifest_stage(&im->m, s->part->stage);

	if (stage == NULL) {
		if ((stage = manifest_stage_add(&im->m)) == NULL)
			return (-1);
		strlcpy(stage->name, s->part->stage, sizeof(stage->name));
		stage->parallelism = s->part->parallelism;
	}
	if (states_describe(stage, s) == -1 || parts_describe(stage, s) == -1)
		return (-1);
	return (journals_describe(im, stage, s));
}

static int
job_describe(struct image *im)
{
	struct manifest	*m = &im->m;
	size_t		 i;

	m->job = im->file.id;
	m->groups = im->file.groups;
	m->reserved = im->file.reserved;
	m->id = im->at->id;
	m->kind = im->at->kind;
	m->final = im->at->final;
	m->triggered_ms = im->at->triggered_ms;
	m->duration_ms = im->at->duration_ms;
	for (i = 0; i < im->nsub; i++)
		if (sub_describe(im, &im->sub[i]) == -1)
			return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	return (0);
}

/* All journals of all subtasks are open at once. */
static void
files_most(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

int
image_job(struct image *im, const char *path, enum image_how how, uint64_t id, uint64_t least)
{
	memset(im, 0, sizeof(*im));
	im->fd = -1;
	path_set(im, path);
	files_most();
	if ((im->dir = jobdir_open(path, 0, im->why, sizeof(im->why))) == NULL)
		return (-1);
	if (how == IMAGE_STOPPED) {
		if (jobdir_lock(im->dir) == -1)
			return (image_fail(im, errno, "%s", jobdir_error(im->dir)));
		im->stopped = 1;
	}
	return (hold(im, id, least) == -1 ? -1 : job_describe(im));
}

/*
 * A savepoint
 */

int
image_is_savepoint(const char *path)
{
	char file[PATH_MAX];

	return ((size_t)snprintf(file, sizeof(file), "%s/" MANIFEST_FILE, path) < sizeof(file) &&
	    access(file, F_OK) == 0);
}

static int
savepoint_read(struct image *im)
{
	char	*text, why[512];
	size_t	 len;
	int	 r, sum, error;

	if ((text = wholefile_read(im->fd, MANIFEST_FILE, MANIFEST_BYTES, &len)) == NULL) {
		if (errno == ENOENT)
			return (image_fail(im, EBADMSG, "%s: not a savepoint: it has no "
			    MANIFEST_FILE, im->path));
		return (image_fail(im, errno, "read %s" MANIFEST_FILE ": %s", im->path,
		    errno == EBADMSG ? "not a file, or too large" : strerror(errno)));
	}
	r = manifest_decode(&im->m, text, len, &sum, why, sizeof(why));
	error = errno;
	free(text);
	if (r == -1)
		return (image_fail(im, error, "%s" MANIFEST_FILE "%s", im->path, why));
	if (sum)
		return (0);
	if (!im->edited)
		return (image_fail(im, EBADMSG, "%s" MANIFEST_FILE ": its sum differs: damaged, or "
		    "changed by hand? --edited takes it", im->path));
	im->changed(MANIFEST_FILE);
	return (0);
}

int
image_savepoint(struct image *im, const char *path, int edited, void (*changed)(const char *))
{
	memset(im, 0, sizeof(*im));
	path_set(im, path);
	im->edited = edited;
	im->changed = changed;
	if ((im->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (image_fail(im, errno, "open %s: %s", im->path, strerror(errno)));
	return (savepoint_read(im));
}
