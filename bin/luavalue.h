/*
 * luavalue: one Lua value as bytes, as it is kept in state.
 *
 * The bytes are the same for the same value in every run and on every machine,
 * they say where they end, and they can be read where the value can:
 *
 *	i-42;			an integer, 64 bits
 *	f0.1;			a float: the first of %.15g and %.17g that reads
 *				back as the same number; or inf, -inf, nan
 *	s5:hello		a string: its length in bytes, then they
 *	T  F			true, false
 *	{ KEY VALUE ... }	a table, without the blanks: its keys, each of
 *				them one of the above, in the order of luakeys.h
 *
 * Integers have no leading zeros, and no plus.  {1, 2, sum = 0.5} is
 * {i1;i1;i2;i2;s3:sumf0.5;}.  There is exactly one encoding of a value, and the
 * decoder takes no other, but for floats: those it takes as people write them
 * too, f1.50; or f1e3;.  The format is part of checkpoints and savepoints.
 *
 * Not values: nil (the absence of one), functions, tables nested more than
 * LUAVALUE_DEPTH deep (so are all cycles), tables with a metatable.  A table
 * that is met twice is written twice, and comes back as two.
 */
#ifndef LUAVALUE_H
#define LUAVALUE_H

#include <stddef.h>

#include <lua.h>

#define LUAVALUE_MAX	(16u << 20)	/* bytes of one encoded value */
#define LUAVALUE_DEPTH	64		/* tables in tables */

/* An encoded value; zeros at first, the memory is the caller's to free(). */
struct luavalue {
	char	*data;
	size_t	 len;		/* bytes */
	size_t	 size;		/* of the memory at data */
};

/*
 * Encode the value at index at into v, over what was there.  What cannot be
 * encoded is a Lua error, so call it below lua_pcall(); v stays fit for use.
 */
void	 luavalue_encode(lua_State *L, int at, struct luavalue *v);

/*
 * Push the value that the len bytes at data encode.  Returns 0, or -1 with
 * nothing pushed and *error a sentence, if they encode none.  No memory is a
 * Lua error.
 */
int	 luavalue_decode(lua_State *L, const void *data, size_t len,
	    const char **error);

#endif
