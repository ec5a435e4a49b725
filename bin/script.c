/* script: the script of a job, as processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "script.h"
#include "tool.h"

#define FIRST_LINE	256
#define ALIVE_FD	100	/* and up: shells use small ones for their users */
#define KILL_AFTER_MS	500

static const char blanks[] = " \t\r";

/* The first line of a file without its newline; -1: errno. */
static int
first_line(const char *file, char line[FIRST_LINE + 1])
{
	ssize_t	n;
	int	fd, saved;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	n = read(fd, line, FIRST_LINE);
	saved = errno;
	close(fd);
	errno = saved;
	if (n == -1)
		return (-1);
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return (0);
}

static int
names_weir(const char *line)
{
	const char	*word, *slash;
	size_t		 len;

	for (word = line; *word != '\0'; word += len) {
		word += strspn(word, blanks);
		len = strcspn(word, blanks);
		for (slash = word + len; slash > word && slash[-1] != '/'; slash--)
			continue;
		if (strncmp(slash, "weir", 4) == 0 && (slash + 4 == word + len ||
		    (slash + 8 == word + len && strncmp(slash, "weir-run", 8) == 0)))
			return (1);
	}
	return (0);
}

/* As the kernel reads it: an interpreter, and at most one argument for it. */
static size_t
interpreter(char *line, const char *words[2])
{
	size_t n;

	if (strncmp(line, "#!", 2) != 0 || names_weir(line + 2))
		return (0);
	line += 2 + strspn(line + 2, blanks);
	if (*line == '\0')
		return (0);
	words[0] = line;
	line += strcspn(line, blanks);
	if (*line == '\0')
		return (1);
	*line++ = '\0';
	line += strspn(line, blanks);
	for (n = strlen(line); n > 0 && strchr(blanks, line[n - 1]) != NULL; n--)
		line[n - 1] = '\0';
	words[1] = line;
	return (*line == '\0' ? 1 : 2);
}

static int
words_fill(struct script *s, const char *const front[], size_t nfront, char *args[],
    size_t nargs)
{
	size_t i;

	if ((s->words = calloc(nfront + nargs + 1, sizeof(*s->words))) == NULL)
		return (-1);
	for (i = 0; i < nfront; i++)
		if ((s->words[i] = strdup(front[i])) == NULL)
			return (-1);
	memcpy(s->words + nfront, args, nargs * sizeof(*args));
	return (0);
}

int
script_words(struct script *s, const char *file, const char *text, char *args[], size_t nargs,
    char *why, size_t size)
{
	char		 line[FIRST_LINE + 1], path[4096];
	const char	*front[4] = { "sh", "-c", text, "run" };
	size_t		 n = 4;

	s->pid = s->group = 0;
	s->alive = s->tty = -1;
	s->name = file != NULL ? file : "the script";
	if (text == NULL) {
		if (first_line(file, line) == -1)
			goto bad;
		if ((n = interpreter(line, front)) == 0)
			n = 1;
		/* a word with a '-' in front would be taken for an option */
		snprintf(path, sizeof(path), "%s%s", file[0] == '-' ? "./" : "", file);
		front[n++] = path;
	}
	if (words_fill(s, front, n, args, nargs) == 0)
		return (0);
bad:
	snprintf(why, size, "%s: %s", s->name, strerror(errno));
	return (-1);
}

/* Take the terminal for a group; whoever is in the background is not stopped. */
static void
terminal_give(int tty, pid_t group)
{
	void (*was)(int) = signal(SIGTTOU, SIG_IGN);

	tcsetpgrp(tty, group);
	signal(SIGTTOU, was);
}

/* The terminal, if it is ours alone: not that of "weir run x | less" as well. */
static int
terminal_find(void)
{
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	    tcgetpgrp(STDIN_FILENO) == getpgrp())
		return (STDIN_FILENO);
	return (-1);
}

static void
child(struct script *s, int alive)
{
	static const int	handled[] = { SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE };
	sigset_t		none;
	char			number[16];
	size_t			i;

	setpgid(0, 0);
	if (s->tty != -1)
		terminal_give(s->tty, getpid());
	snprintf(number, sizeof(number), "%d", alive);
	if (fcntl(alive, F_SETFD, 0) == -1 || setenv("WEIR_RUN_ALIVE", number, 1) == -1)
		_exit(tool_fail(WEIR_FAILED, "%s", strerror(errno)));
	for (i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		signal(handled[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(s->words[0], s->words);
	tool_fail(0, "%s: %s", s->words[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int
script_start(struct script *s)
{
	int fd[2], saved;

	if (pipe(fd) == -1)
		return (-1);
	fcntl(fd[1], F_SETFD, FD_CLOEXEC);
	s->alive = fcntl(fd[0], F_DUPFD, ALIVE_FD);
	close(fd[0]);
	if ((fd[0] = s->alive) == -1) {
		close(fd[1]);
		return (-1);
	}
	s->alive = fd[1];
	s->tty = terminal_find();
	s->kill_ms = 0;
	if ((s->pid = fork()) == 0)
		child(s, fd[0]);
	saved = errno;
	close(fd[0]);
	if (s->pid == -1) {
		close(s->alive);
		s->alive = -1;
		s->pid = 0;
		errno = saved;
		return (-1);
	}
	/* both of us do it: neither can know who comes first */
	s->group = s->pid;
	setpgid(s->pid, s->pid);
	if (s->tty != -1)
		terminal_give(s->tty, s->group);
	return (0);
}

int
script_reaped(struct script *s, pid_t pid, int wstatus)
{
	if (pid != s->pid || pid == 0)
		return (0);
	if (!WIFSTOPPED(wstatus)) {
		s->wstatus = wstatus;
		s->pid = 0;
	}
	return (1);
}

static void
alive_close(struct script *s)
{
	if (s->alive != -1)
		close(s->alive);
	s->alive = -1;
}

int
script_runs(struct script *s)
{
	if (s->group == 0)
		return (0);
	if (s->pid != 0 || kill(-s->group, 0) == 0 || errno == EPERM)
		return (1);
	s->group = 0;
	alive_close(s);
	if (s->tty != -1)
		terminal_give(s->tty, getpgrp());
	s->tty = -1;
	return (0);
}

void
script_end(struct script *s, int64_t now_ms)
{
	if (s->group == 0 || s->kill_ms != 0)
		return;
	alive_close(s);
	if (s->pid != 0)
		kill(s->pid, SIGTERM);
	kill(-s->group, SIGCONT);
	s->kill_ms = now_ms + KILL_AFTER_MS;
}

void
script_tick(struct script *s, int64_t now_ms)
{
	if (s->group != 0 && s->kill_ms != 0 && now_ms >= s->kill_ms)
		kill(-s->group, SIGKILL);
}

void
script_stopped(struct script *s)
{
	if (s->tty == -1)
		return;
	terminal_give(s->tty, getpgrp());
	kill(getpid(), SIGSTOP);
	if (tcgetpgrp(s->tty) == getpgrp())
		terminal_give(s->tty, s->group);
	kill(-s->group, SIGCONT);
}
