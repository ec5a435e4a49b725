/* check: the invariants of the simulator. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

/* How often subtask n sees record i of a source if everything gets there. */
int
reaches(const struct world *w, int n, int source, int i)
{
	int k, sum = 0;

	if (w->n[n].kind == SOURCE)
		return (w->n[n].source == source);
	for (k = 0; k < w->links; k++)
		if (w->l[k].to == n && (w->l[k].partition == -1 || w->l[k].partition == i % 2))
			sum += reaches(w, w->l[k].from, source, i);
	return (sum);
}

/* Several links to choose from: at least once, a snapshot may hold more. */
static int
may_repeat(const struct world *w)
{
	return (w->at_least_once && !w->ordered);
}

void
check_checkpoint(struct world *w, uint64_t id)
{
	int n, s, i, want, got;

	for (n = 0; n < w->subtasks; n++)
		for (s = 0; s < w->subtasks; s++) {
			if (w->n[n].kind == SOURCE || w->n[s].kind != SOURCE)
				continue;
			for (want = 0, i = 0; i < w->acked[id][s].pos; i++)
				want += reaches(w, n, w->n[s].source, i);
			got = w->acked[id][n].applied[w->n[s].source];
			if (got < want)
				violate(w, "a snapshot lacks what is below the source position");
			if (got > want && !may_repeat(w))
				violate(w, "a snapshot holds more than is below the source position");
			coverage.replays += got > want;
		}
}

static int
times_published(const struct world *w, int source, int record)
{
	int k, n = 0;

	for (k = 0; k < w->disk.olen; k++)
		n += w->disk.out[k].source == source && w->disk.out[k].record == record;
	return (n);
}

void
check_published(struct world *w, int k)
{
	struct record_name r = w->disk.out[k];

	if (w->ordered && (r.source != 0 || r.record != k))
		violate(w, "published output is no prefix of the failure-free one");
	if (!may_repeat(w) && times_published(w, r.source, r.record) > w->paths)
		violate(w, "a record was published twice");
}

/* Done: the output is what lies below the positions of the final checkpoint. */
void
check_end(struct world *w)
{
	const struct payload	*last = w->acked[w->d_retained[w->d_nretained - 1]];
	int			 n, i, got, want;

	for (n = 0; n < w->subtasks; n++) {
		if (w->n[n].kind != SOURCE)
			continue;
		if (!w->c.stop && last[n].pos != w->records)
			violate(w, "done before the end of the input");
		for (i = 0; i < w->records; i++) {
			got = times_published(w, w->n[n].source, i);
			want = i < last[n].pos ? w->paths : 0;
			if (got < want)
				violate(w, "done, and output is missing");
			if (got > want && !may_repeat(w))
				violate(w, "done, and there is too much output");
		}
	}
	if (w->disk.osynced != w->disk.olen)
		violate(w, "done, and output is not on disk");
}
