/*
 * companion: a position of a journal in a file beside it, NAME.published or
 * NAME.given: one line, in decimal (weir-journal(5)).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"

#define LINE_MAX_BYTES	32

static void
name(char *file, size_t size, const char *journal, const char *suffix)
{
	snprintf(file, size, "%s%s", journal, suffix);
}

static int
parse(const char *text, size_t len, uint64_t *position)
{
	char		*end;
	uintmax_t	 n;

	errno = 0;
	n = strtoumax(text, &end, 10);
	if (errno != 0 || end == text || *end != '\n' || (size_t)(end - text) + 1 != len ||
	    n > INT64_MAX) {
		errno = EBADMSG;
		return (-1);
	}
	*position = n;
	return (1);
}

int
companion_read(int dirfd, const char *journal, const char *suffix, uint64_t *position)
{
	char	 file[COMPANION_NAME], *text;
	size_t	 len;
	int	 found, error;

	name(file, sizeof(file), journal, suffix);
	if ((text = wholefile_read(dirfd, file, LINE_MAX_BYTES, &len)) == NULL)
		return (errno == ENOENT ? 0 : -1);
	text[len] = '\0';
	found = parse(text, len, position);
	error = errno;
	free(text);
	errno = error;
	return (found);
}

int
companion_write(int dirfd, const char *journal, const char *suffix, uint64_t position,
    const char **verb)
{
	char	file[COMPANION_NAME], temp[COMPANION_NAME + 4], line[LINE_MAX_BYTES];
	int	n;

	name(file, sizeof(file), journal, suffix);
	snprintf(temp, sizeof(temp), "%s.new", file);
	n = snprintf(line, sizeof(line), "%" PRIu64 "\n", position);
	return (wholefile_replace(dirfd, file, temp, line, (size_t)n, verb) == REPLACED ? 0 : -1);
}
