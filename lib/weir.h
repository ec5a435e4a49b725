/*
 * weir.h: write a stage of a weir pipeline.
 *
 * A stage is one struct weir_stage and a main() that hands it to weir_main():
 *
 *	static int
 *	upper(struct weir *w, const struct weir_record *r)
 *	{
 *		...
 *		return (weir_emit(w, text, len));
 *	}
 *
 *	static const struct weir_stage stage = {
 *		.abi = WEIR_ABI, .name = "upper", .record = upper,
 *	};
 *
 *	int
 *	main(int argc, char *argv[])
 *	{
 *		return (weir_main(argc, argv, &stage));
 *	}
 *
 * The runtime owns main: options, sockets, parallel subtasks, signals, the
 * order of things at the end.  It calls the stage, always from one thread.
 * The built-in stages use nothing but this file; weir_main(3) begins its manual,
 * which says more and has an example for each function.
 *
 * Conventions.  Lengths are bytes; times are milliseconds.  A record is a line
 * without its newline, any byte but newline, NUL included.  Pointers handed to
 * a callback are borrowed until it returns.  Where nothing else is said a
 * function returns 0, or -1 after weir_error() or its like kept the sentence;
 * a callback passes that -1 on and the program ends with the sentence.
 */
#ifndef WEIR_H
#define WEIR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __GNUC__
#define WEIR_PRINTF(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#else
#define WEIR_PRINTF(fmt, args)
#endif

#define WEIR_ABI	2	/* of this header; weir_main() refuses another */
#define WEIR_NAME_MAX	64	/* bytes in a stage's name or a tag */

/* What a program exits with. */
#define WEIR_DONE	0
#define WEIR_FAILED	1
#define WEIR_USAGE	2	/* or a state that does not fit: running again cannot help */
#define WEIR_AGAIN	75	/* run me again */

struct weir;			/* the running stage; the runtime's */

/* One record, as a stage is given it. */
struct weir_record {
	const char	*data;		/* not terminated; no newline in it */
	const char	*key;		/* NULL where the stream is not keyed */
	uint32_t	 len;
	uint32_t	 keylen;
	uint32_t	 hash;		/* of the key: low half of XXH3-64, seed 0 */
	uint32_t	 ordinal;	/* its place in the frame: for messages */
};

/* Rows of a stage's own options, ended by a row without a name. */
enum weir_option_type {
	WEIR_FLAG,		/* to: int, set to 1 */
	WEIR_STRING,		/* to: const char * */
	WEIR_NUMBER,		/* to: uint64_t */
	WEIR_SIZE,		/* to: uint64_t, bytes; "64M": k M G are powers of 1024 */
	WEIR_DURATION,		/* to: uint64_t, ms; "250ms" "1s" "2m" "1h", unit required */
	WEIR_CALL		/* set(): NULL, or a sentence that says what is wrong */
};

struct weir_option {
	int		 letter;	/* 0: only the long name */
	const char	*name;
	const char	*arg;		/* what usage calls the argument; NULL: none;
					   "[=ARG]" (no letter): may be left out */
	const char	*help;
	enum weir_option_type type;
	void		*to;
	const char	*(*set)(const char *arg);
};

/* Flags of a stage. */
#define WEIR_SINK	0x01	/* has no output */
#define WEIR_KEYED	0x02	/* wants a keyed stream, is refused another */
#define WEIR_PASSES	0x04	/* emits with weir_pass(): text stays where it is */
#define WEIR_KEYS	0x08	/* so does it, and sets key and hash: output is keyed */
#define WEIR_ALONE	0x10	/* one subtask only: -p is refused */
#define WEIR_OWN_KEYS	0x20	/* may have state by keys of its own: weir_select() */

/* Answers of open, produce and end; the other callbacks give 0 or -1. */
#define WEIR_OK		0	/* done: opened, at the end of input, all emitted */
#define WEIR_MORE	1	/* call again as soon as there is room for output */
#define WEIR_WAIT	2	/* call again after weir_wait_fd() or weir_wait_ms() */

/*
 * The stage.  Callbacks left NULL are not needed.  A stage has produce (then
 * it is a source) or one of record, batch and text.
 *
 * In a job:
 *  - The order is setup, restore, open; once all stages are connected complete,
 *    for the checkpoint that was restored; only then records.  After end barriers
 *    go on to come, and a later run goes on from there.
 *  - Barrier N comes between two records.  What was emitted is sent, the barrier
 *    forwarded; then snapshot is called, keyed state and journals are marked.  So
 *    what is saved, and what is before N downstream, is the effect of exactly the
 *    records before N.
 *  - snapshot, complete and aborted do not emit.  When the latter two come is
 *    chance: nothing that is emitted may depend on it.
 *  - After a crash the records since the last checkpoint come again, those of one
 *    input in the same order.  Time, chance and unsaved variables do not.
 *  - The thread of the callbacks is the one that tells that the subtask lives: one
 *    that keeps it for 5 s has died.  produce does not block at all; what waits for
 *    the disk says so here.  Only publish() of a journal has another thread.
 */
struct weir_stage {
	int		 abi;		/* WEIR_ABI */
	const char	*name;		/* default of -n */
	const char	*synopsis;	/* operands, for usage: "[FILE]..." */
	const char	*summary;	/* one line, for usage */
	const char	*libraries;	/* more lines of --version, or NULL */
	const struct weir_option *options;
	unsigned	 flags;

	/*
	 * Check options and operands; no record, key or state yet.  With -p, and
	 * in a job, it is called in the supervisor of the subtasks as well: only look.
	 */
	int	(*setup)(struct weir *, int argc, char *argv[]);

	/*
	 * Inputs are connected: weir_keyed(), weir_header() and
	 * weir_separator() speak; make state handles, set the output's header.
	 * A source may answer WEIR_WAIT until it knows its header.
	 */
	int	(*open)(struct weir *);

	/* One record; the runtime has selected its key. */
	int	(*record)(struct weir *, const struct weir_record *);

	/*
	 * Several records of one input, in order; take at least one, stop
	 * after one that makes weir_full() true.  Returns how many were
	 * taken, or -1.  Select keys with weir_select().
	 */
	long	(*batch)(struct weir *, const struct weir_record *, size_t n);

	/* Whole records, each with its newline, as they lie in memory.  A stage
	 * may have record or batch as well: see weir_records(). */
	int	(*text)(struct weir *, const char *text, size_t len);

	/*
	 * A source's turn: emit some records (a frame's worth at most), never
	 * block.  WEIR_MORE, WEIR_WAIT, or WEIR_OK at the end of its input.
	 * Not called again once a stop was asked for.
	 */
	int	(*produce)(struct weir *);

	/*
	 * All inputs have ended (not: were stopped).  Emit what is left;
	 * WEIR_MORE asks to be called again when there is room.
	 */
	int	(*end)(struct weir *);

	/* The last call before exit, 1 if all went well: say totals, close files.
	 * Not where the process dies, or leaves for another attempt of a job. */
	int	(*close)(struct weir *, int ok);

	/*
	 * Operator state, what is not keyed (Flink: Checkpointed).  snapshot()
	 * is called between two records, when all that was emitted is on its
	 * way, and says with weir_save() what restore() shall be given; that
	 * one comes before open(), and not on a first start.
	 */
	int	(*snapshot)(struct weir *, uint64_t checkpoint);
	int	(*restore)(struct weir *, const void *state, size_t len);

	/*
	 * A checkpoint is complete, and so is all before it that was not
	 * aborted: a later notice may stand for one that was lost, and one may
	 * come twice.  The job counts it as committed when complete() is over.
	 * An aborted one was never triggered: its data belongs to the next one.
	 */
	int	(*complete)(struct weir *, uint64_t checkpoint);
	int	(*aborted)(struct weir *, uint64_t checkpoint);

	/*
	 * For a stage that answers later than it is asked.  ready(): what
	 * weir_watch() or weir_wait_ms() waited for is there.  drain(), before
	 * each barrier and the end: WEIR_OK when nothing is in hand any more,
	 * WEIR_WAIT to be called again after ready().  Its batch() may take
	 * none, and is called again after ready().
	 */
	int	(*ready)(struct weir *);
	int	(*drain)(struct weir *);
};

/* Run the stage: parse argv, connect, call back.  Returns the exit status. */
int	 weir_main(int argc, char *argv[], const struct weir_stage *stage);

/*
 * Emitting never blocks: what does not fit into the frames that are free is
 * kept, and no further record is handed out until it is gone.  weir_emit(3)
 *
 * weir_emit	copy one record of len bytes; the newline is added.
 * weir_output	the number of the output called TAG (-o TAG=...), for
 *		weir_emit_to(); -1: there is none.  0 is the untagged output.
 * weir_reserve	room for len bytes; *have, if not NULL, says how many there
 *		really are.  NULL: more than a frame has, or no memory.
 * weir_commit	the first len bytes of that room are n whole records, each
 *		ended by a newline.
 * weir_pass	emit a record of the current call without copying it; for
 *		stages with WEIR_PASSES or WEIR_KEYS.  key may point anywhere.
 * weir_full	1 when output has to be gone before more is welcome.
 * weir_record_max	the longest record that may be emitted, bytes.
 */
int	 weir_emit(struct weir *, const char *data, size_t len);
int	 weir_emit_to(struct weir *, int output, const char *data, size_t len);
int	 weir_output(const struct weir *, const char *tag);
char	*weir_reserve(struct weir *, size_t len, size_t *have);
int	 weir_commit(struct weir *, size_t len, size_t n);
int	 weir_pass(struct weir *, const struct weir_record *);
int	 weir_full(const struct weir *);
size_t	 weir_record_max(const struct weir *);

/* The hash that keys are routed and found by. */
uint32_t weir_hash(const void *key, size_t len);

/*
 * For sources.  weir_source(3)
 *
 * weir_origin	where the next emitted byte comes from, for messages: "NAME:
 *		record R, byte B", from 1 and from 0.  It moves on by itself.
 * weir_limit	the longest record of this stream, bytes; setup(); default 1 MiB.
 * weir_linger	how long a partly filled frame may wait; setup(); default 10.
 * weir_wait_fd	WEIR_WAIT ends when fd can be read.  -1: no descriptor.
 * weir_wait_ms	WEIR_WAIT ends after ms.  -1: never.
 */
int	 weir_origin(struct weir *, const char *name, uint64_t byte, uint64_t record);
void	 weir_limit(struct weir *, size_t bytes);
void	 weir_linger(struct weir *, uint64_t ms);
void	 weir_wait_fd(struct weir *, int fd);
void	 weir_wait_ms(struct weir *, int ms);

/*
 * What is known once the inputs are connected.  weir_header(3)
 *
 * The header is one line of column names, joined by the separator; NULL: there
 * is none.  The key's header names those that the key is made of.  The separator
 * is a byte, or WEIR_BLANKS: runs of blanks, as awk splits.  Stages that pass
 * records hand them on, the rest have a TAB and no header, unless open() sets them.
 */
#define WEIR_BLANKS	256

int	 weir_keyed(const struct weir *);
int	 weir_separator(const struct weir *);
void	 weir_set_separator(struct weir *, int separator);
const char *weir_header(const struct weir *, size_t *len);
int	 weir_set_header(struct weir *, const char *line, size_t len);
const char *weir_key_header(const struct weir *, size_t *len);
int	 weir_set_key_header(struct weir *, const char *line, size_t len);

/*
 * What was given on the command line.  weir_name(3)
 *
 * weir_command	1 where a "--" came before the operands: a COMMAND.
 * weir_records	setup() of a stage with text(): not this time, record() or
 *		batch() gets them.
 */
int	 weir_command(const struct weir *);
void	 weir_records(struct weir *);
const char *weir_name(const struct weir *);
unsigned weir_subtask(const struct weir *);		/* from 0 */
unsigned weir_parallelism(const struct weir *);
const char *weir_tag(const struct weir *);	/* of the input in hand, or NULL */
int	 weir_stopped(const struct weir *);	/* 1 once a stop was asked for */

/*
 * Keyed state.  A value belongs to the key of the current record: the runtime
 * selects it before record(); a batch stage calls weir_select() itself.
 * weir_value(3)
 *
 * weir_value		a handle; in open().  Two of one name, or one on a stream
 *			without keys, are errors.
 * weir_value_get	1 and *val, *len if the key has a value, 0 if not.
 *			*val is borrowed until the next call on any state.
 * weir_value_put	replace it by a copy of val.
 * weir_value_clear	remove it; the key has none then.
 * weir_value_hold	for values of one fixed size: its memory, aligned to 8
 *			and writable in place until the next call on any
 *			state; zeros if the key had none.  NULL on failure.
 * weir_value_prefetch	this record's value will be wanted some ten records
 *			from now; for record() that is known.
 * weir_value_layout	how its values are made, a letter for each field: savepoints
 *			are text.  In open(); without it they are text as they are.
 * weir_memory		the bound of the stage's table; setup(); default 256 MiB.  In
 *			a job what is over it is read from the disk.
 */
struct weir_value;

#define WEIR_LAYOUT	"qQiIdNTXx"
#define WEIR_LAYOUT_MAX	255

struct weir_value *weir_value(struct weir *, const char *name);
int	 weir_value_layout(struct weir_value *, const char *layout);
void	 weir_select(struct weir *, const struct weir_record *);
int	 weir_value_get(struct weir_value *, const void **val, size_t *len);
int	 weir_value_put(struct weir_value *, const void *val, size_t len);
int	 weir_value_clear(struct weir_value *);
void	*weir_value_hold(struct weir_value *, size_t size);
void	 weir_value_prefetch(struct weir_value *, const struct weir_record *);
void	 weir_memory(struct weir *, uint64_t bytes);

/*
 * More of a key than one value: lists, in the order of adding; maps; values that
 * all that is added is reduced to.  As for values; bytes that are handed in must
 * not be borrowed from a state.  weir_list(3)
 *
 * weir_list_get, weir_map_get, weir_reducing_get	1, or 0 if there is none.
 * weir_map_remove	1 if the pair was there, 0 if not.
 * weir_map_at		1 and pair index (from 0), 0 if there are not so many; the
 *			order means nothing, but is the same in a replay.
 * weir_reducing	the first element is kept as it is; for each further one
 *			reduce() puts the result of the two by weir_value_put().
 */
struct weir_list;
struct weir_map;
struct weir_reducing;

struct weir_list *weir_list(struct weir *, const char *name);
int	 weir_list_add(struct weir_list *, const void *val, size_t len);
int	 weir_list_get(struct weir_list *, uint64_t index, const void **val, size_t *len);
int	 weir_list_count(struct weir_list *, uint64_t *n);
int	 weir_list_clear(struct weir_list *);

struct weir_map *weir_map(struct weir *, const char *name);
int	 weir_map_put(struct weir_map *, const void *key, size_t keylen, const void *val,
	    size_t len);
int	 weir_map_get(struct weir_map *, const void *key, size_t keylen, const void **val,
	    size_t *len);
int	 weir_map_remove(struct weir_map *, const void *key, size_t keylen);
int	 weir_map_at(struct weir_map *, uint64_t index, const void **key, size_t *keylen,
	    const void **val, size_t *len);
int	 weir_map_count(struct weir_map *, uint64_t *n);
int	 weir_map_clear(struct weir_map *);

typedef int weir_reduce(struct weir_value *result, void *arg, const void *current,
	    size_t currentlen, const void *element, size_t len);

struct weir_reducing *weir_reducing(struct weir *, const char *name, weir_reduce *reduce,
	    void *arg);
int	 weir_reducing_add(struct weir_reducing *, const void *val, size_t len);
int	 weir_reducing_get(struct weir_reducing *, const void **val, size_t *len);
int	 weir_reducing_clear(struct weir_reducing *);

/*
 * All values of a state in byte order of their keys.  weir_scan_next() is 1, 0 at
 * the end, -1; it selects the key (which is the record too).  Values may be
 * changed meanwhile, keys not added.
 */
struct weir_scan;

struct weir_scan *weir_scan(struct weir_value *);
int	 weir_scan_next(struct weir_scan *, struct weir_record *key,
	    const void **val, size_t *len);
void	 weir_scan_end(struct weir_scan *);

/*
 * Checkpoints.  In a job (-j) they come now and then; without one never.
 * weir_snapshot(3), weir_watch(3)
 *
 * weir_job	1 in a job.
 * weir_save	in snapshot(): append to the operator state, at most 5 MiB in all.
 * weir_triggered	in snapshot(): when that was, ms since the Epoch.
 * weir_want	ask for one at once: something that only a complete one frees is
 *		full.  Call again while it is.
 * weir_watch	ready() is called when fd has one of poll(2)'s events; 0: no more.
 */
int	 weir_job(const struct weir *);
int	 weir_save(struct weir *, const void *data, size_t len);
int64_t	 weir_triggered(const struct weir *);
int	 weir_want(struct weir *);
int	 weir_watch(struct weir *, int fd, short events);

/*
 * Journals: durable bytes of a stage, in a job.  A checkpoint marks all journals
 * of a stage by itself; what lies behind the mark of the one that is restored is
 * cut off, but for WEIR_KEEP.  weir_journal(3)
 *
 * weir_journal		open the one called name; in restore() or open().
 * weir_journal_append	copy len bytes to its end; does not wait for the disk.
 * weir_journal_end	position behind the last byte: all ever appended.
 * weir_journal_start	position of the first byte that is still there.
 * weir_journal_read	read exactly len bytes at from, which were there at first or
 *			are marked by a checkpoint; waits for the disk.
 * weir_journal_release	what lies below position is not needed any more once the
 *			checkpoint after this call is complete.
 * weir_journal_publish	in open(): when a checkpoint is complete, hand the bytes up
 *			to its mark to publish(), in another thread, where it may
 *			wait and call weir_range_*, weir_warn() and
 *			weir_stopped(), nothing else.  It returns 0, 1 when
 *			nobody reads any more (weir_quit()), or -1.  After a
 *			restore the last range may come again, the same bytes; with
 *			WEIR_ONCE only if publish() had not returned 0, and then
 *			with the same checkpoint, from and to.
 * weir_range_copy	copy it to the file fd at offset, and sync that.
 * weir_range_read	read exactly len bytes at from, within the range.
 * weir_range_lock	a descriptor with a lock that is held while it is open
 *			anywhere.  -1: EWOULDBLOCK, or the sentence is kept.
 * weir_range_error	keeps the sentence, returns -1: the stage fails.
 */
#define WEIR_KEEP	0x01	/* weir_journal(): a spool, its tail is kept */
#define WEIR_ONCE	0x01	/* weir_journal_publish() */

struct weir_journal;
struct weir_range {
	struct weir_journal *journal;
	uint64_t	 checkpoint;
	uint64_t	 from, to;	/* positions */
};

struct weir_journal *weir_journal(struct weir *, const char *name, int flags);
int	 weir_journal_append(struct weir_journal *, const void *data, size_t len);
uint64_t weir_journal_end(const struct weir_journal *);
uint64_t weir_journal_start(const struct weir_journal *);
int	 weir_journal_read(struct weir_journal *, uint64_t from, void *buf, size_t len);
void	 weir_journal_release(struct weir_journal *, uint64_t position);
int	 weir_journal_publish(struct weir_journal *,
	    int (*publish)(struct weir_range *, void *arg), void *arg, int flags);
int	 weir_range_copy(struct weir_range *, int fd, int64_t offset, const char *name);
int	 weir_range_read(struct weir_range *, uint64_t from, void *buf, size_t len);
int	 weir_range_lock(struct weir_range *);
int	 weir_range_error(struct weir_range *, const char *fmt, ...) WEIR_PRINTF(2, 3);

/*
 * Outputs: text for the outside.  Without a job it is written through.  In a job
 * it becomes visible once a checkpoint that covers it is complete: in a regular
 * file exactly once; elsewhere once more, maybe, after a crash.  When nobody
 * reads it any more that is weir_quit().  weir_output_file(3)
 *
 * weir_output_file	make one, in setup(): the file at path.  name is that of
 *			its journal.  fill: what a new output does with a file that
 *			holds something; cure ends the sentence that refuses it.
 * weir_output_whole	a file that is replaced as a whole: never WEIR_APPEND.
 * weir_output_fd	a descriptor, which is taken; what: for messages.
 * weir_output_open	in open(): WEIR_OK, or WEIR_WAIT, to be handed on.
 * weir_output_write	append len bytes, whole lines.
 * weir_output_replace	what a whole file holds from now on; in a job from the
 *			checkpoint on whose snapshot() this is called in.
 * weir_output_size	how many bytes are before the next one.
 * weir_output_close	in close(); with -1 something was not written after all.
 */
enum weir_fill { WEIR_REFUSE, WEIR_APPEND, WEIR_TRUNCATE };

struct weir_output;

struct weir_output *weir_output_file(struct weir *, const char *name, const char *path,
	    enum weir_fill fill, const char *cure);
struct weir_output *weir_output_whole(struct weir *, const char *name, const char *path,
	    enum weir_fill fill, const char *cure);
struct weir_output *weir_output_fd(struct weir *, const char *name, int fd,
	    const char *what);
int	 weir_output_open(struct weir_output *);
int	 weir_output_write(struct weir_output *, const char *text, size_t len);
int	 weir_output_replace(struct weir_output *, const char *text, size_t len);
uint64_t weir_output_size(const struct weir_output *);
int	 weir_output_close(struct weir_output *);

/*
 * Saying what is wrong: verb, object, reason.  weir_error(3)
 *
 * weir_error	the stage cannot go on: keeps the sentence, returns -1; exit 1.
 * weir_misuse	the same for wrong options and state that does not fit; exit 2.
 * weir_bad	this record is bad.  What happens is the user's decision
 *		(--on-error): 0 when it is skipped or diverted, -1 when the stage
 *		has to fail.  The place is added to the words.
 * weir_place	where a record of the current call comes from.
 * weir_bad_at	weir_bad() of a record that was kept, with the place of then.
 * weir_warn	a line on standard error; weir_debug: with -v only.
 * weir_quit	nobody reads the output any more: ask the stages above to send
 *		no more and end well.  What still comes is dropped; in a job it is
 *		not, as state is that of all records.
 */
int	 weir_error(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);
int	 weir_misuse(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);
int	 weir_bad(struct weir *, const struct weir_record *, const char *fmt, ...)
	    WEIR_PRINTF(3, 4);
void	 weir_place(const struct weir *, const struct weir_record *, char *buf, size_t size);
int	 weir_bad_at(struct weir *, const char *place, const char *data, size_t len,
	    const char *fmt, ...) WEIR_PRINTF(5, 6);
void	 weir_warn(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);
void	 weir_debug(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);
void	 weir_quit(struct weir *);

/* "weir 0.1.0" and a line for each library in use, for weir --version. */
void	 weir_version(FILE *);

#ifdef __cplusplus
}
#endif
#endif
