/*
 * outfile: a file of the outside that is ours alone.
 *
 *  - It is under an exclusive lock for as long as it is open.
 *  - What it held before us stays or goes as the user says, and is counted: base.
 *  - On a resume it has to be as the checkpoint knows it.  A crash of ours leaves
 *    it anywhere between what was published for sure and what the checkpoint has;
 *    any other length is somebody else's work, which is named and not repaired.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

#define LOOK_MS		20	/* how often a FIFO without a reader, or a lock, is tried */
#define LOCK_MS		5000	/* for the predecessor's last moments */

static int
look_again(struct weir *w)
{
	weir_wait_fd(w, -1);
	weir_wait_ms(w, LOOK_MS);
	return (WEIR_WAIT);
}

/* The directory that a file is in, or will be made in, without symbolic links. */
static int
real_directory(const char *path, char *dir)
{
	struct stat	 st;
	char		 copy[PATH_MAX];

	if (realpath(path, dir) != NULL) {
		strlcpy(copy, dir, sizeof(copy));
		strlcpy(dir, dirname(copy), PATH_MAX);
		return (0);
	}
	if (errno != ENOENT)
		return (-1);
	if (lstat(path, &st) == 0) {
		errno = ELOOP;		/* a link to nowhere: it would be made there */
		return (-1);
	}
	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	return (realpath(dirname(copy), dir) == NULL ? -1 : 0);
}

int
outfile_look(struct weir *w, const char *path)
{
	const char	*scratch = getenv("WEIR_SCRATCH");
	struct stat	 st;
	char		 within[PATH_MAX], real[PATH_MAX];
	size_t		 len;

	if (scratch == NULL || (stat(path, &st) == 0 && S_ISCHR(st.st_mode)))
		return (0);
	if (realpath(scratch, within) == NULL)
		return (weir_misuse(w, "%s: %s", scratch, strerror(errno)));
	/* a link to what is not there would be followed when the file is made */
	if (realpath(path, real) == NULL && (lstat(path, &st) == 0 ||
	    real_directory(path, real) == -1))
		return (weir_misuse(w, "%s: %s", path, strerror(errno)));
	len = strlen(within);
	if (strncmp(real, within, len) != 0 || (real[len] != '/' && real[len] != '\0'))
		return (weir_misuse(w, "%s: lies outside of %s, the scratch directory of a test "
		    "that kills", path, within));
	return (0);
}

int
outfile_sync_directory(const char *path)
{
	char	dir[PATH_MAX];
	int	fd, saved, bad;

	if (real_directory(path, dir) == -1 ||
	    (fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	bad = fsync(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return (bad);
}

/* WEIR_WAIT: a FIFO that nobody has opened for reading yet. */
static int
file_open(struct weir *w, struct outfile *f, int create)
{
	struct stat	st;
	int		flags = O_WRONLY | O_NONBLOCK | O_CLOEXEC | (create ? O_CREAT : 0);

	if ((f->fd = open(f->path, flags, 0666)) == -1) {
		if (errno == ENXIO && stat(f->path, &st) == 0 && S_ISFIFO(st.st_mode))
			return (look_again(w));
		if (errno == ENOENT && !create)
			return (WEIR_OK);
		return (weir_misuse(w, "%s: %s", f->path, strerror(errno)));
	}
	if (fstat(f->fd, &st) == -1)
		return (weir_error(w, "%s: %s", f->path, strerror(errno)));
	f->regular = S_ISREG(st.st_mode);
	return (WEIR_OK);
}

static int
file_blocking(struct weir *w, struct outfile *f)
{
	int flags;

	if ((flags = fcntl(f->fd, F_GETFL)) == -1 ||
	    fcntl(f->fd, F_SETFL, flags & ~O_NONBLOCK) == -1)
		return (weir_error(w, "%s: %s", f->path, strerror(errno)));
	return (WEIR_OK);
}

/* A file that is replaced as a whole may have been, before it was ours. */
static int
file_same(struct weir *w, struct outfile *f)
{
	struct stat ours, there;

	if (fstat(f->fd, &ours) == 0 && stat(f->path, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return (WEIR_OK);
	close(f->fd);
	f->fd = -1;
	return (look_again(w));
}

/* A predecessor that was killed gives up the lock of its stage first. */
static int
file_lock(struct weir *w, struct outfile *f)
{
	if (flock(f->fd, LOCK_EX | LOCK_NB) == 0)
		return (file_same(w, f));
	if (errno != EWOULDBLOCK)
		return (weir_error(w, "lock %s: %s", f->path, strerror(errno)));
	if (weir_job(w) && f->lock_until == 0)
		f->lock_until = now_ms() + LOCK_MS;
	if (now_ms() < f->lock_until)
		return (look_again(w));
	return (weir_error(w, "%s: in use by another sink, of this pipeline or of "
	    "another; give each a FILE of its own", f->path));
}

int
outfile_open(struct weir *w, struct outfile *f, int create)
{
	int status;

	if (f->fd == -1) {
		if ((status = file_open(w, f, create)) != WEIR_OK)
			return (status);
		if (f->fd != -1 && !f->regular)
			return (file_blocking(w, f));
	}
	return (f->fd != -1 && f->regular ? file_lock(w, f) : WEIR_OK);
}

/* A record behind an unfinished line would become part of it. */
static int
end_check(struct weir *w, const struct outfile *f)
{
	char	last = '\n';
	int	fd, status = 0;

	if ((fd = open(f->path, O_RDONLY | O_CLOEXEC)) == -1)
		return (weir_error(w, "read %s: %s", f->path, strerror(errno)));
	if (pread(fd, &last, 1, (off_t)f->base - 1) == -1)
		status = weir_error(w, "read %s: %s", f->path, strerror(errno));
	else if (last != '\n')
		status = weir_misuse(w, "%s: its last line has no newline, a record would be "
		    "glued to it; add one (echo >>%s), cut that line off, or --truncate",
		    f->path, f->path);
	close(fd);
	return (status);
}

int
outfile_begin(struct weir *w, struct outfile *f)
{
	struct stat st;

	if (!f->regular)
		return (0);
	if (fstat(f->fd, &st) == -1)
		return (weir_error(w, "%s: %s", f->path, strerror(errno)));
	if (st.st_size == 0 || f->fill == WEIR_TRUNCATE)
		return (0);
	if (f->fill == WEIR_REFUSE)
		return (weir_misuse(w, "%s: %lld bytes are there that this job did not write; "
		    "%s", f->path, (long long)st.st_size, f->cure));
	f->base = (uint64_t)st.st_size;
	return (end_check(w, f));
}

/* In a job the old bytes must not come back once a checkpoint counts on it. */
int
outfile_truncate(struct weir *w, struct outfile *f)
{
	struct stat st;

	if (!f->regular || f->fill != WEIR_TRUNCATE)
		return (0);
	if (fstat(f->fd, &st) == -1 || ftruncate(f->fd, 0) == -1 ||
	    (weir_job(w) && st.st_size > 0 && fsync(f->fd) == -1))
		return (weir_error(w, "truncate %s: %s", f->path, strerror(errno)));
	return (0);
}

int
outfile_resume(struct weir *w, const struct outfile *f, uint64_t start, uint64_t to)
{
	unsigned long long	id = w->job->m.restore;
	uint64_t		size, least = (int64_t)(f->base + start) < 0 ? 0 : f->base + start;
	struct stat		st;

	if (f->fd == -1)
		return (weir_misuse(w, "%s: is not there, checkpoint %llu says %llu bytes; put "
		    "it back, or start over with a new job directory", f->path, id,
		    (unsigned long long)(f->base + to)));
	if (!f->regular)
		return (0);
	if (fstat(f->fd, &st) == -1)
		return (weir_error(w, "%s: %s", f->path, strerror(errno)));
	size = (uint64_t)st.st_size;
	if (size < least)
		return (weir_misuse(w, "%s: %llu bytes, checkpoint %llu says %llu; somebody "
		    "%s; put it back, or start over with a new job directory", f->path,
		    (unsigned long long)size, id, (unsigned long long)(f->base + to),
		    size == 0 ? "emptied it ('>' in the script?)" : "cut it off"));
	if (size > f->base + to)
		return (weir_misuse(w, "%s: %llu bytes, checkpoint %llu says %llu; somebody, "
		    "or a copy of this job, added to it; cut it off there (truncate -s %llu "
		    "%s), or start over with a new job directory", f->path, (unsigned long long)size, id,
		    (unsigned long long)(f->base + to), (unsigned long long)(f->base + to),
		    f->path));
	return (0);
}
