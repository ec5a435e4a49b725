#!/usr/bin/env bats
# clean: what a pipeline leaves behind is nothing; after SIGKILL, until the next start.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# roots: where run directories may be
roots() {
	echo "$XDG_RUNTIME_DIR/weir-$UID"
	echo "/tmp/weir-$UID"
}

# of_mine PATH...: those whose name begins with the pid of a process of ours,
# running or noted in the file pids
of_mine() {
	local path name
	for path; do
		[ -e "$path" ] || continue
		name=${path##*/}
		name=${name#"weir-$UID-"}
		grep -qx "${name%%-*}" pids && echo "$path"
	done
	:
}

# note_pids: the processes of this test that there are now
note_pids() {
	survivors >>pids || :
	assert [ -s pids ]
}

# Run directories, and shared memory, of those noted.
directories() {
	roots | while read -r root; do
		of_mine "$root"/[0-9]*
	done
}

memory() {
	of_mine "/dev/shm/weir-$UID"-*
}

# kill_all: SIGKILL to every process noted, and so the end of what was started as it;
# stopped before, so that none has time to see another's end
kill_all() {
	xargs kill -STOP <pids
	xargs kill -KILL <pids
	wait_for no_survivors
	wait_for gone "$it_pid"
	wait "$it_pid" || :
}

nothing_left() {
	[ -z "$(directories; memory)" ]
}

# clean: nothing of this test's is left, now; and shortly nothing that it shares
# with other tests either
clean() {
	find "$BATS_TEST_TMPDIR" -type s >left
	find "$XDG_RUNTIME_DIR" -mindepth 2 >>left
	cat left
	[ ! -s left ] && wait_for -t 3 no_traces
}

# another: a small pipeline, which has to find and clear what is stale
another() {
	run_weir 'seq 1 5 | weir source | weir keyby | weir sink --truncate another'
	assert_same <(seq 1 5) another
}

@test "while it runs: a directory of mode 0700 with a lock, no name in /dev/shm" {
	local dir
	mkfifo p
	start it 'weir source - <p | weir keyby | weir reduce count | weir sink out'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	note_pids
	assert [ -z "$(memory)" ]
	directories >dirs
	assert [ "$(wc -l <dirs)" -ge 3 ]
	while read -r dir; do
		assert_equal "$(stat -c %a:%u "$dir")" "700:$UID"
		assert_equal "$(stat -c %a:%u "${dir%/*}")" "700:$UID"
		assert [ -e "$dir/lock" ]
		find "$dir" -type s -perm /077 >open
		assert [ ! -s open ]
	done <dirs
	exec 9>&-
	finish it
	nothing_left
}

@test "after a normal end of each kind nothing is there at once" {
	seq 1 1000 >in
	run_weir 'weir source in | weir keyby | weir reduce count | weir sink out'
	clean
	run_weir 'weir source --copy in | weir keyby --copy | weir reduce -p 3 count >out2'
	clean
	run_weir 'weir source --count 1.. | weir keyby | weir sink - | head -n 2'
	clean
	run_weir 'weir keyby -i <(weir source in) -i <(weir source in) -o >(weir sink out3)'
	wait_for no_survivors
	clean
	run_weir 'weir sink -i lines out4 & weir source -n lines -o sink in; wait'
	clean
}

@test "after a failure of each kind, too" {
	printf 'a\nb\n' >in
	run_weir -s any 'weir source in | weir keyby -k 3 | weir reduce count | weir sink out'
	wait_for no_survivors
	clean
	run_weir -s any 'weir source in | weir keyby -k 0 | weir reduce -p 2 sum:1 | weir sink out2'
	wait_for no_survivors
	clean
	run_weir -s any 'weir source in | weir reduce count | weir sink out3'
	wait_for no_survivors
	clean
	run_weir -s any 'weir source missing | weir keyby | weir sink out4'
	wait_for no_survivors
	clean
}

@test "a killed neighbour: the others say who, exit 1, and leave nothing of theirs" {
	local pid
	mkfifo p
	start it 'weir source - <p | weir keyby | weir reduce count | weir sink out; echo "${PIPESTATUS[*]}" >statuses'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	note_pids
	while read -r pid; do
		[ "$(cat "/proc/$pid/comm")" != weir-keyby ] || kill -KILL "$pid"
	done <pids
	wait_for test -s statuses
	exec 9>&-
	finish -s any it
	assert_equal "$(cat statuses)" '1 137 1 1'
	assert_err 'source: keyby has gone before the end of the stream'
	assert_err 'reduce: keyby has gone before the end of the stream'
	assert_err 'sink: reduce has gone before the end of the stream'
	assert_equal "$(cat out)" $'one\t1'
	# the killed one's are cleared by the next
	another
	nothing_left
	clean
}

@test "SIGKILL of everything while it runs: the next start clears" {
	mkfifo p
	start it 'weir source - <p | weir keyby | weir reduce -p 2 count | weir sink out'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	note_pids
	kill_all
	exec 9>&-
	assert [ -n "$(directories)" ]
	another
	nothing_left
	clean
}

@test "SIGKILL of everything before it runs: shared memory too is cleared" {
	mkfifo p unread
	start it 'weir source - <p | weir keyby | weir sink unread'
	exec 9>p
	echo one >&9
	# the sink waits for its reader, has credited nothing: the arenas have names
	there() {
		: >pids
		survivors >pids || :
		[ "$(memory | wc -l)" -ge 2 ]
	}
	wait_for there
	memory >names
	while read -r name; do
		assert_equal "$(stat -c %a "$name")" 600
	done <names
	kill_all
	exec 9>&-
	assert [ -n "$(directories)" ]
	memory >still
	assert_same names still
	another
	nothing_left
	clean
}

@test "SIGKILL of everything, of names: the next start clears the session" {
	mkfifo p
	start it 'weir source -n lines -o sink - <p & weir sink -i lines out; wait'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	note_pids
	published() {
		roots | while read -r root; do
			compgen -G "$root/session-*/lines"
		done
	}
	assert [ -n "$(published)" ]
	kill_all
	exec 9>&-
	assert [ -n "$(published)" ]
	another
	assert [ -z "$(published)" ]
	nothing_left
	clean
}

@test "what lives is left alone by those who start and clear" {
	local n
	mkfifo p
	start it 'weir source - <p | weir keyby | weir reduce count | weir sink out'
	exec 9>p
	echo 0 >&9
	wait_for grep -qs 0 out
	note_pids
	directories >before
	for n in 1 2 3; do
		another
		directories >now
		assert_same before now
		echo "$n" >&9
		wait_for grep -qx "$n"$'\t1' out
	done
	exec 9>&-
	finish it
	assert_same <(printf '%d\t1\n' 0 1 2 3) out
	nothing_left
}

@test "many at once, each clears for itself alone" {
	local i
	for i in {1..6}; do
		start "it$i" 'seq $1 $(($1 + 5000)) | weir source | weir keyby | weir reduce count | weir sink out$1' $((i * 10000))
	done
	for i in {1..6}; do
		finish "it$i"
		seq $((i * 10000)) $((i * 10000 + 5000)) | sed 's/$/\t1/' >want
		assert_same want "out$((i * 10000))"
	done
	clean
}

@test "a directory of a process that is gone is cleared, of one that lives not" {
	local root dead
	another
	root=$(roots | while read -r root; do [ ! -d "$root" ] || echo "$root"; done | head -n 1)
	dead=$(bash -c 'echo $$')
	mkdir "$root/$dead-5f5f5f" "$root/$$-5f5f5f"
	: >"$root/$dead-5f5f5f/0-text.shm"
	: >"/dev/shm/weir-$UID-$dead-5f5f5f-0-text"
	another
	assert [ ! -e "$root/$dead-5f5f5f" ]
	assert [ ! -e "/dev/shm/weir-$UID-$dead-5f5f5f-0-text" ]
	assert [ -d "$root/$$-5f5f5f" ]
	rmdir "$root/$$-5f5f5f"
}

@test "without XDG_RUNTIME_DIR: below /tmp, and nothing is left there" {
	mkfifo p
	start it 'unset XDG_RUNTIME_DIR; weir source - <p | weir keyby | weir sink out'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	note_pids
	assert [ "$(of_mine "/tmp/weir-$UID"/* | wc -l)" -ge 2 ]
	assert_equal "$(stat -c %a "/tmp/weir-$UID")" 700
	exec 9>&-
	finish it
	nothing_left
}

@test "a long XDG_RUNTIME_DIR, one that is not there, one not to be written to: it works, elsewhere" {
	local dir
	for dir in "$PWD/$(printf 'd%.0s' {1..120})" "$PWD/missing" /proc relative ''; do
		[ ${#dir} -lt 100 ] || mkdir "$dir"
		run_weir 'export XDG_RUNTIME_DIR=$1; seq 1 3 | weir source | weir keyby | weir sink --truncate out' "$dir"
		assert_same <(seq 1 3) out
	done
}
