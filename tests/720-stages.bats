#!/usr/bin/env bats
# Stages of one's own: those of examples/ are built as a user builds them, from what
# is installed or beside a source tree, and do what Flink's page says of them,
# without a job, with one, and while they are killed.

# shellcheck disable=SC2154,SC2030,SC2031	# bats: stderr, NAME_pid; a subshell each

load lib/helper
load lib/installed

# Once for all tests: installed, and the directories of examples/ made with that.
setup_file() {
	local name
	export WEIR_SOURCE=${BATS_TEST_DIRNAME%/*}
	root=$BATS_FILE_TMPDIR/root prefix=$root/opt
	cd "$BATS_FILE_TMPDIR" || return 1
	installed
	for name in stages stage-template; do
		cp -r "$WEIR_SOURCE/examples/$name" .
		make -C "$name" CC="${CC:-cc}" CFLAGS="${CFLAGS--O2 -g}" \
		    CPPFLAGS='-Wall -Wextra -Wpedantic -Wshadow -Werror' >make.log 2>&1 ||
		    { cat make.log; return 1; }
	done
}

setup() {
	weir_setup
	examples=$WEIR_SOURCE/examples
	root=$BATS_FILE_TMPDIR/root prefix=$root/opt
	found
	cp -r "$BATS_FILE_TMPDIR"/{stages,stage-template} .
	export PATH=$prefix/bin:$ordinary
}

# pairs N: as many of seven keys, with values below zero
pairs() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) print i * i % 7 "," i * 31 % 1000 - 500 }'
}

# averages FIELD: of each two values with the same FIELD, or of neighbours (0), as
# awk has them: int() is toward zero
averages() {
	awk -F , -v OFS=, -v field="$1" '{
		key = field ? $field : ""
		n[key]++
		sum[key] += $2
		if (n[key] == 2) {
			print $1, int(sum[key] / 2)
			n[key] = sum[key] = 0
		}
	}' | sed 's/,-0$/,0/'
}

# survives ROUNDS SCRIPT...: its files are the same when its processes are killed
survives() {
	run_weir -t 120 'weir crashtest -N "$1" -c 20ms "${@:2}"' "$@"
	assert_err "$(grep -x 'crashtest: seed [0-9]*: no difference in the files that the script makes' <<<"$stderr")"
}

@test "beside a source tree they are made without anything installed" {
	local name
	export PATH=$WEIR_BUILD/bin:$PATH
	unset LD_LIBRARY_PATH
	rm -r stages stage-template
	for name in weir-filter stages stage-template; do
		cp -r "$examples/$name" .
		PKG_CONFIG_LIBDIR=/nowhere PKG_CONFIG_PATH='' make -C "$name" CC="${CC:-cc}" \
		    CFLAGS="${CFLAGS--O2 -g}" TREE="$WEIR_SOURCE" BUILD="$WEIR_BUILD" \
		    >make.log 2>&1 || { cat make.log; return 1; }
	done
	run_weir 'stages/average.sh'
	assert_output $'1,4\n2,10'
	run_weir 'make -s -C stage-template BUILD="$WEIR_BUILD" try'
	assert_line --index 2 $'2\tann tea'
}

@test "room for more than a frame is refused, and said" {
	cat >wide.c <<-'EOF'
	#include <weir.h>

	static int
	record(struct weir *w, const struct weir_record *r)
	{
		(void)r;
		return (weir_reserve(w, weir_record_max(w) + 2, NULL) == NULL ? -1 : 0);
	}

	int
	main(int argc, char *argv[])
	{
		static const struct weir_stage stage = {
			.abi = WEIR_ABI, .name = "wide", .record = record,
		};

		return (weir_main(argc, argv, &stage));
	}
	EOF
	# shellcheck disable=SC2046,SC2086	# lists of words
	"${CC:-cc}" ${CFLAGS-} -o wide wide.c $(pkg-config --cflags --libs weir)
	run_weir -s 1 'echo a | weir source - | ./wide | weir sink'
	assert_err 'wide: 1048578 bytes are over the limit of 1048577 that a frame has'
}

@test "template: numbers each key's records, and says what is wrong" {
	awk '{ print ++n[$1] "\t" $0 }' stage-template/sample.txt >want
	run_weir 'stage-template/number.sh >got'
	assert_same want got
	export PATH=$PWD/stage-template:$PATH
	run_weir 'printf "a\na\n" | weir source | weir keyby | weir number --first 7 | weir sink'
	assert_output $'7\ta\n8\ta'
	run_weir -s 2 'weir number file </dev/null'
	assert_err "number: file: I take no operands; files are read by 'weir source FILE'"
	run_weir 'weir number --help'
	assert_line --index 0 'usage: weir number [OPTION]...'
	assert_line --partial '-f, --first N'
	run_weir -s any 'printf "a\n" | weir source | weir number | weir sink'
	assert_err "number: the stream is not keyed; put 'weir keyby -k FIELD' before me"
}

@test "template: as a job it goes on where it stopped, and survives kills" {
	head -n 3 stage-template/sample.txt >in
	run_weir 'weir run -c 20ms -j J stage-template/number.sh in out'
	tail -n +4 stage-template/sample.txt >>in
	PATH=$PWD/stage-template:$PATH run_weir 'weir run -c 20ms -j J -e "
	    weir source in | weir keyby -W -k 1 | weir number -v | weir sink out"'
	awk '{ print ++n[$1] "\t" $0 }' stage-template/sample.txt >want
	assert_same want out
	# what snapshot() saved has been restored
	assert_err 'number: 6 records'
	run_weir 'weir state -j J export number'
	assert_output $'ann\t3\nbob\t2\ncid\t1'
	pairs 60000 | tr , ' ' >long
	rm out
	survives 4 stage-template/number.sh long out
}

@test "average: Flink's example, by key" {
	run_weir 'stages/average.sh'
	assert_output $'1,4\n2,10'
	printf '%s\n' 1,3 1,5 1,7 1,4 1,2 >page.csv
	run_weir 'stages/average.sh page.csv'
	assert_output $'1,4\n1,5'
	printf '%s\n' 1,-3 1,0 >sign.csv
	run_weir 'stages/average.sh sign.csv'
	assert_output 1,-1
	pairs 5000 >many.csv
	averages 1 <many.csv >want
	run_weir 'stages/average.sh many.csv >got'
	assert_same want got
	printf '%s\n' 1,3 1,x 1, 1 1,99999999999999999999 >bad.csv
	run_weir -s 1 'stages/average.sh bad.csv'
	assert_err 'average: bad.csv: record 2, byte 4: "x" is not a number'
}

@test "average: its state is what the page says, and can be read" {
	run_weir 'weir run -c 20ms -j J stages/average.sh stages/pairs.csv out'
	assert_equal "$(cat out)" $'1,4\n2,10'
	# keys 1 and 2 were cleared: they are absent, not zero
	run_weir 'weir state -j J export average'
	assert_output $'3\t1\t7'
	printf '%s\n' 1,3 1,5 1,7 1,4 1,2 >page.csv
	run_weir 'weir run -c 20ms -j P stages/average.sh page.csv page.out'
	run_weir 'weir state -j P get average 1'
	assert_output $'1\t2'
}

@test "average-field: the same text, another answer: one window for all keys" {
	run_weir 'stages/average-field.sh'
	assert_output $'2,6\n2,8'
	printf '%s\n' 1,3 1,5 1,7 1,4 1,2 >page.csv
	run_weir 'stages/average-field.sh page.csv'
	assert_output $'1,4\n1,5'
	pairs 5000 >many.csv
	averages 0 <many.csv >want
	run_weir 'stages/average-field.sh many.csv >got'
	assert_same want got
}

@test "average, average-field: restored before they are opened, and not reset" {
	local name
	for name in average average-field; do
		echo 1,3 >in.csv
		rm -rf J out
		run_weir 'weir run -c 20ms -j J "stages/$1.sh" in.csv out' "$name"
		assert [ ! -s out ]
		printf '%s\n' 1,5 1,7 1,4 1,2 >>in.csv
		run_weir 'weir run -c 20ms -j J "stages/$1.sh" in.csv out' "$name"
		assert_equal "$(cat out)" $'1,4\n1,5'
	done
}

@test "average: survives kills" {
	pairs 60000 >many.csv
	survives 3 stages/average.sh many.csv out
}

@test "average-field: survives kills" {
	pairs 60000 >many.csv
	survives 3 stages/average-field.sh many.csv out
}

@test "counter: each number once, by one or by several" {
	run_weir 'stages/counter.sh 10 | tail -n 1'
	assert_output $'sum\t10\t45'
	run_weir 'PATH=$PWD/stages:$PATH; weir counter -p 3 1000 | weir keyby | weir sink | sort -n >got'
	seq 0 999 >want
	assert_same want got
	run_weir -s 2 'stages/weir-counter 1x >got'
	assert_err 'counter: 1x: not a number'
}

@test "counter: goes on where it was, also after it was cancelled" {
	local last
	run_weir 'weir run -c 20ms -j J stages/counter.sh 1000 out'
	assert_equal "$(tail -n 1 out)" $'sum\t1000\t499500'
	start job 'weir run -c 20ms -j J stages/counter.sh 18446744073709551615 out'
	wait_for grep -q $'^sum\t2...\t' out
	kill -TERM "$job_pid"
	finish job
	last=$(tail -n 1 out | cut -f 2)
	# the offset that was saved is that of the numbers that were emitted
	run_weir 'weir run -c 20ms -j J stages/counter.sh "$1" out' $((last + 5))
	awk 'BEGIN { OFS = "\t" } { sum += $1; print "sum", NR, sum }' \
	    <(seq 0 $((last + 4))) >want
	assert_same want out
}

@test "counter: survives kills" {
	survives 3 stages/counter.sh 100000 out
}

@test "listener: what is published is what is complete" {
	pairs 100 >in.csv
	run_weir 'stages/listener.sh in.csv out'
	assert_same in.csv out
	run_weir -s 2 'stages/listener.sh in.csv out'
	assert_err "listener: out: $(wc -c <out) bytes are there that are not mine"
	rm out
	start job 'PATH=$PWD/stages:$PATH
	    weir run -c 20ms -j J -e "weir source -F in.csv | weir listener out"'
	wait_for cmp -s in.csv out
	echo more >>in.csv
	wait_for cmp -s in.csv out
	kill -TERM "$job_pid"
	finish job
	assert_same in.csv out
}

@test "listener: survives kills" {
	pairs 60000 >many.csv
	survives 4 stages/listener.sh many.csv out
}
