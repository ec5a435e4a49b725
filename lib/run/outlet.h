/*
 * outlet.h: the insides of the outputs: downstream.c brings links up, outlet.c sends
 * frames and holds them until they are credited.
 */
#ifndef WEIR_OUTLET_H
#define WEIR_OUTLET_H

#include <sys/queue.h>

#include "run.h"

#define HEAL_MS		500		/* between two looks at the listeners */

struct inflight {
	STAILQ_ENTRY(inflight)	 next;
	uint64_t		 seq;
	struct outframe		*of;
};

struct outlink {
	char			 nonce[WEIR_NAME_MAX + 1];
	unsigned		 subtask;	/* of the consumer */
	struct link		*link;		/* NULL: not asked for yet */
	int			 ready, enough;
	uint64_t		 end_seq;	/* 0: not sent */
	int			 ended;		/* and credited */
	STAILQ_HEAD(, inflight)	 inflight;
};

struct output {
	const struct wire_out	*wire;
	int			 tag;		/* number of its stream */
	char			 stage[WEIR_NAME_MAX + 1], run[WEIR_NAME_MAX + 1];
	unsigned		 parallelism;	/* of the consumer; 0: nobody has come */
	struct outlink		*links;		/* lane by lane */
	unsigned		 lanes;
	struct weir_output	*text;		/* NULL: it is links */
};

struct outlet {
	struct door		*door;
	struct output		 outs[ENDS_MAX];
	unsigned		 n;
	int64_t			 since_ms, heal_ms;
	int			 said, announced, rubbish;
};

/* outlet */
const char *out_name(const struct output *);		/* of its consumer, in sentences */
int	 output_keyed(const struct weir *);	/* -1: not known before the inputs are */

/* downstream */
int	 door_serve(struct weir *);		/* answer who knocks */
int	 output_connected(const struct output *);
void	 outlet_heal(struct outlet *, int64_t now);

#endif
