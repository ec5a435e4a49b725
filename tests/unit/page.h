/* page: the bytes that a manual page shows. */
#ifndef PAGE_H
#define PAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of offset, two blanks, at most 16 bytes in hex,
 * two blanks and text.  nth: the how manieth such block, from 1. */
static size_t
page_bytes(const char *page, int nth, unsigned char *out, size_t size)
{
	char	 line[256], *p, *end;
	size_t	 n = 0;
	int	 seen = 0, i;
	FILE	*f = fopen(page, "r");

	if (f == NULL)
		return (0);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strspn(line, "0123456789abcdef") != 4 || strncmp(line + 4, "  ", 2) != 0)
			continue;
		seen += strncmp(line, "0000", 4) == 0;
		if (seen != nth || strtoul(line, NULL, 16) != n)
			continue;
		for (p = line + 5, i = 0; i < 16 && n < size; i++, p = end) {
			if (p[0] != ' ' || p[1] == ' ')
				break;
			out[n++] = (unsigned char)strtoul(p, &end, 16);
		}
	}
	fclose(f);
	return (n);
}

#endif
