/*
 * collections: lists, maps and reducing states of a key, and nobody else's.
 */
#include <stdarg.h>
#include <string.h>

#include "run.h"
#include "tap.h"

static const struct weir_stage stage = { .abi = WEIR_ABI, .name = "test" };
static struct weir	w;

/* A stage with a keyed stream, without a job. */
static void
begin(void)
{
	if (w.handles != NULL) {
		collections_close(&w);
		handles_close(w.handles);
	}
	memset(&w, 0, sizeof(w));
	w.stage = &stage;
	w.keyed_in = 1;
	w.memory_bytes = 64 << 20;
	CHECK(handles_open(&w) == 0);
}

static void
key(const char *text)
{
	struct weir_record r = { .key = text, .keylen = (uint32_t)strlen(text) };

	r.hash = weir_hash(text, r.keylen);
	weir_select(&w, &r);
}

static int
add(struct weir_list *l, const char *text)
{
	return (weir_list_add(l, text, strlen(text)));
}

static int
list_is(struct weir_list *l, const char *want)
{
	char got[256] = "";
	const void *val;
	uint64_t i, n;
	size_t len;

	if (weir_list_count(l, &n) == -1)
		return (0);
	for (i = 0; weir_list_get(l, i, &val, &len) == 1; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s ", (int)len,
		    (const char *)val);
	if (i != n)
		return (0);
	if (strcmp(got, want) != 0)
		printf("# list is %s\n", got);
	return (strcmp(got, want) == 0);
}

/* semantics W7 */
static void
list_keeps_the_order_of_each_key(void)
{
	struct weir_list *l;

	begin();
	l = weir_list(&w, "list");
	CHECK(l != NULL);
	key("k");
	CHECK(list_is(l, ""));
	CHECK(add(l, "x") == 0 && add(l, "y") == 0);
	CHECK(list_is(l, "x y "));
	key("other");
	CHECK(list_is(l, ""));
	key("k");
	CHECK(weir_list_clear(l) == 0);
	CHECK(list_is(l, ""));
	CHECK(add(l, "z") == 0);
	CHECK(list_is(l, "z "));
}

static void
list_of_many(void)
{
	struct weir_list *l;
	const void *val;
	char text[16];
	size_t len;
	int i;

	begin();
	l = weir_list(&w, "list");
	for (i = 0; i < 20000; i++) {
		key(i % 2 ? "odd" : "even");
		snprintf(text, sizeof(text), "%d", i);
		if (add(l, text) == -1)
			break;
	}
	CHECK(i == 20000);
	key("odd");
	CHECK(weir_list_get(l, 9999, &val, &len) == 1 && len == 5 &&
	    memcmp(val, "19999", 5) == 0);
	CHECK(weir_list_get(l, 10000, &val, &len) == 0);
	CHECK(weir_list_clear(l) == 0);
	key("even");
	CHECK(weir_list_get(l, 9999, &val, &len) == 1 && memcmp(val, "19998", 5) == 0);
	CHECK(weir_list_clear(l) == 0);
	CHECK(store_count(handles_store(&w)) == 0);
}

/* The key that was selected still is, whatever lies beside it. */
static void
list_and_value_do_not_meet(void)
{
	struct weir_value *v;
	struct weir_list *l;
	const void *val;
	size_t len;

	begin();
	v = weir_value(&w, "v");
	l = weir_list(&w, "l");
	key("k");
	CHECK(weir_value_put(v, "mine", 4) == 0);
	CHECK(add(l, "") == 0 && add(l, "b") == 0);
	CHECK(weir_value_get(v, &val, &len) == 1 && len == 4 && memcmp(val, "mine", 4) == 0);
	CHECK(list_is(l, " b "));
	CHECK(weir_list_clear(l) == 0);
	CHECK(weir_value_get(v, &val, &len) == 1);
}

static int
concat(struct weir_value *result, void *arg, const void *current, size_t currentlen,
    const void *element, size_t len)
{
	char both[64];

	++*(int *)arg;
	memcpy(both, current, currentlen);
	memcpy(both + currentlen, element, len);
	return (weir_value_put(result, both, currentlen + len));
}

static int
reduced_is(struct weir_reducing *r, const char *want)
{
	const void *val;
	size_t len;

	return (weir_reducing_get(r, &val, &len) == 1 && len == strlen(want) &&
	    memcmp(val, want, len) == 0);
}

/* semantics W5 */
static void
reducing_first_as_it_is_then_current_and_new(void)
{
	struct weir_reducing *r;
	const void *val;
	size_t len;
	int calls = 0;

	begin();
	r = weir_reducing(&w, "r", concat, &calls);
	key("k");
	CHECK(weir_reducing_get(r, &val, &len) == 0);
	CHECK(weir_reducing_add(r, "x", 1) == 0 && calls == 0);
	CHECK(weir_reducing_add(r, "y", 1) == 0 && weir_reducing_add(r, "z", 1) == 0);
	CHECK(reduced_is(r, "xyz") && calls == 2);
	CHECK(weir_reducing_clear(r) == 0 && weir_reducing_get(r, &val, &len) == 0);
	CHECK(weir_reducing_add(r, "4", 1) == 0 && reduced_is(r, "4"));
}

static int
put(struct weir_map *m, const char *k, const char *v)
{
	return (weir_map_put(m, k, strlen(k), v, strlen(v)));
}

static int
map_is(struct weir_map *m, const char *want)
{
	char got[512] = "";
	const void *k, *v;
	size_t klen, vlen;
	uint64_t i, n;

	for (i = 0; weir_map_at(m, i, &k, &klen, &v, &vlen) == 1; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s=%.*s ", (int)klen,
		    (const char *)k, (int)vlen, (const char *)v);
	if (weir_map_count(m, &n) == -1 || n != i)
		return (0);
	if (strcmp(got, want) != 0)
		printf("# map is %s\n", got);
	return (strcmp(got, want) == 0);
}

static void
map_of_each_key(void)
{
	struct weir_map *m;
	const void *v;
	size_t len;

	begin();
	m = weir_map(&w, "m");
	key("a");
	CHECK(put(m, "one", "1") == 0 && put(m, "two", "2") == 0 && put(m, "three", "3") == 0);
	CHECK(put(m, "two", "zwei") == 0);
	CHECK(map_is(m, "one=1 two=zwei three=3 "));
	key("b");
	CHECK(weir_map_get(m, "one", 3, &v, &len) == 0);
	CHECK(put(m, "", "empty") == 0 && put(m, "\n", "") == 0);
	CHECK(map_is(m, "=empty \n= "));
	key("a");
	CHECK(weir_map_remove(m, "one", 3) == 1 && weir_map_remove(m, "one", 3) == 0);
	CHECK(map_is(m, "three=3 two=zwei "));
	CHECK(weir_map_get(m, "two", 3, &v, &len) == 1 && len == 4);
	CHECK(weir_map_clear(m) == 0);
	CHECK(map_is(m, ""));
	key("b");
	CHECK(weir_map_clear(m) == 0 && store_count(handles_store(&w)) == 0);
}

/* Against an array, through thousands of random steps. */
static void
map_does_what_a_map_does(void)
{
	enum { KEYS = 50 };
	int model[KEYS], k, i, count = 0, good = 1;
	struct weir_map *m;
	char name[8], value[8];
	const void *v;
	uint64_t n;
	size_t len;

	begin();
	m = weir_map(&w, "m");
	key("k");
	memset(model, 0, sizeof(model));
	srand(1);
	for (i = 1; i < 20000 && good; i++) {
		k = rand() % KEYS;
		snprintf(name, sizeof(name), "%d", k);
		snprintf(value, sizeof(value), "%d", model[k]);
		good = weir_map_get(m, name, strlen(name), &v, &len) == (model[k] != 0) &&
		    (model[k] == 0 || (len == strlen(value) && memcmp(v, value, len) == 0));
		if (rand() % 2) {
			good &= weir_map_remove(m, name, strlen(name)) == (model[k] != 0);
			count -= model[k] != 0;
			model[k] = 0;
		} else {
			snprintf(value, sizeof(value), "%d", i);
			good &= put(m, name, value) == 0;
			count += model[k] == 0;
			model[k] = i;
		}
		good &= weir_map_count(m, &n) == 0 && n == (uint64_t)count;
	}
	CHECK(good);
}

static void
names_and_keys_are_looked_at(void)
{
	struct weir_list *l;
	uint64_t n;

	begin();
	CHECK((l = weir_list(&w, "x")) != NULL);
	CHECK(weir_list_count(l, &n) == -1);
	CHECK(weir_map(&w, "x") == NULL);
	CHECK(weir_reducing(&w, "no name", NULL, NULL) == NULL);
	begin();
	l = weir_list(&w, "x");
	key("a\nb");
	CHECK(add(l, "x") == -1);
	begin();
	w.keyed_in = 0;
	CHECK(weir_list(&w, "x") == NULL);
}

int
main(void)
{
	RUN(list_keeps_the_order_of_each_key);
	RUN(list_of_many);
	RUN(list_and_value_do_not_meet);
	RUN(reducing_first_as_it_is_then_current_and_new);
	RUN(map_of_each_key);
	RUN(map_does_what_a_map_does);
	RUN(names_and_keys_are_looked_at);
	begin();
	collections_close(&w);
	handles_close(w.handles);
	DONE();
}
