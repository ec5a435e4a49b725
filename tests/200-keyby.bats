#!/usr/bin/env bats
# keyby: which bytes are the key; the records themselves stay as they are.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# What a stream's keys are: KEY|RECORD
keys='weir statemap -e "return function(key, rec) return key .. \"|\" .. rec end"'

# orders: five fields by TAB, some of them empty; the first twenty are these
orders() {
	printf '%s\t%s\t%s\t%s\t%s\n' \
	    ann 7 red 1.50 x \
	    bob 7 '' 2.25 y \
	    '' 8 red 0.75 '' \
	    ann 9 blue 10 'z z'
}

@test "by default, and with -k 0, the key is the whole record" {
	orders >in
	awk '{ print $0 "|" $0 }' in >want
	run_weir "weir source in | weir keyby | $keys | weir sink got"
	assert_same want got
	run_weir "weir source in | weir keyby -k 0 | $keys | weir sink got0"
	assert_same want got0
}

@test "-k: each field, an empty one and the last one too" {
	local k
	orders >in
	for k in 1 2 3 4 5; do
		awk -F '\t' -v k=$k '{ print $k "|" $0 }' in >want
		run_weir "weir source in | weir keyby -k $k | $keys | weir sink got$k"
		assert_same want "got$k"
	done
}

@test "-k: several fields, neighbours and others, in any order, one twice" {
	local k
	orders >in
	for k in 1,2 2,1 1,3 5,1,3 2,2 1,2,3,4,5 3,4 4,0; do
		awk -F '\t' -v k=$k '{
			n = split(k, f, ",")
			key = $f[1]
			for (i = 2; i <= n; i++)
				key = key "\t" $f[i]
			print key "|" $0
		}' in >want
		run_weir "weir source in | weir keyby -k $k | $keys | weir sink got.$k"
		assert_same want "got.$k"
	done
	awk -F '\t' '{ print $3 "\t" $1 "|" $0 }' in >want
	run_weir "weir source in | weir keyby -k 3 -k 1 | $keys | weir sink got.repeated"
	assert_same want got.repeated
}

@test "-k: long keys that are joined, far more than a frame's worth" {
	awk -v seed="$RANDOM" 'BEGIN {
		print "seed " seed >"/dev/stderr"
		srand(seed)
		long = sprintf("%3000s", "")
		gsub(/ /, "k", long)
		for (i = 0; i < 3000; i++)
			print substr(long, 1, rand() * 3000) "\t" i "\t" substr(long, 1, rand() * 3000)
	}' >in
	awk -F '\t' '{ print $3 "\t" $1 "|" $0 }' in >want
	run_weir "weir source in | weir keyby -k 3,1 | $keys | weir sink got"
	assert_same want got
	run_weir "weir source in | weir keyby --copy -k 3,1 | $keys | weir sink got.copy"
	assert_same want got.copy
}

@test "-k: names of columns" {
	{ printf 'who\tn\tcolour\tprice\tnote it\n'; orders; } >in
	orders | awk -F '\t' '{ print $3 "|" $0 }' >want
	run_weir "weir source -H in | weir keyby -k colour | $keys | weir sink got"
	assert_same want got
	orders | awk -F '\t' '{ print $5 "\t" $1 "\t" $2 "|" $0 }' >want2
	run_weir "weir source -H in | weir keyby -k 'note it,who,2' | $keys | weir sink got2"
	assert_same want2 got2
	# the header is handed on
	run_weir 'weir source -H in | weir keyby -k who | weir sink got3'
	assert_same in got3
}

@test "-k: a column that is not there, is there twice, without a header" {
	printf 'who\tn\twho\na\t1\tb\n' >in
	run_weir -s any 'weir source -H in | weir keyby -k wo | weir sink -'
	assert_err 'keyby: no column "wo"; the header has: who n who'
	assert_equal "$output" ''
	run_weir -s any 'weir source -H in | weir keyby -k who | weir sink -'
	assert_err 'keyby: two columns are called "who", 1 and 3; say which by its number'
	run_weir -s any 'weir source in | weir keyby -k who | weir sink -'
	assert_err 'keyby: no column "who": there is no header; source -H'
}

@test "-t: another separator, also between the fields of a key" {
	printf '%s\n' a,1,x a,2,y ,3,z 'b	c,4,' >in
	awk -F , '{ print $3 "," $1 "|" $0 }' in >want
	run_weir "weir source in | weir keyby -t , -k 3,1 | $keys | weir sink got"
	assert_same want got
	run_weir "weir source in | weir keyby -t '\\t' -s -k 2 | $keys | weir sink -"
	assert_output 'c,4,|b	c,4,'
	run_weir -s 2 'weir keyby -t ,, -k 1'
	assert_err 'keyby: -t: ",," is not one byte, nor \t for TAB; -W takes runs of blanks'
}

@test "-W: fields as awk splits them, a TAB between those of a key" {
	printf '%s\n' 'one two three' '  one	 two   three  ' $'\tx y z' 'a b c d' >in
	awk '{ print $2 "|" $0 }' in >want
	run_weir "weir source in | weir keyby -W -k 2 | $keys | weir sink got"
	assert_same want got
	awk '{ print $1 "\t" $3 "|" $0 }' in >want2
	run_weir "weir source in | weir keyby -W -k 1,3 | $keys | weir sink got2"
	assert_same want2 got2
	run_weir -s 2 'weir keyby -W -t , -k 1'
	assert_err 'keyby: -t and -W: fields end at one of the two, not at both'
}

@test "-W: neighbours are joined by one TAB, whatever stands between them" {
	printf '%s\n' 'a b' 'a  b' $'a\tb' $' a \t b ' >in
	run_weir 'weir source in | weir keyby -W -k 1,2 | weir reduce --emit end count | weir sink -'
	assert_output $'a\tb\t4'
}

@test "-s: drops and counts what has no such field" {
	printf '%s\n' 'a	1' b '' 'c	' '	d' >in
	run_weir 'weir source in | weir keyby -s -k 2 | weir sink -'
	assert_output $'a\t1\nc\t\n\td'
	assert_err 'keyby: dropped 2 of 5 records, those without the key'
	run_weir 'weir source in | weir keyby -q -s -k 2 | weir sink -'
	assert_output $'a\t1\nc\t\n\td'
	refute_err dropped
}

@test "-r: the first group, or the whole match" {
	printf '%s\n' 'GET /a?id=7&x=1' 'POST /b?id=12' '' 'PUT /c?id=&x' >in
	run_weir "weir source in | weir keyby -s -r 'id=([0-9]*)' | $keys | weir sink -"
	assert_output $'7|GET /a?id=7&x=1\n12|POST /b?id=12\n|PUT /c?id=&x'
	assert_err 'keyby: dropped 1 of 4 records, those without the key'
	run_weir "weir source in | weir keyby --regex '^[A-Z]*' | $keys | weir sink -"
	assert_output $'GET|GET /a?id=7&x=1\nPOST|POST /b?id=12\n|\nPUT|PUT /c?id=&x'
}

@test "-r: records with NUL bytes, and what matches is routed by" {
	printf 'a\0id=1;\0\nid=2;\n\0\0\0id=1;\n' >in
	run_weir 'weir source in | weir keyby -r "id=([0-9])" |
	    weir reduce -p 2 --emit end count | weir sink - | sort'
	assert_output $'1\t2\n2\t1'
}

@test "-r: a record in which nothing matches: where, what helps" {
	printf 'id=1\nno\n' >in
	run_weir -s any 'weir source in | weir keyby -r "id=(.)" | weir sink got'
	assert_err 'keyby: in: record 2, byte 5: nothing in it matches -r "id=(.)"; try -s to drop such records'
	run_weir 'weir source in | weir keyby --on-error divert=bad -r "id=(.)" | weir sink -'
	assert_output id=1
	assert_equal "$(cat bad)" no
}

@test "-r: the columns of the key have no names of their own" {
	printf 'who\tn\nann\t1\nabe\t2\n' >in
	run_weir 'weir source -H in | weir keyby -r "^." | weir reduce --emit end count sum:n | weir sink -'
	assert_output $'key\tcount\tsum:n\na\t2\t3'
}

@test "-r: no expression, two of them, and -k as well" {
	run_weir -s 2 'weir keyby -r "(a"'
	assert_err 'keyby: -r: "(a" is no extended regular expression: Unmatched ( or \('
	run_weir -s 2 'weir keyby -r a -r b'
	assert_err 'keyby: -r: "b" is a second expression; (a|b) would be one'
	run_weir -s 2 'weir keyby -r a -k 1'
	assert_err 'keyby: -k and -r: the key is found by one of the two, not by both'
}

@test "a record without the key: where, what is there, what helps" {
	printf 'a line\nmore\n' >access.log
	run_weir -s any 'weir source access.log | weir keyby -k 7 | weir sink got'
	assert_err 'keyby: access.log: record 1, byte 0: no field 7, only 1 (separator TAB); try -W for blanks, -t C, or -s to drop such records'
	assert [ ! -s got ]
	printf '%s\n' 'a	1' b 'c	2' '' >in
	run_weir 'weir source in | weir keyby --on-error skip -k 2 | weir sink -'
	assert_output $'a\t1\nc\t2'
	assert_err 'keyby: 2 bad records skipped'
	run_weir 'weir source in | weir keyby --on-error divert=bad -k 2 | weir sink -'
	assert_output $'a\t1\nc\t2'
	printf 'b\n\n' >want
	assert_same want bad
}

@test "a first record without any separator is worth one warning" {
	printf '%s\n' one two three >in
	run_weir 'weir source in | weir keyby -k 1 | weir sink -'
	assert_output $'one\ntwo\nthree'
	assert_err 'keyby: the first record holds no separator (TAB); try -W for blanks, or -t C'
	assert_equal "$(wc -l <<<"$stderr")" 1
	run_weir 'weir source in | weir keyby | weir sink -'
	assert_equal "$stderr" ''
}

@test "any byte may be in a key: NUL, a carriage return, no UTF-8" {
	printf 'a\0b\t1\n\0\t2\n\377\376\t3\ncr\r\t4\n\t5\na\0b\t6\n\0\t7\n' >in
	run_weir 'weir source in | weir keyby -k 1 | weir reduce sum:2 | weir sink got'
	printf 'a\0b\t1\n\0\t2\n\377\376\t3\ncr\r\t4\n\t5\na\0b\t7\n\0\t9\n' >want
	assert_same want got
}

@test "records pass untouched, the last one without a newline too" {
	printf 'a\t1\r\n\n\t\t\nnul\0\t\377\nopen' >in
	run_weir 'weir source in | weir keyby -k 1 | weir sink got'
	{ cat in; echo; } >want
	assert_same want got
}

@test "a key of 1 MiB" {
	head -c 1048574 /dev/zero | tr '\0' k >key
	{ cat key; printf '\t1\nsmall\t1\n'; cat key; printf '\t1\n'; } >in
	run_weir 'weir source --max-record 2M in | weir keyby -k 1 | weir reduce --emit end count | weir sink got'
	{ cat key; printf '\t2\nsmall\t1\n'; } >want
	assert_same want got
}

@test "random records: counts by two fields as awk counts them" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 60000; i++) {
			line = int(rand() ^ 3 * 300)
			for (n = int(rand() * 5); n > 0; n--)
				line = line "\t" int(rand() * 12)
			print line
		}
	}' >in
	awk -F '\t' 'NF >= 3 { n[$3 "\t" $1]++ } END { for (k in n) print k "\t" n[k] }' in |
	    sort >want
	run_weir 'weir source in | weir keyby -s -k 3,1 | weir reduce --emit end count | weir sink got'
	sort got >sorted
	assert_same want sorted
	assert_err "keyby: dropped $(awk -F '\t' 'NF < 3' in | wc -l) of 60000 records, those without the key"
}

@test "what is no field, no option, an operand" {
	run_weir -s 2 'weir keyby -k 1,,2'
	assert_err 'keyby: -k: "1,,2" is no list of fields: a field is missing: 1, 2, ..., 0 for the whole record, or a column'\''s name'
	run_weir -s 2 'weir keyby file'
	assert_err 'keyby: file: keyby reads no files and takes no operands; fields go after -k'
	run_weir -s 2 'weir keyby -x'
	assert_err "keyby: no option -x; 'weir keyby --help' lists them"
	run_weir -s 2 'weir keyby -k'
	assert_err "keyby: option -k wants an argument; 'weir keyby --help' lists them"
}
