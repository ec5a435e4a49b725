/*
 * ledger: job.json, and what has come in for the checkpoints that are under way.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "io.h"

/* A subtask's part of a checkpoint. */
struct part {
	struct jobfile_subtask part;
	uint64_t	 bytes;
	int64_t		 duration_ms;
	int		 come;
};

struct underway {
	uint64_t	 id;
	int64_t		 triggered_ms;		/* since the Epoch */
	struct part	*part;			/* one a member */
	unsigned	 nparts;
	unsigned	 last;			/* the member whose part came last */
	uint64_t	 bytes;			/* of all that have come */
	struct underway	*next;
};

struct ledger {
	struct jobdir	*dir;
	struct jobfile	 file;			/* as it is on disk */
	struct underway	*underway;
};

/*
 * ledger_open	read the job, or make a new one, which is to be saved; the job is
 *		locked.  1: it was there; 0: new; -1: jobdir_error().
 * ledger_begin	a checkpoint of that many members.  -1: no memory.
 * ledger_part	a member's part; taken in both outcomes.
 * ledger_end	it is over: completed and saved, or nothing of it counts.
 * ledger_save	make job.json what coord says.  -1: jobdir_error().
 * ledger_last	the last completed checkpoint, or NULL.
 */
int	 ledger_open(struct ledger *, struct jobdir *, unsigned groups);
void	 ledger_close(struct ledger *);
int	 ledger_begin(struct ledger *, uint64_t id, int64_t triggered_ms, unsigned nparts);
struct underway *ledger_find(const struct ledger *, uint64_t id);
void	 ledger_part(struct ledger *, uint64_t id, unsigned member, struct jobfile_subtask *,
	    uint64_t bytes, int64_t duration_ms);
void	 ledger_end(struct ledger *, uint64_t id);
int	 ledger_save(struct ledger *, const struct coord *);
const struct jobfile_checkpoint *ledger_last(const struct ledger *);

#endif
