/*
 * roster: who belongs to the job: its stages, as they register, and their subtasks.
 *
 * A subtask's number as a member of the coord never changes: slots are given to
 * all subtasks of a stage when the first of them comes.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <sys/types.h>

#include "io.h"

struct caller;

enum presence { AWAITED, REGISTERED, CONNECTED, FINISHED, LEFT };

struct subtask {
	unsigned	 stage;			/* in the topology */
	unsigned	 number, member;
	struct caller	*caller;		/* NULL: it is not there */
	pid_t		 pid;			/* the last one that was */
	enum presence	 presence;
	uint64_t	 seen, aligning, writing;	/* barriers, as it said last */
};

struct roster {
	struct topology	 topology;
	struct subtask	**member;		/* by number */
	unsigned	 nmembers;
	unsigned	 first[TOPOLOGY_STAGES];	/* member of a stage's subtask 0 */
};

#define ROSTER_LABEL	(WEIR_NAME_MAX + 8)	/* bytes of STAGE.I */

/*
 * roster_add	the slot of a subtask that registers; NULL: why, it does not fit.
 * roster_label	its name, STAGE.I; the text is the caller's.
 * roster_here	all subtasks of all stages that have come are there.
 * roster_knows	there is a stage of that name.
 */
struct subtask *roster_add(struct roster *, const struct topology_stage *, unsigned number,
	    char *why, size_t size);
const char *roster_label(const struct roster *, const struct subtask *, char label[ROSTER_LABEL]);
int	 roster_here(const struct roster *);
int	 roster_knows(const struct roster *, const char *stage);
void	 roster_free(struct roster *);

/* Stages of a checkpoint, one by one: *at starts at 0; NULL: no more.  Gives the
 * first subtask of each. */
const struct jobfile_subtask *checkpoint_stage(const struct jobfile_checkpoint *, size_t *at);
/* A stage of the checkpoint, or NULL. */
const struct jobfile_subtask *checkpoint_find(const struct jobfile_checkpoint *,
	    const char *stage);

#endif
