/*
 * luafunction: a function in Lua, called once for each record.
 *
 * The form is mapWithState: (key, rec, state) gives (out, state).  A record that
 * fails leaves nothing behind: its outputs are looked through and its new state
 * is encoded before the first of them goes anywhere, and what comes after that
 * raises no Lua error.  Hence an error means: nothing was emitted, the state is as
 * it was.
 * Relies on: state bytes stay where they are while the function runs, since no
 * other state is touched then.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "function.h"
#include "luaoutput.h"
#include "luaprogram.h"
#include "luavalue.h"

struct luafunction {
	struct weir_function	 function;	/* first, so that one is the other */
	struct luaprogram	*program;
	struct weir		*weir;
	struct weir_value	*state;		/* NULL: the stream is not keyed */
	struct luavalue		 returned;	/* a state that was returned */
	struct luaoutput	 output;	/* of the record in hand */
};

static int
luafunction_open(struct weir_function *function, struct weir *w)
{
	struct luafunction *f = (struct luafunction *)function;
	lua_State *L;

	f->weir = w;
	if (weir_keyed(w) && (f->state = weir_value(w, "state")) == NULL)
		return (-1);
	if (luaprogram_start(f->program, w, NULL, NULL) == -1)
		return (-1);
	L = luaprogram_lua(f->program);
	if (!lua_isfunction(L, 1))
		return (weir_misuse(w, "%s: it gives %s%s, not a function; write "
		    "'return function(key, rec, state) ... return out, state end'",
		    luaprogram_name(f->program), lua_isnil(L, 1) ? "" : "a ",
		    luaL_typename(L, 1)));
	return (0);
}

/* Push the state of the record in hand: 1 if there is one, 0, -1. */
static int
state_push(lua_State *L, struct luafunction *f, const void **bytes, size_t *len)
{
	const char *error;
	int found;

	found = f->state == NULL ? 0 : weir_value_get(f->state, bytes, len);
	if (found == -1)
		return (-1);
	if (!found)
		lua_pushnil(L);
	else if (luavalue_decode(L, *bytes, *len, &error) == -1)
		return (weir_misuse(f->weir, "the state of a key was not written by Lua, "
		    "or is damaged: %s", error));
	return (found);
}

/* Keep what was encoded; a state that did not change is not written. */
static int
state_keep(struct luafunction *f, int none, int found, const void *bytes, size_t len)
{
	if (none)
		return (found ? weir_value_clear(f->state) : 0);
	if (found && len == f->returned.len && memcmp(bytes, f->returned.data, len) == 0)
		return (0);
	return (weir_value_put(f->state, f->returned.data, f->returned.len));
}

/* For luaprogram_batch(): the function at index 1 on one record. */
static int
apply(lua_State *L, void *cookie, const struct weir_record *r)
{
	struct luafunction *f = cookie;
	const void *bytes = NULL;
	size_t len = 0;
	int found, none;

	luaoutput_clear(&f->output);
	lua_pushvalue(L, 1);
	if (f->state == NULL)
		lua_pushnil(L);
	else {
		weir_select(f->weir, r);
		lua_pushlstring(L, r->key, r->keylen);
	}
	lua_pushlstring(L, r->data, r->len);
	if ((found = state_push(L, f, &bytes, &len)) == -1)
		return (-1);
	lua_call(L, 3, 2);

	luaoutput_take(&f->output, L, 2);
	none = lua_isnil(L, 3);
	if (!none && f->state == NULL)
		return (weir_misuse(f->weir, "the function returns a state, but the stream "
		    "is not keyed; put 'weir keyby -k FIELD' before me"));
	if (!none)
		luavalue_encode(L, 3, &f->returned);

	if (state_keep(f, none, found, bytes, len) == -1)
		return (-1);
	return (luaoutput_send(&f->output, f->weir));
}

static long
luafunction_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct luafunction *f = (struct luafunction *)function;

	(void)w;
	return (luaprogram_batch(f->program, records, n, f->state, apply, f));
}

static void
luafunction_close(struct weir_function *function)
{
	struct luafunction *f = (struct luafunction *)function;

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
	f->function.close = luafunction_close;
	if ((f->program = luaprogram_new(w, text, file)) == NULL) {
		luafunction_close(&f->function);
		return (NULL);
	}
	return (&f->function);
}
