/*
 * victims: the processes of a job that runs under test.
 *
 * All of /proc is read each time: a process that was not there a moment ago is as
 * good as another.  What a file of /proc does not say, because its process has just
 * gone, is nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "victims.h"

#define CLEAR_LOOKS	2		/* at /proc, that find none */
#define CLEAR_MS	2
#define TEXT_BYTES	(64U << 10)	/* of an environment, a command line */

static const char prefix[] = "weir-";

const char *
victim_name(enum victim_kind kind)
{
	static const char *const names[VICTIM_KINDS] = {
		"subtask", "supervisor", "checkpointd", "run", "script", "other program",
	};

	return (names[kind]);
}

/* A file of a process: its bytes, and a NUL behind them. */
static size_t
proc_read(const char *pid, const char *file, char text[TEXT_BYTES])
{
	char	path[64];
	ssize_t	n;
	size_t	len = 0;
	int	fd;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (0);
	while (len < TEXT_BYTES - 1 && (n = read(fd, text + len, TEXT_BYTES - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	return (len);
}

/* Is there a string that begins so, among those that each end with a NUL? */
static int
has(const char *text, size_t len, const char *begin, int whole)
{
	const char	*s;
	size_t		 n = strlen(begin);

	for (s = text; s < text + len; s += strlen(s) + 1)
		if (strncmp(s, begin, n) == 0 && (!whole || s[n] == '\0'))
			return (1);
	return (0);
}

/* The name of a stage, by its command line. */
static const char *
stage_name(const char *text, size_t len)
{
	const char	*s, *slash = strrchr(text, '/'), *name = slash != NULL ? slash + 1 : text;

	if (strncmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (s = text + strlen(text) + 1; s < text + len; s += strlen(s) + 1)
		if ((strcmp(s, "-n") == 0 || strcmp(s, "--name") == 0) &&
		    s + strlen(s) + 1 < text + len)
			name = s + strlen(s) + 1;
		else if (strncmp(s, "--name=", 7) == 0)
			name = s + 7;
		else if (s[0] == '-' && s[1] == 'n' && s[2] != '\0')
			name = s + 2;
	return (name);
}

static enum victim_kind
kind_of(const char *environment, size_t len, const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash != NULL ? slash + 1 : program;

	if (has(environment, len, "WEIR_SUBTASK=", 0))
		return (VICTIM_SUBTASK);
	if (strcmp(name, "weir-checkpointd") == 0)
		return (VICTIM_CHECKPOINTD);
	if (strcmp(name, "weir-run") == 0)
		return (VICTIM_RUN);
	if (strncmp(name, prefix, strlen(prefix)) == 0)
		return (VICTIM_SUPERVISOR);
	return (VICTIM_OTHER);
}

static pid_t
parent(const char *pid)
{
	char	text[TEXT_BYTES], *end;

	proc_read(pid, "stat", text);
	/* the name in parentheses may hold anything */
	if ((end = strrchr(text, ')')) == NULL || strlen(end) < 4)
		return (-1);
	return ((pid_t)strtol(end + 4, NULL, 10));
}

static void
look(struct victims *v, const char *pid, const char *mark, const char *stage)
{
	char			 environment[TEXT_BYTES], command[TEXT_BYTES];
	enum victim_kind	 kind;
	size_t			 len, n;

	len = proc_read(pid, "environ", environment);
	if (!has(environment, len, mark, 1) ||
	    (n = proc_read(pid, "cmdline", command)) == 0)
		return;
	kind = kind_of(environment, len, command);
	if (stage != NULL && ((kind != VICTIM_SUBTASK && kind != VICTIM_SUPERVISOR) ||
	    strcmp(stage_name(command, n), stage) != 0))
		return;
	v->list[v->n].pid = (pid_t)strtol(pid, NULL, 10);
	v->list[v->n++].kind = kind;
}

/* What run has started and is none of ours is the script. */
static void
scripts_find(struct victims *v)
{
	char	pid[16];
	pid_t	p;
	size_t	i, j;

	for (i = 0; i < v->n; i++) {
		if (v->list[i].kind != VICTIM_OTHER)
			continue;
		snprintf(pid, sizeof(pid), "%ld", (long)v->list[i].pid);
		p = parent(pid);
		for (j = 0; j < v->n; j++)
			if (v->list[j].kind == VICTIM_RUN && v->list[j].pid == p)
				v->list[i].kind = VICTIM_SCRIPT;
	}
}

void
victims_find(struct victims *v, const char *mark, const char *stage)
{
	struct dirent	*e;
	DIR		*dir;

	v->n = 0;
	if ((dir = opendir("/proc")) == NULL)
		return;
	while ((e = readdir(dir)) != NULL && v->n < VICTIMS_MAX)
		if (isdigit((unsigned char)e->d_name[0]))
			look(v, e->d_name, mark, stage);
	closedir(dir);
	scripts_find(v);
}

size_t
victims_kill(const char *mark)
{
	struct victims	*v;
	size_t		 i, n = 0;
	int		 clear;

	if ((v = malloc(sizeof(*v))) == NULL)
		return (0);
	/* of one that is just being executed /proc knows no environment: look again */
	for (clear = 0; clear < CLEAR_LOOKS; clear++) {
		victims_find(v, mark, NULL);
		for (i = 0; i < v->n; i++)
			kill(v->list[i].pid, SIGKILL);
		if (v->n > 0)
			clear = -1;
		if (n < v->n)
			n = v->n;
		poll(NULL, 0, v->n > 0 ? 0 : CLEAR_MS);
	}
	free(v);
	return (n);
}
