#!/bin/sh
# counter: the numbers below END and their sums so far, by a source in C.
#
#	make; ./counter.sh [END [OUT]]		END: 10; OUT: standard output
#	weir run -c 1s -j JOB ./counter.sh END OUT
#
# The last sum is END * (END - 1) / 2, whatever dies meanwhile.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH

weir counter "${1:-10}" |
	weir statemap -e 'return function(_, n) return "sum\t" .. n end' |
	weir keyby -k 1 |
	weir reduce count sum:2 |
	weir sink "${2:--}"
