/*
 * weir: the front of the toolkit.
 *
 * weir NAME runs weir-NAME, ours or anybody's, and adds nothing: the program is
 * this process from then on, with its arguments, environment and descriptors.
 * The rest is help: what there is, and what a misspelt name may have meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bsd/err.h>

#include "hint.h"
#include "programs.h"
#include "weir.h"

/* Stages first, then what controls jobs. */
static const struct {
	const char	*name, *summary;
} known[] = {
	{ "source", "read files, standard input, or a counter" },
	{ "keyby", "find each record's key" },
	{ "statemap", "apply a function to each record and its key's state" },
	{ "reduce", "fold the records of each key: count, sum, min, max, mean, ..." },
	{ "sink", "write the records to a file or standard output" },
	{ "run", "run a script as a job, or run it again" },
	{ "checkpointd", "coordinate a job whose stages are run by others" },
	{ "status", "how a job is doing" },
	{ "history", "the checkpoints of a job that were tried" },
	{ "checkpoint", "take a checkpoint of a running job now" },
	{ "stop", "end a job with a final checkpoint" },
	{ "cancel", "end a job at once" },
	{ "savepoint", "write the state of a job to a directory, as text" },
	{ "restore", "make a new job of a savepoint, or of another job" },
	{ "state", "look at the state of a job" },
	{ "crashtest", "run a script, kill it at random, compare what it makes" },
};

#define KNOWN	(sizeof(known) / sizeof(known[0]))
#define STAGES	5

#define INDENT	16		/* of the summaries in the overview; the terminal ends */
#define WIDTH	(78 - INDENT)	/* so far behind it */

static const char head[] =
"weir: stateful stream processing in shell pipelines\n"
"\n"
"    weir source access.log |      # read files; -F follows them\n"
"        weir keyby -W -k 1 |      # group by the first word of each line\n"
"        weir reduce count |       # a running count for each key\n"
"        weir sink hits.tsv        # to a file; without it, to the terminal\n"
"\n"
"The programs:\n"
"\n";

static const char tail[] =
"\n"
"    weir NAME [ARGUMENT]...       run one\n"
"    weir NAME --help              its options\n"
"    weir help [NAME]              its manual page; or the list, yours included\n"
"    weir --version                of weir and the libraries in use\n"
"\n"
"A program weir-NAME of your own, on the PATH, is one of them.\n"
"Read on: man weir\n";

/* The end of whatever printed something. */
static int
printed(void)
{
	if (fflush(stdout) == EOF || ferror(stdout))
		err(WEIR_FAILED, "standard output");
	return (WEIR_DONE);
}

static int
overview(void)
{
	size_t	i;
	int	column = 0;

	fputs(head, stdout);
	for (i = 0; i < STAGES; i++)
		printf("    %-12s%s\n", known[i].name, known[i].summary);
	printf("    for jobs:  ");
	for (; i < KNOWN; i++) {
		if (column + (int)strlen(known[i].name) > WIDTH) {
			printf("\n%*s", INDENT - 1, "");
			column = 0;
		}
		column += printf(" %s", known[i].name);
	}
	fputs("\n", stdout);
	fputs(tail, stdout);
	return (printed());
}

static int
version(void)
{
	weir_version(stdout);
	return (printed());
}

/* Tell that there is no such program. */
static int
unknown(struct programs *p, const char *name)
{
	const char **names, *hint;
	size_t i, n;

	programs_list(p);
	if ((names = calloc(KNOWN + p->n + 1, sizeof(*names))) == NULL)
		err(WEIR_FAILED, NULL);
	n = 0;
	for (i = 0; i < KNOWN; i++)
		names[n++] = known[i].name;
	for (i = 0; i < p->n; i++)
		names[n++] = p->list[i].name;
	names[n++] = "help";
	hint = hint_closest(name, names, n);
	if (hint != NULL && strcmp(hint, name) == 0)
		warnx("\"%s\" is not installed: no weir-%s in %s or on the PATH", name, name,
		    p->libexec);
	else if (hint != NULL)
		warnx("no program \"%s\"; did you mean \"%s\"? 'weir help' lists them", name,
		    hint);
	else
		warnx("no program \"%s\"; 'weir help' lists them", name);
	free(names);
	return (WEIR_USAGE);
}

/* The path of a program, or NULL after its absence was told. */
static char *
find(struct programs *p, const char *name)
{
	char *path;

	if (!programs_name(name)) {
		warnx("a program's name has 1 to %d letters, digits, '_' and '-'; 'weir help' "
		    "lists them", WEIR_NAME_MAX);
		return (NULL);
	}
	if ((path = programs_find(p, name)) == NULL)
		unknown(p, name);
	return (path);
}

/* Become the program, or tell why not; takes path over. */
static int
run(char *path, char *argv[])
{
	argv[0] = path;
	execv(path, argv);
	if (errno == ENOEXEC)
		warnx("%s: neither a program nor a script with a first line #!", path);
	else if (errno == ENOENT && access(path, F_OK) == 0)
		warnx("%s: there is no such interpreter as its first line names", path);
	else
		warn("%s", path);
	free(path);
	return (WEIR_FAILED);
}

static int
list(struct programs *p)
{
	const struct program *program;
	size_t i, j;
	int yours;

	programs_list(p);
	if (p->n == 0)
		errx(WEIR_FAILED, "no programs in %s or on the PATH", p->libexec);
	for (i = 0; i < KNOWN; i++)
		for (j = 0; j < p->n; j++)
			if (strcmp(known[i].name, p->list[j].name) == 0)
				printf("    %-12s%s\n", known[i].name, known[i].summary);
	for (yours = 0; yours <= 1; yours++)
		for (j = 0; j < p->n; j++) {
			program = &p->list[j];
			for (i = 0; i < KNOWN; i++)
				if (strcmp(known[i].name, program->name) == 0)
					break;
			if (i == KNOWN && program->yours == yours)
				printf("    %-12s%s%s\n", program->name, yours ? "yours: " : "",
				    program->path);
		}
	printf("\n'weir help NAME' explains one; 'man weir' is where to begin.\n");
	return (printed());
}

/* Does man(1) know the page? */
static int
man_has(const char *man, const char *page)
{
	int null, status;
	pid_t pid;

	if ((pid = fork()) == -1)
		return (0);
	if (pid == 0) {
		if ((null = open("/dev/null", O_RDWR)) == -1 || dup2(null, 0) == -1 ||
		    dup2(null, 1) == -1 || dup2(null, 2) == -1)
			_exit(1);
		execl(man, "man", "-w", page, (char *)NULL);
		_exit(1);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return (0);
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The page if there is one and a man(1) to show it, else what --help says. */
static int
help(struct programs *p, const char *name)
{
	char page[sizeof("weir-") + WEIR_NAME_MAX], option[] = "--help";
	char *path, *man, *argv[3];

	if ((path = find(p, name)) == NULL)
		return (WEIR_USAGE);
	snprintf(page, sizeof(page), "weir-%s", name);
	man = programs_search("man");
	if (man != NULL && man_has(man, page)) {
		free(path);
		argv[1] = page;
		argv[2] = NULL;
		return (run(man, argv));
	}
	free(man);
	argv[1] = option;
	argv[2] = NULL;
	return (run(path, argv));
}

static int
dispatch(struct programs *p, int argc, char *argv[])
{
	const char *word = argv[1];
	char *path;

	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0)
		return (overview());
	if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
		return (version());
	if (*word == '-') {
		warnx("an option before the program's name: weir NAME [ARGUMENT]...; "
		    "'weir help' lists them");
		return (WEIR_USAGE);
	}
	if (strcmp(word, "help") == 0)
		return (argc == 2 ? list(p) : help(p, argv[2]));
	if ((path = find(p, word)) == NULL)
		return (WEIR_USAGE);
	return (run(path, argv + 1));
}

int
main(int argc, char *argv[])
{
	struct programs p;
	int status;

	if (argc < 2)
		return (overview());
	programs_open(&p, argv[0]);
	status = dispatch(&p, argc, argv);
	programs_close(&p);
	return (status);
}
