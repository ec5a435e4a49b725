/*
 * reading: what files answer, for their tests, in a directory of its own.
 *
 * It is written down as text: lines as they are, "[a:3:17]" where the place is
 * record 3, byte 17 of a, "<5>" for a record that is too long and of which 5 bytes
 * are shown, "{...}" for a warning.
 */
#ifndef READING_H
#define READING_H

#include <sys/stat.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "files.h"
#include "reader.h"
#include "tap.h"

#define EVERY	SIZE_MAX

static char			 home[] = "/tmp/weir-files.XXXXXX";
static struct input_options	 options;
static struct files		*files;
static int			 shared;
static char			 said[4096];
static uint64_t			 now_ms;

static char			 log_text[1 << 20];
static size_t			 log_len;

static char			 room[1 << 20];
static size_t			 room_extra, most;	/* over files_want(); lines a call */
static enum input_answer	 answer;
static unsigned			 steps;

static void
put(const char *name, int flags, const char *text, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, 0644);

	CHECK(fd != -1 && write(fd, text, len) == (ssize_t)len);
	close(fd);
}

static void
create(const char *name, const char *text)
{
	put(name, O_TRUNC, text, strlen(text));
}

static void
append(const char *name, const char *text)
{
	put(name, O_APPEND, text, strlen(text));
}

/* What is made from now on is younger than all that is there. */
static void
tick(void)
{
	struct stat before, after;

	create(".before", "");
	CHECK(stat(".before", &before) == 0);
	do {
		create(".after", "");
		CHECK(stat(".after", &after) == 0);
	} while (after.st_mtim.tv_sec == before.st_mtim.tv_sec &&
	    after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
	CHECK(unlink(".before") == 0 && unlink(".after") == 0);
}

static void
begin(size_t max_record)
{
	if (system("rm -rf ./*") != 0)
		abort();
	files_free(files);
	memset(&options, 0, sizeof(options));
	options.max_record = max_record;
	files = NULL;
	now_ms = 1;
	log_len = shared = 0;
	said[0] = '\0';
	room_extra = 1000;
	most = EVERY;
}

static int
add(const char *operand)
{
	if (files == NULL)
		files = files_new(&options);
	return (files_add(files, operand));
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "{%s}", line);
}

static void
share(unsigned subtask, unsigned parallelism)
{
	CHECK(files_share(files, NULL, subtask, parallelism, say, NULL) == 0);
	shared = 1;
}

static void
note(const char *text, size_t len)
{
	if (log_len + len >= sizeof(log_text))
		abort();
	memcpy(log_text + log_len, text, len);
	log_len += len;
	log_text[log_len] = '\0';
}

static void
note_answer(const struct input_chunk *chunk)
{
	char line[1200];

	switch (answer) {
	case INPUT_LINES:
		CHECK(chunk->n > 0 && chunk->n <= most);
		CHECK(chunk->len > 0 && room[chunk->len - 1] == '\n');
		note(room, chunk->len);
		return;
	case INPUT_PLACE:
		snprintf(line, sizeof(line), "[%s:%llu:%llu]", chunk->name,
		    (unsigned long long)chunk->record, (unsigned long long)chunk->byte);
		break;
	case INPUT_LONG:
		snprintf(line, sizeof(line), "<%zu>", chunk->len);
		break;
	case INPUT_WARN:
		snprintf(line, sizeof(line), "{%s}", files_error(files));
		break;
	default:
		return;
	}
	note(line, strlen(line));
}

/* Read on until there is nothing now; what was written down since is returned. */
static const char *
drain(void)
{
	struct input_chunk chunk;
	size_t have;

	if (!shared)
		share(0, 1);
	log_len = 0;
	log_text[0] = '\0';
	steps = 0;
	do {
		have = files_want(files);
		CHECK(have > 0 && have <= options.max_record + 1);
		have += room_extra;
		if (have > sizeof(room))
			abort();
		answer = files_read(files, room, have, most, now_ms, &chunk);
		note_answer(&chunk);
		if (++steps > 100000)
			abort();
	} while (answer != INPUT_WAIT && answer != INPUT_END && answer != INPUT_FAILED &&
	    answer != INPUT_MISUSE);
	return (log_text);
}

static int
drains(const char *text)
{
	if (strcmp(drain(), text) == 0)
		return (1);
	printf("# got:  %s\n# want: %s\n", log_text, text);
	return (0);
}

static int
says(const char *sentence)
{
	if (strcmp(files_error(files), sentence) == 0)
		return (1);
	printf("# got:  %s\n# want: %s\n", files_error(files), sentence);
	return (0);
}

static void
reading_home(void)
{
	if (mkdtemp(home) == NULL || chdir(home) == -1) {
		perror(home);
		exit(1);
	}
}

static void
reading_leave(void)
{
	begin(1);
	if (chdir("/") == -1 || rmdir(home) == -1)
		perror(home);
}

#endif
