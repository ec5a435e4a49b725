#!/bin/sh
# sqlite: orders into a table of SQLite, each once, whatever is killed.
#
#	weir run -c 1s -j JOB sqlite.sh [ORDERS [DB]]	orders.tsv into orders.db
#
# The number of a checkpoint goes into the database in one transaction with its
# records: a number that is there already was done.  A new JOB counts from 1 again
# and so wants a new DB.
set -eu

if [ "${1-}" = --commit ]; then
	sqlite3 -bail "$2" 'CREATE TABLE IF NOT EXISTS epochs (id INTEGER PRIMARY KEY)' \
	    'CREATE TABLE IF NOT EXISTS orders (no, day, customer, item, amount)'
	there=$(sqlite3 -bail "$2" "SELECT count(*) FROM epochs WHERE id = $WEIR_CHECKPOINT")
	[ "$there" = 0 ] || exit 0
	exec sqlite3 -bail "$2" 'BEGIN IMMEDIATE' "INSERT INTO epochs VALUES ($WEIR_CHECKPOINT)" \
	    '.mode tabs' '.import /dev/stdin orders' 'COMMIT'
fi

orders=${1:-$(dirname "$0")/orders.tsv}
db=${2:-orders.db}

weir source -H "$orders" | weir sink -- "$0" --commit "$db"
