#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Commands of an engine's own: text and binary, streams, through filters; and
# those that clash.
. "${srcdir:-.}/t/wire/lib.sh"
filters=(--filters "$build/filters/.libs")
own=$(engine t/wire/own)

is() {
	"$say" "$port" "$1" >"$dir/answer"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | diff - "$dir/answer"
}
refused() {
	ewbd -p 0 "$2" 2>"$dir/refused" </dev/null
	[ $? = 1 ] && grep -Eq "$1" "$dir/refused" &&
	    [ "$(wc -l <"$dir/refused")" = 1 ] || { cat "$dir/refused"; return 1; }
}
says() { "$@" | tr -d '\r' >"$dir/said"; grep -q "$want" "$dir/said" || { cat "$dir/said"; return 1; }; }

start plain "$own"
"$python" "$here/own.py" "$port" || failed=1
want='^lines lines N: as many (0xe4, engine own)$'
fact "stats commands has them with their help" says ctl stats commands
want='^  lines  *lines N: as many (0xe4, engine own)$'
fact "ewbctl help has them too, of a server that is named" says ctl help
fact "the server ends well" stop_well plain "$pid"

# Each filter has the child run them: the same again.
start stacked "${filters[@]}" --filter log --filter error --filter delay --filter limit \
    --filter wouldblock "$own" log-file="$dir/log" error-rate=0% delay-time=10us \
    limit-ops=1000000
"$python" "$here/own.py" "$port" || failed=1
want='lines: own key= status=0x0'
fact "a stream through five filters is a line of the log" says cat "$dir/log"
stop "$pid"
fact "the server of the stack ends well" test $? = 0

start ro "${filters[@]}" --filter readonly "$own"
fact "readonly refuses those that change data" is 'wipe k\r\ncount a\r\n' \
    'CLIENT_ERROR no access\r\n1\r\n'
fact "the server of readonly ends well" stop_well ro "$pid"

# wouldblock's own: another connection lets go what is parked.
start parked "${filters[@]}" --filter wouldblock "$(engine memory)" wouldblock-on=get
fact "it is told how, in-band" is 'wouldblock how park\r\nset k 0 0 1\r\nv\r\n' 'OK\r\nSTORED\r\n'
"$say" "$port" 'get k\r\n' >"$dir/parked" &
asker=$!
until [ "$(ctl stats | sed -n 's/^wouldblock_blocked //p' | tr -d '\r')" = 1 ]; do :; done
fact "nothing is parked under another key" is 'wouldblock_let other\r\n' '0\r\n'
fact "it is let go" is 'wouldblock_let k\r\n' '1\r\n'
wait $asker
fact "and answered" cmp "$dir/parked" - <<<$'VALUE k 0 1\r\nv\r\nEND\r'
fact "the server of park ends well" stop_well parked "$pid"

# Clashes.
fact "a verb of memcached's" refused \
    '^ewbd: engine .*own_verb.so: its command incr: that is a command of the text protocol$' \
    "$(engine t/wire/own_verb)"
fact "an opcode of memcached's" refused \
    '^ewbd: engine .*own_opcode.so: its command echo: its opcode is one of the binary protocol, or above 0xff$' \
    "$(engine t/wire/own_opcode)"
fact "the same name twice" refused \
    '^ewbd: engine .*own_twice.so: its command count: its name or its opcode is there twice$' \
    "$(engine t/wire/own_twice)"
fact "a name that is none" refused \
    '^ewbd: engine .*own_name.so: its command Echo: a name is 1 to 31 of a-z, 0-9, _ and -$' \
    "$(engine t/wire/own_name)"
end
