/*
 * record: find the records of a text area.
 *
 * The area may be shared memory whose writer misbehaves, so every field of an
 * entry is loaded exactly once (relaxed atomics: a plain load may be repeated
 * by the compiler), checked, and only then used.
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"

static long
bad(void)
{
	errno = EBADMSG;
	return (-1);
}

long
record_split(const char *text, size_t len, size_t *pos, uint32_t *ordinal,
    struct weir_record *out, size_t max)
{
	const char	*p = text + *pos, *end = text + len, *nl;
	size_t		 n;

	for (n = 0; n < max && p < end; n++, p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			return (bad());
		out[n].data = p;
		out[n].len = (uint32_t)(nl - p);
		out[n].key = NULL;
		out[n].keylen = 0;
		out[n].hash = 0;
		out[n].ordinal = (*ordinal)++;
	}
	*pos = (size_t)(p - text);
	return ((long)n);
}

static inline uint32_t
load(const uint32_t *p)
{
	return (__atomic_load_n(p, __ATOMIC_RELAXED));
}

long
record_unpack(const struct frame *f, size_t *pos, struct weir_record *out, size_t max)
{
	const struct entry	*e = f->index_at + *pos;
	size_t			 n, count = f->count - *pos;
	uint32_t		 offset, key;

	if (count > max)
		count = max;
	for (n = 0; n < count; n++, e++) {
		offset = load(&e->offset);
		key = load(&e->key);
		out[n].len = load(&e->len);
		out[n].keylen = load(&e->keylen);
		out[n].hash = load(&e->hash);
		out[n].ordinal = load(&e->ordinal);
		/* the newline behind the record is in the area as well */
		if (offset >= f->textlen || out[n].len >= f->textlen - offset)
			return (bad());
		out[n].data = f->text_at + offset;
		if (key & ENTRY_ASIDE) {
			key &= ~ENTRY_ASIDE;
			if (key > f->keyslen || out[n].keylen > f->keyslen - key)
				return (bad());
			out[n].key = f->keys_at + key;
		} else {
			if (key > f->textlen || out[n].keylen > f->textlen - key)
				return (bad());
			out[n].key = f->text_at + key;
		}
	}
	*pos += n;
	return ((long)n);
}

/* Eight-byte counters let the compiler vectorise the inner loop. */
uint64_t
record_count(const char *text, size_t len)
{
	uint64_t	 total = 0;
	size_t		 i, part;
	unsigned char	 n;

	for (; len > 0; text += part, len -= part) {
		part = len < 255 ? len : 255;
		for (n = 0, i = 0; i < part; i++)
			n = (unsigned char)(n + (text[i] == '\n'));
		total += n;
	}
	return (total);
}
