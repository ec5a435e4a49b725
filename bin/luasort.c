/*
 * luasort: table.sort() with one result.
 *
 * A merge sort from the bottom up, between two lists beside the sorted one; that
 * one is read before the first comparison and written after the last.
 */
#include <limits.h>

#include <lauxlib.h>

#include "luasort.h"

/* Places on the Lua stack. */
#define LIST	1
#define LESS	2
#define HALF	3			/* and the one after it */

/* Is the second value on top of the stack less than the first?  Pops both. */
static int
second_is_less(lua_State *L)
{
	int less;

	if (lua_isnil(L, LESS)) {
		less = lua_compare(L, -1, -2, LUA_OPLT);
		lua_pop(L, 2);
		return (less);
	}
	lua_pushvalue(L, LESS);
	lua_rotate(L, -3, 1);		/* less first second */
	lua_rotate(L, -2, 1);
	lua_call(L, 2, 1);
	less = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return (less);
}

/* Merge the sorted runs [low, middle) and [middle, high) of from into to. */
static void
merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle, lua_Integer high)
{
	lua_Integer a, b, out;
	int second;

	a = low;
	b = middle;
	for (out = low; out < high; out++) {
		second = a == middle;
		if (a < middle && b < high) {
			lua_rawgeti(L, from, a);
			lua_rawgeti(L, from, b);
			second = second_is_less(L);
		}
		lua_rawgeti(L, from, second ? b++ : a++);
		lua_rawseti(L, to, out);
	}
}

int
luasort(lua_State *L)
{
	lua_Integer i, n, width, middle, high;
	int from;

	luaL_checktype(L, LIST, LUA_TTABLE);
	if (!lua_isnoneornil(L, LESS))
		luaL_checktype(L, LESS, LUA_TFUNCTION);
	n = luaL_len(L, LIST);
	luaL_argcheck(L, n < INT_MAX, LIST, "list too long");
	lua_settop(L, LESS);
	lua_createtable(L, n < 0 ? 0 : (int)n, 0);
	lua_createtable(L, n < 0 ? 0 : (int)n, 0);
	for (i = 1; i <= n; i++) {
		lua_geti(L, LIST, i);
		lua_rawseti(L, HALF, i);
	}
	from = HALF;
	for (width = 1; width < n; width *= 2) {
		for (i = 1; i <= n; i = high) {
			middle = i + width < n + 1 ? i + width : n + 1;
			high = middle + width < n + 1 ? middle + width : n + 1;
			merge(L, from, 2 * HALF + 1 - from, i, middle, high);
		}
		from = 2 * HALF + 1 - from;
	}
	for (i = 1; i <= n; i++) {
		lua_rawgeti(L, from, i);
		lua_seti(L, LIST, i);
	}
	return (0);
}
