/*
 * header: the one line 1 that all files of a source have.
 */
#ifndef HEADER_H
#define HEADER_H

#include <stddef.h>

/* Zeroed, a header is not known. */
struct header {
	char	*line;		/* without its newline; NULL: not known */
	size_t	 len;
	char	*of;		/* the file that it was first seen in */
};

/*
 * Line 1 of file `of`: it becomes the header, or has to be the same.  -1: sentence
 * names both.
 */
int	 header_take(struct header *, const char *line, size_t len, const char *of,
	    char *sentence, size_t size);
void	 header_free(struct header *);

#endif
