/*
 * report: what is wrong, said once.
 *
 * An error keeps its sentence where it happened; weir_main() speaks it at the
 * end.  The first sentence counts: what follows from it is not news.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

struct report {
	uint64_t	 bad;
	int		 fd;			/* the divert file; -1 */
	int		 regular;
	off_t		 bytes;			/* of whole records in it */
	char		 path[1024];
};

static int WEIR_PRINTF(3, 0)
keep(struct weir *w, int status, const char *fmt, va_list ap)
{
	if (w->status == 0) {
		w->status = status;
		vsnprintf(w->sentence, sizeof(w->sentence), fmt, ap);
	}
	return (-1);
}

int
weir_error(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(w, WEIR_FAILED, fmt, ap);
	va_end(ap);
	return (-1);
}

int
weir_misuse(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(w, WEIR_USAGE, fmt, ap);
	va_end(ap);
	return (-1);
}

int
link_lost(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (w->job == NULL)
		keep(w, WEIR_FAILED, fmt, ap);
	else if (!w->job->broken) {
		log_vsay(LOG_DEBUG, fmt, ap);
		w->job->broken = 1;
	}
	va_end(ap);
	return (-1);
}

void
weir_warn(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	log_vsay(LOG_WARN, fmt, ap);
	va_end(ap);
}

void
weir_debug(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	(void)w;
	va_start(ap, fmt);
	log_vsay(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

/* A divert file obeys the rules of sink's FILE: it must be new or empty. */
int
report_open(struct weir *w)
{
	struct report	*r;
	struct stat	 st;

	if ((r = w->report = calloc(1, sizeof(*r))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	r->fd = -1;
	if (w->set.on_error != ON_ERROR_DIVERT)
		return (0);
	if (w->set.parallelism > 1)
		snprintf(r->path, sizeof(r->path), "%s.%u", w->set.divert, w->subtask);
	else
		snprintf(r->path, sizeof(r->path), "%s", w->set.divert);
	r->fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (r->fd == -1 || fstat(r->fd, &st) == -1)
		return (weir_error(w, "divert to %s: %s", r->path, strerror(errno)));
	r->regular = S_ISREG(st.st_mode);
	if (r->regular && st.st_size > 0)
		return (weir_misuse(w, "%s: %lld bytes are there that this run did not write; "
		    "remove it, or divert to another file", r->path, (long long)st.st_size));
	return (0);
}

int
report_close(struct weir *w)
{
	struct report	*r = w->report;
	int		 failed = 0;

	if (r == NULL)
		return (0);
	if (r->bad > 0 && w->set.on_error != ON_ERROR_FAIL)
		log_say(LOG_WARN, "%llu bad record%s %s%s", (unsigned long long)r->bad,
		    r->bad == 1 ? "" : "s", r->fd != -1 ? "diverted to " : "skipped",
		    r->fd != -1 ? r->path : "");
	if (r->fd != -1 && close(r->fd) == -1)
		failed = weir_error(w, "divert to %s: %s", r->path, strerror(errno));
	free(r);
	w->report = NULL;
	return (failed);
}

static int
piece_write(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		if ((n = write(fd, p, len)) > 0) {
			p += n;
			len -= (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			errno = n == 0 ? EIO : errno;
			return (-1);
		}
	}
	return (0);
}

/* What cannot be written whole is cut off again. */
static int
divert(struct weir *w, const struct weir_record *rec)
{
	struct report	*r = w->report;

	if (piece_write(r->fd, rec->data, rec->len) == 0 && piece_write(r->fd, "\n", 1) == 0) {
		r->bytes += (off_t)rec->len + 1;
		return (0);
	}
	weir_error(w, "divert to %s: %s", r->path, strerror(errno));
	if (r->regular && ftruncate(r->fd, r->bytes) == -1)
		weir_warn(w, "%s: the line at byte %lld is not whole and cannot be cut off: %s",
		    r->path, (long long)r->bytes, strerror(errno));
	return (-1);
}

static int
bad(struct weir *w, const char *place, const struct weir_record *rec, const char *reason)
{
	w->report->bad++;
	if (w->set.on_error == ON_ERROR_FAIL)
		return (weir_error(w, "%s: %s", place, reason));
	log_say(LOG_DEBUG, "%s: %s", place, reason);
	if (w->set.on_error == ON_ERROR_DIVERT && rec != NULL)
		return (divert(w, rec));
	return (0);
}

int
weir_bad(struct weir *w, const struct weir_record *rec, const char *fmt, ...)
{
	char	 place[FRAME_ORIGIN + 64], reason[512];
	va_list	 ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	report_place(w, rec, place, sizeof(place));
	return (bad(w, place, rec, reason));
}

int
weir_bad_at(struct weir *w, const char *place, const char *data, size_t len, const char *fmt, ...)
{
	struct weir_record	 rec = { .data = data, .len = (uint32_t)len };
	char			 reason[512];
	va_list			 ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return (bad(w, place, &rec, reason));
}

void
weir_place(const struct weir *w, const struct weir_record *r, char *buf, size_t size)
{
	report_place(w, r, buf, size);
}
