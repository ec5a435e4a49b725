/*
 * files: everything that a source reads, in a directory of its own.
 */
#include <poll.h>

#include "reading.h"

/* The header, or NULL. */
static const char *
header(void)
{
	static char line[1000];
	struct input_chunk chunk;

	if (!shared)
		share(0, 1);
	answer = files_header(files, now_ms, &chunk);
	if (answer != INPUT_HEADER)
		return (NULL);
	snprintf(line, sizeof(line), "%.*s", (int)chunk.len, chunk.data);
	return (line);
}

static void
files_come_one_after_the_other(void)
{
	begin(100);
	create("a", "1\n22\n");
	create("b", "333\n");
	CHECK(add("b") == 0 && add("a") == 0 && add("b") == 0);
	CHECK(drains("[b:1:0]333\n[a:1:0]1\n22\n[b:1:0]333\n"));
	CHECK(answer == INPUT_END);
	CHECK(drains("") && answer == INPUT_END);
}

static void
last_line_without_newline_is_a_record(void)
{
	begin(100);
	create("a", "1\n22");
	create("b", "x");
	CHECK(add("a") == 0 && add("b") == 0);
	CHECK(drains("[a:1:0]1\n22\n[b:1:0]x\n"));
}

static void
bytes_are_not_touched(void)
{
	static const char bytes[] = "\0\n\r\n\n \t\n\xff\xfe\xc3\n\0\0\n";
	static const char place[] = "[a:1:0]";

	begin(100);
	put("a", 0, bytes, sizeof(bytes) - 1);
	CHECK(add("a") == 0);
	drain();
	CHECK(log_len == sizeof(place) - 1 + sizeof(bytes) - 1);
	CHECK(memcmp(log_text + sizeof(place) - 1, bytes, sizeof(bytes) - 1) == 0);
}

static void
empty_files_have_no_records(void)
{
	begin(100);
	create("a", "");
	create("b", "\n");
	CHECK(add("a") == 0 && add("b") == 0 && add("a") == 0);
	CHECK(drains("[b:1:0]\n"));
	CHECK(answer == INPUT_END);
}

static void
long_records_are_named_and_skipped(void)
{
	begin(3);
	create("a", "1\n4444\n333\n55555\n666666\n7\n88888888");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n<4>[a:3:7]333\n<5>[a:5:17]<6>[a:6:24]7\n<8>"));
	CHECK(answer == INPUT_END);
}

static void
a_record_of_exactly_the_limit_is_good_in_any_room(void)
{
	size_t extra;

	for (extra = 0; extra < 12; extra++) {
		begin(4);
		room_extra = extra;
		create("a", "4444\n55555\n4444\n4444");
		CHECK(add("a") == 0);
		CHECK(drains("[a:1:0]4444\n<5>[a:3:11]4444\n4444\n"));
	}
}

static void
long_records_are_not_gathered(void)
{
	static char x[200000];
	char want[100];
	struct input_chunk chunk;

	begin(100000);
	memset(x, 'x', sizeof(x));
	put("a", O_APPEND, x, sizeof(x));
	put("a", O_APPEND, x, sizeof(x));
	put("a", O_APPEND, x, sizeof(x));
	append("a", "\nb\n");
	CHECK(add("a") == 0);
	share(0, 1);
	while ((answer = files_read(files, room, files_want(files), most, 1, &chunk)) ==
	    INPUT_MORE)
		continue;
	CHECK(answer == INPUT_PLACE);
	answer = files_read(files, room, files_want(files), most, 1, &chunk);
	CHECK(answer == INPUT_LONG);
	CHECK(chunk.len > 100000 && chunk.len <= 100000 + 128 * 1024);
	CHECK(chunk.data[0] == 'x' && chunk.data[chunk.len - 1] == 'x');
	snprintf(want, sizeof(want), "[a:2:600001]b\n");
	CHECK(drains(want));
}

static void
a_long_record_far_from_the_beginning_is_found(void)
{
	static char x[300000];
	char line[100], *p;
	size_t i;

	begin(100);
	memset(x, 'x', sizeof(x));
	for (i = 0; i < sizeof(x); i += 50)
		x[i + 49] = '\n';
	put("a", 0, x, sizeof(x));
	append("a", "2\n");
	memset(x, 'y', sizeof(x));
	put("a", O_APPEND, x, 250000);
	append("a", "\n3\n");
	CHECK(add("a") == 0);
	drain();
	CHECK((p = strstr(log_text, "\n2\n<")) != NULL);
	snprintf(line, sizeof(line), ">[a:6003:%d]3\n", 300000 + 2 + 250000 + 1);
	CHECK(p != NULL && strstr(p, line) != NULL && strchr(p, 'y') == NULL);
	CHECK(answer == INPUT_END);
}

static void
a_record_larger_than_any_read_passes(void)
{
	static char x[600000];

	begin(sizeof(x));
	room_extra = 0;
	memset(x, 'x', sizeof(x));
	put("a", O_APPEND, x, sizeof(x));
	append("a", "\nb\n");
	CHECK(add("a") == 0);
	drain();
	CHECK(log_len == strlen("[a:1:0]") + sizeof(x) + strlen("\nb\n"));
	CHECK(strcmp(log_text + log_len - 5, "xx\nb\n") == 0);
}

static void
random_files_come_out_as_they_are(void)
{
	static char text[300000], want[300000];
	uint32_t seed = 42;
	size_t i, len, round;

	for (round = 0; round < 60; round++) {
		begin(64);
		for (i = 0; i < sizeof(text); i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = i % 60 == 59 || seed >> 28 == 0 ? '\n' : (char)('a' + seed % 26);
		}
		len = sizeof(text) - seed % 1000;
		room_extra = seed % 3 == 0 ? 0 : seed % 100000;
		most = round % 2 ? EVERY : 1 + seed % 500;
		put("a", 0, text, len);
		CHECK(add("a") == 0);
		drain();
		memcpy(want, text, len);
		if (want[len - 1] != '\n')
			want[len++] = '\n';
		CHECK(log_len == len + strlen("[a:1:0]"));
		CHECK(memcmp(log_text + strlen("[a:1:0]"), want, len) == 0);
	}
}

static void
portions_are_no_larger_than_asked(void)
{
	int fd;

	begin(100);
	most = 2;
	create("a", "1\n2\n3\n4\n5\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n2\n3\n4\n5\n"));

	/* what is left of a portion does not wait for more to come */
	begin(100);
	most = 2;
	CHECK(mkfifo("f", 0600) == 0);
	CHECK(add("f") == 0);
	CHECK(drains(""));
	fd = open("f", O_WRONLY);
	CHECK(write(fd, "1\n", 2) == 2);
	CHECK(drains("[f:1:0]1\n") && answer == INPUT_WAIT);
	CHECK(write(fd, "2\n3\n4\n5\n6", 9) == 9);
	CHECK(drains("2\n3\n4\n5\n") && answer == INPUT_WAIT);
	close(fd);
	CHECK(drains("6\n") && answer == INPUT_END);
}

static void
header_is_no_record(void)
{
	begin(100);
	options.header = 1;
	create("a", "k,v\n1\n2\n");
	create("b", "k,v\n3");
	CHECK(add("a") == 0 && add("b") == 0);
	CHECK(strcmp(header(), "k,v") == 0);
	CHECK(strcmp(header(), "k,v") == 0);
	CHECK(drains("[a:1:4]1\n2\n[b:1:4]3\n"));
}

static void
header_comes_from_the_first_file_that_has_one(void)
{
	begin(100);
	options.header = 1;
	create("a", "");
	create("b", "k");
	create("c", "k\n1\n");
	CHECK(add("a") == 0 && add("b") == 0 && add("c") == 0);
	CHECK(strcmp(header(), "k") == 0);
	CHECK(drains("[c:1:2]1\n"));

	begin(100);
	options.header = 1;
	create("a", "");
	CHECK(add("a") == 0);
	CHECK(header() == NULL && answer == INPUT_END);
	CHECK(drains("") && answer == INPUT_END);
}

static void
another_header_is_an_error_that_names_both(void)
{
	begin(100);
	options.header = 1;
	create("a", "k,v\n1\n");
	create("b", "k,\033v\tx\n3\n");
	CHECK(add("a") == 0 && add("b") == 0);
	CHECK(strcmp(header(), "k,v") == 0);
	CHECK(drains("[a:1:4]1\n"));
	CHECK(answer == INPUT_FAILED);
	CHECK(says("b: its header \"k,?v\\tx\" is not \"k,v\", that of a"));

	begin(100);
	options.header = 1;
	create("a", "0123456789" "0123456789" "0123456789" "0123456789" "0123456789"
	    "0123456789" "x\n");
	create("b", "\n");
	CHECK(add("a") == 0 && add("b") == 0);
	CHECK(drains("") && answer == INPUT_FAILED);
	CHECK(says("b: its header \"\" is not \"0123456789" "0123456789" "0123456789"
	    "0123456789" "0123456789" "0123456789" "...\", that of a"));
}

static void
header_over_the_limit_is_an_error(void)
{
	begin(3);
	options.header = 1;
	create("a", "k,vv\n1\n");
	CHECK(add("a") == 0);
	CHECK(header() == NULL && answer == INPUT_FAILED);
	CHECK(says("a: header over 3 bytes (--max-record)"));
}

static void
header_is_waited_for(void)
{
	begin(100);
	options.header = options.follow = 1;
	CHECK(add("a") == 0);
	CHECK(header() == NULL && answer == INPUT_WARN);
	CHECK(header() == NULL && answer == INPUT_WAIT);
	create("a", "k,");
	CHECK(header() == NULL && answer == INPUT_WAIT);
	append("a", "v\n1\n");
	CHECK(strcmp(header(), "k,v") == 0);
	CHECK(drains("[a:1:4]1\n") && answer == INPUT_WAIT);
}

static void
fifo_never_blocks(void)
{
	int fd, ms;

	begin(100);
	CHECK(mkfifo("f", 0600) == 0);
	CHECK(add("f") == 0);
	CHECK(drains("") && answer == INPUT_WAIT);
	fd = open("f", O_WRONLY);
	CHECK(drains("") && answer == INPUT_WAIT);
	CHECK(files_wait(files, now_ms, &ms) != -1 && ms == -1);
	CHECK(write(fd, "1\n2", 3) == 3);
	CHECK(drains("[f:1:0]1\n") && answer == INPUT_WAIT);
	CHECK(write(fd, "2\n3", 3) == 3);
	CHECK(drains("22\n") && answer == INPUT_WAIT);
	close(fd);
	CHECK(drains("3\n") && answer == INPUT_END);
}

static void
followed_fifo_takes_the_next_writer(void)
{
	int fd;

	begin(100);
	options.follow = 1;
	CHECK(mkfifo("f", 0600) == 0);
	CHECK(add("f") == 0);
	CHECK(drains("") && answer == INPUT_WAIT);
	fd = open("f", O_WRONLY);
	CHECK(write(fd, "1\n", 2) == 2);
	close(fd);
	CHECK(drains("[f:1:0]1\n") && answer == INPUT_WAIT);
	fd = open("f", O_WRONLY);
	CHECK(write(fd, "2\n", 2) == 2);
	CHECK(drains("2\n") && answer == INPUT_WAIT);
	close(fd);
	CHECK(drains("") && answer == INPUT_WAIT);
}

static void
weir_stream_is_refused(void)
{
	int fd, header_too;

	for (header_too = 0; header_too < 2; header_too++) {
		begin(100);
		options.header = header_too;
		CHECK(mkfifo("f", 0600) == 0);
		CHECK(add("f") == 0);
		CHECK(drains("") && answer == INPUT_WAIT);
		fd = open("f", O_WRONLY);
		CHECK(write(fd, "weir1 ipc:///x keyby # ...\n", 27) == 27);
		CHECK(drains("") && answer == INPUT_MISUSE);
		CHECK(says("f is a weir stream, not text; take 'source' out, "
		    "or put 'weir sink -' before it"));
		close(fd);
	}
	begin(100);
	create("a", "weir1 is text in a file\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]weir1 is text in a file\n"));
}

static void
followed_file_grows(void)
{
	int ms;

	begin(100);
	options.follow = 1;
	create("a", "1\n2");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n") && answer == INPUT_WAIT);
	CHECK(files_wait(files, now_ms, &ms) == -1 && ms > 0);
	CHECK(drains("") && answer == INPUT_WAIT);
	append("a", "2\n3");
	CHECK(drains("22\n"));
	append("a", "\n");
	CHECK(drains("3\n") && answer == INPUT_WAIT);
}

#ifdef __linux__
/* 1 if the descriptor to wait for can be read, within a second. */
static int
told(void)
{
	struct pollfd pfd = { .events = POLLIN };
	int ms;

	now_ms += 100;
	CHECK((pfd.fd = files_wait(files, now_ms, &ms)) != -1 && ms >= 100);
	return (poll(&pfd, 1, 1000) == 1);
}

static int
not_told(void)
{
	struct pollfd pfd = { .events = POLLIN };
	int ms;

	now_ms += 100;
	CHECK((pfd.fd = files_wait(files, now_ms, &ms)) != -1);
	return (poll(&pfd, 1, 0) == 0);
}

static void
changes_end_the_wait(void)
{
	int ms;

	begin(100);
	options.follow = 1;
	create("a", "1\n");
	CHECK(add("a") == 0 && add("b") == 0);
	CHECK(drains("[a:1:0]1\n{b: No such file or directory; waiting for it}"));
	CHECK(not_told());
	append("a", "2\n");
	CHECK(told() && drains("2\n") && not_told());
	create("b", "3\n");
	CHECK(told() && drains("[b:1:0]3\n") && not_told());
	append("b", "4\n");
	CHECK(told() && drains("4\n") && not_told());
	/* written just now: gather some */
	append("b", "5\n");
	CHECK(told() && drains("5\n"));
	CHECK(files_wait(files, now_ms, &ms) == -1 && ms > 0 && ms < 10);
	CHECK(rename("a", "old") == 0);
	append("old", "6\n");
	CHECK(told() && drains("[a:3:4]6\n"));
	create("a", "7\n");
	CHECK(told() && drains(""));
	now_ms += READER_QUIET_MS;
	CHECK(drains("[a:1:0]7\n"));
	/* that the old one is watched no longer is told as well */
	CHECK(told() && drains("") && not_told());
	append("a", "8\n");
	CHECK(told() && drains("8\n"));
	append("old", "9\n");
	CHECK(not_told());
	create("other", "x\n");
	CHECK(told() && drains(""));
	append("other", "x\n");
	CHECK(not_told());
}
#endif

static void
missing_file_is_named_once_and_waited_for(void)
{
	begin(100);
	options.follow = 1;
	CHECK(add("a") == 0);
	CHECK(drains("{a: No such file or directory; waiting for it}"));
	CHECK(drains("") && answer == INPUT_WAIT);
	create("a", "1\n");
	CHECK(drains("[a:1:0]1\n") && answer == INPUT_WAIT);
}

static void
renamed_file_is_finished_before_the_next(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n"));
	CHECK(rename("a", "a.1") == 0);
	append("a.1", "2\n");
	CHECK(drains("2\n"));
	now_ms += 10 * READER_QUIET_MS;
	CHECK(drains("") && answer == INPUT_WAIT);

	create("a", "new 1\n");
	CHECK(drains("") && answer == INPUT_WAIT);
	now_ms += READER_QUIET_MS - 1;
	append("a.1", "3\n");			/* its writer has not noticed yet */
	CHECK(drains("3\n"));
	now_ms += READER_QUIET_MS - 1;
	append("a.1", "4");
	CHECK(drains(""));
	now_ms += READER_QUIET_MS;
	CHECK(drains("4\n[a:1:0]new 1\n") && answer == INPUT_WAIT);
	append("a.1", "late\n");
	append("a", "new 2\n");
	CHECK(drains("new 2\n"));
}

static void
two_rotations_between_two_looks_lose_nothing(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n"));
	CHECK(rename("a", "a.2") == 0);
	tick();
	create("a.1", "2\n");
	append("a.2", "");
	create("a", "3\n");
	drain();
	now_ms += READER_QUIET_MS;
	CHECK(drains("[a:1:0]2\n"));
	now_ms += READER_QUIET_MS;
	CHECK(drains("[a:1:0]3\n"));
}

static void
fast_rotations_lose_nothing_that_was_seen(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n"));
	CHECK(rename("a", "a.1") == 0);
	create("a", "2\n");
	CHECK(drains("") && answer == INPUT_WAIT);
	append("a", "22\n");
	CHECK(rename("a", "a.2") == 0);
	CHECK(drains("") && answer == INPUT_WAIT);
	create("a", "3\n");
	CHECK(drains("[a:1:0]2\n22\n") && answer == INPUT_WAIT);
	CHECK(rename("a", "a.3") == 0);
	now_ms += READER_QUIET_MS;
	CHECK(drains("[a:1:0]3\n") && answer == INPUT_WAIT);
	create("a", "4\n");
	CHECK(drains("") && answer == INPUT_WAIT);
	now_ms += READER_QUIET_MS;
	CHECK(drains("[a:1:0]4\n") && answer == INPUT_WAIT);
}

static void
renamed_there_and_back_is_the_same_file(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n"));
	CHECK(rename("a", "a.1") == 0);
	create("a", "2\n");
	CHECK(drains(""));
	CHECK(rename("a.1", "a") == 0);
	CHECK(drains(""));
	now_ms += 10 * READER_QUIET_MS;
	append("a", "3\n");
	CHECK(drains("3\n") && answer == INPUT_WAIT);
	now_ms += 10 * READER_QUIET_MS;
	CHECK(drains("") && answer == INPUT_WAIT);
	append("a", "4\n");
	CHECK(drains("4\n") && answer == INPUT_WAIT);
}

static void
rotation_needs_the_same_header(void)
{
	begin(100);
	options.follow = options.header = 1;
	create("a", "k\n1\n");
	CHECK(add("a") == 0);
	CHECK(strcmp(header(), "k") == 0);
	CHECK(drains("[a:1:2]1\n"));
	CHECK(rename("a", "a.1") == 0);
	create("a", "");
	drain();
	now_ms += READER_QUIET_MS;
	CHECK(drains("") && answer == INPUT_WAIT);
	append("a", "k\n2\n");
	CHECK(drains("[a:1:2]2\n"));
	CHECK(rename("a", "a.2") == 0);
	create("a", "other\n");
	drain();
	now_ms += READER_QUIET_MS;
	CHECK(drains("") && answer == INPUT_FAILED);
	CHECK(says("a: its header \"other\" is not \"k\", that of a"));
}

static void
truncation_is_named_and_read_from_the_beginning(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n22\npart");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n22\n"));
	create("a", "3\n");
	CHECK(drains("{a: was read to byte 9, now it is 2 bytes and differs before that; "
	    "truncated in place (copytruncate?): lines may be lost}[a:1:0]3\n"));
	create("a", "");
	drain();
	append("a", "4\n");
	CHECK(drains("[a:1:0]4\n"));
}

static void
truncation_is_seen_when_the_file_has_grown_beyond(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n22\n");
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n22\n"));
	create("a", "9\n99\n999\n");
	CHECK(drains("{a: was read to byte 5, now it is 9 bytes and differs before that; "
	    "truncated in place (copytruncate?): lines may be lost}[a:1:0]9\n99\n999\n"));
	append("a", "8\n");
	CHECK(drains("8\n"));
}

static void
several_files_are_followed_at_once(void)
{
	begin(100);
	options.follow = 1;
	create("a", "1\n");
	create("b", "2\n");
	CHECK(add("a") == 0 && add("b") == 0 && add("c") == 0);
	CHECK(drains("[a:1:0]1\n[b:1:0]2\n{c: No such file or directory; waiting for it}"));
	append("b", "4\n");
	CHECK(drains("4\n"));
	append("a", "3\n");
	CHECK(drains("[a:2:2]3\n"));
	create("c", "5\n");
	append("a", "6\n");
	CHECK(strstr(drain(), "[c:1:0]5\n") != NULL);
	CHECK(strstr(log_text, "6\n") != NULL);
	CHECK(answer == INPUT_WAIT);
}

static void
start_at_the_end_reads_what_is_appended(void)
{
	begin(100);
	options.follow = options.from_end = 1;
	create("a", "1\n22\n");
	create("b", "1\n2");
	create("empty", "");
	CHECK(add("a") == 0 && add("b") == 0 && add("empty") == 0 && add("late") == 0);
	CHECK(drains("{late: No such file or directory; waiting for it}"));
	append("a", "3\n");
	CHECK(drains("[a:1:5]3\n"));
	append("b", "2\n3\n");
	CHECK(drains("[b:1:5]3\n"));
	append("empty", "1\n");
	CHECK(drains("[empty:1:0]1\n"));
	create("late", "1\n");
	CHECK(drains("[late:1:0]1\n"));
	create("a", "9\n");
	CHECK(strstr(drain(), "[a:1:0]9\n") != NULL);
}

static void
start_at_the_end_still_reads_the_header(void)
{
	begin(100);
	options.follow = options.from_end = options.header = 1;
	create("a", "k\n1\n22\n");
	CHECK(add("a") == 0);
	CHECK(strcmp(header(), "k") == 0);
	CHECK(drains("") && answer == INPUT_WAIT);
	append("a", "3\n");
	CHECK(drains("[a:1:7]3\n"));

	/* in a file that was empty everything is new */
	begin(100);
	options.follow = options.from_end = options.header = 1;
	create("a", "");
	CHECK(add("a") == 0);
	CHECK(header() == NULL && answer == INPUT_WAIT);
	append("a", "k\n1\n");
	CHECK(strcmp(header(), "k") == 0);
	CHECK(drains("[a:1:2]1\n"));
}

static void
pattern_is_expanded_in_byte_order(void)
{
	begin(100);
	create("x10", "10\n");
	create("x2", "2\n");
	create("X", "X\n");
	CHECK(add("[xX]*") == 0);
	CHECK(drains("[X:1:0]X\n[x10:1:0]10\n[x2:1:0]2\n"));
}

static void
pattern_that_is_a_file_is_that_file(void)
{
	begin(100);
	create("a[1]", "brackets\n");
	create("a1", "1\n");
	CHECK(add("a[1]") == 0);
	CHECK(drains("[a[1]:1:0]brackets\n"));
}

static void
operands_that_cannot_be_read_are_refused(void)
{
	begin(100);
	CHECK(mkdir("d", 0755) == 0);
	create("a", "1\n");
	CHECK(add("nosuch") == -1 && says("nosuch: No such file or directory"));
	CHECK(add("nosuch*") == -1 && says("nosuch*: no file matches this pattern"));
	CHECK(add("d") == -1 && says("d: Is a directory; name its files: 'd/*'"));
	CHECK(add("[ad]") == -1 && says("d: Is a directory; name its files: 'd/*'"));
	CHECK(add("a/b") == -1 && says("a/b: Not a directory"));
	CHECK(add("") == -1 && says("an operand is empty; an unset variable?"));
	CHECK(add("-") == 0);
	CHECK(add("-") == -1 && says("standard input is named twice, it can be read once"));
	if (geteuid() != 0) {
		CHECK(chmod("a", 0) == 0);
		CHECK(add("a") == -1 && says("a: Permission denied"));
	}
}

static void
file_that_vanishes_before_it_is_opened_is_named(void)
{
	begin(100);
	create("a", "1\n");
	create("b", "2\n");
	CHECK(add("?") == 0);
	CHECK(unlink("b") == 0 && mkdir("b", 0755) == 0);
	CHECK(drains("[a:1:0]1\n") && answer == INPUT_FAILED);
	CHECK(says("b: Is a directory"));

	begin(100);
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(unlink("a") == 0);
	CHECK(drains("") && answer == INPUT_FAILED);
	CHECK(says("a: No such file or directory"));
}

static void
subtasks_share_the_files(void)
{
	static const char *const want[] = { "[a:1:2]1\n[d:1:2]4\n", "[b:1:2]2\n", "[c:1:2]3\n" };
	unsigned i;

	for (i = 0; i < 3; i++) {
		begin(100);
		options.header = 1;
		create("a", "k\n1\n");
		create("b", "k\n2\n");
		create("c", "k\n3\n");
		create("d", "k\n4\n");
		CHECK(add("?") == 0);
		CHECK(files_check_share(files, 3) == 0);
		share(i, 3);
		CHECK(strcmp(header(), "k") == 0);
		CHECK(drains(want[i]) && answer == INPUT_END);
	}
	begin(100);
	options.header = 1;
	create("a", "k\n");
	create("b", "v\n");
	CHECK(add("?") == 0);
	CHECK(files_check_share(files, 2) == 0);
	share(1, 2);
	CHECK(strcmp(header(), "k") == 0);
	CHECK(drains("") && answer == INPUT_FAILED);
	CHECK(says("b: its header \"v\" is not \"k\", that of a"));
}

static void
what_cannot_be_shared_is_refused(void)
{
	begin(100);
	create("a", "1\n");
	CHECK(add("a") == 0);
	CHECK(files_check_share(files, 1) == 0);
	CHECK(files_check_share(files, 2) == -1);
	CHECK(says("-p 2: more subtasks than files (1), and each file is read by one"));
	CHECK(add("-") == 0);
	CHECK(files_check_share(files, 1) == 0);
	CHECK(files_check_share(files, 2) == -1);
	CHECK(says("-p 2: standard input cannot be shared"));
}

static void
standard_input_goes_on_where_it_stands(void)
{
	int saved = dup(STDIN_FILENO), fd;

	begin(100);
	create("a", "1\n22\n3");
	fd = open("a", O_RDONLY);
	CHECK(lseek(fd, 2, SEEK_SET) == 2 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	CHECK(add("-") == 0);
	CHECK(drains("[standard input:1:2]22\n3\n") && answer == INPUT_END);
	CHECK(fcntl(STDIN_FILENO, F_GETFD) != -1);
	CHECK(fcntl(STDIN_FILENO, F_GETFL) != -1 &&
	    (fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK) == 0);
	CHECK(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
	close(saved);
}

int
main(void)
{
	reading_home();
	RUN(files_come_one_after_the_other);
	RUN(last_line_without_newline_is_a_record);
	RUN(bytes_are_not_touched);
	RUN(empty_files_have_no_records);
	RUN(long_records_are_named_and_skipped);
	RUN(a_record_of_exactly_the_limit_is_good_in_any_room);
	RUN(long_records_are_not_gathered);
	RUN(a_long_record_far_from_the_beginning_is_found);
	RUN(a_record_larger_than_any_read_passes);
	RUN(random_files_come_out_as_they_are);
	RUN(portions_are_no_larger_than_asked);
	RUN(header_is_no_record);
	RUN(header_comes_from_the_first_file_that_has_one);
	RUN(another_header_is_an_error_that_names_both);
	RUN(header_over_the_limit_is_an_error);
	RUN(header_is_waited_for);
	RUN(fifo_never_blocks);
	RUN(followed_fifo_takes_the_next_writer);
	RUN(weir_stream_is_refused);
	RUN(followed_file_grows);
#ifdef __linux__
	RUN(changes_end_the_wait);
#endif
	RUN(missing_file_is_named_once_and_waited_for);
	RUN(renamed_file_is_finished_before_the_next);
	RUN(two_rotations_between_two_looks_lose_nothing);
	RUN(fast_rotations_lose_nothing_that_was_seen);
	RUN(renamed_there_and_back_is_the_same_file);
	RUN(rotation_needs_the_same_header);
	RUN(truncation_is_named_and_read_from_the_beginning);
	RUN(truncation_is_seen_when_the_file_has_grown_beyond);
	RUN(several_files_are_followed_at_once);
	RUN(start_at_the_end_reads_what_is_appended);
	RUN(start_at_the_end_still_reads_the_header);
	RUN(pattern_is_expanded_in_byte_order);
	RUN(pattern_that_is_a_file_is_that_file);
	RUN(operands_that_cannot_be_read_are_refused);
	RUN(file_that_vanishes_before_it_is_opened_is_named);
	RUN(subtasks_share_the_files);
	RUN(what_cannot_be_shared_is_refused);
	RUN(standard_input_goes_on_where_it_stands);
	reading_leave();
	DONE();
}
