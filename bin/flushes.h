/*
 * flushes: whether a command line says that the program holds no output back.
 *
 * Such a program needs no terminal to write to, and a pipe is several times as
 * fast.  Who flushes without an option that says so is not found out.
 */
#ifndef FLUSHES_H
#define FLUSHES_H

int	 flushes(char *const argv[]);

#endif
