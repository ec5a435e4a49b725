/*
 * io: what weir asks of the machine.
 *
 * Doors and links are nng sockets (door.c and link.c alone know that), arenas
 * are shared memory, a rundir is where their names live.  Functions return 0 or
 * -1; objects keep the sentence that says what went wrong: xxx_error().
 */
#ifndef IO_H
#define IO_H

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "bytes.h"
#include "rules.h"

/*
 * log: lines on standard error, "NAME: ...", one write(2) each.  Control
 * characters become '?', so that a line stays a line.
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_DEBUG };

void	 log_open(const char *name, enum log_level most);
void	 log_say(enum log_level, const char *fmt, ...) WEIR_PRINTF(2, 3);
void	 log_vsay(enum log_level, const char *fmt, va_list) WEIR_PRINTF(2, 0);
const char *log_name(void);

/*
 * step: a moment of the protocol at which a process may die.  Each has a test that
 * kills there: tests/640-steps.bats goes through all that are named in the code.
 */
#ifdef WEIR_STEPS
#define STEP(name)	step_reached(name)
void	 step_reached(const char *name);
#else
#define STEP(name)	((void)0)
#endif

/*
 * rundir: the directory of sockets of one ephemeral stage, 0700 and locked:
 * ${XDG_RUNTIME_DIR:-/tmp}/weir-UID/PID-START.  Creating one first clears those
 * whose owner is dead, with the shared memory that they name.
 *
 * Sessions: beside it, session-SID/NAME holds the address line of a stage
 * that was told by -o NAME to publish itself.
 */
struct rundir;

struct rundir *rundir_create(const char *stage, char *why, size_t size);
					/* why: the sentence if NULL */
struct rundir *rundir_open(const char *path);	/* a subtask: made by its supervisor */
void	 rundir_close(struct rundir *);		/* its creator removes it */
const char *rundir_path(const struct rundir *);
const char *rundir_base(const struct rundir *);	/* PID-START: names the instance */
int	 rundir_note(struct rundir *, const char *shm);	/* to be unlinked when stale */
int	 rundir_noted(const struct rundir *, const char *shm);
void	 rundir_forget(struct rundir *, const char *shm);
int	 rundir_mark(struct rundir *, const char *fact);	/* between subtasks */
int	 rundir_marked(const struct rundir *, const char *fact);
int	 rundir_publish(struct rundir *, const char *name, const char *line);
int	 rundir_lookup(const char *name, char *line, size_t size);	/* -1: not there */

/*
 * arena: memory of frames, equal slots.  The producer takes a slot, counts who
 * still needs it, and gets it back when nobody does; free ones are reused last
 * in, first out, so that a trickle touches few pages.  Where shared memory
 * cannot be had the arena is private and its frames go inside messages.
 */
struct arena;

struct arena *arena_create(struct rundir *, const char *suffix, unsigned slots,
	    size_t first_bytes, size_t slot_bytes, int share);
struct arena *arena_map(const struct frame_arena *);	/* read only; NULL: errno */
void	 arena_free(struct arena *);
void	 arena_unlink(struct arena *);		/* everybody has mapped it */
int	 arena_shared(const struct arena *);
int	 arena_ours(const struct arena *);	/* made here, not mapped */
void	 arena_describe(const struct arena *, struct frame_arena *);
int	 arena_take(struct arena *);		/* a slot, held once; -1: none is free */
void	 arena_hold(struct arena *, int slot);
void	 arena_drop(struct arena *, int slot);
int	 arena_extend(struct arena *, int slot);	/* from first_bytes to slot_bytes */
char	*arena_at(const struct arena *, int slot);
const char *arena_piece(const struct arena *, const struct frame_ref *, size_t len);
					/* checked against the bounds; NULL */

/* All the arenas that this process knows; its own come first.  The number of an
 * arena here is what its consumers know it by. */
struct atlas {
	struct arena	*arena[FRAME_ARENAS];
	unsigned	 n;
};

int	 atlas_add(struct atlas *, struct arena *);	/* taken; its number, or -1 */
int	 atlas_map(struct atlas *, const struct frame_arena *);
void	 atlas_free(struct atlas *);

/*
 * link: one directed connection between two subtasks, one pair0 socket.  Sends
 * never block: what the peer has not room for waits inside the link, which is
 * bounded by the slots that it refers to.  wake is written to when a link comes
 * up or breaks.
 */
struct link;
struct held;

struct link *link_listen(const char *address, uint32_t attempt, int copy, int wake);
struct link *link_dial(const char *address, uint32_t attempt, int wake);
void	 link_close(struct link *);
const char *link_address(const struct link *);
const char *link_error(const struct link *);
int	 link_failed(const struct link *);	/* could not be made: link_error() */
int	 link_up(const struct link *);		/* the peer has come */
int	 link_gone(const struct link *);	/* and has left */
void	 link_heal(struct link *);		/* listen again, if that has stopped */
int	 link_recvfd(const struct link *);
int	 link_sendfd(const struct link *);	/* -1: nothing waits to be sent */

/* Producer.  link_send() sets the frame's sequence number, and decides which of
 * its pieces go by reference and which inside. */
int	 link_send_stream(struct link *, struct frame_stream *);
int	 link_send(struct link *, const struct atlas *, struct frame *);
int	 link_flush(struct link *);

/*
 * Take the next frame.  1: got one; 0: none is there; -1: link_error().  Of a
 * stream frame *s is filled, its arenas are mapped; of the others *f, and all
 * that it points at is within bounds.  The bytes are good until *held is given
 * to link_release().
 */
int	 link_recv(struct link *, struct atlas *, struct frame *, struct frame_stream *,
	    struct held **held);
void	 link_release(struct held *);

/* Consumer: a frame is used up; say so to the producer; how many are unsaid. */
int	 link_done(struct link *, uint64_t seq);
int	 link_credit(struct link *, int enough);
unsigned link_owed(const struct link *);

/*
 * door: where a stage is knocked at for a link; a rep0 socket, JSON.
 * knocker: the other side, one for each door that is knocked at.
 */
struct door;
struct knocker;

struct door *door_open(const char *address, char *why, size_t size);
int	 door_listen(struct door *, const char *address, char *why, size_t size);
void	 door_close(struct door *);
void	 door_heal(struct door *);
int	 door_poll(const struct door *);
int	 door_recv(struct door *, struct knock *);	/* 1, 0, -1: somebody talks rubbish */
int	 door_answer(struct door *, const struct answer *);

struct knocker *knocker_open(const char *address, char *why, size_t size);
void	 knocker_close(struct knocker *);
int	 knocker_waits(const struct knocker *);	/* for the door to be made: look again */
int	 knocker_poll(const struct knocker *);
int	 knocker_send(struct knocker *, const struct knock *);
int	 knocker_recv(struct knocker *, struct answer *);	/* 1, 0, -1 */

int	 threads_check(char *why, size_t size);	/* can nng start its own? */
const char *io_versions(void);		/* of the libraries in use, a line each */

/*
 * segments: the files of a journal, NAME.OFFSET in the directory of a subtask;
 * see weir-journal(5).  They are listed in order and do not overlap.  -1: errno,
 * and the sentence in why; errno is EBADMSG where files are not what they should
 * be.  Every step that changes the disk is a function of its own.
 */
struct segment {
	uint64_t	 first, len;		/* position of its first byte; bytes */
};

struct segments {
	int		 dirfd;			/* borrowed */
	char		 dir[PATH_MAX], name[WEIR_NAME_MAX + 1];	/* for messages */
	struct segment	*list;			/* ascending */
	size_t		 n, room;
	int		 readfd;		/* of the segment read last, or -1 */
	uint64_t	 readfirst;
	char		 why[PATH_MAX + 256];
};

int	 segments_open(struct segments *, int dirfd, const char *dir, const char *name);
void	 segments_close(struct segments *);
int	 segments_scan(struct segments *);		/* list what is there */
uint64_t segments_contiguous(const struct segments *, uint64_t from);	/* up to where */
/* The file that holds a position: its descriptor, borrowed until the next call,
 * the place in it, and how many bytes it has from there on. */
int	 segments_at(struct segments *, uint64_t position, int *fd, off_t *at, uint64_t *n);
int	 segments_read(struct segments *, uint64_t from, void *, size_t);
int	 segments_create(struct segments *, uint64_t first);	/* its descriptor */
int	 segments_writable(struct segments *, size_t);	/* its descriptor */
int	 segments_write(struct segments *, int fd, const void *, size_t);
int	 segments_sync(struct segments *, int fd);
int	 segments_sync_directory(struct segments *);
int	 segments_renew(struct segments *, uint64_t from);
int	 segments_remove(struct segments *, size_t);
int	 segments_truncate(struct segments *, uint64_t to);
void	 segments_path(const struct segments *, uint64_t first, char *, size_t);
/* 1: of a range nothing is there, it was given away as a whole; 0; -1. */
int	 segments_given(struct segments *, uint64_t start, uint64_t to);
int	 segments_give(struct segments *, size_t, const char *path);	/* 1; 0: impossible */

/*
 * journal: durable bytes of a stage, appended; a position is the number of bytes
 * before it since the journal was born.  See weir-journal(5).
 *
 * All functions wait for the disk: they are for one thread, the writer.  After
 * the first one that failed every other fails with the same sentence.  errno is
 * EBADMSG where the files are not what the checkpoint says: running again does
 * not help then.
 */
struct journal;

/*
 * companion: a position in a file beside a journal.  Read: 1, 0: there is none, -1:
 * EBADMSG, errno.  Written durably; *verb as of wholefile_replace().
 */
#define JOURNAL_PUBLISHED ".published"	/* up to where the bytes went somewhere, once */
#define JOURNAL_GIVEN	".given"	/* the bytes up to there became a file's */
#define COMPANION_NAME	(WEIR_NAME_MAX + 16)

int	 companion_read(int dirfd, const char *journal, const char *suffix, uint64_t *position);
int	 companion_write(int dirfd, const char *journal, const char *suffix, uint64_t position,
	    const char **verb);

enum journal_tail {
	JOURNAL_CUT,		/* what lies behind the range belongs to nobody */
	JOURNAL_KEEP		/* keep it, as far as it goes without a gap (a spool) */
};

/* dirfd is borrowed for the journal's life, dir is its name in messages; nothing
 * is touched yet.  NULL: ENOMEM, or EINVAL. */
struct journal *journal_open(int dirfd, const char *dir, const char *name,
	    uint64_t segment_bytes);
void	 journal_close(struct journal *);
const char *journal_error(const struct journal *);

int	 journal_create(struct journal *);		/* empty, whatever is there */
int	 journal_attach(struct journal *, const struct journal_range *, enum journal_tail);

/* It may be given away: what comes before the first mark is one segment. */
void	 journal_whole(struct journal *);

int	 journal_append(struct journal *, const void *, size_t);
/* Make it durable; *r is what a checkpoint has to know. */
int	 journal_mark(struct journal *, struct journal_range *r);
uint64_t journal_offset(const struct journal *);	/* the end */
uint64_t journal_start(const struct journal *);

/* The next start: remember the end (again: the earlier one is forgotten); make
 * what was remembered the start of the marks to come. */
int	 journal_begin_start(struct journal *);
int	 journal_adopt_start(struct journal *);

/* Remove the segments that end at or below a position: the oldest start that
 * any retained checkpoint has. */
int	 journal_trim(struct journal *, uint64_t below);

/* Copy a range that is marked to fd at offset, and sync fd: not one with
 * O_APPEND.  Doing it again writes the same. */
int	 journal_publish(struct journal *, uint64_t from, uint64_t to, int fd, off_t offset,
	    const char *output);
/*
 * Give the bytes from the beginning to the last mark, the first one, to a file that
 * is empty: their segment replaces it, under its name, and fd becomes a descriptor
 * of it, locked, with the file's mode.  The directory that path is in is not synced.
 * The start is at the mark then.  1; 0: they are not one segment, or the system
 * refuses: they have to be copied; -1.
 */
int	 journal_give(struct journal *, uint64_t to, int fd, const char *path);
int	 journal_read(struct journal *, uint64_t from, void *, size_t);	/* exactly */

/*
 * rangefile: the range of a journal that a checkpoint names, held open: it can be
 * read whatever its job does to the files meanwhile.  With JOURNAL_KEEP it goes on
 * behind the range as far as there is no gap.  -1 or NULL: errno, EBADMSG or ENOENT
 * where it is not there (any more).
 */
struct rangefile;

struct rangefile *rangefile_open(int dirfd, const char *dir, const struct journal_range *,
	    enum journal_tail, char *why, size_t size);
void	 rangefile_close(struct rangefile *);
uint64_t rangefile_start(const struct rangefile *);	/* its end, if it was given away */
uint64_t rangefile_end(const struct rangefile *);	/* position */
ssize_t	 rangefile_read(struct rangefile *, void *, size_t);	/* some; 0: that was all */
const char *rangefile_error(const struct rangefile *);

/*
 * writer: one thread that does all disk I/O that may wait, a job at a time in the
 * order in which they were put.  All functions are for the thread that made it,
 * its owner.  After the first job that gave -1 none is run any more.
 */
struct writer;

/* A byte is written to wakefd, which does not block, when there is something to
 * collect after there was nothing.  NULL: errno. */
struct writer *writer_new(int wakefd);
/* run(arg) in the thread, then done(arg, what it gave, or -1 where it was not run)
 * from writer_collect(); done may be NULL.  -1: ENOMEM, or ECANCELED while the
 * writer is being freed. */
int	 writer_put(struct writer *, int (*run)(void *), void (*done)(void *, int), void *arg);
size_t	 writer_collect(struct writer *);	/* how many were done */
size_t	 writer_pending(const struct writer *);	/* put, and not yet collected */
void	 writer_free(struct writer *);	/* waits for all that is put, and collects it */

/*
 * The run directory of a job is made by its coordinator, who has the job's lock,
 * and is joined by its stages.  No lock of its own, and closing does not remove
 * it.  Names in it: control, stage.NAME, and ATTEMPT-... for what lives no longer
 * than an attempt: doors, links, and the notes of shared memory.
 */
/* own: where it shall be, absolute; elsewhere, where that is too long for sockets.
 * base: names the job's shared memory, and the place elsewhere: "job-...". */
struct rundir *rundir_make_job(const char *own, const char *base, char *why, size_t size);
struct rundir *rundir_join_job(const char *path, const char *base, char *why, size_t size);
/* What attempts before this one left; their processes have to be gone. */
void	 rundir_clear_below(struct rundir *, uint32_t attempt);
void	 rundir_remove(struct rundir *);	/* all of it, and close */

/*
 * lockfile: a file that one process holds, and who that is, in one line.  Held
 * as long as the descriptor is open.
 */
struct holder {
	long		 pid;
	char		 run[PATH_MAX];		/* or empty */
	int64_t		 start_s;		/* since the Epoch */
};

int	 lockfile_take(int dirfd, const char *file);	/* fd; -1: EWOULDBLOCK, errno */
int	 lockfile_say(int fd, const char *run);
int	 lockfile_read(int dirfd, const char *file, struct holder *);	/* 1, 0: it does
					   not say, -1: errno */

/*
 * wholefile: a small file.  Read: NULL and errno; EBADMSG: not a file, or larger
 * than max.  Replaced by way of a temporary one beside it: errno and the verb of
 * the sentence say what failed.
 */
char	*wholefile_read(int dirfd, const char *file, size_t max, size_t *len);	/* to free() */

enum replaced {
	REPLACED,
	REPLACED_NOT,		/* it is as it was */
	REPLACED_UNKNOWN	/* nobody knows which of the two is on disk */
};

enum replaced wholefile_replace(int dirfd, const char *file, const char *temp,
	    const void *, size_t, const char **verb);

/* lonely: 1: nobody else has this file open; 0: somebody has, or the system does
 * not say. */
int	 file_lonely(int fd);

/* tree: remove a file, or a directory with all that is below it, if it is there. */
int	 tree_remove(int dirfd, const char *name);

/*
 * jobdir: the directory of a job, see weir-job(5).  It alone knows the names of
 * the files there.  Sentences begin with the file; errno says what kind they are:
 * jobdir_status(errno) is what a program exits with for them.
 *
 *	EBADMSG, ENOTSUP	damaged, or not for me: running again cannot help
 *	EWOULDBLOCK		in use
 *	ENOENT			no job is there (yet)
 */
struct jobdir;

#define JOBDIR_STAGES	"stages"
#define JOBDIR_LOCK	"lock"		/* of the job, and of each subtask */

int	 jobdir_status(int error);

/* create: make it where it is not there.  NULL: why, and errno. */
struct jobdir *jobdir_open(const char *path, int create, char *why, size_t size);
void	 jobdir_close(struct jobdir *);
int	 jobdir_fd(const struct jobdir *);
const char *jobdir_path(const struct jobdir *);	/* for messages: ends with a slash */
const char *jobdir_error(const struct jobdir *);

/*
 * For the coordinator.  Lock; then start, which reads job.json and makes sure that
 * what it has read is what is on disk: 1, or 0 where the job is new; jobdir_new()
 * and jobdir_save() make it then.
 */
int	 jobdir_lock(struct jobdir *);
int	 jobdir_start(struct jobdir *, struct jobfile *);
void	 jobdir_new(struct jobfile *, unsigned groups);
/* Replace job.json.  -1: it has not been replaced and it may be tried again; but
 * where jobdir_unknown() nobody knows what is on disk: leave, and start again. */
int	 jobdir_save(struct jobdir *, struct jobfile *);
int	 jobdir_unknown(const struct jobdir *);
int	 jobdir_history(struct jobdir *, const struct history *);
struct rundir *jobdir_run_make(struct jobdir *);	/* and the lock tells it */
/* One that was being made and has no job.json: it is gone, or empty as it was. */
void	 jobdir_undo(struct jobdir *, int keep);
int	 jobdir_delete(struct jobdir *);	/* forget the job; files of others stay */

/* For everybody. */
int	 jobdir_begun(const struct jobdir *);	/* it has a job.json */
int	 jobdir_read(struct jobdir *, struct jobfile *);	/* 1, 0: none there, -1 */
/* history.tsv, or the one before it.  NULL: errno ENOENT: there is none. */
FILE	*jobdir_history_open(struct jobdir *, int old);
/* 1: the coordinator that is alive; 0: nobody is known. */
int	 jobdir_holder(struct jobdir *, struct holder *);
struct rundir *jobdir_run_join(struct jobdir *);	/* NULL: ENOENT: nobody is there */

/* stagedir: the directory of a subtask.  NULL: why, and errno; with ENOENT job.json
 * is not there yet. */
struct stagedir;

struct stagedir *stagedir_open(struct jobdir *, const char *stage, unsigned subtask,
	    char *why, size_t size);
void	 stagedir_close(struct stagedir *);		/* and unlock */
int	 stagedir_fd(const struct stagedir *);		/* for journals and the base */
const char *stagedir_path(const struct stagedir *);
const char *stagedir_error(const struct stagedir *);
/* 1: it is mine.  0: somebody has it, stagedir_error() names the process; call
 * again.  -1: the same, but the deadline is over (EWOULDBLOCK), or an error. */
int	 stagedir_lock(struct stagedir *, int64_t now_ms, int64_t deadline_ms);
/* The same: only look, nothing is made; and: before there is a job.json. */
struct stagedir *stagedir_look(struct jobdir *, const char *stage, unsigned subtask,
	    char *why, size_t size);
struct stagedir *stagedir_new(struct jobdir *, const char *stage, unsigned subtask,
	    char *why, size_t size);

/*
 * control: the line between a subtask, or a tool, and the coordinator; a Unix
 * stream socket at RUN/control, JSON lines both ways.  No nng here: its sockets
 * are never closed (door.c), and here the death notice has to be exact.  Calls
 * never block; what the peer has no room for waits inside.
 */
struct control;

int	 control_listen(const char *path, char *why, size_t size);	/* fd; a dead
					   one's socket is replaced: have the lock */
struct control *control_accept(int fd);		/* NULL: errno, EAGAIN: nobody; EPERM:
					   one of another user, who is sent away */
struct control *control_dial(const char *path);	/* NULL: errno */
void	 control_close(struct control *);
int	 control_fd(const struct control *);
short	 control_events(const struct control *);	/* for poll(2) */
pid_t	 control_peer(const struct control *);
size_t	 control_queued(const struct control *);	/* bytes that wait to go */
int	 control_work(struct control *);	/* write and read what goes; -1: it has
					   broken: what came before can still be heard */

/* What a subtask says, and a tool. */
enum say_kind {
	SAY_REGISTER,		/* stage, subtask, nonce */
	SAY_CONNECTED,		/* restored, and all links are up */
	SAY_ACK,		/* id, part, bytes, duration_ms */
	SAY_DECLINE,		/* id, why; WEIR_AGAIN: the next one may be taken */
	SAY_FINISHED,		/* a source: its end is sent */
	SAY_COMMITTED,		/* id: its effects are durable outside */
	SAY_FAILED,		/* status, why: before an exit 1 or 2 */
	SAY_WANT,		/* a checkpoint at once: memory is short */
	SAY_BEAT,		/* alive; seen, aligning, writing */
	SAY_STOP,		/* a signal: stop with a final checkpoint */
	SAY_CANCEL		/* a second one */
};

struct say {
	enum say_kind	 kind;
	uint32_t	 attempt;		/* all but register, failed, stop, cancel */
	uint64_t	 id;
	struct topology_stage stage;
	unsigned	 subtask;
	char		 nonce[WEIR_NAME_MAX + 1];
	struct jobfile_subtask part;		/* state, batches, ranges: ours to free */
	uint64_t	 bytes;			/* written for it */
	int64_t		 duration_ms;		/* from the barrier to now */
	int		 status;
	char		 why[1024];
	uint64_t	 seen, aligning, writing;	/* ids; 0: none */
};

/* What the coordinator says to a subtask. */
enum tell_kind { TELL_WELCOME, TELL_REFUSED, TELL_VIEW, TELL_BEAT };

struct tell {
	enum tell_kind	 kind;
	/* welcome: it is registered in this attempt */
	uint32_t	 attempt;
	int		 at_least_once, memory_backend;
	unsigned	 concurrent, groups;
	int		 checkpoints;		/* 1: now and then; 0: only at the end */
	unsigned	 feedback;		/* inputs that close a loop, as bits */
	uint64_t	 loop_wait_ms;
	int		 status;		/* refused, and why */
	char		 why[1024];
	struct view	 view;
};

int	 control_say(struct control *, const struct say *);	/* -1: ENOMEM */
int	 control_tell(struct control *, const struct tell *);
/* 1: one is taken; 0: none is there; -1: EBADMSG, it was not understood. */
int	 control_hear_say(struct control *, struct say *);
int	 control_hear_tell(struct control *, struct tell *);
int	 say_parse(const char *line, size_t len, struct say *);	/* -1: EBADMSG, ENOMEM */
void	 say_free(struct say *);
const char *control_state(enum job_state);	/* "running", as status says it too */

/* Lines as they are, for tools: an {"ask":...} and its answer, JSON objects in one
 * line each.  The line is borrowed until the next call. */
int	 control_send(struct control *, const char *line);
int	 control_line(struct control *, const char **line, size_t *len);	/* 1, 0 */

/*
 * base: LevelDB below a store: base/ in the directory of a subtask; see
 * weir-journal(5).  -1 or NULL: why, and errno: EBADMSG where its files are not
 * what they should be.
 *
 * base_create() and what writes are for the writer, the rest is for the owner, who
 * may read meanwhile.
 */
struct base;

const char *base_version(void);			/* of LevelDB */
int	 base_exists(int dirfd);		/* something is there */
int	 base_remove(int dirfd, const char *dir, char *why, size_t size);
struct base *base_open(int dirfd, const char *dir, uint64_t memory, char *why, size_t size);
struct base *base_create(int dirfd, const char *dir, uint64_t memory, char *why, size_t size);
void	 base_close(struct base *);
const char *base_path(const struct base *);
uint64_t base_batches(const struct base *);	/* written since it was made */
uint64_t base_epoch(const struct base *);	/* the highest that was written */
int	 base_key(struct buf *, unsigned group, const char *state, const void *key,
	    size_t keylen);			/* appended: what a key is called there */
/* 1: *val is to be given to base_release(); 0: there is none. */
int	 base_get(struct base *, const void *key, size_t keylen, char **val, size_t *vallen,
	    char *why, size_t size);
void	 base_release(char *val);
/* Into the next batch; then all or none of it, durably.  Sorted is faster. */
void	 base_put(struct base *, const void *key, size_t keylen, const void *val,
	    size_t vallen);
void	 base_delete(struct base *, const void *key, size_t keylen);
int	 base_write(struct base *, uint64_t epoch, char *why, size_t size);

/* Entries in order, as they are now.  At: 1, 0: behind the last one, -1; borrowed
 * until it moves. */
struct base_cursor;
struct base_cursor *base_cursor(struct base *);
void	 base_cursor_free(struct base_cursor *);
void	 base_seek(struct base_cursor *, const void *key, size_t keylen);
void	 base_next(struct base_cursor *);
int	 base_at(struct base_cursor *, const char **key, size_t *keylen, const char **val,
	    size_t *vallen, char *why, size_t size);

/*
 * basecopy: base/ of a subtask as it is now, in a directory of this process beside
 * it, while its stage goes on.  It is durable nowhere and for one reader; those of
 * readers that died go with the next one.  Make: the directory's descriptor, which
 * holds a base/, and its path.
 */
int	 basecopy_make(int dirfd, const char *dir, char *path, size_t pathsize, char *why,
	    size_t size);
void	 basecopy_remove(int dirfd, const char *path);

/* basefiles: LevelDB's list of tables (MANIFEST-...): the number from which on it has
 * given out none; 0: it does not say, or is not understood. */
uint64_t basefiles_free_number(const void *list, size_t len);

/*
 * store: keyed state: a table in memory, a journal of its changes, LevelDB below.
 * See weir-journal(5) for the entries.
 *
 * One thread, the owner, calls all but store_write() and store_work_run(), which
 * wait for the disk and run in the writer, in the order in which they were made.
 * -1 or NULL: store_error().
 */
struct store;
struct store_cut;		/* what a barrier finds changed, on its way to disk */
struct store_work;		/* something else for the writer: base, trim */

struct store *store_new(uint64_t memory_bytes);	/* a table alone: no job */
/* Its place on disk; restored: what the checkpoint knows, NULL for a new store. */
int	 store_attach(struct store *, int dirfd, const char *dir, unsigned groups,
	    unsigned concurrent, const struct jobfile_subtask *restored, uint64_t id);
void	 store_free(struct store *);
const char *store_error(const struct store *);

/* A state's number, the same in all attempts; -1. */
int	 store_state(struct store *, const char *name);
int	 store_names_save(struct store *, struct buf *);	/* into operator state */
int	 store_names_restore(struct store *, const void *, size_t);	/* before attach */
/* How its values are made, for others (weir_value_layout()); NULL: nobody said so.
 * -1: it is known that they are made otherwise (EINVAL), or ENOMEM. */
const char *store_layout(const struct store *, unsigned state);
int	 store_layout_set(struct store *, unsigned state, const char *);

/* As of table: found values are changed in place only after store_put().  hash is
 * weir_hash() of the key, here and everywhere. */
void	*store_find(struct store *, unsigned state, uint32_t hash, const void *key,
	    size_t keylen, size_t *vallen);		/* NULL: none; errno 0, or an error */
void	*store_put(struct store *, unsigned state, uint32_t hash, const void *key,
	    size_t keylen, size_t vallen, int *fresh);	/* changed; contents as table_put() */
int	 store_remove(struct store *, unsigned state, uint32_t hash, const void *key,
	    size_t keylen);
void	 store_prefetch(struct store *, unsigned state, uint32_t hash);
uint64_t store_count(const struct store *);	/* entries in memory */

/* All keys of a state in byte order, of table and base.  Of the state only the key
 * that was given last may be put or removed meanwhile. */
struct store_scan;
struct store_scan *store_scan(struct store *, unsigned state);
int	 store_scan_next(struct store_scan *, const void **key, size_t *keylen,
	    const void **val, size_t *vallen);		/* 1, 0, -1 */
void	 store_scan_end(struct store_scan *);

/* Blocks of a cut that are full can be written while it goes on being made: put()
 * gives them to the writer, or fails with errno.  Without it all wait for
 * store_write(). */
struct store_block;
void	 store_early(struct store *, int (*put)(void *arg, struct store_block *), void *arg);
int	 store_block_write(struct store_block *);	/* writer: append */
void	 store_block_done(struct store_block *, int result);	/* owner */

/* At a barrier, after it was forwarded.  NULL: EAGAIN: as many as may be are on
 * their way: decline; else store_error(): it cannot be used any more. */
struct store_cut *store_cut(struct store *, uint64_t id);
int	 store_write(struct store_cut *);		/* writer: append and sync */
/* Owner, in the order of the cuts; part's ranges, batches (and with the memory
 * backend its state) are added to.  bytes: how many were written. */
int	 store_cut_done(struct store_cut *, int result, struct jobfile_subtask *part,
	    uint64_t *bytes);

/* What the view says: the oldest checkpoint that is retained; 0: none. */
void	 store_view(struct store *, uint64_t oldest);

enum store_pressure { STORE_EASY, STORE_HALF, STORE_FULL };
enum store_pressure store_pressure(const struct store *);
uint64_t store_bytes(const struct store *);	/* what counts against the bound */

/* Anything to be done to base or journal?  NULL: errno 0: no, or store_error().
 * Busy: trim, and over half of the memory write what can be, then it leaves; idle:
 * write without leaving; end: likewise, for at most budget_ms. */
enum store_moment { STORE_BUSY, STORE_IDLE, STORE_END };
struct store_work *store_tend(struct store *, enum store_moment, int64_t budget_ms);
int	 store_work_run(struct store_work *);		/* writer */
int	 store_work_done(struct store_work *, int result);

/* All of it as bytes, in place of attach and cut: what the coordinator keeps where
 * it is the backend.  Import: into a store that is new, after the names. */
int	 store_export(struct store *, struct buf *);	/* appended */
int	 store_import(struct store *, const void *, size_t);

/* Parts of the operator state. */
#define STORE_PART_NAMES	"names"		/* of the states, by number */
#define STORE_PART_KEYED	"keyed"		/* the memory backend's */
#define STORE_JOURNAL		"state"		/* and the journal's name */

/*
 * Keyed state as of a checkpoint, read only, by somebody else than the stage, which
 * may run.  dirfd and the part are borrowed.  Opening it holds on to all files; loading
 * needs memory for what is in the journal; then there are the entries, in no order.
 * -1: errno, and store_read_error().
 */
struct store_read;

struct store_entry {
	unsigned	 state;			/* number */
	const void	*key, *val;		/* borrowed until the next call */
	size_t		 keylen, vallen;
};

struct store_read *store_read_open(int dirfd, const char *dir, const struct jobfile_subtask *,
	    unsigned groups, uint64_t id, char *why, size_t size);
void	 store_read_close(struct store_read *);
const char *store_read_error(const struct store_read *);
unsigned store_read_states(const struct store_read *);	/* how many there are */
const char *store_read_name(const struct store_read *, unsigned state, const char **layout);
int	 store_read_memory(const struct store_read *);	/* 1: of the memory backend */
int	 store_read_load(struct store_read *);
int	 store_read_next(struct store_read *, struct store_entry *);	/* 1, 0, -1 */
int	 store_read_find(struct store_read *, unsigned state, const void *key, size_t keylen,
	    const void **val, size_t *vallen);		/* 1: borrowed; 0, -1 */

/* The other way round: the bytes of a journal that has these entries, and of the part
 * with the names, one by one; appended. */
int	 store_entry_encode(struct buf *, const struct store_entry *);
int	 store_names_encode(struct buf *, const char *name, const char *layout);

#endif
