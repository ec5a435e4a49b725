/*
 * store: what its files share, and nobody else sees.
 *
 *	store		entries by key, the bound
 *	storenames	the states: names, numbers, layouts
 *	storecut	a barrier: what changed becomes a cut, and is written
 *	storeload	the other way round: a journal's range becomes the table
 *	storetend	what leaves the journal, and what leaves memory
 *	storescan	all keys of a state in byte order
 *	storeread	as of a checkpoint, for others
 */
#ifndef STORE_H
#define STORE_H

#include "io.h"

#define STORE_CLOSED	256			/* barriers that are remembered */

/* A barrier: the generation of changes that it closed, and what it needs. */
struct closed {
	uint64_t	 id;
	unsigned	 generation;
	uint64_t	 start;			/* of the journal */
};

/* Memory that a cut is encoded into. */
struct store_block {
	struct store_block *next;
	struct store	*store;
	int		 opens;			/* a round of the sweep begins with it */
	int		 error;			/* errno of a write that failed */
	size_t		 len, size;
	unsigned char	 data[];
};

struct store {
	struct table	*table;
	struct heap	*heap;			/* the table's */
	uint64_t	 memory;		/* the bound */
	uint64_t	 counted;		/* bytes of the heap that were looked at */
	char		(*names)[WEIR_NAME_MAX + 1];	/* of states, by number */
	char		**layouts;		/* likewise; NULL: not known */
	unsigned	 nnames;
	char		 why[PATH_MAX + 1024];

	/* What changed since the last barrier: all entries of this generation.
	 * They are in list, unless walk says so. */
	unsigned	 generation;		/* 0: not attached, nothing is noted */
	struct heap_entry **list;
	size_t		 nlist, list_room;
	int		 walk;			/* the barrier looks at all entries */

	/* On disk; positions are those that the journal will have when all that
	 * is on its way is written. */
	int		 dirfd;			/* borrowed */
	char		 dir[PATH_MAX];
	struct journal	*journal;		/* the writer's, once attached */
	unsigned	 groups, concurrent;
	uint64_t	 start, end;
	struct closed	 closed[STORE_CLOSED];	/* by id; all above the oldest retained */
	size_t		 nclosed;

	/* All retained checkpoints agree on what changed in generations below
	 * settled; epoch is the oldest of them. */
	unsigned	 settled;
	uint64_t	 epoch;
	uint64_t	 trim, trimmed;		/* nothing is needed below; and is gone */

	/* Base: NULL until it is written first. */
	struct base	*base;
	uint64_t	 batches;		/* that it has durably */
	uint64_t	 same;			/* entries that it has as they are */
	int		 working;		/* a work is on its way */
	int		 unseen;		/* more has settled since collect was at 0 */
	uint32_t	 collect, hand;		/* where that goes on; 0: at the beginning */
	unsigned	 scans;			/* nothing leaves memory while one goes on */
	struct buf	 key;			/* of a look at base */

	/* The round of the sweep. */
	int		 sweeping;
	unsigned	 round;			/* changed in or after this one: is written */
	uint32_t	 sweep;			/* where it goes on */
	uint64_t	 next;			/* where the journal will start */

	/* Cuts on their way, and memory for the next. */
	unsigned	 ncuts;
	uint64_t	 afloat;		/* bytes */
	struct store_block *spare;
	uint64_t	 spare_bytes;
	int		(*early)(void *, struct store_block *);
	void		*early_arg;
	int		 early_error;		/* errno of a block that could not be written */
};

int	 store_fail(struct store *, int error, const char *fmt, ...) WEIR_PRINTF(3, 4);
uint32_t store_hash(struct heap_entry *);
int	 store_base_key(struct store *, struct buf *, unsigned state, const void *key,
	    size_t keylen);
struct heap_entry *store_insert(struct store *, unsigned state, uint32_t hash, const void *key,
	    size_t keylen, const void *val, size_t vallen);
void	 store_evict(struct store *, unsigned steps);
void	 store_closed(struct store *, uint64_t id, unsigned generation);

/*
 * A change as it stands in the journal; see weir-journal(5).
 */
#define CHANGE_HEAD	(3 * 10 + 4)		/* bytes before the key, at most */

struct change {
	unsigned	 state;
	int		 dead;
	uint32_t	 hash;
	const unsigned char *key, *val;
	size_t		 keylen, vallen;
};

unsigned char *change_encode(unsigned char *, const struct change *);
int	 change_decode(const unsigned char *, size_t len, struct change *, size_t *used);
					/* 1; 0: it goes on behind len; -1: EBADMSG */
void	 change_of(struct heap_entry *, struct change *);
int	 changes_apply(struct store *, const unsigned char *, size_t len, size_t *used);

#endif
