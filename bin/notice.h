/*
 * notice: be told when files that are followed may have changed.
 *
 * A hint, no more: it saves looking at them every few milliseconds.  A file system
 * that others change from elsewhere tells nothing, so look now and then as well.
 * On systems without inotify(7) there is none.
 */
#ifndef NOTICE_H
#define NOTICE_H

struct notice;

/* NULL: there is none, or no more. */
struct notice *notice_new(void);
void	 notice_free(struct notice *);

/*
 * Watch the open file fd, -1 if there is none yet, and who gets the name path.
 * Returns a number for notice_drop(); -1: it cannot be watched, notice_all() is 0
 * from now on.  Without a notice (NULL): -1.
 */
int	 notice_add(struct notice *, int fd, const char *path);
void	 notice_drop(struct notice *, int number);
void	 notice_fail(struct notice *);	/* there is something that cannot be watched */

/* 1 as long as everything that was to be watched is. */
int	 notice_all(const struct notice *);

/* It can be read when something has changed since notice_clear(). */
int	 notice_fd(const struct notice *);
void	 notice_clear(struct notice *);

#endif
