/*
 * control: lines between subtasks and their coordinator: what is said is heard as
 * it was, whatever its size; what is hostile is refused; an end is heard at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io.h"
#include "tap.h"

static char		 dir[64], path[96], why[256];
static int		 listener = -1;
static struct control	*up, *down;	/* a subtask's end, the coordinator's */

static void
end(void)
{
	control_close(up);
	control_close(down);
	up = down = NULL;
	if (listener != -1)
		close(listener);
	listener = -1;
}

static void
begin(void)
{
	end();
	listener = control_listen(path, why, sizeof(why));
	CHECK(listener != -1);
	up = control_dial(path);
	down = control_accept(listener);
	if (up == NULL || down == NULL) {
		printf("Bail out! no line: %s\n", strerror(errno));
		exit(1);
	}
}

/* Both ends do what they can until there is nothing left to do. */
static int
settle(void)
{
	struct pollfd	p[2];
	int		r = 0;

	do {
		r |= control_work(up) | control_work(down);
		p[0] = (struct pollfd){ control_fd(up), control_events(up), 0 };
		p[1] = (struct pollfd){ control_fd(down), control_events(down), 0 };
	} while (r == 0 && poll(p, 2, 0) > 0);
	return (r);
}

static int
heard(const struct say *s, struct say *got)
{
	CHECK(control_say(up, s) == 0);
	settle();
	return (control_hear_say(down, got));
}

static struct say
registration(void)
{
	struct say s = { .kind = SAY_REGISTER, .subtask = 1, .nonce = "4711-1" };

	strcpy(s.stage.name, "reduce");
	s.stage.parallelism = 2;
	s.stage.outputs = 3;
	s.stage.ninputs = 2;
	strcpy(s.stage.input[0], "keyby");
	strcpy(s.stage.input[1], "other_keyby");
	return (s);
}

/* range and state have to live as long as what is returned */
static struct say
acknowledgement(struct journal_range range[2], void *state, size_t len)
{
	struct say s = { .kind = SAY_ACK, .attempt = UINT32_MAX, .id = 17, .bytes = 4096,
	    .duration_ms = 31 };

	memset(range, 0, 2 * sizeof(*range));
	strcpy(range[0].name, "spool");
	range[0].to = INT64_MAX;
	range[0].sum = 0xfedcba9876543210;
	strcpy(range[1].name, "store");
	range[1].start = 5;
	range[1].to = 99;
	strcpy(s.part.stage, "reduce");
	s.part.subtask = 1;
	s.part.parallelism = 2;
	s.part.batches = 7;
	s.part.state = state;
	s.part.statelen = len;
	s.part.range = range;
	s.part.nranges = 2;
	return (s);
}

static void
control_registration_is_heard_as_it_was_said(void)
{
	struct say s = registration(), got;

	begin();
	CHECK(heard(&s, &got) == 1);
	CHECK(got.kind == SAY_REGISTER && got.subtask == 1);
	CHECK(memcmp(&got.stage, &s.stage, sizeof(s.stage)) == 0);
	CHECK(strcmp(got.nonce, "4711-1") == 0);
	CHECK(control_hear_say(down, &got) == 0);
}

static void
control_ack_is_heard_as_it_was_said(void)
{
	char			state[] = "a\0\xff\n";
	struct journal_range	range[2];
	struct say		s = acknowledgement(range, state, sizeof(state)), got;

	begin();
	CHECK(heard(&s, &got) == 1);
	CHECK(got.kind == SAY_ACK && got.attempt == UINT32_MAX && got.id == 17);
	CHECK(got.bytes == 4096 && got.duration_ms == 31);
	CHECK(strcmp(got.part.stage, "reduce") == 0 && got.part.subtask == 1);
	CHECK(got.part.parallelism == 2 && got.part.batches == 7);
	CHECK(got.part.statelen == sizeof(state) &&
	    memcmp(got.part.state, state, sizeof(state)) == 0);
	CHECK(got.part.nranges == 2 && memcmp(got.part.range, range, sizeof(range)) == 0);
	say_free(&got);
}

static void
control_other_words_are_heard_as_they_were_said(void)
{
	static const enum say_kind kinds[] = { SAY_CONNECTED, SAY_DECLINE, SAY_FINISHED,
	    SAY_COMMITTED, SAY_FAILED, SAY_WANT, SAY_BEAT, SAY_STOP, SAY_CANCEL };
	struct say	s = registration(), got;
	size_t		i;

	s.attempt = 3;
	s.id = 12;
	s.status = 2;
	s.seen = 12, s.aligning = 13, s.writing = 14;
	strcpy(s.why, "disk: \"full\"\n");
	begin();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		s.kind = kinds[i];
		CHECK(heard(&s, &got) == 1 && got.kind == kinds[i]);
		if (s.kind != SAY_FAILED && s.kind != SAY_STOP && s.kind != SAY_CANCEL)
			CHECK(got.attempt == 3);
		if (s.kind == SAY_DECLINE || s.kind == SAY_COMMITTED)
			CHECK(got.id == 12);
		if (s.kind == SAY_DECLINE || s.kind == SAY_FAILED)
			CHECK(strcmp(got.why, s.why) == 0);
		if (s.kind == SAY_FAILED)
			CHECK(got.status == 2 && strcmp(got.stage.name, "reduce") == 0);
		if (s.kind == SAY_BEAT)
			CHECK(got.seen == 12 && got.aligning == 13 && got.writing == 14);
	}
}

static void
control_view_is_heard_as_it_was_told(void)
{
	struct tell t = { .kind = TELL_VIEW }, got;

	t.view = (struct view){ .number = 9, .state = JOB_RUNNING, .attempt = 4, .restore = 11,
	    .ids = { .highest = 15, .pending = { 12, 15 }, .npending = 2 }, .completed = 13,
	    .oldest = 11, .stop = 1 };
	begin();
	CHECK(control_tell(down, &t) == 0 && settle() == 0);
	CHECK(control_hear_tell(up, &got) == 1 && got.kind == TELL_VIEW);
	CHECK(memcmp(&got.view, &t.view, sizeof(t.view)) == 0);
}

static void
control_welcome_refusal_and_beat_are_heard(void)
{
	struct tell welcome = { .kind = TELL_WELCOME, .attempt = 4, .at_least_once = 1,
	    .memory_backend = 1, .concurrent = 64, .groups = 32768, .checkpoints = 1,
	    .feedback = UINT32_MAX, .loop_wait_ms = INT64_MAX };
	struct tell refused = { .kind = TELL_REFUSED, .status = 2, .why = "another name" };
	struct tell beat = { .kind = TELL_BEAT }, got;

	begin();
	CHECK(control_tell(down, &welcome) == 0 && control_tell(down, &refused) == 0);
	CHECK(control_tell(down, &beat) == 0 && settle() == 0);
	CHECK(control_hear_tell(up, &got) == 1 && memcmp(&got, &welcome, sizeof(got)) == 0);
	CHECK(control_hear_tell(up, &got) == 1 && got.kind == TELL_REFUSED);
	CHECK(got.status == 2 && strcmp(got.why, "another name") == 0);
	CHECK(control_hear_tell(up, &got) == 1 && got.kind == TELL_BEAT);
}

static void
control_sentence_that_is_no_utf8_is_made_visible(void)
{
	struct say s = { .kind = SAY_DECLINE, .id = 1, .why = "open a\xff: no" }, got;

	begin();
	CHECK(heard(&s, &got) == 1 && strcmp(got.why, "open a\\M^?: no") == 0);
	strcpy(s.why, "open caf\xc3\xa9: no");
	CHECK(heard(&s, &got) == 1 && strcmp(got.why, s.why) == 0);
}

static void
control_state_of_5_mib_goes_through_without_blocking(void)
{
	struct journal_range	 range[2];
	char			*state = malloc(JOBFILE_STATE);
	struct say		 s, got;
	int			 i;

	memset(state, 0xa5, JOBFILE_STATE);
	s = acknowledgement(range, state, JOBFILE_STATE);
	begin();
	CHECK(control_say(up, &s) == 0 && control_say(up, &s) == 0);
	CHECK(control_queued(up) > 0 && (control_events(up) & POLLOUT) != 0);
	CHECK(control_hear_say(down, &got) == 0);
	for (i = 0; i < 2; i++) {
		CHECK(settle() == 0);
		CHECK(control_hear_say(down, &got) == 1 && got.part.statelen == s.part.statelen &&
		    memcmp(got.part.state, state, JOBFILE_STATE) == 0);
		say_free(&got);
	}
	CHECK(control_queued(up) == 0);
	free(state);
}

static void
control_end_is_heard_behind_what_was_said(void)
{
	struct say	s = { .kind = SAY_FINISHED, .attempt = 1 }, got;
	struct pollfd	p;

	begin();
	CHECK(control_say(up, &s) == 0);
	control_close(up);
	up = NULL;
	p = (struct pollfd){ control_fd(down), control_events(down), 0 };
	CHECK(poll(&p, 1, 5000) == 1);
	CHECK(control_work(down) == -1);
	CHECK(control_hear_say(down, &got) == 1 && got.kind == SAY_FINISHED);
	CHECK(control_hear_say(down, &got) == 0);
	CHECK(control_send(down, "{}") == 0);	/* no signal, no error: it is over */
	CHECK(control_work(down) == -1);
}

/* A last word is not lost because the other side is just saying something, too. */
static void
control_end_is_heard_behind_what_was_said_when_an_answer_cannot_go(void)
{
	const char	*line;
	size_t		 len;

	begin();
	CHECK(control_send(down, "{\"not\":\"read\"}") == 0);
	CHECK(control_send(up, "{\"last\":\"word\"}") == 0);
	control_close(up);
	up = NULL;
	CHECK(control_send(down, "{\"to\":\"nobody\"}") == 0);
	CHECK(control_work(down) == -1);
	CHECK(control_queued(down) == 0);
	CHECK(control_line(down, &line, &len) == 1 && memcmp(line, "{\"last\":\"word\"}", len) == 0);
	CHECK(control_line(down, &line, &len) == 0);
}

static void
control_lines_of_tools_are_as_they_are(void)
{
	const char	*line;
	size_t		 len;
	struct say	 s;

	begin();
	CHECK(control_send(up, "{\"ask\":\"status\"}") == 0 && control_send(up, "") == 0);
	CHECK(settle() == 0);
	CHECK(control_line(down, &line, &len) == 1 && strcmp(line, "{\"ask\":\"status\"}") == 0);
	CHECK(len == strlen(line));
	CHECK(say_parse(line, len, &s) == -1 && errno == EBADMSG);
	CHECK(control_line(down, &line, &len) == 1 && len == 0);
	CHECK(control_line(down, &line, &len) == 0);
}

static void
control_line_without_end_breaks(void)
{
	static char	 text[1 << 20];
	const char	*line;
	size_t		 len;
	int		 i, r = 0;

	memset(text, 'x', sizeof(text) - 1);
	begin();
	for (i = 0; i < 12 && r == 0; i++) {
		/* without the newlines of control_send() */
		while (r == 0 && send(control_fd(up), text, sizeof(text) - 1, MSG_DONTWAIT) > 0)
			r = control_work(down);
	}
	CHECK(r == -1 && errno == EMSGSIZE);
	CHECK(control_line(down, &line, &len) == 0);
}

/* As it is, cut short, and with each byte replaced: never more than an error. */
static void
mangle(const char *line)
{
	static const char	with[] = "\0{}[]\",:-9e\\\xff";
	char			copy[2048];
	struct say		s;
	size_t			i, k, n = strlen(line);

	for (i = 0; i < n; i++) {
		CHECK(say_parse(line, i, &s) == -1 && errno == EBADMSG);
		for (k = 0; k < sizeof(with) - 1; k++) {
			memcpy(copy, line, n + 1);
			copy[i] = with[k];
			if (say_parse(copy, n, &s) == 0)
				say_free(&s);
			else
				CHECK(errno == EBADMSG);
		}
	}
}

static void
control_mangled_lines_are_refused(void)
{
	char			state[] = "state";
	struct journal_range	range[2];
	struct say		s[] = { registration(), acknowledgement(range, state, 5),
	    { .kind = SAY_BEAT, .attempt = 1, .seen = 5 } };
	const char		*line;
	size_t			i, len;

	begin();
	for (i = 0; i < 3; i++) {
		CHECK(control_say(up, &s[i]) == 0 && settle() == 0);
		CHECK(control_line(down, &line, &len) == 1);
		mangle(line);
	}
}

static void
control_hostile_words_are_refused(void)
{
	static const char *const hostile[] = {
		"", "x", "[]", "{}", "null", "{\"say\":1}", "{\"say\":\"hello\"}",
		"{\"say\":\"connected\"}", "{\"say\":\"connected\",\"attempt\":-1}",
		"{\"say\":\"connected\",\"attempt\":4294967296}",
		"{\"say\":\"connected\",\"attempt\":1.5}",
		"{\"say\":\"connected\",\"attempt\":1,\"attempt\":2}",
		"{\"say\":\"committed\",\"attempt\":1,\"id\":-9223372036854775808}",
		"{\"say\":\"failed\",\"stage\":\"../x\",\"subtask\":0,\"status\":1,\"why\":\"\"}",
		"{\"say\":\"failed\",\"stage\":\"x\",\"subtask\":0,\"status\":256,\"why\":\"\"}",
		"{\"say\":\"register\",\"stage\":\"x\",\"subtask\":1,\"parallelism\":1,"
		    "\"source\":false,\"inputs\":[],\"outputs\":0,\"nonce\":\"n\"}",
		"{\"say\":\"register\",\"stage\":\"x\",\"subtask\":0,\"parallelism\":1,"
		    "\"source\":false,\"inputs\":[7],\"outputs\":0,\"nonce\":\"n\"}",
		"{\"say\":\"ack\",\"attempt\":1,\"id\":1,\"bytes\":0,\"duration_ms\":0,\"part\":7}",
	};
	struct say	s;
	size_t		i;

	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		if (say_parse(hostile[i], strlen(hostile[i]), &s) == 0)
			printf("# taken: %s\n", hostile[i]);
		CHECK(say_parse(hostile[i], strlen(hostile[i]), &s) == -1 && errno == EBADMSG);
	}
}

static void
control_hostile_views_are_refused(void)
{
	static const char *const hostile[] = {
		"{\"tell\":\"view\"}", "{\"tell\":\"welcome\",\"attempt\":1}",
		"{\"tell\":\"refused\",\"status\":2}",
		"{\"tell\":\"view\",\"number\":1,\"state\":\"running\",\"attempt\":1,"
		    "\"restore\":0,\"completed\":0,\"oldest\":0,\"highest\":2,"
		    "\"pending\":[2,1],\"stop\":false}",
	};
	struct tell	t;
	size_t		i;

	begin();
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		CHECK(control_send(down, hostile[i]) == 0 && settle() == 0);
		CHECK(control_hear_tell(up, &t) == -1 && errno == EBADMSG);
	}
	CHECK(control_hear_tell(up, &t) == 0);
}

static void
control_dialling_nobody_fails_at_once(void)
{
	char longer[256];

	begin();
	end();
	CHECK(control_dial(path) == NULL && errno == ECONNREFUSED);
	CHECK(unlink(path) == 0);
	CHECK(control_dial(path) == NULL && errno == ENOENT);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[255] = '\0';
	CHECK(control_dial(longer) == NULL && errno == ENAMETOOLONG);
	CHECK(control_listen(longer, why, sizeof(why)) == -1 && errno == ENAMETOOLONG);
}

static void
control_listener_replaces_a_socket_and_nothing_else(void)
{
	struct stat	st;
	int		fd;

	begin();
	end();
	listener = control_listen(path, why, sizeof(why));
	CHECK(listener != -1);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	CHECK(control_accept(listener) == NULL && errno == EAGAIN);
	end();
	unlink(path);
	if ((fd = open(path, O_CREAT | O_WRONLY, 0600)) != -1)
		close(fd);
	CHECK(control_listen(path, why, sizeof(why)) == -1);
	CHECK(strstr(why, path) != NULL && stat(path, &st) == 0);
	unlink(path);
}

/* A child that dials as user uid, and waits for the line to close. */
static pid_t
dialler(uid_t uid)
{
	struct control	*c;
	struct pollfd	 p;
	pid_t		 pid;

	if ((pid = fork()) != 0)
		return (pid);
	if (uid != geteuid() && setuid(uid) == -1)
		_exit(2);
	if ((c = control_dial(path)) == NULL)
		_exit(errno == EPERM ? 0 : 3);
	p = (struct pollfd){ control_fd(c), POLLIN, 0 };
	_exit(poll(&p, 1, 5000) == 1 ? 0 : 4);
}

static void
control_peer_is_the_process_that_dialled(void)
{
	struct pollfd	p;
	pid_t		pid;
	int		status;

	begin();
	pid = dialler(geteuid());
	p = (struct pollfd){ listener, POLLIN, 0 };
	CHECK(poll(&p, 1, 5000) == 1);
	control_close(down);
	down = control_accept(listener);
	CHECK(down != NULL && control_peer(down) == pid);
	CHECK(control_peer(up) == getpid());
	control_close(down);
	down = NULL;
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void
control_peer_of_another_user_is_sent_away(void)
{
	struct pollfd	p;
	pid_t		pid;
	int		status;

	if (geteuid() != 0)
		return;			/* only root can be two users */
	begin();
	CHECK(chmod(dir, 0755) == 0 && chmod(path, 0666) == 0);
	/* the listener is root's: who dials sees that too, and leaves */
	pid = dialler(65534);
	p = (struct pollfd){ listener, POLLIN, 0 };
	CHECK(poll(&p, 1, 5000) == 1);
	CHECK(control_accept(listener) == NULL && errno == EPERM);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(chmod(dir, 0700) == 0);
}

int
main(void)
{
	strcpy(dir, "/tmp/weir-control.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	snprintf(path, sizeof(path), "%s/control", dir);
	RUN(control_registration_is_heard_as_it_was_said);
	RUN(control_ack_is_heard_as_it_was_said);
	RUN(control_other_words_are_heard_as_they_were_said);
	RUN(control_view_is_heard_as_it_was_told);
	RUN(control_welcome_refusal_and_beat_are_heard);
	RUN(control_sentence_that_is_no_utf8_is_made_visible);
	RUN(control_state_of_5_mib_goes_through_without_blocking);
	RUN(control_end_is_heard_behind_what_was_said);
	RUN(control_end_is_heard_behind_what_was_said_when_an_answer_cannot_go);
	RUN(control_lines_of_tools_are_as_they_are);
	RUN(control_line_without_end_breaks);
	RUN(control_mangled_lines_are_refused);
	RUN(control_hostile_words_are_refused);
	RUN(control_hostile_views_are_refused);
	RUN(control_dialling_nobody_fails_at_once);
	RUN(control_listener_replaces_a_socket_and_nothing_else);
	RUN(control_peer_is_the_process_that_dialled);
	RUN(control_peer_of_another_user_is_sent_away);
	end();
	unlink(path);
	rmdir(dir);
	DONE();
}
