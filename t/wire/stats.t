#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `stats` counts is what memcached counts, command by command; its groups have
# memcached's form; and a reset while commands run invents nothing.
. "${srcdir:-.}/t/wire/lib.sh"
needs memcached
needs $python

user=() && [ "$(id -u)" != 0 ] || user=(-u nobody)
theirs=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
memcached "${user[@]}" -l 127.0.0.1 -p "$theirs" -U 0 >"$dir/theirs" 2>&1 &
servers+=($!)
for ((i = 0; i < 500; i++)); do
	(exec 3<>"/dev/tcp/127.0.0.1/$theirs") 2>/dev/null && break
	sleep 0.02
done

try() {
	local name=$1
	shift
	start "$name" "$@"
	echo "# $*"
	"$python" -B "$here/stats.py" "$theirs" "$port" || failed=1
	fact "the server $name ends well" stop_well "$name" "$pid"
}
try memory -t 2 "$(engine memory)"
try blocked -t 2 --filter "$build/filters/.libs/wouldblock.so" "$(engine memory)"
end
