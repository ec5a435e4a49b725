/*
 * base: files that are not what they should be give an error that names them: no
 * value is wrong or missing in silence, and nothing is emptied.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <xxhash.h>

#include "io.h"
#include "disk.h"
#include "tap.h"

#define KEYS	600

static char	 dir[128], copy[160];
static struct jobfile_subtask part;		/* what the last checkpoint knows */
static uint64_t	 id;

static uint32_t
hash_of(const void *key, size_t len)
{
	return ((uint32_t)XXH3_64bits(key, len));
}

static size_t
key_make(unsigned n, char key[32])
{
	return ((size_t)snprintf(key, 32, "key%u", n));
}

/* Of key n in the state that is made: 0: it has none. */
static unsigned
value_of(unsigned n)
{
	return (n % 5 == 0 ? 0 : n % 3 == 0 ? n * 1000003 : n + 7);
}

static struct store *
attached(const char *path, const struct jobfile_subtask *p, uint64_t at, int *fd, char *why,
    size_t size)
{
	struct store	*s = store_new(64 << 10);
	int		 error;

	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s == NULL || *fd == -1 || store_state(s, "count") != 0)
		abort();
	if (store_attach(s, *fd, path, 16, 1, p, at) == 0)
		return (s);
	error = errno;
	snprintf(why, size, "%s", store_error(s));
	store_free(s);
	close(*fd);
	errno = error;
	return (NULL);
}

static void
put(struct store *s, unsigned n, unsigned value)
{
	char	 key[32];
	size_t	 len = key_make(n, key);
	unsigned *p;
	int	 was_fresh;

	if (value == 0 && store_remove(s, 0, hash_of(key, len), key, len) == 0)
		return;
	p = store_put(s, 0, hash_of(key, len), key, len, sizeof(*p), &was_fresh);
	if (p == NULL)
		abort();
	*p = value;
}

static void
tend(struct store *s, enum store_moment moment)
{
	struct store_work *w;

	while ((w = store_tend(s, moment, 100)) != NULL)
		CHECK(store_work_done(w, store_work_run(w)) == 0);
}

static void
checkpoint(struct store *s)
{
	struct store_cut	*c = store_cut(s, ++id);
	uint64_t		 bytes;

	part.nranges = 0;
	CHECK(c != NULL && store_cut_done(c, store_write(c), &part, &bytes) == 0);
	store_view(s, id);
}

/* A base of tables and a log, a journal that has other changes; some keys are in
 * one of them alone, some values differ, some keys were removed. */
static void
make(void)
{
	struct store	*s;
	char		 why[512];
	unsigned	 n, round;
	int		 fd;

	disk_wipe(dir);
	mkdir(dir, 0700);
	free(part.range);
	memset(&part, 0, sizeof(part));
	id = 0;
	for (round = 0; round < 4; round++) {
		s = attached(dir, round > 0 ? &part : NULL, id, &fd, why, sizeof(why));
		if (s == NULL)
			abort();
		store_view(s, id);
		for (n = 0; n < KEYS; n++)
			if (round == 0 || n % 4 == round)
				put(s, n, round < 2 ? n + 7 : value_of(n));
		checkpoint(s);
		tend(s, round % 2 == 0 ? STORE_IDLE : STORE_END);
		for (n = 0; n < KEYS; n += 3)
			put(s, n, value_of(n));
		for (n = 0; n < KEYS; n += 5)
			put(s, n, value_of(n));
		checkpoint(s);
		store_free(s);
		close(fd);
	}
	CHECK(part.batches >= 4);
}

/* 1: all values are right, those of the whole state in order as well; 0: an error
 * that names the directory. */
static int
reads(const char *path, char *why, size_t size)
{
	struct store		*s;
	struct store_scan	*scan;
	char			 key[32];
	const void		*k, *v;
	size_t			 len, keylen, present = 0, seen = 0;
	unsigned		 n, *p;
	int			 fd, more = 0, good = 1;

	why[0] = '\0';
	if ((s = attached(path, &part, id, &fd, why, size)) == NULL)
		return (0);
	for (n = 0; n < KEYS && good; n++) {
		keylen = key_make(n, key);
		p = store_find(s, 0, hash_of(key, keylen), key, keylen, &len);
		good = p != NULL || errno == 0;
		if (good)
			CHECK(value_of(n) == 0 ? p == NULL : p != NULL && *p == value_of(n));
		present += value_of(n) != 0;
	}
	scan = good ? store_scan(s, 0) : NULL;
	while (scan != NULL && (more = store_scan_next(scan, &k, &keylen, &v, &len)) == 1)
		seen++;
	if (scan == NULL || more == -1)
		snprintf(why, size, "%s", store_error(s));
	else
		CHECK(seen == present);
	good = scan != NULL && more == 0;
	store_scan_end(scan);
	store_free(s);
	close(fd);
	return (good);
}

static size_t
load(const char *path, unsigned char *data, size_t size)
{
	int	fd = open(path, O_RDONLY);
	ssize_t	n = fd != -1 ? read(fd, data, size) : -1;

	if (fd != -1)
		close(fd);
	return (n > 0 ? (size_t)n : 0);
}

static void
copy_all(const char *from, const char *to)
{
	static unsigned char	 data[1 << 20];
	char			 a[512], b[512];
	struct dirent		*e;
	struct stat		 st;
	DIR			*d = opendir(from);

	mkdir(to, 0700);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(a, sizeof(a), "%s/%s", from, e->d_name);
		snprintf(b, sizeof(b), "%s/%s", to, e->d_name);
		if (stat(a, &st) == 0 && S_ISDIR(st.st_mode))
			copy_all(a, b);
		else
			disk_put(b, data, load(a, data, sizeof(data)));
	}
	if (d != NULL)
		closedir(d);
}

static void
copied(void)
{
	disk_wipe(copy);
	copy_all(dir, copy);
}

/* Each file of the directory in turn; how many of what was done were noticed. */
static void
each_file(const char *sub, unsigned (*damage)(const char *path, size_t len), unsigned least)
{
	static unsigned char	 data[1 << 20];
	char			 path[512], from[512];
	struct dirent		*e;
	unsigned		 noticed = 0, files = 0;
	DIR			*d;

	snprintf(from, sizeof(from), "%s%s", dir, sub);
	d = opendir(from);
	while (d != NULL && (e = readdir(d)) != NULL) {
		/* LOG is for people, LOCK is empty */
		if (e->d_name[0] == '.' || strncmp(e->d_name, "LO", 2) == 0 ||
		    strcmp(e->d_name, "base") == 0)
			continue;
		snprintf(path, sizeof(path), "%s%s/%s", copy, sub, e->d_name);
		snprintf(from, sizeof(from), "%s%s/%s", dir, sub, e->d_name);
		noticed += damage(path, load(from, data, sizeof(data)));
		files++;
	}
	if (d != NULL)
		closedir(d);
	CHECK(files > 0 && noticed >= least);
	if (tap_bad)
		printf("# %u files, %u noticed\n", files, noticed);
}

static int
notices(void)
{
	char why[1024];

	if (reads(copy, why, sizeof(why)))
		return (0);
	CHECK(strncmp(why, copy, strlen(copy)) == 0 || strstr(why, copy) != NULL);
	if (tap_bad)
		printf("# %s\n", why);
	return (1);
}

static unsigned
flip(const char *path, size_t len)
{
	static unsigned char	data[1 << 20];
	unsigned		i, noticed = 0, times = len < 40 ? (unsigned)len : 40;
	size_t			at;

	for (i = 0; i < times; i++) {
		copied();
		load(path, data, sizeof(data));
		at = len < 40 ? i : disk_random((unsigned)len);
		data[at] ^= (unsigned char)(1 << disk_random(8));
		disk_put(path, data, len);
		noticed += (unsigned)notices();
	}
	return (noticed);
}

static unsigned
cut(const char *path, size_t len)
{
	static unsigned char	data[1 << 20];
	unsigned		i, noticed = 0;

	for (i = 0; i < 12 && len > 0; i++) {
		copied();
		load(path, data, sizeof(data));
		disk_put(path, data, i == 0 ? 0 : i == 1 ? len - 1 : disk_random((unsigned)len));
		noticed += (unsigned)notices();
	}
	return (noticed);
}

static unsigned
removed(const char *path, size_t len)
{
	(void)len;
	copied();
	unlink(path);
	return ((unsigned)notices());
}

static void
a_state_in_both_places_reads_well(void)
{
	char why[1024];

	make();
	copied();
	CHECK(reads(copy, why, sizeof(why)));
	CHECK(reads(copy, why, sizeof(why)));
}

static void
a_bit_that_flipped_gives_a_right_value_or_an_error(void)
{
	make();
	each_file("/base", flip, 100);
	each_file("", flip, 30);
}

static void
a_file_cut_short_gives_a_right_value_or_an_error(void)
{
	make();
	each_file("/base", cut, 30);
	each_file("", cut, 10);
}

static void
a_file_that_is_missing_is_noticed(void)
{
	make();
	each_file("/base", removed, 3);
	each_file("", removed, 1);
}

static void
a_base_that_is_missing_is_refused(void)
{
	char path[512], why[1024];

	make();
	copied();
	snprintf(path, sizeof(path), "%s/base", copy);
	disk_wipe(path);
	CHECK(!reads(copy, why, sizeof(why)) && strstr(why, "/base: missing") != NULL);
}

static void
fewer_batches_than_were_acknowledged_are_refused(void)
{
	char why[1024];

	make();
	copied();
	part.batches++;
	CHECK(!reads(copy, why, sizeof(why)) && strstr(why, "cut short") != NULL);
}

static void
an_epoch_from_later_on_is_refused(void)
{
	struct store	*s;
	char		 why[1024];
	int		 fd;

	make();
	CHECK((s = attached(dir, &part, 1, &fd, why, sizeof(why))) == NULL && errno == EBADMSG);
	CHECK(strstr(why, "later than the one to be restored") != NULL);
}

/* What base had when it died, before any checkpoint counted on it. */
static void
a_base_that_was_being_made_goes(void)
{
	static const char *const half[] = { "LOCK", "LOG", "MANIFEST-000001", "000001.dbtmp" };
	struct jobfile_subtask	 known;
	struct store		*s;
	char			 why[1024], path[512];
	unsigned		 n, left;
	int			 fd;

	for (left = 0; left <= 4; left++) {
		disk_wipe(dir);
		mkdir(dir, 0700);
		free(part.range);
		memset(&part, 0, sizeof(part));
		id = 0;
		s = attached(dir, NULL, 0, &fd, why, sizeof(why));
		for (n = 0; n < KEYS; n++)
			put(s, n, value_of(n));
		checkpoint(s);
		store_free(s);
		close(fd);
		snprintf(path, sizeof(path), "%s/base", dir);
		mkdir(path, 0755);
		for (n = 0; n < left; n++) {
			snprintf(path, sizeof(path), "%s/base/%s", dir, half[n]);
			disk_put(path, "half", 4);
		}
		known = part;
		CHECK(part.batches == 0 && reads(dir, why, sizeof(why)));
		snprintf(path, sizeof(path), "%s/base", dir);
		CHECK(access(path, F_OK) == -1);
		/* and another can be made */
		s = attached(dir, &known, id, &fd, why, sizeof(why));
		store_view(s, id);
		tend(s, STORE_IDLE);
		CHECK(access(path, F_OK) == 0);
		store_free(s);
		close(fd);
	}
}

/* It may have been written to after the last checkpoint. */
static void
a_base_that_no_checkpoint_counts_on_is_kept(void)
{
	struct store	*s;
	char		 why[1024], path[512];
	unsigned	 n;
	int		 fd;

	disk_wipe(dir);
	mkdir(dir, 0700);
	free(part.range);
	memset(&part, 0, sizeof(part));
	id = 0;
	s = attached(dir, NULL, 0, &fd, why, sizeof(why));
	for (n = 0; n < KEYS; n++)
		put(s, n, value_of(n));
	checkpoint(s);
	tend(s, STORE_END);
	store_free(s);
	close(fd);
	CHECK(part.batches == 0 && reads(dir, why, sizeof(why)));
	snprintf(path, sizeof(path), "%s/base/CURRENT", dir);
	CHECK(access(path, F_OK) == 0);
}

static void
a_new_store_has_no_base(void)
{
	struct store	*s;
	char		 why[1024], path[512];
	size_t		 len;
	int		 fd;

	make();
	s = attached(dir, NULL, 0, &fd, why, sizeof(why));
	CHECK(s != NULL && store_find(s, 0, hash_of("key1", 4), "key1", 4, &len) == NULL);
	snprintf(path, sizeof(path), "%s/base", dir);
	CHECK(errno == 0 && access(path, F_OK) == -1);
	store_free(s);
	close(fd);
}

/* In a child, whose files must not grow: 0 as it should be. */
static int
full_disk_child(void)
{
	struct rlimit		 limit = { 20000, 20000 };
	struct store		*s;
	struct store_work	*w;
	char			 why[1024];
	unsigned		 n;
	int			 fd, result = 0;

	if ((s = attached(dir, &part, id, &fd, why, sizeof(why))) == NULL)
		return (1);
	store_view(s, id);
	for (n = 0; n < KEYS * 100; n++)
		put(s, n, n + 1);
	checkpoint(s);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (result == 0 && (w = store_tend(s, STORE_IDLE, 0)) != NULL)
		result = store_work_done(w, store_work_run(w));
	/* the sentence names the file */
	return (result == -1 && strstr(store_error(s), dir) != NULL &&
	    strstr(store_error(s), "File too large") != NULL ? 0 : 1);
}

static void
a_write_that_fails_is_named_and_costs_nothing(void)
{
	char	why[1024];
	pid_t	child;
	int	status;

	make();
	fflush(stdout);
	if ((child = fork()) == 0)
		_exit(full_disk_child());
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK(reads(dir, why, sizeof(why)));
	if (tap_bad)
		printf("# %s\n", why);
}

int
main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/weir-base-test.%ld", (long)getpid());
	snprintf(copy, sizeof(copy), "%s.copy", dir);
	RUN(a_state_in_both_places_reads_well);
	RUN(a_bit_that_flipped_gives_a_right_value_or_an_error);
	RUN(a_file_cut_short_gives_a_right_value_or_an_error);
	RUN(a_file_that_is_missing_is_noticed);
	RUN(a_base_that_is_missing_is_refused);
	RUN(fewer_batches_than_were_acknowledged_are_refused);
	RUN(an_epoch_from_later_on_is_refused);
	RUN(a_base_that_was_being_made_goes);
	RUN(a_base_that_no_checkpoint_counts_on_is_kept);
	RUN(a_new_store_has_no_base);
	RUN(a_write_that_fails_is_named_and_costs_nothing);
	disk_wipe(dir);
	disk_wipe(copy);
	DONE();
}
