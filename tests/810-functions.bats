#!/usr/bin/env bats
# The manual of weir.h: each function stands in one page of section 3, as it is
# declared, and what is shown there compiles.

load lib/helper

setup() {
	weir_setup
	man=$WEIR_SOURCE/man
}

# declared: the functions of weir.h
declared() {
	sed '/^typedef/d' "$WEIR_SOURCE/lib/weir.h" |
	    grep -oE '^[a-z].*[ *]weir_[a-z_]+\(' | grep -oE 'weir_[a-z_]+\($' | tr -d '(' | sort
}

# as_text PAGE SECTION: as it is read, without bold and underlining
as_text() {
	mandoc -T ascii -O width=100 "$man/$1" | sed 's/.\x08//g' |
	    awk -v name="$2" '/^[A-Z]/ { on = $0 == name; next } on'
}

# compiled FILE: without a warning
compiled() {
	"${CC:-cc}" -std=c11 -D_POSIX_C_SOURCE=200809L -I"$WEIR_SOURCE/lib" -Wall -Wextra \
	    -Wpedantic -Wno-unused-function -Wno-unused-variable \
	    -Werror -fsyntax-only "$1" 2>errors || { cat errors; return 1; }
}

# examples PAGE: N.c for each display of its EXAMPLES, with what each may include
examples() {
	awk '
	/^[.]Sh / { on = $2 == "EXAMPLES" }
	on && /^[.]Bd -literal/ {
		shown = ++n ".c"
		print "#include <errno.h>\n#include <fcntl.h>\n#include <inttypes.h>\n" \
		    "#include <poll.h>\n#include <stdio.h>\n#include <stdlib.h>\n" \
		    "#include <string.h>\n#include <unistd.h>\n#include <weir.h>\n" >shown
		next
	}
	/^[.]Ed/ { shown = "" }
	shown {
		gsub(/\\e/, "\\")
		gsub(/\\\(aq/, "\047")
		print >shown
	}' "$man/$1"
}

@test "each function of weir.h has one page, and no page another" {
	declared >want
	assert [ "$(wc -l <want)" -gt 80 ]
	for page in "$man"/*.3; do
		sed -n '/^[.]Sh SYNOPSIS/q; s/^[.]Nm \(weir_[a-z_]*\).*/\1/p' "$page" |
		    grep -vxF "$(basename "$page" .3)" >names || :
		# a page is called by one of its functions, or by what it is about
		[ "${page##*/}" = weir_source.3 ] || [ "${page##*/}" = weir_snapshot.3 ] ||
		    basename "$page" .3 >>names
		cat names >>all
	done
	sort all >got
	assert_same want got
}

@test "what a page declares is what weir.h declares" {
	local page
	for page in "$man"/*.3; do
		as_text "${page##*/}" SYNOPSIS | grep -v '^ *enum weir_fill {' >synopsis.c
		compiled synopsis.c
		grep -oE '^ +weir_[a-z_]+\(' synopsis.c | tr -d ' (' >>all
	done
	declared >want
	sort all >got
	assert_same want got
}

@test "the examples of section 3 compile" {
	local page file
	for page in "$man"/*.3; do
		rm -f ./*.c
		examples "${page##*/}"
		assert_exists 1.c
		for file in *.c; do
			compiled "$file" || {
				echo "example ${file%.c} of ${page##*/}" >&2
				return 1
			}
		done
	done
}

@test "pages of functions have their sections, in order" {
	local page
	for page in "$man"/*.3; do
		sed -n 's/^[.]Sh //p' "$page" | grep -v CAVEATS >got
		printf '%s\n' NAME SYNOPSIS DESCRIPTION 'RETURN VALUES' EXAMPLES ERRORS \
		    'SEE ALSO' >want
		assert_same want got
	done
}

@test "weir_main(3) names all others, and weir(7) it" {
	(cd "$man" && printf '%s\n' *.3 | grep -v '^weir_main' | sed 's/\.3$//' | sort) >want
	sed -n 's/^[.]It Xr \(weir_[a-z_]*\) 3$/\1/p' "$man/weir_main.3" | sort >got
	assert_same want got
	assert grep -q '^[.]Xr weir_main 3' "$man/weir.7"
}
