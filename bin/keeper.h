/*
 * keeper: checkpointd as our child, kept alive.
 *
 * It ends when the pipe that we hold is closed, so with us.  It is in a process
 * group of its own: what is typed at a terminal is not meant for it.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <stdint.h>
#include <sys/types.h>

struct keeper {
	const char	*program;	/* its path */
	const char	*job;
	char		**words;	/* its options */
	size_t		 nwords;
	pid_t		 pid;		/* 0: it does not run */
	int		 alive;		/* -1 */
	int64_t		 started_ms;
	int64_t		 again_ms;	/* when to start it again */
	int64_t		 delay_ms;	/* of the last start */
	unsigned	 tries;		/* that have ended with WEIR_AGAIN, in a row */
};

/*
 * keeper_start		-1: errno.
 * keeper_ended		it has.  -1: it is to be started again, at again_ms; else
 *			the status that the job has ended with: WEIR_AGAIN if
 *			somebody else has the job, or it will not stay.
 * keeper_leave		it shall end, without a word; keeper_kill: at once.
 */
int	 keeper_start(struct keeper *, int64_t now_ms);
int	 keeper_ended(struct keeper *, int wstatus, int64_t now_ms);
void	 keeper_leave(struct keeper *);
void	 keeper_kill(struct keeper *);

#endif
