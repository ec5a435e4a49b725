/*
 * process: another program, its input a pipe and its output a terminal of ours, or
 * a pipe too.
 *
 * To a terminal stdio writes line by line, which a program that is asked and
 * answers has to.  It is raw: bytes pass as they are, nothing is echoed, and it
 * controls no process.  To a pipe it writes several times as fast.  Both ends are non-blocking.  Nothing here calls the
 * runtime.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <sys/types.h>

#define PROCESS_STATUS	64		/* bytes of process_status() */

struct process {
	pid_t	 pid;			/* and its process group; 0: none is there */
	int	 in;			/* it reads what is written here; -1 */
	int	 out;			/* reads what it writes; -1 */
	int	 terminal;		/* 0: out is a pipe */
};

/*
 * process_start	argv[0] is looked for on the PATH.  terminal: where one can be
 *			had.  0, or -1 and errno.
 * process_read		as read(2), but its end is always 0.
 * process_close_in	it has been told all.
 * process_ended	1 and its wait status, 0 if it runs, -1 and errno.
 * process_kill		it and what it started have to go; it is waited for.
 * process_status	"status 3", "signal 9 (Killed)"; returns buf.
 */
int	 process_start(struct process *, char *const argv[], int terminal);
ssize_t	 process_read(const struct process *, void *buf, size_t size);
void	 process_close_in(struct process *);
int	 process_ended(struct process *, int *status);
void	 process_kill(struct process *);
const char *process_status(int status, char *buf);

#endif
