/*
 * wake: signals as bytes in a pipe, so that poll(2) sees them.
 */
#ifndef WAKE_H
#define WAKE_H

/*
 * wake_open	from now on: what ends us (INT, TERM, HUP), and the end of children.
 *		-1: errno.
 * wake_fd	to be polled for reading.
 * wake_drain	how many of those that end us have come since the last call.
 */
int	 wake_open(void);
int	 wake_fd(void);
unsigned wake_drain(void);

#endif
