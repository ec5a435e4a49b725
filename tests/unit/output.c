/*
 * output: when what is written becomes visible, and what is found on a resume.
 *
 * A job without its processes: checkpoints are taken, completed and restored by
 * hand, a death is the end of all that is in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"
#include "tap.h"

static const struct weir_stage stage = { .abi = WEIR_ABI, .name = "sink" };

static struct weir		 w;
static struct jobfile_subtask	 acked;		/* what the last checkpoint has */
static uint64_t			 id;
static char			 dir[64];

/* In a directory of its own, as a job that is new. */
static void
begin(void)
{
	static struct jobfile	 jf;
	struct jobdir		*d;
	char			 why[512];

	strlcpy(dir, "/tmp/weir-output-XXXXXX", sizeof(dir));
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		abort();
	id = 0;
	memset(&acked, 0, sizeof(acked));
	if ((d = jobdir_open("job", 1, why, sizeof(why))) == NULL || jobdir_lock(d) == -1)
		abort();
	jobdir_new(&jf, 128);
	if (jobdir_save(d, &jf) == -1)
		abort();
	jobdir_close(d);
}

static void
end(void)
{
	char command[128];

	free(acked.state);
	free(acked.range);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (chdir("/") == -1 || system(command) != 0)
		abort();
}

/* An attempt, of the last checkpoint if there was one. */
static void
attempt(void)
{
	char why[512];

	memset(&w, 0, sizeof(w));
	w.stage = &stage;
	w.set.name = "sink";
	w.set.job = "job";
	w.set.parallelism = 1;
	w.job = calloc(1, sizeof(*w.job));
	if (pipe(w.wake) == -1)
		abort();
	fcntl(w.wake[1], F_SETFL, O_NONBLOCK);
	w.jobdir = jobdir_open("job", 0, why, sizeof(why));
	w.job->stage = stagedir_open(w.jobdir, "sink", 0, why, sizeof(why));
	w.job->writer = writer_new(w.wake[1]);
	w.job->m.restore = id;
	w.job->restored = id > 0 ? &acked : NULL;
	if (w.job->stage == NULL || w.job->writer == NULL)
		abort();
}

/* What is in memory goes: nothing more is written. */
static void
death(void)
{
	writer_free(w.job->writer);
	journals_close(&w);
	outputs_free(&w);
	parts_free(&w);
	stagedir_close(w.job->stage);
	jobdir_close(w.jobdir);
	close(w.wake[0]);
	close(w.wake[1]);
	free(w.job);
}

static void
written(void)
{
	struct pollfd pfd = { .fd = w.wake[0], .events = POLLIN };

	if (journals_flush(&w) == -1)
		abort();
	while (writer_pending(w.job->writer) > 0) {
		poll(&pfd, 1, 100);
		writer_collect(w.job->writer);
	}
}

/* A barrier, acknowledged; complete says what becomes of it. */
static void
checkpoint(int complete)
{
	struct jobfile_subtask	at;
	struct buf		state = { 0 };
	uint64_t		bytes = 0;

	memset(&at, 0, sizeof(at));
	journals_release(&w);
	if (parts_save(&w, &state) == -1)
		abort();
	written();
	if (journals_w_mark(&w, &at.range, &at.nranges, &bytes) == -1)
		abort();
	at.state = state.data;
	at.statelen = state.len;
	id++;
	if (!complete) {
		free(at.state);
		free(at.range);
		return;
	}
	free(acked.state);
	free(acked.range);
	acked = at;
}

static int
commit(void)
{
	return (journals_w_publish(&w, id, &acked));
}

static void
put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		abort();
}

static int
holds(const char *file, const char *text)
{
	static char	 got[4096];
	FILE		*f = fopen(file, "r");
	size_t		 n;

	if (f == NULL)
		return (0);
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	fclose(f);
	if (strcmp(got, text) != 0)
		printf("# %s holds \"%s\", not \"%s\"\n", file, got, text);
	return (strcmp(got, text) == 0);
}

static struct weir_output *
file(enum weir_fill fill)
{
	struct weir_output *o = weir_output_file(&w, "output", "out", fill, "cure");

	return (o != NULL && weir_output_open(o) == WEIR_OK ? o : NULL);
}

static int
says(int status, const char *sentence)
{
	if (strcmp(w.sentence, sentence) != 0)
		printf("# it says \"%s\"\n", w.sentence);
	return (w.status == status && strcmp(w.sentence, sentence) == 0);
}

static void
lines(struct weir_output *o, const char *text)
{
	CHECK(o != NULL && weir_output_write(o, text, strlen(text)) == 0);
}

static void
a_file_is_visible_once_its_checkpoint_is_complete(void)
{
	struct weir_output *o;

	begin();
	attempt();
	o = file(WEIR_REFUSE);
	lines(o, "a\n");
	CHECK(holds("out", ""));
	checkpoint(1);
	lines(o, "b\n");
	written();
	CHECK(holds("out", ""));
	CHECK(commit() == 0 && holds("out", "a\n"));
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "a\nb\n"));
	death();
	end();
}

static void
what_was_not_committed_is_written_again(void)
{
	struct weir_output *o;

	begin();
	attempt();
	lines(file(WEIR_REFUSE), "a\nb\n");
	checkpoint(1);
	death();
	put("out", "a\n");			/* in the middle of the commit */
	attempt();
	o = file(WEIR_REFUSE);
	CHECK(o != NULL && commit() == 0 && holds("out", "a\nb\n"));
	CHECK(commit() == 0 && holds("out", "a\nb\n"));
	lines(o, "c\n");
	death();
	CHECK(holds("out", "a\nb\n"));
	attempt();
	o = file(WEIR_REFUSE);
	lines(o, "d\n");
	CHECK(commit() == 0);
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "a\nb\nd\n"));
	death();
	end();
}

static void
an_aborted_epoch_is_part_of_the_next(void)
{
	struct weir_output *o;

	begin();
	attempt();
	o = file(WEIR_REFUSE);
	lines(o, "a\n");
	checkpoint(0);
	lines(o, "b\n");
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "a\nb\n"));
	death();
	end();
}

static void
a_new_job_keeps_drops_or_refuses_what_is_there(void)
{
	struct weir_output *o;

	begin();
	put("out", "old\n");
	attempt();
	CHECK(file(WEIR_REFUSE) == NULL);
	CHECK(says(WEIR_USAGE, "out: 4 bytes are there that this job did not write; cure"));
	death();
	attempt();
	o = file(WEIR_APPEND);
	CHECK(o != NULL && weir_output_size(o) == 4);
	lines(o, "a\n");
	death();				/* before any checkpoint */
	CHECK(holds("out", "old\n"));
	attempt();
	o = file(WEIR_APPEND);
	lines(o, "a\n");
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "old\na\n"));
	death();
	attempt();
	o = file(WEIR_APPEND);
	CHECK(o != NULL && weir_output_size(o) == 6);
	CHECK(commit() == 0 && holds("out", "old\na\n"));
	death();
	end();
	begin();
	put("out", "old\n");
	attempt();
	o = file(WEIR_TRUNCATE);
	CHECK(holds("out", ""));
	lines(o, "a\n");
	checkpoint(1);
	CHECK(commit() == 0);
	death();
	attempt();
	CHECK(file(WEIR_TRUNCATE) != NULL && holds("out", "a\n"));
	death();
	end();
}

static void
append_behind_an_open_line_is_refused(void)
{
	begin();
	put("out", "old\nhalf");
	attempt();
	CHECK(file(WEIR_APPEND) == NULL);
	CHECK(w.status == WEIR_USAGE && strstr(w.sentence, "no newline") != NULL);
	death();
	end();
}

/* Three epochs, all committed; the journal starts behind the first. */
static void
three_epochs(void)
{
	struct weir_output *o;

	begin();
	attempt();
	o = file(WEIR_REFUSE);
	lines(o, "one\n");
	checkpoint(1);
	CHECK(commit() == 0);
	lines(o, "two\n");
	checkpoint(1);
	CHECK(commit() == 0);
	lines(o, "three\n");
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "one\ntwo\nthree\n"));
	CHECK(acked.range[0].start > 0);
	death();
}

static void
a_file_that_was_emptied_cut_or_taken_away_is_refused(void)
{
	three_epochs();
	put("out", "");
	attempt();
	CHECK(file(WEIR_REFUSE) == NULL);
	CHECK(says(WEIR_USAGE, "out: 0 bytes, checkpoint 3 says 14; somebody emptied it ('>' in the "
	    "script?); put it back, or start over with a new job directory"));
	death();
	put("out", "one\n");
	attempt();
	CHECK(acked.range[0].start == 4 ? file(WEIR_REFUSE) != NULL : file(WEIR_REFUSE) == NULL);
	death();
	put("out", "one");
	attempt();
	CHECK(file(WEIR_REFUSE) == NULL);
	CHECK(says(WEIR_USAGE, "out: 3 bytes, checkpoint 3 says 14; somebody cut it off; put it "
	    "back, or start over with a new job directory"));
	death();
	unlink("out");
	attempt();
	CHECK(file(WEIR_TRUNCATE) == NULL && access("out", F_OK) == -1);
	CHECK(says(WEIR_USAGE, "out: is not there, checkpoint 3 says 14 bytes; put it back, or "
	    "start over with a new job directory"));
	death();
	end();
}

static void
a_file_that_somebody_added_to_is_refused(void)
{
	three_epochs();
	put("out", "one\ntwo\nthree\nmine\n");
	attempt();
	CHECK(file(WEIR_APPEND) == NULL);
	CHECK(says(WEIR_USAGE, "out: 19 bytes, checkpoint 3 says 14; somebody, "
	    "or a copy of this job, added to it; cut it off there (truncate -s 14 out), or start over with a new job directory"));
	CHECK(holds("out", "one\ntwo\nthree\nmine\n"));
	death();
	end();
}

static void
a_file_that_changes_under_us_is_an_error(void)
{
	struct weir_output *o;

	begin();
	attempt();
	o = file(WEIR_REFUSE);
	lines(o, "one\n");
	checkpoint(1);
	CHECK(commit() == 0);
	put("out", "");
	lines(o, "two\n");
	checkpoint(1);
	CHECK(commit() == -1 && journals_failed(&w) && holds("out", ""));
	CHECK(says(WEIR_FAILED, "out: has 0 bytes, I had written 4; somebody else writes to it"));
	death();
	end();
}

static void
a_file_is_ours_alone(void)
{
	struct weir_output *o;

	begin();
	attempt();
	CHECK(file(WEIR_REFUSE) != NULL);
	o = weir_output_file(&w, "second", "out", WEIR_REFUSE, "cure");
	CHECK(o != NULL && weir_output_open(o) == WEIR_WAIT);
	death();
	end();
}

static void
a_link_to_nowhere_and_a_file_outside_of_the_scratch_directory_are_refused(void)
{
	begin();
	mkdir("scratch", 0700);
	setenv("WEIR_SCRATCH", "scratch", 1);
	attempt();
	CHECK(weir_output_file(&w, "a", "out", WEIR_REFUSE, "cure") == NULL);
	CHECK(w.status == WEIR_USAGE && strstr(w.sentence, "out: lies outside of /") != NULL);
	CHECK(weir_output_file(&w, "b", "scratch/out", WEIR_REFUSE, "cure") != NULL);
	CHECK(weir_output_file(&w, "c", "/dev/null", WEIR_REFUSE, "cure") != NULL);
	if (symlink("../out", "scratch/link") == -1)
		abort();
	CHECK(weir_output_file(&w, "d", "scratch/link", WEIR_REFUSE, "cure") == NULL);
	CHECK(weir_output_file(&w, "e", "scratch/../out", WEIR_REFUSE, "cure") == NULL);
	unsetenv("WEIR_SCRATCH");
	death();
	end();
}

static void
a_stream_gets_each_epoch_once(void)
{
	struct weir_output	*o;
	int			 i;

	begin();
	for (i = 0; i < 3; i++) {
		attempt();
		o = weir_output_fd(&w, "output", open("out", O_WRONLY | O_CREAT | O_APPEND, 0600),
		    "standard output");
		CHECK(o != NULL && weir_output_open(o) == WEIR_OK);
		if (i == 0) {
			lines(o, "a\n");
			checkpoint(1);
			CHECK(holds("out", ""));
		}
		CHECK(commit() == 0 && holds("out", "a\n"));
		death();
	}
	/* a death between the epoch and the note that it is out */
	CHECK(unlink("job/stages/sink.0/output.published") == 0);
	attempt();
	o = weir_output_fd(&w, "output", open("out", O_WRONLY | O_APPEND), "standard output");
	CHECK(o != NULL && weir_output_open(o) == WEIR_OK);
	CHECK(commit() == 0 && holds("out", "a\na\n"));
	death();
	end();
}

static void
without_a_reader_the_stage_is_asked_to_quit(void)
{
	struct weir_output	*o;
	int			 ends[2];

	begin();
	attempt();
	if (pipe(ends) == -1)
		abort();
	o = weir_output_fd(&w, "output", ends[1], "standard output");
	CHECK(o != NULL && weir_output_open(o) == WEIR_OK);
	close(ends[0]);
	lines(o, "a\n");
	checkpoint(1);
	CHECK(commit() == 0 && w.quit == 0);
	journals_unwanted(&w);
	CHECK(w.quit == 1);
	lines(o, "b\n");
	CHECK(weir_output_size(o) == 2);
	death();
	end();
}

static struct weir_output *
whole(void)
{
	struct weir_output *o = weir_output_whole(&w, "table", "out", WEIR_REFUSE, "cure");

	return (o != NULL && weir_output_open(o) == WEIR_OK ? o : NULL);
}

static void
a_whole_file_is_replaced_by_the_last_version(void)
{
	struct weir_output	*o;
	struct stat		 st;

	begin();
	attempt();
	CHECK((o = whole()) != NULL && chmod("out", 0640) == 0);
	CHECK(weir_output_replace(o, "first\n", 6) == 0);
	checkpoint(0);
	CHECK(weir_output_replace(o, "second, longer\n", 15) == 0);
	checkpoint(1);
	CHECK(holds("out", ""));
	CHECK(commit() == 0 && holds("out", "second, longer\n"));
	CHECK(stat("out", &st) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(access(".out.new", F_OK) == -1);
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", "second, longer\n"));
	CHECK(weir_output_replace(o, "", 0) == 0);
	checkpoint(1);
	CHECK(commit() == 0 && holds("out", ""));
	death();
	end();
}

static void
a_whole_file_is_made_again_after_a_death(void)
{
	struct weir_output *o;

	begin();
	attempt();
	CHECK((o = whole()) != NULL);
	CHECK(weir_output_replace(o, "version\n", 8) == 0);
	checkpoint(1);
	death();
	unlink("out");
	put(".out.new", "half of a ver");
	attempt();
	CHECK((o = whole()) != NULL && commit() == 0 && holds("out", "version\n"));
	/* the new file is locked as well */
	CHECK((o = weir_output_file(&w, "other", "out", WEIR_APPEND, "cure")) != NULL);
	CHECK(weir_output_open(o) == WEIR_WAIT);
	death();
	end();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	RUN(a_file_is_visible_once_its_checkpoint_is_complete);
	RUN(what_was_not_committed_is_written_again);
	RUN(an_aborted_epoch_is_part_of_the_next);
	RUN(a_new_job_keeps_drops_or_refuses_what_is_there);
	RUN(append_behind_an_open_line_is_refused);
	RUN(a_file_that_was_emptied_cut_or_taken_away_is_refused);
	RUN(a_file_that_somebody_added_to_is_refused);
	RUN(a_file_that_changes_under_us_is_an_error);
	RUN(a_file_is_ours_alone);
	RUN(a_link_to_nowhere_and_a_file_outside_of_the_scratch_directory_are_refused);
	RUN(a_stream_gets_each_epoch_once);
	RUN(without_a_reader_the_stage_is_asked_to_quit);
	RUN(a_whole_file_is_replaced_by_the_last_version);
	RUN(a_whole_file_is_made_again_after_a_death);
	DONE();
}
