/*
 * fields: where a record's fields are, and which of them are wanted.
 *
 * Shared by the stages that look into records.  A field is what lies between
 * two separators, and may be empty; with WEIR_BLANKS it lies between two runs
 * of blanks (space, TAB), those at either end of the record ignored, as awk
 * splits.  Fields count from 1; 0 is the whole record.
 *
 * Nothing here calls the runtime.  A function that may find fault has room for
 * a sentence, `why`, and leaves it to the stage to say it.
 */
#ifndef FIELDS_H
#define FIELDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "weir.h"

#define FIELDS_WHY	512		/* bytes of room for a sentence */
#define FIELDS_NAME	96		/* bytes of room for what a field is called */

/* Rows for a stage's own table of options: -t and -W. */
#define FIELDS_OPTIONS							\
	{ .letter = 't', .name = "separator", .arg = "C",		\
	  .help = "fields end at C, also in the output (default: the stream's, else TAB)", \
	  .type = WEIR_CALL, .set = fields_set_separator },		\
	{ .letter = 'W', .name = "whitespace",				\
	  .help = "fields end at runs of blanks; a TAB in the output",	\
	  .type = WEIR_FLAG, .to = &fields_whitespace }

extern int	 fields_whitespace;
const char	*fields_set_separator(const char *arg);

/* How this stage splits; the header is borrowed. */
struct fields {
	const char	*header;	/* NULL: there is none */
	size_t		 headerlen;
	int		 separator;	/* a byte, or WEIR_BLANKS */
	char		 joint;		/* what goes between fields of the output */
};

/* A wanted field, as an operand or option names it; the text is borrowed. */
struct field {
	const char	*name;
	size_t		 namelen;
	uint32_t	 number;
	int		 by_name;	/* number is not known before fields_resolve() */
};

/* One field of a record. */
struct fields_slice {
	const char	*at;
	size_t		 len;
};

/* A place in a record: the field last found, from where the search goes on. */
struct fields_cursor {
	const char	*record, *end;
	const char	*at;
	size_t		 len;
	uint32_t	 number;	/* 0: none yet */
};

/*
 * fields_check		in setup(): NULL, or what is wrong with -t and -W together.
 * fields_own		1 if one of the two was given.
 * fields_begin		in open(): settle the separator, from the own option, else
 *			the stream's; and keep the header.
 */
const char *fields_check(void);
int	 fields_own(void);
void	 fields_begin(struct fields *, int stream_separator, const char *header,
	    size_t headerlen);

/*
 * fields_parse		a FIELD, as text: 0, or -1 and why.
 * fields_resolve	find the number of one that is a column's name: 0, or -1
 *			and why.  A field by number is left alone.
 */
int	 fields_parse(struct field *, const char *text, size_t len, char *why);
int	 fields_resolve(struct field *, const struct fields *, char *why);

/*
 * fields_start		put the cursor before a record.
 * fields_find		find field n: 1 and the slice, which is part of the record,
 *			or 0 if the record ends before it.  Fastest in ascending
 *			order; any order will do, and the same one again.
 */
static inline void
fields_start(struct fields_cursor *c, const char *record, size_t len)
{
	c->record = record;
	c->end = record + len;
	c->number = 0;
}

int	 fields_find(const struct fields *, struct fields_cursor *, uint32_t n,
	    struct fields_slice *);

/*
 * fields_missing	why there is no such field in this record; cure ends the
 *			list of what may help.
 * fields_doubt		look at the first record: 1 and why if it seems that field
 *			n is not what its user believes, else 0.
 * fields_name		"field 4", or "field 4 (amount)"; returns to.
 * fields_quote		bytes as they may be shown in a sentence: escaped where
 *			they cannot be printed, cut where they do not fit in size
 *			(at least 8).  Returns to.
 */
void	 fields_missing(const struct fields *, const struct field *, const char *record,
	    size_t len, const char *cure, char *why);
int	 fields_doubt(const struct fields *, const struct field *, const char *record,
	    size_t len, char *why);
char	*fields_name(const struct field *, char *to);
char	*fields_quote(char *to, size_t size, const char *text, size_t len);

#endif
