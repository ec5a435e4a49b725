/*
 * message: what is said at a door, as JSON.
 *
 * Low rate and readable: {"stage":"reduce","subtask":0,...} is answered by
 * {"answer":"link","link":"ipc://...","stage":"keyby","parallelism":1,...}.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <bsd/string.h>

#include "bytes.h"

static const char *const answers[] = {
	[ANSWER_LINK] = "link", [ANSWER_WAIT] = "wait",
	[ANSWER_ELSEWHERE] = "elsewhere", [ANSWER_REFUSED] = "refused",
};

int
name_ok(const char *s)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (!isalnum((unsigned char)s[n]) && s[n] != '_' && s[n] != '-')
			return (0);
	return (n > 0 && n <= WEIR_NAME_MAX);
}

static char *
dump(json_t *o)
{
	char *s = NULL;

	if (o != NULL) {
		s = json_dumps(o, JSON_COMPACT);
		json_decref(o);
	}
	if (s == NULL)
		errno = ENOMEM;
	return (s);
}

char *
message_knock(const struct knock *k)
{
	return (dump(json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:i, s:b}",
	    "stage", k->stage, "run", k->run, "nonce", k->nonce,
	    "subtask", (int)k->subtask, "parallelism", (int)k->parallelism,
	    "attempt", (json_int_t)k->attempt, "output", k->output, "copy", k->copy)));
}

char *
message_answer(const struct answer *a)
{
	return (dump(json_pack("{s:s, s:s, s:i, s:b, s:s, s:s}",
	    "answer", answers[a->kind], "stage", a->stage,
	    "parallelism", (int)a->parallelism, "keyed", a->keyed,
	    "link", a->link, "reason", a->reason)));
}

/* Copies a string that fits; anything else is EBADMSG. */
static int
copy(char *dst, const char *s, size_t size)
{
	return (strlcpy(dst, s, size) < size ? 0 : -1);
}

int
message_parse_knock(const char *data, size_t len, struct knock *k)
{
	const char	*stage, *run, *nonce;
	json_int_t	 subtask, parallelism, attempt, output;
	int		 ok = 0;
	json_t		*o;

	memset(k, 0, sizeof(*k));
	if ((o = json_loadb(data, len, 0, NULL)) != NULL &&
	    json_unpack(o, "{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s?:b}", "stage", &stage,
	    "run", &run, "nonce", &nonce, "subtask", &subtask,
	    "parallelism", &parallelism, "attempt", &attempt, "output", &output,
	    "copy", &k->copy) == 0 &&
	    name_ok(stage) && name_ok(run) && name_ok(nonce) &&
	    parallelism >= 1 && parallelism <= INT_MAX && subtask >= 0 && subtask < parallelism &&
	    attempt >= 0 && attempt <= UINT32_MAX && output >= -1 && output <= INT_MAX) {
		k->subtask = (unsigned)subtask;
		k->parallelism = (unsigned)parallelism;
		k->attempt = (uint32_t)attempt;
		k->output = (int)output;
		ok = copy(k->stage, stage, sizeof(k->stage)) == 0 &&
		    copy(k->run, run, sizeof(k->run)) == 0 &&
		    copy(k->nonce, nonce, sizeof(k->nonce)) == 0;
	}
	json_decref(o);
	if (!ok)
		errno = EBADMSG;
	return (ok ? 0 : -1);
}

int
message_parse_answer(const char *data, size_t len, struct answer *a)
{
	const char	*kind, *stage, *link, *reason;
	json_int_t	 parallelism;
	int		 ok = 0;
	size_t		 i;
	json_t		*o;

	memset(a, 0, sizeof(*a));
	if ((o = json_loadb(data, len, 0, NULL)) != NULL &&
	    json_unpack(o, "{s:s, s:s, s:I, s:b, s:s, s:s}", "answer", &kind,
	    "stage", &stage, "parallelism", &parallelism, "keyed", &a->keyed,
	    "link", &link, "reason", &reason) == 0 && parallelism >= 1 &&
	    parallelism <= INT_MAX && name_ok(stage)) {
		a->parallelism = (unsigned)parallelism;
		for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
			if (strcmp(kind, answers[i]) == 0) {
				a->kind = (enum answer_kind)i;
				ok = copy(a->stage, stage, sizeof(a->stage)) == 0 &&
				    copy(a->link, link, sizeof(a->link)) == 0 &&
				    copy(a->reason, reason, sizeof(a->reason)) == 0;
			}
	}
	json_decref(o);
	if (!ok)
		errno = EBADMSG;
	return (ok ? 0 : -1);
}
