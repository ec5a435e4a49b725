/*
 * window: the records between the first whose outputs are not out yet and the last
 * that came.
 *
 * Keys are told apart by some bits of their hash: of two that share them one waits
 * for the other without need, which costs time only.
 */
#include <stdlib.h>
#include <string.h>

#include "window.h"

#define KEY_BITS	16		/* of the hash: with 4096 records 1 of 16 waits */
#define HELD_FIRST	64		/* bytes for outputs, doubled */
#define HELD_KEPT	1024		/* for the next record in the same place */

struct window_record {
	TAILQ_ENTRY(window_record) link;
	struct window_record *next;	/* of its key */
	uint64_t	 at;		/* of its bytes, from the first ever */
	uint32_t	 keylen, len, hash, placelen;
	enum { WAITING, READY, ASKED, ANSWERED } state;
	int		 keyed;
	char		*outputs;
	size_t		 held, room;
};

/* Key groups take the hash's low bits: those of one subtask are much alike. */
static uint32_t
key_bits(uint32_t hash)
{
	return ((hash * 0x9e3779b1u) >> (32 - KEY_BITS));
}

int
window_open(struct window *q, size_t held_max)
{
	memset(q, 0, sizeof(*q));
	q->held_max = held_max;
	TAILQ_INIT(&q->ready);
	TAILQ_INIT(&q->asked);
	q->ring = calloc(WINDOW_MAX, sizeof(*q->ring));
	q->keys = calloc(1u << KEY_BITS, sizeof(struct window_record *));
	/* several times what is held, so that it is seldom moved */
	if (q->ring == NULL || q->keys == NULL ||
	    carry_room(&q->bytes, 4 * WINDOW_BYTES) == NULL)
		return (-1);
	return (0);
}

void
window_close(struct window *q)
{
	size_t i;

	for (i = 0; q->ring != NULL && i < WINDOW_MAX; i++)
		free(q->ring[i].outputs);
	free(q->ring);
	free(q->keys);
	carry_free(&q->bytes);
}

int
window_takes(const struct window *q, const struct weir_record *r)
{
	return (q->count == 0 || (q->count < WINDOW_MAX &&
	    carry_len(&q->bytes) + r->len <= WINDOW_BYTES));
}

/* Behind the last one of its key, or it may be asked about. */
static void
line_up(struct window *q, struct window_record *e)
{
	struct window_record **last = e->keyed ? &q->keys[key_bits(e->hash)] : NULL;

	e->next = NULL;
	if (last != NULL && *last != NULL) {
		(*last)->next = e;
		e->state = WAITING;
		q->nwaiting++;
	} else {
		e->state = READY;
		TAILQ_INSERT_TAIL(&q->ready, e, link);
	}
	if (last != NULL)
		*last = e;
}

int
window_add(struct window *q, const struct weir_record *r, const char *place)
{
	struct window_record *e = &q->ring[(q->first + q->count) % WINDOW_MAX];
	size_t placelen = strlen(place) + 1;
	char *at;

	e->keyed = r->key != NULL;
	e->keylen = e->keyed ? r->keylen : 0;
	e->len = r->len;
	e->hash = r->hash;
	e->placelen = (uint32_t)placelen;
	e->held = 0;
	at = carry_room(&q->bytes, (size_t)e->keylen + e->len + placelen);
	if (at == NULL)
		return (-1);
	e->at = q->dropped + carry_len(&q->bytes);
	if (e->keylen > 0)
		memcpy(at, r->key, e->keylen);
	if (e->len > 0)
		memcpy(at + e->keylen, r->data, e->len);
	memcpy(at + e->keylen + e->len, place, placelen);
	carry_add(&q->bytes, (size_t)e->keylen + e->len + placelen);
	q->count++;
	line_up(q, e);
	return (0);
}

/* The record as it came; its place. */
static const char *
record_of(const struct window *q, const struct window_record *e, struct weir_record *r)
{
	const char *bytes = carry_data(&q->bytes) + (e->at - q->dropped);

	memset(r, 0, sizeof(*r));
	r->key = e->keyed ? bytes : NULL;
	r->keylen = e->keylen;
	r->hash = e->hash;
	r->data = bytes + e->keylen;
	r->len = e->len;
	return (bytes + e->keylen + e->len);
}

/*
 * Where a record waits, outputs of those behind it may be early, and a long line of
 * questions makes it wait longer.  So there are bounds, for which answers to come are
 * taken to be as large as those of late.  Beyond them only the first record is asked
 * about: its outputs are never held.
 */
static struct window_record *
next_to_ask(const struct window *q)
{
	struct window_record *first = &q->ring[q->first];

	if (q->nwaiting == 0 || (q->nasked < WINDOW_AHEAD &&
	    q->held + q->nasked * q->largest < q->held_max / 32))
		return (TAILQ_FIRST(&q->ready));
	return (first->state == READY ? first : NULL);
}

int
window_ask(struct window *q, struct weir_record *r)
{
	struct window_record *e;

	if (TAILQ_EMPTY(&q->ready) || (e = next_to_ask(q)) == NULL)
		return (0);
	TAILQ_REMOVE(&q->ready, e, link);
	TAILQ_INSERT_TAIL(&q->asked, e, link);
	e->state = ASKED;
	q->nasked++;
	(void)record_of(q, e, r);
	return (1);
}

const char *
window_asked(const struct window *q, struct weir_record *r)
{
	return (record_of(q, TAILQ_FIRST(&q->asked), r));
}

enum window_output
window_output(struct window *q, const char *text, size_t len)
{
	struct window_record *e = TAILQ_FIRST(&q->asked);
	size_t room;
	char *grown;

	q->answer += len + 1;
	if (e == &q->ring[q->first])
		return (WINDOW_EMIT);
	if (len >= q->held_max - q->held)
		return (WINDOW_FULL);
	if (e->room - e->held < len + 1) {
		for (room = e->room ? e->room : HELD_FIRST; room - e->held < len + 1; room *= 2)
			continue;
		if ((grown = realloc(e->outputs, room)) == NULL)
			return (WINDOW_MEMORY);
		e->outputs = grown;
		e->room = room;
	}
	memcpy(e->outputs + e->held, text, len);
	e->outputs[e->held + len] = '\n';
	e->held += len + 1;
	q->held += len + 1;
	return (WINDOW_KEEPS);
}

void
window_answered(struct window *q)
{
	struct window_record *e = TAILQ_FIRST(&q->asked), *next = e->next;

	TAILQ_REMOVE(&q->asked, e, link);
	q->nasked--;
	e->state = ANSWERED;
	q->largest -= q->largest / 256;
	if (q->answer > q->largest)
		q->largest = q->answer;
	q->answer = 0;
	if (next != NULL) {
		/* the longest line of a key is what the others wait for in the end */
		next->state = READY;
		TAILQ_INSERT_HEAD(&q->ready, next, link);
		q->nwaiting--;
	} else if (e->keyed)
		q->keys[key_bits(e->hash)] = NULL;
}

/* The first record is out: its place is free. */
static void
pop(struct window *q)
{
	struct window_record *e = &q->ring[q->first];
	size_t bytes = (size_t)e->keylen + e->len + e->placelen;

	carry_drop(&q->bytes, bytes);
	q->dropped += bytes;
	if (e->room > HELD_KEPT) {
		free(e->outputs);
		e->outputs = NULL;
		e->room = 0;
	}
	q->first = (q->first + 1) % WINDOW_MAX;
	q->count--;
}

int
window_out(struct window *q, const char **lines, size_t *len)
{
	struct window_record *e;

	for (; q->count > 0; pop(q)) {
		e = &q->ring[q->first];
		if (e->held > 0) {
			*lines = e->outputs;
			*len = e->held;
			q->held -= e->held;
			e->held = 0;
			return (1);
		}
		if (e->state != ANSWERED)
			break;
	}
	return (0);
}
