#!/usr/bin/env bats
# The manual: its pages are well formed and complete, what they say about options
# is what the programs say, and their examples do what they show.

load lib/helper

setup() {
	weir_setup
	man=$WEIR_SOURCE/man
}

programs() {
	weir help | sed -n '/yours: /d; s/^    \([a-z]*\) .*/\1/p'
}

# page PROGRAM: its name
page() {
	(cd "$man" && echo "weir-$1".[18])
}

# section PAGE NAME: its lines
section() {
	awk -v name="$2" '/^[.]Sh / { on = substr($0, 5) == name; next } on' "$man/$1"
}

# same WANT GOT TEXT: two texts
same() {
	printf '%s\n' "$1" >want
	printf '%s\n' "$2" >got
	assert_same want got || {
		echo "$3" >&2
		return 1
	}
}

# Rows of --help as "LETTER NAME", with a "+" behind it if there is an argument.
# said NAME own|all
said() {
	weir "$1" --help | awk -v which="$2" '
	/^Options of / { on = (which == "all") == ($3 == "all") }
	/^Exit status/ { on = 0 }
	on && /^ +(-., )?--/ {
		letter = $1 ~ /^-.,$/ ? substr($1, 2, 1) : "-"
		sub(/^ +(-., )?--/, "")
		name = $1
		may = sub(/\[=.*/, "", name)
		print letter, name (may || substr($0, length(name) + 1) ~ /^ [^ ]/ ? " +" : "")
	}' | sort
}

# documented PAGE SECTION: the same, of the items of a list in a page
documented() {
	section "$1" "$2" | awk '
	/^[.]It Fl / {
		letter = $3 ~ /^-/ ? "-" : $3
		for (i = 3; i <= NF && $i !~ /^-/; i++)
			;
		print letter, substr($i, 2) (i < NF ? " +" : "")
	}' | sort
}

@test "mandoc finds nothing to say" {
	run mandoc -T lint -W warning "$man"/*.[1-8]
	assert_output ''
}

# What a program prints is as wide as it is.
@test "no line is wider than a terminal" {
	local page
	for page in "$man"/*.[1-8]; do
		mandoc -T ascii -O width=80 "$page" | sed 's/.\x08//g' | expand |
		    awk -v page="${page##*/}" 'length($0) > 80 && !/^ +[a-z]+: / { print page ": " $0 }'
	done >wide
	run cat wide
	assert_output ''
}

@test "pages of programs have their sections, in order" {
	local page
	for page in "$man"/*.[18]; do
		same "NAME
SYNOPSIS
DESCRIPTION
OPTIONS
EXIT STATUS
EXAMPLES
SEE ALSO
CAVEATS" "$(sed -n 's/^[.]Sh //p' "$page" | grep -v ENVIRONMENT)" "sections of ${page##*/}"
	done
}

@test "each program has a page, each page a program; weir(7) lists them" {
	same "$(programs | while read -r name; do page "$name"; done | sort; echo weir.1)" \
	    "$(cd "$man" && printf '%s\n' *.[18] | sort)" 'pages'
	same "$(printf 'weir\n'; programs | sed 's/^/weir-/' | sort)" \
	    "$(section weir.7 PROGRAMS | sed -n 's/^[.]It Xr \(.*\) [18]$/\1/p' | sort)" \
	    'list of programs in weir(7)'
}

@test "a reference to a page of weir finds it" {
	sed -n 's/^[.]\(It \)\{0,1\}Xr \(weir[^ ]*\) \([0-9]\).*/\2.\3/p' "$man"/*.[1-8] |
	    sort -u >referred
	assert [ -s referred ]
	while read -r page; do
		assert_exists "$man/$page"
	done <referred
}

@test "a program's own options: --help, OPTIONS and SYNOPSIS agree" {
	local program letter name rest
	for program in $(programs); do
		said "$program" own >mine
		same "$(cat mine)" "$(documented "$(page "$program")" OPTIONS)" "options of $program"
		section "$(page "$program")" SYNOPSIS >synopsis
		while read -r letter name rest; do
			grep -qE "Fl (-$name( |$)|[A-Za-z]*$letter)" synopsis || {
				echo "$program: --$name is not in its SYNOPSIS" >&2
				return 1
			}
		done <mine
	done
}

# kind NAME: "stages" or "programs", whose options it says that it has as well
kind() {
	weir "$1" --help | sed -n 's/^Options of all \([a-z]*\):$/\1/p'
}

# common_options KIND TEXT SECTION: in --help, on each page, in weir(7)
common_options() {
	local program
	for program in $(programs); do
		[ "$(kind "$program")" = "$1" ] || continue
		said "$program" all >common
		cat common >>"union-$1"
		same "$(awk '{ print $1 == "-" ? "-" $2 : $1 }' common | sort)" \
		    "$(section "$(page "$program")" OPTIONS | awk -v begin="Options of all $2" '
			index($0, begin) == 1 { on = 1 }
			on && /^[.]Fl / {
				for (i = 2; i <= NF; i++)
					if ($i != "," && $i != ".")
						print $i
			}' | sort)" \
		    "options of all $2 that $program has"
	done
	same "$(sort -u "union-$1")" "$(documented weir.7 "$3")" "options of all $2 in weir(7)"
}

@test "options of all stages, and of all programs for jobs: --help, weir(7), pages agree" {
	common_options stages stages 'OPTIONS OF ALL STAGES'
	common_options programs 'programs for jobs' 'OPTIONS OF PROGRAMS FOR JOBS'
}

@test "the options of the front are those of its page" {
	local option
	same "V version
h help" "$(documented weir.1 OPTIONS)" 'options of weir(1)'
	for option in -h --help -V --version; do
		run_weir "weir $option"
		assert [ -n "$output" ]
	done
	run_weir -s 2 'weir -x'
}

# examples PAGE: its examples print what it shows: in bash, and in sh but for <( )
examples() {
	local shell script uses
	mkdir "$1"
	"$WEIR_SOURCE/tests/page-examples" -v dir="$1" "$man/$1"
	assert_exists "$1/01.sh"
	for shell in bash sh; do
		mkdir run
		for script in "$1"/*.sh; do
			uses=$shell
			! grep -q '[<>](' "$script" || uses=bash
			(cd run && timeout -k 2 "$(seconds 20)" "$uses" "../$script") \
			    >got 2>&1 </dev/null || echo "[status $?]" >>got
			assert_same "${script%.sh}.want" got || return 1
		done
		rm -rf run
	done
}

@test "weir(1): the examples" {
	examples weir.1
}

@test "weir(7): the examples" {
	examples weir.7
}

@test "weir-keyby(1): the examples" {
	examples weir-keyby.1
}

@test "weir-reduce(1): the examples" {
	examples weir-reduce.1
}

@test "weir-sink(1): the examples" {
	examples weir-sink.1
}

@test "weir-source(1): the examples" {
	examples weir-source.1
}

@test "weir-statemap(1): the examples" {
	examples weir-statemap.1
}

@test "weir-checkpointd(8): the examples" {
	examples weir-checkpointd.8
}

@test "weir-savepoint(1): the examples" {
	examples weir-savepoint.1
}

@test "weir-restore(1): the examples" {
	examples weir-restore.1
}

@test "weir-state(1): the examples" {
	examples weir-state.1
}

@test "weir-savepoint(5): the examples" {
	examples weir-savepoint.5
}

@test "no page's examples were forgotten here" {
	same "$(cd "$man" && grep -l '^[$] ' ./*.[1-8] | sed 's,.*/,,' | sort)" \
	    "$(sed -n 's/^\texamples \(weir.*\)/\1/p' "$BATS_TEST_FILENAME" | sort)" \
	    'pages whose examples are run'
}

@test "an example that lies is found" {
	man=$PWD/pages
	mkdir pages
	printf '%s\n' '.Bd -literal' '$ echo one; echo two \e' '>     three' one 'two three' \
	    '$ printf \(aq%s\en\(aq four' 'four' '.Ed' >pages/true.1
	examples true.1
	sed 's/^four/five/' pages/true.1 >pages/false.1
	run examples false.1
	assert_failure
	assert_line '< five'
	assert_line '> four'
}

@test "weir-run(1): the examples" {
	examples weir-run.1
}

@test "weir-status(1): the examples" {
	examples weir-status.1
}

@test "weir-history(1): the examples" {
	examples weir-history.1
}

@test "weir-checkpoint(1): the examples" {
	examples weir-checkpoint.1
}

@test "weir-stop(1): the examples" {
	examples weir-stop.1
}

@test "weir-cancel(1): the examples" {
	examples weir-cancel.1
}

@test "weir-crashtest(1): the examples" {
	examples weir-crashtest.1
}
