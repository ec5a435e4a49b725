/*
 * moment: times and quantities, as people read them.
 */
#include <time.h>

#include "moment.h"
#include "tap.h"

static char buf[MOMENT_SIZE];

static void
durations_have_two_of_their_unit_at_least(void)
{
	CHECK(strcmp(moment_ago(-5, buf), "0 ms") == 0);
	CHECK(strcmp(moment_ago(1999, buf), "1999 ms") == 0);
	CHECK(strcmp(moment_ago(2000, buf), "2 s") == 0);
	CHECK(strcmp(moment_ago(119999, buf), "119 s") == 0);
	CHECK(strcmp(moment_ago(120000, buf), "2 min") == 0);
	CHECK(strcmp(moment_ago(7199999, buf), "119 min") == 0);
	CHECK(strcmp(moment_ago(7200000, buf), "2 h") == 0);
	CHECK(strcmp(moment_ago(172800000, buf), "2 d") == 0);
	CHECK(strcmp(moment_ago(INT64_MAX, buf), "106751991167 d") == 0);
}

static void
bytes_have_a_unit(void)
{
	CHECK(strcmp(moment_bytes(0, buf), "0 B") == 0);
	CHECK(strcmp(moment_bytes(1023, buf), "1023 B") == 0);
	CHECK(strcmp(moment_bytes(1536, buf), "1.5 KiB") == 0);
	CHECK(strcmp(moment_bytes(64U << 20, buf), "64.0 MiB") == 0);
	CHECK(strcmp(moment_bytes(UINT64_MAX, buf), "16777216.0 TiB") == 0);
}

static void
a_clock_has_a_date_unless_it_is_todays(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	CHECK(strcmp(moment_clock(1732349531000, buf), "2024-11-23 08:12:11") == 0);
	CHECK(strlen(moment_clock(moment_now(), buf)) == 8);
}

int
main(void)
{
	RUN(durations_have_two_of_their_unit_at_least);
	RUN(bytes_have_a_unit);
	RUN(a_clock_has_a_date_unless_it_is_todays);
	DONE();
}
