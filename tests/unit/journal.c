/*
 * journal: appended bytes survive everything that a disk can do between two
 * marks, and damage is named.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <xxhash.h>

#include "io.h"
#include "disk.h"
#include "page.h"
#include "tap.h"

#define BYTES	(1 << 20)

static char	 dir[128], crashed[160];
static int	 dirfd_ = -1;

/* An empty directory for each test. */
static void
fresh(void)
{
	disk_end();
	disk_eintr = 0;
	if (dirfd_ != -1)
		close(dirfd_);
	disk_wipe(dir);
	mkdir(dir, 0700);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct journal *
opened(uint64_t segment_bytes)
{
	return (journal_open(dirfd_, dir, "output", segment_bytes));
}

static struct journal *
created(uint64_t segment_bytes)
{
	struct journal *j = opened(segment_bytes);

	CHECK(j != NULL && journal_create(j) == 0);
	return (j);
}

static int
attaches(const struct journal_range *r, uint64_t segment_bytes, char *why, size_t size)
{
	struct journal	*j = opened(segment_bytes);
	int		 ok = journal_attach(j, r, JOURNAL_CUT) == 0;

	if (!ok && why != NULL)
		snprintf(why, size, "%s", journal_error(j));
	journal_close(j);
	return (ok);
}

static size_t
load(const char *file, char *data, size_t size)
{
	char	path[512];
	ssize_t	n;
	int	fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if ((fd = open(path, O_RDONLY)) == -1)
		return (0);
	n = read(fd, data, size);
	close(fd);
	return (n > 0 ? (size_t)n : 0);
}

static void
store(const char *file, const void *data, size_t len)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	disk_put(path, data, len);
}

static int
there(const char *file)
{
	return (faccessat(dirfd_, file, F_OK, 0) == 0);
}

static int
append(struct journal *j, const char *text)
{
	return (journal_append(j, text, strlen(text)));
}

static const char first[] = "output.0000000000000000";

/*
 * The page
 */

static void
bytes_in_the_page_are_what_is_written(void)
{
	struct journal		*j;
	struct journal_range	 a, b, c;
	unsigned char		 page[64];
	char			 data[64], line[128], text[512] = "", *manual;
	size_t			 n, len;

	fresh();
	j = created(1 << 20);
	append(j, "apple\t1\n");
	append(j, "plum\t1\n");
	CHECK(journal_mark(j, &a) == 0 && journal_begin_start(j) == 0);
	append(j, "apple\t2\n");
	CHECK(journal_mark(j, &b) == 0 && journal_adopt_start(j) == 0);
	CHECK(journal_mark(j, &c) == 0);
	journal_close(j);
	n = load(first, data, sizeof(data));
	CHECK(n == 15 && page_bytes("man/weir-journal.5", 1, page, sizeof(page)) == n &&
	    memcmp(page, data, n) == 0);
	n = load("output.000000000000000f", data, sizeof(data));
	CHECK(n == 8 && page_bytes("man/weir-journal.5", 2, page, sizeof(page)) == n &&
	    memcmp(page, data, n) == 0);
	snprintf(line, sizeof(line), "start %2" PRIu64 "  to %2" PRIu64 "  sum %016" PRIx64 "\n",
	    a.start, a.to, a.sum);
	strcat(text, line);
	snprintf(line, sizeof(line), "start %2" PRIu64 "  to %2" PRIu64 "  sum %016" PRIx64 "\n",
	    b.start, b.to, b.sum);
	strcat(text, line);
	snprintf(line, sizeof(line), "start %2" PRIu64 "  to %2" PRIu64 "  sum %016" PRIx64 "\n",
	    c.start, c.to, c.sum);
	strcat(text, line);
	manual = wholefile_read(AT_FDCWD, "man/weir-journal.5", BYTES, &len);
	CHECK(manual != NULL);
	if (manual != NULL) {
		manual[len] = '\0';
		CHECK(strstr(manual, text) != NULL);
	}
	if (tap_bad)
		printf("# %s", text);
	free(manual);
}

/*
 * Appending
 */

static void
a_position_is_a_count_of_bytes(void)
{
	struct journal		*j;
	struct journal_range	 r;
	char			 data[16];

	fresh();
	j = created(1 << 20);
	CHECK(journal_offset(j) == 0 && journal_start(j) == 0);
	CHECK(append(j, "one\n") == 0 && append(j, "two\n") == 0);
	CHECK(journal_offset(j) == 8);
	CHECK(journal_mark(j, &r) == 0);
	CHECK(r.start == 0 && r.to == 8 && r.sum == XXH3_64bits("one\ntwo\n", 8));
	CHECK(strcmp(r.name, "output") == 0);
	CHECK(journal_read(j, 4, data, 4) == 0 && memcmp(data, "two\n", 4) == 0);
	CHECK(journal_read(j, 5, data, 4) == -1 && errno == EINVAL);
	journal_close(j);
}

static void
segments_are_rolled_at_their_size(void)
{
	struct journal	*j;
	char		 data[64];

	fresh();
	j = created(8);
	CHECK(append(j, "abcdefghijklmnopqrstuvwxyz") == 0);
	CHECK(load(first, data, 64) == 8 && memcmp(data, "abcdefgh", 8) == 0);
	CHECK(load("output.0000000000000008", data, 64) == 8);
	CHECK(load("output.0000000000000010", data, 64) == 8);
	CHECK(load("output.0000000000000018", data, 64) == 2);
	CHECK(journal_read(j, 0, data, 26) == 0 &&
	    memcmp(data, "abcdefghijklmnopqrstuvwxyz", 26) == 0);
	journal_close(j);
}

static void
an_unused_journal_has_no_file(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = created(8);
	CHECK(journal_append(j, NULL, 0) == 0);
	CHECK(journal_mark(j, &r) == 0 && r.to == 0 && r.sum == XXH3_64bits(NULL, 0));
	CHECK(!there(first));
	journal_close(j);
	CHECK(attaches(&r, 8, NULL, 0));
}

static void
nothing_works_before_it_is_attached(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = opened(8);
	CHECK(append(j, "x") == -1 && strstr(journal_error(j), "not attached") != NULL);
	CHECK(journal_mark(j, &r) == -1 && journal_trim(j, 0) == -1);
	journal_close(j);
	CHECK(journal_open(dirfd_, dir, "output", 0) == NULL && errno == EINVAL);
	CHECK(journal_open(dirfd_, dir, "out.put", 8) == NULL && errno == EINVAL);
	CHECK(journal_open(dirfd_, dir, "", 8) == NULL && errno == EINVAL);
}

static void
creating_drops_what_no_checkpoint_knows(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = created(4);
	append(j, "left over from before");
	journal_close(j);
	j = created(4);
	CHECK(!there(first) && append(j, "new") == 0 && journal_mark(j, &r) == 0);
	CHECK(r.to == 3 && r.sum == XXH3_64bits("new", 3));
	journal_close(j);
}

/*
 * Restoring
 */

static void
attaching_cuts_what_lies_behind(void)
{
	struct journal		*j;
	struct journal_range	 r, again;
	char			 data[64];

	fresh();
	j = created(8);
	append(j, "0123456789");
	CHECK(journal_mark(j, &r) == 0);
	append(j, "abcdefghijklmnopq");
	journal_close(j);
	j = opened(8);
	CHECK(journal_attach(j, &r, JOURNAL_CUT) == 0 && journal_offset(j) == 10);
	CHECK(!there("output.0000000000000010") && !there("output.0000000000000018"));
	CHECK(load("output.0000000000000008", data, 64) == 2);
	CHECK(journal_mark(j, &again) == 0 && memcmp(&r, &again, sizeof(r)) == 0);
	CHECK(append(j, "XYZ") == 0 && journal_read(j, 0, data, 13) == 0 &&
	    memcmp(data, "0123456789XYZ", 13) == 0);
	CHECK(journal_mark(j, &again) == 0 && again.sum == XXH3_64bits("0123456789XYZ", 13));
	journal_close(j);
}

static void
keeping_keeps_up_to_a_gap(void)
{
	struct journal		*j;
	struct journal_range	 r, again;
	char			 data[64];

	fresh();
	j = created(8);
	append(j, "0123456789");
	CHECK(journal_mark(j, &r) == 0);
	append(j, "abcdefghijklmnopq");
	journal_close(j);
	CHECK(unlinkat(dirfd_, "output.0000000000000010", 0) == 0);
	j = opened(8);
	CHECK(journal_attach(j, &r, JOURNAL_KEEP) == 0 && journal_offset(j) == 16);
	CHECK(!there("output.0000000000000018"));
	CHECK(journal_read(j, 0, data, 16) == 0 && memcmp(data, "0123456789abcdef", 16) == 0);
	CHECK(journal_mark(j, &again) == 0 && again.start == 0 && again.to == 16 &&
	    again.sum == XXH3_64bits("0123456789abcdef", 16));
	journal_close(j);
	CHECK(attaches(&again, 8, NULL, 0));
}

/* Several segments, a start in the middle, and bytes on both sides of the range. */
static void
sample(struct journal_range *r)
{
	struct journal *j;

	fresh();
	j = created(16);
	append(j, "below the start, this");
	CHECK(journal_begin_start(j) == 0);
	append(j, "these bytes are in the range of the checkpoint");
	CHECK(journal_adopt_start(j) == 0);
	CHECK(journal_mark(j, r) == 0 && r->start == 21 && r->to == 67);
	append(j, "these are behind it");
	journal_close(j);
}

static const char *const sample_files[] = {
	"output.0000000000000015", "output.0000000000000025", "output.0000000000000035"
};

static void
every_flipped_bit_in_the_range_is_found(void)
{
	struct journal_range	 r;
	char			 data[64], why[8192];
	size_t			 f, i, n, in;
	int			 bit;

	sample(&r);
	for (f = 0; f < 3; f++) {
		n = load(sample_files[f], data, sizeof(data));
		CHECK(n == 16);
		in = f < 2 ? 16 : 14;
		for (i = 0; i < in; i++)
			for (bit = 0; bit < 8; bit++) {
				data[i] ^= (char)(1 << bit);
				store(sample_files[f], data, n);
				CHECK(!attaches(&r, 16, why, sizeof(why)));
				CHECK(strstr(why, sample_files[0]) != NULL &&
				    strstr(why, sample_files[2]) != NULL &&
				    strstr(why, "damaged") != NULL);
				data[i] ^= (char)(1 << bit);
			}
		store(sample_files[f], data, n);
	}
	/* what lies outside belongs to nobody */
	n = load(first, data, sizeof(data));
	data[3] ^= 1;
	store(first, data, n);
	n = load(sample_files[2], data, sizeof(data));
	data[15] ^= 1;
	store(sample_files[2], data, n);
	CHECK(attaches(&r, 16, NULL, 0));
}

static void
every_truncation_in_the_range_is_found(void)
{
	struct journal_range	 r;
	char			 data[64], why[8192];
	size_t			 f, i, n, in;

	sample(&r);
	for (f = 0; f < 3; f++) {
		n = load(sample_files[f], data, sizeof(data));
		in = f < 2 ? 16 : 14;
		for (i = 0; i < in; i++) {
			store(sample_files[f], data, i);
			CHECK(!attaches(&r, 16, why, sizeof(why)) && errno == EBADMSG);
			CHECK(strstr(why, sample_files[f]) != NULL);
			CHECK(strstr(why, "cut short") != NULL || i == 0);
		}
		store(sample_files[f], data, n);
	}
	store(sample_files[2], data, 14);
	CHECK(attaches(&r, 16, NULL, 0));
}

static void
a_missing_segment_is_named(void)
{
	struct journal_range	 r;
	char			 why[8192];
	size_t			 f;

	for (f = 0; f < 3; f++) {
		sample(&r);
		unlinkat(dirfd_, sample_files[f], 0);
		CHECK(!attaches(&r, 16, why, sizeof(why)));
		CHECK(strstr(why, sample_files[f]) != NULL);
		CHECK(strstr(why, "missing") != NULL);
	}
	sample(&r);
	unlinkat(dirfd_, first, 0);
	CHECK(attaches(&r, 16, NULL, 0));
}

static void
swapped_segments_are_found(void)
{
	struct journal_range	 r;
	char			 a[64], b[64], why[8192];

	sample(&r);
	CHECK(load(sample_files[0], a, 64) == 16 && load(sample_files[1], b, 64) == 16);
	store(sample_files[0], b, 16);
	store(sample_files[1], a, 16);
	CHECK(!attaches(&r, 16, why, sizeof(why)) && strstr(why, "damaged") != NULL);
}

static void
a_refusal_changes_nothing(void)
{
	struct journal_range	 r;
	char			 data[64];

	sample(&r);
	r.sum ^= 1;
	CHECK(!attaches(&r, 16, NULL, 0));
	CHECK(there("output.0000000000000045") && load(sample_files[2], data, 64) == 16);
	r.sum ^= 1;
	CHECK(attaches(&r, 16, NULL, 0) && !there("output.0000000000000045"));
}

static void
other_files_are_left_alone(void)
{
	static const char *const other[] = {
		"output", "output.", "output.000000000000001", "output.00000000000000150",
		"output.000000000000001G", "output.000000000000001F", "output2.0000000000000000",
		"OUTPUT.0000000000000000", "output.0000000000000015.old", "state.0000000000000000",
		"output.0x00000000000015", "output.+000000000000015", "output. 000000000000015",
	};
	struct journal_range	 r;
	size_t			 i;

	sample(&r);
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		store(other[i], "foreign", 7);
	CHECK(attaches(&r, 16, NULL, 0));
	for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
		CHECK(there(other[i]));
}

static void
segments_that_overlap_are_refused(void)
{
	struct journal_range	 r;
	char			 why[8192];

	sample(&r);
	store("output.0000000000000020", "xxxx", 4);
	CHECK(!attaches(&r, 16, why, sizeof(why)));
	CHECK(strstr(why, sample_files[0]) != NULL && strstr(why, "output.0000000000000020"));
	sample(&r);
	store("output.ffffffffffffffff", "xxxx", 4);
	CHECK(!attaches(&r, 16, why, sizeof(why)) && strstr(why, "output.ffffffffffffffff"));
	sample(&r);
	store("output.7ffffffffffffffe", "xxxx", 4);
	CHECK(!attaches(&r, 16, why, sizeof(why)) && strstr(why, "output.7ffffffffffffffe"));
}

static void
what_is_not_a_file_is_refused(void)
{
	struct journal_range	 r;
	char			 why[8192];

	sample(&r);
	CHECK(mkdirat(dirfd_, "output.0000000000001000", 0700) == 0);
	CHECK(!attaches(&r, 16, why, sizeof(why)) && strstr(why, "is not a file") != NULL);
	sample(&r);
	CHECK(unlinkat(dirfd_, sample_files[0], 0) == 0 &&
	    symlinkat(first, dirfd_, sample_files[0]) == 0);
	CHECK(!attaches(&r, 16, why, sizeof(why)) && strstr(why, "is not a file") != NULL);
}

/*
 * Starts
 */

static void
a_start_moves_and_lets_segments_go(void)
{
	struct journal		*j;
	struct journal_range	 r;
	char			 data[16];

	fresh();
	j = created(1 << 20);
	append(j, "first round ");
	CHECK(journal_begin_start(j) == 0);
	append(j, "restarted ");
	CHECK(journal_begin_start(j) == 0);
	append(j, "second");
	CHECK(journal_mark(j, &r) == 0 && r.start == 0 && r.to == 28);
	CHECK(journal_adopt_start(j) == 0 && journal_adopt_start(j) == -1);
	journal_close(j);

	fresh();
	j = created(1 << 20);
	append(j, "first round ");
	CHECK(journal_begin_start(j) == 0);
	append(j, "second");
	CHECK(journal_adopt_start(j) == 0 && journal_mark(j, &r) == 0);
	CHECK(r.start == 12 && r.to == 18 && r.sum == XXH3_64bits("second", 6));
	CHECK(journal_trim(j, 11) == 0 && there(first));
	CHECK(journal_trim(j, 12) == 0 && !there(first));
	CHECK(there("output.000000000000000c") && journal_trim(j, 12) == 0);
	CHECK(journal_read(j, 12, data, 6) == 0);
	CHECK(journal_trim(j, 13) == -1 && strstr(journal_error(j), "start is 12") != NULL);
	journal_close(j);
	CHECK(attaches(&r, 4, NULL, 0));
}

static void
an_empty_range_needs_no_file(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = created(1 << 20);
	append(j, "published");
	CHECK(journal_begin_start(j) == 0 && journal_adopt_start(j) == 0);
	CHECK(journal_mark(j, &r) == 0 && r.start == 9 && r.to == 9);
	CHECK(journal_trim(j, 9) == 0 && !there(first));
	journal_close(j);
	j = opened(1 << 20);
	CHECK(journal_attach(j, &r, JOURNAL_CUT) == 0 && append(j, "more") == 0);
	CHECK(there("output.0000000000000009") && journal_mark(j, &r) == 0 && r.to == 13);
	journal_close(j);
	/* and one that is left over below is not continued */
	fresh();
	j = created(1 << 20);
	append(j, "published");
	CHECK(journal_begin_start(j) == 0 && journal_adopt_start(j) == 0);
	CHECK(journal_mark(j, &r) == 0);
	journal_close(j);
	j = opened(1 << 20);
	CHECK(journal_attach(j, &r, JOURNAL_CUT) == 0 && append(j, "more") == 0);
	CHECK(there("output.0000000000000009"));
	CHECK(journal_trim(j, 9) == 0 && !there(first));
	journal_close(j);
}

/*
 * Somebody else
 */

static void
what_others_do_to_a_segment_is_found_at_the_mark(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = created(1 << 20);
	append(j, "mine");
	store(first, "mine and theirs", 15);
	CHECK(journal_mark(j, &r) == -1 && errno == EBADMSG);
	CHECK(strstr(journal_error(j), "somebody else changed it") != NULL);
	journal_close(j);
	fresh();
	j = created(1 << 20);
	append(j, "mine");
	unlinkat(dirfd_, first, 0);
	CHECK(journal_mark(j, &r) == -1 && strstr(journal_error(j), "removed") != NULL);
	CHECK(append(j, "more") == -1 && strstr(journal_error(j), "removed") != NULL);
	journal_close(j);
}

/*
 * Publishing
 */

static int
output_open(int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s.out", dir);
	return (open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | flags, 0600));
}

static void
published_is_the_range_at_its_offset(void)
{
	static const int errors[] = { 0, EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, -1 };
	struct journal		*j;
	struct journal_range	 r;
	char			 data[64];
	size_t			 i;
	int			 fd;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fresh();
		disk_copy_error = errors[i];
		j = created(7);
		append(j, "abcdefghijklmnopqrstuvwxyz");
		CHECK(journal_mark(j, &r) == 0);
		fd = output_open(0);
		CHECK(write(fd, "header\n", 7) == 7);
		CHECK(journal_publish(j, 0, 10, fd, 7, "out") == 0);
		CHECK(journal_publish(j, 5, 26, fd, 12, "out") == 0);	/* some of it again */
		CHECK(journal_publish(j, 26, 26, fd, 33, "out") == 0);
		CHECK(pread(fd, data, 64, 0) == 33 &&
		    memcmp(data, "header\nabcdefghijklmnopqrstuvwxyz", 33) == 0);
		close(fd);
		journal_close(j);
		disk_copy_error = 0;
	}
}

static void
publishing_refuses_what_is_not_durable(void)
{
	struct journal		*j;
	struct journal_range	 r;
	int			 fd = output_open(0);

	fresh();
	j = created(7);
	append(j, "abc");
	CHECK(journal_mark(j, &r) == 0 && append(j, "def") == 0);
	CHECK(journal_publish(j, 0, 3, fd, 0, "out") == 0);
	CHECK(journal_publish(j, 0, 4, fd, 0, "out") == -1);
	CHECK(strstr(journal_error(j), "not marked") != NULL);
	journal_close(j);
	close(fd);
}

static void
publishing_refuses_a_file_open_for_appending(void)
{
	struct journal		*j;
	struct journal_range	 r;
	int			 fd = output_open(O_APPEND);

	fresh();
	j = created(7);
	append(j, "abc");
	CHECK(journal_mark(j, &r) == 0);
	CHECK(journal_publish(j, 0, 3, fd, 0, "out.tsv") == -1);
	CHECK(strstr(journal_error(j), "out.tsv") != NULL);
	journal_close(j);
	close(fd);
}

static char	 calls[256];

static void
calls_note(const char *call)
{
	snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s ", call);
}

static void
published_is_synced(void)
{
	struct journal		*j;
	struct journal_range	 r;
	struct stat		 st;
	int			 fd = output_open(0);

	fresh();
	disk_begin(dir);
	j = created(4);
	append(j, "abcdef");
	CHECK(journal_mark(j, &r) == 0 && fstat(fd, &st) == 0);
	disk_node_new(st.st_ino, 0);
	calls[0] = '\0';
	disk_hook = calls_note;
	CHECK(journal_publish(j, 0, 6, fd, 0, "out") == 0);
	CHECK(strcmp(calls, "copy_file_range copy_file_range fsync ") == 0);
	disk_fail = disk_calls + 3;
	disk_error = EIO;
	CHECK(journal_publish(j, 0, 6, fd, 0, "out") == -1 && errno == EIO);
	CHECK(strcmp(journal_error(j), "sync out: Input/output error") == 0);
	disk_end();
	journal_close(j);
	close(fd);
}

static void
publishing_to_a_full_disk_says_so(void)
{
	struct journal		*j;
	struct journal_range	 r;
	int			 fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	fresh();
	j = created(7);
	append(j, "abc");
	CHECK(journal_mark(j, &r) == 0 && fd != -1);
	CHECK(journal_publish(j, 0, 3, fd, 0, "out.tsv") == -1 && errno == ENOSPC);
	CHECK(strstr(journal_error(j), "out.tsv: No space") != NULL);
	CHECK(journal_mark(j, &r) == -1);
	journal_close(j);
	close(fd);
}

/*
 * Against an array
 */

#define RETAINED	3

static unsigned char	 model[BYTES];
static struct journal_range retained[RETAINED];
static size_t		 nretained;
static unsigned		 smallest;	/* segment after a restore, bytes */

static void
model_retain(const struct journal_range *r)
{
	if (nretained == RETAINED)
		memmove(retained, retained + 1, --nretained * sizeof(*retained));
	retained[nretained++] = *r;
}

static int
model_append(struct journal *j)
{
	size_t	at = (size_t)journal_offset(j), n = disk_random(4) ? disk_random(40) :
		    disk_random(700), i;

	if (at + n > BYTES)
		return (0);
	for (i = 0; i < n; i++)
		model[at + i] = (unsigned char)disk_random(256);
	return (journal_append(j, model + at, n));
}

static int
model_mark(struct journal *j)
{
	struct journal_range r;

	if (journal_mark(j, &r) == -1)
		return (-1);
	CHECK(r.to == journal_offset(j) && r.start == journal_start(j) &&
	    r.sum == XXH3_64bits(model + r.start, r.to - r.start));
	model_retain(&r);
	return (0);
}

static void
model_read(struct journal *j)
{
	static unsigned char	data[BYTES];
	uint64_t		from = journal_start(j), to = journal_offset(j);

	from += disk_random((unsigned)(to - from) + 1);
	to = from + disk_random((unsigned)(to - from) + 1);
	CHECK(journal_read(j, from, data, to - from) == 0 &&
	    memcmp(data, model + from, to - from) == 0);
}

static void
model_publish(struct journal *j)
{
	static unsigned char	 data[BYTES];
	const struct journal_range *r;
	int			 fd;

	if (nretained == 0)
		return;
	r = &retained[nretained - 1];
	fd = output_open(0);
	CHECK(journal_publish(j, r->start, r->to, fd, 3, "out") == 0);
	CHECK(pread(fd, data, r->to - r->start, 3) == (ssize_t)(r->to - r->start) &&
	    memcmp(data, model + r->start, r->to - r->start) == 0);
	close(fd);
}

/* Back to a retained mark, or to the beginning where there is none. */
static struct journal *
model_restore(struct journal *j)
{
	uint64_t	end = journal_offset(j), segment = smallest + disk_random(300);
	int		keep = disk_random(3) == 0;

	journal_close(j);
	if (nretained == 0)
		return (created(segment));
	if (!keep)
		nretained -= disk_random((unsigned)nretained);
	j = opened(segment);
	CHECK(journal_attach(j, &retained[nretained - 1], keep ? JOURNAL_KEEP : JOURNAL_CUT) == 0);
	CHECK(journal_start(j) == retained[nretained - 1].start);
	CHECK(journal_offset(j) == (keep ? end : retained[nretained - 1].to));
	return (j);
}

static int
model_trim(struct journal *j)
{
	uint64_t	below = nretained > 0 ? retained[0].start : 0;
	size_t		i;

	for (i = 0; i < nretained; i++)
		if (retained[i].start < below)
			below = retained[i].start;
	return (journal_trim(j, below));
}

static void
model_step(struct journal **j, int *begun)
{
	switch (disk_random(16)) {
	default:
		CHECK(model_append(*j) == 0);
		break;
	case 0: case 1:
		CHECK(model_mark(*j) == 0);
		break;
	case 2:
		CHECK(journal_begin_start(*j) == 0);
		*begun = 1;
		break;
	case 3:
		if (*begun)
			CHECK(journal_adopt_start(*j) == 0);
		*begun = 0;
		break;
	case 4:
		CHECK(model_trim(*j) == 0);
		break;
	case 5:
		model_read(*j);
		break;
	case 6:
		if (disk_random(8) == 0)
			model_publish(*j);
		break;
	case 7:
		if (disk_random(4) == 0) {
			*j = model_restore(*j);
			*begun = 0;
		}
		break;
	}
}

static void
ten_thousand_steps_agree_with_an_array(void)
{
	struct journal	*j;
	uint64_t	 seed;
	int		 i, begun;

	smallest = 1;
	for (seed = 1; seed <= 4 && !tap_bad; seed++) {
		fresh();
		disk_seed = seed * 0x9e3779b97f4a7c15;
		nretained = 0;
		begun = 0;
		j = created(100);
		for (i = 0; i < 10000 && !tap_bad; i++)
			model_step(&j, &begun);
		if (tap_bad)
			printf("# seed %" PRIu64 " step %d: %s\n", seed, i, journal_error(j));
		journal_close(j);
	}
}

/*
 * Crashes: before each call that changes the disk, one of the states that could
 * be left has to restore every mark that is retained.
 */

static int crashes;

static void
crash_restores(const char *call)
{
	static unsigned char	 data[BYTES];
	const struct journal_range *r;
	struct journal_range	 again;
	struct journal		*j;
	int			 fd, ok;
	size_t			 which = nretained;

	if (nretained == 0 || tap_bad)
		return;
	crashes++;
	which = disk_random(2) ? nretained - 1 : disk_random((unsigned)nretained);
	r = &retained[which];
	disk_crash(crashed);
	fd = open(crashed, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	j = journal_open(fd, crashed, "output", 64);
	ok = journal_attach(j, r, disk_random(4) ? JOURNAL_CUT : JOURNAL_KEEP) == 0 &&
	    journal_read(j, r->start, data, r->to - r->start) == 0 &&
	    memcmp(data, model + r->start, r->to - r->start) == 0 &&
	    journal_append(j, "and on", 6) == 0 && journal_mark(j, &again) == 0 &&
	    journal_trim(j, r->start) == 0;
	if (!ok)
		printf("# crash %d before %s: %s\n", crashes, call, journal_error(j));
	CHECK(ok);
	journal_close(j);
	j = journal_open(fd, crashed, "output", 64);
	CHECK(ok && journal_attach(j, &again, JOURNAL_CUT) == 0);
	journal_close(j);
	close(fd);
}

static void
any_crash_leaves_what_was_marked(void)
{
	struct journal	*j;
	uint64_t	 seed;
	int		 i, begun;

	crashes = 0;
	smallest = 100;
	for (seed = 1; seed <= 12 && !tap_bad; seed++) {
		fresh();
		disk_seed = seed * 0x9e3779b97f4a7c15;
		nretained = 0;
		begun = 0;
		disk_begin(dir);
		j = created(200);
		disk_hook = crash_restores;
		for (i = 0; i < 250 && !tap_bad; i++)
			model_step(&j, &begun);
		if (tap_bad)
			printf("# seed %" PRIu64 " step %d\n", seed, i);
		disk_end();
		journal_close(j);
	}
	CHECK(crashes > 1000);
}

/*
 * Failures: each call in turn.
 */

/* What is done until something fails; 1 if nothing did. */
static int
run_through(struct journal *j)
{
	struct journal_range	r;
	int			i;

	for (i = 0; i < 4; i++) {
		if (model_append(j) == -1 || model_append(j) == -1 || journal_mark(j, &r) == -1)
			return (0);
		model_retain(&r);
		if (journal_begin_start(j) == -1 || model_append(j) == -1 ||
		    journal_adopt_start(j) == -1 || model_trim(j) == -1)
			return (0);
	}
	return (1);
}

static void
fail_each(int error, int part)
{
	struct journal	*j;
	char		 why[8192];
	int		 at, done = 0;

	for (at = 1; !done && !tap_bad; at++) {
		fresh();
		nretained = 0;
		disk_seed = (uint64_t)at * 7919 + (uint64_t)error;
		disk_begin(dir);
		j = created(90);
		disk_fail = at;
		disk_error = error;
		disk_short = part;
		done = run_through(j) && disk_calls < at;
		if (!done && error != 0) {
			CHECK(errno == error);
			snprintf(why, sizeof(why), "%s", journal_error(j));
			CHECK(strstr(why, dir) != NULL && strstr(why, strerror(error)) != NULL);
			/* it does not go on, and says the same */
			CHECK(append(j, "x") == -1 && errno == error);
			CHECK(journal_begin_start(j) == -1 && model_trim(j) == -1);
			CHECK(strcmp(why, journal_error(j)) == 0);
		}
		/* after the cure everything that was marked is there */
		disk_end();
		journal_close(j);
		if (nretained > 0) {
			j = opened(90);
			CHECK(journal_attach(j, &retained[nretained - 1], JOURNAL_CUT) == 0);
			CHECK(run_through(j));
			model_read(j);
			journal_close(j);
		}
	}
	CHECK(at > 20);
}

static void
each_call_that_fails_stops_the_journal(void)
{
	fail_each(EIO, 0);
	fail_each(ENOSPC, 0);
	fail_each(EDQUOT, 0);
}

static void
a_short_write_is_continued(void)
{
	fail_each(0, 1);
}

static void
interrupted_writes_are_repeated(void)
{
	struct journal		*j;
	struct journal_range	 r;

	fresh();
	j = created(5);
	disk_eintr = 1;
	CHECK(append(j, "interrupted again and again") == 0 && journal_mark(j, &r) == 0);
	CHECK(disk_eintr > 6);
	CHECK(r.sum == XXH3_64bits("interrupted again and again", 27));
	journal_close(j);
	CHECK(attaches(&r, 5, NULL, 0));
}

static void
each_call_of_a_restore_may_fail(void)
{
	struct journal_range	 r;
	struct journal		*j;
	int			 at, r1, failed = 0;

	for (at = 1;; at++) {
		sample(&r);
		disk_begin(dir);
		/* the model does not know these files: count by the real ones */
		for (size_t f = 0; f < 3; f++)
			disk_node_new(disk_ino(dirfd_, sample_files[f]), 0);
		disk_node_new(disk_ino(dirfd_, "output.0000000000000045"), 0);
		disk_fail = at;
		disk_error = EIO;
		j = opened(16);
		r1 = journal_attach(j, &r, JOURNAL_CUT);
		if (disk_calls < at) {
			CHECK(r1 == 0);
			disk_end();
			journal_close(j);
			break;
		}
		failed++;
		CHECK(r1 == -1 && errno == EIO && strstr(journal_error(j), dir) != NULL);
		disk_end();
		journal_close(j);
		CHECK(attaches(&r, 16, NULL, 0));
	}
	CHECK(failed >= 4);		/* unlink, directory, cut, its sync */
}

static void
a_limit_of_file_size_is_a_failure_like_others(void)
{
	struct rlimit		 limit;
	struct journal		*j;
	struct journal_range	 r;
	static char		 data[10000];
	pid_t			 pid;
	int			 status;

	fresh();
	if ((pid = fork()) == 0) {
		signal(SIGXFSZ, SIG_IGN);
		limit.rlim_cur = limit.rlim_max = 4096;
		setrlimit(RLIMIT_FSIZE, &limit);
		j = created(1 << 20);
		CHECK(journal_append(j, data, 3000) == 0 && journal_mark(j, &r) == 0);
		store("kept", &r, sizeof(r));
		CHECK(journal_append(j, data, 3000) == -1 && errno == EFBIG);
		CHECK(strstr(journal_error(j), first) != NULL);
		CHECK(journal_mark(j, &r) == -1);
		_exit(tap_bad);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(load("kept", (char *)&r, sizeof(r)) == sizeof(r) && r.to == 3000);
	CHECK(attaches(&r, 1 << 20, NULL, 0));
}

/* Where a file system can be mounted: root. */
static void
a_full_disk_is_a_failure_like_others(void)
{
	struct journal		*j;
	struct journal_range	 r = { .to = 0 }, s;
	static char		 data[8192];

	fresh();
	if (mount("weir", dir, "tmpfs", 0, "size=256k") == -1) {
		printf("# no mount here: %s\n", strerror(errno));
		return;
	}
	close(dirfd_);
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	j = created(100000);
	while (journal_append(j, data, sizeof(data)) == 0)
		CHECK(journal_mark(j, &r) == 0);
	CHECK(errno == ENOSPC && strstr(journal_error(j), "No space left") != NULL);
	CHECK(journal_mark(j, &s) == -1 && r.to > 100000);
	journal_close(j);
	CHECK(attaches(&r, 100000, NULL, 0));
	close(dirfd_);
	dirfd_ = -1;
	CHECK(umount2(dir, MNT_DETACH) == 0);
}

/*
 * Giving away.
 */

static char	 out[PATH_MAX];

/* A journal that may be given, with TEXT marked and a start begun behind it. */
static struct journal *
givable(const char *text, struct journal_range *r)
{
	struct journal *j;

	fresh();
	j = created(4);
	journal_whole(j);
	CHECK(append(j, text) == 0 && journal_mark(j, r) == 0 && journal_begin_start(j) == 0);
	return (j);
}

static int
output_empty(mode_t mode)
{
	int fd;

	snprintf(out, sizeof(out), "%s.out", dir);
	unlink(out);
	fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd != -1 && fchmod(fd, mode) == 0);
	return (fd);
}

static void
what_is_given_becomes_the_file(void)
{
	struct journal_range	 one, two;
	struct journal		*j = givable("abcdefghijkl", &one);
	struct stat		 st, ours;
	char			 data[64];
	int			 fd = output_empty(0640);

	CHECK(append(j, "mn") == 0);			/* of the next epoch */
	CHECK(journal_give(j, 12, fd, out) == 1);
	CHECK(stat(out, &st) == 0 && fstat(fd, &ours) == 0 && st.st_ino == ours.st_ino);
	CHECK(st.st_size == 12 && (st.st_mode & 07777) == 0640);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(load("output.given", data, 64) == 3 && memcmp(data, "12\n", 3) == 0);
	CHECK(!there("output.0000000000000000") && journal_start(j) == 12);
	CHECK(journal_mark(j, &two) == 0 && two.start == 12 && two.to == 14);
	CHECK(journal_publish(j, 12, 14, fd, 12, out) == 0);
	journal_close(j);
	CHECK(pread(fd, data, 64, 0) == -1);		/* for writing, as the old one */
	close(fd);
	fd = open(out, O_RDONLY | O_CLOEXEC);
	CHECK(read(fd, data, 64) == 14 && memcmp(data, "abcdefghijklmn", 14) == 0);
	close(fd);
	CHECK(attaches(&two, 4, NULL, 0));
}

/* The checkpoint that it was given for may be restored. */
static void
what_was_given_is_not_missing(void)
{
	struct journal_range	 r, again;
	struct journal		*j = givable("abcdefgh", &r);
	char			 why[512];
	int			 fd = output_empty(0600);

	CHECK(append(j, "lost") == 0 && journal_give(j, 8, fd, out) == 1);
	journal_close(j);
	close(fd);
	j = opened(4);
	CHECK(journal_attach(j, &r, JOURNAL_CUT) == 0);
	CHECK(journal_start(j) == 8 && journal_offset(j) == 8);
	CHECK(!there("output.0000000000000008"));
	CHECK(append(j, "kept") == 0 && journal_mark(j, &again) == 0);
	CHECK(again.start == 8 && again.to == 12 && again.sum == XXH3_64bits("kept", 4));
	journal_close(j);
	CHECK(attaches(&again, 4, NULL, 0) && attaches(&r, 4, NULL, 0));
	/* without its companion, with one that is no number, or one of another mark */
	store("output.given", "8x\n", 3);
	CHECK(!attaches(&r, 4, why, sizeof(why)) && strstr(why, "output.given: damaged") != NULL);
	store("output.given", "7\n", 2);
	CHECK(!attaches(&r, 4, why, sizeof(why)) && strstr(why, "missing") != NULL);
	CHECK(unlinkat(dirfd_, "output.given", 0) == 0);
	CHECK(!attaches(&r, 4, why, sizeof(why)) && strstr(why, "missing") != NULL);
}

static void
not_all_can_be_given(void)
{
	struct journal_range	 r;
	struct journal		*j = givable("abcdefgh", &r);
	int			 fd = output_empty(0600);

	CHECK(journal_give(j, 4, fd, out) == 0);		/* not all of it */
	CHECK(journal_give(j, 8, fd, "/proc/version") == 0);	/* not there */
	CHECK(there("output.0000000000000000") && attaches(&r, 4, NULL, 0));
	CHECK(append(j, "ij") == 0 && journal_mark(j, &r) == 0);
	CHECK(journal_give(j, 8, fd, out) == 0);		/* there is a later mark */
	CHECK(journal_give(j, 10, fd, out) == 0);		/* it is in two pieces */
	journal_close(j);
	j = givable("abcdefgh", &r);
	CHECK(write(fd, "x", 1) == 1);
	CHECK(journal_give(j, 8, fd, out) == 0);		/* somebody wrote to it */
	journal_close(j);
	close(fd);
	unlink(out);
}

int
main(void)
{
	/* nothing here needs a real disk, and a memory one is quick */
	snprintf(dir, sizeof(dir), "%s/weir-journal.%ld",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
	snprintf(crashed, sizeof(crashed), "%s.crashed", dir);
	RUN(bytes_in_the_page_are_what_is_written);
	RUN(a_position_is_a_count_of_bytes);
	RUN(segments_are_rolled_at_their_size);
	RUN(an_unused_journal_has_no_file);
	RUN(nothing_works_before_it_is_attached);
	RUN(creating_drops_what_no_checkpoint_knows);
	RUN(attaching_cuts_what_lies_behind);
	RUN(keeping_keeps_up_to_a_gap);
	RUN(every_flipped_bit_in_the_range_is_found);
	RUN(every_truncation_in_the_range_is_found);
	RUN(a_missing_segment_is_named);
	RUN(swapped_segments_are_found);
	RUN(a_refusal_changes_nothing);
	RUN(other_files_are_left_alone);
	RUN(segments_that_overlap_are_refused);
	RUN(what_is_not_a_file_is_refused);
	RUN(a_start_moves_and_lets_segments_go);
	RUN(an_empty_range_needs_no_file);
	RUN(what_others_do_to_a_segment_is_found_at_the_mark);
	RUN(published_is_the_range_at_its_offset);
	RUN(publishing_refuses_what_is_not_durable);
	RUN(publishing_refuses_a_file_open_for_appending);
	RUN(published_is_synced);
	RUN(publishing_to_a_full_disk_says_so);
	RUN(what_is_given_becomes_the_file);
	RUN(what_was_given_is_not_missing);
	RUN(not_all_can_be_given);
	RUN(ten_thousand_steps_agree_with_an_array);
	RUN(any_crash_leaves_what_was_marked);
	RUN(each_call_that_fails_stops_the_journal);
	RUN(a_short_write_is_continued);
	RUN(interrupted_writes_are_repeated);
	RUN(each_call_of_a_restore_may_fail);
	RUN(a_limit_of_file_size_is_a_failure_like_others);
	RUN(a_full_disk_is_a_failure_like_others);
	fresh();
	disk_wipe(dir);
	disk_wipe(crashed);
	snprintf(crashed, sizeof(crashed), "%s.out", dir);
	unlink(crashed);
	DONE();
}
