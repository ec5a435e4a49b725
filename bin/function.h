/*
 * function: what a user wrote, to be applied to records and their keys' state.
 *
 * A stage that takes functions knows only this struct; each way of writing one
 * fills it.  The calls are those of struct weir_stage, when and what they return;
 * those that are NULL are not needed.
 */
#ifndef FUNCTION_H
#define FUNCTION_H

#include <stddef.h>

#include "weir.h"

struct weir_function {
	int	(*open)(struct weir_function *, struct weir *);

	/*
	 * In batch(): select the key, read its state, apply, write the state
	 * back, emit.
	 */
	long	(*process)(struct weir_function *, struct weir *,
		    const struct weir_record *, size_t n);

	int	(*end)(struct weir_function *, struct weir *);
	int	(*ready)(struct weir_function *, struct weir *);
	int	(*drain)(struct weir_function *, struct weir *);
	int	(*snapshot)(struct weir_function *, struct weir *, uint64_t checkpoint);
	int	(*restore)(struct weir_function *, struct weir *, const void *state,
		    size_t len);
	int	(*complete)(struct weir_function *, struct weir *, uint64_t checkpoint);

	/* Frees the function too. */
	void	(*close)(struct weir_function *);
};

/*
 * The ways to write one.  For setup(): they look and compile, they run nothing.
 * NULL after weir_misuse() or weir_error().
 *
 * luafunction_new	a Lua chunk that returns
 *			function(key, rec, state) ... return out, state end,
 *			or defines process(key, rec) and more: the text on the
 *			command line, or if that is NULL the content of file.
 * luafold_new		one that returns function(current, record) ... end, which
 *			makes one record of two.  emit_end: 0: print it each time,
 *			1: once for each key, at the end.
 * foldfunction_new	the folds of folds.h, as operands.
 * command_new		a program that speaks protocol.h; argv stays the caller's.
 *			pipe: it is known to flush its output.  memory: bytes that
 *			its early answers may take.
 *			timeout_ms: how long it may be silent when asked.
 */
struct weir_function	*luafunction_new(struct weir *, const char *text, const char *file);
struct weir_function	*luafold_new(struct weir *, const char *text, const char *file,
			    int emit_end);
struct weir_function	*foldfunction_new(struct weir *, int argc, char *argv[], int emit_end);
struct weir_function	*command_new(struct weir *, char *argv[], int pipe, uint64_t memory,
			    uint64_t timeout_ms);

#endif
