#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# libmemcached's own test of a server passes, with engines that answer at once,
# late, and by sleeping.
. "${srcdir:-.}/t/wire/lib.sh"
needs memccapable

# passes NAME PROTOCOL: -a is the text one, -b the binary.
passes() {
	memccapable -h 127.0.0.1 -p "$port" -t 60 "$2" >"$dir/$1$2" 2>&1
	if [ $? != 0 ] || ! grep -q '^All tests passed' "$dir/$1$2" ||
	    grep -q '\[\(FAIL\|fail\)\]' "$dir/$1$2"; then
		cat "$dir/$1$2"
		return 1
	fi
}

try() {
	local name=$1
	shift
	start "$name" "$(engine "$name")" "$@"
	fact "all text tests pass on $name $*" passes "$name" -a
	fact "all binary tests pass on $name $*" passes "$name" -b
	fact "the server of $name ends well" stop_well "$name" "$pid"
}

try memory
try slow delay=1ms every=1
try slow-blocking delay=1ms
[ ! -e "$(engine rocksdb)" ] || try rocksdb path="$dir/rocksdb"
[ ! -e "$(engine lmdb)" ] || try lmdb path="$dir/lmdb"
end
