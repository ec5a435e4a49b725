#!/usr/bin/env bats
# statemap -- COMMAND: a program that is asked and answers, the state kept for it.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

setup() {
	weir_setup
	# the total of field 2 before each record; one print a record is one write
	cat >total.awk <<-'END'
	BEGIN { FS = "\t" }
	{
		n = substr($2, 2) + 0
		split($3, f, ",")
		print ">" $1 "," n "\n=" n + f[2]
	}
	END
	cat >flush.awk <<-'END'
	BEGIN { FS = "\t"; ORS = "" }
	{
		n = substr($2, 2) + 0
		split($3, f, ",")
		print ">" $1 "," n "\n=" n + f[2] "\n"
		fflush()
	}
	END
	cat >long.awk <<-'END'
	BEGIN { FS = "\t" }
	{
		printf ">%s %1000s\n=1\n", $3, ""
		fflush()
	}
	END
	cat >total.py <<-'END'
	import sys
	for line in sys.stdin:
	    key, state, rec = line.rstrip("\n").split("\t", 2)
	    n = int(state[1:]) if state != "." else 0
	    print(f">{key},{n}")
	    print(f"={n + int(rec.split(',')[1])}")
	END
}

# records NAME: comma separated, from standard input
records() {
	tr ' ' ',' >"$1"
}

# asked COMMAND [ARG]...: the file in, keyed by its first field, to $output
asked() {
	run_weir 'weir source in | weir keyby -t , -k 1 | weir statemap -- "$@" | weir sink -' "$@"
}

# fails [[OPTION]... --] COMMAND [ARG]...: the same, which fails
fails() {
	[[ " $* " == *' -- '* ]] || set -- -- "$@"
	run_weir -s 1 'weir source in | weir keyby -t , -k 1 | weir statemap "$@" | weir sink -' "$@"
}

@test "W3: the total before each record, by awk, by mawk, by python" {
	records in <<<$'a 1\nb 10\na 2\na 3\nb 5'
	asked mawk -W interactive -f total.awk
	assert_output $'a,0\nb,0\na,1\na,3\nb,10'
	asked gawk -f total.awk
	assert_output $'a,0\nb,0\na,1\na,3\nb,10'
	command -v python3 >/dev/null || skip 'no python3 here; awk and mawk agree'
	asked python3 total.py
	assert_output $'a,0\nb,0\na,1\na,3\nb,10'
}

@test "the protocol: any number of outputs, a state stored, cleared, kept" {
	records in <<<$'a 1\na 2\na 3\na 4\na 5'
	cat >answers.sh <<-'END'
	while IFS=$(printf '\t') read -r key state rec; do
		echo ">$state"
		case $rec in
		*1)	echo '=one' ;;
		*2)	printf '>twice\n>\n.\n' ;;
		*3)	echo - ;;
		*4)	echo . ;;
		*5)	echo = ;;
		esac
	done
	END
	asked sh answers.sh
	assert_output $'.\n=one\ntwice\n\n=one\n.\n.'
}

@test "a key and a state with TAB, backslash and newline come as escapes" {
	printf 'a\\b\tc\n' >in
	run_weir 'weir source in | weir keyby -t ";" -k 1 | weir statemap -- "$@" | weir sink -' \
	    sed -u 's/^\(.*\)	\.	\(.*\)$/>\1;\2\n=x/'
	assert_output 'a\\b\tc;a\b	c'
	records in <<<$'k 1\nk 2'
	asked sed -u -e '1s/.*/=t\\tn\\nb\\\\/' -e '2s/^k	=\(.*\)	.*/>\1\n-/'
	assert_output "t\\tn\\nb\\\\"
}

@test "without keys: map and filter; a state is an error" {
	seq 1 3000 >in
	run_weir 'weir source in | weir statemap -- mawk -W interactive -F "\t" "$1" | weir sink got' \
	    '$3 % 3 == 0 { print ">" $0 } { print "." }'
	awk '$1 % 3 == 0 { print "\t.\t" $0 }' in >want
	assert_same want got
	run_weir 'weir source in | weir statemap -- sed -u s/.*/-/ | weir sink -'
	assert_output ''
	run_weir -s any 'weir source in | weir statemap -- sed -u s/.*/=1/ | weir sink -'
	grep -q "^statemap: in: record 1, byte 0: sed answers with a state, but the stream is not keyed (put 'weir keyby -k FIELD' before me)" <<<"$stderr"
}

@test "outputs come in the order of the records; each key's state as awk keeps it" {
	local seed=$RANDOM
	echo "seed $seed" >&2
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		for (i = 0; i < 30000; i++)
			printf "%d,%d\n", rand() ^ 2 * 5000, rand() * 100
	}' >in
	awk -F , '{ print $1 "," t[$1] + 0; t[$1] += $2 }' in >want
	run_weir 'weir source in | weir keyby -t , -k 1 |
	    weir statemap -- mawk -W interactive -f total.awk | weir sink got'
	assert_same want got
	run_weir 'weir source in | weir keyby -t , -k 1 |
	    weir statemap -p 2 -- gawk -f total.awk | weir sink - | sort >got2'
	sort want >want2
	assert_same want2 got2
}

@test "a record whose key is asked about stops no other; outputs wait for it" {
	# a program that hears of three keys before it answers once, and says what it heard
	records in <<<$'a 1\na 2\na 3\nb 1\nc 1\nb 2'
	cat >late.sh <<-'END'
	read -r a; read -r b; read -r c
	printf '%s\n' "$a" "$b" "$c" >order
	printf '>%s\n' "${a##*,}"; echo =1
	read -r a
	printf '>%s\n' "b${b##*,}"; echo =1
	read -r b
	printf '%s\n' "$a" "$b" >>order
	echo '>c'; echo =1
	printf '>%s\n>again\n' "${a##*,}"; echo =2
	read -r a
	printf '>%s\n' "b${b##*,}"; echo =2
	printf '%s\n' "$a" >>order
	printf '>%s\n' "${a##*,}"; echo -
	read -r end
	:
	END
	asked sh late.sh
	assert_output $'1\n2\nagain\n3\nb1\nc\nb2'
	assert_equal "$(cut -f 1,2 order)" $'a\t.\nb\t.\nc\t.\na\t=1\nb\t=1\na\t=2'
}

@test "hot keys and rare ones: the order of the records, each key's state" {
	local how
	awk 'BEGIN {
		srand(5)
		for (i = 0; i < 40000; i++)
			printf "%d,%d\n", i % 9 < 4 ? 0 : exp(rand() * log(20000)), rand() * 100
	}' >in
	awk -F , '{ print $1 "," t[$1] + 0; t[$1] += $2 }' in >want
	for how in 'mawk -W interactive' '--pipe -- gawk' '-p 1 -- gawk'; do
		[[ $how == *--* ]] || how="-- $how"
		run_weir "weir source in | weir keyby -t , -k 1 |
		    weir statemap $how -f flush.awk | weir sink --truncate got"
		assert_same want got
	done
}

# hot: 5000 records, most of one key, of others between them
hot() {
	awk 'BEGIN { for (i = 1; i <= 5000; i++) print (i % 3 ? "hot" : i) "," i }' >in
}

@test "among many: a missing answer, one too many, an end" {
	hot
	fails --reply-timeout 1s -- mawk -W interactive 'NR != 3000 { print "." }'
	assert_err 'statemap: mawk has one record and has answered nothing for 1 s; output held back? mawk -W interactive, gawk fflush(), python3 -u, sed -u, jq -M --unbuffered'
	fails -- mawk -W interactive '{ print "." } NR == 3000 { print "." }'
	assert_err 'statemap: mawk answers ".", which nothing was asked for'
	fails -- mawk -W interactive 'NR == 3000 { exit 3 } { print "." }'
	grep -qE '^statemap: in: record [0-9]+, byte [0-9]+: mawk has ended before its input, with status 3; it has this record ' <<<"$stderr"
	fails --reply-timeout 1s -- mawk -W interactive 'NR == 3000 { system("exec sleep 60") } { print "." }'
	grep -qE '^statemap: mawk has ([0-9]+ records|one record) and has answered nothing for 1 s; ' <<<"$stderr"
}

@test "the wrong answer names its record, which may not be the first" {
	records in <<<$'a 1\na 2\nb 1'
	fails -- sed -u 's/^a.*/=1/;s/^b.*/bad/'
	grep -q '^statemap: in: record 3, byte 8: sed answers "bad", which is none of' <<<"$stderr"
}

@test "much output that has to wait is bounded" {
	hot
	run_weir "weir source in | weir keyby -t , -k 1 |
	    weir statemap -M 1M --pipe -- gawk -f long.awk | weir sink got"
	awk -F , '{ printf "%s %1000s\n", $1 "," $2, "" }' in >want
	assert_same want got
	records in <<<$'a 1\na 2\nb 1'
	cat >much.sh <<-'END'
	read -r a; read -r b; echo .; read -r a
	yes '>much' | head -n 500000
	END
	fails -M 1M --pipe -- sh much.sh
	grep -q '^statemap: in: record 3, byte 8: sh answers with more than may wait for earlier records (-M gives it more room); ' <<<"$stderr"
}

@test "large records, a large state, much output, a slow reader" {
	awk 'BEGIN {
		long = sprintf("%100000s", "")
		gsub(/ /, "x", long)
		for (i = 0; i < 60; i++)
			print i % 2 "," substr(long, 1, i * 1500)
	}' >in
	awk -F , '{ print $0 s[$1]; print $0; s[$1] = s[$1] $2 }' in >want
	cat >grow.awk <<-'END'
	{
		state = substr($2, 2)
		split($3, f, ",")
		print ">" $3 state
		print ">" $3
		print "=" state f[2]
	}
	END
	run_weir 'weir source --max-record 8M in | weir keyby -t , -k 1 |
	    weir statemap -- gawk -F "\t" -f grow.awk | weir sink - | (read -r line; echo "$line"; cat) >got'
	assert_same want got
}

@test "a program that is not there" {
	echo a >in
	run_weir -s any 'weir source in | weir statemap -- ./no-such-program | weir sink -'
	assert_err 'statemap: ./no-such-program: No such file or directory'
	run_weir -s 2 'weir statemap --'
	assert_err 'statemap: which function? -e LUA, -f FILE or -- COMMAND'
	run_weir -s 2 'weir statemap mawk'
	run_weir -s 2 'weir statemap -e "return print" -- mawk'
	assert_err 'statemap: -e and -- are two functions; give me one'
}

@test "it ends early: how, and with which record" {
	records in <<<$'a 1\nb 2\nc 3'
	fails sh -c 'read -r line; echo .; exit 3'
	grep -q '^statemap: in: record 2, byte 4: sh has ended before its input, with status 3; it has this record and 1 more to answer$' <<<"$stderr"
	fails sh -c 'read -r line; kill -9 $$'
	grep -q '^statemap: in: record 1, byte 0: sh has ended before its input, with signal 9 (Killed); it has this record and 2 more to answer$' <<<"$stderr"
	fails sh -c 'read -r a; read -r b; printf ".\n.\n"; exec >&- ; read -r c; read -r d'
	grep -q '^statemap: in: record 3, byte 8: sh has closed its output; it has this record to answer$' <<<"$stderr"
}

@test "it ends badly when all is answered" {
	records in <<<$'a 1'
	fails sh -c 'read -r line; echo .; read -r line; exit 4'
	assert_err 'statemap: sh has answered all, and ended with status 4'
	fails sh -c 'read -r line; echo .; read -r line; echo more'
	assert_err 'statemap: sh answers "more", which nothing was asked for'
}

@test "what is no answer, one too many, half of one" {
	records in <<<$'a 1\nb 2'
	fails sed -u 's/.*/good\tbad/'
	grep -q '^statemap: in: record 1, byte 0: sed answers "good\\tbad", which is none of >OUTPUT, =STATE, - and .;' <<<"$stderr"
	fails sed -u 's/.*/=a\\x/'
	grep -qF 'sed answers "=a\\x", which has a backslash that is none of \t, \n and \\;' <<<"$stderr"
	fails sed -u '2s/.*/.\n./;1s/.*/./'
	assert_err 'statemap: sed answers ".", which nothing was asked for'
	fails sh -c 'read -r line; printf ">half"'
	grep -q '^statemap: in: record 1, byte 0: sh answers ">half", which is no whole line; ' <<<"$stderr"
}

@test "14: output held back is named with its cure" {
	records in <<<$'a 1'
	run_weir -s any 'weir source in | weir statemap --reply-timeout 100ms -- sh -c "sleep 60" |
	    weir sink -'
	assert_err 'statemap: sh has one record and has answered nothing for 100 ms; output held back? mawk -W interactive, gawk fflush(), python3 -u, sed -u, jq -M --unbuffered'
	records in <<<$'a 1\nb 1'
	run_weir -s any 'weir source in | weir statemap --reply-timeout 1s -- mawk "{ print \".\" }" |
	    weir sink -'
	assert_err 'statemap: mawk has 2 records and has answered nothing for 1 s; output held back? mawk -W interactive, gawk fflush(), python3 -u, sed -u, jq -M --unbuffered'
}

@test "its output is a raw terminal, or a pipe where it flushes; it knows no colours" {
	echo a >in
	cat >look.sh <<-'END'
	read -r line
	test -t 1 && echo '>terminal'
	test -t 0 || echo '>pipe'
	exec 3>&1
	stty -a <&3 | grep -q -- -opost && echo '>raw'
	(: </dev/tty) 2>/dev/null || echo '>controls nothing'
	echo ">$TERM $NO_COLOR"
	trap | sed 's/^/>/'
	echo .
	read -r line
	:
	END
	run_weir 'setsid -w weir source in | setsid -w weir statemap -- sh look.sh | weir sink -'
	assert_output $'terminal\npipe\nraw\ncontrols nothing\ndumb 1'
	cat >look.sh <<-'END'
	read -r line
	test -p /dev/stdout && echo '>pipe'
	echo .
	read -r line
	:
	END
	run_weir 'weir source in | weir statemap --pipe -- sh look.sh | weir sink -'
	assert_output pipe
	run_weir 'weir source in | weir statemap -- mawk -W interactive "$1" | weir sink -' \
	    '{ print ">" system("test -p /dev/stdout") "\n." }'
	assert_output 0
	run_weir -s any 'weir source in | weir statemap -- sh -c "read -r line; kill -PIPE \$\$" | weir sink -'
	grep -q 'with signal 13' <<<"$stderr"
}

@test "where no pseudo-terminal can be had it is a pipe, and -v says so" {
	unshare -m true 2>/dev/null || skip "a mount namespace is not allowed here"
	echo a >in
	cat >piped <<-'END'
	mount -t tmpfs none /dev/pts
	weir source in | weir statemap -v -- sh -c 'read -r a; printf ">b\n.\n"; read -r a; :' | weir sink -
	END
	run_weir 'unshare -m sh piped'
	assert_output b
	assert_err 'statemap: no pseudo-terminal can be had: sh writes into a pipe, where it may hold its output back'
}

@test "stopped: what was asked is answered, the program ends" {
	start job 'weir source --count 1.. | weir statemap -- mawk -W interactive -F "\t" "$1" | weir sink -' \
	    '{ print ">" $3 "\n." }'
	wait_for test -s job.out
	kill -INT -- -"$job_pid"
	finish job
	seq 1 "$(wc -l <job.out)" >want
	assert_same want job.out
}

@test "an answer is out before the next one, at the end of the input too" {
	records in <<<$'a 1\nb 2'
	mkfifo go
	cat >slow.sh <<-'END'
	read -r line; printf '>first\n.\n'
	read -r line; read -r go <go; printf '>second\n.\n'
	read -r line
	:
	END
	start job 'weir source in | weir keyby -t , -k 1 | weir statemap -- sh slow.sh | weir sink -'
	wait_for grep -q first job.out
	echo >go
	finish job
	assert_equal "$(cat job.out)" $'first\nsecond'
}

@test "nobody reads on: all end" {
	run_weir 'weir source --count 1.. | weir statemap -- mawk -W interactive "{ print \">\" \$2 \"\\n.\" }" |
	    weir sink - | head -n 1'
}
