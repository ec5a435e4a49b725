/*
 * predecessor: the coordinator that a job had before, and may still have.
 */
#ifndef PREDECESSOR_H
#define PREDECESSOR_H

#include <stddef.h>

struct jobdir;

/*
 * Take the lock of the job.  A predecessor that lives answers: then the job is in
 * use.  One that is leaving, because its 'weir run' was killed, does not, and is
 * waited for.  gone: a descriptor that is readable or broken when nobody wants us
 * any more; -1: none.
 *
 * -1: why, and errno: EWOULDBLOCK, EINTR where the wait was cut short, else as
 * jobdir_lock().
 */
int	 predecessor_wait(struct jobdir *, const char *job, int gone, char *why, size_t);

#endif
