/*
 * folds: what one reduce computes: functions, side by side, over a key's records.
 *
 * Each function is a column of the output.  Their accumulators lie one behind the
 * other, in memory that the caller gives, aligned to 8 and all zeros for a new
 * key.  That is the key's value, changed in place - unless there are texts: they
 * follow the accumulators, and folds_pack() makes the value anew.
 *
 * Nothing here calls the runtime; a sentence goes to `why`, FIELDS_WHY bytes.
 */
#ifndef FOLDS_H
#define FOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "decimal.h"
#include "fields.h"
#include "fold.h"

/* A field that functions want, kept once; the rest is of the record in hand. */
struct folds_input {
	struct field		 field;
	int			 numeric;	/* 1: it has to be a number */
	struct fields_slice	 text;		/* borrowed from the record */
	struct decimal		 number;	/* where numeric */
};

struct folds_column {
	const struct fold	*fold;
	const char		*name;		/* borrowed from the operand */
	size_t			 namelen;
	size_t			 input;
	size_t			 offset;	/* of its accumulator */
	int			 replaced;	/* the record's field is its text now */
};

/* Begin with zeros; then folds_parse() each operand. */
struct folds {
	struct folds_column	*column;
	struct folds_input	*input;
	void			*undo;
	size_t			 columns, inputs;
	size_t			 size;		/* of all accumulators, bytes */
	size_t			 bound;		/* of what is printed, texts apart */
	int			 texts;		/* 1: there are some */
	int			 overflows;	/* 1: some function may */
};

/*
 * folds_parse		add [NAME=]FUNCTION[:FIELD], borrowed: 0, or -1 and why.
 * folds_resolve	find the numbers of fields given by name: 0, or -1 and why.
 * folds_header		the output's header, for a key of the columns key; to be
 *			freed.  NULL and why if a name cannot stand in one.
 * folds_layout		how the value is made, in WEIR_LAYOUT; -1: too long to say.
 * folds_free		what folds_parse() made.
 */
int	 folds_parse(struct folds *, const char *operand, char *why);
int	 folds_resolve(struct folds *, const struct fields *, char *why);
char	*folds_header(const struct folds *, const struct fields *, const char *key,
	    size_t keylen, size_t *len, char *why);
int	 folds_layout(const struct folds *, char *layout, size_t size);
void	 folds_free(struct folds *);

/*
 * For each record: folds_read() finds its fields, then folds_add() folds them.
 * Each is 0, or -1 and why: then no accumulator was changed.  After
 * folds_read(), folds_doubt() is fields_doubt() for all fields wanted.
 */
int	 folds_read(struct folds *, const struct fields *, const char *record, size_t len,
	    char *why);
int	 folds_doubt(const struct folds *, const struct fields *, const char *record,
	    size_t len, char *why);
int	 folds_add(struct folds *, void *accumulators, int is_new, char *why);

/*
 * Where there are texts, after folds_add(): the bytes that the value has now, and
 * that value, written to `to`.  old is the value that the accumulators were copied
 * from, NULL for a new key; afterwards they speak of the new one.
 */
size_t	 folds_packed(const struct folds *, const void *accumulators);
void	 folds_pack(const struct folds *, void *accumulators, const char *old, char *to);

/*
 * Print each result with the joint before it: bound bytes at most, and the texts.
 * value holds the texts.  Returns the end.
 */
char	*folds_print(const struct folds *, char *to, char joint, const void *accumulators,
	    const char *value);

#endif
