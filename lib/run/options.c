/*
 * options: one table for all programs.
 *
 * The rows that every stage has stand here, a stage adds its own; getopt_long
 * and the usage text are both made from them.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

#define ROWS_MAX	64

static const struct weir_option common[] = {
	{ 'n', "name", "NAME", "identity of the stage (default: the program's name)", WEIR_CALL, NULL, NULL },
	{ 'i', "input", "[TAG=]UPSTREAM", "read from there instead of standard input; repeats", WEIR_CALL, NULL, NULL },
	{ 'o', "output", "[TAG=]DOWNSTREAM", "write there instead of standard output; repeats", WEIR_CALL, NULL, NULL },
	{ 'p', "parallelism", "N", "subtasks, at most 128 (default 1)", WEIR_CALL, NULL, NULL },
	{ 0, "on-error", "fail|skip|divert=FILE", "what to do with a bad record (default fail)", WEIR_CALL, NULL, NULL },
	{ 0, "copy", NULL, "no shared memory: copy frames through sockets", WEIR_CALL, NULL, NULL },
	{ 'v', "verbose", NULL, "say more on standard error", WEIR_CALL, NULL, NULL },
	{ 'q', "quiet", NULL, "say only errors", WEIR_CALL, NULL, NULL },
	{ 'h', "help", NULL, "print this and exit", WEIR_CALL, NULL, NULL },
	{ 'V', "version", NULL, "print versions and exit", WEIR_CALL, NULL, NULL },
	{ 0, NULL, NULL, NULL, WEIR_FLAG, NULL, NULL },
};

/* A row of this stage?  A source has no inputs, a sink no outputs. */
static int
applies(const struct weir_stage *s, const struct weir_option *o)
{
	if (o->letter == 'i')
		return (s->produce == NULL);
	if (o->letter == 'o')
		return ((s->flags & WEIR_SINK) == 0);
	if (o->letter == 'p')
		return ((s->flags & WEIR_ALONE) == 0);
	return (1);
}

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

static const char *
end_add(struct end *ends, unsigned *n, const char *arg)
{
	struct end	*e = &ends[*n];
	const char	*eq = strchr(arg, '='), *slash = strchr(arg, '/');
	size_t		 len;

	if (*n == ENDS_MAX)
		return ("is one too many: 32 are possible");
	e->target = arg;
	if (eq != NULL && (slash == NULL || eq < slash)) {
		len = (size_t)(eq - arg);
		if (len > WEIR_NAME_MAX)
			return ("has a tag that is too long");
		memcpy(e->tag, arg, len);
		e->tag[len] = '\0';
		if (!name_ok(e->tag))
			return ("has a tag with other characters than letters, digits, _ and -");
		e->target = eq + 1;
	}
	if (strchr(e->target, '/') == NULL && strcmp(e->target, "-") != 0 && !name_ok(e->target))
		return ("is neither a stage's name, nor a path with a '/', nor an address");
	(*n)++;
	return (NULL);
}

static const char *
on_error_set(struct settings *set, const char *arg)
{
	if (strcmp(arg, "fail") == 0)
		set->on_error = ON_ERROR_FAIL;
	else if (strcmp(arg, "skip") == 0)
		set->on_error = ON_ERROR_SKIP;
	else if (strncmp(arg, "divert=", 7) == 0 && arg[7] != '\0') {
		set->on_error = ON_ERROR_DIVERT;
		set->divert = arg + 7;
	} else
		return ("is none of fail, skip, divert=FILE");
	return (NULL);
}

/* A common row; NULL, or what is wrong with arg. */
static const char *
common_set(struct settings *set, const struct weir_option *o, const char *arg)
{
	const char *why;

	if (strcmp(o->name, "name") == 0) {
		set->name = arg;
		return (name_ok(arg) ? NULL : "is no name: letters, digits, _ and -, at most 64");
	}
	if (strcmp(o->name, "input") == 0)
		return (end_add(set->input, &set->ninputs, arg));
	if (strcmp(o->name, "output") == 0)
		return (end_add(set->output, &set->noutputs, arg));
	if (strcmp(o->name, "parallelism") == 0) {
		set->parallelism = (unsigned)strtonum(arg, 1, ROUTE_GROUPS, &why);
		return (why == NULL ? NULL : "is no number from 1 to 128");
	}
	if (strcmp(o->name, "on-error") == 0)
		return (on_error_set(set, arg));
	if (strcmp(o->name, "copy") == 0)
		set->copy = 1;
	else if (strcmp(o->name, "verbose") == 0)
		set->verbose = 1;
	else if (strcmp(o->name, "quiet") == 0)
		set->quiet = 1;
	return (NULL);
}

static const char *
stage_set(const struct weir_option *o, const char *arg)
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

static int
may_lack_arg(const struct weir_option *o)
{
	return (o->arg != NULL && o->arg[0] == '[' && o->arg[1] == '=');
}

static void
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

static void
usage_print(const struct weir_stage *s)
{
	const struct weir_option *o;

	printf("usage: weir %s [OPTION]...%s%s\n", s->name,
	    s->synopsis != NULL && s->synopsis[0] != '\0' ? " " : "",
	    s->synopsis != NULL ? s->synopsis : "");
	if (s->summary != NULL)
		printf("%s\n", s->summary);
	if (s->options != NULL && s->options[0].name != NULL) {
		printf("\nOptions of %s:\n", s->name);
		for (o = s->options; o->name != NULL; o++)
			row_print(o);
	}
	printf("\nOptions of all stages:\n");
	for (o = common; o->name != NULL; o++)
		if (applies(s, o))
			row_print(o);
	printf("\nExit status: 0 done, 1 failed, 2 wrong usage or a state that does not fit, "
	    "75 run me again.\n");
}

/* The tables as getopt wants them; row[i] belongs to longs[i]. */
struct tables {
	const struct weir_option *row[ROWS_MAX];
	struct option		 longs[ROWS_MAX + 1];
	char			 shorts[ROWS_MAX * 2 + 4];
	unsigned		 n, own;	/* the first own rows are the stage's */
};

static void
tables_add(struct tables *t, const struct weir_option *o)
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

static void
tables_build(struct tables *t, const struct weir_stage *s)
{
	const struct weir_option *o;

	memset(t, 0, sizeof(*t));
	strlcpy(t->shorts, "+:", sizeof(t->shorts));
	for (o = s->options; o != NULL && o->name != NULL; o++)
		tables_add(t, o);
	t->own = t->n;
	for (o = common; o->name != NULL; o++)
		if (applies(s, o))
			tables_add(t, o);
}

static int
option_wrong(struct weir *w, int c, const char *word)
{
	if (c == ':')
		return (weir_misuse(w, "option %s wants an argument; 'weir %s --help' lists them",
		    word, w->stage->name));
	if (optopt != 0 && optopt < 256)
		return (weir_misuse(w, "no option -%c; 'weir %s --help' lists them", optopt,
		    w->stage->name));
	return (weir_misuse(w, "no option %s; 'weir %s --help' lists them", word,
	    w->stage->name));
}

static int
row_set(struct weir *w, const struct tables *t, unsigned i, const char *arg)
{
	const struct weir_option	*o = t->row[i];
	const char			*why;
	char				 called[72];

	if (i >= t->own && strcmp(o->name, "help") == 0) {
		usage_print(w->stage);
		return (1);
	}
	if (i >= t->own && strcmp(o->name, "version") == 0) {
		weir_version(stdout);
		if (w->stage->libraries != NULL)
			printf("%s\n", w->stage->libraries);
		return (1);
	}
	why = i < t->own ? stage_set(o, arg) : common_set(&w->set, o, arg);
	if (why == NULL)
		return (0);
	if (o->letter != 0)
		snprintf(called, sizeof(called), "-%c", o->letter);
	else
		snprintf(called, sizeof(called), "--%s", o->name);
	if (strncmp(why, "which unit", 10) == 0)
		return (weir_misuse(w, "%s %s: %s", called, arg, why));
	return (weir_misuse(w, "%s: \"%s\" %s", called, arg == NULL ? "" : arg, why));
}

int
weir_command(const struct weir *w)
{
	return (w->set.command);
}

int
options_parse(struct weir *w, int argc, char *argv[], int *first)
{
	struct tables	 t;
	unsigned	 i;
	int		 c, done, before;

	tables_build(&t, w->stage);
	opterr = 0;
	optind = 1;
	while (before = optind, (c = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return (option_wrong(w, c, argv[optind - 1]));
		for (i = 0; i < t.n; i++)
			if (c == 256 + (int)i || c == t.row[i]->letter)
				break;
		if ((done = row_set(w, &t, i, optarg)) != 0)
			return (done);
	}
	*first = optind;
	/* it swallows a "--" in front of the operands, and nothing else here */
	w->set.command = optind > before;
	if (w->set.command)
		return (0);
	for (c = optind; c < argc; c++)
		if (argv[c][0] == '-' && argv[c][1] != '\0')
			return (weir_misuse(w, "options come before operands: put %s before %s",
			    argv[c], argv[optind]));
	return (0);
}
