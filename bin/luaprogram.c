/*
 * luaprogram: a user's Lua, running.
 *
 * One protected call runs over many records, and is made again for the rest when
 * one of them failed: what apply() promises makes that right.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "luafields.h"
#include "luaprogram.h"
#include "luascript.h"
#include "luavalue.h"
#include "sandbox.h"

#define SEED		0x77656972u	/* of math.random, for subtask 0 */
#define BUDGET		50000000	/* instructions a record; a second or less */
#define AHEAD		8		/* records from fetching state to its use */

struct luaprogram {
	struct weir		*weir;
	struct luascript	*script;
	struct sandbox		*sandbox;
	struct luafields	 fields;
	unsigned char		 random[SANDBOX_RANDOM];	/* as it began */
	struct luavalue		 saved;
	void			*kept;		/* what the checkpoint holds */
	size_t			 keptlen;

	/* the batch in hand */
	const struct weir_record *records;
	size_t			 at, n;
	struct weir_value	*ahead;
	luaprogram_apply	*apply;
	void			*cookie;
	int			 failed;	/* the runtime kept an error */
};

int	luaprogram_unsafe;

struct luaprogram *
luaprogram_new(struct weir *w, const char *text, const char *file)
{
	struct luaprogram *p;

	if ((p = calloc(1, sizeof(*p))) == NULL) {
		weir_error(w, "no memory for Lua");
		return (NULL);
	}
	p->weir = w;
	if ((p->script = luascript_new(w, text, file)) == NULL) {
		luaprogram_free(p);
		return (NULL);
	}
	return (p);
}

void
luaprogram_free(struct luaprogram *p)
{
	if (p == NULL)
		return;
	sandbox_free(p->sandbox);
	luascript_free(p->script);
	free(p->saved.data);
	free(p->kept);
	free(p);
}

static void
say(void *cookie, const char *text)
{
	weir_warn(cookie, "%s", text);
}

static int
program_prepare(struct luaprogram *p, lua_CFunction prepare, void *cookie)
{
	lua_State *L = sandbox_lua(p->sandbox);

	lua_pushcfunction(L, prepare);
	lua_pushlightuserdata(L, cookie);
	return (sandbox_call(p->sandbox, 1, 0));
}

int
luaprogram_start(struct luaprogram *p, struct weir *w, lua_CFunction prepare, void *cookie)
{
	p->weir = w;
	luafields_begin(&p->fields, w);
	p->sandbox = sandbox_new(SEED + weir_subtask(w), say, w);
	if (p->sandbox == NULL)
		return (weir_error(w, "no memory for Lua"));
	memcpy(p->random, sandbox_random(p->sandbox), sizeof(p->random));
	sandbox_refill(p->sandbox, BUDGET);
	if ((luaprogram_unsafe && sandbox_unlock(p->sandbox) == -1) ||
	    program_prepare(p, luafields_open, &p->fields) == -1 ||
	    (prepare != NULL && program_prepare(p, prepare, cookie) == -1) ||
	    luascript_load(p->script, p->sandbox) == -1 ||
	    sandbox_call(p->sandbox, 0, 1) == -1)
		return (weir_misuse(w, "%s", sandbox_error(p->sandbox)));
	return (0);
}

lua_State *
luaprogram_lua(const struct luaprogram *p)
{
	return (sandbox_lua(p->sandbox));
}

const char *
luaprogram_name(const struct luaprogram *p)
{
	return (luascript_name(p->script));
}

int
luaprogram_call(struct luaprogram *p, int arguments, int results)
{
	sandbox_refill(p->sandbox, BUDGET);
	return (sandbox_call(p->sandbox, arguments, results));
}

const char *
luaprogram_error(const struct luaprogram *p)
{
	return (sandbox_error(p->sandbox));
}

static int
program_records(lua_State *L)
{
	struct luaprogram *p = lua_touserdata(L, 1);

	lua_remove(L, 1);
	while (p->at < p->n) {
		if (p->ahead != NULL && p->at + AHEAD < p->n)
			weir_value_prefetch(p->ahead, &p->records[p->at + AHEAD]);
		lua_settop(L, 1);
		sandbox_refill(p->sandbox, BUDGET);
		if (p->apply(L, p->cookie, &p->records[p->at]) == -1)
			p->failed = 1;
		if (p->failed)
			break;
		p->at++;
		if (weir_full(p->weir))
			break;
	}
	return (0);
}

long
luaprogram_batch(struct luaprogram *p, const struct weir_record *records, size_t n,
    struct weir_value *ahead, luaprogram_apply *apply, void *cookie)
{
	lua_State *L = sandbox_lua(p->sandbox);

	p->records = records;
	p->n = n;
	p->at = 0;
	p->ahead = ahead;
	p->apply = apply;
	p->cookie = cookie;
	do {
		lua_pushcfunction(L, program_records);
		lua_pushlightuserdata(L, p);
		lua_pushvalue(L, 1);
		if (sandbox_call(p->sandbox, 2, 0) == 0 || p->failed)
			break;
		if (weir_bad(p->weir, &records[p->at], "%s", sandbox_error(p->sandbox)) == -1)
			return (-1);
		p->at++;
	} while (p->at < n && !weir_full(p->weir));
	return (p->failed ? -1 : (long)p->at);
}

/*
 * Snapshots: a table, as luavalue.h writes it, of random and value
 */

/* For Lua: (program, nil or snapshot, checkpoint) -> the table's bytes, or nil. */
static int
program_snapshot(lua_State *L)
{
	struct luaprogram *p = lua_touserdata(L, 1);
	int none = lua_isnil(L, 2);

	lua_createtable(L, 0, 2);
	if (!none) {
		lua_pushvalue(L, 2);
		lua_pushvalue(L, 3);
		lua_pushinteger(L, weir_triggered(p->weir));
		lua_call(L, 2, 1);
		none = lua_isnil(L, -1);
		lua_setfield(L, 4, "value");
	}
	if (memcmp(sandbox_random(p->sandbox), p->random, sizeof(p->random)) != 0) {
		none = 0;
		lua_pushlstring(L, sandbox_random(p->sandbox), sizeof(p->random));
		lua_setfield(L, 4, "random");
	}
	p->saved.len = 0;
	if (!none)
		luavalue_encode(L, 4, &p->saved);
	return (0);
}

int
luaprogram_save(struct luaprogram *p, uint64_t checkpoint, int snapshot)
{
	lua_State *L = sandbox_lua(p->sandbox);

	lua_pushcfunction(L, program_snapshot);
	lua_pushlightuserdata(L, p);
	if (snapshot == 0)
		lua_pushnil(L);
	else
		lua_pushvalue(L, snapshot);
	lua_pushinteger(L, (lua_Integer)checkpoint);
	if (luaprogram_call(p, 3, 0) == -1)
		return (weir_error(p->weir, "snapshot(): %s", luaprogram_error(p)));
	return (p->saved.len == 0 ? 0 : weir_save(p->weir, p->saved.data, p->saved.len));
}

int
luaprogram_keep(struct luaprogram *p, const void *data, size_t len)
{
	if (len == 0)
		return (0);
	if ((p->kept = malloc(len)) == NULL)
		return (weir_error(p->weir, "no memory for what the checkpoint holds"));
	memcpy(p->kept, data, len);
	p->keptlen = len;
	return (0);
}

/* For Lua: (program, nil or restore). */
static int
program_restored(lua_State *L)
{
	struct luaprogram *p = lua_touserdata(L, 1);
	const char *error;

	if (luavalue_decode(L, p->kept, p->keptlen, &error) == -1 || !lua_istable(L, 3))
		return (luaL_error(L, "what the checkpoint holds was not saved by Lua, or is "
		    "damaged"));
	if (lua_getfield(L, 3, "random") == LUA_TSTRING &&
	    lua_rawlen(L, -1) == sizeof(p->random))
		memcpy(sandbox_random(p->sandbox), lua_tostring(L, -1), sizeof(p->random));
	if (lua_getfield(L, 3, "value") == LUA_TNIL)
		return (0);
	if (lua_isnil(L, 2))
		return (luaL_error(L, "the checkpoint holds what snapshot() gave, and the "
		    "program has no restore() any more"));
	lua_pushvalue(L, 2);
	lua_insert(L, -2);
	lua_call(L, 1, 0);
	return (0);
}

int
luaprogram_restore(struct luaprogram *p, int restore)
{
	lua_State *L = sandbox_lua(p->sandbox);

	if (p->keptlen == 0)
		return (0);
	lua_pushcfunction(L, program_restored);
	lua_pushlightuserdata(L, p);
	if (restore == 0)
		lua_pushnil(L);
	else
		lua_pushvalue(L, restore);
	if (luaprogram_call(p, 2, 0) == -1)
		return (weir_misuse(p->weir, "restore(): %s", luaprogram_error(p)));
	return (0);
}

void
luaprogram_fail(struct luaprogram *p)
{
	p->failed = 1;
}
