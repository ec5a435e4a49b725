#!/usr/bin/env bats
# wiring: how stages find each other: pipes, -i, -o, names, FIFOs, tcp; -p and --copy.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# clicks SEED N: N records "key TAB serial", some hundred keys, a few of them heavy
clicks() {
	echo "clicks: seed $1" >&2
	awk -v seed="$1" -v n="$2" 'BEGIN {
		srand(seed)
		for (i = 1; i <= n; i++)
			printf "k%d\t%d\n", rand() ^ 2 * 300, i
	}'
}

# running_count FILE: what reduce count prints for FILE, keyed by field 1
running_count() {
	awk -F '\t' '{ print $1 "\t" ++n[$1] }' "$1"
}

# assert_lines WANT GOT: the same lines, in any order
assert_lines() {
	sort "$1" >sorted.want
	sort "$2" >sorted.got
	assert_same sorted.want sorted.got
}

# assert_counts IN GOT: running counts, ascending by one for each key
assert_counts() {
	running_count "$1" >counts.want
	assert_lines counts.want "$2"
	awk -F '\t' '$2 != ++n[$1] { print "line " NR ": " $0 ", not " n[$1]; bad = 1 }
	    END { exit bad }' "$2" >&2
}

# free_port N: N ports in a row that nobody listens on
free_port() {
	local port i
	while :; do
		port=$((10000 + RANDOM % 20000))
		for ((i = 0; i < $1; i++)); do
			(exec 9<>"/dev/tcp/127.0.0.1/$((port + i))") 2>/dev/null && continue 2
		done
		echo $port
		return
	done
}

#
# Pipes and text
#

@test "a pipeline of five" {
	clicks "$RANDOM" 20000 >in
	run_weir 'weir source in | weir keyby -k 1 | weir reduce count |
	    weir statemap -e "return function(_, rec) return rec end" | weir sink out'
	running_count in >want
	assert_same want out
	assert_equal "$stderr" ''
}

@test "a regular file as standard output gets text, from every kind of stage" {
	clicks "$RANDOM" 3000 >in
	run_weir 'weir source in >source.out'
	assert_same in source.out
	run_weir 'weir source in | weir keyby -k 1 >keyby.out'
	assert_same in keyby.out
	run_weir 'weir source in | weir keyby -k 2,1 >joined.out'
	assert_same in joined.out
	running_count in >want
	run_weir 'weir source in | weir keyby -k 1 | weir reduce count >reduce.out'
	assert_same want reduce.out
	run_weir 'weir source in | weir statemap -e "return function(_, r) return r end" >statemap.out'
	assert_same in statemap.out
	run_weir 'weir source in | weir keyby -o - >dash.out'
	assert_same in dash.out
	run_weir 'echo before >appended; weir source in >>appended'
	assert_same <(echo before; cat in) appended
	run_weir 'weir source in >/dev/null'
}

@test "text has the header too" {
	printf 'k\tn\na\t1\nb\t2\n' >in
	run_weir 'weir source -H in >got'
	assert_same in got
	run_weir 'weir source -H in | weir keyby -k n >got2'
	assert_same in got2
	run_weir 'weir source -H in | weir keyby -k k | weir reduce count >got3'
	printf 'k\tcount\na\t1\nb\t1\n' >want
	assert_same want got3
}

@test "a terminal as standard output gets text" {
	printf 'a\t1\nb\t2\na\t3\n' >in
	run_weir 'script -qec "weir source in" /dev/null </dev/null | tr -d "\r"'
	assert_equal "$output" "$(cat in)"
	run_weir 'script -qec "weir source in | weir keyby -k 1 | weir reduce sum:2" /dev/null </dev/null | tr -d "\r"'
	assert_output $'a\t1\nb\t2\na\t4'
	run_weir 'script -qec "weir source in | weir sink" /dev/null </dev/null | tr -d "\r"'
	assert_equal "$output" "$(cat in)"
}

@test "a command substitution is a pipe: a sink ends the pipeline" {
	seq 1 10 >in
	run_weir 'x=$(weir source in | weir keyby | weir sink); echo "$x"'
	assert_equal "$output" "$(cat in)"
	run_weir 'while read -r x; do echo "<$x>"; done < <(weir source in | weir sink -)'
	assert_equal "$output" "$(sed 's/.*/<&>/' in)"
}

@test "who reads a stream as text is told on both sides" {
	seq 1 10 >in
	start it 'cat <(weir source in)'
	wait_for grep -q . it.out
	grep -qE "^weir1 /.*/source#0 source  # a weir stream, not text: end with 'weir sink -'\$" it.out
	wait_for grep -qxF "source: nobody has connected to my output for 3 s; if the next program reads text, put 'weir sink -' before it" it.err
	kill -INT -- "-$it_pid"
	finish -s any it
}

@test "standard input that is text is told from a stream" {
	run_weir -s any 'echo "Nov 23 08:29:01 host" | weir keyby | weir sink -'
	assert_err "keyby: standard input is text, not a weir stream (it begins \"Nov 23 08:2\"); put 'weir source -' before me"
	run_weir -s 2 'weir sink </dev/null'
	assert_err "sink: standard input is no pipe, not a weir stream; put 'weir source' before me"
	echo text >file
	run_weir -s 2 'weir sink <file'
	assert_err "sink: standard input is a file, not a weir stream; put 'weir source' before me"
}

#
# -i and -o
#

@test "-o - -o >( ): a tee; the copy is whole when the pipeline has ended" {
	clicks "$RANDOM" 20000 >in
	run_weir 'weir source in | weir keyby -k 1 -o - -o >(weir sink copy) | weir reduce count | weir sink out'
	running_count in >want
	assert_same want out
	assert_same in copy
}

@test "-o on source, reduce and statemap; three copies" {
	clicks "$RANDOM" 20000 >in
	running_count in >want
	run_weir 'weir source -o - -o >(weir sink s1) -o >(weir keyby -n k -k 1 | weir sink s2) in |
	    weir keyby -k 1 |
	    weir reduce -o >(weir sink r1) -o - count |
	    weir statemap -o >(weir sink m1) -o >(weir sink m2) -o - -e "return function(_, r) return r .. r end" |
	    weir sink out'
	assert_same in s1
	assert_same in s2
	assert_same want r1
	sed 's/.*/&&/' want >doubled
	assert_same doubled m1
	assert_same doubled m2
	assert_same doubled out
}

@test "-o: a copy keyed for another number of subtasks" {
	clicks "$RANDOM" 20000 >in
	run_weir 'weir source in | weir keyby -k 1 -o - -o >(weir reduce -p 3 count | weir sink copy3) \
	    -o >(weir reduce -n two -p 2 count | weir sink copy2) | weir reduce -n one count | weir sink out'
	assert_counts in out
	assert_counts in copy2
	assert_counts in copy3
}

@test "-o: a copy as text beside a stream" {
	clicks "$RANDOM" 5000 >in
	run_weir 'weir source in | weir keyby -k 1 -o - -o >(weir sink copy) >text'
	assert_same in text
	assert_same in copy
}

@test "-i <( ) -i <( ): a merge, each input in its order" {
	seq 1 40000 >a
	seq 100001 150000 >b
	seq 200001 200003 >c
	run_weir 'weir keyby -i <(weir source a) -i <(weir source b) -i <(weir source -n c c) | weir sink out'
	awk '$1 < 100000' out >got.a
	awk '$1 > 100000 && $1 < 200000' out >got.b
	awk '$1 > 200000' out >got.c
	assert_same a got.a
	assert_same b got.b
	assert_same c got.c
	assert_equal "$(wc -l <out)" 90003
}

@test "-i - names standard input beside others" {
	seq 1 100 >a
	seq 101 200 >b
	run_weir 'weir source a | weir sink -i - -i <(weir source b) out'
	assert_lines <(seq 1 200) out
}

@test "-i TAG=: a join by state, as join(1) does it" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 3000; i++) printf "u%d\tname%d\n", i, rand() * 1000 }' |
	    sort -u -k 1,1 >users
	awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 9000; i++) printf "u%d\torder%d\n", rand() * 3500, i }' >orders
	run_weir 'weir statemap -i users=<(weir source users | weir keyby -k 1) \
	    -i orders=<(weir source orders | weir keyby -k 1) -e "$1" | weir sink out' \
	    'return function(key, rec, s)
		s = s or { waiting = {} }
		local what = field(rec, 2)
		local out = {}
		if what:sub(1, 4) == "name" then
			s.name = what
			for _, order in ipairs(s.waiting) do
				out[#out + 1] = key .. "\t" .. what .. "\t" .. order
			end
			s.waiting = {}
		elseif s.name then
			out[1] = key .. "\t" .. s.name .. "\t" .. what
		else
			s.waiting[#s.waiting + 1] = what
		end
		return out, s
	end'
	join -t "$(printf '\t')" users <(sort -s -k 1,1 orders) >want
	assert_lines want out
}

@test "-i: keyed inputs are counted together; a keyed and another are not keyed" {
	clicks "$RANDOM" 5000 >a
	clicks "$RANDOM" 5000 >b
	run_weir 'weir reduce -i <(weir source a | weir keyby -k 1) -i <(weir source b | weir keyby -k 1) \
	    --emit end count | weir sink out'
	cat a b | cut -f 1 | sort | uniq -c | awk -v OFS='\t' '{ print $2, $1 }' >want
	assert_lines want out
	run_weir -s any 'weir reduce -i <(weir source a | weir keyby -k 1) -i <(weir source b) count | weir sink -'
	assert_err "reduce: the stream is not keyed; put 'weir keyby -k FIELD' before me"
}

@test "-i: equal headers are one, others are none" {
	printf 'k\tn\na\t1\n' >f1
	printf 'k\tn\nb\t2\n' >f2
	printf 'k\tm\nc\t3\n' >f3
	run_weir 'weir sink -i <(weir source -H f1) -i <(weir source -H f2) out'
	assert_equal "$(head -n 1 out)" $'k\tn'
	assert_lines <(printf 'k\tn\na\t1\nb\t2\n') out
	run_weir 'weir sink -i <(weir source -H f1) -i <(weir source -H f3) out2'
	assert_err 'sink: the headers of my inputs differ: columns have no names'
	assert_lines <(printf 'a\t1\nc\t3\n') out2
}

@test "FIFOs that the user made, and a diamond" {
	seq 1 60000 >in
	mkfifo left right left2 right2
	run_weir 'weir source -o ./left -o ./right in &
	    weir statemap -n twice -i ./left -o ./left2 -e "return function(_, r) return r * 2 end" &
	    weir statemap -n odd -i ./right -o ./right2 -e "return function(_, r) if r % 2 == 1 then return r end end" &
	    weir sink -i ./left2 -i ./right2 out && wait'
	{ seq 2 2 120000; seq 1 2 60000; } >want
	assert_lines want out
	awk '$1 % 2' out >got.odd
	assert_same <(seq 1 2 60000) got.odd
}

@test "a diamond of shared memory: both branches pass on what source has read" {
	clicks "$RANDOM" 100000 >in
	mkfifo left
	run_weir 'weir source in | weir keyby -n first -k 1 -o >(weir keyby -n left -k 2 -o ./left) -o - |
	    weir keyby -n right -k 1 | weir sink -i - -i ./left out'
	assert_lines <(cat in in) out
}

@test "/dev/fd/N in both directions" {
	clicks "$RANDOM" 5000 >in
	run_weir 'weir keyby -k 1 -i /dev/fd/7 -o /dev/fd/8 7< <(weir source in) 8> >(weir sink out)'
	assert_same in out
}

@test "names: -o NAME here, -i NAME there, whoever comes first" {
	clicks "$RANDOM" 5000 >in
	running_count in >want
	run_weir 'weir sink -i totals out & weir reduce -n totals -i by -o sink count &
	    weir keyby -n by -i lines -k 1 -o totals & weir source -n lines -o by in; wait'
	assert_same want out
	run_weir 'weir source -n lines -o by in & weir keyby -n by -i lines -k 1 -o totals &
	    weir reduce -n totals -i by -o sink count & weir sink -i totals out2; wait'
	assert_same want out2
}

@test "names: one output for each who comes" {
	seq 1 5000 >in
	run_weir 'weir sink -n a -i lines outa & weir sink -n b -i lines outb &
	    weir source -n lines -o a -o b in; wait'
	assert_same in outa
	assert_same in outb
}

@test "names: a stranger is refused by name, and the others go on" {
	mkfifo p
	start it 'weir source -n lines -o mine - <p & weir sink -n mine -i lines out; wait'
	exec 9>p
	echo one >&9
	wait_for grep -qs one out
	run_weir -s any 'weir sink -n stranger -i lines other'
	assert [ "$status" != 0 ]
	grep -qF 'stranger: lines refuses me: no output of mine is free for "stranger"; give me another -o' <<<"$stderr"
	echo two >&9
	exec 9>&-
	finish it
	assert_same <(printf 'one\ntwo\n') out
}

@test "what is no name, no tag, no address" {
	run_weir -s 2 'weir keyby -n a.b'
	assert_err 'keyby: -n: "a.b" is no name: letters, digits, _ and -, at most 64'
	run_weir -s 2 'weir keyby -i a.b'
	run_weir -s 2 'weir keyby -i =x'
	run_weir -s 2 'weir keyby -i a.b=x'
	assert_err 'keyby: -i: "a.b=x" has a tag with other characters than letters, digits, _ and -'
	run_weir -s 2 'weir source -o tcp://127.0.0.1 /dev/null'
	assert_err 'source: -o tcp://127.0.0.1: not of the form tcp://HOST:PORT'
	run_weir -s 2 'weir keyby -i ./missing'
	assert_err 'keyby: -i ./missing: No such file or directory'
	: >file
	run_weir -s 2 'weir keyby -i ./file'
	assert_err "keyby: -i ./file: not a FIFO; a file is read by 'weir source ./file'"
	run_weir -s 2 'weir source -o ./file file'
	assert_err "source: -o ./file: not a FIFO; a file is written by 'weir sink ./file'"
	assert [ ! -s file ]
}

#
# tcp
#

@test "tcp on this host" {
	local port
	port=$(free_port 1)
	clicks "$RANDOM" 100000 >in
	run_weir 'weir source in | weir keyby -k 1 -o "tcp://127.0.0.1:$1" &
	    weir reduce -i "tcp://127.0.0.1:$1" count | weir sink out && wait $!' "$port"
	running_count in >want
	assert_same want out
}

@test "tcp: the consumer first; a long record, every byte" {
	local port
	port=$(free_port 1)
	{ head -c 1048576 /dev/zero | tr '\0' x; printf '\n\0\r\n\377\n\n'; } >in
	run_weir 'weir sink -i "tcp://127.0.0.1:$1" out & weir source -o "tcp://127.0.0.1:$1" in && wait $!' "$port"
	assert_same in out
}

@test "tcp: several subtasks on both sides, a port each" {
	local port
	port=$(free_port 1)
	clicks "$RANDOM" 30000 >in
	run_weir 'weir source in | weir keyby -k 1 -o "tcp://127.0.0.1:$1" &
	    weir reduce -p 4 -i "tcp://127.0.0.1:$1" count | weir sink out && wait $!' "$port"
	assert_counts in out
	port=$(free_port 3)
	run_weir 'weir source -p 3 --count 1..30000 | weir keyby -p 3 -o "tcp://127.0.0.1:$1" &
	    weir reduce -p 2 -i "tcp://127.0.0.1:$1" count | weir sink out2 && wait $!' "$port"
	assert_lines <(seq 1 30000 | sed 's/$/\t1/') out2
}

#
# --copy
#

@test "--copy on any one stage, and on all" {
	local i s
	clicks "$RANDOM" 40000 >in
	running_count in >want
	for i in 1 2 3 4 all; do
		s=('' '' '' '' '')
		if [ $i = all ]; then
			s=(- --copy --copy --copy --copy)
		else
			s[i]=--copy
		fi
		run_weir 'weir source $1 in | weir keyby $2 -k 2,1 | weir keyby -n again $3 -k 1 |
		    weir reduce $4 count | weir sink --truncate out' "${s[@]:1}"
		assert_same want out
	done
	assert_equal "$stderr" ''
}

@test "--copy leaves no shared memory even while it runs" {
	mkfifo p
	start it 'weir source --copy - <p | weir keyby --copy | weir sink --copy out'
	exec 9>p
	echo x >&9
	wait_for grep -qs x out
	for pid in $(survivors); do
		refute grep -q /dev/shm "/proc/$pid/maps"
	done
	exec 9>&-
	finish it
	start it 'weir source - <p | weir keyby | weir sink out2'
	exec 9>p
	echo x >&9
	wait_for grep -qs x out2
	for pid in $(survivors); do
		cat "/proc/$pid/maps"
	done >maps
	grep -q /dev/shm maps
	exec 9>&-
	finish it
}

#
# -p
#

@test "-p: reduce, one to N: running counts by key stay in order" {
	local p
	clicks "$RANDOM" 30000 >in
	for p in 1 2 3 8; do
		run_weir 'weir source in | weir keyby -k 1 | weir reduce -p $1 count | weir sink --truncate out' $p
		assert_counts in out
	done
}

@test "-p: keyby to reduce, any number to any" {
	local from to
	clicks "$RANDOM" 30000 >in
	split -n l/4 in part.
	for from in 1 2 4; do
		for to in 1 3; do
			run_weir 'weir source -p $1 part.a? | weir keyby -p $1 -k 1 |
			    weir reduce -p $2 count | weir sink --truncate out' $from $to
			assert_counts in out
		done
	done
}

@test "-p: order by key through keyby and statemap on many subtasks" {
	clicks "$RANDOM" 30000 >in
	run_weir 'weir source in | weir keyby -k 1 | weir statemap -p 4 -e "$1" | weir sink out' \
	    'return function(key, rec, last)
		local serial = math.tointeger(field(rec, 2))
		assert(serial > (last or 0))
		return rec, serial
	end'
	assert_lines in out
	awk -F '\t' '$2 <= last[$1] { print "line " NR ": " $0; bad = 1 } { last[$1] = $2 } END { exit bad }' out
}

@test "-p: keyed again, any to any" {
	clicks "$RANDOM" 20000 >in
	run_weir 'weir source in | weir keyby -k 2 | weir keyby -n again -p 3 -k 1 | weir reduce -p 2 count |
	    weir sink out'
	sort in >want
	running_count in | sort >counts
	assert_lines counts out
}

@test "-p: equal numbers one to one, without keys" {
	seq 1 30000 >in
	split -n l/3 in part.
	run_weir 'weir source -p 3 part.* | weir statemap -p 3 -e "return function(_, r) return r end" |
	    weir keyby -p 3 | weir sink out'
	assert_lines in out
	for part in part.*; do
		grep -xFf "$part" out >got
		assert_same "$part" got
	done
}

@test "-p: --emit end prints every key once" {
	clicks "$RANDOM" 30000 >in
	run_weir 'weir source in | weir keyby -k 1 | weir reduce -p 5 --emit end count sum:2 | weir sink out'
	awk -F '\t' -v OFS='\t' '{ n[$1]++; s[$1] += $2 } END { for (k in n) print k, n[k], s[k] }' in >want
	assert_lines want out
}

@test "-p: source by files, by the counter" {
	local i
	for i in {1..7}; do
		seq $((i * 1000)) $((i * 1000 + 500)) >"f$i"
	done
	run_weir "weir source -p 3 'f?' | weir sink out"
	cat f? >want
	assert_lines want out
	for i in {1..7}; do
		awk -v i="$i" 'int($1 / 1000) == i' out >got
		assert_same "f$i" got
	done
	run_weir 'weir source -p 4 --count 10..100000 | weir sink out2'
	assert_lines <(seq 10 100000) out2
}

@test "-p: 128 subtasks, the most there can be" {
	clicks "$RANDOM" 3000 >in
	run_weir -t 50 'weir source in | weir keyby -k 1 | weir reduce -p 128 count | weir sink out'
	assert_counts in out
	run_weir -s 2 'weir reduce -p 129 count'
	assert_err 'reduce: -p: "129" is no number from 1 to 128'
	run_weir -s 2 'weir reduce -p 0 count'
}

@test "-p with --copy" {
	clicks "$RANDOM" 30000 >in
	run_weir 'weir source --copy in | weir keyby --copy -k 1,1 | weir keyby --copy -n again -p 2 -k 1 |
	    weir reduce --copy -p 3 count | weir sink --copy out'
	assert_lines <(running_count in) out
}

@test "-p: standard output as text is written by all" {
	clicks "$RANDOM" 20000 >in
	run_weir 'weir source in | weir keyby -k 1 | weir reduce -p 4 count >out'
	assert_counts in out
	run_weir 'weir source in | weir keyby -k 1 | weir keyby -n again -p 3 -k 2 >out2'
	assert_lines in out2
}

@test "-p: the header comes once, to a sink and as text" {
	local i
	for i in 1 2 3; do
		printf 'k\tn\na%d\t1\nb\t2\n' $i >"f$i"
	done
	printf 'k\tn\na1\t1\nb\t2\na2\t1\nb\t2\na3\t1\nb\t2\n' >want
	run_weir 'weir source -H -p 3 f1 f2 f3 | weir sink out'
	assert_equal "$(head -n 1 out)" $'k\tn'
	assert_lines want out
	# whichever subtask is the first to write
	for _ in {1..8}; do
		run_weir 'weir source -H -p 3 f1 f2 f3 >out2'
		assert_equal "$(head -n 1 out2)" $'k\tn'
		assert_lines want out2
	done
}

@test "-p: refused where order or the outside makes it senseless" {
	seq 1 10 >a
	run_weir -s 2 'weir source -p 2 - <a'
	assert_err 'source: -p 2: standard input cannot be shared'
	run_weir -s 2 'weir source -p 2 <a'
	run_weir -s 2 'weir source -p 2 a'
	assert_err 'source: -p 2: more subtasks than files (1), and each file is read by one'
	run_weir -s 2 'weir sink -p 2 out'
	assert_err "sink: no option -p; 'weir sink --help' lists them"
	run_weir -s any 'weir source a | weir keyby -p 2 | weir sink -'
	grep -qF 'source has -p 1 and I have -p 2; a stream without keys connects equal numbers, or many to one' <<<"$stderr"
	run_weir -s any 'weir source -p 3 --count 1..9 | weir statemap -p 2 -e "return print" | weir sink -'
	grep -qF 'source has -p 3 and I have -p 2; a stream without keys connects equal numbers, or many to one' <<<"$stderr"
}
