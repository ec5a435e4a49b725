#!/usr/bin/env bats
# Too few descriptors, processes, too little memory: a clear line, never a hang.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# can_trace: or the test is skipped
can_trace() {
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
}

@test "a limit of open files that is too low is said before anything is made" {
	local n
	seq 10 >in
	for n in 8 16 24 40 63; do
		run_weir -s any 'weir source in | (ulimit -n '"$n"'; exec weir keyby) | weir sink out
		    echo "${PIPESTATUS[*]}"'
		assert_output '1 2 1'
		assert_err "keyby: only $n files may be open at a time (ulimit -n), and I need 64"
		assert_err "source: the program behind me has gone, and it never connected; if it reads text, put 'weir sink -' before it"
		assert [ ! -s out ]
	done
}

@test "a limit of open files that is just enough" {
	seq 1000 >in
	run_weir 'ulimit -n 64; weir source in | weir keyby | weir reduce -p 2 count | weir sink out'
	assert_equal "$(wc -l <out)" 1000
}

@test "a limit of open files that is met by many links: an end with a line, no hang" {
	local n
	seq 1000 >in
	for n in 64 72; do
		run_weir -t 50 -s any 'weir source in | (ulimit -n '"$n"'; exec weir keyby) |
		    weir reduce -p 40 count | weir sink out; echo "${PIPESTATUS[*]}"'
		assert_regex "$output" '^1 [12] [12] 1$'
		assert_regex "$stderr" '(keyby: link to reduce: Out of files|reduce[.0-9]*: (nobody answers at|cannot connect to) [^ ]*/keyby for 10 s)'
		assert [ ! -s out ]
	done
}

@test "no more processes for the subtasks" {
	can_trace
	seq 10 >in
	start p 'weir source in | strace -qq -o trace -e trace=clone,fork,vfork,clone3 \
	    -e inject=clone,fork,vfork,clone3:error=EAGAIN:when=2 \
	    weir keyby -p 2 -n two | weir sink out; echo "${PIPESTATUS[*]}"'
	finish -s any p
	assert_output '1 1 1'
	assert_err 'two: fork: Resource temporarily unavailable'
}

@test "no room for threads" {
	[ "${WEIR_SLOW:-1}" = 1 ] || skip 'sanitizers need all the room there is'
	seq 10 >in
	run_weir -s any 'weir source in | (ulimit -v 60000; exec weir keyby) | weir sink out
	    echo "${PIPESTATUS[*]}"'
	assert_output '1 1 1'
	assert_regex "$stderr" 'keyby: [0-9]+ threads cannot be started \(ulimit -u, -v\): Resource temporarily unavailable'
}

@test "closed descriptors, each and all: nothing lands in a file that took their place" {
	local stage closed
	seq 10 >in
	for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- 2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		for stage in 'source in' keyby 'reduce count' 'statemap -e "return nil"' 'sink out'; do
			rm -f out
			: >"a b"
			run_weir -s any '(weir '"$stage $closed"' ) </dev/null >/dev/null'
			[ "$status" -le 2 ]
			refute [ -s out ]
		done
	done
	run_weir 'weir source in 2>&- | weir keyby 2>&- | weir reduce count 2>&- | weir sink out 2>&-'
	assert_equal "$(wc -l <out)" 10
	run_weir 'weir source in <&- | weir sink out2 >&-'
	assert_same in out2
}
