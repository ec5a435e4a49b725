/*
 * feed: a COMMAND that reads what a sink gets.
 *
 * Without a job it is run once and fed as records come, $WEIR_CHECKPOINT is 0.  In
 * a job it is run for each committed epoch that has records, until it exits 0.
 */
#ifndef FEED_H
#define FEED_H

#include "weir.h"

struct feed;

/*
 * feed_new	in setup(): argv ends with NULL and is borrowed.  NULL after
 *		weir_error().
 * feed_open	in open().
 * feed_text	whole lines.
 * feed_close	in close(), ok as there: waits for the command where it was fed.
 */
struct feed	*feed_new(struct weir *, char *argv[]);
int		 feed_open(struct feed *);
int		 feed_text(struct feed *, const char *text, size_t len);
int		 feed_close(struct feed *, int ok);

#endif
