/*
 * nngsock: what door.c and link.c, the two files with nng, have in common.
 */
#ifndef NNGSOCK_H
#define NNGSOCK_H

#include <nng/nng.h>

struct listener {
	nng_socket	 socket;
	nng_listener	 listener;
	char		 address[160];
	int		 closed;	/* it could not be made anew: try again */
};

/* Limits and times of a socket, and its descriptor for poll.  nng's errors. */
int	 nngsock_setup(nng_socket, size_t message_max, int *fd);
int	 nngsock_readable(int fd);	/* cheaper to ask than a receive in vain */
int	 listener_start(struct listener *, nng_socket, const char *address);
void	 listener_heal(struct listener *);

#endif
