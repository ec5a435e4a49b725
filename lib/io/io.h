/*
 * io: what weir asks of the machine.
 *
 * Doors and links are nng sockets (door.c and link.c alone know that), arenas
 * are shared memory, a rundir is where their names live.  Functions return 0 or
 * -1; objects keep the sentence that says what went wrong: xxx_error().
 */
#ifndef IO_H
#define IO_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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
void	 rundir_forget(struct rundir *, const char *shm);
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
uint64_t link_sent(const struct link *);	/* the highest sequence number */

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
int	 knocker_poll(const struct knocker *);
int	 knocker_send(struct knocker *, const struct knock *);
int	 knocker_recv(struct knocker *, struct answer *);	/* 1, 0, -1 */

const char *io_versions(void);		/* of the libraries in use, a line each */

#endif
