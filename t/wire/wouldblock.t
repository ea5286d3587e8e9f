#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The filter wouldblock: what is well done changes no answer; what is badly done
# never ends, hangs or misleads the server: it is counted, named in the log, and
# the client gets an error.
. "${srcdir:-.}/t/wire/lib.sh"
memory=$(engine memory)

# The deadline of a way: none but those that are to pass it do, on the slowest
# machine.
deadline_of() { case $1 in late | never) echo "$2" ;; *) echo 60000 ;; esac; }
# begin HOW PARAMETER...: for gets alone; a key is there.
begin() {
	how=$1
	shift
	serial=$((${serial:-0} + 1)); name=$how-$serial
	start "$name" --filters "$build/filters/.libs" --filter wouldblock \
	    --deadline "$(deadline_of "$how" 300)" \
	    --stop-grace 0 "$memory" wouldblock-how="$how" wouldblock-on=get \
	    "${@/#/wouldblock-}"
	is 'set k 0 0 1\r\nv\r\n' 'STORED\r\n'
}
# The connection goes on, whatever becomes of the get in the middle of it.
is() {
	"$say" "$port" "$1" >"$dir/answer"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | diff - "$dir/answer"
}
gets() {
	"$say" "$port" 'get k\r\ndelete none\r\n' >"$dir/answer"
	# shellcheck disable=SC2059 # it is a format
	printf "$1"'NOT_FOUND\r\n' | diff - "$dir/answer"
}
found='VALUE k 0 1\r\nv\r\nEND\r\n'
stat_of() { ctl stats | sed -n "s/^$1 //p" | tr -d '\r'; }
# Cursors are closed in the background.
none_open() { [ "$(stat_of scans_open)" = 0 ]; }
no_scan_is_left() { soon none_open; }
# What another thread counts may come after the answer.
is_counted() { [ "$(stat_of "$1")" -ge "$2" ]; }
counted() { soon is_counted "$@" || { echo "$1 is $(stat_of "$1")"; return 1; }; }
named() { grep -q "$1" "$dir/$name.err" || { cat "$dir/$name.err"; return 1; }; }
# Its answers are awaited, so what it says about them is there.
unharmed() {
	fact "$how: other commands are as ever" \
	    is 'set x 0 0 1\r\n1\r\nincr none 1\r\ndelete x\r\n' "$1"
}
ends() {
	stop "$pid"
	[ $? = "${1:-0}" ]
}
others='STORED\r\nNOT_FOUND\r\nDELETED\r\n'

for w in block early twice threads; do
	begin $w
	fact "$w: the get is answered as if nothing was" gets "$found"
	fact "$w: and was blocked" counted wouldblock_blocked 1
	fact "$w: nothing is left blocked" test "$(stat_of cookies_blocked)" = 0
	case $w in
	twice) fact "twice: the second is counted" counted notifies_stale 1 ;;
	threads) fact "threads: three lost, and are counted" counted notifies_stale 3 ;;
	esac
	unharmed "$others"
	fact "$w: the server ends well" ends
done

begin block when=every:3
is 'get a\r\nget a\r\nget a\r\nget a\r\nget a\r\nget a\r\nget a\r\n' "$(printf 'END\\r\\n%.0s' {1..7})"
fact "every third get of seven" test "$(stat_of wouldblock_blocked)" = 2
fact "every: the server ends well" ends
start random --filters "$build/filters/.libs" --filter wouldblock "$memory" \
    wouldblock-when=random:50% wouldblock-seed=7 wouldblock-on=get
is "$(printf 'get a\\r\\n%.0s' {1..200})" "$(printf 'END\\r\\n%.0s' {1..200})"
n=$(stat_of wouldblock_blocked)
fact "at random, half of 200 ($n)" test "$n" -gt 60 -a "$n" -lt 140
fact "the seed is printed" grep -q 'filter wouldblock: seed=7$' "$dir/random.err"
stop "$pid"

begin statuses statuses=ok,not_found,busy
fact "statuses: one after the other" gets "$found"
fact "statuses: the second" gets 'END\r\n'
fact "statuses: the third" gets 'SERVER_ERROR busy\r\n'
fact "statuses: and from the start" gets "$found"
fact "statuses: the server ends well" ends

: >"$dir/gate"
begin file file="$dir/gate"
"$say" "$port" 'get k\r\n' >"$dir/gated" &
asker=$!
until [ "$(stat_of wouldblock_blocked)" = 1 ]; do :; done
rm "$dir/gate"
wait $asker
fact "file: a get is answered when the file has gone" cmp -s "$dir/gated" - \
    <<<$'VALUE k 0 1\r\nv\r\nEND\r'
fact "file: the server ends well" ends

begin late time=1s
fact "late: the client gets an error at the deadline" soon gets 'SERVER_ERROR temporary failure\r\n'
fact "late: it is counted" counted deadlines_passed 1
until [ "$(stat_of cookies_blocked)" = 0 ]; do :; done
fact "late: it comes home in the end" test "$(stat_of cookies_orphaned)" = 0
unharmed 'STORED\r\nSERVER_ERROR outcome unknown\r\nDELETED\r\n'
until [ "$(stat_of cookies_blocked)" = 0 ]; do :; done
fact "late: the server ends well" ends

begin never
fact "never: the client gets an error at the deadline" gets 'SERVER_ERROR temporary failure\r\n'
fact "never: it is counted" counted deadlines_passed 1
until [ "$(stat_of cookies_orphaned)" = 1 ]; do :; done
fact "never: it is named as an orphan" named 'filter wouldblock: get of connection .*: not notified for .* kept as an orphan'
fact "never: the server says that it cannot unload, and leaves" ends 1
fact "never: it was named at the end" named 'were not notified in the grace'

begin wrong
fact "wrong: the client gets an error" gets 'SERVER_ERROR internal error\r\n'
fact "wrong: it is counted" counted engine_mistakes 1
fact "wrong: it is named" named "filter wouldblock: get: a status that is none of the protocol's"
fact "wrong: nothing is left blocked" test "$(stat_of cookies_blocked)" = 0
fact "wrong: the server ends well" ends

begin hasty
fact "hasty: the client gets an error" gets 'SERVER_ERROR internal error\r\n'
fact "hasty: it is counted" counted engine_mistakes 1
fact "hasty: it is named" named 'filter wouldblock: get: answered though its ticket is out'
until [ "$(stat_of cookies_blocked)" = 0 ]; do :; done
fact "hasty: the server ends well" ends

begin ticketless
fact "ticketless: the client gets an error" gets 'SERVER_ERROR internal error\r\n'
fact "ticketless: it is counted" counted engine_mistakes 1
fact "ticketless: it is named" named 'filter wouldblock: get: said would block without a ticket'
fact "ticketless: the server ends well" ends

begin nonsense
fact "nonsense: the client gets an error" gets 'SERVER_ERROR internal error\r\n'
fact "nonsense: it is counted" counted engine_mistakes 1
fact "nonsense: it is named" named "filter wouldblock: get: a status that is none of the protocol's"
fact "nonsense: the server ends well" ends

# On every callback: get, store, remove, flush, stats and an engine's own, and a
# command that is made of two.
each='set a 0 0 1\r\n1\r\nget a\r\nincr a 1\r\ndelete a\r\nflush_all\r\ncount a\r\n'
answers() { "$say" "$port" "$each"; }
start plain "$(engine t/wire/own)"
answers >"$dir/well"
stop "$pid"
lines() { printf '%s\\r\\n' "$@"; }
internal='SERVER_ERROR internal error'
unknown='SERVER_ERROR outcome unknown' failure='SERVER_ERROR temporary failure'
six() { printf "$1"'\\r\\n%.0s' {1..6}; }
stats_say() {
	"$say" "$port" 'stats\r\n' | grep -q "$1"
}
# Those that need no thread are nothing for a thread sanitizer.
ways='block early twice threads late never wrong hasty ticketless nonsense'
scan_ways='block early late twice threads park file never hasty ticketless wrong nonsense statuses'
case ${SANITIZER:-no} in
*thread*)
	ways='block early twice threads late'
	scan_ways='block early late twice threads park' ;;
esac
for w in $ways; do
	how=$w name=each-$w
	[ $w = late ] && time=1s || time=0
	start "$name" --filters "$build/filters/.libs" --filter wouldblock \
	    --deadline "$(deadline_of $w 30)" \
	    --stop-grace 0 "$(engine t/wire/own)" wouldblock-how=$w wouldblock-time=$time \
	    wouldblock-on=get,store,remove,flush,stats,own
	case $w in
	block | early | twice | threads)
		fact "$w, each callback: answered as if nothing was" \
		    diff "$dir/well" <(answers)
		fact "$w, each callback: stats too" stats_say '^STAT wouldblock_how' ;;
	late)
		fact "late, each callback: the client gets an error" is "$each" \
		    "$(lines "$unknown" "$failure" "$unknown" "$unknown" "$unknown" "$failure")"
		fact "late, each callback: stats too" stats_say "^$failure" ;;
	never)
		# what waits for a mutation that is lost is told so
		fact "never, each callback: the client gets an error" is "$each" \
		    "$(lines "$unknown" "$failure" "$failure" "$failure" "$unknown" "$failure")"
		fact "never, each callback: stats too" stats_say "^$failure" ;;
	hasty)
		# a part of a command is awaited all the same
		fact "hasty, each callback: the client gets an error" is "$each" \
		    "$(lines "$internal" "$internal" NOT_FOUND "$internal" "$internal" "$internal")"
		fact "hasty, each callback: stats too" stats_say '^STAT' ;;
	*)
		fact "$w, each callback: the client gets an error" is "$each" \
		    "$(six "$internal")"
		fact "$w, each callback: stats too" stats_say "^$internal" ;;
	esac
	fact "$w, each callback: a new connection is served" is \
	    'wouldblock on stats\r\ncount a\r\n' 'OK\r\n1\r\n'
	case $w in never) ends 1 ;; *) fact "$w, each callback: the server ends well" ends ;; esac
done

# Parked where there is no key.
how=park
start keyless --filters "$build/filters/.libs" --filter wouldblock "$memory" \
    wouldblock-how=park wouldblock-on=flush,stats
for command in flush_all stats; do
	"$say" "$port" "$command"'\r\n' >"$dir/parked" &
	asker=$!
	until "$say" "$port" "wouldblock_let $command"'\r\n' | grep -q '^1'; do
		alive $asker || break
	done
	wait $asker
	fact "park: $command is let go under its name" grep -Eq '^(OK|END)' "$dir/parked"
done
fact "park: the server ends well" ends
start seeded --filters "$build/filters/.libs" --filter wouldblock "$memory"
fact "at random by in-band" is 'wouldblock seed 9\r\nwouldblock when random:50%\r\n' \
    'OK\r\nOK\r\n'
zeros() { printf '\\x00%.0s' $(seq "$1"); }
fact "and by the binary opcode 0xfd" is \
    '\x80\xfd\x00\x03\x05'"$(zeros 6)"'\x08'"$(zeros 12)"twicehow '\x81\xfd'"$(zeros 22)"
fact "which sets it" test "$(stat_of wouldblock_how)" = twice
stop "$pid"
fact "prints the seed then" grep -q 'filter wouldblock: seed=9$' "$dir/seeded.err"

# Scans.
scan() { ctl scan --keys 2>&1 | head -n 1; }
for w in $scan_ways; do
	name=scan-$w how=scan-$w
	: >"$dir/scan-gate"
	# what is late by 1 ms is not late here: it is whole
	[ $w = late ] && deadline=60000 || deadline=$(deadline_of $w 300)
	start "$name" -v --vbuckets 1 --filters "$build/filters/.libs" --filter wouldblock \
	    --deadline "$deadline" "$memory" wouldblock-how=$w wouldblock-on=scan,delete \
	    wouldblock-time=1ms wouldblock-statuses=ok,busy wouldblock-file="$dir/scan-gate"
	printf 'a\t1\n' | ctl load - >/dev/null
	case $w in
	twice | threads) fact "scan, $w: a delete before it" is 'delete none\r\n' 'NOT_FOUND\r\n' ;;
	esac
	scan >"$dir/said" &
	asker=$!
	case $w in
	park)
		until "$say" "$port" 'wouldblock_let scan\r\n' | grep -q '^1'; do
			alive $asker || break
		done ;;
	file) rm "$dir/scan-gate" ;;
	esac
	wait $asker
	said=$(cat "$dir/said")
	case $w in
	block | early | late | twice | threads | park | file)
		fact "scan, $w: it is whole ($said)" test "$said" = a ;;
	*) fact "scan, $w: it fails, and says so ($said)" test "${said#ewbctl: }" != "$said" ;;
	esac
	case $w in
	hasty | ticketless | wrong | nonsense)
		fact "scan, $w: it is counted" counted engine_mistakes 1
		fact "scan, $w: and named" named 'filter wouldblock: .*scan' ;;
	twice) fact "scan, $w: it is counted" counted notifies_stale 2 ;;
	threads) fact "scan, $w: it is counted" counted notifies_stale 7 ;;
	never) fact "scan, $w: it is counted" counted deadlines_passed 1 ;;
	esac
	fact "scan, $w: no scan is left" no_scan_is_left
	fact "scan, $w: other commands are as ever" is 'get a\r\n' 'VALUE a 0 1\r\n1\r\nEND\r\n'
	fact "scan, $w: the server ends well" ends
done
end
