/*
 * luavaluestate: the Lua states that are one value of a key.
 *
 *	s = value_state(name [, initial])	s:value()  s:update(v)  s:clear()
 *	s = reducing_state(name, function)	s:get()    s:add(v)     s:clear()
 *
 * A value is decoded afresh each time it is read, the initial one too: to change
 * it is not to update the state.
 */
#include <string.h>

#include "luastate.h"

static int
value_make(lua_State *L, struct luastate *s, const char *name)
{
	if (!lua_isnil(L, 2))
		luavalue_encode(L, 2, &s->initial);
	s->value = weir_value(s->weir, name);
	return (s->value == NULL ? -1 : 0);
}

static int
reducing_make(lua_State *L, struct luastate *s, const char *name)
{
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_setiuservalue(L, -2, LUASTATE_REDUCE);
	s->value = weir_value(s->weir, name);
	return (s->value == NULL ? -1 : 0);
}

/* What the key has, nil for nothing. */
static void
value_push(lua_State *L, struct luastate *s)
{
	const void *val = s->waiting.data;
	size_t len = s->waiting.len;
	int found = !s->cleared;

	if (!s->touched && (found = weir_value_get(s->value, &val, &len)) == -1)
		luastate_failed(L, s);
	if (found)
		luastate_decode(L, s, val, len);
	else
		lua_pushnil(L);
}

/* The value at index at will be the key's; nil: it will have none. */
static void
value_set(lua_State *L, struct luastate *s, int at)
{
	struct luavalue old = s->waiting;

	if (!lua_isnil(L, at)) {
		/* a value that is none must leave the other as it was */
		luavalue_encode(L, at, &s->encoded);
		s->waiting = s->encoded;
		s->encoded = old;
	}
	s->cleared = lua_isnil(L, at);
	s->touched = 1;
}

static int
value_value(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_value);

	value_push(L, s);
	if (lua_isnil(L, -1) && s->initial.len > 0)
		luastate_decode(L, s, s->initial.data, s->initial.len);
	return (1);
}

static int
value_update(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_value);

	lua_settop(L, 2);
	value_set(L, s, 2);
	return (0);
}

static int
value_clear(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_value);

	s->touched = s->cleared = 1;
	return (0);
}

static int
reducing_get(lua_State *L)
{
	value_push(L, luastate_self(L, &luastate_reducing));
	return (1);
}

/* The first element is kept as it is. */
static int
reducing_add(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_reducing);

	lua_settop(L, 2);
	if (!lua_isnil(L, 2)) {
		lua_getiuservalue(L, 1, LUASTATE_REDUCE);
		value_push(L, s);
		if (!lua_isnil(L, 4)) {
			lua_pushvalue(L, 2);
			lua_call(L, 2, 1);
			if (lua_isnil(L, 3))
				luaL_error(L, "the function of a reducing state gives nil");
			lua_replace(L, 2);
		}
	}
	value_set(L, s, 2);
	return (0);
}

static int
reducing_clear(lua_State *L)
{
	struct luastate *s = luastate_self(L, &luastate_reducing);

	s->touched = s->cleared = 1;
	return (0);
}

/* One that did not change is not written. */
static int
value_commit(lua_State *L, struct luastate *s)
{
	const void *val;
	size_t len;
	int found;

	(void)L;
	if ((found = weir_value_get(s->value, &val, &len)) == -1)
		return (-1);
	if (s->cleared)
		return (found ? weir_value_clear(s->value) : 0);
	if (found && len == s->waiting.len && memcmp(val, s->waiting.data, len) == 0)
		return (0);
	return (weir_value_put(s->value, s->waiting.data, s->waiting.len));
}

static const luaL_Reg value_methods[] = {
	{ "value", value_value },
	{ "update", value_update },
	{ "clear", value_clear },
	{ NULL, NULL }
};

static const luaL_Reg reducing_methods[] = {
	{ "get", reducing_get },
	{ "add", reducing_add },
	{ "clear", reducing_clear },
	{ NULL, NULL }
};

const struct luastate_kind luastate_value = {
	"value_state", value_methods, value_make, value_commit
};

const struct luastate_kind luastate_reducing = {
	"reducing_state", reducing_methods, reducing_make, value_commit
};
