#!/usr/bin/env bats
# A job from outside: status, history, checkpoint, stop, cancel; running or not.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# small: a job in ./job that is done, of three records
small() {
	seq 1 3 >in
	run_weir 'weir run -q -j job -e "weir source in | weir sink out"'
}

# begin [OPTION]...: a job in ./job that waits for more from ./fifo (descriptor 4)
begin() {
	mkfifo fifo
	echo 'weir source - <fifo | weir keyby | weir reduce -n counts -p 2 count | weir sink out' >job.sh
	start job "exec weir run $* -j job job.sh"
	exec 4>fifo
	wait_for running
}

# more TEXT: a line into the job
more() {
	echo "$1" >&4
}

running() {
	weir status job 2>/dev/null | grep -q '^running'
}

# has N: ./out has N lines
has() {
	[ "$(wc -l <out 2>/dev/null)" = "$1" ]
}

# within JQ: what status --json says
within() {
	weir status --json job | jq -r "$1"
}

@test "status of a job that runs" {
	begin -q -c 20ms
	run_weir 'weir status job'
	grep -qE "^$PWD/job/: process [0-9]+ since [0-9:]{8}\$" <<<"${lines[0]}"
	assert_equal "${lines[1]}" 'running, attempt 1'
	assert_line 'stage   subtasks  state'
	assert_line 'source         1  connected'
	assert_line 'counts         2  connected'
	refute_line --partial 'waits for'
	more a
	wait_for has 1
	run_weir 'weir status job'
	grep -qE '^checkpoint [0-9]+, [0-9]+ m?s ago, took [0-9]+ m?s$' <<<"$output"
	run_weir 'cd job && WEIR_JOB=$PWD weir status'
	assert_line --index 1 'running, attempt 1'
	run_weir 'weir status --pids -j job'
	assert_equal "$(awk '{ print $1 }' <<<"$output" | sort | paste -sd' ')" \
	    'counts.0 counts.1 keyby.0 sink.0 source.0'
	kill -0 "$(awk '$1 == "counts.1" { print $2 }' <<<"$output")"
	exec 4>&-
	finish job
}

@test "status --json: as the page says" {
	begin -q -c 20ms
	more a
	wait_for has 1
	assert_equal "$(within 'keys_unsorted | sort | join(" ")')" \
	    'attempt awaited cancelling completed interval_ms job pending pid restored since_ms stages state stopping why'
	assert_equal "$(within '[.state, .attempt, .interval_ms, .stopping, .cancelling, .why] | map(tostring) | join(" ")')" \
	    'running 1 20 false false '
	assert_equal "$(within '.completed | keys_unsorted | sort | join(" ")')" 'duration_ms id kind triggered_ms'
	assert_equal "$(within '.stages[] | select(.name == "counts") | [.parallelism, .source, .inputs[0], .subtasks[1].subtask, .subtasks[1].state] | map(tostring) | join(" ")')" \
	    '2 false keyby 1 connected'
	exec 4>&-
	finish job
}

@test "status of a job that does not run, that is none, that is damaged" {
	small
	run_weir -s 1 'weir status job'
	assert_output --regexp '^job/: not running; all that it was given is done, up to checkpoint 1 \([0-9:]{8}\)$'
	run_weir -s 1 'weir status --json job'
	assert_equal "$(jq -r '[.state, .completed.id, .completed.final] | map(tostring) | join(" ")' <<<"$output")" \
	    'stopped 1 true'
	run_weir -s 1 'weir status --pids job'
	assert_output ''
	run_weir -s 2 'weir status nowhere'
	mkdir empty
	run_weir -s 2 'weir status empty'
	assert_err 'status: empty/: no job was ever started here'
	echo x >>job/job.json
	run_weir -s 2 'weir status job'
	grep -q '^status: job/job.json: damaged: ' <<<"$stderr"
}

@test "which job: an operand, -j, WEIR_JOB, or none" {
	small
	for tool in status history checkpoint stop cancel; do
		run_weir -s 2 "weir $tool"
		assert_err "$tool: which job? -j DIR, or \$WEIR_JOB"
		run_weir -s 2 "weir $tool job other"
		assert_err "$tool: one job at a time: other is one operand too many"
		run_weir -s 2 "WEIR_JOB=job weir $tool nowhere"
	done
	run_weir -s 1 'WEIR_JOB=nowhere weir status -j job'
	run_weir -s 1 'WEIR_JOB=job weir status'
}

@test "history: a table, and JSON" {
	small
	seq 4 6 >>in
	run_weir 'weir run -q -j job -e "weir source in | weir sink out"'
	run_weir 'weir history job'
	assert_equal "$(awk '{ print $1, $2, $3, $NF }' <<<"$output" | sed 's/ s[a-z]*\.0$/ slowest/')" \
	    $'id kind status slowest\n1 requested completed slowest\n2 requested completed slowest'
	run_weir 'weir history --json -j job'
	assert_equal "$(jq -r '[.id, .kind, .status, .acks, .subtasks, .why] | map(tostring) | join(" ")' <<<"$output")" \
	    $'1 requested completed 2 2 \n2 requested completed 2 2 '
	printf '9\tperiodic\tcomp' >>job/history.tsv
	run_weir 'weir history job'
	assert_equal "${#lines[@]}" 3
}

@test "checkpoint: on request, complete and visible; not of a job that does not run" {
	begin -q
	more a
	more b
	id=0
	until has 2; do
		run_weir 'weir checkpoint job'
		assert [ "$output" -gt "$id" ]
		id=$output
		moment
	done
	assert [ "$(within .completed.id)" -ge "$id" ]
	exec 4>&-
	finish job
	run_weir -s 1 'weir checkpoint job'
	assert_err 'checkpoint: job/: not running'
}

@test "stop: everything read is committed, run ends with 0, the job can go on at once" {
	begin -q
	more a
	more b
	wait_for -t 10 read_by_source 2
	run_weir 'weir stop job'
	assert_equal "$output" ''
	finish job
	exec 4>&-
	assert has 2
	run_weir 'weir stop job'
	assert_err 'stop: job: not running'
	seq 1 2000 >in
	start again 'exec weir run -q -j job2 -e "weir source --rate 500 in | weir sink out2"'
	wait_for is_up job2
	run_weir 'weir stop job2 && weir run -q -j job2 -e "weir source in | weir sink out2"'
	assert_same in out2
	finish again
}

is_up() {
	weir status "$1" 2>/dev/null | grep -q '^running'
}

# How many lines the source has read is seen by what a checkpoint makes visible.
read_by_source() {
	weir checkpoint job >/dev/null 2>&1
	has "$1"
}

@test "cancel: at once, without another checkpoint" {
	begin -q
	more a
	wait_for read_by_source 1
	more b
	run_weir 'weir cancel job'
	finish -s 1 job
	exec 4>&-
	assert has 1
	run_weir 'weir cancel job'
	assert_err 'cancel: job: not running'
}

@test "W17: a cancel keeps the one checkpoint, --delete takes it; a savepoint survives" {
	local n
	begin -q
	for n in 1 2 3; do
		more "$n"
		wait_for read_by_source "$n"
		assert_equal "$(jq '.checkpoints | length' job/job.json)" 1
	done
	run_weir 'weir savepoint -j job saved'
	run_weir 'weir cancel job'
	finish -s 1 job
	exec 4>&-
	assert_equal "$(jq '.checkpoints | length' job/job.json)" 1
	cp -r saved before
	run_weir 'weir cancel --delete job'
	assert [ ! -e job ]
	diff -r before saved
}

@test "cancel --delete: the job is forgotten, its output stays, what is not its stays" {
	begin -q -c 20ms
	more a
	wait_for has 1
	run_weir 'weir cancel --delete job'
	finish -s any job
	exec 4>&-
	assert [ ! -e job ]
	assert has 1
	rm fifo out
	small
	touch job/notes
	run_weir -s 1 'weir cancel --delete job'
	assert_err 'cancel: remove job/: Directory not empty'
	assert_equal "$(ls -A job)" notes
}

@test "a full standard output fails" {
	small
	run_weir -s 1 'weir history job >/dev/full'
	run_weir -s 1 'weir history --json job >/dev/full'
	run_weir -s 1 'weir status --json job >/dev/full'
}
