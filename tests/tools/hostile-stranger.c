/*
 * hostile-stranger: knock at a unix socket without knowing how.
 *
 *	hostile-stranger PATH CASE [N]
 *
 * Does what CASE says N times (once), each time over a connection of its own;
 * exits 0 when it could connect.  Cases: see the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hostile.h"

static uint64_t seed = 1;

/* What the other side does with it is its affair: errors are no news. */
static void
put(int fd, const void *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) == -1)
		return;
}

/* nng's beginning of a connection: "\0SP\0", the protocol's number, 0, 0. */
static void
handshake(int fd, unsigned protocol)
{
	unsigned char h[8] = { 0, 'S', 'P', 0, 0, 0, 0, 0 };

	h[4] = (unsigned char)(protocol >> 8);
	h[5] = (unsigned char)protocol;
	put(fd, h, sizeof(h));
}

static void
message_head(int fd, uint64_t len)
{
	unsigned char	 head[9] = { 1 };
	int		 i;

	for (i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)(len >> (56 - 8 * i));
	put(fd, head, sizeof(head));
}

static void
silent(int fd)
{
	(void)fd;
}

static void
half(int fd)
{
	put(fd, "\0SP", 3);
}

static void
garbage(int fd)
{
	unsigned char bytes[4096];

	chance_fill(&seed, bytes, sizeof(bytes));
	put(fd, bytes, sizeof(bytes));
}

static void
protocol(int fd)
{
	handshake(fd, 0x7777);
}

static void
huge(int fd)
{
	handshake(fd, 16);
	message_head(fd, UINT64_C(1) << 60);
}

static void
cut(int fd)
{
	handshake(fd, 16);
	message_head(fd, 1000);
	put(fd, "abc", 3);
}

static void
pair(int fd)
{
	handshake(fd, 16);
	message_head(fd, 4);
	put(fd, "oops", 4);
}

static void
request(int fd)
{
	handshake(fd, 48);
	message_head(fd, 8);
	put(fd, "\x80\0\0\1 {}\n", 8);
}

static const struct {
	const char	*name;
	void		 (*act)(int fd);
} cases[] = {
	{ "close", silent },		/* before the handshake */
	{ "half", half },		/* in the middle of it */
	{ "garbage", garbage },		/* instead of it */
	{ "protocol", protocol },	/* with another protocol */
	{ "huge", huge },		/* then a message of an exabyte */
	{ "cut", cut },			/* then a message that ends too soon */
	{ "pair", pair },		/* then four bytes, as a link's peer */
	{ "request", request },		/* then no knock, as a door's */
};

static void
connect_once(const char *path, void (*act)(int fd))
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(HOSTILE_OWN, "%s: too long", path);
	strcpy(sun.sun_path, path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(HOSTILE_OWN, "%s", path);
	act(fd);
	close(fd);
}

int
main(int argc, char *argv[])
{
	size_t	i;
	long	n;

	if (argc < 3)
		errx(HOSTILE_OWN, "usage: hostile-stranger PATH CASE [N]");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, argv[2]) == 0) {
			for (n = argc > 3 ? atol(argv[3]) : 1; n > 0; n--)
				connect_once(argv[1], cases[i].act);
			return (0);
		}
	errx(HOSTILE_OWN, "no case is called %s", argv[2]);
}
