/*
 * simulator: the checkpoint protocol under seeded schedules; see ../sim/sim.h.
 *
 * SCHEDULES (2000) of them run from SEED, or from a fresh seed that is printed.
 * One seed replays one run: SEED=n SCHEDULES=1 TRACE=1 tells it.
 */
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "../sim/sim.h"
#include "tap.h"

#define CHAOS		3000		/* steps with failures, of each run */
#define CALM		60000		/* steps in which the job has to finish then */
#define COVERED		1000		/* so many schedules see everything */

static const char *const mutant_name[] = {
	[NONE] = "none",
	[COMMIT_AT_BARRIER] = "commit at the barrier",
	[POSITION_EARLY] = "source position one record early",
	[VIEW_BEFORE_PERSIST] = "view before job.json",
	[NO_ALIGNMENT] = "no alignment",
	[ID_REUSED] = "ids reused after a crash",
	[ACK_BEFORE_SYNC] = "ack before sync",
	[TRIM_BEFORE_FSYNC] = "journal trimmed before the output's fsync",
	[COMMITTED_BEFORE_FSYNC] = "committed said before the fsync",
	[OLD_FRAMES_TAKEN] = "frames of an old attempt taken",
	[FINISHED_EARLY] = "end said one record early",
};

/* Seeds that have failed once, with a mutant or without. */
static const uint64_t kept[] = {
	7, 19, 20, 27, 28,	/* a savepoint that completed after newer checkpoints */
	46, 443, 652, 729,	/* jobs that did not finish */
	2, 5, 101,		/* found by a mutant alone */
};

static uint64_t		first_seed, schedules = 2000;
static struct world	W;

/* Two runs of a job: to its end or a stop, and on from there with more input. */
static int
schedule(uint64_t seed, enum mutant mutant)
{
	struct world	*w = &W;
	int		 run, step;

	world_open(w, seed, mutant);
	for (run = 0; run < 2; run++) {
		if (run > 0)
			world_again(w);
		for (step = 0; step < CHAOS + CALM && w->violation[0] == '\0'; step++) {
			if (step == CHAOS)
				world_calm(w);
			world_step(w);
			if (w->coord_alive && w->c.state == JOB_DONE)
				break;
		}
		if (step == CHAOS + CALM)
			violate(w, "the crashes are over and the job does not finish");
		if (w->violation[0] != '\0')
			break;
		check_end(w);
	}
	coverage.attempts += w->d_attempt;
	world_close(w);
	return (w->violation[0] == '\0' ? 0 : -1);
}

static void
kept_seeds_keep_the_invariants(void)
{
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (schedule(kept[i], NONE) == -1) {
			printf("# %s\n", W.violation);
			CHECK(W.violation[0] == '\0');
		}
}

static void
schedules_keep_the_invariants(void)
{
	uint64_t s, bad = 0;

	for (s = first_seed; s < first_seed + schedules && bad < 5; s++)
		if (schedule(s, NONE) == -1) {
			printf("# %s\n", W.violation);
			bad++;
		}
	CHECK(bad == 0);
	printf("# %llu schedules: SEED=%llu SCHEDULES=%llu\n", (unsigned long long)schedules,
	    (unsigned long long)first_seed, (unsigned long long)schedules);
}

static void
schedules_see_everything(void)
{
	const struct coverage *c = &coverage;

	printf("# %lu attempts, %lu deaths, %lu of the coordinator, %lu power cuts\n",
	    c->attempts, c->deaths, c->coord_deaths, c->power);
	printf("# checkpoints: %lu completed, %lu of them late, %lu aborted, %lu of them "
	    "unsaved; %lu stops\n", c->completed, c->late, c->aborted, c->unsaved, c->stops);
	printf("# barriers: %lu dropped, %lu parked, %lu restarted, %lu counted, %lu snapshots\n",
	    c->steps[ALIGN_DROP], c->steps[ALIGN_PARK], c->steps[ALIGN_RESTART],
	    c->steps[ALIGN_COUNT], c->steps[ALIGN_SNAPSHOT]);
	printf("# %lu alignments given up, %lu failed writes, %lu repeats at least once\n",
	    c->given_up, c->failed_writes, c->replays);
	CHECK(c->deaths > COVERED && c->coord_deaths > COVERED && c->power > COVERED / 2);
	CHECK(c->completed > COVERED && c->aborted > COVERED && c->failed_writes > COVERED);
	CHECK(c->late > 0 && c->unsaved > COVERED / 10 && c->stops > COVERED / 10);
	CHECK(c->steps[ALIGN_DROP] > 0 && c->steps[ALIGN_PARK] > COVERED);
	CHECK(c->steps[ALIGN_RESTART] > 0 && c->steps[ALIGN_COUNT] > COVERED / 10);
	CHECK(c->given_up > 0 && c->replays > 0);
}

static void
each_mutant_is_found(void)
{
	uint64_t	s;
	int		m;

	for (m = NONE + 1; m < MUTANTS; m++) {
		for (s = 1; s < 3000 && schedule(s, (enum mutant)m) == 0; s++)
			;
		printf("# mutant \"%s\": %s\n", mutant_name[m],
		    W.violation[0] != '\0' ? W.violation : "NOT FOUND");
		CHECK(W.violation[0] != '\0');
	}
}

int
main(void)
{
	const char *s;

	/* any number does; it is printed */
	first_seed = ((uint64_t)time(NULL) * 31337 + (uint64_t)getpid()) % 1000000000;
	if ((s = getenv("SEED")) != NULL)
		first_seed = strtoull(s, NULL, 10);
	if ((s = getenv("SCHEDULES")) != NULL)
		schedules = strtoull(s, NULL, 10);
	RUN(schedules_keep_the_invariants);
	if (schedules >= COVERED)
		RUN(schedules_see_everything);
	if (getenv("TRACE") == NULL) {
		RUN(kept_seeds_keep_the_invariants);
		RUN(each_mutant_is_found);
	}
	DONE();
}
