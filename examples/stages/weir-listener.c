/*
 * listener: a sink that publishes what complete checkpoints cover
 * (CheckpointListener).
 *
 *	weir run -c 1s -j JOB -e 'weir source in | weir listener FILE'
 *
 * The pattern, for whatever an outside can be told once and twice with the same
 * effect; here that is to write the same bytes at the same place of a file:
 *
 *	ready		the records since the last barrier
 *	pending[N]	what was ready at barrier N; part of the state from then on
 *	complete(N)	publish pending[i] for all i <= N, in order; forget them
 *
 *  - A notice may be lost: the next one stands for it, hence i <= N and not i == N.
 *  - That N was aborted is no loss: pending[N] waits, and goes with the next one.
 *  - After a death between completion and notice, or in the middle of publishing,
 *    the state of N is restored and complete(N) comes again: pending[N] is in it,
 *    so it is published (again).
 *  - What was ready or pending above N has gone with the process; its records come
 *    again.
 * Without a job there are no checkpoints: all is published at the end.
 * The state is at most 5 MiB, so -c has to be short for the stream.
 */
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <weir.h>

struct set {
	STAILQ_ENTRY(set)	 next;
	uint64_t		 id;		/* of the barrier behind it */
	uint64_t		 offset;	/* in the file */
	size_t			 len, room;
	char			*text;		/* whole lines */
};

static const char		*path;
static int			 fd = -1, restored;
static struct set		 ready;
static STAILQ_HEAD(, set)	 pending = STAILQ_HEAD_INITIALIZER(pending);

static int
set_add(struct set *s, const char *data, size_t len)
{
	size_t	 room = 2 * (s->len + len);
	char	*text;

	if (s->room - s->len < len) {
		if ((text = realloc(s->text, room)) == NULL)
			return (-1);
		s->text = text;
		s->room = room;
	}
	if (len > 0)
		memcpy(s->text + s->len, data, len);
	s->len += len;
	return (0);
}

/* What is ready becomes pending; the next set begins where it ends. */
static int
set_close(struct weir *w, uint64_t id)
{
	struct set *s;

	if (ready.len == 0)
		return (0);
	if ((s = malloc(sizeof(*s))) == NULL)
		return (weir_error(w, "%s", strerror(errno)));
	*s = ready;
	s->id = id;
	STAILQ_INSERT_TAIL(&pending, s, next);
	ready = (struct set){ .offset = s->offset + s->len };
	return (0);
}

/* Again after a crash: then these bytes are there already, or some of them. */
static int
set_publish(struct weir *w, const struct set *s)
{
	size_t	 done;
	ssize_t	 n;

	for (done = 0; done < s->len; done += (size_t)n) {
		n = pwrite(fd, s->text + done, s->len - done, (off_t)(s->offset + done));
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1)
			return (weir_error(w, "write %s: %s", path, strerror(errno)));
	}
	return (0);
}

static int
publish(struct weir *w, uint64_t id)
{
	struct set	*s;
	int		 any = 0;

	while ((s = STAILQ_FIRST(&pending)) != NULL && s->id <= id) {
		if (set_publish(w, s) == -1)
			return (-1);
		any = 1;
		STAILQ_REMOVE_HEAD(&pending, next);
		free(s->text);
		free(s);
	}
	/* once this callback has returned the job believes that it is done */
	if (any && fdatasync(fd) == -1)
		return (weir_error(w, "sync %s: %s", path, strerror(errno)));
	return (0);
}

/*
 * Callbacks.
 */

static int
listener_setup(struct weir *w, int argc, char *argv[])
{
	if (argc != 1)
		return (weir_misuse(w, "one file, please: where to publish"));
	path = argv[0];
	return (0);
}

static int
listener_open(struct weir *w)
{
	struct stat st;

	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) == -1 ||
	    fstat(fd, &st) == -1)
		return (weir_error(w, "open %s: %s", path, strerror(errno)));
	if (!restored && st.st_size > 0)
		return (weir_misuse(w, "%s: %jd bytes are there that are not mine", path,
		    (intmax_t)st.st_size));
	return (0);
}

static int
listener_record(struct weir *w, const struct weir_record *r)
{
	if (set_add(&ready, r->data, r->len) == -1 || set_add(&ready, "\n", 1) == -1)
		return (weir_error(w, "%s", strerror(errno)));
	return (0);
}

/* "ID OFFSET LEN\n" and the text of each set; a last one says where the next begins. */
static int
listener_snapshot(struct weir *w, uint64_t checkpoint)
{
	const struct set	*s;
	char			 line[80];
	int			 n;

	if (set_close(w, checkpoint) == -1)
		return (-1);
	STAILQ_FOREACH(s, &pending, next) {
		n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " %zu\n", s->id,
		    s->offset, s->len);
		if (weir_save(w, line, (size_t)n) == -1 ||
		    weir_save(w, s->text, s->len) == -1)
			return (-1);
	}
	n = snprintf(line, sizeof(line), "%" PRIu64 " %" PRIu64 " 0\n", checkpoint,
	    ready.offset);
	return (weir_save(w, line, (size_t)n));
}

/* One set of the state; how many bytes it takes there, 0: it is damaged, or no memory. */
static size_t
set_restore(const char *state, size_t len)
{
	char		 line[80];
	const char	*nl = memchr(state, '\n', len);
	size_t		 head = nl != NULL ? (size_t)(nl - state) + 1 : 0, size;

	if (head == 0 || head >= sizeof(line))
		return (0);
	memcpy(line, state, head);
	line[head] = '\0';
	if (sscanf(line, "%" SCNu64 " %" SCNu64 " %zu", &ready.id, &ready.offset, &size) != 3 ||
	    size > len - head || set_add(&ready, nl + 1, size) == -1)
		return (0);
	return (head + size);
}

static int
listener_restore(struct weir *w, const void *state, size_t len)
{
	const char	*at = state;
	size_t		 n;

	for (; len > 0; at += n, len -= n)
		if ((n = set_restore(at, len)) == 0 || set_close(w, ready.id) == -1)
			return (weir_misuse(w, "the checkpoint holds no state of mine"));
	restored = 1;
	return (0);
}

static int
listener_complete(struct weir *w, uint64_t checkpoint)
{
	return (publish(w, checkpoint));
}

static int
listener_close(struct weir *w, int ok)
{
	if (fd == -1)
		return (0);
	if (ok && !weir_job(w) && (set_close(w, 0) == -1 || publish(w, 0) == -1))
		return (-1);
	return (close(fd) == -1 ? weir_error(w, "close %s: %s", path, strerror(errno)) : 0);
}

static const struct weir_stage stage = {
	.abi = WEIR_ABI, .name = "listener",
	.synopsis = "FILE",
	.summary = "publish to FILE what complete checkpoints cover",
	.flags = WEIR_SINK | WEIR_ALONE,
	.setup = listener_setup, .open = listener_open, .record = listener_record,
	.snapshot = listener_snapshot, .restore = listener_restore,
	.complete = listener_complete, .close = listener_close,
};

int
main(int argc, char *argv[])
{
	return (weir_main(argc, argv, &stage));
}
