/*
 * control: the line between a subtask, or a tool, and the coordinator.
 *
 * A Unix stream socket that carries lines; what they say is controlwords' affair.
 *  - Nothing here waits: what the peer has no room for is kept, and goes from
 *    control_work() when poll(2) says so.
 *  - A peer is of the same user, whatever the directory's mode; its process is
 *    known from the kernel, not from what it says.
 *  - The end of the line is heard at once, behind all that was said before it.
 */
#define _GNU_SOURCE			/* struct ucred, accept4() */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <bsd/string.h>
#include <bsd/unistd.h>

#include "io.h"

#define LINE_BYTES	(8U << 20)	/* at most: 5 MB of state are 7 MB in base64 */
#define READ_BYTES	(64U << 10)
#define KEEP_BYTES	(256U << 10)	/* of a buffer that has become empty */

struct control {
	int		 fd;
	pid_t		 peer;
	int		 broken;	/* errno: nothing comes any more */
	int		 mute;		/* errno: nothing goes; what has come is still read */
	struct buf	 in, out;	/* from pos on: not heard, not gone */
	size_t		 scanned;	/* of in: no newline before */
};

static int
address_make(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlcpy(sun->sun_path, path, sizeof(sun->sun_path)) < sizeof(sun->sun_path))
		return (0);
	errno = ENAMETOOLONG;
	return (-1);
}

/* What a dead coordinator left; nothing else is removed. */
static int
stale_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return (-1);
	}
	return (unlink(path));
}

int
control_listen(const char *path, char *why, size_t size)
{
	struct sockaddr_un	sun;
	mode_t			mask;
	int			fd = -1, bound;

	if (address_make(path, &sun) == 0 && stale_remove(path) == 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd != -1) {
		mask = umask(0177);
		bound = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
		umask(mask);
		if (bound == 0 && listen(fd, SOMAXCONN) == 0)
			return (fd);
	}
	snprintf(why, size, "%s: %s", path, strerror(errno));
	if (fd != -1)
		close(fd);
	return (-1);
}

/* The process at the other end; EPERM: it is another user's. */
static int
peer_check(int fd, pid_t *pid)
{
	struct ucred	cred;
	socklen_t	len = sizeof(cred);
	uid_t		uid;
	gid_t		gid;

	if (getpeereid(fd, &uid, &gid) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1)
		return (-1);
	*pid = cred.pid;
	if (uid == geteuid())
		return (0);
	errno = EPERM;
	return (-1);
}

/* fd is taken in both outcomes. */
static struct control *
control_new(int fd)
{
	struct control	*c;
	int		 error;

	if ((c = calloc(1, sizeof(*c))) != NULL && peer_check(fd, &c->peer) == 0) {
		c->fd = fd;
		return (c);
	}
	error = errno;
	free(c);
	close(fd);
	errno = error;
	return (NULL);
}

struct control *
control_accept(int listener)
{
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd != -1)
		return (control_new(fd));
	if (errno == ECONNABORTED || errno == EINTR)
		errno = EAGAIN;			/* it has gone again */
	return (NULL);
}

struct control *
control_dial(const char *path)
{
	struct sockaddr_un	sun;
	int			fd, error;

	if (address_make(path, &sun) == -1)
		return (NULL);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (NULL);
	/* a queue that is full is EAGAIN: call again */
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (control_new(fd));
	error = errno;
	close(fd);
	errno = error;
	return (NULL);
}

void
control_close(struct control *c)
{
	if (c == NULL)
		return;
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

int
control_fd(const struct control *c)
{
	return (c->fd);
}

/* One who does not listen is not listened to, beyond a line. */
short
control_events(const struct control *c)
{
	short events = 0;

	if (c->in.len - c->in.pos <= LINE_BYTES)
		events |= POLLIN;
	if (control_queued(c) > 0)
		events |= POLLOUT;
	return (events);
}

pid_t
control_peer(const struct control *c)
{
	return (c->peer);
}

size_t
control_queued(const struct control *c)
{
	return (c->out.len - c->out.pos);
}

/* Bytes in front are used up; a large buffer is not kept for a small one. */
static void
buffer_settle(struct buf *b)
{
	if (b->pos == b->len) {
		b->pos = b->len = 0;
		if (b->cap > KEEP_BYTES)
			buf_free(b);
	} else if (b->pos >= b->len / 2) {
		memmove(b->data, b->data + b->pos, b->len - b->pos);
		b->len -= b->pos;
		b->pos = 0;
	}
}

static void
lines_write(struct control *c)
{
	ssize_t n;

	while (!c->mute && control_queued(c) > 0) {
		n = send(c->fd, c->out.data + c->out.pos, control_queued(c), MSG_NOSIGNAL);
		if (n >= 0)
			c->out.pos += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			c->mute = errno;
	}
	if (c->mute)
		c->out.pos = c->out.len;
	buffer_settle(&c->out);
}

/* The newline that ends the first line; NULL: it has not come. */
static unsigned char *
line_end(struct control *c)
{
	unsigned char *end;

	if (c->scanned == c->in.len)
		return (NULL);
	end = memchr(c->in.data + c->scanned, '\n', c->in.len - c->scanned);
	c->scanned = end != NULL ? (size_t)(end - c->in.data) : c->in.len;
	return (end);
}

static void
lines_read(struct control *c)
{
	unsigned char	*room;
	ssize_t		 n;

	c->scanned -= c->in.pos;
	buffer_settle(&c->in);
	c->scanned += c->in.pos;
	while (!c->broken && c->in.len - c->in.pos <= LINE_BYTES) {
		if ((room = buf_room(&c->in, READ_BYTES)) == NULL) {
			c->broken = ENOMEM;
			return;
		}
		n = recv(c->fd, room, READ_BYTES, 0);
		if (n > 0)
			c->in.len += (size_t)n;
		else if (n == 0)
			c->broken = EPIPE;
		else if (errno == EAGAIN) {
			c->broken = c->mute;
			return;
		} else if (errno != EINTR)
			c->broken = errno;
	}
	if (!c->broken && line_end(c) == NULL)
		c->broken = EMSGSIZE;
}

int
control_work(struct control *c)
{
	lines_write(c);
	lines_read(c);
	if (c->broken == 0)
		return (0);
	errno = c->broken;
	return (-1);
}

int
control_send(struct control *c, const char *line)
{
	size_t len = strlen(line);

	/* in one piece, or nothing */
	if (buf_room(&c->out, len + 1) == NULL)
		return (-1);
	buf_add(&c->out, line, len);
	buf_add(&c->out, "\n", 1);
	lines_write(c);
	return (0);
}

int
control_line(struct control *c, const char **line, size_t *len)
{
	unsigned char *end;

	if ((end = line_end(c)) == NULL)
		return (0);
	*end = '\0';
	*line = (const char *)c->in.data + c->in.pos;
	*len = c->scanned - c->in.pos;
	c->in.pos = ++c->scanned;
	return (1);
}
