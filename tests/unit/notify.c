/* notify: systemd is told, where it listens. */
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "coordinator.h"
#include "tap.h"

static char	dir[64], got[1024];

/* A socket at path, or with the name path of no file; what is told meanwhile. */
static int
listener(const char *path, int abstract)
{
	struct sockaddr_un	sun = { .sun_family = AF_UNIX };
	int			fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	strcpy(sun.sun_path + abstract, path);
	if (bind(fd, (const struct sockaddr *)&sun, (socklen_t)(offsetof(struct sockaddr_un,
	    sun_path) + (size_t)abstract + strlen(path))) == -1)
		return (-1);
	return (fd);
}

static int
told(int fd, const char *text)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	got[n > 0 ? n : 0] = '\0';
	return (strcmp(got, text) == 0);
}

static void
notify_sends_a_datagram_to_a_path(void)
{
	char	path[96];
	int	fd;

	snprintf(path, sizeof(path), "%s/notify", dir);
	fd = listener(path, 0);
	CHECK(fd != -1 && setenv("NOTIFY_SOCKET", path, 1) == 0);
	notify("READY=1\nSTATUS=%s, attempt %d", "gathering", 3);
	CHECK(told(fd, "READY=1\nSTATUS=gathering, attempt 3"));
	close(fd);
	notify("STOPPING=1");			/* nobody listens: nothing happens */
	unlink(path);
	notify("STOPPING=1");
}

static void
notify_sends_a_datagram_to_a_name(void)
{
	char	name[96], at[98];
	int	fd;

	snprintf(name, sizeof(name), "weir-notify-test-%ld", (long)getpid());
	snprintf(at, sizeof(at), "@%s", name);
	fd = listener(name, 1);
	CHECK(fd != -1 && setenv("NOTIFY_SOCKET", at, 1) == 0);
	notify("READY=1");
	CHECK(told(fd, "READY=1"));
	close(fd);
}

static void
notify_is_silent_without_a_proper_address(void)
{
	char longer[256];

	unsetenv("NOTIFY_SOCKET");
	notify("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify("READY=1");
	memset(longer, '/', sizeof(longer) - 1);
	longer[255] = '\0';
	setenv("NOTIFY_SOCKET", longer, 1);
	notify("READY=1");
}

int
main(void)
{
	strcpy(dir, "/tmp/weir-notify.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	RUN(notify_sends_a_datagram_to_a_path);
	RUN(notify_sends_a_datagram_to_a_name);
	RUN(notify_is_silent_without_a_proper_address);
	rmdir(dir);
	DONE();
}
