/* succession: the files that have one name, one after the other. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operands.h"
#include "rotation.h"
#include "succession.h"

int
succession_begin(struct succession *s, const char *path)
{
	memset(s, 0, sizeof(*s));
	s->next = -1;
	s->standard = operands_standard(path);
	return ((s->path = strdup(path)) == NULL ? -1 : 0);
}

void
succession_end(struct succession *s)
{
	if (s->next != -1)
		close(s->next);
	free(s->path);
}

int
succession_take(struct succession *s)
{
	int fd = s->next;

	if (s->standard)
		return (STDIN_FILENO);
	if (fd == -1)
		return (open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	s->next = -1;
	return (fd);
}

int
succession_check(const struct succession *s, int *fd, struct stat *st)
{
	char name[PATH_MAX];
	int fits, found;

	fits = rotation_fits(*fd, &s->resume);
	if (fits == -1 || s->standard ||
	    (fits == 1 && (uint64_t)st->st_ino == s->resume.inode))
		return (fits);
	/* another file may begin alike: the one of that inode comes first */
	found = rotation_find(s->path, &s->resume, ROTATION_INODE, name, sizeof(name));
	if (found == -1)
		return (fits);
	close(*fd);
	*fd = found;
	return (fstat(found, st) == -1 ? -1 : 1);
}

void
succession_settle(struct succession *s, const struct stat *st)
{
	struct stat named;

	s->elsewhere = !s->standard && S_ISREG(st->st_mode) &&
	    (stat(s->path, &named) == -1 || named.st_ino != st->st_ino ||
	    named.st_dev != st->st_dev);
}

int
succession_passed(const struct succession *s, int fd)
{
	int heir;

	if (!s->elsewhere || s->alone || (heir = rotation_next(s->path, fd)) == -1)
		return (0);
	close(heir);
	return (1);
}

/* The name is looked at first, so that no rotation meanwhile can hide a file. */
void
succession_pass(struct succession *s, int fd, int named)
{
	int renamed = -1;

	if (named == -1)
		named = open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (!s->alone)
		renamed = rotation_next(s->path, fd);
	if (renamed != -1 && named != -1)
		close(named);
	s->next = renamed != -1 ? renamed : named;
}
