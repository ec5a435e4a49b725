/*
 * luavalue: one Lua value as bytes, as it is kept in state.
 *
 * Encoder and decoder stand side by side, form by form; luavalue.h has the
 * format.  Hence, whatever the bytes are:
 *  - decode(encode(x)) is x, and encode(decode(b)) is b but for floats;
 *  - the decoder reads no byte beyond their end, and its recursion is bounded.
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "luakeys.h"
#include "luavalue.h"

#define NUMBER_MAX	32	/* bytes of a number as text, more than any has */
#define TWO_TO_63	9223372036854775808.0

struct luacursor {
	const char	*p, *end;
	const char	*error;		/* the first thing wrong */
};

static void	 encode_value(lua_State *, int, struct luavalue *, int);
static int	 decode_value(lua_State *, struct luacursor *, int);

static void
put(lua_State *L, struct luavalue *v, const void *data, size_t len)
{
	char *grown;
	size_t size;

	if (len > LUAVALUE_MAX - v->len)
		luaL_error(L, "the state is larger than %d MiB", (int)(LUAVALUE_MAX >> 20));
	if (len > v->size - v->len) {
		size = v->size < 32 ? 64 : 2 * v->size;
		while (size < v->len + len)
			size *= 2;
		grown = realloc(v->data, size);
		if (grown == NULL)
			luaL_error(L, "not enough memory");
		v->data = grown;
		v->size = size;
	}
	memcpy(v->data + v->len, data, len);
	v->len += len;
}

static int
fail(struct luacursor *c, const char *error)
{
	c->error = error;
	return (-1);
}

/* A tag, the digits of an integer, and what ends them. */
static void
encode_digits(lua_State *L, struct luavalue *v, char tag, lua_Integer n, char end)
{
	char text[NUMBER_MAX];
	uint64_t rest;
	size_t at;

	at = sizeof(text);
	text[--at] = end;
	rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		text[--at] = '-';
	text[--at] = tag;
	put(L, v, text + at, sizeof(text) - at);
}

static int
decode_digits(struct luacursor *c, lua_Integer *n, char end)
{
	uint64_t value, limit;
	const char *first;
	int negative;

	negative = c->p < c->end && *c->p == '-';
	c->p += negative;
	limit = (uint64_t)INT64_MAX + (unsigned)negative;
	first = c->p;
	for (value = 0; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++) {
		if (c->p - first == 19)
			return (fail(c, "an integer is too large"));
		value = 10 * value + (uint64_t)(*c->p - '0');
	}
	if (c->p == first || (*first == '0' && (c->p - first > 1 || negative)))
		return (fail(c, "an integer is malformed"));
	if (value > limit)
		return (fail(c, "an integer is too large"));
	if (c->p == c->end || *c->p++ != end)
		return (fail(c, "an integer does not end"));
	*n = negative ? (lua_Integer)-value : (lua_Integer)value;
	return (0);
}

static void
encode_float(lua_State *L, struct luavalue *v, double number)
{
	char text[NUMBER_MAX];
	int len;

	if (isnan(number))
		len = snprintf(text, sizeof(text), "fnan;");
	else {
		len = snprintf(text, sizeof(text), "f%.15g;", number);
		if (strtod(text + 1, NULL) != number)
			len = snprintf(text, sizeof(text), "f%.17g;", number);
	}
	put(L, v, text, (size_t)len);
}

/* strtod() would also take blanks, hexadecimal and longer names. */
static int
decode_float(struct luacursor *c, double *number)
{
	char text[NUMBER_MAX], *rest;
	const char *end, *digits;
	size_t len;

	end = memchr(c->p, ';', (size_t)(c->end - c->p));
	if (end == NULL || end - c->p >= NUMBER_MAX)
		return (fail(c, "a float does not end"));
	len = (size_t)(end - c->p);
	memcpy(text, c->p, len);
	text[len] = '\0';
	digits = text + (*text == '-');
	if (strcmp(text, "nan") != 0 && strcmp(digits, "inf") != 0 &&
	    (strspn(text, "0123456789.e+-") != len || *digits < '0' || *digits > '9'))
		return (fail(c, "a float is malformed"));
	*number = strtod(text, &rest);
	if (rest != text + len)
		return (fail(c, "a float is malformed"));
	c->p = end + 1;
	return (0);
}

static void
encode_string(lua_State *L, struct luavalue *v, int at)
{
	const char *s;
	size_t len;

	s = lua_tolstring(L, at, &len);
	encode_digits(L, v, 's', (lua_Integer)len, ':');
	put(L, v, s, len);
}

static int
decode_string(lua_State *L, struct luacursor *c)
{
	lua_Integer len;

	if (decode_digits(c, &len, ':') == -1)
		return (-1);
	if (len < 0 || len > c->end - c->p)
		return (fail(c, "a string is longer than what is left"));
	lua_pushlstring(L, c->p, (size_t)len);
	c->p += len;
	return (0);
}

static void
encode_table(lua_State *L, int at, struct luavalue *v, int depth)
{
	size_t i, n;
	int keys;

	if (depth > LUAVALUE_DEPTH)
		luaL_error(L, "the state has tables nested more than %d deep (a cycle?)",
		    LUAVALUE_DEPTH);
	if (lua_getmetatable(L, at))
		luaL_error(L, "the state has a table with a metatable, "
		    "which would come back without it");
	luaL_checkstack(L, 8, NULL);
	n = luakeys_push(L, at);
	keys = lua_gettop(L);
	put(L, v, "{", 1);
	for (i = 0; i < n; i++) {
		lua_rawgeti(L, keys, (lua_Integer)i + 1);
		encode_value(L, keys + 1, v, depth);
		lua_rawget(L, at);
		encode_value(L, keys + 1, v, depth);
		lua_settop(L, keys);
	}
	put(L, v, "}", 1);
	lua_settop(L, keys - 1);
}

/* Is the key on top of the stack one that a table gives out as it took it? */
static int
key_is_proper(lua_State *L)
{
	double number;

	if (lua_type(L, -1) == LUA_TTABLE)
		return (0);
	if (lua_type(L, -1) != LUA_TNUMBER || lua_isinteger(L, -1))
		return (1);
	number = lua_tonumber(L, -1);
	return (!isnan(number) &&
	    (number != floor(number) || number < -TWO_TO_63 || number >= TWO_TO_63));
}

static int
decode_table(lua_State *L, struct luacursor *c, int depth)
{
	int table;

	if (depth > LUAVALUE_DEPTH)
		return (fail(c, "tables are nested too deep"));
	luaL_checkstack(L, 8, NULL);
	lua_newtable(L);
	table = lua_gettop(L);
	lua_pushnil(L);		/* in place of the key before the first */
	while (c->p < c->end && *c->p != '}') {
		if (decode_value(L, c, depth) == -1)
			return (-1);
		if (!key_is_proper(L))
			return (fail(c, "a table's key is none"));
		if (!lua_isnil(L, table + 1) && luakeys_compare(L, table + 1, -1) >= 0)
			return (fail(c, "a table's keys are out of order"));
		lua_pushvalue(L, -1);
		lua_replace(L, table + 1);
		if (decode_value(L, c, depth) == -1)
			return (-1);
		lua_rawset(L, table);
	}
	if (c->p == c->end)
		return (fail(c, "a table does not end"));
	c->p++;
	lua_settop(L, table);
	return (0);
}

/* at is absolute, depth that of the tables around the value. */
static void
encode_value(lua_State *L, int at, struct luavalue *v, int depth)
{
	switch (lua_type(L, at)) {
	case LUA_TNUMBER:
		if (lua_isinteger(L, at))
			encode_digits(L, v, 'i', lua_tointeger(L, at), ';');
		else
			encode_float(L, v, lua_tonumber(L, at));
		break;
	case LUA_TSTRING:
		encode_string(L, v, at);
		break;
	case LUA_TBOOLEAN:
		put(L, v, lua_toboolean(L, at) ? "T" : "F", 1);
		break;
	case LUA_TTABLE:
		encode_table(L, at, v, depth + 1);
		break;
	default:
		luaL_error(L, "the state has a %s in it; it may be a string, a number, "
		    "a boolean, or a table of them", luaL_typename(L, at));
	}
}

static int
decode_value(lua_State *L, struct luacursor *c, int depth)
{
	lua_Integer integer;
	double number;

	if (c->p == c->end)
		return (fail(c, "a value is missing"));
	switch (*c->p++) {
	case 'i':
		if (decode_digits(c, &integer, ';') == -1)
			return (-1);
		lua_pushinteger(L, integer);
		return (0);
	case 'f':
		if (decode_float(c, &number) == -1)
			return (-1);
		lua_pushnumber(L, number);
		return (0);
	case 's':
		return (decode_string(L, c));
	case 'T':
		lua_pushboolean(L, 1);
		return (0);
	case 'F':
		lua_pushboolean(L, 0);
		return (0);
	case '{':
		return (decode_table(L, c, depth + 1));
	default:
		return (fail(c, "a value is of no known kind"));
	}
}

void
luavalue_encode(lua_State *L, int at, struct luavalue *v)
{
	v->len = 0;
	encode_value(L, lua_absindex(L, at), v, 0);
}

int
luavalue_decode(lua_State *L, const void *data, size_t len, const char **error)
{
	struct luacursor c;
	int top;

	c.p = data;
	c.end = c.p + len;
	c.error = NULL;
	top = lua_gettop(L);
	if (decode_value(L, &c, 0) == 0) {
		if (c.p == c.end)
			return (0);
		fail(&c, "bytes are left over");
	}
	lua_settop(L, top);
	*error = c.error;
	return (-1);
}
