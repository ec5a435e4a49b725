/*
 * luaoutput: what a Lua function has put out for the record in hand.
 *
 * It is kept until the record is known to be good, so that one that fails leaves
 * nothing behind.
 */
#ifndef LUAOUTPUT_H
#define LUAOUTPUT_H

#include <stddef.h>

#include <lua.h>

#include "weir.h"

/* Begin with zeros.  The memory is kept from record to record. */
struct luaoutput {
	const char	*one;		/* the last of them, Lua's memory; NULL */
	size_t		 onelen;
	char		*list;		/* those before: see luaoutput.c */
	size_t		 listlen, listsize;	/* bytes */
};

/*
 * luaoutput_clear	forget all.
 * luaoutput_add	one more, for this output of the stage (0: the untagged).
 * luaoutput_take	what a function returned, at index at: nil is none, a
 *			string or number one, a list of them several.  Lua has
 *			to hold on to the value until it is sent.
 * luaoutput_send	emit them, in their order: 0, -1.
 * luaoutput_free	the memory.
 *
 * Add and take raise a Lua error for what cannot be a record.
 */
void	 luaoutput_clear(struct luaoutput *);
void	 luaoutput_add(struct luaoutput *, lua_State *L, int output, const char *text,
	    size_t len);
void	 luaoutput_take(struct luaoutput *, lua_State *L, int at);
int	 luaoutput_send(const struct luaoutput *, struct weir *);
void	 luaoutput_free(struct luaoutput *);

#endif
