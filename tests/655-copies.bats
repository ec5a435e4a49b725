#!/usr/bin/env bats
# Copies of a job's directory: of one that is stopped each copy is a job of its own;
# of one that runs, or was killed, a copy is right or is refused, and never is the
# job that it was copied from.

# shellcheck disable=SC2030,SC2031,SC2034,SC2154	# bats and the helper: status, stderr, leftovers
load lib/helper

teardown() {
	local bad=0
	weir_teardown || bad=1
	[ -z "${short-}" ] || rm -rf "$short"
	return "$bad"
}

# short: a directory for jobs whose sockets are to be in it
short() {
	short=$(mktemp -d /tmp/w.XXX)
}

# counting [OPTION]...: ./job.sh, whose output says all that it remembers
counting() {
	echo "weir source in | weir keyby | weir reduce $* count | weir sink out" >job.sh
}

# counted FILE: what job.sh makes of it
counted() {
	awk '{ print $0 "\t" ++n[$0] }' "$1"
}

@test "a stopped job, copied: both go on, at the same time, each with its own" {
	local where
	counting
	yes ann | head -n 50 >in
	run_weir 'weir run -q -c 20ms -j job job.sh'
	mkdir there
	cp -a job in out there
	yes bob | head -n 3000 >>in
	yes cid | head -n 3000 >>there/in
	start here 'exec weir run -q -c 20ms -j job job.sh'
	start there 'cd there && exec weir run -q -c 20ms -j job ../job.sh'
	finish here
	finish there
	for where in . there; do
		counted $where/in >want
		assert_same want $where/out
	done
}

@test "two copies, one output: the second is refused, then and later" {
	echo 'weir source --rate 500 in | weir sink out' >slow.sh
	seq 10 >in
	run_weir 'weir run -q -j job slow.sh'
	cp -a job copy
	seq 11 20 >>in
	sed 's/--rate 500/-F/' slow.sh >follow.sh
	start it 'exec weir run -q -c 20ms -j job follow.sh'
	wait_for grep -qx 20 out
	run_weir -s 1 'weir run -j copy slow.sh'
	assert_err 'sink: out: in use by another sink, of this pipeline or of another; give each a FILE of its own'
	run_weir 'weir stop job'
	finish it
	cp out before
	run_weir -s 2 'weir run -j copy slow.sh'
	assert_err "sink: out: $(wc -c <out) bytes, checkpoint 1 says 21; somebody, or a copy of this job, added to it; cut it off there (truncate -s 21 out), or start over with a new job directory"
	assert_same before out
}

# not_the_model JOB COPY: nothing that the copy is asked is answered by the job
not_the_model() {
	run_weir -s 1 'weir status "$1"' "$2"
	[[ $output == *"not running"* ]]
	run_weir 'weir stop "$1"' "$2"
	assert_err "stop: $2: not running"
	run_weir 'weir cancel "$1"' "$2"
	run_weir -s 1 'weir checkpoint "$1"' "$2"
	run_weir 'weir cancel --delete "$1"' "$2"
	[ ! -e "$2" ]
	run_weir 'weir status "$1"' "$1"
}

@test "the copy of a running job is not running, wherever its sockets are" {
	local job
	short
	echo 'weir source --count 1.. --rate 500 | weir sink out' >endless.sh
	for job in job "$short/job"; do
		rm -f out
		start it 'exec weir run -q -c 1h -j "$1" endless.sh' "$job"
		wait_for weir checkpoint "$job"
		cp -a "$job" copy
		not_the_model "$job" copy
		run_weir 'weir stop "$1"' "$job"
		finish it
	done
	test ! -e job/run
}

@test "a job that was killed, copied with its sockets and its lock: both go on" {
	local where
	leftovers=ok
	short
	counting
	seq 3000 >in
	sed 's/weir source/& --rate 500/' job.sh >slow.sh
	start it 'exec weir run -q -c 20ms -j "$1" slow.sh' "$short/job"
	wait_for test -s out
	# run shall not start another coordinator, nor this one clear up behind it
	kill -STOP "$it_pid"
	# shellcheck disable=SC2046	# numbers
	kill -KILL "$(cut -f1 "$short/job/lock")" $(survivors) "$it_pid" || :
	wait_for no_survivors
	test -S "$short/job/run/control"
	mkdir there
	cp -a "$short/job" in out there
	# a process of that number is there: another one
	sed -i "s/^[0-9]*/$$/" there/job/lock
	run_weir 'cd there && weir run -q -j job ../job.sh'
	run_weir 'weir run -q -j "$1" job.sh' "$short/job"
	counted in >want
	for where in . there; do
		assert_same want $where/out
	done
}

# generation N: the job goes on to line 50000 * N of its input, and is copied to gN
generation() {
	seq $((50000 * $1)) | awk '{ print $1 % 49999 }' >in
	run_weir 'weir run -q -c 20ms -j job job.sh'
	cp -a job "g$1"
	cp out "g$1.out"
}

# torn A B: job.json of generation A, the rest of B
torn() {
	rm -rf job out
	cp -a "g$2" job
	cp "g$1/job.json" job
	cp "g$1.out" out
	run_weir -s any 'weir run -q -j job job.sh'
	if [ "$status" = 0 ]; then
		assert_same want out
		right=$((right + 1))
	else
		[ "$status" = 2 ]
		grep -qE '^(source|reduce|sink): .*job/stages/.*: ' <<<"$stderr"
		assert_same "g$1.out" out
	fi
}

# A copy that was made while the job ran is such a mixture.
torn_copies() {
	local a b right=0
	for a in 1 2 3; do
		generation $a
	done
	counted in >want
	for a in 1 2 3; do
		for b in 1 2 3; do
			torn $a $b
		done
	done
	((right >= 3 && right < 9))
}

@test "a copy of a running job, torn: right, or refused by name" {
	counting
	torn_copies
}

@test "the same, where state lies in base/" {
	counting -M 1M
	torn_copies
	test -d g1/stages/reduce.0/base
}
