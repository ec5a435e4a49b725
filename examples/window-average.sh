#!/bin/sh
# window-average: the mean of each two numbers of a key: Flink's CountWindowAverage.
#
#	window-average.sh [state|field [PAIRS]]		PAIRS: lines KEY,NUMBER
#
# With state it keeps a ValueState for each key, with field a variable of the program
# that checkpoints take along.  stages/weir-average.c is the same in C.
set -eu

here=$(dirname "$0")
case ${1:-state} in
state)	program=window-average.lua ;;
field)	program=window-average-field.lua ;;
*)	echo "usage: $0 [state|field [PAIRS]]" >&2; exit 2 ;;
esac

weir source "${2:-$here/pairs.csv}" |
	weir keyby -t , -k 1 |
	weir statemap -f "$here/$program" |
	weir sink
