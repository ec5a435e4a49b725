/*
 * options: one table for all programs.
 *
 * The rows that every stage has stand here, a stage adds its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "run.h"

static const struct weir_option common[] = {
	{ 'j', "job", "DIR", "take part in the job of this directory (default: $WEIR_JOB)", WEIR_CALL, NULL, NULL },
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
	if (strcmp(o->name, "job") == 0) {
		set->job = arg;
		return (arg[0] != '\0' ? NULL : "names no directory");
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

/* Rows from own on are common. */
static void
tables_build(struct rows *t, const struct weir_stage *s, unsigned *own)
{
	const struct weir_option *o;

	rows_open(t, s->name);
	for (o = s->options; o != NULL && o->name != NULL; o++)
		rows_add(t, o);
	*own = t->n;
	for (o = common; o->name != NULL; o++)
		if (applies(s, o))
			rows_add(t, o);
}

static int
option_take(struct weir *w, struct rows *t, const struct weir_option *o, int own, const char *arg)
{
	const char *why;

	if (!own && strcmp(o->name, "help") == 0) {
		usage_print(w->stage);
		return (1);
	}
	if (!own && strcmp(o->name, "version") == 0) {
		weir_version(stdout);
		if (w->stage->libraries != NULL)
			printf("%s\n", w->stage->libraries);
		return (1);
	}
	why = own ? row_set(o, arg) : common_set(&w->set, o, arg);
	if (why == NULL)
		return (0);
	rows_refuse(t, o, arg, why);
	return (weir_misuse(w, "%s", t->why));
}

int
weir_command(const struct weir *w)
{
	return (w->set.command);
}

int
options_parse(struct weir *w, int argc, char *argv[], int *first)
{
	struct rows	 t;
	const char	*arg;
	unsigned	 own;
	int		 i, done;

	tables_build(&t, w->stage, &own);
	while ((i = rows_next(&t, argc, argv, &arg)) >= 0)
		if ((done = option_take(w, &t, t.row[i], (unsigned)i < own, arg)) != 0)
			return (done);
	if (i == ROWS_END)
		i = *first = rows_operands(&t, argc, argv);
	w->set.command = t.dashes;
	return (i == -1 ? weir_misuse(w, "%s", t.why) : 0);
}
