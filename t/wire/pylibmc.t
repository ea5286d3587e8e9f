#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Round trips of pylibmc in both protocols, with an engine that answers at once
# and one where every command blocks.
. "${srcdir:-.}/t/wire/lib.sh"
$python -c 'import pylibmc' 2>/dev/null || skip "pylibmc is missing"

for set in memory "slow delay=1ms"; do
	name=${set%% *}
	# shellcheck disable=SC2046,SC2086 # words
	start "$name" $(engine "$name") ${set#"$name"}
	for kind in text binary; do
		fact "pylibmc and $set understand each other in $kind" \
		    $python -B "$here/with_pylibmc.py" "$port" $kind
	done
	fact "the server of $name ends well" stop_well "$name" "$pid"
done
end
