/*
 * watch: what run has to know of its job, out of the coordinator's status lines.
 *
 * Pure: it is told a status, and remembers which stages were there since the
 * script was started.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdint.h>
#include <jansson.h>

#include "weir.h"

enum watch_state { WATCH_NOTHING, WATCH_GATHERING, WATCH_RUNNING, WATCH_DELAYED, WATCH_OVER };

struct watch {
	enum watch_state state;		/* NOTHING: no status has come yet */
	int64_t		 attempt;
	int64_t		 pid;		/* the coordinator's */
	int		 stopping;	/* a stop, or a cancel, was asked for by anybody */
	int		 answered;	/* set when the question is; its asker clears it */
	int64_t		 opened_ms;	/* since when it gathers in this attempt */
	char		 (*seen)[WEIR_NAME_MAX + 1];	/* stages */
	size_t		 nseen;
	char		 missing[WEIR_NAME_MAX + 1];	/* one of them that is not there */
};

int	 watch_take(struct watch *, const json_t *status, int64_t now_ms);	/* -1: rubbish */
void	 watch_lost(struct watch *);		/* the coordinator has gone */
void	 watch_forget(struct watch *);		/* the script is started anew */
void	 watch_close(struct watch *);

#endif
