/*
 * jobdir: the directory of a job (weir-job(5)).
 *
 *  - It and stagedir alone know the names of the files there.
 *  - The rename of job.json is the commit point of the job.  What is read by the
 *    one who has the lock is written and synced once more before anybody acts on
 *    it: nobody knows whether the last rename was durable.
 *  - job.json is durable before stages/ is made: one without it is damaged.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "io.h"

#define JOBFILE		"job.json"
#define JOBFILE_NEW	"job.json.new"
#define HISTORY		"history.tsv"
#define HISTORY_OLD	"history.old.tsv"
#define RUN		"run"

#define JOBFILE_BYTES	(1 << 30)	/* at most */
#define HISTORY_BYTES	(16 << 20)	/* then it becomes the old one */

struct jobdir {
	char	 path[PATH_MAX];	/* with one slash at its end */
	int	 fd;
	int	 lock;			/* -1: not ours */
	int	 unknown;		/* a replacement failed after the point of no return */
	char	 why[PATH_MAX + 512];
};

int
jobdir_status(int error)
{
	switch (error) {
	case EBADMSG:
	case ENOTSUP:
	case ENOENT:
	case EISDIR:
	case ENOTDIR:
	case ELOOP:
		return (WEIR_USAGE);
	case EWOULDBLOCK:
		return (WEIR_AGAIN);
	default:
		return (WEIR_FAILED);
	}
}

static int fail(struct jobdir *, int, const char *, ...) WEIR_PRINTF(3, 4);

static int
fail(struct jobdir *d, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

/* A system call failed on a file of the directory. */
static int
fail_call(struct jobdir *d, const char *verb, const char *file)
{
	int error = errno;

	return (fail(d, error, "%s %s%s: %s", verb, d->path, file, strerror(error)));
}

int
jobdir_fd(const struct jobdir *d)
{
	return (d->fd);
}

const char *
jobdir_path(const struct jobdir *d)
{
	return (d->path);
}

const char *
jobdir_error(const struct jobdir *d)
{
	return (d->why);
}

/*
 * Is it a job directory, and mine?
 */

static int
owner_check(struct jobdir *d)
{
	const struct passwd	*pw;
	struct stat		 st;
	char			 user[64];

	if (fstat(d->fd, &st) == -1)
		return (fail_call(d, "look at", ""));
	if (st.st_uid != geteuid()) {
		if ((pw = getpwuid(st.st_uid)) != NULL)
			snprintf(user, sizeof(user), "%s", pw->pw_name);
		else
			snprintf(user, sizeof(user), "%lu", (unsigned long)st.st_uid);
		return (fail(d, EBADMSG, "%s: belongs to user %s: run as that user", d->path,
		    user));
	}
	if ((st.st_mode & S_IWOTH) != 0)
		return (fail(d, EBADMSG, "%s: everybody may write to it: chmod o-w %s", d->path,
		    d->path));
	return (0);
}

/* What a directory may hold before its first job.json. */
static int
early(const char *file)
{
	return (strcmp(file, JOBDIR_LOCK) == 0 || strcmp(file, RUN) == 0 ||
	    strcmp(file, JOBFILE_NEW) == 0);
}

/* The first file in it that a new job's directory does not have, or an empty
 * name; what would be lost is named rather than what is only in the way. */
static int
stranger_find(struct jobdir *d, char *name, size_t size)
{
	struct dirent	*e;
	DIR		*dir;
	int		 fd;

	name[0] = '\0';
	if ((fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (fail_call(d, "open", ""));
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return (fail_call(d, "open", ""));
	}
	while ((errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    early(e->d_name) || strcmp(e->d_name, JOBFILE) == 0)
			continue;
		if (name[0] == '\0' || strcmp(e->d_name, JOBDIR_STAGES) == 0)
			strlcpy(name, e->d_name, size);
	}
	if (errno != 0)
		fail_call(d, "read", "");
	fd = errno;
	closedir(dir);
	errno = fd;
	return (fd != 0 ? -1 : 0);
}

/* 1: a job is there; 0: none, and it may be made; -1. */
static int
look(struct jobdir *d)
{
	char		name[NAME_MAX + 1];
	struct stat	st;

	/* in this order: whoever sees stages/ sees job.json then */
	if (stranger_find(d, name, sizeof(name)) == -1)
		return (-1);
	if (fstatat(d->fd, JOBFILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return (1);
	if (errno != ENOENT)
		return (fail_call(d, "look at", JOBFILE));
	if (strcmp(name, JOBDIR_STAGES) == 0 || strcmp(name, HISTORY) == 0)
		return (fail(d, EBADMSG, "%s: damaged: it holds \"%s\" and no " JOBFILE
		    "; put that back from a backup, or, if a restore was cut short, remove "
		    "the directory", d->path, name));
	if (name[0] != '\0')
		return (fail(d, EBADMSG, "%s: not a job directory: it holds \"%s\" and no "
		    JOBFILE "; give -j a new directory", d->path, name));
	return (0);
}

/* A directory that was just made is there after a power cut.  One that I may
 * write to but not read cannot be synced. */
static int
parent_sync(struct jobdir *d)
{
	int fd, r = 0;

	if ((fd = openat(d->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (errno == EACCES ? 0 : fail_call(d, "open", ".."));
	if (fsync(fd) == -1)
		r = fail_call(d, "sync", "..");
	close(fd);
	return (r);
}

static int
directory_open(struct jobdir *d, int create)
{
	if (create && mkdir(d->path, 0700) == -1 && errno != EEXIST)
		return (fail_call(d, "make", ""));
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd == -1 && errno == ENOTDIR)
		return (fail(d, EBADMSG, "%s: not a directory, and so not a job", d->path));
	if (d->fd == -1)
		return (fail_call(d, "open", ""));
	if (owner_check(d) == -1)
		return (-1);
	switch (look(d)) {
	case -1:
		return (-1);
	case 0:
		if (!create)
			return (fail(d, ENOENT, "%s: no job was ever started here", d->path));
		return (parent_sync(d));
	}
	return (0);
}

struct jobdir *
jobdir_open(const char *path, int create, char *why, size_t size)
{
	struct jobdir	*d;
	size_t		 n = strlen(path);
	int		 error;

	if ((d = calloc(1, sizeof(*d))) == NULL) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return (NULL);
	}
	d->fd = d->lock = -1;
	while (n > 0 && path[n - 1] == '/')
		n--;
	if (path[0] == '\0' || n + 2 > sizeof(d->path) - 64) {
		error = path[0] == '\0' ? ENOENT : ENAMETOOLONG;
		fail(d, error, "\"%.64s\": %s", path, strerror(error));
	} else {
		snprintf(d->path, sizeof(d->path), "%.*s/", (int)n, path);
		if (directory_open(d, create) == 0)
			return (d);
		error = errno;
	}
	strlcpy(why, d->why, size);
	jobdir_close(d);
	errno = error;
	return (NULL);
}

void
jobdir_close(struct jobdir *d)
{
	if (d == NULL)
		return;
	if (d->lock != -1)
		close(d->lock);
	if (d->fd != -1)
		close(d->fd);
	free(d);
}

int
jobdir_begun(const struct jobdir *d)
{
	struct stat st;

	return (fstatat(d->fd, JOBFILE, &st, AT_SYMLINK_NOFOLLOW) == 0);
}

/*
 * The lock.
 */

static int
fail_in_use(struct jobdir *d)
{
	struct holder	 h;
	struct tm	 then, now;
	time_t		 t, n = time(NULL);
	char		 since[64] = "", who[64] = "another process";

	if (lockfile_read(d->fd, JOBDIR_LOCK, &h) == 1) {
		t = (time_t)h.start_s;
		snprintf(who, sizeof(who), "process %ld", h.pid);
		if (localtime_r(&t, &then) != NULL && localtime_r(&n, &now) != NULL)
			strftime(since, sizeof(since), then.tm_year == now.tm_year &&
			    then.tm_yday == now.tm_yday ? " since %H:%M:%S" :
			    " since %Y-%m-%d %H:%M:%S", &then);
	}
	return (fail(d, EWOULDBLOCK, "%s is in use by %s%s; 'weir status %s' shows it, "
	    "'weir stop %s' ends it", d->path, who, since, d->path, d->path));
}

int
jobdir_lock(struct jobdir *d)
{
	if (d->lock != -1)
		return (0);
	if ((d->lock = lockfile_take(d->fd, JOBDIR_LOCK)) == -1)
		return (errno == EWOULDBLOCK ? fail_in_use(d) : fail_call(d, "lock", JOBDIR_LOCK));
	if (lockfile_say(d->lock, "") == -1) {
		fail_call(d, "write", JOBDIR_LOCK);
		close(d->lock);
		d->lock = -1;
		return (-1);
	}
	return (0);
}

/* What names this directory on this machine, so that a copy is another one. */
static int
base_make(struct jobdir *d, char base[20])
{
	struct stat	st;
	uint64_t	id[2];

	if (fstat(d->fd, &st) == -1)
		return (fail_call(d, "look at", ""));
	id[0] = (uint64_t)st.st_dev;
	id[1] = (uint64_t)st.st_ino;
	snprintf(base, 20, "job-%014" PRIx64, (uint64_t)XXH3_64bits(id, sizeof(id)) >> 8);
	return (0);
}

/* The lock of a copy names the run directory, and the process, of its model. */
static int
run_is_ours(struct jobdir *d, const char *run)
{
	struct stat	 here, there;
	const char	*slash = strrchr(run, '/');
	char		 base[20];

	if (fstatat(d->fd, RUN, &here, AT_SYMLINK_NOFOLLOW) == 0 && stat(run, &there) == 0 &&
	    here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return (1);
	return (slash != NULL && base_make(d, base) == 0 && strcmp(slash + 1, base) == 0);
}

int
jobdir_holder(struct jobdir *d, struct holder *h)
{
	return (lockfile_read(d->fd, JOBDIR_LOCK, h) == 1 &&
	    (kill((pid_t)h->pid, 0) == 0 || errno == EPERM) &&
	    (h->run[0] == '\0' || run_is_ours(d, h->run)));
}

/*
 * job.json.
 */

/* 1: *data, to be freed; 0: it is not there; -1. */
static int
jobfile_load(struct jobdir *d, char **data, size_t *len)
{
	if ((*data = wholefile_read(d->fd, JOBFILE, JOBFILE_BYTES, len)) != NULL)
		return (1);
	if (errno == ENOENT)
		return (0);
	if (errno == EBADMSG || errno == ELOOP)
		return (fail(d, EBADMSG, "%s" JOBFILE ": damaged: not a file, or too large",
		    d->path));
	return (fail_call(d, "read", JOBFILE));
}

static int
jobfile_parse(struct jobdir *d, const char *data, size_t len, struct jobfile *f)
{
	char	why[256];
	int	error;

	if (jobfile_decode(data, len, f, why, sizeof(why)) == 0)
		return (0);
	error = errno;
	return (fail(d, error, "%s" JOBFILE ": %s%s", d->path, why, error == EBADMSG ?
	    "; put it back from a backup" : ""));
}

int
jobdir_read(struct jobdir *d, struct jobfile *f)
{
	char	*data;
	size_t	 len;
	int	 r, saved;

	if ((r = jobfile_load(d, &data, &len)) != 1)
		return (r);
	if (jobfile_parse(d, data, len, f) == -1)
		r = -1;
	saved = errno;
	free(data);
	errno = saved;
	return (r);
}

static int
jobfile_replace(struct jobdir *d, const char *data, size_t len)
{
	const char *verb;

	if (d->unknown) {
		errno = EIO;
		return (-1);		/* with the sentence of then */
	}
	if (d->lock == -1)
		return (fail(d, EINVAL, "%s" JOBFILE ": written without the lock", d->path));
	switch (wholefile_replace(d->fd, JOBFILE, JOBFILE_NEW, data, len, &verb)) {
	case REPLACED:
		return (0);
	case REPLACED_NOT:
		return (fail_call(d, verb, JOBFILE_NEW));
	default:
		d->unknown = 1;
		return (fail_call(d, verb, JOBFILE));
	}
}

int
jobdir_start(struct jobdir *d, struct jobfile *f)
{
	char	*data;
	size_t	 len;
	int	 r, saved;

	memset(f, 0, sizeof(*f));
	if ((r = jobfile_load(d, &data, &len)) == -1)
		return (-1);
	if (r == 0) {
		if ((r = look(d)) == 1)
			return (fail(d, EBADMSG, "%s" JOBFILE ": somebody else has just made it",
			    d->path));
		return (r);
	}
	if (jobfile_parse(d, data, len, f) == -1)
		r = -1;
	else if (jobfile_replace(d, data, len) == -1) {
		saved = errno;
		jobfile_free(f);
		errno = saved;
		r = -1;
	}
	saved = errno;
	free(data);
	errno = saved;
	return (r);
}

void
jobdir_new(struct jobfile *f, unsigned groups)
{
	memset(f, 0, sizeof(*f));
	arc4random_buf(&f->id, sizeof(f->id));
	f->groups = groups;
}

int
jobdir_save(struct jobdir *d, struct jobfile *f)
{
	char	*data;
	size_t	 len;
	int	 r, saved;

	if ((data = jobfile_encode(f, &len)) == NULL)
		return (fail_call(d, "encode", JOBFILE));
	r = len > JOBFILE_BYTES ? fail(d, EFBIG, "%s" JOBFILE ": would be too large",
	    d->path) : jobfile_replace(d, data, len);
	saved = errno;
	free(data);
	errno = saved;
	return (r);
}

int
jobdir_unknown(const struct jobdir *d)
{
	return (d->unknown);
}

/*
 * history.tsv.
 */

static int
history_open(struct jobdir *d)
{
	struct stat	st;
	int		fd, again;

	for (again = 0; again < 2; again++) {
		fd = openat(d->fd, HISTORY, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW |
		    O_NONBLOCK | O_CLOEXEC, 0600);
		if (fd == -1 || fstat(fd, &st) == -1 || st.st_size < HISTORY_BYTES)
			return (fd);
		if (again || renameat(d->fd, HISTORY, d->fd, HISTORY_OLD) == -1)
			return (fd);
		close(fd);
	}
	return (-1);
}

int
jobdir_history(struct jobdir *d, const struct history *h)
{
	struct buf	b = { 0 };
	struct stat	st;
	char		last = '\n';
	ssize_t		n;
	int		fd, r = 0;

	if ((fd = history_open(d)) == -1)
		return (fail_call(d, "open", HISTORY));
	/* the line before may have been cut short by a crash */
	if (fstat(fd, &st) == -1 ||
	    (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == -1) ||
	    (last != '\n' && buf_add(&b, "\n", 1) == -1) || history_encode(&b, h) == -1 ||
	    (n = write(fd, b.data, b.len)) == -1)
		r = fail_call(d, "write", HISTORY);
	else if ((size_t)n < b.len)
		r = fail(d, ENOSPC, "write %s" HISTORY ": %s", d->path, strerror(ENOSPC));
	close(fd);
	buf_free(&b);
	return (r);
}

FILE *
jobdir_history_open(struct jobdir *d, int old)
{
	const char	*file = old ? HISTORY_OLD : HISTORY;
	FILE		*f = NULL;
	int		 fd;

	if ((fd = openat(d->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) == -1 ||
	    (f = fdopen(fd, "r")) == NULL)
		fail_call(d, "open", file);
	if (f == NULL && fd != -1)
		close(fd);
	return (f);
}

/*
 * The run directory.
 */

struct rundir *
jobdir_run_make(struct jobdir *d)
{
	struct rundir	*run;
	char		 base[20], *own, path[PATH_MAX + 8], why[PATH_MAX + 128];

	if (d->lock == -1) {
		fail(d, EINVAL, "%s" RUN ": made without the lock", d->path);
		return (NULL);
	}
	if (base_make(d, base) == -1)
		return (NULL);
	if ((own = realpath(d->path, NULL)) == NULL) {
		fail_call(d, "find", "");
		return (NULL);
	}
	snprintf(path, sizeof(path), "%s/" RUN, own);
	free(own);
	if ((run = rundir_make_job(path, base, why, sizeof(why))) == NULL)
		fail(d, errno, "run directory %s", why);
	else if (lockfile_say(d->lock, rundir_path(run)) == -1) {
		fail_call(d, "write", JOBDIR_LOCK);
		rundir_close(run);
		run = NULL;
	}
	return (run);
}

struct rundir *
jobdir_run_join(struct jobdir *d)
{
	struct rundir	*run;
	struct holder	 h;
	char		 base[20], why[PATH_MAX + 128];

	if (!jobdir_holder(d, &h) || h.run[0] == '\0') {
		fail(d, ENOENT, "%s: no coordinator is there", d->path);
		return (NULL);
	}
	if (base_make(d, base) == -1)
		return (NULL);
	if ((run = rundir_join_job(h.run, base, why, sizeof(why))) == NULL)
		fail(d, errno, "run directory %s", why);
	return (run);
}

/*
 * The end of a job.
 */

/* A copy of a job may hold the sockets of its model although its own are elsewhere.
 * job.json goes behind stages/: what a crash leaves on the way is a job, if a damaged
 * one, and can be deleted. */
int
jobdir_delete(struct jobdir *d)
{
	static const char *const files[] = {
		RUN, JOBDIR_STAGES, HISTORY, HISTORY_OLD, JOBFILE_NEW, JOBFILE, JOBDIR_LOCK,
	};
	struct rundir	*run;
	size_t		 i;

	if ((run = jobdir_run_make(d)) == NULL)
		return (-1);
	rundir_remove(run);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (tree_remove(d->fd, files[i]) == -1)
			return (fail_call(d, "remove", files[i]));
	if (rmdir(d->path) == -1)
		return (fail_call(d, "remove", ""));
	return (0);
}

void
jobdir_undo(struct jobdir *d, int keep)
{
	tree_remove(d->fd, JOBDIR_STAGES);
	tree_remove(d->fd, JOBFILE_NEW);
	tree_remove(d->fd, JOBDIR_LOCK);
	if (!keep)
		rmdir(d->path);
}
