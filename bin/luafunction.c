/*
 * luafunction: a function in Lua, called once for each record.
 *
 * The chunk gives it as it is, as in mapWithState: (key, rec, state) gives (out,
 * state); or in a table, or as globals: process(key, rec), and beside it open(),
 * snapshot() with restore(), checkpoint_complete(), as in Flink's rich functions.
 * Then states are what value_state() and its like make.  Both forms may emit().
 *
 * A record that fails leaves nothing behind: its outputs are looked through and
 * its new states are encoded before the first of them goes anywhere, and what comes
 * after that raises no Lua error.  Hence an error means: nothing was emitted, the
 * state is as it was.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "function.h"
#include "luaoutput.h"
#include "luaprogram.h"
#include "luastates.h"
#include "luavalue.h"

#define PLACE_TEXT	512		/* bytes, as weir_place() writes it */

/* What a program may define, and where on the stack it is afterwards. */
enum part { PROCESS = 1, OPEN, SNAPSHOT, RESTORE, COMPLETE, RICH };

static const char *const parts[] = {
	[PROCESS] = "process", [OPEN] = "open", [SNAPSHOT] = "snapshot",
	[RESTORE] = "restore", [COMPLETE] = "checkpoint_complete",
};

struct luafunction {
	struct weir_function	 function;	/* first, so that one is the other */
	struct luaprogram	*program;
	struct weir		*weir;
	struct luastates	*states;
	struct weir_value	*state;		/* of mapWithState, on a keyed stream */
	int			 keyed, rich;

	/* of the record in hand */
	const struct weir_record *record;	/* NULL: there is none */
	struct luavalue		 returned;	/* a state */
	struct luaoutput	 output;
	const void		*bytes;		/* its state before */
	size_t			 len;
	int			 found;
};

/*
 * What the program finds
 */

static struct luafunction *
self_of(lua_State *L, const char *name)
{
	struct luafunction *f = lua_touserdata(L, lua_upvalueindex(1));

	if (f->record == NULL)
		luaL_error(L, "%s(): there is no record in hand; only process() has one", name);
	return (f);
}

/* emit(text [, tag of an output]) */
static int
luafunction_emit(lua_State *L)
{
	struct luafunction *f = self_of(L, "emit");
	const char *text, *tag;
	size_t len;
	int output = 0;

	text = luaL_checklstring(L, 1, &len);
	if (!lua_isnoneornil(L, 2)) {
		tag = luaL_checkstring(L, 2);
		if ((output = weir_output(f->weir, tag)) == -1)
			luaL_error(L, "no output is called \"%s\"; -o %s=... makes one", tag, tag);
	}
	luaoutput_add(&f->output, L, output, text, len);
	return (0);
}

/* tag() of the input that the record came by, or nil */
static int
luafunction_tag(lua_State *L)
{
	lua_pushstring(L, weir_tag(self_of(L, "tag")->weir));
	return (1);
}

/* place() of the record: "NAME: record R, byte B" */
static int
luafunction_place(lua_State *L)
{
	struct luafunction *f = self_of(L, "place");
	char text[PLACE_TEXT];

	weir_place(f->weir, f->record, text, sizeof(text));
	lua_pushstring(L, text);
	return (1);
}

static int
luafunction_prepare(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "emit", luafunction_emit },
		{ "tag", luafunction_tag },
		{ "place", luafunction_place },
	};
	struct luafunction *f = lua_touserdata(L, 1);
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		lua_pushlightuserdata(L, f);
		lua_pushcclosure(L, functions[i].func, 1);
		lua_setglobal(L, functions[i].name);
	}
	lua_pushcfunction(L, luastates_open);
	lua_pushlightuserdata(L, f->states);
	lua_call(L, 1, 0);
	return (0);
}

/*
 * Opening
 */

/* For Lua: what the chunk returned -> its parts, then whether it is rich. */
static int
luafunction_parts(lua_State *L)
{
	int i, kind = lua_type(L, 1);

	if (kind == LUA_TNIL)
		lua_pushglobaltable(L);
	else
		lua_pushvalue(L, 1);
	for (i = PROCESS; i < RICH; i++) {
		if (kind == LUA_TFUNCTION && i == PROCESS)
			lua_pushvalue(L, 1);
		else if (kind == LUA_TFUNCTION || !lua_istable(L, 2))
			lua_pushnil(L);
		else {
			lua_pushstring(L, parts[i]);
			lua_rawget(L, 2);
		}
		if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
			luaL_error(L, "\"%s\" is a %s, not a function", parts[i],
			    luaL_typename(L, -1));
	}
	if (lua_isnil(L, 2 + PROCESS))
		luaL_error(L, "it gives %s%s, not a function; write 'return function(key, rec, "
		    "state) ... return out, state end', or define process(key, rec)",
		    kind == LUA_TNIL ? "" : "a ", luaL_typename(L, 1));
	if (lua_isnil(L, 2 + SNAPSHOT) != lua_isnil(L, 2 + RESTORE))
		luaL_error(L, "snapshot() and restore() come together: what the one gives the "
		    "other takes");
	lua_pushboolean(L, kind != LUA_TFUNCTION);
	return (RICH);
}

static int
parts_find(struct luafunction *f)
{
	lua_State *L = luaprogram_lua(f->program);

	lua_pushcfunction(L, luafunction_parts);
	lua_insert(L, 1);
	if (luaprogram_call(f->program, 1, RICH) == -1)
		return (weir_misuse(f->weir, "%s: %s", luaprogram_name(f->program),
		    luaprogram_error(f->program)));
	f->rich = lua_toboolean(L, RICH);
	return (0);
}

/* Where on the stack a part is, 0 if the program has none. */
static int
part_at(const struct luafunction *f, enum part part)
{
	return (lua_isnil(luaprogram_lua(f->program), (int)part) ? 0 : (int)part);
}

/* Restored first, then opened, as Flink does it. */
static int
luafunction_start(struct luafunction *f)
{
	lua_State *L = luaprogram_lua(f->program);

	if (luaprogram_restore(f->program, part_at(f, RESTORE)) == -1)
		return (-1);
	if (part_at(f, OPEN) == 0)
		return (0);
	lua_pushvalue(L, OPEN);
	if (luaprogram_call(f->program, 0, 0) == -1)
		return (weir_misuse(f->weir, "%s", luaprogram_error(f->program)));
	return (0);
}

static int
luafunction_open(struct weir_function *function, struct weir *w)
{
	struct luafunction *f = (struct luafunction *)function;

	f->weir = w;
	f->keyed = weir_keyed(w);
	if ((f->states = luastates_new(f->program, w)) == NULL)
		return (weir_error(w, "no memory for Lua"));
	if (luaprogram_start(f->program, w, luafunction_prepare, f) == -1 ||
	    parts_find(f) == -1)
		return (-1);
	if (f->keyed && !f->rich && (f->state = weir_value(w, "state")) == NULL)
		return (-1);
	return (luafunction_start(f) == -1 ? -1 : luastates_close(f->states));
}

/*
 * Applying it
 */

/* Push the state of the record in hand. */
static int
state_push(lua_State *L, struct luafunction *f)
{
	const char *error;

	f->found = f->state == NULL ? 0 : weir_value_get(f->state, &f->bytes, &f->len);
	if (f->found == -1)
		return (-1);
	if (!f->found)
		lua_pushnil(L);
	else if (luavalue_decode(L, f->bytes, f->len, &error) == -1)
		return (weir_misuse(f->weir, "the state of a key was not written by Lua, "
		    "or is damaged: %s", error));
	return (0);
}

/* Encode the state at index at that was returned. */
static int
state_take(lua_State *L, struct luafunction *f, int at)
{
	f->returned.len = 0;
	if (lua_isnil(L, at))
		return (0);
	if (!f->keyed)
		return (weir_misuse(f->weir, "the function returns a state, but the stream "
		    "is not keyed; put 'weir keyby -k FIELD' before me"));
	if (f->rich)
		luaL_error(L, "process() returns a second value; its states are those that "
		    "value_state() and its like make");
	luavalue_encode(L, at, &f->returned);
	return (0);
}

/*
 * Keep what was encoded; a state that did not change is not written.  It is read
 * again: other states may have been, and the bytes have moved.
 */
static int
state_keep(struct luafunction *f)
{
	if (f->state == NULL)
		return (0);
	if (f->returned.len == 0)
		return (f->found ? weir_value_clear(f->state) : 0);
	if (f->found && weir_value_get(f->state, &f->bytes, &f->len) == -1)
		return (-1);
	if (f->found && f->len == f->returned.len &&
	    memcmp(f->bytes, f->returned.data, f->len) == 0)
		return (0);
	return (weir_value_put(f->state, f->returned.data, f->returned.len));
}

/* For luaprogram_batch(): process() on one record. */
static int
apply(lua_State *L, void *cookie, const struct weir_record *r)
{
	struct luafunction *f = cookie;

	f->record = r;
	luaoutput_clear(&f->output);
	luastates_begin(f->states);
	lua_pushvalue(L, PROCESS);
	if (!f->keyed)
		lua_pushnil(L);
	else {
		weir_select(f->weir, r);
		lua_pushlstring(L, r->key, r->keylen);
	}
	lua_pushlstring(L, r->data, r->len);
	if (state_push(L, f) == -1)
		return (-1);
	lua_call(L, 3, 2);

	luaoutput_take(&f->output, L, 2);
	if (state_take(L, f, 3) == -1 || state_keep(f) == -1 ||
	    luastates_commit(f->states, L) == -1)
		return (-1);
	return (luaoutput_send(&f->output, f->weir));
}

static long
luafunction_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct luafunction *f = (struct luafunction *)function;
	long taken;

	(void)w;
	taken = luaprogram_batch(f->program, records, n,
	    f->state != NULL ? f->state : luastates_ahead(f->states), apply, f);
	f->record = NULL;
	luastates_end(f->states);
	return (taken);
}

/*
 * Checkpoints
 */

static int
luafunction_snapshot(struct weir_function *function, struct weir *w, uint64_t checkpoint)
{
	struct luafunction *f = (struct luafunction *)function;

	(void)w;
	return (luaprogram_save(f->program, checkpoint, part_at(f, SNAPSHOT)));
}

/* Before open(): it is told there. */
static int
luafunction_restore(struct weir_function *function, struct weir *w, const void *state,
    size_t len)
{
	struct luafunction *f = (struct luafunction *)function;

	(void)w;
	return (luaprogram_keep(f->program, state, len));
}

static int
luafunction_complete(struct weir_function *function, struct weir *w, uint64_t checkpoint)
{
	struct luafunction *f = (struct luafunction *)function;
	lua_State *L = luaprogram_lua(f->program);

	if (part_at(f, COMPLETE) == 0)
		return (0);
	lua_pushvalue(L, COMPLETE);
	lua_pushinteger(L, (lua_Integer)checkpoint);
	if (luaprogram_call(f->program, 1, 0) == -1)
		return (weir_error(w, "checkpoint_complete(): %s",
		    luaprogram_error(f->program)));
	return (0);
}

static void
luafunction_close(struct weir_function *function)
{
	struct luafunction *f = (struct luafunction *)function;

	luastates_free(f->states);
	luaprogram_free(f->program);
	luaoutput_free(&f->output);
	free(f->returned.data);
	free(f);
}

struct weir_function *
luafunction_new(struct weir *w, const char *text, const char *file)
{
	struct luafunction *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		weir_error(w, "no memory for Lua");
		return (NULL);
	}
	f->function.open = luafunction_open;
	f->function.process = luafunction_process;
	f->function.snapshot = luafunction_snapshot;
	f->function.restore = luafunction_restore;
	f->function.complete = luafunction_complete;
	f->function.close = luafunction_close;
	if ((f->program = luaprogram_new(w, text, file)) == NULL) {
		luafunction_close(&f->function);
		return (NULL);
	}
	return (&f->function);
}
