/*
 * keyby: find each record's key; the stream is keyed from here on.
 *
 * The text is passed on as it lies in memory: a record gets a key and its hash.
 * Hence:
 *  - a key of one field, of neighbours or of a match is a slice of its record; any
 *    other is joined here, in memory that the runtime copies;
 *  - no byte is stripped, and a key of no bytes is a key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "pattern.h"
#include "weir.h"

static struct {
	struct fields	 fields;
	struct field	*wanted;
	size_t		 count;
	struct pattern	*pattern;		/* -r; NULL: fields are the key */
	char		*joined;		/* a key that is no slice of its record */
	size_t		 room;
	uint64_t	 seen, dropped;
	int		 looked;		/* at the first record */
} keyby;

static int	 only_keyed;

/* -k, once or several times: the lists follow one another. */
static const char *
keyby_add(const char *list)
{
	static char	 said[FIELDS_WHY + 32];
	char		 why[FIELDS_WHY];
	struct field	*wanted;
	size_t		 len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		wanted = realloc(keyby.wanted, (keyby.count + 1) * sizeof(*wanted));
		if (wanted == NULL)
			return ("is too long a list, there is no memory");
		keyby.wanted = wanted;
		if (fields_parse(&wanted[keyby.count], list, len, why) == -1) {
			snprintf(said, sizeof(said), "is no list of fields: %s", why);
			return (said);
		}
		keyby.count++;
		if (list[len] == '\0')
			return (NULL);
	}
}

/* -r: one expression. */
static const char *
keyby_match(const char *expression)
{
	static char	 said[FIELDS_WHY + 64];
	char		 why[FIELDS_WHY];

	if (keyby.pattern != NULL)
		return ("is a second expression; (a|b) would be one");
	if ((keyby.pattern = pattern_new(expression, why)) != NULL)
		return (NULL);
	snprintf(said, sizeof(said), "is no extended regular expression: %s", why);
	return (said);
}

static const struct weir_option keyby_options[] = {
	{ .letter = 'k', .name = "key", .arg = "FIELD[,FIELD]...",
	  .help = "the key: 1, 2, ..., a column's name, 0 for the whole record (default)",
	  .type = WEIR_CALL, .set = keyby_add },
	{ .letter = 'r', .name = "regex", .arg = "ERE",
	  .help = "the key: what its first group matches, or all of it",
	  .type = WEIR_CALL, .set = keyby_match },
	{ .letter = 's', .name = "only-keyed",
	  .help = "drop and count records without the key",
	  .type = WEIR_FLAG, .to = &only_keyed },
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static int
keyby_setup(struct weir *w, int argc, char *argv[])
{
	const char	*fault, *why;

	if (argc > 0)
		return (weir_misuse(w, "%s: keyby reads no files and takes no operands; "
		    "fields go after -k", argv[0]));
	if ((fault = fields_check()) != NULL)
		return (weir_misuse(w, "%s", fault));
	if (keyby.count > 0 && keyby.pattern != NULL)
		return (weir_misuse(w, "-k and -r: the key is found by one of the two, "
		    "not by both"));
	if (keyby.count == 0 && keyby.pattern == NULL && (why = keyby_add("0")) != NULL)
		return (weir_misuse(w, "%s", why));
	return (0);
}

/* Bytes behind the key so far: 0, or -1 without memory. */
static int
key_append(const char *bytes, size_t len, size_t *used)
{
	char	*joined;
	size_t	 room = keyby.room;

	if (len == 0)
		return (0);
	while (room - *used < len)
		room = room == 0 ? 256 : 2 * room;
	if (room > keyby.room) {
		if ((joined = realloc(keyby.joined, room)) == NULL)
			return (-1);
		keyby.joined = joined;
		keyby.room = room;
	}
	memcpy(keyby.joined + *used, bytes, len);
	*used += len;
	return (0);
}

/* The key joined from its fields: all of them are there. */
static int
key_join(struct fields_cursor *c, struct fields_slice *key)
{
	struct fields_slice	 part;
	size_t			 i, used = 0;

	for (i = 0; i < keyby.count; i++) {
		if (i > 0 && key_append(&keyby.fields.joint, 1, &used) == -1)
			return (-1);
		(void)fields_find(&keyby.fields, c, keyby.wanted[i].number, &part);
		if (key_append(part.at, part.len, &used) == -1)
			return (-1);
	}
	key->at = keyby.joined;
	key->len = used;
	return (0);
}

/*
 * The key's columns, joined as a key is: for field 0 they are all columns, and one
 * that the header does not name is called by its number.
 */
static int
key_header(struct weir *w)
{
	struct fields_cursor	 c;
	struct fields_slice	 name;
	size_t			 i, used = 0;

	if (keyby.fields.header == NULL || keyby.pattern != NULL)
		return (weir_set_key_header(w, NULL, 0));
	fields_start(&c, keyby.fields.header, keyby.fields.headerlen);
	for (i = 0; i < keyby.count; i++) {
		if (!fields_find(&keyby.fields, &c, keyby.wanted[i].number, &name)) {
			name.at = keyby.wanted[i].name;
			name.len = keyby.wanted[i].namelen;
		}
		if ((i > 0 && key_append(&keyby.fields.joint, 1, &used) == -1) ||
		    key_append(name.at, name.len, &used) == -1)
			return (weir_error(w, "no memory for the header"));
	}
	return (weir_set_key_header(w, used == 0 ? "" : keyby.joined, used));
}

static int
keyby_open(struct weir *w)
{
	const char	*header;
	char		 why[FIELDS_WHY];
	size_t		 i, len = 0;

	header = weir_header(w, &len);
	fields_begin(&keyby.fields, weir_separator(w), header, len);
	for (i = 0; i < keyby.count; i++)
		if (fields_resolve(&keyby.wanted[i], &keyby.fields, why) == -1)
			return (weir_misuse(w, "%s", why));
	if (fields_own())
		weir_set_separator(w, keyby.fields.separator);
	return (key_header(w) == -1 ? -1 : WEIR_OK);
}

/* 1 and the key; 0 and the field that is missing; -1 without memory. */
static int
key_of_fields(const struct weir_record *r, struct fields_slice *key,
    const struct field **missing)
{
	struct fields_cursor	 c;
	struct fields_slice	 part;
	const char		*end;
	size_t			 i;
	int			 slice = 1;

	fields_start(&c, r->data, r->len);
	for (i = 0; i < keyby.count; i++) {
		if (!fields_find(&keyby.fields, &c, keyby.wanted[i].number, &part)) {
			*missing = &keyby.wanted[i];
			return (0);
		}
		if (i == 0) {
			*key = part;
			continue;
		}
		end = key->at + key->len;
		if (part.at == end + 1 && *end == keyby.fields.joint)
			key->len += 1 + part.len;
		else
			slice = 0;
	}
	if (!slice && key_join(&c, key) == -1)
		return (-1);
	return (1);
}

/* The same; what is missing without a field is a match. */
static int
key_find(const struct weir_record *r, struct fields_slice *key, const struct field **missing)
{
	*missing = NULL;
	if (keyby.pattern != NULL)
		return (pattern_find(keyby.pattern, r->data, r->len, key));
	return (key_of_fields(r, key, missing));
}

static int
key_missing(struct weir *w, const struct weir_record *r, const struct field *missing)
{
	char	 why[FIELDS_WHY], expression[128];

	if (only_keyed) {
		keyby.dropped++;
		return (0);
	}
	if (missing == NULL)
		return (weir_bad(w, r, "nothing in it matches -r \"%s\"; try -s to drop such "
		    "records", fields_quote(expression, sizeof(expression),
		    pattern_text(keyby.pattern), strlen(pattern_text(keyby.pattern)))));
	fields_missing(&keyby.fields, missing, r->data, r->len,
	    "-s to drop such records", why);
	return (weir_bad(w, r, "%s", why));
}

static void
keyby_look(struct weir *w, const struct weir_record *r)
{
	char	 why[FIELDS_WHY];
	size_t	 i;

	keyby.looked = 1;
	for (i = 0; i < keyby.count; i++)
		if (fields_doubt(&keyby.fields, &keyby.wanted[i], r->data, r->len, why)) {
			weir_warn(w, "%s", why);
			return;
		}
}

static long
keyby_batch(struct weir *w, const struct weir_record *r, size_t n)
{
	struct fields_slice	 key = { NULL, 0 };
	struct weir_record	 keyed;
	const struct field	*missing;
	size_t			 i;
	int			 found;

	for (i = 0; i < n; i++) {
		found = key_find(&r[i], &key, &missing);
		if (found == -1)
			return (weir_error(w, "no memory for a key"));
		if (found == 0 && key_missing(w, &r[i], missing) == -1)
			return (-1);
		if (!keyby.looked && r[i].len > 0 && (found || only_keyed))
			keyby_look(w, &r[i]);
		if (found == 0)
			continue;
		keyed = r[i];
		keyed.key = key.at;
		keyed.keylen = (uint32_t)key.len;
		keyed.hash = weir_hash(key.at, key.len);
		if (weir_pass(w, &keyed) == -1)
			return (-1);
		if (weir_full(w)) {
			i++;
			break;
		}
	}
	keyby.seen += i;
	return ((long)i);
}

static int
keyby_close(struct weir *w, int ok)
{
	(void)ok;
	if (keyby.dropped > 0)
		weir_warn(w, "dropped %llu of %llu records, those without the key",
		    (unsigned long long)keyby.dropped, (unsigned long long)keyby.seen);
	pattern_free(keyby.pattern);
	free(keyby.wanted);
	free(keyby.joined);
	return (0);
}

static const struct weir_stage keyby_stage = {
	.abi = WEIR_ABI, .name = "keyby",
	.summary = "find each record's key, and route by it",
	.options = keyby_options, .flags = WEIR_KEYS,
	.setup = keyby_setup, .open = keyby_open, .batch = keyby_batch,
	.close = keyby_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &keyby_stage));
}
