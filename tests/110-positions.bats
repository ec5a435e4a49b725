#!/usr/bin/env bats
# source in a job: every run, and every worker, goes on where the last one was.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# job TEXT: a run of the job in j; its output is in out
job() {
	run_weir -s "${want:-0}" 'weir run -j j -e "$1 | weir sink out"' "$1"
}

# start_job NAME TEXT: the same, in the background, with checkpoints
start_job() {
	start "$1" 'exec weir run -c 50ms -j j -e "$1 | weir sink out"' "$2"
}

# holds LINES...: out consists of these lines
holds() {
	[ -e out ] && cmp -s out <(printf '%s\n' "$@")
}

# stop NAME: as weir stop does
stop() {
	weir stop -j j
	finish "$1"
}

# kill_worker NAME: the subtask's process, not its supervisor
kill_worker() {
	local worker
	worker=$(weir status --pids j | sed -n "s/^$1 //p")
	[ -n "$worker" ] && kill -9 "$worker"
}

#
# Files, from run to run
#

@test "a file that grows: the next run reads only what is new" {
	printf '%s\n' 1 2 3 4 5 >in
	job 'weir source in'
	holds 1 2 3 4 5
	printf '%s\n' 6 7 >>in
	job 'weir source in'
	holds 1 2 3 4 5 6 7
	job 'weir source in'
	holds 1 2 3 4 5 6 7
	grep -q 'nothing to do' <<<"$stderr"
}

@test "W19: state goes on with the records" {
	printf 'a\t1\nb\t10\na\t2\na\t3\nb\t5\n' >in
	job 'weir source in | weir keyby -k 1 | weir reduce sum:2'
	printf 'a\t4\n' >>in
	job 'weir source in | weir keyby -k 1 | weir reduce sum:2'
	tail -n 1 out | grep -qx $'a\t10'
	assert_equal "$(wc -l <out)" 6
}

@test "messages name the record and byte that they always had" {
	printf 'k\t1\n' >in
	job 'weir source in | weir keyby -k 2'
	printf 'none\n' >>in
	want=1 job 'weir source in | weir keyby -k 2'
	assert_err 'keyby: in: record 2, byte 4: no field 2, only 1 (separator TAB); try -W for blanks, -t C, or -s to drop such records'
}

@test "rotation between two runs, once and several times" {
	printf '%s\n' 1 2 >log
	job 'weir source log'
	echo 3 >>log
	mv log log.1
	echo 4 >log
	job 'weir source log'
	holds 1 2 3 4
	echo 5 >>log
	mv log.1 log.4
	mv log log.3
	moment			# which of two is younger, is known to the tick
	echo 6 >log.2
	moment
	echo 7 >log.1
	echo 8 >log
	job 'weir source log'
	holds 1 2 3 4 5 6 7 8
}

@test "a copy that was truncated is no loss where the copy is there" {
	printf '%s\n' 1 2 >log
	job 'weir source log'
	echo 3 >>log
	cp log log.1
	echo 4 >log
	job 'weir source log'
	holds 1 2 3 4
}

@test "truncated or replaced: both sizes, status 2, and nothing is lost" {
	printf '%s\n' 1 22 >log
	job 'weir source log'
	cp log kept
	echo 3 >log
	want=2 job 'weir source log'
	assert_err 'source: log: was read to byte 5, now it is 2 bytes and differs before that; truncated in place (copytruncate?): lines may be lost; put it back, or start over with a new job directory'
	printf '%s\n' 1 33 444 >log.new
	mv log.new log
	want=2 job 'weir source log'
	assert_err 'source: log: was read to byte 5, now it is 9 bytes and differs before that; replaced by another file: lines may be lost; put it back, or start over with a new job directory'
	mv kept log
	echo 333 >>log
	job 'weir source log'
	holds 1 22 333
}

@test "a file that is missing is named" {
	echo 1 >log
	job 'weir source log'
	rm log
	want=2 job 'weir source log'
	assert_err 'source: log: No such file or directory'
}

@test "a pattern is expanded again: new files come after those that are known" {
	printf '%s\n' b1 >b.log
	printf '%s\n' d1 >d.log
	job "weir source '*.log'"
	echo a1 >a.log
	echo b2 >>b.log
	rm d.log
	job "weir source '*.log'"
	holds b1 d1 b2 a1
	assert_err 'source: d.log: was read to byte 3, and is not there any more'
	echo c1 >c.log
	job 'weir source b.log c.log'
	assert_err 'source: a.log: was read to byte 3, and is not named any more'
	holds b1 d1 b2 a1 c1
}

@test "the header of the first run is that of all" {
	printf 'k\tv\na\t1\n' >in
	job 'weir source -H in | weir keyby -k k | weir reduce sum:v'
	printf 'a\t2\n' >>in
	printf 'k\tv\na\t3\n' >in2
	job 'weir source -H in in2 | weir keyby -k k | weir reduce sum:v'
	assert_equal "$(tail -n 1 out)" $'a\t6'
	printf 'v\tk\n4\ta\n' >other
	want=1 job 'weir source -H in in2 other | weir keyby -k k | weir reduce sum:v'
	assert_err 'source: other: its header "v\tk" is not "k\tv", that of in'
	want=2 job 'weir source in in2 | weir keyby -k k | weir reduce sum:v'
	assert_err 'source: -H is missing: in was read with it'
}

@test "an unterminated last line is a record; then only its newline may come" {
	printf '1\n2' >in
	job 'weir source in'
	holds 1 2
	printf '\n3\n' >>in
	job 'weir source in'
	holds 1 2 3
	printf '4' >>in
	job 'weir source in'
	printf '4\n' >>in
	want=2 job 'weir source in'
	assert_err 'source: in: record 4, up to byte 7, had no newline at the end and has grown since it was read; start over with a new job directory (-F waits for the newline)'
	holds 1 2 3 4
}

@test "standard input that is a file is read on in the next run" {
	printf '%s\n' 1 2 >in
	job 'weir source - <in'
	echo 3 >>in
	job 'weir source - <in'
	holds 1 2 3
	echo 4 >other
	want=2 job 'weir source - <other'
	grep -q 'source: standard input: was read to byte 6, now it is 2 bytes and differs' <<<"$stderr"
}

@test "what cannot be read again is refused but on standard input" {
	mkfifo p
	want=2 job 'weir source p'
	assert_err 'source: p: is no regular file and cannot be read again; put it on standard input, which is spooled'
}

@test "-p: every subtask has its own files; another -p is refused" {
	for name in a b c; do
		echo "$name 1" >"$name"
	done
	job 'weir source -p 2 a b c'
	for name in a b c; do
		echo "$name 2" >>"$name"
	done
	job 'weir source -p 2 a b c'
	sort out | cmp - <(printf '%s\n' 'a 1' 'a 2' 'b 1' 'b 2' 'c 1' 'c 2')
	want=2 job 'weir source -p 3 a b c'
}

@test "W4: the counter goes on behind the last number, and a longer range with it" {
	job 'weir source --count 0..4'
	job 'weir source --count 0..9'
	cmp out <(seq 0 9)
	want=2 job 'weir source --count 100..'
	assert_err 'source: --count 100..: the checkpoint is at 10, which is not in there'
	want=2 job 'weir source out'
	assert_err 'source: the checkpoint is one of a source with --count'
}

#
# While a job runs
#

@test "W4: killed again and again, the counter leaves no gap and repeats nothing" {
	start_job it 'weir source --rate 2000 --count 0..3999'
	for lines in 100 800 1500; do
		wait_for eval "[ -e out ] && ((\$(wc -l <out) >= $lines))"
		kill_worker source.0
	done
	finish -t 60 it
	seq 0 3999 | cmp - out
}

@test "a followed file: grown, renamed, killed, stopped, and run again" {
	printf '%s\n' 1 2 >log
	start_job it 'weir source -F log'
	wait_for holds 1 2
	echo 3 >>log
	wait_for holds 1 2 3
	kill_worker source.0
	echo 4 >>log
	wait_for holds 1 2 3 4
	mv log log.1
	echo 5 >>log.1
	echo 6 >log
	wait_for holds 1 2 3 4 5 6
	printf 7 >>log
	stop it
	holds 1 2 3 4 5 6
	mv log log.1
	echo 7 >>log.1
	echo 8 >log
	start_job it 'weir source -F log'
	wait_for holds 1 2 3 4 5 6 77 8
	stop it
}

@test "rotation while the job is killed loses nothing" {
	echo 1 >log
	start_job it 'weir source -F log'
	wait_for holds 1
	kill -9 -- -"$it_pid"
	finish -s 137 it
	echo 2 >>log
	mv log log.1
	echo 3 >log
	wait_for -t 15 eval '! weir status -j j >/dev/null 2>&1'
	start_job it 'weir source -F log'
	wait_for holds 1 2 3
	stop it
}

# shift_log: as logrotate does; the writer goes on in a new file
shift_log() {
	local i=1
	while [ -e log.$i ]; do
		i=$((i + 1))
	done
	for ((; i > 1; i--)); do
		mv log.$((i - 1)) log.$i
	done
	mv log log.1
	: >log
}

@test "rotated again and again, by the time of kills: every line once, in order" {
	local round n=1
	echo 1 >log
	start_job it 'weir source -F log'
	wait_for holds 1
	for round in {1..15}; do
		seq $((n + 1)) $((n += 100)) >>log
		case $round in
		4|9|14)	wait_for kill_worker source.0 ;;
		7|11)	kill -9 -- -"$it_pid"
			finish -s 137 it ;;
		esac
		shift_log
		seq $((n + 1)) $((++n)) >>log.1		# its writer has not noticed yet
		moment
		case $round in
		7|11)	shift_log
			wait_for -t 15 eval '! weir status -j j >/dev/null 2>&1'
			start_job it 'weir source -F log' ;;
		esac
	done
	wait_for -t 40 eval "[ \"\$(wc -l <out)\" = $n ]"
	stop it
	seq "$n" | cmp - out
}

@test "--start end is for the first start only" {
	echo old >log
	start_job it 'weir source -F --start end log'
	wait_for eval 'weir status j | grep -q "^checkpoint [0-9]*, "'
	echo 1 >>log
	wait_for holds 1
	stop it
	echo 2 >>log
	start_job it 'weir source -F --start end log'
	wait_for holds 1 2
	stop it
}

@test "a followed file that was truncated while nobody looked is refused" {
	printf '%s\n' 1 22 >log
	start_job it 'weir source -F log'
	wait_for holds 1 22
	stop it
	echo 3 >log
	start_job it 'weir source -F log'
	finish -s 2 it
	assert_err 'source: log: was read to byte 5, now it is 2 bytes and differs before that; truncated in place (copytruncate?): lines may be lost; put it back, or start over with a new job directory'
	holds 1 22
}

#
# Standard input, spooled
#

@test "standard input: killed, the source goes on with the same pipe" {
	mkfifo p
	start it 'weir run -c 50ms -j j -e "weir source - | weir sink out" <p'
	exec 9>p
	printf '1\n2' >&9
	wait_for holds 1
	kill_worker source.0
	printf '2\n3\n' >&9
	wait_for holds 1 22 3
	kill_worker source.0
	kill_worker sink.0 || :
	echo 4 >&9
	wait_for holds 1 22 3 4
	printf 5 >&9
	exec 9>&-
	finish it
	holds 1 22 3 4 5
}

@test "standard input: what was read when the job was killed is not lost" {
	mkfifo p
	start it 'weir run -j j -e "weir source - | weir sink out" <p'
	exec 9>p
	printf '%s\n' 1 2 >&9
	wait_for eval '[ -s j/stages/source.0/spool.0000000000000000 ]'
	kill -9 -- -"$it_pid"
	finish -s 137 it
	exec 9>&-
	run_weir 'printf "%s\n" 3 4 | weir run -j j -e "weir source - | weir sink out"'
	holds 1 2 3 4
}

@test "standard input: another run reads another one, header and all" {
	run_weir 'printf "%s\n" k 1 2 | weir run -j j -e "weir source -H - | weir sink out"'
	run_weir 'printf "k\n3" | weir run -j j -e "weir source -H - | weir sink out"'
	run_weir 'printf "%s\n" k 4 | weir run -j j -e "weir source -H - | weir sink out"'
	holds k 1 2 3 4
	run_weir -s 1 'printf "%s\n" x 5 | weir run -j j -e "weir source -H - | weir sink out"'
	assert_err 'source: standard input: its header "x" is not "k", that of standard input'
}

@test "standard input: over --spool-max a checkpoint is asked for, and waited for" {
	seq 1 200000 >want
	run_weir 'cat want | weir run -j j -e "weir source --max-record 1k --spool-max 256k - | weir sink out"'
	assert_same want out
	(($(weir history j | grep -c complete) >= 3))
	run_weir -s 2 'weir source --spool-max 1M -'
	assert_err 'source: --spool-max: more than --max-record'
}

@test "standard input: the spool is cut as checkpoints complete" {
	seq 1 20000000 >want
	run_weir -t 60 'cat want | weir run -c 100ms -j j -e "weir source - | weir sink out"'
	assert_same want out
	(($(du -sb j/stages/source.0 | cut -f1) < 150000000))
}
