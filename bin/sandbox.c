/*
 * sandbox: a Lua in which a user's program runs the same way each time.
 *
 * Every entry is protected: a Lua error, a lack of memory too, comes back as -1
 * and a sentence.  The limits:
 *  - memory, counted in the allocator: over it Lua collects, then fails;
 *  - instructions, counted by a hook.  Once it has fired it fires at every
 *    instruction, so that no pcall() in the program can go on with a loop.
 * Relies on: no Lua code runs where hooks are off.  That is in a finalizer and
 * in a message handler called from a hook: sandboxlib.c has neither.
 */
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>

#include "sandbox.h"

struct sandbox {
	lua_State	*lua;
	void		(*say)(void *, const char *);
	void		*cookie;
	uint64_t	 seed;
	size_t		 used;		/* bytes, at most SANDBOX_MEMORY */
	int		 budget;	/* instructions of the last refill */
	void		*random;	/* Lua's */
	char		 error[512];
};

static void *
sandbox_allocate(void *cookie, void *old, size_t old_size, size_t size)
{
	struct sandbox *s = cookie;
	void *new;

	if (old == NULL)
		old_size = 0;		/* else it tells what the memory is for */
	if (size == 0) {
		free(old);
		s->used -= old_size;
		return (NULL);
	}
	if (size > old_size && size - old_size > SANDBOX_MEMORY - s->used)
		return (NULL);
	new = realloc(old, size);
	if (new != NULL)
		s->used = s->used - old_size + size;
	return (new);
}

static struct sandbox *
sandbox_of(lua_State *L)
{
	return (*(struct sandbox **)lua_getextraspace(L));
}

static void
sandbox_spent(lua_State *L, lua_Debug *where)
{
	lua_sethook(L, sandbox_spent, LUA_MASKCOUNT, 1);
	lua_getinfo(L, "Sl", where);
	luaL_error(L, "%s:%d: the function spent its budget of %d instructions on one "
	    "record; an endless loop?", where->short_src, where->currentline,
	    sandbox_of(L)->budget);
}

void
sandbox_refill(struct sandbox *s, int instructions)
{
	s->budget = instructions;
	lua_sethook(s->lua, sandbox_spent, LUA_MASKCOUNT, instructions);
}

/* Keep the error on top of the stack as one printable line, and pop it. */
static int
sandbox_fail(struct sandbox *s, int status)
{
	char *p;

	if (status == LUA_ERRMEM)
		snprintf(s->error, sizeof(s->error), "the function wants more than %u MiB of "
		    "memory; does it collect records in variables of its own?",
		    SANDBOX_MEMORY >> 20);
	else if (lua_type(s->lua, -1) == LUA_TSTRING)
		snprintf(s->error, sizeof(s->error), "%s", lua_tostring(s->lua, -1));
	else
		snprintf(s->error, sizeof(s->error), "the function failed with a %s, not a text",
		    luaL_typename(s->lua, -1));
	for (p = s->error; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	lua_pop(s->lua, 1);
	return (-1);
}

static int
sandbox_fill(lua_State *L)
{
	struct sandbox *s = lua_touserdata(L, 1);

	sandboxlib_open(L, s->seed, &s->random);
	return (0);
}

struct sandbox *
sandbox_new(uint64_t seed, void (*say)(void *, const char *), void *cookie)
{
	struct sandbox *s;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return (NULL);
	s->say = say;
	s->cookie = cookie;
	s->seed = seed;
	s->lua = lua_newstate(sandbox_allocate, s);
	if (s->lua == NULL) {
		free(s);
		return (NULL);
	}
	/* garbage is young here: strings of one record */
	lua_gc(s->lua, LUA_GCGEN, 0, 0);
	*(struct sandbox **)lua_getextraspace(s->lua) = s;
	lua_pushcfunction(s->lua, sandbox_fill);
	lua_pushlightuserdata(s->lua, s);
	if (sandbox_call(s, 1, 0) == -1) {
		sandbox_free(s);
		return (NULL);
	}
	return (s);
}

void
sandbox_free(struct sandbox *s)
{
	if (s == NULL)
		return;
	lua_close(s->lua);
	free(s);
}

int
sandbox_unlock(struct sandbox *s)
{
	lua_pushcfunction(s->lua, sandboxlib_unlock);
	return (sandbox_call(s, 0, 0));
}

lua_State *
sandbox_lua(struct sandbox *s)
{
	return (s->lua);
}

int
sandbox_load(struct sandbox *s, const char *name, const char *text, size_t len)
{
	int status;

	status = luaL_loadbufferx(s->lua, text, len, name, "t");
	return (status == LUA_OK ? 0 : sandbox_fail(s, status));
}

int
sandbox_call(struct sandbox *s, int arguments, int results)
{
	int status;

	status = lua_pcall(s->lua, arguments, results, 0);
	return (status == LUA_OK ? 0 : sandbox_fail(s, status));
}

void *
sandbox_random(struct sandbox *s)
{
	return (s->random);
}

const char *
sandbox_error(const struct sandbox *s)
{
	return (s->error);
}

void
sandbox_say(lua_State *L, const char *text)
{
	struct sandbox *s = sandbox_of(L);

	s->say(s->cookie, text);
}
