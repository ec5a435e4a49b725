/*
 * script: the script of a job, as processes.
 *
 * It runs in a process group of its own, which has the terminal where we had it
 * to ourselves.  What belongs to it may outlive its first process: it has ended
 * when the group is empty.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct script {
	const char	*name;		/* for messages */
	char		**words;	/* what is executed */
	pid_t		 pid;		/* its first process, while that runs; 0 */
	pid_t		 group;		/* 0: nothing of it runs */
	int		 wstatus;	/* of the first process, once that has ended */
	int		 alive;		/* its stages end when this is closed; -1 */
	int		 tty;		/* terminal that the group has; -1 */
	int64_t		 kill_ms;	/* it shall end, by force from then on; 0 */
};

/*
 * script_words	how a file, or a text, with these arguments is run: by its first
 *		line #!, with sh where there is none, and where it names weir itself,
 *		which would be us once more.  -1: why.
 * script_start	-1: errno.  Sets $WEIR_RUN_ALIVE: the descriptor that its stages
 *		watch; it cannot be read before we have gone.
 * script_reaped	is it its first process that has changed?
 * script_runs	is any of its processes there?
 * script_end	the stages by their pipe, the first process by SIGTERM (a source
 *		would take that for a stop of the job); what is there a moment later,
 *		by SIGKILL.  Call script_tick() for that.
 * script_stopped	it was stopped from the terminal: so are we, until continued.
 */
int	 script_words(struct script *, const char *file, const char *text, char *args[],
	    size_t nargs, char *why, size_t size);
int	 script_start(struct script *);
int	 script_reaped(struct script *, pid_t, int wstatus);
int	 script_runs(struct script *);
void	 script_end(struct script *, int64_t now_ms);
void	 script_tick(struct script *, int64_t now_ms);
void	 script_stopped(struct script *);

#endif
