#!/usr/bin/env bats
# functions in a job: what they keep is in checkpoints, and comes back.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# job TEXT [LUA]: run the script TEXT, in which $lua is the file lua, as the job
job() {
	printf 'lua=lua\n%s\n' "$1" >script
	[ $# -lt 2 ] || printf '%s\n' "$2" >lua
	run_weir 'weir run -j job script'
}

keyed='weir source in | weir keyby -t , -k 1'

@test "W2r: a field is restored before open(), and goes on" {
	local average='
	local sum
	return {
		open = function()
			print(sum and "restored " .. sum[1] .. " " .. sum[2] or "first start")
			sum = sum or { 0, 0 }
		end,
		process = function(key, rec)
			sum = { sum[1] + 1, sum[2] + math.tointeger(field(rec, 2)) }
			if sum[1] >= 2 then
				emit(key .. "," .. sum[2] // sum[1])
				sum = { 0, 0 }
			end
		end,
		snapshot = function() return sum end,
		restore = function(value) sum = value end,
	}'
	echo 1,3 >in
	job "$keyed | weir statemap -f \$lua | weir sink out" "$average"
	assert_err 'statemap: first start'
	printf '%s\n' 1,5 1,7 1,4 1,2 >>in
	job "$keyed | weir statemap -f \$lua | weir sink out"
	assert_err 'statemap: restored 1 3'
	assert_equal "$(cat out)" $'1,4\n1,5'
}

# out_has N: a checkpoint later, out has N lines
out_has() {
	weir checkpoint job >checkpoint.log 2>&1 && [ "$(wc -l <out)" = "$1" ]
}

@test "W3c: killed behind a checkpoint: each line once" {
	cat >lua <<-'END'
	return function(key, rec, total)
		total = total or 0
		local after = total + math.tointeger(field(rec, 2))
		print(rec)
		return key .. "," .. total, after
	end
	END
	mkfifo fifo
	echo "${keyed/ in / - <fifo } | weir statemap -f lua | weir sink out" >script
	start job 'exec weir run -c 1h -j job script'
	exec 4>fifo
	printf '%s\n' a,1 b,10 >&4
	wait_for out_has 2
	printf '%s\n' a,2 a,3 >&4
	wait_for grep -qx 'statemap: a,3' job.err
	# those two came after the checkpoint: nobody has seen what they gave
	assert_equal "$(cat out)" $'a,0\nb,0'
	kill -KILL "$(weir status --pids job | awk '$1 == "statemap.0" { print $2 }')"
	echo b,5 >&4
	exec 4>&-
	finish job
	assert_equal "$(cat out)" $'a,0\nb,0\na,1\na,3\nb,10'
	# both were replayed
	assert_equal "$(grep -cx 'statemap: a,[23]' job.err)" 4
}

@test "W19: the states of keys go on with the input" {
	printf '%s\n' a,1 b,10 a,2 a,3 b,5 >in
	job "$keyed | weir statemap -f \$lua | weir sink out" 'return function(key, rec, total)
		total = total or 0
		return key .. "," .. total, total + math.tointeger(field(rec, 2))
	end'
	assert_equal "$(cat out)" $'a,0\nb,0\na,1\na,3\nb,10'
	echo a,4 >>in
	job "$keyed | weir statemap -f \$lua | weir sink out"
	assert_equal "$(cat out)" $'a,0\nb,0\na,1\na,3\nb,10\na,6'
}

@test "lists, maps, reducing states and random numbers go on" {
	local i lua='
	local list, map = list_state("list"), map_state("map")
	local sum = reducing_state("sum", function(a, b) return a + b end)
	function process(key, rec)
		local n = math.tointeger(field(rec, 2))
		list:add(n) map:put(n % 3, n) sum:add(n)
		if n % 5 == 0 then list:clear() map:remove(0) end
		local out = {}
		for k, v in pairs(map:entries()) do out[#out + 1] = k .. "=" .. v end
		emit(table.concat(list:get() or {}, " ") .. "," .. table.concat(out, " ") .. "," ..
		    sum:get() .. "," .. math.random(1000000))
	end'
	seq 1 40 | awk '{ print $1 % 3 "," $1 }' >all
	cp all in
	job "$keyed | weir statemap -f \$lua | weir sink want" "$lua"
	rm -r job
	: >in
	for i in 1 2 3 4; do
		sed -n "$((10 * i - 9)),$((10 * i))p" all >>in
		job "$keyed | weir statemap -f \$lua | weir sink out" "$lua"
	done
	assert_same want out
}

@test "reduce -e: its records go on, and so do its random numbers" {
	local lua='return function(current, record)
		return field(current, 1) .. "," .. field(current, 2) + field(record, 2) .. "," ..
		    math.random(1000000)
	end'
	seq 1 20 | awk '{ print $1 % 3 "," $1 }' >all
	cp all in
	job "$keyed | weir reduce -f \$lua | weir sink want" "$lua"
	rm -r job
	head -n 10 all >in
	job "$keyed | weir reduce -f \$lua | weir sink out" "$lua"
	tail -n 10 all >>in
	job "$keyed | weir reduce -f \$lua | weir sink out" "$lua"
	assert_same want out
}

@test "W12: what is pending at a snapshot is ready when that, or a later one, is complete" {
	echo a >in
	job 'weir source in | weir statemap -f $lua | weir sink out' '
	local ready, pending = {}, {}
	function process(_, rec)
		ready[#ready + 1] = rec
	end
	function snapshot(id)
		pending[id] = ready
		ready = {}
		return pending
	end
	function restore(value)
		pending = value
		for id, set in pairs(pending) do print("restored", id, table.concat(set)) end
	end
	function checkpoint_complete(id)
		for i, set in pairs(pending) do
			if i <= id then
				print("published", table.concat(set))
				pending[i] = nil
			end
		end
	end'
	assert_err 'statemap: published a'
	echo b >>in
	job 'weir source in | weir statemap -f $lua | weir sink out'
	# the snapshot was taken before the notice: it is published again
	assert_err 'statemap: restored 1 a'
	grep -q '^statemap: published b$' <<<"$stderr"
}

@test "a command: the state is in the checkpoint" {
	printf '%s\n' a,1 b,10 a,2 >in
	cat >total.awk <<-'END'
	{
		n = substr($2, 2) + 0
		split($3, f, ",")
		print ">" $1 "," n "\n=" n + f[2]
		fflush()
	}
	END
	job "$keyed | weir statemap -- gawk -F '\t' -f total.awk | weir sink out"
	printf '%s\n' a,3 b,5 >>in
	job "$keyed | weir statemap -- gawk -F '\t' -f total.awk | weir sink out"
	assert_equal "$(cat out)" $'a,0\nb,0\na,1\na,3\nb,10'
}

# lines N FILE: FILE has as many at least
lines() {
	[ "$(wc -l <"$2")" -ge "$1" ]
}

@test "a command is killed, and killed again: exactly once" {
	local pid
	cat >script <<-'END'
	weir source --count 1..3000 --rate 2000 | weir keyby -r '.$' |
	    weir statemap -- gawk -F '\t' '{ n = substr($2, 2) + 1; print ">" $3 " " n "\n=" n; fflush() }' |
	    weir sink out
	END
	awk 'BEGIN { for (i = 1; i <= 3000; i++) print i, ++n[i % 10] }' >want
	start run 'weir run -c 20ms -R fixed-delay:9:0s -j job script'
	for n in 200 1200; do
		wait_for test -e out
		wait_for lines "$n" out
		pid=$(pgrep -f '^gawk -F .t . n = substr' | while read -r p; do
			[ "$(readlink "/proc/$p/cwd")" = "$PWD" ] && echo "$p"
		done)
		kill -KILL "$pid"
	done
	finish run
	assert_err 'statemap: gawk has ended before its input, with signal 9 (Killed)'
	assert_same want out
}

@test "W18: whatever dies, all kinds of state give what a clean run gives" {
	cat >all.lua <<-'END'
	local total, list = value_state("total", 0), list_state("list")
	local map, sum = map_state("map"), reducing_state("sum", function(a, b) return a + b end)
	local count = 0
	function process(key, rec)
		local n = math.tointeger(field(rec, 2))
		count = count + 1
		total:update(total:value() + n)
		list:add(n) map:put(n % 3, count) sum:add(n)
		local l, out = list:get(), {}
		if #l == 4 then list:clear() map:remove(1) end
		for k, v in pairs(map:entries()) do out[#out + 1] = k .. "=" .. v end
		emit(table.concat({ key, count, total:value(), sum:get(), table.concat(l, " "),
		    table.concat(out, " "), math.random(100) }, ","))
	end
	function snapshot() return count end
	function restore(value) count = value end
	END
	awk 'BEGIN { for (i = 0; i < 20000; i++) print i * 7919 % 503 "," i % 100 }' >in
	cat >script <<-'END'
	weir source in | weir keyby -t , -k 1 | weir statemap -f all.lua | weir sink out
	END
	run_weir -t 120 'weir crashtest -N 3 --seed 1 -c 50ms script'
	grep -q 'no difference' <<<"$stderr$output"
	cat >script <<-'END'
	weir source in | weir keyby -t , -k 1 |
	    weir statemap -- gawk -F '\t' '{ n = substr($2, 2) + 1; print ">" $3 "," n "\n=" n; fflush() }' |
	    weir sink out
	END
	run_weir -t 120 'weir crashtest -N 3 --seed 2 -c 50ms script'
	grep -q 'no difference' <<<"$stderr$output"
	# hot keys: outputs wait for earlier ones while others die
	awk 'BEGIN { for (i = 0; i < 20000; i++) print (i % 4 ? i % 3 : i * 7919 % 503) "," i }' >in
	sed -i 's/statemap --/statemap --pipe --/' script
	run_weir -t 120 'weir crashtest -N 3 --seed 3 -c 50ms script'
	grep -q 'no difference' <<<"$stderr$output"
}
