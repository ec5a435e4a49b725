/*
 * victims: the processes of a job that runs under test, found in /proc by a word
 * in the environment that they began with.
 */
#ifndef VICTIMS_H
#define VICTIMS_H

#include <stddef.h>
#include <sys/types.h>

enum victim_kind {
	VICTIM_SUBTASK, VICTIM_SUPERVISOR, VICTIM_CHECKPOINTD, VICTIM_RUN, VICTIM_SCRIPT,
	VICTIM_OTHER		/* sort, cat and what else a script runs */
};

#define VICTIM_KINDS	6
#define VICTIMS_MAX	1024

struct victim {
	pid_t		 pid;
	enum victim_kind kind;
};

struct victims {
	struct victim	 list[VICTIMS_MAX];
	size_t		 n;
};

/* mark: "NAME=VALUE".  stage: only subtasks and supervisors of that stage; NULL. */
void	 victims_find(struct victims *, const char *mark, const char *stage);
size_t	 victims_kill(const char *mark);	/* all, until none is left: how many */
const char *victim_name(enum victim_kind);

#endif
