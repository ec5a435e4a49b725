/*
 * position: where a source is, as it stands in a checkpoint.
 *
 * Little-endian: "WPOS", version (1), kind (1), a subtask's number and how many
 * there are (4 each); a counter's next number, its bytes and records so far (8
 * each), or the header line and the file that it is of, and the places; XXH3-64
 * of all before.  A string is its length (4) and its bytes.  A place is its flags
 * (1), its name, and, but for PLACE_OTHER: offset, record, both hashes, inode.
 */
#ifndef POSITION_H
#define POSITION_H

#include <stddef.h>
#include <stdint.h>

enum place_flag {
	PLACE_BEGUN = 0x01,		/* opened; inode is known */
	PLACE_ENDED = 0x02,		/* nothing came behind */
	PLACE_UNTERMINATED = 0x04,	/* the last record had no newline */
	PLACE_HEADER = 0x08,		/* line 1 is still to come */
	PLACE_SKIPPING = 0x10,		/* the rest of the line is no record */
	PLACE_TO_END = 0x20,		/* what is there is to be left out */
	PLACE_SPOOL = 0x40,		/* offset is one of the spool */
	PLACE_OTHER = 0x80		/* another subtask's: only the name counts */
};

/* How far one input was read: what was handed out lies before it. */
struct place {
	char		*name;		/* as it was named; "-" */
	unsigned	 flags;
	uint64_t	 offset;	/* bytes */
	uint64_t	 record;	/* of the next one, from 1 */
	uint64_t	 first, last;	/* hashes of up to 4 KiB: see trail.h */
	uint64_t	 inode;		/* a hint where a renamed file is */
};

enum position_kind { POSITION_FILES = 1, POSITION_COUNTER = 2 };

struct position {
	enum position_kind kind;
	uint32_t	 subtask, parallelism;
	uint64_t	 next, bytes, records;		/* counter */
	char		*header;			/* NULL: none */
	size_t		 headerlen;
	char		*header_of;
	struct place	*places;
	size_t		 n;
};

/* The bytes, malloc'd.  NULL: no memory. */
void	*position_encode(const struct position *, size_t *len);

/* Read it; names and header are copies.  -1: EBADMSG: no position, or ENOMEM. */
int	 position_decode(struct position *, const void *, size_t len);
void	 position_free(struct position *);	/* what was decoded */

#endif
