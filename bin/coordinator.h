/*
 * coordinator: the parts of checkpointd.
 *
 *	checkpointd	its life: the directory, the lock, the poll loop, the end
 *	coordinator	what is heard becomes events of coord, and what follows
 *	callers		who has dialled: heartbeats, views, ends
 *	assemble	stages register; is the job whole, does it fit the checkpoint?
 *	notes		what is said on standard error, and in history.tsv
 *	asks		what tools ask
 *	predecessor	who coordinated the job before
 *	ledger, roster	job.json, and who belongs to the job
 *
 * Times are of now_ms(), which does not go back; moments that people see are
 * since the Epoch, and nothing is decided by them.
 */
#ifndef COORDINATOR_H
#define COORDINATOR_H

#include <bsd/sys/queue.h>

#include "joboptions.h"
#include "ledger.h"
#include "roster.h"

#define BEAT_MS		500
#define SILENT_MS	5000		/* of one who is connected: it counts as dead */
#define RESTORING_MS	60000		/* of one who restores */
#define LEAVE_MS	10000		/* at the end: for all to hear of it */

enum caller_kind {
	CALLER_STRANGER,		/* has said nothing yet, or is a tool */
	CALLER_WAITING,		/* has registered; no attempt is open for it */
	CALLER_ENTERING,		/* is in the attempt, which is not durable yet */
	CALLER_MEMBER,		/* was welcomed */
	CALLER_OLD		/* of an attempt that is over */
};

struct caller {
	TAILQ_ENTRY(caller) entry;
	struct control	*control;
	enum caller_kind kind;
	struct subtask	*subtask;	/* NULL: a stranger's */
	uint32_t	 attempt;	/* that it is in */
	uint64_t	 told;		/* number of the last view */
	int64_t		 heard_ms;	/* the last word; OLD: since when */
	int		 gone;		/* to be closed */
	int		 watching;	/* the tool's: it wants to hear of changes */
	uint64_t	 news;		/* up to which it has */
	uint64_t	 asked;		/* the checkpoint that it waits for; 0: none */
	int		 kept;		/* for a savepoint: until that is committed as well */
	uint64_t	 held;		/* a checkpoint that it reads: is not retired; 0: none */
};

TAILQ_HEAD(callers, caller);

/* A subtask's operator state in the checkpoint that the job was resumed from. */
struct before;

struct coordinator {
	struct jobdir	*dir;
	char		*path;			/* of the job, absolute */
	struct ledger	 ledger;
	struct roster	 roster;
	struct coord	 coord;
	struct callers	 callers;
	unsigned	 ncallers, room;	/* how many they are, and may be */
	struct writer	*writer;		/* replaces job.json */
	int		 wake[2];		/* a pipe: it has */
	int		 save_error;		/* errno of that; 0: done */
	struct rundir	*run;
	int		 listener;
	int64_t		 listen_ms;		/* nobody is accepted before */
	int		 run_holds;		/* a pipe: 'weir run' lives; -1: it is not ours */
	int		 status;		/* to exit with; -1: not yet known */
	int		 leave;			/* at once, with status */
	int		 run_gone;		/* 'weir run' has: all shall end */
	int64_t		 started_ms;		/* since the Epoch */
	int64_t		 begun_ms;		/* the same moment, of now_ms() */
	int64_t		 beat_ms;		/* of the next one */
	int64_t		 over_ms;		/* when the job ended; 0: it has not */
	uint64_t	 news;			/* counts what a status would show */
	char		 why[1200];		/* of the last decline, and of a failed save */
	char		 end[1200];		/* why the job failed; empty: that is said */
	char		 lost[128];		/* why it is restarted */

	/* assemble */
	uint32_t	 attempt;		/* that the slots are of */
	uint64_t	 restored;		/* the checkpoint that it began with; 0: none */
	int64_t		 gathering_ms;		/* since when; 0: it does not gather */
	int		 awaits_said;
	uint32_t	 feedback[TOPOLOGY_STAGES];	/* inputs that close a loop, as bits */

	/* notes */
	int		 resumed;		/* the job was there before */
	uint64_t	 resumed_at;		/* checkpoint; 0: none */
	enum job_state	 noted;			/* the last one that was spoken of */
	int		 cancelling;
	int		 hinted;
	int64_t		 said_ms;		/* when a checkpoint's end was told last */
	struct before	*before;
	size_t		 nbefore;
};

/* coordinator */
void	 coordinator_hear(struct coordinator *, struct caller *, struct say *);
void	 coordinator_lost(struct coordinator *, struct caller *);	/* its line has ended */
void	 coordinator_stop(struct coordinator *);
void	 coordinator_cancel(struct coordinator *);
/* The job fails, and exits with status.  why: said at the end; NULL: all is said. */
void	 coordinator_fail(struct coordinator *, int status, const char *why);
int	 coordinator_over(const struct coordinator *);
int	 coordinator_save(struct coordinator *);	/* job.json, as coord has it; errno */
void	 coordinator_settle(struct coordinator *);	/* what follows from events */

/* callers */
int	 callers_room(const struct coordinator *);	/* for one more */
void	 callers_accept(struct coordinator *);
void	 caller_work(struct coordinator *, struct caller *);
void	 callers_beat(struct coordinator *, int64_t now);	/* and who is silent dies */
void	 callers_sign(struct coordinator *);	/* of life, to all; nothing else */
void	 callers_tell(struct coordinator *);	/* the view, to those who have not heard it */
void	 callers_sweep(struct coordinator *);	/* close those who are gone */
void	 callers_forgive(struct coordinator *, int64_t ms);	/* we were not there ourselves */
void	 caller_retire(struct caller *);	/* another has its place, or its attempt is over */

/* assemble */
void	 assemble_register(struct coordinator *, struct caller *, const struct say *);
void	 assemble_attempt(struct coordinator *);	/* another one: all slots are empty */
void	 assemble_admit(struct coordinator *);	/* those who wait, if they can be */
void	 assemble_welcome(struct coordinator *);	/* the attempt is durable */
void	 assemble_look(struct coordinator *, int64_t now);	/* has anybody to be told? */
#define AWAITED_MAX	64
/* What the job waits for, at most max names; how many they are. */
unsigned assemble_awaited(const struct coordinator *, char name[][ROSTER_LABEL], unsigned max);

/* notes */
void	 notes_start(struct coordinator *);
void	 notes_ended(struct coordinator *, const struct coord_pending *);
void	 notes_why(const struct coordinator *, const struct coord_pending *, char *, size_t);
void	 notes_lost(struct coordinator *, const struct subtask *);
void	 notes_state(struct coordinator *);	/* if it is another one */
void	 notes_free(struct coordinator *);

/* asks */
void	 asks_hear(struct coordinator *, struct caller *, const char *line, size_t len);
void	 asks_ended(struct coordinator *, const struct coord_pending *);
void	 asks_committed(struct coordinator *);
void	 asks_watch(struct coordinator *);	/* tell those who watch */

/* notify */
void	 notify(const char *fmt, ...) WEIR_PRINTF(1, 2);	/* systemd, if it listens */

#endif
