/*
 * message: what is said at a door, by friends and by others.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "bytes.h"
#include "tap.h"

static void
fill(char *dst, size_t len)
{
	memset(dst, 'n', len);
	dst[len] = '\0';
}

static struct knock
knock_full(void)
{
	struct knock k = { .subtask = 127, .parallelism = 128, .attempt = UINT32_MAX, .output = 31,
	    .copy = 1 };

	fill(k.stage, WEIR_NAME_MAX);
	fill(k.run, WEIR_NAME_MAX);
	fill(k.nonce, sizeof(k.nonce) - 1);
	return (k);
}

static struct answer
answer_full(enum answer_kind kind)
{
	struct answer a = { .kind = kind, .parallelism = 128, .keyed = 1 };

	fill(a.stage, WEIR_NAME_MAX);
	fill(a.link, sizeof(a.link) - 1);
	fill(a.reason, sizeof(a.reason) - 1);
	return (a);
}

static int
knock_sane(const struct knock *k)
{
	return (name_ok(k->stage) && name_ok(k->run) && name_ok(k->nonce) &&
	    k->subtask < k->parallelism && k->output >= -1);
}

static int
answer_sane(const struct answer *a)
{
	return (name_ok(a->stage) && a->parallelism >= 1 && a->kind >= ANSWER_LINK &&
	    a->kind <= ANSWER_REFUSED && (a->keyed == 0 || a->keyed == 1) &&
	    memchr(a->link, '\0', sizeof(a->link)) != NULL &&
	    memchr(a->reason, '\0', sizeof(a->reason)) != NULL);
}

/* Parse bytes that anybody may have sent, from memory of exactly their length.
 * 1: taken; 0: refused; -1: taken, and it should not have been. */
static int
knock_hostile(const char *s, size_t len)
{
	struct knock	 k;
	char		*p = malloc(len > 0 ? len : 1);
	int		 result;

	if (p == NULL)
		abort();
	memcpy(p, s, len);
	errno = 0;
	if (message_parse_knock(p, len, &k) == -1)
		result = errno == EBADMSG ? 0 : -1;
	else
		result = knock_sane(&k) ? 1 : -1;
	free(p);
	return (result);
}

static int
answer_hostile(const char *s, size_t len)
{
	struct answer	 a;
	char		*p = malloc(len > 0 ? len : 1);
	int		 result;

	if (p == NULL)
		abort();
	memcpy(p, s, len);
	errno = 0;
	if (message_parse_answer(p, len, &a) == -1)
		result = errno == EBADMSG ? 0 : -1;
	else
		result = answer_sane(&a) ? 1 : -1;
	free(p);
	return (result);
}

static int
knock_text(const char *s)
{
	return (knock_hostile(s, strlen(s)));
}

static int
answer_text(const char *s)
{
	return (answer_hostile(s, strlen(s)));
}

static void
knocks_come_back(void)
{
	struct knock	 k = knock_full(), j;
	char		*s;

	s = message_knock(&k);
	CHECK(s != NULL && message_parse_knock(s, strlen(s), &j) == 0);
	CHECK(strcmp(k.stage, j.stage) == 0 && strcmp(k.run, j.run) == 0 &&
	    strcmp(k.nonce, j.nonce) == 0);
	CHECK(j.subtask == 127 && j.parallelism == 128 && j.attempt == UINT32_MAX &&
	    j.output == 31 && j.copy == 1);
	free(s);
	k.subtask = k.attempt = 0;
	k.copy = 0;
	k.parallelism = 1;
	k.output = -1;
	s = message_knock(&k);
	CHECK(s != NULL && message_parse_knock(s, strlen(s), &j) == 0);
	CHECK(j.subtask == 0 && j.parallelism == 1 && j.attempt == 0 && j.output == -1 &&
	    j.copy == 0);
	free(s);
}

static void
answers_of_all_kinds_come_back(void)
{
	enum answer_kind	 kind;
	struct answer		 a, b;
	char			*s;

	for (kind = ANSWER_LINK; kind <= ANSWER_REFUSED; kind++) {
		a = answer_full(kind);
		s = message_answer(&a);
		CHECK(s != NULL && message_parse_answer(s, strlen(s), &b) == 0);
		CHECK(b.kind == kind && b.parallelism == 128 && b.keyed == 1);
		CHECK(strcmp(a.stage, b.stage) == 0 && strcmp(a.link, b.link) == 0 &&
		    strcmp(a.reason, b.reason) == 0);
		free(s);
	}
}

static void
reasons_with_quotes_and_controls_come_back(void)
{
	struct answer	 a = answer_full(ANSWER_REFUSED), b;
	char		*s;

	strcpy(a.reason, "say \"no\" to\n\\back\tslashes \x7f and \xc3\xa9");
	a.link[0] = '\0';
	a.keyed = 0;
	s = message_answer(&a);
	CHECK(s != NULL && message_parse_answer(s, strlen(s), &b) == 0);
	CHECK(strcmp(a.reason, b.reason) == 0 && b.link[0] == '\0' && b.keyed == 0);
	free(s);
}

static void
messages_are_one_line_of_ascii_or_utf8(void)
{
	struct knock	 k = knock_full();
	struct answer	 a = answer_full(ANSWER_WAIT);
	char		*s;

	s = message_knock(&k);
	CHECK(s != NULL && strchr(s, '\n') == NULL && strlen(s) < 4096);
	free(s);
	s = message_answer(&a);
	CHECK(s != NULL && strchr(s, '\n') == NULL && strlen(s) < 4096);
	free(s);
}

static void
messages_truncated_anywhere_are_refused(void)
{
	struct knock	 k = knock_full();
	struct answer	 a = answer_full(ANSWER_LINK);
	char		*s;
	size_t		 n, len;

	s = message_knock(&k);
	for (len = strlen(s), n = 0; n < len; n++)
		CHECK(knock_hostile(s, n) == 0);
	CHECK(knock_hostile(s, len) == 1);
	free(s);
	s = message_answer(&a);
	for (len = strlen(s), n = 0; n < len; n++)
		CHECK(answer_hostile(s, n) == 0);
	CHECK(answer_hostile(s, len) == 1);
	free(s);
}

static void
any_single_byte_may_change_and_only_sense_is_taken(void)
{
	static const char knock[] = "{\"stage\":\"reduce\",\"run\":\"12-a\",\"nonce\":\"00ff\","
	    "\"subtask\":0,\"parallelism\":1,\"attempt\":0,\"output\":-1}";
	static const char answer[] = "{\"answer\":\"link\",\"stage\":\"keyby\",\"parallelism\":1,"
	    "\"keyed\":true,\"link\":\"ipc:///x\",\"reason\":\"\"}";
	char		s[256];
	size_t		at;
	unsigned	c;

	CHECK(knock_text(knock) == 1);
	CHECK(answer_text(answer) == 1);
	for (at = 0; knock[at] != '\0'; at++)
		for (c = 0; c < 256; c++) {
			memcpy(s, knock, sizeof(knock));
			s[at] = (char)c;
			CHECK(knock_hostile(s, sizeof(knock) - 1) != -1);
		}
	for (at = 0; answer[at] != '\0'; at++)
		for (c = 0; c < 256; c++) {
			memcpy(s, answer, sizeof(answer));
			s[at] = (char)c;
			CHECK(answer_hostile(s, sizeof(answer) - 1) != -1);
		}
}

static void
what_is_no_knock_is_refused(void)
{
	static const char *const none[] = {
		"", " ", "{}", "[]", "null", "1", "\"stage\"", "{", "}", "weir1 /tmp/x", "\n\n",
		"GET / HTTP/1.1\r\n\r\n", "[{\"stage\":\"a\"}]", "{\"stage\":{}}",
	};
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		CHECK(knock_text(none[i]) == 0);
		CHECK(answer_text(none[i]) == 0);
	}
	CHECK(knock_hostile("\0\0\0\0", 4) == 0);
	CHECK(answer_hostile("\xff\xfe\0{", 4) == 0);
}

/* A knock with one field's text replaced; NULL: without the field. */
static int
knock_with(const char *field, const char *value)
{
	static const char *const fields[][2] = {
		{ "stage", "\"reduce\"" }, { "run", "\"12-a\"" }, { "nonce", "\"00ff\"" },
		{ "subtask", "0" }, { "parallelism", "1" }, { "attempt", "0" }, { "output", "0" },
	};
	char	s[4096];
	size_t	i, n = 0;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(field, fields[i][0]) == 0 && value == NULL)
			continue;
		n += (size_t)snprintf(s + n, sizeof(s) - n, "%s\"%s\":%s", n > 0 ? "," : "{",
		    fields[i][0], strcmp(field, fields[i][0]) == 0 ? value : fields[i][1]);
	}
	snprintf(s + n, sizeof(s) - n, "}");
	return (knock_text(s));
}

static void
a_knock_needs_all_its_fields(void)
{
	static const char *const fields[] = {
		"stage", "run", "nonce", "subtask", "parallelism", "attempt", "output",
	};
	size_t i;

	CHECK(knock_with("", "") == 1);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		CHECK(knock_with(fields[i], NULL) == 0);
		CHECK(knock_with(fields[i], "null") == 0);
		CHECK(knock_with(fields[i], "[]") == 0);
		CHECK(knock_with(fields[i], "{}") == 0);
		CHECK(knock_with(fields[i], "true") == 0);
	}
}

static void
names_are_checked_before_they_become_paths(void)
{
	static const char *const	fields[] = { "stage", "run", "nonce" };
	static const char *const	names[] = {
		"\"\"", "\"..\"", "\"../x\"", "\"a/b\"", "\"a b\"", "\"a\\u0000b\"", "\"a\\nb\"",
		"\"\\u00e9\"", "\"a%s\"", "7", "\"\xff\"",
	};
	char				longer[100];
	size_t				i, j;

	for (i = 0; i < 3; i++)
		for (j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			CHECK(knock_with(fields[i], names[j]) == 0);
	memset(longer, 'n', sizeof(longer));
	longer[0] = longer[WEIR_NAME_MAX + 1] = '"';
	longer[WEIR_NAME_MAX + 2] = '\0';
	CHECK(knock_with("stage", longer) == 1);
	longer[WEIR_NAME_MAX + 1] = 'n';
	longer[WEIR_NAME_MAX + 2] = '"';
	longer[WEIR_NAME_MAX + 3] = '\0';
	for (i = 0; i < 3; i++)
		CHECK(knock_with(fields[i], longer) == 0);
}

static void
numbers_out_of_their_range_are_refused(void)
{
	CHECK(knock_with("subtask", "1") == 0);
	CHECK(knock_with("subtask", "-1") == 0);
	CHECK(knock_with("parallelism", "0") == 0);
	CHECK(knock_with("parallelism", "-1") == 0);
	CHECK(knock_with("attempt", "-1") == 0);
	CHECK(knock_with("attempt", "4294967295") == 1);
	CHECK(knock_with("attempt", "4294967296") == 0);
	CHECK(knock_with("output", "-1") == 1);
	CHECK(knock_with("output", "-2") == 0);
	CHECK(knock_with("subtask", "0.0") == 0);
	CHECK(knock_with("subtask", "\"0\"") == 0);
	CHECK(knock_with("attempt", "1e400") == 0);
	CHECK(knock_with("attempt", "99999999999999999999999999") == 0);
	CHECK(knock_with("attempt", "9223372036854775807") == 0);
}

static void
numbers_beyond_an_int_are_not_cut_to_one(void)
{
	CHECK(knock_with("subtask", "4294967296") == 0);
	CHECK(knock_with("subtask", "-4294967296") == 0);
	CHECK(knock_with("parallelism", "4294967297") == 0);
	CHECK(knock_with("output", "4294967295") == 0);
	CHECK(knock_with("output", "4294967296") == 0);
	CHECK(answer_text("{\"answer\":\"link\",\"stage\":\"keyby\",\"parallelism\":4294967297,"
	    "\"keyed\":true,\"link\":\"\",\"reason\":\"\"}") == 0);
}

static void
an_answer_has_to_make_sense(void)
{
#define ANSWER(kind, stage, p, keyed)						\
	"{\"answer\":" kind ",\"stage\":" stage ",\"parallelism\":" p ",\"keyed\":" keyed	\
	",\"link\":\"\",\"reason\":\"\"}"
	CHECK(answer_text(ANSWER("\"wait\"", "\"a\"", "1", "false")) == 1);
	CHECK(answer_text(ANSWER("\"elsewhere\"", "\"a\"", "128", "true")) == 1);
	CHECK(answer_text(ANSWER("\"LINK\"", "\"a\"", "1", "false")) == 0);
	CHECK(answer_text(ANSWER("\"\"", "\"a\"", "1", "false")) == 0);
	CHECK(answer_text(ANSWER("0", "\"a\"", "1", "false")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"a/b\"", "1", "false")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"\"", "1", "false")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"a\"", "0", "false")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"a\"", "-1", "false")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"a\"", "1", "1")) == 0);
	CHECK(answer_text(ANSWER("\"wait\"", "\"a\"", "1", "null")) == 0);
}

static void
an_answer_that_does_not_fit_is_refused_and_not_cut(void)
{
	char	s[4096], x[400];
	size_t	link, reason;

	memset(x, 'x', sizeof(x));
	for (link = 158; link <= 161; link++)
		for (reason = 254; reason <= 257; reason++) {
			snprintf(s, sizeof(s), "{\"answer\":\"wait\",\"stage\":\"a\",\"parallelism\":1,"
			    "\"keyed\":true,\"link\":\"%.*s\",\"reason\":\"%.*s\"}", (int)link, x,
			    (int)reason, x);
			CHECK(answer_text(s) == (link < 160 && reason < 256));
		}
}

static void
deep_nesting_is_refused(void)
{
	static char	s[300000];
	size_t		depth;

	for (depth = 1; depth < sizeof(s); depth *= 7) {
		memset(s, '[', depth);
		CHECK(knock_hostile(s, depth) == 0);
		memset(s + depth / 2, ']', depth - depth / 2);
		CHECK(knock_hostile(s, depth) == 0);
		CHECK(answer_hostile(s, depth) == 0);
	}
}

static void
something_behind_the_message_is_refused(void)
{
	static const char	good[] = "{\"stage\":\"a\",\"run\":\"b\",\"nonce\":\"c\",\"subtask\":0,"
	    "\"parallelism\":1,\"attempt\":0,\"output\":0}";
	char			s[256];

	CHECK(knock_text(good) == 1);
	snprintf(s, sizeof(s), "%s x", good);
	CHECK(knock_text(s) == 0);
	snprintf(s, sizeof(s), "%s%s", good, good);
	CHECK(knock_text(s) == 0);
	CHECK(knock_hostile(good, sizeof(good)) == 0);	/* a NUL is no blank */
}

static void
names_are_letters_digits_underscore_and_hyphen(void)
{
	char		s[WEIR_NAME_MAX + 2] = "x?y";
	unsigned	c;

	for (c = 1; c < 256; c++) {
		s[1] = (char)c;
		CHECK(name_ok(s) == ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-'));
	}
	CHECK(!name_ok(""));
	fill(s, WEIR_NAME_MAX);
	CHECK(name_ok(s));
	fill(s, WEIR_NAME_MAX + 1);
	CHECK(!name_ok(s));
}

int
main(void)
{
	RUN(knocks_come_back);
	RUN(answers_of_all_kinds_come_back);
	RUN(reasons_with_quotes_and_controls_come_back);
	RUN(messages_are_one_line_of_ascii_or_utf8);
	RUN(messages_truncated_anywhere_are_refused);
	RUN(any_single_byte_may_change_and_only_sense_is_taken);
	RUN(what_is_no_knock_is_refused);
	RUN(a_knock_needs_all_its_fields);
	RUN(names_are_checked_before_they_become_paths);
	RUN(numbers_out_of_their_range_are_refused);
	RUN(numbers_beyond_an_int_are_not_cut_to_one);
	RUN(an_answer_has_to_make_sense);
	RUN(an_answer_that_does_not_fit_is_refused_and_not_cut);
	RUN(deep_nesting_is_refused);
	RUN(something_behind_the_message_is_refused);
	RUN(names_are_letters_digits_underscore_and_hyphen);
	DONE();
}
