/*
 * inlet.h: the insides of the inputs: upstream.c brings links up, inlet.c takes frames
 * from them, hand.c works on the one that is in the stage's hand.
 */
#ifndef WEIR_INLET_H
#define WEIR_INLET_H

#include "run.h"

struct inlink {
	struct upstream		*up;
	unsigned		 subtask;	/* of the upstream */
	char			 nonce[WEIR_NAME_MAX + 1];
	struct knocker		*knocker;
	int64_t			 again_ms;	/* knock then; NEVER: an answer is awaited */
	int64_t			 since_ms;	/* of the last knock, or dialled then */
	struct link		*link;
	struct frame_stream	*stream;	/* NULL until it came; header is our copy */
	int			 apart;		/* no link between us and that subtask */
	unsigned		 number;	/* in alignments: among those that are there */
	int			 admitted;	/* of a loop: has credit 0 */
	int			 ended, credited_end;
	enum frame_why		 why;
	uint64_t		 end_seq;
	uint64_t		 barrier;	/* the last one that came */
};

struct upstream {
	const struct wire_in	*wire;
	unsigned		 parallelism;	/* 0: not known yet */
	int			 keyed;
	int			 feedback;	/* it closes a loop */
	char			 stage[WEIR_NAME_MAX + 1];
	struct inlink		*links;
	unsigned		 n;
};

struct inlet {
	struct upstream		 ups[ENDS_MAX];
	unsigned		 n;
	unsigned		 turn;		/* fairness between links */
	int			 granted, enough;
	struct align		 align;		/* in a job */
	struct feedback		*back;		/* NULL: no loop closes here */

	struct weir_record	 chunk[CHUNK];	/* of the frame in hand */
	size_t			 nchunk, taken, pos;
	uint32_t		 ordinal;
	struct inlink		*from;		/* whose frame is in hand */
};

#define ANSWER_MS	10000		/* an upstream that says nothing at all */

/* inlet */
struct inlink *inlink_at(struct inlet *, unsigned);
const char *up_name(const struct upstream *);
int	 inlink_unborn(const struct inlink *);	/* no link was seen to be up yet */
int	 upstream_lost(struct weir *, const struct inlink *);

/* upstream */
int	 upstreams_start(struct weir *, int feedback);	/* knock at their first subtasks */

/* hand */
void	 hand_take(struct weir *, struct inframe *);

#endif
