#!/bin/sh
# totals: orders, turnover and largest order of each customer.
#
#	totals.sh [ORDERS]		a table with the columns customer and amount
#
# source -H takes the columns' names from line 1, the output has a header too.
# Sums of decimals are exact: ten times 0.10 is 1.
set -eu

orders=${1:-$(dirname "$0")/orders.tsv}

weir source -H "$orders" |
	weir keyby -k customer |
	weir reduce --emit end orders=count turnover=sum:amount largest=max:amount |
	weir sink
