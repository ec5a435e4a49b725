/*
 * sandbox: a Lua in which a user's program runs the same way each time.
 *
 * It has base, string, table, math and utf8, without what reaches outside or
 * would differ in a replay (sandboxlib.c says what and why).  Its memory is
 * bounded, and so is the number of instructions between two refills.
 *
 * Nothing here calls the runtime, and nothing is ever thrown out of it.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#define SANDBOX_MEMORY	(256u << 20)	/* bytes of all that Lua holds */
#define SANDBOX_RANDOM	32u		/* bytes of the state of math.random */

struct sandbox;

/*
 * sandbox_new		seed starts math.random.  say is called by print(), with a
 *			line of text.  NULL: no memory.
 * sandbox_unlock	add io, os and require: no longer one then.  -1: as for
 *			sandbox_call().
 * sandbox_lua		the Lua inside.  Whoever uses it while no sandbox_call() is
 *			under way must not raise an error.
 * sandbox_load		compile text (no bytecode) and push it as a function.  name
 *			is Lua's: "=-e", "@FILE".  0, or -1 with nothing pushed.
 * sandbox_refill	allow so many instructions from here on (before the first
 *			call: any number).  A program that has spent them gets an
 *			error at each further one.
 * sandbox_call		lua_pcall(); -1 with nothing pushed when it failed.
 * sandbox_random	where math.random keeps its state, SANDBOX_RANDOM bytes that
 *			mean something to it alone.
 * sandbox_error	what load or call failed of: a line, borrowed until the next
 *			call of one of them.
 */
struct sandbox	*sandbox_new(uint64_t seed, void (*say)(void *, const char *), void *cookie);
void		 sandbox_free(struct sandbox *);
int		 sandbox_unlock(struct sandbox *);
lua_State	*sandbox_lua(struct sandbox *);
int		 sandbox_load(struct sandbox *, const char *name, const char *text,
		    size_t len);
void		 sandbox_refill(struct sandbox *, int instructions);
int		 sandbox_call(struct sandbox *, int arguments, int results);
void		*sandbox_random(struct sandbox *);
const char	*sandbox_error(const struct sandbox *);

/* For sandbox.c: fill an empty Lua; called protected.  *random is set to where
 * math.random keeps its state. */
void		 sandboxlib_open(lua_State *, uint64_t seed, void **random);

/* The same for sandbox_unlock(). */
int		 sandboxlib_unlock(lua_State *);

/* For sandboxlib.c: what print() says. */
void		 sandbox_say(lua_State *, const char *);

#endif
