/*
 * disk: what a crash could leave of a directory, for unit tests.
 *
 * The system calls that change files are defined here, and so are called in place
 * of the C library's by everything that the test links.  Each is noted in a model
 * of what is durable: a file's bytes after fsync(2) or fdatasync(2) of the file,
 * its name after fsync(2) of the directory.  disk_crash() writes into another
 * directory one of the states that the model allows: of the rest all, nothing or
 * any part is there, and bytes that were not synced may be zeros.
 *
 * disk_hook, if set, is called before each of them; disk_fail makes one fail.
 */
#ifndef DISK_H
#define DISK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISK_NAMES	256
#define DISK_NODES	4096

struct disk_node;

struct disk_entry {
	char		 name[128];
	struct disk_node *node;
};

struct disk_names {
	struct disk_entry at[DISK_NAMES];
	size_t		 n;
};

/* A name taken away, a name given, or both: a rename. */
struct disk_op {
	char		 gone[128], name[128];
	struct disk_node *node;
};

struct disk_node {
	ino_t		 ino;			/* 0: it exists no more */
	int		 dir;
	unsigned char	*now, *durable;
	size_t		 nnow, ndurable;
	struct disk_names *names, *durable_names;
	struct disk_op	*op;			/* since the last sync of the directory */
	size_t		 nops;
};

static struct disk_node	 disk_nodes[DISK_NODES];
static size_t		 disk_nnodes;
static int		 disk_on, disk_calls, disk_fail, disk_error, disk_short;
static void		(*disk_hook)(const char *call);
static int		 disk_copy_error;	/* what copy_file_range() gives */
static int		 disk_eintr;		/* every second write is interrupted */

static uint64_t disk_seed = 1;

static unsigned
disk_random(unsigned n)
{
	disk_seed ^= disk_seed << 13;
	disk_seed ^= disk_seed >> 7;
	disk_seed ^= disk_seed << 17;
	return ((unsigned)(disk_seed >> 20) % n);
}

static struct disk_node *
disk_node(ino_t ino)
{
	size_t i;

	for (i = disk_nnodes; ino != 0 && i > 0; i--)
		if (disk_nodes[i - 1].ino == ino)
			return (&disk_nodes[i - 1]);
	return (NULL);
}

static struct disk_node *
disk_node_fd(int fd)
{
	struct stat st;

	return (disk_on && fstat(fd, &st) == 0 ? disk_node(st.st_ino) : NULL);
}

static struct disk_node *
disk_node_new(ino_t ino, int dir)
{
	struct disk_node *n;

	if (disk_nnodes == DISK_NODES)
		abort();
	n = &disk_nodes[disk_nnodes++];
	memset(n, 0, sizeof(*n));
	n->ino = ino;
	n->dir = dir;
	if (dir) {
		n->names = calloc(1, sizeof(*n->names));
		n->durable_names = calloc(1, sizeof(*n->names));
	}
	return (n);
}

static void
disk_end(void)
{
	size_t i;

	for (i = 0; i < disk_nnodes; i++) {
		free(disk_nodes[i].now);
		free(disk_nodes[i].durable);
		free(disk_nodes[i].names);
		free(disk_nodes[i].durable_names);
		free(disk_nodes[i].op);
	}
	disk_nnodes = 0;
	disk_on = disk_fail = disk_error = disk_short = 0;
	disk_hook = NULL;
}

static void
disk_names_apply(struct disk_names *names, const struct disk_op *op)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (strcmp(names->at[i].name, op->gone) == 0 ||
		    strcmp(names->at[i].name, op->name) == 0)
			names->at[i--] = names->at[--names->n];
	if (op->node == NULL)
		return;
	if (names->n == DISK_NAMES)
		abort();
	snprintf(names->at[names->n].name, sizeof(names->at[0].name), "%s", op->name);
	names->at[names->n++].node = op->node;
}

static void
disk_op(int dirfd, const char *gone, const char *name, struct disk_node *node)
{
	struct disk_node	*dir = disk_node_fd(dirfd);
	struct disk_op		*op;

	if (dir == NULL)
		return;
	dir->op = realloc(dir->op, (dir->nops + 1) * sizeof(*dir->op));
	op = &dir->op[dir->nops++];
	memset(op, 0, sizeof(*op));
	snprintf(op->gone, sizeof(op->gone), "%s", gone);
	snprintf(op->name, sizeof(op->name), "%s", name);
	op->node = node;
	disk_names_apply(dir->names, op);
}

/* The model knows an empty directory that is durable itself. */
static inline void
disk_begin(const char *path)
{
	struct stat st;

	disk_end();
	if (stat(path, &st) == -1)
		abort();
	disk_node_new(st.st_ino, 1);
	disk_calls = 0;
	disk_on = 1;
}

static ino_t
disk_ino(int dirfd, const char *name)
{
	struct stat st;

	return (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0);
}

/* 1: this call fails. */
static int
disk_step(const char *call)
{
	if (!disk_on)
		return (0);
	if (disk_hook != NULL) {
		disk_on = 0;
		disk_hook(call);
		disk_on = 1;
	}
	if (++disk_calls != disk_fail || disk_error == 0)
		return (0);
	errno = disk_error;
	return (1);
}

/* How much of a write is done: a part where it shall be short. */
static size_t
disk_part(size_t len)
{
	return (disk_on && disk_short && disk_calls + 1 == disk_fail && len > 1 ? len / 2 : len);
}

static void
disk_resize(struct disk_node *n, size_t len)
{
	if (len > n->nnow) {
		n->now = realloc(n->now, len);
		memset(n->now + n->nnow, 0, len - n->nnow);
	}
	n->nnow = len;
}

static void
disk_written(int fd, const void *data, ssize_t len, off_t at)
{
	struct disk_node *n = disk_node_fd(fd);

	if (n == NULL || len <= 0)
		return;
	if ((size_t)at + (size_t)len > n->nnow)
		disk_resize(n, (size_t)at + (size_t)len);
	memcpy(n->now + at, data, (size_t)len);
}

static void
disk_synced(int fd)
{
	struct disk_node *n = disk_node_fd(fd);

	if (n == NULL)
		return;
	if (n->dir) {
		*n->durable_names = *n->names;
		n->nops = 0;
		return;
	}
	n->durable = realloc(n->durable, n->nnow + 1);
	if (n->nnow > 0)
		memcpy(n->durable, n->now, n->nnow);
	n->ndurable = n->nnow;
}

/*
 * The calls.
 */

int
openat(int dirfd, const char *path, int flags, ...)
{
	va_list	ap;
	mode_t	mode;
	int	fd, make;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	make = disk_on && (flags & O_CREAT) != 0 && disk_ino(dirfd, path) == 0;
	if (make && disk_step("create"))
		return (-1);
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	if (make && fd != -1 && disk_node_fd(dirfd) != NULL)
		disk_op(dirfd, "", path, disk_node_new(disk_ino(dirfd, path), 0));
	return (fd);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	int r;

	if (disk_on && disk_ino(dirfd, path) == 0 && disk_step("mkdir"))
		return (-1);
	r = (int)syscall(SYS_mkdirat, dirfd, path, mode);
	if (r == 0 && disk_node_fd(dirfd) != NULL)
		disk_op(dirfd, "", path, disk_node_new(disk_ino(dirfd, path), 1));
	return (r);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	size_t	part = disk_part(len);
	ssize_t	n;

	if (disk_eintr > 0 && disk_eintr++ % 2 == 1) {
		errno = EINTR;
		return (-1);
	}
	if (disk_step("pwrite"))
		return (-1);
	n = (ssize_t)syscall(SYS_pwrite64, fd, data, part, at);
	disk_written(fd, data, n, at);
	return (n);
}

ssize_t
write(int fd, const void *data, size_t len)
{
	size_t	part = disk_part(len);
	off_t	at = lseek(fd, 0, SEEK_CUR);
	ssize_t	n;

	if (disk_node_fd(fd) != NULL && disk_step("write"))
		return (-1);
	n = (ssize_t)syscall(SYS_write, fd, data, part);
	disk_written(fd, data, n, at);
	return (n);
}

int
ftruncate(int fd, off_t len)
{
	struct disk_node	*n = disk_node_fd(fd);
	int			 r;

	if (n != NULL && disk_step("ftruncate"))
		return (-1);
	r = (int)syscall(SYS_ftruncate, fd, len);
	if (r == 0 && n != NULL)
		disk_resize(n, (size_t)len);
	return (r);
}

int
fsync(int fd)
{
	if (disk_node_fd(fd) != NULL) {
		if (disk_step("fsync"))
			return (-1);
		disk_synced(fd);
	}
	return (0);			/* the model says what lasts, not the disk */
}

int
fdatasync(int fd)
{
	if (disk_node_fd(fd) != NULL) {
		if (disk_step("fdatasync"))
			return (-1);
		disk_synced(fd);
	}
	return (0);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	struct disk_node *n = disk_on ? disk_node(disk_ino(dirfd, path)) : NULL;
	int r;

	if (n != NULL && disk_step("unlink"))
		return (-1);
	r = (int)syscall(SYS_unlinkat, dirfd, path, flags);
	if (r == 0 && n != NULL) {
		n->ino = 0;
		disk_op(dirfd, path, "", NULL);
	}
	return (r);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	struct disk_node *n = disk_on ? disk_node(disk_ino(from, old)) : NULL, *over;
	int r;

	over = disk_on ? disk_node(disk_ino(to, new)) : NULL;
	if (n != NULL && disk_step("rename"))
		return (-1);
	r = (int)syscall(SYS_renameat2, from, old, to, new, 0);
	if (r == 0 && n != NULL) {
		if (over != NULL)
			over->ino = 0;
		disk_op(from, old, new, n);
	}
	return (r);
}

ssize_t	copy_file_range(int, off_t *, int, off_t *, size_t, unsigned);

ssize_t
copy_file_range(int in, off_t *at, int out, off_t *offset, size_t len, unsigned flags)
{
	size_t part = disk_part(len);

	if (disk_copy_error == -1)
		return (0);
	if (disk_copy_error != 0) {
		errno = disk_copy_error;
		return (-1);
	}
	if (disk_step("copy_file_range"))
		return (-1);
	return ((ssize_t)syscall(SYS_copy_file_range, in, at, out, offset, part, flags));
}

/*
 * After a crash.
 */

static void
disk_put(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd == -1 || syscall(SYS_write, fd, data, len) != (long)len)
		abort();
	close(fd);
}

/* Of a file's bytes: those that were synced last, those of now, or a mixture. */
static void
disk_crash_file(const struct disk_node *n, const char *path)
{
	size_t		 max = n->nnow > n->ndurable ? n->nnow : n->ndurable, len, i;
	size_t		 min = n->nnow > n->ndurable ? n->ndurable : n->nnow;
	unsigned char	*p = calloc(1, max + 1);
	int		 mode = (int)disk_random(4);

	len = mode == 0 ? n->ndurable : mode == 1 ? n->nnow :
	    min + disk_random((unsigned)(max - min) + 1);
	for (i = 0; i < len; i++) {
		if (i < n->ndurable && (i >= n->nnow || mode == 0 || disk_random(2)))
			p[i] = n->durable[i];
		else if (i < n->nnow && (i < n->ndurable || mode == 1 || disk_random(2)))
			p[i] = n->now[i];
	}
	disk_put(path, p, len);
	free(p);
}

static void
disk_crash_dir(const struct disk_node *n, const char *path)
{
	struct disk_names	 names = *n->durable_names;
	int			 mode = (int)disk_random(4);
	size_t			 i, prefix = disk_random((unsigned)n->nops + 1);
	char			 sub[4352];

	/* nothing, everything, a prefix (as a journalling file system), any part */
	for (i = 0; i < n->nops; i++)
		if (mode == 1 || (mode == 2 && i < prefix) || (mode == 3 && disk_random(2)))
			disk_names_apply(&names, &n->op[i]);
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		abort();
	for (i = 0; i < names.n; i++) {
		snprintf(sub, sizeof(sub), "%s/%s", path, names.at[i].name);
		if (names.at[i].node->dir)
			disk_crash_dir(names.at[i].node, sub);
		else
			disk_crash_file(names.at[i].node, sub);
	}
}

/* rm -r, past the model */
static void
disk_wipe(const char *path)
{
	struct dirent	*e;
	char		 sub[4352];
	DIR		*d = opendir(path);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (syscall(SYS_unlinkat, AT_FDCWD, sub, 0) == -1)
			disk_wipe(sub);
	}
	if (d != NULL)
		closedir(d);
	syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

static inline void
disk_crash(const char *path)
{
	disk_wipe(path);
	disk_crash_dir(&disk_nodes[0], path);
}

#endif
