/*
 * rangefile: what a checkpoint has of a journal, to be read by somebody else.
 *
 * All its segments are opened at once: a job that runs may unlink them afterwards,
 * and appends behind the range only.  So what is read is as of the checkpoint; its
 * sum says so at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "io.h"

struct piece {
	int		 fd;
	off_t		 at;		/* of the next byte to be read */
	uint64_t	 left;
};

struct rangefile {
	struct journal_range	 range;
	uint64_t		 at, end;	/* position of the next byte; behind the last */
	struct piece		*piece;
	size_t			 n, next;
	XXH3_state_t		*sum;		/* of what the range has */
	char			 path[PATH_MAX];
	char			 why[PATH_MAX + 256];
};

static int
fail(struct rangefile *r, int error, const char *fmt, ...) WEIR_PRINTF(3, 4);

static int
fail(struct rangefile *r, int error, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	errno = error;
	return (-1);
}

static int
piece_add(struct rangefile *r, int fd, off_t at, uint64_t left)
{
	struct piece *piece;

	if ((piece = realloc(r->piece, (r->n + 1) * sizeof(*piece))) == NULL)
		return (fail(r, ENOMEM, "%s: %s", r->path, strerror(ENOMEM)));
	r->piece = piece;
	piece = &r->piece[r->n];
	*piece = (struct piece){ fcntl(fd, F_DUPFD_CLOEXEC, 0), at, left };
	if (piece->fd == -1)
		return (fail(r, errno, "open %s: %s", r->path, strerror(errno)));
	r->n++;
	return (0);
}

static int
pieces_open(struct rangefile *r, struct segments *s, enum journal_tail tail)
{
	uint64_t	at = r->range.start, n;
	off_t		place;
	int		fd, given;

	if (segments_scan(s) == -1 ||
	    (given = segments_given(s, r->range.start, r->range.to)) == -1)
		return (fail(r, errno, "%s", s->why));
	if (given) {
		at = r->at = r->range.start = r->range.to;
		r->range.sum = XXH3_64bits("", 0);
	}
	r->end = tail == JOURNAL_KEEP ? segments_contiguous(s, r->range.to) : r->range.to;
	for (; at < r->end; at += n) {
		if (segments_at(s, at, &fd, &place, &n) == -1)
			return (fail(r, errno, "%s", s->why));
		if (n > r->end - at)
			n = r->end - at;
		if (piece_add(r, fd, place, n) == -1)
			return (-1);
	}
	return (0);
}

static int
range_open(struct rangefile *r, int dirfd, const char *dir, enum journal_tail tail)
{
	struct segments	s;
	int		result, error;

	snprintf(r->path, sizeof(r->path), "%s/%s", dir, r->range.name);
	if ((r->sum = XXH3_createState()) == NULL)
		return (fail(r, ENOMEM, "%s: %s", r->path, strerror(ENOMEM)));
	XXH3_64bits_reset(r->sum);
	if (segments_open(&s, dirfd, dir, r->range.name) == -1)
		return (fail(r, errno, "%s: %s", r->path, strerror(errno)));
	result = pieces_open(r, &s, tail);
	error = errno;
	segments_close(&s);
	errno = error;
	return (result);
}

struct rangefile *
rangefile_open(int dirfd, const char *dir, const struct journal_range *range,
    enum journal_tail tail, char *why, size_t size)
{
	struct rangefile	*r;
	int			 error;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		snprintf(why, size, "%s/%s: %s", dir, range->name, strerror(errno));
		return (NULL);
	}
	r->range = *range;
	r->at = range->start;
	if (range_open(r, dirfd, dir, tail) == 0)
		return (r);
	error = errno;
	snprintf(why, size, "%s", r->why);
	rangefile_close(r);
	errno = error;
	return (NULL);
}

void
rangefile_close(struct rangefile *r)
{
	if (r == NULL)
		return;
	while (r->n > 0)
		close(r->piece[--r->n].fd);
	free(r->piece);
	XXH3_freeState(r->sum);
	free(r);
}

const char *
rangefile_error(const struct rangefile *r)
{
	return (r->why);
}

uint64_t
rangefile_start(const struct rangefile *r)
{
	return (r->range.start);
}

uint64_t
rangefile_end(const struct rangefile *r)
{
	return (r->end);
}

/* The range has been read: its sum. */
static int
sum_check(struct rangefile *r)
{
	uint64_t sum = XXH3_64bits_digest(r->sum);

	if (sum == r->range.sum)
		return (0);
	return (fail(r, EBADMSG, "%s: damaged: the bytes from %" PRIu64 " to %" PRIu64 " have "
	    "the sum %016" PRIx64 ", the checkpoint says %016" PRIx64, r->path, r->range.start,
	    r->range.to, sum, r->range.sum));
}

/* What was just read belongs to the sum as far as it lies below the range's end. */
static int
sum_add(struct rangefile *r, const void *data, size_t n)
{
	uint64_t below = r->at < r->range.to ? r->range.to - r->at : 0;

	XXH3_64bits_update(r->sum, data, n < below ? n : (size_t)below);
	r->at += n;
	return (below > 0 && n >= below ? sum_check(r) : 0);
}

ssize_t
rangefile_read(struct rangefile *r, void *data, size_t len)
{
	struct piece	*p;
	ssize_t		 n;

	if (r->at == r->range.start && r->at == r->range.to && sum_check(r) == -1)
		return (-1);
	if (r->next == r->n)
		return (0);
	p = &r->piece[r->next];
	do
		n = pread(p->fd, data, p->left < len ? (size_t)p->left : len, p->at);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return (fail(r, errno, "read %s: %s", r->path, strerror(errno)));
	if (n == 0)
		return (fail(r, EBADMSG, "%s: cut short at %" PRIu64, r->path, r->at));
	p->at += n;
	if ((p->left -= (uint64_t)n) == 0)
		r->next++;
	return (sum_add(r, data, (size_t)n) == -1 ? -1 : n);
}
