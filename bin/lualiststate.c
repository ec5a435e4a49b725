/*
 * lualiststate: the Lua state that is a list for each key.
 *
 *	s = list_state(name)	s:add(v)  s:get()  s:clear()
 *
 * What is added waits, encoded, in a table that is a user value of the state.
 */
#include "luastate.h"

static int
list_make(lua_State *L, struct luastate *s, const char *name)
{
	(void)L;
	s->list = weir_list(s->weir, name);
	return (s->list == NULL ? -1 : 0);
}

/* A table for what waits, emptied where emptied says so; pushed. */
static void
list_waiting(lua_State *L, struct luastate *s, int emptied)
{
	if (!s->touched || emptied) {
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, 1, LUASTATE_ADDED);
	} else
		lua_getiuservalue(L, 1, LUASTATE_ADDED);
	s->cleared |= emptied;
	s->touched = 1;
}

static int
list_clear(lua_State *L)
{
	list_waiting(L, luastate_self(L, &luastate_list), 1);
	return (0);
}

static int
list_add(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_list);

	lua_settop(L, 2);
	if (lua_isnil(L, 2))
		return (list_clear(L));
	luavalue_encode(L, 2, &s->encoded);
	list_waiting(L, s, 0);
	lua_pushlstring(L, s->encoded.data, s->encoded.len);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
	return (0);
}

/* The stored elements, into the table on top of the stack. */
static void
list_stored(lua_State *L, struct luastate *s)
{
	const void *val;
	uint64_t i;
	size_t len;
	int found;

	for (i = 0; (found = weir_list_get(s->list, i, &val, &len)) == 1; i++) {
		luastate_decode(L, s, val, len);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (found == -1)
		luastate_failed(L, s);
}

/* A table of all elements; nil if there are none. */
static int
list_get(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_list);
	lua_Integer i, n = 0;
	const char *val;
	size_t len;

	lua_settop(L, 1);
	lua_newtable(L);
	if (!s->cleared)
		list_stored(L, s);
	if (s->touched) {
		lua_getiuservalue(L, 1, LUASTATE_ADDED);
		n = (lua_Integer)lua_rawlen(L, 3);
	}
	for (i = 1; i <= n; i++) {
		lua_rawgeti(L, 3, i);
		val = lua_tolstring(L, -1, &len);
		luastate_decode(L, s, val, len);
		lua_rawseti(L, 2, (lua_Integer)lua_rawlen(L, 2) + 1);
		lua_pop(L, 1);
	}
	if (lua_rawlen(L, 2) == 0)
		lua_pushnil(L);
	else
		lua_settop(L, 2);
	return (1);
}

static int
list_commit(lua_State *L, struct luastate *s)
{
	lua_Integer i, n;
	const char *val;
	size_t len;
	int result = 0;

	if (s->cleared && weir_list_clear(s->list) == -1)
		return (-1);
	lua_getiuservalue(L, -1, LUASTATE_ADDED);
	n = (lua_Integer)lua_rawlen(L, -1);
	for (i = 1; i <= n && result == 0; i++) {
		lua_rawgeti(L, -1, i);
		val = lua_tolstring(L, -1, &len);
		result = weir_list_add(s->list, val, len);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return (result);
}

static const luaL_Reg methods[] = {
	{ "add", list_add },
	{ "get", list_get },
	{ "clear", list_clear },
	{ NULL, NULL }
};

const struct luastate_kind luastate_list = { "list_state", methods, list_make, list_commit };
