/*
 * luaprogram: a user's Lua, running.
 *
 * One protected call runs over many records, and is made again for the rest when
 * one of them failed: what apply() promises makes that right.
 */
#include <stdlib.h>

#include "luafields.h"
#include "luaprogram.h"
#include "luascript.h"
#include "sandbox.h"

#define SEED		0x77656972u	/* of math.random, for subtask 0 */
#define BUDGET		50000000	/* instructions a record; a second or less */
#define AHEAD		8		/* records from fetching state to its use */

struct luaprogram {
	struct weir		*weir;
	struct luascript	*script;
	struct sandbox		*sandbox;
	struct luafields	 fields;

	/* the batch in hand */
	const struct weir_record *records;
	size_t			 at, n;
	struct weir_value	*ahead;
	luaprogram_apply	*apply;
	void			*cookie;
	int			 failed;	/* the runtime kept an error */
};

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
	sandbox_refill(p->sandbox, BUDGET);
	if (program_prepare(p, luafields_open, &p->fields) == -1 ||
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
		if (p->apply(L, p->cookie, &p->records[p->at]) == -1) {
			p->failed = 1;
			break;
		}
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
		if (sandbox_call(p->sandbox, 2, 0) == 0)
			break;
		if (weir_bad(p->weir, &records[p->at], "%s", sandbox_error(p->sandbox)) == -1)
			return (-1);
		p->at++;
	} while (p->at < n && !weir_full(p->weir));
	return (p->failed ? -1 : (long)p->at);
}
