/*
 * luavalue: round trips, the one encoding of each value, and hostile bytes.
 */
#include <math.h>
#include <stdint.h>

#include <lauxlib.h>
#include <lualib.h>

#include "luavalue.h"
#include "tap.h"

static lua_State	*L;
static struct luavalue	 bytes;
static char		 message[256];

/* Push what a Lua expression gives. */
static void
evaluate(const char *expression)
{
	lua_pushfstring(L, "return %s", expression);
	if (luaL_dostring(L, lua_tostring(L, -1)) != LUA_OK) {
		printf("Bail out! %s: %s\n", expression, lua_tostring(L, -1));
		exit(1);
	}
	lua_remove(L, -2);
}

static int
encode_top(lua_State *state)
{
	luavalue_encode(state, 1, &bytes);
	return (0);
}

/* Encode and pop the value on top: 0, or -1 and the message. */
static int
encode(void)
{
	lua_pushcfunction(L, encode_top);
	lua_insert(L, -2);
	if (lua_pcall(L, 1, 0, 0) == LUA_OK)
		return (0);
	snprintf(message, sizeof(message), "%s", lua_tostring(L, -1));
	lua_pop(L, 1);
	return (-1);
}

/* Decode from memory of just that size, so that a sanitizer sees each overrun. */
static int
decode(const void *data, size_t len)
{
	const char *error = NULL;
	void *copy;
	int result, top;

	if ((copy = malloc(len > 0 ? len : 1)) == NULL)
		abort();
	memcpy(copy, data, len);
	top = lua_gettop(L);
	result = luavalue_decode(L, copy, len, &error);
	free(copy);
	if (result == -1) {
		CHECK(error != NULL);
		CHECK(lua_gettop(L) == top);
	} else
		CHECK(lua_gettop(L) == top + 1);
	return (result);
}

static int
encodes_to(const char *expression, const char *expected)
{
	evaluate(expression);
	if (encode() == 0 && bytes.len == strlen(expected) &&
	    memcmp(bytes.data, expected, bytes.len) == 0)
		return (1);
	printf("# %s: %.*s, not %s\n", expression, (int)bytes.len, bytes.data, expected);
	return (0);
}

/* Does the value come back, as the same kind of value, from its bytes? */
static int
round_trips(const char *expression)
{
	char *first;
	size_t len;
	int same;

	evaluate(expression);
	lua_pushvalue(L, -1);
	if (encode() == -1 || decode(bytes.data, bytes.len) == -1) {
		lua_pop(L, 1);
		return (0);
	}
	same = lua_istable(L, -1) || lua_rawequal(L, -1, -2);
	same &= lua_type(L, -1) == lua_type(L, -2);
	same &= lua_isinteger(L, -1) == lua_isinteger(L, -2);
	len = bytes.len;
	if ((first = malloc(len)) == NULL)
		abort();
	memcpy(first, bytes.data, len);
	same &= encode() == 0 && bytes.len == len && memcmp(first, bytes.data, len) == 0;
	free(first);
	lua_pop(L, 1);
	return (same);
}

static int
refused(const char *expression, const char *why)
{
	evaluate(expression);
	if (encode() == 0)
		return (0);
	if (strstr(message, why) == NULL)
		printf("# %s: %s\n", expression, message);
	return (strstr(message, why) != NULL);
}

static void
integers_round_trip(void)
{
	CHECK(encodes_to("0", "i0;"));
	CHECK(encodes_to("-42", "i-42;"));
	CHECK(encodes_to("math.maxinteger", "i9223372036854775807;"));
	CHECK(encodes_to("math.mininteger", "i-9223372036854775808;"));
	CHECK(round_trips("0"));
	CHECK(round_trips("-1"));
	CHECK(round_trips("math.maxinteger"));
	CHECK(round_trips("math.mininteger"));
}

static void
floats_round_trip_and_stay_floats(void)
{
	CHECK(encodes_to("1.0", "f1;"));
	CHECK(encodes_to("0.1", "f0.1;"));
	CHECK(encodes_to("-0.0", "f-0;"));
	CHECK(encodes_to("0.1 + 0.2", "f0.30000000000000004;"));
	CHECK(encodes_to("math.huge", "finf;"));
	CHECK(encodes_to("-math.huge", "f-inf;"));
	CHECK(encodes_to("0/0", "fnan;"));
	CHECK(encodes_to("-(0/0)", "fnan;"));
	CHECK(round_trips("1.0"));
	CHECK(round_trips("1/3"));
	CHECK(round_trips("2^63"));
	CHECK(round_trips("5e-324"));
	CHECK(round_trips("1.7976931348623157e308"));
	CHECK(round_trips("-math.huge"));
	CHECK(decode("fnan;", 5) == 0);
	CHECK(isnan(lua_tonumber(L, -1)));
	lua_pop(L, 1);
	CHECK(decode("f-0;", 4) == 0);
	CHECK(signbit(lua_tonumber(L, -1)));
	lua_pop(L, 1);
}

static void
strings_of_any_bytes_round_trip(void)
{
	CHECK(encodes_to("''", "s0:"));
	CHECK(encodes_to("'hello'", "s5:hello"));
	CHECK(round_trips("''"));
	CHECK(round_trips("'a\\0b\\n\\r\\xff;:}'"));
	CHECK(round_trips("('x'):rep(100000)"));
}

static void
booleans_round_trip(void)
{
	CHECK(encodes_to("true", "T"));
	CHECK(encodes_to("false", "F"));
	CHECK(round_trips("true"));
	CHECK(round_trips("false"));
}

static void
tables_round_trip(void)
{
	CHECK(encodes_to("{1, 2, sum = 0.5}", "{i1;i1;i2;i2;s3:sumf0.5;}"));
	CHECK(encodes_to("{}", "{}"));
	CHECK(round_trips("{}"));
	CHECK(round_trips("{{}, {{}}, {x = {y = {z = true}}}}"));
	CHECK(round_trips("{[math.huge] = 1, [-math.huge] = 2, [0.5] = 3, [1e300] = 4}"));
	evaluate("{10, {a = 'b', [false] = 7}, n = 2.5}");
	CHECK(encode() == 0);
	CHECK(decode(bytes.data, bytes.len) == 0);
	lua_setglobal(L, "t");
	evaluate("t[1] == 10 and t[2].a == 'b' and t[2][false] == 7 and t.n == 2.5 and #t == 2");
	CHECK(lua_toboolean(L, -1));
	lua_pop(L, 1);
}

static void
table_keys_are_sorted(void)
{
	const char *sorted = "{i-1;Ti2;Ti10;Tf-0.5;Tf1.5;Ts0:Ts1:BTs1:aTs2:aaTs1:bTFTTT}";

	CHECK(encodes_to("{[true] = true, b = true, [10] = true, [1.5] = true, a = true, "
	    "[false] = true, [2] = true, aa = true, [-0.5] = true, B = true, [''] = true, "
	    "[-1] = true}", sorted));
	CHECK(encodes_to("{[''] = true, [-1] = true, B = true, [-0.5] = true, aa = true, "
	    "[2] = true, [false] = true, a = true, [1.5] = true, [10] = true, b = true, "
	    "[true] = true}", sorted));
}

/* The same keys in another order of insertion and after removals. */
static void
encoding_does_not_depend_on_history(void)
{
	static const char up[] =
	    "(function() local t = {} for i = 1, 500 do t['k' .. i] = i t[i * 7] = i end "
	    "return t end)()";
	static const char down[] =
	    "(function() local t = {} for i = 1, 2000 do t['x' .. i] = i end "
	    "for i = 500, 1, -1 do t[i * 7] = i t['k' .. i] = i end "
	    "for i = 1, 2000 do t['x' .. i] = nil end return t end)()";
	char *first;
	size_t len;

	evaluate(up);
	CHECK(encode() == 0);
	len = bytes.len;
	if ((first = malloc(len)) == NULL)
		abort();
	memcpy(first, bytes.data, len);
	evaluate(down);
	CHECK(encode() == 0);
	CHECK(bytes.len == len && memcmp(first, bytes.data, len) == 0);
	free(first);
}

static void
what_is_no_value_is_refused(void)
{
	CHECK(refused("print", "has a function in it"));
	CHECK(refused("nil", "has a nil in it"));
	CHECK(refused("{x = {print}}", "has a function in it"));
	CHECK(refused("{[{}] = 1}", "a table as a key"));
	CHECK(refused("{[print] = 1}", "a function as a key"));
	CHECK(refused("io.stdout", "has a userdata in it"));
	CHECK(refused("coroutine.create(print)", "has a thread in it"));
	CHECK(refused("{setmetatable({}, {})}", "metatable"));
}

static void
cycles_and_deep_tables_are_refused(void)
{
	static const char nest[] =
	    "(function(n) local t = {} for i = 2, n do t = {t} end return t end)(%d)";
	char expression[128];

	CHECK(refused("(function() local t = {} t.t = t return t end)()", "a cycle?"));
	CHECK(refused("(function() local t = {} t[1], t[2] = t, t return t end)()", "a cycle?"));
	snprintf(expression, sizeof(expression), nest, LUAVALUE_DEPTH);
	CHECK(round_trips(expression));
	snprintf(expression, sizeof(expression), nest, LUAVALUE_DEPTH + 1);
	CHECK(refused(expression, "nested more than 64 deep"));
}

static void
too_large_a_value_is_refused(void)
{
	char expression[64];

	snprintf(expression, sizeof(expression), "('x'):rep(%u - 10)", LUAVALUE_MAX);
	CHECK(round_trips(expression));		/* s16777206: */
	CHECK(bytes.len == LUAVALUE_MAX);
	snprintf(expression, sizeof(expression), "('x'):rep(%u - 9)", LUAVALUE_MAX);
	CHECK(refused(expression, "larger than 16 MiB"));
	/* a table met twice is written twice: small in memory, vast as bytes */
	CHECK(refused("(function() local t = {1} for i = 1, 60 do t = {t, t} end return t end)()",
	    "larger than 16 MiB"));
	CHECK(encodes_to("1", "i1;"));		/* the buffer is still good */
}

static void
floats_are_taken_as_people_write_them(void)
{
	static const char *const same[][2] = {
		{ "f1.50;", "f1.5;" }, { "f1e3;", "f1000;" }, { "f01;", "f1;" },
		{ "f1.;", "f1;" }, { "f0.10000000000000001;", "f0.1;" },
		{ "f1e999;", "finf;" }, { "f-0.0;", "f-0;" }, { "f1e+20;", "f1e+20;" },
	};
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		CHECK(decode(same[i][0], strlen(same[i][0])) == 0 && encode() == 0);
		CHECK(bytes.len == strlen(same[i][1]) &&
		    memcmp(bytes.data, same[i][1], bytes.len) == 0);
	}
}

static void
each_value_has_one_encoding(void)
{
	static const char *const wrong[] = {
		"", "x", "i", "i;", "i-;", "i-0;", "i00;", "i01;", "i-01;", "i+1;", "i 1;",
		"i1", "i1:", "i9223372036854775808;", "i-9223372036854775809;",
		"i18446744073709551616;", "i99999999999999999999;", "i1;i",
		"f", "f;", "f-;", "f.5;", "f 1;", "f1 ;", "f+1;", "f--1;", "f1e;", "f0x1p3;",
		"f-nan;", "fNaN;", "finfinity;", "f+inf;", "f1.2.3;", "f1,5;", "f1",
		"f1234567890123456789012345678901234;",
		"s", "s:", "s1:", "s2:a", "s01:a", "s-1:", "s-0:", "s0:x",
		"s9223372036854775807:", "s18446744073709551617:a",
		"TT", "t", "{", "}", "{}}", "{i1;}", "{i1;T", "{{}T}", "{i2;Ti1;T}",
		"{i1;Ti1;T}", "{s1:bTs1:aT}", "{s1:aTi1;T}", "{f1;T}", "{f-0;T}", "{fnan;T}",
		"{TTFT}", "{i1;i}",
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (decode(wrong[i], strlen(wrong[i])) == 0) {
			printf("# taken: %s\n", wrong[i]);
			CHECK(0);
			lua_pop(L, 1);
		}
}

static void
every_truncation_is_an_error(void)
{
	size_t len;
	char *whole;

	evaluate("{1, -2.5, 'three', {four = {5, true}, [false] = 'six'}, ['\\0'] = ''}");
	CHECK(encode() == 0);
	if ((whole = malloc(bytes.len)) == NULL)
		abort();
	memcpy(whole, bytes.data, bytes.len);
	for (len = 0; len < bytes.len; len++)
		CHECK(decode(whole, len) == -1);
	CHECK(decode(whole, bytes.len) == 0);
	lua_settop(L, 0);
	free(whole);
}

static void
deep_hostile_bytes_are_an_error(void)
{
	enum { LEVELS = 1000000 };
	char *data;
	size_t i;

	if ((data = malloc(4 * LEVELS)) == NULL)
		abort();
	for (i = 0; i < LEVELS; i++)
		memcpy(data + 4 * i, "{i1;", 4);
	CHECK(decode(data, 4 * LEVELS) == -1);
	memset(data, '{', LEVELS);
	CHECK(decode(data, LEVELS) == -1);
	free(data);
}

static uint64_t seed = 88172645463325252u;

static uint32_t
chance(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((uint32_t)(seed >> 32) % below);
}

/*
 * Decode; what is taken has to be the encoding of what it gave.  With a float
 * in it it may be another spelling, but the next one is final.
 */
static int
is_error_or_canonical(const char *data, size_t len)
{
	char again[1024];
	size_t againlen;

	if (decode(data, len) == -1)
		return (0);
	CHECK(encode() == 0 && bytes.len < sizeof(again));
	againlen = bytes.len;
	memcpy(again, bytes.data, againlen);
	if (memchr(data, 'f', len) == NULL &&
	    (againlen != len || memcmp(again, data, len) != 0)) {
		printf("# not canonical: %.*s\n", (int)len, data);
		CHECK(0);
	}
	CHECK(decode(again, againlen) == 0 && encode() == 0);
	CHECK(bytes.len == againlen && memcmp(bytes.data, again, againlen) == 0);
	return (1);
}

static void
random_bytes_are_an_error_or_canonical(void)
{
	static const char letters[] = "iifss{{}}TF;;:::-0123456789.enab";
	char data[48];
	size_t len, i;
	int n, taken;

	for (n = taken = 0; n < 200000; n++) {
		len = chance(n % 2 == 0 ? sizeof(data) : 5);
		for (i = 0; i < len; i++)
			data[i] = n % 4 == 0 ? (char)chance(256) :
			    letters[chance(sizeof(letters) - 1)];
		taken += is_error_or_canonical(data, len);
	}
	CHECK(taken > 1000);		/* else the letters are badly chosen */
}

static void
changed_bytes_are_an_error_or_canonical(void)
{
	char whole[256], data[256];
	size_t len, i;
	int n, taken;

	evaluate("{1, -2.5, 'three', {four = {5, true}, [false] = 'six'}, ['\\0'] = ''}");
	CHECK(encode() == 0 && bytes.len <= sizeof(whole));
	len = bytes.len;
	memcpy(whole, bytes.data, len);
	for (n = taken = 0; n < 100000; n++) {
		memcpy(data, whole, len);
		for (i = 1 + chance(3); i > 0; i--)
			data[chance((uint32_t)len)] ^= (char)(1 << chance(8));
		taken += is_error_or_canonical(data, len);
	}
	CHECK(taken > 1000);
}

int
main(void)
{
	if ((L = luaL_newstate()) == NULL)
		return (1);
	luaL_openlibs(L);
	RUN(integers_round_trip);
	RUN(floats_round_trip_and_stay_floats);
	RUN(strings_of_any_bytes_round_trip);
	RUN(booleans_round_trip);
	RUN(tables_round_trip);
	RUN(table_keys_are_sorted);
	RUN(encoding_does_not_depend_on_history);
	RUN(what_is_no_value_is_refused);
	RUN(cycles_and_deep_tables_are_refused);
	RUN(too_large_a_value_is_refused);
	RUN(floats_are_taken_as_people_write_them);
	RUN(each_value_has_one_encoding);
	RUN(every_truncation_is_an_error);
	RUN(deep_hostile_bytes_are_an_error);
	RUN(random_bytes_are_an_error_or_canonical);
	RUN(changed_bytes_are_an_error_or_canonical);
	lua_close(L);
	free(bytes.data);
	DONE();
}
