#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whatever it is said, ewbd answers what memcached answers: SAME_COMMANDS of them
# (200 000) out of SAME_SEED (one of this run's own).
. "${srcdir:-.}/t/wire/lib.sh"
needs memcached
needs $python
commands=${SAME_COMMANDS:-200000} seed=${SAME_SEED:-$RANDOM$RANDOM}
[ "${SANITIZER:-no}" = no ] || commands=$((commands / 10))

start ours "$(engine memory)"
ours=$port ours_pid=$pid
user=() && [ "$(id -u)" != 0 ] || user=(-u nobody)
theirs=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
memcached "${user[@]}" -l 127.0.0.1 -p "$theirs" -U 0 -m 1024 >"$dir/theirs" 2>&1 &
servers+=($!)
for ((i = 0; i < 500; i++)); do
	(exec 3<>"/dev/tcp/127.0.0.1/$theirs") 2>/dev/null && break
	sleep 0.02
done
same() { "$python" -B "$here/same.py" "$theirs" "$ours" "$seed" "$commands"; }
fact "$commands commands of seed $seed are answered alike" same
fact "ewbd ends well" stop_well ours "$ours_pid"
end
