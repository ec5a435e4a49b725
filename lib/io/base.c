/*
 * base: LevelDB below a store, see weir-journal(5).
 *
 *  - It is opened only where it is known to be, and made only where it is known
 *    not to be: LevelDB makes an empty one of one whose files are lost.
 *  - Every write is synced: a synced one says nothing about those before it once
 *    LevelDB has changed its log.  Each bears its number, so that a log that was
 *    cut short is noticed.
 *  - What is read has its checksum verified.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <leveldb/c.h>

#include "io.h"

#define BASE_DIR	"base"
#define MARKER		"\xff"			/* above all groups */
#define MARKER_BYTES	16			/* batches, epoch */
#define BLOOM_BITS	10
#define BLOCK_BYTES	2048			/* of a file: keys are looked at one at a time */
#define FILE_BYTES	(8U << 20)
#define FILE_COST	(2U << 20)		/* of the bound, for each that is kept open */

struct base {
	char			 path[PATH_MAX + 8];
	int			 fd;			/* of the directory */
	leveldb_t		*db;
	leveldb_options_t	*options;
	leveldb_filterpolicy_t	*filter;
	leveldb_cache_t		*cache;
	leveldb_readoptions_t	*read;
	leveldb_writeoptions_t	*write;
	leveldb_writebatch_t	*batch;			/* to be written next */
	uint64_t		 batches, epoch;
};

struct base_cursor {
	struct base		*base;
	leveldb_iterator_t	*it;
};

static int fail(char *, size_t, int, const char *, ...) WEIR_PRINTF(4, 5);

static int
fail(char *why, size_t size, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

/* What LevelDB says, which names the file.  The disk's troubles are told apart from
 * files that are not what they should be. */
static int
fail_leveldb(const char *path, const char *verb, char *err, char *why, size_t size)
{
	int error = strncmp(err, "IO error", 8) == 0 ? EIO : EBADMSG;

	fail(why, size, error, "%s %s: %s", verb, path, err);
	leveldb_free(err);
	errno = error;
	return (-1);
}

/*
 * Its directory
 */

int
base_exists(int dirfd)
{
	struct stat st;

	return (fstatat(dirfd, BASE_DIR, &st, AT_SYMLINK_NOFOLLOW) == 0);
}

/* All files, and the directory, durably: nothing of it comes back beside a new one. */
int
base_remove(int dirfd, const char *dir, char *why, size_t size)
{
	struct dirent	*e;
	DIR		*d = NULL;
	int		 fd, r = 0;

	fd = openat(dirfd, BASE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || (d = fdopendir(fd)) == NULL) {
		r = -1;
		if (fd != -1)
			close(fd);
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = unlinkat(fd, e->d_name, 0);
	if (r == 0 && (errno != 0 || fsync(fd) == -1 ||
	    unlinkat(dirfd, BASE_DIR, AT_REMOVEDIR) == -1 || fsync(dirfd) == -1))
		r = -1;
	if (r == -1)
		fail(why, size, errno, "remove %s/" BASE_DIR ": %s", dir, strerror(errno));
	if (d != NULL)
		closedir(d);
	return (r);
}

/*
 * Opening
 */

static size_t
within(uint64_t bytes, size_t least, size_t most)
{
	return (bytes < least ? least : bytes > most ? most : (size_t)bytes);
}

static void
options_set(struct base *b, uint64_t memory, int create)
{
	b->filter = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
	b->cache = leveldb_cache_create_lru(within(memory / 4, 4 << 20, 64 << 20));
	b->options = leveldb_options_create();
	leveldb_options_set_create_if_missing(b->options, (unsigned char)create);
	leveldb_options_set_error_if_exists(b->options, (unsigned char)create);
	leveldb_options_set_paranoid_checks(b->options, 1);
	leveldb_options_set_filter_policy(b->options, b->filter);
	leveldb_options_set_cache(b->options, b->cache);
	leveldb_options_set_write_buffer_size(b->options, within(memory / 16, 4 << 20, 8 << 20));
	leveldb_options_set_block_size(b->options, BLOCK_BYTES);
	leveldb_options_set_max_file_size(b->options, FILE_BYTES);
	leveldb_options_set_max_open_files(b->options, (int)within(memory / FILE_COST, 64, 256));
	b->read = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(b->read, 1);
	b->write = leveldb_writeoptions_create();
	leveldb_writeoptions_set_sync(b->write, 1);
	b->batch = leveldb_writebatch_create();
}

void
base_close(struct base *b)
{
	if (b == NULL)
		return;
	if (b->db != NULL)
		leveldb_close(b->db);
	if (b->fd != -1)
		close(b->fd);
	leveldb_writebatch_destroy(b->batch);
	leveldb_writeoptions_destroy(b->write);
	leveldb_readoptions_destroy(b->read);
	leveldb_options_destroy(b->options);
	leveldb_cache_destroy(b->cache);
	leveldb_filterpolicy_destroy(b->filter);
	free(b);
}

/* LevelDB syncs its files, not always that they are there. */
static int
names_sync(struct base *b, int fd, char *why, size_t size)
{
	if (fsync(fd) == -1)
		return (fail(why, size, errno, "sync %s: %s", b->path, strerror(errno)));
	return (0);
}

static int
db_open(struct base *b, int dirfd, int create, char *why, size_t size)
{
	char *err = NULL;

	b->db = leveldb_open(b->options, b->path, &err);
	if (err != NULL)
		return (fail_leveldb(b->path, create ? "make" : "open", err, why, size));
	b->fd = openat(dirfd, BASE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (b->fd == -1)
		return (fail(why, size, errno, "open %s: %s", b->path, strerror(errno)));
	if (create && (names_sync(b, b->fd, why, size) == -1 ||
	    names_sync(b, dirfd, why, size) == -1))
		return (-1);
	return (0);
}

static struct base *
open_with(int dirfd, const char *dir, uint64_t memory, int create, char *why, size_t size)
{
	struct base	*b;
	int		 error;

	if ((b = calloc(1, sizeof(*b))) == NULL) {
		fail(why, size, ENOMEM, "open %s/" BASE_DIR ": %s", dir, strerror(ENOMEM));
		return (NULL);
	}
	b->fd = -1;
	snprintf(b->path, sizeof(b->path), "%s/" BASE_DIR, dir);
	options_set(b, memory, create);
	if (db_open(b, dirfd, create, why, size) == 0)
		return (b);
	error = errno;
	base_close(b);
	errno = error;
	return (NULL);
}

static uint64_t
number_get(const char *p)
{
	uint64_t	v = 0;
	int		i;

	for (i = 0; i < 8; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return (v);
}

static void
number_put(char *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (char)(unsigned char)(v >> (8 * i));
}

static int
marker_read(struct base *b, char *why, size_t size)
{
	char	*err = NULL, *val;
	size_t	 len;

	val = leveldb_get(b->db, b->read, MARKER, sizeof(MARKER) - 1, &len, &err);
	if (err != NULL)
		return (fail_leveldb(b->path, "read", err, why, size));
	if (val == NULL)
		return (0);
	if (len == MARKER_BYTES) {
		b->batches = number_get(val);
		b->epoch = number_get(val + 8);
	}
	leveldb_free(val);
	if (len != MARKER_BYTES)
		return (fail(why, size, EBADMSG, "%s: what it says of itself is not understood",
		    b->path));
	return (0);
}

struct base *
base_open(int dirfd, const char *dir, uint64_t memory, char *why, size_t size)
{
	struct base	*b = open_with(dirfd, dir, memory, 0, why, size);
	int		 error;

	if (b != NULL && marker_read(b, why, size) == -1) {
		error = errno;
		base_close(b);
		errno = error;
		return (NULL);
	}
	return (b);
}

struct base *
base_create(int dirfd, const char *dir, uint64_t memory, char *why, size_t size)
{
	return (open_with(dirfd, dir, memory, 1, why, size));
}

const char *
base_version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%d.%d", leveldb_major_version(), leveldb_minor_version());
	return (text);
}

const char *
base_path(const struct base *b)
{
	return (b->path);
}

uint64_t
base_batches(const struct base *b)
{
	return (b->batches);
}

uint64_t
base_epoch(const struct base *b)
{
	return (b->epoch);
}

/*
 * Entries
 */

int
base_key(struct buf *b, unsigned group, const char *state, const void *key, size_t keylen)
{
	unsigned char g[2] = { (unsigned char)(group >> 8), (unsigned char)group };

	if (buf_add(b, g, sizeof(g)) == -1 || buf_add(b, state, strlen(state) + 1) == -1)
		return (-1);
	return (buf_add(b, key, keylen));
}

int
base_get(struct base *b, const void *key, size_t keylen, char **val, size_t *vallen, char *why,
    size_t size)
{
	char *err = NULL;

	*val = leveldb_get(b->db, b->read, key, keylen, vallen, &err);
	if (err != NULL)
		return (fail_leveldb(b->path, "read", err, why, size));
	return (*val != NULL);
}

void
base_release(char *val)
{
	leveldb_free(val);
}

void
base_put(struct base *b, const void *key, size_t keylen, const void *val, size_t vallen)
{
	leveldb_writebatch_put(b->batch, key, keylen, val, vallen);
}

void
base_delete(struct base *b, const void *key, size_t keylen)
{
	leveldb_writebatch_delete(b->batch, key, keylen);
}

int
base_write(struct base *b, uint64_t epoch, char *why, size_t size)
{
	char marker[MARKER_BYTES], *err = NULL;

	if (epoch > b->epoch)
		b->epoch = epoch;
	number_put(marker, ++b->batches);
	number_put(marker + 8, b->epoch);
	leveldb_writebatch_put(b->batch, MARKER, sizeof(MARKER) - 1, marker, sizeof(marker));
	STEP("base-begin");
	leveldb_write(b->db, b->write, b->batch, &err);
	STEP("base-written");
	leveldb_writebatch_clear(b->batch);
	if (err != NULL)
		return (fail_leveldb(b->path, "write", err, why, size));
	return (names_sync(b, b->fd, why, size));		/* its log may be new */
}

/*
 * In order
 */

struct base_cursor *
base_cursor(struct base *b)
{
	struct base_cursor *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->base = b;
	c->it = leveldb_create_iterator(b->db, b->read);
	return (c);
}

void
base_cursor_free(struct base_cursor *c)
{
	if (c == NULL)
		return;
	leveldb_iter_destroy(c->it);
	free(c);
}

void
base_seek(struct base_cursor *c, const void *key, size_t keylen)
{
	leveldb_iter_seek(c->it, key, keylen);
}

void
base_next(struct base_cursor *c)
{
	leveldb_iter_next(c->it);
}

int
base_at(struct base_cursor *c, const char **key, size_t *keylen, const char **val,
    size_t *vallen, char *why, size_t size)
{
	char *err = NULL;

	leveldb_iter_get_error(c->it, &err);
	if (err != NULL)
		return (fail_leveldb(c->base->path, "read", err, why, size));
	if (!leveldb_iter_valid(c->it))
		return (0);
	*key = leveldb_iter_key(c->it, keylen);
	*val = leveldb_iter_value(c->it, vallen);
	return (1);
}
