/*
 * link: one directed connection between two subtasks.
 *
 * One nng pair0 socket: the upstream subtask listens, its one consumer dials.
 * Frames number 1, 2, ... in each attempt, and a gap fails the attempt: what was
 * under way when a connection broke is gone, and nng says nothing of it.  This
 * is the only file that knows whether a piece of a frame went by reference or
 * inside the message.  Across a network a frame ends with its XXH3.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <xxhash.h>

#include "io.h"
#include "nngsock.h"

#define MESSAGE_MAX	(256U << 20)	/* a frame with all its pieces inside */
#define CREDIT_MAX	64U		/* bytes: nothing longer comes up */
#define FRAMES_MORE	(4U << 20)	/* bytes of a frame besides three longest records */
#define BUFFERED	64		/* frames in nng's hands, on their way out */
#define RECEIVED	8		/* and those that came; they may be long */
#define WINDOW		1024U		/* frames done before an earlier one */
#define SUM_BYTES	8U
#define NOT_MAPPED	UINT32_MAX

struct queued {
	STAILQ_ENTRY(queued)	 next;
	nng_msg			*m;
};

struct held {
	nng_msg			*m;
	void			*aligned;	/* index moved to where it may be read */
};

struct link {
	nng_socket		 socket;
	struct listener		 listener;
	char			 address[160];
	char			 error[256];
	int			 failed, listens, copy, sum;
	uint32_t		 attempt;
	int			 recvfd, sendfd, wake;
	/* ids of pipes: the peer's, the last that went, the one that brought frames */
	atomic_int		 up, removed, heard;
	atomic_int		 gone;
	STAILQ_HEAD(, queued)	 waiting;

	uint64_t		 seq;		/* highest sent, or received */
	uint64_t		 credited;	/* highest credit received, or sent */
	unsigned		 announced;	/* producer: arenas its consumer has mapped */
	uint64_t		 done;		/* consumer: all up to here are used up */
	uint8_t			 early[WINDOW];	/* and these behind it */
	unsigned		 map[FRAME_ARENAS], nmap;	/* the producer's numbers to ours */
};

static int
link_fail(struct link *l, const char *what)
{
	if (l->error[0] == '\0')
		snprintf(l->error, sizeof(l->error), "%s", what);
	return (-1);
}

/*
 * Runs in nng's threads: nothing but flags and a byte to the loop.  A second
 * peer is refused, its going is none of our business; a peer that dies at once
 * may be removed in one thread before it was added in another; and a producer
 * that listens anew drops whom it never heard: nng dials again.
 */
static void
pipe_event(nng_pipe p, nng_pipe_ev ev, void *arg)
{
	struct link	*l = arg;
	int		 none = 0, id = nng_pipe_id(p);

	if (ev == NNG_PIPE_EV_ADD_POST)
		atomic_compare_exchange_strong(&l->up, &none, id);
	else
		atomic_store(&l->removed, id);
	if (atomic_load(&l->up) == id && atomic_load(&l->removed) == id) {
		if (l->listens || atomic_load(&l->heard) == id)
			atomic_store(&l->gone, 1);
		else
			atomic_store(&l->up, 0);
	}
	if (write(l->wake, "", 1) == -1)
		return;			/* the pipe is full: the loop is awake */
}

static struct link *
link_new(const char *address, uint32_t attempt, int copy, int wake, size_t message_max)
{
	struct link	*l;
	int		 error;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	snprintf(l->address, sizeof(l->address), "%s", address);
	l->attempt = attempt;
	l->wake = wake;
	l->sum = strncmp(address, "ipc:", 4) != 0;
	l->copy = copy || l->sum;
	STAILQ_INIT(&l->waiting);
	if ((error = nng_pair0_open(&l->socket)) != 0) {
		l->failed = 1;
		link_fail(l, nng_strerror(error));
		return (l);
	}
	if ((error = nngsock_setup(l->socket, message_max, &l->recvfd)) != 0 ||
	    (error = nng_socket_get_int(l->socket, NNG_OPT_SENDFD, &l->sendfd)) != 0 ||
	    (error = nng_socket_set_int(l->socket, NNG_OPT_SENDBUF, BUFFERED)) != 0 ||
	    (error = nng_socket_set_int(l->socket, NNG_OPT_RECVBUF, RECEIVED)) != 0 ||
	    (error = nng_pipe_notify(l->socket, NNG_PIPE_EV_ADD_POST, pipe_event, l)) != 0 ||
	    (error = nng_pipe_notify(l->socket, NNG_PIPE_EV_REM_POST, pipe_event, l)) != 0) {
		l->failed = 1;
		link_fail(l, nng_strerror(error));
	}
	return (l);
}

/* tcp://HOST:0 listens on a port of the system's choice: say which. */
static void
port_resolve(struct link *l)
{
	nng_sockaddr	 sa;
	char		*colon;

	if (!l->sum || (colon = strrchr(l->address, ':')) == NULL ||
	    nng_listener_get_addr(l->listener.listener, NNG_OPT_LOCADDR, &sa) != 0)
		return;
	*colon = '\0';
	if (sa.s_family == NNG_AF_INET || sa.s_family == NNG_AF_INET6) {
		const unsigned char *port = (const unsigned char *)
		    (sa.s_family == NNG_AF_INET ? &sa.s_in.sa_port : &sa.s_in6.sa_port);

		snprintf(colon, sizeof(l->address) - (size_t)(colon - l->address), ":%u",
		    (unsigned)port[0] << 8 | port[1]);
	}
}

struct link *
link_listen(const char *address, uint32_t attempt, int copy, int wake)
{
	struct link	*l;
	int		 error;

	if ((l = link_new(address, attempt, copy, wake, CREDIT_MAX)) == NULL || l->failed)
		return (l);
	l->listens = 1;
	if ((error = listener_start(&l->listener, l->socket, address)) != 0) {
		l->failed = 1;
		link_fail(l, nng_strerror(error));
		return (l);
	}
	port_resolve(l);
	return (l);
}

struct link *
link_dial(const char *address, uint32_t attempt, int wake)
{
	struct link	*l;
	int		 error;

	if ((l = link_new(address, attempt, 0, wake, MESSAGE_MAX)) == NULL || l->failed)
		return (l);
	if ((error = nng_dial(l->socket, address, NULL, NNG_FLAG_NONBLOCK)) != 0) {
		l->failed = 1;
		link_fail(l, nng_strerror(error));
	}
	return (l);
}

/* One that was made stays: nng's threads still call pipe_event() with it. */
void
link_close(struct link *l)
{
	struct queued *q;

	if (l == NULL)
		return;
	while ((q = STAILQ_FIRST(&l->waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->waiting, next);
		nng_msg_free(q->m);
		free(q);
	}
	if (l->failed)
		free(l);
}

const char *
link_address(const struct link *l)
{
	return (l->address);
}

const char *
link_error(const struct link *l)
{
	return (l->error);
}

int
link_failed(const struct link *l)
{
	return (l->failed);
}

int
link_up(const struct link *l)
{
	return (atomic_load(&l->up) != 0);
}

int
link_gone(const struct link *l)
{
	return (atomic_load(&l->gone));
}

void
link_heal(struct link *l)
{
	if (l->listens && !link_up(l))
		listener_heal(&l->listener);
}

int
link_recvfd(const struct link *l)
{
	return (l->recvfd);
}

int
link_sendfd(const struct link *l)
{
	return (STAILQ_EMPTY(&l->waiting) ? -1 : l->sendfd);
}

/* 1: sent; 0: the peer has not room now; -1: link_error(). */
static int
message_send(struct link *l, nng_msg *m)
{
	int error;

	if ((error = nng_sendmsg(l->socket, m, NNG_FLAG_NONBLOCK)) == 0)
		return (1);
	return (error == NNG_EAGAIN ? 0 : link_fail(l, nng_strerror(error)));
}

int
link_flush(struct link *l)
{
	struct queued	*q;
	int		 n;

	while ((q = STAILQ_FIRST(&l->waiting)) != NULL) {
		if ((n = message_send(l, q->m)) != 1)
			return (n);
		STAILQ_REMOVE_HEAD(&l->waiting, next);
		free(q);
	}
	return (0);
}

/* The message is taken in any case. */
static int
message_queue(struct link *l, nng_msg *m)
{
	struct queued	*q;
	int		 n = 0;

	if (STAILQ_EMPTY(&l->waiting) && (n = message_send(l, m)) == 1)
		return (0);
	if (n == -1 || (q = malloc(sizeof(*q))) == NULL) {
		nng_msg_free(m);
		return (n == -1 ? -1 : link_fail(l, strerror(ENOMEM)));
	}
	q->m = m;
	STAILQ_INSERT_TAIL(&l->waiting, q, next);
	return (0);
}

/* Send head and the pieces that go inside: built by one allocation, appended to. */
static int
pieces_send(struct link *l, struct buf *head, const void *const at[3], const size_t len[3])
{
	nng_msg		*m;
	unsigned char	*p;
	size_t		 total = head->len + len[0] + len[1] + len[2];
	uint64_t	 sum;
	int		 i;

	if (total > MESSAGE_MAX - SUM_BYTES) {
		buf_free(head);
		return (link_fail(l, "a frame is too long to be copied"));
	}
	if (nng_msg_alloc(&m, total + (l->sum ? SUM_BYTES : 0)) != 0) {
		buf_free(head);
		return (link_fail(l, strerror(ENOMEM)));
	}
	p = nng_msg_body(m);
	memcpy(p, head->data, head->len);
	for (i = 0, total = head->len; i < 3; total += len[i++])
		if (len[i] > 0)
			memcpy(p + total, at[i], len[i]);
	buf_free(head);
	if (l->sum) {
		sum = XXH3_64bits(p, total);
		for (i = 0; i < (int)SUM_BYTES; i++)
			p[total + (size_t)i] = (unsigned char)(sum >> (8 * i));
	}
	return (message_queue(l, m));
}

static int
head_send(struct link *l, struct buf *head)
{
	static const void *const none[3];
	static const size_t	 zero[3];

	return (pieces_send(l, head, none, zero));
}

int
link_send_stream(struct link *l, struct frame_stream *s)
{
	struct buf head = { 0 };

	if (l->copy)			/* what cannot be mapped is not mentioned */
		s->narenas = 0;
	l->announced = s->narenas;
	if (frame_encode_stream(&head, l->attempt, s) == -1) {
		buf_free(&head);
		return (link_fail(l, strerror(ENOMEM)));
	}
	return (head_send(l, &head));
}

/* Whether the consumer can read this arena of ours by itself. */
static int
referable(const struct link *l, const struct atlas *atlas, const struct frame_ref *r)
{
	return (r->arena < l->announced && arena_shared(atlas->arena[r->arena]));
}

int
link_send(struct link *l, const struct atlas *atlas, struct frame *f)
{
	struct frame	 wire = *f;
	struct buf	 head = { 0 };
	const void	*at[3] = { f->index_at, f->keys_at, f->text_at };
	size_t		 len[3] = { f->count * sizeof(struct entry), f->keyslen, f->textlen };
	struct frame_ref *ref[3] = { &wire.index, &wire.keys, &wire.text };
	int		 i;

	wire.attempt = l->attempt;
	wire.seq = f->seq = ++l->seq;
	for (i = 0; i < 3; i++) {
		if (f->type != FRAME_DATA || referable(l, atlas, ref[i]))
			len[i] = 0;
		else {
			ref[i]->arena = FRAME_INSIDE;
			ref[i]->slot = ref[i]->offset = 0;
		}
	}
	if (frame_encode(&head, &wire) == -1) {
		buf_free(&head);
		return (link_fail(l, strerror(ENOMEM)));
	}
	return (pieces_send(l, &head, at, len));
}

/* Our number of the producer's arena, checked; -1: it names none of its own. */
static int
piece_resolve(struct link *l, struct atlas *atlas, struct frame_ref *r, size_t len,
    const void **at)
{
	if (r->arena == FRAME_INSIDE)
		return (0);
	if (r->arena >= l->nmap || l->map[r->arena] == NOT_MAPPED)
		return (-1);
	r->arena = l->map[r->arena];
	*at = arena_piece(atlas->arena[r->arena], r, len);
	return (*at == NULL ? -1 : 0);
}

static int
data_resolve(struct link *l, struct atlas *atlas, struct frame *f, struct held *h)
{
	const void	*text = f->text_at, *index = f->index_at, *keys = f->keys_at;
	size_t		 bytes = f->count * sizeof(struct entry);

	if (piece_resolve(l, atlas, &f->text, f->textlen, &text) == -1 ||
	    (f->count > 0 && piece_resolve(l, atlas, &f->index, bytes, &index) == -1) ||
	    (f->keyslen > 0 && piece_resolve(l, atlas, &f->keys, f->keyslen, &keys) == -1))
		return (-1);
	if (f->count > 0 && (uintptr_t)index % sizeof(uint32_t) != 0) {
		if (f->index.arena != FRAME_INSIDE || (h->aligned = malloc(bytes)) == NULL)
			return (-1);
		index = memcpy(h->aligned, index, bytes);
	}
	f->text_at = text;
	f->index_at = index;
	f->keys_at = keys;
	return (0);
}

static int
stream_resolve(struct link *l, struct atlas *atlas, const struct frame_stream *s)
{
	uint32_t	 i;
	int		 n;

	for (i = 0; i < s->narenas; i++) {
		l->map[i] = NOT_MAPPED;
		if (s->arenas[i].name[0] == '\0')
			continue;
		if ((n = atlas_map(atlas, &s->arenas[i])) == -1) {
			snprintf(l->error, sizeof(l->error), "shared memory %s: %s",
			    s->arenas[i].name, errno == EBADMSG ? "not as it was announced" :
			    strerror(errno));
			return (-1);
		}
		l->map[i] = (unsigned)n;
	}
	l->nmap = s->narenas;
	/* what the producer may send is known now: text, keys and index of a frame */
	if (s->record_max < (MESSAGE_MAX - FRAMES_MORE) / 3)
		nng_socket_set_size(l->socket, NNG_OPT_RECVMAXSZ,
		    (size_t)s->record_max * 3 + FRAMES_MORE);
	return (0);
}

static int
sum_check(const struct link *l, const unsigned char *p, size_t *len)
{
	uint64_t	 sum = 0;
	unsigned	 i;

	if (!l->sum)
		return (0);
	if (*len < SUM_BYTES)
		return (-1);
	*len -= SUM_BYTES;
	for (i = 0; i < SUM_BYTES; i++)
		sum |= (uint64_t)p[*len + i] << (8 * i);
	return (sum == XXH3_64bits(p, *len) ? 0 : -1);
}

/* Numbers of a frame that came down, or of a credit that came up. */
static int
numbers_check(struct link *l, const struct frame *f)
{
	if (f->attempt != l->attempt)
		return (link_fail(l, "a frame of another attempt"));
	if ((f->type == FRAME_CREDIT) != l->listens)
		return (link_fail(l, "a frame that goes the other way"));
	if (f->type == FRAME_CREDIT) {
		if (f->seq > l->seq || f->seq < l->credited)
			return (link_fail(l, "a credit for what was never sent"));
		l->credited = f->seq;
	} else if (f->type == FRAME_STREAM) {
		if (l->nmap > 0 || l->seq > 0)
			return (link_fail(l, "a second beginning"));
	} else {
		if (f->seq != l->seq + 1)
			return (link_fail(l, "a gap in the sequence of frames"));
		if (f->seq - l->done > WINDOW)
			return (link_fail(l, "more frames than credits allow"));
		l->seq = f->seq;
	}
	return (0);
}

int
link_recv(struct link *l, struct atlas *atlas, struct frame *f, struct frame_stream *s,
    struct held **hold)
{
	nng_msg		*m;
	size_t		 len;
	struct held	*h;

	if (!nngsock_readable(l->recvfd) ||
	    nng_recvmsg(l->socket, &m, NNG_FLAG_NONBLOCK) != 0)
		return (0);
	if ((h = calloc(1, sizeof(*h))) == NULL) {
		nng_msg_free(m);
		return (link_fail(l, strerror(ENOMEM)));
	}
	h->m = m;
	if (!l->listens && atomic_load(&l->heard) == 0) {
		atomic_store(&l->heard, nng_pipe_id(nng_msg_get_pipe(m)));
		if (atomic_load(&l->removed) == atomic_load(&l->heard))
			atomic_store(&l->gone, 1);	/* it has, meanwhile */
	}
	len = nng_msg_len(m);
	if (sum_check(l, nng_msg_body(m), &len) == -1 ||
	    frame_decode(nng_msg_body(m), len, f) == -1 ||
	    (f->type == FRAME_STREAM && frame_decode_stream(nng_msg_body(m), len, s) == -1) ||
	    (f->type == FRAME_DATA && data_resolve(l, atlas, f, h) == -1)) {
		link_release(h);
		return (link_fail(l, "a frame that is none"));
	}
	if (numbers_check(l, f) == -1 ||
	    (f->type == FRAME_STREAM && stream_resolve(l, atlas, s) == -1)) {
		link_release(h);
		return (-1);
	}
	*hold = h;
	return (1);
}

void
link_release(struct held *h)
{
	if (h == NULL)
		return;
	nng_msg_free(h->m);
	free(h->aligned);
	free(h);
}

/* Frames may be done in any order; a credit names all up to one. */
int
link_done(struct link *l, uint64_t seq)
{
	if (seq <= l->done || seq > l->seq)
		return (link_fail(l, "a frame done that never came"));
	l->early[seq % WINDOW] = 1;
	while (l->done < l->seq && l->early[(l->done + 1) % WINDOW]) {
		l->done++;
		l->early[l->done % WINDOW] = 0;
	}
	return (0);
}

unsigned
link_owed(const struct link *l)
{
	return ((unsigned)(l->done - l->credited));
}

int
link_credit(struct link *l, int enough)
{
	struct frame	 f = { .type = FRAME_CREDIT, .attempt = l->attempt, .enough = enough };
	struct buf	 head = { 0 };

	f.seq = l->credited = l->done;
	if (frame_encode(&head, &f) == -1) {
		buf_free(&head);
		return (link_fail(l, strerror(ENOMEM)));
	}
	return (head_send(l, &head));
}
