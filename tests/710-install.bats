#!/usr/bin/env bats
# What is installed is complete: it runs, a stage of one's own can be made with it
# alone, and uninstalling takes all of it away.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid

load lib/helper
load lib/installed

setup() {
	weir_setup
	abi=$(awk '$2 == "WEIR_ABI" { print $3 }' "$WEIR_SOURCE/lib/weir.h")
}

# compiled: the stage of examples/, with what is installed and nothing else
compiled() {
	cp -r "$WEIR_SOURCE/examples/weir-filter" stage
	installed
	make -C stage PREFIX="$prefix" CC="${CC:-cc}" CFLAGS="${CFLAGS--O2 -g}" \
	    CPPFLAGS='-Wall -Wextra -Wpedantic -Werror' install >make.log 2>&1 ||
	    { cat make.log; return 1; }
	export PATH=$prefix/bin:$ordinary
}

@test "install: each thing in its place, with its mode" {
	local page
	makes install
	{
		printf '755 %s\n' bin/weir
		(cd "$WEIR_BUILD" && printf '755 %s\n' libexec/weir/*)
		printf '644 %s\n' include/weir.h lib/libweir.a "lib/libweir.so.$abi" \
		    lib/pkgconfig/weir.pc share/bash-completion/completions/weir
		echo '777 lib/libweir.so'
		for page in "$WEIR_SOURCE"/man/*.[1-8]; do
			[ ! -e "$page" ] || echo "644 share/man/man${page##*.}/${page##*/}"
		done
		grep -h '^[.]Nm weir_' "$WEIR_SOURCE"/man/*.3 | cut -d ' ' -f 2 | sort -u |
		    while read -r page; do
			[ -e "$WEIR_SOURCE/man/$page.3" ] || echo "777 share/man/man3/$page.3"
		done
	} | sort >want
	(cd "$prefix" && find . ! -type d ! -path './share/doc/*' -printf '%m %P\n') | sort >got
	assert_same want got
	run find "$root" -type d ! -perm 755
	assert_output ''
	run find "$root" -xtype l		# a link that leads nowhere
	assert_output ''
}

@test "install: the programs run from there, in another directory" {
	makes install
	mkdir elsewhere
	printf '%s\n' b a b >elsewhere/in
	run_weir 'cd elsewhere && PATH=$1 && weir source in | weir keyby | weir reduce count |
	    weir sink out' "$prefix/bin:$ordinary"
	printf '%s\t%s\n' b 1 a 1 b 2 >want
	assert_same want elsewhere/out
	# by path, and through a link
	ln -s "$prefix/bin/weir" w
	run_weir './w source elsewhere/in | "$1" sink' "$prefix/bin/weir"
	assert_output $'b\na\nb'
	assert_equal "$(strings -a "$prefix/bin/weir" "$prefix"/libexec/weir/* |
	    grep -cF "$WEIR_BUILD/libexec")" 0
}

@test "install: the shared library exports what weir.h says, and finds what it needs" {
	installed
	assert_equal "$(readlink "$prefix/lib/libweir.so")" "libweir.so.$abi"
	run readelf -d "$prefix/lib/libweir.so"
	assert_line --partial "soname: [libweir.so.$abi]"
	refute_output --partial TEXTREL
	nm -D --defined-only "$prefix/lib/libweir.so" | awk '{ print $3 }' | sort >got
	# what is declared there, but for the callback's type
	grep -oE '^[a-z].*[ *]weir_[a-z_]+\(' "$prefix/include/weir.h" | grep -v '^typedef' |
	    grep -oE 'weir_[a-z_]+\($' | tr -d '(' | sort >want
	assert_same want <(grep -v '^__' got)
	run ldd -r "$prefix/lib/libweir.so"
	refute_output --regexp 'undefined symbol: (weir|[^_])'
}

@test "install: pkg-config knows what to link, also without the shared library" {
	installed
	assert_equal "$(pkg-config --cflags --libs weir)" "-I$prefix/include -L$prefix/lib -lweir "
	printf '#include <weir.h>\nint main(void) { weir_version(stdout); }\n' >v.c
	# shellcheck disable=SC2046,SC2086	# lists of words
	"${CC:-cc}" ${CFLAGS-} -o v v.c $(pkg-config --cflags weir) \
	    $(pkg-config --static --libs weir | sed 's/-lweir/-l:libweir.a/')
	run readelf -d v
	refute_output --partial libweir
	rm "$prefix"/lib/libweir.so*
	# shellcheck disable=SC2046,SC2086	# lists of words
	"${CC:-cc}" ${CFLAGS-} -o v v.c $(pkg-config --cflags --static --libs weir)
	run ./v
	assert_line --index 0 "weir $(pkg-config --modversion weir)"
}

@test "install: a stage that was built for another weir.h is refused" {
	installed
	printf '%s\n' '#include <weir.h>' \
	    'static const struct weir_stage s = { .abi = WEIR_ABI - 1, .name = "old" };' \
	    'int main(int argc, char *argv[]) { return (weir_main(argc, argv, &s)); }' >old.c
	# shellcheck disable=SC2046,SC2086	# lists of words
	"${CC:-cc}" ${CFLAGS-} -o old old.c $(pkg-config --cflags --libs weir)
	run_weir -s 2 ./old
	assert_err "old: built for version $((abi - 1)) of weir.h, this library has $abi; compile it again"
}

@test "weir.h: alone, in C11 and in C++, without a warning" {
	local header=$WEIR_SOURCE/lib/weir.h
	cat >stage.cc <<-'EOF'
	#include <weir.h>

	static int
	record(struct weir *w, const struct weir_record *r)
	{
		return (weir_emit(w, r->data, r->len));
	}

	int
	main(int argc, char *argv[])
	{
		struct weir_stage stage = weir_stage();

		stage.abi = WEIR_ABI;
		stage.name = "copy";
		stage.record = record;
		return (weir_main(argc, argv, &stage));
	}
	EOF
	"${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -x c "$header"
	installed
	# shellcheck disable=SC2046,SC2086	# lists of words
	"${CXX:-c++}" ${CFLAGS-} -std=c++11 -Wall -Wextra -Wpedantic -Werror -o copy stage.cc \
	    $(pkg-config --cflags --libs weir)
	run_weir 'printf "a\nb\n" | weir source | ./copy | weir sink'
	assert_output $'a\nb'
}

@test "install: the examples run with it" {
	makes install
	cp -r "$WEIR_SOURCE/examples" "$root/samples"
	run_weir 'PATH=$1 "$2/top-pages.sh" | head -n 1' "$prefix/bin:$ordinary" "$root/samples"
	assert_output "$(awk '{ print $7 }' "$root/samples/access.log" | sort | uniq -c |
	    sort -rn | awk -v OFS='\t' 'NR == 1 { print $2, $1 }')"
}

@test "uninstall leaves nothing of it, and what others put there" {
	makes install
	find "$root" ! -type d >installed
	assert [ "$(wc -l <installed)" -gt 8 ]
	echo mine >"$prefix/bin/other"
	makes uninstall
	run find "$root" ! -type d
	assert_output "$prefix/bin/other"
	assert_not_exists "$prefix/libexec/weir"
	makes uninstall
}

@test "weir-filter: as grep -E does, keyed or not" {
	local log=$WEIR_SOURCE/examples/access.log options
	compiled
	for options in '' -v; do
		for ere in '" 5[0-9][0-9] ' '^198\.' '/docs/(faq|install)\.html' '"$' 'x{3}'; do
			grep -E $options -e "$ere" "$log" >want || :
			run_weir 'weir source "$1" | weir filter $2 "$3" | weir sink >got' \
			    "$log" "$options" "$ere"
			assert_same want got
		done
	done
	assert [ -s want ]

	grep -E '" (4|5)' "$log" | awk '{ print $1 "\t" ++n[$1] }' >want
	run_weir 'weir source "$1" | weir keyby -W -k 1 | weir filter "\" (4|5)" |
	    weir reduce count | weir sink >got' "$log"
	assert_same want got
}

@test "weir-filter: between keyby and reduce, by two" {
	compiled
	yes "$WEIR_SOURCE/examples/access.log" | head -n 50 | xargs cat >long.log
	grep -vE 'GET /(feed|style)' long.log | awk '{ print $7 }' | sort | uniq -c |
	    awk '{ print $2 "\t" $1 }' >want
	assert [ "$(wc -l <want)" -gt 8 ]
	for copy in '' --copy; do
		run_weir 'weir source long.log | weir keyby $1 -W -k 7 |
		    weir filter $1 -p 2 -v "GET /(feed|style)" |
		    weir reduce $1 -p 2 --emit end count | weir sink | sort >got' "$copy"
		assert_same want got
	done
}

@test "weir-filter: NUL bytes, empty records, long ones, no last newline" {
	compiled
	{
		printf 'a\0b\n\nba\0\n\0a\n\0\nab'
	} >in
	# what lies beside a NUL is found; ^ and $ are the record's ends
	for pair in 'a:a\0b ba\0 \0a ab' '^a:a\0b ab' 'b$:a\0b ab' '^$:' 'ab:ab' '^b:ba\0'; do
		weir source in | weir filter "${pair%%:*}" | weir sink >got
		: >want
		for word in ${pair#*:}; do
			printf '%b\n' "$word" >>want
		done
		[ "$pair" != '^$:' ] || echo >want
		assert_same want got
		weir source in | weir filter -v "${pair%%:*}" | weir sink >rest
		{ cat in; echo; } | sort >all
		sort got rest | cmp - all
	done
	{ head -c 1000000 /dev/zero | tr '\0' x; echo y; echo xy; } >long
	run_weir 'weir source long | weir filter "^x*y$" | weir sink >got'
	assert_same long got
}

@test "weir-filter: wrong usage is one line and status 2" {
	compiled
	run_weir -s 2 'weir filter "a(" </dev/null'
	assert_equal "$stderr" 'filter: a(: Unmatched ( or \('
	run_weir -s 2 'weir filter a b </dev/null'
	assert_equal "$stderr" \
	    "filter: one regular expression, please; files are read by 'weir source FILE'"
	run_weir 'weir filter --help'
	assert_line --index 0 'usage: weir filter [OPTION]... ERE'
	assert_line --partial '-v, --invert-match'
	run_weir 'weir help'
	assert_line "    filter      yours: $prefix/bin/weir-filter"
}

@test "README: the stage there compiles as it says, and works" {
	installed
	sed -n '/^```c$/,/^```$/p' "$WEIR_SOURCE/README.md" | grep -v '^```' >weir-upper.c
	grep '^cc -o weir-upper ' "$WEIR_SOURCE/README.md" >compile
	assert [ "$(wc -l <compile)" = 1 ]
	mkdir cc
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$(type -P "${CC:-cc}")" "${CFLAGS-}" >cc/cc
	chmod +x cc/cc
	PATH=$PWD/cc:$ordinary run_weir 'sh ./compile'
	grep '^weir source .* | weir upper | ' "$WEIR_SOURCE/README.md" >typed
	cp "$WEIR_SOURCE/examples/orders.tsv" .
	PATH=$PWD:$prefix/bin:$ordinary run_weir 'sh ./typed >got'
	tr '[:lower:]' '[:upper:]' <orders.tsv >want
	assert_same want got
}
