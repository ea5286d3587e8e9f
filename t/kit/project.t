#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# From the installed tree alone: ewb-engine-new writes a project that builds,
# passes and serves.
. "${srcdir:-.}/t/kit/lib.sh"
needs autoreconf
needs libtoolize

# quietly FILE COMMAND...: says what it said only when it fails.
quietly() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null || { cat "$log"; return 1; }
}
# Either everything holds, or there is nothing to check it with, which it says.
checked() {
	if command -v ewb-check-engine >/dev/null; then
		grep -q '^# PASS:  1$' "$1"
	else
		grep -q '^# SKIP:  1$' "$1" &&
		    grep -q '^SKIP: ewb-check-engine was not found; install it' check.sh.log
	fi
}

cd "$dir" || exit 1
fact "it writes a project" quietly new.log ewb-engine-new mine
for model in offload ticket; do
	mkdir $model
	(cd $model && ewb-engine-new --model $model mine >/dev/null)
	fact "one of the model $model differs in the engine alone" test \
	    "$(diff -rq mine $model/mine)" = "Files mine/mine.c and $model/mine/mine.c differ"
done
fact "nothing in it is a name left open" \
    test -z "$(grep -rE '@(NAME|ID|RELEASE|MACROS)@|^@file' mine)"

cd mine || exit 1
fact "its configure is made without a warning" \
    bash -c 'autoreconf -i >../auto.log 2>&1 && ! grep -i warning ../auto.log'
fact "it configures" quietly ../configure.log ./configure --cache-file=../cache
fact "it builds without a warning" \
    bash -c 'make >../make.log 2>&1 && ! grep -v "was moved" ../make.log | grep -i warning'
fact "its make check passes" quietly ../check.log make check
fact "because all was checked, or it says that nothing was" checked ../check.log
for model in blocking offload ticket; do
	[ $model = blocking ] || cp ../$model/mine/mine.c .
	fact "of the model $model it builds" quietly ../make.log make
	start $model ./mine.so
	fact "ewbd ./mine.so serves, as memcached would" capable $model
	fact "its server ends well" stop_well $model "$pid"
done

# where ewbd looks for it
engines() { ls "$(dirname "$pc")/../ewb/engines"/*.so; }
before=$(engines) # those of libraries need not be there
fact "it installs" quietly ../install.log make install
start installed --engines "$(sed -n 's/^enginedir = //p' Makefile)" mine
fact "ewbd mine finds it then" ctl ping 1
fact "and ends well" stop_well installed "$pid"
quietly ../install.log make uninstall
fact "uninstalled it is gone, and no other" test "$(engines)" = "$before"

# What configure says when there is no libewb.
sed -i '/EWB/d; /PKG_CONFIG/d' ../cache
PKG_CONFIG_PATH=/nowhere PKG_CONFIG_LIBDIR=/nowhere ./configure --cache-file=../cache \
    >../none.log 2>../none.err
fact "without libewb configure ends" test $? != 0
fact "and says what is missing, in one line" \
    test "$(cat ../none.err)" = "configure: error: libewb 0.1 or newer was not found; install it, or say in PKG_CONFIG_PATH where its ewb.pc is"
end
