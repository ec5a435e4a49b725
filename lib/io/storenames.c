/*
 * storenames: the states of a stage by name, number, and the layout of their values.
 *
 * A number is what the journal says; it is the same in all attempts, because the
 * names are part of the operator state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bsd/string.h>

#include "io.h"
#include "store.h"

int
store_state(struct store *s, const char *name)
{
	char		(*names)[WEIR_NAME_MAX + 1];
	char		**layouts;
	unsigned	 i;

	for (i = 0; i < s->nnames; i++)
		if (strcmp(s->names[i], name) == 0)
			return ((int)i);
	if (s->nnames == HEAP_STATES)
		return (store_fail(s, EINVAL, "state \"%s\" is one too many: there may be %u",
		    name, HEAP_STATES));
	if ((names = realloc(s->names, (s->nnames + 1) * sizeof(*names))) == NULL)
		return (store_fail(s, ENOMEM, "state \"%s\": %s", name, strerror(ENOMEM)));
	s->names = names;
	if ((layouts = realloc(s->layouts, (s->nnames + 1) * sizeof(*layouts))) == NULL)
		return (store_fail(s, ENOMEM, "state \"%s\": %s", name, strerror(ENOMEM)));
	s->layouts = layouts;
	s->layouts[s->nnames] = NULL;
	strlcpy(s->names[s->nnames], name, sizeof(*names));
	return ((int)s->nnames++);
}

const char *
store_layout(const struct store *s, unsigned state)
{
	return (s->layouts[state]);
}

int
store_layout_set(struct store *s, unsigned state, const char *layout)
{
	if (s->layouts[state] == NULL) {
		if ((s->layouts[state] = strdup(layout)) == NULL)
			return (store_fail(s, ENOMEM, "state \"%s\": %s", s->names[state],
			    strerror(ENOMEM)));
		return (0);
	}
	if (strcmp(s->layouts[state], layout) == 0)
		return (0);
	return (store_fail(s, EINVAL, "the values of state \"%s\" are \"%s\" in the checkpoint, "
	    "and \"%s\" now: another function than then? 'weir restore --drop' starts it empty",
	    s->names[state], s->layouts[state], layout));
}

/* NAME, or NAME:LAYOUT. */
int
store_names_encode(struct buf *b, const char *name, const char *layout)
{
	size_t len = strlen(name);

	if (layout == NULL)
		return (buf_add_string(b, name, len));
	if (buf_add_uint(b, len + 1 + strlen(layout), 4) == -1 || buf_add(b, name, len) == -1 ||
	    buf_add(b, ":", 1) == -1)
		return (-1);
	return (buf_add(b, layout, strlen(layout)));
}

int
store_names_save(struct store *s, struct buf *b)
{
	unsigned i;

	if (buf_add_uint(b, s->nnames, 4) == -1)
		return (store_fail(s, errno, "names of states: %s", strerror(errno)));
	for (i = 0; i < s->nnames; i++)
		if (store_names_encode(b, s->names[i], s->layouts[i]) == -1)
			return (store_fail(s, errno, "names of states: %s", strerror(errno)));
	return (0);
}

static int
name_restore(struct store *s, struct buf *b, unsigned number)
{
	char		 name[WEIR_NAME_MAX + 1 + WEIR_LAYOUT_MAX + 1], *layout;
	const char	*text;
	size_t		 len;

	if (buf_get_string(b, &text, &len, sizeof(name) - 1) == -1)
		return (-1);
	memcpy(name, text, len);
	name[len] = '\0';
	errno = EBADMSG;
	if (strlen(name) != len)
		return (-1);
	if ((layout = strchr(name, ':')) != NULL)
		*layout++ = '\0';
	if (!name_ok(name) || store_state(s, name) != (int)number)
		return (-1);
	return (layout != NULL ? store_layout_set(s, number, layout) : 0);
}

int
store_names_restore(struct store *s, const void *data, size_t len)
{
	struct buf	 b;
	uint64_t	 n, i;

	buf_borrow(&b, data, len);
	if (buf_get_uint(&b, &n, 4) == 0) {
		for (i = 0; i < n && name_restore(s, &b, (unsigned)i) == 0; i++)
			;
		if (i == n && b.pos == b.len)
			return (0);
	}
	return (store_fail(s, errno == ENOMEM ? ENOMEM : EBADMSG, "the names of the states in "
	    "the checkpoint are not understood"));
}
