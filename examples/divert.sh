#!/bin/sh
# divert: coldest, mean and hottest reading of each sensor; bad lines aside.
#
#	divert.sh [READINGS [BAD]]	BAD: where bad lines go, readings.bad
#
# A field that is missing or no number is a bad record: by default the pipeline
# fails and says where it stands; here the record is written to a file as it is.
set -eu

readings=${1:-$(dirname "$0")/readings.tsv}
bad=${2:-readings.bad}

rm -f "$bad"
weir source "$readings" |
	weir keyby -k 2 |
	weir reduce --emit end --on-error divert="$bad" min:3 mean:3 max:3 |
	weir sink
