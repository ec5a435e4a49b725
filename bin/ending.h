/*
 * ending: ask a job to end, and wait until it has.
 */
#ifndef ENDING_H
#define ENDING_H

/*
 * question: "stop" or "cancel".  The job may be on its way to be started again:
 * what comes back is asked again.  1: it has ended; 0: it did not run; -1: after it
 * was said what is wrong: *status.
 */
int	 ending_wait(const char *job, const char *question, int *status);

#endif
