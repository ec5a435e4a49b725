/*
 * luaprogram: a user's Lua, running: its text in a sandbox of its own, with
 * field() and fields() in it, called for one record after another.
 */
#ifndef LUAPROGRAM_H
#define LUAPROGRAM_H

#include <stddef.h>

#include <lua.h>

#include "weir.h"

struct luaprogram;

/*
 * luaprogram_new	for setup(): text, or if that is NULL the content of file.
 *			Compiles, runs nothing.  NULL after weir_misuse() or
 *			weir_error().
 * luaprogram_start	for open(): run it.  What it returned, one value, is then
 *			the only one on the stack.  prepare, a Lua function that
 *			is called with cookie, may make globals first; NULL: none.
 * luaprogram_lua	the Lua inside; nothing but luaprogram_call() may raise an
 *			error there.
 * luaprogram_name	what messages call it: "-e", or the file.
 * luaprogram_call	the function below so many arguments on top of the stack,
 *			with a whole budget of instructions: 0, or -1 with nothing
 *			pushed, see luaprogram_error().
 */
struct luaprogram	*luaprogram_new(struct weir *, const char *text, const char *file);
void			 luaprogram_free(struct luaprogram *);
int			 luaprogram_start(struct luaprogram *, struct weir *,
			    lua_CFunction prepare, void *cookie);
lua_State		*luaprogram_lua(const struct luaprogram *);
const char		*luaprogram_name(const struct luaprogram *);
int			 luaprogram_call(struct luaprogram *, int arguments, int results);
const char		*luaprogram_error(const struct luaprogram *);

/*
 * For a stage's batch(): apply() to each record until the output is full.  It
 * finds the value at index 1 of luaprogram_lua() alone on the stack.  It returns
 * 0, or -1 if the runtime has kept an error; or it raises an error of Lua's,
 * which makes the record a bad one: until then it must have left nothing behind.
 * The values of ahead are asked for some records before; NULL: none.  Returns
 * how many records were taken, or -1.
 */
typedef int luaprogram_apply(lua_State *, void *cookie, const struct weir_record *);

long			 luaprogram_batch(struct luaprogram *, const struct weir_record *,
			    size_t n, struct weir_value *ahead, luaprogram_apply *apply,
			    void *cookie);

#endif
