/*
 * tap: the smallest test harness that prints TAP.
 *
 * A test is a function named after the behaviour that it checks; RUN() runs it
 * in turn and prints one "ok" or "not ok" line.  CHECK() marks the running test
 * failed and says where; the test goes on.  Assertion failures and crashes end
 * the program without its plan line, which the runner counts as a failure.
 */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int	tap_count, tap_failed, tap_bad;

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		tap_bad = 1;						\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
	}								\
} while (0)

#define RUN(test) do {							\
	tap_bad = 0;							\
	test();								\
	printf("%sok %d - %s\n", tap_bad ? "not " : "", ++tap_count, #test); \
	fflush(stdout);							\
	tap_failed += tap_bad;						\
} while (0)

#define DONE() do {							\
	printf("1..%d\n", tap_count);					\
	return (tap_failed ? 1 : 0);					\
} while (0)

#endif
