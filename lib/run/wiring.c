/*
 * wiring: what standard input, standard output, -i and -o mean.
 *
 * The shell pipe carries addresses: one line
 *
 *	weir1 RUN/NAME#OUTPUT NAME  # a weir stream, not text: end with 'weir sink -'
 *
 * and stays open for as long as the stage lives.  All this is over before the
 * first socket is connected; a stage of several subtasks does it once, in their
 * supervisor, and hands the result down in the environment.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <bsd/string.h>

#include "run.h"

#define MAGIC		"weir1 "
#define LINE_BYTES	512
#define LOOKUP_MS	10000
#define BEGINNING	11		/* bytes of a text that are shown */
#define BEGINNING_MS	200		/* how long they are waited for */

static int
speaks_addresses(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)));
}

/* 'weir run' says what its own standard output is: nobody speaks weir there. */
static int
is_outside(const struct stat *st)
{
	const char		*outside = getenv("WEIR_OUTSIDE");
	unsigned long long	 dev, ino;

	return (outside != NULL && sscanf(outside, "%llu:%llu", &dev, &ino) == 2 &&
	    dev == (unsigned long long)st->st_dev && ino == (unsigned long long)st->st_ino);
}

static int
output_standard(struct weir *w, struct wire_out *o)
{
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) == -1)
		return (weir_misuse(w, "standard output is closed; give me -o or a pipe"));
	o->kind = speaks_addresses(STDOUT_FILENO) && !is_outside(&st) ? WIRE_PIPE : WIRE_TEXT;
	o->fd = STDOUT_FILENO;
	return (0);
}

static int
output_path(struct weir *w, struct wire_out *o, const char *path)
{
	/* waits for a reader, as every FIFO does */
	if ((o->fd = open(path, O_WRONLY | O_CLOEXEC)) == -1)
		return (weir_misuse(w, "-o %s: %s", path, strerror(errno)));
	if (!speaks_addresses(o->fd))
		return (weir_misuse(w, "-o %s: not a FIFO; a file is written by 'weir sink %s'",
		    path, path));
	o->kind = WIRE_PIPE;
	return (0);
}

static int
network_check(struct weir *w, char option, const char *address)
{
	const char	*colon = strrchr(address, ':');
	long		 port = colon != NULL ? atol(colon + 1) : 0;

	if (strncmp(address, "tcp://", 6) != 0 || colon == address + 3 || port < 1 ||
	    port > 65535 || strlen(address) >= sizeof(((struct wire_out *)0)->target))
		return (weir_misuse(w, "-%c %s: not of the form tcp://HOST:PORT", option, address));
	return (0);
}

static int
output_add(struct weir *w, const struct end *e)
{
	struct wire_out *o = &w->wiring.out[w->wiring.nout++];

	strlcpy(o->tag, e->tag, sizeof(o->tag));
	o->fd = -1;
	if (strcmp(e->target, "-") == 0)
		return (output_standard(w, o));
	if (strstr(e->target, "://") != NULL) {
		o->kind = WIRE_NETWORK;
		strlcpy(o->target, e->target, sizeof(o->target));
		return (network_check(w, 'o', e->target));
	}
	if (strchr(e->target, '/') != NULL)
		return (output_path(w, o, e->target));
	o->kind = WIRE_NAME;
	strlcpy(o->target, e->target, sizeof(o->target));
	return (0);
}

int
wiring_outputs(struct weir *w)
{
	static const struct end standard = { "", "-" };
	unsigned		i;

	if (w->stage->flags & WEIR_SINK)
		return (0);
	for (i = 0; i < w->set.noutputs; i++)
		if (output_add(w, &w->set.output[i]) == -1)
			return (-1);
	return (i > 0 ? 0 : output_add(w, &standard));
}

static void
line_format(const struct weir *w, char *line, size_t size, int output)
{
	snprintf(line, size, MAGIC "%s/%s#%d %s  # a weir stream, not text: end with "
	    "'weir sink -'\n", rundir_path(w->dir), w->set.name, output, w->set.name);
}

int
wiring_announce(struct weir *w)
{
	char		 line[LINE_BYTES];
	struct wire_out	*o;
	unsigned	 i;
	int		 published = 0;

	for (i = 0; i < w->wiring.nout; i++) {
		o = &w->wiring.out[i];
		if (o->kind == WIRE_PIPE) {
			line_format(w, line, sizeof(line), (int)i);
			if (write(o->fd, line, strlen(line)) == -1)
				return (neighbour_lost(w, "the program behind me has gone, and it "
				    "never connected; if it reads text, put 'weir sink -' "
				    "before it"));
		} else if (o->kind == WIRE_NAME && !published && w->jobdir == NULL) {
			published = 1;
			line_format(w, line, sizeof(line), -1);
			if (rundir_publish(w->dir, w->set.name, line) == -1)
				return (weir_error(w, "publish \"%s\": %s", w->set.name,
				    strerror(errno)));
		}
	}
	return (0);
}

/* "weir1 BASE#OUTPUT NAME  # ...": BASE may hold blanks.  0, or -1: none. */
static int
line_parse(char *line, struct wire_in *in)
{
	char	*end, *hash, *rest;
	long	 output;

	if (strncmp(line, MAGIC, strlen(MAGIC)) != 0 || (end = strstr(line, "  # ")) == NULL)
		return (-1);
	*end = '\0';
	if ((end = strrchr(line, ' ')) == NULL)
		return (-1);
	*end = '\0';
	line += strlen(MAGIC);
	if (line > end || (hash = strrchr(line, '#')) == NULL)
		return (-1);
	*hash = '\0';
	output = strtol(hash + 1, &rest, 10);
	if (line[0] != '/' || *rest != '\0' || hash[1] == '\0' || output < -1 ||
	    output >= ENDS_MAX ||
	    strlcpy(in->base, line, sizeof(in->base)) >= sizeof(in->base))
		return (-1);
	in->output = (int)output;
	return (0);
}

/* A read that a signal ends, although it restarts others. */
static ssize_t
byte_read(struct weir *w, int fd, char *c)
{
	struct pollfd pfd[2] = { { fd, POLLIN, 0 }, { w->wake[0], POLLIN, 0 } };

	if (poll(pfd, 2, -1) == -1 || pfd[1].revents != 0) {
		errno = EINTR;
		return (-1);
	}
	return (read(fd, c, 1));
}

/* Some more of the text that is there, on one line. */
static void
beginning_read(int fd, char *line, size_t n)
{
	struct pollfd	 pfd = { .fd = fd, .events = POLLIN };
	size_t		 i;

	while (n < BEGINNING && line[n - 1] != '\n' && poll(&pfd, 1, BEGINNING_MS) == 1 &&
	    read(fd, line + n, 1) == 1)
		n++;
	for (i = 0; i < n && line[i] != '\n'; i++)
		if (line[i] == '\0')
			line[i] = '?';
	line[i] = '\0';
}

/* The directory of the stage that the address names. */
static int
address_check(struct weir *w, const struct wire_in *in)
{
	char		 dir[sizeof(in->base)];
	const char	*name = strrchr(in->base, '/') + 1;
	struct stat	 st;

	snprintf(dir, sizeof(dir), "%.*s", (int)(name - in->base), in->base);
	if (stat(dir, &st) == -1 && errno == ENOENT)
		return (neighbour_lost(w, "%s has gone before we were connected", name));
	if (stat(dir, &st) == -1)
		return (weir_error(w, "%s: %s", in->base, strerror(errno)));
	if (st.st_uid != getuid())
		return (weir_misuse(w, "%s: not mine; all stages of a pipeline run as one user",
		    in->base));
	return (0);
}

/* One byte at a time: what is behind the line is not ours. */
static int
line_read(struct weir *w, int fd, const char *what, struct wire_in *in)
{
	char	 line[LINE_BYTES], parsed[LINE_BYTES];
	size_t	 n = 0;
	ssize_t	 got = 0;

	while (n < sizeof(line) - 1 && (n == 0 || line[n - 1] != '\n') &&
	    (n < strlen(MAGIC) || strncmp(line, MAGIC, strlen(MAGIC)) == 0)) {
		if ((got = byte_read(w, fd, line + n)) <= 0)
			break;
		n++;
	}
	if (got == -1)
		return (weir_error(w, "read %s: %s", what, strerror(errno)));
	line[n] = '\0';
	if (n == 0)
		return (neighbour_lost(w, "%s is empty: the program before me wrote nothing, or has "
		    "failed", what));
	memcpy(parsed, line, n + 1);
	if (line_parse(parsed, in) == 0)
		return (address_check(w, in));
	beginning_read(fd, line, n);
	return (weir_misuse(w, "%s is text, not a weir stream (it begins \"%.*s\"); put "
	    "'weir source -' before me", what, BEGINNING, line));
}

static int
input_standard(struct weir *w, struct wire_in *in)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) == -1)
		return (weir_misuse(w, "standard input is closed; put 'weir source' before me"));
	if (!speaks_addresses(STDIN_FILENO))
		return (weir_misuse(w, "standard input is %s, not a weir stream; put "
		    "'weir source' before me", isatty(STDIN_FILENO) ? "a terminal" :
		    S_ISREG(st.st_mode) ? "a file" : "no pipe"));
	in->watch = STDIN_FILENO;
	return (line_read(w, STDIN_FILENO, "standard input", in));
}

static int
input_name(struct weir *w, struct wire_in *in, const char *name)
{
	const struct timespec	 pause = { 0, 20 * 1000 * 1000 };
	int64_t			 until = now_ms() + LOOKUP_MS;
	char			 line[LINE_BYTES];

	if (w->jobdir != NULL) {	/* all stages of a job have one directory */
		if ((size_t)snprintf(in->base, sizeof(in->base), "%s/%s", rundir_path(w->dir),
		    name) >= sizeof(in->base))
			return (weir_error(w, "-i %s: %s", name, strerror(ENAMETOOLONG)));
		return (0);
	}
	while (rundir_lookup(name, line, sizeof(line)) == -1 || line_parse(line, in) == -1) {
		if (now_ms() > until)
			return (weir_error(w, "-i %s: no stage of that name in this session for "
			    "10 s; it has to be given '-o %s'", name, w->set.name));
		nanosleep(&pause, NULL);
	}
	return (address_check(w, in));
}

static int
input_add(struct weir *w, const struct end *e)
{
	struct wire_in *in = &w->wiring.in[w->wiring.nin++];

	strlcpy(in->tag, e->tag, sizeof(in->tag));
	in->watch = -1;
	in->output = -1;
	if (strcmp(e->target, "-") == 0)
		return (input_standard(w, in));
	if (strstr(e->target, "://") != NULL) {
		strlcpy(in->base, e->target, sizeof(in->base));
		return (network_check(w, 'i', e->target));
	}
	if (strchr(e->target, '/') == NULL)
		return (input_name(w, in, e->target));
	if ((in->watch = open(e->target, O_RDONLY | O_CLOEXEC)) == -1)
		return (weir_misuse(w, "-i %s: %s", e->target, strerror(errno)));
	if (!speaks_addresses(in->watch))
		return (weir_misuse(w, "-i %s: not a FIFO; a file is read by 'weir source %s'",
		    e->target, e->target));
	return (line_read(w, in->watch, e->target, in));
}

int
wiring_inputs(struct weir *w)
{
	static const struct end standard = { "", "-" };
	unsigned		i;

	if (w->stage->produce != NULL)
		return (0);
	for (i = 0; i < w->set.ninputs; i++)
		if (input_add(w, &w->set.input[i]) == -1)
			return (-1);
	return (i > 0 ? 0 : input_add(w, &standard));
}

/* One line each; the target, which may hold blanks, stands last. */
int
wiring_export(const struct weir *w)
{
	const struct wiring	*g = &w->wiring;
	struct buf		 in = { 0 }, out = { 0 };
	char			 line[256];
	unsigned		 i;
	int			 bad = 0;

	for (i = 0; i < g->nin; i++) {
		snprintf(line, sizeof(line), "%s %d %d %s\n", g->in[i].tag[0] ? g->in[i].tag : "-",
		    g->in[i].output, g->in[i].watch, g->in[i].base);
		bad |= buf_add(&in, line, strlen(line));
	}
	for (i = 0; i < g->nout; i++) {
		snprintf(line, sizeof(line), "%s %d %d %s\n", g->out[i].tag[0] ? g->out[i].tag :
		    "-", (int)g->out[i].kind, g->out[i].fd, g->out[i].target);
		bad |= buf_add(&out, line, strlen(line));
	}
	if (!bad && buf_add(&in, "", 1) == 0 && buf_add(&out, "", 1) == 0)
		bad = setenv("WEIR_INPUTS", (char *)in.data, 1) == -1 ||
		    setenv("WEIR_OUTPUTS", (char *)out.data, 1) == -1;
	buf_free(&in);
	buf_free(&out);
	return (bad ? -1 : 0);
}

/* "TAG A B TARGET"; returns what follows the line, NULL where there is none. */
static const char *
line_import(const char *p, char *tag, int *a, int *b, char *target, size_t size)
{
	char	 line[256];
	size_t	 n;
	int	 at = 0;

	if (p == NULL || (n = strcspn(p, "\n")) == 0 || n >= sizeof(line))
		return (NULL);
	memcpy(line, p, n);
	line[n] = '\0';
	if (sscanf(line, "%64s %d %d %n", tag, a, b, &at) < 3 || at == 0)
		return (NULL);
	if (strcmp(tag, "-") == 0)
		tag[0] = '\0';
	strlcpy(target, line + at, size);
	return (p[n] == '\n' ? p + n + 1 : p + n);
}

int
wiring_import(struct weir *w)
{
	struct wiring	*g = &w->wiring;
	const char	*p;
	int		 kind;

	for (p = getenv("WEIR_INPUTS"); g->nin < ENDS_MAX && (p = line_import(p,
	    g->in[g->nin].tag, &g->in[g->nin].output, &g->in[g->nin].watch,
	    g->in[g->nin].base, sizeof(g->in[0].base))) != NULL; g->nin++)
		;
	for (p = getenv("WEIR_OUTPUTS"); g->nout < ENDS_MAX && (p = line_import(p,
	    g->out[g->nout].tag, &kind, &g->out[g->nout].fd, g->out[g->nout].target,
	    sizeof(g->out[0].target))) != NULL; g->nout++)
		g->out[g->nout].kind = (enum wire_kind)kind;
	unsetenv("WEIR_INPUTS");
	unsetenv("WEIR_OUTPUTS");
	return (0);
}

static void
fd_keep(int fd)
{
	if (fd > STDERR_FILENO)
		fcntl(fd, F_SETFD, 0);
}

void
wiring_keep(const struct wiring *g)
{
	unsigned i;

	for (i = 0; i < g->nin; i++)
		fd_keep(g->in[i].watch);
	for (i = 0; i < g->nout; i++)
		fd_keep(g->out[i].fd);
}
