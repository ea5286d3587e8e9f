#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Round trips of pymemcache, with an engine that answers at once, one where every
# command blocks, and those that keep data.
. "${srcdir:-.}/t/wire/lib.sh"
$python -c 'import pymemcache' 2>/dev/null || skip "pymemcache is missing"

for set in memory "slow delay=1ms" "rocksdb path=$dir/rocksdb" "lmdb path=$dir/lmdb"; do
	name=${set%% *}
	[ -e "$(engine "$name")" ] || continue # it need not be built
	# shellcheck disable=SC2046,SC2086 # words
	start "$name" $(engine "$name") ${set#"$name"}
	fact "pymemcache and $set understand each other" \
	    $python -B "$here/with_pymemcache.py" "$port"
	fact "the server of $name ends well" stop_well "$name" "$pid"
done
end
