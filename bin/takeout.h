/*
 * takeout: a savepoint of a job that is there, running or not.
 */
#ifndef TAKEOUT_H
#define TAKEOUT_H

/*
 * takeout	write one to dir, say so, and what to exit with.  A job that runs
 *		takes a checkpoint for it.
 * takeout_stopped	the same of one that has just been stopped.
 */
int	 takeout(const char *job, const char *dir);
int	 takeout_stopped(const char *job, const char *dir);

#endif
