/*
 * spool: standard input through journals that are memory.
 *
 * They outlive a spool, as those of a job outlive its worker.
 */
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "spool.h"
#include "tap.h"

struct weir_journal {
	const char	*name;
	char		 bytes[4096];
	uint64_t	 start, end, released;
};

static struct weir_journal	 journals[2] = { { .name = "spool" }, { .name = "stdin" } };
static char			 error[1000];
static struct spool		*spool;
static int			 wanted;
static int			 in[2] = { -1, -1 };

struct weir_journal *
weir_journal(struct weir *w, const char *name, int flags)
{
	(void)w;
	CHECK(flags == WEIR_KEEP);
	return (strcmp(name, "spool") == 0 ? &journals[0] : &journals[1]);
}

int
weir_journal_append(struct weir_journal *g, const void *data, size_t len)
{
	if (g->end + len > sizeof(g->bytes))
		abort();
	memcpy(g->bytes + g->end, data, len);
	g->end += len;
	return (0);
}

uint64_t
weir_journal_end(const struct weir_journal *g)
{
	return (g->end);
}

uint64_t
weir_journal_start(const struct weir_journal *g)
{
	return (g->start);
}

int
weir_journal_read(struct weir_journal *g, uint64_t from, void *buf, size_t len)
{
	CHECK(from >= g->start && from + len <= g->end);
	memcpy(buf, g->bytes + from, len);
	return (0);
}

void
weir_journal_release(struct weir_journal *g, uint64_t position)
{
	g->released = position;
}

int
weir_want(struct weir *w)
{
	(void)w;
	wanted++;
	return (0);
}

int
weir_error(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	vsnprintf(error, sizeof(error), fmt, ap);
	va_end(ap);
	return (-1);
}

int
weir_misuse(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	vsnprintf(error, sizeof(error), fmt, ap);
	va_end(ap);
	return (-1);
}

static void
write_in(const char *text)
{
	CHECK(write(in[1], text, strlen(text)) == (ssize_t)strlen(text));
}

/* A new standard input; the writer's end of the former is closed. */
static void
another_input(void)
{
	int fd = in[0];

	if (in[1] != -1)
		close(in[1]);
	if (pipe(in) == -1)
		abort();
	/* only now: the new pipe must not have the old one's number */
	if (fd != -1)
		close(fd);
}

static void
begin(void)
{
	size_t i;

	for (i = 0; i < 2; i++)
		journals[i].start = journals[i].end = journals[i].released = 0;
	another_input();
	error[0] = '\0';
}

static void
open_spool(uint64_t most)
{
	spool_free(spool);
	spool = spool_open(NULL, in[0], most);
	CHECK(spool != NULL);
}

/* The first start, or one before the first checkpoint. */
static void
start(void)
{
	open_spool(1000);
	CHECK(spool_resume(spool, spool_start(spool), 1, 0) == 0);
}

static void
resume(uint64_t position, int begun, int ended)
{
	open_spool(1000);
	CHECK(spool_resume(spool, position, begun, ended) == 0);
}

/* All that there is now: "|" where another input begins, "." at the end. */
static const char *
drain(void)
{
	static char text[5000];
	size_t len = 0, got;
	enum spool_answer answer;

	for (;;) {
		answer = spool_read(spool, text + len, 100, &got);
		if (answer == SPOOL_BYTES)
			len += got;
		else if (answer != SPOOL_END)
			break;
		else if (spool_next(spool))
			text[len++] = '|';
		else {
			text[len++] = '.';
			break;
		}
	}
	text[len] = '\0';
	return (text);
}

static int
drains(const char *want)
{
	const char *got = drain();

	if (strcmp(got, want) == 0)
		return (1);
	printf("# got:  %s\n# want: %s\n", got, want);
	return (0);
}

static void
input_is_handed_out_and_kept(void)
{
	begin();
	start();
	CHECK(drains(""));
	write_in("a\nb");
	CHECK(drains("a\nb"));
	write_in("c\n");
	CHECK(drains("c\n"));
	CHECK(spool_offset(spool) == 5 && memcmp(journals[0].bytes, "a\nbc\n", 5) == 0);
	close(in[1]);
	in[1] = -1;
	CHECK(drains("."));
	CHECK(drains("."));
}

static void
a_killed_reader_is_followed_by_one_that_reads_on(void)
{
	begin();
	start();
	write_in("a\nb");
	CHECK(drains("a\nb"));
	/* before the first checkpoint */
	start();
	CHECK(drains("a\nb"));
	write_in("b\nc\n");
	CHECK(drains("b\nc\n"));
	/* at a checkpoint behind "a" */
	resume(2, 0, 0);
	write_in("d\n");
	CHECK(drains("bb\nc\nd\n"));
}

static void
another_input_begins_behind_the_former(void)
{
	begin();
	start();
	write_in("a\nb");
	CHECK(drains("a\nb"));
	another_input();
	write_in("c\nd\n");
	resume(2, 0, 0);
	CHECK(drains("b\n|c\nd\n"));
	/* its beginning stays where it was */
	resume(2, 0, 0);
	CHECK(drains("b\n|c\nd\n"));
	resume(4, 0, 0);
	CHECK(drains("|c\nd\n"));
	resume(4, 1, 0);
	CHECK(drains("c\nd\n"));
	resume(6, 0, 0);
	CHECK(drains("d\n"));
}

static void
an_end_without_newline_gets_one(void)
{
	begin();
	start();
	write_in("a");
	close(in[1]);
	in[1] = -1;
	CHECK(drains("a\n."));
	resume(2, 0, 1);
	CHECK(drains("."));
	another_input();
	write_in("b\n");
	resume(2, 0, 1);
	CHECK(drains("|b\n"));
}

static void
an_input_that_has_ended_is_not_asked_again(void)
{
	begin();
	start();
	write_in("a\n");
	CHECK(drains("a\n"));
	/* as a terminal: more could be read */
	write_in("b\n");
	resume(2, 0, 1);
	CHECK(drains("."));
}

static void
too_much_waits_for_a_checkpoint(void)
{
	size_t got;
	char buf[100];

	begin();
	open_spool(4);
	CHECK(spool_resume(spool, 0, 1, 0) == 0);
	write_in("a\nb\nc\n");
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_BYTES && got == 4);
	CHECK(wanted == 0);
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_FULL && wanted == 1);
	spool_release(spool, 2, 7);
	CHECK(journals[0].released == 2);
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_FULL);
	spool_complete(spool, 6);
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_FULL);
	spool_release(spool, 4, 8);
	/* 7 was aborted, or its notice lost */
	spool_complete(spool, 8);
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_BYTES && got == 2);
	CHECK(spool_read(spool, buf, 100, &got) == SPOOL_WAIT);
}

static void
what_the_spool_has_no_more_is_refused(void)
{
	begin();
	start();
	write_in("a\nb\n");
	CHECK(drains("a\nb\n"));
	journals[0].start = 2;
	open_spool(1000);
	CHECK(spool_resume(spool, 0, 0, 0) == -1);
	CHECK(strncmp(error, "standard input: was read to byte 0, its spool has bytes 2 to 4;",
	    63) == 0);
	CHECK(spool_resume(spool, 5, 0, 0) == -1);
	CHECK(spool_resume(spool, 2, 0, 0) == 0);
	CHECK(drains("b\n"));
}

static void
a_damaged_list_of_inputs_is_refused(void)
{
	begin();
	start();
	spool_free(spool);
	journals[1].end--;
	CHECK((spool = spool_open(NULL, in[0], 1000)) == NULL);
	CHECK(strncmp(error, "journal \"stdin\": damaged", 24) == 0);
}

int
main(void)
{
	RUN(input_is_handed_out_and_kept);
	RUN(a_killed_reader_is_followed_by_one_that_reads_on);
	RUN(another_input_begins_behind_the_former);
	RUN(an_end_without_newline_gets_one);
	RUN(an_input_that_has_ended_is_not_asked_again);
	RUN(too_much_waits_for_a_checkpoint);
	RUN(what_the_spool_has_no_more_is_refused);
	RUN(a_damaged_list_of_inputs_is_refused);
	spool_free(spool);
	DONE();
}
