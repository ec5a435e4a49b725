/*
 * opstate: a subtask's operator state: parts, each a name and its bytes.
 *
 * A version, then for each part its name and its bytes, both behind their length
 * (weir-job(5)).
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"

#define VERSION	1

int
opstate_begin(struct buf *b)
{
	return (buf_add_uint(b, VERSION, 4));
}

int
opstate_put(struct buf *b, const char *name, const void *data, size_t len)
{
	if (buf_add_string(b, name, strlen(name)) == -1)
		return (-1);
	return (buf_add_string(b, data, len));
}

int
opstate_read(struct buf *b, const void *data, size_t len)
{
	uint64_t version;

	buf_borrow(b, data, len);
	if (buf_get_uint(b, &version, 4) == -1)
		return (-1);
	if (version == VERSION)
		return (0);
	errno = EBADMSG;
	return (-1);
}

int
opstate_next(struct buf *b, struct opstate_part *p)
{
	if (b->pos == b->len)
		return (0);
	if (buf_get_string(b, &p->name, &p->namelen, OPSTATE_NAME) == -1 ||
	    buf_get_string(b, &p->data, &p->len, JOBFILE_STATE) == -1)
		return (-1);
	return (1);
}

int
opstate_is(const struct opstate_part *p, const char *name)
{
	return (p->namelen == strlen(name) && memcmp(p->name, name, p->namelen) == 0);
}
