/*
 * trickle: how long a line takes from a file that grows to a file that grows.
 *
 *	trickle IN OUT N [COMMAND]
 *
 * Appends a line to IN, waits until OUT has grown, N times with a pause between;
 * prints the median, the least and the most, in ms.  COMMAND is run by sh before
 * each line, and its time counts: "kill -9 PID".
 */
#include <sys/stat.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MS	120
#define LIMIT_MS	20000

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6);
}

static void
pause_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return (stat(path, &st) == -1 ? 0 : st.st_size);
}

static double
line_time(int in, const char *out, const char *command)
{
	off_t	before = size_of(out);
	double	began = now_ms();

	if (command != NULL && system(command) == -1)
		err(1, "%s", command);
	if (write(in, "key value\n", 10) != 10)
		err(1, "write");
	while (size_of(out) == before) {
		if (now_ms() > began + LIMIT_MS)
			errx(1, "%s has not grown for %d s", out, LIMIT_MS / 1000);
		pause_us(200);
	}
	return (now_ms() - began);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

int
main(int argc, char *argv[])
{
	double	*ms;
	int	 in, i, n;

	if (argc < 4 || (n = atoi(argv[3])) < 1)
		errx(2, "usage: trickle IN OUT N [COMMAND]");
	if ((in = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) == -1)
		err(1, "%s", argv[1]);
	if ((ms = calloc((size_t)n, sizeof(*ms))) == NULL)
		err(1, NULL);
	for (i = 0; i < n; i++) {
		ms[i] = line_time(in, argv[2], argc > 4 ? argv[4] : NULL);
		pause_us(PAUSE_MS * 1000L + (i * 7919 % 37) * 1000L);
	}
	qsort(ms, (size_t)n, sizeof(*ms), compare);
	printf("median %.1f ms, %.1f to %.1f, of %d\n", ms[n / 2], ms[0], ms[n - 1], n);
	return (0);
}
