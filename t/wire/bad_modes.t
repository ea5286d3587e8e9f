#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# libmemcached's own test of a server, and a client that knows what each key may
# have, with an engine that misbehaves in each of the ways of wouldblock: the
# server never crashes, hangs or gives a wrong answer; what was done badly is
# counted and named, and a new connection is served.  Prints a table.
#
# EWB_MODES=all: with all of memccapable's tests, instead of a few of them.
. "${srcdir:-.}/t/wire/lib.sh"
needs memccapable
memory=$(engine memory)
modes=(early late twice threads wrong never hasty ticketless nonsense)
# Those that need no thread are nothing for a thread sanitizer.
case ${SANITIZER:-no} in *thread*) modes=(early late twice threads) ;; esac
# A few of each kind: quiet ones, several in one write, composed ones, flush.
tests=("ascii set" "ascii mget" "ascii incr" "ascii append"
    "binary noop" "binary setq" "binary getq" "binary incr" "binary flush")
[ "${EWB_MODES:-}" = all ] && tests=("")

stat_of() { ctl stats | sed -n "s/^$1 //p" | tr -d '\r'; }
say() {
	"$say" "$port" "$1" >"$dir/answer"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | diff - "$dir/answer"
}

# What it counts, and what it says of it, for each mode; nothing: it is no fault.
fault() {
	case $1 in
	early) counter="" says="" ;;
	late) counter=deadlines_passed says="" ;;
	twice | threads)
		counter=notifies_stale
		says='filter wouldblock: .*: notified with a stale ticket' ;;
	never)
		counter=deadlines_passed
		says='filter wouldblock: .*: not notified for .* kept as an orphan' ;;
	wrong | nonsense)
		counter=engine_mistakes
		says="filter wouldblock: .*: a status that is none of the protocol's" ;;
	hasty)
		counter=engine_mistakes
		says='filter wouldblock: .*: answered though its ticket is out' ;;
	ticketless)
		counter=engine_mistakes
		says='filter wouldblock: .*: said would block without a ticket' ;;
	esac
}

# capable OPTION...: 0: it went to its end, whatever it thinks of the answers.
capable() {
	timeout "$enough" memccapable -h 127.0.0.1 -p "$port" -t 1 "$@" \
	    >>"$dir/capable" 2>&1
	[ $? != 124 ]
}
run_capable() {
	local t ended=0
	: >"$dir/capable"
	for t in "${tests[@]}"; do
		if [ -n "$t" ]; then
			capable -T "$t" || ended=1
		else
			capable -a || ended=1
			capable -b || ended=1
		fi
	done
	passed=$(grep -c '\[pass\]' "$dir/capable")
	failed_there=$(grep -c '\[FAIL\]' "$dir/capable")
	return $ended
}
# With never, each key costs a second: so long is waited for what is lost.
none_is_wrong() {
	local keys=15
	[ "$mode" = never ] && keys=3
	"$python" "$here/bad_modes.py" "$port" $keys >"$dir/seen" ||
	    { cat "$dir/seen"; return 1; }
}
orphans_are_named() {
	until [ "$(stat_of orphaned)" -ge 1 ]; do alive "$pid" || return 1; done
	named
}
named() { [ -z "$says" ] || grep -q "$says" "$dir/$name.err"; }
counted() {
	[ -z "$counter" ] && return
	n=$(stat_of "$counter")
	[ "$n" -ge 1 ] || { echo "$counter is $n"; return 1; }
}
served() {
	say 'wouldblock on scan\r\nset fresh 0 0 1\r\nv\r\nget fresh\r\n' \
	    'OK\r\nSTORED\r\nVALUE fresh 0 1\r\nv\r\nEND\r\n'
}
# A cookie that is never notified is in the way of an unload: it leaves with 1.
ends() {
	stop "$pid"
	n=$?
	[ $n = 0 ] || { [ "$mode" = never ] && [ $n = 1 ]; }
}
row() { printf '%-10s %-8s  %-50s  %s\n' "$@" | sed 's/ *$//' >>"$dir/table"; }

times='first every:3'
[ "${SANITIZER:-no}" = no ] || times=first # slow there, and much the same
row mode when "what the client saw" "what was counted"
for mode in "${modes[@]}"; do
	for when in $times; do
		name=$mode-${when%:*}
		fault "$mode"
		# late: after the deadline, which is soon where one is meant
		case $mode in late | never) deadline=20 ;; *) deadline=60000 ;; esac
		start "$name" -v --filters "$build/filters/.libs" --filter wouldblock \
		    --deadline $deadline --stop-grace 0 "$memory" \
		    wouldblock-how="$mode" wouldblock-when=$when \
		    wouldblock-time="$([ "$mode" = late ] && echo 40ms || echo 0)"
		fact "$name: memccapable comes to its end" run_capable
		fact "$name: no answer is wrong" none_is_wrong
		fact "$name: it is counted" counted
		case $mode in
		never) fact "$name: it is named" orphans_are_named ;;
		esac
		fact "$name: a new connection is served" served
		[ "$mode" = never ] || fact "$name: it is named" named
		row "$mode" "$when" "memccapable: $passed pass, $failed_there fail" \
		    "${counter:-wouldblock_blocked}=$(stat_of "${counter:-wouldblock_blocked}")"
		while read -r n what; do
			row "" "" "$n $what" ""
		done <"$dir/seen"
		fact "$name: the server lives" alive "$pid"
		fact "$name: and ends well" ends
	done
done
cat "$dir/table"
[ -z "${EWB_MODES_TABLE:-}" ] || cp "$dir/table" "$EWB_MODES_TABLE"
end
