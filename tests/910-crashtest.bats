#!/usr/bin/env bats
# weir crashtest: examples and other pipelines survive a few rounds, each time with
# another seed, which is printed where they do not; and that it sees what is wrong.
# ROUNDS: more of them; "make crashtest" is the long run.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

rounds=${ROUNDS:-3}

# survives SCRIPT [OPTION]...: no difference in a few rounds.  The leak sanitizer stops
# a process by another one, which is not to be killed.
survives() {
	local -x ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
	run_weir -t 120 'weir crashtest -q -N "$1" "${@:3}" "$2"' "$rounds" "$@"
	assert_line --regexp '^crashtest: seed [0-9]+: no difference in '
	assert_equal "$(ls -A "$TMPDIR")" ''
}

# examples NAME...: they and their inputs, here
examples() {
	cp "$WEIR_SOURCE"/examples/*.{tsv,log,txt} .
	local name
	for name; do
		cp "$WEIR_SOURCE/examples/$name.sh" .
	done
}

numbers() {
	seq 1 "$1" | awk '{ print $1 % 50 "\t" $1 }' >in
}

@test "a file: keyed state, two subtasks, a join, a tee" {
	numbers 20000
	echo 'weir source in | weir keyby -k 1 | weir reduce count sum:2 | weir sink out' >count.sh
	survives count.sh
	echo 'weir source in | weir keyby -k 1 | weir reduce -p 2 count | weir sink out' >two.sh
	survives two.sh --unordered
	cat >join.sh <<-'END'
	#!/bin/bash
	weir keyby -k 1 -i <(weir source -n a in) -i <(weir source -n b in) |
	    weir reduce count | weir sink out
	END
	survives join.sh --unordered
	cat >tee.sh <<-'END'
	#!/bin/bash
	weir source -o >(weir sink -n one one) \
	    -o >(weir keyby -k 1 | weir reduce sum:2 | weir sink -n two two) in
	END
	survives tee.sh
}

@test "a table; a command for each epoch; state of a command" {
	numbers 5000
	echo 'weir source in | weir keyby -k 1 | weir reduce count | weir sink --table out' >table.sh
	survives table.sh
	cat >apply.sh <<-'END'
	#!/bin/bash
	set -euo pipefail
	weir source in | weir sink -- sh -c 'cat >part.$WEIR_CHECKPOINT'
	[ -e all ] || { cat $(ls part.* | sort -t . -k 2n) >new && mv new all; }
	rm -f part.*
	END
	survives apply.sh
	cat >command.sh <<-'END'
	weir source in | weir keyby -k 1 | weir statemap -- awk -F '\t' '{
	    n = $2 == "." ? 1 : substr($2, 2) + 1
	    print ">" $1 "\t" n; print "=" n; fflush() }' | weir sink out
	END
	survives command.sh
}

@test "examples that print" {
	local name
	examples alert first-seen names per-hour
	for name in alert first-seen per-hour; do
		survives "$name.sh"
	done
	survives names.sh --unordered
}

@test "examples that write files" {
	examples two-views
	survives two-views.sh --unordered
}

@test "only one stage is harmed; the seed decides" {
	numbers 20000
	echo 'weir source in | weir keyby -k 1 | weir reduce -n counts count | weir sink out' >count.sh
	run_weir -t 120 'weir crashtest -N 5 --seed 42 --kill counts count.sh'
	assert_line --regexp '^crashtest: clean run: [0-9]+ ms, 1 file; seed 42$'
	assert_line --regexp '^crashtest: seed 42: no difference'
	refute_output --regexp '[0-9] (checkpointd|run|script)[,)]|everything'
}

@test "a difference is found, shown and kept" {
	numbers 3
	echo 'date +%N >when; weir source in | weir sink out' >wrong.sh
	run_weir -t 60 -s 1 'weir crashtest -N 2 --seed 7 wrong.sh'
	assert_err 'crashtest: when: line 1 differs; the clean run has 1 lines, this one 1'
	assert_equal "$(grep -cE '^crashtest:   (clean:|now:  ) [0-9]+$' <<<"$stderr")" 2
	dir=$(sed -n 's/^crashtest: round 1 of seed 7 failed; all is in \(.*\); again.*/\1/p' <<<"$stderr")
	assert_exists "$dir/clean/when"
	assert_exists "$dir/round/job/job.json"
	rm -rf "$dir"
}

@test "what cannot be tested: a clean run that fails, outputs outside, -F" {
	numbers 3
	echo 'weir source nowhere | weir sink out' >fails.sh
	run_weir -s 1 'weir crashtest -N 1 fails.sh'
	assert_err 'crashtest: the clean run failed: nothing was tested'
	mkdir ../elsewhere
	echo 'weir source in | weir sink "$1"' >outside.sh
	run_weir -s 1 'weir crashtest -N 1 outside.sh "$PWD/../elsewhere/out"'
	grep -q "^sink: .*/elsewhere/out: lies outside of $TMPDIR/" <<<"$stderr"
	: >here
	run_weir -s 1 'weir crashtest -N 1 outside.sh here'
	grep -q "^sink: here: lies outside of $TMPDIR/" <<<"$stderr"
	ln -s nothing dangling
	run_weir -s 1 'weir crashtest -N 1 outside.sh dangling'
	assert [ ! -s here ]
	assert [ ! -e nothing ]
	echo 'weir source -F in | weir sink out' >follow.sh
	run_weir -s 1 'weir crashtest -N 1 follow.sh'
	grep -q '^source: -F never ends' <<<"$stderr"
	rm -rf "$TMPDIR"/weir-crashtest.*
}

@test "a stage that is not there: nothing was tested" {
	numbers 3
	echo 'weir source in | weir sink out' >copy.sh
	run_weir -t 60 -s 1 'weir crashtest -N 2 --kill snik copy.sh'
	assert_err 'crashtest: nothing was killed: is there a stage called "snik"?'
}

@test "interrupted: nothing is left" {
	numbers 20000
	echo 'weir source in | weir sink out' >copy.sh
	start test 'exec weir crashtest -N 1000 copy.sh'
	wait_for grep -q 'clean run' test.out
	kill -INT "$test_pid"
	finish -s 130 test
	assert_equal "$(ls -A "$TMPDIR")" ''
}

@test "usage" {
	run_weir -s 2 'weir crashtest'
	assert_err 'crashtest: which script? weir crashtest [OPTION]... SCRIPT'
	run_weir -s 2 'weir crashtest nothing.sh'
	assert_err 'crashtest: nothing.sh: No such file or directory'
	run_weir -s 2 'weir crashtest -N 0 x'
	run_weir -s 2 'weir crashtest --seed x x'
}
