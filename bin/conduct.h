/*
 * conduct: a script and its coordinator, until the job is over.
 */
#ifndef CONDUCT_H
#define CONDUCT_H

#include "keeper.h"
#include "script.h"

/* What to exit with: the status of the job. */
int	 conduct(struct keeper *, struct script *);

#endif
