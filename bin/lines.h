/*
 * lines: where lines end in a piece of memory.
 *
 * Pure: no state, nothing allocated, no errors.  Lengths are bytes; any byte
 * but newline may be in a line, NUL included.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>

/* The number of newlines in buf. */
size_t	 lines_count(const char *buf, size_t len);

/* The length of buf up to and with its last newline; 0 if it has none. */
size_t	 lines_last(const char *buf, size_t len);

/*
 * The whole lines at the front of buf.
 *
 * max	bytes that a line may have, its newline not counted; the first line
 *	that is longer, whether its end is in buf or not, ends the search
 * most	at most so many lines
 * n	set to their number
 *
 * Returns their bytes with all newlines, 0 if there is none.
 */
size_t	 lines_whole(const char *buf, size_t len, size_t max, size_t most, size_t *n);

#endif
