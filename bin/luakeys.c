/*
 * luakeys: the keys of a Lua table in one order, the same in every run.
 *
 * Lua's own order follows hash seeds and insertion history, which a replay
 * does not share.
 * Relies on: nobody changes the table between the first and last call here.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "luakeys.h"

enum luakey_rank { RANK_INTEGER, RANK_FLOAT, RANK_STRING, RANK_BOOLEAN, RANK_NONE };

struct luakey {
	enum luakey_rank	 rank;
	lua_Integer		 integer;	/* also the boolean */
	lua_Number		 number;
	const char		*string;	/* the table holds on to it */
	size_t			 len;
	lua_Integer		 place;		/* in the unsorted list, from 1 */
};

static void
luakey_read(lua_State *L, int at, struct luakey *k)
{
	switch (lua_type(L, at)) {
	case LUA_TNUMBER:
		if (lua_isinteger(L, at)) {
			k->rank = RANK_INTEGER;
			k->integer = lua_tointeger(L, at);
		} else {
			k->rank = RANK_FLOAT;
			k->number = lua_tonumber(L, at);
		}
		break;
	case LUA_TSTRING:
		k->rank = RANK_STRING;
		k->string = lua_tolstring(L, at, &k->len);
		break;
	case LUA_TBOOLEAN:
		k->rank = RANK_BOOLEAN;
		k->integer = lua_toboolean(L, at);
		break;
	default:
		k->rank = RANK_NONE;
		break;
	}
}

static int
luakey_order(const void *va, const void *vb)
{
	const struct luakey *a = va, *b = vb;
	size_t n;
	int order;

	if (a->rank != b->rank)
		return (a->rank < b->rank ? -1 : 1);
	switch (a->rank) {
	case RANK_FLOAT:
		return ((a->number > b->number) - (a->number < b->number));
	case RANK_STRING:
		n = a->len < b->len ? a->len : b->len;
		order = memcmp(a->string, b->string, n);
		if (order != 0)
			return (order);
		return ((a->len > b->len) - (a->len < b->len));
	default:
		return ((a->integer > b->integer) - (a->integer < b->integer));
	}
}

int
luakeys_compare(lua_State *L, int a, int b)
{
	struct luakey ka, kb;

	luakey_read(L, a, &ka);
	luakey_read(L, b, &kb);
	return (luakey_order(&ka, &kb));
}

/* Replace the list of n keys on top of the stack by a sorted one. */
static void
luakeys_sort(lua_State *L, size_t n)
{
	struct luakey *keys;
	size_t i;

	keys = lua_newuserdatauv(L, n * sizeof(*keys), 0);
	for (i = 0; i < n; i++) {
		lua_rawgeti(L, -2, (lua_Integer)i + 1);
		luakey_read(L, -1, &keys[i]);
		keys[i].place = (lua_Integer)i + 1;
		lua_pop(L, 1);
	}
	qsort(keys, n, sizeof(*keys), luakey_order);
	lua_createtable(L, n < 1 << 20 ? (int)n : 1 << 20, 0);
	for (i = 0; i < n; i++) {
		lua_rawgeti(L, -3, keys[i].place);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_replace(L, -3);
	lua_pop(L, 1);
}

size_t
luakeys_push(lua_State *L, int table)
{
	struct luakey last, key;
	size_t n;
	int sorted;

	table = lua_absindex(L, table);
	lua_newtable(L);
	lua_pushnil(L);
	sorted = 1;
	for (n = 0; lua_next(L, table) != 0; n++) {
		lua_pop(L, 1);
		luakey_read(L, -1, &key);
		if (key.rank == RANK_NONE)
			luaL_error(L, "a table has a %s as a key: such keys have no order",
			    luaL_typename(L, -1));
		if (n > 0 && luakey_order(&last, &key) > 0)
			sorted = 0;
		last = key;
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (lua_Integer)n + 1);
	}
	if (!sorted)
		luakeys_sort(L, n);
	return (n);
}
