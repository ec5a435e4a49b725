/*
 * protocol: what statemap and a command say to each other, a line each.
 *
 *	KEY<TAB>STATE<TAB>RECORD	asks: STATE is `.' for none, else `=' and
 *					the text
 *	>OUTPUT				answers: a record to be emitted, any
 *					number of them, and then one of
 *	=STATE				the key's state from now on
 *	-				it has none from now on
 *	.				it stays as it was
 *
 * TAB, newline and backslash are written \t, \n and \\ in KEY and STATE; RECORD
 * and OUTPUT are as they are.  Pure but for the memory of a carry.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stddef.h>

#include "carry.h"

enum answer_kind {
	ANSWER_OUTPUT,
	ANSWER_STORE,
	ANSWER_CLEAR,
	ANSWER_KEEP,
	ANSWER_NONE		/* it is no answer */
};

/*
 * protocol_ask		append a line to `to'.  state NULL: none.  -1: no memory.
 * protocol_read	what a line, without its newline, answers.  *text and
 *			*textlen are the OUTPUT or the STATE; that lies in the
 *			line itself, in which it is written anew where it is
 *			escaped.  For ANSWER_NONE *text is a sentence's end that
 *			says why not.
 */
int	 protocol_ask(struct carry *to, const char *key, size_t keylen, const void *state,
	    size_t statelen, const char *record, size_t len);
enum answer_kind protocol_read(char *line, size_t len, const char **text, size_t *textlen);

#endif
