/*
 * reader: the bytes of one file, FIFO or standard input, as they come.
 *
 * Standard input is shared with others: it is never made non-blocking and never
 * closed, and what is not a regular file is asked by poll(2) before each read.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "follow.h"
#include "reader.h"

struct reader {
	char		*path;
	int		 standard;	/* input */
	int		 following;
	int		 fd;		/* -1: not open */
	int		 next;		/* open already, comes after fd; -1: none */
	int		 looked;	/* for the file, before */
	int		 late;		/* not there, or empty, at the first look */
	int		 missed;	/* it was said that it cannot be opened */
	int		 anew;		/* truncated: begin again */
	int		 regular, fifo;
	struct follow	 follow;
	char		 error[1024];
};

static enum reader_answer reader_say(struct reader *, enum reader_answer, const char *, ...)
    __attribute__((__format__(__printf__, 3, 4)));

static enum reader_answer
reader_say(struct reader *r, enum reader_answer answer, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, ap);
	va_end(ap);
	return (answer);
}

static enum reader_answer
reader_fail(struct reader *r)
{
	return (reader_say(r, READER_FAILED, "read %s: %s", reader_name(r), strerror(errno)));
}

struct reader *
reader_new(const char *path, int follow)
{
	struct reader *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	if ((r->path = strdup(path)) == NULL) {
		free(r);
		return (NULL);
	}
	r->standard = strcmp(path, "-") == 0;
	r->following = follow;
	r->fd = r->next = -1;
	follow_begin(&r->follow, 0);
	return (r);
}

static void
reader_close(struct reader *r)
{
	if (r->fd != -1 && !r->standard)
		close(r->fd);
	r->fd = -1;
	follow_close(&r->follow);
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	reader_close(r);
	if (r->next != -1)
		close(r->next);
	free(r->path);
	free(r);
}

/* A followed file that cannot be opened is waited for; said once. */
static enum reader_answer
reader_missing(struct reader *r)
{
	if (!r->following)
		return (reader_say(r, READER_FAILED, "%s: %s", r->path, strerror(errno)));
	r->looked = 1;
	if (r->missed)
		return (READER_WAIT);
	r->missed = 1;
	return (reader_say(r, READER_WARN, "%s: %s; waiting for it", r->path, strerror(errno)));
}

static enum reader_answer
reader_open(struct reader *r)
{
	struct stat st;
	off_t offset = 0;

	if (r->standard)
		r->fd = STDIN_FILENO;
	else if (r->next != -1) {
		r->fd = r->next;
		r->next = -1;
	} else if ((r->fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (reader_missing(r));
	if (fstat(r->fd, &st) == -1)
		return (reader_fail(r));
	if (S_ISDIR(st.st_mode))
		return (reader_say(r, READER_FAILED, "%s: %s", reader_name(r), strerror(EISDIR)));
	r->regular = S_ISREG(st.st_mode);
	r->fifo = S_ISFIFO(st.st_mode);
	r->late = r->looked || st.st_size == 0;
	r->looked = 1;
	r->missed = 0;
	if (r->standard && r->regular && (offset = lseek(r->fd, 0, SEEK_CUR)) == -1)
		return (reader_fail(r));
	follow_begin(&r->follow, (uint64_t)offset);
	return (READER_BEGIN);
}

static enum reader_answer
reader_begin_anew(struct reader *r)
{
	r->anew = 0;
	r->late = 1;
	follow_close(&r->follow);
	if (lseek(r->fd, 0, SEEK_SET) == -1)
		return (reader_fail(r));
	follow_begin(&r->follow, 0);
	return (READER_BEGIN);
}

/* At the end of a regular file that is followed: READER_BYTES if there is more. */
static enum reader_answer
reader_look(struct reader *r, uint64_t now_ms)
{
	uint64_t size;

	switch (follow_look(&r->follow, r->fd, r->standard ? NULL : r->path, now_ms,
	    READER_QUIET_MS, &size)) {
	case FOLLOW_SAME:
		return (READER_WAIT);
	case FOLLOW_GREW:
		return (READER_BYTES);
	case FOLLOW_RENAMED:
		return (READER_END);
	case FOLLOW_TRUNCATED:
		r->anew = 1;
		return (reader_say(r, READER_WARN, "%s: was read to byte %llu, now it is "
		    "%llu bytes and differs before that; truncated in place "
		    "(copytruncate?): lines may be lost", reader_name(r),
		    (unsigned long long)r->follow.offset, (unsigned long long)size));
	case FOLLOW_FAILED:
		break;
	}
	return (reader_fail(r));
}

/* read(2) found the end. */
static enum reader_answer
reader_at_end(struct reader *r, uint64_t now_ms)
{
	int fd;

	if (r->following && r->regular) {
		r->follow.at_end = 1;
		return (reader_look(r, now_ms));
	}
	if (!r->following || !r->fifo || r->standard)
		return (READER_END);
	/* Opened before the old one is closed: a writer never finds no reader. */
	if ((fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (reader_fail(r));
	close(r->fd);
	r->fd = fd;
	return (READER_WAIT);
}

enum reader_answer
reader_read(struct reader *r, char *buf, size_t len, uint64_t now_ms, size_t *got)
{
	struct pollfd pfd = { .events = POLLIN };
	enum reader_answer answer;
	ssize_t n;

	if (r->fd == -1)
		return (reader_open(r));
	if (r->anew)
		return (reader_begin_anew(r));
	if (r->follow.at_end && (answer = reader_look(r, now_ms)) != READER_BYTES)
		return (answer);
	pfd.fd = r->fd;
	if (!r->regular && poll(&pfd, 1, 0) <= 0)
		return (READER_WAIT);
	if ((n = read(r->fd, buf, len)) == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return (READER_WAIT);
		return (reader_fail(r));
	}
	if (n == 0)
		return (reader_at_end(r, now_ms));
	if (r->following)
		follow_read(&r->follow, buf, (size_t)n);
	*got = (size_t)n;
	return (READER_BYTES);
}

int
reader_next(struct reader *r)
{
	r->next = follow_take_next(&r->follow);
	reader_close(r);
	return (r->following && r->regular && !r->standard);
}

int
reader_to_end(struct reader *r)
{
	off_t end;
	char last = '\n';

	if ((end = lseek(r->fd, 0, SEEK_END)) == -1 ||
	    (end > 0 && pread(r->fd, &last, 1, end - 1) == -1)) {
		reader_fail(r);
		return (-1);
	}
	follow_begin(&r->follow, (uint64_t)end);
	return (last == '\n');
}

int
reader_has_past(const struct reader *r)
{
	return (r->regular && !r->late);
}

uint64_t
reader_offset(const struct reader *r)
{
	return (r->follow.offset);
}

int
reader_regular(const struct reader *r)
{
	return (r->regular);
}

int
reader_fd(const struct reader *r)
{
	return (r->fd);
}

const char *
reader_name(const struct reader *r)
{
	return (r->standard ? "standard input" : r->path);
}

const char *
reader_error(const struct reader *r)
{
	return (r->error);
}
