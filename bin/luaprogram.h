/*
 * luaprogram: a user's Lua, running: its text in a sandbox of its own, with
 * field() and fields() in it, called for one record after another.
 */
#ifndef LUAPROGRAM_H
#define LUAPROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "weir.h"

struct luaprogram;

/* A row for a stage's own table of options. */
#define LUAPROGRAM_OPTIONS						\
	{ .name = "unsafe-lua",						\
	  .help = "the program finds io, os and require; see to it that it can be replayed", \
	  .type = WEIR_FLAG, .to = &luaprogram_unsafe }

extern int		 luaprogram_unsafe;

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
 * What the program has that is no key's: the state of math.random, and what a
 * function of its own gives for it.  At these indices of luaprogram_lua() are
 * snapshot(checkpoint, timestamp) and restore(value); 0: there is none.
 *
 * luaprogram_save	for snapshot(): weir_save() all of it, nothing if there is
 *			nothing.
 * luaprogram_keep	for restore(): keep a copy of that, until
 * luaprogram_restore	after luaprogram_start() it is told.
 */
int			 luaprogram_save(struct luaprogram *, uint64_t checkpoint,
			    int snapshot);
int			 luaprogram_keep(struct luaprogram *, const void *data, size_t len);
int			 luaprogram_restore(struct luaprogram *, int restore);

/*
 * For a stage's batch(): apply() to each record until the output is full.  It
 * finds the value at index 1 of luaprogram_lua() alone on the stack.  It returns
 * 0, or -1 if the runtime has kept an error; or it raises an error of Lua's,
 * which makes the record a bad one: until then it must have left nothing behind.
 * The values of ahead are asked for some records before; NULL: none.  Returns
 * how many records were taken, or -1.
 *
 * luaprogram_fail	the runtime has kept an error: whatever the program makes of
 *			it, the batch ends with -1.
 */
typedef int luaprogram_apply(lua_State *, void *cookie, const struct weir_record *);

long			 luaprogram_batch(struct luaprogram *, const struct weir_record *,
			    size_t n, struct weir_value *ahead, luaprogram_apply *apply,
			    void *cookie);
void			 luaprogram_fail(struct luaprogram *);

#endif
