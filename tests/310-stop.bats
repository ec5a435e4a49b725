#!/usr/bin/env bats
# stop: signals, and readers that have had enough.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# has FILE LINES: the file has so many lines at least
has() {
	[ -e "$1" ] && (($(wc -l <"$1") >= $2))
}

# pid_of PROGRAM: that of this test's weir-PROGRAM, the first one
pid_of() {
	local pid
	for pid in $(survivors); do
		if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "weir-$1" ]; then
			echo "$pid"
			return
		fi
	done
	return 1
}

# assert_counted FILE: 1, 2, 3, ... without a gap, and something
assert_counted() {
	assert [ -s "$1" ]
	seq 1 "$(wc -l <"$1")" >want.counted
	assert_same want.counted "$1"
}

# Ctrl-C or TERM reach all processes of a pipeline, the shell too: it stays.
statuses='s=("${PIPESTATUS[@]}"); echo "${s[*]}" >statuses; [ "${s[*]}" = "${s[*]//[^0 ]/}" ]'

@test "a first INT or TERM to all: what was read comes out, all exit 0" {
	local signal
	for signal in INT TERM; do
		rm -f out statuses
		start it "trap : INT TERM; weir source --count 1.. | weir keyby | weir reduce count |
		    weir keyby -n again -k 1 | weir statemap -e 'return function(k) return k end' |
		    weir sink out; $statuses"
		wait_for has out 1000
		kill "-$signal" -- "-$it_pid"
		finish it
		assert_counted out
		assert_equal "$(cat statuses)" '0 0 0 0 0 0'
		assert_equal "$stderr" ''
	done
}

@test "a first TERM to source alone is the same" {
	start it "weir source --count 1.. | weir keyby | weir sink out; $statuses"
	wait_for has out 1000
	kill -TERM "$(pid_of source)"
	finish it
	assert_counted out
	assert_equal "$(cat statuses)" '0 0 0'
}

@test "a signal to another stage alone stops nothing: it goes on, and ends with the rest" {
	mkfifo p
	start it "weir source - <p | weir keyby | weir reduce count | weir sink out; $statuses"
	exec 9>p
	echo one >&9
	wait_for has out 1
	kill -INT "$(pid_of keyby)" "$(pid_of reduce)" "$(pid_of sink)"
	echo two >&9
	wait_for has out 2
	echo three >&9
	exec 9>&-
	finish it
	assert_same <(printf '%s\t1\n' one two three) out
	assert_equal "$(cat statuses)" '0 0 0 0'
}

@test "a stop while the output is blocked: all that was read comes, once it flows" {
	mkfifo p
	start it "trap : INT; weir source --count 1.. | weir keyby | weir reduce count | weir sink p; $statuses"
	exec 9<p
	read -r first <&9
	kill -INT -- "-$it_pid"
	{ echo "$first"; cat <&9; } >out
	exec 9<&-
	finish it
	cut -f 1 out >counted
	assert_counted counted
	assert_equal "$(cut -f 2 out | sort -u)" 1
	assert_equal "$(cat statuses)" '0 0 0 0'
}

@test "a second signal ends what the first could not" {
	mkfifo p
	start it 'weir source --count 1.. | weir keyby | weir sink p'
	exec 9<p
	read -r first <&9
	kill -INT -- "-$it_pid"
	# the first one is in their hands when their disposition is the default again
	taken() {
		local pid
		for pid in $(pid_of source) $(pid_of keyby) $(pid_of sink); do
			[ $((0x$(sed -n 's/^SigCgt:\t//p' "/proc/$pid/status") & 2)) = 0 ] || return 1
		done
	}
	wait_for taken
	kill -INT -- "-$it_pid"
	finish -s any it
	assert [ "$status" != 0 ]
	wait_for no_survivors
	exec 9<&-
	assert_equal "$first" 1
	# what they could not clear, the next one does
	run_weir 'weir source /dev/null | weir sink /dev/null'
}

@test "source that waits for its standard input stops at once" {
	mkfifo p
	start it "trap : INT; weir source - <p | weir keyby | weir sink out; $statuses"
	exec 9>p
	printf 'whole\nhalf' >&9
	wait_for has out 1
	kill -INT -- "-$it_pid"
	finish it
	exec 9>&-
	assert_equal "$(cat statuses)" '0 0 0'
	assert_equal "$(head -n 1 out)" whole
}

@test "a stop is no end of input: --emit end prints nothing" {
	start it "trap : INT; weir source --count 1.. | weir keyby -o - -o >(weir sink copy) |
	    weir reduce --emit end count | weir sink out; $statuses"
	wait_for has copy 1000
	kill -INT -- "-$it_pid"
	finish it
	assert [ -e out ]
	assert [ ! -s out ]
	assert_counted copy
}

@test "subtasks stop with their stage" {
	start it "trap : INT TERM; weir source -p 2 --count 1.. | weir keyby -p 2 | weir reduce -p 3 count |
	    weir sink out; $statuses"
	wait_for has out 10000
	kill -TERM -- "-$it_pid"
	finish it
	assert_equal "$(cat statuses)" '0 0 0 0'
	assert_equal "$(cut -f 2 out | sort -u)" 1
	# each subtask of source has come to some number; below both nothing is missing
	cut -f 1 out | sort -n >numbers
	awk '{ last[$1 % 2] = $1; n[$1 % 2]++ }
	    END { exit !(last[1] == 2 * n[1] - 1 && last[0] == 2 * n[0]) }' numbers
}

@test "stopped before anybody has come: status 1, and nothing stays behind" {
	seq 1 10 >in
	start it 'exec weir source -n lines -o nobody in'
	published() {
		compgen -G "$XDG_RUNTIME_DIR/weir-*/session-*/lines" >/dev/null ||
		    compgen -G "/tmp/weir-$UID/session-*/lines" >/dev/null
	}
	wait_for published
	kill -INT "$it_pid"
	finish -s 1 it
	assert_err 'lines: interrupted before all were connected'
}

#
# Enough
#

@test "| head -n 3: quietly, with 0 everywhere" {
	local line
	for line in \
	    'weir source --count 1.. | weir sink - | head -n 3' \
	    'weir source --count 1.. | weir sink | head -n 3' \
	    'weir source --count 1.. | weir keyby | weir reduce last | weir sink - | head -n 3' \
	    'weir source --copy --count 1.. | weir keyby --copy | weir sink --copy - | head -n 3' \
	    'weir source in | weir statemap -e "return function(_, r) return r end" | weir sink - | head -n 3'; do
		seq 1 2000000 >in
		run_weir "$line; echo \"\${PIPESTATUS[*]}\" >statuses; sed -n 1,3p"
		assert_equal "$(cut -f 1 <<<"$output")" $'1\n2\n3'
		assert_equal "$(tr -d ' \n' <statuses | tr -s 0)" 0
		assert_equal "$stderr" ''
	done
}

@test "| head with subtasks" {
	run_weir 'weir source -p 2 --count 1.. | weir keyby -p 2 | weir reduce -p 3 count | weir sink - | head -n 3
	    echo "${PIPESTATUS[*]}"'
	assert_equal "${lines[3]}" '0 0 0 0 0'
	assert_equal "${#lines[@]}" 4
	assert_equal "$stderr" ''
}

@test "| head -c 1, | true, a reader that was never there" {
	run_weir 'weir source --count 1.. | weir keyby | weir sink - | head -c 1; echo " ${PIPESTATUS[*]}"'
	assert_output '1 0 0 0 0'
	run_weir 'weir source --count 1.. | weir keyby | weir sink - | true; echo "${PIPESTATUS[*]}"'
	assert_output '0 0 0 0'
	assert_equal "$stderr" ''
	run_weir "weir source --count 1.. | weir sink - > >(exec true); echo \"\${PIPESTATUS[*]}\""
	assert_output '0 0'
}

@test "| head where SIGPIPE is ignored, or blocked by nobody" {
	run_weir 'trap "" PIPE; weir source --count 1.. | weir keyby | weir sink - | head -n 1; echo "${PIPESTATUS[*]}"'
	assert_output $'1\n0 0 0 0'
	assert_equal "$stderr" ''
}

@test "a tee of which one reader has had enough: the other gets all" {
	seq 1 300000 >in
	run_weir 'weir source in | weir keyby -o - -o >(weir sink - | head -n 1 >first) | weir sink out'
	assert_same in out
	wait_for grep -qxs 1 first
	rm out
	run_weir 'weir source in | weir keyby -o - -o >(weir sink out) | weir sink - | head -n 1'
	assert_output 1
	assert_same in out
}

@test "a tee of which both have had enough ends" {
	run_weir 'weir source --count 1.. | weir keyby -o - -o >(weir sink - | head -n 1 >first) |
	    weir sink - | head -n 2; echo "${PIPESTATUS[*]}"'
	assert_output $'1\n2\n0 0 0 0'
	assert_equal "$stderr" ''
}

@test "a merge of which the output has had enough ends both inputs" {
	run_weir 'weir keyby -i <(weir source --count 1..; echo "$?" >s1) \
	    -i <(weir source --count 1..; echo "$?" >s2) | weir sink - | head -n 1; echo "${PIPESTATUS[*]}"'
	assert_output $'1\n0 0 0'
	wait_for test -s s1
	wait_for test -s s2
	assert_equal "$(cat s1 s2)" $'0\n0'
	assert_equal "$stderr" ''
}

#
# Closed descriptors
#

@test "closed standard output: said, status 2; what was there first is not written to" {
	seq 1 10 >in
	run_weir -s 2 'weir source in >&-'
	assert_err 'source: standard output is closed; give me -o or a pipe'
	run_weir -s any 'weir source in | weir sink >&-'
	assert_err 'sink: standard output is closed; name a FILE'
	run_weir 'weir source in | weir sink out >&-'
	assert_same in out
	run_weir 'weir source -o >(weir sink out2) in >&-'
	assert_same in out2
}

@test "closed standard input: said, status 2, except by those who need none" {
	seq 1 10 >in
	run_weir -s 2 'weir source <&- >out'
	assert_err 'source: standard input is closed; name a FILE'
	run_weir -s 2 'weir keyby <&-'
	assert_err "keyby: standard input is closed; put 'weir source' before me"
	run_weir 'weir source in <&- | weir sink got'
	assert_same in got
	run_weir 'weir sink -i <(weir source in <&-) got2 <&-'
	assert_same in got2
}

@test "closed standard error: what would be said goes nowhere, least of all into a file" {
	printf 'a\t1\nb\nc\t2\n' >in
	run_weir 'weir source -v in 2>&- | weir keyby -v -s -k 2 2>&- | weir reduce -v first 2>&- | weir sink -v out 2>&-'
	printf '1\ta\t1\n2\tc\t2\n' >want
	assert_same want out
	run_weir -s any 'weir source in 2>&- | weir keyby -k 7 2>&- >out2'
	assert [ "$status" = 1 ]
	assert [ ! -s out2 ]
	run_weir 'weir source in <&- 2>&- | weir sink out3 2>&- >&-'
	assert_same in out3
}

#
# Short work
#

@test "five lines from start to finish" {
	local before us least=999999999
	seq 1 5 >in
	for _ in 1 2 3 4 5; do
		before=${EPOCHREALTIME//[.,]/}
		run_weir 'weir source in | weir keyby | weir reduce count | weir sink --truncate out'
		us=$((${EPOCHREALTIME//[.,]/} - before))
		((us >= least)) || least=$us
	done
	assert_same <(seq 1 5 | sed 's/$/\t1/') out
	echo "the best of five: $least us" >&2
	assert [ "$least" -lt "$(($(seconds 1) * 1000000))" ]
}
