#!/usr/bin/env bats
# reduce: functions over the records of each key, exact to the last digit.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# reduced OPTION-OR-OPERAND...: of the file in, keyed by field 1, to the file got
reduced() {
	run_weir 'weir source in | weir keyby -s -k 1 | weir reduce "$@" | weir sink --truncate got' "$@"
}

# table NAME: a key and a value a line, from standard input by blanks
table() {
	tr ' ' '\t' >"$1"
}

@test "W6: the running sum, one line a record, the first one unchanged" {
	printf '%s\n' a,1 b,10 a,2 a,3 b,5 >in
	run_weir 'weir source in | weir keyby -t , -k 1 | weir reduce sum:2 | weir sink -'
	assert_output $'a,1\nb,10\na,3\na,6\nb,15'
}

@test "each function, for every record" {
	table in <<-'END'
	a 5
	b -2
	a 3
	a 10
	b 0.5
	a -3
	END
	reduced count
	table want <<<$'a 1\nb 1\na 2\na 3\nb 2\na 4'
	assert_same want got
	reduced sum:2
	table want <<<$'a 5\nb -2\na 8\na 18\nb -1.5\na 15'
	assert_same want got
	reduced min:2
	table want <<<$'a 5\nb -2\na 3\na 3\nb -2\na -3'
	assert_same want got
	reduced max:2
	table want <<<$'a 5\nb -2\na 5\na 10\nb 0.5\na 10'
	assert_same want got
	reduced mean:2
	table want <<<$'a 5\nb -2\na 4\na 6\nb -0.75\na 3.75'
	assert_same want got
	reduced first:2
	table want <<<$'a 5\nb -2\na 5\na 5\nb -2\na 5'
	assert_same want got
	reduced last:2
	cp in want
	assert_same want got
}

@test "--emit each is the default; --emit end prints each key once, in byte order" {
	table in <<-'END'
	b 1
	a 1
	B 1
	ab 1
	b 1
	10 1
	9 1
	END
	printf '\303\244\t1\n\t1\n' >>in
	reduced count
	mv got want
	reduced --emit each count
	assert_same want got
	reduced --emit end count
	awk -F '\t' '{ n[$1]++ } END { for (k in n) print k "\t" n[k] }' in | sort >want
	assert_same want got
	run_weir -s 2 'weir reduce --emit never count'
	assert_err 'reduce: --emit: "never" is neither each nor end'
}

@test "several functions at once, the same one twice" {
	table in <<-'END'
	a 5 x
	b 7 y
	a 1 z
	END
	reduced count sum:2 min:2 max:2 mean:2 first:3 last:3 count first:2
	table want <<-'END'
	a 1 5 5 5 5 x x 1 5
	b 1 7 7 7 7 y y 1 7
	a 2 6 1 5 3 x z 2 5
	END
	assert_same want got
	reduced --emit end last:3 count first:3
	table want <<<$'a z 2 x\nb y 1 y'
	assert_same want got
}

@test "first and last without a field take the whole record; field 0 is that too" {
	table in <<<$'a 1 x\nb 2\na 3'
	reduced first last first:0 last:0
	printf 'a\ta\t1\tx\ta\t1\tx\ta\t1\tx\ta\t1\tx\nb\tb\t2\tb\t2\tb\t2\tb\t2\na\ta\t1\tx\ta\t3\ta\t1\tx\ta\t3\n' >want
	assert_same want got
}

@test "the header: the key's columns, NAME= or FUNCTION:FIELD as written" {
	printf 'who\tamount\tn\nann\t1.5\t2\nbob\t2\t3\nann\t2.5\t4\n' >in
	run_weir 'weir source -H in | weir keyby -k who |
	    weir reduce count total=sum:amount max:n last=last:3 | weir sink -'
	printf 'who\tcount\ttotal\tmax:n\tlast\nann\t1\t1.5\t2\t2\nbob\t1\t2\t3\t3\nann\t2\t4\t4\t4\n' >want
	assert_same want <(echo "$output")
	run_weir 'weir source -H in | weir keyby -k n,who | weir reduce --emit end s=sum:amount | weir sink -'
	assert_output $'n\twho\ts\n2\tann\t1.5\n3\tbob\t2\n4\tann\t2.5'
}

@test "the header: of the whole record, of columns without a name, of blanks" {
	printf 'who,amount\nann,1,x\n' >in
	run_weir 'weir source -H in | weir keyby -t , | weir reduce count | weir sink -'
	assert_output $'who,amount,count\nann,1,x,1'
	run_weir 'weir source -H in | weir keyby -t , -k 3,1 | weir reduce count | weir sink -'
	assert_output $'3,who,count\nx,ann,1'
	printf 'who  amount\nann    1\n' >in
	run_weir 'weir source -H in | weir keyby -W | weir reduce count | weir sink -'
	assert_output $'who  amount\tcount\nann    1\t1'
	run_weir 'weir source -H in | weir keyby -W -k 2,1 | weir keyby -W -k who |
	    weir reduce count | weir sink -'
	assert_output $'who\tcount\nann\t1'
	printf '\n\n' >in
	run_weir 'weir source -H in | weir keyby | weir reduce count | weir sink -'
	assert_output $'\tcount\n\t1'
}

@test "a column by name, one that is not there, one without a header" {
	printf 'who,amount\nann,1\nann,2\n' >in
	run_weir 'weir source -H in | weir keyby -t , -k who | weir reduce sum:amount | weir sink -'
	assert_output $'who,sum:amount\nann,1\nann,3'
	run_weir -s any 'weir source -H in | weir keyby -t , -k who | weir reduce sum:price | weir sink -'
	assert_err 'reduce: no column "price"; the header has: who amount'
	run_weir -s any 'weir source in | weir keyby -t , -k 1 | weir reduce sum:amount | weir sink -'
	assert_err 'reduce: no column "amount": there is no header; source -H'
}

@test "-t and -W: the stream's separator, an own one" {
	printf '%s\n' 'a  1,5' ' b 2,6' 'a 3,7' >in
	run_weir 'weir source in | weir keyby -W -k 1 | weir reduce first:2 | weir sink -'
	assert_output $'a\t1,5\nb\t2,6\na\t1,5'
	run_weir 'weir source in | weir keyby -W -k 1 | weir reduce -t , sum:2 | weir sink -'
	assert_output $'a,5\nb,6\na,12'
	printf '%s\n' 'a;1' 'a;2' >in
	run_weir 'weir source in | weir keyby -t ";" -k 1 | weir reduce count max:2 | weir sink -'
	assert_output $'a;1;1\na;2;2'
}

@test "sums of integers are exact to 64 bits, both ends" {
	table in <<-'END'
	a 9223372036854775806
	a 1
	b -9223372036854775807
	b -1
	c 9007199254740993
	c 9007199254740993
	d 9223372036854775807
	d -9223372036854775808
	END
	reduced --emit end sum:2 min:2 max:2
	table want <<-'END'
	a 9223372036854775807 1 9223372036854775806
	b -9223372036854775808 -9223372036854775807 -1
	c 18014398509481986 9007199254740993 9007199254740993
	d -1 -9223372036854775808 9223372036854775807
	END
	assert_same want got
}

@test "an overflow is a bad record: nothing is added, nothing is printed for it" {
	table in <<-'END'
	a 9223372036854775807
	a 1
	a -7
	b -9223372036854775808
	b -1
	b 2
	END
	run_weir -s any 'weir source in | weir keyby -k 1 | weir reduce sum:2 | weir sink -'
	assert_err 'reduce: in: record 2, byte 22: the sum of field 2 no longer fits 64 bits; --on-error skip or divert=FILE'
	reduced --on-error divert=bad count sum:2
	table want <<-'END'
	a 1 9223372036854775807
	a 2 9223372036854775800
	b 1 -9223372036854775808
	b 2 -9223372036854775806
	END
	assert_same want got
	table want.bad <<<$'a 1\nb -1'
	assert_same want.bad bad
	assert_err 'reduce: 2 bad records diverted to bad'
}

@test "sums of decimals are exact: ten times 0.1 is 1" {
	for _ in {1..10}; do
		printf 'tenth\t0.1\n'
		printf 'third\t0.333333333333333333\n'
		printf 'big\t900000000000000000.000000000000000001\n'
		printf 'minus\t-0.7\n'
	done >in
	reduced --emit end sum:2
	table want <<-'END'
	big 9000000000000000000.00000000000000001
	minus -7
	tenth 1
	third 3.33333333333333333
	END
	assert_same want got
}

@test "the mean is printed like awk's %.15g of it" {
	table in <<<$'a 1\na 2\na 2\nb 0.1\nb 0.2\nc 10\nc 20\nd 1000000\nd 2000000.5'
	reduced --emit end mean:2
	awk -F '\t' '{ s[$1] += $2; n[$1]++ }
	    END { for (k in n) printf "%s\t%.15g\n", k, s[k] / n[k] }' in | sort >want
	assert_same want got
}

@test "min and max print the field as it was read; the first of equals stays" {
	table in <<<$'a +5\na 5.0\na 05\na 4.50\na 4.5'
	reduced min:2 max:2
	table want <<<$'a +5 +5\na +5 +5\na +5 +5\na 4.50 +5\na 4.50 +5'
	assert_same want got
}

@test "what is no number is a bad record" {
	local bad
	printf 'who\tamount\nann\t5\n' >orders.tsv
	run_weir -s any 'weir source orders.tsv | weir keyby -k 1 | weir reduce sum:2 | weir sink got0'
	assert_err 'reduce: orders.tsv: record 1, byte 0: field 2 "amount" is not a number; a header? (source -H); else --on-error skip or divert=FILE'
	assert [ ! -s got0 ]
	for bad in '' ' 1' '1 ' 1e5 0x10 . 1. .5 - + -- 1,5 NaN inf '１' 1.1.1; do
		printf 'k\t1\nk\t%s\nk\t2\n' "$bad" >in
		reduced --on-error skip sum:2
		table want <<<$'k 1\nk 3'
		assert_same want got
		assert_err 'reduce: 1 bad record skipped'
	done
	printf 'k\t9223372036854775808\nk\t0.1234567890123456789\nk\t3\n' >in
	reduced --on-error skip sum:2
	table want <<<'k 3'
	assert_same want got
}

@test "a bad record is folded by no function, and makes no key" {
	table in <<-'END'
	a 1 1
	a 2 x
	new 1 x
	a 3 3
	short 1
	END
	reduced --on-error skip --emit end count sum:2 sum:3 last:2
	table want <<<'a 2 4 4 3'
	assert_same want got
	assert_err 'reduce: 3 bad records skipped'
	reduced --on-error skip --emit end count sum:2 sum:3
	table want <<<'a 2 4 4'
	assert_same want got
}

@test "values and texts that grow and shrink keep to their keys" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		pad = sprintf("%500s", "")
		gsub(/ /, "t", pad)
		for (i = 0; i < 20000; i++)
			printf "%d\t%s%d\n", rand() * 200, substr(pad, 1, rand() ^ 3 * 500), i
	}' >in
	reduced first:2 last:2 count
	awk -F '\t' -v OFS='\t' '!($1 in f) { f[$1] = $2 } { print $1, f[$1], $2, ++n[$1] }' in >want
	assert_same want got
}

@test "random integers: every function as datamash has it" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 50000; i++)
			printf "k%d\t%d\n", rand() ^ 3 * 2000, (rand() - 0.5) * 2000000
	}' >in
	datamash -s -g 1 count 2 sum 2 min 2 max 2 first 2 last 2 <in | sort >want
	reduced --emit end count sum:2 min:2 max:2 first:2 last:2
	assert_same want got
	# and for every record
	awk -F '\t' -v OFS='\t' '{ s[$1] += $2; print $1, ++n[$1], s[$1] }' in >want
	reduced count sum:2
	assert_same want got
}

@test "random decimals: the sum is that of their thousandths" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 30000; i++) {
			n = int((rand() - 0.5) * 1000000)
			a = n < 0 ? -n : n
			printf "k%d\t%s%d.%03d\t%d\n", rand() * 300, n < 0 ? "-" : "", a / 1000, a % 1000, n
		}
	}' >in
	awk -F '\t' '
	{ sum[$1] += $3 }
	END {
		for (k in sum) {
			a = sum[k] < 0 ? -sum[k] : sum[k]
			text = sprintf("%d.%03d", a / 1000, a % 1000)
			sub(/\.?0+$/, "", text)
			if (a < 1000 && a % 1000 == 0)
				text = "0"
			else if (a % 1000 == 0)
				text = sprintf("%d", a / 1000)
			print k "\t" (sum[k] < 0 ? "-" : "") text
		}
	}' in | sort >want
	reduced --emit end sum:2
	assert_same want got
}

@test "many keys, far more than the table begins with, in every frame anew" {
	run_weir 'weir source --count 0..299999 | weir keyby | weir reduce count | weir sink got'
	seq 0 299999 | sed 's/$/\t1/' >want
	assert_same want got
	run_weir 'weir source --count 0..299999 | weir keyby | weir reduce --emit end count | weir sink got2'
	sort want >want2
	assert_same want2 got2
}

@test "-M: a table over its bound is an error that says how many keys it holds" {
	run_weir -s any 'weir source --count 0..299999 | weir keyby | weir reduce -M 4M count | weir sink got'
	grep -qE '^reduce: state is over its bound of 4 MiB with [0-9]+ keys, and none of it can leave memory without a job, or with --backend memory; give me more with -M$' <<<"$stderr"
	assert [ "$status" = 1 ]
	run_weir -s 2 'weir reduce -M 0 count'
	run_weir -s 2 'weir reduce -M x count'
	assert_err 'reduce: -M: "x" is no size; write 4096, 64k, 64M or 1G'
}

@test "the output is not keyed: keyby again" {
	table in <<<$'a 1\nb 1\na 1'
	run_weir -s any 'weir source in | weir keyby -k 1 | weir reduce count |
	    weir reduce -n second count | weir sink -'
	assert_err "second: the stream is not keyed; put 'weir keyby -k FIELD' before me"
	run_weir 'weir source in | weir keyby -k 1 | weir reduce count | weir keyby -n again -k 2 |
	    weir reduce -n second --emit end count | weir sink -'
	assert_output $'1\t2\n2\t1'
}

@test "reduce without keyby, and what is no function" {
	echo a >in
	run_weir -s any 'weir source in | weir reduce count | weir sink -'
	assert_err "reduce: the stream is not keyed; put 'weir keyby -k FIELD' before me"
	run_weir -s 2 'weir reduce'
	assert_err 'reduce: compute what? count, sum:FIELD, min:FIELD, max:FIELD, mean:FIELD, first:FIELD, last:FIELD; or -e LUA, -f FILE'
	run_weir -s 2 'weir reduce median:2'
	assert_err 'reduce: no function "median"; there are count sum min max mean first last'
	run_weir -s 2 'weir reduce sum'
	assert_err 'reduce: sum: of which field? sum:2, say'
	run_weir -s 2 'weir reduce count:2'
	assert_err "reduce: count:2: count takes no field, it counts the key's records"
	run_weir -s 2 'weir reduce =count'
}

@test "no records, no results" {
	: >empty
	run_weir 'weir source empty | weir keyby | weir reduce count | weir sink got'
	assert_same empty got
	run_weir 'weir source empty | weir keyby | weir reduce --emit end count | weir sink got2'
	assert_same empty got2
	printf 'who\tn\n' >header
	run_weir 'weir source -H header | weir keyby -k who | weir reduce --emit end count | weir sink -'
	assert_output $'who\tcount'
}

# folded LUA [OPTION]...: the file in, keyed by field 1, to $output
folded() {
	run_weir 'lua=$1; shift; weir source in | weir keyby -t , -k 1 |
	    weir reduce "$@" -e "$lua" | weir sink -' "$@"
}

sum='return function(current, record)
	return field(record, 1) .. "," .. field(current, 2) + field(record, 2)
end'

@test "W6: -e, the sum: one line for each record, the first one unchanged" {
	printf '%s\n' a,1 b,10 a,2 a,3 b,5 >in
	folded "$sum"
	assert_output $'a,1\nb,10\na,3\na,6\nb,15'
	folded "$sum" --emit end
	assert_output $'a,6\nb,15'
}

@test "-e: current comes first, and is what was returned, byte for byte" {
	printf 'k,x\nk,y\0\nk,z\n' >in
	folded 'return function(current, record) return current .. "<" .. record end' --emit end
	printf 'k,x<k,y\0<k,z\n' >want
	run_weir 'weir source in | weir keyby -t , -k 1 | weir reduce --emit end -e "$1" | weir sink got' \
	    'return function(current, record) return current .. "<" .. record end'
	assert_same want got
}

@test "-f: a file; the header and the separator of the input stay" {
	cat >latest.lua <<-'END'
	#!/usr/bin/env lua
	return function(current, record)
		return field(record, "at") > field(current, "at") and record or current
	end
	END
	printf '%s\n' who,at ann,3 bob,1 ann,2 ann,7 >in
	run_weir 'weir source -H in | weir keyby -t , -k who | weir reduce -p 2 --emit end -f latest.lua |
	    weir sink - | sort'
	assert_output $'ann,7\nbob,1\nwho,at'
}

@test "-e: a function that fails is named with its line and the record; nothing changes" {
	printf '%s\n' a,1 a,x a,2 >in
	run_weir -s any 'weir source in | weir keyby -t , -k 1 | weir reduce -e "$1" | weir sink -' "$sum"
	grep -q '^reduce: in: record 2, byte 4: -e:2: attempt to add' <<<"$stderr"
	folded "$sum" --on-error skip
	assert_output $'a,1\na,3'
	local result
	for result in nil '{}' '"a\nb"' true; do
		folded "return function() return $result end" --on-error skip
		assert_output a,1
		assert_err 'reduce: 2 bad records skipped'
	done
}

@test "-e: what is no function, and two of them" {
	run_weir -s 2 'weir reduce -e "return 1 +"'
	run_weir -s any 'echo | weir source | weir keyby | weir reduce -e "x = 1" | weir sink -'
	assert_err "reduce: -e: it gives nil, not a function; write 'return function(current, record) ... return record end'"
	run_weir -s 2 'weir reduce -e "return print" count'
	assert_err 'reduce: -e and operands: give me one function in Lua, or those by name'
	run_weir -s 2 'weir reduce -e "return print" -f x'
	assert_err 'reduce: -e and -f: give me one function in Lua, or those by name'
	run_weir -s any 'echo | weir source | weir reduce -e "return print" | weir sink -'
	assert_err "reduce: the stream is not keyed; put 'weir keyby -k FIELD' before me"
}

@test "-e: 60000 random records, as awk folds them" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 60000; i++)
			printf "%d,%d\n", rand() ^ 2 * 5000, rand() * 100
	}' >in
	awk -F , '{ t[$1] += $2; print $1 "," t[$1] }' in >want
	run_weir 'weir source in | weir keyby -t , -k 1 | weir reduce -e "$1" | weir sink got' "$sum"
	assert_same want got
}
