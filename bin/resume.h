/*
 * resume: which file goes on where, when a source begins: what a checkpoint says
 * was read, and what the operands name now, are brought together.
 *
 * The files of the checkpoint come first and in its order, under whatever name
 * they have now; then those that it does not know, from their beginnings.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stddef.h>

#include "operands.h"
#include "position.h"
#include "rotation.h"

struct resumed {
	char			*path;		/* of the operand; borrowed */
	const struct place	*place;		/* NULL: not known */
	int			 fd;		/* to be read before path; -1: none */
	int			 alone;		/* what else was renamed is another's */
	int			 mine;		/* this subtask's */
};

struct resume {
	struct resumed	*list;
	size_t		 n;
	void		(*say)(void *, const char *line);	/* worth a warning */
	void		*arg;
	char		 error[1024];
};

/*
 * Make the list; what it points to is borrowed from operands and position.
 *
 * position	NULL: a first start, every parallelism-th file is this subtask's
 *
 * -1: error: running again does not help.
 */
int	 resume_plan(struct resume *, const struct operands *, const struct position *,
	    unsigned subtask, unsigned parallelism);
void	 resume_free(struct resume *);

#endif
