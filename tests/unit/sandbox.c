/*
 * sandbox: what a program in it can do, cannot do, and cannot get out of.
 */
#include <stdint.h>

#include <lauxlib.h>

#include "sandbox.h"
#include "tap.h"

#define BUDGET	5000000		/* instructions */

static struct sandbox	*box;
static char		 said[512];

static void
say(void *cookie, const char *line)
{
	snprintf((char *)cookie + strlen(cookie), sizeof(said) - strlen(cookie), "[%s]", line);
}

static void
begin(void)
{
	sandbox_free(box);
	said[0] = '\0';
	if ((box = sandbox_new(1, say, said)) == NULL) {
		printf("Bail out! no sandbox\n");
		exit(1);
	}
}

/* Run text in a sandbox of its own; what it returns, as text, or the error. */
static const char *
run(const char *text)
{
	static char result[600];
	lua_State *L;

	begin();
	L = sandbox_lua(box);
	sandbox_refill(box, BUDGET);
	if (sandbox_load(box, "=test", text, strlen(text)) == -1 ||
	    sandbox_call(box, 0, 1) == -1)
		snprintf(result, sizeof(result), "error: %s", sandbox_error(box));
	else
		snprintf(result, sizeof(result), "%s", lua_isboolean(L, -1) ?
		    (lua_toboolean(L, -1) ? "true" : "false") :
		    lua_isnil(L, -1) ? "nil" : lua_tostring(L, -1));
	return (result);
}

static int
gives(const char *text, const char *expected)
{
	const char *result;

	result = run(text);
	if (strcmp(result, expected) == 0)
		return (1);
	printf("# %s\n#   gives %s\n#   not   %s\n", text, result, expected);
	return (0);
}

static int
fails(const char *text, const char *expected)
{
	const char *result;

	result = run(text);
	if (strncmp(result, "error: ", 7) == 0 && strstr(result, expected) != NULL)
		return (1);
	printf("# %s\n#   gives %s\n#   not   %s\n", text, result, expected);
	return (0);
}

static void
ordinary_programs_run(void)
{
	CHECK(gives("return ('a,b'):gsub(',', ';')", "a;b"));
	CHECK(gives("return math.max(1, 2) + #utf8.char(228)", "4"));
	CHECK(gives("local t = {3, 1, 2} table.sort(t) return table.concat(t, ' ')", "1 2 3"));
	CHECK(gives("return select(2, pcall(error, 'x'))", "x"));
	CHECK(gives("return tostring(12) .. tostring(nil) .. tostring(1.5)", "12nil1.5"));
	CHECK(gives("return string.format('%5.1f|%-3s|%%|%d|%q', 2.25, 'a', 7, 'x')",
	    "  2.2|a  |%|7|\"x\""));
	CHECK(gives("return tostring(setmetatable({}, {__tostring = function() return 'me' end}))",
	    "me"));
	CHECK(gives("return ('%s'):format(setmetatable({}, {__tostring = function() return 'me' "
	    "end}))", "me"));
}

static void
nothing_outside_can_be_reached(void)
{
	static const char *const gone[] = {
		"os", "io", "debug", "package", "require", "coroutine", "load", "loadstring",
		"loadfile", "dofile", "collectgarbage", "warn", "string.dump", "(''):dump",
	};
	char text[64];
	size_t i;

	for (i = 0; i < sizeof(gone) / sizeof(gone[0]) - 1; i++) {
		snprintf(text, sizeof(text), "return %s == nil", gone[i]);
		CHECK(gives(text, "true"));
	}
	CHECK(fails("return (''):dump()", "nil value"));
}

static void
bytecode_is_not_loaded(void)
{
	static const char code[] = "\033Lua\x54\0\x19\x93\r\n\x1a\n";

	begin();
	CHECK(sandbox_load(box, "=test", code, sizeof(code) - 1) == -1);
	CHECK(strstr(sandbox_error(box), "binary chunk") != NULL);
	CHECK(lua_gettop(sandbox_lua(box)) == 0);
}

static void
errors_name_the_line(void)
{
	CHECK(fails("\n\nreturn nothing.x",
	    "test:3: attempt to index a nil value (global 'nothing')"));
	CHECK(fails("return 1 +", "test:1: unexpected symbol near <eof>"));
	CHECK(fails("error('first\\nsecond\\27[0m')", "test:1: first?second?[0m"));
	CHECK(fails("error({})", "the function failed with a table, not a text"));
	CHECK(fails("error()", "the function failed with a nil, not a text"));
	CHECK(fails("error(('x'):rep(100000))", "xxx"));
	CHECK(fails("return ('x'):format({}) .. string.format('%d', 'y')",
	    "bad argument #2 to 'format'"));
	CHECK(fails("setmetatable(1, {})", "bad argument #1 to 'setmetatable'"));
}

static void
addresses_are_not_shown(void)
{
	CHECK(fails("return tostring({})", "a table has no text"));
	CHECK(fails("return tostring(print)", "a function has no text"));
	CHECK(fails("return tostring(setmetatable({}, {__name = 'x'}))", "a table has no text"));
	CHECK(fails("return string.format('%s', print)", "a function has no text"));
	CHECK(fails("return ('%d %-5s'):format(1, {})", "a table has no text"));
	CHECK(fails("return ('%%%s%s'):format('a', {})", "a table has no text"));
	CHECK(fails("return ('%p'):format('a')", "%p is an address"));
	CHECK(fails("return ('%d%20p'):format(1, {})", "%p is an address"));
	CHECK(gives("return ('%%p'):format({})", "%p"));
	CHECK(fails("return ('%'):format({})", "invalid conversion"));
}

/* Walks over a table of all kinds of keys; how many there were, and the last. */
#define WALK(iterator)							\
	"local t = {} "							\
	"for i = 1, 300 do t['k' .. i % 100] = i t[-i] = i t[i / 2] = i end " \
	"t[true], t[false] = 1, 2 "					\
	"local ranks = {integer = 1, float = 2, string = 3, boolean = 4} " \
	"local function rank(k) return ranks[math.type(k) or type(k)] end " \
	"local last, n = nil, 0 "					\
	"for k, v in " iterator " do "					\
	"  assert(t[k] == v) "						\
	"  if n > 0 and type(k) ~= 'boolean' then "			\
	"    assert(rank(last) < rank(k) or rank(last) == rank(k) and last < k) end " \
	"  last = k n = n + 1 "						\
	"end return n .. tostring(last)"

static void
pairs_go_in_order(void)
{
	/* 450 integers, 150 halves, 100 strings, 2 booleans */
	CHECK(gives(WALK("pairs(t)"), "702true"));
	CHECK(gives(WALK("next, t"), "702true"));
	CHECK(fails("for k in pairs({[{}] = 1}) do end", "a table as a key"));
	CHECK(fails("for k in pairs(nil) do end", "bad argument #1"));
	CHECK(gives("local s = '' for k, v in pairs(setmetatable({}, {__pairs = function() "
	    "return function(_, k) if not k then return 'once', 1 end end end})) do s = s .. k "
	    "end return s", "once"));
}

static void
tables_may_shrink_under_pairs_and_next(void)
{
	CHECK(gives("local t, s = {a = 1, b = 2, c = 3, d = 4}, '' for k in pairs(t) do "
	    "s = s .. k t[k] = nil t.c = nil end return s .. tostring(next(t))", "abdnil"));
	CHECK(gives("local t, s = {a = 1, b = 2, c = 3, d = 4}, '' for k in next, t do "
	    "s = s .. k t[k] = nil t.c = nil end return s", "abd"));
	CHECK(gives("local t, s = {a = 1, b = 2}, '' for k in next, t do "
	    "for l in next, {x = 1, y = 2} do s = s .. k .. l end end return s", "axaybxby"));
	CHECK(gives("return next({})", "nil"));
	CHECK(gives("return next({'a'}, 1)", "nil"));
	CHECK(fails("return next({'a'}, 7)", "not in the table"));
	CHECK(gives("local t = {} for i = 1, 20000 do t['k' .. i] = i end local n = 0 "
	    "for k in next, t do n = n + 1 end return n", "20000"));
}

static void
sort_is_stable_and_takes_any_order(void)
{
	CHECK(gives("local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1000 end table.sort(t) "
	    "for i = 1, 1000 do assert(t[i] == i - 1) end return 'sorted'", "sorted"));
	CHECK(gives("local t = {} for i = 1, 999 do t[i] = {i % 10, i} end "
	    "table.sort(t, function(a, b) return a[1] < b[1] end) "
	    "for i = 2, 999 do assert(t[i - 1][1] < t[i][1] or "
	    "t[i - 1][1] == t[i][1] and t[i - 1][2] < t[i][2]) end return 'stable'", "stable"));
	CHECK(gives("local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) "
	    "return table.concat(t)", "321"));
	CHECK(gives("local t = {1, 2, 3, 4, 5} table.sort(t, function() return true end) "
	    "return #t", "5"));
	CHECK(gives("local t = {} table.sort(t) return #t", "0"));
	CHECK(gives("local t = {'b'} table.sort(t) return t[1]", "b"));
	CHECK(fails("table.sort({1, 'a'})", "attempt to compare"));
	CHECK(fails("table.sort({1, 2}, 3)", "bad argument #2"));
	CHECK(fails("table.sort(setmetatable({}, {__len = function() return 1 << 40 end}))",
	    "list too long"));
}

static void
random_numbers_are_the_same_each_time(void)
{
	static const char text[] = "return math.random(1 << 40) .. ' ' .. math.random()";
	char first[64];

	snprintf(first, sizeof(first), "%s", run(text));
	CHECK(gives(text, first));
	CHECK(fails("math.randomseed()", "bad argument"));
	CHECK(gives("math.randomseed(42) local a = math.random(1000) math.randomseed(42) "
	    "return a == math.random(1000)", "true"));
}

static void
weak_tables_and_finalizers_are_refused(void)
{
	CHECK(fails("setmetatable({}, {__gc = function() while true do end end})",
	    "no __gc in a metatable"));
	CHECK(fails("setmetatable({}, {__mode = 'k'})", "no __mode in a metatable"));
	CHECK(fails("setmetatable({}, {__gc = true})", "no __gc"));
	CHECK(gives("local mt = {} local t = setmetatable({}, mt) mt.__gc = function() while true "
	    "do end end t = nil local s = {} for i = 1, 100000 do s[i] = {i} end return #s",
	    "100000"));
	CHECK(gives("return getmetatable(setmetatable({}, {__index = {x = 1}})).__index.x", "1"));
	CHECK(gives("local t = setmetatable({}, {}) setmetatable(t, nil) return getmetatable(t)",
	    "nil"));
}

static void
print_goes_to_the_log_line_by_line(void)
{
	CHECK(gives("print('a', 1, {}, nil, print) print() print('b\\nc')", "nil"));
	CHECK(strcmp(said, "[a 1 table nil function][][b][c]") == 0);
}

static void
xpcall_calls_its_handler(void)
{
	CHECK(gives("return table.concat({select(2, xpcall(function(a, b) return a, b end, "
	    "print, 'x', 'y'))})", "xy"));
	CHECK(gives("local ok, text = xpcall(function(a) error(a, 0) end, "
	    "function(e) return 'handled ' .. e end, 'it') return tostring(ok) .. ' ' .. text",
	    "false handled it"));
	CHECK(gives("return tostring(xpcall(error, function() error('again') end))", "false"));
	CHECK(fails("xpcall(print)", "bad argument #2"));
}

static void
endless_loops_are_named(void)
{
	CHECK(fails("local x\nwhile true do end",
	    "test:2: the function spent its budget of 5000000 instructions on one record"));
}

/* Each of these would go on for ever, had it a way to. */
static void
a_spent_budget_cannot_be_caught(void)
{
	static const char *const loops[] = {
		"while true do pcall(function() while true do end end) end",
		"local function again() pcall(again) return again() end again()",
		"xpcall(function() while true do end end, function() while true do end end)",
		"local t <close> = setmetatable({}, {__close = function() while true do end end}) "
		"while true do end",
		"pcall(string.gsub, ('a'):rep(1000), 'a', function() while true do end end) "
		"while true do end",
		"pcall(table.sort, {1, 2, 3}, function() while true do end end) while true do end",
		"for k in pairs(setmetatable({}, {__pairs = function() while true do end end})) do "
		"end",
		"local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
		"while true do pcall(function() return t[1] end) end",
		"local s = setmetatable({}, {__tostring = function() while true do end end}) "
		"while true do pcall(tostring, s) end",
	};
	size_t i;

	for (i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		CHECK(fails(loops[i], "spent its budget"));
}

static void
a_refill_makes_a_spent_sandbox_good_again(void)
{
	static const char text[] = "return ...";
	lua_State *L;

	CHECK(fails("while true do end", "spent its budget"));
	L = sandbox_lua(box);
	sandbox_refill(box, BUDGET);
	CHECK(sandbox_load(box, "=test", text, sizeof(text) - 1) == 0);
	lua_pushinteger(L, 7);
	CHECK(sandbox_call(box, 1, 1) == 0);
	CHECK(lua_tointeger(L, -1) == 7);
}

static void
memory_is_bounded(void)
{
	static const char text[] = "kept = nil return 7";
	lua_State *L;

	CHECK(fails("return ('x'):rep(1 << 40)", "too large"));
	CHECK(fails("return ('x'):rep(1 << 29)", "wants more than 256 MiB"));
	CHECK(fails("kept = {} for i = 1, 1e9 do kept[i] = ('x'):rep(1 << 20) .. i end",
	    "wants more than 256 MiB"));
	L = sandbox_lua(box);
	sandbox_refill(box, BUDGET);
	CHECK(sandbox_load(box, "=test", text, sizeof(text) - 1) == 0);
	CHECK(sandbox_call(box, 0, 1) == 0);
	CHECK(lua_tointeger(L, -1) == 7);
	CHECK(gives("local s for i = 1, 300 do s = ('x'):rep(1 << 20) .. i end return #s",
	    "1048579"));
}

static void
recursion_is_bounded(void)
{
	CHECK(fails("local function f() return 1 + f() end return f()", "stack overflow"));
	CHECK(fails("local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
	    "loop"));
	CHECK(fails("local s = ('('):rep(100000) return ('x'):find(s)", "too many captures"));
	CHECK(fails("return ('x'):rep(300000):find(('x?'):rep(300000) .. 'y')", "too complex"));
}

int
main(void)
{
	RUN(ordinary_programs_run);
	RUN(nothing_outside_can_be_reached);
	RUN(bytecode_is_not_loaded);
	RUN(errors_name_the_line);
	RUN(addresses_are_not_shown);
	RUN(pairs_go_in_order);
	RUN(tables_may_shrink_under_pairs_and_next);
	RUN(sort_is_stable_and_takes_any_order);
	RUN(random_numbers_are_the_same_each_time);
	RUN(weak_tables_and_finalizers_are_refused);
	RUN(print_goes_to_the_log_line_by_line);
	RUN(xpcall_calls_its_handler);
	RUN(endless_loops_are_named);
	RUN(a_spent_budget_cannot_be_caught);
	RUN(a_refill_makes_a_spent_sandbox_good_again);
	RUN(memory_is_bounded);
	RUN(recursion_is_bounded);
	sandbox_free(box);
	DONE();
}
