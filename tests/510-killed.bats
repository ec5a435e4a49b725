#!/usr/bin/env bats
# A killed neighbour: who is left says which stage has gone and exits 1; nothing
# hangs, no line of the output is half there, the next start clears what the
# killed one could not.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# five OPTIONS-OF-REDUCE: a pipeline of five that does not end by itself
five() {
	cat <<-EOF
	weir source --count 1.. |
	    weir statemap -e 'return function(k, r) return tostring(tonumber(r) % 1000) end' |
	    weir keyby | weir reduce $1 count | weir sink out
	echo "\${PIPESTATUS[*]}" >statuses
	EOF
}

# pids_of NAME: the processes of this test that run weir-NAME
pids_of() {
	local pid
	for pid in $(survivors); do
		[ "$(cat "/proc/$pid/comm")" != "weir-$1" ] || echo "$pid"
	done 2>/dev/null
}

# workers_of NAME, supervisor_of NAME: of a stage with -p
workers_of() {
	local pid all
	all=$(pids_of "$1")
	for pid in $all; do
		grep -qxF "$(ps -o ppid= -p "$pid" | tr -d ' ')" <<<"$all" && echo "$pid"
	done
	:
}

supervisor_of() {
	grep -vxFf <(workers_of "$1") <<<"$(pids_of "$1")"
}

# whole FILE: it is not empty, and ends with a newline
whole() {
	assert [ -s "$1" ]
	assert_equal "$(tail -c 1 "$1" | od -An -tx1 | tr -d ' ')" 0a
}

# cleared: the next start removes what the killed ones have left
cleared() {
	run_weir 'weir source --count 1..2 | weir sink -'
	assert_output $'1\n2'
	assert_equal "$(traces)" ''
}

# gone STAGE BEFORE BEHIND: those two have said that it has gone
said_gone() {
	[ -z "$2" ] || assert_err "$2: $1 has gone before the end of the stream"
	[ -z "$3" ] || assert_err "$3: $1 has gone before the end of the stream"
}

# killed STAGE BEFORE BEHIND STATUSES: while all are busy
killed() {
	start p "$(five '')"
	wait_for test -s out
	kill -KILL "$(pids_of "$1")"
	finish -s any p
	assert_equal "$(cat statuses)" "$4"
	said_gone "$1" "$2" "$3"
	[ "$1" = sink ] || whole out
	cleared
}

@test "source is killed" {
	killed source '' statemap '137 1 1 1 1'
}

@test "statemap is killed" {
	killed statemap source keyby '1 137 1 1 1'
}

@test "keyby is killed" {
	killed keyby statemap reduce '1 1 137 1 1'
}

@test "reduce is killed" {
	killed reduce keyby sink '1 1 1 137 1'
}

@test "sink is killed" {
	killed sink reduce '' '1 1 1 1 137'
}

# stopped PID: by SIGSTOP
stopped() {
	grep -q '^State:.T' "/proc/$1/status"
}

# still FILE: it has not grown for some moments
still() {
	local size
	size=$(stat -c %s "$1")
	for _ in 1 2 3 4 5 6; do
		moment
	done
	[ "$size" = "$(stat -c %s "$1")" ]
}

@test "a stage is stopped, the others wait; it is killed" {
	local stage pid
	for stage in source keyby reduce; do
		rm -f out statuses
		start p "$(five '')"
		wait_for test -s out
		pid=$(pids_of "$stage")
		kill -STOP "$pid"
		wait_for stopped "$pid"
		wait_for still out
		kill -KILL "$pid"
		finish -s any p
		assert_err 'sink: reduce has gone before the end of the stream'
		assert_equal "$(tr -d ' ' <statuses | sed 's/137//')" 1111
		whole out
		cleared
	done
}

@test "a stage is stopped, its neighbour is killed, and it goes on" {
	local pid
	start p "$(five '')"
	wait_for test -s out
	pid=$(pids_of keyby)
	kill -STOP "$pid"
	wait_for stopped "$pid"
	kill -KILL "$(pids_of reduce)"
	wait_for grep -q 'sink: reduce has gone' p.err
	kill -CONT "$pid"
	finish -s any p
	assert_equal "$(cat statuses)" '1 1 1 137 1'
	said_gone reduce keyby sink
	cleared
}

@test "a subtask of two is killed: the stage says which, and ends" {
	start p "$(five '-p 2')"
	wait_for test -s out
	kill -KILL "$(workers_of reduce | head -n 1)"
	finish -s any p
	assert_equal "$(cat statuses)" '1 1 1 1 1'
	assert_regex "$stderr" 'reduce: subtask [01] was killed by signal 9 \(Killed\)'
	said_gone reduce keyby sink
	whole out
	cleared
}

@test "the supervisor of two subtasks is killed: they go with it" {
	start p "$(five '-p 2')"
	wait_for test -s out
	kill -KILL "$(supervisor_of reduce)"
	finish -s any p
	assert_equal "$(cat statuses)" '1 1 1 137 1'
	said_gone reduce keyby sink
	wait_for no_survivors
	whole out
	cleared
}

@test "the supervisor is killed while a subtask is stopped: it goes when it wakes" {
	local pid
	start p "$(five '-p 2')"
	wait_for test -s out
	pid=$(workers_of reduce | head -n 1)
	kill -STOP "$pid"
	wait_for stopped "$pid"
	kill -KILL "$(supervisor_of reduce)"
	wait_for grep -q 'gone' p.err
	kill -CONT "$pid"
	finish -s any p
	wait_for no_survivors
	cleared
}

@test "one reader of a tee is killed" {
	start p 'weir source --count 1.. -o >(weir sink -n one a) -o >(weir sink -n two b)
	    echo "$?" >statuses'
	wait_for test -s b
	kill -KILL "$(pids_of sink | head -n 1)"
	finish -s any p
	wait_for no_survivors
	assert_equal "$(cat statuses)" 1
	stderr=$(cat p.err)
	assert_regex "$stderr" 'source: (one|two) has gone before the end of the stream'
	assert_regex "$stderr" '(one|two): source has gone before the end of the stream'
	cleared
}

@test "a stage that is found by name is killed" {
	start p 'weir source -o there --count 1.. & weir sink -n there -i source out
	    echo "$?" >statuses; wait "$!"; echo "$?" >>statuses'
	wait_for test -s out
	kill -KILL "$(pids_of source)"
	finish -s any p
	assert_err 'there: source has gone before the end of the stream'
	assert_equal "$(cat statuses)" $'1\n137'
	whole out
	cleared
}

@test "all are killed: the next start clears sockets, directories, names" {
	start p "$(five '-p 2')"
	wait_for test -s out
	# shellcheck disable=SC2046
	kill -KILL $(survivors)
	finish -s any p
	refute [ -z "$(traces)" ]
	cleared
}

# strace SYSCALL N STAGE...: five lines through all, STAGE dies before its Nth
# SYSCALL; a line "MILLISECONDS STATUSES" on standard output
dies() {
	local call=$1 n=$2 stage=$3 began
	local -A under
	under[$stage]="strace -qq -o strace -e trace=$call -e inject=$call:signal=KILL:when=$n"
	rm -f out statuses
	began=${EPOCHREALTIME/./}
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 timeout -k 1 "$(seconds 20)" bash -c "
	    ${under[source]-} weir source five |
	    ${under[statemap]-} weir statemap -e 'return function(k, r) return r end' |
	    ${under[keyby]-} weir keyby | ${under[reduce]-} weir reduce count |
	    ${under[sink]-} weir sink out
	    echo \"\${PIPESTATUS[*]}\" >statuses" 2>err || return 1
	echo "$(((${EPOCHREALTIME/./} - began) / 1000)) $(cat statuses)"
}

# dies_at SYSCALL N...: each stage in turn, before each Nth
dies_at() {
	local call=$1 n stage result
	shift
	for n; do
		for stage in source statemap keyby reduce sink; do
			result=$(dies "$call" "$n" "$stage") || {
				echo "hangs: $stage killed before $call $n" >&2
				cat err >&2
				return 1
			}
			# who is killed when its work is done harms nobody; who does
			# not call so often is not killed
			case ${result#* } in
			*1*137*|*137*1*|137' 0 0 0 0'|'0 137 0 0 0'|'0 0 137 0 0'|'0 0 0 137 0'|\
			'0 0 0 0 137'|'0 0 0 0 0')
				;;
			*)	echo "$stage killed before $call $n: $result" >&2
				cat err >&2
				return 1 ;;
			esac
			if [ "${result%% *}" -gt "$(seconds 5)000" ]; then
				echo "slow: $stage killed before $call $n: $result" >&2
				return 1
			fi
		done
	done
	cleared
}

@test "killed at the start, before one of the calls that make the run directory, door, links, memory" {
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	seq 5 >five
	dies_at mkdir 1
	dies_at bind 1 2
	dies_at listen 1 2
	dies_at connect 1 2
	dies_at ftruncate 1
	dies_at fallocate 1 2
	dies_at write 1 2 3
}

@test "killed at the start, before one of its first calls of poll" {
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	seq 5 >five
	if [ "${WEIR_SLOW:-1}" = 1 ]; then
		dies_at poll 1 2 3 4 5 6 7 8 9 10 12 14 16 18 20 22 24 27 30 33 36 40 45
	else
		dies_at poll 2 5 9 14 20 30 40
	fi
}
