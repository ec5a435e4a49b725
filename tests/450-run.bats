#!/usr/bin/env bats
# weir run: what is run and how, who is started again, what signals do, and that
# nothing is left when it dies.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# numbers N: 1 to N in ./in
numbers() {
	seq 1 "$1" >in
}

# copy: a script ./copy.sh that copies ./in to ./out
copy() {
	echo 'weir source in | weir sink out' >copy.sh
}

# slow: a script ./slow.sh that needs some 4 s for it, and a job of it in ./job
slow() {
	numbers 2000
	echo 'weir source --rate 500 in | weir sink out' >slow.sh
}

has_output() {
	[ -s out ]
}

# pids KIND: processes of this test: run, checkpointd, source, sink, ...
pids() {
	local pid
	for pid in $(survivors); do
		case "$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)" in
		*"/weir-$1 "*)	echo "$pid" ;;
		esac
	done
}

# supervisor NAME: the first process of a stage
supervisor() {
	local pid
	for pid in $(pids "$1"); do
		grep -qzaF WEIR_SUBTASK= "/proc/$pid/environ" || echo "$pid"
	done
}

#
# What is run
#

@test "a job: new, done, resuming, nothing to do" {
	numbers 1000
	copy
	run_weir 'weir run -c 50ms -j job copy.sh'
	assert_same in out
	assert_err 'run: new job'
	assert_equal "$output" ''
	seq 1001 1500 >>in
	run_weir 'weir run -c 50ms -j job copy.sh'
	assert_same in out
	grep -qE '^run: resuming at checkpoint [0-9]+ \([0-9:]{8}\)$' <<<"$stderr"
	run_weir 'weir run -j job copy.sh'
	assert_same in out
	grep -qE '^run: no new input since checkpoint [0-9]+: nothing to do$' <<<"$stderr"
}

@test "by the first line: its program, sh where there is none or where it is weir" {
	numbers 3
	printf '#!/bin/bash\na=(x y)\necho "${a[1]}" "$@"\nweir source in | weir sink out\n' >by-bash
	run_weir 'weir run -q -j job1 by-bash "1 2" -x'
	assert_output 'y 1 2 -x'
	printf '#! /usr/bin/env bash  \nset -o | grep -q pipefail && echo bash\nweir source in | weir sink -n s2 out2\n' \
	    >by-env
	run_weir 'weir run -q -j job2 by-env'
	assert_output bash
	printf 'echo "$0 $1"\nweir source in | weir sink -n s3 out3\n' >"-a script"
	run_weir 'weir run -q -j job3 -- "-a script" arg'
	assert_output './-a script arg'
	printf '#!/usr/bin/env -S weir run -q -j job4\necho "$1"\nweir source in | weir sink -n s4 out4\n' >itself
	chmod +x itself
	run_weir './itself again'
	assert_output again
	assert_exists job4/job.json
	for i in '' 2 3 4; do
		assert_same in "out$i"
	done
}

@test "-e: a text, and its arguments" {
	numbers 3
	run_weir 'weir run -q -j job -e "echo \"\$1,\$2\"; weir source in | weir sink out" "a b" c'
	assert_output 'a b,c'
	assert_same in out
}

@test "the script's environment" {
	numbers 3
	mkdir sub
	cat >env.sh <<-'END'
	echo "$WEIR_JOB"
	case $PATH in "$WEIR_BUILD/bin:"*) echo first ;; esac
	cd sub
	weir source ../in | weir sink ../out
	END
	run_weir 'PATH=/usr/bin:/bin "$WEIR_BUILD/bin/weir" run -q -j sub/../job env.sh'
	assert_output "$PWD/job"$'\nfirst'
	assert_same in out
}

@test "without -j: the script takes its place; -c wants a job" {
	numbers 3
	run_weir -s 7 'weir run -e "echo \"\${WEIR_JOB-none}\"; exit 7"'
	assert_output none
	run_weir 'weir run -e "weir source in"'
	assert_output "$(cat in)"
	run_weir -s 2 'weir run -c 1s -e "echo no"'
	assert_err 'run: -c: -j DIR is missing: where the job is kept'
	assert_output ''
}

@test "usage" {
	run_weir -s 2 'weir run'
	assert_err 'run: which script? weir run [OPTION]... SCRIPT, or -e TEXT'
	run_weir -s 2 'weir run -j job nothing.sh'
	assert_err 'run: nothing.sh: No such file or directory'
	mkdir dir
	run_weir -s 2 'weir run -j job dir'
	assert_err 'run: dir: Is a directory'
	run_weir -s 2 'weir run -c 1000 -j job -e true'
	assert_err 'run: -c 1000: which unit? 1000ms or 1000s'
	run_weir -s 2 'weir run -c 1ms -j job -e true'
	assert [ ! -e job ]
	touch dir/thesis.tex
	run_weir -s 2 'weir run -j dir -e true'
	assert_err "run: dir/: not a job directory: it holds \"thesis.tex\" and no job.json; give -j a new directory"
}

@test "in front of a program, in \$( ): its standard output is given text" {
	numbers 3
	run_weir 'weir run -q -j job -e "weir source in | weir keyby" | tail -n 1'
	assert_output 3
	run_weir 'x=$(weir run -q -j job2 -e "weir source in"); echo "<$x>"'
	assert_output "<$(cat in)>"
}

#
# How it ends
#

@test "a script without a stage: its status is told" {
	run_weir -s 1 'weir run -j job -e "exit 0"'
	assert_err 'run: the script ended with status 0 and started no stage'
	run_weir -s 1 'weir run -j job -e "exit 3"'
	assert_err 'run: the script ended with status 3 and started no stage'
	run_weir -s 2 'weir run -j job -e "exit 2"'
	assert_err 'run: the script ended with status 2 and started no stage'
	run_weir -s 2 'weir run -j job -e no_such_program'
	assert_err 'run: the script ended with status 127 and started no stage'
}

@test "a stage that fails: the job does, with its status" {
	numbers 3
	run_weir -s 1 'weir run -j job -e "weir source in | weir statemap -e \"return function() error() end\" | weir sink out"'
	assert_err 'run: statemap failed; the job stays at checkpoint 0'
	run_weir -s 2 'weir run -j job2 -e "weir source nowhere | weir sink out"'
	run_weir -s 2 'weir run -j job3 -e "weir source --nonsense | weir sink out"'
}

@test "the job decides: a script that goes on is waited for, its status is told" {
	numbers 3
	run_weir 'weir run -j job -e "weir source in | weir sink out; cat out; exit 4"'
	assert_output "$(cat in)"
	assert_err 'run: the job is done; the script ended with status 4'
}

@test "stages in the background: the job is waited for" {
	numbers 100
	run_weir 'weir run -q -j job -e "weir source --rate 200 in | weir sink out &"'
	assert_same in out
}

@test "one at a time" {
	slow
	start first 'exec weir run -q -c 20ms -j job slow.sh'
	wait_for has_output
	run_weir -s 75 'weir run -j job slow.sh'
	grep -qE "^run: job/ is in use by process [0-9]+ since [0-9:]{8}; 'weir status job/' shows it, 'weir stop job/' ends it\$" <<<"$stderr"
	finish first
	assert_same in out
}

#
# Signals
#

@test "TERM, INT, HUP: a stop with a final checkpoint; it goes on from there" {
	local sig
	slow
	for sig in TERM INT HUP; do
		rm -f out
		start "$sig" "exec weir run -c 20ms -j job$sig slow.sh"
		wait_for has_output
		pid=${sig}_pid
		kill "-$sig" "${!pid}"
		finish "$sig"
		assert [ "$(wc -l <out)" -lt 2000 ]
		sed 's/--rate 500//' slow.sh >fast.sh
		run_weir "weir run -q -j job$sig fast.sh"
		assert_same in out
	done
}

@test "a stop ends the script: what follows the stages is not done, but at the end" {
	local sh
	slow
	for sh in sh bash; do
		rm -f out
		printf '#!/bin/%s\n%s; touch after.%s\n' "$sh" "$(cat slow.sh)" "$sh" >"$sh.sh"
		start "$sh" "exec weir run -c 20ms -j job-$sh $sh.sh"
		wait_for has_output
		pid=${sh}_pid
		kill -TERM "${!pid}"
		finish "$sh"
		refute_err 'was killed'
		assert [ ! -e "after.$sh" ]
		sed -i 's/--rate 500//' "$sh.sh"
		run_weir "weir run -q -j job-$sh $sh.sh"
		assert_same in out
		assert_exists "after.$sh"
	done
}

@test "a second signal cancels: at once, status 1, and it goes on from the checkpoint" {
	slow
	start run 'exec weir run -c 20ms -j job slow.sh'
	wait_for has_output
	kill -TERM "$run_pid"
	kill -TERM "$run_pid"
	finish -s any run
	sed 's/--rate 500//' slow.sh >fast.sh
	run_weir 'weir run -q -j job fast.sh'
	assert_same in out
}

@test "run killed: all that it started ends, and the same line goes on" {
	slow
	start run 'exec weir run -c 20ms -j job slow.sh'
	wait_for has_output
	kill -KILL "$run_pid"
	wait_for no_survivors
	sed 's/--rate 500//' slow.sh >fast.sh
	run_weir 'weir run -q -j job fast.sh'
	assert_same in out
}

@test "run killed, and the same line run at once: it waits for what is dying" {
	local i pid
	slow
	for i in 1 2 3 4 5 6; do
		start "run$i" 'exec weir run -q -c 20ms -j job slow.sh'
		pid=run${i}_pid
		wait_for runs_anew "${!pid}"
		kill -KILL "${!pid}"
	done
	sed 's/--rate 500//' slow.sh >fast.sh
	run_weir 'weir run -q -j job fast.sh'
	assert_same in out
	run ! grep -F 'in use' run?.err
}

# runs_anew PID: a coordinator that this run has started is there
runs_anew() {
	weir status job 2>/dev/null | grep -q ^running &&
	    [ "$(ps -o ppid= -p "$(cut -f1 job/lock)" | tr -d ' ')" = "$1" ]
}

@test "a process that has the job and does not answer: whom it waits for is said" {
	numbers 100
	copy
	mkdir -m 700 job
	exec 8<>job/lock
	flock 8
	printf '%d\t\t1\n' "$$" >&8
	start it 'exec 8>&-; exec weir run -j job copy.sh'
	wait_for grep -qx "run: job/: waiting for process $$, which still has it, to end" it.err
	exec 8>&-
	finish it
	assert_same in out
}

#
# Who is started again
#

@test "checkpointd, subtasks, supervisors, the shell are killed: the job goes on" {
	local victim
	slow
	for victim in checkpointd source sink; do
		rm -f out
		start "$victim" "exec weir run -c 20ms -j job-$victim slow.sh"
		wait_for has_output
		kill -KILL "$(pids "$victim" | tail -n 1)"
		finish "$victim"
		assert_same in out
	done
	for victim in source sink; do
		rm -f out
		start "super_$victim" "exec weir run -c 20ms -j job-super-$victim slow.sh"
		wait_for has_output
		kill -KILL "$(supervisor "$victim")"
		finish "super_$victim"
		assert_same in out
	done
	rm -f out
	start shell 'exec weir run -c 20ms -j job-shell slow.sh'
	wait_for has_output
	kill -KILL "$(pgrep -P "$shell_pid" -x sh)"
	finish -s 75 shell
	assert_err 'run: the job is done; slow.sh was killed by signal 9 (Killed)'
	assert_same in out
	run_weir 'weir run -j job-shell slow.sh'
	assert_same in out
}

@test "a stage whose supervisor dies before it is known: the script is run again" {
	numbers 100
	cat >once.sh <<-'END'
	weir source in | weir keyby |
	    bash -c '[ -e once ] && exec weir sink out; touch once; kill -KILL $$'
	END
	run_weir 'weir run -c 20ms -j job once.sh'
	assert_same in out
}

@test "a script that is killed before it starts a stage is run again, three times at most" {
	numbers 3
	run_weir 'weir run -j job -e "[ -e once ] || { touch once; kill -KILL \$\$; }; weir source in | weir sink out"'
	assert_same in out
	run_weir -s 1 'weir run -j job2 -e "echo x >>tries; kill -KILL \$\$"'
	assert_err 'run: the script was killed by signal 9 (Killed) and started no stage'
	assert_equal "$(wc -l <tries)" 3
}

@test "without -c a death fails the job: no restarts" {
	slow
	start run 'exec weir run -j job slow.sh'
	wait_for running
	kill -KILL "$(pids sink | tail -n 1)"
	finish -s 1 run
}

running() {
	weir status job 2>/dev/null | grep -q '^running'
}

#
# The terminal
#

@test "on a terminal: Ctrl-C stops, and it is said; the terminal is given back" {
	type -P script >/dev/null || skip 'no script(1)'
	slow
	cat >typed.sh <<-'END'
	weir run -c 20ms -j job slow.sh
	echo "status $?"
	read -r line </dev/tty && echo "read $line"
	END
	mkfifo keys
	start typed 'exec script -qec "sh typed.sh" /dev/null <keys'
	exec 4>keys
	wait_for has_output
	printf '\003' >&4
	wait_for grep -q 'status 0' typed.out
	echo typed >&4
	exec 4>&-
	finish typed
	grep -q 'run: stopping with a final checkpoint; Ctrl-C again cancels' typed.out
	grep -q 'read typed' typed.out
}
