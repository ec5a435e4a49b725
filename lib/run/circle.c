/*
 * circle: does a pipeline without a job lead back to where it came from?
 *
 * Nobody coordinates it, and all would wait for one another.  Each stage notes the
 * addresses of its inputs in its run directory, and follows such notes upstream: the
 * last of a circle to write them sees it whole.  What comes by tcp is not followed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bsd/string.h>

#include "run.h"

#define NOTE		"inputs"
#define STEPS		256		/* that are looked at */
#define WAY_BYTES	512

struct walk {
	const char	*home;		/* my run directory */
	const char	*name;
	unsigned	 left;
	char		 way[WAY_BYTES];
};

static FILE *
note_open(const char *run, const char *mode)
{
	char path[256];

	if ((size_t)snprintf(path, sizeof(path), "%s/" NOTE, run) >= sizeof(path))
		return (NULL);
	return (fopen(path, mode));
}

/* Upstream from RUN/NAME.  1: it leads home, by that way. */
static int
walk_up(struct walk *k, const char *base)
{
	const char	*name = strrchr(base, '/');
	char		 run[sizeof(((struct wire_in *)0)->base)], line[sizeof(run) + 1];
	FILE		*f;
	int		 found = 0;

	if (name == NULL || strstr(base, "://") != NULL || k->left == 0)
		return (0);
	k->left--;
	snprintf(run, sizeof(run), "%.*s", (int)(name - base), base);
	if (strcmp(run, k->home) == 0) {
		strlcpy(k->way, k->name, sizeof(k->way));
		return (1);
	}
	if ((f = note_open(run, "re")) == NULL)
		return (0);
	while (!found && k->left > 0 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = walk_up(k, line);
	}
	fclose(f);
	if (found) {
		strlcat(k->way, " -> ", sizeof(k->way));
		strlcat(k->way, name + 1, sizeof(k->way));
	}
	return (found);
}

int
circle_check(struct weir *w)
{
	struct walk	 k = { .name = w->set.name, .left = STEPS };
	unsigned	 i;
	FILE		*f;
	int		 bad = 0;

	if (w->dir == NULL || w->wiring.nin == 0)
		return (0);
	k.home = rundir_path(w->dir);
	if ((f = note_open(k.home, "we")) == NULL)
		return (weir_error(w, "%s: %s", k.home, strerror(errno)));
	for (i = 0; i < w->wiring.nin; i++)
		bad |= fprintf(f, "%s\n", w->wiring.in[i].base) < 0;
	if (fclose(f) == EOF || bad)
		return (weir_error(w, "%s: %s", k.home, strerror(errno)));
	for (i = 0; i < w->wiring.nin; i++)
		if (walk_up(&k, w->wiring.in[i].base))
			return (weir_misuse(w, "the pipeline is a loop, %s -> %s: only a job "
			    "can have one (weir run -j DIR --force)", k.way, k.name));
	return (0);
}
