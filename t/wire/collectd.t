#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A monitoring daemon that knows memcached reads ewbd's statistics, without a
# complaint, and what it keeps is what was done.
. "${srcdir:-.}/t/wire/lib.sh"
PATH=$PATH:/usr/sbin
needs collectd
[ -e /usr/lib/collectd/memcached.so ] || skip "collectd's memcached plugin is missing"

start ewbd "$(engine memory)"
"$say" "$port" $'set a 0 0 3\r\nabc\r\nset b 0 0 1\r\n1\r\nget a\r\nget a\r\nget none\r\nincr b 1\r\ndelete none\r\ntouch a 0\r\nquit\r\n' >/dev/null
cat >"$dir/collectd.conf" <<END
BaseDir "$dir"
PIDFile "$dir/collectd.pid"
Hostname "here"
Interval 0.2
LoadPlugin logfile
LoadPlugin csv
LoadPlugin memcached
<Plugin logfile>
	LogLevel warning
	File "$dir/log"
</Plugin>
<Plugin csv>
	DataDir "$dir/csv"
	StoreRates false
</Plugin>
<Plugin memcached>
	<Instance "ewbd">
		Host "127.0.0.1"
		Port "$port"
	</Instance>
</Plugin>
END
collectd -f -C "$dir/collectd.conf" >"$dir/said" 2>&1 &
reader=$!
servers+=("$reader")
csv=$dir/csv/here/memcached-ewbd
# with its second round the first one is whole
for ((i = 0; i < enough * 20; i++)); do
	[ "$(cat "$csv"/memcached_command-get-* 2>/dev/null | wc -l)" -lt 3 ] || break
	sleep 0.05
done
stop "$reader"
status=$?
# that a read took long is the machine's fault
fact "it reads without a complaint, and ends well" \
    eval '[ $status = 0 ] && ! grep -qv "above its read interval" "$dir/log" 2>/dev/null'

# kept NAME VALUE...
kept() {
	local line
	line=$(tail -qn 1 "$csv/$1"-[0-9]* 2>/dev/null) || return 1
	line=${line#*,}
	[ "${line%.000000}" = "$2" ] || { echo "$1: $line, not $2"; return 1; }
}
fact "gets, stores and touches are those that were said" \
	eval 'kept memcached_command-get 3 && kept memcached_command-set 2 && kept memcached_command-touch 1'
fact "hits and misses are, too" \
	eval 'kept memcached_ops-hits 2 && kept memcached_ops-misses 1 && kept memcached_ops-incr_hits 1'
fact "the items are those that were stored" kept memcached_items-current 2
fact "the connection that asks is one" eval 'kept memcached_connections-current 1'
[ $failed = 0 ] || { cat "$dir/said" "$dir/log"; find "$dir/csv" -type f; tail -n 1 "$csv"/*; }
fact "ewbd ends well" stop_well ewbd "$pid"
end
