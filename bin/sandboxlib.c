/*
 * sandboxlib: what a program in the sandbox finds.
 *
 * base, string, table, math and utf8, but for
 *  - what reaches outside: dofile, load, loadfile, collectgarbage, string.dump;
 *    print() writes to the log;
 *  - what a replay would not repeat: addresses (tostring, format), the order of
 *    tables (pairs, next), of equal elements (sort), random seeds, and weak
 *    tables;
 *  - what runs where the sandbox's hook is off: finalizers, and xpcall()'s
 *    handler, which is called here after the unwinding.
 */
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "luakeys.h"
#include "luasort.h"
#include "sandbox.h"

/* The original of a function that is replaced. */
#define ORIGINAL	lua_upvalueindex(1)

static int
has_address_only(lua_State *L, int at)
{
	switch (lua_type(L, at)) {
	case LUA_TTABLE:
	case LUA_TFUNCTION:
	case LUA_TUSERDATA:
	case LUA_TLIGHTUSERDATA:
	case LUA_TTHREAD:
		if (luaL_getmetafield(L, at, "__tostring") == LUA_TNIL)
			return (1);
		lua_pop(L, 1);
		break;
	}
	return (0);
}

static void
refuse_address(lua_State *L, int at)
{
	if (has_address_only(L, at))
		luaL_error(L, "a %s has no text but its address, which differs in each run",
		    luaL_typename(L, at));
}

static int
lib_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	refuse_address(L, 1);
	luaL_tolstring(L, 1, NULL);
	return (1);
}

static int
lib_format(lua_State *L)
{
	const char *p, *end;
	size_t len;
	int argument;

	p = luaL_checklstring(L, 1, &len);
	end = p + len;
	argument = 1;
	while ((p = memchr(p, '%', (size_t)(end - p))) != NULL) {
		for (p++; p < end && *p != '\0' && strchr("-+ #0123456789.", *p) != NULL; p++)
			continue;
		if (p == end)
			break;
		if (*p != '%')
			argument++;
		if (*p == 'p')
			luaL_error(L, "%%p is an address, which differs in each run");
		if (*p == 's')
			refuse_address(L, argument);
		p++;
	}
	return (lua_tocfunction(L, ORIGINAL)(L));
}

/* A line to the log for each line printed. */
static int
lib_print(lua_State *L)
{
	const char *line, *end;
	luaL_Buffer text;
	int i, n;

	n = lua_gettop(L);
	luaL_buffinit(L, &text);
	for (i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&text, ' ');
		if (has_address_only(L, i))
			lua_pushstring(L, luaL_typename(L, i));
		else
			luaL_tolstring(L, i, NULL);
		luaL_addvalue(&text);
	}
	luaL_pushresult(&text);
	for (line = lua_tostring(L, -1); (end = strchr(line, '\n')) != NULL; line = end + 1) {
		lua_pushlstring(L, line, (size_t)(end - line));
		sandbox_say(L, lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	sandbox_say(L, line);
	return (0);
}

/* Upvalues: the keys in order, the place of the last one given. */
static int
pairs_next(lua_State *L)
{
	lua_Integer place;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	place = lua_tointeger(L, lua_upvalueindex(2));
	while (lua_rawgeti(L, lua_upvalueindex(1), ++place) != LUA_TNIL) {
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 1) != LUA_TNIL) {
			lua_pushinteger(L, place);
			lua_replace(L, lua_upvalueindex(2));
			return (2);
		}
		lua_settop(L, 1);	/* removed on the way */
	}
	return (1);
}

static int
lib_pairs(lua_State *L)
{
	luaL_checkany(L, 1);
	if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_call(L, 1, 3);
		return (3);
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	luakeys_push(L, 1);
	lua_pushinteger(L, 0);
	lua_pushcclosure(L, pairs_next, 2);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return (3);
}

/*
 * The place of the key at 2 among the keys of the table at 1, 0 for nil.  The
 * upvalues remember where the last call was: table, keys in order, place.
 */
static lua_Integer
next_place(lua_State *L)
{
	lua_Integer place;

	if (!lua_isnil(L, 2) && lua_rawequal(L, 1, lua_upvalueindex(1))) {
		place = lua_tointeger(L, lua_upvalueindex(3));
		lua_rawgeti(L, lua_upvalueindex(2), place);
		if (lua_rawequal(L, 2, -1))
			return (place);
	}
	lua_pushvalue(L, 1);
	lua_replace(L, lua_upvalueindex(1));
	luakeys_push(L, 1);
	lua_replace(L, lua_upvalueindex(2));
	if (lua_isnil(L, 2))
		return (0);
	for (place = 1; lua_rawgeti(L, lua_upvalueindex(2), place) != LUA_TNIL; place++) {
		if (lua_rawequal(L, 2, -1))
			return (place);
		lua_pop(L, 1);
	}
	return (luaL_error(L, "next() was given a key that is not in the table"));
}

static int
lib_next(lua_State *L)
{
	lua_Integer place;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	place = next_place(L);
	lua_settop(L, 2);
	while (lua_rawgeti(L, lua_upvalueindex(2), ++place) != LUA_TNIL) {
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 1) != LUA_TNIL) {
			lua_pushinteger(L, place);
			lua_replace(L, lua_upvalueindex(3));
			return (2);
		}
		lua_settop(L, 2);
	}
	lua_pushnil(L);
	lua_copy(L, -1, lua_upvalueindex(1));
	lua_copy(L, -1, lua_upvalueindex(2));
	return (1);
}

static int
lib_setmetatable(lua_State *L)
{
	static const char *const refused[] = { "__gc", "__mode" };
	size_t i;

	for (i = 0; lua_istable(L, 2) && i < sizeof(refused) / sizeof(refused[0]); i++) {
		lua_pushstring(L, refused[i]);
		if (lua_rawget(L, 2) != LUA_TNIL)
			luaL_error(L, "no %s in a metatable: when it acts differs in each run",
			    refused[i]);
		lua_pop(L, 1);
	}
	return (lua_tocfunction(L, ORIGINAL)(L));
}

static int
lib_xpcall(lua_State *L)
{
	int arguments;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	arguments = lua_gettop(L) - 2;
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2);
	if (lua_pcall(L, arguments, LUA_MULTRET, 0) == LUA_OK)
		return (lua_gettop(L) - 2);
	lua_pushvalue(L, 2);
	lua_rotate(L, -2, 1);
	lua_pushboolean(L, 0);
	lua_replace(L, 3);
	lua_pcall(L, 1, LUA_MULTRET, 0);
	return (lua_gettop(L) - 2);
}

static int
lib_randomseed(lua_State *L)
{
	luaL_checknumber(L, 1);		/* without one it would choose by clock */
	lua_pushvalue(L, ORIGINAL);
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 0);
	return (0);
}

static const luaL_Reg libraries[] = {
	{ LUA_GNAME, luaopen_base },
	{ LUA_STRLIBNAME, luaopen_string },
	{ LUA_TABLIBNAME, luaopen_table },
	{ LUA_MATHLIBNAME, luaopen_math },
	{ LUA_UTF8LIBNAME, luaopen_utf8 },
};

/* NULL: taken away.  The others get the original as an upvalue. */
static const struct {
	const char	*library, *name;
	lua_CFunction	 function;
} changes[] = {
	{ LUA_GNAME, "collectgarbage", NULL },
	{ LUA_GNAME, "dofile", NULL },
	{ LUA_GNAME, "load", NULL },
	{ LUA_GNAME, "loadfile", NULL },
	{ LUA_GNAME, "warn", NULL },
	{ LUA_STRLIBNAME, "dump", NULL },
	{ LUA_GNAME, "pairs", lib_pairs },
	{ LUA_GNAME, "print", lib_print },
	{ LUA_GNAME, "setmetatable", lib_setmetatable },
	{ LUA_GNAME, "tostring", lib_tostring },
	{ LUA_GNAME, "xpcall", lib_xpcall },
	{ LUA_STRLIBNAME, "format", lib_format },
	{ LUA_TABLIBNAME, "sort", luasort },
	{ LUA_MATHLIBNAME, "randomseed", lib_randomseed },
};

/*
 * The functions of the library share the state as an upvalue, here that of the
 * function on top of the stack: four integers of 64 bits.  The registry holds on to
 * it, whatever becomes of them.
 */
static void *
random_state(lua_State *L)
{
	void *state;

	if (lua_getupvalue(L, -1, 1) == NULL || lua_rawlen(L, -1) != SANDBOX_RANDOM)
		luaL_error(L, "this Lua keeps the state of math.random elsewhere");
	state = lua_touserdata(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, state);
	return (state);
}

void
sandboxlib_open(lua_State *L, uint64_t seed, void **random)
{
	size_t i;

	for (i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].func, 1);
		lua_pop(L, 1);
	}
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		lua_getglobal(L, changes[i].library);
		if (changes[i].function == NULL)
			lua_pushnil(L);
		else {
			lua_getfield(L, -1, changes[i].name);
			lua_pushcclosure(L, changes[i].function, 1);
		}
		lua_setfield(L, -2, changes[i].name);
		lua_pop(L, 1);
	}
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_pushcclosure(L, lib_next, 3);
	lua_setglobal(L, "next");
	lua_getglobal(L, LUA_MATHLIBNAME);
	lua_getfield(L, -1, "random");
	*random = random_state(L);
	lua_pop(L, 1);
	lua_getfield(L, -1, "randomseed");
	lua_pushinteger(L, (lua_Integer)seed);
	lua_call(L, 1, 0);
	lua_pop(L, 1);
}

int
sandboxlib_unlock(lua_State *L)
{
	luaL_requiref(L, LUA_LOADLIBNAME, luaopen_package, 1);
	luaL_requiref(L, LUA_IOLIBNAME, luaopen_io, 1);
	luaL_requiref(L, LUA_OSLIBNAME, luaopen_os, 1);
	return (0);
}
