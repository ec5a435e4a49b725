/*
 * savedir: an image, written as a savepoint.
 *
 * All files are synced before the manifest is made; a directory without one is no
 * savepoint.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "savedir.h"

#define COPY_BYTES	(256 * 1024)

struct savedir {
	struct image	*im;
	const char	*path;
	int		 fd;
	uint64_t	 bytes;
};

/* A file of it, while it is written. */
struct out {
	struct savedir	*d;
	FILE		*f;
	char		 name[MANIFEST_NAME + 1];
	uint64_t	 bytes;
	XXH3_state_t	*sum;
};

static int
fail_call(struct savedir *d, const char *verb, const char *file)
{
	return (image_fail(d->im, errno, "%s %s/%s: %s", verb, d->path, file, strerror(errno)));
}

/*
 * A file
 */

static int
out_open(struct out *o, struct savedir *d)
{
	int fd;

	o->d = d;
	o->f = NULL;
	o->bytes = 0;
	if ((o->sum = XXH3_createState()) == NULL)
		return (fail_call(d, "make", o->name));
	XXH3_64bits_reset(o->sum);
	fd = openat(d->fd, o->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1 && (o->f = fdopen(fd, "w")) != NULL)
		return (0);
	fail_call(d, "make", o->name);
	XXH3_freeState(o->sum);
	fd = fd != -1 ? close(fd) : 0;
	return (-1);
}

static int
out_write(struct out *o, const void *data, size_t len)
{
	if (fwrite(data, 1, len, o->f) != len)
		return (fail_call(o->d, "write", o->name));
	XXH3_64bits_update(o->sum, data, len);
	o->bytes += len;
	return (0);
}

/* It is durable, and the manifest knows it; where it failed before it is only closed. */
static int
out_close(struct out *o, int failed)
{
	struct manifest_file	*file;
	int			 error = errno;

	if (!failed && (fflush(o->f) == EOF || fsync(fileno(o->f)) == -1)) {
		failed = fail_call(o->d, "write", o->name);
		error = errno;
	}
	if (!failed && (file = manifest_file_add(&o->d->im->m)) != NULL) {
		strlcpy(file->name, o->name, sizeof(file->name));
		file->bytes = o->bytes;
		file->sum = XXH3_64bits_digest(o->sum);
		o->d->bytes += o->bytes;
	} else if (!failed) {
		failed = fail_call(o->d, "write", o->name);
		error = errno;
	}
	fclose(o->f);
	XXH3_freeState(o->sum);
	errno = error;
	return (failed ? -1 : 0);
}

/*
 * What goes into them
 */

static int
text_write(struct savedir *d, const struct manifest_stage *stage)
{
	struct imagetext	*t;
	struct out		 o;
	const char		*line;
	size_t			 len;
	int			 more = -1;

	manifest_text_name(o.name, stage);
	if ((t = imagetext_open(d->im, stage)) == NULL)
		return (-1);
	if (out_open(&o, d) == 0) {
		while ((more = imagetext_next(t, &line, &len)) == 1)
			if (out_write(&o, line, len) == -1 || out_write(&o, "\n", 1) == -1) {
				more = -1;
				break;
			}
		more = out_close(&o, more);
	}
	imagetext_close(t);
	return (more);
}

static int
journal_write(struct savedir *d, const struct manifest_stage *stage,
    const struct manifest_journal *j)
{
	struct imagebytes	*b;
	struct out		 o;
	char			*data;
	ssize_t			 n = -1;
	int			 r = -1;

	if (j->start == j->to)
		return (0);
	manifest_journal_name(o.name, stage, j);
	if ((data = malloc(COPY_BYTES)) == NULL)
		return (fail_call(d, "make", o.name));
	if ((b = imagebytes_open(d->im, stage, j)) != NULL && out_open(&o, d) == 0) {
		while ((n = imagebytes_read(b, data, COPY_BYTES)) > 0)
			if (out_write(&o, data, (size_t)n) == -1) {
				n = -1;
				break;
			}
		r = out_close(&o, n == -1);
	}
	imagebytes_close(b);
	free(data);
	return (r);
}

static int
stage_write(struct savedir *d, const struct manifest_stage *stage)
{
	size_t i;

	if (stage->nstates > 0 && text_write(d, stage) == -1)
		return (-1);
	for (i = 0; i < stage->njournals; i++)
		if (journal_write(d, stage, &stage->journal[i]) == -1)
			return (-1);
	return (0);
}

static int
manifest_write(struct savedir *d)
{
	struct buf	 text = { 0 };
	const char	*verb = "encode";
	int		 r = 0;

	if (fsync(d->fd) == -1)
		return (fail_call(d, "sync", ""));
	if (manifest_encode(&text, &d->im->m) == -1 || wholefile_replace(d->fd, MANIFEST_FILE,
	    MANIFEST_FILE ".new", text.data, text.len, &verb) != REPLACED)
		r = fail_call(d, verb, MANIFEST_FILE);
	d->bytes += text.len;
	buf_free(&text);
	return (r);
}

/*
 * The directory
 */

static int
parent_sync(struct savedir *d)
{
	char	copy[PATH_MAX];
	int	fd, r;

	strlcpy(copy, d->path, sizeof(copy));
	if ((fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (fail_call(d, "open", ".."));
	r = fsync(fd) == -1 ? fail_call(d, "sync", "..") : 0;
	close(fd);
	return (r);
}

static int
all_write(struct savedir *d)
{
	size_t i;

	if (parent_sync(d) == -1)
		return (-1);
	for (i = 0; i < d->im->m.nstages; i++)
		if (stage_write(d, &d->im->m.stage[i]) == -1)
			return (-1);
	return (manifest_write(d));
}

int
savedir_may(const char *path, char *why, size_t size)
{
	char		copy[PATH_MAX];
	struct stat	st;

	if (lstat(path, &st) == 0)
		snprintf(why, size, "%s: is there already; a savepoint is a new directory", path);
	else if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy))
		snprintf(why, size, "%s: %s", path, strerror(ENAMETOOLONG));
	else if (access(dirname(copy), W_OK | X_OK) == -1)
		snprintf(why, size, "make %s: %s", path, strerror(errno));
	else
		return (1);
	return (0);
}

int
savedir_write(struct image *im, const char *path, uint64_t *bytes)
{
	struct savedir	d = { .im = im, .path = path };
	int		r, error;

	if (mkdir(path, 0700) == -1)
		return (image_fail(im, errno, "make %s: %s", path, strerror(errno)));
	if ((d.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		r = fail_call(&d, "open", "");
	else
		r = all_write(&d);
	error = errno;
	if (d.fd != -1)
		close(d.fd);
	if (r == -1)
		tree_remove(AT_FDCWD, path);
	*bytes = d.bytes;
	errno = error;
	return (r);
}
