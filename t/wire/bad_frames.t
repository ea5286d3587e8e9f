#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What bad input on a connection gets, in both protocols.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

for set in memory "slow delay=1ms"; do
	name=${set%% *}
	# shellcheck disable=SC2046,SC2086 # words
	start "$name" -I 4k $(engine "$name") ${set#"$name"}
	fact "bad input gets what it deserves on $set" \
	    $python -B "$here/bad_frames.py" "$port"
	fact "the server of $name ends well" stop_well "$name" "$pid"
done
end
