#!/usr/bin/env bats
# statemap: a Lua function of each record and its key's state.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# records NAME: comma separated, from standard input
records() {
	tr ' ' ',' >"$1"
}

# mapped LUA: the file in, keyed by its first field, to $output
mapped() {
	run_weir 'weir source in | weir keyby -t , -k 1 | weir statemap -e "$1" | weir sink -' "$1"
}

previous_total='return function(key, rec, total)
	local before = total or 0
	return key .. "," .. before, before + math.tointeger(field(rec, 2))
end'

average='return function(key, rec, state)
	local s = state or { count = 0, sum = 0 }
	s.count = s.count + 1
	s.sum = s.sum + math.tointeger(field(rec, 2))
	if s.count < 2 then
		return nil, s
	end
	local mean = s.sum // s.count
	if mean < 0 and mean * s.count ~= s.sum then
		mean = mean + 1
	end
	return key .. "," .. mean, nil
end'

@test "W3: mapWithState emits the total before each record" {
	records in <<<$'a 1\nb 10\na 2\na 3\nb 5'
	mapped "$previous_total"
	assert_output $'a,0\nb,0\na,1\na,3\nb,10'
}

@test "W3n: no state removes it: the key begins anew" {
	records in <<<$'a 1\nb 10\na 2\na 3\na 9\nb 5'
	mapped 'return function(key, rec, total)
		local before = total or 0
		local after = before + math.tointeger(field(rec, 2))
		if after == 6 then
			after = nil
		end
		return key .. "," .. before, after
	end'
	assert_output $'a,0\nb,0\na,1\na,3\na,0\nb,10'
}

@test "W1: the mean of each two, in a table; truncated toward zero" {
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

@test "W1d: a new key has no state, not that of the key before" {
	records in <<<$'x 1\ny 1\nx 1\nz 1'
	mapped 'return function(key, rec, s)
		local was = s
		s = s or { list = {} }
		s.list[#s.list + 1] = rec
		return key .. (was and #was.list or 0), s
	end'
	# was and s are one table: it has the record that was just added
	assert_output $'x0\ny0\nx2\nz0'
}

@test "state: strings, integers, floats, booleans, tables; what they were" {
	records in <<<$'k 1\nk 2\nk 3'
	mapped 'return function(key, rec, s)
		if s == nil then
			return "none", { text = "a\0b\n\255", int = math.maxinteger, float = 0.5,
			    yes = true, no = false, nested = { { 1, 2 }, [10] = "ten" } }
		end
		assert(s.text == "a\0b\n\255" and #s.text == 5)
		assert(math.type(s.int) == "integer" and s.int == math.maxinteger)
		assert(math.type(s.float) == "float" and s.float == 0.5)
		assert(s.yes == true and s.no == false)
		assert(s.nested[1][1] == 1 and s.nested[1][2] == 2 and s.nested[10] == "ten")
		return "kept", s
	end'
	assert_output $'none\nkept\nkept'
}

@test "map, on a stream without keys" {
	printf 'a\nb\0c\n\nlast' >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'return function(key, rec, state)
		assert(key == nil and state == nil)
		return "<" .. rec .. ">"
	end'
	printf '<a>\n<b\0c>\n<>\n<last>\n' >want
	assert_same want got
}

@test "flatMap: a list of strings, nothing, one" {
	printf '%s\n' 'a b c' '' d 'e f' >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink -' \
	    'return function(_, rec)
		local out = {}
		for word in rec:gmatch("%S+") do
			out[#out + 1] = word
		end
		return out
	end'
	assert_output $'a\nb\nc\nd\ne\nf'
}

@test "filter: nil emits nothing" {
	seq 1 50000 >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'return function(_, rec) if rec % 7 == 0 then return rec end end'
	awk '$1 % 7 == 0' in >want
	assert_same want got
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got2' 'return function() end'
	assert [ ! -s got2 ]
}

@test "numbers are printed as Lua does; an empty string is an empty record" {
	printf '%s\n' 1 2 3 >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'local out = { 7, 0.5, "" } return function(_, rec) return out[math.tointeger(rec)] end'
	printf '7\n0.5\n\n' >want
	assert_same want got
}

@test "-f: a file, one with #! in its first line, a FIFO" {
	cat >double.lua <<-'END'
	#!/usr/bin/env lua
	return function(_, rec)
		return rec .. rec
	end
	END
	printf '%s\n' a b >in
	run_weir 'weir source in | weir statemap -f double.lua | weir sink -'
	assert_output $'aa\nbb'
	run_weir 'weir source in | weir statemap -f <(cat double.lua) | weir sink -'
	assert_output $'aa\nbb'
	run_weir 'weir source in | weir statemap -p 1 -f ./double.lua | weir sink -'
	assert_output $'aa\nbb'
	run_weir -s 2 'weir statemap -f missing.lua'
	assert_err 'statemap: -f missing.lua: No such file or directory'
}

@test "field and fields: by number, by name, with the stream's separator" {
	printf 'who;n;what\nann;1;\n;2;x\n' >in
	run_weir 'weir source -H in | weir statemap -t ";" -e "$1" | weir sink got' \
	    'return function(_, rec)
		local who, n, what, more = fields(rec)
		assert(who == field(rec, 1) and who == field(rec, "who"))
		assert(more == nil and field(rec, 4) == nil and field(rec, 0) == rec)
		return who .. "|" .. n .. "|" .. what .. "|" .. field(rec, "what")
	end'
	printf 'ann|1||\n|2|x|x\n' >want
	assert_same want got
	printf '  a   b\tc \n' >in
	run_weir 'weir source in | weir statemap -W -e "$1" | weir sink -' \
	    'return function(_, rec) return table.concat({ fields(rec) }, "|") end'
	assert_output 'a|b|c'
}

@test "an error in the function: its place, the line, the decision" {
	printf '%s\n' 1 x 3 >in
	run_weir -s any 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'return function(_, rec) return rec + 1 end'
	assert_err 'statemap: in: record 2, byte 2: -e:1: attempt to add a '\''string'\'' with a '\''number'\'''
	run_weir 'weir source in | weir statemap --on-error skip -e "$1" | weir sink -' \
	    'return function(_, rec) return rec + 1 end'
	assert_output $'2\n4'
	assert_err 'statemap: 1 bad record skipped'
	run_weir 'weir source in | weir statemap --on-error divert=bad -e "$1" | weir sink -' \
	    'return function(_, rec) return rec + 1 end'
	assert_output $'2\n4'
	assert_equal "$(cat bad)" x
}

@test "a record that fails leaves its key's state as it was" {
	records in <<<$'a 1\na x\na 2\nb x\nb 5'
	run_weir 'weir source in | weir keyby -t , -k 1 | weir statemap --on-error skip -e "$1" | weir sink -' \
	    'return function(key, rec, s)
		s = s or { n = 0 }
		s.n = s.n + 1
		if field(rec, 2) == "x" then
			return { "first", true }, s
		end
		return key .. s.n, s
	end'
	assert_output $'a1\na2\nb1'
	assert_err 'statemap: 2 bad records skipped'
}

@test "what may not be returned" {
	local out
	echo r >in
	for out in '"a\nb"' '{ "a", "b\n" }' true '{ a = 1 }' print; do
		run_weir -s any 'weir source in | weir statemap -e "$1" | weir sink got' \
		    "return function() return $out end"
		grep -q '^statemap: in: record 1, byte 0: .*output' <<<"$stderr"
		assert [ ! -s got ]
	done
	run_weir -s any 'weir source in | weir statemap -e "$1" | weir sink -' \
	    'return function(_, rec) return rec, 1 end'
	assert_err "statemap: the function returns a state, but the stream is not keyed; put 'weir keyby -k FIELD' before me"
	run_weir -s any 'weir source in | weir keyby | weir statemap -e "$1" | weir sink -' \
	    'return function(_, rec) return rec, print end'
	grep -q '^statemap: in: record 1, byte 0: ' <<<"$stderr"
}

@test "what is no function" {
	run_weir -s 2 'weir statemap'
	assert_err 'statemap: which function? -e LUA, -f FILE or -- COMMAND'
	run_weir -s 2 'weir statemap -e "function(k, r) return r end"'
	grep -q "put 'return' before it" <<<"$stderr"
	run_weir -s 2 'weir statemap -e "return function("'
	run_weir -s any 'echo | weir source | weir statemap -e "x = 1" | weir sink -'
	grep -q '^statemap: -e: it gives nil, not a function' <<<"$stderr"
	run_weir -s 2 'weir statemap -e "return print" -f file'
	assert_err 'statemap: -e and -f are two functions; give me one'
}

@test "what would not be the same on a replay is not there" {
	echo r >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink -' \
	    'return function()
		for _, name in ipairs { "os", "io", "debug", "load", "loadstring", "dofile",
		    "loadfile", "require", "package", "coroutine", "collectgarbage" } do
			assert(_G[name] == nil, name)
		end
		assert(not pcall(tostring, {}))
		return "nothing of them"
	end'
	assert_output 'nothing of them'
	run_weir 'weir source in | weir statemap --unsafe-lua -e "$1" | weir sink -' \
	    'local os = require "os"
	return function() return io.open("in"):read("l") .. (os.getenv("HOME") and "!") end'
	assert_output 'r!'
	run_weir 'seq 1 100 | weir source | weir statemap -e "$1" | weir sink one' \
	    'return function() return math.random(1000000) end'
	run_weir 'seq 1 100 | weir source | weir statemap -e "$1" | weir sink two' \
	    'return function() return math.random(1000000) end'
	assert_same one two
	assert [ "$(sort -u one | wc -l)" -gt 90 ]
}

@test "a function that never returns is stopped, and says so" {
	printf 'good\nbad\ngood\n' >in
	run_weir 'weir source in | weir statemap --on-error skip -e "$1" | weir sink -' \
	    'return function(_, rec)
		if rec == "bad" then
			while true do end
		end
		return rec
	end'
	assert_output $'good\ngood'
}

@test "the output is not keyed, and has no header" {
	printf 'k\tn\na\t1\n' >in
	run_weir 'weir source -H in | weir keyby -k k | weir statemap -e "$1" | weir sink -' \
	    'return function(_, rec) return rec end'
	assert_output $'a\t1'
	run_weir -s any 'weir source -H in | weir keyby -k k | weir statemap -e "$1" |
	    weir reduce count | weir sink -' 'return function(_, rec) return rec end'
	assert_err "reduce: the stream is not keyed; put 'weir keyby -k FIELD' before me"
}

@test "one record to a hundred thousand: the output is larger than the input" {
	echo 150000 >in
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'return function(_, rec)
		local out = {}
		for i = 1, rec do
			out[i] = i
		end
		return out
	end'
	seq 1 150000 >want
	assert_same want got
}

@test "an output over the stream's limit of a record" {
	echo r >in
	run_weir -s any 'weir source in | weir statemap -e "$1" | weir sink -' \
	    'return function() return ("x"):rep(1048577) end'
	grep -q '1048577 bytes' <<<"$stderr"
	run_weir 'weir source in | weir statemap -e "$1" | weir sink got' \
	    'return function() return ("x"):rep(1048576) end'
	{ head -c 1048576 /dev/zero | tr '\0' x; echo; } >want
	assert_same want got
}

@test "random records: state by key as awk keeps it" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 40000; i++)
			printf "%d,%d\n", rand() ^ 2 * 5000, rand() * 100
	}' >in
	# each key forgets all when its total passes 300
	awk -F , '{
		print $1 "," (t[$1] + 0) "," (last[$1] == "" ? "-" : last[$1])
		t[$1] += $2
		last[$1] = $2
		if (t[$1] > 300) {
			delete t[$1]
			delete last[$1]
		}
	}' in >want
	run_weir 'weir source in | weir keyby -t , -k 1 | weir statemap -e "$1" | weir sink got' \
	    'return function(key, rec, s)
		s = s or { total = 0 }
		local out = key .. "," .. s.total .. "," .. (s.last or "-")
		s.last = field(rec, 2)
		s.total = s.total + math.tointeger(s.last)
		if s.total > 300 then
			s = nil
		end
		return out, s
	end'
	assert_same want got
}
