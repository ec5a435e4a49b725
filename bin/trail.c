/*
 * trail: hashes of the first and the last bytes before a place in a file.
 *
 * The bytes are those that were read, not those that the file has by the time
 * that they are asked for: a file that is replaced behind a reader's back must
 * not look as if the new one had been read.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "trail.h"

void
trail_clear(struct trail *t)
{
	t->offset = 0;
	t->lastlen = 0;
}

void
trail_add(struct trail *t, const void *buf, size_t len)
{
	const unsigned char *p = buf;
	size_t n;

	if (t->offset < TRAIL_BYTES && len > 0) {
		n = TRAIL_BYTES - (size_t)t->offset;
		memcpy(t->first + t->offset, p, len < n ? len : n);
	}
	t->offset += len;
	if (len > TRAIL_BYTES) {
		p += len - TRAIL_BYTES;
		len = TRAIL_BYTES;
	}
	if (t->lastlen + len > sizeof(t->last)) {
		n = TRAIL_BYTES - len;
		memmove(t->last, t->last + t->lastlen - n, n);
		t->lastlen = n;
	}
	if (len > 0)
		memcpy(t->last + t->lastlen, p, len);
	t->lastlen += len;
}

/* 1: all len bytes; 0: there are fewer. */
static int
trail_read(int fd, unsigned char *buf, size_t len, uint64_t at)
{
	ssize_t n;

	while (len > 0) {
		if ((n = pread(fd, buf, len, (off_t)at)) == -1 && errno != EINTR)
			return (-1);
		if (n == 0)
			return (0);
		if (n > 0) {
			buf += n;
			at += (uint64_t)n;
			len -= (size_t)n;
		}
	}
	return (1);
}

int
trail_load(struct trail *t, int fd, uint64_t offset)
{
	size_t len = offset < TRAIL_BYTES ? (size_t)offset : TRAIL_BYTES;
	int got;

	if ((got = trail_read(fd, t->first, len, 0)) == 1 &&
	    (got = trail_read(fd, t->last, len, offset - len)) == 1) {
		t->offset = offset;
		t->lastlen = len;
	}
	return (got);
}

uint64_t
trail_first(const struct trail *t)
{
	return (XXH3_64bits(t->first,
	    t->offset < TRAIL_BYTES ? (size_t)t->offset : TRAIL_BYTES));
}

uint64_t
trail_last(const struct trail *t)
{
	size_t len = t->lastlen < TRAIL_BYTES ? t->lastlen : TRAIL_BYTES;

	return (XXH3_64bits(t->last + t->lastlen - len, len));
}
