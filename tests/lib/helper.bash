# helper: what every bats file loads: `load lib/helper`
#
# A test runs in a directory of its own, with its own TMPDIR and run directory,
# and the programs of $WEIR_BUILD on its PATH.  It fails when a process, a
# socket, a run directory or shared memory of its is left at its end.
# Seconds are multiplied by $WEIR_SLOW (a build with sanitizers).
#
#	run_weir [-t SECONDS] [-s STATUS|any] TEXT [ARG]...
#		run TEXT in bash (pipefail; ARGs are $1...); $output, $stderr, $status
#	start NAME TEXT [ARG]...
#		the same in the background: NAME.out, NAME.err, $NAME_pid, a process
#		group of its own; signal it by: kill -INT -- -$NAME_pid
#	finish [-t SECONDS] [-s STATUS|any] NAME
#		wait for its end
#	wait_for [-t SECONDS] COMMAND [ARG]...
#		until COMMAND succeeds; the test fails, saying so, when it never does
#	assert_same WANT GOT
#		two files, byte for byte
#	assert_err LINE, refute_err PART
#		$stderr has this line; no line of it has this part
#
# A file with a setup() or teardown() of its own calls weir_setup, weir_teardown.
# A test that SIGKILLs everything and wants to leave the traces sets leftovers=ok.

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert
bats_load_library bats-file

# seconds N: as they are on this build
seconds() {
	echo $(($1 * ${WEIR_SLOW:-1}))
}

setup() {
	weir_setup
}

teardown() {
	weir_teardown
}

weir_setup() {
	export WEIR_TEST_ID=$BATS_TEST_TMPDIR
	export TMPDIR=$BATS_TEST_TMPDIR/tmp XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/x
	export PATH=$WEIR_BUILD/bin:$PATH
	WEIR_SOURCE=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export WEIR_SOURCE
	leftovers=
	mkdir -m 700 "$TMPDIR" "$XDG_RUNTIME_DIR" "$BATS_TEST_TMPDIR/asan" "$BATS_TEST_TMPDIR/cwd"
	mkfifo "$BATS_TEST_TMPDIR/never"
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:log_path=$BATS_TEST_TMPDIR/asan/report
	export UBSAN_OPTIONS=${UBSAN_OPTIONS-}:log_path=$BATS_TEST_TMPDIR/asan/report
	cd "$BATS_TEST_TMPDIR/cwd" || return 1
	outside | sort >"$BATS_TEST_TMPDIR/outside"
}

# A moment, without a process: nobody ever writes into this FIFO.
moment() {
	read -rt 0.015 <>"$BATS_TEST_TMPDIR/never" || :
}

wait_for() {
	local limit=10 end
	if [ "$1" = -t ]; then
		limit=$2
		shift 2
	fi
	end=$((SECONDS + $(seconds "$limit") + 1))
	until "$@"; do
		if ((SECONDS >= end)); then
			echo "waited $(seconds "$limit") s in vain for: $*" >&2
			return 1
		fi
		moment
	done
}

run_weir() {
	local limit=20 want=0
	while :; do
		case $1 in
		-t)	limit=$2 ;;
		-s)	want=$2 ;;
		*)	break ;;
		esac
		shift 2
	done
	run --separate-stderr timeout -k 2 "$(seconds "$limit")" \
	    bash -o pipefail -c "$1" bash "${@:2}"
	check_status "$want" "$1"
}

# check_status WANT TEXT: of what $status, $output and $stderr tell about
check_status() {
	[ "$1" = any ] && [ "$status" != 124 ] && [ "$status" != 137 ] && return 0
	[ "$1" = "$status" ] && return 0
	{
		case $status in
		124|137)	echo "killed after the time limit: $2" ;;
		*)		echo "status $status, not $1: $2" ;;
		esac
		head -c 2000 <<<"-- stdout"$'\n'"$output"
		head -c 4000 <<<"-- stderr"$'\n'"${stderr-}"
	} >&2
	return 1
}

start() {
	local name=$1
	set -m			# its own group, and SIGINT not ignored
	bash -o pipefail -c "$2" bash "${@:3}" >"$name.out" 2>"$name.err" </dev/null 3>&- &
	printf -v "${name}_pid" %s $!
	set +m
}

finish() {
	local limit=20 want=0 pid
	while :; do
		case $1 in
		-t)	limit=$2 ;;
		-s)	want=$2 ;;
		*)	break ;;
		esac
		shift 2
	done
	pid=${1}_pid
	wait_for -t "$limit" gone "${!pid}" || {
		echo "$1 still runs; it said:"; cat "$1.err"
		return 1
	} >&2
	status=0
	wait "${!pid}" || status=$?
	output=$(head -c 100000 "$1.out" | tr -d '\0') stderr=$(tr -d '\0' <"$1.err")
	check_status "$want" "$1"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

assert_same() {
	cmp "$1" "$2" >&2 && return 0
	diff -a "$1" "$2" | head -n 20 >&2
	return 1
}

assert_err() {
	grep -qxF -- "$1" <<<"$stderr" && return 0
	printf -- '-- no such line:\n%s\n-- in:\n%s\n' "$1" "$stderr" >&2
	return 1
}

refute_err() {
	grep -qF -- "$1" <<<"$stderr" || return 0
	printf -- '-- not wanted:\n%s\n-- in:\n%s\n' "$1" "$stderr" >&2
	return 1
}

# The processes of this test, by environment or by working directory: a program
# may have overwritten the one, and have left the other.  Without "all": weir's.
survivors() {
	local pid comm
	{
		grep -lzxFa -- "WEIR_TEST_ID=$WEIR_TEST_ID" /proc/[0-9]*/environ
		find /proc/[0-9]*/cwd -maxdepth 0 -lname "$BATS_TEST_TMPDIR*"
	} 2>/dev/null | cut -d/ -f3 | sort -u | while read -r pid; do
		case $pid in
		"$$"|"$BASHPID")	continue ;;
		esac
		{ read -r comm <"/proc/$pid/comm"; } 2>/dev/null || continue
		[[ $comm == weir* || ${1-} == all ]] && echo "$pid"
	done
	:
}

no_survivors() {
	[ -z "$(survivors)" ]
}

# dead_owners: of paths on standard input that begin with PID-START behind
# prefix $1, those whose process is gone; a job's name no process, then nobody
# has it mapped
dead_owners() {
	local path pid mapped=
	while read -r path; do
		pid=${path#"$1"}
		if [[ $pid == job-* ]]; then
			: "${mapped:=$(grep -hoE '/dev/shm/weir-[^ ]+' /proc/[0-9]*/maps 2>/dev/null) -}"
			[[ $mapped == *"$path"* ]] || echo "$path"
		else
			[ -e "/proc/${pid%%-*}" ] || echo "$path"
		fi
	done
}

# What is in sight of all tests: shared memory, and run directories in /tmp of
# pipelines without XDG_RUNTIME_DIR.
outside() {
	find /dev/shm -maxdepth 1 -name "weir-$UID-*" 2>/dev/null |
	    dead_owners "/dev/shm/weir-$UID-"
	find "/tmp/weir-$UID" -mindepth 1 -maxdepth 1 -name '[0-9]*' 2>/dev/null |
	    dead_owners "/tmp/weir-$UID/"
}

# Shared memory that a killed pipeline of another test still has its notes about.
of_other_tests() {
	local path run tests="${BATS_RUN_TMPDIR%/*}/bats-run-*/test/*"
	while read -r path; do
		if [[ $path =~ -(job-[0-9a-f]{14})-(.*) ]]; then
			{
				compgen -G "$tests/x/weir-*/${BASH_REMATCH[1]}"
				compgen -G "$tests/cwd/*/run/${BASH_REMATCH[2]}.shm"
				compgen -G "$tests/tmp/*/*/job/run/${BASH_REMATCH[2]}.shm"
			} | grep -qvF "$BATS_TEST_TMPDIR/" || echo "$path"
			continue
		fi
		run=$(sed -E 's/.*weir-[0-9]+[-\/]([0-9]+-[0-9a-f]+).*/\1/' <<<"$path")
		compgen -G "$tests/x/weir-*/$run" >/dev/null || echo "$path"
	done
}

# What is left of this test's: sockets, run directories, shared memory.
traces() {
	find "$BATS_TEST_TMPDIR" -type s
	find "$XDG_RUNTIME_DIR" -mindepth 2
	outside | sort | comm -13 "$BATS_TEST_TMPDIR/outside" - | of_other_tests
}

no_traces() {
	[ -z "$(traces)" ]
}

# Shared memory of this test's pipelines and jobs that were killed: other tests, in
# whose sight it is as well, cannot know whose it was once our notes are gone.
clear_memory() {
	local run note
	find "$XDG_RUNTIME_DIR" -mindepth 3 -name '*.shm' -printf '%P\n' 2>/dev/null |
	    while IFS=/ read -r _ run note; do
		rm -f "/dev/shm/weir-$UID-$run-${note%.shm}"
	done
}

weir_teardown() {
	local pid bad=0
	cd / || return 1
	if ! wait_for -t 3 no_survivors; then
		bad=1
		for pid in $(survivors); do
			echo "survivor $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline")" \
			    "in $(cat "/proc/$pid/wchan" "/proc/$pid/syscall" 2>/dev/null)" >&2
		done
	fi
	for pid in $(survivors all); do
		kill -KILL "$pid" 2>/dev/null || :
	done
	if [ "$leftovers" = ok ]; then
		clear_memory
	elif ! wait_for -t 2 no_traces; then
		bad=1
		traces | sed 's/^/left: /' >&2
	fi
	if [ -n "$(ls -A "$BATS_TEST_TMPDIR/asan")" ]; then
		bad=1
		head -n 60 "$BATS_TEST_TMPDIR"/asan/* >&2
	fi
	return "$bad"
}
