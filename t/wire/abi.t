#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Engines that were compiled against the frozen header of this release load and
# serve: those that wait, that offload, that have their own thread.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
mkdir "$dir/files"

start fs "$(engine t/abi/fs)" dir="$dir/files"
fact "the blocking one counts" $python -B "$here/with_fs.py" "$port" count
printf 'a\t1\nb\t2\n' | ctl load >/dev/null
fact "it scans" test "$(ctl scan --start a --end b)" = $'a\t1\nb\t2'
fact "it ends well" stop_well fs "$pid"
for name in offload ticket; do
	start $name "$(engine t/abi/$name)"
	fact "the one of the example $name counts" $python -B "$here/with_fs.py" "$port" count
	fact "it adds" $python -B "$here/with_fs.py" "$port" add
	fact "its statistics are there" grep -q '^shelf_records' <(ctl stats)
	fact "it ends well" stop_well $name "$pid"
done
end
