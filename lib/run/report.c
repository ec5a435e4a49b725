/*
 * report: what is wrong, said once.
 *
 * An error keeps its sentence where it happened; weir_main() speaks it at the
 * end.  The first sentence counts: what follows from it is not news.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct report {
	uint64_t	 bad;
	struct weir_output *divert;		/* NULL: they are not kept */
	char		 path[1024];
	struct buf	 line;
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
		w->job->broken_ms = now_ms();
	}
	va_end(ap);
	return (-1);
}

int
neighbour_lost(struct weir *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(w, w->set.job != NULL ? WEIR_AGAIN : WEIR_FAILED, fmt, ap);
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

/* A divert file obeys the rules of sink's FILE. */
int
report_open(struct weir *w)
{
	struct report	*r;

	if ((r = w->report = calloc(1, sizeof(*r))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	if (w->set.on_error != ON_ERROR_DIVERT)
		return (0);
	if (w->set.parallelism > 1)
		snprintf(r->path, sizeof(r->path), "%s.%u", w->set.divert, w->subtask);
	else
		snprintf(r->path, sizeof(r->path), "%s", w->set.divert);
	r->divert = output_file(w, "divert", r->path, WEIR_REFUSE,
	    "remove it, or divert to another file", "divert to");
	return (r->divert != NULL ? 0 : -1);
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
		    r->bad == 1 ? "" : "s", r->divert != NULL ? "diverted to " : "skipped",
		    r->divert != NULL ? r->path : "");
	if (r->divert != NULL)
		failed = weir_output_close(r->divert);
	buf_free(&r->line);
	free(r);
	w->report = NULL;
	return (failed);
}

static int
divert(struct weir *w, const struct weir_record *rec)
{
	struct report *r = w->report;

	r->line.len = 0;
	if (buf_add(&r->line, rec->data, rec->len) == -1 || buf_add(&r->line, "\n", 1) == -1)
		return (weir_error(w, "divert to %s: %s", r->path, strerror(errno)));
	return (weir_output_write(r->divert, (const char *)r->line.data, r->line.len));
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
