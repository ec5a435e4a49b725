#!/bin/sh
# average-field: the average of each two values, by a stage in C with a field.
#
#	make; ./average-field.sh [PAIRS [OUT]]	PAIRS: pairs.csv; OUT: standard output
#	weir run -c 1s -j JOB ./average-field.sh PAIRS OUT
#
# The window of weir-average-field is a variable of the program, saved at each
# checkpoint: it does not ask for keys, and the answers are others than average's.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH

weir source "${1:-$here/pairs.csv}" |
	weir keyby -t , -k 1 |
	weir average-field |
	weir sink "${2:--}"
