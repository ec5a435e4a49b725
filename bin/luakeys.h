/*
 * luakeys: the keys of a Lua table in one order, the same in every run.
 *
 * Integers come first, ascending; then floats, ascending; then strings, by
 * their bytes; then false and true.  Other keys have no order but that of
 * their addresses, so they are errors.
 */
#ifndef LUAKEYS_H
#define LUAKEYS_H

#include <stddef.h>

#include <lua.h>

/*
 * Push a list that holds the keys of the table at index table, in order, and
 * return their number.  Needs 4 slots of the stack; raises a Lua error for a
 * key without an order, or without memory.
 */
size_t	 luakeys_push(lua_State *L, int table);

/*
 * Less than, equal to or greater than 0 as the key at index a comes before,
 * is, or comes after that at b.  Both are integers, floats (not a NaN),
 * strings or booleans.
 */
int	 luakeys_compare(lua_State *L, int a, int b);

#endif
