#!/usr/bin/env bats
# sink --table: the last record of each key, written at the end.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

@test "the last record of each key, in byte order of the key" {
	printf 'b\t1\na\t2\nb\t3\nB\t4\n\t5\n' >in
	run_weir 'weir source in | weir sink --table out'
	printf '\t5\nB\t4\na\t2\nb\t3\n' >want
	assert_same want out
}

@test "as much as awk and sort find, whatever the field" {
	awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%d\t%d\n", i, (i * 7919) % 503 }' >in
	run_weir 'weir source in | weir sink --table=2 out'
	awk -F '\t' '{ last[$2] = $0 } END { for (k in last) print k "\t" last[k] }' in |
	    LC_ALL=C sort -t "$(printf '\t')" -k 1,1 | cut -f 2- >want
	assert_same want out
}

@test "the header is the first line and names the field" {
	printf 'who\tn\nb\t1\na\t2\nb\t3\n' >in
	run_weir 'weir source -H in | weir sink --table=who out'
	printf 'who\tn\na\t2\nb\t3\n' >want
	assert_same want out
	run_weir -s any 'weir source -H in | weir sink --table=what out2'
	assert_regex "$stderr" 'sink: --table: .*what'
	assert [ "$status" = 2 ]
}

@test "the table of reduce's results" {
	printf 'b\na\nb\nb\n' >in
	run_weir 'weir source in | weir keyby | weir reduce count | weir sink --table out'
	printf 'a\t1\nb\t3\n' >want
	assert_same want out
}

@test "fields that end at blanks" {
	printf '  b 1\na   2\nb 3\n' >in
	run_weir 'weir source in | weir sink -W --table out'
	printf 'a   2\nb 3\n' >want
	assert_same want out
}

@test "a record without the field" {
	printf 'a\t1\nb\n' >in
	run_weir -s any 'weir source in | weir sink --table=2 out'
	assert_err 'sink: in: record 2, byte 4: no field 2, only 1 (separator TAB); try -W for blanks, -t C, or --on-error skip'
	assert [ ! -s out ]
	run_weir 'weir source in | weir sink --on-error skip --table=2 out'
	assert_equal "$(cat out)" $'a\t1'
}

@test "a FILE that holds something is refused; --truncate replaces it, at the end" {
	echo old >out
	printf 'a\t1\n' >in
	run_weir -s any 'weir source in | weir sink --table out'
	assert_err 'sink: out: 4 bytes are there that this job did not write; --truncate drops them'
	run_weir -s any 'weir source missing | weir sink --truncate --table out'
	assert_equal "$(cat out)" old
	run_weir 'weir source in | weir sink --truncate --table out'
	assert_same in out
	assert_equal "$(ls -A)" $'in\nout'
}

@test "a table that is over its memory" {
	seq 1 100000 >in
	run_weir -s any 'weir source in | weir sink -M 1M --table out'
	assert_regex "$stderr" 'sink: state is over its bound of 1 MiB with [0-9]+ keys, .* give me more with -M'
	assert [ ! -s out ]
}

@test "a stop writes what there is" {
	mkfifo p
	start it 'weir source -o - -o >(weir sink copy) - <p | weir sink --table out'
	exec 9>p
	printf 'b\t1\na\t2\n' >&9
	wait_for grep -qs a copy
	kill -INT -- "-$it_pid"
	finish -s any it
	exec 9>&-
	assert_equal "$(cat out)" $'a\t2\nb\t1'
}

@test "its mode is kept; through a symbolic link" {
	printf 'a\t1\n' >in
	: >target
	chmod 600 target
	ln -s target link
	run_weir 'weir source in | weir sink --table link'
	assert_same in target
	assert [ -L link ]
	assert_equal "$(stat -c %a target)" 600
}

@test "usage: a FILE, which can be replaced" {
	run_weir -s 2 'weir sink --table'
	assert_err 'sink: --table is for a FILE'
	run_weir -s 2 'weir sink --table --append out'
	assert_err 'sink: --append and --table: a table is replaced as a whole'
	run_weir -s 2 'weir sink --table /dev/null'
	assert_err 'sink: /dev/null: not a regular file: it cannot be replaced'
	run_weir -s 2 'weir sink --table=0x out'
	run_weir -s 2 'weir sink -t , out'
	assert_err 'sink: -t and -W are for --table'
	run_weir -s 2 'weir sink --table -M 0 out'
	assert_err 'sink: -M 0: no key fits into that'
}
