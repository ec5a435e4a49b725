#!/bin/sh
# demo: see weir work on real input, in a few seconds: make demo
#
# Says what it is about to do, shows the command, runs it.  The input is the log
# of this machine's package manager, where it can be read, and the samples beside
# this script.  Writes only to a directory of its own, which it removes.
set -eu

cd "$(dirname "$0")"
export LC_ALL=C
tmp=$(mktemp -d "${TMPDIR:-/tmp}/weir-demo.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	esc=$(printf '\033')
	bold="${esc}[1m" plain="${esc}[0m"
fi

say() {
	printf '%s\n' "$@"
}

# show: the command on standard input, as it would be typed; then its output
show() {
	command=$(cat)
	printf '\n%s\n' "$command" | sed "2s/^/\$ /; 3,\$s/^/  /; 2,\$s/.*/    $bold&$plain/"
	echo
	output=$(eval "$command" </dev/null 2>&1) || :
	[ -z "$output" ] || printf '%s\n\n' "$output" | sed 's/^./    &/'
}

# usable FILE: it can be read and has something in it
usable() {
	[ -r "$1" ] && [ -s "$1" ]
}

dpkg_log() {
	say "1. The package manager's log of this machine, $(wc -l <"$log") lines." \
	    "   From unpacking to set up: which packages took longest (seconds)?"
	show <<'END'
weir source /var/log/dpkg.log | weir keyby -W -k 5 -s |
weir statemap -e 'return function(package, line, since)
    local h, m, s, status = line:match("(%d+):(%d+):(%d+) status (%S+)")
    local now = h and h * 3600 + m * 60 + s
    if status == "unpacked" then
        return nil, since or now
    elseif status == "installed" and since then
        return package .. "\t" .. now - since, nil
    end
    return nil, since
end' | weir sink | sort -k 2nr -k 1 | head -n 5
END
	say "   A function in Lua, called for each line with what it returned for the same" \
	    "   package before: that is its state, and weir keeps it." \
	    "" "   And how many were set up on each day? The last five days:"
	show <<'END'
weir source /var/log/dpkg.log | weir statemap -e 'return function(_, line)
    if line:find(" status installed ", 1, true) then return line end
end' | weir keyby -W -k 1 | weir reduce --emit end count | weir sink | tail -n 5
END
}

apt_log() {
	say "1. The package manager's log of this machine, $(wc -l <"$log") lines." \
	    "   Which packages were installed or upgraded most often?"
	show <<'END'
weir source /var/log/apt/history.log | weir statemap -e 'return function(_, line)
    local out = {}
    if line:find("^Install:") or line:find("^Upgrade:") then
        for package in line:gmatch("([^ ]+) %b()") do
            table.insert(out, package)
        end
    end
    return out
end' | weir keyby | weir reduce --emit end count | weir sink |
sort -k 2nr -k 1 | head -n 5
END
	say "   A function in Lua makes any number of records of each line."
}

say "weir: stateful streams in shell pipelines" ""
for log in /var/log/dpkg.log /var/log/apt/history.log none; do
	! usable "$log" || break
done
case $log in
*/dpkg.log)	dpkg_log ;;
*/history.log)	apt_log ;;
*)		say "1. (No package manager's log can be read here: left out.)" "" ;;
esac

say "2. A web server's log, examples/access.log. The five pages wanted most:"
show <<'END'
weir source access.log | weir keyby -W -k 7 | weir reduce --emit end count |
weir sink | sort -k 2nr | head -n 5
END

say "3. A table with a header. Columns go by name, sums of decimals are exact:"
show <<'END'
weir source -H orders.tsv | weir keyby -k customer |
weir reduce --emit end orders=count turnover=sum:amount | weir sink
END

say "4. Whose log-in failed five times in a row? (alert.sh is a pipeline, too.)"
show <<'END'
./alert.sh 5 access.log
END

say "5. What is wrong is said in a line with the place and the cure, and the" \
    "   pipeline fails. Forget -H, and the header is a record:"
show <<'END'
weir source orders.tsv | weir keyby -k 3 | weir reduce sum:5 | weir sink
END

say "6. Without --emit end the count runs along: a line for each line read. On a log" \
    "   2000 times as long, beside awk, which must say the same:"
i=0
while [ $i -lt 50 ]; do
	cat access.log
	i=$((i + 1))
done >"$tmp/part"
i=0
while [ $i -lt 40 ]; do
	cat "$tmp/part"
	i=$((i + 1))
done >"$tmp/access.log"

# clock: now in ms, where date(1) can tell
clock() {
	date +%s%N | sed -n 's/^\([0-9]*\)[0-9]\{6\}$/\1/p'
}

# took WHO FROM TO: in seconds
took() {
	[ -z "$2" ] || printf '    %-6s%3d.%02d s\n' "$1" $((($3 - $2) / 1000)) \
	    $((($3 - $2) % 1000 / 10))
}

cd "$tmp"
began=$(clock)
show <<'END'
weir source access.log | weir keyby -W -k 1 | weir reduce count | weir sink hits.tsv
END
middle=$(clock)
awk '{ print $1 "\t" ++n[$1] }' access.log >awk.tsv
ended=$(clock)
took weir "$began" "$middle"
took awk "$middle" "$ended"
cmp hits.tsv awk.tsv
say "    $(wc -l <hits.tsv) lines each, byte for byte the same" ""

say "More of this: examples/, README.md, man weir. All tests: make check"
