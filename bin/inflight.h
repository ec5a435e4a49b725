/*
 * inflight: records that a command was asked about and has not answered yet.
 *
 * They are answered in their order.  Of one key there is never more than one,
 * since the state that its next record is asked with is in the answer.  Pure but
 * for memory.
 */
#ifndef INFLIGHT_H
#define INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "carry.h"
#include "weir.h"

#define INFLIGHT_MAX	4096		/* records */
#define INFLIGHT_BYTES	(256u << 10)	/* of them; one may be larger */
#define INFLIGHT_PLACE	512		/* bytes, as weir_place() writes it */

struct inflight_head {
	uint32_t	 keylen, len, hash, placelen;
	int		 keyed;
};

struct inflight {
	struct inflight_head *heads;	/* a ring of INFLIGHT_MAX */
	size_t		 first, count;
	struct carry	 bytes;		/* of each: key, record, place with its NUL */
	unsigned char	*busy;		/* a bit for each hash, shortened */
};

/*
 * inflight_open	with -1: no memory.
 * inflight_takes	1 if this record may be asked about now.
 * inflight_add		and it was; all is copied.  -1: no memory.
 * inflight_first	the record that is answered next, and its place; borrowed
 *			until the next call.  There has to be one.
 * inflight_pop		it is answered.
 */
int	 inflight_open(struct inflight *);
void	 inflight_close(struct inflight *);
int	 inflight_takes(const struct inflight *, const struct weir_record *);
int	 inflight_add(struct inflight *, const struct weir_record *, const char *place);
const char *inflight_first(const struct inflight *, struct weir_record *);
void	 inflight_pop(struct inflight *);

#endif
