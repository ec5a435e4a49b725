#!/bin/sh
# number: number the lines of each key.
#
#	make; ./number.sh [FILE [OUT]]		FILE: sample.txt; OUT: standard output
#	weir run -c 1s -j JOB ./number.sh FILE OUT
#
# Run the second line again after FILE has grown: it goes on where it stopped.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH

weir source "${1:-$here/sample.txt}" |
	weir keyby -W -k 1 |
	weir number |
	weir sink "${2:--}"
