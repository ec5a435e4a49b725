#!/usr/bin/env bats
# Pipelines with a loop: refused, and with --force what comes out of them, when they
# end, and what a death costs.

# shellcheck disable=SC2034,SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# loop: ./loop.sh, where every number of ./in goes round, one less each
# time, and leaves at 0 as what it was; ./all is what came in.
loop() {
	cat >loop.sh <<-EOT
	weir source -n s -o a -o all ${RATE:+--rate $RATE} in &
	weir statemap -n a -i s -i b -o b -o out=out -e '
		return function(key, rec)
			local n, was = rec:match("^(%d+) ?(%d*)$")
			if was == "" then was = n end
			if n == "0" then emit(was, "out") return end
			return math.tointeger(n) - 1 .. " " .. was
		end' &
	weir statemap -n b -i a -o a -e 'return function(key, rec) return rec end' &
	weir sink -n all -i s all &
	weir sink -n out -i a out &
	wait
	EOT
}

# worker NAME: the process id of its subtask
worker() {
	local pid
	for pid in $(survivors); do
		if [[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == *" -n $1 "* ]] &&
		    grep -qzaF WEIR_SUBTASK= "/proc/$pid/environ"; then
			echo "$pid"
		fi
	done 2>/dev/null
}

has_lines() {
	[ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]
}

@test "a loop is refused by its name" {
	seq 10 >in
	loop
	run_weir -s 2 'weir run -c 50ms -j job loop.sh'
	grep -qE '^run: the pipeline is a loop, (a -> b -> a|b -> a -> b): what is on its way there would be in no checkpoint; --force takes them all the same$' <<<"$stderr"
	assert [ ! -s out ]
}

# circled WAY: the stages in ./it.sh, without a job, are told that they are this loop;
# those that wait for one of them give up later
circled() {
	leftovers=ok
	start it 'exec bash it.sh'
	wait_for grep -qE "^[a-z]+: the pipeline is a loop, $1: only a job can have one \\(weir run -j DIR --force\\)\$" it.err
	kill -KILL -- "-$it_pid"
}

@test "without a job a loop is refused by its name" {
	seq 10 >in
	loop
	mv loop.sh it.sh
	circled '(a -> b -> a|b -> a -> b)'
	assert [ ! -s out ]
}

@test "without a job, a loop through pipes and subtasks" {
	cat >it.sh <<-'EOT'
	weir source --count 1..9 -o one &
	weir keyby -n one -i source -i three -o - | weir keyby -n two -p 2 |
	    weir statemap -p 2 -n three -e 'return function(_, r) return r end' -o one
	EOT
	circled '(one -> two -> three -> one|two -> three -> one -> two|three -> one -> two -> three)'
}

@test "without a job, two ways that meet are no loop" {
	run_weir 'weir keyby -n both -i <(weir keyby -n left -i <(weir source --count 1..3)) \
	    -i <(weir keyby -n right -i <(weir source --count 4..6)) | weir sink | sort'
	assert_output "$(seq 6)"
}

@test "forced: all go round as often as they have to, and it ends" {
	seq 300 >in
	loop
	run_weir 'weir run -c 50ms --force --loop-wait 500ms -j job loop.sh'
	grep -qE '^run: the pipeline is a loop, .*: records on their way there are lost at a restart$' <<<"$stderr"
	sort -n out >sorted
	assert_same in sorted
	assert_same in all
}

@test "forced, without -c: the final checkpoint waits for the loop" {
	seq 100 >in
	loop
	run_weir 'weir run --force --loop-wait 500ms -j job loop.sh'
	sort -n out >sorted
	assert_same in sorted
	seq 101 120 >>in
	run_weir 'weir run --force --loop-wait 500ms -j job loop.sh'
	sort -n out >sorted
	assert_same in sorted
}

@test "one that feeds itself" {
	seq 2000 >in
	cat >self.sh <<-'EOT'
	weir source -n s -o a in &
	weir statemap -n a -i a -i s -o a -o out=out -e '
		return function(key, rec)
			if rec:sub(1, 1) ~= "x" then return "x" .. rec end
			emit(rec:sub(2), "out")
		end' &
	weir sink -n out -i a out &
	wait
	EOT
	run_weir 'weir run -c 50ms --force --loop-wait 500ms -j job self.sh'
	assert_same in out
}

@test "keyed, in parallel, and more than the links hold" {
	seq -f '%.0f text that fills frames' 60000 >in
	cat >keyed.sh <<-'EOT'
	weir source -n s -o k in &
	weir keyby -n k -k 1 -i s -i b -o b &
	weir statemap -n b -p 2 -i k -o k -o out=out -e '
		return function(key, rec, n)
			if n == 3 then emit(rec, "out") return nil, nil end
			return rec, (n or 0) + 1
		end' &
	weir sink -n out -i b out &
	wait
	EOT
	run_weir -t 40 'weir run -c 100ms --force -j job keyed.sh'
	sort -n out >sorted
	assert_same in sorted
}

@test "--loop-wait: what comes after a longer silence is dropped" {
	echo 1 >in
	loop
	sed -i 's|^weir statemap -n b .*|weir statemap -n b -i a -o a -- bash ./late.sh \&|' loop.sh
	cat >late.sh <<-'EOT'
	while IFS= read -r line; do
		read -rt 1 <>"$BATS_TEST_TMPDIR/never"
		printf '>%s\n.\n' "${line##*$'\t'}"
	done
	EOT
	run_weir 'weir run --force --loop-wait 100ms -j job loop.sh'
	assert [ ! -s out ]
	rm -r job all
	run_weir 'weir run --force --loop-wait 4s -j job loop.sh'
	assert_same in out
}

@test "a death costs what is in the loop, and nothing else" {
	seq 400 >in
	RATE=100 loop
	start run 'exec weir run -c 50ms -R exponential-delay:10ms --force -j job loop.sh'
	wait_for has_lines 20 out
	kill -KILL "$(worker b)"
	finish -t 40 run
	assert_same in all
	assert_equal "$(sort -n out | uniq -d)" ''
	assert_equal "$(sort out | comm -13 <(sort in) -)" ''
	grep -qE '^run: .*restart' <<<"$stderr"
}

@test "more than memory holds is the end of the job" {
	seq 3 >in
	cat >grow.sh <<-'EOT'
	weir source -n s -o a in &
	weir statemap -n a -M 1M -i s -i b -o b -o out=out -e '
		return function(key, rec) emit(rec) return rec end' &
	weir statemap -n b -i a -o a -e 'return function(key, rec) return rec end' &
	weir sink -n out -i a out &
	wait
	EOT
	run_weir -s 1 'weir run -c 1h --force -j job grow.sh'
	assert_err 'a: more comes round the loop, from b, than my 1048576 bytes of memory hold (-M)'
}
