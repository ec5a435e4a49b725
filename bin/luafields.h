/*
 * luafields: a record's fields, as a Lua program asks for them.
 *
 *	field(rec, n or column)		its text, or nil if the record is too short
 *	fields(rec)			all of them
 */
#ifndef LUAFIELDS_H
#define LUAFIELDS_H

#include <lua.h>

#include "fields.h"
#include "weir.h"

struct luafields {
	struct weir	*weir;
	struct fields	 fields;
	int		 looked;	/* a first record has been split */
};

/*
 * luafields_begin	in open(): split as options and stream say; the output's
 *			separator is set to the same.
 * luafields_open	for Lua: make the two functions, for the struct that
 *			argument 1, a light userdata, points to.
 */
void	 luafields_begin(struct luafields *, struct weir *);
int	 luafields_open(lua_State *L);

#endif
