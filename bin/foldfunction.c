/*
 * foldfunction: count, sum, min, max, mean, first, last over each key's records.
 *
 * Prints the key and each result, for every record (--emit each) or once for each
 * key when bounded input has ended (--emit end), then in byte order of the keys.
 * Hence:
 *  - the output is text of its own, and not keyed;
 *  - a bad record changes no result: it is folded whole or not at all;
 *  - a value of fixed size is changed where it lies, no record allocates, and
 *    output is written straight into the frame.
 * There is one in a process: its parts are found without a pointer.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "changed.h"
#include "fields.h"
#include "folds.h"
#include "function.h"

#define AHEAD		12		/* records between asking for a value and using it */
#define STRAIGHT	4096		/* longer records are not written into the frame */

static struct {
	struct fields		 fields;
	struct folds		 folds;
	struct weir_value	*value;
	struct changed		 changed;
	void			*accumulators;	/* of the key in hand, where there are texts */
	char			*packed;	/* its value, likewise */
	char			*line;		/* a long record */
	size_t			 packed_room, line_room;
	int			 looked;	/* at the first record */
	int			 emit_end;
} self;

/* Room in a frame, and how far it is written. */
struct output {
	char	*start, *at, *end;
	size_t	 records;
	int	 full;			/* no more records, please */
};

/* A key whose maker does not say which columns it is made of is called "key". */
static int
foldfunction_header(struct weir *w)
{
	const char	*key;
	char		*header, why[FIELDS_WHY];
	size_t		 len, keylen = 0;
	int		 answer;

	if (self.fields.header == NULL)
		return (0);
	if ((key = weir_key_header(w, &keylen)) == NULL) {
		key = "key";
		keylen = strlen(key);
	}
	header = folds_header(&self.folds, &self.fields, key, keylen, &len, why);
	if (header == NULL)
		return (weir_misuse(w, "%s", why));
	answer = weir_set_header(w, header, len);
	free(header);
	return (answer);
}

static int
foldfunction_open(struct weir_function *function, struct weir *w)
{
	const char	*header;
	char		 why[FIELDS_WHY], layout[WEIR_LAYOUT_MAX + 1];
	size_t		 len = 0;

	(void)function;
	header = weir_header(w, &len);
	fields_begin(&self.fields, weir_separator(w), header, len);
	if (folds_resolve(&self.folds, &self.fields, why) == -1)
		return (weir_misuse(w, "%s", why));
	weir_set_separator(w, (unsigned char)self.fields.joint);
	if (foldfunction_header(w) == -1 || (self.value = weir_value(w, "reduce")) == NULL)
		return (-1);
	if (folds_layout(&self.folds, layout, sizeof(layout)) == 0 &&
	    weir_value_layout(self.value, layout) == -1)
		return (-1);
	if (self.emit_end && changed_open(&self.changed, w, self.value) == -1)
		return (-1);
	if ((self.accumulators = malloc(self.folds.size)) == NULL)
		return (weir_error(w, "no memory"));
	return (WEIR_OK);
}

/*
 * Output
 */

static int
output_flush(struct weir *w, struct output *out)
{
	if (out->records > 0 &&
	    weir_commit(w, (size_t)(out->at - out->start), out->records) == -1)
		return (-1);
	out->start = out->at = out->end = NULL;
	out->records = 0;
	out->full = weir_full(w);
	return (0);
}

static char *
record_print(char *to, const struct weir_record *key, const void *accumulators,
    const char *value)
{
	memcpy(to, key->key, key->keylen);
	to = folds_print(&self.folds, to + key->keylen, self.fields.joint, accumulators,
	    value);
	*to++ = '\n';
	return (to);
}

/* A long record: the runtime decides whether it is too long. */
static int
output_long(struct weir *w, struct output *out, const struct weir_record *key,
    const void *accumulators, const char *value, size_t bound)
{
	char	*line, *end;

	if (output_flush(w, out) == -1)
		return (-1);
	if (bound > self.line_room) {
		if ((line = realloc(self.line, bound)) == NULL)
			return (weir_error(w, "no memory for a record"));
		self.line = line;
		self.line_room = bound;
	}
	end = record_print(self.line, key, accumulators, value);
	if (weir_emit(w, self.line, (size_t)(end - self.line) - 1) == -1)
		return (-1);
	out->full = weir_full(w);
	return (0);
}

/* Print the key and its results; valuelen: the texts lie within. */
static int
output_record(struct weir *w, struct output *out, const struct weir_record *key,
    const void *accumulators, const char *value, size_t valuelen)
{
	size_t	 bound, room;

	bound = key->keylen + self.folds.bound + (valuelen - self.folds.size) + 1;
	if (bound > STRAIGHT)
		return (output_long(w, out, key, accumulators, value, bound));
	if ((size_t)(out->end - out->at) < bound) {
		if (output_flush(w, out) == -1 ||
		    (out->start = weir_reserve(w, bound, &room)) == NULL)
			return (-1);
		out->at = out->start;
		out->end = out->start + room;
	}
	out->at = record_print(out->at, key, accumulators, value);
	out->records++;
	return (0);
}

/*
 * Records
 */

/* The record has to be told apart from output that is not committed yet. */
static int
foldfunction_bad(struct weir *w, struct output *out, const struct weir_record *r, const char *why)
{
	if (output_flush(w, out) == -1)
		return (-1);
	return (weir_bad(w, r, "%s", why));
}

/* A value with texts: made anew beside the old one. */
static int
foldfunction_texts(struct weir *w, struct output *out, const struct weir_record *r)
{
	const void	*old = NULL;
	char		*packed, why[FIELDS_WHY];
	size_t		 len = 0;
	int		 found;

	if ((found = weir_value_get(self.value, &old, &len)) == -1)
		return (-1);
	if (found)
		memcpy(self.accumulators, old, self.folds.size);
	else
		memset(self.accumulators, 0, self.folds.size);
	if (folds_add(&self.folds, self.accumulators, !found, why) == -1)
		return (foldfunction_bad(w, out, r, why));
	len = folds_packed(&self.folds, self.accumulators);
	if (len > UINT32_MAX)
		return (weir_error(w, "a key's texts are longer than 4 GiB"));
	if (len > self.packed_room) {
		if ((packed = realloc(self.packed, 2 * len)) == NULL)
			return (weir_error(w, "no memory for a value"));
		self.packed = packed;
		self.packed_room = 2 * len;
	}
	folds_pack(&self.folds, self.accumulators, found ? old : NULL, self.packed);
	if (weir_value_put(self.value, self.packed, len) == -1)
		return (-1);
	if (self.emit_end)
		return (changed_mark(&self.changed));
	return (output_record(w, out, r, self.accumulators, self.packed, len));
}

/* A value of fixed size: changed where it lies. */
static int
foldfunction_fixed(struct weir *w, struct output *out, const struct weir_record *r)
{
	void	*accumulators;
	char	 why[FIELDS_WHY];

	accumulators = weir_value_hold(self.value, self.folds.size);
	if (accumulators == NULL)
		return (-1);
	if (folds_add(&self.folds, accumulators, 0, why) == -1)
		return (foldfunction_bad(w, out, r, why));
	if (self.emit_end)
		return (changed_mark(&self.changed));
	return (output_record(w, out, r, accumulators, NULL, self.folds.size));
}

/* Fold a record and print what comes of it: 0, also if it was bad; or -1. */
static int
foldfunction_record(struct weir *w, struct output *out, const struct weir_record *r)
{
	char	 why[FIELDS_WHY];

	/* before the key's value is touched: a bad record makes none */
	if (folds_read(&self.folds, &self.fields, r->data, r->len, why) == -1)
		return (foldfunction_bad(w, out, r, why));
	if (!self.looked && r->len > 0) {
		self.looked = 1;
		if (folds_doubt(&self.folds, &self.fields, r->data, r->len, why))
			weir_warn(w, "%s", why);
	}
	weir_select(w, r);
	return (self.folds.texts ? foldfunction_texts(w, out, r) : foldfunction_fixed(w, out, r));
}

static long
foldfunction_process(struct weir_function *function, struct weir *w, const struct weir_record *r,
    size_t n)
{
	struct output	 out = { 0 };
	size_t		 i;

	(void)function;
	for (i = 0; i < n && i < AHEAD; i++)
		weir_value_prefetch(self.value, &r[i]);
	for (i = 0; i < n && !out.full; i++) {
		if (i + AHEAD < n)
			weir_value_prefetch(self.value, &r[i + AHEAD]);
		if (foldfunction_record(w, &out, &r[i]) == -1)
			return (-1);
	}
	if (output_flush(w, &out) == -1)
		return (-1);
	return ((long)i);
}

/* --emit end: a frame's worth at a time. */
static int
foldfunction_end(struct weir_function *function, struct weir *w)
{
	struct weir_record	 key;
	struct output		 out = { 0 };
	const void		*value;
	size_t			 len;
	int			 more = 1;

	(void)function;
	if (!self.emit_end)
		return (WEIR_OK);
	while (!out.full && (more = changed_next(&self.changed, &key, &value, &len)) == 1) {
		memcpy(self.accumulators, value, self.folds.size);
		if (output_record(w, &out, &key, self.accumulators, value, len) == -1)
			return (-1);
	}
	if (more == -1 || output_flush(w, &out) == -1)
		return (-1);
	return (more ? WEIR_MORE : WEIR_OK);
}

static void
foldfunction_close(struct weir_function *function)
{
	(void)function;
	folds_free(&self.folds);
	free(self.accumulators);
	free(self.packed);
	free(self.line);
}

struct weir_function *
foldfunction_new(struct weir *w, int argc, char *argv[], int emit_end)
{
	static struct weir_function	 function = {
		.open = foldfunction_open, .process = foldfunction_process, .end = foldfunction_end,
		.close = foldfunction_close,
	};
	char				 why[FIELDS_WHY];
	int				 i;

	self.emit_end = emit_end;
	for (i = 0; i < argc; i++)
		if (folds_parse(&self.folds, argv[i], why) == -1) {
			weir_misuse(w, "%s", why);
			return (NULL);
		}
	return (&function);
}
