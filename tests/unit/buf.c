/*
 * buf: bytes in, the same bytes out; never past the end.
 */
#include <errno.h>
#include <stdint.h>

#include "bytes.h"
#include "tap.h"

static const uint64_t extremes[] = {
	0, 1, 0x7f, 0x80, 0xff, 0x0102030405060708, INT64_MAX, UINT64_MAX - 1, UINT64_MAX,
};
#define NEXTREMES	(sizeof(extremes) / sizeof(extremes[0]))

static void
integers_come_back_at_every_width(void)
{
	struct buf	b = { 0 };
	uint64_t	v, mask;
	size_t		width, i;

	for (width = 1; width <= 8; width++)
		for (i = 0; i < NEXTREMES; i++)
			CHECK(buf_add_uint(&b, extremes[i], width) == 0);
	for (width = 1; width <= 8; width++) {
		mask = width == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * width) - 1;
		for (i = 0; i < NEXTREMES; i++) {
			CHECK(buf_get_uint(&b, &v, width) == 0);
			CHECK(v == (extremes[i] & mask));
		}
	}
	CHECK(b.pos == b.len);
	buf_free(&b);
}

static void
integers_are_little_endian(void)
{
	static const unsigned char expected[] = { 8, 7, 6, 5, 4, 3, 2, 1, 0xcd, 0xab };
	struct buf b = { 0 };

	CHECK(buf_add_uint(&b, 0x0102030405060708, 8) == 0);
	CHECK(buf_add_uint(&b, 0xabcd, 2) == 0);
	CHECK(b.len == sizeof(expected) && memcmp(b.data, expected, b.len) == 0);
	buf_free(&b);
}

static void
strings_come_back_with_any_byte_in_them(void)
{
	struct buf	 b = { 0 };
	char		 all[256];
	const char	*s;
	size_t		 i, len;

	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	CHECK(buf_add_string(&b, all, sizeof(all)) == 0);
	CHECK(buf_add_string(&b, NULL, 0) == 0);
	CHECK(buf_add_string(&b, "x", 1) == 0);
	CHECK(buf_get_string(&b, &s, &len, sizeof(all)) == 0);
	CHECK(len == sizeof(all) && memcmp(s, all, len) == 0);
	CHECK(buf_get_string(&b, &s, &len, 0) == 0 && len == 0);
	CHECK(buf_get_string(&b, &s, &len, 1) == 0 && len == 1 && *s == 'x');
	CHECK(b.pos == b.len);
	buf_free(&b);
}

static void
growing_keeps_what_is_there(void)
{
	struct buf	b = { 0 };
	unsigned char	piece[997];
	size_t		i, n;

	for (n = 1; n < 1200; n++) {
		memset(piece, (int)(n & 0xff), sizeof(piece));
		CHECK(buf_add(&b, piece, n % sizeof(piece)) == 0);
	}
	for (n = 1; n < 1200; n++)
		for (i = 0; i < n % sizeof(piece); i++)
			if (b.data[b.pos++] != (n & 0xff)) {
				CHECK(!"a byte has changed");
				n = 1200;
			}
	CHECK(b.pos == b.len);
	buf_free(&b);
}

static void
room_is_writable_to_its_last_byte(void)
{
	struct buf	 b = { 0 };
	unsigned char	*p;
	size_t		 len;

	for (len = 1; len < 5000; len += 7) {
		if ((p = buf_room(&b, len)) == NULL) {
			CHECK(!"no room");
			break;
		}
		memset(p, 'x', len);
		b.len += len;
		CHECK(b.len <= b.cap);
	}
	buf_free(&b);
}

static void
adding_nothing_to_an_empty_buf_is_no_error(void)
{
	struct buf b = { 0 };

	CHECK(buf_add(&b, "", 0) == 0);
	CHECK(b.len == 0);
	buf_free(&b);
}

static void
absurd_sizes_are_refused(void)
{
	static const size_t	absurd[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1 };
	struct buf		b = { 0 };
	size_t			i;

	CHECK(buf_add(&b, "abc", 3) == 0);
	for (i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		errno = 0;
		CHECK(buf_room(&b, absurd[i]) == NULL && errno == ENOMEM);
	}
	CHECK(b.len == 3 && memcmp(b.data, "abc", 3) == 0);
	buf_free(&b);
}

static void
reading_past_the_end_is_refused_and_moves_nothing(void)
{
	static const size_t	 far[] = { 1, 2, 9, SIZE_MAX / 2, SIZE_MAX - 8, SIZE_MAX };
	struct buf		 b;
	const void		*p;
	uint64_t		 v;
	size_t			 pos, i;

	for (pos = 0; pos <= 8; pos++) {
		buf_borrow(&b, "12345678", 8);
		CHECK(buf_get(&b, &p, pos) == 0);
		for (i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
			if (far[i] <= 8 - pos)
				continue;
			errno = 0;
			CHECK(buf_get(&b, &p, far[i]) == -1 && errno == EBADMSG);
			CHECK(b.pos == pos);
		}
		CHECK(pos == 0 || buf_get_uint(&b, &v, 8) == -1);
		CHECK(b.pos == pos);
		CHECK(buf_get(&b, &p, 8 - pos) == 0);
		CHECK(buf_get(&b, &p, 0) == 0);
	}
}

static void
strings_over_the_limit_or_the_end_are_refused(void)
{
	static const uint64_t	 lengths[] = { 5, 6, 255, 0x7fffffff, 0x80000000, 0xffffffff };
	struct buf		 b = { 0 }, r;
	const char		*s;
	size_t			 i, len;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		b.len = 0;
		CHECK(buf_add_uint(&b, lengths[i], 4) == 0 && buf_add(&b, "abcd", 4) == 0);
		buf_borrow(&r, b.data, b.len);
		errno = 0;
		CHECK(buf_get_string(&r, &s, &len, SIZE_MAX) == -1 && errno == EBADMSG);
	}
	b.len = 0;
	CHECK(buf_add_string(&b, "abcd", 4) == 0);
	buf_borrow(&r, b.data, b.len);
	errno = 0;
	CHECK(buf_get_string(&r, &s, &len, 3) == -1 && errno == EBADMSG);
	for (i = 0; i < 4; i++) {
		buf_borrow(&r, b.data, i);
		CHECK(buf_get_string(&r, &s, &len, 4) == -1);
	}
	buf_free(&b);
}

static void
borrowed_bytes_are_never_freed(void)
{
	static const char	 text[] = "static";
	struct buf		 b;
	const void		*p;

	buf_borrow(&b, text, sizeof(text));
	CHECK(buf_get(&b, &p, sizeof(text)) == 0 && p == text);
	buf_free(&b);
	CHECK(b.data == NULL && b.len == 0 && b.pos == 0);
	buf_free(&b);
}

int
main(void)
{
	RUN(integers_come_back_at_every_width);
	RUN(integers_are_little_endian);
	RUN(strings_come_back_with_any_byte_in_them);
	RUN(growing_keeps_what_is_there);
	RUN(room_is_writable_to_its_last_byte);
	RUN(adding_nothing_to_an_empty_buf_is_no_error);
	RUN(absurd_sizes_are_refused);
	RUN(reading_past_the_end_is_refused_and_moves_nothing);
	RUN(strings_over_the_limit_or_the_end_are_refused);
	RUN(borrowed_bytes_are_never_freed);
	DONE();
}
