/*
 * bytes: what things look like in memory, on links and on disk.
 *
 * Pure: no I/O, no clock.  Functions return 0, or -1 with errno set: ENOMEM, or
 * EBADMSG where bytes from outside are not what they should be.
 */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "weir.h"

/*
 * buf: bytes that grow at the end and are read from the front; little-endian.
 * A buf that only reads borrows its bytes: buf_borrow(), never freed.
 */
struct buf {
	unsigned char	*data;
	size_t		 len, pos, cap;
};

void	 buf_borrow(struct buf *, const void *, size_t);
void	 buf_free(struct buf *);
unsigned char *buf_room(struct buf *, size_t);	/* that many bytes behind len, or NULL */
int	 buf_add(struct buf *, const void *, size_t);
int	 buf_add_uint(struct buf *, uint64_t, size_t bytes);
int	 buf_add_string(struct buf *, const void *, size_t);	/* u32 length, bytes */
int	 buf_get(struct buf *, const void **, size_t);		/* borrowed */
int	 buf_get_uint(struct buf *, uint64_t *, size_t bytes);
int	 buf_get_string(struct buf *, const char **, size_t *, size_t max);

/*
 * One record in the index of a frame.  Offsets are into the frame's text area;
 * a key offset with ENTRY_ASIDE is into its key area instead, and without it
 * lies in the text area.  Unkeyed: key offset and length are 0.
 */
#define ENTRY_ASIDE	0x80000000U

struct entry {
	uint32_t	 offset, len;
	uint32_t	 key, keylen;
	uint32_t	 hash;
	uint32_t	 ordinal;	/* of the record in its text area, from 0 */
};

/* Where a piece of memory lies: in a slot of an arena both sides have mapped. */
#define FRAME_INSIDE	0xffffU		/* as arena: its bytes are in the message */

struct frame_ref {
	uint32_t	 arena, slot, offset;
};

/*
 * The five frames.  All lengths are bytes.  text, entries, keys and origin of a
 * received frame are borrowed from the message and the arenas behind it.
 */
enum frame_type {
	FRAME_STREAM = 1, FRAME_DATA, FRAME_BARRIER, FRAME_END, FRAME_CREDIT
};

#define FRAME_VERSION	1
#define FRAME_ARENAS	512	/* at most in one stream frame: 128 upstreams, and theirs */
#define FRAME_ORIGIN	1024	/* longest name of an input in a frame */

enum frame_why { FRAME_EOF = 1, FRAME_STOPPED };

struct frame {
	enum frame_type	 type;
	uint32_t	 attempt;
	uint64_t	 seq;		/* data, barrier, end: 1, 2, ...; credit: up to */

	/* data */
	uint32_t	 count;		/* of entries; 0: the whole text, no index */
	uint32_t	 textlen, keyslen;
	struct frame_ref text, index;	/* keys lie in the slot of the index */
	struct frame_ref keys;
	const char	*text_at, *keys_at;
	const struct entry *index_at;
	const char	*origin;	/* name of the input; not terminated */
	size_t		 originlen;
	uint64_t	 byte, record;	/* of the text area's first record there */

	uint64_t	 checkpoint, triggered_ms;	/* barrier */
	uint32_t	 kind;				/* barrier; end: frame_why */
	int		 enough;			/* credit: send no more */
};

struct frame_arena {
	char		 name[WEIR_NAME_MAX];	/* of the shared memory object */
	uint32_t	 slots;
	uint64_t	 slot_bytes;
};

struct frame_stream {
	char		 stage[WEIR_NAME_MAX + 1];
	uint32_t	 subtask, parallelism;
	uint32_t	 keyed, separator;
	uint64_t	 record_max;		/* longest record it may carry */
	const char	*header;		/* NULL: none; borrowed */
	size_t		 headerlen;
	const char	*key;			/* names of the key's columns, likewise */
	size_t		 keylen;
	uint32_t	 narenas;
	struct frame_arena arenas[FRAME_ARENAS];
};

/* Encode: the frame's head; pieces that go inside follow it in this order:
 * index, keys, text, the first of them at a multiple of FRAME_ALIGN. */
#define FRAME_ALIGN	8

int	 frame_encode(struct buf *, const struct frame *);
int	 frame_encode_stream(struct buf *, uint32_t attempt, const struct frame_stream *);
int	 frame_decode(const void *, size_t, struct frame *);
int	 frame_decode_stream(const void *, size_t, struct frame_stream *);

/*
 * Records of a text area.  Both fill at most max of out and move *pos on, which
 * starts at 0 and is done at the number of bytes (split) or entries (unpack).
 * What they give has been checked against the area and copied once: the area
 * may be memory that its writer still changes.  Return the number, or -1.
 */
long	 record_split(const char *text, size_t len, size_t *pos, uint32_t *ordinal,
	    struct weir_record *out, size_t max);
long	 record_unpack(const struct frame *, size_t *pos, struct weir_record *out,
	    size_t max);
uint64_t record_count(const char *text, size_t len);	/* newlines */

#define PAGES_LARGE	(2U << 20)

void	 pages_keep(void);	/* malloc() holds on to what is freed; before any thread */
void	*pages_alloc(size_t bytes);	/* zeros, to free(); large pages from there on */

/*
 * heap: the entries of a table in memory: a head, the key, and at a multiple of 8
 * the value.  A reference, never 0, is good until the entry is given back; until
 * then it does not move.  All memory can be walked in the order in which it lies:
 * free pieces are met too.
 */
#define HEAP_UNIT	16U			/* bytes; what references count */
#define HEAP_CHUNK	(1U << 14)		/* units: 256 KiB */
#define HEAP_CLASSES	128U			/* sizes up to 2 KiB; larger are malloc()ed */
#define HEAP_FIRST	4U			/* pairs of units share a cache line */
#define HEAP_LENGTH	0xfffU
#define HEAP_STATES	256U			/* numbers of states */
#define HEAP_GENERATIONS (1U << 19)

struct heap_entry {
	unsigned	 keylen:12, vallen:12;	/* of a small entry */
	unsigned	 units:8;		/* 0: a large one, heap_large follows */
	unsigned	 state:8;
	unsigned	 flags:5;
	unsigned	 generation:19;		/* of its last change; its user's */
};

enum heap_flag {
	HEAP_FREE = 1,		/* no entry */
	HEAP_DEAD = 2,		/* the rest is the store's: its key has been removed */
	HEAP_BASE = 4,		/* base may have some version of it */
	HEAP_SAME = 8,		/* base has exactly this one */
	HEAP_USED = 16		/* since the last look for what can leave memory */
};

struct heap_large {
	size_t		 keylen, vallen, room;
	unsigned char	*bytes;			/* malloc()ed */
};

struct heap {
	unsigned char	**chunks;
	uint32_t	 nchunks, end;		/* end: first unit never used */
	uint32_t	 freed[HEAP_CLASSES + 1];	/* heads of lists through free pieces */
	uint64_t	 bytes, live;		/* taken from the system; in use */
	uint64_t	 given;			/* back, since pieces were merged */
};

uint32_t heap_take(struct heap *, size_t keylen, size_t vallen);	/* 0: ENOMEM */
void	 heap_give(struct heap *, uint32_t ref);
void	 heap_free(struct heap *);
/* Free pieces become as large as they can: no reference to one is good then.  Worth
 * it where more is free than in use, and much has been given back since. */
void	 heap_merge(struct heap *);
int	 heap_scattered(const struct heap *);
uint32_t heap_first(const struct heap *);	/* 0: no piece is there */
uint32_t heap_next(const struct heap *, uint32_t ref);

static inline struct heap_entry *
heap_at(const struct heap *h, uint32_t ref)
{
	return ((struct heap_entry *)(void *)(h->chunks[ref / HEAP_CHUNK] +
	    (size_t)(ref % HEAP_CHUNK) * HEAP_UNIT));
}

static inline struct heap_large *
heap_large(struct heap_entry *e)
{
	return ((struct heap_large *)(void *)(e + 1));
}

static inline unsigned char *
heap_key(struct heap_entry *e)
{
	return (e->units > 0 ? (unsigned char *)(e + 1) : heap_large(e)->bytes);
}

static inline size_t
heap_keylen(struct heap_entry *e)
{
	return (e->units > 0 ? e->keylen : heap_large(e)->keylen);
}

static inline size_t
heap_vallen(struct heap_entry *e)
{
	return (e->units > 0 ? e->vallen : heap_large(e)->vallen);
}

static inline size_t
heap_padded(size_t keylen)
{
	return ((keylen + 7) & ~(size_t)7);
}

static inline unsigned char *
heap_value(struct heap_entry *e)
{
	return (heap_key(e) + heap_padded(heap_keylen(e)));
}

static inline void
heap_set_vallen(struct heap_entry *e, size_t vallen)
{
	if (e->units > 0)
		e->vallen = vallen & HEAP_LENGTH;
	else
		heap_large(e)->vallen = vallen;
}

/* How long its value may become where it is. */
static inline size_t
heap_room(struct heap_entry *e)
{
	if (e->units == 0)
		return (heap_large(e)->room);
	return (e->units * HEAP_UNIT - sizeof(*e) - heap_padded(e->keylen));
}

/*
 * table: (state, key) -> an entry in its heap.  Open addressing with linear probing
 * over 8-byte slots.  NULL: there is none; of table_put(): ENOMEM.
 */
struct table;

struct table *table_new(void);
void	 table_free(struct table *);
struct heap *table_heap(struct table *);
uint64_t table_bytes(const struct table *);	/* taken from the system */
uint64_t table_live(const struct table *);	/* in use */
uint64_t table_count(const struct table *);
struct heap_entry *table_find(const struct table *, unsigned state, uint32_t hash,
	    const void *key, size_t keylen);
/* An entry that is new, or had to move, is of generation 0. */
struct heap_entry *table_put(struct table *, unsigned state, uint32_t hash,
	    const void *key, size_t keylen, size_t vallen, int *fresh);
void	 table_remove(struct table *, uint32_t hash, struct heap_entry *);
void	 table_prefetch(struct table *, unsigned state, uint32_t hash);
void	 table_shrink(struct table *);		/* its slots, where few are in use */

/* All entries of a state in byte order of their keys; to be freed by the caller.
 * They stay good until one of them is removed or its value grows. */
int	 table_sorted(const struct table *, unsigned state, uint32_t **refs, size_t *n);

/* What is said at a door, as JSON. */
#define KNOCK_NONCE	16	/* bytes, at most: it is part of a socket's path */

struct knock {
	char		 stage[WEIR_NAME_MAX + 1];
	char		 run[WEIR_NAME_MAX + 1];	/* which instance of the stage */
	char		 nonce[KNOCK_NONCE + 1];
	unsigned	 subtask, parallelism;
	uint32_t	 attempt;
	int		 output;		/* which output; -1: the one that names me */
	int		 copy;			/* I cannot map your memory: copy frames */
};

enum answer_kind { ANSWER_LINK, ANSWER_WAIT, ANSWER_ELSEWHERE, ANSWER_REFUSED };

struct answer {
	enum answer_kind kind;
	unsigned	 parallelism;	/* of the stage that answers */
	int		 keyed;
	char		 stage[WEIR_NAME_MAX + 1];
	char		 link[160];	/* address of the link */
	char		 reason[256];
};

char	*message_knock(const struct knock *);		/* to free(); NULL: ENOMEM */
char	*message_answer(const struct answer *);
int	 message_parse_knock(const char *, size_t, struct knock *);
int	 message_parse_answer(const char *, size_t, struct answer *);

int	 name_ok(const char *);		/* [A-Za-z0-9_-]{1,64} */

/* Bytes in JSON.  What they return is freed by the caller.  The text is ended by
 * a NUL; decoding takes only what encoding would give. */
char	*base64_encode(const void *, size_t, size_t *textlen);
int	 base64_decode(const char *, size_t textlen, void **, size_t *len);

/*
 * escape: bytes as a column of a text file: UTF-8, \t \n \r \\ and \xHH for what is
 * not.  Both append to the buf; read: -1 and EBADMSG for a backslash that means
 * nothing.
 */
int	 escape_add(struct buf *, const void *, size_t);
int	 escape_read(struct buf *, const char *, size_t);
int	 escape_needless(const void *, size_t);	/* 1: it is text, nothing becomes \xHH */

/* What a checkpoint knows of a journal: bytes [start, to) and their sum. */
struct journal_range {
	char		 name[WEIR_NAME_MAX + 1];
	uint64_t	 start, to;		/* positions, at most INT64_MAX */
	uint64_t	 sum;			/* XXH3, 64 bits, seed 0 */
};

/*
 * jobfile: what is complete of a job: job.json, see weir-job(5).  All memory
 * that it points at is its own.
 */
#define JOBFILE_FORMAT	1
#define JOBFILE_GROUPS	32768			/* at most; key groups of a job */
#define JOBFILE_STATE	(5 * 1024 * 1024)	/* at most; bytes of operator state */
#define JOBFILE_RANGES	64			/* at most; journals of a subtask */

enum jobfile_kind { JOBFILE_PERIODIC, JOBFILE_REQUESTED, JOBFILE_SAVEPOINT };

struct jobfile_subtask {
	char		 stage[WEIR_NAME_MAX + 1];
	unsigned	 subtask, parallelism;
	void		*state;			/* operator state */
	size_t		 statelen;
	uint64_t	 batches;		/* that base had; 0: it has none */
	struct journal_range *range;
	size_t		 nranges;
};

struct jobfile_checkpoint {
	uint64_t	 id;			/* from 1 */
	enum jobfile_kind kind;
	int		 final;			/* 0 or 1: all sources had ended before it */
	int64_t		 triggered_ms;		/* since the Epoch */
	int64_t		 duration_ms;		/* until it was complete */
	struct jobfile_subtask *subtask;	/* by stage and number; all of each stage */
	size_t		 nsubtasks;
};

struct jobfile {
	uint64_t	 id;			/* of the job, random */
	unsigned	 groups;
	uint32_t	 attempt;
	uint64_t	 reserved;		/* ids up to here may have been given out */
	struct jobfile_checkpoint *checkpoint;	/* retained, ascending ids */
	size_t		 ncheckpoints;
};

/* The text, to free(), ended by a NUL that does not count; subtasks and ranges
 * are put in order.  NULL: ENOMEM, or EINVAL for what a jobfile cannot be. */
char	*jobfile_encode(struct jobfile *, size_t *len);

/* -1: EBADMSG, ENOTSUP (a newer weir made it) or ENOMEM, and why, to be said
 * behind the file's name; the jobfile is empty then. */
int	 jobfile_decode(const void *, size_t, struct jobfile *, char *why, size_t size);
void	 jobfile_free(struct jobfile *);
void	 jobfile_checkpoint_free(struct jobfile_checkpoint *);

/* One subtask's part by itself, for an ack: jansson's json_t.  NULL: ENOMEM.
 * -1: EBADMSG or ENOMEM, and *s is empty. */
struct json_t;
struct json_t *jobfile_subtask_json(const struct jobfile_subtask *);
int	 jobfile_subtask_parse(struct json_t *, struct jobfile_subtask *);
void	 jobfile_subtask_free(struct jobfile_subtask *);

const char *jobfile_kind(enum jobfile_kind);

/*
 * opstate: a subtask's operator state, parts by name.  Begin it and put them, or
 * read it; the bytes of a part are borrowed.  next: 1, 0 behind the last, -1.
 */
#define OPSTATE_NAME	(WEIR_NAME_MAX + 16)	/* bytes of a part's name, at most */

#define OPSTATE_RESTORED "restored"	/* a part: by 'weir restore', nothing was run since */

struct opstate_part {
	const char	*name, *data;		/* not terminated */
	size_t		 namelen, len;
};

int	 opstate_begin(struct buf *);
int	 opstate_put(struct buf *, const char *name, const void *, size_t);
int	 opstate_read(struct buf *, const void *, size_t);
int	 opstate_next(struct buf *, struct opstate_part *);
int	 opstate_is(const struct opstate_part *, const char *name);

/* history: a line of history.tsv, newline and all: a checkpoint that was tried. */
struct history {
	uint64_t	 id;
	enum jobfile_kind kind;
	int		 completed;		/* 0: aborted */
	int64_t		 start_ms, duration_ms;
	uint64_t	 bytes;
	unsigned	 acks, subtasks;
	char		 slowest[WEIR_NAME_MAX + 8];	/* STAGE.I, or empty */
	char		 why[256];		/* empty: it was completed */
};

int	 history_encode(struct buf *, const struct history *);	/* appended */
int	 history_decode(const char *line, size_t len, struct history *);	/* no newline */

#endif
