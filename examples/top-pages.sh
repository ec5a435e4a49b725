#!/bin/sh
# top-pages: the ten pages that an access log names most often.
#
#	top-pages.sh [LOG]		LOG: common or combined log format
#
# Field 7 of a log line, split at blanks (-W), is the page.  reduce --emit end
# prints each key once, when the file has been read; sink prints text.
set -eu

log=${1:-$(dirname "$0")/access.log}

weir source "$log" |
	weir keyby -W -k 7 |
	weir reduce --emit end count |
	weir sink |
	sort -t "$(printf '\t')" -k 2,2nr -k 1,1 | head -n 10
