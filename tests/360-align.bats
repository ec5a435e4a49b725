#!/usr/bin/env bats
# Barriers on several links: which of them wait for which.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid

load lib/helper

@test "two inputs of two subtasks each, of which every one has a link to its like" {
	cat >script <<-'EOF'
	#!/bin/bash
	weir statemap -p 2 -e 'return function(_, r) return r end' \
	    -i <(weir source -n a -p 2 --count 1..3000 --rate 6000) \
	    -i <(weir source -n b -p 2 --count 3001..6000 --rate 6000) |
	    weir keyby | weir sink out
	EOF
	chmod +x script
	run_weir -t 30 'weir run -c 10ms -j J ./script'
	seq 6000 >want
	sort -n out >got
	assert_same want got
	# the interval made some, beside the last one
	assert [ "$(weir history -j J | grep -c 'periodic *completed')" -gt 2 ]
}
