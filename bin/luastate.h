/*
 * luastate: one of luastates, a userdata; what its kinds share.
 */
#ifndef LUASTATE_H
#define LUASTATE_H

#include <lua.h>
#include <lauxlib.h>

#include "luastates.h"
#include "luavalue.h"

struct luastate;

struct luastate_kind {
	const char	*maker;		/* the function that makes one */
	const luaL_Reg	*methods;

	/*
	 * In the maker, its arguments at 1 and 2, the state on top of the
	 * stack: make the handle.  -1: the runtime has kept an error.
	 */
	int		(*make)(lua_State *, struct luastate *, const char *name);

	/* Write what waits, the state on top of the stack: 0, -1. */
	int		(*commit)(lua_State *, struct luastate *);
};

/* Of each kind what it needs. */
struct luastate {
	const struct luastate_kind *kind;
	struct luastates *all;
	struct luastate	*next;
	struct weir	*weir;
	struct weir_value *value;
	struct weir_list *list;
	struct weir_map	*map;
	struct luavalue	 initial;	/* of a value; no bytes: nil */

	/* of the record in hand */
	int		 touched;	/* something waits */
	int		 cleared;	/* first of all, what is stored goes */
	struct luavalue	 waiting;	/* a value */
	struct luavalue	 encoded;	/* the last one */
};

/* The user values of one. */
#define LUASTATE_REDUCE	1		/* the function of a reducing state */
#define LUASTATE_ADDED	1		/* list: elements; map: key, value or false ... */
#define LUASTATE_PLACES	2		/* map: where in that a key is */

extern const struct luastate_kind luastate_value, luastate_reducing, luastate_list,
	    luastate_map;

/*
 * luastate_self	argument 1 of a method, which has to be called by process().
 * luastate_failed	the runtime has kept an error: raises, and it is not caught.
 * luastate_decode	push what these stored bytes encode.
 */
struct luastate	*luastate_self(lua_State *, const struct luastate_kind *);
int		 luastate_failed(lua_State *, struct luastate *);
void		 luastate_decode(lua_State *, struct luastate *, const void *, size_t);

#endif
