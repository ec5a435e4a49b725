/*
 * takeout: a savepoint of a job that is there.
 *
 * A job that runs is asked for a checkpoint, and keeps it until it has been written.
 * A stopped one is held by its lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "run.h"
#include "savedir.h"
#include "takeout.h"
#include "tool.h"

static int
fail_image(const struct image *im)
{
	return (tool_fail(errno == ENODATA ? WEIR_FAILED : jobdir_status(errno), "%s", im->why));
}

static int
image_write(struct image *im, const char *dir)
{
	int64_t		begun = now_ms();
	uint64_t	bytes;

	if (savedir_write(im, dir, &bytes) == -1)
		return (fail_image(im));
	tool_say("%s: checkpoint %" PRIu64 ", %" PRIu64 " bytes in %lld ms", dir, im->m.id, bytes,
	    (long long)(now_ms() - begun));
	return (WEIR_DONE);
}

/* What the coordinator says: the id, or 0 after it was said that there is none. */
static uint64_t
checkpoint_take(struct ask *a, const char *job)
{
	json_t		*o;
	const char	*why;
	uint64_t	 id;

	if (ask_say(a, "savepoint") == -1 || (o = ask_line(a, -1)) == NULL) {
		tool_fail(0, "%s: its coordinator has gone before the checkpoint was complete",
		    job);
		return (0);
	}
	id = (uint64_t)json_integer_value(json_object_get(o, "id"));
	if (!json_is_true(json_object_get(o, "completed"))) {
		why = json_string_value(json_object_get(o, "why"));
		tool_fail(0, "no checkpoint for it: %s", why != NULL ? why : "");
		id = 0;
	}
	json_decref(o);
	return (id);
}

static int
running(const char *job, const char *dir, struct ask *a)
{
	struct image	im;
	uint64_t	id;
	int		status;

	if ((id = checkpoint_take(a, job)) == 0)
		return (WEIR_FAILED);
	/* it is held for us; unless its coordinator has died: then a later one will do */
	status = image_job(&im, job, IMAGE_LOOK, id, 0);
	if (status == -1 && errno == ENODATA) {
		image_close(&im);
		status = image_job(&im, job, IMAGE_LOOK, 0, id);
	}
	status = status == -1 ? fail_image(&im) : image_write(&im, dir);
	image_close(&im);
	return (status);
}

int
takeout_stopped(const char *job, const char *dir)
{
	struct image	im;
	int		status;

	status = image_job(&im, job, IMAGE_STOPPED, 0, 0) == -1 ? fail_image(&im) :
	    image_write(&im, dir);
	image_close(&im);
	return (status);
}

int
takeout(const char *job, const char *dir)
{
	struct ask	*a;
	char		 why[PATH_MAX + 512];
	int		 status;

	if (!savedir_may(dir, why, sizeof(why)))
		return (tool_fail(WEIR_USAGE, "%s", why));
	if ((a = ask_open(job, why, sizeof(why))) == NULL) {
		if (errno == ECONNREFUSED)
			return (takeout_stopped(job, dir));
		return (tool_fail(jobdir_status(errno), "%s", why));
	}
	status = running(job, dir, a);
	ask_close(a);
	return (status);
}
