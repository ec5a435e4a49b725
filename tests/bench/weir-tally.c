/*
 * tally: a key's count for each of its records, as reduce count prints it.
 *
 *	weir source FILE | weir keyby -k 1 | weir tally | weir sink
 *
 * What a stage of one's own costs that does nothing special: weir.h, record().
 */
#include <stdint.h>
#include <string.h>

#include "weir.h"

#define DIGITS	20		/* of a uint64_t */

static struct weir_value *count;

static int
tally_open(struct weir *w)
{
	if ((count = weir_value(w, "count")) == NULL)
		return (-1);
	return (weir_value_layout(count, "Q"));
}

/* KEY<TAB>COUNT and a newline: its length. */
static size_t
print(char *to, const struct weir_record *r, uint64_t n)
{
	char digits[DIGITS], *first = digits + DIGITS, *at = to;

	do
		*--first = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	memcpy(at, r->key, r->keylen);
	at += r->keylen;
	*at++ = '\t';
	memcpy(at, first, (size_t)(digits + DIGITS - first));
	at += digits + DIGITS - first;
	*at++ = '\n';
	return ((size_t)(at - to));
}

static int
tally_record(struct weir *w, const struct weir_record *r)
{
	uint64_t *n = weir_value_hold(count, sizeof(*n));
	char *to = weir_reserve(w, r->keylen + DIGITS + 2, NULL);

	if (n == NULL || to == NULL)
		return (-1);
	return (weir_commit(w, print(to, r, ++*n), 1));
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI, .name = "tally", .summary = "count the records of each key",
	.flags = WEIR_KEYED, .open = tally_open,
	.record = tally_record,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
