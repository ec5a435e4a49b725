/*
 * reader: the bytes of one file, FIFO or standard input, as they come.
 *
 * Standard input is shared with others: it is never made non-blocking and never
 * closed, and what is not a regular file is asked by poll(2) before each read.
 * In a job its offset is left alone as well: a worker that comes after begins
 * where the first one did.
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
#include "rotation.h"
#include "succession.h"

struct reader {
	struct succession files;	/* of which fd is one */
	int		 following;
	int		 replay;
	struct spool	*spool;		/* instead of fd; NULL: none */
	int		 full;		/* ... and it takes no more now */
	int		 fd;		/* -1: not open */
	int		 looked;	/* for the file, before */
	int		 late;		/* not there, or empty, at the first look */
	int		 missed;	/* it was said that it cannot be opened */
	int		 anew;		/* truncated: begin again */
	int		 regular, fifo;
	uint64_t	 inode;
	struct notice	*notice;	/* NULL: none */
	int		 watched;	/* its number there; -1: not */
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
reader_new(const char *path, int follow, int replay)
{
	struct reader *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	if (succession_begin(&r->files, path) == -1) {
		free(r);
		return (NULL);
	}
	r->following = follow;
	r->replay = replay;
	r->fd = r->watched = -1;
	follow_begin(&r->follow, 0);
	return (r);
}

static void
reader_close(struct reader *r)
{
	if (r->fd != -1 && !r->files.standard)
		close(r->fd);
	r->fd = -1;
	notice_drop(r->notice, r->watched);
	r->watched = -1;
	follow_close(&r->follow);
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	reader_close(r);
	succession_end(&r->files);
	free(r);
}

void
reader_resume(struct reader *r, const struct place *place, int fd, int alone)
{
	r->files.resume = *place;
	r->files.resume.name = r->files.path;
	r->files.next = fd;
	r->files.alone = alone;
}

void
reader_spool(struct reader *r, struct spool *spool)
{
	r->spool = spool;
}

void
reader_notice(struct reader *r, struct notice *notice)
{
	r->notice = notice;
}

/* A followed file that cannot be opened is waited for; said once. */
static enum reader_answer
reader_missing(struct reader *r)
{
	if (!r->following)
		return (reader_say(r, READER_FAILED, "%s: %s", r->files.path, strerror(errno)));
	r->looked = 1;
	if (r->missed)
		return (READER_WAIT);
	r->missed = 1;
	notice_add(r->notice, -1, r->files.path);
	return (reader_say(r, READER_WARN, "%s: %s; waiting for it", r->files.path, strerror(errno)));
}

/* READER_BEGIN if the place where reading ended is in the file in hand. */
static enum reader_answer
reader_check(struct reader *r, struct stat *st)
{
	const struct place *place = &r->files.resume;
	uint64_t size = (uint64_t)st->st_size;

	switch (succession_check(&r->files, &r->fd, st)) {
	case 1:
		return (READER_BEGIN);
	case 0:
		rotation_differs(r->error, sizeof(r->error), reader_name(r), place->offset, size,
		    (uint64_t)st->st_ino != place->inode);
		return (READER_MISUSE);
	default:
		return (reader_fail(r));
	}
}

static enum reader_answer
reader_open(struct reader *r)
{
	enum reader_answer answer = READER_BEGIN;
	struct stat st;
	off_t offset = 0;

	if ((r->fd = succession_take(&r->files)) == -1)
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
	if (r->files.resume.flags & PLACE_BEGUN) {
		offset = (off_t)r->files.resume.offset;
		answer = reader_check(r, &st);
		r->files.resume.flags = 0;
	} else if (r->files.standard && r->regular && (offset = lseek(r->fd, 0, SEEK_CUR)) == -1)
		return (reader_fail(r));
	else if (r->replay && !r->regular)
		return (reader_say(r, READER_MISUSE, READER_ONCE, reader_name(r)));
	r->inode = (uint64_t)st.st_ino;
	succession_settle(&r->files, &st);
	if (r->regular)
		r->watched = notice_add(r->notice, r->fd, r->files.path);
	else
		notice_fail(r->notice);
	follow_begin(&r->follow, (uint64_t)offset);
	return (answer);
}

static enum reader_answer
reader_open_spool(struct reader *r)
{
	int known = r->files.resume.flags & PLACE_BEGUN;

	if (!r->looked && spool_resume(r->spool,
	    known ? r->files.resume.offset : spool_start(r->spool),
	    !known || (r->files.resume.flags & PLACE_HEADER),
	    r->files.resume.flags & PLACE_ENDED) == -1)
		return (reader_say(r, READER_FAILED, "read %s", reader_name(r)));
	r->looked = 1;
	r->fd = STDIN_FILENO;
	follow_begin(&r->follow, spool_offset(r->spool));
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

	switch (follow_look(&r->follow, r->fd, r->files.standard ? NULL : r->files.path, now_ms,
	    READER_QUIET_MS, &size)) {
	case FOLLOW_SAME:
		return (READER_WAIT);
	case FOLLOW_GREW:
		return (READER_BYTES);
	case FOLLOW_RENAMED:
		return (READER_END);
	case FOLLOW_TRUNCATED:
		r->anew = 1;
		rotation_differs(r->error, sizeof(r->error), reader_name(r), r->follow.offset,
		    size, 0);
		return (READER_WARN);
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

	if (succession_passed(&r->files, r->fd))
		return (READER_END);
	if (r->following && r->regular) {
		r->follow.at_end = 1;
		return (reader_look(r, now_ms));
	}
	if (!r->following || !r->fifo || r->files.standard)
		return (READER_END);
	/* Opened before the old one is closed: a writer never finds no reader. */
	if ((fd = open(r->files.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (reader_fail(r));
	close(r->fd);
	r->fd = fd;
	return (READER_WAIT);
}

static enum reader_answer
reader_read_spool(struct reader *r, char *buf, size_t len, size_t *got)
{
	enum spool_answer answer;

	if (r->fd == -1)
		return (reader_open_spool(r));
	answer = spool_read(r->spool, buf, len, got);
	r->full = answer == SPOOL_FULL;
	switch (answer) {
	case SPOOL_BYTES:
		follow_read(&r->follow, buf, *got);
		return (READER_BYTES);
	case SPOOL_WAIT:
	case SPOOL_FULL:
		return (READER_WAIT);
	case SPOOL_END:
		return (READER_END);
	case SPOOL_FAILED:
		break;
	}
	return (reader_say(r, READER_FAILED, "read %s", reader_name(r)));
}

/* Where others share the offset and nothing is read twice, it moves with us. */
static ssize_t
reader_get(struct reader *r, char *buf, size_t len)
{
	if (r->regular && (r->replay || !r->files.standard))
		return (pread(r->fd, buf, len, (off_t)r->follow.offset));
	return (read(r->fd, buf, len));
}

enum reader_answer
reader_read(struct reader *r, char *buf, size_t len, uint64_t now_ms, size_t *got)
{
	struct pollfd pfd = { .events = POLLIN };
	enum reader_answer answer;
	ssize_t n;

	if (r->spool != NULL)
		return (reader_read_spool(r, buf, len, got));
	if (r->fd == -1)
		return (reader_open(r));
	if (r->anew)
		return (reader_begin_anew(r));
	if (r->follow.at_end && (answer = reader_look(r, now_ms)) != READER_BYTES)
		return (answer);
	pfd.fd = r->fd;
	if (!r->regular && poll(&pfd, 1, 0) <= 0)
		return (READER_WAIT);
	if ((n = reader_get(r, buf, len)) == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return (READER_WAIT);
		return (reader_fail(r));
	}
	if (n == 0)
		return (reader_at_end(r, now_ms));
	follow_read(&r->follow, buf, (size_t)n);
	*got = (size_t)n;
	return (READER_BYTES);
}

int
reader_next(struct reader *r)
{
	int more = r->following && r->regular && !r->files.standard;

	if (r->spool != NULL)
		more = spool_next(r->spool);
	else if (more || r->files.elsewhere) {
		succession_pass(&r->files, r->fd, follow_take_next(&r->follow));
		/* that nobody has made a new file yet is no error */
		more |= r->files.next != -1;
	}
	reader_close(r);
	return (more);
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

uint64_t
reader_inode(const struct reader *r)
{
	return (r->inode);
}

int
reader_fd(const struct reader *r)
{
	return (r->fd);
}

int
reader_wait_fd(const struct reader *r)
{
	return (r->regular || r->full ? -1 : r->fd);
}

const char *
reader_name(const struct reader *r)
{
	return (r->files.standard ? "standard input" : r->files.path);
}

const char *
reader_error(const struct reader *r)
{
	return (r->error);
}
