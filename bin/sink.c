/*
 * sink: write a stream to a file, to standard output, or to a command.
 *
 * In a job the output of epoch N waits in a journal until checkpoint N is
 * complete; only then is it published.  Hence:
 *  - a reader of a FILE never sees a record that could be taken back;
 *  - redoing a commit writes the same bytes at the same offset;
 *  - a COMMAND is given the same epoch under the same id until it exits 0.
 * Without a job records are written as they come; what could not be written whole
 * is cut off again.
 * Relies on: one sink subtask per FILE (it holds the file's lock); text that ends
 * with a newline; SIGPIPE ignored by the runtime.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "feed.h"
#include "fields.h"
#include "latest.h"
#include "weir.h"

static const char *table_set(const char *);

static struct {
	int			 append, truncate;	/* options */
	const char		*table;			/* FIELD; NULL: no --table */
	uint64_t		 memory;

	struct weir_output	*output;		/* one of these three */
	struct feed		*feed;
	struct latest		*latest;
} sink = { .memory = 256U << 20 };

static const struct weir_option sink_options[] = {
	{ .letter = 'a', .name = "append", .type = WEIR_FLAG, .to = &sink.append,
	    .help = "keep what FILE holds, write behind it" },
	{ .name = "truncate", .type = WEIR_FLAG, .to = &sink.truncate,
	    .help = "drop what FILE holds" },
	{ .name = "table", .arg = "[=FIELD]", .type = WEIR_CALL, .set = table_set,
	    .help = "FILE holds the last record of each key (default: field 1)" },
	{ .letter = 'M', .name = "memory", .arg = "SIZE", .type = WEIR_SIZE, .to = &sink.memory,
	    .help = "with --table: the bound of its memory (default 256M)" },
	FIELDS_OPTIONS,
	{ .name = NULL }
};

static const char *
table_set(const char *arg)
{
	sink.table = arg == NULL ? "1" : arg;
	return (NULL);
}

/* A descriptor of our own, so that closing it can tell what went wrong late. */
static int
setup_standard(struct weir *w)
{
	int fd, flags;

	if (sink.append || sink.truncate)
		return (weir_misuse(w, "--append and --truncate are for a FILE"));
	if (sink.table != NULL)
		return (weir_misuse(w, "--table is for a FILE"));
	/* The runtime has put something unwritable where it was closed. */
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return (weir_misuse(w, "standard output is closed; name a FILE"));
	if ((fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
		return (weir_error(w, "standard output: %s", strerror(errno)));
	sink.output = weir_output_fd(w, "output", fd, "standard output");
	return (sink.output != NULL ? 0 : -1);
}

static int
setup_table(struct weir *w, const char *file)
{
	if (sink.append)
		return (weir_misuse(w, "--append and --table: a table is replaced as a whole"));
	if (sink.memory == 0)
		return (weir_misuse(w, "-M 0: no key fits into that"));
	weir_memory(w, sink.memory);
	weir_records(w);
	sink.latest = latest_new(w, file, sink.table, sink.truncate ? WEIR_TRUNCATE :
	    WEIR_REFUSE, "--truncate drops them");
	return (sink.latest != NULL ? 0 : -1);
}

static int
setup_command(struct weir *w, char *argv[])
{
	if (argv[0] == NULL)
		return (weir_misuse(w, "behind -- comes a COMMAND"));
	if (sink.append || sink.truncate || sink.table != NULL)
		return (weir_misuse(w, "--append, --truncate and --table are for a FILE, not for "
		    "a COMMAND"));
	sink.feed = feed_new(w, argv);
	return (sink.feed != NULL ? 0 : -1);
}

static int
sink_setup(struct weir *w, int argc, char *argv[])
{
	const char *why;

	if (weir_command(w))
		return (setup_command(w, argv));
	if (argc > 1)
		return (weir_misuse(w, "one FILE, not %d", argc));
	if (sink.append && sink.truncate)
		return (weir_misuse(w, "--append or --truncate, not both"));
	if (sink.table == NULL && fields_own())
		return (weir_misuse(w, "-t and -W are for --table"));
	if ((why = fields_check()) != NULL)
		return (weir_misuse(w, "%s", why));
	if (argc == 0 || strcmp(argv[0], "-") == 0)
		return (setup_standard(w));
	if (sink.table != NULL)
		return (setup_table(w, argv[0]));
	sink.output = weir_output_file(w, "output", argv[0], sink.append ? WEIR_APPEND :
	    sink.truncate ? WEIR_TRUNCATE : WEIR_REFUSE,
	    "--append keeps them, --truncate drops them");
	return (sink.output != NULL ? 0 : -1);
}

static int
header_write(struct weir *w)
{
	const char	*header;
	char		*line;
	size_t		 len;
	int		 bad;

	if ((header = weir_header(w, &len)) == NULL || weir_output_size(sink.output) > 0)
		return (0);
	if ((line = malloc(len + 1)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	memcpy(line, header, len);
	line[len] = '\n';
	bad = weir_output_write(sink.output, line, len + 1);
	free(line);
	return (bad);
}

static int
sink_open(struct weir *w)
{
	int status;

	if (sink.feed != NULL)
		return (feed_open(sink.feed));
	if (sink.latest != NULL)
		return (latest_open(sink.latest));
	if ((status = weir_output_open(sink.output)) != WEIR_OK)
		return (status);
	return (header_write(w));
}

static int
sink_text(struct weir *w, const char *text, size_t len)
{
	(void)w;
	return (sink.feed != NULL ? feed_text(sink.feed, text, len) :
	    weir_output_write(sink.output, text, len));
}

static long
sink_batch(struct weir *w, const struct weir_record *r, size_t n)
{
	(void)w;
	return (latest_batch(sink.latest, r, n));
}

static int
sink_snapshot(struct weir *w, uint64_t checkpoint)
{
	(void)w;
	(void)checkpoint;
	return (sink.latest != NULL ? latest_snapshot(sink.latest) : 0);
}

static int
sink_close(struct weir *w, int ok)
{
	(void)w;
	if (sink.feed != NULL)
		return (feed_close(sink.feed, ok));
	if (sink.latest != NULL)
		return (latest_close(sink.latest, ok));
	return (sink.output != NULL ? weir_output_close(sink.output) : 0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI,
	.name = "sink",
	.synopsis = "[FILE or -] or -- COMMAND [ARG]...",
	.summary = "write a stream to a file, to standard output, or to a command",
	.options = sink_options,
	.flags = WEIR_SINK | WEIR_ALONE | WEIR_OWN_KEYS,
	.setup = sink_setup,
	.open = sink_open,
	.text = sink_text,
	.batch = sink_batch,
	.snapshot = sink_snapshot,
	.close = sink_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
