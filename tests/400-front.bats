#!/usr/bin/env bats
# weir: the front: which program runs, help, versions, hints, usage.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# own NAME TEXT: a program weir-NAME of the user's, in ./own on the PATH
own() {
	mkdir -p own
	printf '%s\n' "$2" >"own/weir-$1"
	chmod +x "own/weir-$1"
	export PATH=$PWD/own:$PATH
}

#
# Dispatch
#

@test "bare weir, -h and --help: the overview, on one screen" {
	run_weir 'weir'
	assert [ "${#lines[@]}" -ge 10 ]
	assert [ "$(wc -l <<<"$output")" -le 24 ]
	assert [ "$(wc -L <<<"$output")" -le 79 ]
	assert_line --index 0 'weir: stateful stream processing in shell pipelines'
	for name in source keyby statemap reduce sink; do
		assert_line --regexp "^    $name  +[a-z]"
	done
	assert_equal "$stderr" ''
	overview=$output
	run_weir 'weir -h'
	assert_equal "$output" "$overview"
	run_weir 'weir --help'
	assert_equal "$output" "$overview"
}

@test "weir NAME is weir-NAME: arguments, input, output, environment, status" {
	own echo-it '#!/bin/bash
printf "<%s>" "$#" "$@"
echo " $MARK"
cat
echo "to stderr" >&2
exit 42'
	run_weir -s 42 'echo input | MARK=mark weir echo-it "a b" "" -x --help "*" 2>err'
	assert_output $'<5><a b><><-x><--help><*> mark\ninput'
	assert_equal "$(cat err)" 'to stderr'
	own pid '#!/bin/sh
echo $$'
	run_weir 'weir pid & echo $!; wait'
	assert_equal "${lines[0]}" "${lines[1]}"
}

@test "weir itself, not another of its programs, runs one; by any path" {
	seq 1 3 >in
	mkdir elsewhere
	ln -s "$WEIR_BUILD/bin/weir" elsewhere/weir
	run_weir 'PATH=/usr/bin:/bin:$PWD/elsewhere; weir source in | weir keyby | weir sink -'
	assert_output "$(cat in)"
	run_weir 'PATH=/usr/bin:/bin; elsewhere/weir source in | "$WEIR_BUILD/bin/weir" sink -'
	assert_output "$(cat in)"
	# a copy of the tree: programs are found beside the front
	mkdir -p copy/bin copy/libexec/weir
	cp "$WEIR_BUILD/bin/weir" copy/bin
	printf '#!/bin/sh\necho copied "$@"\n' >copy/libexec/weir/weir-source
	chmod +x copy/libexec/weir/weir-source
	run_weir 'copy/bin/weir source x y'
	assert_output 'copied x y'
	run_weir 'WEIR_LIBEXEC=$PWD/copy/libexec/weir weir source z'
	assert_output 'copied z'
}

@test "an own stage on the PATH is a peer; ours come first" {
	own twice '#!/bin/sh
exec weir statemap -n twice "$@" -e "return function(_, r) return { r, r } end"'
	own sink '#!/bin/sh
echo not me'
	printf 'a\nb\n' >in
	run_weir 'weir source in | weir twice | weir sink -'
	assert_output $'a\na\nb\nb'
}

@test "what cannot be run is no program: a directory, a file without x" {
	own good '#!/bin/sh'
	mkdir own/weir-dir
	echo '#!/bin/sh' >own/weir-plain
	run_weir -s 2 'weir dir'
	assert_err "weir: no program \"dir\"; 'weir help' lists them"
	run_weir -s 2 'weir plain'
	assert_err "weir: no program \"plain\"; 'weir help' lists them"
	own text 'echo no first line'
	run_weir -s 1 'weir text'
	assert_err "weir: $PWD/own/weir-text: neither a program nor a script with a first line #!"
}

@test "a misspelt name: what was meant" {
	local pair
	run_weir -s 2 'weir redcue count'
	assert_err "weir: no program \"redcue\"; did you mean \"reduce\"? 'weir help' lists them"
	assert_equal "$output" ''
	for pair in souce:source sorce:source keybye:keyby kebyy:keyby sinc:sink snik:sink \
	    stetemap:statemap state-map:statemap reduec:reduce hlep:help; do
		run_weir -s 2 'weir "$1"' "${pair%:*}"
		assert_err "weir: no program \"${pair%:*}\"; did you mean \"${pair#*:}\"? 'weir help' lists them"
	done
	run_weir -s 2 'weir xyzzy'
	assert_err "weir: no program \"xyzzy\"; 'weir help' lists them"
	own frobnicate '#!/bin/sh'
	run_weir -s 2 'weir frobincate'
	assert_err "weir: no program \"frobincate\"; did you mean \"frobnicate\"? 'weir help' lists them"
}

@test "what is no name, and an option in its place" {
	local name
	for name in '' ../sink a/b 'a b' "$(printf 'x%.0s' {1..65})"; do
		run_weir -s 2 'weir "$1"' "$name"
		assert_err "weir: a program's name has 1 to 64 letters, digits, '_' and '-'; 'weir help' lists them"
	done
	run_weir -s 2 'weir -v source'
	assert_err "weir: an option before the program's name: weir NAME [ARGUMENT]...; 'weir help' lists them"
}

#
# Help and versions
#

@test "weir help: ours, and the user's own with their paths" {
	own mine '#!/bin/sh'
	own sink '#!/bin/sh'
	run_weir 'weir help'
	for name in source keyby statemap reduce sink; do
		assert_line --regexp "^    $name  +[a-z]"
	done
	assert_line --regexp "^    mine +yours: $PWD/own/weir-mine\$"
	assert_equal "$(grep -c '^    sink ' <<<"$output")" 1
	assert_equal "$stderr" ''
}

@test "weir help NAME: the manual page where there is one, else --help" {
	mkdir fakes
	printf '#!/bin/sh\n[ "$1" != -w ] || exit "$HAS"\necho "man $*"\n' >fakes/man
	chmod +x fakes/man
	run_weir 'HAS=0 PATH=$PWD/fakes:$PATH weir help source'
	assert_output 'man weir-source'
	run_weir 'HAS=1 PATH=$PWD/fakes:$PATH weir help source'
	assert_line --index 0 "usage: weir source [OPTION]... [FILE or - or 'PATTERN']..."
	mkdir bare
	ln -s "$WEIR_BUILD/bin/weir" bare
	run_weir 'PATH=$PWD/bare weir help source'
	assert_line --index 0 "usage: weir source [OPTION]... [FILE or - or 'PATTERN']..."
	run_weir -s 2 'weir help redcue'
	assert_err "weir: no program \"redcue\"; did you mean \"reduce\"? 'weir help' lists them"
}

@test "--help of each stage: to standard output, status 0, all its options" {
	local name option
	declare -A options=(
		[source]='-F --follow -H --header --start --count --rate --max-record --linger -o -p'
		[keyby]='-k --key -s --only-keyed -t -W -i -o -p'
		[statemap]='-e -f -M --memory -t -W -i -o -p'
		[reduce]='--emit -M --memory -t -W -i -o -p'
		[sink]='-a --append --truncate -i'
	)
	for name in "${!options[@]}"; do
		run_weir 'weir $1 --help' "$name"
		assert_line --index 0 --regexp "^usage: weir $name "
		assert_equal "$stderr" ''
		for option in ${options[$name]} -n --name --on-error --copy -v --verbose -q --quiet \
		    -h --help -V --version; do
			assert_line --regexp "^ +(-., )?$option\\b"
		done
		usage=$output
		run_weir 'weir $1 -h' "$name"
		assert_equal "$output" "$usage"
	done
	run_weir 'weir sink --help'
	refute_line --regexp '^ +-[op],'
	run_weir 'weir source --help'
	refute_line --regexp '^ +-i,'
}

@test "--version: weir, and the libraries in use" {
	local name library version
	run_weir 'weir --version'
	assert_line --index 0 --regexp '^weir [0-9]'
	assert_line --regexp '^nng [0-9]+\.[0-9]+'
	assert_line --regexp '^xxHash [0-9]+\.[0-9]+'
	version=$output
	run_weir 'weir -V'
	assert_equal "$output" "$version"
	for name in source keyby reduce sink statemap; do
		run_weir 'weir $1 --version' "$name"
		assert_equal "$(head -n "$(wc -l <<<"$version")" <<<"$output")" "$version"
		run_weir 'weir $1 -V' "$name"
		assert_line --index 0 --regexp '^weir [0-9]'
	done
	run_weir 'weir statemap --version'
	assert_line --regexp '^Lua 5\.4'
	# as the packages say
	while read -r library version; do
		run_weir 'weir --version'
		assert_line "$library ${version%%[-+]*}"
	done < <(dpkg-query -W -f '${Package} ${Version}\n' libnng1 libleveldb1d \
	    libxxhash0 2>/dev/null |
	    sed 's/^libnng1/nng/; s/^libleveldb1d/LevelDB/; s/^libxxhash0/xxHash/')
}

@test "help and versions on a full standard output fail" {
	run_weir -s 1 'weir >/dev/full'
	assert_err 'weir: standard output: No space left on device'
	run_weir -s 1 'weir help >/dev/full'
	run_weir -s 1 'weir --version >/dev/full'
	run_weir -s 1 'weir source --help >/dev/full'
	run_weir -s 1 'weir sink --version >/dev/full'
}

#
# Usage
#

@test "options come before operands" {
	: >in
	run_weir -s 2 'weir source in -H'
	assert_err 'source: options come before operands: put -H before in'
	run_weir -s 2 'weir sink out --append'
	assert_err 'sink: options come before operands: put --append before out'
	run_weir -s 2 'weir reduce count sum:2 --emit end'
	assert_err 'reduce: options come before operands: put --emit before count'
	assert [ ! -e out ]
	printf 'named like an option\n' >-H
	run_weir 'weir source -- -H | weir sink -'
	assert_output 'named like an option'
	run_weir 'weir source ./-H - <in | weir sink -'
	assert_output 'named like an option'
}

@test "units: which one, and what is none" {
	run_weir -s 2 'weir source --linger 1000 /dev/null'
	assert_err 'source: --linger 1000: which unit? 1000ms or 1000s'
	run_weir -s 2 'weir source --linger 1w /dev/null'
	assert_err 'source: --linger: "1w" has no unit that I know: ms, s, m, h or d'
	run_weir -s 2 'weir source --linger soon /dev/null'
	assert_err 'source: --linger: "soon" is no duration; write 250ms, 1s, 2m or 1h'
	run_weir -s 2 'weir source --max-record 1x /dev/null'
	assert_err 'source: --max-record: "1x" has no unit that I know: k, M or G'
	run_weir -s 2 'weir source --max-record 99999999999G /dev/null'
	assert_err 'source: --max-record: "99999999999G" is too large'
	run_weir 'weir source --linger 1s --max-record 1k /dev/null >out'
	run_weir 'weir source --linger=250ms --max-record=2000 /dev/null >out'
}

@test "usage errors are one line and status 2" {
	local line
	while read -r line; do
		run_weir -s 2 "$line </dev/null"
		assert_equal "$(wc -l <<<"$stderr")" 1
		assert_equal "$output" ''
	done <<-'END'
	weir source --nonsense
	weir source -z
	weir source -n
	weir source --rate x
	weir source --on-error maybe /dev/null
	weir source --on-error divert= /dev/null
	weir source -i x /dev/null
	weir sink -o x
	weir keyby -p 1000
	weir keyby -n ''
	weir keyby -n 'two words'
	weir reduce
	weir statemap
	END
	run_weir -s 2 'weir source --nonsense'
	assert_err "source: no option --nonsense; 'weir source --help' lists them"
	run_weir -s 2 'weir source --on-error maybe /dev/null'
	assert_err 'source: --on-error: "maybe" is none of fail, skip, divert=FILE'
}

@test "-n names a stage in its messages; -v says more, -q only errors" {
	printf 'a\nb\tc\n' >in
	run_weir 'weir source in | weir keyby -n pages -s -k 2 | weir sink -'
	assert_err 'pages: dropped 1 of 2 records, those without the key'
	run_weir 'weir source in | weir keyby -q -n pages -s -k 2 | weir sink -'
	assert_equal "$stderr" ''
	run_weir 'weir source in | weir keyby -v --on-error skip -k 2 | weir sink -'
	grep -q '^keyby: in: record 1, byte 0: no field 2' <<<"$stderr"
	assert_output $'b\tc'
}
