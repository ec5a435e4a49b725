#!/bin/sh
# counts: what a key had before each record: Flink's mapWithState.
#
#	counts.sh [AMOUNTS]		lines KEY,NUMBER
#
# The function gets the key's state, nil if there is none, and returns what is put
# out and the state from now on.
set -eu

weir source "${1:-$(dirname "$0")/amounts.csv}" |
	weir keyby -t , -k 1 |
	weir statemap -e 'return function(key, rec, count)
		local amount = math.tointeger(field(rec, 2))
		if count then
			return key .. "," .. count, count + amount
		end
		return key .. ",0", amount
	end' |
	weir sink
