#!/usr/bin/env bats
# Outputs of a job: they become visible with checkpoints, whoever is killed; what
# somebody else has done to a file is named.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# kill_worker STAGE: SIGKILL for one subtask of a stage, if there is one
kill_worker() {
	local pid comm
	for pid in $(survivors); do
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
		if [ "$comm" = "weir-$1" ] &&
		    grep -qzs '^WEIR_SUBTASK=' "/proc/$pid/environ"; then
			kill -KILL "$pid"
			return
		fi
	done
	:
}

# grown FILE SIZE: it is larger than that
grown() {
	[ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ]
}

smaller() {
	! grown "$1" "$2"
}

# grown_or_over FILE SIZE PID
grown_or_over() {
	grown "$1" "$2" || gone "$3"
}

# beginning WANT GOT: GOT is how WANT begins
beginning() {
	local size
	size=$(stat -c %s "$2" 2>/dev/null || echo 0)
	[ "$size" -le "$(stat -c %s "$1")" ] && cmp -n "$size" "$1" "$2"
}

# crashes STAGE FILE [KILLS]: kill a subtask of STAGE each time that FILE has grown, see
# that it is a beginning of ./want all the time, until the job `it' is done
crashes() {
	local size kills=${3-6} n
	for ((n = 0; n < kills; n++)); do
		size=$(stat -c %s "$2" 2>/dev/null || echo 0)
		wait_for grown_or_over "$2" "$size" "$it_pid"
		beginning want "$2"
		kill_worker "$1"
		beginning want "$2"
	done
	until gone "$it_pid"; do
		beginning want "$2"
		moment
	done
}

job='weir run -q -c 20ms -R fixed-delay:inf:10ms -j job'

@test "a file: a beginning of all at any time, all at the end, whatever dies" {
	seq 1 4000 >want
	for stage in sink source; do
		rm -rf out job
		start it "$job -e 'weir source --rate 2000 --count 1..4000 | weir sink out'"
		crashes $stage out
		finish it
		assert_same want out
	done
}

@test "a file: everything dies, the same line is run again" {
	# shellcheck disable=SC2034	# the helper's
	leftovers=ok
	seq 1 4000 >want
	for _ in 1 2 3; do
		start it "$job -e 'weir source --rate 2000 --count 1..4000 | weir sink out'"
		size=$(stat -c %s out 2>/dev/null || echo 0)
		wait_for grown_or_over out "$size" "$it_pid"
		kill -KILL -- "-$it_pid" || :
		wait "$it_pid" || :
		beginning want out
		wait_for no_survivors
		beginning want out
	done
	run_weir "$job -e 'weir source --rate 20000 --count 1..4000 | weir sink out'"
	assert_same want out
}

@test "running it again without new input changes nothing" {
	seq 1 100 >in
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
	seq 101 200 >>in
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
}

@test "the header is the first line, once" {
	{ echo n; seq 1 3000; } >in
	cp in want
	start it "$job -e 'weir source -H --rate 2000 in | weir sink out'"
	crashes sink out
	finish it
	assert_same in out
	: >empty
	echo n >header
	rm -rf job
	run_weir "$job -e 'weir source -H header | weir sink out2'"
	run_weir "$job -e 'weir source -H header | weir sink out2'"
	assert_same header out2
}

@test "--append keeps what is there, over crashes; --truncate drops it once" {
	printf 'old 1\nold 2\n' >out
	{ cat out; seq 1 3000; } >want
	start it "$job -e 'weir source --rate 2000 --count 1..3000 | weir sink --append out'"
	crashes sink out
	finish it
	assert_same want out
	rm -rf job
	seq 1 3000 >want
	yes old | head -n 100000 >out
	start it "$job -e 'weir source --rate 2000 --count 1..3000 | weir sink --truncate out'"
	wait_for smaller out 200000
	crashes sink out
	finish it
	assert_same want out
	run_weir "$job -e 'weir source --rate 2000 --count 1..3000 | weir sink --truncate out'"
	assert_same want out
}

@test "text 8: a new job does not touch a file that holds something" {
	echo mine >out
	seq 3 >in
	run_weir -s 2 "$job -e 'weir source in | weir sink out'"
	assert_err 'sink: out: 5 bytes are there that this job did not write; --append keeps them, --truncate drops them'
	assert_equal "$(cat out)" mine
}

# three_runs: out has 1 to 9, of three runs
three_runs() {
	: >in
	for n in 3 6 9; do
		seq "$((n - 2))" "$n" >>in
		run_weir "$job -e 'weir source in | weir sink out'"
	done
	assert_same in out
}

# refused SENTENCE: out is as somebody has left it: so it stays
refused() {
	cp -p out before 2>/dev/null || rm -f before
	run_weir -s 2 "$job -e 'weir source in | weir sink out'"
	sed -E 's/checkpoint [0-9]+/checkpoint N/' <<<"$stderr" | grep -qxF "sink: out: $1"
	[ ! -e before ] || assert_same before out
}

@test "text 9: a file that was emptied, cut, lengthened or taken away" {
	three_runs
	cp out good
	: >out
	refused "0 bytes, checkpoint N says 18; somebody emptied it ('>' in the script?); put it back, or start over with a new job directory"
	echo 1 >out
	refused '2 bytes, checkpoint N says 18; somebody cut it off; put it back, or start over with a new job directory'
	rm out
	refused 'is not there, checkpoint N says 18 bytes; put it back, or start over with a new job directory'
	assert [ ! -e out ]
	{ cat good; echo mine; } >out
	refused '23 bytes, checkpoint N says 18; somebody, or a copy of this job, added to it; cut it off there (truncate -s 18 out), or start over with a new job directory'
	cp good out
	seq 10 12 >>in
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
}

@test "a file that is emptied under a running job" {
	start it "$job -e 'weir source --rate 1000 --count 1.. | weir sink out'"
	wait_for grown out 0
	: >out
	finish -s 1 it
	assert_regex "$stderr" 'sink: out: has [0-9]+ bytes, I had written [0-9]+; somebody else writes to it'
}

@test "what is in the file for sure does not stay in the journal" {
	three_runs
	seq 10 12 >>in
	run_weir "$job -e 'weir source in | weir sink out'"
	assert [ "$(cat job/stages/sink.0/output.* | wc -c)" -lt "$(wc -c <out)" ]
}

@test "a new file is written once: its first epoch is not copied" {
	local before
	seq 1000 >in
	(umask 027; : >out)
	before=$(stat -c '%a %U %G' out)
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
	assert_equal "$(stat -c '%a %U %G' out)" "$before"
	run ls job/stages/sink.0
	refute_output --regexp 'output\.[0-9a-f]{16}'
	run_weir "$job -e 'weir source in | weir sink out'"
	seq 1001 1010 >>in
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
}

@test "a reader of a new file sees what is added to it, and a link stays a link" {
	seq 1000 >in
	: >out
	exec 5<out
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
	cmp in - <&5
	exec 5<&-
	ln -s there link
	run_weir "weir run -q -j job2 -e 'weir source in | weir sink link'"
	assert_same in there
	assert_equal "$(readlink link)" there
}

@test "what was given to the file is not asked for again, and its loss is named" {
	seq 1000 >in
	run_weir "$job -e 'weir source in | weir sink out'"
	cp out good
	seq 1001 1010 >>in
	head -n 10 good >out
	run_weir -s 2 "$job -e 'weir source in | weir sink out'"
	grep -q '^sink: out: 21 bytes, checkpoint 1 says 3893; somebody cut it off' <<<"$stderr"
	rm out
	run_weir -s 2 "$job -e 'weir source in | weir sink out'"
	grep -q '^sink: out: is not there, checkpoint 1 says 3893 bytes' <<<"$stderr"
	cp good out
	mv job/stages/sink.0/output.given .
	run_weir -s 2 "$job -e 'weir source in | weir sink out'"
	grep -q 'job/stages/sink.0/output.0*: missing: the bytes from 0 on are needed' <<<"$stderr"
	mv output.given job/stages/sink.0/
	run_weir "$job -e 'weir source in | weir sink out'"
	assert_same in out
}

@test "a file that is moved between two runs" {
	three_runs
	mv out elsewhere
	seq 10 12 >>in
	run_weir "$job -e 'weir source in | weir sink elsewhere'"
	assert_same in elsewhere
}

@test "a file on another file system than the job" {
	local other
	other=$(mktemp -d /dev/shm/weir-test-XXXXXX)
	[ "$(stat -c %d "$other")" != "$(stat -c %d .)" ] || skip 'there is only one'
	seq 1 3000 >want
	start it "$job -e 'weir source --rate 2000 --count 1..3000 | weir sink $other/out'"
	crashes sink "$other/out"
	finish it
	assert_same want "$other/out"
	rm -r "$other"
}

@test "two sinks of one file" {
	seq 3 >in
	cat >script <<'EOF'
#!/bin/bash
weir source -o - -o >(weir sink -n other out) in | weir sink out
EOF
	chmod +x script
	run_weir -s 1 "$job ./script"
	grep -qE '^(sink|other): out: in use by another sink, of this pipeline or of another; give each a FILE of its own$' <<<"$stderr"
}

@test "standard output: what is committed, once; running it again prints nothing" {
	seq 1 100 >in
	run_weir "$job -e 'weir source in | weir sink'"
	assert_output "$(cat in)"
	run_weir "$job -e 'weir source in | weir sink'"
	assert_output ''
	seq 101 103 >>in
	run_weir "$job -e 'weir source in | weir sink' | cat"
	assert_output $'101\n102\n103'
}

@test "standard output over crashes: nothing is missing, repeated at most what a death was in" {
	seq 1 4000 >want
	start it "$job -e 'weir source --rate 2000 --count 1..4000 | weir sink'"
	for _ in 1 2 3 4; do
		size=$(stat -c %s it.out)
		wait_for grown_or_over it.out "$size" "$it_pid"
		kill_worker sink
	done
	finish it
	awk '!seen[$0]++' it.out >got
	assert_same want got
}

@test "a stage's text on standard output, from several subtasks" {
	{ echo n; seq 1 3000; } >in
	sort in >want
	run_weir "$job -e 'weir source -H in | weir keyby | weir keyby -n more -p 3 -k n' >out"
	sort out >got
	assert_same want got
	assert_equal "$(head -n 1 out)" n
	run_weir "$job -e 'weir source -H in | weir keyby | weir keyby -n more -p 3 -k n'"
	assert_output ''
}

@test "standard output that nobody reads any more: quietly, with 0" {
	run_weir "$job -e 'weir source --rate 1000 --count 1.. | weir sink' | head -n 3"
	assert_output $'1\n2\n3'
	assert_equal "$stderr" ''
}

@test "on a terminal it is said when the first output comes" {
	command -v script >/dev/null || skip 'no script(1) here'
	seq 3 >in
	run_weir "script -qec \"$job -e 'weir source in | weir sink'\" typescript </dev/null"
	assert_equal "$(tr -d '\r' <<<"$output")" $'sink: first output at checkpoint 1\n1\n2\n3'
	run_weir "script -qec \"$job -e 'weir source in | weir sink'\" typescript </dev/null"
	assert_output ''
	rm -r job
	run_weir "script -qec \"weir run -q -j job -e 'weir source in | weir sink'\" typescript </dev/null"
	assert_regex "$output" 'sink: output comes at the end: checkpoints are not asked for \(-c\)'
}

@test "a FIFO" {
	mkfifo p
	seq 1 100 >in
	start reader 'cat p'
	run_weir "$job -e 'weir source in | weir sink p'"
	finish reader
	assert_same in reader.out
}

@test "a full disk: it is said; with room again the job goes on" {
	mkdir full
	unshare -rm mount -t tmpfs none full 2>/dev/null || skip 'no file system can be mounted here'
	seq 1 50000 >in
	# shellcheck disable=SC2016
	run_weir -s any 'unshare -rm bash -c "
		mount -t tmpfs -o size=8m none full || exit 99
		head -c $((8 * 1048576 - 65536)) /dev/zero >full/most
		$1 -e \"weir source in | weir sink full/out\"
		echo \"status \$?\"
		rm full/most
		$1 -e \"weir source in | weir sink full/out\" && cp full/out out"' "$job"
	assert_output 'status 1'
	assert_err 'sink: publish full/out: No space left on device'
	assert_same in out
}

@test "diverted records come with the checkpoint, a file for each subtask" {
	awk 'BEGIN { for (i = 1; i <= 3000; i++) print i % 3 ? i "\t" i : i }' >in
	grep -v "$(printf '\t')" in >want
	start it "$job -e 'weir source --rate 3000 in | weir keyby --on-error divert=bad -k 2 | weir sink out'"
	crashes keyby bad
	finish it
	assert_same want bad
	rm -rf job out bad
	sort in >want
	start it "$job -e 'weir source --rate 3000 in | weir keyby | weir keyby -n more -p 2 --on-error divert=bad -k 2 | weir sink out'"
	for _ in 1 2 3; do
		size=$(stat -c %s out 2>/dev/null || echo 0)
		wait_for grown_or_over out "$size" "$it_pid"
		kill_worker keyby
	done
	finish it
	sort out bad.0 bad.1 >got
	assert_same want got
}
