/* imagebytes: the bytes of a journal: of a job's files, or of a savepoint's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "image.h"

struct imagebytes {
	struct image		*im;
	struct rangefile	*range;		/* of a job; borrowed */

	int			 fd;		/* of a savepoint; -1: there is none */
	const struct manifest_file *file;
	uint64_t		 left;
	XXH3_state_t		*sum;
};

static struct rangefile *
range_find(const struct image *im, const struct manifest_stage *stage,
    const struct manifest_journal *j)
{
	const struct image_subtask	*s;
	size_t				 i, k;

	for (i = 0; i < im->nsub; i++) {
		s = &im->sub[i];
		if (s->part->subtask != j->subtask || strcmp(s->part->stage, stage->name) != 0)
			continue;
		for (k = 0; k < s->part->nranges; k++)
			if (strcmp(s->part->range[k].name, j->name) == 0)
				return (s->range[k]);
	}
	return (NULL);
}

/* No bytes, no file. */
static int
savepoint_open(struct imagebytes *b, const struct manifest_stage *stage,
    const struct manifest_journal *j)
{
	struct image	*im = b->im;
	char		 name[MANIFEST_NAME + 1];

	if ((b->left = j->to - j->start) == 0)
		return (0);
	manifest_journal_name(name, stage, j);
	if ((b->file = manifest_file(&im->m, name)) == NULL)
		return (image_fail(im, EBADMSG, "%s" MANIFEST_FILE ": says nothing of %s", im->path,
		    name));
	if (b->file->bytes != b->left)
		return (image_fail(im, EBADMSG, "%s" MANIFEST_FILE ": %s is not as long as its "
		    "journal", im->path, name));
	if ((b->fd = openat(im->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) == -1)
		return (image_fail(im, errno == ENOENT ? EBADMSG : errno, "%s%s: %s", im->path,
		    name, strerror(errno)));
	if ((b->sum = XXH3_createState()) == NULL)
		return (image_fail(im, ENOMEM, "%s", strerror(ENOMEM)));
	XXH3_64bits_reset(b->sum);
	return (0);
}

static int
sum_check(struct imagebytes *b)
{
	struct image *im = b->im;

	if (b->file == NULL || XXH3_64bits_digest(b->sum) == b->file->sum)
		return (0);
	if (!im->edited)
		return (image_fail(im, EBADMSG, "%s%s: its sum differs from that in " MANIFEST_FILE
		    ": damaged, or changed by hand? --edited takes it", im->path, b->file->name));
	im->changed(b->file->name);
	return (0);
}

static ssize_t
savepoint_read(struct imagebytes *b, void *data, size_t len)
{
	ssize_t n;

	if (b->left == 0)
		return (0);
	if ((n = read(b->fd, data, b->left < len ? (size_t)b->left : len)) == -1)
		return (image_fail(b->im, errno, "read %s%s: %s", b->im->path, b->file->name,
		    strerror(errno)));
	if (n == 0)
		return (image_fail(b->im, EBADMSG, "%s%s: cut short", b->im->path, b->file->name));
	XXH3_64bits_update(b->sum, data, (size_t)n);
	b->left -= (uint64_t)n;
	return (b->left == 0 && sum_check(b) == -1 ? -1 : n);
}

struct imagebytes *
imagebytes_open(struct image *im, const struct manifest_stage *stage,
    const struct manifest_journal *j)
{
	struct imagebytes *b;

	if ((b = calloc(1, sizeof(*b))) == NULL) {
		image_fail(im, ENOMEM, "%s", strerror(ENOMEM));
		return (NULL);
	}
	b->im = im;
	b->fd = -1;
	if (im->fd == -1) {
		b->range = range_find(im, stage, j);
		return (b);
	}
	if (savepoint_open(b, stage, j) == 0)
		return (b);
	imagebytes_close(b);
	return (NULL);
}

ssize_t
imagebytes_read(struct imagebytes *b, void *data, size_t len)
{
	ssize_t n;

	if (b->im->fd != -1)
		return (savepoint_read(b, data, len));
	if ((n = rangefile_read(b->range, data, len)) == -1)
		image_fail(b->im, errno, "%s", rangefile_error(b->range));
	return (n);
}

void
imagebytes_close(struct imagebytes *b)
{
	int error = errno;

	if (b == NULL)
		return;
	if (b->fd != -1)
		close(b->fd);
	XXH3_freeState(b->sum);
	free(b);
	errno = error;
}
