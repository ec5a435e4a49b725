/*
 * jobdir: the directory of a job is made, locked, replaced and refused as it
 * should be, whatever dies or fails; with the directories of subtasks, lock files
 * and the run directory.
 */
#include <inttypes.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "io.h"
#include "disk.h"
#include "tap.h"

static char	 dir[64], crashed[96], why[8192];

static void
fresh(void)
{
	disk_end();
	disk_wipe(dir);
}

static const char *
below(const char *file)
{
	static char	path[4][512];
	static int	i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir, file);
	return (path[i]);
}

static int
exists(const char *file)
{
	return (access(below(file), F_OK) == 0);
}

static size_t
load(const char *path, char *data, size_t size)
{
	FILE	*f = fopen(path, "r");
	size_t	 n;

	if (f == NULL)
		return (0);
	n = fread(data, 1, size - 1, f);
	data[n] = '\0';
	fclose(f);
	return (n);
}

/* A job with job.json, not locked any more. */
static void
job_make(uint32_t attempt)
{
	struct jobdir	*d = jobdir_open(dir, 1, why, sizeof(why));
	struct jobfile	 f;

	CHECK(d != NULL && jobdir_lock(d) == 0 && jobdir_start(d, &f) == 0);
	jobdir_new(&f, 128);
	f.attempt = attempt;
	CHECK(jobdir_save(d, &f) == 0);
	jobfile_free(&f);
	jobdir_close(d);
}

static struct jobdir *
locked(void)
{
	struct jobdir *d = jobdir_open(dir, 1, why, sizeof(why));

	CHECK(d != NULL && jobdir_lock(d) == 0);
	return (d);
}

/* It cannot be opened, with that errno and those words. */
static int
refused(int create, int error, const char *words)
{
	struct jobdir	*d;
	int		 ok;

	why[0] = '\0';
	d = jobdir_open(dir, create, why, sizeof(why));
	ok = d == NULL && errno == error && strstr(why, words) != NULL &&
	    (error == ENOENT || strstr(why, dir) != NULL);
	if (!ok)
		printf("# %s\n", d != NULL ? "it was opened" : why);
	jobdir_close(d);
	return (ok);
}

/*
 * Made and refused
 */

static void
a_new_job_is_made(void)
{
	struct jobdir	*d;
	struct jobfile	 f, g;
	struct stat	 st;

	fresh();
	CHECK(refused(0, ENOENT, "No such file"));
	d = jobdir_open(dir, 1, why, sizeof(why));
	CHECK(d != NULL && stat(dir, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(!jobdir_begun(d) && jobdir_read(d, &f) == 0);
	CHECK(refused(0, ENOENT, "no job was ever started here"));
	CHECK(jobdir_lock(d) == 0 && jobdir_start(d, &f) == 0);
	CHECK(refused(0, ENOENT, "no job was ever started here"));
	jobdir_new(&f, 64);
	CHECK(f.groups == 64 && f.ncheckpoints == 0);
	jobdir_new(&g, 64);
	CHECK(f.id != g.id);
	CHECK(jobdir_save(d, &f) == 0 && jobdir_begun(d));
	CHECK(stat(below("job.json"), &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(!exists("job.json.new"));
	CHECK(jobdir_read(d, &g) == 1 && g.id == f.id && g.groups == 64);
	jobdir_close(d);
	d = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(d != NULL && jobdir_lock(d) == 0 && jobdir_start(d, &g) == 1 && g.id == f.id);
	jobdir_close(d);
}

static void
its_path_ends_with_one_slash(void)
{
	struct jobdir	*d;
	char		 path[128];

	fresh();
	snprintf(path, sizeof(path), "%s///", dir);
	d = jobdir_open(path, 1, why, sizeof(why));
	snprintf(path, sizeof(path), "%s/", dir);
	CHECK(d != NULL && strcmp(jobdir_path(d), path) == 0);
	jobdir_close(d);
	CHECK(jobdir_open("", 1, why, sizeof(why)) == NULL && errno == ENOENT);
	memset(why, 'a', 5000);
	why[5000] = '\0';
	CHECK(jobdir_open(why, 1, why, sizeof(why)) == NULL && errno == ENAMETOOLONG);
}

static void
other_directories_are_refused(void)
{
	fresh();
	disk_put(dir, "text", 4);
	CHECK(refused(1, EBADMSG, "not a directory"));
	unlink(dir);
	mkdir(dir, 0700);
	disk_put(below("letter.txt"), "text", 4);
	CHECK(refused(1, EBADMSG, "not a job directory: it holds \"letter.txt\""));
	CHECK(refused(0, EBADMSG, "not a job directory"));
	CHECK(jobdir_status(EBADMSG) == 2);
}

static void
what_a_first_start_left_is_no_obstacle(void)
{
	struct jobdir *d;

	fresh();
	mkdir(dir, 0700);
	disk_put(below("lock"), "1\t\t1\n", 5);
	disk_put(below("job.json.new"), "{\"form", 6);
	mkdir(below("run"), 0700);
	CHECK(refused(0, ENOENT, "no job was ever started here"));
	d = jobdir_open(dir, 1, why, sizeof(why));
	CHECK(d != NULL);
	jobdir_close(d);
	job_make(1);
}

static void
stages_without_a_job_are_damaged(void)
{
	fresh();
	job_make(1);
	mkdir(below("stages"), 0700);
	unlink(below("job.json"));
	CHECK(refused(1, EBADMSG, "damaged: it holds \"stages\" and no job.json"));
	CHECK(refused(0, EBADMSG, "damaged"));
	disk_put(below("aaa"), "", 0);
	disk_put(below("zzz"), "", 0);
	CHECK(refused(1, EBADMSG, "damaged: it holds \"stages\""));
	fresh();
	mkdir(dir, 0700);
	disk_put(below("history.tsv"), "", 0);
	CHECK(refused(1, EBADMSG, "damaged: it holds \"history.tsv\""));
}

/* Opened before, gone then. */
static void
a_job_that_vanishes_is_not_new(void)
{
	struct jobdir	*d;
	struct jobfile	 f;

	fresh();
	job_make(1);
	mkdir(below("stages"), 0700);
	d = locked();
	unlink(below("job.json"));
	CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG);
	CHECK(strstr(jobdir_error(d), "damaged") != NULL);
	jobdir_close(d);
}

static void
foreign_and_open_directories_are_refused(void)
{
	struct jobdir *d;

	fresh();
	job_make(1);
	chmod(dir, 0777);
	CHECK(refused(0, EBADMSG, "everybody may write to it: chmod o-w "));
	CHECK(refused(1, EBADMSG, "everybody may write to it"));
	chmod(dir, 0770);
	d = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(d != NULL);
	jobdir_close(d);
	if (geteuid() == 0) {
		CHECK(chown(dir, 65534, 65534) == 0);
		CHECK(refused(1, EBADMSG, "belongs to user nobody: run as that user"));
		CHECK(chown(dir, 54321, 54321) == 0);
		CHECK(refused(1, EBADMSG, "belongs to user 54321: run as that user"));
	} else {
		d = jobdir_open("/", 1, why, sizeof(why));
		CHECK(d == NULL && errno == EBADMSG && strstr(why, "/: belongs to user root"));
	}
}

static void
damage_of_job_json_is_named(void)
{
	struct jobdir	*d;
	struct jobfile	 f;
	char		 data[4096];
	size_t		 n, i;

	fresh();
	job_make(1);
	n = load(below("job.json"), data, sizeof(data));
	CHECK(n > 0);
	d = locked();
	for (i = 0; i < n; i++) {
		data[i] ^= 4;
		disk_put(below("job.json"), data, n);
		CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG && f.checkpoint == NULL);
		CHECK(jobdir_read(d, &f) == -1 && errno == EBADMSG);
		CHECK(strstr(jobdir_error(d), dir) == jobdir_error(d) &&
		    strstr(jobdir_error(d), "/job.json: damaged: ") != NULL &&
		    strstr(jobdir_error(d), "put it back from a backup") != NULL);
		data[i] ^= 4;
		disk_put(below("job.json"), data, i);
		CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG);
		CHECK(strstr(jobdir_error(d), "/job.json: damaged: ") != NULL);
	}
	disk_put(below("job.json"), data, n);
	CHECK(jobdir_start(d, &f) == 1);
	unlink(below("job.json"));
	CHECK(mkfifo(below("job.json"), 0600) == 0);
	CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG);
	unlink(below("job.json"));
	CHECK(symlink("elsewhere", below("job.json")) == 0);
	CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG);
	unlink(below("job.json"));
	CHECK(mkdir(below("job.json"), 0700) == 0);
	CHECK(jobdir_start(d, &f) == -1 && errno == EBADMSG);
	jobdir_close(d);
}

static void
a_newer_job_is_refused_and_left_alone(void)
{
	static const char	 newer[] = "{\"format\":2,\"sum\":\"0000000000000000\"}\n";
	char			 text[128], data[128];
	struct jobdir		*d;
	struct jobfile		 f, g;
	size_t			 n;
	char			*encoded;

	fresh();
	job_make(1);
	/* its sum, from the code that makes it */
	jobdir_new(&f, 1);
	encoded = jobfile_encode(&f, &n);
	CHECK(encoded != NULL && jobfile_decode(newer, strlen(newer), &g, why, sizeof(why)) == -1);
	snprintf(text, sizeof(text), "{\"format\":2,\"sum\":\"%.16s\"}\n",
	    strstr(why, "sum ") + 4);
	free(encoded);
	disk_put(below("job.json"), text, strlen(text));
	d = locked();
	CHECK(jobdir_start(d, &f) == -1 && errno == ENOTSUP && jobdir_status(ENOTSUP) == 2);
	CHECK(strstr(jobdir_error(d), "/job.json: has format 2, this weir knows 1: a newer weir "
	    "made it") != NULL);
	jobdir_close(d);
	CHECK(load(below("job.json"), data, sizeof(data)) == strlen(text) &&
	    strcmp(data, text) == 0);
}

/*
 * Locks
 */

static void
a_job_in_use_says_by_whom(void)
{
	struct jobdir	*d, *e;
	struct holder	 h;
	regex_t		 re;
	char		 want[1024];

	fresh();
	job_make(1);
	d = locked();
	e = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(e != NULL && jobdir_lock(e) == -1 && errno == EWOULDBLOCK);
	CHECK(jobdir_status(EWOULDBLOCK) == 75);
	snprintf(want, sizeof(want), "^%s/ is in use by process %ld since [0-2][0-9]:[0-5][0-9]:"
	    "[0-6][0-9]; 'weir status %s/' shows it, 'weir stop %s/' ends it$", dir,
	    (long)getpid(), dir, dir);
	CHECK(regcomp(&re, want, REG_EXTENDED | REG_NOSUB) == 0);
	CHECK(regexec(&re, jobdir_error(e), 0, NULL, 0) == 0);
	regfree(&re);
	CHECK(jobdir_holder(e, &h) == 1 && h.pid == (long)getpid() && h.run[0] == '\0');
	CHECK(h.start_s <= (int64_t)time(NULL) && h.start_s > (int64_t)time(NULL) - 100);
	disk_put(below("lock"), "4711\t\t86400\n", 12);
	CHECK(jobdir_lock(e) == -1 && strstr(jobdir_error(e), " by process 4711 since 1970-01-0"));
	disk_put(below("lock"), "nonsense", 8);
	CHECK(jobdir_lock(e) == -1 && strstr(jobdir_error(e), "in use by another process;"));
	jobdir_close(d);
	CHECK(jobdir_lock(e) == 0 && jobdir_lock(e) == 0);
	jobdir_close(e);
}

static void
the_lock_of_the_dead_is_free(void)
{
	struct jobdir	*d;
	struct holder	 h;
	int		 ready[2], status;
	pid_t		 pid;
	char		 c;

	fresh();
	job_make(1);
	CHECK(pipe(ready) == 0);
	if ((pid = fork()) == 0) {
		d = locked();
		syscall(SYS_write, ready[1], "", 1);
		for (;;)
			pause();
	}
	CHECK(read(ready[0], &c, 1) == 1);
	d = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(jobdir_lock(d) == -1 && jobdir_holder(d, &h) == 1 && h.pid == (long)pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	CHECK(jobdir_holder(d, &h) == 0);
	CHECK(jobdir_lock(d) == 0);
	jobdir_close(d);
	close(ready[0]);
	close(ready[1]);
}

static void
lock_lines_are_read_with_care(void)
{
	static const char *const bad[] = {
		"", "1", "1\t\t1", "\t\t\n", "x\t\t1\n", "0\t\t1\n", "-1\t\t1\n", "1\t/run\n",
		"1\t/run\tx\n", "4294967296\t\t1\n", "1\t\t-1\n", "\n1\t\t1\n",
	};
	struct holder	 h;
	char		 line[6000];
	size_t		 i;
	int		 fd;

	fresh();
	mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK(lockfile_read(fd, "lock", &h) == 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		disk_put(below("lock"), bad[i], strlen(bad[i]));
		CHECK(lockfile_read(fd, "lock", &h) == 0);
	}
	disk_put(below("lock"), "7\t/tmp/a b\t9223372036854775807\nrest of a longer line\n", 53);
	CHECK(lockfile_read(fd, "lock", &h) == 1 && h.pid == 7 &&
	    strcmp(h.run, "/tmp/a b") == 0 && h.start_s == INT64_MAX);
	memset(line, 'a', sizeof(line));
	memcpy(line, "7\t/", 3);
	memcpy(line + sizeof(line) - 3, "\t1\n", 3);
	disk_put(below("lock"), line, sizeof(line));
	CHECK(lockfile_read(fd, "lock", &h) == 0);
	close(fd);
}

/*
 * Replacing job.json
 */

static void
without_the_lock_nothing_is_written(void)
{
	struct jobdir	*d;
	struct jobfile	 f;

	fresh();
	job_make(1);
	d = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(jobdir_read(d, &f) == 1);
	f.attempt = 2;
	CHECK(jobdir_save(d, &f) == -1 && strstr(jobdir_error(d), "without the lock"));
	jobfile_free(&f);
	CHECK(jobdir_start(d, &f) == -1 && jobdir_run_make(d) == NULL);
	CHECK(jobdir_read(d, &f) == 1 && f.attempt == 1);
	jobfile_free(&f);
	jobdir_close(d);
}

static uint32_t	 told, next;		/* attempts: saved, and being saved */
static int	 crashes;

/* Of the state that a crash leaves: the attempt in job.json, 0: none. */
static uint32_t
crashed_attempt(void)
{
	struct jobdir	*d;
	struct jobfile	 f;
	uint32_t	 attempt = 0;

	disk_crash(crashed);
	crashes++;
	if ((d = jobdir_open(crashed, 0, why, sizeof(why))) == NULL) {
		CHECK(errno == ENOENT);
		if (errno != ENOENT)
			printf("# %s\n", why);
		return (0);
	}
	CHECK(jobdir_read(d, &f) == 1);
	attempt = f.attempt;
	jobfile_free(&f);
	jobdir_close(d);
	return (attempt);
}

static void
crash_leaves_old_or_new(const char *call)
{
	uint32_t attempt = crashed_attempt();

	CHECK(attempt == told || attempt == next);
	if (tap_bad)
		printf("# before %s: attempt %u of %u to %u: %s\n", call, attempt, told, next, why);
}

static void
any_crash_leaves_the_old_or_the_new_one(void)
{
	struct jobdir	*d;
	struct jobfile	 f;
	int		 round;

	crashes = 0;
	for (round = 0; round < 60 && !tap_bad; round++) {
		disk_seed = (uint64_t)round * 7919 + 1;
		fresh();
		mkdir(dir, 0700);
		disk_begin(dir);
		told = next = 0;
		d = locked();
		CHECK(jobdir_start(d, &f) == 0);
		jobdir_new(&f, 128);
		disk_hook = crash_leaves_old_or_new;
		for (next = 1; next <= 4 && !tap_bad; next++) {
			f.attempt = next;
			CHECK(jobdir_save(d, &f) == 0);
			told = next;
			CHECK(crashed_attempt() == told);
		}
		jobdir_close(d);
	}
	disk_end();
	CHECK(crashes > 500);
}

/* The one before died between the rename and the sync of the directory. */
static void
what_was_read_at_the_start_is_on_disk(void)
{
	struct jobdir	*d;
	struct jobfile	 f;
	int		 at, unsynced = 0, round;

	for (at = 1; at < 20; at++) {
		fresh();
		mkdir(dir, 0700);
		disk_begin(dir);
		d = locked();
		jobdir_new(&f, 128);
		f.attempt = 1;
		CHECK(jobdir_save(d, &f) == 0);
		disk_fail = disk_calls + at;
		disk_error = EIO;
		f.attempt = 2;
		jobdir_save(d, &f);
		unsynced += jobdir_unknown(d);
		jobdir_close(d);
		disk_error = 0;
		d = locked();
		CHECK(jobdir_start(d, &f) == 1);
		for (round = 0; round < 20; round++)
			CHECK(crashed_attempt() == f.attempt);
		jobdir_close(d);
	}
	disk_end();
	CHECK(unsynced >= 2);		/* rename, directory */
}

static void
each_call_that_fails_is_told(void)
{
	static const int	 errors[] = { EIO, ENOSPC, EDQUOT, EROFS };
	struct jobdir		*d;
	struct jobfile		 f, g;
	size_t			 e;
	int			 at, failed = 0, r;

	for (e = 0; e < 4; e++)
		for (at = 1; at < 12; at++) {
			fresh();
			job_make(1);
			d = locked();
			CHECK(jobdir_start(d, &f) == 1);
			disk_put(below("job.json.new"), "left over", 9);
			disk_begin(dir);
			disk_node_new(disk_ino(AT_FDCWD, below("job.json")), 0);
			disk_node_new(disk_ino(AT_FDCWD, below("job.json.new")), 0);
			disk_fail = at;
			disk_error = errors[e];
			f.attempt = 2;
			if ((r = jobdir_save(d, &f)) == -1) {
				failed++;
				CHECK(errno == errors[e] && strstr(jobdir_error(d), dir) != NULL &&
				    strstr(jobdir_error(d), strerror(errors[e])) != NULL);
			}
			disk_end();
			CHECK(jobdir_read(d, &g) == 1 && (g.attempt == 1 || g.attempt == 2));
			if (r == -1 && !jobdir_unknown(d))
				CHECK(g.attempt == 1 && jobdir_save(d, &f) == 0);
			else if (r == -1)
				CHECK(jobdir_save(d, &f) == -1 &&
				    strstr(jobdir_error(d), strerror(errors[e])) != NULL);
			else
				CHECK(g.attempt == 2);
			jobdir_close(d);
			/* and after the cure it goes on */
			d = locked();
			CHECK(jobdir_start(d, &g) == 1 && !exists("job.json.new"));
			CHECK(r == -1 || g.attempt == 2);
			jobdir_close(d);
		}
	CHECK(failed == 4 * 6);		/* remove, create, write, sync, rename, directory */
}

static void
a_short_write_is_continued(void)
{
	struct jobdir	*d;
	struct jobfile	 f, g;
	int		 at;

	fresh();
	mkdir(dir, 0700);
	disk_begin(dir);
	d = locked();
	disk_short = 1;
	for (at = 1; at < 8; at++) {
		jobdir_new(&f, 128);
		disk_fail = disk_calls + at;
		CHECK(jobdir_save(d, &f) == 0);
		CHECK(jobdir_read(d, &g) == 1 && g.id == f.id);
		jobfile_free(&g);
	}
	jobdir_close(d);
	disk_end();
}

static void
a_misfit_is_not_saved(void)
{
	struct jobdir	*d;
	struct jobfile	 f;

	fresh();
	job_make(1);
	d = locked();
	jobdir_new(&f, 0);
	CHECK(jobdir_save(d, &f) == -1 && errno == EINVAL && !jobdir_unknown(d));
	CHECK(jobdir_read(d, &f) == 1 && f.groups == 128);
	jobdir_close(d);
}

/*
 * Subtasks
 */

static void
a_subtask_has_a_directory_below_a_job(void)
{
	struct jobdir	*d;
	struct stagedir	*s;
	char		 want[256];

	fresh();
	d = jobdir_open(dir, 1, why, sizeof(why));
	CHECK(stagedir_open(d, "reduce", 0, why, sizeof(why)) == NULL && errno == ENOENT);
	CHECK(strstr(why, "no job was ever started here") && !exists("stages"));
	jobdir_close(d);
	job_make(1);
	d = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(stagedir_open(d, "../reduce", 0, why, sizeof(why)) == NULL && errno == EINVAL);
	s = stagedir_open(d, "reduce", 12, why, sizeof(why));
	snprintf(want, sizeof(want), "%s/stages/reduce.12", dir);
	CHECK(s != NULL && strcmp(stagedir_path(s), want) == 0 && exists("stages/reduce.12"));
	CHECK(faccessat(stagedir_fd(s), ".", R_OK, 0) == 0);
	stagedir_close(s);
	s = stagedir_open(d, "reduce", 12, why, sizeof(why));
	CHECK(s != NULL);
	stagedir_close(s);
	rmdir(below("stages/reduce.12"));
	disk_put(below("stages/reduce.12"), "", 0);
	CHECK(stagedir_open(d, "reduce", 12, why, sizeof(why)) == NULL &&
	    strstr(why, "stages/reduce.12") != NULL);
	jobdir_close(d);
}

static int opened;

static void
crash_leaves_no_stages_without_a_job(const char *call)
{
	char path[160];

	(void)call;
	crashed_attempt();		/* never EBADMSG */
	snprintf(path, sizeof(path), "%s/stages/sink.0", crashed);
	CHECK(!opened || access(path, F_OK) == 0);
}

static void
any_crash_leaves_stages_only_with_a_job(void)
{
	struct jobdir	*d;
	struct stagedir	*s;
	struct jobfile	 f;
	int		 round;

	for (round = 0; round < 100 && !tap_bad; round++) {
		disk_seed = (uint64_t)round * 104729 + 1;
		opened = 0;
		fresh();
		mkdir(dir, 0700);
		disk_begin(dir);
		disk_hook = crash_leaves_no_stages_without_a_job;
		d = locked();
		jobdir_new(&f, 128);
		/* as soon as others see job.json, before the directory is synced */
		disk_fail = disk_calls + 5;
		disk_error = EIO;
		CHECK(jobdir_save(d, &f) == -1 && jobdir_unknown(d) && jobdir_begun(d));
		disk_error = 0;
		s = stagedir_open(d, "sink", 0, why, sizeof(why));
		CHECK(s != NULL);
		opened = 1;
		crash_leaves_no_stages_without_a_job("");
		stagedir_close(s);
		jobdir_close(d);
	}
	disk_end();
}

static void
a_successor_waits_for_its_predecessor(void)
{
	struct jobdir	*d;
	struct stagedir	*s, *t;
	char		 want[256];

	fresh();
	job_make(1);
	d = jobdir_open(dir, 0, why, sizeof(why));
	s = stagedir_open(d, "reduce", 0, why, sizeof(why));
	t = stagedir_open(d, "reduce", 0, why, sizeof(why));
	CHECK(stagedir_lock(s, 0, 10000) == 1 && stagedir_lock(s, 0, 10000) == 1);
	CHECK(stagedir_lock(t, 0, 10000) == 0 && stagedir_lock(t, 9999, 10000) == 0);
	snprintf(want, sizeof(want), "%s/stages/reduce.0: process %ld still has it", dir,
	    (long)getpid());
	CHECK(strcmp(stagedir_error(t), want) == 0);
	CHECK(stagedir_lock(t, 10000, 10000) == -1 && errno == EWOULDBLOCK);
	CHECK(strcmp(stagedir_error(t), want) == 0);
	stagedir_close(s);
	CHECK(stagedir_lock(t, 10001, 10000) == 1);
	stagedir_close(t);
	jobdir_close(d);
}

/*
 * History
 */

static void
history_grows_by_lines(void)
{
	struct history	 h = { .id = 1, .completed = 1, .start_ms = 5, .duration_ms = 6,
			    .bytes = 7, .acks = 1, .subtasks = 1, .slowest = "sink.0" };
	struct jobdir	*d;
	char		 data[1024];
	int		 fd;

	fresh();
	job_make(1);
	d = locked();
	CHECK(jobdir_history(d, &h) == 0);
	h.id = 2;
	CHECK(jobdir_history(d, &h) == 0);
	load(below("history.tsv"), data, sizeof(data));
	CHECK(strcmp(data, "1\tperiodic\tcompleted\t5\t6\t7\t1/1\tsink.0\t\n"
	    "2\tperiodic\tcompleted\t5\t6\t7\t1/1\tsink.0\t\n") == 0);
	/* one that a crash cut short */
	disk_put(below("history.tsv"), "1\tperio", 7);
	CHECK(jobdir_history(d, &h) == 0);
	load(below("history.tsv"), data, sizeof(data));
	CHECK(strcmp(data, "1\tperio\n2\tperiodic\tcompleted\t5\t6\t7\t1/1\tsink.0\t\n") == 0);
	/* a large one is put aside */
	fd = open(below("history.tsv"), O_WRONLY);
	CHECK(fd != -1 && ftruncate(fd, 16 << 20) == 0);
	close(fd);
	CHECK(jobdir_history(d, &h) == 0 && exists("history.old.tsv"));
	load(below("history.tsv"), data, sizeof(data));
	CHECK(strcmp(data, "2\tperiodic\tcompleted\t5\t6\t7\t1/1\tsink.0\t\n") == 0);
	unlink(below("history.tsv"));
	mkdir(below("history.tsv"), 0700);
	CHECK(jobdir_history(d, &h) == -1 && strstr(jobdir_error(d), "history.tsv") != NULL);
	jobdir_close(d);
}

/*
 * Run directories
 */

static void
shm_make(const char *name)
{
	int fd = shm_open(name, O_RDWR | O_CREAT, 0600);

	CHECK(fd != -1);
	close(fd);
}

static int
shm_there(const char *name)
{
	int fd = shm_open(name, O_RDONLY, 0);

	if (fd != -1)
		close(fd);
	return (fd != -1);
}

static int
run_has(const struct rundir *r, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", rundir_path(r), file);
	return (access(path, F_OK) == 0);
}

static void
run_put(const struct rundir *r, const char *file)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", rundir_path(r), file);
	disk_put(path, "", 0);
}

static void
the_run_directory_is_in_the_job(void)
{
	struct jobdir	*d, *e;
	struct rundir	*r, *s;
	struct holder	 h;
	struct stat	 st;
	char		 line[PATH_MAX + 64];
	int		 n;

	fresh();
	job_make(1);
	e = jobdir_open(dir, 0, why, sizeof(why));
	CHECK(jobdir_run_join(e) == NULL && errno == ENOENT);
	d = locked();
	CHECK(jobdir_run_join(e) == NULL && errno == ENOENT);	/* not made yet */
	r = jobdir_run_make(d);
	CHECK(r != NULL && strcmp(rundir_path(r), below("run")) == 0);
	CHECK(stat(below("run"), &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(jobdir_holder(e, &h) == 1 && strcmp(h.run, below("run")) == 0);
	/* the lock of a copy names another directory */
	disk_put(below("lock"), "1\t/tmp\t1\n", 9);
	CHECK(jobdir_holder(e, &h) == 0 && jobdir_run_join(e) == NULL && errno == ENOENT);
	n = snprintf(line, sizeof(line), "%ld\t%s\t1\n", (long)getpid(), below("run"));
	disk_put(below("lock"), line, (size_t)n);
	s = jobdir_run_join(e);
	CHECK(s != NULL && strcmp(rundir_path(s), rundir_path(r)) == 0 &&
	    strcmp(rundir_base(s), rundir_base(r)) == 0 &&
	    strncmp(rundir_base(r), "job-", 4) == 0);
	rundir_close(s);
	CHECK(exists("run"));
	chmod(below("run"), 0755);
	CHECK(jobdir_run_join(e) == NULL && strstr(jobdir_error(e), "mode 0700") != NULL);
	chmod(below("run"), 0700);
	rundir_remove(r);
	CHECK(!exists("run"));
	jobdir_close(d);
	jobdir_close(e);
}

static void
what_an_attempt_left_is_cleared(void)
{
	static const char *const stay[] = {
		"control", "stage.reduce", "3-nonce", "3-a.shm", "4-nonce", "3-reduce.0", "a-1",
		"99", "10-n",
	};
	static const char *const go[] = {
		"0-n", "1-nonce", "2-nonce", "2-a.shm", "2-0-b.shm", "1-x.0", "2-reduce.1",
	};
	char		 shm[3][80];
	struct jobdir	*d;
	struct rundir	*r;
	size_t		 i;

	fresh();
	job_make(1);
	d = locked();
	r = jobdir_run_make(d);
	for (i = 0; i < 3; i++) {
		snprintf(shm[i], sizeof(shm[i]), "/weir-%u-%s-%s", (unsigned)getuid(),
		    rundir_base(r), i == 0 ? "2-a" : i == 1 ? "2-0-b" : "3-a");
		CHECK(rundir_note(r, shm[i]) == 0);
		shm_make(shm[i]);
	}
	for (i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		run_put(r, stay[i]);
	for (i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		run_put(r, go[i]);
	rundir_clear_below(r, 3);
	for (i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		CHECK(run_has(r, stay[i]));
	for (i = 0; i < sizeof(go) / sizeof(go[0]); i++)
		CHECK(!run_has(r, go[i]));
	CHECK(!shm_there(shm[0]) && !shm_there(shm[1]) && shm_there(shm[2]));
	rundir_remove(r);
	CHECK(!shm_there(shm[2]) && !exists("run"));
	jobdir_close(d);
}

static void
too_long_a_path_runs_elsewhere(void)
{
	char		 path[256], runtime[96], name[96];
	struct jobdir	*d, *e;
	struct rundir	*r, *s, *plain;

	fresh();
	mkdir(dir, 0700);
	snprintf(runtime, sizeof(runtime), "%s/x", dir);
	mkdir(runtime, 0700);
	CHECK(setenv("XDG_RUNTIME_DIR", runtime, 1) == 0);
	memset(name, 'n', sizeof(name));
	name[90] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	d = jobdir_open(path, 1, why, sizeof(why));
	CHECK(d != NULL && jobdir_lock(d) == 0);
	r = jobdir_run_make(d);
	CHECK(r != NULL);
	if (r == NULL) {
		printf("# %s\n", jobdir_error(d));
		return;
	}
	CHECK(strstr(rundir_path(r), path) == NULL && strlen(rundir_path(r)) < 80);
	CHECK(strstr(rundir_path(r), rundir_base(r)) != NULL);
	e = jobdir_open(path, 1, why, sizeof(why));
	s = jobdir_run_join(e);
	CHECK(s != NULL && strcmp(rundir_path(s), rundir_path(r)) == 0);
	/* a stage that sweeps what is stale leaves that of a job alone */
	run_put(r, "reduce.0");
	plain = rundir_create("source", why, sizeof(why));
	CHECK(plain != NULL && run_has(r, "reduce.0"));
	rundir_close(plain);
	rundir_close(s);
	snprintf(why, sizeof(why), "%s", rundir_path(r));
	rundir_remove(r);
	CHECK(access(why, F_OK) == -1);
	jobdir_close(d);
	jobdir_close(e);
	unsetenv("XDG_RUNTIME_DIR");
}

static void
a_copy_is_another_job(void)
{
	struct jobdir	*d, *e;
	struct rundir	*r, *s;
	char		 data[4096], path[128];
	size_t		 n;

	fresh();
	job_make(1);
	snprintf(path, sizeof(path), "%s.c", dir);
	disk_wipe(path);
	mkdir(path, 0700);
	n = load(below("job.json"), data, sizeof(data));
	snprintf(path, sizeof(path), "%s.c/job.json", dir);
	disk_put(path, data, n);
	snprintf(path, sizeof(path), "%s.c", dir);
	d = locked();
	e = jobdir_open(path, 0, why, sizeof(why));
	CHECK(e != NULL && jobdir_lock(e) == 0);
	r = jobdir_run_make(d);
	s = jobdir_run_make(e);
	CHECK(r != NULL && s != NULL && strcmp(rundir_base(r), rundir_base(s)) != 0);
	rundir_remove(r);
	rundir_remove(s);
	jobdir_close(d);
	jobdir_close(e);
	disk_wipe(path);
}

int
main(void)
{
	snprintf(dir, sizeof(dir), "%s/weir-j.%ld",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
	snprintf(crashed, sizeof(crashed), "%s.crashed", dir);
	RUN(a_new_job_is_made);
	RUN(its_path_ends_with_one_slash);
	RUN(other_directories_are_refused);
	RUN(what_a_first_start_left_is_no_obstacle);
	RUN(stages_without_a_job_are_damaged);
	RUN(a_job_that_vanishes_is_not_new);
	RUN(foreign_and_open_directories_are_refused);
	RUN(damage_of_job_json_is_named);
	RUN(a_newer_job_is_refused_and_left_alone);
	RUN(a_job_in_use_says_by_whom);
	RUN(the_lock_of_the_dead_is_free);
	RUN(lock_lines_are_read_with_care);
	RUN(without_the_lock_nothing_is_written);
	RUN(any_crash_leaves_the_old_or_the_new_one);
	RUN(what_was_read_at_the_start_is_on_disk);
	RUN(each_call_that_fails_is_told);
	RUN(a_short_write_is_continued);
	RUN(a_misfit_is_not_saved);
	RUN(a_subtask_has_a_directory_below_a_job);
	RUN(any_crash_leaves_stages_only_with_a_job);
	RUN(a_successor_waits_for_its_predecessor);
	RUN(history_grows_by_lines);
	RUN(the_run_directory_is_in_the_job);
	RUN(what_an_attempt_left_is_cleared);
	RUN(too_long_a_path_runs_elsewhere);
	RUN(a_copy_is_another_job);
	fresh();
	disk_wipe(crashed);
	DONE();
}
