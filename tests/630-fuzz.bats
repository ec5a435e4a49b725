#!/usr/bin/env bats
# Mutated frames, records and messages; `make fuzz` goes on for as long as one likes.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# fuzz N SEED
fuzz() {
	run_weir -t 60 '"$WEIR_BUILD/tests/tools/fuzz-frame" "$@"' "$@"
	assert_regex "$output" "^$1 inputs, [0-9]+ accepted, [0-9a-f]{16}\$"
}

@test "a million mutated inputs: what is accepted is what the encoder makes" {
	fuzz 1000000 1
}

@test "the same seed is the same run, another is another" {
	local once
	fuzz 50000 7
	once=$output
	fuzz 50000 7
	assert_equal "$output" "$once"
	fuzz 50000 8
	refute [ "$output" = "$once" ]
}
