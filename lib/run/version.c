/*
 * version: an output that is a whole file, replaced by each new version.
 *
 *  - A reader finds a whole version, the old one or the new one.
 *  - The new file is locked before it has the name, so that there is never one of
 *    that name that is not.
 *  - In a job the journal has each version with its length behind it; the last one
 *    that a checkpoint covers is made a file, again if need be.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

#define LENGTH_BYTES	8		/* behind a version */

struct weir_output *
weir_output_whole(struct weir *w, const char *name, const char *path, enum weir_fill fill,
    const char *cure)
{
	struct weir_output	*o;
	struct stat		 st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		weir_misuse(w, "%s: not a regular file: it cannot be replaced", path);
		return (NULL);
	}
	if ((o = weir_output_file(w, name, path, fill, cure)) != NULL)
		o->whole = 1;
	return (o);
}

/* A new file beside it, of the same mode: its descriptor, or -1 and errno. */
static int
fresh_open(struct outfile *f, char *temp, size_t size)
{
	struct stat	st;
	char		real[PATH_MAX], dir[PATH_MAX], *slash;
	int		fd;

	if (realpath(f->path, real) == NULL || fstat(f->fd, &st) == -1)
		return (-1);
	strlcpy(dir, real, sizeof(dir));
	slash = strrchr(dir, '/');
	*slash++ = '\0';
	if ((size_t)snprintf(temp, size, "%s/.%s.new", dir, slash) >= size) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if ((fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)) == -1)
		return (-1);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1 || fchmod(fd, st.st_mode & 07777) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

/* Keeps errno, which is what it is for. */
static void
fresh_discard(const char *temp, int fd)
{
	int saved = errno;

	close(fd);
	unlink(temp);
	errno = saved;
}

/* fd is taken; its content is durable. */
static int
fresh_name(struct outfile *f, const char *temp, int fd)
{
	char real[PATH_MAX];

	if (realpath(f->path, real) == NULL || rename(temp, real) == -1 ||
	    outfile_sync_directory(real) == -1) {
		fresh_discard(temp, fd);
		return (-1);
	}
	close(f->fd);
	f->fd = fd;
	return (0);
}

/* In a job it is published with the checkpoint. */
static int
version_append(struct weir_output *o, const char *text, size_t len)
{
	struct buf	behind = { 0 };
	int		bad;

	if (buf_add_uint(&behind, len, LENGTH_BYTES) == -1)
		return (weir_error(o->w, "%s", strerror(errno)));
	bad = weir_journal_append(o->journal, text, len) == -1 ||
	    weir_journal_append(o->journal, behind.data, behind.len) == -1;
	buf_free(&behind);
	return (bad ? -1 : 0);
}

int
weir_output_replace(struct weir_output *o, const char *text, size_t len)
{
	char	temp[PATH_MAX];
	ssize_t	n = 0;
	int	fd;

	if (o->journal != NULL)
		return (version_append(o, text, len));
	if ((fd = fresh_open(&o->file, temp, sizeof(temp))) == -1)
		return (weir_error(o->w, "replace %s: %s", o->what, strerror(errno)));
	for (; len > 0 && (n >= 0 || errno == EINTR); text += n > 0 ? n : 0)
		if ((n = write(fd, text, len)) > 0)
			len -= (size_t)n;
	if (len > 0 || fsync(fd) == -1)
		fresh_discard(temp, fd);
	else if (fresh_name(&o->file, temp, fd) == 0)
		return (0);
	return (weir_error(o->w, "replace %s: %s", o->what, strerror(errno)));
}

/*
 * Publishing, in the writer.
 */

/* The last version: the range ends with its length. */
static int
version_find(struct weir_range *r, struct weir_range *version)
{
	struct buf	b;
	unsigned char	behind[LENGTH_BYTES];
	uint64_t	len;

	if (r->to - r->from < sizeof(behind) ||
	    weir_range_read(r, r->to - sizeof(behind), behind, sizeof(behind)) == -1)
		return (weir_range_error(r, "a version without its length"));
	buf_borrow(&b, behind, sizeof(behind));
	*version = *r;
	version->to = r->to - sizeof(behind);
	if (buf_get_uint(&b, &len, sizeof(behind)) == -1 || len > version->to - r->from)
		return (weir_range_error(r, "a version that is longer than its journal"));
	version->from = version->to - len;
	return (0);
}

int
publish_whole(struct weir_range *r, void *arg)
{
	struct weir_output	*o = arg;
	struct weir_range	 version;
	char			 temp[PATH_MAX];
	int			 fd;

	if (r->from == r->to)
		return (0);
	if (version_find(r, &version) == -1)
		return (-1);
	if ((fd = fresh_open(&o->file, temp, sizeof(temp))) == -1)
		return (weir_range_error(r, "replace %s: %s", o->what, strerror(errno)));
	if (weir_range_copy(&version, fd, 0, temp) == -1) {
		fresh_discard(temp, fd);
		return (-1);
	}
	STEP("whole-written");
	if (fresh_name(&o->file, temp, fd) == -1)
		return (weir_range_error(r, "replace %s: %s", o->what, strerror(errno)));
	return (0);
}
