# weir: GNU make (gmake on BSD).  Everything that is made goes to $B.
#
#	make		the programs, build/bin/weir in front of them
#	make check	build, then all tests; the last line counts them
#	make demo	see it work on real input
#	make install	PREFIX=/usr/local DESTDIR=; make uninstall takes it away
#	make lint	two compilers, cppcheck, mandoc, shellcheck, who includes what
#	make asan	all tests again with AddressSanitizer and UBSan
#	make fuzz	mutated frames under AddressSanitizer; SEEDS=20 millions of them
#	make crashtest	examples and others with kills at random moments; ROUNDS=1000
#	make mutants	programs that are wrong on purpose: each has to be found
#	make power	power cuts under a job, as root; CUTS=20 on each file system
#	make bench	against a tight C program and mawk; SIZE=10000000 RUNS=5
#	make bench-functions	what functions and their state cost; SIZE=1000000 RUNS=5
#	make clean

B =		build
CC =		cc
CFLAGS =	-O2 -g
PREFIX =	/usr/local
LIBEXEC =	$(PREFIX)/libexec/weir
MANDIR =	$(PREFIX)/share/man
COMPLETIONS =	$(PREFIX)/share/bash-completion/completions
INSTALL =	install
VERSION =	0.1.0

STD =		-std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -D_FILE_OFFSET_BITS=64
WARN =		-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		-Wpointer-arith -Wwrite-strings -Wcast-qual -Wformat=2 -Wundef -Wvla
LDLIBS =	-lnng -lleveldb -ljansson -lxxhash -lbsd -lpthread -lrt
LUA_CFLAGS =	$$(pkg-config --cflags lua5.4)
LUA_LIBS =	$$(pkg-config --libs lua5.4)

# What is made of what: programs, and the files of bin/ that go into each.

source =	source files operands resume rotation birth input standing reader succession \
		follow notice trail spool header lines carry counter pace position
keyby =		keyby fields pattern
statemap =	statemap fields luafunction luaoutput luastates luavaluestate lualiststate luamapstate \
		$(lua) $(command)
reduce =	reduce fields foldfunction folds fold decimal luafold changed $(lua)
sink =		sink feed latest fields
weir =		weir hint programs
run =		run conduct liaison wake keeper script watch joboptions $(tool)
checkpointd =	checkpointd coordinator callers assemble notes asks notify ledger \
		roster predecessor joboptions $(tool)
status =	status moment $(tool)
history =	history moment $(tool)
checkpoint =	checkpoint $(tool)
stop =		stop ending takeout savedir $(image) $(tool)
cancel =	cancel ending $(tool)
state =		state $(image) $(tool)
restore =	restore rebuild $(image) $(tool)
savepoint =	savepoint takeout savedir $(image) $(tool)
crashtest =	crashtest trial victims scratch differ chance joboptions $(tool)
tool =		tool ask
image =		image imagetext imagebytes manifest manifestread layout sorter decimal
command =	command dialogue protocol window flushes process carry
control =	$(sort $(run) $(checkpointd) $(status) $(history) $(checkpoint) $(stop) \
		$(cancel) $(state) $(savepoint) $(restore) $(crashtest))
lua =		luaprogram luafields luascript luavalue luakeys luasort sandbox sandboxlib

L =		$B/libexec/weir
PROGRAMS =	$L/weir-source $L/weir-keyby $L/weir-statemap $L/weir-reduce $L/weir-sink
CONTROLS =	$L/weir-run $L/weir-checkpointd $L/weir-status $L/weir-history \
		$L/weir-checkpoint $L/weir-stop $L/weir-cancel $L/weir-savepoint \
		$L/weir-restore $L/weir-state $L/weir-crashtest
FRONT =		$B/bin/weir
LIBWEIR =	$B/lib/libweir.a
ABI =		$(shell sed -n 's/^\#define WEIR_ABI[^0-9]*\([0-9]*\).*/\1/p' lib/weir.h)
SHARED =	$B/lib/libweir.so.$(ABI)

all: $(PROGRAMS) $(CONTROLS) $(FRONT) $(SHARED)

$L/weir-source:		$(source:%=$B/bin/%.o)
$L/weir-keyby:		$(keyby:%=$B/bin/%.o)
$L/weir-statemap:	$(statemap:%=$B/bin/%.o)
$L/weir-reduce:		$(reduce:%=$B/bin/%.o)
$L/weir-sink:		$(sink:%=$B/bin/%.o)
$(FRONT):		$(weir:%=$B/bin/%.o)
$L/weir-run:		$(run:%=$B/bin/%.o)
$L/weir-checkpointd:	$(checkpointd:%=$B/bin/%.o)
$L/weir-status:		$(status:%=$B/bin/%.o)
$L/weir-history:	$(history:%=$B/bin/%.o)
$L/weir-checkpoint:	$(checkpoint:%=$B/bin/%.o)
$L/weir-stop:		$(stop:%=$B/bin/%.o)
$L/weir-cancel:		$(cancel:%=$B/bin/%.o)
$L/weir-savepoint:	$(savepoint:%=$B/bin/%.o)
$L/weir-restore:	$(restore:%=$B/bin/%.o)
$L/weir-state:		$(state:%=$B/bin/%.o)
$L/weir-crashtest:	$(crashtest:%=$B/bin/%.o)

$B/lib/run/main.o:	CPPFLAGS += -DVERSION='"$(VERSION)"'
$B/bin/programs.o:	CPPFLAGS += -DLIBEXECDIR='"$(LIBEXEC)"'
$L/weir-statemap $L/weir-reduce: LIBS = $(LUA_LIBS)
$L/weir-crashtest:	LIBS = -lm
$(statemap:%=$B/bin/%.o) $(reduce:%=$B/bin/%.o): INCLUDE = -Ilib -Ibin $(LUA_CFLAGS)

$(PROGRAMS) $(FRONT): $(LIBWEIR)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBWEIR) $(LIBS) $(LDLIBS)

# Programs that control jobs are no stages: they know the floors.

$(CONTROLS): $B/lib/floors.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS) $(LIBS)

# The library: all floors in one object that exports weir_* and nothing else, as an
# archive, which our programs link (they start sooner), and shared.
# Unit tests see the insides: they link floors.a, and parts.a of the programs.

FLOORS =	$(patsubst %.c,$B/%.o,$(sort $(wildcard lib/*/*.c)))
BINS =		$(patsubst %.c,$B/%.o,$(sort $(wildcard bin/*.c)))
PARTS =		$(filter-out $(patsubst $L/weir-%,$B/bin/%.o,$(PROGRAMS) $(CONTROLS)) $B/bin/weir.o,$(BINS))

$B/lib/weir.o: $(FLOORS)
	$(LD) -r -o $@ $(FLOORS)
	objcopy --wildcard --keep-global-symbol='weir_*' $@

$(LIBWEIR): $B/lib/weir.o
	@rm -f $@
	$(AR) rc $@ $<

$(SHARED): $B/lib/weir.o
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,-Bsymbolic -o $@ $< \
	    -Wl,--as-needed $(LDLIBS)
	ln -sf $(@F) $(@D)/libweir.so

$B/lib/floors.a: $(FLOORS)
	@mkdir -p $(@D); rm -f $@
	$(AR) rc $@ $(FLOORS)

$B/tests/parts.a: $(PARTS)
	@mkdir -p $(@D); rm -f $@
	$(AR) rc $@ $(PARTS)

# Unit tests print TAP; tests/tools are programs that the bats files use.

UNITS =		$(patsubst %.c,$B/%,$(sort $(wildcard tests/unit/*.c)))
SIM =		$(patsubst %.c,$B/%.o,$(sort $(wildcard tests/sim/*.c)))
TOOLS =		$(patsubst %.c,$B/%,$(sort $(wildcard tests/tools/*.c)))
CONTENDERS =	$B/tests/bench/gen $B/tests/bench/tight $B/tests/bench/trickle $B/tests/bench/gaps

$B/tests/unit/simulator: $(SIM)
$(UNITS) $(TOOLS): $B/%: $B/%.o $B/tests/parts.a $B/lib/floors.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -Wl,--as-needed $(LUA_LIBS) $(LDLIBS) -lm

$(CONTENDERS): $B/%: $B/%.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lm

$B/tests/bench/weir-tally: $B/tests/bench/weir-tally.o $(LIBWEIR)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Floors may look into floors, and so may programs that control jobs; stages only
# at weir.h and their own parts.

INCLUDE =	-Ilib -Ibin
INSIDE =	-Ilib -Ilib/bytes -Ilib/rules -Ilib/io -Ilib/run
$(FLOORS): INCLUDE = $(INSIDE)
$(FLOORS): PIC = -fPIC -fno-semantic-interposition
$(control:%=$B/bin/%.o): INCLUDE = $(INSIDE) -Ibin
$B/tests/%.o: INCLUDE = $(INSIDE) -Ibin $(LUA_CFLAGS)

OBJS =		$(FLOORS) $(BINS) $(UNITS:=.o) $(SIM) $(TOOLS:=.o) $(CONTENDERS:=.o) \
		$B/tests/bench/weir-tally.o

$(OBJS): $B/%.o: %.c Makefile | packages
	@mkdir -p $(@D)
	$(CC) $(STD) $(WARN) $(INCLUDE) $(CPPFLAGS) $(PIC) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJS:.o=.d)

objects: $(OBJS)

# Packages that are missing are named, and installed where that is possible.

NEEDS =		build $(if $(filter check asan bench bench-functions lint,$(MAKECMDGOALS)),check) \
		$(if $(filter lint,$(MAKECMDGOALS)),lint)

packages:
	@tests/packages $(NEEDS)

check: packages all $(UNITS) $(TOOLS)
	@CC='$(CC)' CFLAGS='$(CFLAGS)' LDLIBS='$(LDLIBS)' tests/run $B

demo: all
	@PATH="$$PWD/$B/bin:$$PATH" sh examples/demo.sh

bench: packages all $(CONTENDERS)
	@tests/bench/bench $B
	@tests/bench/latency $B

bench-functions: packages all $(CONTENDERS) $B/tests/bench/weir-tally
	@tests/bench/functions $B
	@tests/bench/state $B

ASAN =		-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
		-fno-sanitize-recover=all

asan:
	+@$(MAKE) --no-print-directory B=$B/asan CFLAGS='$(ASAN)' check

crashtest: all
	@tests/crashes $B

power: all
	@tests/power/run $B

mutants: packages
	@tests/mutants/run

SEEDS =		20

fuzz:
	+@$(MAKE) --no-print-directory B=$B/asan CFLAGS='$(ASAN)' $B/asan/tests/tools/fuzz-frame
	@for seed in $$(seq $(SEEDS)); do \
	    $B/asan/tests/tools/fuzz-frame 1000000 $$seed || exit 1; done

LINT =		-Werror -Wold-style-definition -Wredundant-decls -Wnested-externs
LINT_GCC =	$(LINT) -Wlogical-op -Wduplicated-cond -Wduplicated-branches
SCRIPTS =	.ci/run tests/run tests/packages tests/layering tests/bench/bench tests/bench/latency tests/bench/functions tests/bench/state tests/mutants/run tests/power/run tests/crashes \
		$(wildcard tests/*.bash tests/lib/*.bash tests/*.bats examples/*.sh examples/*/*.sh \
		man/completion/weir.bash)

# The checkpoint protocol under 10^5 seeded schedules of crashes; make check runs some.

simulate: $B/tests/unit/simulator
	SCHEDULES=$${SCHEDULES:-100000} $B/tests/unit/simulator

lint: packages
	+@$(MAKE) --no-print-directory B=$B/gcc CC=gcc CPPFLAGS='$(LINT_GCC)' objects
	+@$(MAKE) --no-print-directory B=$B/clang CC=clang CPPFLAGS='$(LINT)' objects
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability --suppress=missingIncludeSystem \
	    '-DSTAILQ_HEAD(name,type)=struct type *' '-DTAILQ_HEAD(name,type)=struct type *' \
	    '-DSTAILQ_FOREACH(v,h,e)=while ((v = *(h)) != NULL)' \
	    '-DTAILQ_FOREACH(v,h,e)=while ((v = *(h)) != NULL)' \
	    '-DTAILQ_FOREACH_SAFE(v,h,e,n)=while ((v = *(h)) != NULL)' \
	    '-Djson_array_foreach(a,i,v)=while ((v = json_array_get(a, i = 0)) != NULL)' \
	    -Ilib -Ilib/bytes -Ilib/rules -Ilib/io -Ilib/run -Ibin lib bin
	mandoc -T lint -W warning $(PAGES)
	shellcheck -x -P SCRIPTDIR -e SC2016 $(SCRIPTS)
	tests/layering

clean:
	rm -rf $B

# Installing.  build/ has the layout that weir finds its programs by.

PAGES =		$(sort $(wildcard man/*.[13578]))

# A page of functions is found by each of their names: "PAGE NAME", but for its own.
NAMES =		awk '/^[.]Sh/ { on = $$2 == "NAME" } on && $$1 == ".Nm" { \
		    page = FILENAME; sub(".*/", "", page); \
		    if ($$2 ".3" != page) print page, $$2 }' man/*.3

install: all
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(COMPLETIONS) \
	    $(addprefix $(DESTDIR)$(MANDIR)/man,1 3 5 7 8)
	$(INSTALL) $(FRONT) $(DESTDIR)$(PREFIX)/bin
	$(INSTALL) $(PROGRAMS) $(CONTROLS) $(DESTDIR)$(LIBEXEC)
	$(INSTALL) -m 644 lib/weir.h $(DESTDIR)$(PREFIX)/include
	$(INSTALL) -m 644 $(LIBWEIR) $(SHARED) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(PREFIX)/lib/libweir.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(LDLIBS)|' \
	    lib/weir.pc.in >$B/lib/weir.pc
	$(INSTALL) -m 644 $B/lib/weir.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig
	$(INSTALL) -m 644 man/completion/weir.bash $(DESTDIR)$(COMPLETIONS)/weir
	for page in $(PAGES); do \
	    $(INSTALL) -m 644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.} || exit 1; done
	$(NAMES) | while read -r page name; do \
	    ln -sf $$page $(DESTDIR)$(MANDIR)/man3/$$name.3 || exit 1; done
	[ -n "$(DESTDIR)" ] || ldconfig 2>/dev/null || :

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/weir $(DESTDIR)$(PREFIX)/include/weir.h \
	    $(DESTDIR)$(PREFIX)/lib/pkgconfig/weir.pc $(DESTDIR)$(COMPLETIONS)/weir \
	    $(addprefix $(DESTDIR)$(PREFIX)/lib/,libweir.a libweir.so $(notdir $(SHARED))) \
	    $(patsubst $L/%,$(DESTDIR)$(LIBEXEC)/%,$(PROGRAMS) $(CONTROLS))
	for page in $(notdir $(PAGES)); do \
	    rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$$page; done
	$(NAMES) | while read -r page name; do rm -f $(DESTDIR)$(MANDIR)/man3/$$name.3; done
	-rmdir $(DESTDIR)$(LIBEXEC)

.PHONY: crashtest mutants power all objects packages check demo bench bench-functions asan fuzz lint simulate clean \
	install uninstall
