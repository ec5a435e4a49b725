/* manifest: what a savepoint says of itself, and what is taken of it. */
#include <errno.h>
#include <xxhash.h>

#include "manifest.h"
#include "tap.h"

static const char head[] =
    "weir-savepoint\t1\n"
    "job\t6a09e667f3bcc908\n"
    "groups\t128\n"
    "reserved\t57\n"
    "checkpoint\t41\tsavepoint\topen\t1732349531000\t12\n";

static const char body[] =
    "stage\treduce\t2\tleveldb\n"
    "state\treduce\treduce\tQN\n"
    "state\treduce\tchanged\t\n"
    "part\treduce\t0\tstage\ttext\ta\\tb\n"
    "part\treduce\t1\tstage\tbase64\tAAE=\n"
    "stage\tsink\t1\t-\n"
    "part\tsink\t0\toutput:output\tbase64\tAAAAAAAAAAA=\n"
    "journal\tsink\t0\tepochs\t10\t30\t20\twhole\n"
    "journal\tsink\t0\toutput\t5\t5\t-\tgap\n"
    "file\treduce.tsv\t30\t0123456789abcdef\n"
    "file\tsink.0.epochs\t20\t00000000000000ff\n";

static char	text[8192];
static char	why[256];

/* text: the parts with a sum at their end. */
static size_t
seal(const char *a, const char *b)
{
	size_t n = (size_t)snprintf(text, sizeof(text), "%s%s", a, b);

	return (n + (size_t)snprintf(text + n, sizeof(text) - n, "sum\t%016llx\n",
	    (unsigned long long)XXH3_64bits(text, n)));
}

static int
decode(struct manifest *m, size_t len)
{
	int sum, r = manifest_decode(m, text, len, &sum, why, sizeof(why));

	return (r == -1 ? -1 : sum);
}

/* Head and body, each with one thing replaced by another, are refused so. */
static int
refused(const char *part, const char *what, const char *by, const char *want)
{
	struct manifest	 m;
	char		 changed[4096];
	const char	*at = strstr(part, what);
	size_t		 n = (size_t)(at - part);

	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)n, part, by, at + strlen(what));
	n = part == head ? seal(changed, body) : seal(head, changed);
	if (decode(&m, n) == -1 && strcmp(why, want) == 0)
		return (1);
	printf("# %s\n", why);
	return (0);
}

static void
manifest_is_the_same_text_again(void)
{
	struct manifest	m;
	struct buf	b = { 0 };
	size_t		n = seal(head, body);

	CHECK(decode(&m, n) == 1);
	CHECK(m.id == 41 && m.nstages == 2 && m.nfiles == 2);
	CHECK(m.stage[0].nstates == 2 && m.stage[0].state[1].layout == NULL);
	CHECK(strcmp(m.stage[0].state[0].layout, "QN") == 0);
	CHECK(m.stage[0].part[0].len == 3 && memcmp(m.stage[0].part[0].data, "a\tb", 3) == 0);
	CHECK(m.stage[0].part[1].len == 2 && memcmp(m.stage[0].part[1].data, "\0\1", 2) == 0);
	CHECK(m.stage[1].journal[0].published == 20 &&
	    m.stage[1].journal[1].published == MANIFEST_NOT);
	CHECK(manifest_encode(&b, &m) == 0 && b.len == n && memcmp(b.data, text, n) == 0);
	buf_free(&b);
	manifest_free(&m);
}

static void
manifest_tells_a_sum_that_differs(void)
{
	struct manifest	m;
	size_t		n = seal(head, body);

	*strstr(text, "128") = '2';
	CHECK(decode(&m, n) == 0 && m.groups == 228);
	manifest_free(&m);
}

static void
manifest_cut_short_anywhere_is_refused(void)
{
	struct manifest	m;
	size_t		n = seal(head, body), i;
	int		bad = 0;

	for (i = 0; i < n; i++)
		bad |= decode(&m, i) != -1 || errno != EBADMSG || why[0] != ':';
	CHECK(!bad);
}

static void
manifest_with_any_byte_changed_is_refused_or_told(void)
{
	struct manifest	m;
	size_t		n = seal(head, body), i;
	int		r, bad = 0;

	for (i = 0; i < n; i++) {
		n = seal(head, body);
		text[i] ^= 1;
		if ((r = decode(&m, n)) == 1)
			bad = 1;
		if (r != -1)
			manifest_free(&m);
	}
	CHECK(!bad);
}

static void
manifest_of_a_newer_weir_is_refused(void)
{
	struct manifest	m;
	size_t		n = seal("weir-savepoint\t2\nwhat\tever\n", "");

	CHECK(decode(&m, n) == -1 && errno == ENOTSUP);
	CHECK(strcmp(why, ":1: has format 2, this weir knows 1: a newer weir made it") == 0);
	n = seal("[]\n", "");
	CHECK(decode(&m, n) == -1 && errno == EBADMSG);
	CHECK(strcmp(why, ":1: not the manifest of a savepoint") == 0);
}

static void
manifest_names_the_line_that_does_not_fit(void)
{
	CHECK(refused(head, "job\t", "jobs\t", ":2: not a line of a savepoint at this place"));
	CHECK(refused(head, "6a09", "6A09", ":2: column 2 is not 16 hexadecimal digits"));
	CHECK(refused(head, "128", "0128", ":3: column 2 is no number, or out of range"));
	CHECK(refused(head, "128", "40000", ":3: column 2 is no number, or out of range"));
	CHECK(refused(head, "128", "0", ":5: a number of key groups of 0"));
	CHECK(refused(head, "41", "58", ":5: column 2 is no number, or out of range"));
	CHECK(refused(head, "open", "shut",
	    ":5: column 4 is \"shut\", which is not known there"));
	CHECK(refused(body, "\t2\t", "\t0\t", ":6: a stage without subtasks"));
	CHECK(refused(body, "stage\tsink", "stage\tall", ":11: stages are out of order"));
	CHECK(refused(body, "changed", "reduce", ":8: not a line of a savepoint at this place"));
	CHECK(refused(body, "QN", "QY", ":7: column 4 is no layout"));
	CHECK(refused(body, "part\treduce\t1", "part\treduce\t2",
	    ":10: column 3 is no number, or out of range"));
	CHECK(refused(body, "a\\tb", "a\\qb", ":9: column 6 is not escaped text"));
	CHECK(refused(body, "AAE=", "AAF=", ":10: column 6 is not base64"));
	CHECK(refused(body, "\t10\t30", "\t31\t30", ":13: a journal ends before it starts"));
	CHECK(refused(body, "epochs\t", "zz\t", ":14: journals are out of order"));
	CHECK(refused(body, "reduce.tsv", "../a.tsv", ":15: column 2 is no file's name"));
	CHECK(refused(body, "sink.0.epochs\t20", "sink.0.epochs\t-1",
	    ":16: column 3 is no number, or out of range"));
}

int
main(void)
{
	RUN(manifest_is_the_same_text_again);
	RUN(manifest_tells_a_sum_that_differs);
	RUN(manifest_cut_short_anywhere_is_refused);
	RUN(manifest_with_any_byte_changed_is_refused_or_told);
	RUN(manifest_of_a_newer_weir_is_refused);
	RUN(manifest_names_the_line_that_does_not_fit);
	DONE();
}
