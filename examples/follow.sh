#!/bin/sh
# follow: server errors as they happen, with a running count for each page.
#
#	follow.sh [LOG]			until Ctrl-C
#
# source -F goes on behind the end of the log, through its rotation, as tail -F
# does.  statemap is a filter here: what returns nothing is dropped.
set -eu

log=${1:-$(dirname "$0")/access.log}

weir source -F "$log" |
	weir statemap -e 'return function(_, line)
		if line:match("\" 5%d%d ") then
			return line
		end
	end' |
	weir keyby -W -k 7 |
	weir reduce count |
	weir sink
