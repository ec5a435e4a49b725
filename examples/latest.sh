#!/bin/sh
# latest: what each customer ordered last.
#
#	latest.sh [ORDERS]		a table with the columns that are named below
#
# last keeps the text of a field as it was read; a stream of changes becomes the
# table of how things are now.
set -eu

orders=${1:-$(dirname "$0")/orders.tsv}

weir source -H "$orders" |
	weir keyby -k customer |
	weir reduce --emit end day=last:day item=last:item amount=last:amount |
	weir sink
