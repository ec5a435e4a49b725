/*
 * window: the records between the first whose outputs are not out yet and the last
 * that came.
 *
 * Of one key one record is asked about at a time, since the state that its next one
 * is asked with is in the answer; those behind it wait beside the others, which go
 * on.  So records are asked about, and answered, in another order than they came;
 * outputs that are early are held until all before them are out.  Pure but for
 * memory.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "carry.h"
#include "weir.h"

#define WINDOW_MAX	4096		/* records */
#define WINDOW_BYTES	(1u << 20)	/* of them; one may be larger */
#define WINDOW_PLACE	512		/* bytes, as weir_place() writes it */
#define WINDOW_AHEAD	512		/* of them asked about, while others wait */

struct window_record;
TAILQ_HEAD(window_list, window_record);

struct window {
	struct window_record *ring;	/* of WINDOW_MAX */
	size_t		 first, count;
	struct carry	 bytes;		/* of each: key, record, place with its NUL */
	uint64_t	 dropped;	/* bytes before them */
	struct window_record **keys;	/* the last one not answered, by hash */
	struct window_list ready;	/* to be asked about */
	struct window_list asked;	/* in the order of the answers */
	size_t		 nasked, nwaiting;
	size_t		 held, held_max;	/* bytes of outputs */
	size_t		 answer, largest;	/* bytes: of this one, of those before */
};

enum window_output { WINDOW_EMIT, WINDOW_KEEPS, WINDOW_FULL, WINDOW_MEMORY };

/*
 * window_open		what may be early is asked about while less than a 32nd of
 *			held_max is held, or is to be expected; the rest is for
 *			answers that are larger than that.  -1: no memory.
 * window_takes		1 if there is room for this record.
 * window_add		it is copied; -1: no memory.
 * window_ask		1, and the record that is to be asked about now; 0: none.
 * window_asked		the record that is answered next, and its place; borrowed
 *			until the next call.  There has to be one.
 * window_output	an output of that one: to be emitted by the caller, kept, or
 *			why it is not: over held_max, no memory.
 * window_answered	it has no more of them.
 * window_out		1, and outputs that it is time for: len bytes of lines,
 *			borrowed until the next call; 0: none.
 */
int	 window_open(struct window *, size_t held_max);
void	 window_close(struct window *);
int	 window_takes(const struct window *, const struct weir_record *);
int	 window_add(struct window *, const struct weir_record *, const char *place);
int	 window_ask(struct window *, struct weir_record *);
const char *window_asked(const struct window *, struct weir_record *);
enum window_output window_output(struct window *, const char *text, size_t len);
void	 window_answered(struct window *);
int	 window_out(struct window *, const char **lines, size_t *len);

#endif
