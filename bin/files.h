/*
 * files: the operands of a source, one after the other, or all at once where
 * they are followed.
 *
 * The first file whose line 1 has come fixes the header; the others must have
 * the same.  Answers and chunks are those of input.h; INPUT_HEADER comes once.
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

/*
 * Add an operand: a file, "-", or a pattern, which stands for the files that it
 * matches, in byte order.  Something that has the pattern as its very name is
 * that file.  -1: files_error(): it is not there (unless followed), a directory,
 * not readable, or matches nothing.
 */
int	 files_add(struct files *, const char *operand);

/* -1: files_error(): too few files for so many subtasks, or one not to be shared. */
int	 files_check_share(struct files *, unsigned parallelism);

/*
 * Keep this subtask's files, every parallelism-th; the header is still that of
 * the first one.  Before anything is read.
 */
void	 files_share(struct files *, unsigned subtask, unsigned parallelism);

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

/* The descriptor to wait for; -1: look again after INPUT_LOOK_MS. */
int	 files_fd(const struct files *);

const char *files_error(const struct files *);

#endif
