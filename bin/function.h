/*
 * function: what a user wrote, to be applied to records and their keys' state.
 *
 * A stage that takes functions knows only this struct; each way of writing one
 * fills it.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include <stddef.h>

#include "weir.h"

struct weir_function {
	/* In the stage's open(), which returns what this does. */
	int	(*open)(struct weir_function *, struct weir *);

	/*
	 * In the stage's batch(), likewise: select the key, read its state,
	 * apply, write the state back, emit.
	 */
	long	(*process)(struct weir_function *, struct weir *,
		    const struct weir_record *, size_t n);

	/* Frees the function too. */
	void	(*close)(struct weir_function *);
};

/*
 * A Lua chunk that returns function(key, rec, state) ... return out, state end:
 * the text on the command line, or if that is NULL the content of file.  For
 * setup(): compiles, runs nothing.  NULL after weir_misuse().
 */
struct weir_function	*luafunction_new(struct weir *, const char *text, const char *file);

#endif
