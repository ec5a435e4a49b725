/*
 * sorter: lines, in byte order.
 *
 * Some memory's worth at a time is sorted and put aside in a temporary file, then
 * all are merged: there may be any number of them.
 */
#ifndef SORTER_H
#define SORTER_H

#include <stddef.h>

struct sorter;

/*
 * sorter_new	NULL: errno.
 * sorter_add	copy a line; it has no newline.
 * sorter_sort	that was the last one.
 * sorter_next	1: the next line, borrowed until the next call; 0: there is none.
 * -1: errno, of memory or of a temporary file.
 */
struct sorter *sorter_new(size_t memory_bytes);
void	 sorter_free(struct sorter *);
int	 sorter_add(struct sorter *, const char *line, size_t len);
int	 sorter_sort(struct sorter *);
int	 sorter_next(struct sorter *, const char **line, size_t *len);

#endif
