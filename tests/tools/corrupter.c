/*
 * corrupter: write into the shared memory of a process, or cut it off.
 *
 *	corrupter scribble PID SEED N	N random bytes at random places
 *	corrupter cut PID		make every object empty
 *
 * Arenas have no name once they are mapped by all; the producer's descriptors
 * lead to them.  Exits 0 when there was at least one, 1 when there was none.
 */
#define _GNU_SOURCE		/* SEEK_DATA */
#include <sys/mman.h>
#include <sys/stat.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostile.h"

static void
scribble(int fd, uint64_t *seed, long n)
{
	struct stat	 st;
	unsigned char	*at;

	if (fstat(fd, &st) == -1 || st.st_size == 0)
		return;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		err(HOSTILE_OWN, "mmap");
	/* only where there is memory already: a hole would be filled by us */
	while (n-- > 0) {
		off_t place = (off_t)(chance(seed) % (uint64_t)st.st_size);

		if (lseek(fd, place, SEEK_DATA) == place)
			at[place] = (unsigned char)(chance(seed) >> 56);
	}
	munmap(at, (size_t)st.st_size);
}

int
main(int argc, char *argv[])
{
	char		 path[64 + 256], target[256];
	struct dirent	*e;
	uint64_t	 seed;
	ssize_t		 len;
	int		 fd, found = 0, cut;
	DIR		*d;

	if (argc < 3 || (!(cut = strcmp(argv[1], "cut") == 0) && argc != 5))
		errx(HOSTILE_OWN, "usage: corrupter scribble PID SEED N, or cut PID");
	seed = cut ? 1 : strtoull(argv[3], NULL, 10);
	snprintf(path, sizeof(path), "/proc/%s/fd", argv[2]);
	if ((d = opendir(path)) == NULL)
		err(HOSTILE_OWN, "%s", path);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", argv[2], e->d_name);
		if ((len = readlink(path, target, sizeof(target) - 1)) == -1)
			continue;
		target[len] = '\0';
		if (strncmp(target, "/dev/shm/weir-", 14) != 0)
			continue;
		if ((fd = open(path, O_RDWR)) == -1)
			err(HOSTILE_OWN, "%s", path);
		found = 1;
		if (!cut)
			scribble(fd, &seed, atol(argv[4]));
		else if (ftruncate(fd, 0) == -1)
			err(HOSTILE_OWN, "%s", target);
		close(fd);
	}
	closedir(d);
	return (found ? 0 : 1);
}
