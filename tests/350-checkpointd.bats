#!/usr/bin/env bats
# checkpointd, with subtasks that are played (tests/tools/cast): a job's life, what
# is said of it, and how it ends.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

setup() {
	weir_setup
	export CAST=$WEIR_BUILD/tests/tools/cast
}

# coordinate OPTION...: checkpointd of the job j, in the background
coordinate() {
	start d 'exec weir checkpointd -j j "$@"' "$@"
}

# cast: the script on standard input is performed
cast() {
	run --separate-stderr timeout -k 2 "$(seconds 40)" "$CAST" j
	check_status 0 cast
}

# A chain of three subtasks that runs.
chain='
enter source.0 1 1
enter reduce.0 1 1 source
enter sink.0 1 0 reduce
await sink.0 welcome
connected source.0
connected reduce.0
connected sink.0
await source.0 state running'

# Its end, all by itself.
ending='
play source.0
play reduce.0
play sink.0
finished source.0
await sink.0 state done'

# said LINE: by checkpointd
said() {
	grep -qxF -- "$1" d.err
}

# one_run: a job that has run once, to checkpoint 1
one_run() {
	coordinate
	cast <<<"$chain$ending"
	finish d
}

@test "a new job: gathers, runs, completes, is done" {
	coordinate
	cast <<<"$chain
		finished source.0
		await reduce.0 pending 1
		ack source.0 1 position
		ack reduce.0 1
		ack sink.0 1
		await sink.0 completed 1
		committed source.0 1
		committed reduce.0 1
		committed sink.0 1
		await sink.0 state done
		print sink.0"
	assert_output 'sink.0 state done attempt 1 restore 1 completed 1 stop 0'
	finish d
	assert_err 'checkpointd: new job'
	assert_regex "$stderr" 'checkpointd: checkpoint 1 complete: 3000 bytes in [0-9]+ ms, slowest sink.0'
	assert_err 'checkpointd: done at checkpoint 1'
	run awk -F '\t' '{ print $1, $2, $3, $6, $7, $8, $9 }' j/history.tsv
	assert_output '1 requested completed 3000 3/3 sink.0 '
}

@test "resumed: the same positions mean that there was nothing to do" {
	one_run
	coordinate
	cast <<<"$chain$ending"
	finish d
	assert_regex "${stderr_lines[0]:-$stderr}" 'checkpointd: resuming at checkpoint 1 \([0-9:]+\)'
	assert_err 'checkpointd: no new input since checkpoint 1: nothing to do'
	coordinate
	cast <<<"$chain
		finished source.0
		await source.0 pending 3
		ack source.0 3 further
		play reduce.0
		play sink.0
		await source.0 completed 3
		committed source.0 3
		await sink.0 state done"
	finish d
	assert_err 'checkpointd: done at checkpoint 3'
}

@test "an attempt that fails: the restart is said, all start anew from the checkpoint" {
	coordinate -c 1h -R exponential-delay:10ms
	cast <<<"$chain
		want source.0
		await source.0 pending 1
		ack source.0 1
		ack reduce.0 1
		ack sink.0 1
		await sink.0 completed 1
		leave reduce.0
		await source.0 state gathering
		enter source.0 1 1
		enter reduce.0 1 1 source
		enter sink.0 1 0 reduce
		await source.0 attempt 2
		await reduce.0 attempt 2
		await sink.0 attempt 2
		connected source.0
		connected reduce.0
		connected sink.0
		await sink.0 state running
		print sink.0
		cancel
		await sink.0 state cancelled"
	assert_output 'sink.0 state running attempt 2 restore 1 completed 1 stop 0'
	finish -s 1 d
	assert_regex "$stderr" 'checkpointd: stage reduce.0 \(pid [0-9]+\) was lost; restarting from checkpoint 1 in (10|[0-9]) ms'
	assert_err 'checkpointd: cancelled; the job stays at checkpoint 1'
}

@test "between two attempts the status says what has happened" {
	coordinate -c 1h -R fixed-delay:1:1h
	cast <<<"$chain
		leave reduce.0
		await source.0 state delayed
		ask {\"ask\":\"status\"}
		cancel
		await source.0 state cancelled"
	assert_regex "$output" '"state":"delayed","why":"stage reduce.0 \(pid [0-9]+\) was lost","attempt":1,'
	finish -s 1 d
}

@test "a terminal is told when there will be output" {
	start d 'exec script -qec "weir checkpointd -j j -c 1h" typescript'
	cast <<<"$chain
		cancel
		await sink.0 state cancelled"
	finish -s 1 d
	assert grep -q '^checkpointd: first output at checkpoint 1' typescript
	rm -r j
	coordinate -c 1h
	cast <<<"$chain
		cancel
		await sink.0 state cancelled"
	finish -s 1 d
	refute_err 'first output'
}

@test "one who comes again is its own successor" {
	coordinate -c 1h -R exponential-delay:10ms
	cast <<<"$chain
		enter reduce.0 1 1 source
		await reduce.0 attempt 2
		cancel
		await reduce.0 state cancelled"
	finish -s 1 d
}

@test "restart strategies give up, and say so" {
	coordinate
	cast <<<"$chain
		leave reduce.0
		await source.0 state failed"
	finish -s 1 d
	assert_regex "$stderr" 'checkpointd: stage reduce.0 \(pid [0-9]+\) was lost, and nothing restarts the job \(see -R\); the job stays at checkpoint 0'
	rm -r j
	coordinate -R fixed-delay:1:10ms
	cast <<<"$chain
		leave reduce.0
		await source.0 state gathering
		enter source.0 1 1
		await source.0 attempt 2
		leave source.0
		await sink.0 state failed"
	finish -s 1 d
	assert_regex "$stderr" 'checkpointd: stage source.0 \(pid [0-9]+\) was lost, and the restart strategy gives up after 1 restarts; the job stays at checkpoint 0'
}

@test "w10: a timeout names who had not acked, and what it was doing" {
	coordinate -c 1h -T 200ms -v
	cast <<<"$chain
		seen reduce.0 1 1 0
		want source.0
		await source.0 pending 1
		ack source.0 1
		await source.0 pending 0
		ack reduce.0 1
		ack sink.0 1
		want source.0
		await source.0 pending 2
		seen reduce.0 2 0 2
		ack source.0 2
		ack sink.0 2
		await source.0 pending 0
		print sink.0
		cancel
		await sink.0 state cancelled"
	assert_output 'sink.0 state running attempt 1 restore 0 completed 0 stop 0'
	finish -s 1 d
	assert_regex "$stderr" 'checkpoint 1 aborted: reduce.0 had not acked after 2[0-9][0-9] ms \(aligning\), nor had 1 more'
	assert_regex "$stderr" 'checkpoint 2 aborted: reduce.0 had not acked after 2[0-9][0-9] ms \(writing\)'
	run cut -f 1,3,7,8 j/history.tsv
	assert_line --index 0 $'1\taborted\t1/3\treduce.0'
	assert_line --index 1 $'2\taborted\t2/3\treduce.0'
}

@test "a declined checkpoint is aborted with the reason, the job goes on" {
	coordinate -c 1h
	cast <<<"$chain
		want sink.0
		await reduce.0 pending 1
		decline reduce.0 1 state of 6291456 bytes is over 5242880
		await reduce.0 pending 0$ending"
	finish d
	assert_err 'checkpointd: checkpoint 1 aborted: reduce.0: state of 6291456 bytes is over 5242880'
	assert_err 'checkpointd: done at checkpoint 2'
}

@test "first TERM: stop with a final checkpoint; second: cancel" {
	coordinate -c 1h
	cast <<<"$chain
		sh kill -TERM $d_pid
		await source.0 stop 1$ending"
	finish d
	assert_err 'checkpointd: stopped at checkpoint 1; the same line goes on from there'
	coordinate -c 1h
	cast <<<"$chain
		sh kill -TERM $d_pid
		await source.0 stop 1
		sh kill -INT $d_pid
		await sink.0 state cancelled"
	finish -s 1 d
	assert_err 'checkpointd: cancelled; the job stays at checkpoint 1'
}

@test "a stop that is said before stages have come does not wait for ever" {
	coordinate -c 1h
	cast <<<"enter source.0 1 1
		await source.0 welcome
		stop
		stop
		await source.0 state cancelled"
	finish -s 1 d
	assert_err 'checkpointd: stopped while stages were missing; the job stays at checkpoint 0'
}

@test "a stage that fails ends the job with its status" {
	coordinate -c 1h
	cast <<<"$chain
		failed reduce 1 no field 7
		await sink.0 state failed"
	finish -s 1 d
	assert_err 'checkpointd: reduce failed; the job stays at checkpoint 0'
	refute_err 'no field 7'
	rm -r j
	coordinate
	cast <<<"enter source.0 1 1
		failed other 2 no option -x
		await source.0 state failed"
	finish -s 2 d
}

@test "two stages of one name" {
	local two='two stages are called "reduce"; give one of them -n NAME (the name is the identity of its state)'
	coordinate
	cast <<<"enter other.0 1 1 keyby
		await other.0 welcome
		failed reduce 2 $two
		await other.0 state failed"
	finish -s 2 d
	assert_err "checkpointd: $two"
	rm -r j
	coordinate
	cast <<<"enter reduce.0 1 1 keyby
		await reduce.0 welcome
		enter reduce.1 2 1 keyby
		await reduce.0 state failed"
	finish -s 2 d
	assert_err "checkpointd: $two"
}

@test "another parallelism than in the checkpoint: status 2, both numbers" {
	one_run
	coordinate
	cast <<<"enter reduce.0 4 1 source
		await reduce.0 state failed"
	finish -s 2 d
	assert_err 'checkpointd: reduce: -p 4, and checkpoint 1 has it with -p 1; put -p 1 back, or make a new job of it (weir restore -p reduce=4)'
}

@test "more subtasks than key groups" {
	coordinate -G 2
	cast <<<"enter reduce.0 3 1 source
		await reduce.0 state failed"
	finish -s 2 d
	assert_err "checkpointd: reduce: -p 3 is more than the job's 2 key groups"
}

@test "a complete job refuses another name, and goes on" {
	coordinate
	cast <<<"$chain
		enter extra.0 1 0 reduce
		await extra.0 refused
		leave extra.0$ending"
	assert_line 'extra.0 refused 2 the job is complete without a stage called "extra"; to add one, stop it and run it again'
	finish d
}

@test "a resumed job waits for every stage of the checkpoint, and says for whom" {
	one_run
	coordinate
	cast <<<"enter source.0 1 1
		enter sink.0 1 0 source
		await sink.0 welcome
		connected source.0
		connected sink.0
		sh until grep -q 'waiting for' d.err; do sleep 0.05; done
		print sink.0
		cancel
		await sink.0 state cancelled"
	assert_output 'sink.0 state gathering attempt 2 restore 1 completed 1 stop 0'
	finish -s 1 d
	assert_err 'checkpointd: waiting for reduce'
}

@test "under run: a stage of the checkpoint that never comes is status 2, names and cure" {
	one_run
	mkfifo holds
	start d 'exec 7<holds; WEIR_AS=run WEIR_ALIVE=7 exec weir checkpointd -j j'
	exec 8>holds
	cast <<<"enter source.0 1 1
		enter totals.0 1 1 source
		enter sink.0 1 0 totals
		await sink.0 state failed"
	finish -s 2 d
	exec 8>&-
	assert_err 'run: still waiting for "reduce" after 10 s (it is in checkpoint 1); all stages of a job must run at the same time'
	assert_err 'run: checkpoint 1 has state for "reduce", the script has no such stage (it has "totals"): weir restore --map reduce=totals, or --drop reduce'
}

@test "under run: leaves with 75 when run has gone; signals are run's affair" {
	mkfifo holds
	start d 'exec 7<holds; WEIR_AS=run WEIR_ALIVE=7 exec weir checkpointd -j j'
	exec 8>holds
	cast <<<"enter source.0 1 1
		await source.0 welcome"
	kill -TERM "$d_pid"
	cast <<<"enter source.0 1 1
		await source.0 welcome"
	exec 8>&-
	finish -s 75 d
	assert_err 'run: new job'
}

@test "a loop is refused by its name, unless forced" {
	local loop='
		enter source.0 1 1
		enter a.0 1 1 source b
		enter b.0 1 2 a
		enter sink.0 1 0 b
		await sink.0 welcome'
	coordinate
	cast <<<"$loop
		await sink.0 state failed"
	finish -s 2 d
	assert_err 'checkpointd: the pipeline is a loop, a -> b -> a: what is on its way there would be in no checkpoint; --force takes them all the same'
	rm -r j
	coordinate --force
	cast <<<"$loop
		connected source.0
		connected a.0
		connected b.0
		connected sink.0
		await sink.0 state running
		cancel
		await sink.0 state cancelled"
	finish -s 1 d
	assert_err 'checkpointd: the pipeline is a loop, a -> b -> a: records on their way there are lost at a restart'
}

@test "one who has gone silent is killed, and that is a restart" {
	coordinate -c 1h -R exponential-delay:10ms
	mkfifo script
	start dumb 'exec "$CAST" j <script'
	exec 8>script
	printf '%s\n' 'enter reduce.0 1 1 source' 'await reduce.0 welcome' 'connected reduce.0' \
	    'mute reduce.0' 'sh touch muted' 'await reduce.0 state done' >&8
	exec 8>&-
	wait_for test -e muted
	cast <<<"enter source.0 1 1
		enter sink.0 1 0 reduce
		await sink.0 welcome
		await sink.0 attempt 1
		connected source.0
		connected sink.0
		await sink.0 state running
		await sink.0 state gathering
		cancel
		await sink.0 state cancelled"
	finish -s 137 dumb
	finish -s 1 d
	assert_regex "$stderr" 'reduce.0 \(pid [0-9]+\) has said nothing for 5 s: killed'
}

@test "hostile words end a line, and not the coordinator" {
	coordinate -c 1h -R exponential-delay:10ms
	cast <<<"$chain
		line sink.0 {\"say\":\"ack\",\"attempt\":1}
		await sink.0 closed
		enter sink.0 1 0 reduce
		await sink.0 attempt 2
		line sink.0 {\"say\":\"ack\",\"attempt\":2,\"id\":1,\"bytes\":0,\"duration_ms\":0,\"part\":{\"stage\":\"other\",\"subtask\":0,\"parallelism\":1,\"state\":\"\",\"batches\":0,\"journals\":[]}}
		await sink.0 closed
		stop
		cancel"
	finish -s 1 d
}

@test "no descriptors left: the others wait, and come in as soon as one has gone" {
	start d 'ulimit -n 20; exec weir checkpointd -j j -c 1h'
	cast <<<"$(for i in 1 2 3 4 5 6 7 8; do echo "enter a$i.0 1 1"; done)
		await a4.0 welcome
		leave a1.0
		leave a2.0
		leave a3.0
		leave a4.0
		await a8.0 welcome
		leave a5.0
		cancel
		await a8.0 state cancelled"
	finish -s 1 d
}

@test "tools: the status, and what is no question" {
	local answers
	coordinate -c 1h
	cast <<<"$chain
		ask {\"ask\":\"status\"}
		ask {\"ask\":\"weather\"}
		ask no JSON
		ask {\"say\":\"hello\"}
		cancel
		await sink.0 state cancelled"
	answers=$output
	finish -s 1 d
	assert_regex "${answers%%$'\n'*}" '^[{]"answer":"status","job":"'"$PWD/j"'","pid":'"$d_pid"',"since_ms":[0-9]+,"state":"running","why":"","attempt":1,"restored":0,"stopping":false,"cancelling":false,"interval_ms":3600000,"completed":null,"pending":\[\],"stages":\[[{]"name":"source","parallelism":1,"source":true,"inputs":\[\],"subtasks":\[[{]"subtask":0,"pid":[0-9]+,"state":"connected"[}]\][}],[{]"name":"reduce",.*,"inputs":\["source"\],.*,[{]"name":"sink",.*\],"awaited":\[\][}]$'
	run sed 1d <<<"$answers"
	assert_equal "${#lines[@]}" 3
	run sort -u <<<"$output"
	assert_output --regexp '^[{]"answer":"error","why":"no such question: status, [a-z, ]+"[}]$'
}

@test "tools: a checkpoint is answered when it is over, and not while nothing runs" {
	coordinate -c 1h -T 200ms
	cast <<<"enter source.0 1 1
		ask {\"ask\":\"checkpoint\"}
		$chain
		ask {\"ask\":\"checkpoint\"}
		play source.0
		play reduce.0
		play sink.0
		ask {\"ask\":\"checkpoint\"}
		ask {\"ask\":\"stop\"}
		await source.0 stop 1$ending"
	assert_line --index 0 '{"answer":"checkpoint","id":0,"completed":false,"why":"the job is not running"}'
	assert_regex "${lines[1]}" '"id":1,"completed":false,"why":"source.0 had not acked after .* \(it has not seen the barrier\), nor had 2 more"'
	assert_line --index 2 '{"answer":"checkpoint","id":2,"completed":true,"why":""}'
	assert_line --index 3 '{"answer":"stop"}'
	finish d
}

@test "tools: a checkpoint that one reads is not retired; a savepoint is answered when committed" {
	coordinate -c 1h
	cast <<<"$chain
		play source.0
		play reduce.0
		play sink.0
		ask {\"ask\":\"checkpoint\"}
		keep {\"ask\":\"hold\"}
		ask {\"ask\":\"checkpoint\"}
		ask {\"ask\":\"savepoint\"}
		await sink.0 completed 3
		await sink.0 oldest 1
		drop
		ask {\"ask\":\"checkpoint\"}
		await sink.0 oldest 4
		finished source.0
		await sink.0 state done"
	assert_line --index 1 '{"answer":"hold","id":1}'
	assert_line --index 3 '{"answer":"checkpoint","id":3,"completed":true,"why":""}'
	finish d
}

@test "the job directory: what is none, is in use, is another's" {
	echo text >file
	run_weir -s 2 'weir checkpointd -j file'
	assert_err 'checkpointd: file/: not a directory, and so not a job'
	mkdir other
	echo text >other/notes
	run_weir -s 2 'weir checkpointd -j other'
	assert_err 'checkpointd: other/: not a job directory: it holds "notes" and no job.json; give -j a new directory'
	coordinate
	wait_for said 'checkpointd: new job'
	run_weir -s 75 'weir checkpointd -j j'
	assert_regex "$stderr" "checkpointd: j/ is in use by process $d_pid since [0-9:]+; 'weir status j/' shows it, 'weir stop j/' ends it"
	kill -TERM "$d_pid"
	kill -TERM "$d_pid"
	finish -s 1 d
	sed -i 's/^{"format":1/{"format":9/' j/job.json
	run_weir -s 2 'weir checkpointd -j j'
	assert_regex "$stderr" '^checkpointd: j/job.json: damaged: its bytes have the sum '
}

@test "a job directory that is removed while the job runs" {
	coordinate -c 1h
	cast <<<"$chain
		sh rm -r j
		play source.0
		play reduce.0
		play sink.0
		want source.0
		await sink.0 state failed"
	finish -s 1 d
	assert_err "checkpointd: $PWD/j was removed while the job ran; the job stays at checkpoint 0"
}

@test "a checkpoint that cannot be saved is aborted, the job goes on" {
	start d 'ulimit -f 4; exec weir checkpointd -j j -c 1h'
	cast <<<"$chain
		play reduce.0
		play sink.0
		want source.0
		await source.0 pending 1
		ack source.0 1 *5000
		await source.0 pending 0
		print sink.0$ending"
	assert_output 'sink.0 state running attempt 1 restore 0 completed 0 stop 0'
	finish d
	assert_err 'checkpointd: checkpoint 1 aborted: write j/job.json.new: File too large'
	assert_err 'checkpointd: done at checkpoint 2'
}

# listening_or_gone: checkpointd can be dialled, or has ended
listening_or_gone() {
	grep -qE 'new job|resuming|starting again' d.err 2>/dev/null || gone "$d_pid"
}

@test "a sync of job.json that fails, each in turn: aborted, or run again; nothing is lost" {
	local k
	strace -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	for k in 1 2 3 4 5 6; do
		rm -f d.err
		start d 'exec strace -f -qq -o trace -e trace=fsync \
		    -e inject=fsync:error=EIO:when=$1 weir checkpointd -j j -c 1h' "$k"
		wait_for listening_or_gone
		gone "$d_pid" || timeout -k 2 "$(seconds 20)" "$CAST" j <<<"$chain$ending" || :
		finish -s any d
		assert grep -q INJECTED trace
		[[ $status =~ ^(0|1|75)$ ]]
		assert_regex "$stderr" 'Input/output error'
		one_run
	done
	run awk '$3 == "completed" && seen[$1]++ { print "twice: " $1 }' j/history.tsv
	assert_output ''
}

@test "full and read-only disks" {
	mkdir full
	unshare -rm mount -t tmpfs none full 2>/dev/null || skip 'no file system can be mounted here'
	run_weir -s 1 'unshare -rm bash -c "mount -t tmpfs -o size=4k none full &&
	    head -c 4096 /dev/zero >full/x; mkdir full/j; weir checkpointd -j full/j"'
	assert_err 'checkpointd: write full/j/lock: No space left on device'
	run_weir -s 1 'unshare -rm bash -c "mount -t tmpfs -o ro none full &&
	    weir checkpointd -j full/j"'
	assert_err 'checkpointd: make full/j/: Read-only file system'
}

@test "options: what they may be" {
	run_weir -s 2 'weir checkpointd -c 1s'
	assert_err 'checkpointd: -j DIR is missing'
	run_weir -s 2 'weir checkpointd -j j -c 1000'
	assert_err 'checkpointd: -c 1000: which unit? 1000ms or 1000s'
	run_weir -s 2 'weir checkpointd -j j -c 9ms'
	assert_err 'checkpointd: -c: "9ms" is less than 10 ms'
	run_weir -s 2 'weir checkpointd -j j -R failure-rate:101'
	run_weir -s 2 'weir checkpointd -j j --max-concurrent 65'
	run_weir -s 2 'weir checkpointd -j j operand'
	assert_err 'checkpointd: operand: no operand is wanted'
	assert [ ! -e j ]
	one_run
	run_weir -s 2 'weir checkpointd -j j -G 64'
	assert_err 'checkpointd: -G 64: j/ has 128 key groups, for its whole life'
}

# family PID: it and all that descend from it
family() {
	local pid
	echo "$1"
	for pid in $(ps -o pid= --ppid "$1"); do
		family "$pid"
	done
}

# since WHEN SECONDS: so long ago
since() {
	((SECONDS >= $1 + $2))
}

@test "a job that was stopped by Ctrl-Z goes on where it was" {
	local pids at
	start job 'exec weir run -c 100ms -R none -j j -e "weir source --count 1.. --rate 1000 |
	    weir keyby | weir reduce count | weir sink out"'
	wait_for -t 20 test -s out
	mapfile -t pids < <(family "$job_pid")
	kill -STOP "${pids[@]}"
	at=$SECONDS
	wait_for -t 10 since "$at" 7
	at=$(stat -c %s out)
	kill -CONT "${pids[@]}"
	wait_for eval "[ \$(stat -c %s out) -gt $at ]"
	kill -INT -- "-$job_pid"
	finish job
	refute_err 'was lost'
	refute_err 'start anew'
}
