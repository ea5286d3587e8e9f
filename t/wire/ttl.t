#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# examples/ttl, the filter that ewb-filters(7) names: around engines that answer
# at once, later and on other threads.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
ttl=$(engine examples/ttl)

refused() {
	ewbd -p 0 --filter "$ttl" "$(engine memory)" "${@:2}" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
	    grep -qE -e "^ewbd: filter ttl: $1" "$dir/err" && return
	cat "$dir/err"
	return 1
}
for bad in '' 0 999ms x; do
	fact "a time that it cannot be is refused: '$bad'" \
	    refused "max=$bad: not a time of 1s or more, like 24h$" "ttl-max=$bad"
done
fact "it has to be said" refused 'max=: not a time'

for below in memory 'slow delay=1ms' 'slow-blocking delay=1ms'; do
	read -r name more <<<"$below"
	# shellcheck disable=SC2086 # none or one
	start "$name" --vbuckets 1 --filter "$ttl" "$(engine "$name")" $more ttl-max=1000s
	"$python" -B "$here/ttl.py" "$port" || failed=1
	fact "the server with $name ends well" stop_well "$name" "$pid"
done
start cannot --filter "$ttl" "$(engine examples/tiny)" ttl-max=1h
fact "an engine that cannot expire refuses" \
    grep -q 'this engine has no expiry' <(ctl set k v 2>&1)
fact "and its server ends well" stop_well cannot "$pid"
end
