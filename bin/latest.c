/*
 * latest: the last record of each key, as a FILE.
 *
 * A version is made where all its records are at hand: in snapshot(), so that it
 * is the table as of the barrier, and it is part of the checkpoint.  One that is
 * like the version before it is not made.  After a restore nobody knows whether
 * FILE is still there: the first snapshot makes one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "latest.h"

struct latest {
	struct weir		*w;
	struct weir_output	*file;
	struct weir_value	*records;
	struct fields		 fields;
	struct field		 key;
	int			 changed, looked;
	char			*text;		/* of the version being made */
	size_t			 len, room;
};

struct latest *
latest_new(struct weir *w, const char *path, const char *field, enum weir_fill fill,
    const char *cure)
{
	struct latest	*t;
	char		 why[FIELDS_WHY];

	if ((t = calloc(1, sizeof(*t))) == NULL) {
		weir_error(w, "%s", strerror(errno));
		return (NULL);
	}
	t->w = w;
	if (fields_parse(&t->key, field, strlen(field), why) == -1)
		weir_misuse(w, "--table=%s: %s", field, why);
	else if ((t->file = weir_output_whole(w, "table", path, fill, cure)) != NULL)
		return (t);
	free(t);
	return (NULL);
}

int
latest_open(struct latest *t)
{
	const char	*header;
	char		 why[FIELDS_WHY];
	size_t		 len = 0;
	int		 status;

	if ((status = weir_output_open(t->file)) != WEIR_OK)
		return (status);
	header = weir_header(t->w, &len);
	fields_begin(&t->fields, weir_separator(t->w), header, len);
	if (fields_resolve(&t->key, &t->fields, why) == -1)
		return (weir_misuse(t->w, "--table: %s", why));
	t->changed = 1;
	return ((t->records = weir_value(t->w, "table")) == NULL ? -1 : WEIR_OK);
}

static int
record_keep(struct latest *t, const struct weir_record *r, const struct fields_slice *key)
{
	struct weir_record	 keyed = *r;
	const void		*old;
	size_t			 len;
	int			 found;

	keyed.key = key->at;
	keyed.keylen = (uint32_t)key->len;
	keyed.hash = weir_hash(key->at, key->len);
	weir_select(t->w, &keyed);
	if ((found = weir_value_get(t->records, &old, &len)) == -1)
		return (-1);
	if (found && len == r->len && memcmp(old, r->data, len) == 0)
		return (0);
	t->changed = 1;
	return (weir_value_put(t->records, r->data, r->len));
}

static int
record_without(struct latest *t, const struct weir_record *r)
{
	char why[FIELDS_WHY];

	fields_missing(&t->fields, &t->key, r->data, r->len, "--on-error skip", why);
	return (weir_bad(t->w, r, "%s", why));
}

long
latest_batch(struct latest *t, const struct weir_record *r, size_t n)
{
	struct fields_cursor	 c;
	struct fields_slice	 key;
	char			 why[FIELDS_WHY];
	size_t			 i;

	for (i = 0; i < n; i++) {
		if (!t->looked && r[i].len > 0) {
			t->looked = 1;
			if (fields_doubt(&t->fields, &t->key, r[i].data, r[i].len, why))
				weir_warn(t->w, "%s", why);
		}
		fields_start(&c, r[i].data, r[i].len);
		if ((fields_find(&t->fields, &c, t->key.number, &key) ?
		    record_keep(t, &r[i], &key) : record_without(t, &r[i])) == -1)
			return (-1);
	}
	return ((long)n);
}

static int
line_add(struct latest *t, const char *line, size_t len)
{
	size_t	 room = t->room;
	char	*text;

	while (room - t->len < len + 1)
		room = room == 0 ? 4096 : 2 * room;
	if (room > t->room) {
		if ((text = realloc(t->text, room)) == NULL)
			return (weir_error(t->w, "the table: %s", strerror(errno)));
		t->text = text;
		t->room = room;
	}
	memcpy(t->text + t->len, line, len);
	t->text[t->len + len] = '\n';
	t->len += len + 1;
	return (0);
}

static int
version_make(struct latest *t)
{
	struct weir_scan	*scan;
	struct weir_record	 key;
	const void		*record;
	size_t			 len;
	int			 got;

	t->len = 0;
	if (t->fields.header != NULL && line_add(t, t->fields.header, t->fields.headerlen) == -1)
		return (-1);
	if ((scan = weir_scan(t->records)) == NULL)
		return (-1);
	while ((got = weir_scan_next(scan, &key, &record, &len)) == 1)
		if ((got = line_add(t, record, len)) == -1)
			break;
	weir_scan_end(scan);
	return (got);
}

int
latest_snapshot(struct latest *t)
{
	int bad;

	if (!t->changed)
		return (0);
	bad = version_make(t) == -1 || weir_output_replace(t->file, t->text, t->len) == -1;
	t->changed = 0;
	/* it may be large, and not needed for long */
	free(t->text);
	t->text = NULL;
	t->room = 0;
	return (bad ? -1 : 0);
}

int
latest_close(struct latest *t, int ok)
{
	int bad = 0;

	if (ok && !weir_job(t->w) && t->records != NULL)
		bad = latest_snapshot(t);
	if (weir_output_close(t->file) == -1)
		bad = -1;
	free(t);
	return (bad);
}
