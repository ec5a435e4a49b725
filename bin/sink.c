/*
 * sink: write a stream to a file or to standard output, a line a record.
 *
 * A regular FILE is written at an offset that only this sink knows, under an
 * exclusive lock, and holds whole records whenever a call returns: what could
 * not be written whole is cut off again.  A FILE that already holds something is
 * touched only as --append or --truncate say.  Anything else (a FIFO, a device,
 * standard output) is written to as it comes; when its reader is gone the
 * pipeline ends well.
 * Relies on: text that ends with a newline; SIGPIPE ignored by the runtime.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "weir.h"

#define SINK_LOOK_MS	20	/* how often a FIFO without a reader is tried */

static struct {
	int		 append, truncate;	/* options */

	const char	*name;		/* for messages */
	int		 fd;		/* -1: not open yet, or no longer */
	int		 regular;	/* a FILE of ours: offset holds */
	off_t		 offset;	/* behind the last whole record */
	int		 gone;		/* nobody reads what is written */
} sink = { .fd = -1 };

static const struct weir_option sink_options[] = {
	{ .letter = 'a', .name = "append", .type = WEIR_FLAG, .to = &sink.append,
	    .help = "keep what FILE holds, write behind it" },
	{ .name = "truncate", .type = WEIR_FLAG, .to = &sink.truncate,
	    .help = "drop what FILE holds" },
	{ .name = NULL }
};

/* A record behind an unfinished line would become part of it. */
static int
sink_check_end(struct weir *w)
{
	char last = '\n';
	int fd, status = 0;

	if ((fd = open(sink.name, O_RDONLY | O_CLOEXEC)) == -1)
		return (weir_error(w, "read %s: %s", sink.name, strerror(errno)));
	if (pread(fd, &last, 1, sink.offset - 1) == -1)
		status = weir_error(w, "read %s: %s", sink.name, strerror(errno));
	else if (last != '\n')
		status = weir_misuse(w, "%s: its last line has no newline, a record would be "
		    "glued to it; add one (echo >>%s), cut that line off, or --truncate",
		    sink.name, sink.name);
	close(fd);
	return (status);
}

/* A FILE of ours; nothing is written or dropped before the inputs are there. */
static int
sink_lock(struct weir *w)
{
	struct stat st;

	if (flock(sink.fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			return (weir_error(w, "%s: in use by another sink", sink.name));
		return (weir_error(w, "lock %s: %s", sink.name, strerror(errno)));
	}
	if (fstat(sink.fd, &st) == -1)
		return (weir_error(w, "%s: %s", sink.name, strerror(errno)));
	if (st.st_size == 0 || sink.truncate)
		return (0);
	if (!sink.append)
		return (weir_misuse(w, "%s: %lld bytes are there that this job did not write; "
		    "--append keeps them, --truncate drops them", sink.name,
		    (long long)st.st_size));
	sink.offset = st.st_size;
	return (sink_check_end(w));
}

static int
sink_blocking(struct weir *w)
{
	int flags;

	if ((flags = fcntl(sink.fd, F_GETFL)) == -1 ||
	    fcntl(sink.fd, F_SETFL, flags & ~O_NONBLOCK) == -1)
		return (weir_error(w, "%s: %s", sink.name, strerror(errno)));
	return (0);
}

/* WEIR_WAIT: a FIFO that nobody has opened for reading yet. */
static int
sink_open_file(struct weir *w)
{
	struct stat st;

	sink.fd = open(sink.name, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
	if (sink.fd == -1) {
		if (errno == ENXIO && stat(sink.name, &st) == 0 && S_ISFIFO(st.st_mode))
			return (WEIR_WAIT);
		return (weir_misuse(w, "%s: %s", sink.name, strerror(errno)));
	}
	if (fstat(sink.fd, &st) == -1)
		return (weir_error(w, "%s: %s", sink.name, strerror(errno)));
	sink.regular = S_ISREG(st.st_mode);
	return (sink.regular ? sink_lock(w) : sink_blocking(w));
}

/* A descriptor of our own, so that closing it can tell what went wrong late. */
static int
sink_open_standard(struct weir *w)
{
	int flags;

	if (sink.append || sink.truncate)
		return (weir_misuse(w, "--append and --truncate are for a FILE"));
	/* The runtime has put something unwritable where it was closed. */
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags == -1 || (flags & O_ACCMODE) == O_RDONLY)
		return (weir_misuse(w, "standard output is closed; name a FILE"));
	sink.name = "standard output";
	if ((sink.fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) == -1)
		return (weir_error(w, "%s: %s", sink.name, strerror(errno)));
	return (0);
}

static int
sink_setup(struct weir *w, int argc, char *argv[])
{
	/* Over a file size limit a write then fails with EFBIG. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc > 1)
		return (weir_misuse(w, "one FILE, not %d", argc));
	if (sink.append && sink.truncate)
		return (weir_misuse(w, "--append or --truncate, not both"));
	if (argc == 0 || strcmp(argv[0], "-") == 0)
		return (sink_open_standard(w));
	sink.name = argv[0];
	return (sink_open_file(w) == -1 ? -1 : 0);
}

/* Only `done` of these bytes could be written: keep the whole lines of them. */
static int
sink_cut(struct weir *w, const char *text, size_t done, int why)
{
	size_t whole = done;

	while (whole > 0 && text[whole - 1] != '\n')
		whole--;
	sink.offset += (off_t)whole;
	if (whole < done && ftruncate(sink.fd, sink.offset) == -1)
		weir_warn(w, "%s: the line at byte %lld is not whole and cannot be cut off: %s",
		    sink.name, (long long)sink.offset, strerror(errno));
	return (weir_error(w, "append %s: %s", sink.name, strerror(why)));
}

static int
sink_write_regular(struct weir *w, const char *text, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(sink.fd, text + done, len - done, sink.offset + (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return (sink_cut(w, text, done, n == 0 ? EIO : errno));
	}
	sink.offset += (off_t)len;
	return (0);
}

/* Somebody else may have made standard output non-blocking. */
static int
sink_write_stream(struct weir *w, const char *text, size_t len)
{
	struct pollfd pfd = { .fd = sink.fd, .events = POLLOUT };
	ssize_t n;

	while (len > 0) {
		if ((n = write(sink.fd, text, len)) >= 0) {
			text += n;
			len -= (size_t)n;
		} else if (errno == EPIPE || errno == ECONNRESET) {
			sink.gone = 1;
			weir_quit(w);
			return (0);
		} else if (errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (errno != EINTR)
			return (weir_error(w, "write %s: %s", sink.name, strerror(errno)));
	}
	return (0);
}

static int
sink_text(struct weir *w, const char *text, size_t len)
{
	if (sink.gone)
		return (0);
	return (sink.regular ? sink_write_regular(w, text, len) :
	    sink_write_stream(w, text, len));
}

static int
sink_write_header(struct weir *w)
{
	const char *header;
	char *line;
	size_t len;
	int status;

	if ((header = weir_header(w, &len)) == NULL || sink.offset > 0)
		return (0);
	if ((line = malloc(len + 1)) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	memcpy(line, header, len);
	line[len] = '\n';
	status = sink_text(w, line, len + 1);
	free(line);
	return (status);
}

static int
sink_open(struct weir *w)
{
	int status;

	if (sink.fd == -1 && (status = sink_open_file(w)) != WEIR_OK) {
		weir_wait_fd(w, -1);
		weir_wait_ms(w, SINK_LOOK_MS);
		return (status);
	}
	if (sink.truncate && sink.regular && ftruncate(sink.fd, 0) == -1)
		return (weir_error(w, "truncate %s: %s", sink.name, strerror(errno)));
	return (sink_write_header(w));
}

static int
sink_close(struct weir *w, int ok)
{
	int fd = sink.fd;

	sink.fd = -1;
	if (fd != -1 && close(fd) == -1 && ok && !sink.gone)
		return (weir_error(w, "close %s: %s", sink.name, strerror(errno)));
	return (0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI,
	.name = "sink",
	.synopsis = "[FILE or -]",
	.summary = "write a stream to a file or to standard output",
	.options = sink_options,
	.flags = WEIR_SINK | WEIR_ALONE,
	.setup = sink_setup,
	.open = sink_open,
	.text = sink_text,
	.close = sink_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
