/* moment: times and quantities, as people read them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "moment.h"

int64_t
moment_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

const char *
moment_clock(int64_t ms, char buf[MOMENT_SIZE])
{
	struct tm	then, now;
	time_t		t = (time_t)(ms / 1000), n = time(NULL);

	if (localtime_r(&t, &then) == NULL || localtime_r(&n, &now) == NULL ||
	    strftime(buf, MOMENT_SIZE, then.tm_year == now.tm_year &&
	    then.tm_yday == now.tm_yday ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then) == 0)
		snprintf(buf, MOMENT_SIZE, "?");
	return (buf);
}

const char *
moment_ago(int64_t ms, char buf[MOMENT_SIZE])
{
	static const struct {
		int64_t		 ms;
		const char	*name;
	} units[] = {
		{ 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" },
	};
	size_t i = 0;

	if (ms < 0)
		ms = 0;
	/* two of a unit at least: 119 s is more than 1 min */
	while (i + 1 < sizeof(units) / sizeof(units[0]) && ms < 2 * units[i].ms)
		i++;
	snprintf(buf, MOMENT_SIZE, "%lld %s", (long long)(ms / units[i].ms), units[i].name);
	return (buf);
}

const char *
moment_bytes(uint64_t bytes, char buf[MOMENT_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double	n = (double)bytes / 1024;
	size_t	i = 0;

	if (bytes < 1024) {
		snprintf(buf, MOMENT_SIZE, "%d B", (int)bytes);
		return (buf);
	}
	for (; n >= 1024 && i + 1 < sizeof(units) / sizeof(units[0]); i++)
		n /= 1024;
	snprintf(buf, MOMENT_SIZE, "%.1f %s", n, units[i]);
	return (buf);
}
