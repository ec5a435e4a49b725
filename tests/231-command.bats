#!/usr/bin/env bats
# sink -- COMMAND without a job: it runs once, fed as records come.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

@test "the command reads every record, and its output is sink's" {
	seq 1 1000 >in
	run_weir 'weir source in | weir sink -- cat >out'
	assert_same in out
	run_weir 'weir source in | weir sink -- wc -l'
	assert_output 1000
}

@test "it has \$WEIR_CHECKPOINT 0, its arguments, and none of our affairs" {
	seq 1 3 >in
	run_weir 'weir source in | weir sink -- sh -c '\''cat >/dev/null; echo "$1 $2 $WEIR_CHECKPOINT"'\'' sh -a "b c"'
	assert_output '-a b c 0'
	run_weir 'weir source in | WEIR_SUBTASKS=mine weir sink -- sh -c "cat >/dev/null; env | grep ^WEIR_"'
	grep -qx WEIR_SUBTASKS=mine <<<"$output"
	refute grep -qE '^WEIR_(JOB|RUN|SUBTASK|ALIVE|INPUTS|OUTPUTS)=' <<<"$output"
}

@test "it sees records as they come" {
	mkfifo p
	start it 'weir source - <p | weir sink -- cat'
	exec 9>p
	for i in 1 2 3; do
		echo "record $i" >&9
		wait_for grep -qsx "record $i" it.out
	done
	exec 9>&-
	finish it
}

@test "no signal is blocked or ignored in it, and no descriptor of ours is open" {
	seq 1 3 >in
	run_weir 'weir source in | weir sink -- sed -n "s/^Sig\(Blk\|Ign\):.//p" /proc/self/status'
	for mask in $output; do		# the C library's own are above
		assert_equal $((0x$mask & 0x7fffffff)) 0
	done
	run_weir 'sh -c "ls /proc/\$\$/fd"; echo; weir source in | weir sink -- sh -c "ls /proc/\$\$/fd"'
	assert_equal "${output#*$'\n\n'}" "${output%%$'\n\n'*}"
}

@test "without a record it runs all the same" {
	run_weir 'weir source /dev/null | weir sink -- wc -c'
	assert_output 0
}

@test "its failure is ours" {
	seq 1 3 >in
	run_weir -s any 'weir source in | weir sink -- sh -c "cat >/dev/null; exit 3"'
	assert_err 'sink: sh: exit status 3'
	assert [ "$status" = 1 ]
	run_weir -s any 'weir source in | weir sink -- sh -c "cat >/dev/null; kill -9 \$\$"'
	assert_err 'sink: sh: killed by signal 9, Killed'
	# a directory on the PATH that may not be searched is another failure
	run_weir -s any 'PATH=$WEIR_BUILD/bin:/usr/bin:/bin
		weir source in | weir sink -- no-such-program'
	assert_err 'sink: run no-such-program: No such file or directory'
}

@test "one that reads no further: no more is asked for" {
	run_weir 'weir source --count 1.. | weir sink -- head -n 3'
	assert_output $'1\n2\n3'
	assert_equal "$stderr" ''
}

@test "the header is no record" {
	printf 'who\tn\na\t1\n' >in
	run_weir 'weir source -H in | weir sink -- cat'
	assert_output $'a\t1'
}

@test "usage: no command, options of a FILE" {
	run_weir -s 2 'weir sink --'
	assert_err 'sink: behind -- comes a COMMAND'
	run_weir -s 2 'weir sink --append -- cat'
	assert_err 'sink: --append, --truncate and --table are for a FILE, not for a COMMAND'
	run_weir -s 2 'weir sink --table -- cat'
}
