/*
 * differ: the first difference between two files, said as people read it.
 */
#ifndef DIFFER_H
#define DIFFER_H

/*
 * 1: they differ, and it was said where; 0; -1: it was said what is wrong.
 *
 * differ_files		byte for byte; unordered: the same lines in any order.
 * differ_lines		the lines of want are all in got, in that order or, unordered,
 *			in any; others may lie between them: what a sink writes to standard output may
 *			come again after a crash.
 */
int	 differ_files(const char *name, const char *want, const char *got, int unordered);
int	 differ_lines(const char *name, const char *want, const char *got, int unordered);

#endif
