/*
 * layout: a state's values as text, and back.
 *
 * A value without a layout is escaped (escape in bytes.h).  With one (WEIR_LAYOUT)
 * it is its fields, joined by TABs: numbers, and escaped texts.  Bytes that are not
 * what the layout says are escaped behind LAYOUT_MARK: what is printed can always be
 * parsed again, to the same bytes.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "bytes.h"

#define LAYOUT_MARK	"\\="

/* Append the text; -1: ENOMEM. */
int	 layout_print(struct buf *text, const char *layout, const void *val, size_t len);

/* Append the bytes; -1: ENOMEM, or EBADMSG, and why. */
int	 layout_parse(struct buf *val, const char *layout, const char *text, size_t len,
	    char *why, size_t size);

#endif
