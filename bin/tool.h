/*
 * tool: what the programs that control jobs have in common: their options, and
 * how they say what is wrong.
 */
#ifndef TOOL_H
#define TOOL_H

#include <stddef.h>

#include "weir.h"

struct tool {
	const char	*name, *synopsis, *summary;
	const struct weir_option *options;	/* its own rows, or NULL */
	const struct weir_option *shared;	/* rows of more than one program, or NULL */
	int		 command;		/* what follows the first operand is not ours */

	/* what was found */
	const char	*job;			/* -j, $WEIR_JOB, or NULL */
	int		 verbose, quiet;
	char		**words;		/* shared rows, -v and -q: --NAME[=ARG] */
	size_t		 nwords;		/* without the NULL at their end */
};

/*
 * tool_options	parse; the number of the first operand, or -1 where all is done:
 *		*status is what to exit with.
 * tool_job	the job's directory: the one operand that may be there, -j, or
 *		$WEIR_JOB; or NULL, after it was said that there is none.
 * tool_say	a line on standard error; tool_fail: the same, and returns status.
 * tool_printed	the end of whatever printed something: what to exit with.
 */
int	 tool_options(struct tool *, int argc, char *argv[], int *status);
const char *tool_job(const struct tool *, int argc, char *argv[], int first);
void	 tool_say(const char *fmt, ...) WEIR_PRINTF(1, 2);
int	 tool_fail(int status, const char *fmt, ...) WEIR_PRINTF(2, 3);
int	 tool_printed(void);

#endif
