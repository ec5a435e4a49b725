#!/usr/bin/env bats
# Shared memory that others write into, cut off, or do not give: never a crash;
# where there is none, frames are copied and -v says so.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# can_trace: or the test is skipped
can_trace() {
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
}

tools() {
	PATH=$WEIR_BUILD/tests/tools:$PATH
	export PATH
}

pid_of() {
	local pid
	for pid in $(survivors); do
		[ "$(cat "/proc/$pid/comm")" != "weir-$1" ] || echo "$pid"
	done 2>/dev/null | head -n 1
}

cleared() {
	run_weir 'weir source --count 1..2 | weir sink -'
	assert_output $'1\n2'
	assert_equal "$(traces)" ''
}

# no_crash STATUSES: none of them is a signal's, nor that of an assertion
no_crash() {
	local status
	for status in $1; do
		if [ "$status" -gt 2 ]; then
			cat p.err >&2
			return 1
		fi
	done
}

busy() {
	rm -f out statuses
	# some keys, whatever the bytes are
	start p 'weir source --count 1.. | weir statemap -e "return function(k, r) return #r end" |
	    weir keyby | weir reduce count | weir sink out; echo "${PIPESTATUS[*]}" >statuses'
	wait_for test -s out
}

@test "random bytes in the memory of each stage, until something is noticed" {
	local stage seed pid
	tools
	for stage in source statemap keyby reduce; do
		busy
		pid=$(pid_of "$stage")
		# what is read is soon written over: it takes some
		for seed in {1..30}; do
			! gone "$p_pid" || break
			corrupter scribble "$pid" "$seed" 20000 2>/dev/null || :
		done
		# bytes in a text are a text as well, those of an index are noticed
		[ "$stage" = keyby ] || gone "$p_pid" || kill -INT -- "-$p_pid"
		finish -t 30 -s any p
		no_crash "$(cat statuses)"
		[ "$stage" != keyby ] ||
		    assert_err 'reduce: link from keyby: a frame whose index or text is damaged'
	done
	cleared
}

# worker_of STAGE: the process that has the links, of a job's two
worker_of() {
	local pid
	for pid in $(survivors); do
		[ "$(cat "/proc/$pid/comm")" != "weir-$1" ] ||
		    ! grep -q /dev/shm/weir- "/proc/$pid/maps" || echo "$pid"
	done 2>/dev/null | head -n 1
}

@test "random bytes in a job: the attempt ends although all live, another begins" {
	local seed
	tools
	start p 'weir run -v -c 50ms -j J -e "weir source --count 1.. | weir keyby |
	    weir reduce count | weir sink out"'
	wait_for grep -q '^run: running, attempt 1$' p.err
	wait_for test -s out
	for seed in {1..200}; do
		! grep -q 'a link has broken, and all live: I start anew' p.err || break
		corrupter scribble "$(worker_of keyby)" "$seed" 20000 2>/dev/null || :
	done
	wait_for grep -q '^run: running, attempt 2$' p.err
	kill -INT -- "-$p_pid"
	finish -t 30 -s any p
	assert_err 'reduce: a link has broken, and all live: I start anew'
	no_crash "$status"
}

@test "the memory of a stage is cut off while all are busy" {
	local stage
	tools
	for stage in source keyby reduce; do
		busy
		corrupter cut "$(pid_of "$stage")"
		finish -t 30 -s any p
		no_crash "$(cat statuses)"
		assert_regex "$(cat statuses)" 1
		assert_regex "$stderr" '[a-z]+: (shared memory of frames was cut off by somebody|.*: Bad address)'
		cleared
	done
}

# with_shm SETUP TEXT: TEXT where SETUP was done to /dev/shm
with_shm() {
	unshare -rm mount -t tmpfs none /dev/shm 2>/dev/null ||
	    skip 'no file system can be mounted here'
	run_weir 'unshare -rm bash -o pipefail -c "$1 || exit 99; $2"' "$@"
}

@test "/dev/shm is full, small, read-only, absent: frames are copied, -v says so" {
	local shm
	seq 100000 >in
	awk '{ print $0 "\t1" }' in >want
	for shm in 'mount -t tmpfs -o size=4k none /dev/shm' \
	    'mount -t tmpfs -o size=1500k none /dev/shm' \
	    'mount -t tmpfs -o ro none /dev/shm' \
	    'mount -t tmpfs -o nr_inodes=1 none /dev/shm' \
	    'mount --bind /proc/self/fdinfo /dev/shm'; do
		rm -f out
		with_shm "$shm" 'weir source -v in | weir keyby -v | weir reduce -v count | weir sink -v out'
		assert_same want out
		assert_regex "$stderr" 'source: no shared memory \([^)]*\): frames are copied'
		assert_regex "$stderr" 'reduce: no shared memory \([^)]*\): frames are copied'
		rm -f out
		with_shm "$shm" 'weir source in | weir keyby | weir reduce count | weir sink out'
		assert_same want out
		assert_equal "$stderr" ''
	done
}

@test "/dev/shm has room for some slots, not for all" {
	local mib
	seq 2000000 >in
	for mib in 3 4 6 9; do
		rm -f out
		with_shm "mount -t tmpfs -o size=${mib}m none /dev/shm" \
		    'weir source -v in | weir keyby -v | weir sink -v out'
		assert_same in out
	done
}

@test "/dev/shm fills while the pipeline runs" {
	seq 3000000 >in
	with_shm 'mount -t tmpfs -o size=32m none /dev/shm' \
	    'mkfifo go; { weir source in | weir keyby | weir sink out; } &
	    until [ -s out ]; do :; done; cat /dev/zero >/dev/shm/zero 2>/dev/null; wait $!'
	assert_same in out
}

# without CALL ERROR: no shared memory, as an ordinary user sees it
without() {
	rm -f out
	run_weir 'weir source in | strace -qq -o trace -e trace="$1" -e inject="$1:error=$2$3" \
	    weir statemap -v -e "return function(k, r) return r end" | weir sink out' "$@"
	assert [ "$(grep -c INJECTED trace)" -ge 1 ]
	assert_same in out
	assert_regex "$stderr" "statemap: no shared memory \\($4\\): frames are copied"
}

@test "each call that makes shared memory may fail" {
	can_trace
	seq 10000 >in
	without ftruncate ENOSPC '' 'No space left on device'
	without fallocate ENOSPC '' 'No space left on device'
	without fallocate ENOSPC ':when=2' 'No space left on device'
}

@test "an interrupted fallocate is tried again" {
	can_trace
	seq 10000 >in
	run_weir 'weir source in | strace -qq -o trace -e trace=fallocate \
	    -e inject=fallocate:error=EINTR:when=1 \
	    weir statemap -v -e "return function(k, r) return r end" | weir sink out'
	assert_equal "$(grep -c INJECTED trace)" 1
	assert_same in out
	refute_err 'no shared memory'
}

@test "a consumer that cannot map what its producer shares is told which" {
	seq 10 >in
	unshare -rm mount -t tmpfs none /dev/shm 2>/dev/null ||
	    skip 'no file system can be mounted here'
	run_weir -s any 'weir source in | unshare -m bash -c "mount -t tmpfs none /dev/shm
	    exec weir keyby" | weir sink out; echo "${PIPESTATUS[*]}"'
	[ "$UID" = 0 ] || skip 'only root is the same user there'
	assert_output '1 1 1'
	assert_regex "$stderr" 'keyby: link from source: shared memory /weir-[^ ]*: No such file or directory'
	run_weir 'weir source --copy in | unshare -m bash -c "mount -t tmpfs none /dev/shm
	    exec weir keyby --copy" | weir sink out2'
	assert_same in out2
}
