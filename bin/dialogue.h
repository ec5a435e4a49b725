/*
 * dialogue: lines to another program and back, in the runtime's one poll loop.
 *
 * Nothing here waits: what the program does not read yet is kept, what it writes
 * is taken when it is there.  What the lines mean is the caller's affair.
 */
#ifndef DIALOGUE_H
#define DIALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "carry.h"
#include "process.h"
#include "weir.h"

/* Begin with zeros, and line_max. */
struct dialogue {
	struct weir	*weir;
	const char	*name;		/* of the program */
	uint64_t	 timeout_ms;	/* of silence, while it owes something */
	size_t		 line_max;	/* bytes of a line; a longer one is left in answers */
	size_t		 owed;		/* answers; the caller counts */
	struct carry	 asked;		/* lines to be written; the caller adds */

	struct process	 process;
	struct carry	 answers;	/* read, and not taken yet */
	int		 full;		/* no answer can be taken now */
	int		 lingers;	/* it answers on a terminal, and owes a lot more */
	int		 watched;	/* the runtime waits for answers */
	int		 ended;		/* its output is */
	int64_t		 heard_ms;	/* when it spoke last, or began to owe */
};

/*
 * dialogue_open	start argv, with a terminal to write to or a pipe; 0, -1.
 * dialogue_go		write what was added to asked, and be called again.
 * dialogue_owes	one answer more is owed.
 * dialogue_ready	for ready(): write and read on; take() is given each line
 *			that came, its newline at line[len], and may change it.
 *			Then enum dialogue_news, or -1.
 * dialogue_end		for end(), when nothing is owed: WEIR_OK when it has ended;
 *			*status is as wait(2) tells it.
 * dialogue_gone	its output has ended: 1 if it has, with *status, 0 if not.
 * dialogue_close	it is not needed any more, and has a moment to end.
 */
enum dialogue_news {
	DIALOGUE_GOES_ON,
	DIALOGUE_ENDED,			/* its output has; told once */
	DIALOGUE_SILENT			/* it owes something, and time is over */
};

int	 dialogue_open(struct dialogue *, struct weir *, char *const argv[], int terminal,
	    uint64_t timeout_ms);
int	 dialogue_go(struct dialogue *);
void	 dialogue_owes(struct dialogue *);
int	 dialogue_ready(struct dialogue *, int (*take)(void *, char *line, size_t len),
	    void *cookie);
int	 dialogue_end(struct dialogue *, int *status);
int	 dialogue_gone(struct dialogue *, int *status);
void	 dialogue_close(struct dialogue *);

#endif
