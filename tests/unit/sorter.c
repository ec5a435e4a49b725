/* sorter: lines in byte order, of memory and of temporary files. */
#include "sorter.h"
#include "tap.h"

/* n lines of a series, sorted with so much memory, are in order and all there. */
static int
sorts(size_t memory, unsigned n)
{
	struct sorter	*s = sorter_new(memory);
	const char	*line;
	char		 text[32], before[32] = "";
	unsigned	 i, seed = 7, count = 0, sum = 0, want = 0;
	size_t		 len;
	int		 more, bad = s == NULL;

	for (i = 0; i < n && !bad; i++) {
		seed = seed * 1103515245 + 12345;
		want += seed >> 16 & 0xfff;
		snprintf(text, sizeof(text), "%u", seed >> 16 & 0xfff);
		bad = sorter_add(s, text, strlen(text)) == -1;
	}
	bad |= sorter_sort(s) == -1;
	while (!bad && (more = sorter_next(s, &line, &len)) != 0) {
		if (more == -1 || len >= sizeof(text)) {
			bad = 1;
			break;
		}
		memcpy(text, line, len);
		text[len] = '\0';
		bad = strcmp(before, text) > 0;
		strcpy(before, text);
		sum += (unsigned)atoi(text);
		count++;
	}
	sorter_free(s);
	return (!bad && count == n && sum == want);
}

static void
sorter_sorts_in_memory(void)
{
	CHECK(sorts(1 << 20, 0));
	CHECK(sorts(1 << 20, 1));
	CHECK(sorts(1 << 20, 5000));
}

static void
sorter_merges_what_was_put_aside(void)
{
	CHECK(sorts(64, 100));
	CHECK(sorts(4096, 5000));
	CHECK(sorts(1, 50));
}

static void
sorter_compares_bytes(void)
{
	static const char *const	in[] = { "b", "a\xff", "a", "", "a\x01", "a\tx" };
	static const char *const	want[] = { "", "a", "a\x01", "a\tx", "a\xff", "b" };
	struct sorter			*s = sorter_new(1 << 20);
	const char			*line;
	size_t				 i, len;

	for (i = 0; i < 6; i++)
		CHECK(sorter_add(s, in[i], strlen(in[i])) == 0);
	CHECK(sorter_sort(s) == 0);
	for (i = 0; i < 6; i++)
		CHECK(sorter_next(s, &line, &len) == 1 && len == strlen(want[i]) &&
		    memcmp(line, want[i], len) == 0);
	CHECK(sorter_next(s, &line, &len) == 0);
	sorter_free(s);
}

static void
sorter_names_a_directory_that_is_not_there(void)
{
	struct sorter	*s = sorter_new(1);
	const char	*was = getenv("TMPDIR");
	char		*copy = was != NULL ? strdup(was) : NULL;
	int		 r;

	setenv("TMPDIR", "/nowhere", 1);
	r = sorter_add(s, "a", 1) == 0 ? sorter_add(s, "b", 1) : 0;
	CHECK(r == -1);
	if (copy != NULL)
		setenv("TMPDIR", copy, 1);
	else
		unsetenv("TMPDIR");
	free(copy);
	sorter_free(s);
}

int
main(void)
{
	RUN(sorter_sorts_in_memory);
	RUN(sorter_merges_what_was_put_aside);
	RUN(sorter_compares_bytes);
	RUN(sorter_names_a_directory_that_is_not_there);
	DONE();
}
