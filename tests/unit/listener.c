/*
 * listener: the stage of examples/ and its schedule of notices (W12): each set is
 * published once, in order, whichever notices are lost.
 */
#include "weir.h"

#include "tap.h"

/* What the stage saves: the state of the checkpoint that is restored. */
static char	saved[4096];
static size_t	savedlen;

static int
save(struct weir *w, const void *data, size_t len)
{
	(void)w;
	if (savedlen + len > sizeof(saved))
		return (-1);
	memcpy(saved + savedlen, data, len);
	savedlen += len;
	return (0);
}

#define main		listener_main
#define weir_save	save
int	 main(int argc, char *argv[]);
#include "../../examples/stages/weir-listener.c"
#undef main

static char name[] = "/tmp/weir-listener.XXXXXX";

static void
begin(void)
{
	char *operands[] = { name };

	strcpy(name + strlen(name) - 6, "XXXXXX");
	CHECK((fd = mkstemp(name)) != -1 && close(fd) == 0);
	CHECK(stage.setup(NULL, 1, operands) == 0 && stage.open(NULL) == 0);
}

/* The process is dead, and there is a new one with the state that was saved. */
static void
die(void)
{
	struct set *s;

	close(fd);
	while ((s = STAILQ_FIRST(&pending)) != NULL) {
		STAILQ_REMOVE_HEAD(&pending, next);
		free(s->text);
		free(s);
	}
	free(ready.text);
	memset(&ready, 0, sizeof(ready));
	restored = 0;
}

static void
come_back(void)
{
	CHECK(stage.restore(NULL, saved, savedlen) == 0);
	CHECK(stage.open(NULL) == 0);
}

static void
finish(void)
{
	die();
	unlink(name);
}

/* A record before barrier N. */
static void
set_make(const char *text, uint64_t id)
{
	struct weir_record r = { .data = text, .len = (uint32_t)strlen(text) };

	CHECK(stage.record(NULL, &r) == 0);
	savedlen = 0;
	CHECK(stage.snapshot(NULL, id) == 0);
}

static int
published(const char *want)
{
	char	 got[64];
	ssize_t	 n;
	int	 from = open(name, O_RDONLY);

	n = read(from, got, sizeof(got) - 1);
	close(from);
	got[n > 0 ? n : 0] = '\0';
	return (strcmp(got, want) == 0);
}

static void
a_notice_stands_for_those_before_it(void)
{
	begin();
	set_make("A", 1);
	CHECK(published(""));
	CHECK(stage.complete(NULL, 1) == 0 && published("A\n"));
	set_make("B", 2);
	set_make("C", 3);
	set_make("D", 4);
	CHECK(published("A\n"));
	/* 2 was lost, 3 was aborted */
	CHECK(stage.complete(NULL, 4) == 0 && published("A\nB\nC\nD\n"));
	CHECK(stage.complete(NULL, 4) == 0 && published("A\nB\nC\nD\n"));
	finish();
}

static void
what_was_complete_at_a_death_is_published_then(void)
{
	begin();
	set_make("A", 1);
	CHECK(stage.complete(NULL, 1) == 0);
	set_make("B", 2);
	set_make("C", 3);
	set_make("D", 4);
	die();
	come_back();
	CHECK(published("A\n"));
	CHECK(stage.complete(NULL, 4) == 0 && published("A\nB\nC\nD\n"));
	finish();
}

static void
what_came_behind_the_barrier_comes_again(void)
{
	char	before[sizeof(saved)];
	size_t	len;

	begin();
	set_make("A", 1);
	memcpy(before, saved, len = savedlen);
	set_make("B", 2);
	memcpy(saved, before, savedlen = len);
	die();
	come_back();
	CHECK(stage.complete(NULL, 1) == 0 && published("A\n"));
	set_make("B", 3);
	CHECK(stage.complete(NULL, 3) == 0 && published("A\nB\n"));
	finish();
}

static void
a_damaged_state_is_refused(void)
{
	begin();
	set_make("A", 1);
	CHECK(set_restore(saved, savedlen) > 0);
	CHECK(set_restore(saved, 3) == 0);
	CHECK(set_restore("1 2 3\nab", 8) == 0);
	CHECK(set_restore("1 2\nabc", 7) == 0);
	finish();
}

int
main(void)
{
	RUN(a_notice_stands_for_those_before_it);
	RUN(what_was_complete_at_a_death_is_published_then);
	RUN(what_came_behind_the_barrier_comes_again);
	RUN(a_damaged_state_is_refused);
	DONE();
}
