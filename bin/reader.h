/*
 * reader: the bytes of one file, FIFO or standard input, as they come.
 *
 * A call never blocks.  A followed file is read through renames and truncations,
 * and waited for where it is missing.
 */
#ifndef READER_H
#define READER_H

#include <stddef.h>
#include <stdint.h>

#define READER_QUIET_MS	1000	/* a renamed file has ended after so long a silence */

struct reader;

enum reader_answer {
	READER_BYTES,	/* *got bytes, at least 1 */
	READER_BEGIN,	/* a file begins, at reader_offset(); forget the one before */
	READER_WAIT,	/* nothing now */
	READER_END,	/* nothing more, unless reader_next() says that there is */
	READER_WARN,	/* reader_error() is worth a line; call again */
	READER_FAILED	/* reader_error() */
};

/* path is copied; "-" is standard input.  NULL: no memory. */
struct reader *reader_new(const char *path, int follow);
void	 reader_free(struct reader *);

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
int	 reader_fd(const struct reader *);	/* -1: not open */
const char *reader_name(const struct reader *);	/* "standard input" for "-" */
const char *reader_error(const struct reader *);

#endif
