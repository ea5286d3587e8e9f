#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The filters that come with ewbd, each around an engine, and stacked.
. "${srcdir:-.}/t/wire/lib.sh"
filters=(--filters "$build/filters/.libs")
memory=$(engine memory)

asks() { "$say" "$port" "$1" >"$dir/answer"; }
is() {
	asks "$1"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | diff - "$dir/answer"
}
stat_of() { ctl stats | sed -n "s/^$1 //p" | tr -d '\r'; }
refused() {
	local says=$1
	shift
	ewbd -p 0 "$@" 2>"$dir/refused" </dev/null
	[ $? = "$want" ] && grep -Eq "$says" "$dir/refused" &&
	    [ "$(wc -l <"$dir/refused")" = 1 ] || { cat "$dir/refused"; return 1; }
}

# readonly
start ro "${filters[@]}" --filter readonly "$memory"
fact "readonly: a get passes" is 'get k\r\n' 'END\r\n'
fact "readonly: a set is refused" is 'set k 0 0 1\r\nv\r\nget k\r\n' \
    'CLIENT_ERROR no access\r\nEND\r\n'
fact "readonly: so is what is made of get and set" is 'touch k 0\r\nadd k 0 0 1\r\nv\r\n' \
    'NOT_FOUND\r\nCLIENT_ERROR no access\r\n'
fact "readonly: so are delete and flush" is 'delete k\r\nflush_all\r\n' \
    'CLIENT_ERROR no access\r\nCLIENT_ERROR no access\r\n'
fact "readonly: it counts" test "$(stat_of readonly_refused)" = 4
fact "readonly: the engine's statistics are there too" test -n "$(stat_of curr_items)"
fact "readonly: and name the engine, not the filter" test "$(stat_of engine)" = memory
fact "readonly: the server ends well" stop_well ro "$pid"

# error
start err "${filters[@]}" --filter error "$memory" error-status=busy \
    error-on=incr,delete error-seed=5
fact "error: by the client's command or the callback" \
    is 'set n 0 0 1\r\n1\r\nincr n 1\r\ndelete n\r\nget n\r\n' \
    'STORED\r\nSERVER_ERROR busy\r\nSERVER_ERROR busy\r\nVALUE n 0 1\r\n1\r\nEND\r\n'
fact "error: its seed is printed" grep -q 'filter error: seed=5$' "$dir/err.err"
stop "$pid"
start half "${filters[@]}" --filter error "$memory" error-rate=50% error-on=get error-seed=5
asks "$(for i in {1..400}; do printf 'get k\\r\\n'; done)"
once=$(cat "$dir/answer")
n=$(grep -c SERVER_ERROR "$dir/answer")
fact "error: half of them is about half of them ($n of 400)" test "$n" -gt 140 -a "$n" -lt 260
stop "$pid"
start again "${filters[@]}" --filter error "$memory" error-rate=50% error-on=get error-seed=5
asks "$(for i in {1..400}; do printf 'get k\\r\\n'; done)"
fact "error: the same seed, the same failures" test "$once" = "$(cat "$dir/answer")"
stop "$pid"

# delay
start late "${filters[@]}" --filter delay "$memory" delay-time=40ms delay-on=get
t0=$(date +%s%N)
fact "delay: it is answered" is 'set k 0 0 1\r\nv\r\nget k\r\n' 'STORED\r\nVALUE k 0 1\r\nv\r\nEND\r\n'
ms=$((($(date +%s%N) - t0) / 1000000))
fact "delay: later ($ms ms)" test $ms -ge 40
fact "delay: 60 at once wait together" is "$(for i in {1..60}; do printf 'get k%d\\r\\n' "$i"; done)" \
    "$(for i in {1..60}; do printf 'END\\r\\n'; done)"
fact "delay: it counts" test "$(stat_of delay_delayed)" = 61
fact "delay: the server ends well" stop_well late "$pid"
start exp "${filters[@]}" --filter delay "$(engine slow-blocking)" delay=1ms \
    delay-time=1ms delay-shape=exponential delay-seed=3
fact "delay: around a blocking engine" is 'set k 0 0 2\r\n41\r\nincr k 1\r\n' 'STORED\r\n42\r\n'
stop "$pid"

# limit
start lim "${filters[@]}" --filter limit "$memory" limit-ops=50 limit-per=connection
t0=$(date +%s%N)
asks "$(for i in {1..11}; do printf 'get k%d\\r\\n' "$i"; done)"
ms=$((($(date +%s%N) - t0) / 1000000))
fact "limit: ten after the first take a fifth of a second ($ms ms)" test $ms -ge 199
fact "limit: another connection has a turn of its own" is 'get k\r\n' 'END\r\n'
n=$(stat_of limit_waited)
fact "limit: it counts ($n)" test "$n" -ge 1 -a "$n" -le 10
fact "limit: the server ends well" stop_well lim "$pid"
start bytes "${filters[@]}" --filter limit "$memory" limit-bytes=10k
t0=$(date +%s%N)
asks "set k 0 0 1024\r\n$(printf '%01024d' 0)\r\nget k\r\nget k\r\n"
ms=$((($(date +%s%N) - t0) / 1000000))
fact "limit: bytes both ways ($ms ms)" test $ms -ge 199
fact "limit: the server of bytes ends well" stop_well bytes "$pid"

# log
start log "${filters[@]}" --filter log "$(engine slow)" delay=1ms \
    log-file="$dir/lines" log-on=get,store
asks 'set a\x01b 0 0 2\r\n41\r\nincr a\x01b 1\r\n'
awk '{ sub(/ us=[0-9]+/, " us=N"); sub(/^[0-9.:]+/, "C"); print }' "$dir/lines" >"$dir/got"
cat >"$dir/want" <<'END'
C set: store key=a\x01b status=0x0 us=N waits=1 bytes=2
C incr: get key=a\x01b status=0x0 us=N waits=1 bytes=2
C incr: store key=a\x01b status=0x0 us=N waits=1 bytes=2
END
fact "log: a store, and the parts of an incr, each with its waits" diff "$dir/want" "$dir/got"
fact "log: the server ends well" stop_well log "$pid"

# error and log of scans.
start scans "${filters[@]}" --vbuckets 1 --filter error --filter log "$memory" \
    error-on=scan log-file="$dir/scan-lines" log-on=scan
printf 'a\t1\n' | ctl load - >/dev/null
fact "error: a scan fails when it is created" eval '
    [ "$(ctl scan --retry 0 --keys 2>&1 | head -n 1)" != a ] && [ "$(stat_of error_injected)" -ge 1 ]'
fact "error: and other commands do not" is 'get a\r\n' 'VALUE a 0 1\r\n1\r\nEND\r\n'
stop "$pid"
start scanlog "${filters[@]}" --vbuckets 1 --filter log "$memory" log-file="$dir/scan-lines" \
    log-on=scan
printf 'a\t1\n' | ctl load - >/dev/null
fact "log: a scan under it is whole" test "$(ctl scan --keys)" = a
until grep -q close "$dir/scan-lines"; do alive "$pid" || break; done
sed 's/ us=[0-9]*/ us=N/' "$dir/scan-lines" >"$dir/got"
cat >"$dir/want" <<'END'
scan: open vbucket=0 status=0x0 us=N
scan: close vbucket=0 us=N turns=2 ended=yes
END
fact "log: a scan's creation, and its end with its turns" diff "$dir/want" "$dir/got"
fact "log: the server of the scan ends well" stop_well scanlog "$pid"

# Stacked, and scans through all of them.
start all "${filters[@]}" --filter log --filter delay --filter limit --filter error \
    "$memory" log-file="$dir/all" delay-time=100us limit-ops=100000 error-rate=0%
fact "stacked: a scan sees what was stored" eval '
    printf "a\t1\nb\t2\n" | ctl load - >/dev/null && [ "$(ctl scan --keys)" = "a
b" ]'
fact "stacked: all commands pass" is 'set n 0 0 1\r\n1\r\nincr n 1\r\nappend n 0 0 1\r\n3\r\ngat 0 n\r\ndelete n\r\nget n\r\nflush_all\r\n' \
    'STORED\r\n2\r\nSTORED\r\nVALUE n 0 2\r\n23\r\nEND\r\nDELETED\r\nEND\r\nOK\r\n'
stop "$pid"
fact "stacked: the server ends well" test $? = 0

# What is refused.
want=1
fact "a filter that there is not" refused \
    '^ewbd: filter nosuch: none of that name in .* \(there: ' "${filters[@]}" --filter nosuch "$memory"
fact "a parameter that it does not know" refused \
    '^ewbd: filter delay: no parameter x; it knows: time shape seed on$' \
    "${filters[@]}" --filter delay "$memory" delay-x=1
fact "an engine as a filter" refused \
    '^ewbd: filter .*memory.so: it is an engine, not a filter$' --filter "$memory" "$memory"
fact "a filter as an engine" refused \
    '^ewbd: engine .*delay.so: it is a filter: name it as one, and an engine for it$' \
    "$build/filters/.libs/delay.so"
fact "a time that is none" refused '^ewbd: filter delay: time=x: not a time' \
    "${filters[@]}" --filter delay "$memory" delay-time=x
fact "a command that is none" refused '^ewbd: filter error: on=get,x: not a list of ' \
    "${filters[@]}" --filter error "$memory" error-on=get,x
fact "scans where they cannot be" refused '^ewbd: filter delay: on=scan: not a list of ' \
    "${filters[@]}" --filter delay "$memory" delay-on=scan
fact "a status that is none" refused '^ewbd: filter error: status=x: not one of ' \
    "${filters[@]}" --filter error "$memory" error-status=x
fact "a way that is none, with the page that has them" refused \
    '^ewbd: filter wouldblock: how=x: not one of .*; see ewb-filter-wouldblock\(7\)$' \
    "${filters[@]}" --filter wouldblock "$memory" wouldblock-how=x
fact "a rate that is none" refused '^ewbd: filter error: rate=101%: not from 0' \
    "${filters[@]}" --filter error "$memory" error-rate=101%
fact "a limit of nothing" refused '^ewbd: filter limit: it needs ops=N or bytes=SIZE' \
    "${filters[@]}" --filter limit "$memory"
fact "a shape that is none" refused '^ewbd: filter delay: shape=x: not fixed' \
    "${filters[@]}" --filter delay "$memory" delay-shape=x
fact "a file that cannot be written" refused '^ewbd: filter log: file=/no/such/file: ' \
    "${filters[@]}" --filter log "$memory" log-file=/no/such/file
want=2
fact "the same filter twice" refused '^ewbd: --filter log: given twice$' \
    --filter log --filter log memory
fact "a filter without a name" refused '^ewbd: --filter ./: not a name' --filter ./ memory
end
