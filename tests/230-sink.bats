#!/usr/bin/env bats
# sink: a file, standard output; what is there already is not touched unasked.

# shellcheck disable=SC2154	# bats and the helper set stderr, NAME_pid
load lib/helper

# ready: source and sink of this test have taken SIGINT into their hands
ready() {
	local pid n=0
	for pid in $(survivors); do
		[ $((0x$(sed -n 's/^SigCgt:\t//p' "/proc/$pid/status" || echo 0) & 2)) = 0 ] || n=$((n + 1))
	done 2>/dev/null
	[ "$n" = 2 ]
}

@test "to a FILE, to -, by default: the same bytes" {
	printf 'a\n\nnul\0\r\n\377\nopen' >in
	{ cat in; echo; } >want
	run_weir 'weir source in | weir sink file'
	assert_same want file
	run_weir 'weir source in | weir sink - >dash'
	assert_same want dash
	run_weir 'weir source in | weir sink >default'
	assert_same want default
	run_weir 'weir source in | weir sink | cat >pipe'
	assert_same want pipe
	run_weir 'cat <(weir source in | weir sink) >substitution'
	assert_same want substitution
	assert_equal "$(weir source in | weir sink | wc -c)" "$(wc -c <want)"
}

@test "FILE is made with the mode that the umask leaves, if only with records none" {
	: >empty
	run_weir 'umask 027; weir source empty | weir sink made'
	assert_equal "$(stat -c %a:%s made)" 640:0
}

@test "a FILE that is not empty is refused, and stays as it is" {
	echo mine >counts.tsv
	echo new >in
	cp -p counts.tsv before
	run_weir -s any 'weir source in | weir sink counts.tsv'
	assert_err 'sink: counts.tsv: 5 bytes are there that this job did not write; --append keeps them, --truncate drops them'
	assert_same before counts.tsv
	assert_equal "$(stat -c %Y counts.tsv)" "$(stat -c %Y before)"
	run_weir 'weir source in | weir sink counts.tsv || echo "status $?"; true'
	assert_output 'status 2'
	assert_same before counts.tsv
}

@test "an empty FILE is taken" {
	echo new >in
	: >there
	run_weir 'weir source in | weir sink there'
	assert_same in there
}

@test "--append keeps what is there, --truncate drops it" {
	printf 'old 1\nold 2\n' >old
	seq 1 1000 >in
	cp old appended
	run_weir 'weir source in | weir sink --append appended'
	cat old in >want
	assert_same want appended
	run_weir 'weir source in | weir sink -a appended'
	cat old in in >want
	assert_same want appended
	run_weir 'weir source in | weir sink --append new'
	assert_same in new
	seq 1 100000 >truncated
	run_weir 'weir source in | weir sink --truncate truncated'
	assert_same in truncated
	run_weir 'weir source /dev/null | weir sink --truncate truncated'
	assert [ ! -s truncated ]
}

@test "--truncate drops nothing before the pipeline stands" {
	echo precious >out
	cp out before
	run_weir -s any 'weir source missing | weir sink --truncate out'
	assert_same before out
	run_weir -s any 'echo text | weir sink --truncate out'
	assert_same before out
}

@test "--append to a last line without a newline is refused" {
	printf 'whole\nhalf' >out
	cp out before
	echo new >in
	run_weir -s any 'weir source in | weir sink --append out'
	assert_err 'sink: out: its last line has no newline, a record would be glued to it; add one (echo >>out), cut that line off, or --truncate'
	assert_same before out
}

@test "the header comes first, and not again behind what is there" {
	printf 'who\tn\na\t1\n' >f1
	printf 'who\tn\nb\t2\n' >f2
	run_weir 'weir source -H f1 | weir sink out'
	run_weir 'weir source -H f2 | weir sink --append out'
	printf 'who\tn\na\t1\nb\t2\n' >want
	assert_same want out
	run_weir 'weir source -H f2 | weir sink --truncate out'
	assert_same f2 out
}

@test "usage: both, two files, options for standard output" {
	run_weir -s 2 'weir sink --append --truncate out'
	assert_err 'sink: --append or --truncate, not both'
	run_weir -s 2 'weir sink a b'
	assert_err 'sink: one FILE, not 2'
	run_weir -s 2 'weir sink --append'
	assert_err 'sink: --append and --truncate are for a FILE'
	run_weir -s 2 'weir sink --truncate -'
	run_weir -s 2 'weir sink -p 2 out'
	assert [ ! -e out ]
	assert [ ! -e a ]
}

@test "/dev/null, /dev/full, a directory, a directory that is not there" {
	seq 1 1000 >in
	run_weir 'weir source in | weir sink /dev/null'
	assert_equal "$stderr" ''
	run_weir 'weir source in | weir sink --append /dev/null'
	run_weir -s any 'weir source in | weir sink /dev/full'
	assert_err 'sink: write /dev/full: No space left on device'
	assert [ "$status" = 1 ]
	mkdir dir
	run_weir -s any 'weir source in | weir sink dir'
	assert_err 'sink: dir: Is a directory'
	run_weir -s any 'weir source in | weir sink no/such/file'
	assert_err 'sink: no/such/file: No such file or directory'
}

@test "a symbolic link is followed" {
	seq 1 100 >in
	ln -s target link
	run_weir 'weir source in | weir sink link'
	assert_same in target
	assert [ -L link ]
}

@test "a FIFO: its reader may come late" {
	mkfifo p
	seq 1 100000 >in
	start it 'weir source in | weir sink p'
	start reader 'cat p'
	finish it
	finish reader
	assert_same in reader.out
}

@test "a FIFO that nobody reads is waited for; Ctrl-C ends that" {
	mkfifo p
	seq 1 10 >in
	start it 'weir source in | weir sink p'
	wait_for ready
	kill -INT -- "-$it_pid"
	finish -s any it
	assert [ "$status" != 0 ]
}

@test "a FIFO whose reader goes after three lines: quietly, with 0" {
	mkfifo p
	start it 'weir source --count 1.. | weir keyby | weir sink p'
	head -n 3 <p >got
	finish it
	assert_equal "$stderr" ''
	assert_equal "$(cat got)" $'1\n2\n3'
}

@test "two sinks of one FILE: the second is told" {
	seq 1 10 >in
	run_weir -s any 'weir source in | weir keyby -o - -o >(weir sink -n other out) | weir sink out'
	grep -qE '^(sink|other): out: in use by another sink, of this pipeline or of another; give each a FILE of its own$' <<<"$stderr"
}

@test "a reader of FILE sees records as they come" {
	mkfifo p
	start it 'weir source - <p | weir sink out'
	exec 9>p
	for i in 1 2 3; do
		echo "record $i" >&9
		wait_for grep -qsx "record $i" out
	done
	exec 9>&-
	finish it
}

@test "a file size limit: whole lines stay, and it is said" {
	yes 'a record of some length' | head -n 100000 >in
	run_weir -s any 'weir source in | (ulimit -f 100; exec weir sink out)'
	assert_err 'sink: append out: File too large'
	assert [ "$status" = 1 ]
	# 100 blocks of 1024 bytes, cut to whole lines of 24
	head -n $((102400 / 24)) in >want
	assert_same want out
}

@test "a file size limit on all: frames are copied" {
	seq 1 10000 >in
	run_weir 'ulimit -f 100; weir source in | weir keyby | weir reduce count | weir sink out'
	awk '{ print $1 "\t1" }' in >want
	assert_same want out
}
