/*
 * reduce: fold the records of each key: count, sum, min, max, mean, first, last,
 * or a user's function of two records.
 *
 * What is folded, and how it is printed, is the function's affair: foldfunction.c,
 * luafold.c.
 * Relies on: all records of a key come to one subtask, which is keyby's work.
 */
#include <string.h>

#include "fields.h"
#include "function.h"
#include "luaprogram.h"

static const char		*expression, *file;
static uint64_t			 memory = 256 << 20;
static int			 emit_end;
static struct weir_function	*function;

static const char *
reduce_set_emit(const char *when)
{
	if (strcmp(when, "each") != 0 && strcmp(when, "end") != 0)
		return ("is neither each nor end");
	emit_end = strcmp(when, "end") == 0;
	return (NULL);
}

static const struct weir_option options[] = {
	{ .letter = 'e', .name = "expression", .arg = "LUA",
	  .help = "a chunk that returns function(current, record)",
	  .type = WEIR_STRING, .to = &expression },
	{ .letter = 'f', .name = "file", .arg = "FILE",
	  .help = "the same, from FILE", .type = WEIR_STRING, .to = &file },
	{ .name = "emit", .arg = "each|end",
	  .help = "print for each record (default), or once a key when input has ended",
	  .type = WEIR_CALL, .set = reduce_set_emit },
	{ .letter = 'M', .name = "memory", .arg = "SIZE",
	  .help = "bound of the table (default 256M)",
	  .type = WEIR_SIZE, .to = &memory },
	LUAPROGRAM_OPTIONS,
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static int
reduce_setup(struct weir *w, int argc, char *argv[])
{
	const char *fault;

	if ((fault = fields_check()) != NULL)
		return (weir_misuse(w, "%s", fault));
	if ((argc > 0) + (expression != NULL) + (file != NULL) > 1)
		return (weir_misuse(w, "%s%s%s: give me one function in Lua, or those by name",
		    expression != NULL ? "-e" : "-f",
		    expression != NULL && file != NULL ? " and -f" : "",
		    argc > 0 ? " and operands" : ""));
	if (argc == 0 && expression == NULL && file == NULL)
		return (weir_misuse(w, "compute what? count, sum:FIELD, min:FIELD, "
		    "max:FIELD, mean:FIELD, first:FIELD, last:FIELD; or -e LUA, -f FILE"));
	if (memory == 0)
		return (weir_misuse(w, "-M 0: no key fits into that"));
	weir_memory(w, memory);
	function = argc > 0 ? foldfunction_new(w, argc, argv, emit_end) :
	    luafold_new(w, expression, file, emit_end);
	return (function == NULL ? -1 : 0);
}

static int
reduce_open(struct weir *w)
{
	return (function->open(function, w));
}

static long
reduce_batch(struct weir *w, const struct weir_record *records, size_t n)
{
	return (function->process(function, w, records, n));
}

static int
reduce_end(struct weir *w)
{
	return (function->end(function, w));
}

static int
reduce_snapshot(struct weir *w, uint64_t checkpoint)
{
	return (function->snapshot != NULL ? function->snapshot(function, w, checkpoint) : 0);
}

static int
reduce_restore(struct weir *w, const void *state, size_t len)
{
	return (function->restore != NULL ? function->restore(function, w, state, len) : 0);
}

static int
reduce_close(struct weir *w, int ok)
{
	(void)w;
	(void)ok;
	function->close(function);
	return (0);
}

static const struct weir_stage reduce = {
	.abi = WEIR_ABI, .name = "reduce",
	.synopsis = "[NAME=]FUNCTION[:FIELD]... | -e LUA | -f FILE",
	.summary = "fold the records of each key: count sum min max mean first last, or Lua",
	.libraries = LUA_RELEASE,
	.options = options, .flags = WEIR_KEYED,
	.setup = reduce_setup, .open = reduce_open, .batch = reduce_batch,
	.end = reduce_end, .snapshot = reduce_snapshot, .restore = reduce_restore,
	.close = reduce_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &reduce));
}
