#!/bin/sh
# drift: readings that are two degrees or more from the median of the five before,
# by a python program.
#
#	drift.sh [READINGS]		a table: time, sensor, degrees
#
# Prints time, sensor, reading, median.  The function is drift.py.
set -eu

here=$(dirname "$0")

weir source "${1:-$here/readings.tsv}" |
	weir keyby -k 2 |
	weir statemap --pipe -- python3 "$here/drift.py" |
	weir sink
