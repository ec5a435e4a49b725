/*
 * luaoutput: what a Lua function has put out for the record in hand.
 *
 * The list is a head and its text, one after another, in one piece of memory: a
 * record that is split into thousands allocates nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "luaoutput.h"

struct head {
	size_t	 len;
	int	 output;
};

static void
output_check(lua_State *L, const char *text, size_t len)
{
	if (memchr(text, '\n', len) != NULL)
		luaL_error(L, "the output has a newline in it; return a list of strings, "
		    "{\"a\", \"b\"}, for several records");
}

static void
output_room(struct luaoutput *o, lua_State *L, size_t len)
{
	char *list;
	size_t size;

	if (len <= o->listsize - o->listlen)
		return;
	size = o->listlen + len;
	size += size / 2 + 256;
	if ((list = realloc(o->list, size)) == NULL)
		luaL_error(L, "no memory for %d bytes of output", (int)size);
	o->list = list;
	o->listsize = size;
}

void
luaoutput_clear(struct luaoutput *o)
{
	o->one = NULL;
	o->listlen = 0;
}

void
luaoutput_add(struct luaoutput *o, lua_State *L, int output, const char *text, size_t len)
{
	struct head head = { .len = len, .output = output };

	output_check(L, text, len);
	output_room(o, L, sizeof(head) + len);
	memcpy(o->list + o->listlen, &head, sizeof(head));
	memcpy(o->list + o->listlen + sizeof(head), text, len);
	o->listlen += sizeof(head) + len;
}

static void
output_list(struct luaoutput *o, lua_State *L, int at)
{
	lua_Integer i, n;
	const char *text;
	size_t len;

	n = (lua_Integer)lua_rawlen(L, at);
	for (i = 1; i <= n; i++) {
		lua_rawgeti(L, at, i);
		if (!lua_isstring(L, -1))
			luaL_error(L, "output %I is a %s, not a string", i,
			    luaL_typename(L, -1));
		text = lua_tolstring(L, -1, &len);
		luaoutput_add(o, L, 0, text, len);
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1))
		if (--n < 0)
			luaL_error(L, "the output is a table with more in it than a list; "
			    "{\"a\", \"b\"} would be one");
}

void
luaoutput_take(struct luaoutput *o, lua_State *L, int at)
{
	switch (lua_type(L, at)) {
	case LUA_TNIL:
		break;
	case LUA_TSTRING:
	case LUA_TNUMBER:
		o->one = lua_tolstring(L, at, &o->onelen);
		output_check(L, o->one, o->onelen);
		break;
	case LUA_TTABLE:
		output_list(o, L, at);
		break;
	default:
		luaL_error(L, "the output is a %s; it may be nil, a string, a number or a "
		    "list of strings", luaL_typename(L, at));
	}
}

int
luaoutput_send(const struct luaoutput *o, struct weir *w)
{
	const char *at;
	struct head head;

	for (at = o->list; at < o->list + o->listlen; at += sizeof(head) + head.len) {
		memcpy(&head, at, sizeof(head));
		if ((head.output == 0 ? weir_emit(w, at + sizeof(head), head.len) :
		    weir_emit_to(w, head.output, at + sizeof(head), head.len)) == -1)
			return (-1);
	}
	return (o->one == NULL ? 0 : weir_emit(w, o->one, o->onelen));
}

void
luaoutput_free(struct luaoutput *o)
{
	free(o->list);
}
