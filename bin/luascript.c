/*
 * luascript: the text of a user's Lua, and where it came from.
 *
 * A process reads it once, so that a FIFO will do where there is one subtask.
 * Line numbers are those of the file: a first line with #! becomes blank.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "luascript.h"

#define SCRIPT_MAX	(16u << 20)	/* bytes */

struct luascript {
	char	*text;
	size_t	 len;
	char	*name;			/* as Lua wants it: "=-e", "@FILE" */
};

static int
script_take(struct luascript *s, int fd)
{
	ssize_t got;

	if ((s->text = malloc(SCRIPT_MAX + 1)) == NULL)
		return (-1);
	while ((got = read(fd, s->text + s->len, SCRIPT_MAX + 1 - s->len)) > 0)
		s->len += (size_t)got;
	if (got == 0 && s->len > SCRIPT_MAX) {
		errno = EFBIG;
		return (-1);
	}
	return (got == -1 ? -1 : 0);
}

static int
script_read(struct luascript *s, struct weir *w, const char *path)
{
	size_t i;
	int fd, result, saved;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (weir_misuse(w, "-f %s: %s", path, strerror(errno)));
	result = script_take(s, fd);
	saved = errno;
	close(fd);
	if (result == -1)
		return (weir_misuse(w, "-f %s: %s", path, strerror(saved)));
	if (s->len == 0)
		return (weir_misuse(w, "-f %s: nothing is in it (a pipe can be read only "
		    "once: with -p it has to be a file)", path));
	if (s->text[0] == '#')
		for (i = 0; i < s->len && s->text[i] != '\n'; i++)
			s->text[i] = ' ';
	return (0);
}

/* A usual slip: a function that nothing returns. */
static const char *
script_cure(const struct luascript *s, struct sandbox *box)
{
	char *text;
	int fits;

	if ((text = malloc(s->len + 7)) == NULL)
		return ("");
	memcpy(text, "return ", 7);
	memcpy(text + 7, s->text, s->len);
	fits = sandbox_load(box, s->name, text, s->len + 7) == 0;
	free(text);
	return (fits ? "; put 'return' before it" : "");
}

static int
script_check(const struct luascript *s, struct weir *w)
{
	struct sandbox *box;
	char *error;
	int result;

	if ((box = sandbox_new(0, NULL, NULL)) == NULL)
		return (weir_error(w, "no memory for Lua"));
	result = 0;
	if (luascript_load(s, box) == -1) {
		error = strdup(sandbox_error(box));
		result = weir_misuse(w, "%s%s", error != NULL ? error : s->name + 1,
		    script_cure(s, box));
		free(error);
	}
	sandbox_free(box);
	return (result);
}

struct luascript *
luascript_new(struct weir *w, const char *text, const char *file)
{
	struct luascript *s;
	const char *name;
	int result;

	s = calloc(1, sizeof(*s));
	name = text != NULL ? "-e" : file;
	if (s == NULL || (s->name = malloc(strlen(name) + 2)) == NULL ||
	    (text != NULL && (s->text = strdup(text)) == NULL))
		result = weir_error(w, "no memory for Lua");
	else {
		s->name[0] = text != NULL ? '=' : '@';
		strcpy(s->name + 1, name);
		s->len = text != NULL ? strlen(text) : 0;
		result = text != NULL ? 0 : script_read(s, w, file);
	}
	if (result == 0)
		result = script_check(s, w);
	if (result == 0)
		return (s);
	luascript_free(s);
	return (NULL);
}

void
luascript_free(struct luascript *s)
{
	if (s == NULL)
		return;
	free(s->text);
	free(s->name);
	free(s);
}

int
luascript_load(const struct luascript *s, struct sandbox *box)
{
	return (sandbox_load(box, s->name, s->text, s->len));
}

const char *
luascript_name(const struct luascript *s)
{
	return (s->name + 1);
}
