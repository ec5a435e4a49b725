/*
 * arena: slots are counted, bounded, shared, and leave no name behind.  Real
 * shared memory, and a run directory below a temporary one.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

#define SLOTS		4U
#define SLOT_BYTES	(64U * 1024)

static char		 tmp[] = "/tmp/weir.XXXXXX";
static struct rundir	*dir;
static unsigned		 made;			/* suffixes so far: no two arenas share one */

static struct arena *
arena_new(unsigned slots, size_t first, size_t bytes, int share)
{
	struct arena	*a;
	char		 suffix[32];

	snprintf(suffix, sizeof(suffix), "0-test%u", made++);
	if ((a = arena_create(dir, suffix, slots, first, bytes, share)) == NULL) {
		printf("Bail out! no arena: %s\n", strerror(errno));
		exit(1);
	}
	return (a);
}

static int
name_exists(const char *name)
{
	int fd = shm_open(name, O_RDONLY, 0);

	if (fd != -1)
		close(fd);
	return (fd != -1);
}

/* Files of the run directory that note the names of arenas. */
static int
notes(void)
{
	char	command[256];
	FILE	*f;
	int	n = -1;

	snprintf(command, sizeof(command), "ls '%s' | grep -c 'shm$'", rundir_path(dir));
	if ((f = popen(command, "r")) != NULL) {
		if (fscanf(f, "%d", &n) != 1)
			n = -1;
		pclose(f);
	}
	return (n);
}

static void
free_slots_are_reused_last_in_first_out(void)
{
	struct arena *a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);

	CHECK(arena_take(a) == 0 && arena_take(a) == 1 && arena_take(a) == 2);
	arena_drop(a, 0);
	arena_drop(a, 2);
	arena_drop(a, 1);
	CHECK(arena_take(a) == 1 && arena_take(a) == 2 && arena_take(a) == 0);
	CHECK(arena_take(a) == 3);
	arena_free(a);
}

static void
a_trickle_touches_one_slot(void)
{
	struct arena	*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	int		 i;

	for (i = 0; i < 100; i++) {
		CHECK(arena_take(a) == 0);
		arena_drop(a, 0);
	}
	arena_free(a);
}

static void
without_a_free_slot_there_is_none(void)
{
	struct arena	*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	unsigned	 i;

	for (i = 0; i < SLOTS; i++)
		CHECK(arena_take(a) == (int)i);
	CHECK(arena_take(a) == -1 && arena_take(a) == -1);
	arena_drop(a, 2);
	CHECK(arena_take(a) == 2);
	CHECK(arena_take(a) == -1);
	arena_free(a);
}

static void
a_slot_is_free_when_its_last_holder_drops_it(void)
{
	struct arena	*a = arena_new(2, SLOT_BYTES, SLOT_BYTES, 1);
	int		 i;

	CHECK(arena_take(a) == 0 && arena_take(a) == 1);
	for (i = 0; i < 5; i++)
		arena_hold(a, 0);
	for (i = 0; i < 5; i++) {
		arena_drop(a, 0);
		CHECK(arena_take(a) == -1);
	}
	arena_drop(a, 0);
	CHECK(arena_take(a) == 0);
	arena_free(a);
}

static void
random_takes_holds_and_drops_agree_with_a_model(void)
{
	struct arena	*a = arena_new(8, SLOT_BYTES, SLOT_BYTES, 1);
	unsigned	 refs[8] = { 0 }, i, held = 0;
	uint64_t	 x = 4711;
	int		 slot;
	long		 n;

	for (n = 0; n < 100000; n++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		i = (unsigned)(x >> 20) % 8;
		if (x % 3 == 0) {
			slot = arena_take(a);
			if (slot == -1 ? held != 8 : slot > 7 || refs[slot] != 0) {
				CHECK(!"a free slot");
				break;
			}
			if (slot != -1) {
				refs[slot] = 1;
				held++;
			}
		} else if (refs[i] > 0 && x % 3 == 1) {
			arena_hold(a, (int)i);
			refs[i]++;
		} else if (refs[i] > 0) {
			arena_drop(a, (int)i);
			held -= --refs[i] == 0;
		}
	}
	arena_free(a);
}

static void
slots_do_not_overlap_and_are_writable_to_the_end(void)
{
	struct arena	*a = arena_new(SLOTS, 100, 3 * SLOT_BYTES + 1, 1);
	unsigned	 i;
	size_t		 j;
	int		 slot;

	for (i = 0; i < SLOTS; i++) {
		CHECK((slot = arena_take(a)) == (int)i);
		CHECK(arena_extend(a, slot) == 0);
		CHECK((uintptr_t)arena_at(a, slot) % 4096 == 0);
		memset(arena_at(a, slot), 'a' + (int)i, 3 * SLOT_BYTES + 1);
	}
	for (i = 0; i < SLOTS; i++)
		for (j = 0; j < 3 * SLOT_BYTES + 1; j++)
			if (arena_at(a, (int)i)[j] != (char)('a' + i)) {
				CHECK(!"its own bytes");
				break;
			}
	arena_free(a);
}

static void
a_mapped_arena_shows_what_the_producer_writes(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1), *b;
	struct frame_arena	 desc;
	struct frame_ref	 ref = { 0, 1, 100 };
	const char		*p;

	arena_describe(a, &desc);
	CHECK(strncmp(desc.name, "/weir-", 6) == 0 && desc.slots == SLOTS);
	CHECK(desc.slot_bytes == SLOT_BYTES);
	CHECK((b = arena_map(&desc)) != NULL);
	if (b == NULL) {
		arena_free(a);
		return;
	}
	CHECK(arena_take(a) == 0 && arena_take(a) == 1);
	strcpy(arena_at(a, 1) + 100, "first");
	p = arena_piece(b, &ref, 6);
	CHECK(p != NULL && strcmp(p, "first") == 0);
	strcpy(arena_at(a, 1) + 100, "other");
	CHECK(p != NULL && strcmp(p, "other") == 0);
	arena_free(b);
	arena_free(a);
}

static void
a_mapped_arena_cannot_be_written(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1), *b;
	struct frame_arena	 desc;
	int			 status;
	pid_t			 pid;

	arena_describe(a, &desc);
	CHECK((b = arena_map(&desc)) != NULL);
	if (b != NULL && (pid = fork()) == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)arena_at(b, 0) = 'x';
		_exit(0);
	} else if (b != NULL) {
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
	arena_free(b);
	arena_free(a);
}

static void
a_mapping_outlives_the_producer(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1), *b;
	struct frame_arena	 desc;

	arena_describe(a, &desc);
	CHECK(arena_take(a) == 0);
	strcpy(arena_at(a, 0), "still here");
	CHECK((b = arena_map(&desc)) != NULL);
	arena_free(a);
	CHECK(b != NULL && strcmp(arena_at(b, 0), "still here") == 0);
	arena_free(b);
}

static void
pieces_are_within_their_slot(void)
{
	static const uint32_t	offsets[] = {
		0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 0x7fffffff, 0xffffffff,
	};
	static const size_t	lengths[] = {
		0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, UINT32_MAX, SIZE_MAX - 1, SIZE_MAX,
	};
	static const uint32_t	slots[] = { 0, SLOTS - 1, SLOTS, SLOTS + 1, 0x7fffffff, 0xffffffff };
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct frame_ref	 r = { 0, 0, 0 };
	const char		*p;
	size_t			 i, j, k;
	int			 good;

	for (i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		for (j = 0; j < sizeof(offsets) / sizeof(offsets[0]); j++)
			for (k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
				r.slot = slots[i];
				r.offset = offsets[j];
				good = slots[i] < SLOTS && offsets[j] <= SLOT_BYTES &&
				    lengths[k] <= SLOT_BYTES - offsets[j];
				p = arena_piece(a, &r, lengths[k]);
				CHECK((p != NULL) == good);
				CHECK(!good || p == arena_at(a, (int)slots[i]) + offsets[j]);
			}
	arena_free(a);
}

static int
map_fails(const struct frame_arena *desc, int expected)
{
	struct arena *a;

	errno = 0;
	a = arena_map(desc);
	if (a != NULL || errno != expected)
		printf("# %s: %s\n", desc->name, a != NULL ? "mapped" : strerror(errno));
	arena_free(a);
	return (a == NULL && errno == expected);
}

static void
sizes_that_do_not_fit_are_not_mapped(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1), *b;
	struct frame_arena	 good, bad;

	arena_describe(a, &good);
#define BAD(field, value) do {							\
	bad = good;								\
	bad.field = value;							\
	CHECK(map_fails(&bad, EBADMSG));					\
} while (0)
	BAD(slots, 0);
	BAD(slots, SLOTS + 1);
	BAD(slots, 65537);
	BAD(slots, UINT32_MAX);
	BAD(slot_bytes, 0);
	BAD(slot_bytes, SLOT_BYTES + 1);
	BAD(slot_bytes, UINT64_MAX);
	BAD(slot_bytes, UINT64_MAX / SLOTS);
	BAD(slot_bytes, UINT64_MAX / SLOTS + 2);
	BAD(slot_bytes, UINT64_C(1) << 62);
	BAD(slot_bytes, (UINT64_C(1) << 62) + SLOT_BYTES);
#undef BAD
	bad = good;
	bad.slots = 1;
	CHECK((b = arena_map(&bad)) != NULL);
	arena_free(b);
	arena_free(a);
}

static void
names_that_are_not_of_weir_are_not_mapped(void)
{
	static const char *const	names[] = {
		"", "/", "weir-0", "/weir", "/Weir-1", "/other", "/weir_0", "../weir-0",
		"//weir-0", "/dev/shm/weir-0",
	};
	struct frame_arena		desc = { .slots = 1, .slot_bytes = 4096 };
	size_t				i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		strcpy(desc.name, names[i]);
		CHECK(map_fails(&desc, EBADMSG));
	}
	strcpy(desc.name, "/weir-nobody-made-this");
	CHECK(map_fails(&desc, ENOENT));
	strcpy(desc.name, "/weir-0/../../tmp/x");
	errno = 0;
	CHECK(arena_map(&desc) == NULL);
}

static void
an_object_that_was_cut_off_is_not_mapped(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct frame_arena	 desc;
	int			 fd;

	arena_describe(a, &desc);
	CHECK((fd = shm_open(desc.name, O_RDWR, 0)) != -1);
	CHECK(ftruncate(fd, SLOTS * SLOT_BYTES - 1) == 0);
	CHECK(map_fails(&desc, EBADMSG));
	CHECK(ftruncate(fd, 0) == 0);
	CHECK(map_fails(&desc, EBADMSG));
	close(fd);
	arena_free(a);
}

static void
an_object_of_another_user_is_not_mapped(void)
{
	struct frame_arena	desc = { .slots = 1, .slot_bytes = 4096 };
	int			fd;

	snprintf(desc.name, sizeof(desc.name), "/weir-test-%ld", (long)getpid());
	CHECK((fd = shm_open(desc.name, O_RDWR | O_CREAT | O_EXCL, 0644)) != -1);
	CHECK(ftruncate(fd, 4096) == 0);
	CHECK(fchown(fd, getuid() + 1, (gid_t)-1) == 0);
	CHECK(map_fails(&desc, EBADMSG));
	close(fd);
	shm_unlink(desc.name);
}

static void
an_arena_is_for_its_owner_alone(void)
{
	struct arena		*a;
	struct frame_arena	 desc;
	struct stat		 st;
	mode_t			 mask = umask(0);
	int			 fd;

	a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	umask(mask);
	arena_describe(a, &desc);
	CHECK((fd = shm_open(desc.name, O_RDONLY, 0)) != -1);
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
	close(fd);
	arena_free(a);
}

/* What is not allocated before it is used ends in SIGBUS when memory is short. */
static void
slots_are_allocated_when_they_are_taken_and_not_before(void)
{
	struct arena		*a = arena_new(8, SLOT_BYTES, 4 * SLOT_BYTES, 1);
	struct frame_arena	 desc;
	struct stat		 st;
	blkcnt_t		 before;
	int			 fd, i;

	arena_describe(a, &desc);
	CHECK((fd = shm_open(desc.name, O_RDONLY, 0)) != -1);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks >= 2 * SLOT_BYTES / 512);
	CHECK(st.st_blocks < 8 * SLOT_BYTES / 512);
	for (i = 0; i < 8; i++)
		CHECK(arena_take(a) == i);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks >= 8 * SLOT_BYTES / 512);
	before = st.st_blocks;
	CHECK(arena_extend(a, 5) == 0 && arena_extend(a, 5) == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_blocks >= before + 3 * SLOT_BYTES / 512);
	CHECK(st.st_blocks < 2 * before);
	close(fd);
	arena_free(a);
}

static void
unlinking_leaves_no_name_and_the_memory(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct frame_arena	 desc;

	arena_describe(a, &desc);
	CHECK(name_exists(desc.name) && notes() == 1);
	arena_unlink(a);
	CHECK(!name_exists(desc.name) && notes() == 0);
	arena_unlink(a);
	CHECK(arena_shared(a));
	CHECK(arena_take(a) == 0);
	strcpy(arena_at(a, 0), "x");
	arena_free(a);
}

static void
freeing_leaves_no_name(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct frame_arena	 desc;

	arena_describe(a, &desc);
	CHECK(name_exists(desc.name));
	arena_free(a);
	CHECK(!name_exists(desc.name) && notes() == 0);
	arena_free(NULL);
}

static void
a_private_arena_works_alike_and_has_no_name(void)
{
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, 2 * SLOT_BYTES, 0);
	struct frame_arena	 desc;
	unsigned		 i;

	CHECK(!arena_shared(a) && notes() == 0);
	arena_describe(a, &desc);
	CHECK(desc.name[0] == '\0');
	CHECK(map_fails(&desc, EBADMSG));
	for (i = 0; i < SLOTS; i++) {
		CHECK(arena_take(a) == (int)i && arena_extend(a, (int)i) == 0);
		memset(arena_at(a, (int)i), 'x', 2 * SLOT_BYTES);
	}
	CHECK(arena_take(a) == -1);
	arena_unlink(a);
	arena_free(a);
}

/* Where shared memory cannot be had: here, because no file may be that long. */
static void
without_shared_memory_an_arena_is_private_and_leaves_nothing(void)
{
	struct rlimit	 old, none;
	struct arena	*a;
	char		 name[WEIR_NAME_MAX];

	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	none = old;
	none.rlim_cur = SLOT_BYTES;
	CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
	snprintf(name, sizeof(name), "/weir-%u-%s-0-test%u", (unsigned)getuid(), rundir_base(dir),
	    made);
	a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	CHECK(!arena_shared(a) && !name_exists(name) && notes() == 0);
	CHECK(arena_take(a) == 0);
	memset(arena_at(a, 0), 'x', SLOT_BYTES);
	arena_free(a);
}

static void
an_atlas_numbers_arenas_and_maps_each_once(void)
{
	struct atlas		 mine = { .n = 0 }, other = { .n = 0 };
	struct arena		*a = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct arena		*b = arena_new(SLOTS, SLOT_BYTES, SLOT_BYTES, 1);
	struct frame_arena	 desc_a, desc_b, none = { "/weir-no", 1, 4096 };

	arena_describe(a, &desc_a);
	arena_describe(b, &desc_b);
	CHECK(atlas_add(&mine, a) == 0 && atlas_add(&mine, b) == 1);
	CHECK(atlas_map(&other, &desc_b) == 0);
	CHECK(atlas_map(&other, &desc_a) == 1);
	CHECK(atlas_map(&other, &desc_b) == 0 && atlas_map(&other, &desc_a) == 1);
	CHECK(atlas_map(&other, &none) == -1 && other.n == 2);
	CHECK(atlas_map(&mine, &desc_b) == 1 && mine.n == 2);
	atlas_free(&other);
	CHECK(other.n == 0 && name_exists(desc_a.name));
	atlas_free(&mine);
	CHECK(!name_exists(desc_a.name) && !name_exists(desc_b.name));
}

static void
a_full_atlas_takes_no_more(void)
{
	struct atlas	 t = { .n = 0 };
	struct arena	*a;
	int		 i;

	for (i = 0; i < FRAME_ARENAS; i++)
		CHECK(atlas_add(&t, arena_new(1, 4096, 4096, 0)) == i);
	a = arena_new(1, 4096, 4096, 0);
	CHECK(atlas_add(&t, a) == -1 && t.n == FRAME_ARENAS);
	arena_free(a);
	atlas_free(&t);
}

static void
nothing_is_left_of_all_this(void)
{
	char path[64];

	CHECK(notes() == 0);
	rundir_close(dir);
	snprintf(path, sizeof(path), "%s/weir-%u", tmp, (unsigned)getuid());
	CHECK(rmdir(path) == 0);
	CHECK(rmdir(tmp) == 0);
}

int
main(void)
{
	char why[256];

	if (mkdtemp(tmp) == NULL || setenv("XDG_RUNTIME_DIR", tmp, 1) == -1 ||
	    (dir = rundir_create("test", why, sizeof(why))) == NULL) {
		printf("Bail out! no run directory\n");
		return (1);
	}
	RUN(free_slots_are_reused_last_in_first_out);
	RUN(a_trickle_touches_one_slot);
	RUN(without_a_free_slot_there_is_none);
	RUN(a_slot_is_free_when_its_last_holder_drops_it);
	RUN(random_takes_holds_and_drops_agree_with_a_model);
	RUN(slots_do_not_overlap_and_are_writable_to_the_end);
	RUN(a_mapped_arena_shows_what_the_producer_writes);
	RUN(a_mapped_arena_cannot_be_written);
	RUN(a_mapping_outlives_the_producer);
	RUN(pieces_are_within_their_slot);
	RUN(sizes_that_do_not_fit_are_not_mapped);
	RUN(names_that_are_not_of_weir_are_not_mapped);
	RUN(an_object_that_was_cut_off_is_not_mapped);
	if (getuid() == 0)
		RUN(an_object_of_another_user_is_not_mapped);
	else
		printf("ok %d - an_object_of_another_user_is_not_mapped # skip only root gives "
		    "files away\n", ++tap_count);
	RUN(an_arena_is_for_its_owner_alone);
	RUN(slots_are_allocated_when_they_are_taken_and_not_before);
	RUN(unlinking_leaves_no_name_and_the_memory);
	RUN(freeing_leaves_no_name);
	RUN(a_private_arena_works_alike_and_has_no_name);
	RUN(without_shared_memory_an_arena_is_private_and_leaves_nothing);
	RUN(an_atlas_numbers_arenas_and_maps_each_once);
	RUN(a_full_atlas_takes_no_more);
	RUN(nothing_is_left_of_all_this);
	DONE();
}
