#!/usr/bin/env bats
# source: files, standard input, a pattern, the counter: every byte comes through.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# odd NAME: a file of everything that is easily lost; its last line has no end
odd() {
	{
		printf '\nplain\n\n\ntab\there\n'
		printf 'nul\0in\0side\n\0\n\0\0\0\n'
		printf 'carriage\r\nreturn\r\r\n\r\n'
		printf 'latin \344\366\374\n\377\376\n\300\200\n\355\240\200 surrogate\n'
		printf 'esc \033[1m bell \007 del \177\n'
		printf '  blanks  \n \n'
		printf 'no newline here'
	} >"$1"
}

# lines SEED N MAX: N records of 0 to MAX random letters, most of them short
lines() {
	echo "# lines: seed $1" >&2
	awk -v seed="$1" -v n="$2" -v max="$3" 'BEGIN {
		srand(seed)
		for (pool = ""; length(pool) < max; )
			pool = pool sprintf("%c", 97 + int(rand() * 26))
		for (i = 1; i <= n; i++)
			print i ":" substr(pool, 1 + int(rand() * 50), int(rand() ^ 8 * max))
	}'
}

# has FILE LINES: the file has so many lines at least
has() {
	[ -e "$1" ] && (($(wc -l <"$1") >= $2))
}

# says NAME TEXT: standard error of what was started has it
says() {
	grep -qF -- "$2" "$1.err"
}

# stop NAME: as Ctrl-C would
stop() {
	local pid=${1}_pid
	kill -INT -- "-${!pid}"
	finish "$1"
}

#
# Files and standard input
#

@test "a file comes through byte for byte" {
	odd odd
	run_weir 'weir source odd | weir sink got'
	{ cat odd; echo; } >want
	assert_same want got
	assert_equal "$stderr" ''
}

@test "an unterminated last line is the only byte that is added" {
	printf 'a\nb' >open
	printf 'a\nb\n' >closed
	run_weir 'weir source open | weir sink got.open'
	run_weir 'weir source closed | weir sink got.closed'
	assert_same closed got.open
	assert_same closed got.closed
}

@test "several files come in the order given, one twice" {
	odd b
	printf 'first\n' >a
	: >empty
	printf 'last' >c
	run_weir 'weir source b empty a c empty b | weir sink got'
	{ cat b; echo; cat a c; echo; cat b; echo; } >want
	assert_same want got
}

@test "an empty file, several, and empty standard input are a stream without records" {
	: >empty
	run_weir 'weir source empty | weir sink got'
	assert_same empty got
	run_weir 'weir source empty empty ./empty | weir sink got2'
	assert_same empty got2
	run_weir 'weir source </dev/null | weir sink got3'
	assert_same empty got3
	run_weir 'weir source - <empty | weir sink got4'
	assert_same empty got4
	run_weir ': | weir source - | weir sink got5'
	assert_same empty got5
}

@test "a file of one newline is one empty record" {
	echo >one
	run_weir 'weir source one | weir keyby | weir reduce count | weir sink got'
	printf '\t1\n' >want
	assert_same want got
}

@test "a quoted pattern is expanded by source, in byte order" {
	local name
	for name in log.9 log.10 log.B log.a 'log. x' other; do
		echo "in $name" >"$name"
	done
	run_weir "weir source 'log.*' | weir sink got"
	printf 'in %s\n' 'log. x' log.10 log.9 log.B log.a >want
	assert_same want got
	run_weir "weir source other 'log.[0-9]*' other | weir sink got2"
	printf 'in %s\n' other log.10 log.9 other >want2
	assert_same want2 got2
	run_weir "weir source 'log.?' | weir sink got3"
	printf 'in %s\n' log.9 log.B log.a >want3
	assert_same want3 got3
}

@test "a file whose name looks like a pattern is that file" {
	echo literal >'a[1]*'
	echo other >a1x
	run_weir "weir source 'a[1]*' | weir sink -"
	assert_output literal
}

@test "a pattern without a match, a missing file: said before anything is made" {
	run_weir -s 2 "weir source 'nothing.*' >out"
	assert_err 'source: nothing.*: no file matches this pattern'
	run_weir -s 2 'weir source nothing >out'
	assert_err 'source: nothing: No such file or directory'
	run_weir -s 2 'weir source "$nothing" >out'
	assert_err 'source: an operand is empty; an unset variable?'
	assert [ ! -s out ]
}

@test "standard input: a file, a pipe, by default and as -, between files" {
	odd odd
	printf 'A\n' >a
	printf 'B\n' >b
	{ cat odd; echo; } >want
	run_weir 'weir source <odd | weir sink file'
	assert_same want file
	run_weir 'weir source - <odd | weir sink file-'
	assert_same want file-
	run_weir 'cat odd | weir source | weir sink pipe'
	assert_same want pipe
	run_weir 'cat odd | weir source - | weir sink pipe-'
	assert_same want pipe-
	run_weir 'cat odd | weir source a - b | weir sink between'
	{ cat a odd; echo; cat b; } >want.between
	assert_same want.between between
	run_weir -s 2 'weir source - - <odd'
	assert_err 'source: standard input is named twice, it can be read once'
}

@test "standard input that is a file is read from where it stands" {
	printf 'one\ntwo\nthree\n' >f
	run_weir '{ read -r line; weir source; } <f | weir sink -'
	assert_output $'two\nthree'
}

@test "a pipe that is written slowly, in halves of lines" {
	mkfifo p
	start it 'exec 9<>p; echo ready; weir source - <p | weir sink got'
	wait_for grep -q ready it.out
	exec 8>p
	printf 'one\ntw' >&8
	wait_for has got 1
	printf 'o\n' >&8
	wait_for has got 2
	printf 'thr' >&8
	printf 'ee' >&8
	exec 8>&-
	# the other writer is bash itself: its end of the FIFO goes with a second one
	start end 'printf "\n" >p'
	finish end
	wait_for has got 3
	kill -TERM -- "-$it_pid"
	finish -s any it
	printf 'one\ntwo\nthree\n' >want
	assert_same want got
}

@test "a large pipe" {
	run_weir 'seq 1 3000000 | weir source | weir sink got'
	seq 1 3000000 >want
	assert_same want got
}

@test "records of every length across frames and reads: by file, by pipe, copied" {
	lines "$RANDOM" 12000 60000 >in
	run_weir 'weir source in | weir sink got'
	assert_same in got
	run_weir 'cat in | weir source | weir sink got.pipe'
	assert_same in got.pipe
	run_weir 'weir source --copy in | weir sink --copy got.copy'
	assert_same in got.copy
}

@test "many small files" {
	local i
	mkdir many
	for ((i = 1000; i < 2500; i++)); do
		printf 'file %d\nits second line\n' $i >many/$i
	done
	run_weir "ulimit -n 100; weir source 'many/*' | weir sink got"
	cat many/* >want
	assert_same want got
}

#
# The header
#

@test "-H: the first line names the columns and is no record" {
	printf 'user\tpage\nann\t/a\nbob\t/b\n' >f
	run_weir 'weir source -H f | weir keyby -k page | weir reduce count | weir sink -'
	assert_output $'page\tcount\n/a\t1\n/b\t1'
	run_weir 'weir source -H f | weir sink got'
	assert_same f got
	run_weir 'cat f | weir source -H - | weir sink got2'
	assert_same f got2
}

@test "-H: several files with the same header: it comes once" {
	local i
	for i in 1 2 3; do
		printf 'user\tpage\r\nu%d\t/p\n' $i >f$i
	done
	: >empty
	run_weir "weir source -H empty f1 f2 empty f3 | weir sink got"
	{ head -n 1 f1; tail -qn +2 f1 f2 f3; } >want
	assert_same want got
	run_weir "weir source -H 'f?' | weir sink got2"
	assert_same want got2
}

@test "-H: another header is an error that names both files" {
	printf 'user\tpage\nann\t/a\n' >f1
	printf 'user\tsite\nbob\t/b\n' >f2
	run_weir -s 1 'weir source -H f1 f2 | weir sink -'
	assert_err 'source: f2: its header "user\tsite" is not "user\tpage", that of f1'
}

@test "-H: files of a header alone, of nothing, with an unfinished header" {
	printf 'user\tpage\n' >header
	printf 'user\tpage' >open
	: >empty
	run_weir 'weir source -H header | weir sink got'
	assert_same header got
	run_weir 'weir source -H open header | weir sink got2'
	assert_same header got2
	run_weir 'weir source -H empty | weir sink got3'
	assert_same empty got3
}

@test "-H: messages count records, the header is none, and bytes from the file's begin" {
	printf 'user\tpage\nann\t/a\nbob\n' >f
	run_weir -s any 'weir source -H f | weir keyby -k 2 | weir sink -'
	assert_err 'keyby: f: record 2, byte 17: no field 2, only 1 (separator TAB); try -W for blanks, -t C, or -s to drop such records'
}

#
# The longest record
#

@test "a record of 1 MiB passes, one byte more is a bad record" {
	head -c 1048576 /dev/zero | tr '\0' x >max
	{ echo before; cat max; echo; echo after; } >fits
	run_weir 'weir source fits | weir sink got'
	assert_same fits got
	run_weir 'cat fits | weir source --copy | weir keyby --copy | weir sink got.copy'
	assert_same fits got.copy
	{ echo before; cat max; echo x; echo after; } >over
	run_weir -s 1 'weir source over | weir sink got.over'
	assert_err 'source: over: record 2, byte 7: record over 1048576 bytes (--max-record)'
}

@test "--max-record: the limit passes, one over is skipped or diverted, counted" {
	printf '%s\n' 1234567890 12345678901 '' short 123456789012 1234567890 >in
	grep -vE '.{11}' in >want
	grep -E '.{11}' in >want.bad
	run_weir 'weir source --max-record 10 --on-error skip in | weir sink got'
	assert_same want got
	assert_err 'source: 2 bad records skipped'
	run_weir 'weir source --max-record 10 --on-error divert=bad in | weir sink got2'
	assert_same want got2
	assert_same want.bad bad
	assert_err 'source: 2 bad records diverted to bad'
	run_weir 'cat in | weir source --max-record 10 --on-error divert=bad.pipe | weir sink got3'
	assert_same want got3
	assert_same want.bad bad.pipe
	run_weir -s 1 'weir source --max-record 10 in | weir sink got4'
	assert_err 'source: in: record 2, byte 11: record over 10 bytes (--max-record)'
}

@test "--max-record: a long record at the end, without a newline, of many reads" {
	{ echo a; head -c 3000000 /dev/zero | tr '\0' y; } >in
	run_weir 'weir source --max-record 100k --on-error skip in | weir sink -'
	assert_output a
	run_weir 'cat in - in <<<"" | weir source --max-record 100k --on-error skip | weir sink -'
	assert_output $'a\na'
	run_weir 'weir source --max-record 3000000 in | weir sink got'
	{ cat in; echo; } >want
	assert_same want got
	run_weir 'weir source --max-record 2999999 --on-error skip in | weir sink -'
	assert_output a
}

@test "--max-record: small ones, and what is no size" {
	seq 1 12000 >in
	run_weir 'weir source --max-record 5 in | weir sink got'
	assert_same in got
	run_weir 'weir source --max-record 1 --on-error skip in | weir sink -'
	assert_output "$(seq 1 9)"
	run_weir -s 2 'weir source --max-record 0 in'
	run_weir -s 2 'weir source --max-record 1T in'
	assert_err 'source: --max-record: "1T" has no unit that I know: k, M or G'
}

#
# The counter
#

@test "--count A..B is seq A B" {
	run_weir 'weir source --count 0..999 | weir keyby -k 0 | weir sink got'
	seq 0 999 >want
	assert_same want got
	run_weir 'weir source --count 999998..3000002 | weir sink got2'
	seq 999998 3000002 >want2
	assert_same want2 got2
	run_weir 'weir source --count 7..7 | weir sink -'
	assert_output 7
}

@test "--count: W4, the sum of 0 to 999" {
	run_weir 'weir source --count 0..999 | weir statemap -e "return function(k, r) return \"all\\t\" .. r end" |
	    weir keyby -k 1 | weir reduce --emit end sum:2 | weir sink -'
	assert_output $'all\t499500'
}

@test "--count A.. goes on to the greatest number" {
	run_weir 'weir source --count 9223372036854775805.. | weir sink -'
	assert_output $'9223372036854775805\n9223372036854775806\n9223372036854775807'
}

@test "--count A.. goes on until it is stopped, without a gap" {
	start it 'weir source --count 5.. | weir sink got'
	wait_for has got 100000
	stop it
	seq 5 $(($(wc -l <got) + 4)) >want
	assert_same want got
}

@test "--count: what is no range" {
	local range
	for range in 1 1.. ..5 1..x 5..4 -1..4 1...4 9223372036854775808.. ''; do
		[ "$range" != 1.. ] || continue
		run_weir -s 2 'weir source --count "$1"' "$range"
		grep -q "^source: --count $range: " <<<"$stderr"
	done
	run_weir -s 2 'weir source --count 1..2 file'
	assert_err 'source: --count reads no file; leave out the operands'
}

#
# The pace
#

# microseconds since the epoch
clock_us() {
	local now=$EPOCHREALTIME
	echo "${now%[.,]*}${now#*[.,]}"
}

@test "--rate: no more records than the time that has passed allows, and no fewer come" {
	local before after n
	before=$(clock_us)
	start it 'weir source --count 1.. --rate 1000 | weir sink got'
	wait_for has got 400
	stop it
	after=$(clock_us)
	n=$(wc -l <got)
	echo "$n records in $((after - before)) us" >&2
	assert [ "$n" -le $(((after - before) / 1000 + 1)) ]
	seq 1 "$n" >want
	assert_same want got
}

@test "--rate: the records of a file, all of them" {
	local before after
	seq 1 500 >in
	before=$(clock_us)
	run_weir 'weir source --rate 2000 in | weir sink got'
	after=$(clock_us)
	assert_same in got
	# the first one at once, the last 499 halves of a millisecond later
	assert [ $((after - before)) -ge 249500 ]
}

@test "--rate: -p shares it" {
	local before after
	before=$(clock_us)
	run_weir 'weir source -p 3 --rate 1000 --count 1..300 | weir sink got'
	after=$(clock_us)
	sort -n got >sorted
	seq 1 300 >want
	assert_same want sorted
	assert [ $((after - before)) -ge 299000 ]
}

@test "--rate: what is no rate" {
	run_weir -s 2 'weir source --rate 0 --count 1..2'
	run_weir -s 2 'weir source --rate 1k --count 1..2'
	assert_err 'source: --rate: "1k" is no number'
}

@test "--linger: a record alone goes at once, others wait for company or the end" {
	local i
	mkfifo short long
	start short 'weir source --linger 1ms - <short | weir sink short.got'
	start long 'weir source --linger 1h - <long | weir sink long.got'
	exec 8>short 9>long
	echo first | tee /dev/fd/8 >&9
	wait_for has short.got 1
	wait_for has long.got 1
	for i in {2..30}; do
		echo "record $i" | tee /dev/fd/8 >&9
		wait_for has short.got "$i"
	done
	assert_equal "$(wc -l <long.got)" 1
	exec 8>&- 9>&-
	finish short
	finish long
	assert_same short.got long.got
	assert_equal "$(wc -l <long.got)" 30
}

@test "--linger: what is half a frame does not wait" {
	mkfifo p
	start it 'weir source --linger 1h - <p | weir sink got'
	exec 9>p
	echo first >&9
	wait_for has got 1
	seq 1 200000 >&9
	wait_for has got 100000
	exec 9>&-
	finish it
	{ echo first; seq 1 200000; } >want
	assert_same want got
	run_weir -s 2 'weir source --linger 10 /dev/null'
	assert_err 'source: --linger 10: which unit? 10ms or 10s'
}

#
# Following
#

@test "-F: from the beginning, and on as the file grows" {
	seq 1 1000 >log
	start it 'weir source -F log | weir sink got'
	wait_for has got 1000
	seq 1001 1010 >>log
	wait_for has got 1010
	printf 'a\0b\r\n\n' >>log
	wait_for has got 1012
	stop it
	assert_same log got
}

@test "-F: half a line waits for its newline, and is not read at a stop" {
	printf 'one\ntw' >log
	start it 'weir source -F log | weir sink got'
	wait_for has got 1
	printf 'o\nthree\nfo' >>log
	wait_for has got 3
	stop it
	printf 'one\ntwo\nthree\n' >want
	assert_same want got
}

@test "-F: a file that appears later, of several" {
	echo here >there
	start it 'weir source -F there later | weir sink got'
	wait_for has got 1
	wait_for says it 'source: later: No such file or directory; waiting for it'
	echo new >later
	wait_for has got 2
	echo more >>there
	wait_for has got 3
	stop it
	printf '%s\n' here new more >want
	assert_same want got
	assert_equal "$(grep -c 'waiting for it' it.err)" 1
}

@test "-F: rename rotation, with the last words of the old file" {
	seq 1 100 >log
	start it 'weir source -F log | weir sink got'
	wait_for has got 100
	exec 9>>log
	mv log log.1
	seq 101 110 >&9
	wait_for has got 110
	seq 201 250 >log
	seq 111 115 >&9
	exec 9>&-
	wait_for has got 165
	mv log log.2
	seq 301 310 >log
	wait_for has got 175
	stop it
	cat log.1 log.2 log >want
	assert_same want got
	assert_equal "$stderr" ''
}

@test "-F: rotated again and again, nothing lost" {
	local i
	: >log
	start it 'weir source -F log | weir sink got'
	for i in {1..3}; do
		seq $((i * 1000)) $((i * 1000 + 99)) >>log
		wait_for has got $((i * 100))
		mv log "log.$i"
		: >log
	done
	stop it
	for i in {1..3}; do
		cat "log.$i"
	done >want
	assert_same want got
}

@test "-F: rotated twice before the first of the files had ended" {
	seq 1 10 >log
	start it 'exec weir source -F log >got'
	wait_for has got 10
	mv log log.1
	seq 11 20 >log
	# it holds the second open, and still waits for the last words of the first
	holds() {
		readlink "/proc/$it_pid/fd"/* | grep -qx "$PWD/$1"
	}
	wait_for holds log
	holds log.1
	mv log log.2
	seq 21 30 >log
	wait_for has got 30
	stop it
	assert_same <(seq 1 30) got
}

@test "-F: truncated in place is said, and read again from its beginning" {
	seq 1 100 >log
	start it 'weir source -F log | weir sink got'
	wait_for has got 100
	truncate -s 20 log
	wait_for has got 109
	: >log
	wait_for says it 'now it is 0 bytes'
	seq 501 505 >>log
	wait_for has got 114
	stop it
	# the first 20 bytes are nine lines, and a 1 that never was whole
	{ seq 1 100; seq 1 9; seq 501 505; } >want
	assert_same want got
	assert_err 'source: log: was read to byte 292, now it is 20 bytes and differs before that; truncated in place (copytruncate?): lines may be lost'
	assert_err 'source: log: was read to byte 20, now it is 0 bytes and differs before that; truncated in place (copytruncate?): lines may be lost'
}

@test "-F: replaced in place by more than was read is noticed by its content" {
	seq 1 100 >log
	start it 'weir source -F log | weir sink got'
	wait_for has got 100
	seq 1001 1100 | dd of=log conv=notrunc status=none
	wait_for has got 200
	stop it
	{ seq 1 100; seq 1001 1100; } >want
	assert_same want got
	assert_err "source: log: was read to byte 292, now it is 500 bytes and differs before that; truncated in place (copytruncate?): lines may be lost"
}

@test "-F --start end: only what is appended from now on" {
	local i=0 first
	more() {
		i=$((i + 1))
		echo "new $i" >>log
		has got 1
	}
	printf 'old\nold and unfini' >log
	start it 'weir source -F --start end log | weir sink got'
	# when it has looked for the end cannot be seen: write until a record comes
	wait_for more
	echo last >>log
	wait_for grep -qx last got
	stop it
	first=$(head -n 1 got)
	echo "first: $first" >&2
	refute grep -q old got
	sed -n "/^$first\$/,\$p" log >want
	assert_same want got
}

@test "-F --start end: a file that appears later is read whole" {
	start it 'weir source -F --start end log | weir sink got'
	wait_for says it 'waiting for it'
	printf 'one\ntwo\n' >log
	wait_for has got 2
	stop it
	assert_same log got
	run_weir -s 2 'weir source --start end log'
	assert_err 'source: --start end reads nothing without -F'
	run_weir -s 2 'weir source -F --start middle log'
	assert_err 'source: --start middle: begin or end'
}

@test "-F -H: the header of each file, once, after a rotation too" {
	printf 'user\tn\nann\t1\n' >log
	start it 'weir source -F -H log | weir sink got'
	wait_for has got 2
	mv log log.1
	printf 'user\tn\nbob\t2\n' >log
	wait_for has got 3
	stop it
	printf 'user\tn\nann\t1\nbob\t2\n' >want
	assert_same want got
}

@test "-F: a FIFO whose writers come and go" {
	mkfifo p
	start it 'weir source -F p | weir sink got'
	echo one >p
	wait_for has got 1
	{ echo two; echo three; } >p
	wait_for has got 3
	stop it
	printf 'one\ntwo\nthree\n' >want
	assert_same want got
}

@test "-F: many files at once" {
	local i
	mkdir logs
	for i in {100..199}; do
		echo "$i" >"logs/$i"
	done
	start it "weir source -F 'logs/*' | weir sink got"
	wait_for has got 100
	for i in {100..199}; do
		echo "$i again" >>"logs/$i"
	done
	wait_for has got 200
	stop it
	sort got >sorted
	cat logs/* | sort >want
	assert_same want sorted
}
