/*
 * folds: what one reduce computes: functions, side by side, over a key's records.
 *
 *  - A record is folded by all functions or by none: what may overflow is undone.
 *  - A field that several functions want is found and read once.
 *  - Texts are moved by folds_pack() alone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folds.h"

#define SHOWN	64			/* bytes of a field or name in a sentence */

static int
fields_equal(const struct field *a, const struct field *b)
{
	if (a->by_name != b->by_name)
		return (0);
	if (!a->by_name)
		return (a->number == b->number);
	return (a->namelen == b->namelen && memcmp(a->name, b->name, a->namelen) == 0);
}

/* The input for a field, made if there is none yet; NULL: no memory. */
static struct folds_input *
input_get(struct folds *set, const struct field *field)
{
	struct folds_input	*input;
	size_t			 i;

	for (i = 0; i < set->inputs; i++)
		if (fields_equal(&set->input[i].field, field))
			return (&set->input[i]);
	if ((input = realloc(set->input, (set->inputs + 1) * sizeof(*input))) == NULL)
		return (NULL);
	set->input = input;
	input += set->inputs++;
	memset(input, 0, sizeof(*input));
	input->field = *field;
	return (input);
}

static int
column_append(struct folds *set, const struct folds_column *new, const struct field *field)
{
	const struct fold	*fold = new->fold;
	struct folds_column	*column;
	struct folds_input	*input;
	void			*undo;

	if ((column = realloc(set->column, (set->columns + 1) * sizeof(*column))) == NULL)
		return (-1);
	set->column = column;
	if ((undo = realloc(set->undo, set->size + fold->size)) == NULL)
		return (-1);
	set->undo = undo;
	column += set->columns;
	*column = *new;
	if (fold->wants != FOLD_WANTS_NOTHING) {
		if ((input = input_get(set, field)) == NULL)
			return (-1);
		column->input = (size_t)(input - set->input);
		if (fold->wants == FOLD_WANTS_NUMBER)
			input->numeric = 1;
	}
	column->offset = set->size;
	set->size += fold->size;
	set->bound += 1 + fold->bound;
	set->texts |= fold->text != FOLD_NO_TEXT;
	set->overflows |= fold->overflows;
	set->columns++;
	return (0);
}

/* NAME= is taken off the operand; a FIELD may hold a '=' too, behind the colon. */
static const char *
name_parse(struct folds_column *column, const char *operand)
{
	size_t	 len = strcspn(operand, "=:");

	column->name = operand;
	column->namelen = strlen(operand);
	if (operand[len] != '=')
		return (operand);
	column->namelen = len;
	return (operand + len + 1);
}

static const struct fold *
function_parse(const char *name, size_t len, char *why)
{
	const struct fold	*fold = fold_find(name, len);
	char			 shown[SHOWN];
	size_t			 i;
	int			 used;

	if (fold != NULL)
		return (fold);
	used = snprintf(why, FIELDS_WHY, "no function \"%s\"; there are",
	    fields_quote(shown, sizeof(shown), name, len));
	for (i = 0; (fold = fold_at(i)) != NULL; i++)
		used += snprintf(why + used, FIELDS_WHY - (size_t)used, " %s", fold->name);
	return (NULL);
}

int
folds_parse(struct folds *set, const char *operand, char *why)
{
	struct folds_column	 column = { 0 };
	struct field		 field = { 0 };
	const char		*function, *colon;
	char			 shown[SHOWN];
	size_t			 len;

	fields_quote(shown, sizeof(shown), operand, strlen(operand));
	function = name_parse(&column, operand);
	len = strcspn(function, ":");
	colon = function[len] == ':' ? function + len : NULL;
	if ((column.fold = function_parse(function, len, why)) == NULL)
		return (-1);
	if (column.namelen == 0 || memchr(column.name, '\n', column.namelen) != NULL) {
		snprintf(why, FIELDS_WHY, "%s: the column's name is empty or holds a newline",
		    shown);
		return (-1);
	}
	if (column.fold->wants == FOLD_WANTS_NOTHING && colon != NULL) {
		snprintf(why, FIELDS_WHY, "%s: %s takes no field, it counts the key's "
		    "records", shown, column.fold->name);
		return (-1);
	}
	if (column.fold->wants == FOLD_WANTS_NUMBER && colon == NULL) {
		snprintf(why, FIELDS_WHY, "%s: of which field? %s:2, say", shown,
		    column.fold->name);
		return (-1);
	}
	if (colon != NULL && fields_parse(&field, colon + 1, strlen(colon + 1), why) == -1)
		return (-1);
	if (column_append(set, &column, &field) == -1) {
		snprintf(why, FIELDS_WHY, "%s: %s", shown, strerror(errno));
		return (-1);
	}
	return (0);
}

int
folds_resolve(struct folds *set, const struct fields *f, char *why)
{
	size_t	 i;

	for (i = 0; i < set->inputs; i++)
		if (fields_resolve(&set->input[i].field, f, why) == -1)
			return (-1);
	return (0);
}

char *
folds_header(const struct folds *set, const struct fields *f, const char *key, size_t keylen,
    size_t *len, char *why)
{
	const struct folds_column	*column;
	char				*header, *p, shown[SHOWN];
	size_t				 i, size = keylen;

	for (i = 0; i < set->columns; i++) {
		column = &set->column[i];
		if (memchr(column->name, f->joint, column->namelen) != NULL) {
			snprintf(why, FIELDS_WHY, "a column cannot be called \"%s\", which "
			    "holds the separator; NAME= before the function renames it",
			    fields_quote(shown, sizeof(shown), column->name, column->namelen));
			return (NULL);
		}
		size += 1 + column->namelen;
	}
	if ((header = malloc(size + 1)) == NULL) {
		snprintf(why, FIELDS_WHY, "header: %s", strerror(errno));
		return (NULL);
	}
	memcpy(header, key, keylen);
	p = header + keylen;
	for (i = 0; i < set->columns; i++) {
		*p++ = f->joint;
		memcpy(p, set->column[i].name, set->column[i].namelen);
		p += set->column[i].namelen;
	}
	*p = '\0';
	*len = size;
	return (header);
}

int
folds_layout(const struct folds *set, char *layout, size_t size)
{
	size_t	 i, at = 0;

	for (i = 0; i < set->columns && at < size; i++)
		at += (size_t)snprintf(layout + at, size - at, "%s",
		    set->column[i].fold->layout);
	return (at < size ? 0 : -1);
}

void
folds_free(struct folds *set)
{
	free(set->column);
	free(set->input);
	free(set->undo);
	memset(set, 0, sizeof(*set));
}

/*
 * A record
 */

static void
number_fault(const struct folds_input *in, const struct fields *f, enum decimal_fault fault,
    char *why)
{
	static const char *const says[] = {
		[DECIMAL_NO_NUMBER] = "is not a number",
		[DECIMAL_TOO_FINE] = "has more than 18 decimals",
		[DECIMAL_TOO_LARGE] = "does not fit 64 bits",
	};
	const struct fields_slice	*text = &in->text;
	const char			*cure = "";
	char				 name[FIELDS_NAME], shown[SHOWN];

	if (fault == DECIMAL_NO_NUMBER && text->len > 0 && text->at[text->len - 1] == '\r')
		cure = "a carriage return? (tr -d '\\r'); else ";
	else if (fault == DECIMAL_NO_NUMBER && f->header == NULL)
		cure = "a header? (source -H); else ";
	snprintf(why, FIELDS_WHY, "%s \"%s\" %s; %s--on-error skip or divert=FILE",
	    fields_name(&in->field, name), fields_quote(shown, sizeof(shown), text->at,
	    text->len), says[fault], cure);
}

int
folds_read(struct folds *set, const struct fields *f, const char *record, size_t len,
    char *why)
{
	struct fields_cursor	 c;
	struct folds_input	*in;
	enum decimal_fault	 fault;
	size_t			 i;

	fields_start(&c, record, len);
	for (i = 0; i < set->inputs; i++) {
		in = &set->input[i];
		if (!fields_find(f, &c, in->field.number, &in->text)) {
			fields_missing(f, &in->field, record, len,
			    "--on-error skip or divert=FILE", why);
			return (-1);
		}
		if (!in->numeric)
			continue;
		fault = decimal_parse(&in->number, in->text.at, in->text.len);
		if (fault != DECIMAL_GOOD) {
			number_fault(in, f, fault, why);
			return (-1);
		}
	}
	return (0);
}

int
folds_doubt(const struct folds *set, const struct fields *f, const char *record, size_t len,
    char *why)
{
	size_t	 i;

	for (i = 0; i < set->inputs; i++)
		if (fields_doubt(f, &set->input[i].field, record, len, why))
			return (1);
	return (0);
}

int
folds_add(struct folds *set, void *accumulators, int is_new, char *why)
{
	struct folds_column	*column;
	const struct folds_input *in;
	enum fold_answer	 answer;
	char			 name[FIELDS_NAME];
	size_t			 i;

	if (set->overflows)
		memcpy(set->undo, accumulators, set->size);
	for (i = 0; i < set->columns; i++) {
		column = &set->column[i];
		in = column->fold->wants == FOLD_WANTS_NOTHING ? NULL :
		    &set->input[column->input];
		answer = column->fold->add((char *)accumulators + column->offset,
		    in == NULL ? NULL : &in->number, is_new);
		if (answer == FOLD_OVERFLOW) {
			memcpy(accumulators, set->undo, set->size);
			snprintf(why, FIELDS_WHY, "the sum of %s no longer fits 64 bits; "
			    "--on-error skip or divert=FILE", fields_name(&in->field, name));
			return (-1);
		}
		column->replaced = answer == FOLD_REPLACE;
	}
	return (0);
}

/*
 * Texts
 */

/* Where a column's text is, NULL if it has none. */
static const struct fold_text *
text_of(const struct folds_column *column, const void *accumulators)
{
	if (column->fold->text == FOLD_NO_TEXT)
		return (NULL);
	return ((const void *)((const char *)accumulators + column->offset +
	    column->fold->text));
}

size_t
folds_packed(const struct folds *set, const void *accumulators)
{
	const struct folds_column	*column;
	const struct fold_text		*text;
	size_t				 i, size = set->size;

	for (i = 0; i < set->columns; i++) {
		column = &set->column[i];
		if ((text = text_of(column, accumulators)) != NULL)
			size += column->replaced ? set->input[column->input].text.len :
			    text->len;
	}
	return (size);
}

void
folds_pack(const struct folds *set, void *accumulators, const char *old, char *to)
{
	const struct folds_column	*column;
	const struct fold_text		*text;
	struct fold_text		 moved;
	const char			*from;
	size_t				 i, at = set->size;

	for (i = 0; i < set->columns; i++) {
		column = &set->column[i];
		if ((text = text_of(column, accumulators)) == NULL)
			continue;
		from = column->replaced ? set->input[column->input].text.at : old + text->at;
		moved.at = (uint32_t)at;
		moved.len = column->replaced ?
		    (uint32_t)set->input[column->input].text.len : text->len;
		memcpy(to + at, from, moved.len);
		at += moved.len;
		memcpy((char *)accumulators + column->offset + column->fold->text, &moved,
		    sizeof(moved));
	}
	memcpy(to, accumulators, set->size);
}

char *
folds_print(const struct folds *set, char *to, char joint, const void *accumulators,
    const char *value)
{
	const struct folds_column	*column;
	const struct fold_text		*text;
	size_t				 i;

	for (i = 0; i < set->columns; i++) {
		column = &set->column[i];
		*to++ = joint;
		if ((text = text_of(column, accumulators)) == NULL) {
			to = column->fold->print(to,
			    (const char *)accumulators + column->offset);
			continue;
		}
		memcpy(to, value + text->at, text->len);
		to += text->len;
	}
	return (to);
}
