/*
 * image: what a checkpoint holds, be it of a job or a savepoint.
 *
 * It describes itself as the manifest of a savepoint does; the keyed state of each
 * stage is lines (imagetext), journals are bytes (imagebytes).
 *  - Of a job it holds on to all that it needs when it is opened: the job may run,
 *    and nothing of it is changed.
 *  - A savepoint is trusted in nothing: what is read is compared with the sums of its
 *    manifest at the end; what differs is an error, or, of one that was edited, said.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <limits.h>

#include "io.h"
#include "manifest.h"

struct image_subtask {
	const struct jobfile_subtask *part;
	struct stagedir	*dir;
	struct store_read *store;	/* NULL once it was read */
	struct rangefile **range;	/* of each of the part's; NULL: that of the store */
};

struct image {
	struct manifest	 m;
	char		 path[PATH_MAX];	/* ends with a slash */
	char		 why[PATH_MAX + 512];

	/* of a job */
	struct jobdir	*dir;
	struct jobfile	 file;
	const struct jobfile_checkpoint *at;
	struct image_subtask *sub;
	size_t		 nsub;
	int		 stopped;	/* the lock is ours, and stays */

	/* of a savepoint */
	int		 fd;		/* -1: of a job */
	int		 edited;	/* sums that differ are said, by changed() */
	void		(*changed)(const char *file);
};

enum image_how {
	IMAGE_LOOK,		/* running or not */
	IMAGE_STOPPED		/* with the job's lock: EWOULDBLOCK */
};

/*
 * image_job		the last checkpoint of a job, or that of an id; least: none
 *			older than this will do.
 * image_savepoint	edited and changed: as above.
 * image_is_savepoint	there is a manifest in it.
 * -1: image.why, and errno as of jobdir; ENODATA: there is no such checkpoint.
 */
int	 image_job(struct image *, const char *path, enum image_how, uint64_t id,
	    uint64_t least);
int	 image_savepoint(struct image *, const char *path, int edited,
	    void (*changed)(const char *));
int	 image_is_savepoint(const char *path);
void	 image_close(struct image *);

/*
 * A stage's keyed state: lines STATE <TAB> KEY <TAB> VALUE without their newline, in
 * byte order.  Once for each stage of an image.  next: 1, 0, -1: image.why.
 */
struct imagetext;

struct imagetext *imagetext_open(struct image *, const struct manifest_stage *);
int	 imagetext_next(struct imagetext *, const char **line, size_t *len);
int	 imagetext_fail(struct imagetext *, const char *why);	/* of the last line: -1 */
void	 imagetext_close(struct imagetext *);

/* The value of one key, as it is written, appended to the buf: 1, 0, -1: image.why. */
int	 imagetext_find(struct image *, const struct manifest_stage *, unsigned state,
	    const void *key, size_t keylen, struct buf *value);

/* The subtask, of so many, that a key belongs to. */
unsigned image_owner(const struct image *, unsigned parallelism, const void *key,
	    size_t keylen);

/* Cut a line: the state's number, the key and the value as they are written. */
struct imageline {
	unsigned	 state;
	const char	*key, *val;
	size_t		 keylen, vallen;
};

int	 imageline_cut(const struct manifest_stage *, const char *line, size_t len,
	    struct imageline *);	/* -1: it is none */

/* The bytes of a journal from start to to.  read: some; 0: that was all; -1. */
struct imagebytes;

struct imagebytes *imagebytes_open(struct image *, const struct manifest_stage *,
	    const struct manifest_journal *);
ssize_t	 imagebytes_read(struct imagebytes *, void *, size_t);
void	 imagebytes_close(struct imagebytes *);

/* For its parts: a sentence, -1 and errno. */
int	 image_fail(struct image *, int error, const char *fmt, ...) WEIR_PRINTF(3, 4);

#endif
