/*
 * fold: a function over a key's records, as a row of a table.
 *
 * What a function remembers of a key is its accumulator: a few bytes of fixed
 * size, aligned to 8 and all zeros before the key's first record.  A function
 * that prints a field as it was read keeps a struct fold_text in there, and says
 * when the text has to be replaced; whoever has the accumulator moves the bytes.
 */
#ifndef FOLD_H
#define FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "decimal.h"

enum fold_answer {
	FOLD_OVERFLOW = -1,	/* the result would not fit; nothing was changed */
	FOLD_DONE,
	FOLD_REPLACE		/* the record's field is the text from now on */
};

enum fold_wants {
	FOLD_WANTS_NOTHING,
	FOLD_WANTS_TEXT,	/* a field, as it is */
	FOLD_WANTS_NUMBER
};

#define FOLD_NO_TEXT	SIZE_MAX

/* A kept text: its place in the key's value, in bytes. */
struct fold_text {
	uint32_t	 at, len;
};

struct fold {
	const char	*name;
	enum fold_wants	 wants;
	size_t		 size;		/* of the accumulator: a multiple of 8 */
	size_t		 text;		/* where in it the struct fold_text is */
	const char	*layout;	/* of it: WEIR_LAYOUT */
	int		 overflows;	/* 1: add() may */

	/*
	 * One record more.  number is set where wanted; is_new is 1 for the key's
	 * first record, which only functions with a text may ask.
	 */
	enum fold_answer (*add)(void *accumulator, const struct decimal *number, int is_new);

	/* The result in at most bound bytes; NULL: it is the text. */
	char		*(*print)(char *to, const void *accumulator);
	size_t		 bound;
};

/* The i-th function, or that of a name; NULL if there is none. */
const struct fold *fold_at(size_t i);
const struct fold *fold_find(const char *name, size_t len);

#endif
