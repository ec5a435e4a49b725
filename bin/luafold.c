/*
 * luafold: a function in Lua that makes one record of two, the key's so far and a
 * new one: (current, record) gives a record.
 *
 * The first record of a key is kept as it is and the function is not called
 * (Flink: KeyedStream.reduce).  The state is that record, as bytes; so the output
 * has the columns of the input, and no key before them.  A result is looked at
 * before it is kept: a record for which the function fails changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "changed.h"
#include "function.h"
#include "luaprogram.h"

struct luafold {
	struct weir_function	 function;	/* first, so that one is the other */
	struct luaprogram	*program;
	struct weir		*weir;
	struct weir_value	*current;
	struct changed		 changed;
	int			 emit_end;
};

static int
luafold_open(struct weir_function *function, struct weir *w)
{
	struct luafold *f = (struct luafold *)function;
	const char *header;
	lua_State *L;
	size_t len;

	f->weir = w;
	if ((f->current = weir_value(w, "reduce")) == NULL ||
	    (f->emit_end && changed_open(&f->changed, w, f->current) == -1) ||
	    luaprogram_start(f->program, w, NULL, NULL) == -1)
		return (-1);
	L = luaprogram_lua(f->program);
	if (!lua_isfunction(L, 1))
		return (weir_misuse(w, "%s: it gives %s%s, not a function; write "
		    "'return function(current, record) ... return record end'",
		    luaprogram_name(f->program), lua_isnil(L, 1) ? "" : "a ",
		    luaL_typename(L, 1)));
	if (luaprogram_restore(f->program, 0) == -1)
		return (-1);
	header = weir_header(w, &len);
	return (header == NULL ? 0 : weir_set_header(w, header, len));
}

/* Leave the function's result on top of the stack. */
static const char *
result_of(lua_State *L, const void *current, size_t currentlen, const struct weir_record *r,
    size_t *len)
{
	const char *text;

	lua_pushvalue(L, 1);
	lua_pushlstring(L, current, currentlen);
	lua_pushlstring(L, r->data, r->len);
	lua_call(L, 2, 1);
	if (!lua_isstring(L, -1))
		luaL_error(L, "the result is %s%s, not a record: a string or a number",
		    lua_isnil(L, -1) ? "" : "a ", luaL_typename(L, -1));
	text = lua_tolstring(L, -1, len);
	if (memchr(text, '\n', *len) != NULL)
		luaL_error(L, "the result has a newline in it: it has to be one record");
	return (text);
}

/* For luaprogram_batch(): fold one record into its key's. */
static int
fold(lua_State *L, void *cookie, const struct weir_record *r)
{
	struct luafold *f = cookie;
	const void *current;
	const char *text = r->data;
	size_t len = r->len, currentlen;
	int found;

	weir_select(f->weir, r);
	if ((found = weir_value_get(f->current, &current, &currentlen)) == -1)
		return (-1);
	if (found)
		text = result_of(L, current, currentlen, r, &len);
	if (weir_value_put(f->current, text, len) == -1)
		return (-1);
	return (f->emit_end ? changed_mark(&f->changed) : weir_emit(f->weir, text, len));
}

static long
luafold_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct luafold *f = (struct luafold *)function;

	(void)w;
	return (luaprogram_batch(f->program, records, n, f->current, fold, f));
}

/* A frame's worth at a time. */
static int
luafold_end(struct weir_function *function, struct weir *w)
{
	struct luafold *f = (struct luafold *)function;
	struct weir_record key;
	const void *value;
	size_t len;
	int more = 1;

	if (!f->emit_end)
		return (WEIR_OK);
	while (!weir_full(w) && (more = changed_next(&f->changed, &key, &value, &len)) == 1)
		if (weir_emit(w, value, len) == -1)
			return (-1);
	return (more == -1 ? -1 : more ? WEIR_MORE : WEIR_OK);
}

/* Beside the keys' records there are the numbers of math.random. */
static int
luafold_snapshot(struct weir_function *function, struct weir *w, uint64_t checkpoint)
{
	struct luafold *f = (struct luafold *)function;

	(void)w;
	return (luaprogram_save(f->program, checkpoint, 0));
}

static int
luafold_restore(struct weir_function *function, struct weir *w, const void *state, size_t len)
{
	struct luafold *f = (struct luafold *)function;

	(void)w;
	return (luaprogram_keep(f->program, state, len));
}

static void
luafold_close(struct weir_function *function)
{
	struct luafold *f = (struct luafold *)function;

	luaprogram_free(f->program);
	free(f);
}

struct weir_function *
luafold_new(struct weir *w, const char *text, const char *file, int emit_end)
{
	struct luafold *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		weir_error(w, "no memory for Lua");
		return (NULL);
	}
	f->function.open = luafold_open;
	f->function.process = luafold_process;
	f->function.end = luafold_end;
	f->function.snapshot = luafold_snapshot;
	f->function.restore = luafold_restore;
	f->function.close = luafold_close;
	f->emit_end = emit_end;
	if ((f->program = luaprogram_new(w, text, file)) == NULL) {
		luafold_close(&f->function);
		return (NULL);
	}
	return (&f->function);
}
