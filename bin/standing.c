/* standing: where an input stands, as a checkpoint keeps it and gives it back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "standing.h"

void
standing_begin(struct standing *s, uint64_t byte, int header, int to_end)
{
	const struct place *place = &s->resume;
	int known = place->flags & PLACE_BEGUN;

	s->byte = byte;
	s->record = known ? place->record : 1;
	s->header = known ? (place->flags & PLACE_HEADER) != 0 : header;
	s->skipping = (place->flags & PLACE_SKIPPING) != 0;
	s->unterminated = (place->flags & PLACE_UNTERMINATED) != 0;
	s->to_end = to_end;
	s->begun = 1;
	s->first = !known;
	memset(&s->resume, 0, sizeof(s->resume));
}

int
standing_trail(struct standing *s, int fd)
{
	if (s->trail == NULL && (s->trail = malloc(sizeof(*s->trail))) == NULL)
		return (-1);
	trail_clear(s->trail);
	return (trail_load(s->trail, fd, s->byte) == -1 ? -1 : 0);
}

void
standing_pass(struct standing *s, const char *data, size_t len, uint64_t end)
{
	uint64_t left = end - s->byte;

	if (s->trail != NULL)
		trail_add(s->trail, data, len > left ? (size_t)left : len);
	s->byte += len;
	s->first = 0;
}

void
standing_place(const struct standing *s, struct place *p, uint64_t end, uint64_t inode)
{
	*p = s->resume;
	if (s->begun) {
		p->flags = PLACE_BEGUN;
		p->offset = s->byte > end ? end : s->byte;
		p->record = s->record;
		p->inode = inode;
		p->first = s->trail == NULL ? 0 : trail_first(s->trail);
		p->last = s->trail == NULL ? 0 : trail_last(s->trail);
	}
	p->flags |= (s->header && s->begun ? PLACE_HEADER : 0) |
	    (s->skipping ? PLACE_SKIPPING : 0) | (s->to_end ? PLACE_TO_END : 0) |
	    (s->unterminated || s->byte > end ? PLACE_UNTERMINATED : 0);
}
