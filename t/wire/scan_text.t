#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A text client's scan is what was stored, in order, on every engine with cursors.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

# try NAME VBUCKETS OPTION... ENGINE...
try() {
	local name=$1 vbuckets=$2
	shift 2
	start "$name" --high 64k --vbuckets "$vbuckets" "$@"
	echo "# $*"
	"$python" -B "$here/scan_text.py" "$port" "$vbuckets" || failed=1
	fact "the server $name ends well" stop_well "$name" "$pid"
}

try memory 64 "$(engine memory)"
# each callback of a cursor takes its time
try blocked 5 --filter "$build/filters/.libs/wouldblock.so" "$(engine memory)"
[ ! -e "$(engine rocksdb)" ] || try rocksdb 64 "$(engine rocksdb)" path="$dir/rocksdb" sync=none
[ ! -e "$(engine lmdb)" ] || try lmdb 64 "$(engine lmdb)" path="$dir/lmdb" sync=none
end
