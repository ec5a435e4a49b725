/* watch: what run has to know of its job. */
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "watch.h"

static enum watch_state
state_parse(const char *s)
{
	static const struct {
		const char		*word;
		enum watch_state	 state;
	} words[] = {
		{ "gathering", WATCH_GATHERING }, { "running", WATCH_RUNNING },
		{ "delayed", WATCH_DELAYED }, { "done", WATCH_OVER }, { "failed", WATCH_OVER },
		{ "cancelled", WATCH_OVER },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i].word) == 0)
			return (words[i].state);
	return (WATCH_NOTHING);
}

static int
seen_find(const struct watch *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->nseen; i++)
		if (strcmp(w->seen[i], name) == 0)
			return (1);
	return (0);
}

static int
seen_add(struct watch *w, const char *name)
{
	char (*seen)[WEIR_NAME_MAX + 1];

	if (seen_find(w, name))
		return (0);
	if ((seen = realloc(w->seen, (w->nseen + 1) * sizeof(*seen))) == NULL)
		return (-1);
	w->seen = seen;
	strlcpy(seen[w->nseen++], name, sizeof(*seen));
	return (0);
}

/* Subtasks of a stage that are there, and whether one is awaited. */
static size_t
stage_here(const json_t *stage, int *away)
{
	const json_t	*subtask;
	const char	*state;
	size_t		 i, here = 0;

	*away = 0;
	json_array_foreach(json_object_get(stage, "subtasks"), i, subtask) {
		state = json_string_value(json_object_get(subtask, "state"));
		if (json_integer_value(json_object_get(subtask, "pid")) != 0)
			here++;
		else if (state == NULL || strcmp(state, "awaited") == 0)
			*away = 1;
	}
	return (here);
}

/* A stage that was seen: is all of it there?  A coordinator that has come anew may
 * never have heard of it. */
static int
seen_missing(const json_t *stages, const char *name)
{
	const json_t	*stage;
	const char	*other;
	size_t		 i;
	int		 away;

	json_array_foreach(stages, i, stage) {
		other = json_string_value(json_object_get(stage, "name"));
		if (other != NULL && strcmp(other, name) == 0)
			return (stage_here(stage, &away) == 0 || away);
	}
	return (1);
}

int
watch_take(struct watch *w, const json_t *status, int64_t now_ms)
{
	const json_t		*stage, *stages = json_object_get(status, "stages");
	const char		*answer, *word, *name;
	enum watch_state	 state;
	int64_t			 attempt;
	size_t			 i;
	int			 away;

	answer = json_string_value(json_object_get(status, "answer"));
	word = json_string_value(json_object_get(status, "state"));
	if (answer == NULL || word == NULL || (state = state_parse(word)) == WATCH_NOTHING)
		return (-1);
	attempt = json_integer_value(json_object_get(status, "attempt"));
	if (state != w->state || attempt != w->attempt)
		w->opened_ms = now_ms;
	w->state = state;
	w->attempt = attempt;
	w->pid = json_integer_value(json_object_get(status, "pid"));
	w->stopping = json_is_true(json_object_get(status, "stopping")) ||
	    json_is_true(json_object_get(status, "cancelling"));
	w->answered |= strcmp(answer, "status") == 0;
	w->missing[0] = '\0';
	json_array_foreach(stages, i, stage) {
		name = json_string_value(json_object_get(stage, "name"));
		if (name == NULL || (stage_here(stage, &away) > 0 && seen_add(w, name) == -1))
			return (-1);
	}
	for (i = 0; i < w->nseen && w->missing[0] == '\0'; i++)
		if (seen_missing(stages, w->seen[i]))
			strlcpy(w->missing, w->seen[i], sizeof(w->missing));
	return (0);
}

void
watch_lost(struct watch *w)
{
	w->state = WATCH_NOTHING;
	w->answered = 0;
	w->missing[0] = '\0';
}

void
watch_forget(struct watch *w)
{
	w->nseen = 0;
	w->missing[0] = '\0';
}

void
watch_close(struct watch *w)
{
	free(w->seen);
	w->seen = NULL;
	w->nseen = 0;
}
