#!/usr/bin/env bats
# Strangers at the sockets of a run directory: whoever connects and hangs up, or
# talks something else, keeps nobody from their stream.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

cases='close half garbage protocol huge cut pair request'

tools() {
	PATH=$WEIR_BUILD/tests/tools:$PATH
	# nng itself loses a listener that it has closed
	echo 'leak:libnng.so' >nng
	LSAN_OPTIONS=suppressions=$PWD/nng:print_suppressions=0
	export PATH LSAN_OPTIONS
}

# early TEXT: source waits for its consumer; TEXT is run with $at, its door, then
# the address line is passed on
early() {
	rm -f out
	run_weir 'weir source in | { IFS= read -r line; at=${line#* }; at=${at%%#*}.0
	    '"$1"' || exit 99; { echo "$line"; exec cat; } | weir sink out; }'
	assert_same in out
	only_rubbish
}

# only_rubbish: a request arrives and is no knock; of all else nothing is heard
only_rubbish() {
	assert_equal "$(grep -vxE '[a-z]+: somebody knocked at my door and was not understood' <<<"$stderr")" ''
}

@test "at a door, before the consumer comes" {
	local case
	tools
	seq 1000 >in
	for case in $cases; do
		early "hostile-stranger \"\$at\" $case"
		early "hostile-stranger \"\$at\" $case 20"
	done
}

@test "at a door of which all of them have hung up in turn" {
	tools
	seq 1000 >in
	early "for case in $cases close $cases; do hostile-stranger \"\$at\" \$case || exit; done"
}

@test "at a door, more connections than anybody serves" {
	tools
	seq 1000 >in
	early 'hostile-stranger "$at" close 500'
	early 'hostile-stranger "$at" request 500'
}

@test "at a link, before the consumer comes" {
	tools
	# its consumer is a tool, which hangs up once and then comes as it should
	run_weir 'weir source --count 1..100000 | { IFS=" " read -r _ at _
	    hostile-consumer "${at%#*}" "${at##*#}" late; } >out'
	seq 100000 >want
	assert_same want out
}

# busy: a pipeline of four whose input the test holds open
busy() {
	rm -f out
	mkfifo hold
	start p 'weir source hold | weir keyby | weir reduce count | weir sink out'
	exec 4>hold
	seq 1000 >&4
	wait_for ended_with $'1000\t1'
}

ended_with() {
	[ "$(tail -n 1 out 2>/dev/null)" = "$1" ]
}

# over: the rest of it comes, and all end well
over() {
	seq 1001 2000 >&4
	exec 4>&-
	rm hold
	finish p
	assert_equal "$(cut -f 1 out)" "$(seq 2000)"
	only_rubbish
}

@test "at all sockets of a running pipeline" {
	local socket case
	tools
	busy
	for socket in "$XDG_RUNTIME_DIR"/weir-*/*/*; do
		[ -S "$socket" ] || continue
		for case in $cases; do
			hostile-stranger "$socket" "$case" 3
		done
	done
	over
}

@test "at a running pipeline, random bytes over and over" {
	local socket
	tools
	busy
	for socket in "$XDG_RUNTIME_DIR"/weir-*/*/*; do
		[ ! -S "$socket" ] || hostile-stranger "$socket" garbage 100
	done
	over
}
