/*
 * arena: memory of frames that producer and consumers share.
 *
 * Every slot is allocated (posix_fallocate) before its first use: on a full
 * tmpfs a mere mapping would end in SIGBUS.  The name is noted in the rundir
 * before the object exists, so that a SIGKILL at any moment leaves nothing that
 * the next start does not find.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bsd/string.h>

#include "io.h"

struct slot {
	unsigned	 refs;
	size_t		 ready;		/* bytes allocated */
};

struct arena {
	char		 name[WEIR_NAME_MAX];	/* empty: private memory */
	struct rundir	*dir;			/* NULL once unlinked, or not ours */
	char		*at;
	unsigned	 slots;
	size_t		 first_bytes, slot_bytes;
	int		 fd;
	struct slot	*slot;
	int		*stack;			/* free slots that are ready */
	unsigned	 nstack, fresh;		/* fresh: first slot never used */
};

static size_t
arena_bytes(const struct arena *a)
{
	return (a->slots * a->slot_bytes);
}

/* Make bytes [0, to) of a slot exist.  -1: there is no memory for it. */
static int
slot_allocate(struct arena *a, int slot, size_t to)
{
	struct slot	*s = &a->slot[slot];
	off_t		 from = (off_t)((size_t)slot * a->slot_bytes + s->ready);
	int		 error;

	if (to <= s->ready)
		return (0);
	if (a->name[0] != '\0') {
		do
			error = posix_fallocate(a->fd, from, (off_t)(to - s->ready));
		while (error == EINTR);
		if (error != 0) {
			errno = error;
			return (-1);
		}
	}
	s->ready = to;
	return (0);
}

static int
arena_open(struct arena *a, struct rundir *dir, const char *suffix)
{
	int fd;

	if ((size_t)snprintf(a->name, sizeof(a->name), "/weir-%u-%s-%s", (unsigned)getuid(),
	    rundir_base(dir), suffix) >= sizeof(a->name)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if (rundir_note(dir, a->name) == -1)
		return (-1);
	a->dir = dir;
	if ((fd = shm_open(a->name, O_RDWR | O_CREAT | O_EXCL, 0600)) == -1)
		return (-1);
	a->fd = fd;
	if (!rundir_noted(dir, a->name)) {	/* the run directory is being removed */
		errno = ENOENT;
		return (-1);
	}
	if (ftruncate(fd, (off_t)arena_bytes(a)) == -1)
		return (-1);
	a->at = mmap(NULL, arena_bytes(a), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (a->at == MAP_FAILED) {
		a->at = NULL;
		return (-1);
	}
	/* one slot is filled while one is read: with less there is no pipeline */
	if (slot_allocate(a, 0, a->first_bytes) == -1 ||
	    slot_allocate(a, 1, a->first_bytes) == -1)
		return (-1);
	return (0);
}

static void
arena_unmap(struct arena *a)
{
	if (a->at != NULL && a->name[0] != '\0')
		munmap(a->at, arena_bytes(a));
	else
		free(a->at);
	a->at = NULL;
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
	arena_unlink(a);
}

struct arena *
arena_create(struct rundir *dir, const char *suffix, unsigned slots, size_t first_bytes,
    size_t slot_bytes, int share)
{
	struct arena *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->fd = -1;
	a->slots = slots;
	a->first_bytes = first_bytes;
	/* whole pages: slots are allocated one by one */
	a->slot_bytes = (slot_bytes + 65535) & ~(size_t)65535;
	a->slot = calloc(slots, sizeof(*a->slot));
	a->stack = calloc(slots, sizeof(*a->stack));
	if (a->slot == NULL || a->stack == NULL) {
		arena_free(a);
		return (NULL);
	}
	if (share && arena_open(a, dir, suffix) == 0)
		return (a);
	if (share)
		log_say(LOG_DEBUG, "no shared memory (%s): frames are copied", strerror(errno));
	arena_unmap(a);
	a->name[0] = '\0';
	if ((a->at = malloc(arena_bytes(a))) == NULL) {
		arena_free(a);
		return (NULL);
	}
	return (a);
}

struct arena *
arena_map(const struct frame_arena *desc)
{
	struct arena	*a;
	struct stat	 st;
	int		 fd, saved;

	if (desc->slots == 0 || desc->slots > 65536 || desc->slot_bytes == 0 ||
	    desc->slot_bytes > SIZE_MAX / 2 / desc->slots ||
	    strncmp(desc->name, "/weir-", 6) != 0) {
		errno = EBADMSG;
		return (NULL);
	}
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (NULL);
	a->fd = -1;
	strlcpy(a->name, desc->name, sizeof(a->name));
	a->slots = desc->slots;
	a->slot_bytes = (size_t)desc->slot_bytes;
	if ((fd = shm_open(a->name, O_RDONLY, 0)) == -1)
		goto fail;
	a->fd = fd;
	if (fstat(fd, &st) == -1)
		goto fail;
	/* a mapping beyond the object's end would end in SIGBUS */
	if (st.st_uid != getuid() || st.st_size < 0 || (size_t)st.st_size < arena_bytes(a)) {
		errno = EBADMSG;
		goto fail;
	}
	a->at = mmap(NULL, arena_bytes(a), PROT_READ, MAP_SHARED, fd, 0);
	if (a->at == MAP_FAILED) {
		a->at = NULL;
		goto fail;
	}
	close(fd);
	a->fd = -1;
	return (a);
 fail:
	saved = errno;
	arena_free(a);
	errno = saved;
	return (NULL);
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_unmap(a);
	free(a->slot);
	free(a->stack);
	free(a);
}

void
arena_unlink(struct arena *a)
{
	if (a->dir == NULL)
		return;
	shm_unlink(a->name);
	rundir_forget(a->dir, a->name);
	a->dir = NULL;
}

int
arena_shared(const struct arena *a)
{
	return (a->name[0] != '\0');
}

int
arena_ours(const struct arena *a)
{
	return (a->slot != NULL);
}

void
arena_describe(const struct arena *a, struct frame_arena *desc)
{
	memset(desc, 0, sizeof(*desc));
	strlcpy(desc->name, a->name, sizeof(desc->name));
	desc->slots = a->slots;
	desc->slot_bytes = a->slot_bytes;
}

int
arena_take(struct arena *a)
{
	int slot;

	if (a->nstack > 0)
		slot = a->stack[--a->nstack];
	else {
		if (a->fresh == a->slots)
			return (-1);
		slot = (int)a->fresh;
		if (slot_allocate(a, slot, a->first_bytes) == -1) {
			log_say(LOG_DEBUG, "shared memory is full: %u slots instead of %u",
			    a->fresh, a->slots);
			a->fresh = a->slots;
			return (-1);
		}
		a->fresh++;
	}
	a->slot[slot].refs = 1;
	return (slot);
}

void
arena_hold(struct arena *a, int slot)
{
	a->slot[slot].refs++;
}

void
arena_drop(struct arena *a, int slot)
{
	if (--a->slot[slot].refs == 0)
		a->stack[a->nstack++] = slot;
}

int
arena_extend(struct arena *a, int slot)
{
	return (slot_allocate(a, slot, a->slot_bytes));
}

char *
arena_at(const struct arena *a, int slot)
{
	return (a->at + (size_t)slot * a->slot_bytes);
}

const char *
arena_piece(const struct arena *a, const struct frame_ref *r, size_t len)
{
	if (r->slot >= a->slots || r->offset > a->slot_bytes || len > a->slot_bytes - r->offset)
		return (NULL);
	return (arena_at(a, (int)r->slot) + r->offset);
}

int
atlas_add(struct atlas *t, struct arena *a)
{
	if (t->n == FRAME_ARENAS) {
		errno = ENFILE;
		return (-1);
	}
	t->arena[t->n] = a;
	return ((int)t->n++);
}

int
atlas_map(struct atlas *t, const struct frame_arena *desc)
{
	struct arena	*a;
	unsigned	 i;
	int		 n;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->arena[i]->name, desc->name) == 0)
			return ((int)i);
	if ((a = arena_map(desc)) == NULL)
		return (-1);
	if ((n = atlas_add(t, a)) == -1)
		arena_free(a);
	return (n);
}

void
atlas_free(struct atlas *t)
{
	while (t->n > 0)
		arena_free(t->arena[--t->n]);
}
