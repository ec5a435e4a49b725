/*
 * luasort: table.sort() with one result.
 *
 * The library's own chooses pivots by clock and address where a list is
 * unlucky, so that elements which compare equal change places from run to run.
 * This one is stable, and takes any comparison function without an error.
 */
#ifndef LUASORT_H
#define LUASORT_H

#include <lua.h>

/* For Lua: sort(list [, less]). */
int	 luasort(lua_State *L);

#endif
