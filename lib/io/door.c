/*
 * door: where a stage is knocked at for a link.
 *
 * A rep0 socket on RUN/NAME.I or on tcp; the knocker is a req0 socket, which
 * nng resends on reconnection: hence nonces, and answers that do not depend on
 * how often they are asked for.
 *
 * No socket is ever closed, here or in link.c: nng_close() of nng before 1.9 may
 * wait for ever, its poller spinning and opening descriptors, when the peer goes
 * or the listener is made anew at the same time (nanomsg/nng #1543; seen in one
 * of some 300 starts on a busy machine).  A process has few sockets, needs them
 * for most of its life, and leaves them to the system when it ends.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <xxhash.h>

#include "io.h"
#include "nngsock.h"

#define MESSAGE_MAX	4096		/* bytes of a knock or an answer */

struct door {
	nng_socket	 socket;
	struct listener	 listener;
	int		 fd;
};

struct knocker {
	nng_socket	 socket;
	int		 recvfd, sendfd;
	nng_msg		*out;		/* a knock that waits for somebody to answer */
	char		 address[192];
	int		 dialled;
};

/* Settings that doors and links share, before anybody is let in. */
int
nngsock_setup(nng_socket s, size_t message_max, int *fd)
{
	int error;

	if ((error = nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, message_max)) == 0 &&
	    (error = nng_socket_set_ms(s, NNG_OPT_RECONNMINT, 10)) == 0)
		error = nng_socket_set_ms(s, NNG_OPT_RECONNMAXT, 100);
	if (error == 0)
		error = nng_socket_get_int(s, NNG_OPT_RECVFD, fd);
	return (error);
}

/* A receive in vain costs nng an allocation and a getrandom(2). */
int
nngsock_readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return (poll(&pfd, 1, 0) == 1);
}

/* A pipe of another user is closed before it is used. */
static void
pipe_check(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	uint64_t uid;

	(void)ev;
	(void)arg;
	if (nng_pipe_get_uint64(p, NNG_OPT_IPC_PEER_UID, &uid) == 0 && uid != getuid())
		nng_pipe_close(p);
}

int
listener_start(struct listener *l, nng_socket s, const char *address)
{
	int error;

	snprintf(l->address, sizeof(l->address), "%s", address);
	l->socket = s;
	if ((error = nng_listener_create(&l->listener, s, address)) != 0)
		return (error);
	if (strncmp(address, "ipc:", 4) == 0)
		nng_listener_set_int(l->listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	nng_pipe_notify(s, NNG_PIPE_EV_ADD_PRE, pipe_check, NULL);
	if ((error = nng_listener_start(l->listener, 0)) != 0)
		nng_listener_close(l->listener);
	return (error);
}

/* A number that nng keeps of a listener.  nng_stat_find_listener() is of no use:
 * it gives the first of them, whichever is asked for. */
static uint64_t
listener_stat(const struct listener *l, const char *name)
{
	nng_stat	*root, *s, *id;
	uint64_t	 value = 0;

	if (nng_stats_get(&root) != 0)
		return (0);
	for (s = nng_stat_child(root); s != NULL; s = nng_stat_next(s))
		if (strcmp(nng_stat_name(s), "listener") == 0 &&
		    (id = nng_stat_find(s, "id")) != NULL &&
		    nng_stat_value(id) == (uint64_t)nng_listener_id(l->listener))
			break;
	if ((s = nng_stat_find(s, name)) != NULL)
		value = nng_stat_value(s);
	nng_stats_free(root);
	return (value);
}

/*
 * An ipc listener of nng before 1.6 stops accepting for ever after one peer
 * that closed before the handshake; its statistic "other" tells.  Listening
 * anew is the only cure.
 */
void
listener_heal(struct listener *l)
{
	if (strncmp(l->address, "ipc:", 4) != 0)
		return;
	if (!l->closed) {
		if (listener_stat(l, "other") == 0)
			return;
		log_say(LOG_DEBUG, "somebody hung up on %s: I listen anew", l->address);
		nng_listener_close(l->listener);
		l->closed = 1;
	}
	if (nng_listener_create(&l->listener, l->socket, l->address) != 0)
		return;
	nng_listener_set_int(l->listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	if (nng_listener_start(l->listener, 0) == 0)
		l->closed = 0;
	else
		nng_listener_close(l->listener);
}

struct door *
door_open(const char *address, char *why, size_t size)
{
	struct door	*d;
	int		 error;

	if ((d = calloc(1, sizeof(*d))) == NULL || (error = nng_rep0_open(&d->socket)) != 0) {
		snprintf(why, size, "%s: %s", address,
		    d == NULL ? strerror(ENOMEM) : nng_strerror(error));
		free(d);
		return (NULL);
	}
	if ((error = nngsock_setup(d->socket, MESSAGE_MAX, &d->fd)) != 0 ||
	    (error = listener_start(&d->listener, d->socket, address)) != 0) {
		snprintf(why, size, "%s: %s", address, nng_strerror(error));
		door_close(d);
		return (NULL);
	}
	return (d);
}

/* One more address for the same door, on the network. */
int
door_listen(struct door *d, const char *address, char *why, size_t size)
{
	int error;

	if ((error = nng_listen(d->socket, address, NULL, 0)) == 0)
		return (0);
	snprintf(why, size, "%s: %s", address, nng_strerror(error));
	return (-1);
}

void
door_close(struct door *d)
{
	if (d == NULL)
		return;
	free(d);
}

void
door_heal(struct door *d)
{
	listener_heal(&d->listener);
}

int
door_poll(const struct door *d)
{
	return (d->fd);
}

int
door_recv(struct door *d, struct knock *k)
{
	nng_msg	*m;
	int	 error;

	if (!nngsock_readable(d->fd) || nng_recvmsg(d->socket, &m, NNG_FLAG_NONBLOCK) != 0)
		return (0);
	error = message_parse_knock(nng_msg_body(m), nng_msg_len(m), k);
	nng_msg_free(m);
	return (error == -1 ? -1 : 1);
}

/* A message of that text, which is freed; NULL: no memory. */
static nng_msg *
text_message(char *text)
{
	nng_msg *m = NULL;

	if (text != NULL && nng_msg_alloc(&m, 0) == 0 &&
	    nng_msg_append(m, text, strlen(text)) != 0) {
		nng_msg_free(m);
		m = NULL;
	}
	free(text);
	return (m);
}

int
door_answer(struct door *d, const struct answer *a)
{
	nng_msg *m;

	if ((m = text_message(message_answer(a))) == NULL)
		return (-1);
	if (nng_sendmsg(d->socket, m, NNG_FLAG_NONBLOCK) != 0) {
		nng_msg_free(m);
		return (-1);
	}
	return (0);
}

/*
 * A door that is not there yet is not dialled: each attempt in vain leaves nng a
 * descriptor that its poller hears of all the time until its one reaper comes to
 * it, and with some hundred attempts a second it comes no more.
 */
static int
knocker_dial(struct knocker *k)
{
	static const char scheme[] = "ipc://";

	if (k->dialled || (strncmp(k->address, scheme, strlen(scheme)) == 0 &&
	    access(k->address + strlen(scheme), F_OK) == -1))
		return (0);
	k->dialled = 1;
	return (nng_dial(k->socket, k->address, NULL, NNG_FLAG_NONBLOCK));
}

struct knocker *
knocker_open(const char *address, char *why, size_t size)
{
	struct knocker	*k;
	int		 error = NNG_ENOMEM;

	if ((k = calloc(1, sizeof(*k))) == NULL || (error = nng_req0_open(&k->socket)) != 0) {
		snprintf(why, size, "%s: %s", address, nng_strerror(error));
		free(k);
		return (NULL);
	}
	snprintf(k->address, sizeof(k->address), "%s", address);
	if ((error = nngsock_setup(k->socket, MESSAGE_MAX, &k->recvfd)) != 0 ||
	    (error = nng_socket_get_int(k->socket, NNG_OPT_SENDFD, &k->sendfd)) != 0 ||
	    (error = knocker_dial(k)) != 0) {
		snprintf(why, size, "%s: %s", address, nng_strerror(error));
		knocker_close(k);
		return (NULL);
	}
	return (k);
}

void
knocker_close(struct knocker *k)
{
	if (k == NULL)
		return;
	if (k->out != NULL)
		nng_msg_free(k->out);
	free(k);
}

int
knocker_waits(const struct knocker *k)
{
	return (!k->dialled);
}

int
knocker_poll(const struct knocker *k)
{
	return (k->out != NULL ? k->sendfd : k->recvfd);
}

/* Once it is sent, req0 keeps the request until somebody has answered it. */
static int
knocker_flush(struct knocker *k)
{
	int error;

	if (k->out == NULL)
		return (0);
	if (knocker_dial(k) != 0)
		return (-1);
	if ((error = nng_sendmsg(k->socket, k->out, NNG_FLAG_NONBLOCK)) == 0)
		k->out = NULL;
	return (error == 0 || error == NNG_EAGAIN ? 0 : -1);
}

int
knocker_send(struct knocker *k, const struct knock *n)
{
	if (k->out != NULL)
		nng_msg_free(k->out);
	if ((k->out = text_message(message_knock(n))) == NULL)
		return (-1);
	return (knocker_flush(k));
}

int
knocker_recv(struct knocker *k, struct answer *a)
{
	nng_msg	*m;
	int	 error;

	if (knocker_flush(k) == -1)
		return (-1);
	if (k->out != NULL || !nngsock_readable(k->recvfd) ||
	    nng_recvmsg(k->socket, &m, NNG_FLAG_NONBLOCK) != 0)
		return (0);
	error = message_parse_answer(nng_msg_body(m), nng_msg_len(m), a);
	nng_msg_free(m);
	return (error == -1 ? -1 : 1);
}

const char *
io_versions(void)
{
	static char text[96];

	snprintf(text, sizeof(text), "nng %s\nLevelDB %s\nxxHash %u.%u.%u", nng_version(),
	    base_version(), XXH_versionNumber() / 10000, XXH_versionNumber() / 100 % 100,
	    XXH_versionNumber() % 100);
	return (text);
}
