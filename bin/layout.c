/*
 * layout: a state's values as text, and back; printing and parsing, letter by
 * letter.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "layout.h"

#define NUMBER_TEXT	64			/* bytes of a number's text, at most */

struct place {
	uint32_t	 at, len;
};

static size_t
letter_size(char letter)
{
	switch (letter) {
	case 'x':
		return (1);
	case 'i':
	case 'I':
		return (4);
	case 'N':
		return (sizeof(struct decimal));
	case 'X':
		return (sizeof(struct decimal) + sizeof(struct place));
	default:
		return (8);
	}
}

static size_t
fixed_size(const char *layout)
{
	size_t size = 0;

	for (; *layout != '\0'; layout++)
		size += letter_size(*layout);
	return (size);
}

/*
 * Printing.  1: it is what the layout says; 0: it is not; -1: ENOMEM.
 */

struct printer {
	struct buf		*to;
	const unsigned char	*val;
	size_t			 len, at, texts;	/* the field; where the next text is */
};

static void
field_get(const struct printer *p, void *to, size_t size)
{
	memcpy(to, p->val + p->at, size);
}

static int
double_print(char *to, double d)
{
	int n, digits;

	for (digits = 15; ; digits++) {
		n = snprintf(to, NUMBER_TEXT, "%.*g", digits, d);
		if (digits == 17 || strtod(to, NULL) == d)
			return (n);
	}
}

static int
number_print(struct printer *p, char letter)
{
	char		text[NUMBER_TEXT];
	struct decimal	decimal;
	uint64_t	u64;
	uint32_t	u32;
	double		d;
	int		n = 0;

	switch (letter) {
	case 'q':
	case 'Q':
		field_get(p, &u64, sizeof(u64));
		n = letter == 'q' ? snprintf(text, sizeof(text), "%" PRId64, (int64_t)u64) :
		    snprintf(text, sizeof(text), "%" PRIu64, u64);
		break;
	case 'i':
	case 'I':
		field_get(p, &u32, sizeof(u32));
		n = letter == 'i' ? snprintf(text, sizeof(text), "%" PRId32, (int32_t)u32) :
		    snprintf(text, sizeof(text), "%" PRIu32, u32);
		break;
	case 'd':
		field_get(p, &d, sizeof(d));
		if (isnan(d))
			return (0);	/* there are many, and a text for one */
		n = double_print(text, d);
		break;
	default:
		field_get(p, &decimal, sizeof(decimal));
		if (decimal.atto >= DECIMAL_ONE)
			return (0);
		n = (int)(decimal_print(text, &decimal) - text);
		break;
	}
	return (buf_add(p->to, text, (size_t)n) == -1 ? -1 : 1);
}

static int
text_print(struct printer *p, char letter)
{
	struct decimal	number, read;
	struct place	place;
	size_t		at = p->at;

	if (letter == 'X') {
		field_get(p, &number, sizeof(number));
		p->at += sizeof(number);
	}
	field_get(p, &place, sizeof(place));
	p->at = at;
	if (place.at != p->texts || place.len > p->len - p->texts)
		return (0);
	if (letter == 'X' && (decimal_parse(&read, (const char *)p->val + place.at,
	    place.len) != DECIMAL_GOOD || decimal_compare(&read, &number) != 0))
		return (0);
	p->texts += place.len;
	return (escape_add(p->to, p->val + place.at, place.len) == -1 ? -1 : 1);
}

static int
fields_print(struct printer *p, const char *layout)
{
	const char	*l;
	int		 r = 1, first = 1;

	if (p->len < (p->texts = fixed_size(layout)))
		return (0);
	for (l = layout; r == 1 && *l != '\0'; p->at += letter_size(*l++)) {
		if (*l == 'x')
			continue;
		if (!first && buf_add(p->to, "\t", 1) == -1)
			return (-1);
		first = 0;
		r = *l == 'T' || *l == 'X' ? text_print(p, *l) : number_print(p, *l);
	}
	return (r == 1 ? p->texts == p->len : r);
}

int
layout_print(struct buf *text, const char *layout, const void *val, size_t len)
{
	struct printer	p = { .to = text, .val = val, .len = len };
	size_t		before = text->len;
	int		r;

	if (layout == NULL)
		return (escape_add(text, val, len));
	if ((r = fields_print(&p, layout)) != 0)
		return (r == 1 ? 0 : -1);
	text->len = before;
	if (buf_add(text, LAYOUT_MARK, strlen(LAYOUT_MARK)) == -1)
		return (-1);
	return (escape_add(text, val, len));
}

/*
 * Parsing
 */

struct parser {
	struct buf	*val;
	struct buf	 texts;
	size_t		 begin;			/* of the value in val */
	char		*why;
	size_t		 size;
	unsigned	 field;			/* from 1 */
};

static int
wrong(struct parser *p, const char *what)
{
	snprintf(p->why, p->size, "field %u of the value %s", p->field, what);
	errno = EBADMSG;
	return (-1);
}

static int
integer_parse(struct parser *p, char letter, const char *text)
{
	const char	*digits = text + (*text == '-');
	char		*end;
	uint64_t	 u;
	int64_t		 i;
	int		 bad;

	errno = 0;
	if (letter == 'q' || letter == 'i') {
		i = strtoll(text, &end, 10);
		bad = letter == 'i' && (i < INT32_MIN || i > INT32_MAX);
		u = (uint64_t)i;
	} else {
		u = strtoull(text, &end, 10);
		bad = *text == '-' || (letter == 'I' && u > UINT32_MAX);
	}
	if (!isdigit((unsigned char)*digits) || *end != '\0')
		return (wrong(p, "is not an integer"));
	if (bad || errno != 0)
		return (wrong(p, "is out of range"));
	return (buf_add(p->val, &u, letter_size(letter)));
}

static int
double_parse(struct parser *p, const char *text)
{
	char	*end;
	double	 d = strtod(text, &end);

	if (end == text || *end != '\0' || isnan(d))
		return (wrong(p, "is not a number"));
	return (buf_add(p->val, &d, sizeof(d)));
}

static int
decimal_field(struct parser *p, const char *text, size_t len)
{
	struct decimal d;

	if (decimal_parse(&d, text, len) != DECIMAL_GOOD)
		return (wrong(p, "is not a number of 64 bits and at most 18 decimals"));
	return (buf_add(p->val, &d, sizeof(d)));
}

/* Its place is known once all are there: it is counted from the first text here. */
static int
text_field(struct parser *p, const char *text, size_t len, int number)
{
	struct place	place = { (uint32_t)p->texts.len, 0 };
	int		r = 0;

	if (escape_read(&p->texts, text, len) == -1)
		return (errno == EBADMSG ? wrong(p, "has a backslash that means nothing") : -1);
	place.len = (uint32_t)p->texts.len - place.at;
	if (number)
		r = decimal_field(p, (char *)p->texts.data + place.at, place.len);
	return (r == -1 ? -1 : buf_add(p->val, &place, sizeof(place)));
}

static int
field_parse(struct parser *p, char letter, const char *text, size_t len)
{
	char number[NUMBER_TEXT];

	p->field++;
	if (letter == 'T' || letter == 'X')
		return (text_field(p, text, len, letter == 'X'));
	if (letter == 'N')
		return (decimal_field(p, text, len));
	if (len >= sizeof(number))
		return (wrong(p, "is not a number"));
	memcpy(number, text, len);
	number[len] = '\0';
	return (letter == 'd' ? double_parse(p, number) : integer_parse(p, letter, number));
}

static int
fields_parse(struct parser *p, const char *layout, const char *text, size_t len)
{
	const char	*end = text + len, *tab;

	for (; *layout != '\0'; layout++) {
		if (*layout == 'x') {
			if (buf_add(p->val, "", 1) == -1)
				return (-1);
			continue;
		}
		if (text == NULL)
			return (wrong(p, "is the last one, there are too few"));
		tab = memchr(text, '\t', (size_t)(end - text));
		if (field_parse(p, *layout, text, (size_t)((tab != NULL ? tab : end) - text)) == -1)
			return (-1);
		text = tab != NULL ? tab + 1 : NULL;
	}
	return (text != NULL ? wrong(p, "is not the last one, there are too many") : 0);
}

static void
places_set(struct parser *p, const char *layout)
{
	size_t		 first = fixed_size(layout), at = p->begin;
	struct place	 place;
	unsigned char	*to;

	for (; *layout != '\0'; at += letter_size(*layout++)) {
		if (*layout != 'T' && *layout != 'X')
			continue;
		to = p->val->data + at + letter_size(*layout) - sizeof(place);
		memcpy(&place, to, sizeof(place));
		place.at += (uint32_t)first;
		memcpy(to, &place, sizeof(place));
	}
}

static int
escaped_parse(struct parser *p, const char *text, size_t len)
{
	if (escape_read(p->val, text, len) == 0)
		return (0);
	if (errno == EBADMSG)
		snprintf(p->why, p->size, "the value has a backslash that means nothing");
	return (-1);
}

int
layout_parse(struct buf *val, const char *layout, const char *text, size_t len, char *why,
    size_t size)
{
	struct parser	p = { .val = val, .begin = val->len, .why = why, .size = size };
	size_t		mark = strlen(LAYOUT_MARK);
	int		r;

	snprintf(why, size, "%s", strerror(ENOMEM));
	if (layout == NULL)
		return (escaped_parse(&p, text, len));
	if (len >= mark && memcmp(text, LAYOUT_MARK, mark) == 0)
		return (escaped_parse(&p, text + mark, len - mark));
	r = fields_parse(&p, layout, text, len);
	if (r == 0) {
		places_set(&p, layout);
		r = buf_add(val, p.texts.data, p.texts.len);
	}
	buf_free(&p.texts);
	return (r);
}
