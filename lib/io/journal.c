/*
 * journal: durable bytes of a stage, appended (weir-journal(5)).
 *
 *  - A mark is told only when it is durable: the last segment synced, then the
 *    directory if one was born; those before the last were synced when closed.
 *  - What is cut is gone from the directory, durably, before anything is appended
 *    in its stead.
 *  - Nothing is ever dropped to make a journal readable, and nothing is tried
 *    again: after the first failure every call fails.
 */
#if defined(__linux__) || defined(__FreeBSD__)
#define _GNU_SOURCE			/* copy_file_range() */
#define HAVE_COPY_FILE_RANGE	1
#endif

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <bsd/string.h>

#include "io.h"

#define CHUNK_BYTES	(256 * 1024)	/* read, and copied, at a time */
#define SYNC_BYTES	(8U << 20)	/* appended without a sync: a mark waits for the rest */

struct journal {
	struct segments	 files;
	uint64_t	 segment_bytes;
	int		 fd;		/* of the last segment; -1: none is open */
	uint64_t	 unsynced;	/* so many bytes of it may not be synced */
	int		 born;		/* the directory has a file that is not synced */
	int		 roll;		/* the next append begins a segment */
	int		 whole;		/* up to the first mark it is one */

	uint64_t	 start, end, marked;
	XXH3_state_t	*sum;		/* of the bytes from start on */
	uint64_t	 next;		/* the start to be */
	XXH3_state_t	*nextsum;
	int		 begun;

	int		 error;		/* errno of the first failure; 0: none */
	char		 why[PATH_MAX + 512];
};

/* Keeps the first failure. */
static int fail(struct journal *, int, const char *, ...) WEIR_PRINTF(3, 4);

static int
fail(struct journal *j, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->why, sizeof(j->why), fmt, ap);
	va_end(ap);
	errno = j->error = error;
	return (-1);
}

static int
fail_files(struct journal *j)
{
	return (fail(j, errno, "%s", j->files.why));
}

/* Every function begins with this. */
static int
failed(const struct journal *j)
{
	if (j->error != 0)
		errno = j->error;
	return (j->error != 0);
}

struct journal *
journal_open(int dirfd, const char *dir, const char *name, uint64_t segment_bytes)
{
	struct journal *j;

	if (segment_bytes == 0 || segment_bytes > INT64_MAX) {
		errno = EINVAL;
		return (NULL);
	}
	if ((j = calloc(1, sizeof(*j))) == NULL)
		return (NULL);
	j->fd = -1;
	j->segment_bytes = segment_bytes;
	if (segments_open(&j->files, dirfd, dir, name) == -1) {
		free(j);
		return (NULL);
	}
	j->sum = XXH3_createState();
	j->nextsum = XXH3_createState();
	if (j->sum == NULL || j->nextsum == NULL) {
		journal_close(j);
		errno = ENOMEM;
		return (NULL);
	}
	XXH3_64bits_reset(j->sum);
	/* neither created nor attached: there is nothing that could be done */
	fail(j, EINVAL, "%s/%s: not attached", dir, name);
	return (j);
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd != -1)
		close(j->fd);
	segments_close(&j->files);
	XXH3_freeState(j->sum);
	XXH3_freeState(j->nextsum);
	free(j);
}

void
journal_whole(struct journal *j)
{
	j->whole = 1;
}

const char *
journal_error(const struct journal *j)
{
	return (j->why);
}

uint64_t
journal_offset(const struct journal *j)
{
	return (j->end);
}

uint64_t
journal_start(const struct journal *j)
{
	return (j->start);
}

/*
 * Restoring.
 */

/* Sum up the bytes from the end of what is summed up to a position. */
static int
sum_up(struct journal *j, uint64_t to)
{
	char	*buf;
	size_t	 n;
	int	 r = 0;

	if ((buf = malloc(CHUNK_BYTES)) == NULL)
		return (fail(j, ENOMEM, "%s: %s", j->files.dir, strerror(ENOMEM)));
	while (r == 0 && j->end < to) {
		n = to - j->end < CHUNK_BYTES ? (size_t)(to - j->end) : CHUNK_BYTES;
		if (segments_read(&j->files, j->end, buf, n) == -1)
			r = fail_files(j);
		XXH3_64bits_update(j->sum, buf, n);
		j->end += n;
	}
	free(buf);
	return (r);
}

static int
sum_check(struct journal *j, const struct journal_range *r)
{
	uint64_t	sum = XXH3_64bits_digest(j->sum), first = 0, last = 0;
	char		path[PATH_MAX + 96], more[WEIR_NAME_MAX + 32] = "";
	size_t		i;

	if (sum == r->sum)
		return (0);
	for (i = 0; i < j->files.n; i++) {
		if (j->files.list[i].first <= r->start)
			first = j->files.list[i].first;
		if (j->files.list[i].first < r->to)
			last = j->files.list[i].first;
	}
	segments_path(&j->files, first, path, sizeof(path));
	if (last > first)
		snprintf(more, sizeof(more), " to %s.%016" PRIx64, r->name, last);
	return (fail(j, EBADMSG, "%s%s: damaged: the bytes from %" PRIu64 " to %" PRIu64
	    " have the sum %016" PRIx64 ", the checkpoint says %016" PRIx64, path, more,
	    r->start, r->to, sum, r->sum));
}

/*
 * Whole segments first, the last one first, and durably: a segment that a power
 * cut brought back could overlap what is appended from now on, or follow it.
 */
static int
cut(struct journal *j, uint64_t to)
{
	int removed = 0;

	STEP("cut-begin");
	while (j->files.n > 0 && j->files.list[j->files.n - 1].first >= to) {
		if (segments_remove(&j->files, j->files.n - 1) == -1)
			return (fail_files(j));
		removed = 1;
	}
	if (removed && segments_sync_directory(&j->files) == -1)
		return (fail_files(j));
	STEP("cut-removed");
	if (segments_truncate(&j->files, to) == -1)
		return (fail_files(j));
	STEP("cut-done");
	return (0);
}

/* No checkpoint vouches for the bytes behind a range, nor for their being durable. */
static int
tail_keep(struct journal *j)
{
	uint64_t to = segments_contiguous(&j->files, j->end);

	if (segments_renew(&j->files, j->end) == -1 ||
	    segments_sync_directory(&j->files) == -1)
		return (fail_files(j));
	return (sum_up(j, to));
}

int
journal_attach(struct journal *j, const struct journal_range *r, enum journal_tail tail)
{
	int given;

	if (j->fd != -1 || r->start > r->to || r->to > INT64_MAX)
		return (fail(j, EINVAL, "%s/%s: cannot be attached at %" PRIu64, j->files.dir,
		    j->files.name, r->to));
	j->error = 0;
	j->why[0] = '\0';
	j->begun = j->born = 0;
	j->unsynced = 0;
	j->start = j->end = r->start;
	XXH3_64bits_reset(j->sum);
	if (segments_scan(&j->files) == -1 ||
	    (given = segments_given(&j->files, r->start, r->to)) == -1)
		return (fail_files(j));
	if (given)
		j->start = j->end = r->to;
	else if (sum_up(j, r->to) == -1 || sum_check(j, r) == -1)
		return (-1);
	if (tail == JOURNAL_KEEP && tail_keep(j) == -1)
		return (-1);
	if (cut(j, j->end) == -1)
		return (-1);
	j->marked = j->end;
	/* so that what lies below the start can go one day */
	j->roll = j->start == j->end;
	return (0);
}

int
journal_create(struct journal *j)
{
	struct journal_range r = { .sum = XXH3_64bits("", 0) };

	strlcpy(r.name, j->files.name, sizeof(r.name));
	return (journal_attach(j, &r, JOURNAL_CUT));
}

/*
 * Writing.
 */

/* Open the segment that the next byte goes to. */
static int
tail_open(struct journal *j)
{
	const struct segment *last = NULL;

	if (j->files.n > 0)
		last = &j->files.list[j->files.n - 1];
	if (!j->roll && last != NULL && last->first + last->len == j->end &&
	    last->len < j->segment_bytes)
		j->fd = segments_writable(&j->files, j->files.n - 1);
	else {
		j->fd = segments_create(&j->files, j->end);
		j->born = 1;
	}
	j->roll = 0;
	return (j->fd == -1 ? fail_files(j) : 0);
}

static int
tail_sync(struct journal *j)
{
	if (j->unsynced > 0 && segments_sync(&j->files, j->fd) == -1)
		return (fail_files(j));
	j->unsynced = 0;
	return (0);
}

static int
tail_close(struct journal *j)
{
	if (tail_sync(j) == -1)
		return (-1);
	if (j->fd != -1)
		close(j->fd);
	j->fd = -1;
	return (0);
}

/* What fits into the segment. */
static uint64_t
tail_room(const struct journal *j)
{
	uint64_t len = j->files.list[j->files.n - 1].len;

	if (j->whole && j->marked == 0)
		return (UINT64_MAX);
	return (len < j->segment_bytes ? j->segment_bytes - len : 0);
}

/* Full: closed; else not too much is left for the mark to sync. */
static int
tail_filled(struct journal *j)
{
	if (tail_room(j) == 0)
		return (tail_close(j));
	return (j->unsynced >= SYNC_BYTES ? tail_sync(j) : 0);
}

int
journal_append(struct journal *j, const void *data, size_t len)
{
	const char	*p = data;
	uint64_t	 room;
	size_t		 n;

	if (failed(j))
		return (-1);
	if (len > INT64_MAX - j->end)
		return (fail(j, EFBIG, "append %s/%s: %s", j->files.dir, j->files.name,
		    strerror(EFBIG)));
	for (; len > 0; p += n, len -= n) {
		if (j->fd == -1 && tail_open(j) == -1)
			return (-1);
		room = tail_room(j);
		n = room < len ? (size_t)room : len;
		j->unsynced += n;
		STEP("append-begin");
		if (segments_write(&j->files, j->fd, p, n) == -1)
			return (fail_files(j));
		XXH3_64bits_update(j->sum, p, n);
		if (j->begun)
			XXH3_64bits_update(j->nextsum, p, n);
		j->end += n;
		if (tail_filled(j) == -1)
			return (-1);
	}
	return (0);
}

int
journal_mark(struct journal *j, struct journal_range *r)
{
	STEP("mark-begin");
	if (failed(j) || tail_sync(j) == -1)
		return (-1);
	STEP("mark-synced");
	if (j->born && segments_sync_directory(&j->files) == -1)
		return (fail_files(j));
	j->born = 0;
	j->marked = j->end;
	if (j->fd != -1 && tail_filled(j) == -1)
		return (-1);
	memset(r, 0, sizeof(*r));
	strlcpy(r->name, j->files.name, sizeof(r->name));
	r->start = j->start;
	r->to = j->end;
	r->sum = XXH3_64bits_digest(j->sum);
	return (0);
}

int
journal_begin_start(struct journal *j)
{
	if (failed(j) || tail_close(j) == -1)
		return (-1);
	j->roll = 1;
	j->next = j->end;
	j->begun = 1;
	XXH3_64bits_reset(j->nextsum);
	return (0);
}

int
journal_adopt_start(struct journal *j)
{
	XXH3_state_t *sum = j->sum;

	if (failed(j))
		return (-1);
	if (!j->begun)
		return (fail(j, EINVAL, "%s/%s: no start was begun", j->files.dir,
		    j->files.name));
	j->start = j->next;
	j->sum = j->nextsum;
	j->nextsum = sum;
	j->begun = 0;
	STEP("start-adopted");
	return (0);
}

/* The directory is not synced: a segment that a power cut brings back lies below
 * every start, and goes with the next trim. */
int
journal_trim(struct journal *j, uint64_t below)
{
	const struct segment *g;

	if (failed(j))
		return (-1);
	if (below > j->start)
		return (fail(j, EINVAL, "%s/%s: cannot be trimmed to %" PRIu64 ", its start is %"
		    PRIu64, j->files.dir, j->files.name, below, j->start));
	while (j->files.n > (j->fd != -1 ? 1 : 0)) {
		g = &j->files.list[0];
		if (g->first + g->len > below)
			break;
		STEP("trim-begin");
		if (segments_remove(&j->files, 0) == -1)
			return (fail_files(j));
		STEP("trim-removed");
	}
	return (0);
}

/*
 * Reading.
 */

int
journal_read(struct journal *j, uint64_t from, void *data, size_t len)
{
	if (failed(j))
		return (-1);
	if (from > j->end || len > j->end - from)
		return (fail(j, EINVAL, "%s/%s: ends at %" PRIu64 ", %" PRIu64 " was to be read",
		    j->files.dir, j->files.name, j->end, from + len));
	if (segments_read(&j->files, from, data, len) == -1)
		return (fail_files(j));
	return (0);
}

/* Some bytes from one file to another: as many as went, 0: the input is short. */
static ssize_t
copy_through(int in, off_t at, int out, off_t offset, size_t len)
{
	char	*buf;
	ssize_t	 n;
	int	 saved;

	if (len > CHUNK_BYTES)
		len = CHUNK_BYTES;
	if ((buf = malloc(len)) == NULL)
		return (-1);
	if ((n = pread(in, buf, len, at)) > 0)
		n = pwrite(out, buf, (size_t)n, offset);
	saved = errno;
	free(buf);
	errno = saved;
	return (n);
}

static ssize_t
copy_some(int in, off_t at, int out, off_t offset, size_t len)
{
#ifdef HAVE_COPY_FILE_RANGE
	ssize_t n;

	n = copy_file_range(in, &at, out, &offset, len, 0);
	if (n > 0 || (n == -1 && errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
	    errno != EOPNOTSUPP && errno != EPERM))
		return (n);
	/* some file systems answer 0: ask them in the old way */
#endif
	return (copy_through(in, at, out, offset, len));
}

static int
output_check(struct journal *j, int fd, const char *output)
{
	int flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1)
		return (fail(j, errno, "publish %s: %s", output, strerror(errno)));
	if ((flags & O_APPEND) != 0)
		return (fail(j, EINVAL, "publish %s: is open for appending: its place would not "
		    "be kept", output));
	return (0);
}

static int
output_sync(struct journal *j, int fd, const char *output)
{
	if (fsync(fd) == -1)
		return (fail(j, errno, "sync %s: %s", output, strerror(errno)));
	return (0);
}

int
journal_publish(struct journal *j, uint64_t from, uint64_t to, int fd, off_t offset,
    const char *output)
{
	uint64_t	there;
	ssize_t		n;
	off_t		at;
	int		in;

	if (failed(j))
		return (-1);
	if (from > to || to > j->marked)
		return (fail(j, EINVAL, "publish %s: %" PRIu64 " to %" PRIu64 " of %s/%s: not "
		    "marked", output, from, to, j->files.dir, j->files.name));
	if (output_check(j, fd, output) == -1)
		return (-1);
	for (; from < to; from += (uint64_t)n, offset += n) {
		if (segments_at(&j->files, from, &in, &at, &there) == -1)
			return (fail_files(j));
		if (there > to - from)
			there = to - from;
		if (there > SSIZE_MAX)
			there = SSIZE_MAX;
		n = copy_some(in, at, fd, offset, (size_t)there);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1)
			return (fail(j, errno, "publish %s: %s", output, strerror(errno)));
		else if (n == 0)
			return (fail(j, EBADMSG, "publish %s: %s/%s ends at %" PRIu64 ": cut short",
			    output, j->files.dir, j->files.name, from));
	}
	STEP("publish-copied");
	if (output_sync(j, fd, output) == -1)
		return (-1);
	STEP("publish-synced");
	return (0);
}

/*
 * Giving away.
 */

/* The one segment that has all up to the only mark, and nothing behind it. */
static int
givable(const struct journal *j, uint64_t to)
{
	const struct segment *g = j->files.list;

	return (to > 0 && to == j->marked && j->start == 0 && j->begun && j->next == to &&
	    j->files.n > 0 && g->first == 0 && g->len == to);
}

/* As the file that it replaces.  0: that cannot be. */
static int
segment_dress(int fd, int like)
{
	struct stat old, new;

	return (fstat(like, &old) == 0 && fstat(fd, &new) == 0 && old.st_size == 0 &&
	    old.st_dev == new.st_dev &&
	    old.st_nlink == 1 && old.st_uid == new.st_uid &&
	    (old.st_gid == new.st_gid || fchown(fd, (uid_t)-1, old.st_gid) == 0) &&
	    fchmod(fd, old.st_mode & 07777) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
}

/*
 * What is given cannot be asked for again: before it is gone its companion says
 * where it is.  If the companion comes too early, the segment is still there.
 */
static int
segment_give(struct journal *j, uint64_t to, const char *path)
{
	const char *verb;

	STEP("give-begin");
	if (companion_write(j->files.dirfd, j->files.name, JOURNAL_GIVEN, to, &verb) == -1)
		return (fail(j, errno, "%s %s/%s" JOURNAL_GIVEN ": %s", verb, j->files.dir,
		    j->files.name, strerror(errno)));
	STEP("give-noted");
	if (segments_give(&j->files, 0, path) == 0)
		return (0);
	STEP("give-renamed");
	j->born = 1;
	return (1);
}

/* Behind the same number: its owner need not know. */
static int
descriptor_replace(struct journal *j, int fd, int by, const char *path)
{
	if (dup2(by, fd) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return (fail(j, errno, "open %s: %s", path, strerror(errno)));
	return (1);
}

int
journal_give(struct journal *j, uint64_t to, int fd, const char *path)
{
	int segment, given = 0;

	if (failed(j))
		return (-1);
	if (!givable(j, to))
		return (0);
	if ((segment = segments_writable(&j->files, 0)) == -1)
		return (fail_files(j));
	if (segment_dress(segment, fd))
		given = segment_give(j, to, path);
	if (given == 1)
		given = descriptor_replace(j, fd, segment, path);
	close(segment);
	if (given == 1 && journal_adopt_start(j) == -1)
		return (-1);
	return (given);
}
