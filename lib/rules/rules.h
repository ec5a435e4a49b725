/*
 * rules: decisions, without I/O and without a clock.
 *
 * The checkpoint protocol, both sides of it, as objects that are told what
 * happened and say what to do.  Times are milliseconds of any clock that does
 * not go back, handed in.  The programs drive these objects with sockets and
 * files, the simulator in tests/ with a seeded schedule.
 *
 * Sources: Carbone et al., "Lightweight Asynchronous Snapshots for Distributed
 * Dataflows" (2015); Flink's CheckpointCoordinator and BarrierBuffer.
 */
#ifndef RULES_H
#define RULES_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

#define RULES_NEVER	INT64_MAX	/* a time that does not come */

/*
 * route: which subtask gets what.
 *
 * A key belongs to a key group, a range of key groups to a subtask (Flink's
 * KeyGroupRangeAssignment): the groups never change in a job's life, so another
 * parallelism moves whole groups.
 */
#define ROUTE_GROUPS	128U		/* and so the greatest parallelism */

unsigned route_group(uint32_t hash, unsigned groups);
unsigned route_subtask(unsigned group, unsigned groups, unsigned parallelism);

enum route {
	ROUTE_LINKED,		/* these two subtasks have a link */
	ROUTE_APART,		/* not these two */
	ROUTE_REFUSED		/* stages of such parallelisms cannot be connected */
};

/* Upstream subtask up of ups, its consumer's subtask down of downs. */
enum route route_link(int keyed, unsigned up, unsigned ups, unsigned down, unsigned downs);

/*
 * restart: may the job be started again after a failure, and when?
 *
 * Flink's strategies with its counting rules: fixed-delay never forgets a
 * restart; failure-rate remembers the last max of them and allows another when
 * fewer are remembered or the oldest is more than per_ms ago.  exponential
 * multiplies its delay up to a maximum and goes back to the first one when a
 * checkpoint has completed since the last restart; it never gives up.
 */
enum restart_kind { RESTART_NONE, RESTART_FIXED, RESTART_RATE, RESTART_EXPONENTIAL };

#define RESTART_RATE_MAX	100	/* failures that failure-rate can remember */

struct restart {
	enum restart_kind kind;
	uint64_t	 max;		/* restarts (fixed), or within per_ms (rate) */
	int64_t		 delay_ms;	/* exponential: the first delay */
	int64_t		 per_ms, max_ms;
	double		 factor;

	uint64_t	 restarts;	/* so far */
	int64_t		 next_ms;	/* exponential: the next delay; 0: the first */
	int64_t		 at[RESTART_RATE_MAX];	/* of the last max restarts, a ring */
};

int	 restart_failure(struct restart *, int64_t now, int64_t *delay_ms);	/* 1, or 0: give up */
void	 restart_completed(struct restart *);		/* a checkpoint */

/*
 * trigger: when is the next checkpoint due?
 *
 * Flink's CheckpointCoordinator: the first one a full interval after the start,
 * then at a fixed rate.  When the limit of concurrent checkpoints is met one
 * request is queued and the timer stops; the queued one fires when a slot is
 * free, and the rate counts from there.  A minimum pause counts from the last
 * completion and raises a shorter interval.
 */
struct trigger {
	int64_t		 interval_ms;	/* 0: none but on request */
	int64_t		 pause_ms;
	unsigned	 concurrent;

	int64_t		 due_ms;	/* of the timer; RULES_NEVER: it is stopped */
	int64_t		 completed_ms;	/* of the last completion; -RULES_NEVER: none */
	int		 queued;
};

void	 trigger_start(struct trigger *, int64_t now);
void	 trigger_stop(struct trigger *);
int64_t	 trigger_next(const struct trigger *, unsigned pending);	/* look again then */
int	 trigger_fire(struct trigger *, int64_t now, unsigned pending);	/* 1: do it */
void	 trigger_completed(struct trigger *, int64_t now);

/*
 * align: a stage's inputs at barriers (Flink's BarrierBuffer and BarrierTracker).
 *
 * Exactly once: the link that brought barrier N is left out of the poll set, it
 * is parked, until all have brought it.  At least once: nothing is parked,
 * every id is counted by itself, at most ALIGN_COUNTS of them.
 */
#define ALIGN_COUNTS	50

enum align_step {
	ALIGN_DROP,		/* nobody waits for this barrier */
	ALIGN_PARK,		/* leave this link out; others still owe the barrier */
	ALIGN_RESTART,		/* the same, and release the links parked before */
	ALIGN_SNAPSHOT,		/* it has come on all links: release them, snapshot */
	ALIGN_COUNT		/* at least once: others still owe it, read on */
};

struct align_tally {
	uint64_t	 id;
	unsigned	 come;		/* links that have brought it */
};

struct align {
	unsigned	 links;
	int		 at_least_once;
	uint64_t	 id;		/* being aligned; 0: none */
	uint64_t	 last;		/* no barrier up to this one counts any more */
	unsigned	 come;		/* links that have brought id */
	uint8_t		*parked;	/* one a link; the owner's memory, zeroed */
	struct align_tally tally[ALIGN_COUNTS];
	unsigned	 ntally;
};

/* What a view says of ids: those given out up to highest, and which are pending. */
#define VIEW_PENDING	64

struct ids {
	uint64_t	 highest;
	uint64_t	 pending[VIEW_PENDING];		/* ascending */
	unsigned	 npending;
};

int	 ids_dead(const struct ids *, uint64_t id);	/* given out, and not pending */
enum align_step align_barrier(struct align *, unsigned link, uint64_t id, const struct ids *);
int	 align_view(struct align *, const struct ids *);	/* 1: given up, links released */

/*
 * topology: what the stages register, and whether it is whole.
 */
#define TOPOLOGY_STAGES	128

struct topology_stage {
	char		 name[WEIR_NAME_MAX + 1];
	unsigned	 parallelism;
	unsigned	 outputs;		/* as many consumers belong to it */
	int		 source;
	unsigned	 ninputs;
	char		 input[32][WEIR_NAME_MAX + 1];	/* names of its upstreams */
};

struct topology {
	struct topology_stage *stage;
	unsigned	 n, room;
};

/* The stage's number, or -1 with the reason why it does not fit. */
int	 topology_add(struct topology *, const struct topology_stage *, char *why, size_t size);
int	 topology_find(const struct topology *, const char *name);
void	 topology_clash(const char *name, char *why, size_t size);	/* two of one name */
int	 topology_complete(const struct topology *, char *missing, size_t size);
int	 topology_cycle(const struct topology *, char *cycle, size_t size);	/* 1: "a -> b -> a" */
/* Of each stage the inputs that close a loop, as bits: those inside the cycle of its
 * first stage, breadth first from the sources.  Without them there is no cycle. */
void	 topology_feedback(const struct topology *, uint32_t feedback[TOPOLOGY_STAGES]);
void	 topology_free(struct topology *);

/*
 * view: all that the coordinator has to say, with a number that only grows.
 *
 * It is level-triggered: a member compares it with where it is and acts; one
 * that is lost or comes twice changes nothing.  (Flink's subsumption contract of
 * completion notices, used for everything.)
 */
enum job_state {
	JOB_GATHERING,		/* members register, restore and connect */
	JOB_RUNNING,
	JOB_DELAYED,		/* a failure; a new attempt opens after a delay */
	JOB_DONE,
	JOB_FAILED,
	JOB_CANCELLED
};

struct view {
	uint64_t	 number;
	enum job_state	 state;
	uint32_t	 attempt;
	uint64_t	 restore;	/* checkpoint to start from; 0: none */
	struct ids	 ids;
	uint64_t	 completed;	/* the last completed checkpoint; 0: none */
	uint64_t	 oldest;	/* the oldest that is retained */
	int		 stop;
};

/*
 * member: one subtask's side of the protocol.  What a new view asks of it is a
 * set of things to do, in this order.
 */
#define MEMBER_LEAVE	0x01		/* done: exit 0 */
#define MEMBER_FAIL	0x02		/* the job has failed: exit 1 */
#define MEMBER_AGAIN	0x04		/* a newer attempt: exit 75 */
#define MEMBER_RESTORE	0x08		/* the first view: restore m->restore, connect */
#define MEMBER_RUN	0x10		/* records may flow */
#define MEMBER_STOP	0x20		/* a source: end its stream, stopped */
#define MEMBER_BARRIER	0x40		/* a source: barriers m->barrier[], ascending */
#define MEMBER_COMMIT	0x80		/* everything up to m->completed */

struct member {
	uint64_t	 seen;		/* number of the last view */
	uint32_t	 attempt;	/* that it was registered in: the owner's */
	int		 joined;	/* had its first view */
	int		 running, stopping;
	int		 source;
	uint64_t	 restore;
	uint64_t	 triggered;	/* a source: highest barrier sent */
	uint64_t	 completed, oldest;
	struct ids	 ids;
	uint64_t	 barrier[VIEW_PENDING];
	unsigned	 nbarrier;
};

unsigned member_view(struct member *, const struct view *);

/*
 * coord: the coordinator's side.
 *
 * Every function is an event; after it the driver looks at four things, in this
 * order: persist (replace job.json, and say coord_saved(); where it is as it was,
 * coord_unsaved(), and where nobody knows which of the two is on disk, exit),
 * coord_ended(), changed (send the view) and coord_next().  Hence nothing is said
 * that is not durable.
 */
#define COORD_RESERVE	16		/* ids that job.json is ahead */
#define COORD_AGAIN_MS	100		/* from a final checkpoint that failed to the next */
#define COORD_AGAIN_MAX_MS 10000	/* doubled up to here */
#define COORD_DECLINES	3		/* of a final one, for good: the job fails */
#define COORD_STOP_MS	5000		/* a stop waits so long for members to come */

enum coord_kind { COORD_PERIODIC, COORD_REQUESTED, COORD_SAVEPOINT };

/* How a checkpoint has ended. */
enum coord_end {
	COORD_COMPLETED,
	COORD_EXPIRED,		/* not all have acked in time */
	COORD_DECLINED,		/* by one of them */
	COORD_SUBSUMED,		/* a later one has completed */
	COORD_UNSAVED,		/* job.json could not be replaced */
	COORD_INTERRUPTED	/* the attempt has failed, or the job has ended */
};

struct coord_member {
	int		 present;	/* registered in this attempt */
	int		 connected, finished, source;
	uint64_t	 committed;	/* what it reported last in this attempt */
};

struct coord_pending {
	uint64_t	 id;
	enum coord_kind	 kind;
	int		 final;
	int64_t		 triggered_ms;
	unsigned	 nacked;
	uint8_t		*acked;		/* one a member */
	enum coord_end	 how;
	int64_t		 ended_ms;
	struct coord_pending *next;	/* ascending ids; of ended ones: in their order */
};

/* What job.json is known to hold. */
struct coord_durable {
	uint32_t	 attempt;
	uint64_t	 reserved, final;
	uint64_t	*retained;
	unsigned	 nretained;
};

struct coord {
	struct restart	 restart;
	struct trigger	 trigger;
	int64_t		 timeout_ms;
	unsigned	 retain;
	uint64_t	 held;			/* it and later ones are retained as well; 0 */

	/* what job.json holds, or is to hold */
	uint32_t	 attempt;
	uint64_t	 reserved;		/* ids up to here may have been given out */
	uint64_t	*retained;		/* ids of completed checkpoints, ascending */
	unsigned	 nretained;

	enum job_state	 state;
	int		 whole;			/* the topology is complete */
	int		 stop;
	uint64_t	 highest;		/* id given out */
	uint64_t	 final;			/* the completed final checkpoint; 0: none */
	int64_t		 again_ms, again_delay_ms;	/* no final one is tried before */
	unsigned	 declined;		/* final ones of this attempt, for good */
	int64_t		 open_ms;		/* of the attempt; JOB_DELAYED: of the next */
	int64_t		 stop_ms;		/* when the stop was asked for */
	struct coord_member *member;
	unsigned	 nmembers;
	struct coord_pending *pending, *ended;
	struct coord_durable durable;
	uint64_t	 view;			/* its number */

	int		 persist, changed;
	char		 why[256];		/* of JOB_FAILED */
};

void	 coord_open(struct coord *, int64_t now);	/* durable fields are filled in */
void	 coord_close(struct coord *);

void	 coord_saved(struct coord *);
void	 coord_unsaved(struct coord *, int64_t now);	/* all that is not durable is undone */
/* The next one that has ended since it was asked last, to be freed; NULL: none. */
struct coord_pending *coord_ended(struct coord *);
void	 coord_pending_free(struct coord_pending *);

/* 1: the member belongs to this attempt; 0: none is open, it shall knock again. */
int	 coord_register(struct coord *, unsigned member, int source, int64_t now);
void	 coord_whole(struct coord *, int64_t now);	/* all stages are there */
void	 coord_lost(struct coord *, unsigned member, int64_t now);
void	 coord_connected(struct coord *, unsigned member, int64_t now);
void	 coord_ack(struct coord *, unsigned member, uint64_t id, int64_t now);
/* why: it will be declined again; NULL: the next one may be taken. */
void	 coord_decline(struct coord *, unsigned member, uint64_t id, const char *why,
	    int64_t now);
void	 coord_finished(struct coord *, unsigned member, int64_t now);
void	 coord_committed(struct coord *, unsigned member, uint64_t id, int64_t now);
void	 coord_failed(struct coord *, const char *why, int64_t now);
uint64_t coord_request(struct coord *, enum coord_kind, int64_t now);	/* its id, or 0 */
void	 coord_want(struct coord *, int64_t now);	/* one at once, if none is pending */
void	 coord_stop(struct coord *, int64_t now);
void	 coord_cancel(struct coord *, int64_t now);
void	 coord_tick(struct coord *, int64_t now);
int64_t	 coord_next(const struct coord *);
void	 coord_view(const struct coord *, struct view *);

#endif
