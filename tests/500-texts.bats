#!/usr/bin/env bats
# What people do wrong, and what they are told: one line with program, place,
# fact and cure, word for word; wrong inputs and wrong address lines.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# lines_of PROGRAM N: $stderr has N lines of this program
lines_of() {
	assert_equal "$(grep -c "^$1: " <<<"$stderr")" "$2"
}

@test "text where a stream is expected: the text that is there, and the cure" {
	echo 'Nov 23 08:22:01 host sshd' >log
	run_weir -s any 'cat log | weir keyby -k 1 >out'
	assert_err "keyby: standard input is text, not a weir stream (it begins \"Nov 23 08:2\"); put 'weir source -' before me"
	lines_of keyby 1
	for stage in 'keyby' 'reduce count' 'statemap -e "return nil"' 'sink out2'; do
		run_weir 'cat log | weir '"$stage"' >out || echo "status $?" >&2'
		assert_err "${stage%% *}: standard input is text, not a weir stream (it begins \"Nov 23 08:2\"); put 'weir source -' before me"
		assert_err 'status 2'
	done
	assert [ ! -s out ]
}

@test "text that is short, comes in pieces, is no text" {
	local want="not a weir stream (it begins"
	run_weir -s any 'printf Nov | weir keyby >out'
	assert_err "keyby: standard input is text, $want \"Nov\"); put 'weir source -' before me"
	run_weir -s any 'printf "\nNov" | weir keyby >out'
	assert_err "keyby: standard input is text, $want \"\"); put 'weir source -' before me"
	# its writer writes no more, and goes not either
	mkfifo hold
	start p '{ printf "Nov 23"; read -r _ <hold; } | weir keyby >out'
	exec 4<>hold
	wait_for grep -q before p.err
	echo >&4
	exec 4>&-
	finish -s any p
	assert_err "keyby: standard input is text, $want \"Nov 23\"); put 'weir source -' before me"
	run_weir -s any 'printf "\0\1\2abc\033[31m\177\0\n" | weir keyby >out'
	assert_err "keyby: standard input is text, $want \"???abc?[31m\"); put 'weir source -' before me"
	run_weir -s any 'head -c 100000 /dev/urandom | weir keyby >out'
	lines_of keyby 1
	run_weir -s any 'head -c 100000 /dev/zero | weir keyby >out'
	assert_err "keyby: standard input is text, $want \"???????????\"); put 'weir source -' before me"
}

@test "nothing at all where a stream is expected" {
	run_weir -s any 'weir keyby </dev/null'
	assert_err "keyby: standard input is no pipe, not a weir stream; put 'weir source' before me"
	run_weir -s any 'true | weir keyby >out'
	assert_err 'keyby: standard input is empty: the program before me wrote nothing, or has failed'
	run_weir -s any 'weir keyby <.'
	assert_err "keyby: standard input is no pipe, not a weir stream; put 'weir source' before me"
	echo text >file
	run_weir -s any 'weir keyby <file'
	assert_err "keyby: standard input is a file, not a weir stream; put 'weir source' before me"
}

@test "a stream where text is expected: who waits is told after 3 s" {
	printf '1\n2\n' >in
	start p 'weir source in | weir keyby | weir reduce count | { read -r line; echo "$line"; cat >rest; }'
	wait_for -t 20 grep -q 'put .weir sink -. before it' p.err
	kill -INT -- "-$p_pid"
	finish -s any p
	assert_err "reduce: nobody has connected to my output for 3 s; if the next program reads text, put 'weir sink -' before it"
	assert_equal "$(grep -c 'nobody has connected' p.err)" 1
	assert_regex "$output" "^weir1 $XDG_RUNTIME_DIR/.* reduce  # a weir stream, not text: end with 'weir sink -'\$"
}

@test "a stream where text is expected: who has read it, and is gone" {
	echo 1 >in
	run_weir -s any 'weir source in | head -n 1'
	assert_line --regexp "^weir1 .* source  # a weir stream, not text: end with 'weir sink -'\$"
	assert_err "source: the program behind me has gone, and it never connected; if it reads text, put 'weir sink -' before it"
	run_weir 'weir source in | head -n 1 >line || echo "status $?"'
	assert_output 'status 1'
}

@test "a source behind a source" {
	seq 3 >in
	run_weir -s any 'weir source in | weir source - | weir sink out'
	assert_err "source: standard input is a weir stream, not text; take 'source' out, or put 'weir sink -' before it"
	assert [ ! -s out ]
	run_weir 'weir source in | weir sink - | weir source - | weir sink out'
	assert_same in out
}

@test "reduce before keyby" {
	seq 3 >in
	run_weir -s any 'weir source in | weir reduce count | weir sink out; echo "${PIPESTATUS[*]}"'
	assert_output '1 2 1'
	assert_err "reduce: the stream is not keyed; put 'weir keyby -k FIELD' before me"
	assert [ ! -s out ]
}

@test "a field that is not there" {
	echo 'one two' >access.log
	run_weir -s 1 'weir source access.log | weir keyby -k 7 | weir sink out'
	assert_err 'keyby: access.log: record 1, byte 0: no field 7, only 1 (separator TAB); try -W for blanks, -t C, or -s to drop such records'
}

@test "a field that is not a number" {
	printf 'id\tday\tshop\tamount\n1\t2\t3\t4\n' >orders.tsv
	run_weir -s 1 'weir source orders.tsv | weir keyby -k 1 | weir reduce sum:4 | weir sink out'
	assert_err 'reduce: orders.tsv: record 1, byte 0: field 4 "amount" is not a number; a header? (source -H); else --on-error skip or divert=FILE'
	run_weir 'weir source orders.tsv | weir keyby -k 1 |
	    weir reduce --on-error divert=bad sum:4 | weir sink out2'
	assert_equal "$(cat bad)" $'id\tday\tshop\tamount'
	assert_equal "$(cat out2)" $'1\t4'
	run_weir 'weir source -H orders.tsv | weir keyby -k 1 | weir reduce sum:4 | weir sink out3'
	assert_equal "$(cat out3)" $'id\tsum:4\n1\t4'
}

@test "an output that somebody else has written" {
	printf '%08811d\n' 7 >counts.tsv
	run_weir -s any 'weir source --count 1..1 | weir sink counts.tsv; echo "${PIPESTATUS[1]}"'
	assert_err 'sink: counts.tsv: 8812 bytes are there that this job did not write; --append keeps them, --truncate drops them'
	assert_line 2
}

@test "a program that is not there" {
	run_weir -s 2 'weir redcue'
	assert_err "weir: no program \"redcue\"; did you mean \"reduce\"? 'weir help' lists them"
	assert_equal "${#stderr_lines[@]}" 1
}

@test "two stages of one name: allowed, and each message says which it is about by place" {
	printf 'b\na\nb\n' >in
	run_weir 'weir source in | weir keyby | weir reduce count | weir keyby -k 2 |
	    weir reduce count | weir sink -'
	assert_output $'1\t1\n1\t2\n2\t1'
}

@test "a record over the limit" {
	printf 'a\n%0100d\nb\n' 0 >in
	run_weir -s 1 'weir source --max-record 99 in | weir sink out'
	assert_err 'source: in: record 2, byte 2: record over 99 bytes (--max-record)'
	run_weir 'weir source --max-record 99 --on-error skip in | weir sink out2'
	assert_equal "$(cat out2)" $'a\nb'
	assert_err 'source: 1 bad record skipped'
}

@test "inputs that cannot be read: a directory, not there, not allowed, gone meanwhile" {
	run_weir -s any 'weir source . | weir sink out'
	assert_err "source: .: Is a directory; name its files: './*'"
	run_weir -s any 'weir source nowhere | weir sink out'
	assert_err 'source: nowhere: No such file or directory'
	echo 1 >closed
	chmod 0 closed
	if [ "$UID" != 0 ]; then
		run_weir -s any 'weir source closed | weir sink out'
		assert_err 'source: closed: Permission denied'
	fi
	# the second one goes while the first one is read
	mkfifo first
	echo 2 >second
	start p 'weir source first second | weir sink out3'
	exec 4>first
	rm second
	exec 4>&-
	finish -s 1 p
	assert_err 'source: second: No such file or directory'
	assert_err 'sink: source has gone before the end of the stream'
}

@test "address lines: of a stage that is gone" {
	run_weir -s any 'weir source --count 1..1 | head -n 1 >line; weir keyby < <(cat line) >out'
	assert_err 'keyby: source has gone before we were connected'
	mkfifo fifo
	# the FIFO stays open: only the directory tells
	run_weir -s any 'exec 5<>fifo; cat line >&5; weir keyby -i ./fifo >out; exit $?'
	assert_err 'keyby: source has gone before we were connected'
}

@test "address lines: too long, cut, of another version, no path" {
	local line long
	long=$(printf '%0600d' 0)
	for line in "weir1 /$long/x#0 x  # y" "weir1 /tmp/x#0 x" "weir2 /tmp/x#0 x  # y" \
	    "weir1 tmp/x#0 x  # y" "weir1 /tmp/x x  # y" "weir1 /tmp/x#99 x  # y" \
	    "weir1 /tmp/x#-2 x  # y" "weir1 /tmp/x# x  # y" "weir1   # y" "weir1 "; do
		printf '%s\n' "$line" >line
		run_weir 'cat line | weir keyby >out || echo "status $?"'
		assert_output 'status 2'
		assert_err "keyby: standard input is text, not a weir stream (it begins \"${line:0:11}\"); put 'weir source -' before me"
	done
}

@test "address lines: without a newline, and the writer goes" {
	run_weir -s any 'printf "weir1 /tmp/x#0 x" | weir keyby >out'
	assert_err "keyby: standard input is text, not a weir stream (it begins \"weir1 /tmp/\"); put 'weir source -' before me"
}

@test "address lines: of another user" {
	[ "$UID" = 0 ] || skip 'only root can make a directory of another user'
	mkdir -p theirs/1-2
	chown 1 theirs/1-2
	run_weir 'echo "weir1 $PWD/theirs/1-2/x#0 x  # y" | weir keyby >out || echo "status $?"'
	assert_output 'status 2'
	assert_err "keyby: $PWD/theirs/1-2/x: not mine; all stages of a pipeline run as one user"
}

@test "address lines: the directory is there, nobody is in it" {
	mkdir -p empty
	run_weir -t 30 -s any 'exec 5< <(echo "weir1 $PWD/empty/x#0 x  # y"; exec sleep 60)
	    weir keyby <&5 >out; s=$?; kill $!; exit "$s"'
	assert_equal "$status" 1
	assert_err "keyby: nobody answers at $PWD/empty/x for 10 s"
}
