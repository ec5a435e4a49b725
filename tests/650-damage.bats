#!/usr/bin/env bats
# damage: files of a stopped job that are flipped, cut, gone or another's.
#
# Whatever is done to one file, running the job again either names that file with
# status 2 and touches nothing, or ends with the right output: it never begins
# from empty.  $DAMAGES: flipN, cut, empty, gone, longer, directory.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

setup() {
	[ -z "${WEIR_SLOW-}" ] || skip 'as long as it takes without sanitizers'
	weir_setup
	seq 1 40000 | awk '{ print "k" $1 * 7919 % 5003 "\t" $1 }' >all.tsv
	head -n 25000 all.tsv >in.tsv
	awk -F '\t' '{ print $1 "\t" ++n[$1] }' all.tsv >want
	# shellcheck disable=SC2016	# for sh
	cat >s.sh <<-'END'
		cat in.tsv | weir source --rate 100000 - | weir keyby -k 1 | weir reduce -M 200k count | weir sink out.tsv
	END
	cat >f.sh <<-'END'
		weir source --rate 100000 in.tsv | weir keyby -k 1 | weir reduce -M 200k count | weir sink out.tsv
	END
}

teardown() {
	[ "${WEIR_SLOW-}" ] || weir_teardown
}

# first SCRIPT: run it over the first half, and keep what that leaves
first() {
	run_weir -t 60 'weir run -q -c 20ms --retain 2 -j job "$1"' "$1"
	mkdir kept
	cp -a job out.tsv kept
}

# again SCRIPT: over all, what the damage did being seen; names FILE
again() {
	local file=$2 how=$3
	cp all.tsv in.tsv
	cp out.tsv before
	run_weir -t 60 -s any 'weir run -q -c 20ms -j job "$1"' "$1"
	case $status in
	0)	cmp want out.tsv >&2 || { echo "$file $how: status 0, another output" >&2; return 1; } ;;
	1|2)	[ "$status" = 2 ] || [ "$how" = directory ] || {
			echo "$file $how: status 1: $stderr" >&2
			return 1
		}
		cmp before out.tsv >&2 || { echo "$file $how: refused, but output was written" >&2; return 1; }
		grep -qF -- "$(basename "$file")" <<<"$stderr" || grep -qF base <<<"$stderr" || {
			echo "$file $how: not named in: $stderr" >&2
			return 1
		} ;;
	*)	echo "$file $how: status $status: $stderr" >&2
		return 1 ;;
	esac
}

restore() {
	rm -rf job out.tsv
	cp -a kept/job job
	cp -a kept/out.tsv out.tsv
}

flip() {
	local size
	size=$(stat -c %s "$1")
	[ "$size" -gt 0 ] || return 1
	corrupt "$1" $((size * $2 / 100))
}

# corrupt FILE OFFSET: one byte is another
corrupt() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059	# an escape is what is wanted
	printf "\\$(printf %o $(((byte + 85) % 256)))" |
	    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# try FILE HOW SCRIPT
try() {
	restore
	case $2 in
	flip*)	flip "$1" "${2#flip}" || return 0 ;;
	cut)	truncate -s $(($(stat -c %s "$1") / 2)) "$1" ;;
	empty)	: >"$1" ;;
	gone)	rm "$1" ;;
	longer)	echo rubbish >>"$1" ;;
	directory)
		rm "$1"
		mkdir "$1" ;;
	esac
	again "$3" "$1" "$2"
}

# every_file SCRIPT PATTERN: whose path matches
every_file() {
	local file how bad=0
	first "$1"
	(cd kept && find job -type f -path "$2" ! -name 'LOG*' ! -name '*.bak') >files
	[ -s files ]
	while read -r file; do
		for how in ${DAMAGES:-flip50 cut gone directory}; do
			try "$file" "$how" "$1" || bad=1
		done
	done <files
	return "$bad"
}

@test "each file of the coordinator's" {
	every_file f.sh 'job/[!s]*'
}

@test "each file of source and keyby" {
	every_file f.sh 'job/stages/[!rs]*'
	rm -rf job out.tsv kept
	head -n 25000 all.tsv >in.tsv
	every_file f.sh 'job/stages/source*'
}

@test "each file of keyed state: journal" {
	every_file f.sh 'job/stages/reduce.0/[!b]*'
}

@test "each file of keyed state: base" {
	every_file f.sh 'job/stages/reduce.0/base/*'
}

@test "each file of a sink" {
	every_file f.sh 'job/stages/sink*'
}

@test "files that belong to another subtask, or to another job" {
	local a b
	first f.sh
	restore
	a=$(find job/stages/reduce.0 -name 'state.*' | head -n 1)
	b=$(find job/stages/sink.0 -name 'output.*' | head -n 1)
	if [ "$a" ] && [ "$b" ]; then
		cp "$a" keep && cp "$b" "$a" && cp keep "$b"
		again f.sh "$a" swapped || again f.sh "$b" swapped
	fi
	restore
	mv job/stages/reduce.0 job/stages/x && mv job/stages/sink.0 job/stages/reduce.0 &&
	    mv job/stages/x job/stages/sink.0
	again f.sh stages swapped
	restore
	rm -rf job/stages/reduce.0
	again f.sh reduce.0 gone
	restore
	rm -rf job/stages
	again f.sh stages gone
}

@test "a job of a newer weir, or without its job.json, is refused by name" {
	first f.sh
	restore
	sed -i 's/"format":1/"format":9/' job/job.json
	again f.sh job.json newer
	[ "$status" = 2 ]
	restore
	rm job/job.json
	again f.sh job.json gone
	[ "$status" = 2 ]
}
