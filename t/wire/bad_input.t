#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewbd cannot do it says in one line on stderr: what, where, and what would
# be right.  Status 2 for wrong usage, 1 for what failed.
. "${srcdir:-.}/t/wire/lib.sh"

# one_line STATUS PATTERN COMMAND...
one_line() {
	local want=$1 pattern=$2 status
	shift 2
	timeout -k 1 $enough "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status = "$want" ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
	    [ ! -s "$dir/out" ] && grep -qE -e "$pattern" "$dir/err" && return
	echo "status $status, not $want; or not one line like '$pattern':"
	cat "$dir/out" "$dir/err"
	return 1
}
usage() { fact "ewbd $1: wrong usage" one_line 2 "$2" "$ewbd" $1; }
failure() {
	local text=$1 pattern=$2
	shift 2
	fact "$text" one_line 1 "$pattern" "$ewbd" -p 0 "$@"
}
memory=$(engine memory) slow=$(engine slow)

# Options.
usage "" '^ewbd: no engine: .*--help'
usage "--nonsense memory" '^ewbd: unknown option --nonsense; .*--help'
usage "-z memory" '^ewbd: unknown option -z; .*--help'
usage "-vz memory" '^ewbd: unknown option -z; .*--help'
usage "--port" '^ewbd: --port: wants a value; .*--help'
usage "-U 11211 memory" '^ewbd: -U 11211: there is no UDP: leave it out, or say 0$'
usage "-p" '^ewbd: -p: wants a value; .*--help'
usage "--daemon=now memory" '^ewbd: --daemon=now: takes no value'
usage "memory limit" '^ewbd: limit: not key=value'
usage "memory =1" '^ewbd: =1: not key=value'
usage "memory limit=1M limit=2M" '^ewbd: limit: given twice'
for bad in x -1 65536 1.5 0x10 '' 99999999999999999999; do
	fact "ewbd -p '$bad': wrong usage" one_line 2 \
	    "^ewbd: --port $bad: not a number from 0 to 65535" \
	    "$ewbd" -p "$bad" memory
done
usage "-t 0 memory" '^ewbd: --threads 0: not a number from 1 to 64'
usage "-t 65 memory" '^ewbd: --threads 65: not a number from 1 to 64'
usage "-c 0 memory" '^ewbd: --max-connections 0: not a number from 1 to'
usage "-I 0 memory" '^ewbd: --max-item-size 0: not a size from 1024 to .*64k, 1M'
usage "-I 1023 memory" '^ewbd: --max-item-size 1023: not a size from 1024'
usage "-l 127.0.0.1,,::1 memory" '^ewbd: --listen: an address is empty$'
usage "-l 127.0.0.1, memory" '^ewbd: --listen: an address is empty$'
for bad in 0 8 rw 1000 07777 0x1 -1; do
	usage "-a $bad memory" "^ewbd: --unix-mask $bad: not permissions in octal, 1 to 777$"
done
usage "-b 0 memory" '^ewbd: --listen-backlog 0: not a number from 1 to 65535'
usage "-I 1X memory" '^ewbd: --max-item-size 1X: not a size'
usage "-I 2G memory" '^ewbd: --max-item-size 2G: not a size'
for bad in 0 x -1 1X 1.5 18446744073709551615 999999999T; do
	usage "-m $bad memory" "^ewbd: --memory-limit $bad: not a size \\(64, 64M, 1G; megabytes"
done
usage "-m 64 memory limit=1M" '^ewbd: -m 64 and limit=: one or the other'
usage "-m 64 memory full=evict" '^ewbd: -m and full=: one or the other'
usage "-M memory full=refuse" '^ewbd: -M and full=: one or the other'
usage "-R 0 memory" '^ewbd: --requests-per-turn 0: not a number'
usage "--vbuckets 0 memory" '^ewbd: --vbuckets 0: not a number from 1 to 1024'
usage "--vbuckets 1025 memory" '^ewbd: --vbuckets 1025: not a number from 1 to 1024'
for bad in reader reader= reader=0 reader=x reader=257 nobody=1 =1 r=1; do
	usage "--pool $bad memory" "^ewbd: --pool $bad: not reader=N, writer=N or aux=N"
done
usage "--deadline soon memory" '^ewbd: --deadline soon: not a number'
usage "--high 1k memory" '^ewbd: --high 1k: not a size from 16384'
usage "--high 64k --low 40k memory" '^ewbd: --low 40960: more than half of --high 65536'
usage "--low 1M memory" '^ewbd: --low 1048576: more than half of --high 1048576'
usage "--buffer-memory 64k memory" '^ewbd: --buffer-memory 65536: less than --high 1048576'
usage "-I 32M --buffer-memory 16M memory" \
    '^ewbd: --buffer-memory 16777216: less than the 33558528 that one item of --max-item-size 33554432 needs$'
usage "-I 300M memory" \
    '^ewbd: --buffer-memory 268435456: less than the [0-9]* that one item of --max-item-size 314572800 needs$'
usage "--max-cookies 0 memory" '^ewbd: --max-cookies 0: not a number'
usage "--in-flight 0 memory" '^ewbd: --in-flight 0: not a number'
usage "--max-unread 1 memory" '^ewbd: --max-unread 1: not a size from 4096'
usage "--no-progress -1 memory" '^ewbd: --no-progress -1: not a number'
usage "--idle-timeout x memory" '^ewbd: --idle-timeout x: not a number'
usage "--max-scans 0 memory" '^ewbd: --max-scans 0: not a number'
usage "--scan-lifetime x memory" '^ewbd: --scan-lifetime x: not a number'
usage "--scan-idle x memory" '^ewbd: --scan-idle x: not a number'
usage "--stop-grace 3601 memory" '^ewbd: --stop-grace 3601: not a number'

# Engines.
failure "an engine that there is not" \
    '^ewbd: engine nosuch: none of that name in ' nosuch
failure "an engine that is not where it is looked for" \
    "^ewbd: engine memory: none of that name in $dir \(not installed\? give a path with a slash: ./memory.so\)$" \
    --engines "$dir" memory
failure "a path where there is nothing" \
    "^ewbd: engine $dir/none.so: no such file" "$dir/none.so"
echo "no shared object" >"$dir/text.so"
failure "a file that is no shared object" \
    "^ewbd: engine $dir/text.so: cannot be loaded: " "$dir/text.so"
failure "a shared object that is no engine" \
    '^ewbd: engine .*no_engine.so: no engine: it has no EWB_ENGINE' \
    "$(engine t/wire/no_engine)"
failure "an engine built for a newer libewb" \
    '^ewbd: engine .*newer_api.so: it was built for a newer libewb .*: install that, or build it against' \
    "$(engine t/wire/newer_api)"
failure "an engine of another ABI" \
    '^ewbd: engine .*newer_abi.so: it was built for another engine ABI .*: build it against' \
    "$(engine t/wire/newer_abi)"
failure "an engine without a callback that it needs" \
    '^ewbd: engine .*lacks_get.so: it needs the callbacks .get, .store and .remove' \
    "$(engine t/wire/lacks_get)"
failure "an engine whose struct is cut short" \
    '^ewbd: engine .*cut_short.so: its struct ewb_engine is cut short: use EWB_ENGINE' \
    "$(engine t/wire/cut_short)"
failure "an engine that will not open, and does not say why" \
    '^ewbd: engine fixture: would not open \(status 0x86\)' \
    "$(engine t/wire/will_not_open)"
failure "a socket that has no name" "^ewbd: listen $dir/: no name of a socket$" -s "$dir/" "$memory"
failure "a directory for collections" "^ewbd: --collections $dir: is a directory$" \
    --collections "$dir" "$memory"
failure "a directory for users" "^ewbd: users $dir: is a directory$" --users "$dir" "$memory"
failure "a parameter that the engine does not know" \
    '^ewbd: engine memory: no parameter colour; it knows: limit full$' "$memory" colour=red
failure "a parameter of an engine that knows more" \
    '^ewbd: engine slow: no parameter x; it knows:.* delay .*limit' "$slow" x=1
failure "-m of an engine without a limit" \
    '^ewbd: -m: engine fixture: no parameter limit; it knows none' -m 64 \
    "$(engine t/wire/will_not_open)"
failure "-M of an engine that is never full" \
    '^ewbd: -M: engine fixture: no parameter full; it knows none' -M \
    "$(engine t/wire/will_not_open)"
failure "a memory limit that is too small" \
    '^ewbd: engine memory: limit=1024: too small \(64k at least\)' -m 1k "$memory"
failure "something else to do when full" \
    '^ewbd: engine memory: full=wait: not refuse or evict' "$memory" full=wait
for bad in banana 1X -1 '' 99999999T; do
	failure "limit=$bad is no size" \
	    "^ewbd: engine memory: .*limit=$bad: not a size \(64M, 1G\)" "$memory" "limit=$bad"
done
failure "a limit that is too small" \
    '^ewbd: engine memory: .*limit=1k: too small \(64k at least\)' "$memory" limit=1k
failure "a delay that is no time" \
    '^ewbd: engine slow: delay=soon: not a time \(2ms' "$slow" delay=soon
failure "an every that is no number" \
    '^ewbd: engine slow: every=0: not a number from 1 up' "$slow" every=0

# Places.
start one -s "$dir/one.sock" "$memory"
fact "a port in use" one_line 1 \
    "^ewbd: listen 127.0.0.1:$port: address already in use .*-p 0" \
    "$ewbd" -p "$port" "$memory"
failure "a Unix socket in use" \
    "^ewbd: listen $dir/one.sock: address already in use" -s "$dir/one.sock" "$memory"
fact "which goes on serving" test -S "$dir/one.sock"
fact "the server that was in the way ends well" stop_well one "$pid"
failure "a file in the place of a Unix socket" \
    "^ewbd: listen $dir/text.so: it is there, and no socket$" -s "$dir/text.so" "$memory"
fact "the file is still there" grep -q "no shared object" "$dir/text.so"
failure "a Unix socket in a directory that there is not" \
    "^ewbd: listen $dir/no/x: no such file or directory" -s "$dir/no/x" "$memory"
failure "a host that there is not" \
    '^ewbd: listen \[1::g\]:0: no such host' -l 1::g "$memory"
long=$dir/$(printf '%0120d' 0)
failure "a Unix socket whose path is too long" \
    "^ewbd: listen $long: the path is longer than 107 bytes" -s "$long" "$memory"
failure "an address with a port that is none" \
    '^ewbd: listen 127.0.0.1:99999: the port is no number' -l 127.0.0.1:99999 "$memory"
failure "an address with half a port" \
    '^ewbd: listen 127.0.0.1:: not an address: host:port' -l 127.0.0.1: "$memory"
failure "an address that is not ours" \
    '^ewbd: listen 192.0.2.1:[0-9]*: cannot assign requested address' -l 192.0.2.1 "$memory"
failure "a full disk for the pidfile" \
    '^ewbd: --pidfile /dev/full: no space left on device' -P /dev/full "$memory"
failure "no directory for the pidfile" \
    "^ewbd: --pidfile $dir/no/pid: no such file or directory" -P "$dir/no/pid" "$memory"
failure "a full disk for the port file" \
    '^ewbd: --port-file /dev/full: no space left on device' \
    -P "$dir/pid" -s "$dir/left" --port-file /dev/full "$memory"
fact "what was made before that is gone" test ! -e "$dir/pid" -a ! -e "$dir/left"
if [ "$(id -u)" = 0 ]; then
	failure "a user that there is not" '^ewbd: -u nosuchuser: no such user' \
	    -u nosuchuser "$memory"
fi
end
