/*
 * latest: the last record of each key, as a FILE.
 *
 * The records are keyed state.  FILE is replaced as a whole: in a job with each
 * checkpoint that finds something changed, else at the end.
 */
#ifndef LATEST_H
#define LATEST_H

#include "weir.h"

struct latest;

/*
 * latest_new	in setup(): field names the key, fill and cure are as for
 *		weir_output_file().  NULL after weir_misuse() or weir_error().
 * latest_open	in open().
 * latest_batch, latest_snapshot, latest_close	as those of a stage.
 */
struct latest	*latest_new(struct weir *, const char *path, const char *field,
		    enum weir_fill fill, const char *cure);
int		 latest_open(struct latest *);
long		 latest_batch(struct latest *, const struct weir_record *, size_t n);
int		 latest_snapshot(struct latest *);
int		 latest_close(struct latest *, int ok);

#endif
