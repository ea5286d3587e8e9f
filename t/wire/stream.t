#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# examples/stream, the engine whose command streams a file: whole, within its
# bound, and nothing but what is in its directory.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
stream=$(engine examples/stream)
files=$dir/files
mkdir "$files"
piece=$(sed -n 's/^#define PIECE \([0-9]*\).*/\1/p' "$srcdir/examples/stream.c")
high=262144

refused() {
	timeout -k 1 $enough "$ewbd" -p 0 "$stream" "${@:2}" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
	    grep -qE -e "^ewbd: engine stream: $1" "$dir/err" && return
	cat "$dir/err"
	return 1
}
fact "without a directory it says what it wants" refused 'dir=: .*: dir=PATH\)$'
fact "a directory that is not there is named" \
    refused "dir=$dir/no: No such file or directory" dir="$dir/no"
fact "a file is no directory" refused "dir=$stream: Not a directory" dir="$stream"
fact "a parameter that it does not know is refused with the one it does" \
    refused 'no parameter colour; it knows: dir$' dir="$files" colour=red

start first --high $high --low 65536 "$stream" dir="$files"
"$python" -B "$here/stream.py" "$port" "$pid" "$files" $high "$piece" || failed=1
fact "its command is there with its help" \
    grep -q '^file file NAME: streams a file .*(0xf0, engine stream)' <(ctl stats commands)
stop "$pid"
fact "the server ends well" test $? = 0
told() {
	[ "$(grep -c ": it was cut short$" "$dir/first.err") $(wc -l <"$dir/first.err")" = "2 2" ] && return
	cat "$dir/first.err"
	return 1
}
fact "which file was cut short the operator was told, and nothing else" told

# Stopped in the middle.
start second --stop-grace 0 "$stream" dir="$files"
exec {reader}<>"/dev/tcp/127.0.0.1/$port"
printf 'file large\r\n' >&$reader
until [ "$(ctl stats | sed -n 's/^streams //p' | tr -d '\r')" = 1 ]; do :; done
stop "$pid"
fact "it ends well with a stream on its way" test $? = 0
fact "and its engine is closed" test ! -s "$dir/second.err"
exec {reader}>&-
end
