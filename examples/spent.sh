#!/bin/sh
# spent: which order brought a customer over each hundred, by an awk program.
#
#	spent.sh [ORDERS]		a table with the columns customer and amount
#
# Prints customer, the hundred, the number of the order.  The function is spent.awk,
# any awk's; mawk has to be told that somebody waits for its answers.
set -eu

here=$(dirname "$0")
orders=${1:-$here/orders.tsv}
interactive=$(awk -W version </dev/null 2>/dev/null | sed -n 's/^mawk.*/-Winteractive/p')

weir source -H "$orders" |
	weir keyby -k customer |
	weir statemap --pipe -- awk ${interactive:+"$interactive"} -f "$here/spent.awk" |
	weir sink
