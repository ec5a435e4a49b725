/*
 * fields: where a record's fields are, and which of them are wanted.
 *
 * Any byte may stand in a field, NUL and CR included: nothing is stripped, but a
 * first record that looks wrong is worth a warning.
 */
#include <stdio.h>
#include <string.h>

#include "fields.h"

#define SHOWN	60			/* bytes of a field or name in a sentence */

int		fields_whitespace;
static int	fields_separator = -1;

const char *
fields_set_separator(const char *arg)
{
	if (strcmp(arg, "\\t") == 0)
		fields_separator = '\t';
	else if (strcmp(arg, "\n") == 0)
		return ("ends records, it cannot end fields too");
	else if (strlen(arg) != 1)
		return ("is not one byte, nor \\t for TAB; -W takes runs of blanks");
	else
		fields_separator = (unsigned char)*arg;
	return (NULL);
}

const char *
fields_check(void)
{
	if (fields_whitespace && fields_separator != -1)
		return ("-t and -W: fields end at one of the two, not at both");
	return (NULL);
}

int
fields_own(void)
{
	return (fields_whitespace || fields_separator != -1);
}

void
fields_begin(struct fields *f, int stream_separator, const char *header, size_t headerlen)
{
	f->separator = stream_separator;
	if (fields_whitespace)
		f->separator = WEIR_BLANKS;
	else if (fields_separator != -1)
		f->separator = fields_separator;
	if (f->separator < 0)
		f->separator = '\t';
	f->joint = f->separator == WEIR_BLANKS ? '\t' : (char)f->separator;
	f->header = header;
	f->headerlen = headerlen;
}

/*
 * Finding
 */

static const char *
blanks_skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return (p);
}

static const char *
blanks_find(const char *p, const char *end)
{
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	return (p);
}

/* To the field after the one at the cursor: 1, or 0 if that was the last. */
static int
blanks_next(struct fields_cursor *c)
{
	const char	*p = c->number == 0 ? c->record : c->at + c->len;

	p = blanks_skip(p, c->end);
	if (p == c->end)
		return (0);
	c->at = p;
	c->len = (size_t)(blanks_find(p, c->end) - p);
	c->number++;
	return (1);
}

static int
bytes_next(struct fields_cursor *c, int separator)
{
	const char	*p = c->record;
	const char	*stop;

	if (c->number > 0) {
		if (c->at + c->len == c->end)
			return (0);
		p = c->at + c->len + 1;
	}
	/* an empty record's bytes may have no address to search from */
	stop = p == c->end ? NULL : memchr(p, separator, (size_t)(c->end - p));
	c->at = p;
	c->len = (size_t)((stop == NULL ? c->end : stop) - p);
	c->number++;
	return (1);
}

int
fields_find(const struct fields *f, struct fields_cursor *c, uint32_t n,
    struct fields_slice *slice)
{
	if (n == 0) {
		slice->at = c->record;
		slice->len = (size_t)(c->end - c->record);
		return (1);
	}
	if (n < c->number)
		c->number = 0;
	while (c->number < n)
		if (f->separator == WEIR_BLANKS ? !blanks_next(c) :
		    !bytes_next(c, f->separator))
			return (0);
	slice->at = c->at;
	slice->len = c->len;
	return (1);
}

static uint32_t
fields_count(const struct fields *f, const char *record, size_t len)
{
	struct fields_cursor	 c;
	struct fields_slice	 slice;

	fields_start(&c, record, len);
	(void)fields_find(f, &c, UINT32_MAX, &slice);
	return (c.number);
}

/*
 * Naming
 */

int
fields_parse(struct field *field, const char *text, size_t len, char *why)
{
	char		 shown[SHOWN];
	uint64_t	 number = 0;
	size_t		 i;

	memset(field, 0, sizeof(*field));
	field->name = text;
	field->namelen = len;
	if (len == 0) {
		snprintf(why, FIELDS_WHY, "a field is missing: 1, 2, ..., 0 for the whole "
		    "record, or a column's name");
		return (-1);
	}
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		if (number < UINT32_MAX)
			number = number * 10 + (uint64_t)(text[i] - '0');
	field->by_name = i < len;
	if (!field->by_name && number >= UINT32_MAX) {
		snprintf(why, FIELDS_WHY, "no record has a field %s",
		    fields_quote(shown, sizeof(shown), text, len));
		return (-1);
	}
	field->number = field->by_name ? 0 : (uint32_t)number;
	return (0);
}

/* The columns' names in a row, as many as fit. */
static void
columns_list(const struct fields *f, char *to, size_t size)
{
	struct fields_cursor	 c;
	struct fields_slice	 column;
	char			 shown[SHOWN];
	size_t			 used = 0;
	uint32_t		 n;
	int			 len;

	*to = '\0';
	fields_start(&c, f->header, f->headerlen);
	for (n = 1; fields_find(f, &c, n, &column); n++) {
		fields_quote(shown, sizeof(shown), column.at, column.len);
		len = snprintf(to + used, size - used, "%s%s", n > 1 ? " " : "", shown);
		if ((size_t)len >= size - used) {
			snprintf(to + (used < size - 5 ? used : size - 5), 5, " ...");
			return;
		}
		used += (size_t)len;
	}
}

/* The number of the column called name, 0 if there is none; *second: another one. */
static uint32_t
column_find(const struct fields *f, const char *name, size_t namelen, uint32_t *second)
{
	struct fields_cursor	 c;
	struct fields_slice	 column;
	uint32_t		 n, first = 0;

	*second = 0;
	fields_start(&c, f->header, f->headerlen);
	for (n = 1; *second == 0 && fields_find(f, &c, n, &column); n++) {
		if (column.len != namelen || memcmp(column.at, name, namelen) != 0)
			continue;
		if (first == 0)
			first = n;
		else
			*second = n;
	}
	return (first);
}

int
fields_resolve(struct field *field, const struct fields *f, char *why)
{
	char		 name[SHOWN], columns[FIELDS_WHY - 2 * SHOWN - 60];
	uint32_t	 first, second;

	if (!field->by_name)
		return (0);
	fields_quote(name, sizeof(name), field->name, field->namelen);
	if (f->header == NULL) {
		snprintf(why, FIELDS_WHY, "no column \"%s\": there is no header; source -H",
		    name);
		return (-1);
	}
	first = column_find(f, field->name, field->namelen, &second);
	if (first == 0) {
		columns_list(f, columns, sizeof(columns));
		snprintf(why, FIELDS_WHY, "no column \"%s\"; the header has: %s%s", name,
		    columns, f->headerlen > 0 && f->header[f->headerlen - 1] == '\r' ?
		    " (with a carriage return: tr -d '\\r')" : "");
		return (-1);
	}
	if (second != 0) {
		snprintf(why, FIELDS_WHY, "two columns are called \"%s\", %u and %u; "
		    "say which by its number", name, (unsigned)first, (unsigned)second);
		return (-1);
	}
	field->number = first;
	return (0);
}

/*
 * Saying
 */

/* Bytes of the UTF-8 character at p that can be shown as it is; 0: escape the byte. */
static size_t
printable(const unsigned char *p, size_t len)
{
	size_t	 i, n;

	if (*p < 0x80)
		return (*p >= 0x20 && *p != 0x7f && *p != '"' && *p != '\\');
	n = *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 :
	    *p >= 0xf0 && *p < 0xf5 ? 4 : 0;
	/* U+0080 to U+009F are controls */
	if (n == 0 || n > len || (*p == 0xc2 && p[1] < 0xa0))
		return (0);
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return (0);
	return (n);
}

char *
fields_quote(char *to, size_t size, const char *text, size_t len)
{
	static const char	 from[] = "\t\r\"\\", letter[] = "tr\"\\";
	const unsigned char	*p = (const unsigned char *)text;
	const char		*special;
	char			 piece[8];
	size_t			 i, n, piecelen, used = 0, dots = 0;

	for (i = 0; i < len; i += n) {
		n = printable(p + i, len - i);
		special = memchr(from, p[i], sizeof(from) - 1);
		if (n > 0)
			piecelen = (size_t)snprintf(piece, sizeof(piece), "%.*s", (int)n,
			    text + i);
		else if (special != NULL)
			piecelen = (size_t)snprintf(piece, sizeof(piece), "\\%c",
			    letter[special - from]);
		else
			piecelen = (size_t)snprintf(piece, sizeof(piece), "\\%03o", p[i]);
		if (n == 0)
			n = 1;
		if (used + piecelen + 1 > size) {
			memcpy(to + dots, "...", 4);
			return (to);
		}
		memcpy(to + used, piece, piecelen);
		used += piecelen;
		if (used + 4 <= size)
			dots = used;
	}
	to[used] = '\0';
	return (to);
}

static const char *
separator_name(const struct fields *f, char *to, size_t size)
{
	char	 c = (char)f->separator;

	if (f->separator == WEIR_BLANKS)
		return ("blanks");
	if (f->separator == '\t')
		return ("TAB");
	to[0] = to[1] = '\'';
	fields_quote(to + 1, size - 2, &c, 1);
	return (strcat(to, "'"));
}

char *
fields_name(const struct field *field, char *to)
{
	char	 shown[SHOWN];

	if (field->by_name)
		snprintf(to, FIELDS_NAME, "field %u (%s)", (unsigned)field->number,
		    fields_quote(shown, sizeof(shown), field->name, field->namelen));
	else
		snprintf(to, FIELDS_NAME, "field %u", (unsigned)field->number);
	return (to);
}

void
fields_missing(const struct fields *f, const struct field *field, const char *record,
    size_t len, const char *cure, char *why)
{
	char	 name[FIELDS_NAME], separator[16];

	snprintf(why, FIELDS_WHY, "no %s, only %u (separator %s); try %s-t C, or %s",
	    fields_name(field, name),
	    (unsigned)fields_count(f, record, len),
	    separator_name(f, separator, sizeof(separator)),
	    f->separator == WEIR_BLANKS ? "" : "-W for blanks, ", cure);
}

int
fields_doubt(const struct fields *f, const struct field *field, const char *record,
    size_t len, char *why)
{
	struct fields_cursor	 c;
	struct fields_slice	 slice;
	char			 name[FIELDS_NAME], separator[16];
	int			 found;

	fields_start(&c, record, len);
	found = fields_find(f, &c, field->number, &slice);
	if (found && slice.len > 0 && slice.at + slice.len == record + len &&
	    record[len - 1] == '\r') {
		snprintf(why, FIELDS_WHY, "the first record's %s ends in a carriage return, "
		    "which stays part of it; tr -d '\\r' in front of source takes it away",
		    field->number == 0 ? "text" : fields_name(field, name));
		return (1);
	}
	if (field->number > 0 && fields_count(f, record, len) <= 1) {
		snprintf(why, FIELDS_WHY, "the first record holds no separator (%s); try %s-t C",
		    separator_name(f, separator, sizeof(separator)),
		    f->separator == WEIR_BLANKS ? "" : "-W for blanks, or ");
		return (1);
	}
	return (0);
}
