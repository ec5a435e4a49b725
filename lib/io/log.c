/* log: lines on standard error, one write(2) each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bsd/string.h>

#include "io.h"

static char		 own_name[WEIR_NAME_MAX + 16] = "weir";
static enum log_level	 log_most = LOG_WARN;

void
log_open(const char *name, enum log_level most)
{
	strlcpy(own_name, name, sizeof(own_name));
	log_most = most;
}

const char *
log_name(void)
{
	return (own_name);
}

/* journald says by device and inode which standard error is its own. */
static int
journald_listens(void)
{
	const char	*stream = getenv("JOURNAL_STREAM");
	struct stat	 st;
	char		 mine[64];

	if (stream == NULL || fstat(STDERR_FILENO, &st) == -1)
		return (0);
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return (strcmp(mine, stream) == 0);
}

void
log_vsay(enum log_level level, const char *fmt, va_list ap)
{
	/* journald reads a priority in front of a line */
	static const char *const priorities[] = { "<3>", "<4>", "<7>" };
	char	 line[2048];
	size_t	 n, i;
	int	 saved = errno;

	if (level > log_most)
		return;
	snprintf(line, sizeof(line), "%s%s: ",
	    journald_listens() ? priorities[level] : "", own_name);
	n = strlen(line);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	for (i = 0; line[i] != '\0'; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[i++] = '\n';
	/* where standard error is closed there is nobody to tell */
	if (write(STDERR_FILENO, line, i) == -1)
		errno = saved;
	errno = saved;
}

void
log_say(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vsay(level, fmt, ap);
	va_end(ap);
}
