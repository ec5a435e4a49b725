/*
 * escape: bytes as a column of a text file.
 *
 *  - What comes out is UTF-8 without TAB, newline and other control characters:
 *    \t \n \r \\ stand for themselves, \xHH for what is no character of a text.
 *  - There is one text for the same bytes; read is also what people write, \x41.
 */
#include <errno.h>

#include "bytes.h"

/* Length of the UTF-8 character at p, 0 if none is there. */
static size_t
character(const unsigned char *p, size_t n)
{
	static const uint32_t	least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t			len, i;
	uint32_t		c;

	len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 :
	    p[0] < 0xf5 ? 4 : 0;
	if (len < 2)
		return (len);
	if (len > n)
		return (0);
	c = p[0] & (0x7fU >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (0);
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ||
	    (c >= 0x80 && c < 0xa0))
		return (0);
	return (len);
}

/* The letter behind the backslash, 'x' for all that has none; 0: it stands as it is. */
static unsigned char
letter(unsigned char c)
{
	switch (c) {
	case '\t':
		return ('t');
	case '\n':
		return ('n');
	case '\r':
		return ('r');
	case '\\':
		return ('\\');
	default:
		return (c < 0x20 || c == 0x7f ? 'x' : 0);
	}
}

/* How many bytes from p on stand as they are. */
static size_t
plain(const unsigned char *p, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i += len) {
		if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\')
			len = 1;
		else if (p[i] < 0x80 || (len = character(p + i, n - i)) == 0)
			break;
	}
	return (i);
}

int
escape_add(struct buf *b, const void *data, size_t len)
{
	static const char	 hex[] = "0123456789abcdef";
	const unsigned char	*p = data;
	char			 code[4] = { '\\', 0, 0, 0 };
	size_t			 n;

	for (; len > 0; p++, len--) {
		n = plain(p, len);
		if (n > 0 && buf_add(b, p, n) == -1)
			return (-1);
		p += n;
		if ((len -= n) == 0)
			break;
		if ((code[1] = (char)letter(*p)) == 0)
			code[1] = 'x';
		code[2] = hex[*p >> 4];
		code[3] = hex[*p & 15];
		if (buf_add(b, code, code[1] == 'x' ? 4 : 2) == -1)
			return (-1);
	}
	return (0);
}

int
escape_needless(const void *data, size_t len)
{
	const unsigned char	*p = data;
	size_t			 i = 0;

	for (;;) {
		i += plain(p + i, len - i);
		if (i == len)
			return (1);
		if (letter(p[i]) == 0 || letter(p[i]) == 'x')
			return (0);
		i++;
	}
}

static int
digit(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

/* What stands behind a backslash: how much of it was read, 0 if it means nothing. */
static size_t
code_read(const char *s, size_t n, unsigned char *c)
{
	static const char	letters[] = "tnr\\", means[] = "\t\n\r\\";
	size_t			i;

	for (i = 0; n > 0 && i < sizeof(letters) - 1; i++)
		if (s[0] == letters[i]) {
			*c = (unsigned char)means[i];
			return (1);
		}
	if (n < 3 || s[0] != 'x' || digit(s[1]) == -1 || digit(s[2]) == -1)
		return (0);
	*c = (unsigned char)(digit(s[1]) << 4 | digit(s[2]));
	return (3);
}

int
escape_read(struct buf *b, const char *s, size_t len)
{
	unsigned char	*to, c;
	size_t		 i, used;

	if ((to = buf_room(b, len)) == NULL)
		return (-1);
	for (i = 0; i < len; i++) {
		if (s[i] != '\\') {
			*to++ = (unsigned char)s[i];
			continue;
		}
		if ((used = code_read(s + i + 1, len - i - 1, &c)) == 0) {
			errno = EBADMSG;
			return (-1);
		}
		*to++ = c;
		i += used;
	}
	b->len = (size_t)(to - b->data);
	return (0);
}
