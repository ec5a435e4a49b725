/*
 * joboptions: how a job is run: the options that run and checkpointd share.
 */
#ifndef JOBOPTIONS_H
#define JOBOPTIONS_H

#include "rules.h"
#include "weir.h"

struct joboptions {
	int64_t		 interval_ms;		/* 0: none */
	int64_t		 timeout_ms, pause_ms;
	unsigned	 concurrent, retain;
	int		 at_least_once, memory_backend;
	struct restart	 restart;
	unsigned	 groups;		/* 0: not said */
	int		 force;
	int64_t		 loop_wait_ms;
};

/*
 * joboptions		what the rows were given, and the defaults of the others;
 *			one command line a process.
 * joboptions_rows	for struct tool's shared.
 * joboptions_settle	when all are read: what depends on others.
 */
extern struct joboptions joboptions;
extern const struct weir_option joboptions_rows[];

void	 joboptions_settle(void);

#endif
