/*
 * differ: files that are the same, and those that are not.
 */
#include <fcntl.h>
#include <unistd.h>

#include "differ.h"
#include "tap.h"

static char want[64], got[64];

static void
put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	CHECK(f != NULL && fputs(text, f) != EOF && fclose(f) == 0);
}

static int
files(const char *a, const char *b, int unordered)
{
	put(want, a);
	put(got, b);
	return (differ_files("out", want, got, unordered));
}

static int
lines(const char *a, const char *b, int unordered)
{
	put(want, a);
	put(got, b);
	return (differ_lines("out", want, got, unordered));
}

static void
the_same_bytes_are_the_same(void)
{
	CHECK(files("", "", 0) == 0);
	CHECK(files("a\nb\n", "a\nb\n", 0) == 0);
	CHECK(files("a\nb", "a\nb", 1) == 0);
}

static void
other_bytes_are_not(void)
{
	CHECK(files("a\nb\n", "a\nc\n", 0) == 1);
	CHECK(files("a\nb\n", "a\n", 0) == 1);
	CHECK(files("a\n", "a\nb\n", 0) == 1);
	CHECK(files("a\n", "", 0) == 1);
	CHECK(files("a\nb\n", "a\nb", 0) == 1);
	CHECK(files("a\nb\n", "b\na\n", 0) == 1);
}

static void
unordered_lines_are_a_multiset(void)
{
	CHECK(files("a\nb\nb\n", "b\na\nb\n", 1) == 0);
	CHECK(files("a\nb\nb\n", "b\na\na\n", 1) == 1);
	CHECK(files("a\nb\n", "b\na\nb\n", 1) == 1);
}

static void
lines_may_come_again_but_not_be_missing(void)
{
	CHECK(lines("a\nb\n", "a\nb\n", 0) == 0);
	CHECK(lines("a\nb\nc\n", "a\nb\na\nb\nc\n", 0) == 0);
	CHECK(lines("a\nb\n", "b\na\n", 0) == 1);
	CHECK(lines("a\nb\n", "a\n", 0) == 1);
	CHECK(lines("", "a\n", 0) == 0);
	CHECK(lines("a\nb\n", "b\nc\na\n", 1) == 0);
	CHECK(lines("a\na\n", "a\nb\n", 1) == 1);
}

static void
a_file_that_is_not_there_is_an_error(void)
{
	put(want, "a\n");
	unlink(got);
	CHECK(differ_files("out", want, got, 0) == -1);
	CHECK(differ_lines("out", got, want, 0) == -1);
}

int
main(void)
{
	char	dir[] = "/tmp/weir-differ.XXXXXX";
	int	null = open("/dev/null", O_WRONLY);

	/* what is said of differences is for people */
	if (mkdtemp(dir) == NULL || null == -1 || dup2(null, STDERR_FILENO) == -1)
		return (1);
	snprintf(want, sizeof(want), "%s/want", dir);
	snprintf(got, sizeof(got), "%s/got", dir);
	RUN(the_same_bytes_are_the_same);
	RUN(other_bytes_are_not);
	RUN(unordered_lines_are_a_multiset);
	RUN(lines_may_come_again_but_not_be_missing);
	RUN(a_file_that_is_not_there_is_an_error);
	unlink(want);
	unlink(got);
	rmdir(dir);
	close(null);
	DONE();
}
