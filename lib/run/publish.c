/*
 * publish: how an output's bytes become visible, in the writer.
 *
 * A range comes when its checkpoint is complete, and again after a death that
 * nobody knows the moment of: what is done here can be done twice.
 */
#include <sys/stat.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define PIECE_BYTES	(256 * 1024)	/* written to a stream at a time */

/* 0, or -1 and errno.  Of a reader that has gone nobody is told, unless there is
 * a verb of its own: these bytes were wanted. */
int
output_stream(struct weir_output *o, const char *text, size_t len)
{
	struct pollfd	pfd = { .fd = o->file.fd, .events = POLLOUT };
	ssize_t		n;

	while (len > 0 && !o->gone) {
		if ((n = write(o->file.fd, text, len)) >= 0) {
			text += n;
			len -= (size_t)n;
		} else if ((errno == EPIPE || errno == ECONNRESET) && o->verb == NULL)
			o->gone = 1;
		else if (errno == EAGAIN)
			poll(&pfd, 1, -1);	/* somebody else made it so */
		else if (errno != EINTR)
			return (-1);
	}
	return (0);
}

static int
file_check(struct weir_output *o, struct weir_range *r)
{
	uint64_t	least = o->file.base + r->from, size;
	struct stat	st;

	if (fstat(o->file.fd, &st) == -1)
		return (weir_range_error(r, "%s: %s", o->what, strerror(errno)));
	size = (uint64_t)st.st_size;
	if (size >= least && size <= (o->longest > least ? o->longest : least))
		return (0);
	return (weir_range_error(r, "%s: has %llu bytes, I had written %llu; somebody else "
	    "writes to it", o->what, (unsigned long long)size, (unsigned long long)least));
}

/*
 * The first bytes of a file that is new are not copied: they become the file, as a
 * part file of Flink's FileSink is renamed when it is committed.  But who has it
 * open already would look at the old one for ever, and a symbolic link would be
 * replaced itself.  1: done; 0: they have to be copied; -1.
 */
static int
file_give(struct weir_output *o, struct weir_range *r)
{
	struct stat ours, there;

	if (r->from != 0 || o->file.base != 0 || fstat(o->file.fd, &ours) == -1 ||
	    ours.st_size != 0 || lstat(o->file.path, &there) == -1 ||
	    ours.st_dev != there.st_dev || ours.st_ino != there.st_ino ||
	    !file_lonely(o->file.fd))
		return (0);
	return (journals_give(r, o->file.fd, o->file.path));
}

int
publish_file(struct weir_range *r, void *arg)
{
	struct weir_output	*o = arg;
	int			 given;

	if (file_check(o, r) == -1 || (given = o->file.path == NULL ? 0 : file_give(o, r)) == -1)
		return (-1);
	if (!given && weir_range_copy(r, o->file.fd, (int64_t)(o->file.base + r->from),
	    o->what) == -1)
		return (-1);
	STEP("file-written");
	if ((given || !o->entered) && outfile_sync_directory(o->file.path) == -1)
		return (weir_range_error(r, "sync the directory of %s: %s", o->what,
		    strerror(errno)));
	o->entered = 1;
	o->longest = o->file.base + r->to;
	return (0);
}

static int
stream_sync(struct weir_output *o)
{
	struct stat st;

	if (fstat(o->file.fd, &st) == -1)
		return (-1);
	return (S_ISREG(st.st_mode) ? fsync(o->file.fd) : 0);
}

int
publish_stream(struct weir_range *r, void *arg)
{
	struct weir_output	*o = arg;
	uint64_t		 at;
	size_t			 n;
	char			*piece;
	int			 bad = 0;

	if ((piece = malloc(PIECE_BYTES)) == NULL)
		return (weir_range_error(r, "%s %s: %s", output_verb(o), o->what, strerror(errno)));
	for (at = r->from; at < r->to && !bad && !o->gone; at += n) {
		n = r->to - at < PIECE_BYTES ? (size_t)(r->to - at) : PIECE_BYTES;
		if ((bad = weir_range_read(r, at, piece, n)) == 0 &&
		    output_stream(o, piece, n) == -1)
			bad = weir_range_error(r, "%s %s: %s", output_verb(o), o->what,
			    strerror(errno));
	}
	free(piece);
	STEP("stream-written");
	if (!bad && stream_sync(o) == -1)
		bad = weir_range_error(r, "sync %s: %s", o->what, strerror(errno));
	return (bad ? -1 : o->gone && o->quits);
}
