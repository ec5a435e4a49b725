/* base64: bytes in JSON (RFC 4648, with padding; one text for the same bytes). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *
base64_encode(const void *data, size_t len, size_t *textlen)
{
	const unsigned char	*p = data;
	char			*text, *t;
	uint32_t		 v;
	size_t			 n;

	if (len > SIZE_MAX / 2 || (text = malloc((len + 2) / 3 * 4 + 1)) == NULL) {
		errno = ENOMEM;
		return (NULL);
	}
	for (t = text; len > 0; p += n, len -= n) {
		n = len < 3 ? len : 3;
		v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
		    (n > 2 ? p[2] : 0);
		*t++ = digits[v >> 18];
		*t++ = digits[v >> 12 & 63];
		*t++ = n > 1 ? digits[v >> 6 & 63] : '=';
		*t++ = n > 2 ? digits[v & 63] : '=';
	}
	*t = '\0';
	*textlen = (size_t)(t - text);
	return (text);
}

static int
value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == '+' ? 62 : c == '/' ? 63 : -1);
}

/* Four digits are n bytes, the rest of them padding; the bits left over are 0. */
static int
quad_decode(const char *text, size_t n, unsigned char *p)
{
	uint32_t	v = 0;
	size_t		i;
	int		d;

	for (i = 0; i < 4; i++) {
		d = i <= n ? value(text[i]) : text[i] == '=' ? 0 : -1;
		if (d == -1)
			return (-1);
		v = v << 6 | (uint32_t)d;
	}
	for (i = 0; i < 3; i++, v <<= 8)
		if (i < n)
			p[i] = (unsigned char)(v >> 16);
		else if ((v & 0xff0000) != 0)
			return (-1);
	return (0);
}

int
base64_decode(const char *text, size_t textlen, void **data, size_t *len)
{
	unsigned char	*p;
	size_t		 pad = 0, at, n;

	if (textlen % 4 != 0) {
		errno = EBADMSG;
		return (-1);
	}
	if (textlen > 0)
		pad = (size_t)(text[textlen - 1] == '=') +
		    (size_t)(text[textlen - 1] == '=' && text[textlen - 2] == '=');
	*len = textlen / 4 * 3 - pad;
	if ((p = malloc(*len + 1)) == NULL)
		return (-1);
	for (at = 0; at < textlen; at += 4) {
		n = at + 4 == textlen ? 3 - pad : 3;
		if (quad_decode(text + at, n, p + at / 4 * 3) == -1) {
			free(p);
			errno = EBADMSG;
			return (-1);
		}
	}
	*data = p;
	return (0);
}
