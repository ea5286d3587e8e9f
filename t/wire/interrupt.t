#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# An ewbctl that is ended by a signal or an error has the server forget its scans; one whose
# standard output was closed writes nothing to where it should not.
. "${srcdir:-.}/t/wire/lib.sh"
mkfifo "$dir/pipe"
exec {pipe}<>"$dir/pipe"

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
# A scan that was cancelled is open until the engine has closed its cursor.
none_open() { [ "$(fact_of scans_open)" = 0 ]; }
none_left() {
	soon none_open && [ "$(fact_of scans_idle)" = 0 ] && [ "$(fact_of scans_lifetime)" = 0 ]
}
for signal in TERM HUP; do
	fact "a scan is ended by SIG$signal" ended_by $signal scan
	fact "and leaves none open" none_left
	fact "so is an export" ended_by $signal export
	fact "and leaves none open, either" none_left
done

# While its scans are still being created, one after another.
first=$pid first_port=$port
start late --vbuckets 8 --pool aux=1 --filters "$build/filters/.libs" \
    --filter wouldblock "$(engine memory)" wouldblock-on=scan wouldblock-time=50ms
for i in {0..99}; do echo "{\"key\":\"k$i\",\"value\":\"v\"}"; done | ctl import - >"$dir/out" ||
    give_up "nothing was stored"
for command in scan export; do
	fact "$command is ended when its scans begin" ended_by TERM $command
	fact "and leaves none that began later" none_left
done
fact "this server ends well" stop_well late "$pid"

# One that the server has refused a part of.
start few --vbuckets 8 --max-scans 4 "$(engine memory)"
for i in {0..99}; do echo "{\"key\":\"k$i\",\"value\":\"v\"}"; done | ctl import - >"$dir/out" ||
    give_up "nothing was stored"
refused() { ! ctl "$@" >"$dir/out" 2>"$dir/err" && grep -q "vbucket .*: busy" "$dir/err"; }
for command in scan export; do
	fact "a $command of too many scans is refused" refused $command
	fact "and leaves none open" none_left
done
fact "a file that cannot be written" eval '! ctl export "$dir/none/x" 2>"$dir/err"'
fact "leaves none, too" none_left
fact "that server ends well" stop_well few "$pid"
pid=$first port=$first_port

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
