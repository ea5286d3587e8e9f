#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# SIGTERM and SIGINT: blocked commands are answered within the grace, then they
# are cancelled; open scans and silent clients do not hold it up.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
slow=$(engine slow) memory=$(engine memory)

try() { $python -B "$here/stop.py" "$@"; }
ends() {
	local status
	ended "$1"
	status=$?
	[ $status = 0 ] || { echo "status $status"; cat "$dir/$2.err"; return 1; }
}

start grace -t 2 -s "$dir/sock" "$slow" delay=500ms
fact "1000 blocked commands are answered within the grace" \
    try answered "$port" "$pid" 1000
fact "then it ends with 0" ends "$pid" grace
fact "and had nothing to say" test ! -s "$dir/grace.err"
fact "its Unix socket is gone" test ! -e "$dir/sock"

start cancelled -t 2 --stop-grace 0 --deadline 0 "$slow" delay=3600s
fact "without a grace, 1000 blocked commands are cancelled" \
    try cancelled "$port" "$pid" 1000
fact "then it ends with 0" ends "$pid" cancelled

start interrupted "$slow" delay=200ms
fact "SIGINT does the same" try interrupted "$port" "$pid" 10
fact "then it ends with 0" ends "$pid" interrupted

shut() { "$say" "$port" "$1"; }
start disabled "$memory"
fact "shutdown is not enabled" \
    test "$(shut 'shutdown\r\nquit\r\n')" = $'ERROR: shutdown not enabled\r'
fact "and does nothing" stop_well disabled "$pid"
start shutdown -A "$memory"
shut 'shutdown\r\n' >"$dir/said"
fact "with -A it ends the server with 0" ends "$pid" shutdown
fact "and is not answered" test ! -s "$dir/said"
start graceful --enable-shutdown "$memory"
shut 'shutdown graceful\r\n' >"$dir/said"
fact "shutdown graceful does the same" ends "$pid" graceful

start idle "$memory"
fact "clients that say nothing do not hold it up" try idle "$port" "$pid" 100
fact "then it ends with 0" ends "$pid" idle

start scans --vbuckets 1 --stop-grace 0 --no-progress 0 "$memory"
fact "open scans and a reader that has stopped do not hold it up" \
    try scans "$port" "$pid" 20
fact "then it ends with 0" ends "$pid" scans
end
