/*
 * statemap: a user's function of each record and its key's state.
 *
 * The function says what is emitted and what the key's state is from now on; a
 * key has none until then.  On a stream without keys there is no state, and the
 * function maps, splits or filters.
 * Relies on: all records of a key come to one subtask, which is keyby's work.
 */
#include <lua.h>

#include "fields.h"
#include "function.h"

static const char		*expression, *file;
static uint64_t			 memory = 256u << 20;
static struct weir_function	*function;

static const struct weir_option options[] = {
	{ .letter = 'e', .name = "expression", .arg = "LUA",
	  .help = "a chunk that returns function(key, rec, state)",
	  .type = WEIR_STRING, .to = &expression },
	{ .letter = 'f', .name = "file", .arg = "FILE",
	  .help = "the same, from FILE", .type = WEIR_STRING, .to = &file },
	{ .letter = 'M', .name = "memory", .arg = "SIZE",
	  .help = "bound of the table of state (default 256M)",
	  .type = WEIR_SIZE, .to = &memory },
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static int
statemap_setup(struct weir *w, int argc, char *argv[])
{
	const char *wrong;

	if (argc > 0)
		return (weir_misuse(w, "\"%s\" is no operand of mine; the function is given "
		    "by -e LUA or -f FILE", argv[0]));
	if (expression == NULL && file == NULL)
		return (weir_misuse(w, "which function? -e LUA or -f FILE"));
	if (expression != NULL && file != NULL)
		return (weir_misuse(w, "-e and -f are two functions; give me one"));
	if ((wrong = fields_check()) != NULL)
		return (weir_misuse(w, "%s", wrong));
	weir_memory(w, memory);
	function = luafunction_new(w, expression, file);
	return (function == NULL ? -1 : 0);
}

static int
statemap_open(struct weir *w)
{
	return (function->open(function, w));
}

static long
statemap_batch(struct weir *w, const struct weir_record *records, size_t n)
{
	return (function->process(function, w, records, n));
}

static int
statemap_close(struct weir *w, int ok)
{
	(void)w;
	(void)ok;
	function->close(function);
	return (0);
}

static const struct weir_stage statemap = {
	.abi = WEIR_ABI,
	.name = "statemap",
	.synopsis = "-e LUA | -f FILE",
	.summary = "apply a function to each record and its key's state",
	.libraries = LUA_RELEASE,
	.options = options,
	.setup = statemap_setup,
	.open = statemap_open,
	.batch = statemap_batch,
	.close = statemap_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &statemap));
}
