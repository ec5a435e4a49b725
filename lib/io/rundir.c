/*
 * rundir: the directory of sockets of one ephemeral stage.
 *
 *	${XDG_RUNTIME_DIR:-/tmp}/weir-UID/	0700, ours
 *		PID-START/			0700, one stage
 *			lock			held for the stage's life
 *			NAME.I			its doors
 *			ATTEMPT-NONCE		its links
 *			SUFFIX.shm		one for each arena not yet unlinked
 *		session-SID/NAME		address line of a published stage
 *
 * A directory whose lock can be had belongs to nobody.  Whoever makes one takes
 * its lock and looks again: a sweeper may have been in between.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

struct rundir {
	char	 root[SOCKET_MAX + 1];
	char	 path[SOCKET_MAX + 40];
	char	 base[32];
	char	 published[SOCKET_MAX + WEIR_NAME_MAX + 32];
	int	 lock;			/* -1: its supervisor's */
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

/* Remove a run directory and the shared memory that it names. */
static void
rundir_clear(const char *path, const char *base)
{
	char		 file[SOCKET_MAX + 260];
	struct dirent	*e;
	DIR		*d;

	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		shm_clear(base, e->d_name);
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		unlink(file);
	}
	closedir(d);
	rmdir(path);
}

/* Clear a session's names whose stage is gone. */
static void
session_sweep(const char *path)
{
	char		 file[SOCKET_MAX + 560], line[1024], *p, *end;
	struct dirent	*e;
	DIR		*d;
	FILE		*f;

	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		if ((f = fopen(file, "re")) == NULL)
			continue;
		p = fgets(line, sizeof(line), f);
		fclose(f);
		/* "weir1 RUN/NAME NAME  # ..." */
		if (p == NULL || (p = strchr(line, ' ')) == NULL ||
		    (end = strrchr(line, '#')) == NULL)
			continue;
		*end = '\0';
		if ((end = strrchr(++p, '/')) == NULL)
			continue;
		*end = '\0';
		if (access(p, F_OK) == -1)
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
	int		 tries;

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
	sweep(d->root);
	snprintf(d->base, sizeof(d->base), "%ld-%lx", (long)getpid(), (long)time(NULL));
	snprintf(d->path, sizeof(d->path), "%s/%s", d->root, d->base);
	snprintf(lock, sizeof(lock), "%s/lock", d->path);
	for (tries = 0; tries < 100; tries++) {
		if (mkdir(d->path, 0700) == -1 && errno != EEXIST)
			break;
		/* waits for a sweep that holds it; nobody else does for long */
		d->lock = flopen(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (d->lock != -1 && access(lock, F_OK) == 0)
			return (d);
		if (d->lock != -1)
			close(d->lock);
	}
	snprintf(why, size, "%s: %s", d->path, strerror(errno));
	free(d);
	return (NULL);
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
	char *slash;

	if (d == NULL)
		return;
	if (d->lock != -1) {
		if (d->published[0] != '\0') {
			unlink(d->published);
			if ((slash = strrchr(d->published, '/')) != NULL) {
				*slash = '\0';
				rmdir(d->published);
			}
		}
		rundir_clear(d->path, d->base);
		close(d->lock);
	}
	free(d);
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
	char	 path[sizeof(d->published)], temp[sizeof(d->published) + 64];
	FILE	*f;
	int	 bad;

	session_path(d->root, "", path, sizeof(path));
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return (-1);
	session_path(d->root, name, path, sizeof(path));
	snprintf(temp, sizeof(temp), "%s/lock.%s", d->path, name);
	if ((f = fopen(temp, "we")) == NULL)
		return (-1);
	bad = fputs(line, f) == EOF;
	if (fclose(f) == EOF || bad || rename(temp, path) == -1) {
		unlink(temp);
		return (-1);
	}
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
