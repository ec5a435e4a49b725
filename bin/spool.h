/*
 * spool: standard input that cannot be read again, kept in a journal until a
 * checkpoint no longer needs it.
 *
 * A position is that of the journal.  The same input is read on by the next
 * worker, since the supervisor holds it open; another one follows it in the same
 * spool, and begins where the former has ended.
 */
#ifndef SPOOL_H
#define SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "weir.h"

struct spool;

enum spool_answer {
	SPOOL_BYTES,	/* *got bytes, at least 1 */
	SPOOL_WAIT,	/* nothing now */
	SPOOL_FULL,	/* nothing before a checkpoint is complete; one was asked for */
	SPOOL_END,	/* of an input; spool_next() says if another one follows */
	SPOOL_FAILED	/* weir_error() or weir_misuse() has spoken */
};

/*
 * Spool what comes from fd, which is borrowed.  With more than most bytes that no
 * complete checkpoint has, nothing is read.  NULL: weir_error() has spoken.
 */
struct spool *spool_open(struct weir *, int fd, uint64_t most);
void	 spool_free(struct spool *);

/*
 * Begin at a position: of a checkpoint, or the first that there is.  begun: the
 * input that begins there has been begun; ended: its end was reached.
 */
int	 spool_resume(struct spool *, uint64_t position, int begun, int ended);
uint64_t spool_start(const struct spool *);

/* One read at most, of the journal or of the input; never waits for the latter. */
enum spool_answer spool_read(struct spool *, char *buf, size_t len, size_t *got);

/* After SPOOL_END: 1 if there is another standard input, which then begins. */
int	 spool_next(struct spool *);

/* The next byte's position. */
uint64_t spool_offset(const struct spool *);

/* At a barrier: what lies below is needed only until that checkpoint is complete. */
void	 spool_release(struct spool *, uint64_t position, uint64_t checkpoint);
void	 spool_complete(struct spool *, uint64_t checkpoint);

#endif
