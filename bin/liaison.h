/*
 * liaison: our line to the coordinator of a job.
 *
 * It is dialled until it answers, and again when another one has come: what is wished
 * is compared with what that one was told, not sent once.
 */
#ifndef LIAISON_H
#define LIAISON_H

#include <stdint.h>
#include <sys/types.h>

#include "ask.h"
#include "watch.h"

#define LIAISON_DIAL_MS	20	/* between looks for the coordinator, at most */

enum wish { WISH_NOTHING, WISH_STOP, WISH_CANCEL };

struct liaison {
	const char	*job;		/* its directory */
	struct watch	 watch;		/* how it stands */
	enum wish	 wish, told;
	struct ask	*ask;		/* NULL: nobody answers */
	int64_t		 dial_ms, dial_every_ms;
	int64_t		 question_ms;	/* when to ask; 0: not at all, or it is asked */
	int		 waits;		/* for the answer */
};

/*
 * liaison_work		what can be done without waiting, with the coordinator of that
 *			process; another one has the job no longer, or not yet.
 * liaison_hear		what it has said, also when it is dead.
 * liaison_lost		it is.
 * liaison_question	ask how the job stands at that time: watch.answered then.
 * liaison_next		when to call liaison_work() although nothing came; NEVER.
 * liaison_fd		to be polled for reading; -1.
 */
void	 liaison_open(struct liaison *, const char *job);
void	 liaison_work(struct liaison *, pid_t coordinator, int64_t now_ms);
void	 liaison_hear(struct liaison *, pid_t coordinator, int64_t now_ms);
void	 liaison_lost(struct liaison *, int64_t now_ms);
void	 liaison_question(struct liaison *, int64_t at_ms);
int64_t	 liaison_next(const struct liaison *);
int	 liaison_fd(const struct liaison *);
void	 liaison_close(struct liaison *);

#endif
