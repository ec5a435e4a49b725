#!/usr/bin/env bats
# semantics.tsv: which tests hold which row of the semantics (S1 to S55, what Flink's
# page says) and which worked example (W1 to W19).  A line is ROW, FILE, NAME OF THE
# TEST, by TABs; FILE is - where something is not there, and says why.

load lib/helper

setup() {
	weir_setup
	table=$WEIR_SOURCE/tests/semantics.tsv
}

# rows: all that there are
rows() {
	printf '%s\n' S{1..55} W{1..19} W1{b,c,d} W2r W3{n,c} W4x
}

# named TSV: its lines that name a test which is not there
named() {
	local row file name
	while IFS=$'\t' read -r row file name; do
		case $file in
		tests/unit/*.c)
			grep -qsxF "	RUN($name);" "$WEIR_SOURCE/$file" ;;
		tests/*.bats)
			grep -qsF "@test \"$name\" {" "$WEIR_SOURCE/$file" ;;
		-)
			[ -n "$name" ] ;;
		*)
			false ;;
		esac || printf '%s\t%s\t%s\n' "$row" "$file" "$name"
	done <"$1"
}

@test "each row of the semantics has a line, and no other" {
	rows | sort >want
	cut -f 1 "$table" | sort -u >got
	assert_same want got
}

@test "each line has three fields, and none comes twice" {
	run awk -F '\t' 'NF != 3 || $0 in seen; { seen[$0] }' "$table"
	assert_output ''
}

@test "each test that a line names is there" {
	run named "$table"
	assert_output ''
}

# Not a failure: the table gives the reason.  The runner lists what is skipped.
@test "each row has a test" {
	local without
	mapfile -t without < <(rows | grep -vxFf <(awk -F '\t' '$2 != "-" { print $1 }' "$table"))
	[ ${#without[@]} -eq 0 ] || skip "${#without[@]} have none: ${without[*]}"
}

@test "a line that names no test is found" {
	printf '%s\t%s\t%s\n' \
	    S1 tests/805-semantics.bats 'a line that names no test is found' \
	    S2 tests/unit/align.c 'align_lower_barrier_is_dropped' \
	    S3 - 'later' >good
	run named good
	assert_output ''
	printf '%s\t%s\t%s\n' \
	    S1 tests/805-semantics.bats 'a line that names no test' \
	    S2 tests/unit/align.c 'align_lower_barrier' \
	    S3 - '' \
	    S4 tests/unit/nowhere.c 'align_lower_barrier_is_dropped' \
	    S5 README.md 'weir' >bad
	run named bad
	assert_output "$(cat bad)"
}
