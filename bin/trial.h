/*
 * trial: one run of a script as a job, and what is done to its processes meanwhile.
 */
#ifndef TRIAL_H
#define TRIAL_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "chance.h"
#include "victims.h"

struct trial {
	char		**command;
	const char	 *stage;		/* only this one is harmed; NULL */
	char		  dir[PATH_MAX];	/* where it runs; dir.out, dir.err: what it says */
	char		  mark[PATH_MAX + 32];	/* NAME=VALUE in the environment of all of it */
	struct chance	  chance;
	int64_t		  clean_ms;		/* how long the clean run took */
	struct victims	  victims;

	/* counted */
	uint64_t	  runs, nkills, kills[VICTIM_KINDS], everything, stops, pauses, unharmed;
};

/*
 * trial_clean	let it end, and remember how long that took.  -1: it did not end
 *		well, and it was said how.
 * trial_round	harm it, and run it again until it ends well.  -1 likewise.
 * trial_show	what it said last.
 * trial_interrupted	somebody wants us to end: that is why it failed.
 */
void	 trial_open(struct trial *, const char *stage);
int	 trial_clean(struct trial *);
int	 trial_round(struct trial *);
void	 trial_show(const struct trial *);
int	 trial_interrupted(void);
void	 trial_close(struct trial *);

#endif
