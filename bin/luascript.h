/*
 * luascript: the text of a user's Lua, and where it came from.
 */
#ifndef LUASCRIPT_H
#define LUASCRIPT_H

#include "sandbox.h"
#include "weir.h"

struct luascript;

/*
 * luascript_new	text as given on the command line, or if that is NULL the
 *			content of file (at most 16 MiB).  Compiled to see that it
 *			can be, not run.  NULL after weir_misuse() or weir_error().
 * luascript_load	compile it and push it: as sandbox_load().
 * luascript_name	what messages call it: "-e", or the file.
 */
struct luascript	*luascript_new(struct weir *, const char *text, const char *file);
void			 luascript_free(struct luascript *);
int			 luascript_load(const struct luascript *, struct sandbox *);
const char		*luascript_name(const struct luascript *);

#endif
