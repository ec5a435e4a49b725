/*
 * protocol: what a command is asked, and what its lines mean.
 */
#include <string.h>

#include "protocol.h"
#include "tap.h"

static struct carry	to;
static char		line[64];
static const char	*text;
static size_t		 textlen;

/* Is this what is asked?  state NULL: none. */
static int
asks(const char *key, const char *state, const char *record, const char *want)
{
	carry_clear(&to);
	if (protocol_ask(&to, key, strlen(key), state, state == NULL ? 0 : strlen(state),
	    record, strlen(record)) == -1)
		return (0);
	if (carry_len(&to) == strlen(want) && memcmp(carry_data(&to), want, strlen(want)) == 0)
		return (1);
	printf("# asked %.*s", (int)carry_len(&to), carry_data(&to));
	return (0);
}

static enum answer_kind
reads(const char *answer)
{
	snprintf(line, sizeof(line), "%s", answer);
	return (protocol_read(line, strlen(answer), &text, &textlen));
}

static int
is(const char *want)
{
	return (textlen == strlen(want) && memcmp(text, want, textlen) == 0);
}

static void
protocol_asks_with_key_state_and_record(void)
{
	CHECK(asks("ann", NULL, "ann 7", "ann\t.\tann 7\n"));
	CHECK(asks("ann", "3", "ann 7", "ann\t=3\tann 7\n"));
	CHECK(asks("", NULL, "", "\t.\t\n"));
	CHECK(asks("k", "", "r", "k\t=\tr\n"));
	CHECK(asks("k", ".", "r", "k\t=.\tr\n"));
}

static void
protocol_asks_escape_key_and_state_only(void)
{
	CHECK(asks("a\tb", "c\nd\\e", "f\tg\\h", "a\\tb\t=c\\nd\\\\e\tf\tg\\h\n"));
	CHECK(asks("\t\n\\", "\t\n\\", "\t", "\\t\\n\\\\\t=\\t\\n\\\\\t\t\n"));
}

static void
protocol_asks_follow_each_other(void)
{
	carry_clear(&to);
	CHECK(protocol_ask(&to, "a", 1, NULL, 0, "x\0y", 3) == 0);
	CHECK(protocol_ask(&to, NULL, 0, NULL, 0, NULL, 0) == 0);
	CHECK(carry_len(&to) == 12 && memcmp(carry_data(&to), "a\t.\tx\0y\n\t.\t\n", 12) == 0);
}

static void
protocol_reads_each_answer(void)
{
	CHECK(reads(">out\\t") == ANSWER_OUTPUT && is("out\\t"));
	CHECK(reads(">") == ANSWER_OUTPUT && is(""));
	CHECK(reads("=state") == ANSWER_STORE && is("state"));
	CHECK(reads("=") == ANSWER_STORE && is(""));
	CHECK(reads("-") == ANSWER_CLEAR);
	CHECK(reads(".") == ANSWER_KEEP);
}

static void
protocol_reads_escapes_of_a_state(void)
{
	CHECK(reads("=a\\tb\\nc\\\\d") == ANSWER_STORE && is("a\tb\nc\\d"));
	CHECK(reads("=\\\\t") == ANSWER_STORE && is("\\t"));
	CHECK(reads("=a\tb") == ANSWER_STORE && is("a\tb"));
}

static void
protocol_reads_nothing_else(void)
{
	static const char *const wrong[] = {
		"", "x", "--", "..", ". ", " .", "- ", "=\\", "=\\x", "=a\\\\\\"
	};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		text = NULL;
		CHECK(reads(wrong[i]) == ANSWER_NONE && text != NULL);
	}
}

static void
protocol_state_survives_the_way_there_and_back(void)
{
	char state[256], *tab;
	size_t i;

	for (i = 0; i < sizeof(state); i++)
		state[i] = (char)i;
	carry_clear(&to);
	CHECK(protocol_ask(&to, "", 0, state, sizeof(state), "", 0) == 0);
	CHECK(carry_line(&to) == carry_len(&to));
	tab = memchr(to.buf + 1, '\t', to.end - 1);
	CHECK(tab != NULL);
	CHECK(protocol_read(to.buf + 1, (size_t)(tab - to.buf) - 1, &text, &textlen) ==
	    ANSWER_STORE);
	CHECK(textlen == sizeof(state) && memcmp(text, state, textlen) == 0);
}

int
main(void)
{
	RUN(protocol_asks_with_key_state_and_record);
	RUN(protocol_asks_escape_key_and_state_only);
	RUN(protocol_asks_follow_each_other);
	RUN(protocol_reads_each_answer);
	RUN(protocol_reads_escapes_of_a_state);
	RUN(protocol_reads_nothing_else);
	RUN(protocol_state_survives_the_way_there_and_back);
	carry_free(&to);
	DONE();
}
