#!/bin/bash
# two-views: one pass over an access log, two results: a tee.
#
#	two-views.sh [LOG [DIRECTORY]]	writes pages.tsv and clients.tsv there (.)
#
# Each -o gets the whole stream, here through bash's >( ).  bash does not wait for
# these, but source does: it ends when all sinks have written all, with status 1
# if one of them failed.
set -eu

log=${1:-$(dirname "$0")/access.log}
to=${2:-.}

weir source \
	-o >(weir keyby -n page -W -k 7 | weir reduce -n pages --emit end count |
	    weir sink -n pagefile --truncate "$to/pages.tsv") \
	-o >(weir keyby -n client -W -k 1 | weir reduce -n clients --emit end count |
	    weir sink -n clientfile --truncate "$to/clients.tsv") \
	"$log"
