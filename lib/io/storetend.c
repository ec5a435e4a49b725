/*
 * storetend: what is not needed any more goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io.h"
#include "store.h"

struct store_work {
	struct store	*store;
	uint64_t	 trim;			/* below */
};

void
store_view(struct store *s, uint64_t oldest)
{
	size_t n = 0;

	while (n < s->nclosed && s->closed[n].id <= oldest)
		n++;
	if (n == 0)
		return;
	s->trim = s->closed[n - 1].start;
	s->settled = s->closed[n - 1].generation;
	s->nclosed -= n;
	memmove(s->closed, s->closed + n, s->nclosed * sizeof(*s->closed));
}

struct store_work *
store_tend(struct store *s, enum store_moment moment, int64_t budget_ms)
{
	struct store_work *w;

	(void)moment;
	(void)budget_ms;
	if (s->working || s->trim <= s->trimmed || (w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->store = s;
	w->trim = s->trim;
	s->working = 1;
	return (w);
}

int
store_work_run(struct store_work *w)
{
	return (journal_trim(w->store->journal, w->trim));
}

int
store_work_done(struct store_work *w, int result)
{
	struct store *s = w->store;

	if (result == -1)
		store_fail(s, EIO, "%s", journal_error(s->journal));
	else
		s->trimmed = w->trim;
	s->working = 0;
	free(w);
	return (result);
}
