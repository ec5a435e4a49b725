/*
 * inflight: records that a command was asked about and has not answered yet.
 *
 * Which keys they have is told by bits, one for a shortened hash: of two keys that
 * share one the second waits without need, which costs time only.
 */
#include <stdlib.h>
#include <string.h>

#include "inflight.h"

#define BUSY_BITS	20		/* of the hash: with 4096 in flight 1 of 256 waits */

/* Key groups take the hash's low bits: those of one subtask are much alike. */
static uint32_t
busy_bit(uint32_t hash)
{
	return ((hash * 0x9e3779b1u) >> (32 - BUSY_BITS));
}

int
inflight_open(struct inflight *q)
{
	memset(q, 0, sizeof(*q));
	q->heads = calloc(INFLIGHT_MAX, sizeof(*q->heads));
	q->busy = calloc(1, (1u << BUSY_BITS) / 8);
	/* several times what is held, so that it is seldom moved */
	if (q->heads == NULL || q->busy == NULL ||
	    carry_room(&q->bytes, 4 * INFLIGHT_BYTES) == NULL)
		return (-1);
	return (0);
}

void
inflight_close(struct inflight *q)
{
	free(q->heads);
	free(q->busy);
	carry_free(&q->bytes);
}

int
inflight_takes(const struct inflight *q, const struct weir_record *r)
{
	uint32_t bit;

	if (q->count == 0)
		return (1);
	if (q->count == INFLIGHT_MAX || carry_len(&q->bytes) + r->len > INFLIGHT_BYTES)
		return (0);
	bit = busy_bit(r->hash);
	return (r->key == NULL || !(q->busy[bit / 8] & 1u << bit % 8));
}

int
inflight_add(struct inflight *q, const struct weir_record *r, const char *place)
{
	struct inflight_head *h = &q->heads[(q->first + q->count) % INFLIGHT_MAX];
	size_t placelen = strlen(place) + 1;
	uint32_t bit;
	char *at;

	h->keyed = r->key != NULL;
	h->keylen = h->keyed ? r->keylen : 0;
	h->len = r->len;
	h->hash = r->hash;
	h->placelen = (uint32_t)placelen;
	at = carry_room(&q->bytes, (size_t)h->keylen + h->len + placelen);
	if (at == NULL)
		return (-1);
	if (h->keylen > 0)
		memcpy(at, r->key, h->keylen);
	if (h->len > 0)
		memcpy(at + h->keylen, r->data, h->len);
	memcpy(at + h->keylen + h->len, place, placelen);
	carry_add(&q->bytes, (size_t)h->keylen + h->len + placelen);
	q->count++;
	if (h->keyed) {
		bit = busy_bit(h->hash);
		q->busy[bit / 8] |= (unsigned char)(1u << bit % 8);
	}
	return (0);
}

const char *
inflight_first(const struct inflight *q, struct weir_record *r)
{
	const struct inflight_head *h = &q->heads[q->first];
	const char *bytes = carry_data(&q->bytes);

	memset(r, 0, sizeof(*r));
	r->key = h->keyed ? bytes : NULL;
	r->keylen = h->keylen;
	r->hash = h->hash;
	r->data = bytes + h->keylen;
	r->len = h->len;
	return (bytes + h->keylen + h->len);
}

void
inflight_pop(struct inflight *q)
{
	const struct inflight_head *h = &q->heads[q->first];
	uint32_t bit = busy_bit(h->hash);

	if (h->keyed)
		q->busy[bit / 8] &= (unsigned char)~(1u << bit % 8);
	carry_drop(&q->bytes, (size_t)h->keylen + h->len + h->placelen);
	q->first = (q->first + 1) % INFLIGHT_MAX;
	q->count--;
}
