/*
 * source: read files, standard input or a counter into a stream.
 *
 * A record is a line, its bytes untouched.  Files are read one after the other
 * and end, or, with -F, all at once and for ever.  The origin that the runtime
 * knows is always that of the next record, so that whatever is wrong with a
 * record is said with its file, number (a header line is not counted) and byte.
 * In a job that place is what a checkpoint keeps: everything emitted lies before
 * it, everything after it is read again, from the files or from the spool.
 * Relies on: files and counter never block, and hand out whole lines only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "weir.h"
#include "counter.h"
#include "files.h"
#include "pace.h"
#include "position.h"
#include "spool.h"

#define SOURCE_RECORD		(UINT64_C(1) << 20)	/* bytes: --max-record */
#define SOURCE_RECORD_MAX	(UINT64_C(64) << 20)
#define SOURCE_SPOOL		(UINT64_C(1) << 30)	/* bytes: --spool-max */
#define SOURCE_LINGER_MAX	UINT64_C(3600000)	/* ms */
#define SOURCE_NO_RATE		UINT64_MAX

static struct {
	/* options */
	int		 follow, header;
	const char	*start, *range;
	uint64_t	 rate, max_record, linger_ms, spool_max;

	struct files	*files;		/* NULL: the counter */
	struct spool	*spool;		/* NULL: not needed */
	struct counter	 counter;
	struct pace	 pace;
	int		 shared;	/* among the subtasks */
} source = {
	.rate = SOURCE_NO_RATE, .max_record = SOURCE_RECORD, .linger_ms = 10,
	.spool_max = SOURCE_SPOOL,
};

static const struct weir_option source_options[] = {
	{ .letter = 'F', .name = "follow", .type = WEIR_FLAG, .to = &source.follow,
	    .help = "go on behind the end, as tail -F does, through rotation" },
	{ .letter = 'H', .name = "header", .type = WEIR_FLAG, .to = &source.header,
	    .help = "line 1 of each file names the columns and is no record" },
	{ .name = "start", .arg = "begin/end", .type = WEIR_STRING, .to = &source.start,
	    .help = "end: with -F, only what is appended from now on" },
	{ .name = "count", .arg = "A..[B]", .type = WEIR_STRING, .to = &source.range,
	    .help = "read no file: the records are the numbers A to B" },
	{ .name = "rate", .arg = "N", .type = WEIR_NUMBER, .to = &source.rate,
	    .help = "so many records a second" },
	{ .name = "max-record", .arg = "SIZE", .type = WEIR_SIZE, .to = &source.max_record,
	    .help = "a longer record is a bad one (1M)" },
	{ .name = "linger", .arg = "DURATION", .type = WEIR_DURATION, .to = &source.linger_ms,
	    .help = "how long a partly filled frame may wait (10ms)" },
	{ .name = "spool-max", .arg = "SIZE", .type = WEIR_SIZE, .to = &source.spool_max,
	    .help = "in a job: so much of standard input waits for a checkpoint (1G)" },
	{ .name = NULL }
};

static uint64_t
source_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

static uint64_t
source_now_ms(void)
{
	return (source_now_ns() / 1000000);
}

static int
source_setup_counter(struct weir *w, int argc)
{
	const char *wrong;

	if (argc > 0)
		return (weir_misuse(w, "--count reads no file; leave out the operands"));
	if (source.follow || source.header || source.start != NULL)
		return (weir_misuse(w, "--count reads no file; -F, -H and --start are for files"));
	if (source.max_record < COUNTER_LINE)
		return (weir_misuse(w, "--count: its numbers need a --max-record of at least %d",
		    COUNTER_LINE));
	if ((wrong = counter_parse(&source.counter, source.range)) != NULL)
		return (weir_misuse(w, "--count %s: %s", source.range, wrong));
	return (0);
}

static int
source_setup_files(struct weir *w, int argc, char *argv[])
{
	struct input_options options = {
		.max_record = (size_t)source.max_record,
		.follow = source.follow,
		.header = source.header,
		.replay = weir_job(w),
	};
	int i;

	if (source.start != NULL && strcmp(source.start, "end") == 0)
		options.from_end = 1;
	else if (source.start != NULL && strcmp(source.start, "begin") != 0)
		return (weir_misuse(w, "--start %s: begin or end", source.start));
	if (source.follow && getenv("WEIR_SCRATCH") != NULL)
		return (weir_misuse(w, "-F never ends, and a test that kills waits for the end"));
	if (options.from_end && !source.follow)
		return (weir_misuse(w, "--start end reads nothing without -F"));
	if ((source.files = files_new(&options)) == NULL)
		return (weir_error(w, "%s", strerror(ENOMEM)));
	for (i = 0; i < argc; i++)
		if (files_add(source.files, argv[i]) == -1)
			return (weir_misuse(w, "%s", files_error(source.files)));
	if (argc == 0 && files_add(source.files, "-") == -1)
		return (weir_misuse(w, "%s", files_error(source.files)));
	if (files_check_share(source.files, weir_parallelism(w)) == -1)
		return (weir_misuse(w, "%s", files_error(source.files)));
	return (0);
}

static int
source_setup(struct weir *w, int argc, char *argv[])
{
	if (source.max_record < 1 || source.max_record > SOURCE_RECORD_MAX)
		return (weir_misuse(w, "--max-record: from 1 byte to 64M"));
	if (source.linger_ms > SOURCE_LINGER_MAX)
		return (weir_misuse(w, "--linger: at most 1h"));
	/* a record that does not fit would wait for ever */
	if (source.spool_max <= source.max_record)
		return (weir_misuse(w, "--spool-max: more than --max-record"));
	weir_limit(w, (size_t)source.max_record);
	weir_linger(w, source.linger_ms);
	if (source.rate != SOURCE_NO_RATE && (source.rate < 1 || source.rate > PACE_MAX))
		return (weir_misuse(w, "--rate: from 1 to %llu records a second",
		    (unsigned long long)PACE_MAX));
	if (source.range != NULL)
		return (source_setup_counter(w, argc));
	return (source_setup_files(w, argc, argv));
}

static int
source_wait(struct weir *w, int fd, int ms)
{
	weir_wait_fd(w, fd);
	weir_wait_ms(w, ms);
	return (WEIR_WAIT);
}

static int
source_wait_files(struct weir *w)
{
	int ms, fd = files_wait(source.files, source_now_ms(), &ms);

	return (source_wait(w, fd, ms));
}

/* What open and produce do with an answer that brings no records. */
static int
source_answer(struct weir *w, enum input_answer answer)
{
	switch (answer) {
	case INPUT_WAIT:
		return (source_wait_files(w));
	case INPUT_WARN:
		weir_warn(w, "%s", files_error(source.files));
		return (WEIR_MORE);
	case INPUT_END:
		return (WEIR_OK);
	case INPUT_FAILED:
		return (weir_error(w, "%s", files_error(source.files)));
	case INPUT_MISUSE:
		return (weir_misuse(w, "%s", files_error(source.files)));
	default:
		return (WEIR_MORE);
	}
}

static void
source_say(void *w, const char *line)
{
	weir_warn(w, "%s", line);
}

/* Which subtask this is, is not known before; position NULL: at the beginning. */
static int
source_share(struct weir *w, const struct position *position)
{
	unsigned subtask = weir_subtask(w), parallelism = weir_parallelism(w);

	source.shared = 1;
	pace_init(&source.pace, source.rate, subtask, parallelism);
	if (source.files == NULL)
		counter_share(&source.counter, subtask, parallelism);
	else if (files_share(source.files, position, subtask, parallelism, source_say, w) == -1)
		return (weir_misuse(w, "%s", files_error(source.files)));
	return (0);
}

static int
source_resume(struct weir *w, const struct position *p)
{
	if (p->parallelism != weir_parallelism(w))
		return (weir_misuse(w, "-p %u: the checkpoint is one of -p %u, whose subtasks each "
		    "have their own positions", weir_parallelism(w), p->parallelism));
	if ((p->kind == POSITION_COUNTER) != (source.files == NULL))
		return (weir_misuse(w, "the checkpoint is one of a source with%s --count",
		    p->kind == POSITION_COUNTER ? "" : "out"));
	if (source_share(w, p) == -1)
		return (-1);
	if (source.files == NULL &&
	    counter_resume(&source.counter, p->next, p->bytes, p->records) == -1)
		return (weir_misuse(w, "--count %s: the checkpoint is at %llu, which is not in "
		    "there", source.range, (unsigned long long)p->next));
	return (0);
}

static int
source_restore(struct weir *w, const void *state, size_t len)
{
	struct position position;
	int status;

	if (position_decode(&position, state, len) == -1)
		return (errno == ENOMEM ? weir_error(w, "%s", strerror(ENOMEM)) :
		    weir_misuse(w, "the position in the checkpoint (%zu bytes) is damaged", len));
	status = source_resume(w, &position);
	position_free(&position);
	return (status);
}

static int
source_snapshot(struct weir *w, uint64_t checkpoint)
{
	struct position position = { .kind = POSITION_COUNTER };
	size_t len;
	void *bytes;
	int status;

	if (source.files == NULL) {
		position.next = source.counter.next;
		position.bytes = source.counter.bytes;
		position.records = source.counter.records;
	} else if (files_position(source.files, &position) == -1)
		return (weir_error(w, "%s", files_error(source.files)));
	position.subtask = weir_subtask(w);
	position.parallelism = weir_parallelism(w);
	if ((bytes = position_encode(&position, &len)) == NULL)
		return (weir_error(w, "%s", strerror(ENOMEM)));
	if (source.spool != NULL)
		spool_release(source.spool, files_spooled(source.files), checkpoint);
	status = weir_save(w, bytes, len);
	free(bytes);
	return (status);
}

static int
source_complete(struct weir *w, uint64_t checkpoint)
{
	(void)w;
	if (source.spool != NULL)
		spool_complete(source.spool, checkpoint);
	return (0);
}

static int
source_open(struct weir *w)
{
	struct input_chunk chunk;
	enum input_answer answer;
	int status = WEIR_MORE;

	if (!source.shared && source_share(w, NULL) == -1)
		return (-1);
	if (source.files == NULL)
		return (weir_origin(w, source.range, source.counter.bytes,
		    source.counter.records + 1));
	if (weir_job(w) && source.spool == NULL && files_need_spool(source.files)) {
		if ((source.spool = spool_open(w, STDIN_FILENO, source.spool_max)) == NULL)
			return (-1);
		files_spool(source.files, source.spool);
	}
	if (!source.header)
		return (WEIR_OK);
	while (status == WEIR_MORE) {
		answer = files_header(source.files, source_now_ms(), &chunk);
		if (answer == INPUT_HEADER)
			return (weir_set_header(w, chunk.data, chunk.len));
		status = source_answer(w, answer);
	}
	return (status);
}

static int
source_count(struct weir *w, size_t most)
{
	char *room;
	size_t have, len, n;

	if ((room = weir_reserve(w, COUNTER_LINE, &have)) == NULL)
		return (-1);
	len = counter_fill(&source.counter, room, have, most, &n);
	if (len == 0)
		return (WEIR_OK);
	if (weir_commit(w, len, n) == -1)
		return (-1);
	pace_sent(&source.pace, n);
	return (WEIR_MORE);
}

static int
source_read(struct weir *w, size_t most)
{
	struct weir_record beginning = { .len = 0 };
	struct input_chunk chunk;
	enum input_answer answer;
	char *room;
	size_t have;
	int status = 0;

	if ((room = weir_reserve(w, files_want(source.files), &have)) == NULL)
		return (-1);
	answer = files_read(source.files, room, have, most, source_now_ms(), &chunk);
	switch (answer) {
	case INPUT_LINES:
		pace_sent(&source.pace, chunk.n);
		status = weir_commit(w, chunk.len, chunk.n);
		break;
	case INPUT_PLACE:
		status = weir_origin(w, chunk.name, chunk.byte, chunk.record);
		break;
	case INPUT_LONG:
		beginning.data = chunk.data;
		beginning.len = (uint32_t)chunk.len;
		status = weir_bad(w, &beginning, "record over %llu bytes (--max-record)",
		    (unsigned long long)source.max_record);
		break;
	case INPUT_WAIT:
		pace_idle(&source.pace);
		return (source_answer(w, answer));
	default:
		return (source_answer(w, answer));
	}
	return (status == -1 ? -1 : WEIR_MORE);
}

static int
source_produce(struct weir *w)
{
	uint64_t now_ns;
	size_t most = SIZE_MAX;

	if (source.rate != SOURCE_NO_RATE) {
		now_ns = source_now_ns();
		if ((most = pace_due(&source.pace, now_ns)) == 0)
			return (source_wait(w, -1, pace_wait_ms(&source.pace, now_ns)));
	}
	return (source.files == NULL ? source_count(w, most) : source_read(w, most));
}

static int
source_close(struct weir *w, int ok)
{
	(void)w;
	(void)ok;
	files_free(source.files);
	spool_free(source.spool);
	source.files = NULL;
	source.spool = NULL;
	return (0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI,
	.name = "source",
	.synopsis = "[FILE or - or 'PATTERN']...",
	.summary = "read files, standard input or a counter into a stream",
	.options = source_options,
	.setup = source_setup,
	.open = source_open,
	.produce = source_produce,
	.snapshot = source_snapshot,
	.restore = source_restore,
	.complete = source_complete,
	.close = source_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
