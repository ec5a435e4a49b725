/*
 * input: one file, FIFO or standard input, as whole lines.
 *
 * Two ways lead to the caller's room.  The fast one reads into it, behind the
 * piece of a line that the last read left over.  The slow one reads into the
 * carry and hands out from there: for lines that are long, for a header, for a
 * limited number of lines, and until the caller knows the place.
 *
 * Invariants: the carry is what was read and not handed out, and `at` is the place
 * of its first byte; it holds at most one record of the greatest length and one
 * read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carry.h"
#include "input.h"
#include "lines.h"
#include "reader.h"
#include "standing.h"

#define INPUT_FILL	(64 * 1024)	/* bytes a read into the carry */
#define INPUT_SHORT	(32 * 1024)	/* a piece up to this is copied to the room */

struct input {
	struct input_options	 options;
	struct reader		*reader;
	struct carry		 carry;
	struct standing		 at;
	int			 spooled;
	int			 placed;	/* the caller knows at.byte, at.record */
	int			 slow;		/* the carry may hold whole lines */
	int			 ended;		/* the reader has no more of this file */
	const char		*error;
	char			 sentence[256];
};

static enum input_answer
input_no_memory(struct input *in)
{
	in->error = strerror(ENOMEM);
	return (INPUT_FAILED);
}

static enum input_answer
input_failed(struct input *in)
{
	in->error = reader_error(in->reader);
	return (INPUT_FAILED);
}

struct input *
input_new(const char *path, const struct input_options *options)
{
	struct input *in;

	if ((in = calloc(1, sizeof(*in))) == NULL)
		return (NULL);
	if ((in->reader = reader_new(path, options->follow, options->replay)) == NULL) {
		free(in);
		return (NULL);
	}
	in->options = *options;
	reader_notice(in->reader, options->notice);
	in->at.header = options->header;
	in->slow = 1;
	return (in);
}

void
input_resume(struct input *in, const struct place *place, int fd, int alone)
{
	in->at.resume = *place;
	in->at.resume.name = NULL;
	in->options.from_end = (place->flags & PLACE_TO_END) != 0;
	reader_resume(in->reader, place, fd, alone);
}

void
input_spool(struct input *in, struct spool *spool)
{
	in->spooled = 1;
	reader_spool(in->reader, spool);
}

void
input_place(const struct input *in, struct place *p)
{
	standing_place(&in->at, p, reader_offset(in->reader), reader_inode(in->reader));
	if (in->spooled)
		p->flags |= PLACE_SPOOL;
	if (!in->at.begun && in->options.from_end)
		p->flags |= PLACE_TO_END;
}

/* A file begins, as far as the caller is concerned. */
static enum input_answer
input_begin(struct input *in)
{
	uint64_t record = in->at.record;

	carry_clear(&in->carry);
	standing_begin(&in->at, reader_offset(in->reader), in->options.header,
	    in->options.from_end && reader_has_past(in->reader));
	/* of standard inputs in one spool the records are numbered on */
	if (in->spooled && record > in->at.record)
		in->at.record = record;
	in->placed = in->ended = 0;
	in->slow = 1;
	if (in->options.replay && reader_regular(in->reader) &&
	    standing_trail(&in->at, reader_fd(in->reader)) == -1) {
		snprintf(in->sentence, sizeof(in->sentence), "read %s: %s", input_name(in),
		    strerror(errno));
		in->error = in->sentence;
		return (INPUT_FAILED);
	}
	return (INPUT_MORE);
}

static void
input_drop(struct input *in, size_t len)
{
	standing_pass(&in->at, carry_data(&in->carry), len, reader_offset(in->reader));
	carry_drop(&in->carry, len);
}

void
input_free(struct input *in)
{
	if (in == NULL)
		return;
	reader_free(in->reader);
	carry_free(&in->carry);
	free(in->at.trail);
	free(in);
}

/* Nothing follows: what is left without a newline is a line as well. */
static enum input_answer
input_finish(struct input *in)
{
	size_t held = carry_len(&in->carry);
	char *room;

	in->ended = in->slow = 1;
	if (held > 0 && carry_data(&in->carry)[held - 1] != '\n') {
		if ((room = carry_room(&in->carry, 1)) == NULL)
			return (input_no_memory(in));
		*room = '\n';
		carry_add(&in->carry, 1);
	}
	return (INPUT_MORE);
}

/* One read.  *got is 0 unless the answer is INPUT_MORE. */
static enum input_answer
input_get(struct input *in, char *buf, size_t len, uint64_t now_ms, size_t *got)
{
	*got = 0;
	switch (reader_read(in->reader, buf, len, now_ms, got)) {
	case READER_BYTES:
		return (INPUT_MORE);
	case READER_BEGIN:
		return (input_begin(in));
	case READER_WAIT:
		return (INPUT_WAIT);
	case READER_END:
		return (input_finish(in));
	case READER_WARN:
		in->error = reader_error(in->reader);
		return (INPUT_WARN);
	case READER_MISUSE:
		in->error = reader_error(in->reader);
		return (INPUT_MISUSE);
	case READER_FAILED:
		break;
	}
	return (input_failed(in));
}

/* A record belongs to where it begins: the rest of an unfinished line is skipped. */
static enum input_answer
input_skip_past(struct input *in)
{
	enum input_answer answer;
	int whole;

	if ((whole = reader_to_end(in->reader)) == -1)
		return (input_failed(in));
	answer = input_begin(in);
	in->at.header = in->at.to_end = 0;
	if (!whole) {
		in->at.skipping = 1;
		in->at.record = 0;
	}
	return (answer);
}

static enum input_answer
input_fill(struct input *in, uint64_t now_ms)
{
	enum input_answer answer;
	char *room;
	size_t got;

	if ((room = carry_room(&in->carry, INPUT_FILL)) == NULL)
		return (input_no_memory(in));
	answer = input_get(in, room, INPUT_FILL, now_ms, &got);
	carry_add(&in->carry, got);
	return (answer);
}

/* All was handed out; of a file that was renamed, the next one follows. */
static enum input_answer
input_done(struct input *in)
{
	if (!reader_next(in->reader))
		return (INPUT_END);
	in->ended = 0;
	return (INPUT_MORE);
}

/* The carry's first line is the address that a stage writes into a pipe. */
static int
input_is_stream(struct input *in)
{
	static const char magic[] = "weir1 ";

	return (in->at.first && !reader_regular(in->reader) &&
	    carry_line(&in->carry) >= sizeof(magic) &&
	    memcmp(carry_data(&in->carry), magic, sizeof(magic) - 1) == 0);
}

static enum input_answer
input_stream(struct input *in)
{
	snprintf(in->sentence, sizeof(in->sentence), "%s is a weir stream, not text; "
	    "take 'source' out, or put 'weir sink -' before it", input_name(in));
	in->error = in->sentence;
	return (INPUT_MISUSE);
}

/* What the carry is known to have of its first line, without the newline. */
static size_t
input_line_len(struct input *in)
{
	size_t line = carry_line(&in->carry);

	return (line > 0 ? line - 1 : carry_len(&in->carry));
}

static enum input_answer
input_take_header(struct input *in, uint64_t now_ms, struct input_chunk *chunk)
{
	size_t line = carry_line(&in->carry);

	if (input_is_stream(in))
		return (input_stream(in));
	if (input_line_len(in) > in->options.max_record) {
		snprintf(in->sentence, sizeof(in->sentence), "%s: header over %zu bytes "
		    "(--max-record)", input_name(in), in->options.max_record);
		in->error = in->sentence;
		return (INPUT_FAILED);
	}
	if (line == 0)
		return (in->ended ? input_done(in) : input_fill(in, now_ms));
	chunk->data = carry_data(&in->carry);
	chunk->len = line - 1;
	/* what is dropped stays where it is until the carry is filled again */
	input_drop(in, line);
	in->at.header = 0;
	return (INPUT_HEADER);
}

/* The last line was handed out without a newline: only that may follow it now. */
static enum input_answer
input_take_newline(struct input *in, uint64_t now_ms)
{
	if (carry_len(&in->carry) == 0)
		return (in->ended ? input_done(in) : input_fill(in, now_ms));
	if (*carry_data(&in->carry) != '\n') {
		snprintf(in->sentence, sizeof(in->sentence), "%s: record %llu, up to byte %llu, "
		    "had no newline at the end and has grown since it was read; start over "
		    "with a new job directory (-F waits for the newline)", input_name(in),
		    (unsigned long long)in->at.record - 1, (unsigned long long)in->at.byte);
		in->error = in->sentence;
		return (INPUT_MISUSE);
	}
	input_drop(in, 1);
	in->at.unterminated = 0;
	return (INPUT_MORE);
}

/* Drop what there is of the line, up to its newline or the end. */
static enum input_answer
input_skip(struct input *in, uint64_t now_ms)
{
	size_t line = carry_line(&in->carry), gone;

	gone = line > 0 ? line : carry_len(&in->carry);
	if (gone == 0 && !in->ended)
		return (input_fill(in, now_ms));
	input_drop(in, gone);
	if (line > 0 || in->ended) {
		in->at.skipping = in->placed = 0;
		in->at.unterminated = line == 0;
		in->at.record++;
	}
	return (INPUT_MORE);
}

/* The fast way: a read into the room, behind the piece that is left over. */
static enum input_answer
input_read_lines(struct input *in, char *room, size_t have, size_t most, uint64_t now_ms,
    struct input_chunk *chunk)
{
	size_t held = carry_len(&in->carry), got, want;
	enum input_answer answer;

	if (have <= held)
		return (INPUT_MORE);
	want = have - held;
	if (most < want && want > INPUT_FILL)
		want = INPUT_FILL;
	memcpy(room, carry_data(&in->carry), held);
	if ((answer = input_get(in, room + held, want, now_ms, &got)) != INPUT_MORE || got == 0)
		return (answer);
	held += got;
	chunk->len = lines_whole(room, held, in->options.max_record, most, &chunk->n);
	if (carry_set(&in->carry, room + chunk->len, held - chunk->len) == -1)
		return (input_no_memory(in));
	held -= chunk->len;
	in->slow = chunk->n == most || held > INPUT_SHORT || held > in->options.max_record;
	standing_pass(&in->at, room, chunk->len, reader_offset(in->reader));
	in->at.record += chunk->n;
	return (chunk->n > 0 ? INPUT_LINES : INPUT_MORE);
}

/* The slow way: whole lines out of the carry. */
static enum input_answer
input_copy_lines(struct input *in, char *room, size_t have, size_t most,
    struct input_chunk *chunk)
{
	size_t len = carry_len(&in->carry);

	if (most == 0 || carry_line(&in->carry) > have)
		return (INPUT_MORE);
	chunk->len = lines_whole(carry_data(&in->carry), len < have ? len : have,
	    in->options.max_record, most, &chunk->n);
	memcpy(room, carry_data(&in->carry), chunk->len);
	input_drop(in, chunk->len);
	in->at.record += chunk->n;
	return (INPUT_LINES);
}

enum input_answer
input_read(struct input *in, char *room, size_t have, size_t most, uint64_t now_ms,
    struct input_chunk *chunk)
{
	int is_long;

	if (in->at.unterminated)
		return (input_take_newline(in, now_ms));
	if (in->at.header)
		return (input_take_header(in, now_ms, chunk));
	if (in->at.to_end)
		return (input_skip_past(in));
	if (in->at.skipping)
		return (input_skip(in, now_ms));
	if (!in->slow && in->placed)
		return (input_read_lines(in, room, have, most, now_ms, chunk));

	is_long = input_line_len(in) > in->options.max_record;
	if (!is_long && carry_line(&in->carry) == 0) {
		if (in->ended)
			return (input_done(in));
		if (!in->placed || carry_len(&in->carry) > INPUT_SHORT)
			return (input_fill(in, now_ms));
		in->slow = 0;
		return (input_read_lines(in, room, have, most, now_ms, chunk));
	}
	if (input_is_stream(in))
		return (input_stream(in));
	if (!in->placed) {
		in->placed = 1;
		chunk->name = input_name(in);
		chunk->byte = in->at.byte;
		chunk->record = in->at.record;
		return (INPUT_PLACE);
	}
	if (!is_long)
		return (input_copy_lines(in, room, have, most, chunk));
	in->at.skipping = 1;
	chunk->data = carry_data(&in->carry);
	chunk->len = input_line_len(in);
	return (INPUT_LONG);
}

size_t
input_want(const struct input *in)
{
	size_t want = in->carry.line;

	if (want == 0)
		want = carry_len(&in->carry) + INPUT_FILL;
	return (want > in->options.max_record ? in->options.max_record + 1 : want);
}

void
input_displace(struct input *in)
{
	in->placed = 0;
	/* until the place is told again, what is read goes to the carry */
	in->slow = 1;
}

int
input_fd(const struct input *in)
{
	return (reader_wait_fd(in->reader));
}

const char *
input_name(const struct input *in)
{
	return (reader_name(in->reader));
}

const char *
input_error(const struct input *in)
{
	return (in->error);
}
