/*
 * input: one file, FIFO or standard input, read as whole lines.
 *
 * A call never blocks and does one read(2) at most.  Lines go straight into the
 * caller's room, where they count as handed out; what has no end yet is kept
 * here until more comes, as is everything before the caller knows its place.
 * So between two calls there is always a position: input_place().
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "position.h"
#include "spool.h"

struct input;

struct input_options {
	size_t	 max_record;	/* bytes of a line without its newline */
	int	 follow;	/* go on behind the end, as tail -F */
	int	 from_end;	/* not what is there at first, only what comes after */
	int	 header;	/* line 1 is no record */
	int	 replay;	/* positions will be asked for, and resumed */
	struct notice *notice;	/* follow: tells of changes; or NULL */
};

/* What a call came to; the last two are final. */
enum input_answer {
	INPUT_LINES,	/* chunk: len bytes are in the room, n lines */
	INPUT_PLACE,	/* chunk: the place of what the next calls hand out */
	INPUT_LONG,	/* the record at that place is over max_record; chunk
			   has its beginning, the next calls skip it */
	INPUT_HEADER,	/* chunk: line 1, without its newline */
	INPUT_MORE,	/* nothing for the caller; call again at once */
	INPUT_WAIT,	/* nothing yet: wait for input_fd(), or some time */
	INPUT_WARN,	/* input_error() is worth a line; call again */
	INPUT_END,	/* all has been handed out */
	INPUT_FAILED,	/* input_error(): cannot be read, exit 1 */
	INPUT_MISUSE	/* input_error(): should not be read, exit 2 */
};

/* data and name are borrowed until the next call for the same input. */
struct input_chunk {
	const char	*name;		/* PLACE: of the input, for messages */
	uint64_t	 byte;		/* PLACE: from 0 */
	uint64_t	 record;	/* PLACE: from 1, the header not counted */
	const char	*data;		/* LONG, HEADER */
	size_t		 len;		/* LINES, LONG, HEADER: bytes */
	size_t		 n;		/* LINES */
};

/*
 * An input that is opened when it is first read.  path is copied; "-" is
 * standard input.  NULL: no memory.
 */
struct input *input_new(const char *path, const struct input_options *);
void	 input_free(struct input *);

/* Before the first read: go on at place; see reader_resume(). */
void	 input_resume(struct input *, const struct place *, int fd, int alone);

/* Before the first read: standard input is spooled.  Borrowed. */
void	 input_spool(struct input *, struct spool *);

/* Where it is: what was handed out lies before.  Without its name. */
void	 input_place(const struct input *, struct place *);

/*
 * Take the next step.
 *
 * room		have bytes; never touched before INPUT_PLACE was answered
 * most		hand out at most so many lines
 * now_ms	any clock that does not go back
 */
enum input_answer input_read(struct input *, char *room, size_t have, size_t most,
	    uint64_t now_ms, struct input_chunk *);

/* The room that the next call wants, at most max_record + 1; it needs no more. */
size_t	 input_want(const struct input *);

/* The caller told another input's place meanwhile: answer INPUT_PLACE again. */
void	 input_displace(struct input *);

/* The descriptor whose readability ends a wait; -1: there is none. */
int	 input_fd(const struct input *);

/* "standard input" for "-". */
const char *input_name(const struct input *);
const char *input_error(const struct input *);

#endif
