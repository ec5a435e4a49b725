/*
 * luastates: a Lua program's states, for each key.
 *
 * The registry holds on to each state, under its address, so that its memory is
 * where the list here says as long as Lua is open.
 */
#include <stdlib.h>

#include "luastate.h"

struct luastates {
	struct luaprogram	*program;
	struct weir		*weir;
	struct luastate		*first;
	struct luastate		**last;
	int			 closed;	/* no more are made */
	int			 failed;	/* one could not be made */
	int			 active;	/* a key is selected */
};

static const struct luastate_kind *const kinds[] = {
	&luastate_value, &luastate_list, &luastate_reducing, &luastate_map,
};

struct luastates *
luastates_new(struct luaprogram *p, struct weir *w)
{
	struct luastates *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		return (NULL);
	all->program = p;
	all->weir = w;
	all->last = &all->first;
	return (all);
}

void
luastates_free(struct luastates *all)
{
	struct luastate *s;

	if (all == NULL)
		return;
	for (s = all->first; s != NULL; s = s->next) {
		free(s->initial.data);
		free(s->waiting.data);
		free(s->encoded.data);
	}
	free(all);
}

/*
 * What the kinds share
 */

struct luastate *
luastate_self(lua_State *L, const struct luastate_kind *kind)
{
	struct luastate *s = luaL_checkudata(L, 1, kind->maker);

	if (!s->all->active)
		luaL_error(L, "a state is that of a record's key: only process() can use it");
	return (s);
}

int
luastate_failed(lua_State *L, struct luastate *s)
{
	luaprogram_fail(s->all->program);
	return (luaL_error(L, "the state failed"));
}

void
luastate_decode(lua_State *L, struct luastate *s, const void *data, size_t len)
{
	const char *error;

	if (luavalue_decode(L, data, len, &error) == 0)
		return;
	weir_misuse(s->weir, "the state of a key was not written by Lua, or is damaged: %s",
	    error);
	luastate_failed(L, s);
}

/*
 * Making
 */

/* For Lua, with its luastates and its kind as upvalues: maker(name, ...). */
static int
luastates_make(lua_State *L)
{
	struct luastates *all = lua_touserdata(L, lua_upvalueindex(1));
	const struct luastate_kind *kind = kinds[lua_tointeger(L, lua_upvalueindex(2))];
	const char *name = luaL_checkstring(L, 1);
	struct luastate *s;

	if (all->closed)
		return (luaL_error(L, "%s(): states are made at top level or in open()",
		    kind->maker));
	lua_settop(L, 2);
	s = lua_newuserdatauv(L, sizeof(*s), 2);
	*s = (struct luastate){ .kind = kind, .all = all, .weir = all->weir };
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, s);
	*all->last = s;
	all->last = &s->next;
	luaL_setmetatable(L, kind->maker);
	if (kind->make(L, s, name) == -1) {
		all->failed = 1;
		return (luaL_error(L, "%s(\"%s\") failed", kind->maker, name));
	}
	return (1);
}

int
luastates_open(lua_State *L)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		luaL_newmetatable(L, kinds[i]->maker);
		lua_newtable(L);
		luaL_setfuncs(L, kinds[i]->methods, 0);
		lua_setfield(L, -2, "__index");
		lua_pushboolean(L, 0);
		lua_setfield(L, -2, "__metatable");
		lua_pop(L, 1);
		lua_pushvalue(L, 1);
		lua_pushinteger(L, (lua_Integer)i);
		lua_pushcclosure(L, luastates_make, 2);
		lua_setglobal(L, kinds[i]->maker);
	}
	return (0);
}

int
luastates_close(struct luastates *all)
{
	all->closed = 1;
	return (all->failed ? -1 : 0);
}

struct weir_value *
luastates_ahead(const struct luastates *all)
{
	const struct luastate *s;

	for (s = all->first; s != NULL; s = s->next)
		if (s->value != NULL)
			return (s->value);
	return (NULL);
}

/*
 * For each record
 */

void
luastates_begin(struct luastates *all)
{
	struct luastate *s;

	for (s = all->first; s != NULL; s = s->next)
		s->touched = s->cleared = 0;
	all->active = 1;
}

void
luastates_end(struct luastates *all)
{
	all->active = 0;
}

int
luastates_commit(struct luastates *all, lua_State *L)
{
	struct luastate *s;
	int result = 0;

	for (s = all->first; s != NULL && result == 0; s = s->next) {
		if (!s->touched)
			continue;
		lua_rawgetp(L, LUA_REGISTRYINDEX, s);
		result = s->kind->commit(L, s);
		lua_pop(L, 1);
	}
	return (result);
}
