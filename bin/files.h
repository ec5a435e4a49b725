/*
 * files: the operands of a source, one after the other, or all at once where
 * they are followed.
 *
 * The first file whose line 1 has come fixes the header, for all times; the others
 * must have the same.  Answers and chunks are those of input.h.
 */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>
#include <stdint.h>

#include "input.h"

struct files;

/* NULL: no memory. */
struct files *files_new(const struct input_options *);
void	 files_free(struct files *);

/* operands_add(), operands_check_share(); -1: files_error(). */
int	 files_add(struct files *, const char *operand);
int	 files_check_share(struct files *, unsigned parallelism);

/*
 * After the last operand: keep this subtask's files, and go on where position says.
 *
 * position	NULL: from the beginning, every parallelism-th file; the header is
 *		still that of the first one
 * say		is called with lines that are worth a warning
 *
 * -1: files_error(): these files are not those of position; exit 2.
 */
int	 files_share(struct files *, const struct position *, unsigned subtask,
	    unsigned parallelism, void (*say)(void *, const char *), void *arg);

/* 1 if this subtask reads standard input, and it cannot be read again. */
int	 files_need_spool(const struct files *);
void	 files_spool(struct files *, struct spool *);	/* borrowed */

/*
 * Where all files are; its places are borrowed until the next call for files.
 * -1: no memory.
 */
int	 files_position(struct files *, struct position *);
/* Where standard input is in its spool. */
uint64_t files_spooled(const struct files *);

/*
 * The header, without its newline, once it is known: INPUT_HEADER and chunk's
 * data and len, borrowed from files.  INPUT_END: all files are empty.
 * INPUT_MORE, WAIT, WARN, FAILED and MISUSE are as for files_read().
 */
enum input_answer files_header(struct files *, uint64_t now_ms, struct input_chunk *);

/* input_read() of the file whose turn it is. */
enum input_answer files_read(struct files *, char *room, size_t have, size_t most,
	    uint64_t now_ms, struct input_chunk *);
size_t	 files_want(const struct files *);

/*
 * After INPUT_WAIT: the descriptor to wait for, -1: none; and for how long: look
 * again after *ms in any case, unless that is -1.
 */
int	 files_wait(struct files *, uint64_t now_ms, int *ms);

const char *files_error(const struct files *);

#endif
