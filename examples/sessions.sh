#!/bin/sh
# sessions: visits of each address: requests with less than half an hour between.
#
#	sessions.sh [LOG]
#
# Prints address, number of the visit, requests, time of the first and the last.
# The state of an address is a table; the pipeline is keyed twice, first by
# address, then by address and visit.
set -eu

log=${1:-$(dirname "$0")/access.log}

weir source "$log" |
	weir keyby -W -k 1 |
	weir statemap -e '
	local months = { Jan = 0, Feb = 31, Mar = 59, Apr = 90, May = 120, Jun = 151,
	    Jul = 181, Aug = 212, Sep = 243, Oct = 273, Nov = 304, Dec = 334 }
	return function(address, line, visit)
		local d, mon, y, h, m, s = line:match("%[(%d+)/(%a+)/(%d+):(%d+):(%d+):(%d+)")
		if not months[mon] then
			return nil, visit
		end
		local leap = y % 4 == 0 and months[mon] >= 59 and 1 or 0
		local days = y * 365 + (y - 1) // 4 + months[mon] + d + leap
		local now = ((days * 24 + h) * 60 + m) * 60 + s
		visit = visit or { number = 0, last = -math.huge }
		if now - visit.last >= 1800 then
			visit.number = visit.number + 1
		end
		visit.last = now
		return table.concat({ address, visit.number, h .. ":" .. m }, "\t"), visit
	end' |
	weir keyby -n byvisit -k 1,2 |
	weir reduce --emit end count first:3 last:3 |
	weir sink
