#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Mutations say where they stand in their vbucket's history, to who asks for it.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

which=tokens
# tells NAME OPTION... ENGINE...: a server whose mutations do; what it says of its
# vbuckets is that of $dir/$history, if there is one.
tells() {
	local name=$1
	shift
	start "$name" --vbuckets 8 "$@"
	echo "# $name"
	"$python" -B "$here/tokens.py" "$port" "$which" "$dir/$history" || failed=1
	fact "$name: the server ends well" stop_well "$name" "$pid"
}

history=memory which=uses
tells memory "$(engine memory)"
which=tokens
# a filter, and what blocks, changes nothing of it
history=blocked
tells blocked --filters "$build/filters/.libs" --filter wouldblock \
    "$(engine slow-blocking)" delay=0
# one that does not keep a datatype, nor answers a cas to a delete
history=offload which=some
tells offload "$(engine examples/offload)"
which=tokens
for name in lmdb rocksdb; do
	[ -e "$(engine $name)" ] && [ "${SANITIZER:-no}" = no ] || continue
	history=$name
	tells $name "$(engine $name)" path="$dir/$name.db"
	tells $name-again "$(engine $name)" path="$dir/$name.db"
done

mkdir "$dir/fs"
start fs "$(engine examples/fs)" dir="$dir/fs"
"$python" -B "$here/tokens.py" "$port" none "$dir/none" || failed=1
stop "$pid"
end
