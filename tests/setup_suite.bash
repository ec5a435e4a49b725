# setup_suite: before the first test of a file; bats looks for it under this name.

setup_suite() {
	local tree
	tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
	export WEIR_BUILD=${WEIR_BUILD:-$tree/build}
	if [ ! -x "$WEIR_BUILD/bin/weir" ]; then
		echo "no $WEIR_BUILD/bin/weir: run make first" >&2
		return 1
	fi
	export LC_ALL=C
	export BATS_TEST_TIMEOUT=$((60 * ${WEIR_SLOW:-1}))
	unset WEIR_JOB WEIR_RUN WEIR_SUBTASK WEIR_INPUTS NOTIFY_SOCKET
}
