/*
 * jobfile: job.json is read as it was written, or refused; with base64 and the
 * lines of history.tsv.
 */
#include <errno.h>
#include <inttypes.h>
#include <xxhash.h>

#include "bytes.h"
#include "page.h"
#include "tap.h"

static char	why[512];

static unsigned
chance(unsigned n)
{
	static uint64_t seed = 4711;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((unsigned)(seed >> 20) % n);
}

static struct jobfile_subtask *
add_subtask(struct jobfile_checkpoint *c, const char *stage, unsigned subtask,
    unsigned parallelism, const void *state, size_t statelen)
{
	struct jobfile_subtask *s;

	c->subtask = realloc(c->subtask, (c->nsubtasks + 1) * sizeof(*c->subtask));
	s = &c->subtask[c->nsubtasks++];
	memset(s, 0, sizeof(*s));
	snprintf(s->stage, sizeof(s->stage), "%s", stage);
	s->subtask = subtask;
	s->parallelism = parallelism;
	s->state = malloc(statelen + 1);
	if (statelen > 0)
		memcpy(s->state, state, statelen);
	s->statelen = statelen;
	return (s);
}

static void
add_range(struct jobfile_subtask *s, const char *name, uint64_t start, uint64_t to,
    uint64_t sum)
{
	struct journal_range *r;

	s->range = realloc(s->range, (s->nranges + 1) * sizeof(*s->range));
	r = &s->range[s->nranges++];
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->start = start;
	r->to = to;
	r->sum = sum;
}

static struct jobfile_checkpoint *
add_checkpoint(struct jobfile *f, uint64_t id)
{
	struct jobfile_checkpoint *c;

	f->checkpoint = realloc(f->checkpoint, (f->ncheckpoints + 1) * sizeof(*f->checkpoint));
	c = &f->checkpoint[f->ncheckpoints++];
	memset(c, 0, sizeof(*c));
	c->id = id;
	return (c);
}

/* The one of the page. */
static struct jobfile
small(void)
{
	struct jobfile			 f = { .id = 0x6a09e667f3bcc908, .groups = 128,
					    .attempt = 2, .reserved = 32 };
	struct jobfile_checkpoint	*c = add_checkpoint(&f, 17);

	c->triggered_ms = 1732349531000;
	c->duration_ms = 12;
	add_range(add_subtask(c, "sink", 0, 1, "\x08\x00", 2), "output", 0, 15,
	    XXH3_64bits("apple\t1\nplum\t1\n", 15));
	return (f);
}

/* Two checkpoints, several stages, all out of order. */
static struct jobfile
large(void)
{
	struct jobfile			 f = { .id = 1, .groups = 32768, .attempt = UINT32_MAX,
					    .reserved = INT64_MAX };
	struct jobfile_checkpoint	*c = add_checkpoint(&f, 1);
	struct jobfile_subtask		*s;

	c->kind = JOBFILE_SAVEPOINT;
	add_subtask(c, "source", 0, 1, "", 0);
	c = add_checkpoint(&f, INT64_MAX);
	c->kind = JOBFILE_REQUESTED;
	c->final = 1;
	c->triggered_ms = c->duration_ms = INT64_MAX;
	add_subtask(c, "total", 2, 3, "two", 3);
	add_subtask(c, "source", 0, 1, "\0\xff", 2);
	s = add_subtask(c, "total", 0, 3, "zero", 4);
	s->batches = INT64_MAX;
	add_range(s, "state", INT64_MAX - 1, INT64_MAX, UINT64_MAX);
	add_range(s, "divert-1_x", 9007199254740993, 9007199254740995, 0);
	add_subtask(c, "total", 1, 3, "o", 1);
	add_subtask(c, "a", 0, 1, "", 0);
	return (f);
}

/* Text with a proper end.  Freed by the caller. */
static char *
sealed(const char *json, size_t len, size_t *n)
{
	char *text = malloc(len + 64);

	memcpy(text, json, len);
	*n = len + (size_t)sprintf(text + len, ",\"sum\":\"%016" PRIx64 "\"}\n",
	    (uint64_t)XXH3_64bits(json, len));
	return (text);
}

/* errno of decoding it, 0 if it can be. */
static int
decodes(const char *text, size_t len)
{
	struct jobfile	 f;
	char		*exact = malloc(len > 0 ? len : 1);	/* ASan sees its end */
	int		 r;

	memcpy(exact, text, len);
	why[0] = '\0';
	errno = 0;
	r = jobfile_decode(exact, len, &f, why, sizeof(why)) == -1 ? errno : 0;
	if (r == 0)
		jobfile_free(&f);
	else
		CHECK(f.checkpoint == NULL && f.ncheckpoints == 0 && why[0] != '\0');
	free(exact);
	return (r);
}

/* The same of a text without its end. */
static int
decodes_json(const char *json)
{
	char	*text;
	size_t	 n;
	int	 r;

	text = sealed(json, strlen(json), &n);
	r = decodes(text, n);
	free(text);
	return (r);
}

static void
bytes_in_the_page_are_what_is_written(void)
{
	struct jobfile	 f = small();
	unsigned char	 page[4096];
	size_t		 len, n, i;
	char		*text = jobfile_encode(&f, &len);

	CHECK(text != NULL);
	if (text == NULL)
		return;
	n = page_bytes("man/weir-job.5", 1, page, sizeof(page));
	CHECK(n == len && memcmp(page, text, n) == 0);
	if (tap_bad)
		for (i = 0; i < len; i++)
			printf("%s%02x%s", i % 16 == 0 ? "# " : " ", (unsigned char)text[i],
			    i % 16 == 15 || i + 1 == len ? "\n" : "");
	free(text);
	jobfile_free(&f);
}

static void
what_is_encoded_is_decoded(void)
{
	struct jobfile			 f = large(), g;
	struct jobfile_checkpoint	*c;
	struct jobfile_subtask		*s;
	size_t				 len, again;
	char				*text = jobfile_encode(&f, &len), *second;

	CHECK(text != NULL && strlen(text) == len);
	CHECK(jobfile_decode(text, len, &g, why, sizeof(why)) == 0);
	CHECK(g.id == 1 && g.groups == 32768 && g.attempt == UINT32_MAX &&
	    g.reserved == INT64_MAX && g.ncheckpoints == 2);
	c = &g.checkpoint[0];
	CHECK(c->id == 1 && c->kind == JOBFILE_SAVEPOINT && !c->final && c->nsubtasks == 1);
	CHECK(c->subtask[0].statelen == 0 && c->subtask[0].nranges == 0);
	c = &g.checkpoint[1];
	CHECK(c->id == INT64_MAX && c->kind == JOBFILE_REQUESTED && c->final &&
	    c->triggered_ms == INT64_MAX && c->duration_ms == INT64_MAX && c->nsubtasks == 5);
	CHECK(strcmp(c->subtask[0].stage, "a") == 0);
	s = &c->subtask[1];
	CHECK(strcmp(s->stage, "source") == 0 && s->statelen == 2 &&
	    memcmp(s->state, "\0\xff", 2) == 0);
	s = &c->subtask[2];
	CHECK(strcmp(s->stage, "total") == 0 && s->subtask == 0 && s->parallelism == 3 &&
	    s->batches == INT64_MAX && s->nranges == 2);
	CHECK(strcmp(s->range[0].name, "divert-1_x") == 0 &&
	    s->range[0].start == 9007199254740993 && s->range[0].to == 9007199254740995 &&
	    s->range[0].sum == 0);
	CHECK(strcmp(s->range[1].name, "state") == 0 &&
	    s->range[1].start == INT64_MAX - 1 && s->range[1].to == INT64_MAX &&
	    s->range[1].sum == UINT64_MAX);
	CHECK(c->subtask[3].subtask == 1 && c->subtask[4].subtask == 2 &&
	    memcmp(c->subtask[4].state, "two", 3) == 0);
	second = jobfile_encode(&g, &again);
	CHECK(second != NULL && again == len && memcmp(text, second, len) == 0);
	free(second);
	free(text);
	jobfile_free(&f);
	jobfile_free(&g);
}

static void
a_job_without_checkpoints_is_one(void)
{
	struct jobfile	 f = { .id = UINT64_MAX, .groups = 1 }, g;
	size_t		 len;
	char		*text = jobfile_encode(&f, &len);

	CHECK(text != NULL && jobfile_decode(text, len, &g, why, sizeof(why)) == 0);
	CHECK(g.id == UINT64_MAX && g.groups == 1 && g.attempt == 0 && g.ncheckpoints == 0);
	free(text);
	jobfile_free(&g);
}

static void
every_flipped_bit_is_found(void)
{
	struct jobfile	 f = large();
	size_t		 len, i;
	char		*text = jobfile_encode(&f, &len);
	int		 bit;

	for (i = 0; i < len; i++)
		for (bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			CHECK(decodes(text, len) == EBADMSG);
			CHECK(strstr(why, "damaged") != NULL);
			text[i] ^= (char)(1 << bit);
		}
	CHECK(decodes(text, len) == 0);
	free(text);
	jobfile_free(&f);
}

static void
every_truncation_is_found(void)
{
	struct jobfile	 f = large();
	size_t		 len, i;
	char		*text = jobfile_encode(&f, &len);

	for (i = 0; i < len; i++) {
		CHECK(decodes(text, i) == EBADMSG && strstr(why, "damaged") != NULL);
		CHECK(decodes(text + len - i, i) == EBADMSG);
	}
	text = realloc(text, len + 1);
	for (i = 0; i < 256; i++) {
		text[len] = (char)i;
		CHECK(decodes(text, len + 1) == EBADMSG);
	}
	free(text);
	jobfile_free(&f);
}

static void
a_newer_format_is_named(void)
{
	CHECK(decodes_json("{\"format\":2,\"anything\":{}") == ENOTSUP);
	CHECK(strcmp(why, "has format 2, this weir knows 1: a newer weir made it") == 0);
	CHECK(decodes_json("{\"format\":9223372036854775807") == ENOTSUP);
	CHECK(decodes_json("{\"format\":9223372036854775808") == EBADMSG);
	CHECK(decodes_json("{\"format\":0") == EBADMSG);
	CHECK(decodes_json("{\"format\":-1") == EBADMSG);
	CHECK(decodes_json("{\"format\":1.0") == EBADMSG);
	CHECK(decodes_json("{\"format\":\"1\"") == EBADMSG);
	CHECK(decodes_json("{\"formal\":1") == EBADMSG);
}

/* The small one with one piece of text replaced. */
static int
replaced(const char *old, const char *new)
{
	struct jobfile	 f = small();
	size_t		 len, n;
	char		*text = jobfile_encode(&f, &len), *at, *json, *hostile;
	int		 r = -1;

	text[len - 27] = '\0';
	if ((at = strstr(text, old)) != NULL) {
		json = malloc(len + strlen(new));
		n = (size_t)sprintf(json, "%.*s%s%s", (int)(at - text), text, new,
		    at + strlen(old));
		hostile = sealed(json, n, &n);
		r = decodes(hostile, n);
		free(hostile);
		free(json);
	}
	free(text);
	jobfile_free(&f);
	return (r);
}

#define A_SUBTASK(i, p) "{\"stage\":\"a\",\"subtask\":" i ",\"parallelism\":" p	\
	",\"state\":\"\",\"batches\":0,\"journals\":[]}"

static void
hostile_members_are_refused(void)
{
	static const char *const bad[][2] = {
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":\"6A09E667F3BCC908\"" },
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":\"6a09e667f3bcc90\"" },
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":\"6a09e667f3bcc9080\"" },
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":\"6a09e667f3bcc90g\"" },
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":\"-a09e667f3bcc908\"" },
		{ "\"id\":\"6a09e667f3bcc908\"", "\"id\":1" },
		{ "128", "0" }, { "128", "32769" }, { "128", "-1" }, { "128", "4294967424" },
		{ "128", "128.0" }, { "128", "1e2" }, { "128", "null" }, { "128", "\"128\"" },
		{ "\"attempt\":2", "\"attempt\":4294967296" },
		{ "\"attempt\":2", "\"attempt\":-2" },
		{ "\"attempt\":2", "\"attempt\":2,\"attempt\":2" },
		{ "\"attempt\":2", "\"attempt\":2,\"more\":2" },
		{ "\"attempt\":2,", "" },
		{ "\"reserved\":32", "\"reserved\":16" },
		{ "\"reserved\":32", "\"reserved\":9223372036854775808" },
		{ "\"reserved\":32", "\"reserved\":18446744073709551616" },
		{ "\"id\":17", "\"id\":0" }, { "\"id\":17", "\"id\":-17" },
		{ "\"id\":17", "\"id\":33" }, { "\"id\":17", "\"id\":[17]" },
		{ "[{\"id\":17", "[null,{\"id\":17" }, { "[{\"id\":17", "[[],{\"id\":17" },
		{ "\"checkpoints\":[", "\"checkpoints\":{\"a\":[" },
		{ "periodic", "periodical" }, { "periodic", "" }, { "periodic", "peri\\u0000odic" },
		{ "\"final\":false", "\"final\":0" }, { "\"final\":false", "\"final\":\"no\"" },
		{ "1732349531000", "-1" }, { "\"duration_ms\":12", "\"duration_ms\":-12" },
		{ "\"stage\":\"sink\"", "\"stage\":\"\"" },
		{ "\"stage\":\"sink\"", "\"stage\":\"../sink\"" },
		{ "\"stage\":\"sink\"", "\"stage\":\"sink.0\"" },
		{ "\"stage\":\"sink\"", "\"stage\":\"s\xc3\xadnk\"" },
		{ "\"stage\":\"sink\"", "\"stage\":\"s\xffnk\"" },
		{ "\"stage\":\"sink\"", "\"stage\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaa\"" },
		{ "\"subtask\":0", "\"subtask\":1" }, { "\"subtask\":0", "\"subtask\":-1" },
		{ "\"subtask\":0", "\"subtask\":4294967296" },
		{ "\"parallelism\":1", "\"parallelism\":0" },
		{ "\"parallelism\":1", "\"parallelism\":2" },
		{ "\"parallelism\":1", "\"parallelism\":129" },
		{ "\"parallelism\":1", "\"parallelism\":4294967297" },
		{ "\"CAA=\"", "\"CAA\"" }, { "\"CAA=\"", "\"CAB=\"" }, { "\"CAA=\"", "\"C===\"" },
		{ "\"CAA=\"", "\"CA=A\"" }, { "\"CAA=\"", "\"====\"" }, { "\"CAA=\"", "\"CA-=\"" },
		{ "\"CAA=\"", "\"CAA=CAA=\"" }, { "\"CAA=\"", "7" },
		{ "\"batches\":0", "\"batches\":-1" }, { "\"batches\":0", "\"batches\":0.5" },
		{ "\"name\":\"output\"", "\"name\":\"out/put\"" },
		{ "\"name\":\"output\"", "\"name\":\"..\"" },
		{ "\"start\":0", "\"start\":16" }, { "\"start\":0", "\"start\":-1" },
		{ "\"to\":15", "\"to\":9223372036854775808" },
		{ "\"to\":15", "\"to\":15,\"sum\":\"0000000000000000\"" },
		{ "\"journals\":[", "\"journals\":[7," },
		{ "\"journals\":[{", "\"journals\":[{\"name\":\"output\",\"start\":0,\"to\":0,"
		    "\"sum\":\"0000000000000000\"},{" },
		{ "\"journals\":[{", "\"journals\":[{\"name\":\"p\",\"start\":0,\"to\":0,"
		    "\"sum\":\"0000000000000000\"},{" },
		{ "{\"stage\"", A_SUBTASK("0", "2") ",{\"stage\"" },
		{ "{\"stage\"", A_SUBTASK("1", "2") ",{\"stage\"" },
		{ "{\"stage\"", A_SUBTASK("0", "2") "," A_SUBTASK("1", "3") ",{\"stage\"" },
		{ "{\"stage\"", A_SUBTASK("0", "1") "," A_SUBTASK("0", "1") ",{\"stage\"" },
		{ "}]}]}]", "}]}," A_SUBTASK("0", "1") "]}]" },
		{ "{\"format\":1", "{\"format\":1,\"format\":1" },
		{ "{\"format\":1", "[{\"format\":1" },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(replaced(bad[i][0], bad[i][1]) == EBADMSG);
		if (tap_bad) {
			printf("# %s -> %s: %s\n", bad[i][0], bad[i][1], why);
			return;
		}
	}
	CHECK(replaced("\"attempt\":2", "\"attempt\": 3") == 0);
	CHECK(replaced("{\"stage\"", A_SUBTASK("0", "1") ",{\"stage\"") == 0);
	CHECK(replaced("{\"stage\"", A_SUBTASK("0", "2") "," A_SUBTASK("1", "2")
	    ",{\"stage\"") == 0);
	CHECK(replaced("\"journals\":[{", "\"journals\":[{\"name\":\"a\",\"start\":0,\"to\":0,"
	    "\"sum\":\"0000000000000000\"},{") == 0);
}

static void
deep_nesting_is_refused(void)
{
	char	*json = malloc(2000000), *text;
	size_t	 n = (size_t)sprintf(json, "{\"format\":1,\"checkpoints\":"), len;

	memset(json + n, '[', 1000000);
	text = sealed(json, n + 1000000, &len);
	CHECK(decodes(text, len) == EBADMSG);
	free(text);
	free(json);
}

/* Pieces of text exchanged, doubled, dropped, bytes changed; always with a right
 * sum, so that all of it gets to the parser. */
static void
no_text_makes_it_crash(void)
{
	struct jobfile	 f = large(), g;
	size_t		 len, n, m, at, piece;
	char		*text = jobfile_encode(&f, &len), *json, *hostile, *again;
	int		 i, k, good = 0;

	json = malloc(4 * len);
	for (i = 0; i < 20000; i++) {
		memcpy(json, text, len - 27);
		n = len - 27;
		for (k = 1 + (int)chance(3); k > 0; k--) {
			at = chance((unsigned)n);
			piece = chance(12);
			if (at + piece > n || n > 3 * len)
				continue;
			switch (chance(4)) {
			case 0:
				json[at] = "0123456789-.eE\"{}[],:\\ntu"[chance(25)];
				break;
			case 1:
				memmove(json + at, json + at + piece, n - at - piece);
				n -= piece;
				break;
			case 2:
				memmove(json + at + piece, json + at, n - at);
				n += piece;
				break;
			case 3:
				json[at] = (char)chance(256);
				break;
			}
		}
		hostile = sealed(json, n, &m);
		if (jobfile_decode(hostile, m, &g, why, sizeof(why)) == 0) {
			good++;
			CHECK((again = jobfile_encode(&g, &at)) != NULL);
			free(again);
			jobfile_free(&g);
		}
		free(hostile);
	}
	CHECK(good > 0 && good < 10000);
	free(json);
	free(text);
	jobfile_free(&f);
}

static void
a_misfit_is_not_encoded(void)
{
	struct jobfile	 f;
	size_t		 len;
	int		 i;

	for (i = 0; i < 12; i++) {
		f = large();
		switch (i) {
		case 0: f.groups = 0; break;
		case 1: f.groups = 32769; break;
		case 2: f.reserved = (uint64_t)INT64_MAX + 1; break;
		case 3: f.checkpoint[1].id = 1; break;
		case 4: f.checkpoint[0].id = 0; break;
		case 5: f.reserved = INT64_MAX - 1; break;
		case 6: f.checkpoint[1].subtask[0].subtask = 3; break;
		case 7: f.checkpoint[1].subtask[0].subtask = 1; break;
		case 8: f.checkpoint[1].subtask[2].range[0].start = INT64_MAX; break;
		case 9: f.checkpoint[1].subtask[2].range[1].name[3] = '.'; break;
		case 10: f.checkpoint[1].kind = (enum jobfile_kind)3; break;
		case 11: f.checkpoint[1].subtask[2].statelen = JOBFILE_STATE + 1; break;
		}
		if (i == 8)
			f.checkpoint[1].subtask[2].range[0].to--;
		errno = 0;
		if (i == 8)
			CHECK(f.checkpoint[1].subtask[2].range[0].start >
			    f.checkpoint[1].subtask[2].range[0].to);
		CHECK(jobfile_encode(&f, &len) == NULL && errno == EINVAL);
		if (tap_bad)
			printf("# case %d\n", i);
		jobfile_free(&f);
	}
}

static void
operator_state_may_be_five_mebibytes(void)
{
	struct jobfile		 f = small(), g;
	struct jobfile_subtask	*s = &f.checkpoint[0].subtask[0];
	size_t			 len, i;
	char			*text;

	s->state = realloc(s->state, JOBFILE_STATE);
	s->statelen = JOBFILE_STATE;
	for (i = 0; i < s->statelen; i++)
		((unsigned char *)s->state)[i] = (unsigned char)(i * 31 + i / 256);
	text = jobfile_encode(&f, &len);
	CHECK(text != NULL && jobfile_decode(text, len, &g, why, sizeof(why)) == 0);
	CHECK(g.checkpoint[0].subtask[0].statelen == JOBFILE_STATE &&
	    memcmp(g.checkpoint[0].subtask[0].state, s->state, JOBFILE_STATE) == 0);
	free(text);
	jobfile_free(&f);
	jobfile_free(&g);
}

/*
 * base64
 */

static void
base64_is_that_of_the_rfc(void)
{
	static const char *const vectors[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
	};
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zg==\n", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9",
		"Zm-_", "=m9v", "Zm9v=", "Zm=v", "\xff\xff\xff\xff",
	};
	char	*text;
	void	*data;
	size_t	 i, n;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		text = base64_encode(vectors[i][0], strlen(vectors[i][0]), &n);
		CHECK(text != NULL && strcmp(text, vectors[i][1]) == 0 && n == strlen(text));
		free(text);
		CHECK(base64_decode(vectors[i][1], strlen(vectors[i][1]), &data, &n) == 0);
		CHECK(n == strlen(vectors[i][0]) && memcmp(data, vectors[i][0], n) == 0);
		free(data);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		CHECK(base64_decode(bad[i], strlen(bad[i]), &data, &n) == -1 && errno == EBADMSG);
	}
}

static void
base64_has_one_text_for_the_same_bytes(void)
{
	unsigned char	 bytes[64];
	char		*text, *again;
	void		*data;
	size_t		 n, m, k, i;
	int		 round;

	for (round = 0; round < 2000; round++) {
		n = chance(sizeof(bytes));
		for (i = 0; i < n; i++)
			bytes[i] = (unsigned char)chance(256);
		text = base64_encode(bytes, n, &m);
		CHECK(base64_decode(text, m, &data, &k) == 0 && k == n &&
		    memcmp(data, bytes, n) == 0);
		free(data);
		if (m > 0) {
			text[chance((unsigned)m)] = (char)chance(256);
			if (base64_decode(text, m, &data, &k) == 0) {
				again = base64_encode(data, k, &n);
				CHECK(n == m && memcmp(again, text, m) == 0);
				free(again);
				free(data);
			}
		}
		free(text);
	}
}

/*
 * history.tsv
 */

static void
a_line_of_history_is_nine_columns(void)
{
	struct history	 h = { .id = 17, .kind = JOBFILE_PERIODIC, .start_ms = 1732349531000,
			    .duration_ms = 600000, .bytes = 4096, .acks = 2, .subtasks = 3,
			    .slowest = "reduce.1", .why = "timeout:\treduce.1\nhas \\ not" };
	struct history	 g;
	struct buf	 b = { 0 };
	const char	*want = "17\tperiodic\taborted\t1732349531000\t600000\t4096\t2/3\treduce.1"
			    "\ttimeout:\\treduce.1\\nhas \\\\ not\n";

	CHECK(history_encode(&b, &h) == 0);
	CHECK(b.len == strlen(want) && memcmp(b.data, want, b.len) == 0);
	CHECK(history_decode((char *)b.data, b.len - 1, &g) == 0);
	CHECK(memcmp(&h, &g, sizeof(h)) == 0);
	buf_free(&b);
	memset(&b, 0, sizeof(b));
	memset(&h, 0, sizeof(h));
	h.id = INT64_MAX;
	h.kind = JOBFILE_SAVEPOINT;
	h.completed = 1;
	memset(h.why, '\n', sizeof(h.why) - 1);
	memset(h.slowest, '\\', sizeof(h.slowest) - 1);
	CHECK(history_encode(&b, &h) == 0);
	CHECK(history_decode((char *)b.data, b.len - 1, &g) == 0);
	CHECK(memcmp(&h, &g, sizeof(h)) == 0);
	buf_free(&b);
}

static void
other_lines_are_no_history(void)
{
	static const char *const bad[] = {
		"", "\t\t\t\t\t\t\t\t", "17\tperiodic\tcompleted\t1\t1\t1\t1/1\tx",
		"17\tperiodic\tcompleted\t1\t1\t1\t1/1\tx\t\t", "x\tperiodic\tcompleted\t1\t1\t1\t1/1\tx\t",
		"17\tnever\tcompleted\t1\t1\t1\t1/1\tx\t", "17\tperiodic\tdone\t1\t1\t1\t1/1\tx\t",
		"17\tperiodic\tcompleted\t-1\t1\t1\t1/1\tx\t", "17\tperiodic\tcompleted\t1\t1\t1\t1\tx\t",
		"17\tperiodic\tcompleted\t1\t1\t1\t1/99999999999\tx\t",
	};
	struct history	 h;
	char		 line[4096];
	size_t		 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(history_decode(bad[i], strlen(bad[i]), &h) == -1 && errno == EBADMSG);
	CHECK(history_decode("17\tperiodic\tcompleted\t1\t1\t1\t1/1\tx\t", 34, &h) == 0);
	memset(line, 'a', sizeof(line));
	CHECK(history_decode(line, sizeof(line), &h) == -1);
	for (i = 0; i < 20000; i++) {
		memcpy(line, "17\tperiodic\tcompleted\t1\t1\t1\t1/1\tx\ty\\z\\", 39);
		line[chance(39)] = (char)chance(256);
		line[chance(39)] = (char)chance(256);
		(void)history_decode(line, 39, &h);
	}
}

int
main(void)
{
	RUN(bytes_in_the_page_are_what_is_written);
	RUN(what_is_encoded_is_decoded);
	RUN(a_job_without_checkpoints_is_one);
	RUN(every_flipped_bit_is_found);
	RUN(every_truncation_is_found);
	RUN(a_newer_format_is_named);
	RUN(hostile_members_are_refused);
	RUN(deep_nesting_is_refused);
	RUN(no_text_makes_it_crash);
	RUN(a_misfit_is_not_encoded);
	RUN(operator_state_may_be_five_mebibytes);
	RUN(base64_is_that_of_the_rfc);
	RUN(base64_has_one_text_for_the_same_bytes);
	RUN(a_line_of_history_is_nine_columns);
	RUN(other_lines_are_no_history);
	DONE();
}
