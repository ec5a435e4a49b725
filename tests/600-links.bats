#!/usr/bin/env bats
# Neighbours that do wrong on purpose: frames, credits, indices, knocks and
# answers that are none, or lie.  Never a signal, a hang, memory without bound;
# always a line that names the neighbour.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

tools() {
	PATH=$WEIR_BUILD/tests/tools:$PATH
	# nng itself loses a listener that it has closed
	echo 'leak:libnng.so' >nng
	LSAN_OPTIONS=suppressions=$PWD/nng:print_suppressions=0
	export PATH LSAN_OPTIONS
	peak_mib=$((100 * ${WEIR_SLOW:-1}))
}

# producer STAGE OPTION... CASE: statuses of producer, STAGE, sink
producer() {
	local stage=$1
	shift
	rm -f out
	run_weir -s any 'hostile-producer "$@" | peak '"$peak_mib weir $stage"' | weir sink out
	    echo "${PIPESTATUS[*]}"' "$@"
}

# consumer OPTION... CASE: statuses of source, consumer
consumer() {
	run_weir -s any 'peak "$1" weir source --count 1..3000000 | {
	    IFS=" " read -r _ at _; hostile-consumer "${@:2:$#-2}" "${at%#*}" "${at##*#}" "${!#}"
	    } >out; echo "${PIPESTATUS[*]}"' "$peak_mib" "$@"
}

# stranger TEXT CASE: to the door of source, before its consumer comes; TEXT is
# run with $at, the door's address
stranger() {
	rm -f out
	run_weir 'weir source in | { IFS= read -r line; at=${line#* }; at=${at%%#*}
	    '"$1"' || exit 99; { echo "$line"; exec cat; } | weir sink out; }'
	assert_same in out
}

@test "the tools speak as stages do, where they do no wrong" {
	tools
	producer keyby good
	assert_output '0 0 0'
	assert_equal "$(wc -l <out)" 1000
	producer 'reduce --emit end count' -k good
	assert_output '0 0 0'
	assert_equal "$(cat out)" $'a\t1000'
	consumer good
	assert_output '0 0'
	seq 3000000 >want
	assert_same want out
}

# told CASE LINE: keyby, and reduce on a keyed stream, end with this line
told() {
	producer keyby "$1"
	assert_output '0 1 1'
	assert_err "keyby: $2"
	assert_regex "$stderr" 'sink: (keyby has gone before|link from keyby: )'
	producer 'reduce count' -k "$1"
	assert_output '0 1 1'
	assert_err "reduce: $2"
}

@test "frames that are none, from above" {
	local case none='link from hostile: a frame that is none'
	tools
	for case in empty trailing version end many ref-arena ref-slot ref-offset ref-length \
	    ref-index; do
		told "$case" "$none"
	done
}

@test "numbers that do not fit, from above" {
	tools
	told attempt 'link from hostile: a frame of another attempt'
	told gap 'link from hostile: a gap in the sequence of frames'
	told repeated 'link from hostile: a gap in the sequence of frames'
	told credit 'link from hostile: a frame that goes the other way'
	told barrier 'link from hostile: a frame that has no place here'
	told second 'link from hostile: a frame that has no place here'
}

@test "an index that lies" {
	local case damaged='link from hostile: a frame whose index or text is damaged'
	tools
	for case in offset length key aside; do
		told "$case" "$damaged"
	done
	producer 'statemap -e "return function(k, r) return r end"' length
	assert_output '0 1 1'
	# a sink, which hands on text in runs
	for case in offset length inner unended; do
		run_weir -s any 'hostile-producer "$1" | weir sink out; echo "${PIPESTATUS[*]}"' "$case"
		assert_output '0 1'
		assert_err "sink: $damaged"
	done
	producer 'reduce count' -k bare
	assert_output '0 1 1'
	assert_err 'reduce: link from hostile: a frame that has no place here'
}

@test "more frames, longer frames than anybody asked for" {
	tools
	# only gone when all of its 600 MiB were looked at, or nng has cut it off
	producer keyby flood
	assert_output '0 1 1'
	assert_err 'keyby: hostile has gone before the end of the stream'
	producer keyby monster
	assert_output '0 1 1'
	assert_err 'keyby: hostile has gone before the end of the stream'
	producer keyby behind
	assert_output '0 0 0'
	assert_equal "$(cat out)" a
}

@test "shared memory that changes while it is read, and that is cut off" {
	local seed
	tools
	for seed in 1 2 3 4; do
		producer keyby -s "$seed" changing
		assert_regex "$output" '^0 [01] [01]$'
		producer 'reduce count' -s "$seed" -k changing
		assert_regex "$output" '^0 [01] [01]$'
	done
	producer keyby shrunk
	assert_output '0 1 1'
	assert_err 'keyby: shared memory of frames was cut off by somebody'
	run_weir 'weir source --count 1..1 | weir sink -'	# clears what it left
}

@test "random and damaged frames, cut frames, from above" {
	local seed case
	tools
	for seed in 1 2 3 4 5; do
		for case in noise flipped truncated stream-noise stream-flipped; do
			producer keyby -s "$seed" "$case"
			assert_regex "$output" '^[03] [01] [01]$'
			producer 'reduce count' -s "$seed" -k "$case"
			assert_regex "$output" '^[03] [01] [01]$'
		done
	done
}

@test "a beginning that is none" {
	local case
	tools
	told stream-none 'link from hostile: it does not begin with a stream frame'
	for case in stage separator subtask arenas; do
		told "stream-$case" 'link from hostile: a frame that is none'
	done
	told arena-absent 'link from hostile: shared memory /weir-none: No such file or directory'
	told arena-foreign 'link from hostile: shared memory /../../etc/passwd: not as it was announced'
	told arena-overflow 'link from hostile: shared memory /weir-none: not as it was announced'
	producer keyby arena-longer
	assert_output '0 1 1'
	assert_regex "$stderr" 'keyby: link from hostile: shared memory /weir-[^ ]*: not as it was announced'
}

@test "answers that are none" {
	local case
	tools
	for case in noise empty half none; do
		producer keyby "answer-$case"
		assert_output '0 1 1'
		assert_regex "$stderr" "keyby: $XDG_RUNTIME_DIR/[^ ]*/hostile: the answer to my knock is none"
	done
	producer keyby answer-many
	assert_output '0 2 1'
	assert_err 'keyby: hostile has -p 2147483647 and I have -p 1; a stream without keys connects equal numbers, or many to one'
	producer keyby answer-scheme
	assert_output '0 1 1'
	assert_err 'keyby: link to hostile: Not supported'
	producer keyby answer-refused
	assert_output '0 2 1'
	assert_err 'keyby: hostile refuses me: I do?not like ? you'
}

@test "answers that lead nowhere: told after 10 s" {
	tools
	start wide 'hostile-producer answer-wide | weir keyby | weir sink a; echo "${PIPESTATUS[*]}"'
	start nowhere 'hostile-producer answer-nowhere | weir keyby | weir sink b; echo "${PIPESTATUS[*]}"'
	finish -t 30 -s any wide
	assert_equal "$output" '0 1 1'
	assert_regex "$stderr" 'keyby: nobody answers at [^ ]*/hostile for 10 s'
	finish -t 30 -s any nowhere
	assert_equal "$output" '0 1 1'
	assert_regex "$stderr" 'keyby: cannot connect to [^ ]*/hostile for 10 s'
}

@test "credits that are none, from below" {
	local case
	tools
	for case in empty cut noise first-noise; do
		consumer "$case"
		assert_output '1 0'
		assert_err 'source: link to hostile: a frame that is none'
	done
	for case in flipped beyond backwards first-beyond; do
		consumer "$case"
		assert_output '1 0'
		assert_err 'source: link to hostile: a credit for what was never sent'
	done
	consumer attempt
	assert_output '1 0'
	assert_err 'source: link to hostile: a frame of another attempt'
	for case in downwards stream; do
		consumer "$case"
		assert_output '1 0'
		assert_err 'source: link to hostile: a frame that goes the other way'
	done
}

@test "random credits" {
	local seed case
	tools
	for seed in 11 12 13 14 15; do
		for case in noise cut flipped; do
			consumer -s "$seed" "$case"
			assert_output '1 0'
		done
	done
}

@test "a flood of credits, a monstrous one, none at all" {
	local case
	tools
	for case in flood monster nothing first-nothing; do
		consumer "$case"
		assert_output '1 0'
		assert_regex "$stderr" 'source: hostile has gone before (the end of the stream|we were connected)'
	done
}

@test "knocks that are none: answered, said once, and the next one is served" {
	local case
	tools
	seq 1000 >in
	for case in noise empty deep half subtask path nonce name; do
		stranger 'for i in 1 2 3; do hostile-consumer "$at" 0 knock-'"$case"'; done >answers'
		assert_equal "$(grep -c '"answer":"refused".*"reason":"that was no knock"' answers)" 3
		assert_equal "$stderr" 'source: somebody knocked at my door and was not understood'
	done
	stranger 'hostile-consumer "$at" 0 knock-wide >answers'
	assert_equal "$stderr" 'source: refused "x": 2147483647 subtasks are more than 128'
	stranger 'hostile-consumer "$at" 0 knock-output >answers'
	assert_equal "$stderr" 'source: refused "x": no output of mine is free for "x"; give me another -o'
}
