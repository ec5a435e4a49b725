#!/usr/bin/env bats
# statemap: a Lua program with states of its own: value_state() and its like.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# records NAME: comma separated, from standard input
records() {
	tr ' ' ',' >"$1"
}

# mapped LUA [OPTION]...: the file in, keyed by its first field, to $output
mapped() {
	run_weir 'lua=$1; shift
		weir source in | weir keyby -t , -k 1 | weir statemap "$@" -e "$lua" | weir sink -' "$@"
}

# fails LUA SENTENCE: it does, with that
fails() {
	run_weir -s any 'weir source in | weir keyby -t , -k 1 | weir statemap -e "$1" | weir sink -' "$1"
	assert_err "statemap: $2"
	assert [ "$status" != 0 ]
}

number='local function n(rec) return math.tointeger(field(rec, 2)) end
'

average="$number"'
local sum

local function quotient(a, b)
	local q = a // b
	return (q < 0 and q * b ~= a) and q + 1 or q
end

return {
	open = function()
		sum = value_state("average", { 0, 0 })
	end,
	process = function(key, rec)
		local current = sum:value()
		current[1] = current[1] + 1
		current[2] = current[2] + n(rec)
		sum:update(current)
		if current[1] >= 2 then
			emit(key .. "," .. quotient(current[2], current[1]))
			sum:clear()
		end
	end,
}'

@test "W1: CountWindowAverage with a ValueState" {
	records in <<<$'1 3\n1 5\n1 7\n1 4\n1 2'
	mapped "$average"
	assert_output $'1,4\n1,5'
	records in <<<$'1 3\n2 10\n1 5\n2 11\n3 7'
	mapped "$average"
	assert_output $'1,4\n2,10'
	records in <<<$'1 -3\n1 0'
	mapped "$average"
	assert_output 1,-1
}

@test "W1d: the default is a fresh copy for each key, and each time" {
	records in <<<$'a 1\nb 1\na 2'
	mapped 'local s = value_state("s", { list = {} })
	function process(key, rec)
		local v = s:value()
		v.list[#v.list + 1] = "lost"
		emit(key .. #s:value().list)
		v = s:value()
		v.list[#v.list + 1] = rec
		s:update(v)
		v.list[1] = "changed"
		emit(s:value().list[#v.list])
	end'
	assert_output $'a0\na,1\nb0\nb,1\na1\na,2'
}

field_average="$number"'
local sum

local function quotient(a, b)
	local q = a // b
	return (q < 0 and q * b ~= a) and q + 1 or q
end

return {
	open = function()
		sum = sum or { 0, 0 }
	end,
	process = function(key, rec)
		sum = { sum[1] + 1, sum[2] + n(rec) }
		if sum[1] >= 2 then
			emit(key .. "," .. quotient(sum[2], sum[1]))
			sum = { 0, 0 }
		end
	end,
	snapshot = function() return sum end,
	restore = function(value) sum = value end,
}'

@test "W2: the same with a field: it is shared by all keys" {
	records in <<<$'1 3\n1 5\n1 7\n1 4\n1 2'
	mapped "$field_average"
	assert_output $'1,4\n1,5'
	records in <<<$'1 3\n2 10\n1 5\n2 11\n3 7'
	mapped "$field_average"
	assert_output $'2,6\n2,8'
}

@test "W3: mapWithState by a ValueState; update(nil) removes it" {
	records in <<<$'a 1\nb 10\na 2\na 3\nb 5\na 9'
	mapped "$number"'
	local total = value_state("total")
	function process(key, rec)
		local before = total:value() or 0
		local after = before + n(rec)
		emit(key .. "," .. before)
		if after == 6 then after = nil end
		total:update(after)
	end'
	assert_output $'a,0\nb,0\na,1\na,3\nb,10\na,0'
}

@test "W5: a ReducingState: the first as it is, then current and new" {
	records in <<<$'k 3\nk 5\nk 7\nk clear\nk 4\nother 1\nk nil'
	mapped '
	local sum = reducing_state("sum", function(a, b) return a + b end)
	local all = reducing_state("all", function(current, new) return current .. new end)
	function process(key, rec)
		local what = field(rec, 2)
		if what == "clear" then
			sum:clear()
		elseif what == "nil" then
			sum:add(nil)
		else
			sum:add(math.tointeger(what))
		end
		all:add(what)
		emit(key .. "," .. (sum:get() or "none") .. "," .. all:get())
	end'
	assert_output $'k,3,3\nk,8,35\nk,15,357\nk,none,357clear\nk,4,357clear4\nother,1,1\nk,none,357clear4nil'
}

@test "W7: a ListState keeps the order; of another key it is empty, and nil" {
	records in <<<$'k x\nk y\nother get\nk get\nk clear\nk get\nk z\nk get'
	mapped '
	local list = list_state("list")
	function process(key, rec)
		local what = field(rec, 2)
		if what == "get" then
			local all = list:get()
			emit(key .. ":" .. (all and table.concat(all, " ") or "nil"))
		elseif what == "clear" then
			list:clear()
		else
			list:add(what)
		end
	end'
	assert_output $'other:nil\nk:x y\nk:nil\nk:z'
}

@test "W8: two states are independent; names, and keys there have to be" {
	records in <<<$'a 1\na 2'
	mapped '
	local a, b = value_state("a", 0), value_state("b", 100)
	function process(key, rec)
		a:update(a:value() + 1)
		if a:value() == 2 then b:update(a:value()) end
		emit(a:value() .. " " .. b:value())
	end'
	assert_output $'1 100\n2 2'
	fails 'value_state("a") list_state("a") function process() end' \
	    'two states are called "a"; a name is the identity of a state'
	fails 'pcall(value_state, "a") pcall(value_state, "a") function process() end' \
	    'two states are called "a"; a name is the identity of a state'
	fails 'value_state("no name") function process() end' \
	    '"no name" is no name for a state: letters, digits, _ and -, at most 64'
	run_weir -s any 'weir source in | weir statemap -e "$1" | weir sink -' \
	    'value_state("a") function process() end'
	assert_err "statemap: state \"a\" wants a key and the stream is not keyed; put 'weir keyby -k FIELD' before me"
}

@test "a list of tables, and what was added while it was read" {
	records in <<<$'k 1\nk 2\nk 3'
	mapped '
	local list = list_state("list")
	function process(key, rec)
		local before = list:get() or {}
		list:add({ rec = rec, n = #before })
		local now = list:get()
		now[1].rec = "changed"
		if #before == 2 then
			list:clear()
			list:add({ rec = "last" })
			list:add(nil)
			list:add({ rec = "new" })
		end
		local out = {}
		for i, e in ipairs(list:get()) do out[i] = e.rec end
		return table.concat(out, " ")
	end'
	assert_output $'k,1\nk,1 k,2\nnew'
}

@test "a MapState: put, get, remove, entries in order, clear" {
	cat >in <<-'END'
	k,b=1
	k,a=2
	other,x=1
	k,c=3
	k,a=
	k,b=7
	k,clear
	k,z=1
	END
	mapped '
	local map = map_state("map")
	function process(key, rec)
		local name, value = field(rec, 2):match("(%w+)=?(%w*)")
		if name == "clear" then
			map:put("lost", 1)
			map:clear()
		elseif value == "" then
			map:remove(name)
		else
			map:put(name, math.tointeger(value))
			assert(map:get(name) == math.tointeger(value))
		end
		assert(map:get("never") == nil)
		local out = {}
		for k, v in pairs(map:entries()) do out[#out + 1] = k .. v end
		emit(key .. ":" .. table.concat(out, " "))
	end'
	assert_output $'k:b1\nk:a2 b1\nother:x1\nk:a2 b1 c3\nk:b1 c3\nk:b7 c3\nk:\nk:z1'
}

@test "keys of a map are strings, numbers and booleans; 1.0 is 1" {
	records in <<<$'k 1'
	mapped '
	local map = map_state("map")
	function process()
		map:put(1, "int") map:put("1", "string") map:put(true, "yes") map:put(0.5, "half")
		map:put(1.0, "one")
		for k, v in pairs(map:entries()) do emit(math.type(k) or type(k), nil) emit(v) end
		assert(not pcall(map.put, map, {}, 1))
		assert(not pcall(map.put, map, 0 / 0, 1))
		assert(not pcall(map.put, map, "x", print))
		assert(map:get("x") == nil)
	end'
	assert_output $'integer\none\nfloat\nhalf\nstring\nstring\nboolean\nyes'
}

@test "a record that fails leaves states and outputs as they were" {
	records in <<<$'k 1\nk bad\nk 2'
	mapped '
	local v, r = value_state("v", 0), reducing_state("r", function(a, b) return a .. b end)
	local l, m = list_state("l"), map_state("m")
	function process(key, rec)
		emit("in " .. rec)
		v:update(v:value() + 1) r:add("+") l:add(rec) m:put(rec, 1)
		local keys = {}
		for k in pairs(m:entries()) do keys[#keys + 1] = k end
		emit(v:value() .. r:get() .. #l:get() .. table.concat(keys, " "))
		if field(rec, 2) == "bad" then
			l:clear()
			m:clear()
			error("no")
		end
	end' --on-error skip
	assert_output $'in k,1\n1+1k,1\nin k,2\n2++2k,1 k,2'
	assert_err 'statemap: 1 bad record skipped'
}

@test "a wrong value that the program catches leaves the one before" {
	records in <<<$'k 1\nk 2'
	mapped '
	local v = value_state("v", 0)
	function process(key, rec)
		v:update(v:value() + 1)
		assert(not pcall(v.update, v, { print }))
		emit(v:value())
	end'
	assert_output $'1\n2'
}

@test "emit to an output with a tag; the tag of the input; the place" {
	records in <<<$'a 1\nb 2'
	run_weir 'weir source in | weir statemap -o - -o odd=>(weir sink odd) -e "$1" | weir sink even' \
	    'function process(_, rec)
		if math.tointeger(field(rec:gsub(",", "\t"), 2)) % 2 == 1 then
			emit(rec, "odd")
		else
			emit(rec)
		end
	end'
	assert_equal "$(cat odd even)" $'a,1\nb,2'
	run_weir 'weir statemap -i left=<(weir source in) -e "$1" | weir sink -' \
	    'function process(_, rec) emit(tag() .. " " .. place()) end'
	assert_output $'left in: record 1, byte 0\nleft in: record 2, byte 4'
	fails 'function process(_, rec) emit(rec, "nowhere") end' \
	    'in: record 1, byte 0: -e:1: no output is called "nowhere"; -o nowhere=... makes one'
}

@test "what may not be, and is said" {
	records in <<<$'a 1'
	fails 'return {}' "-e: it gives a table, not a function; write 'return function(key, rec, state) ... return out, state end', or define process(key, rec)"
	fails 'return { process = 1 }' '-e: "process" is a number, not a function'
	fails 'return { process = print, snapshot = print }' \
	    '-e: snapshot() and restore() come together: what the one gives the other takes'
	fails 'function process() return nil, 1 end' \
	    'in: record 1, byte 0: process() returns a second value; its states are those that value_state() and its like make'
	fails 'function process() value_state("late") end' \
	    'in: record 1, byte 0: -e:1: value_state(): states are made at top level or in open()'
	fails 'local s = value_state("s") s:value() function process() end' \
	    '-e:1: a state is that of a record'\''s key: only process() can use it'
	fails 'emit("early") function process() end' \
	    '-e:1: emit(): there is no record in hand; only process() has one'
	fails 'function open() error("no") end function process() end' '-e:1: no'
	fails 'local s = reducing_state("s", function() end) function process() s:add(1) s:add(2) end' \
	    'in: record 1, byte 0: -e:1: the function of a reducing state gives nil'
}

@test "a function of mapWithState may have states beside its own" {
	records in <<<$'a 1\na 2'
	mapped 'local seen = list_state("seen")
	return function(key, rec, n)
		seen:add(rec)
		emit("before")
		return table.concat(seen:get(), " "), (n or 0) + 1
	end'
	assert_output $'before\na,1\nbefore\na,1 a,2'
	fails 'value_state("state") return function() end' \
	    'two states are called "state"; a name is the identity of a state'
}

@test "random records: each kind of state as awk keeps it" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 20000; i++)
			printf "%d,%d\n", rand() ^ 2 * 2000, rand() * 10
	}' >in
	awk -F , '{
		sum[$1] += $2
		list[$1] = list[$1] $2
		m[$1, $2]++
		out = $1 "," sum[$1] "," list[$1] ","
		for (k = 0; k < 10; k++)
			if (m[$1, k])
				out = out k ":" m[$1, k] ";"
		print out
		if (length(list[$1]) == 12) {
			delete list[$1]
			for (k = 0; k < 10; k += 2)
				delete m[$1, k]
		}
	}' in >want
	run_weir 'weir source in | weir keyby -t , -k 1 | weir statemap -e "$1" | weir sink got' '
	local sum = reducing_state("sum", function(a, b) return a + b end)
	local list, map = list_state("list"), map_state("map")
	function process(key, rec)
		local v = math.tointeger(field(rec, 2))
		sum:add(v)
		list:add(v)
		map:put(v, (map:get(v) or 0) + 1)
		local out = {}
		for k, n in pairs(map:entries()) do out[#out + 1] = k .. ":" .. n .. ";" end
		local all = list:get()
		emit(key .. "," .. sum:get() .. "," .. table.concat(all) .. "," .. table.concat(out))
		if #all == 12 then
			list:clear()
			for k = 0, 8, 2 do map:remove(k) end
		end
	end'
	assert_same want got
}
