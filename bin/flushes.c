/*
 * flushes: whether a command line says that the program holds no output back.
 *
 * Where options stop at the first operand, what follows is no option of the program:
 * `python3 x.py -u' is not taken for `python3 -u x.py'.
 */
#include <stddef.h>
#include <string.h>

#include "flushes.h"

static const struct {
	const char	*program;
	const char	*option, *value;	/* NULL: it has none, or in one word */
	int		 anywhere;		/* between and behind operands too */
} says[] = {
	{ "mawk", "-W", "interactive", 1 },
	{ "mawk", "-Winteractive", NULL, 1 },
	{ "sed", "-u", NULL, 1 },
	{ "sed", "--unbuffered", NULL, 1 },
	{ "jq", "--unbuffered", NULL, 1 },
	{ "grep", "--line-buffered", NULL, 1 },
	{ "python", "-u", NULL, 0 },
	{ "python3", "-u", NULL, 0 },
	{ "stdbuf", "-oL", NULL, 0 },
	{ "stdbuf", "-o0", NULL, 0 }
};

static int
given(char *const argv[], const char *option, const char *value, int anywhere)
{
	size_t i;

	for (i = 1; argv[i] != NULL && (anywhere || argv[i][0] == '-'); i++)
		if (strcmp(argv[i], option) == 0 && (value == NULL ||
		    (argv[i + 1] != NULL && strcmp(argv[i + 1], value) == 0)))
			return (1);
	return (0);
}

int
flushes(char *const argv[])
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash != NULL ? slash + 1 : argv[0];
	size_t i;

	for (i = 0; i < sizeof(says) / sizeof(says[0]); i++)
		if (strcmp(name, says[i].program) == 0 &&
		    given(argv, says[i].option, says[i].value, says[i].anywhere))
			return (1);
	return (0);
}
