/*
 * carry: bytes that were read and not handed out yet, in one piece.
 *
 * Zeroed, a carry is empty.  Pure but for the memory that it grows by doubling;
 * carry_free() gives it back.
 */
#ifndef CARRY_H
#define CARRY_H

#include <stddef.h>

struct carry {
	char	*buf;
	size_t	 start, end;		/* what is held */
	size_t	 size;
	size_t	 scanned;		/* so much of it has no newline */
	size_t	 line;			/* its first line; 0: not known */
};

/* Room for len bytes behind what is held, for carry_add(); NULL: no memory. */
char	*carry_room(struct carry *, size_t len);
void	 carry_add(struct carry *, size_t len);

/* Hold a copy of these bytes and nothing else; -1: no memory. */
int	 carry_set(struct carry *, const char *buf, size_t len);

/* Drop the first len bytes. */
void	 carry_drop(struct carry *, size_t len);
void	 carry_clear(struct carry *);
void	 carry_free(struct carry *);

/* The first line with its newline; 0 if what is held has no newline. */
size_t	 carry_line(struct carry *);

const char *carry_data(const struct carry *);
size_t	 carry_len(const struct carry *);

#endif
