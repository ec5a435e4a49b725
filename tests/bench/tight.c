/*
 * tight: the running count of field 1, in one process, as fast as plain C goes.
 *
 *	tight <clicks >counts
 *
 * The contender that a pipeline of weir is measured against: big read(2)s,
 * memchr, XXH3, open addressing, numbers printed by hand, big write(2)s.  It
 * keeps nothing and survives nothing.  One thread; no prefetching.
 */
#define XXH_INLINE_ALL

#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define BLOCK		(1 << 18)	/* bytes read and written at a time: stays in cache */
#define RECORD_MAX	(1 << 20)
#define DIGITS_MAX	20
#define SLOTS_FIRST	(1 << 16)	/* a power of two */

/* A short key lies in its slot: a hit costs one cache miss. */
#define INLINE_MAX	16

struct slot {
	uint32_t	 hash;
	uint32_t	 len;
	uint64_t	 count;		/* 0: free */
	union {
		char		 text[INLINE_MAX];
		const char	*far;
	} key;
};

static struct slot	*slots;
static size_t		 slots_total, slots_used;

static char	in[RECORD_MAX + BLOCK];
static char	out[BLOCK + sizeof(in) + DIGITS_MAX + 2];
static size_t	out_len;

static void
table_grow(void)
{
	struct slot *old = slots, *s;
	size_t i, at, total = slots_total;

	slots_total = total == 0 ? SLOTS_FIRST : total * 2;
	if ((slots = calloc(slots_total, sizeof(*slots))) == NULL)
		err(1, "calloc");
	for (i = 0; i < total; i++) {
		if ((s = &old[i])->count == 0)
			continue;
		for (at = s->hash & (slots_total - 1); slots[at].count != 0;)
			at = (at + 1) & (slots_total - 1);
		slots[at] = *s;
	}
	free(old);
}

static void
table_add(struct slot *s, const char *key, size_t len, uint32_t hash)
{
	char *far = s->key.text;

	if (len > INLINE_MAX) {
		if ((far = malloc(len)) == NULL)
			err(1, "malloc");
		s->key.far = far;
	}
	memcpy(far, key, len);
	s->hash = hash;
	s->len = (uint32_t)len;
	s->count = 1;
	slots_used++;
}

static uint64_t
table_count(const char *key, size_t len)
{
	struct slot *s;
	uint32_t hash = (uint32_t)XXH3_64bits(key, len);
	size_t at;

	if (slots_used * 2 >= slots_total)
		table_grow();
	for (at = hash & (slots_total - 1);; at = (at + 1) & (slots_total - 1)) {
		s = &slots[at];
		if (s->count == 0) {
			table_add(s, key, len, hash);
			return (1);
		}
		if (s->hash == hash && s->len == len &&
		    memcmp(len > INLINE_MAX ? s->key.far : s->key.text, key, len) == 0)
			return (++s->count);
	}
}

static void
flush(void)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < out_len; done += (size_t)n)
		if ((n = write(STDOUT_FILENO, out + done, out_len - done)) == -1)
			err(1, "write");
	out_len = 0;
}

static void
print(const char *key, size_t len, uint64_t count)
{
	char digits[DIGITS_MAX], *d = digits + sizeof(digits), *p = out + out_len;

	do
		*--d = (char)('0' + count % 10);
	while ((count /= 10) != 0);
	memcpy(p, key, len);
	p += len;
	*p++ = '\t';
	memcpy(p, d, (size_t)(digits + sizeof(digits) - d));
	p += digits + sizeof(digits) - d;
	*p++ = '\n';
	if ((out_len = (size_t)(p - out)) >= BLOCK)
		flush();
}

static void
record(const char *text, size_t len)
{
	const char *tab = memchr(text, '\t', len);
	size_t keylen = tab != NULL ? (size_t)(tab - text) : len;

	print(text, keylen, table_count(text, keylen));
}

int
main(void)
{
	char *p, *newline;
	size_t have = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, in + have, BLOCK)) > 0) {
		have += (size_t)n;
		for (p = in; (newline = memchr(p, '\n', have - (size_t)(p - in))) != NULL;
		    p = newline + 1)
			record(p, (size_t)(newline - p));
		have -= (size_t)(p - in);
		if (have > RECORD_MAX)
			errx(1, "a record is longer than %d bytes", RECORD_MAX);
		memmove(in, p, have);
	}
	if (n == -1)
		err(1, "read");
	if (have > 0)
		record(in, have);
	flush();
	return (0);
}
