/*
 * script: how a file is run, by its first line.
 */
#include <stdarg.h>
#include <unistd.h>

#include "script.h"
#include "tap.h"

static char	 file[64];
static char	 arg0[] = "one", arg1[] = "-2", *args[] = { arg0, arg1 };

static void
words_free(struct script *s)
{
	size_t i;

	for (i = 0; s->words[i] != NULL && s->words[i] != arg0; i++)
		free(s->words[i]);
	free(s->words);
}

/* Is a file with this text run by these words, with its arguments behind? */
static int
runs(const char *text, ...)
{
	struct script	 s = { 0 };
	const char	*word;
	char		 why[256];
	va_list		 ap;
	FILE		*f = fopen(file, "w");
	size_t		 n = 0;
	int		 same = 1;

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF ||
	    script_words(&s, file, NULL, args, 2, why, sizeof(why)) == -1)
		return (0);
	va_start(ap, text);
	while (same && (word = va_arg(ap, const char *)) != NULL)
		same = s.words[n] != NULL && strcmp(s.words[n++], word) == 0;
	va_end(ap);
	same = same && strcmp(s.words[n], file) == 0 && s.words[n + 1] == arg0 &&
	    s.words[n + 2] == arg1 && s.words[n + 3] == NULL;
	words_free(&s);
	return (same);
}

static void
without_a_first_line_by_sh(void)
{
	CHECK(runs("", "sh", NULL));
	CHECK(runs("echo\n", "sh", NULL));
	CHECK(runs("# !/bin/bash\n", "sh", NULL));
	CHECK(runs("#!\n", "sh", NULL));
	CHECK(runs("#! \t\n", "sh", NULL));
}

static void
by_the_program_of_the_first_line_and_at_most_one_argument(void)
{
	CHECK(runs("#!/bin/bash\necho\n", "/bin/bash", NULL));
	CHECK(runs("#!/bin/bash", "/bin/bash", NULL));
	CHECK(runs("#! /bin/bash -eu \n", "/bin/bash", "-eu", NULL));
	CHECK(runs("#!/usr/bin/env -S bash -e -u\n", "/usr/bin/env", "-S bash -e -u", NULL));
	CHECK(runs("#!/bin/bash\r\n", "/bin/bash", NULL));
}

static void
where_that_is_weir_by_sh(void)
{
	CHECK(runs("#!/usr/bin/env -S weir run -c 1s -j job\n", "sh", NULL));
	CHECK(runs("#!/usr/local/bin/weir run\n", "sh", NULL));
	CHECK(runs("#!/usr/local/libexec/weir/weir-run\n", "sh", NULL));
	CHECK(runs("#!/opt/weird\n", "/opt/weird", NULL));
	CHECK(runs("#!/opt/weir/python\n", "/opt/weir/python", NULL));
}

static void
a_text_by_sh(void)
{
	struct script	s = { 0 };
	char		why[256];

	CHECK(script_words(&s, NULL, "echo", args, 2, why, sizeof(why)) == 0);
	CHECK(strcmp(s.words[0], "sh") == 0 && strcmp(s.words[1], "-c") == 0);
	CHECK(strcmp(s.words[2], "echo") == 0 && strcmp(s.words[3], "run") == 0);
	CHECK(s.words[4] == arg0 && s.words[5] == arg1 && s.words[6] == NULL);
	words_free(&s);
}

static void
a_file_that_cannot_be_read_is_named(void)
{
	struct script	s = { 0 };
	char		why[256];

	CHECK(script_words(&s, "/nowhere", NULL, args, 2, why, sizeof(why)) == -1);
	CHECK(strcmp(why, "/nowhere: No such file or directory") == 0);
	CHECK(script_words(&s, "/", NULL, args, 2, why, sizeof(why)) == -1);
	CHECK(strcmp(why, "/: Is a directory") == 0);
}

int
main(void)
{
	char dir[] = "/tmp/weir-script.XXXXXX";

	if (mkdtemp(dir) == NULL)
		return (1);
	snprintf(file, sizeof(file), "%s/script", dir);
	RUN(without_a_first_line_by_sh);
	RUN(by_the_program_of_the_first_line_and_at_most_one_argument);
	RUN(where_that_is_weir_by_sh);
	RUN(a_text_by_sh);
	RUN(a_file_that_cannot_be_read_is_named);
	unlink(file);
	rmdir(dir);
	DONE();
}
