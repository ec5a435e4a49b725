/*
 * rundir: where the names of a stage live, and who clears them.  Real files
 * below a temporary directory, real processes that die.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

#define TIMEOUT_MS	10000

static char	tmp[] = "/tmp/weir.XXXXXX";
static char	root[64];		/* tmp/weir-UID */

static const char *format(const char *, ...) WEIR_PRINTF(1, 2);

static const char *
format(const char *fmt, ...)
{
	static char	text[8][PATH_MAX];
	static unsigned	turn;
	va_list		ap;

	turn = (turn + 1) % 8;
	va_start(ap, fmt);
	vsnprintf(text[turn], sizeof(text[0]), fmt, ap);
	va_end(ap);
	return (text[turn]);
}

static int
exists(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0);
}

static int
mode_of(const char *path)
{
	struct stat st;

	return (lstat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1);
}

static int
shm_exists(const char *name)
{
	int fd = shm_open(name, O_RDONLY, 0);

	if (fd != -1)
		close(fd);
	return (fd != -1);
}

/* Entries of a directory, "." and ".." apart; -1 if there is none. */
static int
entries(const char *path)
{
	struct dirent	*e;
	DIR		*d = opendir(path);
	int		 n = 0;

	if (d == NULL)
		return (-1);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return (n);
}

static void
file_make(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL && fputs(text, f) != EOF);
	if (f != NULL)
		CHECK(fclose(f) == 0);
}

static struct rundir *
create(void)
{
	struct rundir	*d;
	char		 why[256];

	if ((d = rundir_create("test", why, sizeof(why))) == NULL)
		printf("# %s\n", why);
	return (d);
}

/* A process with a run directory of its own.  It says its path and base, and then
 * lives until it is told to leave, or killed. */
struct stage {
	pid_t	pid;
	int	say, hear;		/* to it, from it */
	char	path[PATH_MAX], base[64], shm[WEIR_NAME_MAX];
};

static int
line_get(int fd, char *line, size_t size)
{
	struct pollfd	pfd = { .fd = fd, .events = POLLIN };
	size_t		n = 0;

	while (n + 1 < size && poll(&pfd, 1, TIMEOUT_MS) == 1 && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n') {
			line[n - 1] = '\0';
			return (0);
		}
	line[n] = '\0';
	return (-1);
}

static void
stage_live(int hear, int say, int session, const char *publish)
{
	struct rundir		*d;
	struct arena		*a;
	struct frame_arena	 desc;
	char			 c;

	alarm(60);
	if (session)
		setsid();
	if ((d = create()) == NULL ||
	    (a = arena_create(d, "0-text", 2, 4096, 4096, 1)) == NULL)
		_exit(1);
	arena_describe(a, &desc);
	if (publish != NULL && rundir_publish(d, publish, format("weir1 %s/%s#-1 %s  # a weir "
	    "stream\n", rundir_path(d), publish, publish)) == -1)
		_exit(1);
	dprintf(say, "%s\n%s\n%s\n", rundir_path(d), rundir_base(d), desc.name);
	while (read(hear, &c, 1) == -1 && errno == EINTR)
		;
	arena_free(a);
	rundir_close(d);
	_exit(0);
}

static int
stage_start(struct stage *s, int session, const char *publish)
{
	int to[2], from[2];

	memset(s, 0, sizeof(*s));
	if (pipe(to) == -1 || pipe(from) == -1 || (s->pid = fork()) == -1)
		return (-1);
	if (s->pid == 0) {
		close(to[1]);
		close(from[0]);
		stage_live(to[0], from[1], session, publish);
	}
	close(to[0]);
	close(from[1]);
	s->say = to[1];
	s->hear = from[0];
	return (line_get(s->hear, s->path, sizeof(s->path)) == -1 ||
	    line_get(s->hear, s->base, sizeof(s->base)) == -1 ||
	    line_get(s->hear, s->shm, sizeof(s->shm)) == -1 ? -1 : 0);
}

static void
stage_end(struct stage *s, int sig)
{
	int status;

	if (sig != 0)
		kill(s->pid, sig);
	close(s->say);
	close(s->hear);
	CHECK(waitpid(s->pid, &status, 0) == s->pid);
	CHECK(sig != 0 ? WIFSIGNALED(status) : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The number of a process that is no more. */
static pid_t
pid_dead(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return (pid);
}

static void
directories_are_for_their_owner_alone_whatever_the_umask(void)
{
	struct rundir	*d;
	mode_t		 mask = umask(0);

	d = create();
	umask(mask);
	CHECK(d != NULL);
	if (d == NULL)
		return;
	CHECK(mode_of(root) == 0700);
	CHECK(mode_of(rundir_path(d)) == 0700);
	CHECK(mode_of(format("%s/lock", rundir_path(d))) == 0600);
	rundir_close(d);
}

static void
a_directory_is_named_by_process_and_start_and_lies_in_the_runtime_directory(void)
{
	struct rundir	*d = create();
	long		 pid = 0;
	unsigned long	 start = 0;

	CHECK(d != NULL);
	if (d == NULL)
		return;
	CHECK(strcmp(rundir_path(d), format("%s/%s", root, rundir_base(d))) == 0);
	CHECK(sscanf(rundir_base(d), "%ld-%lx", &pid, &start) == 2 && pid == (long)getpid());
	CHECK(start > 0);
	rundir_close(d);
}

static void
the_lock_is_held_while_the_stage_lives(void)
{
	struct rundir	*d = create();
	int		 fd;

	CHECK(d != NULL);
	if (d == NULL)
		return;
	CHECK((fd = open(format("%s/lock", rundir_path(d)), O_RDWR)) != -1);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
	rundir_close(d);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0);
	close(fd);
}

static void
closing_leaves_nothing(void)
{
	struct rundir	*d = create();
	const char	*path;

	CHECK(d != NULL);
	if (d == NULL)
		return;
	path = format("%s", rundir_path(d));
	file_make(format("%s/reduce.0", path), "");
	file_make(format("%s/0-0123456789abcdef", path), "");
	rundir_close(d);
	CHECK(!exists(path));
	CHECK(entries(root) == 0);
	rundir_close(NULL);
}

static void
a_subtask_finds_the_directory_and_leaves_it(void)
{
	struct rundir *d = create(), *s;

	CHECK(d != NULL);
	if (d == NULL)
		return;
	CHECK((s = rundir_open(rundir_path(d))) != NULL);
	CHECK(strcmp(rundir_path(s), rundir_path(d)) == 0);
	CHECK(strcmp(rundir_base(s), rundir_base(d)) == 0);
	rundir_close(s);
	CHECK(exists(format("%s/lock", rundir_path(d))));
	rundir_close(d);
}

static void
no_path_and_a_path_too_long_open_nothing(void)
{
	char path[300];

	CHECK(rundir_open("nowhere") == NULL);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK(rundir_open(path) == NULL);
	memcpy(path, "/tmp/", 5);
	path[100] = '\0';			/* base is too long */
	CHECK(rundir_open(path) == NULL);
}

static void
what_a_killed_stage_left_is_cleared_with_its_shared_memory(void)
{
	struct rundir	*d;
	struct stage	 s;

	CHECK(stage_start(&s, 0, NULL) == 0);
	CHECK(exists(s.path) && shm_exists(s.shm));
	stage_end(&s, SIGKILL);
	CHECK(exists(s.path) && shm_exists(s.shm));
	d = create();
	CHECK(!exists(s.path) && !shm_exists(s.shm));
	rundir_close(d);
}

static void
what_many_killed_stages_left_is_cleared_at_once(void)
{
	struct rundir	*d;
	struct stage	 s[8];
	int		 i;

	for (i = 0; i < 8; i++)
		CHECK(stage_start(&s[i], 0, NULL) == 0);
	for (i = 0; i < 8; i++)
		stage_end(&s[i], SIGKILL);
	d = create();
	for (i = 0; i < 8; i++)
		CHECK(!exists(s[i].path) && !shm_exists(s[i].shm));
	rundir_close(d);
}

static void
what_belongs_to_a_living_stage_is_kept(void)
{
	struct rundir	*d;
	struct stage	 s;

	CHECK(stage_start(&s, 0, NULL) == 0);
	d = create();
	CHECK(exists(format("%s/lock", s.path)) && shm_exists(s.shm));
	CHECK(exists(format("%s/0-text.shm", s.path)));
	rundir_close(d);
	stage_end(&s, 0);
	CHECK(!exists(s.path) && !shm_exists(s.shm));
}

static void
a_directory_half_cleared_is_cleared_to_the_end(void)
{
	const char	*base = format("%ld-1", (long)pid_dead());
	const char	*path = format("%s/%s", root, base);
	const char	*shm = format("/weir-%u-%s-3-index", (unsigned)getuid(), base);
	struct rundir	*d;
	int		 fd;

	CHECK(mkdir(path, 0700) == 0);
	file_make(format("%s/3-index.shm", path), "");
	CHECK((fd = shm_open(shm, O_RDWR | O_CREAT | O_EXCL, 0600)) != -1);
	close(fd);
	d = create();
	CHECK(!exists(path) && !shm_exists(shm));
	rundir_close(d);
	shm_unlink(shm);
}

static void
a_directory_that_is_being_born_is_kept(void)
{
	const char	*path = format("%s/%ld-1", root, (long)getpid());
	struct rundir	*d;

	CHECK(mkdir(path, 0700) == 0);
	d = create();
	CHECK(exists(path));
	rundir_close(d);
	CHECK(rmdir(path) == 0);
}

static void
what_is_nobodys_run_directory_is_left_alone(void)
{
	const char	*file = format("%s/notes", root), *dir = format("%s/stuff", root);
	const char	*dot = format("%s/.hidden", root), *shm = "/weir-nobodys-3-index";
	struct rundir	*d;
	int		 fd;

	file_make(file, "mine\n");
	CHECK(mkdir(dir, 0700) == 0 && mkdir(dot, 0700) == 0);
	file_make(format("%s/x.shm", dir), "");
	CHECK((fd = shm_open(shm, O_RDWR | O_CREAT, 0600)) != -1);
	close(fd);
	d = create();
	CHECK(exists(file) && exists(format("%s/x.shm", dir)) && exists(dot) && shm_exists(shm));
	rundir_close(d);
	CHECK(unlink(file) == 0 && unlink(format("%s/x.shm", dir)) == 0);
	CHECK(rmdir(dir) == 0 && rmdir(dot) == 0 && shm_unlink(shm) == 0);
}

static void
noted_names_are_forgotten_one_by_one(void)
{
	struct rundir	*d = create();
	const char	*a, *b;

	CHECK(d != NULL);
	if (d == NULL)
		return;
	a = format("/weir-%u-%s-0-text", (unsigned)getuid(), rundir_base(d));
	b = format("/weir-%u-%s-0-index", (unsigned)getuid(), rundir_base(d));
	CHECK(rundir_note(d, a) == 0 && rundir_note(d, b) == 0);
	CHECK(exists(format("%s/0-text.shm", rundir_path(d))));
	CHECK(exists(format("%s/0-index.shm", rundir_path(d))));
	rundir_forget(d, a);
	CHECK(!exists(format("%s/0-text.shm", rundir_path(d))));
	CHECK(exists(format("%s/0-index.shm", rundir_path(d))));
	rundir_close(d);
}

/* Where did it go?  1: below the runtime directory; 0: below /tmp; -1: nowhere. */
static int
place(void)
{
	struct rundir	*d = create();
	const char	*fallback = format("/tmp/weir-%u/", (unsigned)getuid());
	int		 result = -1;

	if (d == NULL)
		return (-1);
	if (strncmp(rundir_path(d), root, strlen(root)) == 0)
		result = 1;
	else if (strncmp(rundir_path(d), fallback, strlen(fallback)) == 0)
		result = 0;
	CHECK(exists(rundir_path(d)));
	rundir_close(d);
	return (result);
}

static void
a_runtime_directory_that_cannot_be_used_is_passed_over(void)
{
	static const char *const bad[] = { "", "relative", "/nonexistent/dir", "/dev/null", "/proc" };
	size_t			 i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("XDG_RUNTIME_DIR", bad[i], 1);
		CHECK(place() == 0);
	}
	unsetenv("XDG_RUNTIME_DIR");
	CHECK(place() == 0);
	setenv("XDG_RUNTIME_DIR", tmp, 1);
	CHECK(place() == 1);
}

static void
a_root_that_others_may_enter_is_not_used(void)
{
	static const mode_t	modes[] = { 0755, 0750, 0710, 0701, 0770, 0777, 01777 };
	size_t			i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		CHECK(chmod(root, modes[i]) == 0);
		CHECK(place() == 0);
	}
	CHECK(chmod(root, 0700) == 0);
	CHECK(place() == 1);
}

static void
a_root_that_is_a_link_or_a_file_is_not_used(void)
{
	const char *aside = format("%s/aside", tmp);

	CHECK(rename(root, aside) == 0);
	CHECK(symlink("aside", root) == 0);
	CHECK(place() == 0);
	CHECK(unlink(root) == 0);
	file_make(root, "");
	CHECK(place() == 0);
	CHECK(unlink(root) == 0);
	CHECK(rename(aside, root) == 0);
	CHECK(place() == 1);
}

/* In a process of that user.  The root below /tmp was made for it by us. */
static int
as_user(uid_t uid, int (*function)(void))
{
	pid_t	pid = fork();
	int	status;

	if (pid == 0) {
		unsetenv("XDG_RUNTIME_DIR");
		if (setgid((gid_t)uid) == -1 || setuid(uid) == -1)
			_exit(2);
		_exit(function());
	}
	return (waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int
is_refused(void)
{
	char	why[256] = "";
	int	good = rundir_create("test", why, sizeof(why)) == NULL;

	return (good && strstr(why, "not a directory of mode 0700 that is mine; remove it, or set "
	    "XDG_RUNTIME_DIR") != NULL ? 0 : 1);
}

static int
is_made(void)
{
	struct rundir	*d = create();
	int		 good = d != NULL;

	rundir_close(d);
	return (good ? 0 : 1);
}

/* What anybody may prepare for us in /tmp; only root can play that part. */
static void
a_root_of_another_user_or_mode_is_refused_with_its_cure(void)
{
	const uid_t	 uid = 54321;
	const char	*path = format("/tmp/weir-%u", (unsigned)uid);

	if (exists(path)) {
		printf("# %s exists\n", path);
		CHECK(!"a user that nobody is");
		return;
	}
	CHECK(mkdir(path, 0700) == 0);
	CHECK(as_user(uid, is_refused) == 0);		/* it is ours, not theirs */
	CHECK(chown(path, uid, (gid_t)uid) == 0 && chmod(path, 0755) == 0);
	CHECK(as_user(uid, is_refused) == 0);
	CHECK(chmod(path, 0700) == 0);
	CHECK(as_user(uid, is_made) == 0);
	CHECK(rmdir(path) == 0);
}

static void
users_with_long_numbers_have_a_place(void)
{
	static const uid_t	uids[] = { 1668000001, 4294967293 };
	size_t			i;

	for (i = 0; i < sizeof(uids) / sizeof(uids[0]); i++) {
		CHECK(as_user(uids[i], is_made) == 0);
		CHECK(rmdir(format("/tmp/weir-%u", (unsigned)uids[i])) == 0);
	}
}

/* Parents of all lengths: a path is used as long as the sockets of that stage fit
 * below it, and never one that is longer. */
static void
paths_too_long_for_sockets_fall_back(void)
{
	char		 parent[160], name[WEIR_NAME_MAX + 1], why[256];
	struct rundir	*d;
	size_t		 len, longest, i;
	int		 below, last;

	for (i = 0; i < 3; i++) {
		longest = i == 0 ? 1 : i == 1 ? 30 : WEIR_NAME_MAX;
		memset(name, 'n', longest);
		name[longest] = '\0';
		for (last = 1, len = strlen(tmp) + 2; len < 110; len++) {
			snprintf(parent, sizeof(parent), "%s/", tmp);
			memset(parent + strlen(tmp) + 1, 'p', len - strlen(tmp) - 1);
			parent[len] = '\0';
			CHECK(mkdir(parent, 0700) == 0);
			setenv("XDG_RUNTIME_DIR", parent, 1);
			CHECK((d = rundir_create(name, why, sizeof(why))) != NULL);
			if (d == NULL)
				printf("# %s\n", why);
			else {
				below = strncmp(rundir_path(d), parent, len) == 0;
				CHECK(below <= last);
				last = below;
				/* NAME.127 and 0-NONCE */
				CHECK(strlen(rundir_path(d)) + 1 + longest + 4 <= 107);
				CHECK(strlen(rundir_path(d)) + 1 + 2 + KNOCK_NONCE <= 107);
				CHECK(len > 26 || longest > 30 || below);
			}
			rundir_close(d);
			rmdir(format("%s/weir-%u", parent, (unsigned)getuid()));
			CHECK(rmdir(parent) == 0);
		}
		CHECK(last == 0);
	}
	setenv("XDG_RUNTIME_DIR", tmp, 1);
}

static void
a_published_line_is_found_by_name(void)
{
	struct rundir	*d = create();
	char		 line[512];

	CHECK(d != NULL && rundir_lookup("totals", line, sizeof(line)) == -1);
	if (d == NULL)
		return;
	CHECK(rundir_publish(d, "totals", "weir1 somewhere\n") == 0);
	CHECK(rundir_lookup("totals", line, sizeof(line)) == 0);
	CHECK(strcmp(line, "weir1 somewhere\n") == 0);
	CHECK(rundir_lookup("total", line, sizeof(line)) == -1);
	CHECK(rundir_lookup("totals2", line, sizeof(line)) == -1);
	CHECK(rundir_publish(d, "totals", "weir1 elsewhere\n") == 0);
	CHECK(rundir_lookup("totals", line, sizeof(line)) == 0);
	CHECK(strcmp(line, "weir1 elsewhere\n") == 0);
	CHECK(mode_of(format("%s/session-%ld", root, (long)getsid(0))) == 0700);
	rundir_close(d);
	CHECK(rundir_lookup("totals", line, sizeof(line)) == -1);
	CHECK(entries(root) == 0);
}

/* Where the name of a stage is long its sockets may lie elsewhere; who looks for
 * it knows nothing of that. */
static void
a_long_name_is_found_wherever_its_sockets_are(void)
{
	char		 parent[64], name[WEIR_NAME_MAX + 1], line[512], why[256];
	struct rundir	*d;
	size_t		 len;

	memset(name, 'n', WEIR_NAME_MAX);
	name[WEIR_NAME_MAX] = '\0';
	for (len = strlen(tmp) + 2; len < 50; len++) {
		snprintf(parent, sizeof(parent), "%s/", tmp);
		memset(parent + strlen(tmp) + 1, 'p', len - strlen(tmp) - 1);
		parent[len] = '\0';
		CHECK(mkdir(parent, 0700) == 0);
		setenv("XDG_RUNTIME_DIR", parent, 1);
		d = rundir_create(name, why, sizeof(why));
		CHECK(d != NULL && rundir_publish(d, name, "weir1 here\n") == 0);
		CHECK(rundir_lookup(name, line, sizeof(line)) == 0);
		rundir_close(d);
		rmdir(format("%s/weir-%u", parent, (unsigned)getuid()));
		CHECK(rmdir(parent) == 0);
	}
	setenv("XDG_RUNTIME_DIR", tmp, 1);
}

static void
sessions_do_not_see_each_others_names(void)
{
	struct stage	 s;
	char		 line[512];

	CHECK(stage_start(&s, 1, "other") == 0);
	CHECK(exists(format("%s/session-%ld/other", root, (long)s.pid)));
	CHECK(rundir_lookup("other", line, sizeof(line)) == -1);
	stage_end(&s, 0);
	CHECK(!exists(format("%s/session-%ld", root, (long)s.pid)));
}

/* One start is enough, in whichever order the directories are listed. */
static void
names_of_killed_stages_are_cleared_by_the_next_start(void)
{
	struct rundir	*d;
	struct stage	 s[6];
	int		 i;

	for (i = 0; i < 6; i++)
		CHECK(stage_start(&s[i], 1, "stale") == 0);
	for (i = 0; i < 6; i++)
		stage_end(&s[i], SIGKILL);
	d = create();
	for (i = 0; i < 6; i++) {
		CHECK(!exists(s[i].path));
		CHECK(!exists(format("%s/session-%ld/stale", root, (long)s[i].pid)));
	}
	rundir_close(d);
	/* whatever is left shall not disturb the other tests */
	rundir_close(create());
}

static void
names_of_living_stages_are_kept(void)
{
	struct rundir	*d;
	struct stage	 s;
	char		 line[512];

	CHECK(stage_start(&s, 0, "alive") == 0);
	d = create();
	CHECK(rundir_lookup("alive", line, sizeof(line)) == 0);
	CHECK(strstr(line, s.path) != NULL);
	rundir_close(d);
	CHECK(rundir_lookup("alive", line, sizeof(line)) == 0);
	stage_end(&s, 0);
	CHECK(rundir_lookup("alive", line, sizeof(line)) == -1);
}

static void
a_name_taken_over_outlives_who_had_it_before(void)
{
	struct rundir	*d = create();
	struct stage	 s;
	char		 line[512];

	CHECK(d != NULL && rundir_publish(d, "twice", format("weir1 %s/twice#-1 twice  # a weir "
	    "stream\n", rundir_path(d))) == 0);
	CHECK(stage_start(&s, 0, "twice") == 0);
	rundir_close(d);
	CHECK(rundir_lookup("twice", line, sizeof(line)) == 0);
	stage_end(&s, 0);
	CHECK(rundir_lookup("twice", line, sizeof(line)) == -1);
}

/* Processes that come and go in numbers: each sweeps while the others are born,
 * publish and leave.  Statuses: 1 not born; 2 swept while alive; 3 not published. */
static int
come_and_go(unsigned rounds, unsigned who)
{
	struct rundir	*d;
	char		 line[512], name[16];

	snprintf(name, sizeof(name), "stage%u", who);
	while (rounds-- > 0) {
		if ((d = create()) == NULL)
			return (1);
		if (!exists(format("%s/lock", rundir_path(d))))
			return (2);
		if (rundir_publish(d, name, format("weir1 %s/%s#-1 %s  # a weir stream\n",
		    rundir_path(d), name, name)) == -1 ||
		    rundir_lookup(name, line, sizeof(line)) == -1)
			return (3);
		if (!exists(format("%s/lock", rundir_path(d))))
			return (2);
		rundir_close(d);
	}
	return (0);
}

static void
stages_that_start_at_once_do_not_sweep_each_other(void)
{
	static const char *const	what[] = { "", "not born", "swept", "not published" };
	unsigned			i;
	pid_t				pid[6];
	int				status;

	for (i = 0; i < 6; i++)
		if ((pid[i] = fork()) == 0) {
			alarm(60);
			_exit(come_and_go(150, i));
		}
	for (i = 0; i < 6; i++) {
		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) > 0 && WEXITSTATUS(status) < 4)
			printf("# stage %u: %s\n", i, what[WEXITSTATUS(status)]);
	}
	rundir_close(create());
	CHECK(entries(root) == 0);
}

static void
nothing_is_left_of_all_this(void)
{
	CHECK(rmdir(root) == 0);
	CHECK(rmdir(tmp) == 0);
}

static void
skip(const char *name, const char *why)
{
	printf("ok %d - %s # skip %s\n", ++tap_count, name, why);
}

int
main(void)
{
	if (mkdtemp(tmp) == NULL || setenv("XDG_RUNTIME_DIR", tmp, 1) == -1) {
		printf("Bail out! no temporary directory\n");
		return (1);
	}
	snprintf(root, sizeof(root), "%s/weir-%u", tmp, (unsigned)getuid());
	RUN(directories_are_for_their_owner_alone_whatever_the_umask);
	RUN(a_directory_is_named_by_process_and_start_and_lies_in_the_runtime_directory);
	RUN(the_lock_is_held_while_the_stage_lives);
	RUN(closing_leaves_nothing);
	RUN(a_subtask_finds_the_directory_and_leaves_it);
	RUN(no_path_and_a_path_too_long_open_nothing);
	RUN(what_a_killed_stage_left_is_cleared_with_its_shared_memory);
	RUN(what_many_killed_stages_left_is_cleared_at_once);
	RUN(what_belongs_to_a_living_stage_is_kept);
	RUN(a_directory_half_cleared_is_cleared_to_the_end);
	RUN(a_directory_that_is_being_born_is_kept);
	RUN(what_is_nobodys_run_directory_is_left_alone);
	RUN(noted_names_are_forgotten_one_by_one);
	RUN(a_runtime_directory_that_cannot_be_used_is_passed_over);
	RUN(a_root_that_others_may_enter_is_not_used);
	RUN(a_root_that_is_a_link_or_a_file_is_not_used);
	if (getuid() == 0) {
		RUN(a_root_of_another_user_or_mode_is_refused_with_its_cure);
		RUN(users_with_long_numbers_have_a_place);
	} else {
		skip("a_root_of_another_user_or_mode_is_refused_with_its_cure", "needs root");
		skip("users_with_long_numbers_have_a_place", "needs root");
	}
	RUN(paths_too_long_for_sockets_fall_back);
	RUN(a_published_line_is_found_by_name);
	RUN(a_long_name_is_found_wherever_its_sockets_are);
	RUN(sessions_do_not_see_each_others_names);
	RUN(names_of_killed_stages_are_cleared_by_the_next_start);
	RUN(names_of_living_stages_are_kept);
	RUN(a_name_taken_over_outlives_who_had_it_before);
	RUN(stages_that_start_at_once_do_not_sweep_each_other);
	RUN(nothing_is_left_of_all_this);
	DONE();
}
