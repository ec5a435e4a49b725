/*
 * sim: whole jobs in one process, driven by a seed.
 *
 * The objects of lib/rules are the ones that the programs run.  Around them:
 * processes that die at any step, links that lose what is under way, views that
 * are lost, late or repeated, disks that forget what was not synced, a
 * coordinator that dies before or after its file was replaced.  Each step one
 * thing is chosen at random and the invariants are checked:
 *
 *	1	published output is a prefix of the failure-free one (one path), or
 *		never holds a record too often (several); at the end it holds
 *		exactly the records below the source positions
 *	2, 7	a completed checkpoint: what a stage has applied = the records
 *		below the source positions, on every path; at least once: or more
 *	4	nothing of another attempt is acted on
 *	6	published <= completed; attempt and completed only grow; ids are new
 *	8	when the crashes are over the job finishes, and goes on when its
 *		input has grown or it was stopped before
 *
 * The mutants are protocols that are wrong on purpose; each has to be found.
 */
#ifndef SIM_H
#define SIM_H

#include <stdint.h>

#include "rules.h"

#define SUBTASKS	6
#define LINKS		8
#define SOURCES		3
#define RECORDS		40		/* of each source in the first run */
#define GROWN		10		/* at most so many more in the second */
#define QUEUE		512
#define ROOM		4		/* data frames on a link: back-pressure */
#define WRITES		64		/* snapshots that wait for the writer */
#define REPORTS		256		/* on the way to the coordinator */
#define IDS		4096
#define DISK		4096		/* records that the sink's files hold */
#define SHAPES		5
#define CALM_TIMEOUT	200		/* ms: enough for a checkpoint where nothing fails */

enum kind { SOURCE, OPERATOR, SINK };
enum mutant {
	NONE, COMMIT_AT_BARRIER, POSITION_EARLY, VIEW_BEFORE_PERSIST, NO_ALIGNMENT,
	ID_REUSED, ACK_BEFORE_SYNC, TRIM_BEFORE_FSYNC, COMMITTED_BEFORE_FSYNC,
	OLD_FRAMES_TAKEN, FINISHED_EARLY, MUTANTS
};

enum ftype { DATA, BARRIER, END };

struct record_name {
	short		 source, record;
};

struct sframe {
	enum ftype	 type;
	uint64_t	 id;		/* of a barrier */
	struct record_name r;
};

struct slink {
	int		 from, to, partition;	/* partition: odd or even records only; -1: all */
	unsigned	 place;			/* among the inputs of to */
	uint32_t	 attempt;
	int		 broken;
	struct sframe	 q[QUEUE];
	unsigned	 head, tail, data;
};

/* What an ack carries: positions of a source, applied records of the others. */
struct payload {
	int		 pos;
	int		 applied[SOURCES];
	int		 to;			/* sink: end of its journal */
};

struct writing {
	uint64_t	 id;
	struct payload	 p;
};

enum up { REGISTER, CONNECTED, ACK, DECLINE, FINISHED, COMMITTED };

struct report {
	enum up		 what;
	uint64_t	 id;
	uint32_t	 attempt;
	struct payload	 p;
};

/* A process: all of it is gone when it dies. */
struct subtask {
	enum kind	 kind;
	int		 source;	/* number of a source */
	int		 alive, linked;	/* linked: the control link is up */
	int		 registered;
	struct member	 m;
	struct align	 a;
	uint8_t		 parked[LINKS];
	int		 joined, connected, run, end_sent, ends;
	struct payload	 now;
	struct writing	 w[WRITES];
	unsigned	 nw;
	int		 publish_to, publish_at;
	uint64_t	 commit_id;
	struct report	 up[REPORTS];
	unsigned	 nup;
	struct view	 mail;		/* a view on its way here */
	int		 has_mail;
};

/* The sink's files; the power takes what was not synced. */
struct disk {
	struct record_name journal[DISK], out[DISK];
	int		 jend, jsynced, jbase;
	int		 olen, osynced;
};

struct world {
	struct subtask	 n[SUBTASKS];
	struct slink	 l[LINKS];
	struct disk	 disk;
	int		 subtasks, links, sources, paths;
	int		 ordered;		/* one path: the output's order is known */
	int		 records;		/* of each source */
	int		 coord_alive;
	struct coord	 c;
	struct payload	 acked[IDS][SUBTASKS];	/* durable when the id is retained */
	/* job.json */
	uint32_t	 d_attempt;
	uint64_t	 d_reserved, d_retained[8];
	unsigned	 d_nretained;
	int64_t		 now;
	uint64_t	 rng, seed;
	uint8_t		 used[IDS];		/* ids that were given out */
	uint64_t	 given;
	uint64_t	 max_completed;
	uint32_t	 max_attempt;
	enum mutant	 mutant;
	/* how this job is run, and how it fares */
	int64_t		 interval_ms, pause_ms, timeout_ms, delay_ms;
	unsigned	 concurrent, retain;
	int		 at_least_once, stops;
	uint64_t	 crash_every;		/* steps, about */
	int		 chaos, trace;
	char		 violation[160];
};

/* How often things happened that a simulator which sleeps would not see. */
struct coverage {
	unsigned long	 deaths, coord_deaths, power, attempts;
	unsigned long	 completed, late, aborted, unsaved, stops, failed_writes;
	unsigned long	 steps[5];		/* by enum align_step */
	unsigned long	 given_up, replays;
};

extern struct coverage coverage;

#define TRACE(w, ...) do { if ((w)->trace) { printf("# "); printf(__VA_ARGS__); } } while (0)

/* world: chance, shapes, links, crashes */
void	 world_open(struct world *, uint64_t seed, enum mutant);
void	 world_step(struct world *);
void	 world_calm(struct world *);		/* no failures from here on */
void	 world_again(struct world *);		/* done: more input, all start anew */
void	 world_close(struct world *);
uint64_t rnd(struct world *, uint64_t n);	/* below n */
void	 violate(struct world *, const char *what);

/* check: the invariants */
int	 reaches(const struct world *, int n, int source, int i);
void	 check_checkpoint(struct world *, uint64_t id);
void	 check_published(struct world *, int k);
void	 check_end(struct world *);

/* coordinator: checkpointd around coord */
void	 coordinator_start(struct world *);
void	 coordinator_die(struct world *);
void	 coordinator_after(struct world *);
void	 coordinator_hear(struct world *, int from);
void	 coordinator_tell(struct world *, int to);

/* subtask: a worker's life around member and align */
void	 subtask_start(struct world *, int);
void	 subtask_die(struct world *, int);
void	 subtask_view(struct world *, int);
void	 subtask_connect(struct world *, int);
void	 subtask_snapshot(struct world *, int, uint64_t id);
void	 report_send(struct subtask *, enum up, uint64_t id, const struct payload *);
void	 forward(struct world *, int from, const struct sframe *);

/* work: its records, its writer, its commits */
int	 subtask_step(struct world *, int);	/* 0: nothing to do */

#endif
