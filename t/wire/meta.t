#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Meta commands do the same on every engine, and whether their halves block.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

try() {
	local name=$1 forgets=
	case $name in rocksdb | lmdb) forgets=forgets ;; esac
	shift
	start "$name" "$@"
	echo "# $*"
	"$python" -B "$here/meta.py" "$port" $forgets || failed=1
	fact "the server $name ends well" stop_well "$name" "$pid"
}

wouldblock=$build/filters/.libs/wouldblock.so
try memory "$(engine memory)"
try blocked --filter "$wouldblock" "$(engine memory)"
try slow "$(engine slow)" delay=1ms every=1
try slow-blocking "$(engine slow-blocking)" delay=1ms
[ ! -e "$(engine rocksdb)" ] || try rocksdb "$(engine rocksdb)" path="$dir/rocksdb"
[ ! -e "$(engine lmdb)" ] || try lmdb "$(engine lmdb)" path="$dir/lmdb"
end
