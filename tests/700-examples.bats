#!/usr/bin/env bats
# The examples, the demo and what the README shows, against what awk, sort, join
# and datamash make of the same input.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid

load lib/helper

setup() {
	weir_setup
	examples=$WEIR_SOURCE/examples
	log=$examples/access.log
	tac "$log" >backwards.log
}

# example NAME [ARG]...: its output is in got
example() {
	run_weir '"$@" >got' "$examples/$1.sh" "${@:2}"
}

# ranking FIELD [LOG]: "WORD<TAB>COUNT", in the order of the words
ranking() {
	awk -v f="$1" '{ print $f }' "${2-$log}" | sort | uniq -c | awk '{ print $2 "\t" $1 }'
}

@test "top-pages" {
	ranking 7 | sort -t $'\t' -k 2,2nr -k 1,1 | head -n 10 >want
	assert [ "$(wc -l <want)" = 10 ]
	example top-pages
	assert_same want got
	ranking 7 <(head -n 50 "$log") | sort -t $'\t' -k 2,2nr -k 1,1 | head -n 10 >want
	example top-pages <(head -n 50 "$log")
	assert_same want got
}

@test "first-seen" {
	local input
	for input in "$log" backwards.log; do
		awk '!seen[$1]++' "$input" >want
		example first-seen "$input"
		assert_same want got
	done
}

totals() {
	printf 'customer\torders\tturnover\tlargest\n'
	join -t $'\t' <(sed 1d "$1" | datamash -s -g 3 count 1 sum 5) <(sed 1d "$1" |
	    sort -t $'\t' -k 3,3 -k 5,5nr | awk -F '\t' '!n[$3]++ { print $3 "\t" $5 }')
}

@test "totals" {
	totals "$examples/orders.tsv" >want
	assert [ "$(wc -l <want)" -gt 3 ]
	example totals
	assert_same want got
	head -n 17 "$examples/orders.tsv" >half.tsv
	totals half.tsv >want
	example totals half.tsv
	assert_same want got
}

@test "latest" {
	{
		printf 'customer\tday\titem\tamount\n'
		sed 1d "$examples/orders.tsv" | tac | sort -s -u -t $'\t' -k 3,3 |
		    awk -F '\t' -v OFS='\t' '{ print $3, $2, $4, $5 }'
	} >want
	assert [ "$(wc -l <want)" -gt 3 ]
	example latest
	assert_same want got
}

@test "per-hour" {
	awk -F '[:]|[[]' -v OFS='\t' '{
		hour = $2 " " $3
		requests[hour]++
		match($0, /" [0-9]+ /)
		failed[hour] += substr($0, RSTART + 2, 1) == 5
	} END {
		for (hour in requests)
			print hour, requests[hour], failed[hour]
	}' "$log" | sort >want
	assert [ "$(wc -l <want)" -gt 5 ]
	example per-hour
	assert_same want got
	{ echo 'this is no line of a log'; cat backwards.log; } >more.log
	example per-hour more.log
	assert_same want got
}

sessions() {
	TZ=UTC gawk -v OFS='\t' 'BEGIN {
		n = split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", names, " ")
		for (i = 1; i <= n; i++)
			month[names[i]] = i
	} {
		split($4, t, /[][\/:]/)
		now = mktime(t[4] " " month[t[3]] " " t[2] " " t[5] " " t[6] " " t[7])
		if (!($1 in last) || now - last[$1] >= 1800)
			visit[$1]++
		last[$1] = now
		id = $1 OFS visit[$1]
		if (!count[id]++)
			from[id] = t[5] ":" t[6]
		to[id] = t[5] ":" t[6]
	} END {
		for (id in count)
			print id, count[id], from[id], to[id]
	}' "$1" | sort
}

@test "sessions" {
	sessions "$log" >want
	assert [ "$(wc -l <want)" -gt 20 ]
	example sessions
	sort got >sorted
	assert_same want sorted
	# the turn of a month, of a year, a leap day, and one that there is none of
	printf '192.0.2.1 - - [%s +0000] "GET / HTTP/1.1" 200 1 "-" "-"\n' \
	    31/Jan/2024:23:50:00 01/Feb/2024:00:10:00 28/Feb/2024:23:45:00 \
	    29/Feb/2024:00:05:00 29/Feb/2024:23:55:01 01/Mar/2024:00:25:00 \
	    01/Mar/2024:00:55:00 31/Dec/2024:23:40:00 01/Jan/2025:00:09:59 \
	    28/Feb/2025:23:40:00 01/Mar/2025:00:01:00 >turns.log
	sessions turns.log >want
	assert_equal "$(cut -f 3 want | paste -sd' ')" '2 2 2 1 2 2'
	example sessions turns.log
	assert_same want got
}

@test "alert" {
	local limit input
	for limit in 5 3 1; do
		for input in "$log" backwards.log; do
			awk -v limit=$limit '$6 == "\"POST" {
				n[$1] = $9 == 401 ? n[$1] + 1 : 0
				if (n[$1] == limit)
					print substr($4, 2) " " substr($5, 1, 5) "\t" $1 "\t" \
					    limit " failures"
			}' "$input" >want
			assert [ -s want ]
			example alert $limit "$input"
			assert_same want got
		done
	done
}

@test "names" {
	join -t ' ' <(tr '\t' ' ' <"$examples/hosts.txt" | sort) <(sort -k 1,1 "$log") |
	    cut -d ' ' -f 2- | sort >want
	assert [ "$(wc -l <want)" -gt 50 ]
	example names
	sort got >sorted
	assert_same want sorted
	# a name that comes last, and one that comes first
	printf '%s\n' '192.0.2.1 a.example' '192.0.2.2 b.example' >hosts
	printf '%s - - [-] "GET /%d" 200 1\n' 192.0.2.1 1 192.0.2.3 2 192.0.2.2 3 192.0.2.1 4 >few
	example names few hosts
	sort got >sorted
	printf '%s.example - - [-] "GET /%d" 200 1\n' a 1 a 4 b 3 >want
	assert_same want sorted
}

@test "two-views" {
	ranking 7 >pages
	ranking 1 >clients
	mkdir to
	example two-views "$log" to
	assert_same pages to/pages.tsv
	assert_same clients to/clients.tsv
	# again, with other input: the files are replaced
	head -n 20 "$log" >few.log
	ranking 1 few.log >clients
	example two-views few.log to
	assert_same clients to/clients.tsv
}

@test "two-views fails when one of its sinks does" {
	mkdir -p to/clients.tsv
	run_weir -s any '"$@"' "$examples/two-views.sh" "$log" to
	assert_failure
}

# has_lines N FILE: it has that many, or more
has_lines() {
	[ "$(wc -l <"$2")" -ge "$1" ]
}

@test "follow" {
	local want
	grep -c '" 5[0-9][0-9] ' "$log" >number
	read -r want <number
	assert [ "$want" -gt 2 ]
	cp "$log" live.log
	start live '"$1/follow.sh" live.log' "$examples"
	wait_for has_lines "$want" live.out
	mv live.log live.log.1
	grep '" 5' "$log" | head -n 2 >live.log
	cat live.log >>both
	grep '" 5' "$log" | cat - live.log | awk '{ print $7 "\t" ++n[$7] }' >want
	wait_for has_lines $((want + 2)) live.out
	kill -INT -- "-$live_pid"
	finish -s any live
	assert_same want live.out
}

divert() {
	grep -E $'\t-?[0-9]+\\.[0-9]$' "$1" | awk -F '\t' -v OFS='\t' '{
		n[$2]++
		sum[$2] += $3 * 10
		if (n[$2] == 1 || $3 + 0 < min[$2] + 0)
			min[$2] = $3
		if (n[$2] == 1 || $3 + 0 > max[$2] + 0)
			max[$2] = $3
	} END {
		for (s in n)
			printf "%s\t%s\t%.15g\t%s\n", s, min[s], sum[s] / 10 / n[s], max[s]
	}' | sort
}

@test "sqlite" {
	command -v sqlite3 >/dev/null || skip 'no sqlite3 here'
	local rows='SELECT count(*), count(DISTINCT no), min(no), max(no) FROM orders'
	head -n 30 "$examples/orders.tsv" >orders.tsv
	run_weir 'weir run -q -c 20ms -j job "$1" orders.tsv a.db' "$examples/sqlite.sh"
	assert_equal "$(sqlite3 a.db "$rows")" '29|29|1001|1029'
	# what is there already is not done again, what is new is
	run_weir 'weir run -q -c 20ms -j job "$1" orders.tsv a.db' "$examples/sqlite.sh"
	sed 1,30d "$examples/orders.tsv" >>orders.tsv
	run_weir 'weir run -q -c 20ms -j job "$1" orders.tsv a.db' "$examples/sqlite.sh"
	assert_equal "$(sqlite3 a.db "$rows")" '40|40|1001|1040'
	WEIR_CHECKPOINT=1 "$examples/sqlite.sh" --commit a.db <<<'1	2	3	4	5'
	assert_equal "$(sqlite3 a.db "$rows")" '40|40|1001|1040'
}

@test "divert" {
	divert "$examples/readings.tsv" >want
	grep -Ev $'\t-?[0-9]+\\.[0-9]$' "$examples/readings.tsv" >bad
	assert [ "$(wc -l <bad)" = 4 ]
	example divert
	assert_same want got
	assert_same bad readings.bad
	# again, elsewhere, without a bad one
	grep -vFxf bad "$examples/readings.tsv" >good.tsv
	echo old >old.bad
	example divert good.tsv old.bad
	assert_same want got
	assert [ ! -s old.bad ]
}

@test "selftest" {
	example selftest
	assert_equal "$(cat got)" '1 + 2 + ... + 200000 = 20000100000'
	example selftest 4321
	assert_equal "$(cat got)" "1 + 2 + ... + 4321 = $(seq 4321 | datamash sum 1)"
}

@test "spent" {
	awk -F '\t' 'NR > 1 {
		cents[$3] += int($NF * 100 + 0.5)
		hundred = int(cents[$3] / 10000)
		if (hundred > before[$3])
			print $3 "\t" hundred * 100 "\t" $1
		before[$3] = hundred
	}' "$examples/orders.tsv" >want
	assert [ "$(wc -l <want)" -gt 3 ]
	example spent
	assert_same want got
}

@test "drift" {
	command -v python3 >/dev/null || skip 'no python3 here'
	awk -F '\t' -v OFS='\t' '
	NF == 3 && $3 ~ /^-?[0-9.]+$/ {
		n = split(last[$2], w, " ")
		if (n == 5) {
			for (i = 1; i <= 5; i++)
				for (j = i; j < 5; j++)
					if (w[j + 1] + 0 < w[i] + 0) {
						t = w[i]; w[i] = w[j + 1]; w[j + 1] = t
					}
			if (($3 - w[3]) ^ 2 >= 4)
				print $1, $2, $3, w[3]
			sub(/^[^ ]* /, "", last[$2])
		}
		last[$2] = last[$2] (n > 0 ? " " : "") $3
	}' "$examples/readings.tsv" >want
	assert [ "$(wc -l <want)" -gt 3 ]
	example drift
	assert_same want got
}

@test "window-average, with a state and with a field: semantics W1, W2" {
	example window-average
	assert_equal "$(cat got)" $'1,4\n1,5'
	example window-average field
	assert_equal "$(cat got)" $'1,4\n1,5'
	printf '%s\n' 1,3 2,10 1,5 2,11 3,7 >several
	example window-average state several
	assert_equal "$(cat got)" $'1,4\n2,10'
	example window-average field several
	assert_equal "$(cat got)" $'2,6\n2,8'
}

@test "counts: semantics W3" {
	example counts
	assert_equal "$(cat got)" $'a,0\nb,0\na,1\na,3\nb,10'
}

@test "scripts run from where they were copied to, in dash, like from cron" {
	local name
	cp -r "$examples" 'a copy'
	for name in top-pages totals per-hour alert names; do
		example "$name"
		sort got >want
		(cd / && env -i PATH="$WEIR_BUILD/bin:/usr/bin:/bin" ${ASAN_OPTIONS+ASAN_OPTIONS="$ASAN_OPTIONS"} \
		    sh -c '"$0"' "$OLDPWD/a copy/$name.sh") </dev/null 2>err 3>&- | sort >got
		assert_same want got
	done
}

# readme_commands: cmd.N and want.N of the commands in its console blocks
readme_commands() {
	awk '
	/^```console$/ { shown = 1; next }
	/^```/ { shown = 0 }
	!shown { next }
	/^\$ / { n++; print substr($0, 3) >"cmd." n; printf "" >"want." n; next }
	/^> / { print substr($0, 3) >"cmd." n; next }
	{ print >"want." n }
	END { print n >"commands" }' "$WEIR_SOURCE/README.md"
}

# type_commands SHELL...: type them; what a process substitution is in, bash only
type_commands() {
	local i
	{
		for ((i = 1; i <= $(<commands); i++)); do
			[[ $* == bash* ]] || ! grep -q '[<>](' "cmd.$i" || continue
			printf '. "%s" >"%s" 2>"%s"\n' "$PWD/cmd.$i" "$PWD/out.$i" "$PWD/err.$i"
		done
	} >typed
	"$@" ./typed </dev/null
	for ((i = 1; i <= $(<commands); i++)); do
		[ -e "out.$i" ] || continue
		cat "err.$i" >>"out.$i"
		assert_same "want.$i" "out.$i"
	done
	ls out.* >ran
	rm -f out.* err.*
}

@test "README: what it shows is what is printed: bash, dash, cron" {
	cp -r "$examples" examples
	readme_commands
	assert [ "$(<commands)" -ge 9 ]
	type_commands bash
	assert [ "$(wc -l <ran)" = "$(<commands)" ]
	type_commands dash
	assert [ "$(wc -l <ran)" -gt 6 ]
	type_commands env -i PATH="$WEIR_BUILD/bin:/usr/bin:/bin" \
	    ASAN_OPTIONS="${ASAN_OPTIONS-}" sh
	assert [ "$(wc -l <ran)" -gt 6 ]
}

@test "README: names what is there" {
	local path
	sed -n 's/^| `/`/p' "$WEIR_SOURCE/README.md" | cut -d '|' -f 1 | grep -o '`[^`]*`' |
	    tr -d '`' | grep '[/.]' >paths
	assert [ "$(wc -l <paths)" -gt 15 ]
	while read -r path; do
		[ "${path%.sh}" = "$path" ] || path=examples/$path
		assert [ -e "$WEIR_SOURCE/$path" ]
	done <paths
	for path in $(grep -oE '\]\([A-Za-z][^:)]*\)' "$WEIR_SOURCE/README.md" | tr -d '])('); do
		assert [ -e "$WEIR_SOURCE/$path" ]
	done
	for path in "$examples"/*.sh; do
		[ "${path##*/}" = demo.sh ] || assert grep -qxF "\`${path##*/}\`" \
		    <(grep -o '`[^`]*`' "$WEIR_SOURCE/README.md")
	done
}

@test "demo: in a pipe, quick, and nothing is left" {
	local began=$SECONDS
	run_weir -t 40 'sh "$1/demo.sh" | cat >got' "$examples"
	assert [ $((SECONDS - began)) -le "$(seconds 10)" ]
	assert_equal "$stderr" ''
	run grep -c $'\033' got
	assert_output 0
	ranking 7 | sort -k 2nr | head -n 5 | sed 's/^/    /' >want
	grep -xFf want got >five
	assert_same want five
	assert grep -q '412000 lines each, byte for byte the same' got
	assert grep -q '^    reduce: orders.tsv: record 1, byte 0: .* a header? (source -H)' got
	assert [ -z "$(ls -A "$TMPDIR")" ]
}

# on_terminal FILE VARIABLE=...: the demo of short/, as a terminal shows it
on_terminal() {
	env "${@:2}" script -qec 'sh short/demo.sh' /dev/null </dev/null >"$1" 3>&- || {
		cat "$1"
		return 1
	}
}

@test "demo: bold on a terminal, not with NO_COLOR or TERM=dumb" {
	cp -r "$examples" short
	sed -i 's/-lt 50/-lt 1/' short/demo.sh
	on_terminal terminal TERM=xterm
	assert grep -q $'\033\[1m' terminal
	on_terminal plain TERM=xterm NO_COLOR=1
	on_terminal dumb TERM=dumb
	run grep -c $'\033' plain dumb
	assert_output $'plain:0\ndumb:0'
	assert grep -q '8240 lines each' plain
}

@test "demo: the package log that there is" {
	cp -r "$examples" here
	sed -i "s/-lt 50/-lt 1/; s|/var/log|$PWD/log|g" here/demo.sh
	mkdir -p log/apt
	run_weir 'sh here/demo.sh >got'
	assert grep -q "No package manager's log" got

	printf '%s\n' 'Start-Date: 2024-03-12  08:00:00' \
	    'Install: aa:amd64 (1.0, automatic), bb:amd64 (2.0-1)' 'End-Date: 2024-03-12  08:00:09' \
	    'Upgrade: bb:amd64 (2.0-1, 2.0-2)' >log/apt/history.log
	run_weir 'sh here/demo.sh >got'
	grep -A 1 -x $'    bb:amd64\t2' got >shown
	printf '    %s\n' $'bb:amd64\t2' $'aa:amd64\t1' >want
	assert_same want shown

	printf '2024-03-%s %s\n' '12 08:00:01' 'status unpacked aa:amd64 1' \
	    '12 08:00:02' 'status unpacked bb:amd64 1' '12 08:01:03' 'status half-configured aa:amd64 1' \
	    '12 08:01:04' 'status installed aa:amd64 1' '12 08:01:05' 'status installed bb:amd64 1' \
	    '13 09:00:00' 'status installed bb:amd64 1' '13 09:00:00' 'startup archives unpack' \
	    >log/dpkg.log
	run_weir 'sh here/demo.sh >got'
	grep -P '^    (..:amd64|2024-.*)\t' got >shown
	printf '    %s\n' $'aa:amd64\t63' $'bb:amd64\t63' $'2024-03-12\t2' $'2024-03-13\t1' >want
	assert_same want shown
}
