#!/bin/bash
# names: an access log with names for addresses: a join of two files.
#
#	names.sh [LOG [HOSTS]]		HOSTS: lines of address and name
#
# -i names the inputs, here two pipelines of bash's <( ); keyby brings what has
# the same key to the same place, in whatever order it comes.  A log line that is
# there before its name waits in the state.  Lines of nameless addresses are not
# printed, as join(1) does it; the order of the output is not that of the log.
set -eu

here=$(dirname "$0")
log=${1:-$here/access.log}
hosts=${2:-$here/hosts.txt}

weir keyby -W -k 1 -i <(weir source -n hosts "$hosts") -i <(weir source -n log "$log") |
	weir statemap -e 'return function(address, line, at)
		local out = {}
		at = at or { waiting = {} }
		if line:find("\"", 1, true) then	-- of the log
			table.insert(at.waiting, line:sub(#address + 1))
		else
			at.name = line:match("(%S+)%s*$")
		end
		if at.name then
			for i, rest in ipairs(at.waiting) do
				out[i] = at.name .. rest
			end
			at.waiting = {}
		end
		return out, at
	end' |
	weir sink
