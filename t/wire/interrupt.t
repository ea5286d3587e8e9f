#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An ewbctl that is ended by a signal has the server forget its scans; one whose
# standard output was closed writes nothing to where it should not.
. "${srcdir:-.}/t/wire/lib.sh"
mkfifo "$dir/pipe" "$dir/idle"
exec {pipe}<>"$dir/pipe" {idle}<>"$dir/idle"
pause() { read -r -t 0.05 -u "$idle" _; true; }

start first --vbuckets 16 "$(engine memory)"
awk 'BEGIN { for (v = "v"; length(v) < 400; v = v v); for (i = 0; i < 40000; i++)
	printf "{\"key\":\"k%05d\",\"value\":\"%s\"}\n", i, v }' | ctl import - >"$dir/out" ||
    give_up "nothing was stored"
fact_of() { ctl stats | awk -v k="$1" '$2 == k || $1 == k { print $NF }'; }

# ended_by SIGNAL COMMAND...: that signal ends it, when it has scans and nobody reads
# what it writes.
ended_by() {
	local signal=$1 client
	shift
	"$build/daemon/ewbctl" -H "127.0.0.1:$port" "$@" >"$dir/pipe" 2>"$dir/err" &
	client=$!
	until [ "$(fact_of scans_open)" -gt 0 ]; do
		alive $client || return
		pause
	done
	kill -"$signal" $client
	wait $client
	[ $? = $((128 + $(kill -l "$signal"))) ] && [ ! -s "$dir/err" ] && return
	cat "$dir/err"
	return 1
}
for signal in TERM HUP; do
	fact "a scan is ended by SIG$signal" ended_by $signal scan
	fact "and leaves none open" test "$(fact_of scans_open)" = 0
	fact "so is an export" ended_by $signal export
	fact "and leaves none open, either" test "$(fact_of scans_open)" = 0
done

# A value that would be a flush.
printf '\x80\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' | ctl set flush -
closed() {
	ctl "$@" >&- 2>"$dir/err"
	[ $? = 1 ] && grep -qx 'ewbctl: standard output: bad file descriptor' "$dir/err" && return
	cat "$dir/err"
	return 1
}
fact "a get without a standard output fails" closed get flush
fact "so does a scan" closed scan --prefix flush
fact "without an error's output, too" eval '! ctl get flush >&- 2>&-'
fact "and nothing was flushed" test "$(fact_of curr_items)" = 40001
fact "the server ends well" stop_well first "$pid"
end
