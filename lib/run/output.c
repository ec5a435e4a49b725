/*
 * output: text for the outside.
 *
 * Without a job it is written through.  In a job it is appended to a journal; the
 * writer publishes what a complete checkpoint covers.
 *  - A regular file: its offset is the journal's position plus what the file held
 *    before the job (base, part of the operator state).  Publishing again writes
 *    the same bytes to the same place: nobody has to remember what is published.
 *  - Anything else gets each epoch once, again only after a death in between.
 *  - Of a job that was restored with a new file the base is below 0: it wraps, and
 *    what the journal has from before is not published.
 *  - A file that is replaced as a whole is version.c's.
 * What publish (publish.c) uses, in the writer, does not change once it is open.
 */
#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

static struct weir_output *
output_new(struct weir *w, const char *name, const char *what)
{
	struct weir_output *o;

	if ((o = calloc(1, sizeof(*o))) == NULL) {
		weir_error(w, "%s: %s", what, strerror(errno));
		return (NULL);
	}
	o->w = w;
	if ((o->what = strdup(what)) == NULL) {
		free(o);
		weir_error(w, "%s: %s", what, strerror(errno));
		return (NULL);
	}
	strlcpy(o->name, name, sizeof(o->name));
	snprintf(o->part, sizeof(o->part), "output:%s", name);
	o->file.fd = -1;
	o->next = w->outputs;
	w->outputs = o;
	return (o);
}

struct weir_output *
output_file(struct weir *w, const char *name, const char *path, enum weir_fill fill,
    const char *cure, const char *own_verb)
{
	struct weir_output	*o;
	int			 status;

	if (outfile_look(w, path) == -1 || (o = output_new(w, name, path)) == NULL)
		return (NULL);
	o->verb = own_verb;
	o->file.path = o->what;
	o->file.fill = fill;
	o->file.cure = cure;
	if (weir_job(w))
		return (o);
	/* said before anything is connected; a FIFO may wait until then */
	status = outfile_open(w, &o->file, 1);
	if (status == -1 || (status == WEIR_OK && outfile_begin(w, &o->file) == -1))
		return (NULL);
	return (o);
}

struct weir_output *
weir_output_file(struct weir *w, const char *name, const char *path, enum weir_fill fill,
    const char *cure)
{
	struct weir_output *o = output_file(w, name, path, fill, cure, NULL);

	if (o != NULL)
		o->quits = 1;
	return (o);
}

struct weir_output *
output_fd(struct weir *w, const char *name, int fd, const char *what)
{
	struct weir_output *o;

	if ((o = output_new(w, name, what)) != NULL)
		o->file.fd = fd;
	return (o);
}

struct weir_output *
weir_output_fd(struct weir *w, const char *name, int fd, const char *what)
{
	struct weir_output *o = output_fd(w, name, fd, what);

	if (o != NULL)
		o->quits = 1;
	return (o);
}

const char *
output_verb(const struct weir_output *o)
{
	return (o->verb != NULL ? o->verb : o->file.regular ? "append" : "write");
}

/*
 * Writing.
 */

/* Only `done` of these bytes could be written: keep the whole lines of them. */
static int
file_cut(struct weir_output *o, const char *text, size_t done, int why)
{
	size_t whole = done;

	while (whole > 0 && text[whole - 1] != '\n')
		whole--;
	o->bytes += whole;
	if (whole < done && ftruncate(o->file.fd, (off_t)weir_output_size(o)) == -1)
		weir_warn(o->w, "%s: the line at byte %llu is not whole and cannot be cut off: %s",
		    o->what, (unsigned long long)weir_output_size(o), strerror(errno));
	return (weir_error(o->w, "%s %s: %s", output_verb(o), o->what, strerror(why)));
}

static int
file_write(struct weir_output *o, const char *text, size_t len)
{
	off_t	at = (off_t)weir_output_size(o);
	size_t	done = 0;
	ssize_t	n;

	while (done < len) {
		n = pwrite(o->file.fd, text + done, len - done, at + (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return (file_cut(o, text, done, n == 0 ? EIO : errno));
	}
	o->bytes += len;
	return (0);
}

int
weir_output_write(struct weir_output *o, const char *text, size_t len)
{
	if (o->gone)
		return (0);
	if (o->journal != NULL)
		return (weir_journal_append(o->journal, text, len));
	if (o->file.regular)
		return (file_write(o, text, len));
	return (output_write_now(o, text, len));
}

int
output_write_now(struct weir_output *o, const char *text, size_t len)
{
	if (output_stream(o, text, len) == -1)
		return (weir_error(o->w, "%s %s: %s", output_verb(o), o->what, strerror(errno)));
	if (o->gone && o->quits)
		weir_quit(o->w);
	return (0);
}

uint64_t
weir_output_size(const struct weir_output *o)
{
	return (o->file.base + (o->journal != NULL ? weir_journal_end(o->journal) : o->bytes));
}

int
output_gone(const struct weir_output *o)
{
	return (o->gone);
}

/*
 * Opening.
 */

static int
state_save(void *arg, struct buf *b)
{
	const struct weir_output *o = arg;

	return (buf_add_uint(b, o->file.base, 8));
}

/* 1: a checkpoint knows this output. */
static int
state_restore(struct weir_output *o)
{
	struct buf	 b;
	const void	*state;
	size_t		 len;

	if ((state = part_restored(o->w, o->part, &len)) == NULL)
		return (0);
	buf_borrow(&b, state, len);
	if (buf_get_uint(&b, &o->file.base, 8) == -1)
		return (weir_misuse(o->w, "%s: what checkpoint %llu says of it is damaged",
		    o->what, (unsigned long long)o->w->job->m.restore));
	return (1);
}

/* A job that was restored may continue in a file that has nothing of it. */
static int
file_anew(struct weir_output *o, uint64_t to)
{
	struct stat	st;
	size_t		len;

	if (!o->file.regular || part_restored(o->w, OPSTATE_RESTORED, &len) == NULL)
		return (0);
	if (fstat(o->file.fd, &st) == -1)
		return (weir_error(o->w, "%s: %s", o->what, strerror(errno)));
	if (st.st_size == 0)
		o->file.base = 0 - to;
	return (0);
}

/* A crash may have come between its getting its name and that being durable: what
 * comes from now on counts on it. */
static int
file_resume(struct weir_output *o, uint64_t start, uint64_t to)
{
	if (outfile_resume(o->w, &o->file, start, to) == -1)
		return (-1);
	if (o->file.regular && outfile_sync_directory(o->file.path) == -1)
		return (weir_error(o->w, "sync the directory of %s: %s", o->what,
		    strerror(errno)));
	return (0);
}

/* Is the file as it has to be? */
static int
file_settle(struct weir_output *o, int known, uint64_t start, uint64_t to)
{
	if (o->file.path == NULL)
		return (0);
	if (known && o->whole)
		return (0);
	if (known)
		return (file_anew(o, to) == -1 ? -1 : file_resume(o, start, to));
	if (outfile_begin(o->w, &o->file) == -1)
		return (-1);
	return (o->whole ? 0 : outfile_truncate(o->w, &o->file));
}

/* Somebody who sees nothing for an interval thinks that it hangs. */
static void
patience(const struct weir_output *o, int known)
{
	if (known || o->w->subtask != 0 || o->file.regular || !isatty(o->file.fd))
		return;
	if (o->w->job->checkpoints)
		weir_warn(o->w, "first output at checkpoint 1");
	else
		weir_warn(o->w, "output comes at the end: checkpoints are not asked for (-c)");
}

static int
held_open(struct weir_output *o)
{
	uint64_t	start, to;
	size_t		len;
	int		known, status = WEIR_OK;

	if (o->journal == NULL && (o->journal = weir_journal(o->w, o->name, 0)) == NULL)
		return (-1);
	if ((known = state_restore(o)) == -1)
		return (-1);
	start = weir_journal_start(o->journal);
	to = weir_journal_end(o->journal);
	if (o->file.path != NULL)
		status = outfile_open(o->w, &o->file, !known || o->whole ||
		    (int64_t)(o->file.base + start) <= 0 ||
		    part_restored(o->w, OPSTATE_RESTORED, &len) != NULL);
	if (status != WEIR_OK)
		return (status);
	STEP("file-opened");
	if (file_settle(o, known, start, to) == -1)
		return (-1);
	STEP("file-settled");
	patience(o, known);
	o->longest = o->file.base + to;
	if ((int64_t)o->file.base < 0)
		journals_skip(o->journal, 0 - o->file.base);
	if (o->file.regular && o->file.path != NULL && !o->whole)
		journals_whole(o->journal);
	if (weir_journal_publish(o->journal, o->whole ? publish_whole : o->file.regular ?
	    publish_file : publish_stream, o, o->file.regular ? 0 : WEIR_ONCE) == -1)
		return (-1);
	return (part_add(o->w, o->part, state_save, o));
}

static int
through_open(struct weir_output *o)
{
	int status;

	if (o->file.fd == -1 && ((status = outfile_open(o->w, &o->file, 1)) != WEIR_OK ||
	    (status = outfile_begin(o->w, &o->file)) != 0))
		return (status);
	return (o->whole ? WEIR_OK : outfile_truncate(o->w, &o->file));
}

int
weir_output_open(struct weir_output *o)
{
	int status;

	if (o->open)
		return (WEIR_OK);
	status = weir_job(o->w) ? held_open(o) : through_open(o);
	o->open = status == WEIR_OK;
	return (status);
}

/*
 * Closing.  In a job the writer may be at it: what matters is synced there.
 */

int
weir_output_close(struct weir_output *o)
{
	int fd = o->file.fd;

	if (weir_job(o->w) || fd == -1)
		return (0);
	o->file.fd = -1;
	if (close(fd) == -1 && !o->gone)
		return (weir_error(o->w, "%s %s: %s", o->verb != NULL ? o->verb : "close",
		    o->what, strerror(errno)));
	return (0);
}

void
outputs_free(struct weir *w)
{
	struct weir_output *o;

	while ((o = w->outputs) != NULL) {
		w->outputs = o->next;
		if (o->file.fd != -1)
			close(o->file.fd);
		free(o->what);
		free(o);
	}
}

/* WEIR_OK, or as weir_output_open(): the runtime's own, divert and text. */
int
outputs_open(struct weir *w)
{
	struct weir_output	*o;
	int			 status;

	for (o = w->outputs; o != NULL; o = o->next)
		if (!o->quits && (status = weir_output_open(o)) != WEIR_OK)
			return (status);
	return (WEIR_OK);
}
