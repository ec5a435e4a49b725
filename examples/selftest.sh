#!/bin/sh
# selftest: does weir work on this machine?  Adds 1 to N, as Gauss did at school.
#
#	selftest.sh [N]			N: 200000
#
# source --count needs no file.  The numbers are added under a hundred keys by
# two subtasks (-p 2), then these sums under a single one.
set -eu

n=${1:-200000}

sum=$(weir source --count "1..$n" |
	weir statemap -n spread -e 'return function(_, i) return i % 100 .. "\t" .. i end' |
	weir keyby -k 1 |
	weir reduce -n sums -p 2 --emit end sum:2 |
	weir statemap -n join -e 'return function(_, line) return "all\t" .. field(line, 2) end' |
	weir keyby -n all -k 1 |
	weir reduce --emit end sum:2 |
	weir sink | cut -f 2)

if [ "$sum" != $((n * (n + 1) / 2)) ]; then
	echo "1 + 2 + ... + $n is not $sum" >&2
	exit 1
fi
echo "1 + 2 + ... + $n = $sum"
