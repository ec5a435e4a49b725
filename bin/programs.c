/*
 * programs: which programs there are, and where.
 *
 * Nothing is remembered between runs: what can be executed now is a program.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bsd/err.h>

#include "programs.h"
#include "weir.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR	"/usr/local/libexec/weir"
#endif

#define PREFIX	"weir-"

static char *
join(const char *dir, size_t dirlen, const char *between, const char *file)
{
	char *path;
	size_t size;

	size = dirlen + strlen(between) + strlen(file) + 1;
	if ((path = malloc(size)) == NULL)
		err(WEIR_FAILED, NULL);
	snprintf(path, size, "%.*s%s%s", (int)dirlen, dir, between, file);
	return (path);
}

static int
is_executable(const char *path)
{
	struct stat st;

	return (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0);
}

static int
is_directory(const char *path)
{
	struct stat st;

	return (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

/* The next element of a PATH that is not empty: its length, 0 at the end. */
static size_t
path_next(const char **element)
{
	const char *p;

	for (p = *element; *p == ':'; p++)
		continue;
	*element = p;
	return (strcspn(p, ":"));
}

static const char *
path_get(void)
{
	const char *path;

	path = getenv("PATH");
	return (path != NULL ? path : "/usr/bin:/bin");
}

char *
programs_search(const char *file)
{
	const char *dir;
	char *path;
	size_t len;

	dir = path_get();
	for (; (len = path_next(&dir)) > 0; dir += len) {
		path = join(dir, len, "/", file);
		if (is_executable(path))
			return (path);
		free(path);
	}
	return (NULL);
}

int
programs_name(const char *name)
{
	size_t len;

	len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
	return (name[len] == '\0' && len > 0 && len <= WEIR_NAME_MAX);
}

/* The directory ../libexec/weir beside that of the program argv0, or NULL. */
static char *
libexec_beside(const char *argv0)
{
	char *found, *self, *slash, *libexec;

	found = strchr(argv0, '/') != NULL ? join(argv0, strlen(argv0), "", "") :
	    programs_search(argv0);
	if (found == NULL)
		return (NULL);
	self = realpath(found, NULL);
	free(found);
	if (self == NULL)
		return (NULL);
	libexec = NULL;
	if ((slash = strrchr(self, '/')) != NULL) {
		*slash = '\0';
		slash = strrchr(self, '/');
		libexec = join(self, slash != NULL ? (size_t)(slash - self) : 0, "/",
		    "libexec/weir");
	}
	free(self);
	if (libexec != NULL && is_directory(libexec))
		return (libexec);
	free(libexec);
	return (NULL);
}

void
programs_open(struct programs *p, const char *argv0)
{
	const char *given;

	memset(p, 0, sizeof(*p));
	given = getenv("WEIR_LIBEXEC");
	if (given != NULL && *given != '\0')
		p->libexec = join(given, strlen(given), "", "");
	else if ((p->libexec = libexec_beside(argv0)) == NULL)
		p->libexec = join(LIBEXECDIR, strlen(LIBEXECDIR), "", "");
}

void
programs_close(struct programs *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		free(p->list[i].name);
		free(p->list[i].path);
	}
	free(p->list);
	free(p->libexec);
}

char *
programs_find(const struct programs *p, const char *name)
{
	char *file, *path;

	path = join(p->libexec, strlen(p->libexec), "/" PREFIX, name);
	if (is_executable(path))
		return (path);
	free(path);
	file = join(PREFIX, strlen(PREFIX), "", name);
	path = programs_search(file);
	free(file);
	return (path);
}

/* Take path over. */
static void
list_add(struct programs *p, const char *name, char *path, int yours)
{
	struct program *list;
	size_t i;

	for (i = 0; i < p->n; i++)
		if (strcmp(p->list[i].name, name) == 0) {
			free(path);	/* an earlier directory has it */
			return;
		}
	if ((list = realloc(p->list, (p->n + 1) * sizeof(*list))) == NULL)
		err(WEIR_FAILED, NULL);
	p->list = list;
	list[p->n].name = join(name, strlen(name), "", "");
	list[p->n].path = path;
	list[p->n].yours = yours;
	p->n++;
}

static void
list_directory(struct programs *p, const char *name, int yours)
{
	const struct dirent *entry;
	const char *program;
	char *path;
	DIR *dir;

	if ((dir = opendir(name)) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		program = entry->d_name + strlen(PREFIX);
		if (!programs_name(program))
			continue;
		path = join(name, strlen(name), "/", entry->d_name);
		if (is_executable(path))
			list_add(p, program, path, yours);
		else
			free(path);
	}
	closedir(dir);
}

static int
program_order(const void *a, const void *b)
{
	const struct program *pa = a, *pb = b;

	return (strcmp(pa->name, pb->name));
}

void
programs_list(struct programs *p)
{
	const char *element;
	char *dir;
	size_t len;

	list_directory(p, p->libexec, 0);
	for (element = path_get(); (len = path_next(&element)) > 0; element += len) {
		dir = join(element, len, "", "");
		list_directory(p, dir, 1);
		free(dir);
	}
	if (p->n > 0)
		qsort(p->list, p->n, sizeof(*p->list), program_order);
}
