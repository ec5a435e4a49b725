/*
 * reader: the bytes of one file, FIFO or standard input, as they come.
 *
 * A call never blocks.  A followed file is read through renames and truncations,
 * and waited for where it is missing.  One that was read before goes on where it
 * was, which may be in files that had its name, before it is read itself.
 */
#ifndef READER_H
#define READER_H

#include <stddef.h>
#include <stdint.h>

#include "position.h"
#include "spool.h"
#include "notice.h"

#define READER_QUIET_MS	1000	/* a renamed file has ended after so long a silence */

/* What cannot be read again has no place in a job, but for standard input. */
#define READER_ONCE	"%s: is no regular file and cannot be read again; put it on " \
			"standard input, which is spooled"

struct reader;

enum reader_answer {
	READER_BYTES,	/* *got bytes, at least 1 */
	READER_BEGIN,	/* a file begins, at reader_offset(); forget the one before */
	READER_WAIT,	/* nothing now */
	READER_END,	/* nothing more, unless reader_next() says that there is */
	READER_WARN,	/* reader_error() is worth a line; call again */
	READER_FAILED,	/* reader_error() */
	READER_MISUSE	/* reader_error(): it is not what was read before */
};

/*
 * path is copied; "-" is standard input.  replay: it may be read again by a later
 * process, hence leave the offset that others see where it is.  NULL: no memory.
 */
struct reader *reader_new(const char *path, int follow, int replay);
void	 reader_free(struct reader *);

/*
 * Before the first read: begin at place.
 *
 * fd	the file that has place, taken over; -1: it is the one called path
 * alone	go on with path itself behind it, whoever had the name between
 */
void	 reader_resume(struct reader *, const struct place *, int fd, int alone);

/* Before the first read: standard input is spooled.  Borrowed. */
void	 reader_spool(struct reader *, struct spool *);

/* Before the first read: who tells when it may have changed.  Borrowed; or NULL. */
void	 reader_notice(struct reader *, struct notice *);

/* One read(2) at most; now_ms is any clock that does not go back. */
enum reader_answer reader_read(struct reader *, char *buf, size_t len, uint64_t now_ms,
	    size_t *got);

/* After READER_END: 1 if another file has the name, and reading goes on there. */
int	 reader_next(struct reader *);

/*
 * Go to the end of what is there.  Returns 1, or 0 if that end is in the middle
 * of a line; -1: reader_error().
 */
int	 reader_to_end(struct reader *);

/* 1 for a regular file that had something in it at the first look. */
int	 reader_has_past(const struct reader *);

uint64_t reader_offset(const struct reader *);	/* bytes, of the next read */
int	 reader_regular(const struct reader *);	/* as far as it has been opened */
uint64_t reader_inode(const struct reader *);	/* likewise */
int	 reader_fd(const struct reader *);	/* -1: not open */
int	 reader_wait_fd(const struct reader *);	/* to wait for; -1: none */
const char *reader_name(const struct reader *);	/* "standard input" for "-" */
const char *reader_error(const struct reader *);

#endif
