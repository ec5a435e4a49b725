/*
 * manifest: what a savepoint says of itself, and of its job: MANIFEST, see
 * weir-savepoint(5).
 *
 * It is the whole of a checkpoint but for keyed state and the bytes of journals,
 * which lie in files beside it.
 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "bytes.h"

#define MANIFEST_FILE	"MANIFEST"
#define MANIFEST_FORMAT	1
#define MANIFEST_NAME	(2 * WEIR_NAME_MAX + 16)	/* bytes of a file's name */
#define MANIFEST_NOT	UINT64_MAX			/* published: nobody says so */

enum manifest_backend { BACKEND_NONE, BACKEND_LEVELDB, BACKEND_MEMORY };

struct manifest_state {
	char		 name[WEIR_NAME_MAX + 1];
	char		*layout;		/* NULL: none */
};

struct manifest_part {
	unsigned	 subtask;
	char		 name[OPSTATE_NAME + 1];
	void		*data;
	size_t		 len;
};

struct manifest_journal {
	unsigned	 subtask;
	char		 name[WEIR_NAME_MAX + 1];
	uint64_t	 start, to;		/* positions of what the file has */
	uint64_t	 published;		/* MANIFEST_NOT, or up to where */
	int		 gap;			/* more came behind that is not here */
};

struct manifest_stage {
	char		 name[WEIR_NAME_MAX + 1];
	unsigned	 parallelism;
	enum manifest_backend backend;		/* of its keyed state */
	struct manifest_state *state;		/* by number */
	struct manifest_part *part;		/* by subtask */
	struct manifest_journal *journal;	/* likewise */
	size_t		 nstates, nparts, njournals;
};

struct manifest_file {
	char		 name[MANIFEST_NAME + 1];
	uint64_t	 bytes, sum;
};

struct manifest {
	uint64_t	 job;
	unsigned	 groups;
	uint64_t	 reserved;		/* ids that may have been given out */
	uint64_t	 id;			/* of the checkpoint, and what it was */
	enum jobfile_kind kind;
	int		 final;
	int64_t		 triggered_ms, duration_ms;
	struct manifest_stage *stage;		/* by name */
	size_t		 nstages;
	struct manifest_file *file;
	size_t		 nfiles;
};

void	 manifest_free(struct manifest *);

/* Append the text; -1: ENOMEM. */
int	 manifest_encode(struct buf *, const struct manifest *);

/*
 * Read it.  *sum is set to 1 if the sum at its end is right, else 0: whoever takes
 * no text that was changed has to look at it first.  -1: EBADMSG, ENOTSUP or
 * ENOMEM, and why, to be said behind the file's name: it begins with ":LINE: ".
 */
int	 manifest_decode(struct manifest *, const char *, size_t len, int *sum, char *why,
	    size_t size);

/*
 * Adding to it: a zeroed one, borrowed until the next; NULL: ENOMEM.  The others
 * look up.
 */
struct manifest_stage *manifest_stage_add(struct manifest *);
struct manifest_state *manifest_state_add(struct manifest_stage *);
struct manifest_part *manifest_part_add(struct manifest_stage *);
struct manifest_journal *manifest_journal_add(struct manifest_stage *);
struct manifest_file *manifest_file_add(struct manifest *);
struct manifest_stage *manifest_stage(const struct manifest *, const char *name);
const struct manifest_file *manifest_file(const struct manifest *, const char *name);
int	 manifest_state(const struct manifest_stage *, const char *name, size_t len);	/* -1 */

/* The names of the files beside it. */
void	 manifest_text_name(char name[MANIFEST_NAME + 1], const struct manifest_stage *);
void	 manifest_journal_name(char name[MANIFEST_NAME + 1], const struct manifest_stage *,
	    const struct manifest_journal *);

#endif
