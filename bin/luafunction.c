/*
 * luafunction: a function in Lua, called once for each record.
 *
 * The form is mapWithState: (key, rec, state) gives (out, state).  A record that
 * fails leaves nothing behind: its outputs are looked through and its new state
 * is encoded before the first of them goes anywhere, and what comes after that
 * raises no Lua error.  Hence
 *  - an error means: nothing was emitted, the state is as it was;
 *  - one protected call can run over many records, and be made again for the
 *    rest when one of them failed.
 * Relies on: state bytes stay where they are while the function runs, since no
 * other state is touched then.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "fields.h"
#include "function.h"
#include "luascript.h"
#include "luavalue.h"
#include "sandbox.h"

#define SEED		0x77656972u	/* of math.random, for subtask 0 */
#define BUDGET		50000000	/* instructions a record; a second or less */
#define AHEAD		8		/* records from fetching state to its use */

/* What a record's function returned as output; the memory is kept. */
struct output {
	const char	*one;		/* a single output, Lua's memory; NULL */
	size_t		 onelen;
	char		*list;		/* several, each with a newline */
	size_t		 listlen, listsize;	/* bytes */
};

struct luafunction {
	struct weir_function	 function;	/* first, so that one is the other */
	struct luascript	*script;
	struct sandbox		*sandbox;
	struct weir_value	*state;		/* NULL: the stream is not keyed */
	struct luavalue		 returned;	/* a state that was returned */
	struct output		 output;	/* of the record in hand */
	struct fields		 fields;
	int			 looked;	/* a first record has been split */

	/* the batch in hand */
	struct weir		*weir;
	const struct weir_record *records;
	size_t			 at, n;
	int			 failed;	/* the runtime kept an error */
};

/*
 * What the script finds beside Lua's own
 */

static struct luafunction *
upvalue(lua_State *L)
{
	return (lua_touserdata(L, lua_upvalueindex(1)));
}

/* The first record that is split tells whether the separator can be right. */
static void
look(struct luafunction *f, const struct field *field, const char *record, size_t len)
{
	char why[FIELDS_WHY];

	if (!f->looked && fields_doubt(&f->fields, field, record, len, why))
		weir_warn(f->weir, "%s", why);
	f->looked = 1;
}

/* The field that argument 2 names, by number or column. */
static void
field_named(lua_State *L, const struct luafunction *f, struct field *field)
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

/* field(rec, n or column): its text, or nil. */
static int
luafunction_field(lua_State *L)
{
	struct luafunction *f = upvalue(L);
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

/* fields(rec): all of them. */
static int
luafunction_fields(lua_State *L)
{
	struct luafunction *f = upvalue(L);
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

static int
luafunction_prepare(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushvalue(L, 1);
	lua_pushcclosure(L, luafunction_field, 1);
	lua_setglobal(L, "field");
	lua_pushcclosure(L, luafunction_fields, 1);
	lua_setglobal(L, "fields");
	return (0);
}

static void
say(void *cookie, const char *text)
{
	weir_warn(cookie, "%s", text);
}

static int
luafunction_open(struct weir_function *function, struct weir *w)
{
	struct luafunction *f = (struct luafunction *)function;
	lua_State *L;
	const char *header;
	size_t headerlen;

	f->weir = w;
	header = weir_header(w, &headerlen);
	fields_begin(&f->fields, weir_separator(w), header, header == NULL ? 0 : headerlen);
	weir_set_separator(w, (unsigned char)f->fields.joint);
	if (weir_keyed(w) && (f->state = weir_value(w, "state")) == NULL)
		return (-1);
	f->sandbox = sandbox_new(SEED + weir_subtask(w), say, w);
	if (f->sandbox == NULL)
		return (weir_error(w, "no memory for Lua"));
	L = sandbox_lua(f->sandbox);
	lua_pushcfunction(L, luafunction_prepare);
	lua_pushlightuserdata(L, f);
	sandbox_refill(f->sandbox, BUDGET);
	if (sandbox_call(f->sandbox, 1, 0) == -1 ||
	    luascript_load(f->script, f->sandbox) == -1 ||
	    sandbox_call(f->sandbox, 0, 1) == -1)
		return (weir_misuse(w, "%s", sandbox_error(f->sandbox)));
	if (!lua_isfunction(L, 1))
		return (weir_misuse(w, "%s: it gives %s%s, not a function; write "
		    "'return function(key, rec, state) ... return out, state end'",
		    luascript_name(f->script), lua_isnil(L, 1) ? "" : "a ",
		    luaL_typename(L, 1)));
	return (0);
}

/*
 * Applying it
 */

static void
output_check(lua_State *L, const char *text, size_t len)
{
	if (memchr(text, '\n', len) != NULL)
		luaL_error(L, "the output has a newline in it; return a list of strings, "
		    "{\"a\", \"b\"}, for several records");
}

static void
output_append(struct output *o, lua_State *L, const char *text, size_t len)
{
	char *list;
	size_t size;

	if (len + 1 > o->listsize - o->listlen) {
		size = o->listlen + len + 1;
		size += size / 2 + 256;
		if ((list = realloc(o->list, size)) == NULL)
			luaL_error(L, "no memory for %d bytes of output", (int)size);
		o->list = list;
		o->listsize = size;
	}
	memcpy(o->list + o->listlen, text, len);
	o->listlen += len;
	o->list[o->listlen++] = '\n';
}

static void
output_list(struct output *o, lua_State *L, int at)
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
		output_check(L, text, len);
		output_append(o, L, text, len);
		lua_pop(L, 1);
	}
	for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1))
		if (--n < 0)
			luaL_error(L, "the output is a table with more in it than a list; "
			    "{\"a\", \"b\"} would be one");
}

/* Look through what the function returned as output. */
static void
output_collect(struct output *o, lua_State *L, int at)
{
	o->one = NULL;
	o->listlen = 0;
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

static int
output_emit(const struct output *o, struct weir *w)
{
	const char *line, *end;

	if (o->one != NULL)
		return (weir_emit(w, o->one, o->onelen));
	if (o->listlen == 0)
		return (0);
	for (line = o->list; line < o->list + o->listlen; line = end + 1) {
		end = memchr(line, '\n', (size_t)(o->list + o->listlen - line));
		if (weir_emit(w, line, (size_t)(end - line)) == -1)
			return (-1);
	}
	return (0);
}

/* Push the state of the record in hand: 1 if there is one, 0, -1. */
static int
state_push(lua_State *L, struct luafunction *f, const void **bytes, size_t *len)
{
	const char *error;
	int found;

	found = f->state == NULL ? 0 : weir_value_get(f->state, bytes, len);
	if (found == -1)
		return (-1);
	if (!found)
		lua_pushnil(L);
	else if (luavalue_decode(L, *bytes, *len, &error) == -1)
		return (weir_misuse(f->weir, "the state of a key was not written by Lua, "
		    "or is damaged: %s", error));
	return (found);
}

/* Keep what was encoded; a state that did not change is not written. */
static int
state_keep(struct luafunction *f, int none, int found, const void *bytes, size_t len)
{
	if (none)
		return (found ? weir_value_clear(f->state) : 0);
	if (found && len == f->returned.len && memcmp(bytes, f->returned.data, len) == 0)
		return (0);
	return (weir_value_put(f->state, f->returned.data, f->returned.len));
}

/* The function at index 2 on one record: 0, -1 if the runtime failed; or raise. */
static int
apply(lua_State *L, struct luafunction *f, const struct weir_record *r)
{
	const void *bytes = NULL;
	size_t len = 0;
	int found, none;

	lua_settop(L, 2);
	sandbox_refill(f->sandbox, BUDGET);
	lua_pushvalue(L, 2);
	if (f->state == NULL)
		lua_pushnil(L);
	else {
		weir_select(f->weir, r);
		lua_pushlstring(L, r->key, r->keylen);
	}
	lua_pushlstring(L, r->data, r->len);
	if ((found = state_push(L, f, &bytes, &len)) == -1)
		return (-1);
	lua_call(L, 3, 2);

	output_collect(&f->output, L, 3);
	none = lua_isnil(L, 4);
	if (!none && f->state == NULL)
		return (weir_misuse(f->weir, "the function returns a state, but the stream "
		    "is not keyed; put 'weir keyby -k FIELD' before me"));
	if (!none)
		luavalue_encode(L, 4, &f->returned);

	if (state_keep(f, none, found, bytes, len) == -1)
		return (-1);
	return (output_emit(&f->output, f->weir));
}

static int
luafunction_batch(lua_State *L)
{
	struct luafunction *f = lua_touserdata(L, 1);

	while (f->at < f->n) {
		if (f->state != NULL && f->at + AHEAD < f->n)
			weir_value_prefetch(f->state, &f->records[f->at + AHEAD]);
		if (apply(L, f, &f->records[f->at]) == -1) {
			f->failed = 1;
			break;
		}
		f->at++;
		if (weir_full(f->weir))
			break;
	}
	return (0);
}

static long
luafunction_process(struct weir_function *function, struct weir *w,
    const struct weir_record *records, size_t n)
{
	struct luafunction *f = (struct luafunction *)function;
	lua_State *L = sandbox_lua(f->sandbox);

	f->weir = w;
	f->records = records;
	f->n = n;
	f->at = 0;
	do {
		lua_pushcfunction(L, luafunction_batch);
		lua_pushlightuserdata(L, f);
		lua_pushvalue(L, 1);
		if (sandbox_call(f->sandbox, 2, 0) == 0)
			break;
		if (weir_bad(w, &records[f->at], "%s", sandbox_error(f->sandbox)) == -1)
			return (-1);
		f->at++;
	} while (f->at < n && !weir_full(w));
	return (f->failed ? -1 : (long)f->at);
}

static void
luafunction_close(struct weir_function *function)
{
	struct luafunction *f = (struct luafunction *)function;

	sandbox_free(f->sandbox);
	luascript_free(f->script);
	free(f->returned.data);
	free(f->output.list);
	free(f);
}

struct weir_function *
luafunction_new(struct weir *w, const char *text, const char *file)
{
	struct luafunction *f;

	if ((f = calloc(1, sizeof(*f))) == NULL) {
		weir_error(w, "no memory for Lua");
		return (NULL);
	}
	f->function.open = luafunction_open;
	f->function.process = luafunction_process;
	f->function.close = luafunction_close;
	f->script = luascript_new(w, text, file);
	if (f->script == NULL) {
		luafunction_close(&f->function);
		return (NULL);
	}
	return (&f->function);
}
