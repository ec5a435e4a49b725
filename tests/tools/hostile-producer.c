/*
 * hostile-producer: a stage that does wrong on purpose, in front of a real one.
 *
 *	hostile-producer [-k] [-s SEED] CASE
 *
 * Makes a run directory and a door, writes its address line, answers its
 * consumer's knock, sends a stream frame (-k: of a keyed stream), takes credit 0
 * and then does what CASE says.  Exits 0 when the consumer has left, 3 when it
 * had nothing against it in 10 s.  Case "good" does no wrong: it tells that the
 * rest of this file speaks as a stage does.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/rep.h>

#include "hostile.h"
#include "io.h"

#define SLOT	65536U

static struct rundir	*dir;
static nng_socket	 door, pair;
static atomic_int	 left;		/* the consumer has */
static uint64_t		 seed = 1, seq;
static uint32_t		 attempt;
static int		 keyed;
static struct arena	*arena;
static struct frame_stream stream = {
	.stage = "hostile", .parallelism = 1, .separator = '\t', .record_max = 1 << 20,
};

static void
say_left(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	(void)p;
	(void)ev;
	(void)arg;
	atomic_store(&left, 1);
}

static void
wait_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* A message of these bytes; what a consumer that leaves does not take is lost. */
static void
put(const void *bytes, size_t len)
{
	nng_msg	*m;
	int	 i;

	nng_must("message", nng_msg_alloc(&m, 0));
	nng_must("message", nng_msg_append(m, bytes, len));
	for (i = 0; i < HOSTILE_MS / 10 && !left; i++)
		if (nng_sendmsg(pair, m, 0) == 0)
			return;
	nng_msg_free(m);
}

static void
put_buf(struct buf *b)
{
	put(b->data, b->len);
	buf_free(b);
}

/* A data frame with everything inside: entries, keys, text. */
static void
data_build(struct buf *b, struct frame *f)
{
	f->type = FRAME_DATA;
	f->attempt = attempt;
	f->seq = ++seq;
	f->origin = "hostile";
	f->originlen = 7;
	if (frame_encode(b, f) == -1 ||
	    (f->index.arena == FRAME_INSIDE &&
	    buf_add(b, f->index_at, f->count * sizeof(struct entry)) == -1) ||
	    (f->keys.arena == FRAME_INSIDE && buf_add(b, f->keys_at, f->keyslen) == -1) ||
	    (f->text.arena == FRAME_INSIDE && buf_add(b, f->text_at, f->textlen) == -1))
		err(HOSTILE_OWN, "frame");
}

static struct frame
inside(const char *text, const struct entry *entries, uint32_t count)
{
	struct frame f = { .text_at = text, .textlen = (uint32_t)strlen(text),
	    .index_at = entries, .count = count };

	f.text.arena = f.index.arena = f.keys.arena = FRAME_INSIDE;
	return (f);
}

static void
put_frame(struct frame f)
{
	struct buf b = { 0 };

	data_build(&b, &f);
	put_buf(&b);
}

/* One record "a", keyed by itself if the stream is keyed. */
static void
put_record(void)
{
	static const struct entry	one = { .len = 1, .keylen = 1, .hash = 1 };

	put_frame(inside("a\n", keyed ? &one : NULL, (uint32_t)keyed));
}

static void
put_plain(struct frame f)
{
	struct buf b = { 0 };

	f.attempt = attempt;
	if (frame_encode(&b, &f) == -1)
		err(HOSTILE_OWN, "frame");
	put_buf(&b);
}

static void
put_stream(void)
{
	struct buf b = { 0 };

	if (frame_encode_stream(&b, attempt, &stream) == -1)
		err(HOSTILE_OWN, "frame");
	put_buf(&b);
}

static void
put_end(void)
{
	put_plain((struct frame){ .type = FRAME_END, .seq = ++seq, .kind = FRAME_EOF });
}

/* 1: a credit came, and what it was for. */
static int
take_credit(uint64_t *upto)
{
	struct frame	 f;
	nng_msg		*m;
	int		 i, ok;

	for (i = 0; nng_recvmsg(pair, &m, 0) != 0; i++)
		if (i == HOSTILE_MS / 10 || left)
			return (0);
	ok = frame_decode(nng_msg_body(m), nng_msg_len(m), &f) == 0 && f.type == FRAME_CREDIT;
	*upto = f.seq;
	nng_msg_free(m);
	return (ok);
}

/* The cases, after credit 0. */

static void
await_end(void)
{
	uint64_t upto = 0;

	while (upto < seq)
		if (!take_credit(&upto))
			errx(HOSTILE_OWN, "no credit for my end");
	exit(0);
}

static void
good(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		put_record();
	put_end();
	await_end();
}

static void
empty(void)
{
	put("", 0);
}

static void
noise(void)
{
	unsigned char bytes[512];

	chance_fill(&seed, bytes, sizeof(bytes));
	put(bytes, chance(&seed) % sizeof(bytes));
}

/* A good frame in which some bytes of the head have changed. */
static void
flipped(void)
{
	static const struct entry one = { .len = 1, .keylen = 1, .hash = 1 };
	struct frame	f = inside("a\n", &one, 1);
	struct buf	b = { 0 };
	unsigned	i;

	data_build(&b, &f);
	for (i = 0; i < 4; i++)
		b.data[chance(&seed) % b.len] = (unsigned char)(chance(&seed) >> 56);
	put_buf(&b);
}

static void
truncated(void)
{
	struct frame	f = inside("abc\n", NULL, 0);
	struct buf	b = { 0 };

	data_build(&b, &f);
	b.len = chance(&seed) % b.len;
	put_buf(&b);
}

static void
trailing(void)
{
	struct frame	f = inside("abc\n", NULL, 0);
	struct buf	b = { 0 };

	data_build(&b, &f);
	buf_add(&b, "more", 4);
	put_buf(&b);
}

static void
older(void)
{
	struct frame	f = inside("abc\n", NULL, 0);
	struct buf	b = { 0 };

	data_build(&b, &f);
	b.data[1]++;			/* the version */
	put_buf(&b);
}

static void
other_attempt(void)
{
	attempt = 7;
	put_record();
}

static void
gap(void)
{
	put_record();
	seq++;
	put_record();
}

static void
repeated(void)
{
	put_record();
	seq--;
	put_record();
}

static void
backwards(void)
{
	put_plain((struct frame){ .type = FRAME_CREDIT, .seq = 0 });
}

static void
barrier(void)
{
	put_plain((struct frame){ .type = FRAME_BARRIER, .seq = ++seq, .checkpoint = 1 });
}

static void
strange_end(void)
{
	put_plain((struct frame){ .type = FRAME_END, .seq = ++seq, .kind = 9 });
}

/* No end of it: a flood that does not wait for credit, and then leaving. */
static void
flood(void)
{
	char	*text = malloc(1 << 20);
	int	 i;

	if (text == NULL)
		err(HOSTILE_OWN, "malloc");
	memset(text, 'a', (1 << 20) - 2);
	memcpy(text + (1 << 20) - 2, "\n", 2);
	for (i = 0; i < 600; i++)
		put_frame(inside(text, NULL, 0));
	exit(0);
}

/* A frame that says a count of 2^32 - 1. */
static void
many(void)
{
	struct frame	f = inside("abc\n", NULL, 0);
	struct buf	b = { 0 };

	data_build(&b, &f);
	memset(b.data + 16, 0xff, 4);
	put_buf(&b);
}

/* As long as nng lets it be: only this is more than a frame of 1 MiB records. */
static void
monster(void)
{
	size_t	 len = 200U << 20;
	char	*bytes = calloc(1, len);

	if (bytes == NULL)
		err(HOSTILE_OWN, "calloc");
	put(bytes, len);
	free(bytes);
}

static void
unended(void)
{
	put_frame(inside("abc\ndef", NULL, 0));
}

static void
bare(void)
{
	put_frame(inside("abc\n", NULL, 0));	/* of a keyed stream: no index */
}

static void
entry(struct entry e)
{
	put_frame(inside("abc\n", &e, 1));
}

static void
entry_offset(void)
{
	entry((struct entry){ .offset = 0xfffffff0, .len = 1 });
}

static void
entry_length(void)
{
	entry((struct entry){ .len = 4 });	/* its newline lies outside */
}

static void
entry_key(void)
{
	entry((struct entry){ .len = 3, .key = 3, .keylen = 2 });
}

static void
entry_aside(void)
{
	entry((struct entry){ .len = 3, .key = ENTRY_ASIDE | 0x7fffffff, .keylen = 0xffffffff });
}

static void
entry_inner(void)
{
	entry((struct entry){ .len = 1, .keylen = 1 });	/* no newline behind it */
}

static void
by_reference(uint32_t number, uint32_t slot, uint32_t offset, uint32_t len)
{
	struct frame f = inside("", NULL, 0);

	f.text.arena = number;
	f.text.slot = slot;
	f.text.offset = offset;
	f.textlen = len;
	put_frame(f);
}

static void
ref_arena(void)
{
	by_reference(5, 0, 0, 2);
}

static void
ref_slot(void)
{
	by_reference(0, 2, 0, 2);
}

static void
ref_offset(void)
{
	by_reference(0, 1, SLOT - 1, 2);
}

static void
ref_length(void)
{
	by_reference(0, 0, 0, 0xffffffff);
}

static void
ref_index(void)
{
	struct frame f = inside("abc\n", NULL, 0);

	f.index.offset = 2;			/* not where an entry may lie */
	f.index.arena = 0;
	f.count = 1;
	put_frame(f);
}

/* The memory that the consumer has mapped is no longer there. */
static void
shrunk(void)
{
	struct frame_arena	desc;
	int			fd;

	arena_describe(arena, &desc);
	if ((fd = shm_open(desc.name, O_RDWR, 0)) == -1 || ftruncate(fd, 0) == -1)
		err(HOSTILE_OWN, "%s", desc.name);
	by_reference(0, 0, 0, 100);
}

/* Text and index change all the time while they are read. */
static void
changing(void)
{
	struct entry	*entries = (struct entry *)(void *)arena_at(arena, 1);
	char		*text = arena_at(arena, 0);
	struct frame	 f = inside("", NULL, 0);
	uint64_t	 upto = 0;
	uint32_t	 i;
	int		 n;

	f.text.arena = f.index.arena = 0;
	f.index.slot = 1;
	f.textlen = SLOT;
	f.count = SLOT / sizeof(struct entry);
	for (n = 0; n < 200 && !left; n++) {
		memset(text, '\n', SLOT);
		for (i = 0; i < f.count; i++)
			entries[i] = (struct entry){ .offset = i, .key = i, .hash = i };
		put_frame(f);
		for (i = 0; i < 20000; i++) {
			text[chance(&seed) % SLOT] = (char)(chance(&seed) >> 56);
			((char *)entries)[chance(&seed) % SLOT] = (char)(chance(&seed) >> 56);
		}
		if (!take_credit(&upto))
			break;
	}
}

static void
second_stream(void)
{
	put_stream();
}

static void
behind_end(void)
{
	put_record();
	put_end();
	put_record();
	seq--;
	await_end();
}

static void
nothing(void)
{
	exit(0);
}

/* The cases in which the stream frame is wrong. */

static void
stream_flipped(void)
{
	struct buf	b = { 0 };
	unsigned	i;

	stream.header = "one\ttwo";
	stream.headerlen = 7;
	if (frame_encode_stream(&b, attempt, &stream) == -1)
		err(HOSTILE_OWN, "frame");
	for (i = 0; i < 4; i++)
		b.data[chance(&seed) % b.len] = (unsigned char)(chance(&seed) >> 56);
	b.data[0] = FRAME_STREAM;
	b.data[1] = 99;
	put_buf(&b);
}

static void
stream_stage(void)
{
	strcpy(stream.stage, "../../etc");
	put_stream();
}

static void
stream_separator(void)
{
	stream.separator = 4711;
	put_stream();
}

static void
stream_subtask(void)
{
	stream.subtask = 1;
	put_stream();
}

static void
stream_arenas(void)
{
	struct buf b = { 0 };

	if (frame_encode_stream(&b, attempt, &stream) == -1)
		err(HOSTILE_OWN, "frame");
	memset(b.data + b.len - 4, 0xff, 4);
	put_buf(&b);
}

static void
stream_arena(const char *name, uint32_t slots, uint64_t bytes)
{
	stream.narenas = 1;
	snprintf(stream.arenas[0].name, sizeof(stream.arenas[0].name), "%s", name);
	stream.arenas[0].slots = slots;
	stream.arenas[0].slot_bytes = bytes;
	put_stream();
}

static void
arena_absent(void)
{
	stream_arena("/weir-none", 1, SLOT);
}

static void
arena_foreign(void)
{
	stream_arena("/../../etc/passwd", 1, 10);
}

static void
arena_overflow(void)
{
	stream_arena("/weir-none", 65536, UINT64_MAX / 65536 + 1);
}

static void
arena_longer(void)
{
	struct frame_arena desc;

	arena = arena_create(dir, "longer", 2, SLOT, SLOT, 1);
	arena_describe(arena, &desc);
	stream_arena(desc.name, 3, SLOT);
}

static const struct {
	const char	*name;
	int		 before;	/* instead of the stream frame and credit 0 */
	int		 shares;	/* memory */
	void		 (*act)(void);
} cases[] = {
	{ "good", 0, 0, good }, { "empty", 0, 0, empty }, { "noise", 0, 0, noise },
	{ "flipped", 0, 0, flipped }, { "truncated", 0, 0, truncated },
	{ "trailing", 0, 0, trailing }, { "version", 0, 0, older },
	{ "attempt", 0, 0, other_attempt }, { "gap", 0, 0, gap },
	{ "repeated", 0, 0, repeated }, { "credit", 0, 0, backwards },
	{ "barrier", 0, 0, barrier }, { "end", 0, 0, strange_end },
	{ "flood", 0, 0, flood }, { "many", 0, 0, many }, { "monster", 0, 0, monster },
	{ "unended", 0, 0, unended }, { "bare", 0, 0, bare },
	{ "offset", 0, 0, entry_offset }, { "length", 0, 0, entry_length },
	{ "key", 0, 0, entry_key }, { "aside", 0, 0, entry_aside },
	{ "inner", 0, 0, entry_inner },
	{ "ref-arena", 0, 1, ref_arena }, { "ref-slot", 0, 1, ref_slot },
	{ "ref-offset", 0, 1, ref_offset }, { "ref-length", 0, 1, ref_length },
	{ "ref-index", 0, 1, ref_index },
	{ "shrunk", 0, 1, shrunk }, { "changing", 0, 1, changing },
	{ "second", 0, 0, second_stream }, { "behind", 0, 0, behind_end },
	{ "nothing", 0, 0, nothing },
	{ "stream-none", 1, 0, put_record }, { "stream-noise", 1, 0, noise },
	{ "stream-flipped", 1, 0, stream_flipped }, { "stream-stage", 1, 0, stream_stage },
	{ "stream-separator", 1, 0, stream_separator },
	{ "stream-subtask", 1, 0, stream_subtask }, { "stream-arenas", 1, 0, stream_arenas },
	{ "arena-absent", 1, 0, arena_absent }, { "arena-foreign", 1, 0, arena_foreign },
	{ "arena-overflow", 1, 0, arena_overflow }, { "arena-longer", 1, 0, arena_longer },
};

/* The cases in which the answer to the knock is wrong: %s is the link's address. */
static const struct {
	const char	*name, *text;
} answers[] = {
	{ "answer-noise", "Nov 23" },
	{ "answer-empty", "" },
	{ "answer-half", "{\"answer\":\"link\"}" },
	{ "answer-none", "{\"answer\":\"link\",\"stage\":\"hostile\",\"parallelism\":0,"
	    "\"keyed\":false,\"link\":\"%s\",\"reason\":\"\"}" },
	{ "answer-many", "{\"answer\":\"link\",\"stage\":\"hostile\",\"parallelism\":2147483647,"
	    "\"keyed\":true,\"link\":\"%s\",\"reason\":\"\"}" },
	{ "answer-wide", "{\"answer\":\"link\",\"stage\":\"hostile\",\"parallelism\":100,"
	    "\"keyed\":true,\"link\":\"%s\",\"reason\":\"\"}" },
	{ "answer-nowhere", "{\"answer\":\"link\",\"stage\":\"hostile\",\"parallelism\":1,"
	    "\"keyed\":false,\"link\":\"%s-nowhere\",\"reason\":\"\"}" },
	{ "answer-scheme", "{\"answer\":\"link\",\"stage\":\"hostile\",\"parallelism\":1,"
	    "\"keyed\":false,\"link\":\"zzz://x\",\"reason\":\"\"}" },
	{ "answer-refused", "{\"answer\":\"refused\",\"stage\":\"hostile\",\"parallelism\":1,"
	    "\"keyed\":false,\"link\":\"\",\"reason\":\"I do\\nnot like \\u001b you\"}" },
};

static void
listen_here(nng_socket s, const char *address, int ms)
{
	nng_must(address, nng_listen(s, address, NULL, 0));
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, ms));
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, ms));
}

/* Answer the knock; text may hold one %s. */
static void
answer(const char *text, const char *address)
{
	const char	*hole = strstr(text, "%s");
	struct buf	 b = { 0 };
	nng_msg		*m;

	if (nng_recvmsg(door, &m, 0) != 0)
		errx(HOSTILE_OWN, "nobody knocked");
	nng_msg_clear(m);
	buf_add(&b, text, hole != NULL ? (size_t)(hole - text) : strlen(text));
	if (hole != NULL) {
		buf_add(&b, address, strlen(address));
		buf_add(&b, hole + 2, strlen(hole + 2));
	}
	nng_must("answer", nng_msg_append(m, b.data, b.len));
	nng_must("answer", nng_sendmsg(door, m, 0));
	buf_free(&b);
}

/* nng sees a peer's end only where it may read on. */
static void
consumer_leaves(void)
{
	nng_msg	*m;
	int	 i;

	for (i = 0; i < HOSTILE_MS / 10 && !left;)
		if (nng_recvmsg(pair, &m, 0) == 0)
			nng_msg_free(m);
		else
			i++;
}

static void
announce(void)
{
	printf("weir1 %s/hostile#0 hostile  # a weir stream\n", rundir_path(dir));
	fflush(stdout);
}

static void
link_open(const char *address)
{
	nng_must("pair", nng_pair0_open(&pair));
	nng_must("pair", nng_pipe_notify(pair, NNG_PIPE_EV_REM_POST, say_left, NULL));
	listen_here(pair, address, 10);
}

static int
case_run(size_t i)
{
	uint64_t upto;

	if (!cases[i].before) {
		if (cases[i].shares) {
			arena = arena_create(dir, "arena", 2, SLOT, SLOT, 1);
			arena_describe(arena, &stream.arenas[stream.narenas++]);
		}
		put_stream();
		if (!take_credit(&upto))
			errx(HOSTILE_OWN, "no first credit");
	}
	cases[i].act();
	consumer_leaves();
	return (left ? 0 : HOSTILE_SPARED);
}

static int
run(const char *name)
{
	char		 address[160];
	struct answer	 a = { .kind = ANSWER_LINK, .parallelism = 1, .stage = "hostile" };
	size_t		 i;
	char		*text;

	snprintf(address, sizeof(address), "ipc://%s/0-link", rundir_path(dir));
	link_open(address);
	announce();
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(name, answers[i].name) == 0) {
			answer(answers[i].text, address);
			/* its end is seen at the pipe */
			while (write(STDOUT_FILENO, "x", 1) == 1)
				wait_ms(20);
			return (0);
		}
	snprintf(a.link, sizeof(a.link), "%s", address);
	a.keyed = keyed;
	if ((text = message_answer(&a)) == NULL)
		err(HOSTILE_OWN, "answer");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(name, cases[i].name) == 0) {
			answer(text, address);
			free(text);
			return (case_run(i));
		}
	errx(HOSTILE_OWN, "no case is called %s", name);
}

static void
directory_remove(void)
{
	arena_free(arena);
	rundir_close(dir);
}

int
main(int argc, char *argv[])
{
	char	address[160], why[256];
	int	ch;

	while ((ch = getopt(argc, argv, "ks:")) != -1)
		if (ch == 'k')
			keyed = 1;
		else if (ch == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return (HOSTILE_OWN);
	if (optind != argc - 1)
		errx(HOSTILE_OWN, "usage: hostile-producer [-k] [-s SEED] CASE");
	signal(SIGPIPE, SIG_IGN);
	stream.keyed = (uint32_t)keyed;
	if ((dir = rundir_create("hostile", why, sizeof(why))) == NULL)
		errx(HOSTILE_OWN, "%s", why);
	atexit(directory_remove);
	nng_must("door", nng_rep0_open(&door));
	snprintf(address, sizeof(address), "ipc://%s/hostile.0", rundir_path(dir));
	listen_here(door, address, HOSTILE_MS);
	return (run(argv[optind]));
}
