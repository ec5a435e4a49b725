/*
 * luamapstate: the Lua state that is a map for each key.
 *
 *	s = map_state(name)	s:put(k, v)  s:get(k)  s:remove(k)  s:entries()
 *				s:clear()
 *
 * What is put waits in a table, encoded: key, value or false, key, ...; another
 * says where in it a key's value is.  So pairs are written in the order in which
 * their keys came, which is the same in a replay.
 */
#include <math.h>

#include "luastate.h"

static int
map_make(lua_State *L, struct luastate *s, const char *name)
{
	(void)L;
	s->map = weir_map(s->weir, name);
	return (s->map == NULL ? -1 : 0);
}

/* Tables for what waits, at 4 and 5 of the stack. */
static void
map_waiting(lua_State *L, struct luastate *s, int emptied)
{
	lua_settop(L, 3);
	if (!s->touched || emptied) {
		lua_newtable(L);
		lua_pushvalue(L, 4);
		lua_setiuservalue(L, 1, LUASTATE_ADDED);
		lua_newtable(L);
		lua_pushvalue(L, 5);
		lua_setiuservalue(L, 1, LUASTATE_PLACES);
	} else {
		lua_getiuservalue(L, 1, LUASTATE_ADDED);
		lua_getiuservalue(L, 1, LUASTATE_PLACES);
	}
	s->cleared |= emptied;
	s->touched = 1;
}

/* Argument 2 becomes the key, encoded; as in a table 1.0 is the key 1. */
static void
map_key(lua_State *L, struct luastate *s)
{
	lua_Integer whole;
	int is;

	if (lua_type(L, 2) == LUA_TNUMBER) {
		luaL_argcheck(L, !isnan(lua_tonumber(L, 2)), 2, "a map has no key NaN");
		whole = lua_tointegerx(L, 2, &is);
		if (is) {
			lua_pushinteger(L, whole);
			lua_replace(L, 2);
		}
	} else if (lua_type(L, 2) != LUA_TSTRING && lua_type(L, 2) != LUA_TBOOLEAN)
		luaL_argerror(L, 2, "a map's key is a string, a number or a boolean");
	luavalue_encode(L, 2, &s->encoded);
	lua_pushlstring(L, s->encoded.data, s->encoded.len);
	lua_replace(L, 2);
}

/* The key at 2 will have the encoded value at 3, or none if that is false. */
static void
map_set(lua_State *L, struct luastate *s)
{
	lua_Integer place;

	map_waiting(L, s, 0);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, 5) == LUA_TNIL) {
		place = (lua_Integer)lua_rawlen(L, 4) + 2;
		lua_pushvalue(L, 2);
		lua_rawseti(L, 4, place - 1);
		lua_pushvalue(L, 2);
		lua_pushinteger(L, place);
		lua_rawset(L, 5);
	} else
		place = lua_tointeger(L, -1);
	lua_pushvalue(L, 3);
	lua_rawseti(L, 4, place);
}

static int
map_remove(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_map);

	lua_settop(L, 2);
	map_key(L, s);
	lua_pushboolean(L, 0);
	map_set(L, s);
	return (0);
}

static int
map_put(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_map);

	lua_settop(L, 3);
	if (lua_isnil(L, 3))
		return (map_remove(L));
	map_key(L, s);
	luavalue_encode(L, 3, &s->encoded);
	lua_pushlstring(L, s->encoded.data, s->encoded.len);
	lua_replace(L, 3);
	map_set(L, s);
	return (0);
}

static int
map_clear(lua_State *L)
{
	map_waiting(L, luastate_self(L, &luastate_map), 1);
	return (0);
}

/* Push the value, encoded and ours, that waits for the key at 2: false if the key has
 * none by now, nil if nothing is known. */
static void
map_waits(lua_State *L, const struct luastate *s)
{
	lua_settop(L, 2);
	if (!s->touched) {
		lua_pushnil(L);
		return;
	}
	lua_getiuservalue(L, 1, LUASTATE_PLACES);
	lua_pushvalue(L, 2);
	if (lua_rawget(L, 3) == LUA_TNIL) {
		if (s->cleared)
			lua_pushboolean(L, 0);
		return;
	}
	lua_getiuservalue(L, 1, LUASTATE_ADDED);
	lua_rawgeti(L, -1, lua_tointeger(L, 4));
}

static int
map_get(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_map);
	const char *key;
	const void *val;
	size_t keylen, len;
	int found = 0;

	lua_settop(L, 2);
	map_key(L, s);
	map_waits(L, s);
	if (lua_isnil(L, -1)) {
		key = lua_tolstring(L, 2, &keylen);
		found = weir_map_get(s->map, key, keylen, &val, &len);
	} else if (lua_isstring(L, -1)) {
		val = lua_tolstring(L, -1, &len);
		found = 1;
	}
	if (found == -1)
		luastate_failed(L, s);
	if (found)
		luastate_decode(L, s, val, len);
	else
		lua_pushnil(L);
	return (1);
}

/* The stored pairs, into the table on top of the stack. */
static void
map_stored(lua_State *L, struct luastate *s)
{
	const void *key, *val;
	size_t keylen, len;
	uint64_t i;
	int found;

	for (i = 0; (found = weir_map_at(s->map, i, &key, &keylen, &val, &len)) == 1; i++) {
		luastate_decode(L, s, key, keylen);
		luastate_decode(L, s, val, len);
		lua_rawset(L, -3);
	}
	if (found == -1)
		luastate_failed(L, s);
}

/* A table of all pairs. */
static int
map_entries(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_map);
	lua_Integer i, n = 0;
	const char *bytes;
	size_t len;

	lua_settop(L, 1);
	lua_newtable(L);
	if (!s->cleared)
		map_stored(L, s);
	if (s->touched) {
		lua_getiuservalue(L, 1, LUASTATE_ADDED);
		n = (lua_Integer)lua_rawlen(L, 3);
	}
	for (i = 1; i <= n; i += 2) {
		lua_rawgeti(L, 3, i);
		bytes = lua_tolstring(L, -1, &len);
		luastate_decode(L, s, bytes, len);
		if (lua_rawgeti(L, 3, i + 1) == LUA_TSTRING) {
			bytes = lua_tolstring(L, -1, &len);
			luastate_decode(L, s, bytes, len);
		} else
			lua_pushnil(L);
		lua_remove(L, -2);
		lua_rawset(L, 2);
		lua_settop(L, 3);
	}
	lua_settop(L, 2);
	return (1);
}

static int
map_commit(lua_State *L, struct luastate *s)
{
	const char *key, *val;
	lua_Integer i, n;
	size_t keylen, len;
	int result = 0;

	if (s->cleared && weir_map_clear(s->map) == -1)
		return (-1);
	lua_getiuservalue(L, -1, LUASTATE_ADDED);
	n = (lua_Integer)lua_rawlen(L, -1);
	for (i = 1; i <= n && result != -1; i += 2) {
		lua_rawgeti(L, -1, i);
		key = lua_tolstring(L, -1, &keylen);
		if (lua_rawgeti(L, -2, i + 1) == LUA_TSTRING) {
			val = lua_tolstring(L, -1, &len);
			result = weir_map_put(s->map, key, keylen, val, len);
		} else
			result = weir_map_remove(s->map, key, keylen);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
	return (result == -1 ? -1 : 0);
}

static const luaL_Reg methods[] = {
	{ "put", map_put },
	{ "get", map_get },
	{ "remove", map_remove },
	{ "entries", map_entries },
	{ "clear", map_clear },
	{ NULL, NULL }
};

const struct luastate_kind luastate_map = { "map_state", methods, map_make, map_commit };
