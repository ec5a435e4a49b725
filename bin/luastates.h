/*
 * luastates: a Lua program's states, for each key: what value_state(),
 * list_state(), reducing_state() and map_state() make.
 *
 * They are made before the first record.  What process() does to them waits until
 * its record is known to be good; a handle reads what was written by it before.
 */
#ifndef LUASTATES_H
#define LUASTATES_H

#include <lua.h>

#include "luaprogram.h"
#include "weir.h"

struct luastates;

/*
 * luastates_new	for this program; NULL: no memory.
 * luastates_open	for Lua: make the four functions, for the luastates that
 *			argument 1, a light userdata, points to.
 * luastates_close	no more states from here on.  -1: the runtime has refused
 *			one, and kept why.
 * luastates_ahead	one whose value is worth prefetching, or NULL.
 *
 * For each record, with its key selected:
 *
 * luastates_begin	forget what is waiting.  The states can be used from here ...
 * luastates_end	... to here.
 * luastates_commit	write what is waiting: 0; -1: the runtime has kept an error.
 *			Raises none of Lua's.
 */
struct luastates	*luastates_new(struct luaprogram *, struct weir *);
void			 luastates_free(struct luastates *);
int			 luastates_open(lua_State *L);
int			 luastates_close(struct luastates *);
struct weir_value	*luastates_ahead(const struct luastates *);
void			 luastates_begin(struct luastates *);
void			 luastates_end(struct luastates *);
int			 luastates_commit(struct luastates *, lua_State *L);

#endif
