#!/usr/bin/env bats
# continue: a job that is run again goes on where it was, and only there.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# job [OPTION]... SCRIPT: run it to its end
job() {
	run_weir -t 30 'weir run -c 50ms -j job "$@"' "$@"
}

@test "W19: only the records that were appended are read, and state goes on" {
	printf 'a\t1\nb\t10\na\t2\na\t3\nb\t5\n' >in
	cat >s.sh <<-'END'
		weir source in | weir keyby -k 1 | weir statemap -e 'return function(k, r, n)
		    return k .. "," .. (n or 0), (n or 0) + r:match("\t(.*)") end' | weir sink out
	END
	job s.sh
	assert_err 'run: new job'
	printf '%s\n' a,0 b,0 a,1 a,3 b,10 >want
	assert_same want out
	job s.sh
	grep -qxE 'run: no new input since checkpoint [0-9]+: nothing to do' <<<"$stderr"
	assert_same want out
	printf 'a\t4\n' >>in
	job s.sh
	echo a,6 >>want
	assert_same want out
}

@test "reduce --emit end prints again only what has changed since" {
	printf 'a\t1\nb\t2\na\t3\n' >in
	for how in 'count sum:2' "-e 'return function(a, b) return a end'"; do
		rm -rf job out
		echo "weir source in | weir keyby -k 1 | weir reduce --emit end $how | weir sink out" >s.sh
		job s.sh
		cp out first
		job s.sh
		assert_same first out
		printf 'b\t5\nc\t1\n' >>in
		job s.sh
		tail -n +3 out | cut -f1 >keys
		printf '%s\n' b c >want
		assert_same want keys
		printf 'a\t1\nb\t2\na\t3\n' >in
	done
}

@test "several subtasks and inputs: the same lines" {
	seq 1 3000 | awk '{ print $1 % 50 "\t" $1 }' >in
	cat >s.sh <<-'END'
		#!/bin/bash
		weir keyby -p 1 -k 1 -i <(weir source -n one in) -i <(weir source -n two in) |
		    weir reduce -p 3 --emit end count | weir sink out
	END
	job s.sh
	sort -n out >got
	seq 0 49 | awk '{ print $1 "\t120" }' >want
	assert_same want got
}

@test "-m at-least-once on a chain is exact" {
	seq 1 2000 >in
	echo 'weir source --rate 20000 in | weir keyby | weir reduce count | weir sink out' >s.sh
	job -m at-least-once s.sh
	seq 1 2000 | awk '{ print $1 "\t1" }' >want
	assert_same want out
}

@test "W16: --backend memory holds 5 MB a subtask, and says so beyond" {
	seq 1 1000 >in
	echo 'weir source in | weir keyby | weir reduce count | weir sink out' >s.sh
	job --backend memory s.sh
	assert_equal "$(wc -l <out)" 1000
	[ ! -e job/stages/reduce.0/base ]
	[ -z "$(find job/stages/reduce.0 -name 'state.*')" ]
	echo 1 >>in
	job --backend memory s.sh
	assert_equal "$(tail -n 1 out)" $'1\t2'

	seq 1 300000 >in
	rm -rf job out
	start big 'weir run -c 100ms -j job --backend memory s.sh'
	wait_for grep -q 'over the limit of 5242880' big.err
	finish -s 1 big
	grep -qE '^run: the final checkpoint cannot be taken: reduce\.0: operator state of [0-9]+ bytes is over the limit of 5242880; the job stays at checkpoint [0-9]+$' big.err
}

@test "a stage that the checkpoint knows and the script lacks is named; so is one of another -p" {
	seq 1 100 >in
	echo 'weir source in | weir keyby | weir reduce count | weir sink out' >s.sh
	job s.sh
	echo 'weir source in | weir keyby | weir reduce -n totals count | weir sink out' >s.sh
	run_weir -t 40 -s 2 'weir run -c 50ms -j job s.sh'
	grep -qE 'run: checkpoint [0-9]+ has state for "reduce", the script has no such stage' <<<"$stderr"
	echo 'weir source in | weir keyby | weir reduce -p 2 count | weir sink out' >s.sh
	run_weir -t 40 -s 2 'weir run -c 50ms -j job s.sh'
	grep -q 'reduce' <<<"$stderr"
}

@test "text 10: two stages of one name" {
	seq 1 100 >in
	echo 'weir source in | weir keyby | weir reduce count | weir keyby -n k2 | weir reduce count |
	    weir sink out' >s.sh
	run_weir -t 30 -s 2 'weir run -c 50ms -j job s.sh'
	assert_err 'run: two stages are called "reduce"; give one of them -n NAME (the name is the identity of its state)'
	refute_err 'reduce: two stages'
}

@test "| head: the reader of run's output has enough" {
	run_weir -t 30 'weir run -c 20ms -j job -e "weir source --count 1.. | weir keyby | weir reduce count" | head -n 3'
	assert_output $'1\t1\n2\t1\n3\t1'
}

# Whose reader has had enough: its state is that of all records all the same.
@test "| head in a job: what comes behind it is counted, next time too" {
	yes ann | head -n 20000 >in
	echo 'weir source --rate 20000 in | weir keyby | weir reduce count | weir sink' >s.sh
	run_weir 'weir run -q -c 20ms -j job s.sh | head -n 1'
	assert_output $'ann\t1'
	sed -i 's/--rate 20000//' s.sh
	run_weir 'weir run -q -c 20ms -j job s.sh | tail -n 1'
	assert_output $'ann\t20000'
}

@test "a tee in a job, one reader gone: both count all records" {
	yes ann | head -n 10000 >in
	cat >s.sh <<-'EOF'
		#!/bin/bash
		weir source --rate 10000 in | weir keyby -o - -o >(weir reduce -n all count | weir sink all) |
		    weir reduce -n some --emit each count | weir sink -n some-sink
	EOF
	run_weir 'weir run -q -c 20ms -j job s.sh | head -n 1'
	assert_output $'ann\t1'
	assert_equal "$(tail -n 1 all)" $'ann\t10000'
	run_weir 'weir state -j job get some ann; weir state -j job get all ann'
	assert_output $'10000\n10000'
}

@test "another --backend than before is refused, and nothing is lost" {
	seq 1 100 >in
	echo 'weir source in | weir keyby | weir reduce count | weir sink out' >s.sh
	job s.sh
	run_weir -t 30 -s 2 'weir run -c 50ms -j job --backend memory s.sh'
	grep -q 'leave out --backend memory' <<<"$stderr"
	echo 1 >>in
	job s.sh
	assert_equal "$(tail -n 1 out)" $'1\t2'
}
