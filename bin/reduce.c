/*
 * reduce: fold the records of each key: count, sum, min, max, mean, first, last.
 *
 * Prints the key and each result, for every record (--emit each) or once for each
 * key when bounded input has ended (--emit end), then in byte order of the keys.
 * Hence:
 *  - the output is text of its own, and not keyed;
 *  - a bad record changes no result: it is folded whole or not at all;
 *  - a value of fixed size is changed where it lies, no record allocates, and
 *    output is written straight into the frame.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "folds.h"
#include "weir.h"

#define AHEAD		12		/* records between asking for a value and using it */
#define STRAIGHT	4096		/* longer records are not written into the frame */

static struct {
	struct fields		 fields;
	struct folds		 folds;
	struct weir_value	*value;
	struct weir_scan	*scan;
	void			*accumulators;	/* of the key in hand, where there are texts */
	char			*packed;	/* its value, likewise */
	char			*line;		/* a long record */
	size_t			 packed_room, line_room;
	int			 looked;	/* at the first record */
} reduce;

/* Room in a frame, and how far it is written. */
struct output {
	char	*start, *at, *end;
	size_t	 records;
	int	 full;			/* no more records, please */
};

static uint64_t	 memory = 256 << 20;
static int	 emit_end;

static const char *
reduce_set_emit(const char *when)
{
	if (strcmp(when, "each") != 0 && strcmp(when, "end") != 0)
		return ("is neither each nor end");
	emit_end = strcmp(when, "end") == 0;
	return (NULL);
}

static const struct weir_option reduce_options[] = {
	{ .name = "emit", .arg = "each|end",
	  .help = "print for each record (default), or once a key when input has ended",
	  .type = WEIR_CALL, .set = reduce_set_emit },
	{ .letter = 'M', .name = "memory", .arg = "SIZE",
	  .help = "bound of the table (default 256M)",
	  .type = WEIR_SIZE, .to = &memory },
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static int
reduce_setup(struct weir *w, int argc, char *argv[])
{
	const char	*fault;
	char		 why[FIELDS_WHY];
	int		 i;

	if ((fault = fields_check()) != NULL)
		return (weir_misuse(w, "%s", fault));
	if (argc == 0)
		return (weir_misuse(w, "compute what? count, sum:FIELD, min:FIELD, "
		    "max:FIELD, mean:FIELD, first:FIELD, last:FIELD"));
	for (i = 0; i < argc; i++)
		if (folds_parse(&reduce.folds, argv[i], why) == -1)
			return (weir_misuse(w, "%s", why));
	if (memory == 0)
		return (weir_misuse(w, "-M 0: no key fits into that"));
	weir_memory(w, memory);
	return (0);
}

/* A key whose maker does not say which columns it is made of is called "key". */
static int
reduce_header(struct weir *w)
{
	const char	*key;
	char		*header, why[FIELDS_WHY];
	size_t		 len, keylen = 0;
	int		 answer;

	if (reduce.fields.header == NULL)
		return (0);
	if ((key = weir_key_header(w, &keylen)) == NULL) {
		key = "key";
		keylen = strlen(key);
	}
	header = folds_header(&reduce.folds, &reduce.fields, key, keylen, &len, why);
	if (header == NULL)
		return (weir_misuse(w, "%s", why));
	answer = weir_set_header(w, header, len);
	free(header);
	return (answer);
}

static int
reduce_open(struct weir *w)
{
	const char	*header;
	char		 why[FIELDS_WHY];
	size_t		 len = 0;

	header = weir_header(w, &len);
	fields_begin(&reduce.fields, weir_separator(w), header, len);
	if (folds_resolve(&reduce.folds, &reduce.fields, why) == -1)
		return (weir_misuse(w, "%s", why));
	weir_set_separator(w, (unsigned char)reduce.fields.joint);
	if (reduce_header(w) == -1 || (reduce.value = weir_value(w, "reduce")) == NULL)
		return (-1);
	if ((reduce.accumulators = malloc(reduce.folds.size)) == NULL)
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
	to = folds_print(&reduce.folds, to + key->keylen, reduce.fields.joint, accumulators,
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
	if (bound > reduce.line_room) {
		if ((line = realloc(reduce.line, bound)) == NULL)
			return (weir_error(w, "no memory for a record"));
		reduce.line = line;
		reduce.line_room = bound;
	}
	end = record_print(reduce.line, key, accumulators, value);
	if (weir_emit(w, reduce.line, (size_t)(end - reduce.line) - 1) == -1)
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

	bound = key->keylen + reduce.folds.bound + (valuelen - reduce.folds.size) + 1;
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
reduce_bad(struct weir *w, struct output *out, const struct weir_record *r, const char *why)
{
	if (output_flush(w, out) == -1)
		return (-1);
	return (weir_bad(w, r, "%s", why));
}

/* A value with texts: made anew beside the old one. */
static int
reduce_texts(struct weir *w, struct output *out, const struct weir_record *r)
{
	const void	*old = NULL;
	char		*packed, why[FIELDS_WHY];
	size_t		 len = 0;
	int		 found;

	if ((found = weir_value_get(reduce.value, &old, &len)) == -1)
		return (-1);
	if (found)
		memcpy(reduce.accumulators, old, reduce.folds.size);
	else
		memset(reduce.accumulators, 0, reduce.folds.size);
	if (folds_add(&reduce.folds, reduce.accumulators, !found, why) == -1)
		return (reduce_bad(w, out, r, why));
	len = folds_packed(&reduce.folds, reduce.accumulators);
	if (len > UINT32_MAX)
		return (weir_error(w, "a key's texts are longer than 4 GiB"));
	if (len > reduce.packed_room) {
		if ((packed = realloc(reduce.packed, 2 * len)) == NULL)
			return (weir_error(w, "no memory for a value"));
		reduce.packed = packed;
		reduce.packed_room = 2 * len;
	}
	folds_pack(&reduce.folds, reduce.accumulators, found ? old : NULL, reduce.packed);
	if (weir_value_put(reduce.value, reduce.packed, len) == -1)
		return (-1);
	if (emit_end)
		return (0);
	return (output_record(w, out, r, reduce.accumulators, reduce.packed, len));
}

/* A value of fixed size: changed where it lies. */
static int
reduce_fixed(struct weir *w, struct output *out, const struct weir_record *r)
{
	void	*accumulators;
	char	 why[FIELDS_WHY];

	accumulators = weir_value_hold(reduce.value, reduce.folds.size);
	if (accumulators == NULL)
		return (-1);
	if (folds_add(&reduce.folds, accumulators, 0, why) == -1)
		return (reduce_bad(w, out, r, why));
	if (emit_end)
		return (0);
	return (output_record(w, out, r, accumulators, NULL, reduce.folds.size));
}

/* Fold a record and print what comes of it: 0, also if it was bad; or -1. */
static int
reduce_record(struct weir *w, struct output *out, const struct weir_record *r)
{
	char	 why[FIELDS_WHY];

	/* before the key's value is touched: a bad record makes none */
	if (folds_read(&reduce.folds, &reduce.fields, r->data, r->len, why) == -1)
		return (reduce_bad(w, out, r, why));
	if (!reduce.looked && r->len > 0) {
		reduce.looked = 1;
		if (folds_doubt(&reduce.folds, &reduce.fields, r->data, r->len, why))
			weir_warn(w, "%s", why);
	}
	weir_select(w, r);
	return (reduce.folds.texts ? reduce_texts(w, out, r) : reduce_fixed(w, out, r));
}

static long
reduce_batch(struct weir *w, const struct weir_record *r, size_t n)
{
	struct output	 out = { 0 };
	size_t		 i;

	for (i = 0; i < n && i < AHEAD; i++)
		weir_value_prefetch(reduce.value, &r[i]);
	for (i = 0; i < n && !out.full; i++) {
		if (i + AHEAD < n)
			weir_value_prefetch(reduce.value, &r[i + AHEAD]);
		if (reduce_record(w, &out, &r[i]) == -1)
			return (-1);
	}
	if (output_flush(w, &out) == -1)
		return (-1);
	return ((long)i);
}

/* --emit end: a frame's worth at a time. */
static int
reduce_end(struct weir *w)
{
	struct weir_record	 key;
	struct output		 out = { 0 };
	const void		*value;
	size_t			 len;
	int			 more = 1;

	if (!emit_end)
		return (WEIR_OK);
	if (reduce.scan == NULL && (reduce.scan = weir_scan(reduce.value)) == NULL)
		return (-1);
	while (!out.full && (more = weir_scan_next(reduce.scan, &key, &value, &len)) == 1) {
		memcpy(reduce.accumulators, value, reduce.folds.size);
		if (output_record(w, &out, &key, reduce.accumulators, value, len) == -1)
			return (-1);
	}
	if (more == -1 || output_flush(w, &out) == -1)
		return (-1);
	if (more)
		return (WEIR_MORE);
	weir_scan_end(reduce.scan);
	reduce.scan = NULL;
	return (WEIR_OK);
}

static int
reduce_close(struct weir *w, int ok)
{
	(void)w;
	(void)ok;
	folds_free(&reduce.folds);
	free(reduce.accumulators);
	free(reduce.packed);
	free(reduce.line);
	return (0);
}

static const struct weir_stage reduce_stage = {
	.abi = WEIR_ABI, .name = "reduce",
	.synopsis = "[NAME=]FUNCTION[:FIELD]...",
	.summary = "fold the records of each key: count sum min max mean first last",
	.options = reduce_options, .flags = WEIR_KEYED,
	.setup = reduce_setup, .open = reduce_open, .batch = reduce_batch,
	.end = reduce_end, .close = reduce_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &reduce_stage));
}
