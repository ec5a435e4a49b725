/* hand: the frame that is in the stage's hand. */
#include "inlet.h"

#define SLICE_MS	100		/* of work on a frame at a time */
#define AHEAD		12		/* records from asking for their values to record() */

void
hand_take(struct weir *w, struct inframe *in)
{
	w->hand = in;
	w->in->from = in->from;
	w->in->nchunk = w->in->taken = w->in->pos = w->in->ordinal = 0;
}

const char *
inlet_tag(const struct weir *w)
{
	if (w->in == NULL || w->in->from == NULL || w->in->from->up->wire->tag[0] == '\0')
		return (NULL);
	return (w->in->from->up->wire->tag);
}

static int
frame_bad(struct weir *w)
{
	return (link_lost(w, "link from %s: a frame whose index or text is damaged",
	    up_name(w->in->from->up)));
}

/* Index or text may be damaged: then a run does not end where a record does. */
static int
run_hand(struct weir *w, const char *run, const char *end)
{
	if (run == end)
		return (0);
	return (end[-1] != '\n' ? frame_bad(w) : w->stage->text(w, run, (size_t)(end - run)));
}

/* Hand out text in the longest runs of whole records that lie side by side. */
static int
process_text(struct weir *w)
{
	struct inlet		*in = w->in;
	const struct frame	*f = &w->hand->f;
	const char		*run = NULL, *end = NULL;
	long			 n, i;

	if (f->count == 0) {
		in->pos = f->textlen;
		return (run_hand(w, f->text_at, f->text_at + f->textlen));
	}
	while (in->pos < f->count) {
		if ((n = record_unpack(f, &in->pos, in->chunk, CHUNK)) == -1)
			return (frame_bad(w));
		for (i = 0; i < n; i++) {
			if (in->chunk[i].data != end) {
				if (run_hand(w, run, end) == -1)
					return (-1);
				run = in->chunk[i].data;
			}
			end = in->chunk[i].data + in->chunk[i].len + 1;
		}
	}
	return (run_hand(w, run, end));
}

/* Hand out what is left of the chunk.  1: all taken; 0: output is full. */
static int
chunk_process(struct weir *w)
{
	struct inlet	*in = w->in;
	long		 n;

	while (in->taken < in->nchunk) {
		if (weir_full(w))
			return (0);
		if (w->stage->batch != NULL) {
			n = w->stage->batch(w, in->chunk + in->taken, in->nchunk - in->taken);
			if (n <= 0)
				return ((int)n);
			in->taken += (size_t)n;
		} else {
			/* a stage with batch() does this itself */
			if (w->keyed_in && in->taken + AHEAD < in->nchunk)
				handles_prefetch(w, &in->chunk[in->taken + AHEAD]);
			weir_select(w, &in->chunk[in->taken]);
			if (w->stage->record(w, &in->chunk[in->taken]) == -1)
				return (-1);
			in->taken++;
		}
	}
	return (1);
}

/* 1: all; 0: output is full; 2: the coordinator is not to wait for our signs of
 * life until a slow function is through with the frame. */
static int
process_records(struct weir *w)
{
	struct inlet		*in = w->in;
	const struct frame	*f = &w->hand->f;
	int64_t			 until = now_ms() + SLICE_MS;
	long			 n, i;
	int			 done;

	for (;;) {
		if ((done = chunk_process(w)) != 1)
			return (done);
		if (in->pos >= (f->count > 0 ? f->count : f->textlen))
			return (1);
		if (now_ms() > until)
			return (2);
		if (f->count > 0)
			n = record_unpack(f, &in->pos, in->chunk, CHUNK);
		else
			n = record_split(f->text_at, f->textlen, &in->pos, &in->ordinal,
			    in->chunk, CHUNK);
		if (n == -1)
			return (frame_bad(w));
		for (i = 0; !w->keyed_in && i < n; i++)
			in->chunk[i].key = NULL;
		in->nchunk = (size_t)n;
		in->taken = 0;
	}
}

/* Work on the frame in hand. */
int
inlet_process(struct weir *w)
{
	struct inframe	*f = w->hand;
	int		 done;

	if (!unread(w)) {
		if (w->stage->text != NULL && !w->records) {
			if (w->in->pos == 0 && process_text(w) == -1)
				return (-1);
		} else if ((done = process_records(w)) != 1)
			return (done);
		if ((done = emit_flush(w)) != 1)
			return (done);
	}
	w->hand = NULL;
	inframe_unref(w, f);
	if (w->in->back != NULL)
		feedback_stir(w->in->back);
	return (1);
}
