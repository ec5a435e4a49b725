/*
 * changed: which keys are to be printed when input has ended.
 *
 * In a pipeline without a job all that have a value.  In a job those that were
 * marked since they were printed last, be that in an earlier run of the script: a
 * state "changed" beside the values holds the marks.
 */
#ifndef CHANGED_H
#define CHANGED_H

#include <stddef.h>

#include "weir.h"

struct changed {
	struct weir_value	*values, *marks;	/* marks: NULL without a job */
	struct weir_scan	*scan;
};

int	 changed_open(struct changed *, struct weir *, struct weir_value *values);
int	 changed_mark(struct changed *);		/* the selected key */

/* The next one in byte order, selected: 1, its key and value; 0: no more; -1.
 * Its mark goes. */
int	 changed_next(struct changed *, struct weir_record *key, const void **value,
	    size_t *len);

#endif
