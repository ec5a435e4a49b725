/*
 * programs: which programs there are, and where.
 *
 * They are called weir-NAME and lie in the libexec directory or on the PATH,
 * where an element that is empty is passed over: the current directory is
 * searched only by its name.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stddef.h>

struct program {
	char	*name;		/* without weir- */
	char	*path;
	int	 yours;		/* on the PATH, not in the libexec directory */
};

struct programs {
	char		*libexec;	/* the directory; NULL if there is none */
	struct program	*list;		/* by name, each once */
	size_t		 n;
};

/*
 * programs_open	find the libexec directory: $WEIR_LIBEXEC; else ../libexec/weir
 *			beside the directory of the running program, which argv0
 *			names; else the one that was compiled in.
 * programs_find	the path of a program, to be freed; or NULL.
 * programs_list	fill the list.
 * programs_search	an executable file on the PATH, by its name; to be freed.
 * programs_name	1 if it can be a program's name: [A-Za-z0-9_-]{1,64}.
 *
 * No memory ends the process.
 */
void	 programs_open(struct programs *, const char *argv0);
void	 programs_close(struct programs *);
char	*programs_find(const struct programs *, const char *name);
void	 programs_list(struct programs *);
char	*programs_search(const char *file);
int	 programs_name(const char *name);

#endif
