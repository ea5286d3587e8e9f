#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The examples, built as their readers would build them: with what is installed,
# one command each.
. "${srcdir:-.}/t/kit/lib.sh"
needs $python
examples=$(cd "$srcdir/examples" && pwd)
mkdir "$dir/src" && cd "$dir/src" || exit 1
cp "$examples"/*.c "$examples"/*.h .

# shared NAME FILE...: the engine's shared object, without a warning.
shared() {
	local name=$1
	shift
	$CC $CFLAGS -std=gnu99 -Wall -Wextra -Werror -shared -fPIC -o "$name.so" "$@" \
	    $(pkg-config --cflags --libs ewb) -pthread
}

# streamed FILE: as it is here.
streamed() {
	$python -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=120)
f = s.makefile("rb")
s.sendall(b"file %s\r\n" % sys.argv[2].encode())
while (line := f.readline()).startswith(b"DATA "):
    sys.stdout.buffer.write(f.read(int(line[5:])))
sys.exit(line != b"END\r\n")' "$port" "$1" >got && cmp got "$1"
}

# checked ENGINE OPTION... PARAMETER...: a few checks, of those that find most.
checked() {
	local engine=$1
	shift
	ewb-check-engine --only contract --only ends "${@:1:2}" "$engine" "${@:3}" >checked 2>&1 &&
	    grep -q '^ok 1 - ' checked || { cat checked; return 1; }
}

fact "the header comes from the installed tree alone" test \
    "$(echo '#include <ewb/engine.h>' | $CC $(pkg-config --cflags ewb) -M -x c - | tr ' ' '\n' | grep ewb/)" = \
    "$prefix/include/ewb/engine.h"

shared tiny tiny.c || give_up "tiny.c does not build"
fact "fs builds" shared fs fs.c
mkdir files
start fs ./fs.so dir=files
fact "fs serves" test "$(ctl set k v; ctl get k)" = v
fact "its server ends well" stop_well fs "$pid"

for name in blocking offload ticket; do
	fact "$name builds" shared $name $name.c shelf.c
	start $name ./$name.so
	fact "$name serves" test "$(ctl set k v; ctl get k)" = v
	fact "64 clients count together on $name, and none is lost" \
	    $python -B "$here/with_fs.py" "$port" count
	fact "of 64 clients that add a key to $name one does" \
	    $python -B "$here/with_fs.py" "$port" add
	fact "its server ends well" stop_well $name "$pid"
done

fact "stream builds" shared stream stream.c
start stream ./stream.so dir=.
fact "stream streams" streamed ticket.c
fact "its server ends well" stop_well stream "$pid"

fact "ttl builds" shared ttl ttl.c
memory=${pc%/pkgconfig/ewb.pc}/ewb/engines/memory.so
start ttl --filter ./ttl.so "$memory" ttl-max=24h
fact "memory serves through ttl" test "$(ctl set k v; ctl get k)" = v
fact "its server ends well" stop_well ttl "$pid"
fact "and is right through it" checked "$memory" --filter ./ttl.so ttl-max=24h

# Stopped with work in flight: each client gets an answer or its connection is
# closed, and the engine is closed and unloaded.
for name in offload ticket; do
	start stop-$name --stop-grace 0 ./$name.so
	$python -B "$here/with_fs.py" "$port" overwrite & a=$!
	$python -B "$here/with_fs.py" "$port" overwrite & b=$!
	for ((i = 0; i < enough * 20; i++)); do
		case $(ctl get victim 2>/dev/null) in new*) break ;; esac
	done
	stop "$pid"
	fact "$name is closed with clients at work" test $? = 0
	wait $a $b
	fact "and nothing of it was left behind" test ! -s "$dir/stop-$name.err"
done

# The server in a program of one's own.
fact "embed builds" $CC $CFLAGS $LDFLAGS ${LIBEV_CFLAGS:-} -std=gnu11 -Wall -Wextra -Wno-strict-aliasing \
    -Werror -o embed embed.c $(pkg-config --cflags --libs ewb) ${LIBEV_LIBS:--lev} -pthread
more_ticks() { [[ $(ctl get ticks) -gt $1 ]]; }
for how in loop thread; do
	mkfifo in.$how out.$how
	./embed $how <in.$how >out.$how 2>err.$how & pid=$!
	servers+=("$pid")
	exec {in}>in.$how {out}<out.$how
	port=
	read -r -t $enough -u "$out" port
	fact "in a $how: it says its port" test "${port:-0}" -gt 0
	before=$(ctl get ticks)
	for ((i = 0; i < enough * 20; i++)); do more_ticks "$before" && break; done
	fact "in a $how: the application goes on beside the server" more_ticks "$before"
	fact "in a $how: its engine refuses what it cannot" \
	    grep -q 'not supported' <(ctl set k v 2>&1)
	exec {in}>&-
	ended "$pid"
	fact "in a $how: it ends well with its input" test $? = 0
	fact "in a $how: and has had nothing to say" test ! -s err.$how
	exec {out}<&-
done
./embed nowhere 2>err.usage
fact "embed says how it is used" test "$? $(cat err.usage)" = "2 usage: embed loop|thread [fd]"
end
