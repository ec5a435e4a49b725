#!/bin/sh
# first-seen: of all lines with the same address only the first.
#
#	first-seen.sh [LOG]
#
# As awk '!seen[$1]++', but with the state in weir's hands: here any value that
# is not nil says that the key was seen.  The lines come out as they went in.
set -eu

log=${1:-$(dirname "$0")/access.log}

weir source "$log" |
	weir keyby -W -k 1 |
	weir statemap -e 'return function(address, line, seen)
		if seen then
			return nil, true
		end
		return line, true
	end' |
	weir sink
