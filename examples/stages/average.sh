#!/bin/sh
# average: the average of each two values of a key, by a stage in C.
#
#	make; ./average.sh [PAIRS [OUT]]	PAIRS: pairs.csv; OUT: standard output
#	weir run -c 1s -j JOB ./average.sh PAIRS OUT
#
# weir-average keeps its windows as keyed state.  As a job the same script survives
# the death of any of its processes: OUT is the same.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH

weir source "${1:-$here/pairs.csv}" |
	weir keyby -t , -k 1 |
	weir average |
	weir sink "${2:--}"
