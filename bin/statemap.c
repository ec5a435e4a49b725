/*
 * statemap: a user's function of each record and its key's state.
 *
 * The function says what is emitted and what the key's state is from now on; a
 * key has none until then.  On a stream without keys there is no state, and the
 * function maps, splits or filters.
 * Relies on: all records of a key come to one subtask, which is keyby's work.
 */
#include "fields.h"
#include "function.h"
#include "luaprogram.h"

static const char		*expression, *file;
static int			 pipe_wanted;
static uint64_t			 memory = 256u << 20, reply_timeout = 30000;
static struct weir_function	*function;

static const struct weir_option options[] = {
	{ .letter = 'e', .name = "expression", .arg = "LUA",
	  .help = "returns function(key, rec, state), or defines process(key, rec)",
	  .type = WEIR_STRING, .to = &expression },
	{ .letter = 'f', .name = "file", .arg = "FILE",
	  .help = "the same, from FILE", .type = WEIR_STRING, .to = &file },
	{ .letter = 'M', .name = "memory", .arg = "SIZE",
	  .help = "bound of the table of state (default 256M)",
	  .type = WEIR_SIZE, .to = &memory },
	{ .name = "pipe", .help = "COMMAND flushes each answer: a pipe will do, and is fast",
	  .type = WEIR_FLAG, .to = &pipe_wanted },
	{ .name = "reply-timeout", .arg = "DURATION",
	  .help = "how long COMMAND may be silent when it is asked (default 30s)",
	  .type = WEIR_DURATION, .to = &reply_timeout },
	LUAPROGRAM_OPTIONS,
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static int
statemap_setup(struct weir *w, int argc, char *argv[])
{
	const char *wrong;
	int command = weir_command(w);

	if (argc > 0 && !command)
		return (weir_misuse(w, "\"%s\" is no operand of mine; the function is given "
		    "by -e LUA, -f FILE or -- COMMAND", argv[0]));
	if ((expression != NULL) + (file != NULL) + command > 1)
		return (weir_misuse(w, "%s and %s are two functions; give me one",
		    expression != NULL ? "-e" : "-f", command ? "--" : "-f"));
	if (argc == 0 && expression == NULL && file == NULL)
		return (weir_misuse(w, "which function? -e LUA, -f FILE or -- COMMAND"));
	if ((wrong = fields_check()) != NULL)
		return (weir_misuse(w, "%s", wrong));
	weir_memory(w, memory);
	function = command ? command_new(w, argv, pipe_wanted, memory, reply_timeout) :
	    luafunction_new(w, expression, file);
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
statemap_end(struct weir *w)
{
	return (function->end != NULL ? function->end(function, w) : WEIR_OK);
}

static int
statemap_ready(struct weir *w)
{
	return (function->ready != NULL ? function->ready(function, w) : 0);
}

static int
statemap_drain(struct weir *w)
{
	return (function->drain != NULL ? function->drain(function, w) : WEIR_OK);
}

static int
statemap_snapshot(struct weir *w, uint64_t checkpoint)
{
	return (function->snapshot != NULL ? function->snapshot(function, w, checkpoint) : 0);
}

static int
statemap_restore(struct weir *w, const void *state, size_t len)
{
	return (function->restore != NULL ? function->restore(function, w, state, len) : 0);
}

static int
statemap_complete(struct weir *w, uint64_t checkpoint)
{
	return (function->complete != NULL ? function->complete(function, w, checkpoint) : 0);
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
	.synopsis = "-e LUA | -f FILE | -- COMMAND [ARG]...",
	.summary = "apply a function to each record and its key's state",
	.libraries = LUA_RELEASE,
	.options = options,
	.setup = statemap_setup,
	.open = statemap_open,
	.batch = statemap_batch,
	.end = statemap_end,
	.ready = statemap_ready,
	.drain = statemap_drain,
	.snapshot = statemap_snapshot,
	.restore = statemap_restore,
	.complete = statemap_complete,
	.close = statemap_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &statemap));
}
