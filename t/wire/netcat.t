#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A client that says all that it has to say and closes its side is answered
# nevertheless, also when the answer takes its time.
. "${srcdir:-.}/t/wire/lib.sh"
needs nc
nc -h 2>&1 | grep -q -- '-N' || skip "this nc has no -N"

# shellcheck disable=SC2059 # it is a format
asks() { printf "$1" | timeout $enough nc -N 127.0.0.1 "$port" >"$dir/answer"; }
is() {
	asks "$1"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | cmp - "$dir/answer"
}

start slow "$(engine slow)" delay=50ms
fact "a set is answered after the client's last word" \
    is 'set k 0 0 5\r\nvalue\r\n' 'STORED\r\n'
fact "a get too" is 'get k\r\n' 'VALUE k 0 5\r\nvalue\r\nEND\r\n'
fact "several are answered in order" \
    is 'get k\r\nget none\r\nset k 0 0 1\r\n1\r\nincr k 1\r\nget k\r\n' \
    'VALUE k 0 5\r\nvalue\r\nEND\r\nEND\r\nSTORED\r\n2\r\nVALUE k 0 1\r\n2\r\nEND\r\n'
fact "half a command at the end is no command" is 'get k\r\nget k' 'VALUE k 0 1\r\n2\r\nEND\r\n'
fact "a quit ends the talk" is 'get k\r\nquit\r\nget k\r\n' 'VALUE k 0 1\r\n2\r\nEND\r\n'
fact "the server ends well" stop_well slow "$pid"
end
