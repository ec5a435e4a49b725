/*
 * rows: tables of options.
 *
 * getopt_long and the usage text are both made from them; for the stages and for
 * the programs that control jobs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

const char *
duration_parse(const char *s, uint64_t *ms)
{
	static const struct { const char *name; uint64_t ms; } units[] = {
		{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};
	static char	 why[128];
	char		*end;
	uint64_t	 n;
	size_t		 i;

	errno = 0;
	n = strtoumax(s, &end, 10);
	if (s[0] < '0' || s[0] > '9' || errno != 0) {
		snprintf(why, sizeof(why), "is no duration; write 250ms, 1s, 2m or 1h");
		return (why);
	}
	if (*end == '\0') {
		snprintf(why, sizeof(why), "which unit? %sms or %ss", s, s);
		return (why);
	}
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].name) == 0) {
			if (n > (uint64_t)INT64_MAX / units[i].ms)
				return ("is too long");
			*ms = n * units[i].ms;
			return (NULL);
		}
	snprintf(why, sizeof(why), "has no unit that I know: ms, s, m, h or d");
	return (why);
}

const char *
size_parse(const char *s, uint64_t *bytes)
{
	char		*end;
	uint64_t	 n;
	unsigned	 shift = 0;

	errno = 0;
	n = strtoumax(s, &end, 10);
	if (s[0] < '0' || s[0] > '9' || errno != 0)
		return ("is no size; write 4096, 64k, 64M or 1G");
	switch (*end) {
	case 'k': case 'K': shift = 10; end++; break;
	case 'm': case 'M': shift = 20; end++; break;
	case 'g': case 'G': shift = 30; end++; break;
	}
	if (*end != '\0')
		return ("has no unit that I know: k, M or G");
	if (n > UINT64_MAX >> shift)
		return ("is too large");
	*bytes = n << shift;
	return (NULL);
}

static int
may_lack_arg(const struct weir_option *o)
{
	return (o->arg != NULL && o->arg[0] == '[' && o->arg[1] == '=');
}

static int fail(struct rows *, const char *, ...) WEIR_PRINTF(2, 3);

static int
fail(struct rows *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, sizeof(t->why), fmt, ap);
	va_end(ap);
	return (-1);
}

void
rows_open(struct rows *t, const char *program)
{
	memset(t, 0, sizeof(*t));
	t->program = program;
	strlcpy(t->shorts, "+:", sizeof(t->shorts));
	opterr = 0;
	optind = 0;		/* glibc then forgets what it was in the middle of */
}

void
rows_add(struct rows *t, const struct weir_option *o)
{
	size_t n = strlen(t->shorts);

	if (t->n == ROWS_MAX)
		return;
	t->row[t->n] = o;
	t->longs[t->n].name = o->name;
	t->longs[t->n].has_arg = o->arg == NULL ? no_argument :
	    may_lack_arg(o) ? optional_argument : required_argument;
	t->longs[t->n].val = 256 + (int)t->n;
	t->n++;
	if (o->letter != 0) {
		t->shorts[n++] = (char)o->letter;
		if (o->arg != NULL)
			t->shorts[n] = ':';
	}
}

static int
fail_option(struct rows *t, int c, const char *word)
{
	if (c == ':')
		return (fail(t, "option %s wants an argument; 'weir %s --help' lists them", word,
		    t->program));
	if (optopt != 0 && optopt < 256)
		return (fail(t, "no option -%c; 'weir %s --help' lists them", optopt, t->program));
	return (fail(t, "no option %s; 'weir %s --help' lists them", word, t->program));
}

int
rows_next(struct rows *t, int argc, char *argv[], const char **arg)
{
	unsigned	i;
	int		c, before = optind > 0 ? optind : 1;

	if ((c = getopt_long(argc, argv, t->shorts, t->longs, NULL)) == -1) {
		/* it swallows a "--" in front of the operands, and nothing else here */
		t->dashes = optind > before;
		return (ROWS_END);
	}
	if (c == '?' || c == ':')
		return (fail_option(t, c, argv[optind - 1]));
	*arg = optarg;
	for (i = 0; c != 256 + (int)i && c != t->row[i]->letter; i++)
		continue;
	return ((int)i);
}

int
rows_operands(struct rows *t, int argc, char *argv[])
{
	int i;

	if (t->dashes)
		return (optind);
	for (i = optind; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			return (fail(t, "options come before operands: put %s before %s", argv[i],
			    argv[optind]));
	return (optind);
}

int
rows_refuse(struct rows *t, const struct weir_option *o, const char *arg, const char *why)
{
	char called[72];

	if (o->letter != 0)
		snprintf(called, sizeof(called), "-%c", o->letter);
	else
		snprintf(called, sizeof(called), "--%s", o->name);
	if (strncmp(why, "which unit", 10) == 0)
		return (fail(t, "%s %s: %s", called, arg, why));
	return (fail(t, "%s: \"%s\" %s", called, arg == NULL ? "" : arg, why));
}

const char *
row_set(const struct weir_option *o, const char *arg)
{
	const char *why;

	switch (o->type) {
	case WEIR_FLAG:
		*(int *)o->to = 1;
		return (NULL);
	case WEIR_STRING:
		*(const char **)o->to = arg;
		return (NULL);
	case WEIR_NUMBER:
		*(uint64_t *)o->to = (uint64_t)strtonum(arg, 0, INT64_MAX, &why);
		return (why == NULL ? NULL : "is no number");
	case WEIR_SIZE:
		return (size_parse(arg, o->to));
	case WEIR_DURATION:
		return (duration_parse(arg, o->to));
	case WEIR_CALL:
		return (o->set(arg));
	}
	return ("has a type that I do not know");
}

void
row_print(const struct weir_option *o)
{
	char	left[64];
	int	n;

	if (o->letter != 0)
		n = snprintf(left, sizeof(left), "-%c, --%s", o->letter, o->name);
	else
		n = snprintf(left, sizeof(left), "    --%s", o->name);
	if (o->arg != NULL && n > 0 && (size_t)n < sizeof(left))
		snprintf(left + n, sizeof(left) - (size_t)n, "%s%s",
		    may_lack_arg(o) ? "" : " ", o->arg);
	if (strlen(left) > 28)
		printf("  %s\n  %-28s  %s\n", left, "", o->help);
	else
		printf("  %-28s  %s\n", left, o->help);
}
