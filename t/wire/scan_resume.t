#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A scan whose connection is lost goes on in the snapshot that it shows; one whose
# server is lost goes on behind the last key that came.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
resume() { "$python" -B "$here/scan_resume.py" "$1" "$port" "$dir/state" || failed=1; }

engines=(memory)
[ "${SANITIZER:-no}" != no ] || for e in lmdb rocksdb; do
	[ ! -e "$(engine $e)" ] || engines+=($e)
done
for e in "${engines[@]}"; do
	settings=()
	[ "$e" = memory ] || settings=("path=$dir/$e" sync=none)
	echo "with $e:"
	start "$e" --vbuckets 4 "$(engine "$e")" "${settings[@]}"
	resume lost
	resume before
	fact "the server ends well, though a scan has outlived its client" \
	    stop_well "$e" "$pid"
	[ "$e" != memory ] || continue
	start "$e.again" --vbuckets 4 "$(engine "$e")" "${settings[@]}"
	resume after
	fact "the server ends well" stop_well "$e.again" "$pid"
done
end
