#!/bin/bash
# top-pages: the ten pages that an access log names most often.
#
#	top-pages.sh [LOG]		LOG: common or combined log format
#
# Field 7 of a log line, split at blanks (-W), is the page.  reduce --emit end
# prints each key once, when the file has been read; sink prints text.  With
# pipefail the script fails when a stage does, although sed ends the line; and sed
# reads all that there is, where head would have sort die of SIGPIPE.
set -euo pipefail

log=${1:-$(dirname "$0")/access.log}

weir source "$log" |
	weir keyby -W -k 7 |
	weir reduce --emit end count |
	weir sink |
	sort -t $'\t' -k 2,2nr -k 1,1 | sed -n 1,10p
