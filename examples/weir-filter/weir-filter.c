/*
 * filter: pass the records that match an extended regular expression.
 *
 *	weir filter [-v] ERE
 *
 * The record itself is handed on where it lies, with the key it has: a keyed
 * stream stays keyed.  Hence:
 *  - regexec() wants a terminator that a record does not have: it is given a copy;
 *  - a NUL byte in a record is matched by nothing; what lies on either side of it
 *    is searched, and ^ and $ are still the ends of the record.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include <weir.h>

static struct {
	regex_t		 ere;
	char		*copy;		/* of the record in hand, terminated */
	size_t		 room;
	unsigned long	 seen, passed;
} filter;

static int	 invert;

static const struct weir_option options[] = {
	{ .letter = 'v', .name = "invert-match",
	  .help = "pass the records that do not match",
	  .type = WEIR_FLAG, .to = &invert },
	{ .name = NULL }
};

static int
filter_setup(struct weir *w, int argc, char *argv[])
{
	char	 why[256];
	int	 code;

	if (argc != 1)
		return (weir_misuse(w, "one regular expression, please; files are read by "
		    "'weir source FILE'"));
	code = regcomp(&filter.ere, argv[0], REG_EXTENDED | REG_NOSUB);
	if (code == 0)
		return (0);
	regerror(code, &filter.ere, why, sizeof(why));
	return (weir_misuse(w, "%s: %s", argv[0], why));
}

/* The record with a NUL behind it: 0, or -1 without memory. */
static int
filter_copy(const struct weir_record *r)
{
	char	*copy;

	if (filter.room <= r->len) {
		if ((copy = realloc(filter.copy, 2 * (size_t)r->len + 1)) == NULL)
			return (-1);
		filter.copy = copy;
		filter.room = 2 * (size_t)r->len + 1;
	}
	if (r->len > 0)
		memcpy(filter.copy, r->data, r->len);
	filter.copy[r->len] = '\0';
	return (0);
}

/* 0 if it matches, REG_NOMATCH if not, else what is wrong. */
static int
filter_match(const struct weir_record *r)
{
	const char	*at = filter.copy, *end = filter.copy + r->len, *nul;
	int		 code;

	for (;; at = nul + 1) {
		nul = at + strlen(at);
		code = regexec(&filter.ere, at, 0, NULL,
		    (at == filter.copy ? 0 : REG_NOTBOL) | (nul == end ? 0 : REG_NOTEOL));
		if (code != REG_NOMATCH || nul == end)
			return (code);
	}
}

static int
filter_record(struct weir *w, const struct weir_record *r)
{
	int	 code;

	if (filter_copy(r) == -1)
		return (weir_error(w, "no memory for a record"));
	code = filter_match(r);
	if (code != 0 && code != REG_NOMATCH)
		return (weir_error(w, "no memory to match a record"));
	filter.seen++;
	if ((code == 0) == invert)
		return (0);
	filter.passed++;
	return (weir_pass(w, r));
}

static int
filter_close(struct weir *w, int ok)
{
	(void)ok;
	weir_debug(w, "passed %lu of %lu records", filter.passed, filter.seen);
	regfree(&filter.ere);
	free(filter.copy);
	return (0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI,
	.name = "filter",
	.synopsis = "ERE",
	.summary = "pass the records that match a regular expression",
	.options = options,
	.flags = WEIR_PASSES,
	.setup = filter_setup,
	.record = filter_record,
	.close = filter_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
