#!/bin/sh
# per-hour: requests, and those that failed, in each hour of an access log.
#
#	per-hour.sh [LOG]
#
# On a stream without keys statemap is a map: here a line becomes the hour and 1
# or 0, or nothing at all if it is no line of a log.
set -eu

log=${1:-$(dirname "$0")/access.log}

weir source "$log" |
	weir statemap -e 'return function(_, line)
		local day, hour, status = line:match("%[([^:]+):(%d+)[^]]*%] \"[^\"]*\" (%d+) ")
		if hour then
			return day .. " " .. hour .. "\t" .. (status >= "500" and 1 or 0)
		end
	end' |
	weir keyby -k 1 |
	weir reduce --emit end requests=count failed=sum:2 |
	weir sink
