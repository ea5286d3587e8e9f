#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Round trips of pylibmc in both protocols, with an engine that answers at once,
# one where every command blocks, and those that keep data.
. "${srcdir:-.}/t/wire/lib.sh"
$python -c 'import pylibmc' 2>/dev/null || skip "pylibmc is missing"

for set in memory "slow delay=1ms" "rocksdb path=$dir/rocksdb" "lmdb path=$dir/lmdb"; do
	name=${set%% *}
	[ -e "$(engine "$name")" ] || continue # it need not be built
	# shellcheck disable=SC2046,SC2086 # words
	start "$name" $(engine "$name") ${set#"$name"}
	for kind in text binary; do
		fact "pylibmc and $set understand each other in $kind" \
		    $python -B "$here/with_pylibmc.py" "$port" $kind
	done
	fact "the server of $name ends well" stop_well "$name" "$pid"
done
end
