#!/usr/bin/env bats
# Full disks, failing disks, limits of file sizes: under a sink's FILE, under
# divert=FILE, under standard output.  One clear line, status 1, and what is in
# the file are whole records.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# beginning_of WANT GOT: GOT is not all, ends with a newline and is how WANT begins
beginning_of() {
	local size
	size=$(stat -c %s "$2")
	assert [ "$size" -lt "$(stat -c %s "$1")" ]
	if [ "$size" -gt 0 ]; then
		assert_equal "$(tail -c 1 "$2" | od -An -tx1 | tr -d ' ')" 0a
	fi
	cmp -n "$size" "$1" "$2"
}

# can_trace: or the test is skipped
can_trace() {
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
}

# on_disk OPTIONS TEXT: TEXT fails with a file system of its own at ./full
on_disk() {
	mkdir -p full
	unshare -rm mount -t tmpfs none full 2>/dev/null ||
	    skip 'no file system can be mounted here'
	run_weir -s 1 'unshare -rm bash -o pipefail -c "mount -t tmpfs -o $1 none full || exit 99
	    $2"' "$@"
}

@test "sink: a full disk" {
	seq 100000 >in
	on_disk size=64k 'weir source in | weir sink full/out; s=$?; cp full/out out; exit $s'
	assert_err 'sink: append full/out: No space left on device'
	assert_err 'source: sink has gone before the end of the stream'
	beginning_of in out
	assert [ -s out ]
}

@test "sink --table: a full disk leaves the table as it was" {
	seq 100000 >in
	on_disk size=64k 'echo old >full/out
	    weir source in | weir sink --truncate --table full/out; s=$?; cp full/out out; ls -A full; exit $s'
	assert_err 'sink: replace full/out: No space left on device'
	assert_equal "$(cat out)" old
	assert_output out
}

@test "divert: a full disk" {
	seq 100000 >in
	on_disk size=64k 'weir source in |
	    weir keyby --on-error divert=full/bad -k 2 | weir sink out; s=$?; cp full/bad bad; exit $s'
	assert_err 'keyby: divert to full/bad: No space left on device'
	beginning_of in bad
	assert [ -s bad ]
}

@test "the run directory: a full disk" {
	seq 10 >in
	on_disk nr_inodes=2,mode=700 'export XDG_RUNTIME_DIR=$PWD/full; weir source in | weir sink out'
	assert_regex "$stderr" "source: run directory $PWD/full/weir-[^ ]*: No space left on device"
	assert [ ! -s out ]
}

@test "/dev/full: a sink's FILE, standard output, text, a divert" {
	seq 3 >in
	run_weir -s 1 'weir source in | weir sink /dev/full'
	assert_err 'sink: write /dev/full: No space left on device'
	assert_err 'source: sink has gone before the end of the stream'
	run_weir -s 1 'weir source in | weir sink - >/dev/full'
	assert_err 'sink: write standard output: No space left on device'
	run_weir -s 1 'weir source in | weir keyby >/dev/full'
	assert_err 'keyby: write standard output: No space left on device'
	assert_err 'source: keyby has gone before the end of the stream'
	run_weir -s 1 'weir source in | weir keyby --on-error divert=/dev/full -k 2 | weir sink out'
	assert_err 'keyby: divert to /dev/full: No space left on device'
}

@test "sink: a limit of file sizes cuts a line: it is cut off again" {
	seq 100000 >in
	run_weir -s 1 'weir source in | (ulimit -f 8; exec weir sink out)'
	assert_err 'sink: append out: File too large'
	beginning_of in out
	assert [ "$(stat -c %s out)" -gt 8100 ]
	run_weir -s 1 'echo old >out2; weir source in | (ulimit -f 8; exec weir sink --append out2)'
	{ echo old; cat in; } >want
	beginning_of want out2
}

@test "divert: a limit of file sizes cuts a line: it is cut off again" {
	seq 100000 >in
	run_weir -s 1 'weir source in | (ulimit -f 8; exec weir keyby --copy --on-error divert=bad -k 2) |
	    weir sink out'
	assert_err 'keyby: divert to bad: File too large'
	beginning_of in bad
	assert [ "$(stat -c %s bad)" -gt 8100 ]
}

@test "sink: an error at the first write, at a later one" {
	local n
	can_trace
	seq 1000000 >in
	for n in 1 3; do
		rm -f out
		run_weir -s 1 'weir source in | strace -qq -o trace -e trace=pwrite64 \
		    -e inject=pwrite64:error=EIO:when='"$n"' weir sink out'
		assert_equal "$(grep -c INJECTED trace)" 1
		assert_err 'sink: append out: Input/output error'
		assert_err 'source: sink has gone before the end of the stream'
		beginning_of in out
	done
	assert [ -s out ]
}

@test "sink: a line that can neither be finished nor cut off is said" {
	can_trace
	seq 100000 >in
	run_weir -s 1 'weir source in | (ulimit -f 8; exec strace -qq -o trace -e trace=ftruncate \
	    -e inject=ftruncate:error=EIO weir sink out)'
	assert_err 'sink: append out: File too large'
	assert_regex "$stderr" 'sink: out: the line at byte [0-9]+ is not whole and cannot be cut off: Input/output error'
}

@test "sink: an error of close" {
	can_trace
	seq 10 >in
	: >out
	run_weir -s 1 'weir source in | strace -qq -o trace -P "$PWD/out" -e trace=close \
	    -e inject=close:error=EIO weir sink out'
	assert [ "$(grep -c INJECTED trace)" -ge 1 ]
	assert_err 'sink: close out: Input/output error'
	assert_same in out
}

@test "divert: an error of a write, of close" {
	can_trace
	seq 10 >in
	: >bad
	run_weir -s 1 'weir source in | strace -qq -o trace -P "$PWD/bad" -e trace=pwrite64 \
	    -e inject=pwrite64:error=EIO:when=4 weir keyby --on-error divert=bad -k 2 | weir sink out'
	assert_equal "$(grep -c INJECTED trace)" 1
	assert_err 'keyby: divert to bad: Input/output error'
	assert_equal "$(cat bad)" "$(seq 3)"
	: >bad
	run_weir -s 1 'weir source in | strace -qq -o trace -P "$PWD/bad" -e trace=close \
	    -e inject=close:error=EIO weir keyby --on-error divert=bad -k 2 | weir sink out2'
	assert [ "$(grep -c INJECTED trace)" -ge 1 ]
	assert_err 'keyby: divert to bad: Input/output error'
}

@test "standard output: an error, an interruption, a descriptor that does not block" {
	can_trace
	seq 1000 >in
	run_weir -s 1 'weir source in | strace -qq -o trace -P "$PWD/out" -e trace=write \
	    -e inject=write:error=EIO weir sink - >out'
	assert_err 'sink: write standard output: Input/output error'
	for error in EINTR EAGAIN; do
		for stage in 'sink -' 'keyby'; do
			rm -f out
			run_weir 'weir source in | strace -qq -o trace -P "$PWD/out" -e trace=write \
			    -e inject=write:error='"$error"':when=1 weir '"$stage"' >out'
			assert_equal "$(grep -c INJECTED trace)" 1
			assert_same in out
		done
	done
}

@test "source: an error of a read, an interruption" {
	can_trace
	seq 100000 >in
	run_weir -s 1 'strace -qq -o trace -P "$PWD/in" -e trace=read,pread64 \
	    -e inject=read,pread64:error=EIO:when=2 weir source in | weir sink out'
	assert_equal "$(grep -c INJECTED trace)" 1
	assert_err 'source: read in: Input/output error'
	assert_err 'sink: source has gone before the end of the stream'
	beginning_of in out
	run_weir 'strace -qq -o trace -P "$PWD/in" -e trace=read,pread64 \
	    -e inject=read,pread64:error=EINTR:when=1+2 weir source in | weir sink out2'
	assert_same in out2
}
