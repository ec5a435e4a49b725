/* keyvalue: records "KEY,VALUE" of a stream that is keyed by field 1. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyvalue.h"

#define DIGITS	20		/* of a number, with its sign */

int
keyvalue_get(struct weir *w, const struct weir_record *r, int64_t *value)
{
	char	 text[DIGITS + 1], *end;
	size_t	 len = r->len - r->keylen;

	if (len < 2 || len - 1 > DIGITS)
		return (weir_bad(w, r, "no number behind the key"));
	/* a record has no terminator */
	memcpy(text, r->data + r->keylen + 1, --len);
	text[len] = '\0';
	errno = 0;
	*value = strtoll(text, &end, 10);
	if (end != text + len || errno != 0)
		return (weir_bad(w, r, "\"%s\" is not a number", text));
	return (1);
}

int
keyvalue_emit(struct weir *w, const struct weir_record *r, int64_t value)
{
	char	*to = weir_reserve(w, r->keylen + DIGITS + 3, NULL);
	int	 n;

	if (to == NULL)
		return (-1);
	memcpy(to, r->key, r->keylen);
	n = snprintf(to + r->keylen, DIGITS + 3, "%c%" PRId64 "\n", weir_separator(w), value);
	return (weir_commit(w, r->keylen + (size_t)n, 1));
}
