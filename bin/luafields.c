/*
 * luafields: a record's fields, as a Lua program asks for them.
 *
 * A fault of the program is a Lua error; the first record that is split tells
 * whether the separator can be right.
 */
#include <string.h>

#include <lauxlib.h>

#include "luafields.h"

static struct luafields *
upvalue(lua_State *L)
{
	return (lua_touserdata(L, lua_upvalueindex(1)));
}

static void
look(struct luafields *f, const struct field *field, const char *record, size_t len)
{
	char why[FIELDS_WHY];

	if (!f->looked && fields_doubt(&f->fields, field, record, len, why))
		weir_warn(f->weir, "%s", why);
	f->looked = 1;
}

/* The field that argument 2 names, by number or column. */
static void
field_named(lua_State *L, const struct luafields *f, struct field *field)
{
	char why[FIELDS_WHY];
	const char *name;
	size_t len;
	lua_Integer n;

	if (lua_isinteger(L, 2)) {
		n = lua_tointeger(L, 2);
		luaL_argcheck(L, n >= 0 && n <= UINT32_MAX, 2, "no record has such a field");
		memset(field, 0, sizeof(*field));
		field->number = (uint32_t)n;
		return;
	}
	name = luaL_checklstring(L, 2, &len);
	if (fields_parse(field, name, len, why) == -1 ||
	    fields_resolve(field, &f->fields, why) == -1)
		luaL_error(L, "%s", why);
}

static int
luafields_field(lua_State *L)
{
	struct luafields *f = upvalue(L);
	struct fields_cursor cursor;
	struct fields_slice slice;
	struct field field;
	const char *record;
	size_t len;

	record = luaL_checklstring(L, 1, &len);
	field_named(L, f, &field);
	look(f, &field, record, len);
	fields_start(&cursor, record, len);
	if (fields_find(&f->fields, &cursor, field.number, &slice))
		lua_pushlstring(L, slice.at, slice.len);
	else
		lua_pushnil(L);
	return (1);
}

static int
luafields_fields(lua_State *L)
{
	struct luafields *f = upvalue(L);
	struct fields_cursor cursor;
	struct fields_slice slice;
	struct field second = { .number = 2 };
	const char *record;
	size_t len;
	uint32_t n;

	record = luaL_checklstring(L, 1, &len);
	look(f, &second, record, len);
	fields_start(&cursor, record, len);
	for (n = 0; fields_find(&f->fields, &cursor, n + 1, &slice); n++) {
		luaL_checkstack(L, 1, "too many fields");
		lua_pushlstring(L, slice.at, slice.len);
	}
	return ((int)n);
}

void
luafields_begin(struct luafields *f, struct weir *w)
{
	const char *header;
	size_t len;

	f->weir = w;
	header = weir_header(w, &len);
	fields_begin(&f->fields, weir_separator(w), header, header == NULL ? 0 : len);
	weir_set_separator(w, (unsigned char)f->fields.joint);
}

int
luafields_open(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, luafields_field, 1);
	lua_setglobal(L, "field");
	lua_pushcclosure(L, luafields_fields, 1);
	lua_setglobal(L, "fields");
	return (0);
}
