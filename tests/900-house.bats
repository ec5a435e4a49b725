#!/usr/bin/env bats
# The house itself: what is rebuilt, who includes what, how tests are counted,
# what is said about packages.

load lib/helper

# would_compile MAKE-OPTION...: the sources that make would compile, sorted
would_compile() {
	make -C "$WEIR_SOURCE" --no-print-directory -n B="${WEIR_BUILD#"$WEIR_SOURCE"/}" "$@" objects |
	    sed -n 's/.* -c -o .* \([^ ]*\.c\)$/\1/p' | sort
}

# includers HEADER: the sources that include it, directly or through a header
includers() {
	local header
	(cd "$WEIR_SOURCE" && grep -rlE --include='*.[ch]' "^#include \"(.*/)?$1\"" lib bin tests) |
	    while read -r header; do
		case $header in
		*.c)	echo "$header" ;;
		*)	includers "$(basename "$header")" ;;
		esac
	done | sort -u
}

build_all() {
	make -C "$WEIR_SOURCE" B="${WEIR_BUILD#"$WEIR_SOURCE"/}" CFLAGS="${CFLAGS--O2 -g}" objects \
	    >make.log 2>&1
}

@test "a tree that is built has nothing to compile" {
	build_all
	run would_compile
	assert_output ''
}

@test "a changed header rebuilds what includes it, and nothing else" {
	local header
	build_all
	for header in lib/weir.h lib/bytes/bytes.h lib/io/io.h bin/decimal.h; do
		includers "$(basename "$header")" >want
		assert [ -s want ]
		would_compile -W "$header" >got
		assert_same want got
	done
}

# plant FILE TEXT NAME: TEXT added to a copy's FILE is found by the test NAME
plant() {
	rm -rf tree
	mkdir tree
	cp -r "$WEIR_SOURCE"/{lib,bin,examples} tree
	WEIR_TREE=$PWD/tree run "$WEIR_SOURCE/tests/layering"
	assert_success
	printf '%s\n' "$2" >>"tree/$1"
	WEIR_TREE=$PWD/tree run "$WEIR_SOURCE/tests/layering"
	assert_failure 1
	assert_line --regexp "^not ok [0-9]+ - $3\$"
	assert_line --partial "$1: "
}

@test "an include that points up, or at a stranger, is found" {
	plant lib/bytes/buf.c '#include "io.h"' 'bytes knows bytes'
	plant lib/rules/route.c '#include "../io/io.h"' 'rules knows bytes'
	plant lib/io/log.c '#include <run.h>' 'io knows rules and bytes'
	plant lib/io/arena.c '# include <nng/nng.h>' 'door and link alone know nng'
	plant bin/sink.c '#include "bytes.h"' 'stages know weir.h and their parts'
	plant lib/weir.h '#include "bytes.h"' 'weir.h knows nothing'
}

@test "a pure floor that calls the outside, a floor that exits, an export are found" {
	mkdir -p fake/lib/{bytes,rules,io}
	echo 'int a(void); int printf(const char *, ...); int a(void) { return printf("%d", 1); }' |
	    cc -x c -c -o fake/lib/bytes/a.o -
	echo 'int b(int n); int b(int n) { return n; }' | cc -x c -c -o fake/lib/rules/b.o -
	echo 'void c(void); void exit(int); void c(void) { exit(1); }' |
	    cc -x c -c -o fake/lib/io/c.o -
	ar rc fake/lib/libweir.a fake/lib/rules/b.o
	run "$WEIR_SOURCE/tests/layering" fake
	assert_failure 1
	assert_line --regexp '^not ok [0-9]+ - bytes and rules do nothing to the outside'
	assert_line --partial 'a.o calls printf'
	assert_line --regexp '^not ok [0-9]+ - bytes, rules and io never exit'
	assert_line --partial 'c.o calls exit'
	assert_line --regexp '^not ok [0-9]+ - libweir.a exports what weir.h says, and nothing else'
}

# unit NAME TEXT: a unit test of the tree in ./ that is this script
unit() {
	touch "tests/unit/$1.c"
	printf '#!/bin/sh\n%s\n' "$2" >"build/tests/unit/$1"
	chmod +x "build/tests/unit/$1"
}

# runner ARG...: tests/run of the tree in ./, without a trace of this bats
runner() {
	run env -i PATH="${PATH//"$BATS_LIBEXEC:"/}" WEIR_SLOW="${WEIR_SLOW:-1}" tests/run "$@"
}

@test "the runner counts what passed, failed, died, leaked, was skipped" {
	mkdir -p tests/unit build/tests/unit build/bin
	cp -r "$WEIR_SOURCE"/tests/{run,lib,setup_suite.bash} tests
	printf '#!/bin/sh\necho "ok 1 - layers"; echo 1..1\n' >tests/layering
	cp "$(type -P true)" build/bin/weir
	cp "$(type -P tail)" build/bin/weir-tail
	chmod +x tests/layering
	unit good 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2'
	printf '%s\n' 'load lib/helper' '@test "fine" { true; }' \
	    '@test "left out" { skip "because"; }' >tests/010-fine.bats
	runner build
	assert_success
	assert_line 'skipped: 010-fine.bats: left out # skip because'
	assert_equal "${lines[-1]}" '4 passed, 0 failed'

	unit bad 'echo "ok 1 - a"; echo "# a.c:1: x"; echo "not ok 2 - b"; echo 1..2; exit 1'
	unit died 'echo "ok 1 - a"; kill -ABRT $$'
	unit leaked 'echo "ok 1 - a"; echo 1..1; exit 23'
	touch tests/unit/absent.c
	printf '%s\n' 'load lib/helper' '@test "survivor" { start p "exec weir-tail -f /dev/null"; }' \
	    '@test "socket" { mkdir -p "$XDG_RUNTIME_DIR/weir-1/2-3"; }' \
	    >tests/020-left.bats
	printf '%s\n' '@test "never closed" {' >tests/030-broken.bats
	runner build
	assert_failure 1
	assert_line 'failed: unit/bad: b'
	assert_line --regexp '^failed: unit/died: ended with status 134 after 1'
	assert_line 'failed: unit/leaked: all tests passed, but status 23'
	assert_line --regexp '^failed: unit/absent: ended with status 127'
	assert_line 'failed: 020-left.bats: survivor'
	assert_line 'failed: 020-left.bats: socket'
	assert_line --regexp '^failed: 030-broken.bats: '
	assert_equal "${lines[-1]}" '7 passed, 7 failed'
}

# fake NAME TEXT: a program on the PATH before all others
fake() {
	mkdir -p fakes
	printf '#!/bin/sh\n%s\n' "$2" >"fakes/$1"
	chmod +x "fakes/$1"
}

# packages ARG...: with the fakes
packages() {
	PATH=$PWD/fakes:$PATH run "$WEIR_SOURCE/tests/packages" "$@"
}

@test "packages: silent when nothing is missing" {
	fake dpkg-query 'shift 3; for p; do echo "$p installed"; done'
	fake apt-get 'echo called'
	packages build check lint
	assert_success
	assert_output ''
}

@test "packages: root is told first, then it is installed" {
	fake dpkg-query 'shift 3; for p; do [ $p = libbsd-dev ] || echo "$p installed"; done'
	fake id 'echo 0'
	fake apt-get 'echo "apt-get $*"'
	packages build
	assert_success
	assert_line --index 0 --partial 'packages: missing: libbsd-dev; installing'
	assert_line --index 1 'apt-get install -y --no-install-recommends libbsd-dev'
}

@test "packages: sudo where not root" {
	fake dpkg-query 'shift 3; for p; do [ $p = bats ] || echo "$p installed"; done'
	fake id 'echo 1000'
	fake sudo '[ "$1" = -n ] || echo "sudo $*"'
	packages build check
	assert_success
	assert_line --partial 'apt-get install -y --no-install-recommends bats'
	assert_line --regexp '^sudo '
}

@test "packages: neither root nor sudo: one line that gives the command" {
	fake dpkg-query 'shift 3; for p; do [ $p = bats ] || echo "$p installed"; done'
	fake id 'echo 1000'
	fake sudo 'exit 1'
	packages check
	assert_failure 1
	assert_output 'packages: missing: bats; as root: apt-get install -y --no-install-recommends bats'
}
