#!/usr/bin/env bats
# A job's commands and tables: sink -- COMMAND is given each epoch until it has done
# it; --table is replaced with each checkpoint.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

job='weir run -q -c 20ms -R fixed-delay:inf:10ms -j job'

# The smallest database: an epoch is a file, whose name is its number.  It is there
# whole or not at all, and once.
database() {
	mkdir -p db
	cat >apply <<'EOF'
#!/bin/sh
cat >"db/.new.$$"
echo "$WEIR_CHECKPOINT $(cksum <"db/.new.$$" | tr ' ' -)" >>calls
if [ -e unlucky ]; then
	rm -f "db/.new.$$"
	exit 3
fi
[ -e "db/$WEIR_CHECKPOINT" ] || mv "db/.new.$$" "db/$WEIR_CHECKPOINT"
rm -f "db/.new.$$"
EOF
	chmod +x apply
}

# contents: all epochs in the order of their numbers
contents() {
	local n
	for n in $(find db -name "[0-9]*" -printf "%f\n" | sort -n); do
		cat "db/$n"
	done
}

# epochs N: so many are in the database
epochs() {
	[ "$(find db -name "[0-9]*" | wc -l)" -ge "$1" ]
}

epochs_or_over() {
	epochs "$1" || gone "$2"
}

# kill_all COMM...: SIGKILL to these processes of this test; of weir's to subtasks
kill_all() {
	local pid comm
	for pid in $(survivors all); do
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
		[[ " $* " == *" $comm "* ]] || continue
		[[ $comm != weir-* ]] || grep -qzs '^WEIR_SUBTASK=' "/proc/$pid/environ" || continue
		kill -KILL "$pid" 2>/dev/null || :
	done
}

@test "each epoch once, whatever dies" {
	database
	seq 1 4000 >want
	start it "$job -e 'weir source --rate 2000 --count 1..4000 | weir sink -- ./apply'"
	for n in 1 3 5 7; do
		wait_for epochs_or_over "$n" "$it_pid"
		kill_all weir-sink
	done
	for n in 9 11; do
		wait_for epochs_or_over "$n" "$it_pid"
		kill_all weir-sink apply
	done
	finish it
	contents >got
	assert_same want got
}

@test "the same number means the same bytes" {
	database
	seq 1 3000 >want
	start it "$job -e 'weir source --rate 2000 --count 1..3000 | weir sink -- ./apply'"
	for n in 1 2 3; do
		wait_for epochs_or_over "$((2 * n))" "$it_pid"
		: >unlucky
		kill_all weir-source
		wait_for test -s calls
		kill_all weir-sink
		rm -f unlucky
	done
	finish it
	contents >got
	assert_same want got
	assert_equal "$(sort -u calls | cut -d ' ' -f 1 | uniq -d)" ''
}

@test "one that fails is run again; at the third time that is said" {
	database
	seq 1 10 >in
	: >unlucky
	start it "weir run -j job -e 'weir source in | weir sink -- ./apply'"
	wait_for grep -qs 'has failed 3 times' it.err
	rm unlucky
	finish it
	assert_regex "$stderr" 'sink: checkpoint [0-9]+: ./apply has failed 3 times \(exit status 3\): it is run again until it exits 0'
	contents >got
	assert_same in got
	assert [ "$(sort -u calls | wc -l)" = 1 ]
	assert [ "$(wc -l <calls)" -ge 4 ]
}

@test "a stop gives up on one that fails; the next start runs it again, with the same number" {
	database
	: >unlucky
	start it "$job -e 'weir source --rate 100 --count 1..50 | weir sink -- ./apply'"
	wait_for test -s calls
	kill -INT -- "-$it_pid"
	finish -s any it
	assert [ "$status" != 0 ]
	first=$(head -n 1 calls)
	rm unlucky calls
	run_weir "$job -e 'weir source --rate 1000 --count 1..50 | weir sink -- ./apply'"
	assert_equal "$(head -n 1 calls)" "$first"
	contents >got
	seq 1 50 >want
	assert_same want got
}

# another_worker PID: a subtask of sink that is not this one
another_worker() {
	local pid
	for pid in $(survivors); do
		[ "$pid" != "$1" ] && grep -qsx weir-sink "/proc/$pid/comm" &&
		    grep -qzs '^WEIR_SUBTASK=' "/proc/$pid/environ" && return 0
	done
	return 1
}

@test "two commands never run at a time: that of a sink that was killed is waited for" {
	mkfifo release
	cat >slow <<'EOF'
#!/bin/sh
echo "begin $WEIR_CHECKPOINT" >>calls
cat >>got
read -r _ <release
echo "end $WEIR_CHECKPOINT" >>calls
EOF
	chmod +x slow
	seq 3 >in
	start it "$job -e 'weir source in | weir sink -- ./slow'"
	wait_for grep -qs begin calls
	for worker in $(survivors); do
		grep -qsx weir-sink "/proc/$worker/comm" &&
		    grep -qzs '^WEIR_SUBTASK=' "/proc/$worker/environ" && break
	done
	kill -KILL "$worker"
	wait_for another_worker "$worker"
	echo go >release
	wait_for grep -qs end calls
	echo go >release
	finish it
	id=$(head -n 1 calls | cut -d ' ' -f 2)
	assert_equal "$(cat calls)" "begin $id
end $id
begin $id
end $id"
	seq 3 | cat in - >want
	assert_same want got
}

@test "a command that is not there ends the job" {
	seq 3 >in
	run_weir -s 1 "$job -e 'weir source in | weir sink -- ./no-such-thing'"
	assert_err 'sink: run ./no-such-thing: No such file or directory'
}

@test "an epoch without records runs nothing; running the job again neither" {
	database
	seq 3 >in
	run_weir "$job -e 'weir source in | weir sink -- ./apply'"
	run_weir "$job -e 'weir source in | weir sink -- ./apply'"
	assert_equal "$(wc -l <calls)" 1
}

@test "a pipeline in the command is none of the job's" {
	seq 3 >in
	run_weir "$job -e 'weir source in | weir sink -- sh -c \"weir source - | weir sink inner\"'"
	assert_same in inner
}

@test "a table: at any time one of its versions, whatever dies" {
	awk 'BEGIN { for (i = 1; i <= 4000; i++) printf "%d\t%d\n", i % 10, i }' >in
	start it "$job -e 'weir source --rate 2000 in | weir sink --table out'"
	for _ in 1 2 3 4 5 6; do
		size=$(sum out 2>/dev/null || echo none)
		until gone "$it_pid" || [ "$(sum out 2>/dev/null)" != "$size" ]; do
			moment
		done
		cp out seen 2>/dev/null || continue
		# its lines are in order, and the last record in it was the last of a prefix
		sort -c -t "$(printf '\t')" -k 1,1 seen
		last=$(cut -f 2 seen | sort -n | tail -n 1)
		head -n "${last:-0}" in | awk -F '\t' '{ l[$1] = $0 } END { for (k in l) print l[k] }' |
		    LC_ALL=C sort >want
		assert_same want seen
		kill_all weir-sink
	done
	finish it
	tail -n 10 in | LC_ALL=C sort >want
	assert_same want out
	assert [ ! -e .out.new ]
}

@test "a table is made again when somebody took it away" {
	printf 'b\t1\na\t2\n' >in
	run_weir "$job -e 'weir source in | weir sink --table out'"
	assert_equal "$(cat out)" $'a\t2\nb\t1'
	rm out
	run_weir "$job -e 'weir source in | weir sink --table out'"
	assert_equal "$(cat out)" $'a\t2\nb\t1'
	printf 'c\t3\n' >>in
	run_weir "$job -e 'weir source in | weir sink --table out'"
	assert_equal "$(cat out)" $'a\t2\nb\t1\nc\t3'
}
