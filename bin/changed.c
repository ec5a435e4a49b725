/* changed: which keys are to be printed when input has ended. */
#include "changed.h"

int
changed_open(struct changed *c, struct weir *w, struct weir_value *values)
{
	c->values = values;
	if (!weir_job(w))
		return (0);
	return ((c->marks = weir_value(w, "changed")) == NULL ? -1 : 0);
}

int
changed_mark(struct changed *c)
{
	const void	*mark;
	size_t		 len;
	int		 found;

	if (c->marks == NULL)
		return (0);
	if ((found = weir_value_get(c->marks, &mark, &len)) != 0)
		return (found == -1 ? -1 : 0);
	return (weir_value_put(c->marks, "", 0));
}

int
changed_next(struct changed *c, struct weir_record *key, const void **value, size_t *len)
{
	int more;

	if (c->scan == NULL &&
	    (c->scan = weir_scan(c->marks != NULL ? c->marks : c->values)) == NULL)
		return (-1);
	while ((more = weir_scan_next(c->scan, key, value, len)) == 1) {
		if (c->marks == NULL)
			return (1);
		if (weir_value_clear(c->marks) == -1 ||
		    (more = weir_value_get(c->values, value, len)) == -1)
			return (-1);
		if (more)
			return (1);
	}
	weir_scan_end(c->scan);
	c->scan = NULL;
	return (more);
}
