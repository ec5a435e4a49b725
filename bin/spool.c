/*
 * spool: standard input that cannot be read again, kept in a journal.
 *
 * Two journals.  "spool" has the bytes; where an input ends without a newline one
 * is added, so that the next does not continue its last record.  "stdin" has an
 * entry for each input: where in the spool it begins, and who it is.  The entry is
 * appended before the first byte, and the journals are written in that order.
 *
 * Invariants: at <= the spool's end; begins[i] ascend; before begins[next] lies
 * all that may be handed out before SPOOL_END is told.
 */
#include <sys/stat.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool.h"

#define SPOOL_ENTRY	32	/* bytes: offset, device, inode, holder: 8 each */
#define SPOOL_IDS	3
#define SPOOL_HELD	64	/* checkpoints that are not complete: the latest */

struct release {
	uint64_t	 checkpoint, position;
};

struct spool {
	struct weir		*w;
	struct weir_journal	*bytes, *inputs;
	int			 fd;
	uint64_t		 at;		/* the next byte to hand out */
	uint64_t		 most, needed;	/* from needed on, at most so many */
	uint64_t		*begins;	/* of the inputs */
	size_t			 n, next;
	char			 last;		/* byte of the spool */
	int			 over;		/* fd has ended */
	struct release		 held[SPOOL_HELD];
	size_t			 nheld;
};

static void
spool_put(unsigned char *p, uint64_t value)
{
	size_t i;

	for (i = 0; i < 8; i++)
		p[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t
spool_get(const unsigned char *p)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < 8; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return (value);
}

/* Who standard input is: a terminal is another one for each run of the job. */
static int
spool_identify(struct spool *s, unsigned char *id)
{
	struct stat st;

	if (fstat(s->fd, &st) == -1)
		return (weir_error(s->w, "standard input: %s", strerror(errno)));
	spool_put(id, (uint64_t)st.st_dev);
	spool_put(id + 8, (uint64_t)st.st_ino);
	spool_put(id + 16, (uint64_t)getppid());
	return (0);
}

static int
spool_append(struct spool *s, const char *buf, size_t len)
{
	if (weir_journal_append(s->bytes, buf, len) == -1)
		return (-1);
	s->last = buf[len - 1];
	return (0);
}

/* Where the inputs so far begin; *known: the last of them is this one. */
static int
spool_load(struct spool *s, const unsigned char *id, int *known)
{
	uint64_t from = weir_journal_start(s->inputs), to = weir_journal_end(s->inputs);
	unsigned char entry[SPOOL_ENTRY];

	*known = 0;
	/* one more than there are: this input's may be appended */
	s->begins = calloc((size_t)(to - from) / SPOOL_ENTRY + 1, sizeof(*s->begins));
	if (s->begins == NULL)
		return (weir_error(s->w, "%s", strerror(ENOMEM)));
	for (; to - from >= SPOOL_ENTRY; from += SPOOL_ENTRY) {
		if (weir_journal_read(s->inputs, from, entry, sizeof(entry)) == -1)
			return (-1);
		s->begins[s->n++] = spool_get(entry);
		*known = memcmp(entry + 8, id, 8 * SPOOL_IDS) == 0;
	}
	if (from != to || (s->n > 0 && s->begins[s->n - 1] > weir_journal_end(s->bytes)))
		return (weir_misuse(s->w, "journal \"stdin\": damaged: it does not fit the "
		    "spool; start over with a new job directory"));
	return (0);
}

/* Another input begins, behind all that is there. */
static int
spool_begin(struct spool *s, const unsigned char *id)
{
	unsigned char entry[SPOOL_ENTRY];

	if (s->last != '\n' && spool_append(s, "\n", 1) == -1)
		return (-1);
	s->begins[s->n] = weir_journal_end(s->bytes);
	spool_put(entry, s->begins[s->n++]);
	memcpy(entry + 8, id, 8 * SPOOL_IDS);
	return (weir_journal_append(s->inputs, entry, sizeof(entry)));
}

struct spool *
spool_open(struct weir *w, int fd, uint64_t most)
{
	unsigned char id[8 * SPOOL_IDS];
	struct spool *s;
	uint64_t end;
	int known;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		weir_error(w, "%s", strerror(ENOMEM));
		return (NULL);
	}
	s->w = w;
	s->fd = fd;
	s->most = most;
	s->last = '\n';
	if ((s->inputs = weir_journal(w, "stdin", WEIR_KEEP)) == NULL ||
	    (s->bytes = weir_journal(w, "spool", WEIR_KEEP)) == NULL)
		goto failed;
	s->at = s->needed = weir_journal_start(s->bytes);
	if ((end = weir_journal_end(s->bytes)) > s->at &&
	    weir_journal_read(s->bytes, end - 1, &s->last, 1) == -1)
		goto failed;
	if (spool_identify(s, id) == -1 || spool_load(s, id, &known) == -1 ||
	    (!known && spool_begin(s, id) == -1))
		goto failed;
	return (s);
failed:
	spool_free(s);
	return (NULL);
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	free(s->begins);
	free(s);
}

uint64_t
spool_start(const struct spool *s)
{
	return (weir_journal_start(s->bytes));
}

int
spool_resume(struct spool *s, uint64_t position, int begun, int ended)
{
	uint64_t start = spool_start(s), end = weir_journal_end(s->bytes);

	if (position < start || position > end)
		return (weir_misuse(s->w, "standard input: was read to byte %llu, its spool has "
		    "bytes %llu to %llu; start over with a new job directory",
		    (unsigned long long)position, (unsigned long long)start,
		    (unsigned long long)end));
	s->at = s->needed = position;
	s->next = 0;
	while (s->next < s->n && s->begins[s->next] < position + (begun != 0))
		s->next++;
	s->over = ended && position == end && s->next == s->n;
	return (0);
}

/* What the journal has and was not handed out. */
static enum spool_answer
spool_replay(struct spool *s, uint64_t end, char *buf, size_t len, size_t *got)
{
	if (end - s->at < len)
		len = (size_t)(end - s->at);
	if (weir_journal_read(s->bytes, s->at, buf, len) == -1)
		return (SPOOL_FAILED);
	s->at += len;
	*got = len;
	return (SPOOL_BYTES);
}

static enum spool_answer
spool_take(struct spool *s, char *buf, size_t len, size_t *got)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (s->at - s->needed >= s->most)
		return (weir_want(s->w) == -1 ? SPOOL_FAILED : SPOOL_FULL);
	if (s->most - (s->at - s->needed) < len)
		len = (size_t)(s->most - (s->at - s->needed));
	if (poll(&pfd, 1, 0) <= 0)
		return (SPOOL_WAIT);
	if ((n = read(s->fd, buf, len)) == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return (SPOOL_WAIT);
		weir_error(s->w, "read standard input: %s", strerror(errno));
		return (SPOOL_FAILED);
	}
	if (n == 0) {
		s->over = 1;
		if (s->last == '\n')
			return (SPOOL_END);
		buf[0] = '\n';
		n = 1;
	}
	if (spool_append(s, buf, (size_t)n) == -1)
		return (SPOOL_FAILED);
	s->at += (uint64_t)n;
	*got = (size_t)n;
	return (SPOOL_BYTES);
}

enum spool_answer
spool_read(struct spool *s, char *buf, size_t len, size_t *got)
{
	uint64_t end = s->next < s->n ? s->begins[s->next] : weir_journal_end(s->bytes);

	if (s->at < end)
		return (spool_replay(s, end, buf, len, got));
	if (s->next < s->n || s->over)
		return (SPOOL_END);
	return (spool_take(s, buf, len, got));
}

int
spool_next(struct spool *s)
{
	if (s->next == s->n)
		return (0);
	s->next++;
	return (1);
}

uint64_t
spool_offset(const struct spool *s)
{
	return (s->at);
}

void
spool_release(struct spool *s, uint64_t position, uint64_t checkpoint)
{
	/* of many that were never completed the oldest is of no use */
	if (s->nheld == SPOOL_HELD)
		memmove(s->held, s->held + 1, --s->nheld * sizeof(s->held[0]));
	s->held[s->nheld].checkpoint = checkpoint;
	s->held[s->nheld++].position = position;
	weir_journal_release(s->bytes, position);
}

void
spool_complete(struct spool *s, uint64_t checkpoint)
{
	size_t done = 0;

	while (done < s->nheld && s->held[done].checkpoint <= checkpoint)
		s->needed = s->held[done++].position;
	s->nheld -= done;
	memmove(s->held, s->held + done, s->nheld * sizeof(s->held[0]));
}
