/*
 * luafunction: what a Lua function gets and gives, against a runtime made here.
 *
 * The runtime below keeps what is emitted and said in two strings, and state in
 * a short list; it takes the place of libweir's.
 */
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "function.h"
#include "tap.h"
#include "weir.h"

#define KEYS	8

struct weir {
	int		 keyed, separator, full, skip;
	const char	*header;
	char		 out[4096], said[4096];
	int		 puts, misused;
	char		 saved[256];
	size_t		 savedlen;
};

struct weir_value {
	struct {
		char	 key[16], val[256];
		size_t	 len;
	} entry[KEYS];
	int		 n, selected;
};

static struct weir		 w;
static struct weir_value	 value;
static struct weir_function	*function;

static void append(char *, const char *, va_list) WEIR_PRINTF(2, 0);

static void
append(char *to, const char *fmt, va_list ap)
{
	size_t len = strlen(to);

	vsnprintf(to + len, sizeof(w.said) - len, fmt, ap);
}

#define SAY(to, fmt) do { va_list ap; va_start(ap, fmt); append(to, fmt, ap); va_end(ap); } while (0)

void
weir_warn(struct weir *weir, const char *fmt, ...)
{
	SAY(weir->said, fmt);
}

int
weir_error(struct weir *weir, const char *fmt, ...)
{
	SAY(weir->said, fmt);
	return (-1);
}

int
weir_misuse(struct weir *weir, const char *fmt, ...)
{
	SAY(weir->said, fmt);
	weir->misused = 1;
	return (-1);
}

int
weir_bad(struct weir *weir, const struct weir_record *r, const char *fmt, ...)
{
	size_t len = strlen(weir->said);

	snprintf(weir->said + len, sizeof(weir->said) - len, "<%.*s> ", (int)r->len, r->data);
	SAY(weir->said, fmt);
	return (weir->skip ? 0 : -1);
}

int
weir_emit(struct weir *weir, const char *data, size_t len)
{
	size_t used = strlen(weir->out);

	snprintf(weir->out + used, sizeof(weir->out) - used, "%.*s|", (int)len, data);
	return (0);
}

int
weir_emit_to(struct weir *weir, int output, const char *data, size_t len)
{
	size_t used = strlen(weir->out);

	snprintf(weir->out + used, sizeof(weir->out) - used, "%d:", output);
	return (weir_emit(weir, data, len));
}

int
weir_full(const struct weir *weir)
{
	return (weir->full);
}

int
weir_keyed(const struct weir *weir)
{
	return (weir->keyed);
}

int
weir_separator(const struct weir *weir)
{
	return (weir->separator);
}

void
weir_set_separator(struct weir *weir, int separator)
{
	weir->separator = separator;
}

const char *
weir_header(const struct weir *weir, size_t *len)
{
	if (weir->header == NULL)
		return (NULL);
	*len = strlen(weir->header);
	return (weir->header);
}

unsigned
weir_subtask(const struct weir *weir)
{
	(void)weir;
	return (0);
}

struct weir_value *
weir_value(struct weir *weir, const char *name)
{
	(void)weir;
	CHECK(strcmp(name, "state") == 0 || strcmp(name, "mine") == 0);
	return (&value);
}

void
weir_select(struct weir *weir, const struct weir_record *r)
{
	int i;

	(void)weir;
	for (i = 0; i < value.n; i++)
		if (strlen(value.entry[i].key) == r->keylen &&
		    memcmp(value.entry[i].key, r->key, r->keylen) == 0)
			break;
	if (i == value.n && value.n++ < KEYS)
		snprintf(value.entry[i].key, sizeof(value.entry[i].key), "%.*s",
		    (int)r->keylen, r->key);
	value.selected = i;
}

int
weir_value_get(struct weir_value *v, const void **val, size_t *len)
{
	*val = v->entry[v->selected].val;
	*len = v->entry[v->selected].len;
	return (*len > 0);
}

int
weir_value_put(struct weir_value *v, const void *val, size_t len)
{
	CHECK(len <= sizeof(v->entry[0].val));
	memcpy(v->entry[v->selected].val, val, len);
	v->entry[v->selected].len = len;
	w.puts++;
	return (0);
}

int
weir_value_clear(struct weir_value *v)
{
	v->entry[v->selected].len = 0;
	w.puts++;
	return (0);
}

void
weir_value_prefetch(struct weir_value *v, const struct weir_record *r)
{
	(void)v;
	(void)r;
}

int
weir_output(const struct weir *weir, const char *tag)
{
	(void)weir;
	return (strcmp(tag, "odd") == 0 ? 1 : -1);
}

const char *
weir_tag(const struct weir *weir)
{
	(void)weir;
	return ("left");
}

void
weir_place(const struct weir *weir, const struct weir_record *r, char *buf, size_t size)
{
	(void)weir;
	snprintf(buf, size, "record %.*s", (int)r->len, r->data);
}

int
weir_save(struct weir *weir, const void *data, size_t len)
{
	CHECK(len <= sizeof(weir->saved) && weir->savedlen == 0);
	memcpy(weir->saved, data, len);
	weir->savedlen = len;
	return (0);
}

int64_t
weir_triggered(const struct weir *weir)
{
	(void)weir;
	return (1480000000000);
}

/* Lists and maps are not made here: 221-states.bats has them from the real one. */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define NEITHER	{ abort(); }

struct weir_list *weir_list(struct weir *weir, const char *name) NEITHER
int weir_list_add(struct weir_list *l, const void *v, size_t n) NEITHER
int weir_list_get(struct weir_list *l, uint64_t i, const void **v, size_t *n) NEITHER
int weir_list_clear(struct weir_list *l) NEITHER
struct weir_map *weir_map(struct weir *weir, const char *name) NEITHER
int weir_map_put(struct weir_map *m, const void *k, size_t l, const void *v, size_t n) NEITHER
int weir_map_get(struct weir_map *m, const void *k, size_t l, const void **v, size_t *n) NEITHER
int weir_map_remove(struct weir_map *m, const void *k, size_t l) NEITHER
int weir_map_at(struct weir_map *m, uint64_t i, const void **k, size_t *l, const void **v,
    size_t *n) NEITHER
int weir_map_clear(struct weir_map *m) NEITHER
#pragma GCC diagnostic pop

static void
finish(void)
{
	if (function != NULL)
		function->close(function);
	function = NULL;
}

/* Make the function; keyed: of a stream with keys. */
static int
begin(const char *text, int keyed)
{
	finish();
	memset(&w, 0, sizeof(w));
	memset(&value, 0, sizeof(value));
	w.keyed = keyed;
	w.separator = ',';
	w.skip = 1;
	function = luafunction_new(&w, text, NULL);
	return (function == NULL ? -1 : function->open(function, &w));
}

/*
 * Give it records, as one batch, written with a blank between them; the key is
 * what stands before the comma.  Returns how many it took.
 */
static long
give(const char *text)
{
	struct weir_record records[32] = { { .len = 0 } };
	size_t n = 0;

	for (; *text != '\0'; text += strspn(text, " ")) {
		records[n].data = text;
		records[n].len = (uint32_t)strcspn(text, " ");
		if (w.keyed) {
			records[n].key = text;
			records[n].keylen = (uint32_t)strcspn(text, ", ");
		}
		text += records[n++].len;
	}
	return (function->process(function, &w, records, n));
}

static int
emitted(const char *expected)
{
	int same = strcmp(w.out, expected) == 0;

	if (!same)
		printf("# emitted %s, not %s\n", w.out, expected);
	w.out[0] = '\0';
	return (same);
}

static int
said(const char *expected)
{
	int there = *expected == '\0' ? w.said[0] == '\0' : strstr(w.said, expected) != NULL;

	if (!there)
		printf("# said %s, not %s\n", w.said, expected);
	w.said[0] = '\0';
	return (there);
}

static int
state_is(const char *key, const char *expected)
{
	int i;

	for (i = 0; i < value.n; i++)
		if (strcmp(value.entry[i].key, key) == 0)
			return (value.entry[i].len == strlen(expected) &&
			    memcmp(value.entry[i].val, expected, value.entry[i].len) == 0);
	return (*expected == '\0');
}

/* semantics W3: the previous total of each key, 0 the first time. */
static void
map_with_state_counts_for_each_key(void)
{
	CHECK(begin("return function(key, rec, sum)\n"
	    "	local n = tonumber(rec:match(',(%d+)'))\n"
	    "	sum = sum or 0\n"
	    "	return key .. ',' .. sum, sum + n\n"
	    "end", 1) == 0);
	CHECK(give("a,1 b,10 a,2 a,3 b,5") == 5);
	CHECK(emitted("a,0|b,0|a,1|a,3|b,10|"));
	CHECK(state_is("a", "i6;") && state_is("b", "i15;"));
}

/* semantics W3n */
static void
a_nil_state_removes_the_key_s(void)
{
	CHECK(begin("return function(key, rec, sum)\n"
	    "	local n = tonumber((rec:match(',(%d+)')))\n"
	    "	local before = sum or 0\n"
	    "	if before + n == 6 then return key .. ',' .. before end\n"
	    "	return key .. ',' .. before, before + n\n"
	    "end", 1) == 0);
	CHECK(give("a,1 a,2 a,3") == 3);
	CHECK(emitted("a,0|a,1|a,3|"));
	CHECK(state_is("a", ""));
	CHECK(give("a,9") == 1);
	CHECK(emitted("a,0|"));
	CHECK(state_is("a", "i9;"));
}

static void
without_keys_it_maps_splits_and_filters(void)
{
	CHECK(begin("return function(key, rec, state)\n"
	    "	assert(key == nil and state == nil)\n"
	    "	if rec == 'none' then return nil end\n"
	    "	if rec == 'number' then return 7 end\n"
	    "	if rec == 'float' then return 0.5 end\n"
	    "	if rec == 'empty' then return '' end\n"
	    "	if rec == 'no' then return {} end\n"
	    "	if rec == 'many' then return {'c', 1, 'a', 'b'} end\n"
	    "	return rec:upper()\n"
	    "end", 0) == 0);
	CHECK(give("x none number float empty no many y") == 8);
	CHECK(emitted("X|7|0.5||c|1|a|b|Y|"));
	CHECK(said(""));
}

static void
without_keys_a_state_is_misuse(void)
{
	CHECK(begin("return function(key, rec) return rec, 1 end", 0) == 0);
	CHECK(give("x") == -1);
	CHECK(w.misused);
	CHECK(said("the stream is not keyed; put 'weir keyby -k FIELD' before me"));
	CHECK(emitted(""));
}

static void
each_kind_of_state_comes_back(void)
{
	CHECK(begin("return function(key, rec, s)\n"
	    "	if s == nil then return nil, 'a\\n\\0b' end\n"
	    "	if s == 'a\\n\\0b' then return 1, 2.5 end\n"
	    "	if s == 2.5 then return 2, false end\n"
	    "	if s == false then return 3, {n = 1, list = {'x', 'y'}} end\n"
	    "	s.n = s.n + 1\n"
	    "	s.list[#s.list + 1] = rec\n"
	    "	return table.concat(s.list, ' '), s\n"
	    "end", 1) == 0);
	CHECK(give("k k k k k k") == 6);
	CHECK(emitted("1|2|3|x y k|x y k k|"));
	CHECK(state_is("k", "{s4:list{i1;s1:xi2;s1:yi3;s1:ki4;s1:k}s1:ni3;}"));
}

/* The state that a function gets is a copy: to change it is not to keep it. */
static void
a_state_not_returned_is_not_changed(void)
{
	CHECK(begin("return function(key, rec, s)\n"
	    "	s = s or {n = 0}\n"
	    "	s.n = s.n + 1\n"
	    "	if rec == 'a,bad' then error('no') end\n"
	    "	return s.n, s\n"
	    "end", 1) == 0);
	CHECK(give("a,1 a,bad a,2") == 3);
	CHECK(emitted("1|2|"));
	CHECK(state_is("a", "{s1:ni2;}"));
}

static void
an_unchanged_state_is_not_written(void)
{
	CHECK(begin("return function(key, rec, seen)\n"
	    "	if not seen then return rec, true end\n"
	    "	return nil, seen\n"
	    "end", 1) == 0);
	CHECK(give("a,1 b,1 a,2 a,3 b,2") == 5);
	CHECK(emitted("a,1|b,1|"));
	CHECK(w.puts == 2);
}

/* Whatever is wrong with a record's result, none of it is to be seen. */
static void
a_record_that_fails_leaves_nothing(void)
{
	static const struct {
		const char	*result, *why;
	} wrong[] = {
		{ "error('mine')", "-e:2: mine" },
		{ "nothing.x, 1", "-e:2: attempt to index a nil value (global 'nothing')" },
		{ "'a\\nb', 1", "newline" },
		{ "{'good', 'a\\nb'}, 1", "newline" },
		{ "{'good', true}, 1", "output 2 is a boolean, not a string" },
		{ "{'good', nil, 'x', n = 1}, 1", "is a" },
		{ "{x = 'y'}, 1", "more in it than a list" },
		{ "false, 1", "the output is a boolean" },
		{ "print, 1", "the output is a function" },
		{ "'good', print", "the state has a function in it" },
		{ "'good', {[{}] = 1}", "a table as a key" },
		{ "'good', setmetatable({}, {})", "metatable" },
		{ "'good', ('x'):rep(1 << 24)", "larger than 16 MiB" },
		{ "('x'):rep(1 << 30), 1", "more than 256 MiB" },
		{ "(function() while true do end end)()", "spent its budget of 50000000" },
	};
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "return function(key, rec, n) if rec == 'k,bad' then"
		    "\n	return %s end return rec, (n or 0) + 1 end", wrong[i].result);
		CHECK(begin(text, 1) == 0);
		CHECK(give("k,1 k,bad k,2") == 3);
		CHECK(said(wrong[i].why));
		CHECK(emitted("k,1|k,2|"));
		CHECK(state_is("k", "i2;"));
	}
}

static void
the_user_decides_on_a_record_that_fails(void)
{
	static const char text[] = "return function(key, rec) return rec + 1 end";

	CHECK(begin(text, 0) == 0);
	CHECK(give("1 x 3") == 3);
	CHECK(emitted("2|4|"));
	CHECK(said("<x> -e:1: attempt to add a 'string' with a 'number'"));
	CHECK(begin(text, 0) == 0);
	w.skip = 0;
	CHECK(give("1 x 3") == -1);
	CHECK(emitted("2|"));
	CHECK(begin(text, 0) == 0);
	CHECK(give("x") == 1);
}

static void
full_output_stops_after_a_record(void)
{
	CHECK(begin("return function(key, rec) return {rec, rec} end", 0) == 0);
	w.full = 1;
	CHECK(give("a b c") == 1);
	CHECK(emitted("a|a|"));
	w.full = 0;
	CHECK(give("b c") == 2);
	CHECK(emitted("b|b|c|c|"));
}

static void
a_state_of_another_kind_is_misuse(void)
{
	struct weir_record r = { .key = "k", .keylen = 1 };

	CHECK(begin("return function(key, rec, s) return s end", 1) == 0);
	weir_select(&w, &r);
	weir_value_put(&value, "12\t13", 5);
	CHECK(give("k") == -1);
	CHECK(w.misused && said("not written by Lua"));
}

static void
fields_are_split_as_the_stream_says(void)
{
	CHECK(begin("return function(key, rec)\n"
	    "	return field(rec, 2), nil\n"
	    "end", 0) == 0);
	CHECK(give("a,b,c x,,z") == 2);
	CHECK(emitted("b||"));
	CHECK(begin("return function(key, rec)\n"
	    "	local a, b, c = fields(rec)\n"
	    "	return select('#', fields(rec)) .. a .. tostring(b) .. tostring(c) .. field(rec, 0)\n"
	    "	    .. tostring(field(rec, 9))\n"
	    "end", 0) == 0);
	CHECK(give("a,b,c d,e") == 2);
	CHECK(emitted("3abca,b,cnil|2denild,enil|"));
	CHECK(said(""));
	CHECK(begin("return function(key, rec) return field(rec, -1) end", 0) == 0);
	CHECK(give("a") == 1 && said("no record has such a field"));
}

static void
fields_are_found_by_column(void)
{
	static const char text[] = "return function(key, rec) return field(rec, 'amount') end";

	finish();
	memset(&w, 0, sizeof(w));
	w.separator = ',';
	w.skip = 1;
	w.header = "who,amount";
	function = luafunction_new(&w, text, NULL);
	CHECK(function != NULL && function->open(function, &w) == 0);
	CHECK(give("a,7 b,8") == 2);
	CHECK(emitted("7|8|"));
	CHECK(begin(text, 0) == 0);
	CHECK(give("a,7") == 1);
	CHECK(said("no column \"amount\""));
}

/* Forget the process, keep what it saved, and begin again with that. */
static int
begin_again(const char *text)
{
	char saved[sizeof(w.saved)];
	size_t len = w.savedlen;

	memcpy(saved, w.saved, len);
	finish();
	w.savedlen = 0;
	w.out[0] = w.said[0] = '\0';
	if ((function = luafunction_new(&w, text, NULL)) == NULL ||
	    function->restore(function, &w, saved, len) == -1)
		return (-1);
	return (function->open(function, &w));
}

/* semantics W2r */
static void
restore_comes_before_open(void)
{
	static const char text[] =
	    "local sum\n"
	    "function open() sum = sum or 0 end\n"
	    "function process(_, rec) sum = sum + rec emit(sum) end\n"
	    "function snapshot(id, ms) return { sum = sum, id = id, ms = ms } end\n"
	    "function restore(v) assert(sum == nil) sum = v.sum print(v.id, v.ms) end\n";

	CHECK(begin(text, 0) == 0);
	CHECK(give("3 4") == 2 && emitted("3|7|"));
	CHECK(function->snapshot(function, &w, 9) == 0 && w.savedlen > 0);
	CHECK(give("5") == 1 && emitted("12|"));
	CHECK(begin_again(text) == 0);
	CHECK(said("9 1480000000000"));
	CHECK(give("1") == 1 && emitted("8|"));
	CHECK(begin_again("function process() end") == 0);
}

static void
nothing_to_save_saves_nothing(void)
{
	CHECK(begin("return function(_, rec) return rec end", 0) == 0);
	CHECK(give("a") == 1);
	CHECK(function->snapshot(function, &w, 1) == 0 && w.savedlen == 0);
	CHECK(begin("function process() end function snapshot() end function restore() error('no') "
	    "end", 0) == 0);
	CHECK(function->snapshot(function, &w, 1) == 0 && w.savedlen == 0);
}

static void
random_numbers_go_on_after_a_restore(void)
{
	static const char text[] = "return function() return math.random(1 << 30) end";
	char after[64];

	CHECK(begin(text, 0) == 0);
	CHECK(give("a b c") == 3);
	CHECK(function->snapshot(function, &w, 1) == 0 && w.savedlen > 0);
	w.out[0] = '\0';
	CHECK(give("d e") == 2);
	snprintf(after, sizeof(after), "%s", w.out);
	CHECK(begin_again(text) == 0);
	CHECK(give("d e") == 2 && emitted(after));
}

static void
a_snapshot_without_restore_is_misuse(void)
{
	CHECK(begin("function process() end function snapshot() return 1 end", 0) == -1);
	CHECK(w.misused && said("snapshot() and restore() come together"));
	CHECK(begin("function process() end function snapshot() return 1 end\n"
	    "function restore() end", 0) == 0);
	CHECK(function->snapshot(function, &w, 1) == 0);
	CHECK(begin_again("function process() end") == -1);
	CHECK(w.misused && said("the program has no restore() any more"));
}

static void
a_snapshot_that_fails_fails_the_stage(void)
{
	CHECK(begin("function process() end function snapshot() error('full') end\n"
	    "function restore() end", 0) == 0);
	CHECK(function->snapshot(function, &w, 1) == -1 && said("snapshot(): -e:1: full"));
	CHECK(begin("function process() end function snapshot() return print end\n"
	    "function restore() end", 0) == 0);
	CHECK(function->snapshot(function, &w, 1) == -1 && said("a function in it"));
	CHECK(begin("function process() end function snapshot() emit('x') end\n"
	    "function restore() end", 0) == 0);
	CHECK(function->snapshot(function, &w, 1) == -1 && said("no record in hand"));
}

static void
a_complete_checkpoint_is_told(void)
{
	CHECK(begin("function process() end\n"
	    "function checkpoint_complete(id) if id == 3 then error('no') end print(id) end", 0) == 0);
	CHECK(function->complete(function, &w, 2) == 0 && said("2"));
	CHECK(function->complete(function, &w, 3) == -1 && said("checkpoint_complete(): -e:2: no"));
}

static void
emit_goes_to_outputs_by_tag(void)
{
	CHECK(begin("function process(_, rec)\n"
	    "	emit(rec, rec == 'b' and 'odd' or nil) emit(tag()) emit(place())\n"
	    "	return { 'x', 'y' }\n"
	    "end", 0) == 0);
	CHECK(give("a b") == 2);
	CHECK(emitted("a|left|record a|x|y|1:b|left|record b|x|y|"));
	CHECK(begin("function process() emit('x', 'even') end", 0) == 0);
	CHECK(give("a") == 1 && said("no output is called \"even\"; -o even=... makes one"));
}

/* What the runtime refused is not a bad record, whatever the program makes of it. */
static void
a_damaged_state_is_not_caught(void)
{
	struct weir_record r = { .key = "k", .keylen = 1 };

	CHECK(begin("local s = value_state('mine')\n"
	    "function process() pcall(s.value, s) emit('on') end", 1) == 0);
	weir_select(&w, &r);
	weir_value_put(&value, "12\t13", 5);
	CHECK(give("k k") == -1);
	CHECK(w.misused && said("not written by Lua"));
}

static void
a_first_record_without_separators_is_told_once(void)
{
	CHECK(begin("return function(key, rec) return field(rec, 2) end", 0) == 0);
	CHECK(give("abc def") == 2);
	CHECK(strstr(w.said, "no separator") != NULL);
	CHECK(strstr(strstr(w.said, "no separator") + 1, "no separator") == NULL);
}

static void
a_text_that_is_no_lua_is_misuse(void)
{
	CHECK(begin("return function(", 0) == -1);
	CHECK(w.misused && said("-e:1: "));
	CHECK(begin("function(key, rec) return rec end", 0) == -1);
	CHECK(w.misused && said("; put 'return' before it"));
	CHECK(begin("\033Lua", 0) == -1);
	CHECK(w.misused);
	CHECK(begin("local x = 1", 0) == -1);
	CHECK(w.misused && said("-e: it gives nil, not a function"));
	CHECK(begin("return 7", 0) == -1);
	CHECK(w.misused && said("-e: it gives a number, not a function"));
	CHECK(begin("\n\nerror('early')", 0) == -1);
	CHECK(w.misused && said("-e:3: early"));
	CHECK(begin("while true do end", 0) == -1);
	CHECK(w.misused && said("spent its budget"));
}

/* Make the function of a file with this content. */
static int
begin_file(const char *text, size_t len)
{
	char path[] = "/tmp/luafunction.XXXXXX";
	int fd, result;

	finish();
	memset(&w, 0, sizeof(w));
	w.skip = 1;
	if ((fd = mkstemp(path)) == -1 || write(fd, text, len) != (ssize_t)len || close(fd) == -1)
		abort();
	function = luafunction_new(&w, NULL, path);
	unlink(path);
	result = function == NULL ? -1 : function->open(function, &w);
	return (result);
}

static void
a_file_may_begin_with_an_interpreter(void)
{
	static const char good[] = "#!/usr/bin/lua\nreturn function(key, rec)\nreturn rec + 1 end\n";
	static const char only[] = "#!";

	CHECK(begin_file(good, sizeof(good) - 1) == 0);
	CHECK(give("1 x") == 2);
	CHECK(emitted("2|"));
	CHECK(said(":3: attempt to add a 'string' with a 'number'"));
	CHECK(begin_file(only, sizeof(only) - 1) == -1);
	CHECK(said("it gives nil, not a function"));
	CHECK(begin_file("", 0) == -1);
	CHECK(said("nothing is in it"));
}

static void
a_file_that_cannot_be_read_is_misuse(void)
{
	memset(&w, 0, sizeof(w));
	CHECK(luafunction_new(&w, NULL, "/nonexistent.lua") == NULL);
	CHECK(w.misused && said("-f /nonexistent.lua: No such file or directory"));
	memset(&w, 0, sizeof(w));
	CHECK(luafunction_new(&w, NULL, "/tmp") == NULL);
	CHECK(w.misused && said("-f /tmp: Is a directory"));
	memset(&w, 0, sizeof(w));
	CHECK(luafunction_new(&w, NULL, "/dev/zero") == NULL);
	CHECK(w.misused && said("-f /dev/zero: File too large"));
}

int
main(void)
{
	RUN(map_with_state_counts_for_each_key);
	RUN(a_nil_state_removes_the_key_s);
	RUN(without_keys_it_maps_splits_and_filters);
	RUN(without_keys_a_state_is_misuse);
	RUN(each_kind_of_state_comes_back);
	RUN(a_state_not_returned_is_not_changed);
	RUN(an_unchanged_state_is_not_written);
	RUN(a_record_that_fails_leaves_nothing);
	RUN(the_user_decides_on_a_record_that_fails);
	RUN(full_output_stops_after_a_record);
	RUN(a_state_of_another_kind_is_misuse);
	RUN(fields_are_split_as_the_stream_says);
	RUN(fields_are_found_by_column);
	RUN(restore_comes_before_open);
	RUN(nothing_to_save_saves_nothing);
	RUN(random_numbers_go_on_after_a_restore);
	RUN(a_snapshot_without_restore_is_misuse);
	RUN(a_snapshot_that_fails_fails_the_stage);
	RUN(a_complete_checkpoint_is_told);
	RUN(emit_goes_to_outputs_by_tag);
	RUN(a_damaged_state_is_not_caught);
	RUN(a_first_record_without_separators_is_told_once);
	RUN(a_text_that_is_no_lua_is_misuse);
	RUN(a_file_may_begin_with_an_interpreter);
	RUN(a_file_that_cannot_be_read_is_misuse);
	finish();
	DONE();
}
