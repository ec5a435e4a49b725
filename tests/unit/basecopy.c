/* basecopy and basefiles: a base is copied while it is written, and comes to no harm. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

#define BATCHES	400			/* written, of 64 KiB: some 25 tables */
#define VALUE	4096

static char	dir[256], why[PATH_MAX + 512];
static int	dirfd_;

static void
directory_make(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/weir-basecopy.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL || (dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) == -1)
		exit(1);
}

static void
directory_remove(void)
{
	close(dirfd_);
	tree_remove(AT_FDCWD, dir);
}

/*
 * The list
 */

/* A piece of a record, as LevelDB writes it; nobody looks at its sum here. */
static void
piece(struct buf *b, unsigned type, const void *data, size_t len)
{
	buf_add_uint(b, 0, 4);
	buf_add_uint(b, len, 2);
	buf_add_uint(b, type, 1);
	buf_add(b, data, len);
}

static const unsigned char first[] = {
	1, 3, 'c', 'm', 'p', 2, 3, 9, 0, 3, 4, 4, 0,	/* comparator ... free 4 */
};
static const unsigned char second[] = {
	2, 6, 3, 0x85, 0x02, 4, 0x90, 0x4e,		/* free 261 */
	5, 0, 1, 'k', 6, 0, 5, 7, 0, 7, 0xc0, 0xb8, 2, 1, 'a', 1, 'b',
};

static void
basefiles_finds_the_last_free_number(void)
{
	struct buf b = { 0 };

	piece(&b, 1, first, sizeof(first));
	CHECK(basefiles_free_number(b.data, b.len) == 4);
	piece(&b, 1, second, sizeof(second));
	CHECK(basefiles_free_number(b.data, b.len) == 261);
	buf_free(&b);
}

static void
basefiles_joins_pieces_over_blocks(void)
{
	struct buf	b = { 0 };
	size_t		n = 0;
	char		zeros[16] = "";

	while (n + 20 <= 32768 - 12) {
		piece(&b, 1, first, sizeof(first));
		n = b.len;
	}
	/* what is left holds a head and some bytes, or nothing */
	n = 32768 - b.len;
	if (n >= 8) {
		piece(&b, 2, second, n - 7);
		piece(&b, 3, second + n - 7, 1);
		piece(&b, 4, second + n - 6, sizeof(second) - (n - 6));
	} else {
		buf_add(&b, zeros, n);
		piece(&b, 1, second, sizeof(second));
	}
	CHECK(b.len > 32768);
	CHECK(basefiles_free_number(b.data, b.len) == 261);
	buf_free(&b);
}

static void
basefiles_takes_what_is_whole_of_a_list_cut_short(void)
{
	struct buf	b = { 0 };
	size_t		i, n;
	int		bad = 0;

	piece(&b, 1, first, sizeof(first));
	n = b.len;
	piece(&b, 1, second, sizeof(second));
	for (i = 0; i < n; i++)
		bad |= basefiles_free_number(b.data, i) != 0;
	for (; i < b.len; i++)
		bad |= basefiles_free_number(b.data, i) != 4;
	CHECK(!bad);
	buf_free(&b);
}

static void
basefiles_does_not_guess(void)
{
	static const unsigned char	unknown[] = { 3, 9, 8, 1 }, huge[] = { 1, 0xff, 0xff, 3 };
	struct buf			b = { 0 };

	piece(&b, 1, unknown, sizeof(unknown));
	CHECK(basefiles_free_number(b.data, b.len) == 0);
	b.len = 0;
	piece(&b, 1, huge, sizeof(huge));
	CHECK(basefiles_free_number(b.data, b.len) == 0);
	b.len = 0;
	piece(&b, 7, first, sizeof(first));
	CHECK(basefiles_free_number(b.data, b.len) == 0);
	buf_free(&b);
}

/*
 * Copies of a base that is written
 */

static atomic_uint	written;
static atomic_int	failed;

static int
batch_write(struct base *b, unsigned batch)
{
	static char	val[VALUE];
	struct buf	key = { 0 };
	unsigned	i, k;

	memset(val, (int)(batch % 251), sizeof(val));
	for (i = 0; i < 16; i++) {
		k = (batch * 16 + i) * 2654435761U;
		key.len = 0;
		base_key(&key, k % 128, "s", &k, sizeof(k));
		base_put(b, key.data, key.len, val, sizeof(val));
	}
	buf_free(&key);
	return (base_write(b, 1, why, sizeof(why)));
}

static void *
writer_run(void *arg)
{
	unsigned i;

	for (i = 0; i < BATCHES && !failed; i++) {
		if (batch_write(arg, i) == -1)
			failed = 1;
		written = i + 1;
	}
	return (NULL);
}

/* Entries that are there, each whole. */
static unsigned
entries_count(struct base *b)
{
	struct base_cursor	*c = base_cursor(b);
	const char		*key, *val;
	size_t			 keylen, vallen;
	unsigned		 n = 0;
	int			 there;

	for (base_seek(c, "", 0); (there = base_at(c, &key, &keylen, &val, &vallen, why,
	    sizeof(why))) == 1; base_next(c))
		n += vallen == VALUE && memcmp(val, val + 1, VALUE - 1) == 0;
	base_cursor_free(c);
	return (there == -1 ? 0 : n);
}

/* A copy has at least the batches that were written before it was begun. */
static int
copy_check(void)
{
	struct base	*b;
	char		 path[PATH_MAX], copy_why[PATH_MAX + 512];
	unsigned	 before = written;
	int		 fd, good;

	if ((fd = basecopy_make(dirfd_, dir, path, sizeof(path), copy_why,
	    sizeof(copy_why))) == -1) {
		printf("# %s\n", copy_why);
		return (0);
	}
	b = base_open(fd, path, 0, copy_why, sizeof(copy_why));
	good = b != NULL && base_batches(b) >= before &&
	    entries_count(b) == base_batches(b) * 16;
	if (!good)
		printf("# %s\n", b == NULL ? copy_why : "entries are missing");
	base_close(b);
	close(fd);
	basecopy_remove(dirfd_, path);
	return (good);
}

static void
basecopy_is_whole_and_harms_nothing(void)
{
	struct base	*b;
	pthread_t	 thread;
	int		 good = 1, copies = 0;

	directory_make();
	b = base_create(dirfd_, dir, 0, why, sizeof(why));
	CHECK(b != NULL);
	CHECK(pthread_create(&thread, NULL, writer_run, b) == 0);
	while (written == 0 && !failed)
		;
	while (written < BATCHES && !failed && good) {
		good = copy_check();
		copies++;
	}
	CHECK(good);
	pthread_join(thread, NULL);
	printf("# %d copies\n", copies);
	if (failed)
		printf("# %s\n", why);
	CHECK(!failed);
	CHECK(entries_count(b) == BATCHES * 16);
	CHECK(copy_check());
	base_close(b);
	b = base_open(dirfd_, dir, 0, why, sizeof(why));
	CHECK(b != NULL && base_batches(b) == BATCHES && entries_count(b) == BATCHES * 16);
	base_close(b);
	directory_remove();
}

static void
basecopy_clears_those_of_the_dead(void)
{
	struct base	*b;
	struct stat	 st;
	char		 path[PATH_MAX];
	int		 fd;

	directory_make();
	b = base_create(dirfd_, dir, 0, why, sizeof(why));
	CHECK(mkdirat(dirfd_, "base.2147483646-0", 0700) == 0);
	CHECK(mkdirat(dirfd_, "base.1-0", 0700) == 0);
	fd = basecopy_make(dirfd_, dir, path, sizeof(path), why, sizeof(why));
	CHECK(fd != -1);
	CHECK(fstatat(dirfd_, "base.2147483646-0", &st, 0) == -1);
	CHECK(fstatat(dirfd_, "base.1-0", &st, 0) == 0);
	close(fd);
	basecopy_remove(dirfd_, path);
	CHECK(stat(path, &st) == -1);
	base_close(b);
	directory_remove();
}

static void
basecopy_of_none_is_damage(void)
{
	char path[PATH_MAX];

	directory_make();
	CHECK(basecopy_make(dirfd_, dir, path, sizeof(path), why, sizeof(why)) == -1);
	CHECK(errno == EBADMSG);
	directory_remove();
}

int
main(void)
{
	RUN(basefiles_finds_the_last_free_number);
	RUN(basefiles_joins_pieces_over_blocks);
	RUN(basefiles_takes_what_is_whole_of_a_list_cut_short);
	RUN(basefiles_does_not_guess);
	RUN(basecopy_is_whole_and_harms_nothing);
	RUN(basecopy_clears_those_of_the_dead);
	RUN(basecopy_of_none_is_damage);
	DONE();
}
