/*
 * position: where a source is, as it stands in a checkpoint.
 *
 * Both directions go through one cursor that refuses what is too short; what it
 * yields is plausible only after the sum at the end, so that is checked first.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "position.h"

#define POSITION_MAGIC	UINT32_C(0x534f5057)	/* "WPOS" */
#define POSITION_VERSION 1
#define POSITION_SUM	8
#define POSITION_LEAST	5	/* bytes of a place with an empty name */

struct cursor {
	unsigned char	*data;
	size_t		 len, cap, at;
	int		 failed;
};

static void
put(struct cursor *c, const void *buf, size_t len)
{
	unsigned char *data;
	size_t cap = c->cap ? c->cap : 512;

	while (cap - c->len < len)
		cap *= 2;
	if (cap != c->cap && !c->failed) {
		if ((data = realloc(c->data, cap)) == NULL)
			c->failed = 1;
		else {
			c->data = data;
			c->cap = cap;
		}
	}
	if (c->failed)
		return;
	if (len > 0)
		memcpy(c->data + c->len, buf, len);
	c->len += len;
}

static void
put_uint(struct cursor *c, uint64_t value, size_t bytes)
{
	unsigned char buf[8];
	size_t i;

	for (i = 0; i < bytes; i++)
		buf[i] = (unsigned char)(value >> (8 * i));
	put(c, buf, bytes);
}

static void
put_string(struct cursor *c, const char *s, size_t len)
{
	put_uint(c, len, 4);
	put(c, s, len);
}

static const void *
get(struct cursor *c, size_t len)
{
	const void *at = c->data + c->at;

	if (c->failed || len > c->len - c->at) {
		c->failed = 1;
		return (NULL);
	}
	c->at += len;
	return (at);
}

static uint64_t
get_uint(struct cursor *c, size_t bytes)
{
	const unsigned char *p = get(c, bytes);
	uint64_t value = 0;
	size_t i;

	for (i = 0; p != NULL && i < bytes; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return (value);
}

/* A copy with a NUL behind it; NULL: failed. */
static char *
get_string(struct cursor *c, size_t *len)
{
	const void *at;
	char *s;

	*len = (size_t)get_uint(c, 4);
	if ((at = get(c, *len)) == NULL)
		return (NULL);
	if ((s = malloc(*len + 1)) == NULL) {
		c->failed = ENOMEM;
		return (NULL);
	}
	memcpy(s, at, *len);
	s[*len] = '\0';
	return (s);
}

static void
put_place(struct cursor *c, const struct place *p)
{
	put_uint(c, p->flags, 1);
	put_string(c, p->name, strlen(p->name));
	if (p->flags & PLACE_OTHER)
		return;
	put_uint(c, p->offset, 8);
	put_uint(c, p->record, 8);
	put_uint(c, p->first, 8);
	put_uint(c, p->last, 8);
	put_uint(c, p->inode, 8);
}

static void
get_place(struct cursor *c, struct place *p)
{
	size_t len;

	p->flags = (unsigned)get_uint(c, 1);
	p->name = get_string(c, &len);
	if (p->flags & PLACE_OTHER)
		return;
	p->offset = get_uint(c, 8);
	p->record = get_uint(c, 8);
	p->first = get_uint(c, 8);
	p->last = get_uint(c, 8);
	p->inode = get_uint(c, 8);
	if (p->name != NULL && (strlen(p->name) != len || p->offset > INT64_MAX))
		c->failed = 1;
}

static void
put_files(struct cursor *c, const struct position *p)
{
	size_t i;

	put_uint(c, p->header != NULL, 1);
	if (p->header != NULL) {
		put_string(c, p->header, p->headerlen);
		put_string(c, p->header_of, strlen(p->header_of));
	}
	put_uint(c, p->n, 4);
	for (i = 0; i < p->n; i++)
		put_place(c, &p->places[i]);
}

static void
get_files(struct cursor *c, struct position *p)
{
	size_t len, n, i;

	if (get_uint(c, 1)) {
		p->header = get_string(c, &p->headerlen);
		p->header_of = get_string(c, &len);
	}
	n = (size_t)get_uint(c, 4);
	/* a count that the bytes cannot hold must not size an allocation */
	if (c->failed || n > (c->len - c->at) / POSITION_LEAST) {
		c->failed = c->failed ? c->failed : 1;
		return;
	}
	if ((p->places = calloc(n ? n : 1, sizeof(*p->places))) == NULL) {
		c->failed = ENOMEM;
		return;
	}
	p->n = n;
	for (i = 0; i < n && !c->failed; i++)
		get_place(c, &p->places[i]);
}

void *
position_encode(const struct position *p, size_t *len)
{
	struct cursor c = { .data = NULL };

	put_uint(&c, POSITION_MAGIC, 4);
	put_uint(&c, POSITION_VERSION, 1);
	put_uint(&c, p->kind, 1);
	put_uint(&c, p->subtask, 4);
	put_uint(&c, p->parallelism, 4);
	if (p->kind == POSITION_COUNTER) {
		put_uint(&c, p->next, 8);
		put_uint(&c, p->bytes, 8);
		put_uint(&c, p->records, 8);
	} else
		put_files(&c, p);
	if (!c.failed)
		put_uint(&c, XXH3_64bits(c.data, c.len), POSITION_SUM);
	if (c.failed) {
		free(c.data);
		return (NULL);
	}
	*len = c.len;
	return (c.data);
}

/* The sum is right; -1: EBADMSG. */
static int
position_check(const void *bytes, size_t len)
{
	struct cursor sum = { .len = POSITION_SUM };

	errno = EBADMSG;
	if (len < POSITION_SUM)
		return (-1);
	memcpy(&sum.data, &bytes, sizeof(sum.data));
	sum.data += len - POSITION_SUM;
	return (get_uint(&sum, POSITION_SUM) == XXH3_64bits(bytes, len - POSITION_SUM) ? 0 : -1);
}

int
position_decode(struct position *p, const void *bytes, size_t len)
{
	struct cursor c = { .data = NULL };

	memset(p, 0, sizeof(*p));
	if (position_check(bytes, len) == -1)
		return (-1);
	memcpy(&c.data, &bytes, sizeof(c.data));
	c.len = len - POSITION_SUM;
	if (get_uint(&c, 4) != POSITION_MAGIC || get_uint(&c, 1) != POSITION_VERSION)
		c.failed = 1;
	p->kind = (enum position_kind)get_uint(&c, 1);
	p->subtask = (uint32_t)get_uint(&c, 4);
	p->parallelism = (uint32_t)get_uint(&c, 4);
	if (p->kind == POSITION_COUNTER) {
		p->next = get_uint(&c, 8);
		p->bytes = get_uint(&c, 8);
		p->records = get_uint(&c, 8);
	} else if (p->kind == POSITION_FILES)
		get_files(&c, p);
	else
		c.failed = 1;
	if (!c.failed && c.at == c.len)
		return (0);
	position_free(p);
	errno = c.failed == ENOMEM ? ENOMEM : EBADMSG;
	return (-1);
}

void
position_free(struct position *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->places[i].name);
	free(p->places);
	free(p->header);
	free(p->header_of);
	memset(p, 0, sizeof(*p));
}
