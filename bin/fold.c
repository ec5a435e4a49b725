/*
 * fold: a function over a key's records, as a row of a table.
 *
 * A row is all that there is to a function; nobody else knows one by name.
 */
#include <stdio.h>
#include <string.h>

#include "fold.h"

struct mean {
	struct decimal	 sum;
	uint64_t	 count;
};

struct extreme {
	struct decimal	 number;
	struct fold_text text;
};

static enum fold_answer
count_add(void *accumulator, const struct decimal *number, int is_new)
{
	(void)number;
	(void)is_new;
	++*(uint64_t *)accumulator;
	return (FOLD_DONE);
}

static char *
count_print(char *to, const void *accumulator)
{
	return (decimal_print_unsigned(to, *(const uint64_t *)accumulator));
}

static enum fold_answer
sum_add(void *accumulator, const struct decimal *number, int is_new)
{
	(void)is_new;
	return (decimal_add(accumulator, number) == -1 ? FOLD_OVERFLOW : FOLD_DONE);
}

static char *
sum_print(char *to, const void *accumulator)
{
	return (decimal_print(to, accumulator));
}

static enum fold_answer
mean_add(void *accumulator, const struct decimal *number, int is_new)
{
	struct mean	*mean = accumulator;

	(void)is_new;
	if (decimal_add(&mean->sum, number) == -1)
		return (FOLD_OVERFLOW);
	mean->count++;
	return (FOLD_DONE);
}

static char *
mean_print(char *to, const void *accumulator)
{
	const struct mean	*mean = accumulator;
	char			 text[DECIMAL_TEXT];
	int			 len;

	len = snprintf(text, sizeof(text), "%.15g",
	    decimal_double(&mean->sum) / (double)mean->count);
	memcpy(to, text, (size_t)len);
	return (to + len);
}

static enum fold_answer
min_add(void *accumulator, const struct decimal *number, int is_new)
{
	struct extreme	*min = accumulator;

	if (!is_new && decimal_compare(number, &min->number) >= 0)
		return (FOLD_DONE);
	min->number = *number;
	return (FOLD_REPLACE);
}

static enum fold_answer
max_add(void *accumulator, const struct decimal *number, int is_new)
{
	struct extreme	*max = accumulator;

	if (!is_new && decimal_compare(number, &max->number) <= 0)
		return (FOLD_DONE);
	max->number = *number;
	return (FOLD_REPLACE);
}

static enum fold_answer
first_add(void *accumulator, const struct decimal *number, int is_new)
{
	(void)accumulator;
	(void)number;
	return (is_new ? FOLD_REPLACE : FOLD_DONE);
}

static enum fold_answer
last_add(void *accumulator, const struct decimal *number, int is_new)
{
	(void)accumulator;
	(void)number;
	(void)is_new;
	return (FOLD_REPLACE);
}

static const struct fold folds[] = {
	{ "count", FOLD_WANTS_NOTHING, sizeof(uint64_t), FOLD_NO_TEXT, "Q", 0, count_add, count_print,
	    DECIMAL_TEXT },
	{ "sum", FOLD_WANTS_NUMBER, sizeof(struct decimal), FOLD_NO_TEXT, "N", 1, sum_add,
	    sum_print, DECIMAL_TEXT },
	{ "min", FOLD_WANTS_NUMBER, sizeof(struct extreme), offsetof(struct extreme, text),
	    "X", 0, min_add, NULL, 0 },
	{ "max", FOLD_WANTS_NUMBER, sizeof(struct extreme), offsetof(struct extreme, text),
	    "X", 0, max_add, NULL, 0 },
	{ "mean", FOLD_WANTS_NUMBER, sizeof(struct mean), FOLD_NO_TEXT, "NQ", 1, mean_add,
	    mean_print, DECIMAL_TEXT },
	{ "first", FOLD_WANTS_TEXT, sizeof(struct fold_text), 0, "T", 0, first_add, NULL, 0 },
	{ "last", FOLD_WANTS_TEXT, sizeof(struct fold_text), 0, "T", 0, last_add, NULL, 0 },
};

const struct fold *
fold_at(size_t i)
{
	return (i < sizeof(folds) / sizeof(folds[0]) ? &folds[i] : NULL);
}

const struct fold *
fold_find(const char *name, size_t len)
{
	const struct fold	*fold;
	size_t			 i;

	for (i = 0; (fold = fold_at(i)) != NULL; i++)
		if (strlen(fold->name) == len && memcmp(fold->name, name, len) == 0)
			return (fold);
	return (NULL);
}
