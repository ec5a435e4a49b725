/* member: one subtask's side of the protocol. */
#include "rules.h"

/* Barriers that a source has not sent yet, in ascending order. */
static void
barriers_find(struct member *m, const struct view *v)
{
	unsigned i;

	m->nbarrier = 0;
	for (i = 0; i < v->ids.npending; i++)
		if (v->ids.pending[i] > m->triggered)
			m->barrier[m->nbarrier++] = v->ids.pending[i];
	if (m->nbarrier > 0)
		m->triggered = m->barrier[m->nbarrier - 1];
}

unsigned
member_view(struct member *m, const struct view *v)
{
	unsigned todo = 0;

	if (v->number <= m->seen || v->attempt < m->attempt)
		return (0);
	m->seen = v->number;
	if (v->state == JOB_DONE)
		return (MEMBER_LEAVE);
	if (v->state == JOB_FAILED || v->state == JOB_CANCELLED)
		return (MEMBER_FAIL);
	if (v->attempt > m->attempt)
		return (MEMBER_AGAIN);
	if (!m->joined) {
		if (v->state != JOB_GATHERING)
			return (0);	/* the attempt has failed before we came to it */
		m->joined = 1;
		m->restore = m->completed = v->restore;
		todo |= MEMBER_RESTORE;
	}
	m->ids = v->ids;
	m->oldest = v->oldest;
	if (v->state == JOB_RUNNING && !m->running) {
		m->running = 1;
		todo |= MEMBER_RUN;
	}
	if (v->completed > m->completed) {
		m->completed = v->completed;
		todo |= MEMBER_COMMIT;
	}
	if (m->source && m->running) {
		if (v->stop && !m->stopping) {
			m->stopping = 1;
			todo |= MEMBER_STOP;
		}
		barriers_find(m, v);
		if (m->nbarrier > 0)
			todo |= MEMBER_BARRIER;
	}
	return (todo);
}
