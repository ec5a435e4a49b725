#!/usr/bin/env bats
# disk-jobs: a disk that is full, or fails, under a job.
#
# The job stops with a line that says what failed, or goes on; when the disk is
# well again the same line ends with the output of a run without the failure.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

setup() {
	weir_setup
	seq 1 30000 | awk '{ print "k" $1 * 7919 % 5003 "\t" $1 }' >in.tsv
	awk -F '\t' '{ print $1 "\t" ++n[$1] }' in.tsv >want
	cat >s.sh <<-'END'
		weir source --rate 100000 in.tsv | weir keyby -k 1 | weir reduce -M 400k count |
		    weir sink "$OUT"
	END
	export OUT=$PWD/out.tsv
}

# ends WHAT: without the failure
ends() {
	run_weir -t 40 -s any 'weir run -q -c 20ms -j "$1" s.sh' "$1"
	if [ "$status" != 0 ] || ! cmp want "$OUT" >&2; then
		echo "after $2: status $status: $stderr" >&2
		return 1
	fi
}

@test "no file may grow beyond a limit: short writes, then EFBIG" {
	local kb failed=0
	for kb in 4 16 40 100 250; do
		rm -rf job "$OUT"
		run_weir -t 40 -s any 'ulimit -f "$1"; weir run -q -c 20ms -j job s.sh' "$kb"
		[ "$status" = 1 ]
		failed=$((failed + 1))
		grep -q 'File too large' <<<"$stderr"
		cmp -n "$(stat -c %s "$OUT" 2>/dev/null || echo 0)" want "$OUT" >&2 || [ ! -e "$OUT" ]
		ends job "a limit of $kb KiB"
	done
	[ "$failed" = 5 ]
}

# A sync that fails: of a journal, of base, of job.json, of the output.
@test "the K-th sync of any process fails" {
	local k fired=0
	for k in 1 2 3 4 5 7 9 12; do
		rm -rf job "$OUT"
		run_weir -t 60 -s any 'strace -f -qq -o trace -e trace=fsync,fdatasync \
		    -e inject=fsync,fdatasync:error=EIO:when="$1" weir run -q -c 20ms -R none -j job s.sh' "$k"
		! grep -q INJECTED trace || fired=$((fired + 1))
		[ "$status" != 0 ] || cmp want "$OUT" >&2
		cmp -n "$(stat -c %s "$OUT" 2>/dev/null || echo 0)" want "$OUT" >&2 || [ ! -e "$OUT" ]
		ends job "EIO at sync $k"
	done
	[ "$fired" -ge 5 ]
}

# Each coordinator's: it cannot know what is on disk, and says so.
@test "a disk that fails each coordinator: it is given up, and the job goes on later" {
	sed -i 's/100000/10000/' s.sh
	mkdir job
	# its attempt, a checkpoint, and then no more; a worker syncs the directory twice
	run_weir -t 40 -s 75 'strace -f -qq -o trace -P "$PWD/job" -e trace=fsync \
	    -e inject=fsync:error=EIO:when=3 weir run -q -c 20ms -R none -j job s.sh'
	[ "$(grep -c 'what is on disk is not known' <<<"$stderr")" = 7 ]
	grep -q '^run: checkpointd had to start again 7 times in a row: job/* stays at its last checkpoint' <<<"$stderr"
	ends job 'a disk that fails'
}

# Longer than the heartbeat's timeout: nobody takes the coordinator for dead.
@test "a sync of job.json that takes 7 s is no failure" {
	run_weir -t 60 'strace -f -qq -o trace -P "$PWD/job/job.json.new" -e trace=fsync \
	    -e inject=fsync:delay_enter=7000000:when=4 weir run -c 20ms -R none -j job s.sh'
	grep -q 'fsync.*INJECTED\|fsync.*DELAYED' trace
	cmp want "$OUT"
	assert_equal "$(jq .attempt job/job.json)" 1
}

@test "the disk is full, then has room" {
	local kb
	[ "$(id -u)" = 0 ] || skip 'only root can mount'
	mkdir disk
	mount -t tmpfs -o size=20k none disk 2>/dev/null || skip 'no tmpfs can be mounted here'
	export OUT=$PWD/disk/out.tsv
	for kb in 20 60 120 300 600; do
		rm -rf disk/job "$OUT"
		mount -o remount,size="${kb}k" disk
		run_weir -t 40 -s any 'weir run -q -c 20ms -j disk/job s.sh'
		if [ "$status" != 1 ] || ! grep -q 'No space left' <<<"$stderr"; then
			umount disk
			echo "$kb KiB: status $status: $stderr" >&2
			return 1
		fi
		mount -o remount,size=100m disk
		ends disk/job "a disk of $kb KiB" || {
			umount disk
			return 1
		}
	done
	umount disk
}
