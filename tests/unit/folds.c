/*
 * folds: what functions compute over a key's records, the texts they keep, and
 * that a bad record changes nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folds.h"
#include "tap.h"

/* One key, driven as reduce does it; fields are separated by commas. */
struct bench {
	struct fields	 fields;
	struct folds	 folds;
	void		*accumulators;
	char		*value;			/* the texts are in it; NULL: new */
	char		 why[FIELDS_WHY];
	char		 printed[512];
};

/* Operands apart by blanks; 0, or -1 and why. */
static int
bench_begin(struct bench *b, const char *operands, const char *header)
{
	static char	 words[512];
	char		*word;

	memset(b, 0, sizeof(*b));
	snprintf(words, sizeof(words), "%s", operands);
	fields_begin(&b->fields, ',', header, header == NULL ? 0 : strlen(header));
	for (word = strtok(words, " "); word != NULL; word = strtok(NULL, " "))
		if (folds_parse(&b->folds, word, b->why) == -1)
			return (-1);
	if (folds_resolve(&b->folds, &b->fields, b->why) == -1)
		return (-1);
	b->accumulators = calloc(1, b->folds.size);
	return (b->accumulators == NULL ? -1 : 0);
}

static void
bench_end(struct bench *b)
{
	folds_free(&b->folds);
	free(b->accumulators);
	free(b->value);
}

/* Fold one record and print: the results, or NULL and why. */
static const char *
bench_fold(struct bench *b, const char *record)
{
	char	*to, *end;
	size_t	 len;

	if (folds_read(&b->folds, &b->fields, record, strlen(record), b->why) == -1 ||
	    folds_add(&b->folds, b->accumulators, b->value == NULL, b->why) == -1)
		return (NULL);
	len = folds_packed(&b->folds, b->accumulators);
	if ((to = malloc(len)) == NULL)
		return (NULL);
	folds_pack(&b->folds, b->accumulators, b->value, to);
	free(b->value);
	b->value = to;
	/* what was packed is the whole value */
	memcpy(b->accumulators, b->value, b->folds.size);
	memset(b->printed, '#', sizeof(b->printed));
	end = folds_print(&b->folds, b->printed, ',', b->accumulators, b->value);
	if ((size_t)(end - b->printed) > b->folds.bound + len - b->folds.size || *end != '#')
		return (NULL);
	*end = '\0';
	return (b->printed);
}

static int
folds_to(struct bench *b, const char *record, const char *expected)
{
	const char	*printed = bench_fold(b, record);

	if (printed != NULL && strcmp(printed, expected) == 0)
		return (1);
	printf("# %s, not %s\n", printed == NULL ? b->why : printed, expected);
	return (0);
}

static int
refuses(struct bench *b, const char *record, const char *expected)
{
	const char	*printed = bench_fold(b, record);

	if (printed == NULL && strcmp(b->why, expected) == 0)
		return (1);
	printf("# %s\n", printed == NULL ? b->why : printed);
	return (0);
}

static void
count_counts(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "count", NULL) == 0);
	CHECK(folds_to(&b, "a,1", ",1"));
	CHECK(folds_to(&b, "", ",2"));
	CHECK(folds_to(&b, "a,x", ",3"));
	CHECK(b.folds.size == sizeof(uint64_t) && !b.folds.texts);
	bench_end(&b);
}

static void
sum_is_exact(void)
{
	struct bench	 b;
	int		 i;

	CHECK(bench_begin(&b, "sum:2", NULL) == 0);
	for (i = 0; i < 9; i++)
		CHECK(bench_fold(&b, "a,0.1") != NULL);
	CHECK(folds_to(&b, "a,0.1", ",1"));
	CHECK(folds_to(&b, "a,-1.25", ",-0.25"));
	CHECK(folds_to(&b, "a,9223372036854775807", ",9223372036854775806.75"));
	CHECK(!b.folds.texts);
	bench_end(&b);
}

static void
min_and_max_print_the_field_as_read(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "min:2 max:2", NULL) == 0);
	CHECK(folds_to(&b, "a,+005.0", ",+005.0,+005.0"));
	CHECK(folds_to(&b, "a,5", ",+005.0,+005.0"));
	CHECK(folds_to(&b, "a,10", ",+005.0,10"));
	CHECK(folds_to(&b, "a,-9", ",-9,10"));
	CHECK(folds_to(&b, "a,-10.5", ",-10.5,10"));
	CHECK(folds_to(&b, "a,-10.4", ",-10.5,10"));
	CHECK(folds_to(&b, "a,9", ",-10.5,10"));
	CHECK(folds_to(&b, "a,10.000000000000000001", ",-10.5,10.000000000000000001"));
	CHECK(folds_to(&b, "a,0", ",-10.5,10.000000000000000001"));
	bench_end(&b);
}

static void
first_extreme_is_the_first_record_also_where_zero_is_beyond(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "min:1 max:2", NULL) == 0);
	CHECK(folds_to(&b, "3,-3", ",3,-3"));
	bench_end(&b);
}

static void
mean_is_sum_by_count(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "mean:2", NULL) == 0);
	CHECK(folds_to(&b, "a,0.1", ",0.1"));
	CHECK(folds_to(&b, "a,0.2", ",0.15"));
	CHECK(folds_to(&b, "a,0.7", ",0.333333333333333"));
	CHECK(folds_to(&b, "a,-1", ",0"));
	CHECK(folds_to(&b, "a,-5", ",-1"));
	CHECK(folds_to(&b, "a,9000000000000000000", ",1.5e+18"));
	bench_end(&b);
}

static void
first_and_last_keep_any_text(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "first:2 last:2", NULL) == 0);
	CHECK(folds_to(&b, "a,", ",,"));
	CHECK(folds_to(&b, "a,a rather long text", ",,a rather long text"));
	CHECK(folds_to(&b, "a,x", ",,x"));
	bench_end(&b);
}

static void
first_and_last_without_field_are_records(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "last first", NULL) == 0);
	CHECK(folds_to(&b, "a,1", ",a,1,a,1"));
	CHECK(folds_to(&b, "a,2", ",a,2,a,1"));
	bench_end(&b);
}

static void
nul_bytes_are_kept(void)
{
	struct bench	 b;
	char		 to[16];

	CHECK(bench_begin(&b, "last:2", NULL) == 0);
	CHECK(folds_read(&b.folds, &b.fields, "a,\0x\0", 5, b.why) == 0);
	CHECK(folds_add(&b.folds, b.accumulators, 1, b.why) == 0);
	CHECK((b.value = malloc(folds_packed(&b.folds, b.accumulators))) != NULL);
	folds_pack(&b.folds, b.accumulators, NULL, b.value);
	CHECK(folds_print(&b.folds, to, ';', b.accumulators, b.value) - to == 4);
	CHECK(memcmp(to, ";\0x\0", 4) == 0);
	bench_end(&b);
}

static void
several_functions_stand_side_by_side(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "last:3 count min:2 sum:2 first:3 mean:2 max:2", NULL) == 0);
	CHECK(b.folds.inputs == 2 && b.folds.texts);
	CHECK(folds_to(&b, "a,5,one", ",one,1,5,5,one,5,5"));
	CHECK(folds_to(&b, "a,-2,three", ",three,2,-2,3,one,1.5,5"));
	CHECK(folds_to(&b, "a,6,2", ",2,3,-2,9,one,3,6"));
	bench_end(&b);
}

static void
bad_number_says_what_and_changes_nothing(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "count sum:2 last:1", NULL) == 0);
	CHECK(folds_to(&b, "a,1", ",1,1,a"));
	CHECK(refuses(&b, "b,amount", "field 2 \"amount\" is not a number; a header? "
	    "(source -H); else --on-error skip or divert=FILE"));
	CHECK(refuses(&b, "b,1\r", "field 2 \"1\\r\" is not a number; a carriage return? "
	    "(tr -d '\\r'); else --on-error skip or divert=FILE"));
	CHECK(refuses(&b, "b,99999999999999999999", "field 2 \"99999999999999999999\" does "
	    "not fit 64 bits; --on-error skip or divert=FILE"));
	CHECK(refuses(&b, "b,0.1234567890123456789", "field 2 \"0.1234567890123456789\" has "
	    "more than 18 decimals; --on-error skip or divert=FILE"));
	CHECK(refuses(&b, "b", "no field 2, only 1 (separator ','); try -W for blanks, -t C, "
	    "or --on-error skip or divert=FILE"));
	CHECK(folds_to(&b, "c,1", ",2,2,c"));
	bench_end(&b);
}

static void
bad_number_under_a_header_is_named(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "sum:amount", "id,amount") == 0);
	CHECK(refuses(&b, "a,x", "field 2 (amount) \"x\" is not a number; "
	    "--on-error skip or divert=FILE"));
	CHECK(folds_to(&b, "a,3", ",3"));
	bench_end(&b);
}

static void
overflow_undoes_all_functions(void)
{
	struct bench	 b;

	/* the sum of field 2 fits, then that of field 3 does not */
	CHECK(bench_begin(&b, "count sum:2 max:2 mean:3 last:1", NULL) == 0);
	CHECK(folds_to(&b, "a,1,9223372036854775807", ",1,1,1,9.22337203685478e+18,a"));
	CHECK(refuses(&b, "b,2,1", "the sum of field 3 no longer fits 64 bits; "
	    "--on-error skip or divert=FILE"));
	CHECK(folds_to(&b, "c,5,-9223372036854775807", ",2,6,5,0,c"));
	bench_end(&b);
}

static int
misuse(const char *operand, const char *expected)
{
	struct folds	 folds;
	char		 why[FIELDS_WHY] = "taken";
	int		 refused;

	memset(&folds, 0, sizeof(folds));
	refused = folds_parse(&folds, operand, why) == -1;
	folds_free(&folds);
	if (!refused || strcmp(why, expected) != 0)
		printf("# %s\n", why);
	return (refused && strcmp(why, expected) == 0);
}

static void
operands_that_mean_nothing_are_refused(void)
{
	CHECK(misuse("cuont", "no function \"cuont\"; there are count sum min max mean first "
	    "last"));
	CHECK(misuse("", "no function \"\"; there are count sum min max mean first last"));
	CHECK(misuse("n=", "no function \"\"; there are count sum min max mean first last"));
	CHECK(misuse("SUM:2", "no function \"SUM\"; there are count sum min max mean first "
	    "last"));
	CHECK(misuse("count:2", "count:2: count takes no field, it counts the key's records"));
	CHECK(misuse("sum", "sum: of which field? sum:2, say"));
	CHECK(misuse("sum:", "a field is missing: 1, 2, ..., 0 for the whole record, or a "
	    "column's name"));
	CHECK(misuse("=count", "=count: the column's name is empty or holds a newline"));
	CHECK(misuse("a\nb=count", "a\\012b=count: the column's name is empty or holds a "
	    "newline"));
}

static void
names_of_columns_are_found(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "sum:c=d first:c=d:e n=sum:2", "a,2,c=d,c=d:e") == 0);
	CHECK(b.folds.input[0].field.number == 3);
	CHECK(b.folds.input[1].field.number == 4);
	CHECK(b.folds.input[2].field.number == 2);
	CHECK(b.folds.column[2].namelen == 1);
	bench_end(&b);
	CHECK(bench_begin(&b, "sum:x", "a,b") == -1);
	CHECK(strcmp(b.why, "no column \"x\"; the header has: a b") == 0);
	bench_end(&b);
}

static void
header_names_the_results(void)
{
	struct bench	 b;
	char		*header;
	size_t		 len;

	CHECK(bench_begin(&b, "count total=sum:b first max:2", "a,b") == 0);
	header = folds_header(&b.folds, &b.fields, "a,c", 3, &len, b.why);
	CHECK(header != NULL && strcmp(header, "a,c,count,total,first,max:2") == 0 &&
	    len == strlen(header));
	free(header);
	bench_end(&b);
}

static void
header_cannot_hold_the_separator(void)
{
	struct bench	 b;
	size_t		 len;

	CHECK(bench_begin(&b, "a,b=count", "a,b") == 0);
	CHECK(folds_header(&b.folds, &b.fields, "key", 3, &len, b.why) == NULL);
	CHECK(strcmp(b.why, "a column cannot be called \"a,b\", which holds the separator; "
	    "NAME= before the function renames it") == 0);
	bench_end(&b);
}

static void
doubt_looks_at_each_wanted_field(void)
{
	struct bench	 b;

	CHECK(bench_begin(&b, "first:1 last:2", NULL) == 0);
	CHECK(folds_doubt(&b.folds, &b.fields, "a,b\r", 4, b.why) == 1);
	CHECK(folds_doubt(&b.folds, &b.fields, "a,b", 3, b.why) == 0);
	bench_end(&b);
	CHECK(bench_begin(&b, "count", NULL) == 0);
	CHECK(folds_doubt(&b.folds, &b.fields, "a\r", 2, b.why) == 0);
	bench_end(&b);
}

int
main(void)
{
	RUN(count_counts);
	RUN(sum_is_exact);
	RUN(min_and_max_print_the_field_as_read);
	RUN(first_extreme_is_the_first_record_also_where_zero_is_beyond);
	RUN(mean_is_sum_by_count);
	RUN(first_and_last_keep_any_text);
	RUN(first_and_last_without_field_are_records);
	RUN(nul_bytes_are_kept);
	RUN(several_functions_stand_side_by_side);
	RUN(bad_number_says_what_and_changes_nothing);
	RUN(bad_number_under_a_header_is_named);
	RUN(overflow_undoes_all_functions);
	RUN(operands_that_mean_nothing_are_refused);
	RUN(names_of_columns_are_found);
	RUN(header_names_the_results);
	RUN(header_cannot_hold_the_separator);
	RUN(doubt_looks_at_each_wanted_field);
	DONE();
}
