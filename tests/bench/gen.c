/*
 * gen: print the clicks data, the same bytes for the same COUNT everywhere.
 *
 *	gen [COUNT]		10,000,000 lines, some 545 MB, to standard output
 *
 * A line is userN, a timestamp in ms, a number, /page/N and an agent, joined by
 * TABs.  N of userN is log-uniform over 1..1,000,000: few users click a lot,
 * most hardly ever.  The first lines of a longer run are the shorter run.
 */
#include <err.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT		10000000
#define USERS		1000000
#define LINE_MAX_BYTES	256
#define SEED		UINT64_C(0x77656972)		/* "weir" */

static const char *const agents[] = {
	"Mozilla/5.0 (X11)", "Mozilla/5.0 (Windows)", "Mozilla/5.0 (Macintosh)",
	"Mozilla/5.0 (iPhone)", "Mozilla/5.0 (Android)", "curl/7.88.1",
	"Wget/1.21.3", "Googlebot/2.1",
};

static uint64_t	state = SEED;

/* splitmix64 */
static uint64_t
draw(void)
{
	uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

static uint64_t
draw_below(uint64_t limit)
{
	return ((draw() >> 32) * limit >> 32);
}

static uint64_t
draw_user(void)
{
	double u = (double)(draw() >> 11) * 0x1p-53;

	return ((uint64_t)exp(u * log(USERS)));
}

static char *
put_text(char *p, const char *text)
{
	size_t len = strlen(text);

	memcpy(p, text, len);
	return (p + len);
}

static char *
put_number(char *p, uint64_t n)
{
	char digits[20], *d = digits + sizeof(digits);

	do
		*--d = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	memcpy(p, d, (size_t)(digits + sizeof(digits) - d));
	return (p + (digits + sizeof(digits) - d));
}

static char *
put_line(char *p, uint64_t *now_ms)
{
	*now_ms += draw_below(20);
	p = put_number(put_text(p, "user"), draw_user());
	p = put_number(put_text(p, "\t"), *now_ms);
	p = put_number(put_text(p, "\t"), draw_below(1100));
	p = put_number(put_text(p, "\t/page/"), draw_below(1000));
	p = put_text(put_text(p, "\t"), agents[draw_below(8)]);
	return (put_text(p, "\n"));
}

static void
write_all(const char *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = write(STDOUT_FILENO, p, len)) == -1)
			err(1, "write");
}

int
main(int argc, char *argv[])
{
	static char buf[1 << 20];
	char *p = buf, *end;
	uint64_t count = COUNT, now_ms = UINT64_C(1700000000000);

	if (argc > 2)
		errx(2, "usage: gen [COUNT]");
	if (argc == 2 && ((count = strtoull(argv[1], &end, 10)) == 0 || *end != '\0'))
		errx(2, "%s: not a count", argv[1]);
	for (; count > 0; count--) {
		p = put_line(p, &now_ms);
		if ((size_t)(buf + sizeof(buf) - p) < LINE_MAX_BYTES) {
			write_all(buf, (size_t)(p - buf));
			p = buf;
		}
	}
	write_all(buf, (size_t)(p - buf));
	return (0);
}
