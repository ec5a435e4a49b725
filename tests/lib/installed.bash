# installed: for tests of what "make install" makes: `load lib/installed`
#
#	makes TARGET...		with the build that is tested, into $root; $prefix is
#				where it says to be
#	found			a compiler and the loader find what is there
#	installed		both
#	$ordinary		a PATH without the build

# shellcheck disable=SC2154	# the helper sets WEIR_SOURCE

root=$BATS_TEST_TMPDIR/root
prefix=$root/opt
# shellcheck disable=SC2034	# for those who load this
ordinary=/usr/local/bin:/usr/bin:/bin

makes() {
	make -C "$WEIR_SOURCE" --no-print-directory B="${WEIR_BUILD#"$WEIR_SOURCE"/}" \
	    CFLAGS="${CFLAGS--O2 -g}" DESTDIR="$root" PREFIX=/opt "$@" >make.log 2>&1 ||
	    { cat make.log; return 1; }
}

found() {
	export PKG_CONFIG_PATH=$prefix/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	export LD_LIBRARY_PATH=$prefix/lib
}

installed() {
	makes install
	found
}
