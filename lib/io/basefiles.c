/*
 * basefiles: LevelDB's list of tables, read for one number.
 *
 * It is a log, as LevelDB's doc/log_format.md has it: blocks of 32 KiB; in them pieces
 * of records, each behind a sum (4 bytes), its length (2) and its type (1).  A record
 * is an edit: numbered fields, one of which is the next number that is free.  What is
 * cut short at the end was just being written, and does not count yet.
 */
#include <string.h>

#include "io.h"

#define BLOCK	32768U
#define HEAD	7U

enum piece { FULL = 1, FIRST, MIDDLE, LAST };

/* Fields of an edit. */
enum field {
	COMPARATOR = 1, LOG_NUMBER, FREE_NUMBER, LAST_SEQUENCE, COMPACT_POINTER, DELETED_FILE,
	NEW_FILE, PREV_LOG_NUMBER = 9
};

static int
number_get(struct buf *b, uint64_t *n)
{
	uint64_t	byte;
	unsigned	shift;

	for (*n = 0, shift = 0; shift < 64; shift += 7) {
		if (buf_get_uint(b, &byte, 1) == -1)
			return (-1);
		*n |= (byte & 0x7f) << shift;
		if (byte < 0x80)
			return (0);
	}
	return (-1);
}

static int
string_skip(struct buf *b)
{
	const void	*at;
	uint64_t	 len;

	if (number_get(b, &len) == -1 || len > b->len)
		return (-1);
	return (buf_get(b, &at, (size_t)len));
}

static int
field_skip(struct buf *b, uint64_t field)
{
	uint64_t n;

	switch (field) {
	case COMPARATOR:
		return (string_skip(b));
	case LOG_NUMBER:
	case LAST_SEQUENCE:
	case PREV_LOG_NUMBER:
		return (number_get(b, &n));
	case COMPACT_POINTER:
		return (number_get(b, &n) == -1 ? -1 : string_skip(b));
	case DELETED_FILE:
		return (number_get(b, &n) == -1 ? -1 : number_get(b, &n));
	case NEW_FILE:
		return (number_get(b, &n) == -1 || number_get(b, &n) == -1 ||
		    number_get(b, &n) == -1 || string_skip(b) == -1 ? -1 : string_skip(b));
	default:
		return (-1);
	}
}

static int
edit_read(struct buf *edit, uint64_t *number)
{
	uint64_t field;

	while (edit->pos < edit->len) {
		if (number_get(edit, &field) == -1)
			return (-1);
		if ((field == FREE_NUMBER ? number_get(edit, number) :
		    field_skip(edit, field)) == -1)
			return (-1);
	}
	return (0);
}

/* A piece, and with the last one the record.  -1: not understood. */
static int
piece_take(struct buf *edit, unsigned type, const unsigned char *data, size_t len,
    uint64_t *number)
{
	if (type < FULL || type > LAST)
		return (-1);
	if (type == FULL || type == FIRST)
		edit->len = edit->pos = 0;
	if (buf_add(edit, data, len) == -1)
		return (-1);
	return (type == FULL || type == LAST ? edit_read(edit, number) : 0);
}

uint64_t
basefiles_free_number(const void *list, size_t len)
{
	const unsigned char	*data = list;
	struct buf		 edit = { 0 };
	uint64_t		 number = 0;
	size_t			 at = 0, n, left;
	int			 bad = 0;

	while (!bad && at + HEAD <= len) {
		left = BLOCK - at % BLOCK;
		if (left < HEAD) {
			at += left;		/* the rest of a block that holds no head */
			continue;
		}
		n = data[at + 4] | (size_t)data[at + 5] << 8;
		if (n > left - HEAD)
			bad = 1;
		else if (n > len - at - HEAD)
			break;
		else
			bad = piece_take(&edit, data[at + 6], data + at + HEAD, n, &number);
		at += HEAD + n;
	}
	buf_free(&edit);
	return (bad ? 0 : number);
}
