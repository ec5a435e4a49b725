/*
 * hostile-consumer: a stage that does wrong on purpose, behind a real one.
 *
 *	hostile-consumer [-s SEED] BASE OUTPUT CASE
 *
 * BASE#OUTPUT is what the address line says.  Cases knock-...: knock wrongly and
 * print the answer.  The others: knock well, take the stream frame, give credit
 * 0 and then do as CASE says; exit 0 when the producer has left, 3 when it
 * had nothing against it in 10 s.  Case "good" prints the text that comes, to its end;
 * "late" too, after a stranger has been at the link before it.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/req.h>

#include "hostile.h"
#include "io.h"

static nng_socket	 door, pair;
static atomic_int	 begun, left;	/* the stream has; the producer has */
static uint64_t		 seed = 1, seen;
static struct atlas	 atlas;
static unsigned		 map[FRAME_ARENAS];

static void
say_left(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	(void)p;
	(void)ev;
	(void)arg;
	atomic_store(&left, begun);
}

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
put_frame(struct frame f)
{
	struct buf b = { 0 };

	if (frame_encode(&b, &f) == -1)
		err(HOSTILE_OWN, "frame");
	put(b.data, b.len);
	buf_free(&b);
}

static void
credit(uint64_t upto)
{
	put_frame((struct frame){ .type = FRAME_CREDIT, .seq = upto });
}

/* NULL: the producer has left. */
static nng_msg *
take(void)
{
	nng_msg	*m;
	int	 i;

	for (i = 0; i < HOSTILE_MS / 10; i++) {
		if (nng_recvmsg(pair, &m, 0) == 0)
			return (m);
		if (left)
			return (NULL);
	}
	errx(HOSTILE_OWN, "nothing came");
}

/* Take the next frame, whatever it is, and give no credit for it. */
static void
take_frame(void)
{
	nng_msg *m;

	if ((m = take()) != NULL) {
		nng_msg_free(m);
		seen++;
	}
}

/* nng sees a peer's end only where it may read on. */
static void
producer_leaves(void)
{
	nng_msg	*m;
	int	 i;

	for (i = 0; i < HOSTILE_MS / 10 && !left;)
		if (nng_recvmsg(pair, &m, 0) == 0)
			nng_msg_free(m);
		else
			i++;
}

/* The stream frame; its arenas are mapped, as credit 0 promises. */
static void
take_stream(void)
{
	static struct frame_stream	s;
	nng_msg				*m;
	uint32_t			i;
	int				n;

	if ((m = take()) == NULL ||
	    frame_decode_stream(nng_msg_body(m), nng_msg_len(m), &s) == -1)
		errx(HOSTILE_OWN, "no stream frame");
	begun = 1;
	for (i = 0; i < s.narenas; i++) {
		if ((n = atlas_map(&atlas, &s.arenas[i])) == -1)
			err(HOSTILE_OWN, "%s", s.arenas[i].name);
		map[i] = (unsigned)n;
	}
	nng_msg_free(m);
}

/* The cases, after credit 0. */

static void
good(void)
{
	const char	*text;
	struct frame	 f;
	nng_msg		*m;

	for (;;) {
		if ((m = take()) == NULL ||
		    frame_decode(nng_msg_body(m), nng_msg_len(m), &f) == -1)
			errx(HOSTILE_OWN, "no frame");
		text = f.text_at;
		if (f.type == FRAME_DATA && f.text.arena != FRAME_INSIDE)
			text = arena_piece(atlas.arena[map[f.text.arena]], &f.text, f.textlen);
		if (f.type == FRAME_DATA)
			fwrite(text, 1, f.textlen, stdout);
		credit(f.seq);
		if (f.type == FRAME_END)
			break;
		nng_msg_free(m);
	}
	producer_leaves();
	exit(0);
}

static void
empty(void)
{
	put("", 0);
}

static void
noise(void)
{
	unsigned char bytes[40];

	chance_fill(&seed, bytes, sizeof(bytes));
	put(bytes, chance(&seed) % sizeof(bytes));
}

static void
flipped(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_CREDIT };

	if (frame_encode(&b, &f) == -1)
		err(HOSTILE_OWN, "frame");
	/* not the sequence number's lowest byte: that may be a good one */
	b.data[9 + chance(&seed) % 7] |= (unsigned char)(1 + chance(&seed) % 255);
	put(b.data, b.len);
	buf_free(&b);
}

static void
cut(void)
{
	struct buf	b = { 0 };
	struct frame	f = { .type = FRAME_CREDIT };

	if (frame_encode(&b, &f) == -1)
		err(HOSTILE_OWN, "frame");
	put(b.data, chance(&seed) % b.len);
	buf_free(&b);
}

static void
beyond(void)
{
	credit(1000000);
}

static void
backwards(void)
{
	take_frame();
	take_frame();
	credit(2);
	credit(1);
}

static void
attempt(void)
{
	put_frame((struct frame){ .type = FRAME_CREDIT, .attempt = 7 });
}

static void
downwards(void)
{
	put_frame((struct frame){ .type = FRAME_END, .seq = 1, .kind = FRAME_EOF });
}

static void
stream(void)
{
	static struct frame_stream	s = { .stage = "x", .parallelism = 1 };
	struct buf			b = { 0 };

	if (frame_encode_stream(&b, 0, &s) == -1)
		err(HOSTILE_OWN, "frame");
	put(b.data, b.len);
	buf_free(&b);
}

/* Over what a link takes from below. */
static void
monster(void)
{
	size_t	 len = 100U << 20;
	void	*bytes = calloc(1, len);

	if (bytes == NULL)
		err(HOSTILE_OWN, "calloc");
	put(bytes, len);
	free(bytes);
}

/* The same credit without end, and nothing else. */
static void
flood(void)
{
	int i;

	for (i = 0; i < 200000 && !left; i++)
		credit(0);
	exit(0);
}

static void
nothing(void)
{
	exit(0);
}

static const struct {
	const char	*name;
	int		 before;	/* the stream frame and credit 0 */
	void		 (*act)(void);
} cases[] = {
	{ "good", 0, good }, { "late", 0, good },
	{ "empty", 0, empty }, { "noise", 0, noise }, { "flipped", 0, flipped },
	{ "cut", 0, cut }, { "beyond", 0, beyond }, { "backwards", 0, backwards },
	{ "attempt", 0, attempt }, { "downwards", 0, downwards }, { "stream", 0, stream },
	{ "monster", 0, monster }, { "flood", 0, flood }, { "nothing", 0, nothing },
	{ "first-noise", 1, noise }, { "first-beyond", 1, beyond },
	{ "first-nothing", 1, nothing },
};

/* Knocks; %s is a nonce. */
static const struct {
	const char	*name, *text;
} knocks[] = {
	{ "knock-noise", "Nov 23 \001\002" },
	{ "knock-empty", "" },
	{ "knock-deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" },
	{ "knock-half", "{\"stage\":\"x\",\"run\":\"1-2\"}" },
	{ "knock-wide", "{\"stage\":\"x\",\"run\":\"1-2\",\"nonce\":\"n\",\"subtask\":0,"
	    "\"parallelism\":2147483647,\"attempt\":0,\"output\":0}" },
	{ "knock-subtask", "{\"stage\":\"x\",\"run\":\"1-2\",\"nonce\":\"n\",\"subtask\":5,"
	    "\"parallelism\":2,\"attempt\":0,\"output\":0}" },
	{ "knock-output", "{\"stage\":\"x\",\"run\":\"1-2\",\"nonce\":\"n\",\"subtask\":0,"
	    "\"parallelism\":1,\"attempt\":0,\"output\":31}" },
	{ "knock-path", "{\"stage\":\"x\",\"run\":\"1-2\",\"nonce\":\"../../../x\",\"subtask\":0,"
	    "\"parallelism\":1,\"attempt\":0,\"output\":0}" },
	{ "knock-nonce", "{\"stage\":\"x\",\"run\":\"1-2\",\"nonce\":\"0123456789abcdef0123456789\","
	    "\"subtask\":0,\"parallelism\":1,\"attempt\":0,\"output\":0}" },
	{ "knock-name", "{\"stage\":\"a b\\n\",\"run\":\"1-2\",\"nonce\":\"n\",\"subtask\":0,"
	    "\"parallelism\":1,\"attempt\":0,\"output\":0}" },
};

/* The answer to a knock; to be freed. */
static nng_msg *
ask(const char *text)
{
	nng_msg *m;

	nng_must("knock", nng_msg_alloc(&m, 0));
	nng_must("knock", nng_msg_append(m, text, strlen(text)));
	nng_must("knock", nng_sendmsg(door, m, 0));
	nng_must("answer", nng_recvmsg(door, &m, 0));
	return (m);
}

static void
dial(nng_socket s, const char *address, int ms)
{
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, ms));
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, ms));
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_RECONNMINT, 10));
	nng_must("time", nng_socket_set_ms(s, NNG_OPT_RECONNMAXT, 50));
	nng_must(address, nng_dial(s, address, NULL, NNG_FLAG_NONBLOCK));
}

/* Connect to the link's socket and close it again before the handshake. */
static void
disturb(const char *address)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(address) - strlen("ipc://") >= sizeof(sun.sun_path))
		errx(HOSTILE_OWN, "%s: too long", address);
	strcpy(sun.sun_path, address + strlen("ipc://"));
	if (fd == -1 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(HOSTILE_OWN, "%s", address);
	close(fd);
}

static void
link_open(int output, int late)
{
	struct knock	 k = { .stage = "hostile", .run = "1-2", .nonce = "0123456789abcdef",
	    .parallelism = 1 };
	struct answer	 a;
	nng_msg		*m;
	char		*text;

	k.output = output;
	do {
		if ((text = message_knock(&k)) == NULL)
			err(HOSTILE_OWN, "knock");
		m = ask(text);
		free(text);
		if (message_parse_answer(nng_msg_body(m), nng_msg_len(m), &a) == -1)
			errx(HOSTILE_OWN, "the answer is none");
		nng_msg_free(m);
	} while (a.kind == ANSWER_WAIT);
	if (a.kind != ANSWER_LINK)
		errx(HOSTILE_OWN, "refused: %s", a.reason);
	if (late)
		disturb(a.link);
	nng_must("pair", nng_pair0_open(&pair));
	nng_must("pair", nng_pipe_notify(pair, NNG_PIPE_EV_REM_POST, say_left, NULL));
	dial(pair, a.link, 10);
}

static int
run(const char *name, int output)
{
	size_t	 i;
	nng_msg	*m;

	for (i = 0; i < sizeof(knocks) / sizeof(knocks[0]); i++)
		if (strcmp(knocks[i].name, name) == 0) {
			m = ask(knocks[i].text);
			printf("%.*s\n", (int)nng_msg_len(m), (char *)nng_msg_body(m));
			return (0);
		}
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, name) == 0)
			break;
	if (i == sizeof(cases) / sizeof(cases[0]))
		errx(HOSTILE_OWN, "no case is called %s", name);
	link_open(output, strcmp(name, "late") == 0);
	begun = cases[i].before;
	if (!cases[i].before) {
		take_stream();
		credit(0);
	}
	cases[i].act();
	producer_leaves();
	return (left ? 0 : HOSTILE_SPARED);
}

int
main(int argc, char *argv[])
{
	char	address[160];
	int	ch;

	while ((ch = getopt(argc, argv, "s:")) != -1)
		if (ch == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return (HOSTILE_OWN);
	if (argc - optind != 3)
		errx(HOSTILE_OWN, "usage: hostile-consumer [-s SEED] BASE OUTPUT CASE");
	nng_must("door", nng_req0_open(&door));
	snprintf(address, sizeof(address), "ipc://%s.0", argv[optind]);
	dial(door, address, HOSTILE_MS);
	return (run(argv[optind + 2], atoi(argv[optind + 1])));
}
