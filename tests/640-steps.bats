#!/usr/bin/env bats
# steps: a process is killed at each moment that the code names with STEP().
#
# The list is read from the sources: a step that no job of this file comes to is a
# failure, and so is a result that differs from that of a run without a kill.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# A build with the steps in it, made once for all test files of a run.
setup_file() {
	local source
	[ -z "${WEIR_SLOW-}" ] || skip 'as long as it takes without sanitizers'
	source=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
	export WEIR_STEPS_BUILD=$source/build/steps
	make -C "$source" --no-print-directory B=build/steps CPPFLAGS=-DWEIR_STEPS \
	    CFLAGS=-O1 all >"$BATS_FILE_TMPDIR/make" 2>&1 || {
		cat "$BATS_FILE_TMPDIR/make"
		return 1
	}
}

setup() {
	weir_setup
	PATH=$WEIR_STEPS_BUILD/bin:$PATH
	seq 1 24000 | awk '{ print "k" $1 * 7919 % 6007 "\t" $1 }' >in.tsv
	awk -F '\t' '{ print $1 "\t" ++n[$1] }' in.tsv >want
	cat >count.sh <<-'END'
		weir source --rate 60000 in.tsv | weir keyby -k 1 | weir reduce -M 64k count |
		weir sink out.tsv
	END
	# shellcheck disable=SC2016	# for the shell of each epoch
	cat >spool.sh <<-'END'
		{ cat in.tsv; } | weir source --rate 60000 - | weir keyby -k 1 | weir reduce count |
		weir sink -- sh -c 'cat >"epoch.$WEIR_CHECKPOINT.$$" &&
		    mv "epoch.$WEIR_CHECKPOINT.$$" "epoch.$WEIR_CHECKPOINT"'
	END
	cat >views.sh <<-'END'
		#!/bin/bash
		weir source --rate 60000 in.tsv |
		    weir keyby -k 1 -o - -o >(weir sink -n last --table last.tsv) |
		    weir reduce count | weir sink
	END
	awk -F '\t' '{ l[$1] = $0 } END { for (k in l) print l[k] }' in.tsv |
	    LC_ALL=C sort -t "$(printf '\t')" -k 1,1 >want.last
}

# killed STEP COUNT NAME SCRIPT: run it, a process dies at that step; 1: none came there
killed() {
	local tries=0 status=75
	rm -rf job out.tsv last.tsv printed epoch.* struck
	while [ "$status" != 0 ] && ((tries++ < 5)); do
		status=0
		WEIR_KILL="$1 $2 $3 $PWD/struck" timeout -k 2 "$(seconds 20)" \
		    weir run -q -c 20ms -R exponential-delay:1ms -j job "$4" >>printed 2>>said || status=$?
	done
	[ -e struck ] || return 1
	if [ "$status" != 0 ]; then
		echo "$1 $2 of $3 in $4: status $status at the end" >&2
		cat said >&2
		return 2
	fi
	if [ "$4" = spool.sh ]; then
		# shellcheck disable=SC2012	# digits
		ls epoch.* | sort -t. -k2n | xargs cat >out.tsv
	fi
	if [ "$4" = views.sh ]; then
		awk '!seen[$0]++' printed >out.tsv	# an epoch may come once more
		cmp want.last last.tsv >&2 || return 2
	fi
	cmp want out.tsv >&2 || {
		echo "$1 $2 of $3 in $4: another result" >&2
		return 2
	}
}

steps() {
	grep -rhoE 'STEP\("[a-z-]+"\)' "$WEIR_SOURCE/lib" "$WEIR_SOURCE/bin" | cut -d'"' -f2 | sort -u
}

# all FROM OF: every OF-th step, beginning with the FROM-th
all() {
	local step script struck bad=0 status
	for step in $(steps | awk -v from="$1" -v of="$2" 'NR % of == from'); do
		struck=
		for script in count.sh spool.sh views.sh; do
			for count in 1 3; do
				status=0
				killed "$step" "$count" '*' "$script" || status=$?
				[ "$status" = 1 ] || struck=yes
				[ "$status" != 2 ] || bad=1
			done
			[ -z "$struck" ] || break
		done
		if [ -z "$struck" ]; then
			echo "no process came to the step \"$step\"" >&2
			bad=1
		fi
	done
	return "$bad"
}

@test "the code names its steps" {
	[ "$(steps | wc -l)" -gt 25 ]
}

@test "a kill at each step changes nothing (1 of 4)" { all 0 4; }
@test "a kill at each step changes nothing (2 of 4)" { all 1 4; }
@test "a kill at each step changes nothing (3 of 4)" { all 2 4; }
@test "a kill at each step changes nothing (4 of 4)" { all 3 4; }
