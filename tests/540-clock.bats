#!/usr/bin/env bats
# The wall clock is set back by an hour while a job runs: it is for people to read,
# and nothing is decided by it.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

setup() {
	weir_setup
	[[ ${CFLAGS-} != *-fsanitize* ]] || skip "a sanitizer has to be loaded first"
	${CC:-cc} -O1 -shared -fPIC -o "$BATS_TEST_TMPDIR/setback.so" \
	    "$BATS_TEST_DIRNAME/tools/preload/setback.c"
	export SETBACK=$PWD/back
	seq 1500 >in
	echo 'weir source --rate 500 in | weir keyby | weir reduce count |
	    weir sink out' >job.sh
}

# job OPTION...: the job, with the clock that can be set back
job() {
	start it "LD_PRELOAD=$BATS_TEST_TMPDIR/setback.so exec weir run -j job $* job.sh"
}

# completed: checkpoints that are complete by now
completed() {
	awk '$3 == "completed" { n++ } END { print n + 0 }' job/history.tsv 2>/dev/null ||
	    echo 0
}

more_than() {
	(($(completed) > $1))
}

# sane: durations are those of a clock that does not go back, although starts do
sane() {
	awk -F '\t' '$5 < 0 || $5 > 20000 { bad = 1 }
	    last - $4 > 3000000 { back = 1 }
	    { last = $4 }
	    END { exit bad || !back }' job/history.tsv
}

@test "checkpoints, restarts and the end of a job" {
	local n
	job -q -c 20ms
	wait_for more_than 3
	touch back
	n=$(completed)
	wait_for more_than $((n + 5))
	kill -KILL "$(weir status --pids job | awk '$1 ~ /^sink/ { print $2; exit }')"
	n=$(completed)
	wait_for more_than $((n + 5))
	run_weir 'weir status job'
	finish it
	awk '{ print $0 "\t1" }' in >want
	assert_same want out
	sane
}

@test "a checkpoint's timeout, and a stage that is silent" {
	local sink
	job -c 100ms -T 500ms
	wait_for more_than 1
	sink=$(weir status --pids job | awk '$1 ~ /^sink/ { print $2; exit }')
	kill -STOP "$sink"
	touch back
	wait_for grep -q 'checkpoint [0-9]* aborted' it.err
	wait_for grep -q 'sink' it.err
	kill -CONT "$sink" 2>/dev/null || :	# unless its silence has killed it
	finish it
	awk '{ print $0 "\t1" }' in >want
	assert_same want out
	sane
}
