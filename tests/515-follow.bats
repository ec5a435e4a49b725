#!/usr/bin/env bats
# examples/follow.sh as a job, on a log that grows and is rotated while processes of
# the job are killed at random: what weir crashtest cannot do, as -F never ends.
# SEED: whom, and when; it is printed where the test fails.  ROUNDS: how many kills.

# shellcheck disable=SC2034,SC2154	# bats and the helper: stderr, NAME_pid, leftovers
load lib/helper

# grow: some more lines at the log's end; all of them are in ./all
grow() {
	shuf -n $((RANDOM % 40 + 1)) --random-source=<(yes "$RANDOM") \
	    "$WEIR_SOURCE/examples/access.log" | sed 's/" [0-9]* /" 50'$((RANDOM % 3))' /' |
	    tee -a all >>live.log
}

# rotate: as logrotate does, by numbers
rotate() {
	local n
	for n in 9 8 7 6 5 4 3 2 1; do
		[ ! -e live.log.$n ] || mv live.log.$n live.log.$((n + 1))
	done
	mv live.log live.log.1
	: >live.log
}

# run_it: the job, in the background
run_it() {
	runs=$((runs + 1))
	start "run$runs" 'exec weir run -q -c 20ms -R exponential-delay:10ms:100ms -j job ./follow.sh live.log'
	run=run${runs}_pid
}

# strike: one process of the job is killed; it may be run itself, or all
strike() {
	local list pid
	mapfile -t list < <(survivors)
	[ ${#list[@]} -gt 0 ] || return 0
	pid=${list[RANDOM % ${#list[@]}]}
	case $((RANDOM % 8)) in
	0)	kill -KILL "${list[@]}" 2>/dev/null || : ;;
	1)	kill -KILL "${!run}" 2>/dev/null || : ;;
	*)	kill -KILL "$pid" 2>/dev/null || : ;;
	esac
}

# pause: up to 0.2 s
pause() {
	local n
	for ((n = RANDOM % 14; n > 0; n--)); do
		moment
	done
}

caught_up() {
	gone "${!run}" && run_it
	[ -e out ] && [ "$(wc -l <out)" -ge "$(wc -l <all)" ]
}

@test "the follow example, killed while its log grows and is rotated" {
	local seed=${SEED:-$RANDOM} round runs=0 run
	RANDOM=$seed
	leftovers=ok
	sed 's/weir sink$/weir sink out/' "$WEIR_SOURCE/examples/follow.sh" >follow.sh
	chmod +x follow.sh
	grow
	run_it
	# a job that has no checkpoint yet begins with the file that is there
	wait_for test -s out
	for ((round = 0; round < ${ROUNDS:-12}; round++)); do
		grow
		pause
		((RANDOM % 3)) || rotate
		strike
		pause
		! gone "${!run}" || run_it
	done
	grow
	echo "SEED=$seed"
	wait_for -t 20 caught_up
	run_weir 'weir stop job'
	awk '{ print $7 "\t" ++n[$7] }' all >want
	assert_same want out
}
