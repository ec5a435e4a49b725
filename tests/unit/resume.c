/*
 * resume: files that are read in two or more lives of a source.  Each life ends
 * where the last records were handed out, as at a checkpoint; "[log:3:17]" tells
 * where the next one begins.
 */
#include "reading.h"

static const char	*operands[4];

static int
begin_with(const char *a, const char *b)
{
	operands[0] = a;
	operands[1] = b;
	return (add(a) == 0 && (b == NULL || add(b) == 0) ? 0 : -1);
}

static void
start_over(size_t max_record)
{
	begin(max_record);
	options.replay = 1;
}

/* Die, and live again with these operands: what files_share() says. */
static int
relive(unsigned subtask, unsigned parallelism)
{
	struct position position, copy;
	size_t len, i;
	void *bytes;
	int status = -1;

	if (!shared)
		share(subtask, parallelism);
	CHECK(files_position(files, &position) == 0);
	bytes = position_encode(&position, &len);
	CHECK(position_decode(&copy, bytes, len) == 0);
	free(bytes);
	files_free(files);
	files = files_new(&options);
	said[0] = '\0';
	shared = 1;
	for (i = 0; i < 4 && operands[i] != NULL; i++)
		if (files_add(files, operands[i]) == -1)
			goto done;
	status = files_share(files, &copy, subtask, parallelism, say, NULL);
done:
	position_free(&copy);
	return (status);
}

static int
again(void)
{
	return (relive(0, 1));
}

/* So many steps: the records of one read, with the place before it. */
static void
read_some(size_t lines)
{
	struct input_chunk chunk;

	if (!shared)
		share(0, 1);
	do
		answer = files_read(files, room, 1000, lines, now_ms, &chunk);
	while (answer == INPUT_MORE || answer == INPUT_PLACE);
	CHECK(answer == INPUT_LINES && chunk.n == lines);
}

static int
warned(const char *text)
{
	if (strcmp(said, text) == 0)
		return (1);
	printf("# got:  %s\n# want: %s\n", said, text);
	return (0);
}

/* The error begins so. */
static int
begins(const char *text)
{
	if (strncmp(files_error(files), text, strlen(text)) == 0)
		return (1);
	printf("# got:  %s\n# want: %s\n", files_error(files), text);
	return (0);
}

static void
a_file_goes_on_at_its_offset_and_record(void)
{
	start_over(100);
	create("log", "1\n22\n333\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(2);
	CHECK(again() == 0);
	CHECK(drains("[log:3:5]333\n") && answer == INPUT_END);
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_END);
	append("log", "4\n");
	CHECK(again() == 0);
	CHECK(drains("[log:4:9]4\n") && answer == INPUT_END);
}

static void
an_empty_file_goes_on_at_its_beginning(void)
{
	start_over(100);
	create("log", "");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains(""));
	append("log", "1\n");
	CHECK(again() == 0);
	CHECK(drains("[log:1:0]1\n"));
}

static void
several_files_keep_their_order_and_new_ones_follow(void)
{
	start_over(100);
	create("b", "b1\nb2\n");
	create("d", "d1\n");
	CHECK(begin_with("?", NULL) == 0);
	read_some(1);
	create("a", "a1\n");
	create("c", "c1\n");
	CHECK(again() == 0);
	CHECK(drains("[b:2:3]b2\n[d:1:0]d1\n[a:1:0]a1\n[c:1:0]c1\n"));
	append("d", "d2\n");
	append("a", "a2\n");
	CHECK(again() == 0);
	CHECK(drains("[d:2:3]d2\n[a:2:3]a2\n"));
	CHECK(warned(""));
}

static void
a_file_named_twice_has_two_places(void)
{
	start_over(100);
	create("a", "1\n");
	create("b", "x\n");
	CHECK(begin_with("a", "b") == 0);
	operands[2] = "a";
	CHECK(add("a") == 0);
	CHECK(drains("[a:1:0]1\n[b:1:0]x\n[a:1:0]1\n"));
	append("a", "2\n");
	CHECK(again() == 0);
	CHECK(drains("[a:2:2]2\n[a:2:2]2\n"));
	operands[2] = NULL;
}

static void
a_file_that_is_gone_or_not_named_is_told(void)
{
	start_over(100);
	create("a", "1\n");
	create("b", "2\n");
	CHECK(begin_with("?", NULL) == 0);
	CHECK(drains("[a:1:0]1\n[b:1:0]2\n"));
	CHECK(unlink("a") == 0);
	CHECK(again() == 0);
	CHECK(warned("{a: was read to byte 2, and is not there any more}"));
	CHECK(drains(""));
	create("c", "3\n");
	operands[0] = "c";
	CHECK(again() == 0);
	CHECK(warned("{b: was read to byte 2, and is not named any more}"));
	CHECK(drains("[c:1:0]3\n"));
}

static void
a_missing_file_is_refused_or_waited_for(void)
{
	start_over(100);
	create("log", "1\n");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n"));
	CHECK(rename("log", "elsewhere") == 0);
	CHECK(again() == -1 && says("log: No such file or directory"));

	start_over(100);
	options.follow = 1;
	create("log", "1\n");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n"));
	CHECK(mkdir("d", 0700) == 0 && rename("log", "d/log") == 0);
	CHECK(again() == 0);
	CHECK(drains("{log: No such file or directory; waiting for it}"));
	CHECK(again() == 0);
	CHECK(rename("d/log", "log") == 0);
	append("log", "2\n");
	CHECK(drains("[log:2:2]2\n"));
	CHECK(rename("log", "d/log") == 0);
	CHECK(again() == 0);
	create("log", "3\n4\n");
	CHECK(drains("") && answer == INPUT_MISUSE);
	CHECK(says("log: was read to byte 4, now it is 4 bytes and differs before that; "
	    "replaced by another file: lines may be lost"));
	if (system("rm -r d") != 0)
		abort();
}

static void
a_renamed_file_is_finished_before_the_new_one(void)
{
	start_over(100);
	create("log", "1\n2\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	CHECK(rename("log", "log.1") == 0);
	append("log.1", "3\n");
	create("log", "4\n");
	CHECK(again() == 0);
	CHECK(drains("[log:2:2]2\n3\n[log:1:0]4\n") && answer == INPUT_END);
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_END);
}

static void
a_renamed_file_is_found_anew_in_each_life(void)
{
	start_over(100);
	create("log", "1\n2\n3\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	CHECK(rename("log", "log.old") == 0);
	create("log", "4\n");
	CHECK(again() == 0);
	read_some(1);
	CHECK(rename("log.old", "log.older") == 0);
	CHECK(again() == 0);
	CHECK(drains("[log:3:4]3\n[log:1:0]4\n"));
}

static void
all_rotations_between_two_lives_are_read(void)
{
	start_over(100);
	create("log", "1\n2\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	CHECK(rename("log", "log.3") == 0);
	tick();
	create("log.2", "3\n");
	tick();
	create("log.1", "4\n");
	/* by somebody who never closed it */
	append("log.3", "3\n");
	create("log.1.gz", "not text\n");
	create("log-errors", "of another program\n");
	create("log-1", "of one more\n");
	create("log", "5\n");
	CHECK(again() == 0);
	CHECK(drains("[log:2:2]2\n3\n[log:1:0]3\n[log:1:0]4\n[log:1:0]5\n"));
}

static void
a_renamed_file_without_a_new_one_is_finished(void)
{
	start_over(100);
	options.follow = 1;
	create("log", "1\n2\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	CHECK(rename("log", "log.1") == 0);
	CHECK(again() == 0);
	CHECK(drains("[log:2:2]2\n") && answer == INPUT_WAIT);
	append("log.1", "3\n");
	CHECK(drains("3\n"));
	create("log", "4\n");
	CHECK(drains(""));
	now_ms += READER_QUIET_MS;
	CHECK(drains("[log:1:0]4\n"));
	CHECK(again() == 0);
	append("log", "5\n");
	CHECK(drains("[log:2:2]5\n"));
}

static void
a_copy_that_was_truncated_is_found_by_its_bytes(void)
{
	start_over(100);
	create("log", "1\n2\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	if (system("cp log log.1") != 0)
		abort();
	create("log", "3\n");
	CHECK(again() == 0);
	CHECK(drains("[log:2:2]2\n[log:1:0]3\n"));
}

static void
truncation_is_refused_with_both_sizes(void)
{
	start_over(100);
	create("log", "1\n22\n");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n22\n"));
	create("log", "3\n");
	CHECK(again() == -1);
	CHECK(says("log: was read to byte 5, now it is 2 bytes and differs before that; "
	    "truncated in place (copytruncate?): lines may be lost; put it back, or start "
	    "over with a new job directory"));
}

static void
replacement_is_refused_with_both_sizes(void)
{
	start_over(100);
	create("log", "1\n22\n");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n22\n"));
	create("new", "4\n22\n333\n");
	CHECK(rename("new", "log") == 0);
	CHECK(again() == -1);
	CHECK(begins("log: was read to byte 5, now it is 9 bytes and "
	    "differs before that; replaced by another file: lines may be lost;"));
}

static void
a_file_that_was_copied_back_goes_on(void)
{
	start_over(100);
	create("log", "1\n22\n");
	CHECK(begin_with("log", NULL) == 0);
	read_some(1);
	if (system("cp log new && mv new log") != 0)
		abort();
	CHECK(again() == 0);
	CHECK(drains("[log:2:2]22\n"));
}

static void
a_pattern_that_matches_renamed_files_reads_nothing_twice(void)
{
	start_over(100);
	create("log.1", "1\n");
	create("log", "2\n");
	CHECK(begin_with("log*", NULL) == 0);
	CHECK(drains("[log:1:0]2\n[log.1:1:0]1\n"));
	append("log", "3\n");
	CHECK(rename("log.1", "log.2") == 0 && rename("log", "log.1") == 0);
	create("log", "4\n");
	CHECK(again() == 0);
	CHECK(drains("[log.1:2:2]3\n[log:1:0]4\n"));
	CHECK(warned(""));
	CHECK(again() == 0);
	CHECK(drains(""));
}

static void
an_unterminated_line_may_get_its_newline_only(void)
{
	start_over(100);
	create("log", "1\n22");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n22\n"));
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_END);
	append("log", "\n");
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_END);
	append("log", "3\n");
	CHECK(again() == 0);
	CHECK(drains("[log:3:5]3\n"));

	start_over(100);
	create("log", "1\n22");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n22\n"));
	append("log", "\n33\n");
	CHECK(again() == 0);
	CHECK(drains("[log:3:5]33\n"));

	start_over(100);
	create("log", "1\n22");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n22\n"));
	append("log", "2\n");
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_MISUSE);
	CHECK(begins("log: record 2, up to byte 4, had no newline at "
	    "the end and has grown since it was read;"));
}

static void
a_followed_file_keeps_its_unfinished_line(void)
{
	start_over(100);
	options.follow = 1;
	create("log", "1\n22");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains("[log:1:0]1\n"));
	append("log", "2");
	CHECK(again() == 0);
	CHECK(drains(""));
	append("log", "\n");
	CHECK(drains("[log:2:2]222\n"));
}

static void
a_long_record_is_told_once(void)
{
	static char x[300000];
	unsigned i;

	start_over(100);
	memset(x, 'x', sizeof(x));
	create("log", "1\n");
	put("log", O_APPEND, x, sizeof(x));
	CHECK(begin_with("log", NULL) == 0);
	options.follow = 1;
	files_free(files);
	files = NULL;
	CHECK(begin_with("log", NULL) == 0);
	drain();
	CHECK(strncmp(log_text, "[log:1:0]1\n<", 12) == 0);
	for (i = 0; i < 3; i++) {
		CHECK(again() == 0);
		CHECK(drains(""));
	}
	append("log", "\n3\n");
	CHECK(drains("[log:3:300003]3\n"));
}

static void
the_header_is_remembered(void)
{
	start_over(100);
	options.header = 1;
	create("a", "k\tv\n1\n");
	CHECK(begin_with("?", NULL) == 0);
	CHECK(drains("[a:1:4]1\n"));
	append("a", "2\n");
	CHECK(again() == 0);
	CHECK(drains("[a:2:6]2\n"));
	create("b", "k\tv\n3\n");
	CHECK(again() == 0);
	CHECK(drains("[b:1:4]3\n"));
	create("c", "k\tw\n4\n");
	CHECK(again() == 0);
	CHECK(drains("") && answer == INPUT_FAILED);
	CHECK(says("c: its header \"k\\tw\" is not \"k\\tv\", that of a"));
}

static void
a_header_comes_and_goes_with_a_new_job_only(void)
{
	start_over(100);
	options.header = 1;
	create("a", "k\n1\n");
	CHECK(begin_with("a", NULL) == 0);
	CHECK(drains("[a:1:2]1\n"));
	options.header = 0;
	CHECK(again() == -1 && says("-H is missing: a was read with it"));

	start_over(100);
	create("a", "k\n1\n");
	CHECK(begin_with("a", NULL) == 0);
	CHECK(drains("[a:1:0]k\n1\n"));
	options.header = 1;
	CHECK(again() == -1 && says("-H: a was read without it"));
}

static void
the_end_is_started_at_once_only(void)
{
	start_over(100);
	options.follow = options.from_end = 1;
	create("log", "1\n2");
	CHECK(begin_with("log", NULL) == 0);
	CHECK(drains(""));
	append("log", "2\n3\n");
	CHECK(again() == 0);
	CHECK(drains("[log:1:5]3\n"));
	append("log", "4\n");
	CHECK(again() == 0);
	CHECK(drains("[log:2:7]4\n"));
	create("new", "5\n");
	operands[1] = "new";
	CHECK(again() == 0);
	CHECK(drains("[new:1:0]5\n"));
}

static void
standard_input_that_is_a_file_is_replayed(void)
{
	int saved = dup(STDIN_FILENO), fd;

	start_over(100);
	create("a", "0\n1\n22\n3\n");
	fd = open("a", O_RDONLY);
	CHECK(lseek(fd, 2, SEEK_SET) == 2 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	CHECK(begin_with("-", NULL) == 0);
	read_some(1);
	/* a worker that dies before its first checkpoint leaves no trace */
	CHECK(lseek(STDIN_FILENO, 0, SEEK_CUR) == 2);
	CHECK(again() == 0);
	CHECK(drains("[standard input:2:4]22\n3\n") && answer == INPUT_END);
	create("a", "0\n1\n");
	CHECK(again() == -1);
	CHECK(begins("standard input: was read to byte 9, now it is 4 "
	    "bytes and differs before that;"));
	CHECK(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
	close(saved);
}

static void
what_cannot_be_read_again_is_refused(void)
{
	start_over(100);
	CHECK(mkfifo("f", 0600) == 0);
	CHECK(begin_with("f", NULL) == -1);
	CHECK(says("f: is no regular file and cannot be read again; put it on standard "
	    "input, which is spooled"));
}

static void
subtasks_keep_their_files(void)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	char text[10];
	unsigned i, k, seen;

	for (i = 0; i < 2; i++) {
		start_over(100);
		create("a", "1\n");
		create("b", "2\n");
		CHECK(begin_with("?", NULL) == 0);
		share(i, 2);
		CHECK(drains(i == 0 ? "[a:1:0]1\n" : "[b:1:0]2\n"));
		append("a", "3\n");
		append("b", "4\n");
		CHECK(relive(i, 2) == 0);
		CHECK(drains(i == 0 ? "[a:2:2]3\n" : "[b:2:2]4\n"));
	}
	/* whoever sees a new file, and whenever: exactly one reads it */
	for (k = 2; k < 4; k++) {
		for (i = seen = 0; i < 2; i++) {
			start_over(100);
			create("a", "1\n");
			create("b", "2\n");
			CHECK(begin_with("?", NULL) == 0);
			share(i, 2);
			drain();
			create("c", "5\n");
			create("d", "6\n");
			CHECK(relive(i, 2) == 0);
			snprintf(text, sizeof(text), "[%s:1:0]", names[k]);
			seen += strstr(drain(), text) != NULL;
		}
		CHECK(seen == 1);
	}
}

int
main(void)
{
	reading_home();
	RUN(a_file_goes_on_at_its_offset_and_record);
	RUN(an_empty_file_goes_on_at_its_beginning);
	RUN(several_files_keep_their_order_and_new_ones_follow);
	RUN(a_file_named_twice_has_two_places);
	RUN(a_file_that_is_gone_or_not_named_is_told);
	RUN(a_missing_file_is_refused_or_waited_for);
	RUN(a_renamed_file_is_finished_before_the_new_one);
	RUN(a_renamed_file_is_found_anew_in_each_life);
	RUN(all_rotations_between_two_lives_are_read);
	RUN(a_renamed_file_without_a_new_one_is_finished);
	RUN(a_copy_that_was_truncated_is_found_by_its_bytes);
	RUN(truncation_is_refused_with_both_sizes);
	RUN(replacement_is_refused_with_both_sizes);
	RUN(a_file_that_was_copied_back_goes_on);
	RUN(a_pattern_that_matches_renamed_files_reads_nothing_twice);
	RUN(an_unterminated_line_may_get_its_newline_only);
	RUN(a_followed_file_keeps_its_unfinished_line);
	RUN(a_long_record_is_told_once);
	RUN(the_header_is_remembered);
	RUN(a_header_comes_and_goes_with_a_new_job_only);
	RUN(the_end_is_started_at_once_only);
	RUN(standard_input_that_is_a_file_is_replayed);
	RUN(what_cannot_be_read_again_is_refused);
	RUN(subtasks_keep_their_files);
	reading_leave();
	DONE();
}
