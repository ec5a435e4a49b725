#!/usr/bin/env bats
# Savepoints: what is in them, that a job of them goes on as the one before would
# have, edited or not; and the state of a job, looked at.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

tab=$'\t'

# totals [OPTION]...: a job in ./job of ./in, done: each word's number and sums
totals() {
	printf 'apple 3\nplum 1\napple 2.50\nfig -4\nplum 1\n' >in
	echo 'weir source in | weir keyby -W -k 1 | weir reduce -W count sum:2 min:2 mean:2 \
	    last:2 | weir sink out' >job.sh
	run_weir "weir run -q $* -j job job.sh"
}

# last_digits N: a stage that makes n % N of each number n
last_digits() {
	echo "weir statemap -e 'return function(_, n) return n % $1 end'"
}

# counting RATE N: ./job.sh counts the last digits of 1 to N
counting() {
	echo "weir source --count 1..$2 ${1:+--rate $1} | $(last_digits 10) |
	    weir keyby | weir reduce count | weir sink out" >job.sh
}

# more_or_over SIZE: ./out is larger, or the job `job' has ended
more_or_over() {
	[ "$(stat -c %s out 2>/dev/null || echo 0)" -gt "$1" ] || gone "$job_pid"
}

has_output() {
	[ -s out ]
}

# waits_for_input: a job in ./job of what comes into ./fifo (descriptor 4)
waits_for_input() {
	mkfifo fifo
	echo 'weir source - <fifo | weir keyby | weir reduce count | weir sink out' >job.sh
	start job "exec weir run -q -c 20ms -j job job.sh"
	exec 4>fifo
}

# has N: ./out has N lines
has() {
	[ "$(wc -l <out 2>/dev/null)" = "$1" ]
}

# refused STATUS LINE OPTION...: restore says this, and makes nothing
refused() {
	local status=$1 line=$2
	shift 2
	run_weir -s "$status" "weir restore -j new $*"
	assert_err "restore: $line"
	assert_not_exists new
}

#
# Of a job that does not run
#

@test "a savepoint is sorted text and a manifest" {
	totals
	run_weir 'weir savepoint -j job save'
	grep -qE '^savepoint: save: checkpoint 1, [0-9]+ bytes in [0-9]+ ms$' <<<"$stderr"
	printf 'reduce\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' apple 2 5.5 2.50 5.5 2 2.50 \
	    fig 1 -4 -4 -4 1 -4 plum 2 2 1 2 2 1 >want
	assert_same want save/reduce.tsv
	run head -n 3 save/MANIFEST
	assert_line "weir-savepoint${tab}1"
	run ls save
	assert_output $'MANIFEST\nreduce.tsv'
}

@test "savepoint, restore, savepoint: the same bytes; of a job as well" {
	totals
	run_weir 'weir savepoint -j job one'
	run_weir 'weir restore -j job2 one && weir savepoint -j job2 two'
	diff -r one two
	run_weir 'weir restore -j job3 job && weir savepoint -j job3 three'
	diff -r one three
}

@test "bytes of all kinds, lists, maps and Lua values go there and back" {
	printf 'a\\b\r 1\n\xff\xfe 2\n\x01\x7f 3\n\xc3\xa4 4\na\\b\r 5\n' >in
	cat >job.sh <<-'END'
		weir source in | weir keyby -t ' ' -k 1 | weir statemap -f f.lua | weir sink out
	END
	cat >f.lua <<-'END'
		local all = list_state("all")
		local seen = map_state("seen")
		local last = value_state("last", {0.5, x = "a\tb\n"})
		function process(key, rec)
			all:add(rec)
			seen:put(rec, #rec)
			local t = last:value()
			t.x = t.x .. rec
			last:update(t)
			emit(rec)
		end
	END
	run_weir 'weir run -q -j job job.sh'
	run_weir 'weir savepoint -j job one'
	iconv -f UTF-8 -t UTF-8 one/statemap.tsv >/dev/null
	LC_ALL=C sort -c one/statemap.tsv
	run_weir 'weir restore -j job2 one; weir savepoint -j job2 two'
	diff -r one two
	printf '\xff\xfe 6\n' >>in
	run_weir 'weir run -q -j job job.sh; mv out out1; weir run -q -j job2 job.sh'
	run_weir 'weir state diff job job2'
	assert_equal "$output" ''
}

@test "an edited line shifts the output by exactly that" {
	totals
	run_weir 'weir savepoint -q -j job save'
	sed -i "s/^reduce${tab}apple${tab}2${tab}5.5/reduce${tab}apple${tab}102${tab}1005.5/" \
	    save/reduce.tsv
	refused 2 'save/reduce.tsv: its sum differs from that in MANIFEST: damaged, or changed by hand? --edited takes it' save
	run_weir 'weir restore -j new --edited save'
	assert_err 'restore: reduce.tsv was changed'
	cp out before
	echo 'apple 1' >>in
	run_weir 'weir run -q -j new job.sh'
	tail -c "+$(($(wc -c <before) + 1))" out >got
	printf 'apple\t103\t1006.5\t1\t2.16666666666667\t1\n' >want
	assert_same want got
}

@test "lines may be added and left out by hand, in order" {
	totals
	run_weir 'weir savepoint -q -j job save'
	grep -v plum save/reduce.tsv >kept
	printf 'reduce\tcherry\t1\t7\t7\t7\t1\t7.0\n' >>kept
	cp kept save/reduce.tsv
	refused 2 "save/reduce.tsv:3: out of order: LC_ALL=C sort puts it right" --edited save
	LC_ALL=C sort -o save/reduce.tsv save/reduce.tsv
	run_weir 'weir restore -j new --edited save; weir state -j new get reduce cherry'
	assert_equal "$output" "1${tab}7${tab}7${tab}7${tab}1${tab}7.0"
	run_weir -s 1 'weir state -j new get reduce plum'
}

@test "a job whose processes were all killed is restored from its last checkpoint" {
	leftovers=ok
	counting 20000 100000
	start job 'exec weir run -q -c 20ms -j job job.sh'
	wait_for has_output
	kill -KILL -- "-$job_pid"
	wait_for no_survivors
	run_weir 'weir restore -q -j new job'
	sed -i 's/--rate 20000//' job.sh
	run_weir 'weir run -q -j new job.sh && weir state -j new export reduce'
	printf '%d\t10000\n' {0..9} >want
	printf '%s\n' "$output" >got
	assert_same want got
	assert_equal "$(wc -l <out)" 100000
	assert_equal "$(sort -u out | wc -l)" 100000
}

@test "after crashes the savepoint is that of a run without" {
	leftovers=ok
	counting 100000 100000
	run_weir 'weir run -q -c 20ms -j clean job.sh; weir savepoint -q -j clean one; mv out want'
	start job 'exec weir run -q -c 20ms -j job job.sh'
	wait_for has_output
	kill -KILL -- "-$job_pid"
	wait_for no_survivors
	run_weir 'weir run -q -c 20ms -j job job.sh; weir savepoint -q -j job two'
	assert_same want out
	assert_same one/reduce.tsv two/reduce.tsv
}

#
# Of a job that runs
#

# workers: pids of this job's subtasks
workers() {
	local pid
	for pid in $(survivors); do
		grep -qzs '^WEIR_SUBTASK=' "/proc/$pid/environ" && echo "$pid"
	done
	:
}

saved() {
	weir savepoint -q -j job "$1" 2>/dev/null
}

# read_up_to SAVEPOINT: how much of ./in its source had read: weir-job(5), positions;
# 20 bytes, flags, the length of the name and the name come before it
read_up_to() {
	awk -F "$tab" '$1 == "part" && $2 == "source" && $4 == "stage" { print $6 }' "$1/MANIFEST" |
	    base64 -d | tail -c +27 | od -An -v --endian=little -tu8 -N8 | tr -d ' '
}

@test "a crashing job: each savepoint is what awk makes of the input below its position" {
	local seed=$RANDOM k at pid taken=0 size=0
	echo "seed $seed"
	RANDOM=$seed
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 60000; i++)
			print "k" int(rand() * rand() * 5000), int(rand() * 1000)
	}' >in
	echo 'weir source --rate 40000 in | weir keyby -W -k 1 | weir reduce -p 2 -W count sum:2 |
	    weir sink out' >job.sh
	start job 'exec weir run -q -c 20ms -R fixed-delay:inf:0ms -j job job.sh'
	for k in {1..12}; do
		wait_for more_or_over "$size"
		size=$(stat -c %s out)
		pid=$(workers | shuf -n 1 --random-source=<(yes "$RANDOM"))
		weir savepoint -q -j job "save$k" 2>/dev/null &
		[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || :
		# the death may have been its end, too; then behind the recovery
		wait $! || wait_for saved "save$k"
		at=$(read_up_to "save$k")
		head -c "$at" in | awk '{ n[$1]++; s[$1] += $2 }
			END { for (k in n) print "reduce\t" k "\t" n[k] "\t" s[k] }' |
		    LC_ALL=C sort >want
		assert_same want "save$k/reduce.tsv"
		[ "$at" -eq "$(stat -c %s in)" ] || taken=$((taken + 1))
	done
	finish job
	assert [ "$taken" -ge 4 ]
	awk '{ n[$1]++; s[$1] += $2; print $1 "\t" n[$1] "\t" s[$1] }' in | LC_ALL=C sort >want
	LC_ALL=C sort out >got
	assert_same want got
}

@test "a running job: what is counted is what the source has read" {
	counting 50000 2000000
	start job 'exec weir run -q -c 50ms -j job job.sh'
	wait_for has_output
	for k in 1 2 3; do
		run_weir "weir savepoint -j job save$k"
	done
	run_weir 'weir stop job'
	finish job
	for k in 1 2 3; do
		run_weir "weir restore -q -j job$k save$k; weir state -j job$k export reduce"
		n=$(awk '{ n += $2 } END { print n }' <<<"$output")
		assert [ "$n" -gt 0 ]
		head -n "$n" out >out$k
		sed "s/sink out/sink out$k/; s/1\.\.2000000 --rate 50000/1..$((n + 1000))/" \
		    job.sh >job$k.sh
		run_weir "weir run -q -j job$k job$k.sh"
		assert_equal "$(wc -l <out$k)" "$((n + 1000))"
		assert_equal "$(awk '{ n[$1] = $2 } END { for (k in n) s += n[k]; print s }' out$k)" \
		    "$((n + 1000))"
	done
}

@test "a savepoint while LevelDB is written; nothing is left of its copy" {
	echo "weir source --count 1.. --rate 100000 | $(last_digits 10000) | weir keyby |
	    weir reduce -M 256k count | weir sink out" >job.sh
	start job 'exec weir run -q -c 30ms -j job job.sh'
	wait_for test -d job/stages/reduce.0/base
	for k in 1 2 3 4 5; do
		run_weir "weir savepoint -j job save$k"
		run_weir "weir state -j job list"
	done
	run_weir 'weir stop job'
	finish job
	assert_equal "$(compgen -G 'job/stages/reduce.0/base.*')" ''
	for k in 1 3 5; do
		n=$(awk -F '\t' '{ n += $3 } END { print n }' "save$k/reduce.tsv")
		head -n "$n" out | awk -F '\t' '{ last[$1] = $2 }
		    END { for (k in last) print "reduce\t" k "\t" last[k] }' | LC_ALL=C sort >want
		assert_same want "save$k/reduce.tsv"
	done
}

@test "weir stop --savepoint; a directory that is there stops nothing" {
	counting 20000 100000
	start job 'exec weir run -q -c 50ms -j job job.sh'
	wait_for has_output
	mkdir old
	run_weir -s 2 'weir stop --savepoint old job'
	assert_err 'stop: old: is there already; a savepoint is a new directory'
	weir status job >/dev/null
	run_weir 'weir stop --savepoint save job'
	finish job
	assert_equal "$(awk -F '\t' '{ n += $3 } END { print n }' save/reduce.tsv)" "$(wc -l <out)"
}

@test "history tells of savepoints" {
	waits_for_input
	echo a >&4
	wait_for has 1
	run_weir 'weir savepoint -j job save'
	run_weir 'weir history job'
	assert_line --regexp '^ *[0-9]+ +savepoint +completed'
	exec 4>&-
	finish job
}

@test "a job with no complete checkpoint has no savepoint" {
	counting 1000 100000
	echo 'weir source nothere | weir sink out' >job.sh
	run_weir -s any 'weir run -q -j job job.sh'
	run_weir -s 1 'weir savepoint -j job save'
	assert_err 'savepoint: job/: no checkpoint was ever complete'
	assert_not_exists save
}

@test "a savepoint that cannot be written fails alone" {
	waits_for_input
	echo a >&4
	wait_for has 1
	run_weir -s any 'ulimit -f 0; trap "" XFSZ; weir savepoint -j job save'
	assert [ "$status" != 0 ]
	assert_not_exists save
	run_weir -s 2 'weir savepoint -j job no/such/place'
	echo b >&4
	wait_for has 2
	run_weir 'weir savepoint -j job save'
	exec 4>&-
	finish job
}

#
# What the new job is
#

@test "-p: other numbers of subtasks, and back" {
	words() { seq "$1" "$2" | sed 's/.*\(..\)$/\1/'; }
	words 1 1000 >in
	for p in 1 3 8; do
		echo "weir source in | weir keyby | weir reduce -p $p count | weir sink out" >job$p.sh
	done
	run_weir 'weir run -q -j job1 job1.sh && weir savepoint -q -j job1 one'
	run_weir 'weir restore -j job3 -p reduce=3 one'
	assert_exists job3/stages/reduce.2
	words 1001 2000 >>in
	run_weir 'weir run -q -j job3 job3.sh'
	run_weir 'weir restore -q -j job8 -p reduce=8 job3'
	words 2001 3000 >>in
	run_weir 'weir run -q -j job8 job8.sh'
	run_weir 'weir restore -q -j last -p reduce=1 job8; weir state -j last export reduce'
	LC_ALL=C sort in | uniq -c | awk '{ print $2 "\t" $1 }' >want
	printf '%s\n' "$output" >got
	assert_same want got
	assert_equal "$(sort -u out | wc -l)" "$(wc -l <in)"
	run_weir 'weir restore -q -j most -p reduce=128 job8; weir state diff job8 most'
	run_weir -s 2 'weir run -q -j last job3.sh'
	grep -q 'reduce: -p 3' <<<"$stderr"
}

@test "-p: lists stay with their keys" {
	seq 1 300 | sed 's/.*\(.\)$/\1 &/' >in
	echo 'weir source in | weir keyby -W -k 1 | weir statemap -p 2 -f f.lua | weir sink out' >job.sh
	cat >f.lua <<-'END'
		local all = list_state("all")
		function process(key, rec) all:add(rec) end
	END
	run_weir 'weir run -q -j job job.sh; weir savepoint -q -j job one'
	sed -i 's/-p 2/-p 5/' job.sh
	run_weir 'weir restore -q -j job2 -p statemap=5 one'
	seq 301 310 | sed 's/.*\(.\)$/\1 &/' >>in
	run_weir 'weir run -q -j job2 job.sh; weir state -j job2 get statemap.all 7'
	assert_equal "$output" 31
	run_weir $'weir state -j job2 get statemap.all $\'7\\n0000001e\''
	assert_equal "$output" 's5:7 307'
}

@test "-p: what does not belong to keys cannot be shared out" {
	totals
	run_weir 'weir savepoint -q -j job save'
	refused 2 "-p source=2: has state (\"stage\") that belongs to its 1 subtasks, not to keys: it stays with -p 1" \
	    -p source=2 save
	refused 2 "-p reduce=129: more than the job's 128 key groups" -p reduce=129 save
	refused 2 '-p: "reduce" is not STAGE=N, the name of a stage and a number of subtasks' -p reduce save
}

@test "--map and --drop: the script may be another one" {
	totals
	run_weir 'weir savepoint -q -j job save'
	sed -i 's/reduce -W/reduce -n sums -W/' job.sh
	run_weir 'weir restore -q -j job2 --map reduce=sums save'
	echo 'apple 1' >>in
	run_weir 'weir run -q -j job2 job.sh'
	assert_equal "$(tail -n 1 out)" "apple${tab}3${tab}6.5${tab}1${tab}2.16666666666667${tab}1"
	rm out
	run_weir 'weir restore -q -j job3 --drop reduce save'
	run_weir 'weir run -q -j job3 job.sh'
	assert_equal "$(cat out)" "apple${tab}1${tab}1${tab}1${tab}1${tab}1"
	refused 2 'save/: has no stage "sum"' --drop sum save
	refused 2 'two stages would be called "source"' --map reduce=source save
}

@test "a function that keeps other values is told, not mistaken" {
	totals
	sed -i 's/count sum:2/sum:2/' job.sh
	echo 'apple 1' >>in
	run_weir -s 2 'weir run -q -j job job.sh'
	grep -q "^reduce: the values of state \"reduce\" are \"QNXNQT\" in the checkpoint" <<<"$stderr"
}

@test "the memory backend's state goes there and back" {
	totals --backend memory
	run_weir 'weir savepoint -q -j job one; weir restore -q -j job2 one; weir savepoint -q -j job2 two'
	diff -r one two
	echo 'fig 1' >>in
	run_weir 'weir run -q --backend memory -j job2 job.sh'
	assert_equal "$(tail -n 1 out)" "fig${tab}2${tab}-3${tab}-4${tab}-1.5${tab}1"
}

#
# Outside
#

@test "a sink goes on in its file, or begins an empty one; others are refused" {
	totals
	run_weir 'weir savepoint -q -j job save'
	cp out first
	echo 'plum 5' >>in
	for job in same empty none shorter longer; do
		run_weir "weir restore -q -j $job save"
	done
	run_weir 'weir run -q -j same job.sh'
	cp out whole
	tail -n 1 out >last
	: >out
	run_weir 'weir run -q -j empty job.sh'
	assert_same last out
	run_weir 'weir run -q -j empty job.sh'
	assert_same last out
	echo 'plum 6' >>in
	run_weir 'weir run -q -j empty job.sh'
	assert_equal "$(wc -l <out)" 2
	rm out
	sed -i '$d' in
	run_weir 'weir run -q -j none job.sh'
	assert_same last out
	cat first last >out
	run_weir -s 2 'weir run -q -j longer job.sh'
	assert_err "sink: out: $(wc -c <out) bytes, checkpoint 1 says $(wc -c <first); somebody, or a copy of this job, added to it; cut it off there (truncate -s $(wc -c <first) out), or start over with a new job directory"
}

@test "a table and a command: the file is made again, an epoch is given once" {
	printf 'a 1\nb 2\na 3\n' >in
	echo 'weir source in | weir sink -n all -- sh -c "cat >>got; echo \$WEIR_CHECKPOINT >>ids"' >job.sh
	run_weir 'weir run -q -j job job.sh'
	run_weir 'weir savepoint -q -j job save; weir restore -q -j new save'
	echo 'c 4' >>in
	run_weir 'weir run -q -j new job.sh'
	assert_same in got
	assert_equal "$(wc -l <ids)" 2
	echo 'weir source in | weir sink -W --table out' >table.sh
	sed -i 's/-W //' table.sh
	tr ' ' '\t' <in >t && mv t in
	run_weir 'weir run -q -j tables table.sh'
	cp out want
	run_weir 'weir restore -q -j tables2 tables; rm out; weir run -q -j tables2 table.sh'
	printf 'd\t5\n' | tee -a in >>want
	run_weir 'weir run -q -j tables2 table.sh'
	assert_same want out
}

@test "standard input: of a stopped job nothing is missing, of a running one it is told" {
	waits_for_input
	printf '%s\n' a b a >&4
	wait_for has 3
	run_weir 'weir savepoint -q -j job save'
	echo b >&4
	wait_for has 4
	exec 4>&-
	finish job
	refused 2 "save/: the job ran on when this was taken: what source read from standard input after checkpoint $(awk '$1 == "checkpoint" { print $2 }' save/MANIFEST) is not in it; --skip-gap goes on without that" save
	run_weir 'weir restore -q -j gap --skip-gap save; weir state -j gap export reduce'
	assert_equal "$output" $'a\t2\nb\t1'
	run_weir 'weir savepoint -q -j job whole; weir restore -q -j new whole'
	echo 'weir source - <<<"b" | weir keyby | weir reduce count | weir sink out' >more.sh
	sed -i '1i#!/bin/bash' more.sh
	run_weir 'weir run -q -j new more.sh'
	assert_equal "$(tail -n 1 out)" $'b\t3'
}

# spooled WORD: the spool of ./job has it
spooled() {
	grep -qs "$1" job/stages/source.0/spool.*
}

@test "what was read and not yet used when a job died is in its savepoint" {
	# shellcheck disable=SC2034	# the helper's
	leftovers=ok
	waits_for_input
	printf '%s\n' a b >&4
	wait_for has 2
	coordinator=$(weir status --json job | jq .pid)
	kill -STOP "$coordinator"
	echo c >&4
	wait_for spooled c
	kill -KILL -- "-$job_pid"
	kill -CONT "$coordinator" 2>/dev/null || :
	wait_for no_survivors
	exec 4>&-
	run_weir 'weir restore -q -j new job'
	sed -i 's/<fifo/<\/dev\/null/' job.sh
	run_weir 'weir run -q -j new job.sh'
	assert_equal "$(cut -f 1 out)" $'a\nb\nc'
}

#
# What is not right
#

# flips FILE: with any of some bytes of it changed, or cut off there, it is refused
flips() {
	local n at byte file=$1
	n=$(wc -c <"$file")
	cp "$file" good
	for at in $(seq 0 $((n / 19 + 1)) $((n - 1))); do
		byte=$(tail -c "+$((at + 1))" good | head -c 1)
		{
			head -c "$at" good
			[ "$byte" = x ] && printf y || printf x
			tail -c "+$((at + 2))" good
		} >"$file"
		run_weir -s 2 'weir restore -j new save'
		grep -q "^restore: save/" <<<"$stderr"
		assert_not_exists new
		head -c "$at" good >"$file"
		run_weir -s 2 'weir restore -j new save'
		assert_not_exists new
	done
	cp good "$file"
}

@test "a savepoint that is damaged in any place is refused by file and line" {
	ln -s there out				# it is copied to: the journal keeps it
	totals
	run_weir 'weir savepoint -q -j job save'
	flips save/MANIFEST
	flips save/reduce.tsv
	flips save/sink.0.output
	run_weir 'weir restore -q -j new save'
}

@test "lines that are foreign, twice, or no values are named" {
	totals
	run_weir 'weir savepoint -q -j job save'
	cp save/reduce.tsv good
	sed '2s/^reduce/other/' good >save/reduce.tsv
	refused 2 "save/reduce.tsv:2: is not STATE, KEY and VALUE, joined by TABs, of a state of this stage" --edited save
	sed '2p' good >save/reduce.tsv
	refused 2 'save/reduce.tsv:3: the same state and key as the line before' --edited save
	sed "1s/${tab}2${tab}/${tab}two${tab}/" good >save/reduce.tsv
	refused 2 'save/reduce.tsv:1: field 1 of the value is not an integer' --edited save
	sed "1s/${tab}2.50\$//" good >save/reduce.tsv
	refused 2 'save/reduce.tsv:1: field 5 of the value is the last one, there are too few' --edited save
	sed '1s/$/\\q/' good >save/reduce.tsv
	refused 2 'save/reduce.tsv:1: field 6 of the value has a backslash that means nothing' --edited save
	cp good save/reduce.tsv
	mv save/reduce.tsv elsewhere
	refused 2 'save/reduce.tsv: No such file or directory' save
}

@test "another job's file, a newer weir's savepoint, none at all, a job that is there" {
	totals
	run_weir 'weir savepoint -q -j job save'
	cp -r save other
	sed -i '1s/apple/pear/' other/reduce.tsv
	cp other/reduce.tsv save/
	refused 2 'save/reduce.tsv:2: out of order: LC_ALL=C sort puts it right' save
	sed -i "1s/1\$/2/" other/MANIFEST
	refused 2 'other/MANIFEST:1: has format 2, this weir knows 1: a newer weir made it' other
	mkdir nothing
	refused 2 'nothing/: no job was ever started here' nothing
	rm other/MANIFEST
	refused 2 'other/: has no MANIFEST either, as a complete savepoint has' other
	run_weir -s 2 'weir restore -j job save'
	run_weir -s 2 'weir savepoint -j job save'
	assert_err 'savepoint: save: is there already; a savepoint is a new directory'
}

@test "restore needs a job that does not run" {
	waits_for_input
	echo a >&4
	wait_for has 1
	run_weir -s 75 'weir restore -j new job'
	grep -q "^restore: job/ is in use by process" <<<"$stderr"
	assert_not_exists new
	exec 4>&-
	finish job
}

@test "a directory that was empty is empty again where restore fails" {
	ln -s there out				# it is copied to: the journal keeps it
	totals
	run_weir 'weir savepoint -q -j job save'
	echo x >>save/sink.0.output
	sed -i '$d' save/reduce.tsv
	mkdir new
	run_weir -s 2 'weir restore -j new save'
	run ls -A new
	assert_output ''
	rmdir new
	run_weir -s 1 'ulimit -f 0; trap "" XFSZ; weir restore -j new job'
	assert_not_exists new
}

#
# weir state
#

@test "weir state: list, get, export; of a job and a savepoint" {
	totals
	run_weir 'weir savepoint -q -j job save'
	for of in job save; do
		run_weir "weir state -j $of list"
		assert_equal "$output" "reduce.reduce${tab}3${tab}59"
		run_weir "weir state -j $of get reduce plum"
		assert_equal "$output" "2${tab}2${tab}1${tab}2${tab}2${tab}1"
		run_weir -s 1 "weir state -j $of get reduce.reduce grape"
		assert_equal "$output$stderr" ''
		run_weir "weir state -j $of export reduce | cut -f 1,2"
		assert_equal "$output" $'apple\t2\nfig\t1\nplum\t2'
	done
	run_weir -s 2 'weir state -j job get source x'
	assert_err 'state: job/: no stage "source" with keyed state; there is reduce'
	run_weir -s 2 'weir state -j job export reduce.other'
	assert_err 'state: reduce has no state "other"; it has reduce'
	run_weir -s 2 'weir state -j job frobnicate'
}

@test "weir state: several states; ids of retained checkpoints; diff" {
	printf 'a 1\nb 2\n' >in
	echo 'weir source in | weir keyby -t " " -k 1 | weir statemap -f f.lua | weir sink out' >job.sh
	cat >f.lua <<-'END'
		local n = value_state("n", 0)
		local last = value_state("last")
		function process(key, rec) n:update(n:value() + 1) last:update(rec) end
	END
	run_weir 'weir run -q --retain 3 -j job job.sh'
	echo 'a 3' >>in
	run_weir 'weir run -q --retain 3 -j job job.sh'
	run_weir 'weir state -j job export statemap'
	assert_equal "$output" $'last\ta\ts3:a 3\nlast\tb\ts3:b 2\nn\ta\ti2;\nn\tb\ti1;'
	run_weir -s 2 'weir state -j job get statemap a'
	assert_err 'state: statemap has several states, which one? statemap.STATE: n, last'
	mapfile -t ids < <(jq '.checkpoints[].id' job/job.json)
	run_weir -s 1 "weir state -j job diff ${ids[0]} ${ids[1]}"
	assert_equal "$output" "$(printf '%s\n' "-statemap${tab}last${tab}a${tab}s3:a 1" \
	    "+statemap${tab}last${tab}a${tab}s3:a 3" "-statemap${tab}n${tab}a${tab}i1;" \
	    "+statemap${tab}n${tab}a${tab}i2;")"
	run_weir 'weir state -j job diff job job'
	run_weir -s 1 'weir state -j job diff 99 job'
	assert_err 'state: job/: checkpoint 99 is not retained'
}
