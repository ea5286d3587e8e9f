#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `stats` counts is what memcached counts, command by command; its groups have
# memcached's form; and a reset while commands run invents nothing.
. "${srcdir:-.}/t/wire/lib.sh"
needs memcached
needs $python

memcached_there

try() {
	local name=$1
	shift
	start "$name" "$@"
	echo "# $*"
	"$python" -B "$here/stats.py" "$theirs" "$port" || failed=1
	fact "the server $name ends well" stop_well "$name" "$pid"
}
try memory -t 2 "$(engine memory)"
try blocked -t 2 --filter "$build/filters/.libs/wouldblock.so" "$(engine memory)"
end
