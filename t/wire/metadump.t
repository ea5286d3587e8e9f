#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# memcached's own tool dumps ewbd; and what lru_crawler says is what memcached says,
# but for what only memcached can know.
. "${srcdir:-.}/t/wire/lib.sh"
needs memcached
needs perl
needs $python
tool=/usr/share/memcached/scripts/memcached-tool
[ -e "$tool" ] || tool=$(command -v memcached-tool) || skip "memcached-tool is missing"

start ours "$(engine memory)"
ours=$port ours_pid=$pid
memcached_there
"$python" -B "$here/metadump.py" "$tool" "$ours" "$theirs" || failed=1
fact "ewbd ends well" stop_well ours "$ours_pid"
end
