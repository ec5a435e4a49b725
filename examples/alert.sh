#!/bin/sh
# alert: who fails to log in N times in a row?  One line each time.
#
#	alert.sh [N [LOG]]		N: 5
#
# The state of an address is the number of its failures since it last got in;
# a state of nil takes no memory.  With source -F this watches a log for ever.
set -eu

limit=${1:-5}
log=${2:-$(dirname "$0")/access.log}

weir source "$log" |
	weir keyby -W -k 1 |
	weir statemap -e "local LIMIT = $limit"'
	return function(address, line, failures)
		local when, method, status = line:match("%[(.-)%] \"(%u+) [^\"]*\" (%d+) ")
		if method ~= "POST" then
			return nil, failures
		elseif status ~= "401" then
			return nil, nil
		end
		failures = (failures or 0) + 1
		if failures == LIMIT then
			return when .. "\t" .. address .. "\t" .. failures .. " failures", failures
		end
		return nil, failures
	end' |
	weir sink
