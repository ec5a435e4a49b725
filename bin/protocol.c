/*
 * protocol: what statemap and a command say to each other, a line each.
 */
#include <string.h>

#include "protocol.h"

/* The letter behind the backslash, 0: the byte stands for itself. */
static char
escape(char c)
{
	switch (c) {
	case '\t':
		return ('t');
	case '\n':
		return ('n');
	case '\\':
		return ('\\');
	default:
		return (0);
	}
}

/* The byte that an escape means, 0: there is none such. */
static char
unescape(char letter)
{
	switch (letter) {
	case 't':
		return ('\t');
	case 'n':
		return ('\n');
	case '\\':
		return ('\\');
	default:
		return (0);
	}
}

/* There is room for twice as many bytes. */
static char *
put_escaped(char *to, const char *text, size_t len)
{
	const char *end = text + len;
	char letter;

	for (; text < end; text++)
		if ((letter = escape(*text)) != 0) {
			*to++ = '\\';
			*to++ = letter;
		} else
			*to++ = *text;
	return (to);
}

int
protocol_ask(struct carry *to, const char *key, size_t keylen, const void *state,
    size_t statelen, const char *record, size_t len)
{
	char *start, *at;

	if ((start = carry_room(to, 2 * keylen + 2 * statelen + len + 4)) == NULL)
		return (-1);
	at = put_escaped(start, key, keylen);
	*at++ = '\t';
	*at++ = state == NULL ? '.' : '=';
	at = put_escaped(at, state, statelen);
	*at++ = '\t';
	if (len > 0)
		memcpy(at, record, len);
	at += len;
	*at++ = '\n';
	carry_add(to, (size_t)(at - start));
	return (0);
}

static int
escapes_good(const char *text, const char *end)
{
	while ((text = memchr(text, '\\', (size_t)(end - text))) != NULL) {
		if (text + 1 == end || unescape(text[1]) == 0)
			return (0);
		text += 2;
	}
	return (1);
}

/* In place: 0, or -1, with nothing changed, for a backslash that escapes nothing. */
static int
strip_escapes(char *text, size_t *len)
{
	char *end = text + *len, *from, *to;

	if (!escapes_good(text, end))
		return (-1);
	for (from = to = text; from < end; from++)
		*to++ = *from == '\\' ? unescape(*++from) : *from;
	*len = (size_t)(to - text);
	return (0);
}

enum answer_kind
protocol_read(char *line, size_t len, const char **text, size_t *textlen)
{
	if (len > 0) {
		*text = line + 1;
		*textlen = len - 1;
	}
	switch (len > 0 ? *line : '\0') {
	case '>':
		return (ANSWER_OUTPUT);
	case '=':
		if (strip_escapes(line + 1, textlen) == 0)
			return (ANSWER_STORE);
		*text = "has a backslash that is none of \\t, \\n and \\\\";
		return (ANSWER_NONE);
	case '-':
		if (len == 1)
			return (ANSWER_CLEAR);
		break;
	case '.':
		if (len == 1)
			return (ANSWER_KEEP);
		break;
	}
	*text = "is none of >OUTPUT, =STATE, - and .";
	return (ANSWER_NONE);
}
