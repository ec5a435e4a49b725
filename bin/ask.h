/*
 * ask: a question to the coordinator of a job.
 *
 * Questions and answers are JSON objects, a line each, over RUN/control:
 *
 *	{"ask":"status"}	the status, once
 *	{"ask":"watch"}		the status, now and whenever something of it changes,
 *				for as long as the line is open
 *	{"ask":"checkpoint"}	take one now.  Answered when it is over:
 *				{"answer":"checkpoint","id":N,"completed":BOOL,"why":TEXT}
 *				(id 0: none was triggered, and why)
 *	{"ask":"savepoint"}	the same for a savepoint, which neither expires nor is
 *				subsumed; answered when its effects are outside as well.
 *				It is not retired while the line is open
 *	{"ask":"hold"}		the last complete one is not retired while the line is
 *				open: {"answer":"hold","id":N}; 0: there is none
 *	{"ask":"stop"}		stop with a final checkpoint; asked again it is the same.
 *				{"answer":"stop"} at once
 *	{"ask":"cancel"}	end at once, without one.  {"answer":"cancel"} at once
 *	anything else		{"answer":"error","why":TEXT}
 *
 * The status; times are milliseconds, since the Epoch where they are moments:
 *
 *	answer		"status" or "watch": what was asked
 *	job		absolute path of the job's directory
 *	pid, since_ms	the coordinator's process, and when it started
 *	state		"gathering", "running", "delayed", "done", "failed", "cancelled"
 *	why		of "failed", and of the failure before "delayed"; else ""
 *	attempt		its number
 *	restored	checkpoint that the attempt began with; 0: none
 *	stopping	a stop was asked for
 *	cancelling	so was a cancel
 *	interval_ms	0: only a final checkpoint, and on request
 *	completed	the last completed checkpoint: {"id","kind","triggered_ms",
 *			"duration_ms"}; null: none
 *	pending		array of checkpoints under way: {"id","kind","triggered_ms",
 *			"acks","subtasks"}
 *	stages		array, as they registered or are in the checkpoint: {"name",
 *			"parallelism","source","inputs":[NAME],"subtasks":[{"subtask",
 *			"pid","state"}]}; pid 0 where it is not there; state is
 *			"awaited", "registered", "connected", "finished" or "done"
 *	awaited		array of what the job waits for: STAGE, or STAGE.I
 */
#ifndef ASK_H
#define ASK_H

#include <stddef.h>
#include <jansson.h>

struct ask;

/*
 * ask_open	dial the coordinator of the job in that directory.  NULL: why, and
 *		errno: ECONNREFUSED where nobody coordinates it now, else as
 *		jobdir_open().
 * ask_say	send a question by its name; it goes when ask_line() is called.
 * ask_line	the next answer, to json_decref().  Waits that long, -1: for ever.
 *		NULL: ETIMEDOUT; else the coordinator is gone.
 * ask_fd	to be polled for.
 */
struct ask *ask_open(const char *job, char *why, size_t size);
void	 ask_close(struct ask *);
int	 ask_say(struct ask *, const char *question);
json_t	*ask_line(struct ask *, int timeout_ms);
int	 ask_fd(const struct ask *);

#endif
