/* buf: bytes that grow at the end and are read from the front. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

void
buf_borrow(struct buf *b, const void *data, size_t len)
{
	/* cap 0 says that the bytes are not ours: never written, never freed */
	memset(b, 0, sizeof(*b));
	memcpy(&b->data, &data, sizeof(b->data));
	b->len = len;
}

void
buf_free(struct buf *b)
{
	if (b->cap > 0)
		free(b->data);
	memset(b, 0, sizeof(*b));
}

unsigned char *
buf_room(struct buf *b, size_t len)
{
	size_t		 cap;
	unsigned char	*data;

	if (len > SIZE_MAX / 4 || b->len > SIZE_MAX / 4) {
		errno = ENOMEM;
		return (NULL);
	}
	if (b->data == NULL || b->len + len > b->cap) {
		cap = b->cap ? b->cap * 2 : 256;
		while (cap < b->len + len)
			cap *= 2;
		if ((data = realloc(b->data, cap)) == NULL)
			return (NULL);
		b->data = data;
		b->cap = cap;
	}
	return (b->data + b->len);
}

int
buf_add(struct buf *b, const void *data, size_t len)
{
	unsigned char *p;

	if ((p = buf_room(b, len)) == NULL)
		return (-1);
	if (len > 0)
		memcpy(p, data, len);
	b->len += len;
	return (0);
}

int
buf_add_uint(struct buf *b, uint64_t v, size_t bytes)
{
	unsigned char	*p;
	size_t		 i;

	if ((p = buf_room(b, bytes)) == NULL)
		return (-1);
	for (i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> (8 * i));
	b->len += bytes;
	return (0);
}

int
buf_add_string(struct buf *b, const void *s, size_t len)
{
	if (buf_add_uint(b, len, 4) == -1)
		return (-1);
	return (buf_add(b, s, len));
}

int
buf_get(struct buf *b, const void **p, size_t len)
{
	if (len > b->len - b->pos) {
		errno = EBADMSG;
		return (-1);
	}
	*p = b->data + b->pos;
	b->pos += len;
	return (0);
}

int
buf_get_uint(struct buf *b, uint64_t *v, size_t bytes)
{
	const void		*at;
	const unsigned char	*p;
	size_t			 i;

	if (buf_get(b, &at, bytes) == -1)
		return (-1);
	p = at;
	for (*v = 0, i = 0; i < bytes; i++)
		*v |= (uint64_t)p[i] << (8 * i);
	return (0);
}

int
buf_get_string(struct buf *b, const char **s, size_t *len, size_t max)
{
	const void	*p;
	uint64_t	 n;

	if (buf_get_uint(b, &n, 4) == -1)
		return (-1);
	if (n > max) {
		errno = EBADMSG;
		return (-1);
	}
	if (buf_get(b, &p, n) == -1)
		return (-1);
	*s = p;
	*len = n;
	return (0);
}
