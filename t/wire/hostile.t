#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Clients that mean no good do none: the server answers the others, and keeps
# nothing of them.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"

# With a sanitizer fewer come at once: each costs it a lot, and is like the others.
many=50
[ "${SANITIZER:-no}" = no ] || many=15
# or there are no descriptors for them
ulimit -n "$(ulimit -Hn)"
room=$(ulimit -n)
[ "$room" = unlimited ] || [ $many -le $(((room - 60) / 11)) ] || many=$(((room - 60) / 11))

for set in memory "slow delay=1ms"; do
	name=${set%% *}
	# what it is asked for comes late on a slow machine, but it comes
	# shellcheck disable=SC2046,SC2086 # words
	start "$name" -t 2 --vbuckets 4 $(engine "$name") ${set#"$name"}
	fact "hostile clients do no harm to $set" \
	    $python -B "$here/hostile.py" "$port" "$seed" $many
	fact "the server of $name ends well" stop_well "$name" "$pid"
done
end
