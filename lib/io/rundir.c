/*
 * rundir: the directory of sockets, of one ephemeral stage or of a job.
 *
 *	${XDG_RUNTIME_DIR:-/tmp}/weir-UID/	0700, ours
 *		PID-START/			0700, one stage
 *			lock			held for the stage's life
 *			NAME.I			its doors
 *			ATTEMPT-NONCE		its links
 *			SUFFIX.shm		one for each arena not yet unlinked
 *		session-SID/NAME		address line of a published stage
 *		job-HASH/			of a job, where JOB/run is too long: doors
 *						are ATTEMPT-NAME.I there
 *
 * A directory whose lock can be had belongs to nobody.  Whoever makes one takes
 * its lock and looks again: a sweeper may have been in between.  That of a job has
 * no lock and is not swept: what attempts left there is cleared by the job.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <bsd/libutil.h>
#include <bsd/string.h>

#include "io.h"

#define SOCKET_MAX	107	/* bytes of a socket's path (sun_path) */
#define BASE_MAX	18	/* PID-START */
#define LINK_MAX	27	/* ATTEMPT-NONCE */
#define DOOR_MAX	(WEIR_NAME_MAX + 17)	/* ATTEMPT-NAME.I, any */
#define EVERYTHING	UINT64_MAX	/* no attempt is so high */

struct rundir {
	char	 root[SOCKET_MAX + 1];
	char	 path[SOCKET_MAX + 40];
	char	 base[32];
	char	 published[SOCKET_MAX + WEIR_NAME_MAX + 32];
	int	 lock;			/* -1: its supervisor's */
	int	 spare;			/* to clear the directory where no other is left */
};

/* The directory of all this user's run directories, where a socket's name may be
 * below bytes long; -1 and why. */
static int
root_make(char *root, size_t size, const char *parent, size_t below, char *why, size_t whysize)
{
	struct stat st;

	if ((size_t)snprintf(root, size, "%s/weir-%u", parent, (unsigned)getuid()) >= size ||
	    strlen(root) + 1 + BASE_MAX + 1 + below > SOCKET_MAX) {
		snprintf(why, whysize, "%s: too long for sockets", parent);
		return (-1);
	}
	if (mkdir(root, 0700) == -1 && errno != EEXIST) {
		snprintf(why, whysize, "%s: %s", root, strerror(errno));
		return (-1);
	}
	if (lstat(root, &st) == -1 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
	    (st.st_mode & 077) != 0) {
		snprintf(why, whysize, "%s: not a directory of mode 0700 that is mine; "
		    "remove it, or set XDG_RUNTIME_DIR", root);
		return (-1);
	}
	return (0);
}

static int
root_find(char *root, size_t size, size_t below, char *why, size_t whysize)
{
	const char *parent = getenv("XDG_RUNTIME_DIR");

	if (parent != NULL && parent[0] == '/' &&
	    root_make(root, size, parent, below, why, whysize) == 0)
		return (0);
	return (root_make(root, size, "/tmp", below, why, whysize));
}

static void
shm_clear(const char *base, const char *file)
{
	char	 name[WEIR_NAME_MAX];
	size_t	 n = strlen(file);

	if (n < 4 || strcmp(file + n - 4, ".shm") != 0)
		return;
	snprintf(name, sizeof(name), "/weir-%u-%s-%.*s", (unsigned)getuid(), base,
	    (int)(n - 4), file);
	shm_unlink(name);
}

/* A door, a link or a note of an attempt below: begins with its number. */
static int
entry_stale(const char *file, uint64_t below)
{
	char		*end;
	uint64_t	 attempt;

	if (below == EVERYTHING)
		return (1);
	if (!isdigit((unsigned char)file[0]))
		return (0);
	attempt = strtoull(file, &end, 10);
	return (*end == '-' && attempt < below);
}

/* Remove what is stale, and the shared memory that it names. */
static void
entries_clear(const char *path, const char *base, uint64_t below)
{
	char		 file[SOCKET_MAX + 260];
	struct dirent	*e;
	DIR		*d;

	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || !entry_stale(e->d_name, below))
			continue;
		/* once more behind its note: whoever makes the memory in between sees that
		 * the note has gone */
		shm_clear(base, e->d_name);
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
		shm_clear(base, e->d_name);
	}
	closedir(d);
}

static void
rundir_clear(const char *path, const char *base)
{
	entries_clear(path, base, EVERYTHING);
	rmdir(path);
}

/* Sweeping, being born and publishing exclude each other.  -1: errno. */
static int
root_lock(const char *root)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd != -1 && flock(fd, LOCK_EX) == -1)
		if (errno != EINTR) {
			close(fd);
			return (-1);
		}
	return (fd);
}

/* Nobody holds the lock of this run directory. */
static int
run_dead(const char *path)
{
	char	lock[1100];
	int	fd, dead;

	snprintf(lock, sizeof(lock), "%s/lock", path);
	if ((fd = open(lock, O_RDWR | O_CLOEXEC)) == -1)
		return (errno == ENOENT || errno == ENOTDIR);
	dead = flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return (dead);
}

/* The run directory that a published line names; NULL: it is no such line. */
static const char *
line_run(char *line)
{
	char *p, *end;

	/* "weir1 RUN/NAME NAME  # ..." */
	if ((p = strchr(line, ' ')) == NULL || (end = strstr(line, "  # ")) == NULL)
		return (NULL);
	*end = '\0';
	if ((end = strrchr(++p, '/')) == NULL)
		return (NULL);
	*end = '\0';
	return (p);
}

static const char *
file_run(const char *file, char *line, size_t size)
{
	FILE	*f;
	int	 ok;

	if ((f = fopen(file, "re")) == NULL)
		return (NULL);
	ok = fgets(line, (int)size, f) != NULL;
	fclose(f);
	return (ok ? line_run(line) : NULL);
}

/* Clear a session's names whose stage is gone. */
static void
session_sweep(const char *path)
{
	char		 file[SOCKET_MAX + 560], line[1024];
	const char	*run;
	struct dirent	*e;
	DIR		*d;

	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if ((run = file_run(file, line, sizeof(line))) != NULL && run_dead(run))
			unlink(file);
	}
	closedir(d);
	rmdir(path);
}

static void
sweep(const char *root)
{
	char		 path[SOCKET_MAX + 260], lock[SOCKET_MAX + 270];
	struct dirent	*e;
	DIR		*d;
	int		 fd;

	if ((d = opendir(root)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, e->d_name);
		if (strncmp(e->d_name, "session-", 8) == 0) {
			session_sweep(path);
			continue;
		}
		if (strncmp(e->d_name, "job-", 4) == 0)
			continue;
		snprintf(lock, sizeof(lock), "%s/lock", path);
		/* flopen: a lock that another sweep has removed meanwhile is none */
		if ((fd = flopen(lock, O_RDWR | O_NONBLOCK | O_CLOEXEC)) == -1) {
			/* no lock: being born, or half cleared */
			if (errno == ENOENT && kill((pid_t)atol(e->d_name), 0) == -1 &&
			    errno == ESRCH)
				rundir_clear(path, e->d_name);
			continue;
		}
		rundir_clear(path, e->d_name);
		close(fd);
	}
	closedir(d);
}

struct rundir *
rundir_create(const char *stage, char *why, size_t size)
{
	struct rundir	*d;
	char		 lock[SOCKET_MAX + 48];
	size_t		 below;
	int		 root;

	if ((d = calloc(1, sizeof(*d))) == NULL) {
		snprintf(why, size, "%s", strerror(errno));
		return (NULL);
	}
	/* the longest socket is a door, NAME.I, or a link */
	below = strlen(stage) + 4 > LINK_MAX ? strlen(stage) + 4 : LINK_MAX;
	if (root_find(d->root, sizeof(d->root), below, why, size) == -1) {
		free(d);
		return (NULL);
	}
	snprintf(d->base, sizeof(d->base), "%ld-%lx", (long)getpid(), (long)time(NULL));
	snprintf(d->path, sizeof(d->path), "%s/%s", d->root, d->base);
	snprintf(lock, sizeof(lock), "%s/lock", d->path);
	d->lock = -1;
	if ((root = root_lock(d->root)) != -1) {
		sweep(d->root);
		if (mkdir(d->path, 0700) == 0 || errno == EEXIST)
			d->lock = flopen(lock, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
	}
	if (d->lock == -1) {
		snprintf(why, size, "%s: %s", d->path, strerror(errno));
		free(d);
		d = NULL;
	} else
		d->spare = fcntl(d->lock, F_DUPFD_CLOEXEC, 3);
	if (root != -1)
		close(root);
	return (d);
}

struct rundir *
rundir_open(const char *path)
{
	struct rundir	*d;
	const char	*base = strrchr(path, '/');

	if (base == NULL || strlen(path) >= sizeof(d->path) ||
	    strlen(base + 1) >= sizeof(d->base) || (d = calloc(1, sizeof(*d))) == NULL)
		return (NULL);
	strlcpy(d->path, path, sizeof(d->path));
	strlcpy(d->base, base + 1, sizeof(d->base));
	d->lock = -1;
	return (d);
}

void
rundir_close(struct rundir *d)
{
	char		 line[1024], *slash;
	const char	*run;
	int		 root;

	if (d == NULL)
		return;
	if (d->lock != -1) {
		root = root_lock(d->root);
		if (d->published[0] != '\0') {
			/* another stage may have taken the name over */
			run = file_run(d->published, line, sizeof(line));
			if (run == NULL || strcmp(run, d->path) == 0)
				unlink(d->published);
			if ((slash = strrchr(d->published, '/')) != NULL) {
				*slash = '\0';
				rmdir(d->published);
			}
		}
		if (d->spare != -1)
			close(d->spare);
		rundir_clear(d->path, d->base);
		close(d->lock);
		if (root != -1)
			close(root);
	}
	free(d);
}

static struct rundir *
job_rundir(const char *path, const char *base, char *why, size_t size)
{
	struct rundir	*d;
	struct stat	 st;

	if (lstat(path, &st) == -1) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return (NULL);
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0) {
		snprintf(why, size, "%s: not a directory of mode 0700 that is mine; remove it",
		    path);
		errno = EBADMSG;
		return (NULL);
	}
	if ((d = calloc(1, sizeof(*d))) == NULL ||
	    strlcpy(d->path, path, sizeof(d->path)) >= sizeof(d->path) ||
	    strlcpy(d->base, base, sizeof(d->base)) >= sizeof(d->base)) {
		if (d != NULL)
			errno = ENAMETOOLONG;
		snprintf(why, size, "%s: %s", path, strerror(errno));
		free(d);
		return (NULL);
	}
	d->lock = -1;
	return (d);
}

struct rundir *
rundir_make_job(const char *own, const char *base, char *why, size_t size)
{
	char path[SOCKET_MAX + 40], root[SOCKET_MAX + 1];

	if (strlen(own) + 1 + DOOR_MAX <= SOCKET_MAX)
		strlcpy(path, own, sizeof(path));
	/* a name that is longer than there is room for fails when its door is made */
	else if (root_find(root, sizeof(root), DOOR_MAX, why, size) == 0 ||
	    root_find(root, sizeof(root), LINK_MAX, why, size) == 0)
		snprintf(path, sizeof(path), "%s/%s", root, base);
	else
		return (NULL);
	if (mkdir(path, 0700) == -1 && errno != EEXIST) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return (NULL);
	}
	return (job_rundir(path, base, why, size));
}

struct rundir *
rundir_join_job(const char *path, const char *base, char *why, size_t size)
{
	return (job_rundir(path, base, why, size));
}

void
rundir_clear_below(struct rundir *d, uint32_t attempt)
{
	entries_clear(d->path, d->base, attempt);
}

void
rundir_remove(struct rundir *d)
{
	rundir_clear(d->path, d->base);
	rundir_close(d);
}

const char *
rundir_path(const struct rundir *d)
{
	return (d->path);
}

const char *
rundir_base(const struct rundir *d)
{
	return (d->base);
}

/* The file that notes the arena called "/weir-UID-BASE-SUFFIX". */
static void
note_path(const struct rundir *d, const char *shm, char *path, size_t size)
{
	const char *suffix = strstr(shm, d->base);

	snprintf(path, size, "%s/%s.shm", d->path,
	    suffix != NULL ? suffix + strlen(d->base) + 1 : "arena");
}

int
rundir_note(struct rundir *d, const char *shm)
{
	char	path[SOCKET_MAX + WEIR_NAME_MAX + 8];
	int	fd;

	note_path(d, shm, path, sizeof(path));
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == -1)
		return (-1);
	close(fd);
	return (0);
}

int
rundir_noted(const struct rundir *d, const char *shm)
{
	char path[SOCKET_MAX + WEIR_NAME_MAX + 8];

	note_path(d, shm, path, sizeof(path));
	return (access(path, F_OK) == 0);
}

/* A fact that the subtasks of a stage wait for, as a file. */
int
rundir_mark(struct rundir *d, const char *fact)
{
	char	path[SOCKET_MAX + WEIR_NAME_MAX + 8];
	int	fd;

	snprintf(path, sizeof(path), "%s/%s", d->path, fact);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == -1)
		return (-1);
	close(fd);
	return (0);
}

int
rundir_marked(const struct rundir *d, const char *fact)
{
	char path[SOCKET_MAX + WEIR_NAME_MAX + 8];

	snprintf(path, sizeof(path), "%s/%s", d->path, fact);
	return (access(path, F_OK) == 0);
}

void
rundir_forget(struct rundir *d, const char *shm)
{
	char path[SOCKET_MAX + WEIR_NAME_MAX + 8];

	note_path(d, shm, path, sizeof(path));
	unlink(path);
}

static void
session_path(const char *root, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/session-%ld%s%s", root, (long)getsid(0),
	    name[0] != '\0' ? "/" : "", name);
}

/* Written aside and renamed: a reader sees a whole line or none. */
int
rundir_publish(struct rundir *d, const char *name, const char *line)
{
	char	 root[SOCKET_MAX + 1], path[sizeof(d->published)], why[256];
	char	 temp[sizeof(d->published) + 64];
	FILE	*f;
	int	 bad, fd;

	if (root_find(root, sizeof(root), LINK_MAX, why, sizeof(why)) == -1 ||
	    (fd = root_lock(root)) == -1)
		return (-1);
	session_path(root, "", path, sizeof(path));
	bad = mkdir(path, 0700) == -1 && errno != EEXIST;
	snprintf(temp, sizeof(temp), "%s/.%s", path, name);
	session_path(root, name, path, sizeof(path));
	if (!bad && (bad = (f = fopen(temp, "we")) == NULL) == 0) {
		bad = fputs(line, f) == EOF;
		if (fclose(f) == EOF || bad || rename(temp, path) == -1) {
			unlink(temp);
			bad = 1;
		}
	}
	close(fd);
	if (bad)
		return (-1);
	strlcpy(d->published, path, sizeof(d->published));
	return (0);
}

int
rundir_lookup(const char *name, char *line, size_t size)
{
	char	 root[SOCKET_MAX + 1], path[SOCKET_MAX + WEIR_NAME_MAX + 32], why[256];
	FILE	*f;
	int	 ok;

	if (root_find(root, sizeof(root), LINK_MAX, why, sizeof(why)) == -1)
		return (-1);
	session_path(root, name, path, sizeof(path));
	if ((f = fopen(path, "re")) == NULL)
		return (-1);
	ok = fgets(line, (int)size, f) != NULL;
	fclose(f);
	return (ok ? 0 : -1);
}
