/* nostore: until the store is there, no stage has one. */
#include "run.h"

struct store *
handles_store(const struct weir *w)
{
	(void)w;
	return (NULL);
}

const char *
store_error(const struct store *s)
{
	(void)s;
	return ("");
}

struct store_cut *
store_cut(struct store *s, uint64_t id)
{
	(void)s;
	(void)id;
	return (NULL);
}

int
store_write(struct store_cut *c)
{
	(void)c;
	return (-1);
}

int
store_cut_done(struct store_cut *c, int r, struct jobfile_subtask *p, uint64_t *b)
{
	(void)c;
	(void)p;
	(void)b;
	return (r);
}

void
store_view(struct store *s, uint64_t c, uint64_t o)
{
	(void)s;
	(void)c;
	(void)o;
}

enum store_pressure
store_pressure(const struct store *s)
{
	(void)s;
	return (STORE_EASY);
}
