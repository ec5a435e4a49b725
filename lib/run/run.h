/*
 * run: the runtime of a stage, behind weir_main().
 *
 *	main		the life of a program: options, supervisor or worker
 *	options		what all stages are told by options
 *	rows		tables of options: getopt, usage text, units
 *	wiring		what standard input, standard output, -i and -o mean
 *	supervise	the -p subtasks of a stage
 *	loop		the one poll loop, and the phases of a worker
 *	inlet		inputs: knocks, links, the frame in hand, credits
 *	feedback	what comes round a loop
 *	outlet		outputs: door, links, credits, the end; text
 *	emit		text that a stage emits becomes frames
 *	pass		records that it passes on, and whose keys they have
 *	handles		keyed state
 *	collections	lists and reducing states, made of its values
 *	maps		and maps
 *	report		what is wrong, and bad records
 *	job		a subtask's line to the coordinator, and what its views ask
 *	enter		how a subtask comes to its attempt: lock, register, restore
 *	barrier		where the stream is cut into epochs
 *	snapshot	what is saved there, acknowledged, committed
 *	parts		operator state, by name
 *	journals	durable bytes of a stage
 *	tend		keyed state goes to LevelDB, and leaves memory
 *	output		text for the outside: written through, or with checkpoints
 *	publish		how it becomes visible then
 *	version		a file that is replaced as a whole
 *	outfile		a file that it goes to: whose, and how long
 *
 * struct weir is known here alone.  Functions return 0, or -1 after
 * weir_error() or weir_misuse() kept the sentence.
 */
#ifndef RUN_H
#define RUN_H

#include <getopt.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>

#include "io.h"

#define ENDS_MAX	32			/* -i, and -o, of one stage */
#define RECORD_MAX	(64U << 20)		/* --max-record goes up to here */
#define CHUNK		256			/* records handed out at a time */
#define WATCH_MAX	4

/* options */
enum on_error { ON_ERROR_FAIL, ON_ERROR_SKIP, ON_ERROR_DIVERT };

struct end {
	char		 tag[WEIR_NAME_MAX + 1];	/* empty: none */
	const char	*target;
};

struct settings {
	const char	*name;
	struct end	 input[ENDS_MAX], output[ENDS_MAX];
	unsigned	 ninputs, noutputs;
	unsigned	 parallelism;
	enum on_error	 on_error;
	const char	*divert;
	const char	*job;			/* -j, or $WEIR_JOB; NULL: none */
	int		 copy, verbose, quiet;
	int		 command;		/* a "--" came before the operands */
};

/* 0: go on with operands from *first; 1: all is said, exit 0; -1: misuse. */
int	 options_parse(struct weir *, int argc, char *argv[], int *first);

/* rows: tables of options.  rows_next() gives the number of the row of the next
 * option, and its argument; ROWS_END; or -1, and why.  rows_operands(): where the
 * operands begin, or -1. */
#define ROWS_MAX	64
#define ROWS_END	(-2)

struct rows {
	const char	*program;
	const struct weir_option *row[ROWS_MAX];
	struct option	 longs[ROWS_MAX + 1];	/* as getopt wants them */
	char		 shorts[ROWS_MAX * 2 + 4];
	unsigned	 n;
	int		 dashes;		/* a "--" came before the operands */
	char		 why[256];
};

void	 rows_open(struct rows *, const char *program);
void	 rows_add(struct rows *, const struct weir_option *);
int	 rows_next(struct rows *, int argc, char *argv[], const char **arg);
int	 rows_operands(struct rows *, int argc, char *argv[]);
int	 rows_refuse(struct rows *, const struct weir_option *, const char *arg,
	    const char *why);			/* -1; t->why says what is wrong with arg */
const char *row_set(const struct weir_option *, const char *arg);	/* NULL, or why not */
void	 row_print(const struct weir_option *);	/* a line of the usage text */
const char *duration_parse(const char *, uint64_t *ms);	/* NULL, or what is wrong */
const char *size_parse(const char *, uint64_t *bytes);

/* wiring */
enum wire_kind { WIRE_PIPE, WIRE_NAME, WIRE_NETWORK, WIRE_TEXT };

struct wire_in {
	char		 tag[WEIR_NAME_MAX + 1];
	char		 base[160];		/* RUN/NAME, or tcp://HOST:PORT */
	int		 output;		/* which of the upstream's, or -1 */
	int		 watch;			/* closes when the upstream is gone; -1 */
};

struct wire_out {
	enum wire_kind	 kind;
	char		 tag[WEIR_NAME_MAX + 1];
	char		 target[160];		/* a name, or a network address */
	int		 fd;			/* bears the address line, or the text */
};

struct wiring {
	struct wire_in	 in[ENDS_MAX];
	struct wire_out	 out[ENDS_MAX];
	unsigned	 nin, nout;
};

int	 wiring_outputs(struct weir *);		/* open them, before anything is made */
int	 wiring_announce(struct weir *);	/* write and publish the address lines */
int	 wiring_inputs(struct weir *);		/* read the address lines */
int	 circle_check(struct weir *);		/* they do not lead back here */
int	 wiring_export(const struct weir *);	/* to the environment of the subtasks */
int	 wiring_import(struct weir *);
void	 wiring_keep(const struct wiring *);	/* over exec */

/* supervise */
int	 supervise(struct weir *, char *argv[]);	/* returns the exit status */
int	 supervise_lock(struct weir *);		/* the one supervisor of this name */

/* loop */
#define NEVER	(-1)

struct polls {
	struct pollfd	*fd;
	unsigned	 n, room;
	int64_t		 until_ms;		/* the next thing to do by itself; NEVER */
};

int64_t	 now_ms(void);
int	 polls_add(struct polls *, int fd, short events);
void	 polls_until(struct polls *, int64_t ms);
int	 loop_run(struct weir *);
void	 loop_signals(struct weir *);
void	 loop_signals_job(struct weir *);	/* they are told to the coordinator */
int	 loop_signalled(void);			/* how many have come */

/* inlet */
struct inlet;

/* A frame that came in; given back when the stage and all its consumers are
 * done with it. */
struct inframe {
	struct frame	 f;
	struct held	*held;
	struct inlink	*from;
	unsigned	 refs;
	struct inframe	*next;			/* of those that came round a loop */
};

int	 inlet_open(struct weir *);
void	 inlet_close(struct inlet *);
int	 inlet_connect(struct weir *, int64_t now);	/* 1: all streams are there */
int	 inlet_polls(struct weir *, struct polls *);
int	 inlet_close_loop(struct weir *, int64_t now);	/* 1: it is closed, or there is none */
int	 inlet_take_back(struct weir *);	/* what comes round a loop: into the queue */
int64_t	 inlet_silent_ms(const struct weir *);	/* then a silent loop has ended; NEVER */
int	 inlet_grant(struct weir *);		/* the first credit: records may come */
int	 inlet_take(struct weir *);		/* 1: a frame is in hand; 0: none came */
int	 inlet_process(struct weir *);		/* 1: used up; 0: output is full;
					   2: not through with it */
int	 inlet_ended(struct weir *);		/* 1: all inputs have ended */
int	 inlet_enough(struct weir *);		/* send no more */
int	 unread(const struct weir *);		/* and what still comes is dropped */
int	 inlet_credits(struct weir *, int all);
int	 inlet_finish(struct weir *);		/* credit the ends */
int	 inlet_left(const struct weir *);	/* 1: all upstreams have closed */
int	 inlet_check(struct weir *);		/* who has gone before its end? */
void	 inframe_unref(struct weir *, struct inframe *);
const char *inlet_tag(const struct weir *);
void	 inlet_view(struct weir *);		/* alignments that were given up */
uint64_t inlet_aligning(const struct weir *);	/* the id; 0: none */

/* feedback: records that came round a loop and wait for the hand */
struct feedback;

struct feedback *feedback_new(uint64_t max, int64_t wait_ms);	/* NULL: errno */
void	 feedback_free(struct feedback *);
int	 feedback_put(struct feedback *, struct inframe *);	/* -1: more than max */
struct inframe *feedback_next(struct feedback *);	/* NULL: none */
void	 feedback_stir(struct feedback *);	/* a record may come of it */
int64_t	 feedback_silent_ms(const struct feedback *);	/* then it has been silent enough */
void	 feedback_end(struct feedback *);	/* what comes later is dropped */
int	 feedback_ended(const struct feedback *);

/* outlet */
struct outlet;

/* A frame on its way: what it holds until all its consumers have credited it. */
struct outframe {
	unsigned	 refs;
	int		 text_slot, index_slot;	/* of our own arenas; -1: none */
	struct inframe	*in;			/* whose text it passes on; NULL */
};

int	 outlet_open(struct weir *);		/* makes the door */
void	 outlet_close(struct weir *);
int	 outlet_connect(struct weir *, int64_t now);	/* 1: all consumers are there */
int	 outlet_polls(struct weir *, struct polls *);
int	 outlet_header_awaited(const struct weir *);	/* 1: as text, from subtask 0 */
int	 outlet_announce(struct weir *);	/* send the stream frames */
int	 outlet_ready(const struct weir *);	/* 1: all have credited 0 */
int	 outlet_serve(struct weir *);		/* knocks, credits, what waits to be sent */
unsigned outlet_count(const struct weir *);
unsigned outlet_lanes(const struct weir *, unsigned output);
int	 outlet_tag(const struct weir *, unsigned output);	/* its stream */
int	 outlet_put(struct weir *, unsigned output, unsigned lane, struct frame *,
	    struct outframe *);
int	 outlet_end(struct weir *, enum frame_why);
int	 outlet_barrier(struct weir *, uint64_t id, uint64_t triggered_ms);
int	 outlet_done(const struct weir *);	/* 1: all ends are credited */
int	 outlet_unwanted(const struct weir *);	/* 1: all have said enough */
int	 outlet_check(struct weir *);
void	 outframe_unref(struct weir *, struct outframe *);

/* emit: text in frames; pass: an index over the text of the frame in hand */
#define EMIT_ENTRIES	32768U			/* of an index slot */
#define EMIT_INDEX	(EMIT_ENTRIES * sizeof(struct entry))	/* its keys come behind */

struct origin {
	char		 name[FRAME_ORIGIN];
	size_t		 len;
	uint64_t	 byte, record;		/* of what is committed next */
};

struct stream {
	char		 tag[WEIR_NAME_MAX + 1];
	struct origin	 origin;

	int		 slot;			/* of the text area being filled; -1 */
	char		*at;
	size_t		 len;
	uint64_t	 byte, record;		/* origin of that area */
	struct buf	 spill;			/* whole records for which no slot was free */
	uint64_t	 spilled;		/* their number */

	int		 index;			/* slot that entries lie in; -1: in gathered */
	struct entry	*entries, *gathered;	/* gathered: memory for them */
	uint32_t	 count;
	struct buf	 keys;
	unsigned	 next;			/* output that a blocked flush goes on with */
};

struct emit {
	struct arena	*text, *indices;
	int		 text_number, index_number;	/* in the atlas */
	size_t		 text_bytes;		/* of a slot */
	size_t		 frame_bytes;		/* of a frame that is full */
	struct stream	*streams;
	unsigned	 n;
	struct stream	*reserved;		/* by weir_reserve() */
	int		 in_spill;
	int64_t		 flushed_ms;		/* a source's last partial frame */
};

int	 emit_open(struct weir *);
void	 emit_close(struct emit *);
int	 emit_arenas(struct weir *);		/* the limit of records is known now */
int	 emit_flush(struct weir *);		/* 1: all is on its way; 0: no slot is free */
int	 emit_pace(struct weir *, int64_t now, int64_t *due);	/* a source's flush */
int	 emit_ready(struct weir *);		/* 1: a source may be called */
int	 emit_empty(const struct weir *);
int	 text_flush(struct weir *, struct stream *);
int	 index_flush(struct weir *, struct stream *);	/* as emit_flush() */
struct outframe *outframe_new(struct weir *, int text_slot, int index_slot, struct inframe *);

/* handles */
struct handles;

int	 handles_open(struct weir *);
struct store *handles_store(const struct weir *);	/* NULL: it has no keyed state */
int	 handles_opened(struct weir *);		/* after the stage's open() */
void	 handles_close(struct handles *);
void	 handles_selected(const struct weir *, struct weir_record *);	/* its key; NULL */
void	 handles_prefetch(struct weir *, const struct weir_record *);	/* it comes soon */

/* collections: elements beside a key's value; and maps, made of the same */
#define COLLECTION_DIGITS	8		/* of an index, hexadecimal */

struct collection {
	struct weir		*w;
	struct weir_value	*value;
	struct weir_record	 selected;	/* the key, while an element is */
	struct buf		 key;		/* of that element's entry */
	struct buf		 copy;		/* of a value that is moved */
	struct collection	*next;
};

/* size: of the struct that it begins. */
struct collection *collection_make(struct weir *, const char *name, size_t size);
void	 collections_close(struct weir *);
int	 collection_no_memory(struct weir *);
int	 collection_damaged(struct collection *, const char *what);

/* Select an element's entry: kind, unless 0, then the bytes, or an index. */
int	 collection_select(struct collection *, char kind, const void *, size_t len);
int	 collection_select_index(struct collection *, char kind, uint64_t index);
/* Its value; each of these selects the key again, whatever comes of it. */
int	 collection_get(struct collection *, const void **val, size_t *len);
int	 collection_put(struct collection *, const void *val, size_t len);
int	 collection_clear(struct collection *);
/* How many there are. */
int	 collection_count(struct collection *, uint64_t *n);
int	 collection_set_count(struct collection *, uint64_t n);

/* outfile: a file of the outside that is ours alone.  outfile_look() only looks
 * whether it may be written; the others are for one that is open. */
struct outfile {
	const char	*path;			/* borrowed; NULL: a descriptor */
	const char	*cure;			/* for one that holds something */
	enum weir_fill	 fill;
	int		 fd;			/* -1: not open */
	int		 regular;
	int64_t		 lock_until;		/* ms; 0: was never locked by another */
	uint64_t	 base;			/* bytes that it held before us */
};

int	 outfile_look(struct weir *, const char *path);
int	 outfile_open(struct weir *, struct outfile *, int create);	/* WEIR_WAIT;
						   not there: fd stays -1 */
int	 outfile_begin(struct weir *, struct outfile *);	/* it is new to us */
int	 outfile_truncate(struct weir *, struct outfile *);	/* if that was asked for */
int	 outfile_resume(struct weir *, const struct outfile *, uint64_t start, uint64_t to);
int	 outfile_sync_directory(const char *path);		/* errno */

/* output: text for the outside */
struct weir_output {
	struct weir_output	*next;
	struct weir		*w;
	char			 name[WEIR_NAME_MAX + 1];	/* of its journal */
	char			 part[WEIR_NAME_MAX + 8];	/* of the operator state */
	char			*what;		/* for messages: the file's path */
	const char		*verb;		/* likewise, where it is an own one; NULL */
	struct outfile		 file;
	int			 whole;		/* it is replaced */
	int			 quits;		/* without a reader there is nothing to do */
	int			 open;
	uint64_t		 bytes;		/* without a job: whole lines of ours */
	struct weir_journal	*journal;	/* in a job */
	atomic_int		 gone;		/* nobody reads it */
	uint64_t		 longest;	/* the writer's: the file has not more */
	int			 entered;	/* likewise: and its name is durable */
};

struct weir_output *output_file(struct weir *, const char *name, const char *path,
	    enum weir_fill fill, const char *cure, const char *verb);
struct weir_output *output_fd(struct weir *, const char *name, int fd, const char *what);
const char *output_verb(const struct weir_output *);
int	 output_stream(struct weir_output *, const char *, size_t);	/* errno */
int	 output_write_now(struct weir_output *, const char *, size_t);
int	 output_gone(const struct weir_output *);	/* what is written is dropped */
int	 outputs_open(struct weir *);		/* the runtime's own; WEIR_WAIT */
void	 outputs_free(struct weir *);
int	 publish_file(struct weir_range *, void *);
int	 publish_stream(struct weir_range *, void *);
int	 publish_whole(struct weir_range *, void *);

/* report */
struct report;

int	 report_open(struct weir *);		/* the divert file */
int	 report_close(struct weir *);		/* and how many were bad */
int	 report_place(const struct weir *, const struct weir_record *, char *, size_t);

/* A link has broken, or brought rubbish: the end of a pipeline; in a job the end
 * of an attempt, and the next view says how to go on.  -1. */
int	 link_lost(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* The program at the other end of a pipe has gone before the stages met: the end of
 * a pipeline; in a job it may have been killed, and comes again with the script. */
int	 neighbour_lost(struct weir *, const char *fmt, ...) WEIR_PRINTF(2, 3);

/*
 * job: what a subtask of a job has.
 *
 * The coordinator's view says what to do.  Nothing here outlives an attempt: with
 * a new one the process leaves with WEIR_AGAIN and is started anew.
 */
#define JOB_TIMEOUT_MS	5000		/* silence that counts as death */
#define JOB_BEAT_MS	500

struct job {
	struct stagedir	*stage;
	struct control	*control;
	struct writer	*writer;
	struct member	 m;
	struct tell	 told;			/* the last one */
	int		 welcome, at_least_once, memory_backend, checkpoints;
	unsigned	 concurrent, groups;
	unsigned	 feedback;		/* inputs that close a loop, as bits */
	uint64_t	 loop_wait_ms;
	int		 connected, running, done;
	int		 news;			/* a view has come: do not wait yet */
	int		 broken;		/* a neighbour has gone: wait for the next view */
	int64_t		 broken_ms;		/* since then */
	enum job_state	 state;			/* of the last view */
	int		 stops;			/* signals that were passed on */
	int64_t		 began_ms, beat_ms, heard_ms;
	int64_t		 served_ms;		/* the last turn; 0: none */
	int		 tend, tending;		/* is due; is under way */
	int64_t		 idle_ms;		/* when it was last done for want of records */
	uint64_t	 wanted;		/* the completed one then, and one */
	int64_t		 asked_ms;		/* for one, then */

	struct jobfile	 file;			/* as it was when we came */
	const struct jobfile_subtask *restored;	/* of m.restore; NULL: a first start */
	struct parts	*parts;
	struct weir_journal *journals;

	uint64_t	 barrier[VIEW_PENDING];	/* a source: yet to be sent */
	unsigned	 nbarrier;
	uint64_t	 due;			/* barrier that has come on all inputs; 0 */
	uint64_t	 triggered_ms;		/* of the one in hand */
	uint64_t	 seen;			/* the last one that was forwarded */
	struct snaps	*snaps;
};

int	 job_open(struct weir *);		/* find the job and its run directory */
int	 run_alive(void);		/* of 'weir run': a pipe that its end closes; -1: none */
int	 job_enter(struct weir *);		/* lock, register, restore: blocks */
int	 job_serve(struct weir *, int64_t now);
int	 job_polls(struct weir *, struct polls *, int64_t now);
int	 job_connected(struct weir *);		/* say so */
int	 job_say(struct weir *, struct say *);
int	 job_say_failed(struct weir *);	/* before an exit 1 or 2.  1: it has gone out */
int	 job_again(struct weir *);		/* -1: leave with WEIR_AGAIN */
int	 job_hear(struct weir *);
int	 job_alive(struct weir *);		/* the coordinator shall know it */
uint32_t job_attempt(const struct weir *);	/* 0 without a job */

/* parts: what makes up a subtask's operator state.  save() appends to the buf. */
int	 part_add(struct weir *, const char *name, int (*save)(void *, struct buf *), void *arg);
const void *part_restored(const struct weir *, const char *name, size_t *len);
int	 parts_save(struct weir *, struct buf *);
int	 parts_check(struct weir *);		/* what was restored can be read */
void	 parts_free(struct weir *);

/* barrier */
int	 barriers_send(struct weir *);		/* a source's; 1: all are sent */
int	 barrier_due(struct weir *);		/* 2: passed; 0: not yet */
int	 barrier_holds(const struct weir *);	/* 1: take no more until a checkpoint ends */

/* snapshot */
int	 snapshot_take(struct weir *, uint64_t id);	/* the barrier is forwarded */
int	 snapshot_view(struct weir *);		/* what has completed, or is dead */
int	 snapshot_commit(struct weir *, uint64_t id);
uint64_t snapshot_writing(const struct weir *);	/* id; 0: none */
int	 snapshot_open(const struct weir *);	/* 1: one of ours waits for its fate */
int	 snapshot_adopt(struct weir *);		/* those that are retained */
void	 snapshot_free(struct weir *);

/* tend */
int	 tend(struct weir *, int64_t now, int64_t busy_ms);
int	 tend_end(struct weir *);
int	 store_failed(struct weir *);		/* keeps its sentence; -1 */

/* journals.  The writer calls those with a w. */
int	 journals_full(const struct weir *);	/* the disk is behind: emit no more */
int	 journals_flush(struct weir *);		/* all appended is the writer's */
int	 journals_w_mark(struct weir *, struct journal_range **, size_t *n, uint64_t *bytes);
int	 journals_w_publish(struct weir *, uint64_t id, const struct jobfile_subtask *at);
int	 journals_w_trim(struct weir *, const struct jobfile_subtask *below);
int	 journals_once(const struct weir *);	/* one of them is published once */
int	 journals_publish(const struct weir *);	/* or at all */
int	 journals_failed(struct weir *);	/* 1: keeps the sentence */
void	 journals_release(struct weir *);	/* positions as of this barrier */
void	 journals_unwanted(struct weir *);	/* nobody reads: weir_quit() */
void	 journals_whole(struct weir_journal *);		/* it may be given away */
/* In the writer, of a range that is published: journal_give(). */
int	 journals_give(struct weir_range *, int fd, const char *path);
void	 journals_skip(struct weir_journal *, uint64_t position);
void	 journals_close(struct weir *);

struct line {
	char		*text;			/* ours, terminated; NULL: none */
	size_t		 len;
};

int	 line_set(struct weir *, struct line *, const char *, size_t);

struct weir {
	const struct weir_stage *stage;
	struct settings	 set;
	char		 self[WEIR_NAME_MAX + 16];	/* NAME, or NAME.I */
	unsigned	 subtask;
	int		 status;		/* exit status once there is a sentence */
	char		 sentence[1024];
	int		 clash;			/* another stage has our name */

	struct wiring	 wiring;
	struct jobdir	*jobdir;		/* NULL: no job */
	struct job	*job;			/* of a worker */
	struct rundir	*dir;
	struct atlas	 atlas;
	struct inlet	*in;
	struct outlet	*out;
	struct emit	*emit;
	struct handles	*handles;
	struct collection *collections;
	struct report	*report;
	struct weir_output *outputs;

	int		 wake[2];		/* written to by signals and nng's threads */
	int		 alive;			/* closes when the supervisor dies; -1 */
	int		 registered;		/* written to when we are registered; -1 */
	struct pollfd	 watch[WATCH_MAX];	/* weir_watch() */
	unsigned	 nwatch;
	atomic_int	 stop;			/* a stop was asked for */
	int		 quit;			/* nobody reads what we write */
	int		 records;		/* a stage with text() wants them one by one */
	int		 open;			/* the stage is open: close it */

	uint64_t	 record_max;		/* longest record of the output, bytes */
	uint64_t	 linger_ms;
	uint64_t	 memory_bytes;
	int		 wait_fd, wait_ms;	/* a source's wishes */

	struct buf	*saving;		/* weir_save() adds to it */
	int		 keyed_in, separator_in, separator;
	struct line	 header_in, header;	/* names of the columns */
	struct line	 key_in, key;		/* names of those of the key */
	struct inframe	*hand;			/* the frame being worked on */
};

#endif
