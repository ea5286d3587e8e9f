#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What others have written to talk to memcached, with every engine that stores
# items: libmemcached's own test of a server, and suites that use libmemcached in
# C, pylibmc and pymemcache.
#
#                       text  binary
#     memccapable        x      x
#     with_libmemcached  x      x
#     with_pylibmc       x      x
#     with_pymemcache    x
#
# Each on all of these:
#
#     memory, slow, slow-blocking, rocksdb, lmdb, the examples blocking, fs, offload
#     and ticket, memory through the filter ttl, memory through wouldblock
#
# Left out: tiny, where each key is its own value, and stream, which has files and
# a command of its own: neither stores anything.  embed is a program.
. "${srcdir:-.}/t/wire/lib.sh"

suites=()
have() {
	local name=$1
	shift
	if "$@" >"$dir/have" 2>&1; then
		suites+=("$name")
	else
		echo "left out: $name is missing"
	fi
}
have memccapable command -v memccapable
have libmemcached test -x "$build/t/wire/with_libmemcached"
have pylibmc $python -c 'import pylibmc'
have pymemcache $python -c 'import pymemcache'
[ ${#suites[@]} -gt 0 ] || skip "no client is there"

# What syncs would wait for is no business of this test.
room=$(df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
[ "${room:-0}" -ge 1000 ] && data=$(mktemp -d -p /dev/shm 2>/dev/null) ||
    data=$(mktemp -d -p "$dir") || exit 1
trap 'clean; rm -rf "$data"' EXIT

memccapable_passes() { # -a: text, -b: binary
	memccapable -h 127.0.0.1 -p "$port" -t 60 "$1" >"$dir/$name$1" 2>&1 &&
	    grep -q '^All tests passed' "$dir/$name$1" &&
	    ! grep -q '\[\(FAIL\|fail\)\]' "$dir/$name$1"
	said $? "$dir/$name$1"
}
passes() {
	"$@" >"$dir/$name.suite" 2>&1
	said $? "$dir/$name.suite"
}
said() {
	[ "$1" = 0 ] || cat "$2"
	return "$1"
}

# run_suites MOST: all of them, one after the other; each flushes the server.
run_suites() {
	local suite kind
	for suite in "${suites[@]}"; do
		case $suite in
		memccapable)
			fact "$name passes memccapable in text" memccapable_passes -a
			fact "$name passes memccapable in binary" memccapable_passes -b ;;
		libmemcached | pylibmc)
			for kind in text binary; do
				fact "$name and $suite understand each other in $kind" \
				    passes "with_$suite" $kind "$1"
			done ;;
		pymemcache)
			fact "$name and pymemcache understand each other" \
			    passes with_pymemcache "$1" ;;
		esac
	done
	end
}
with_libmemcached() { "$build/t/wire/with_libmemcached" "$port" "$@"; }
with_pylibmc() { $python -B "$here/with_pylibmc.py" "$port" "$@"; }
with_pymemcache() { $python -B "$here/with_pymemcache.py" "$port" "$@"; }

# try NAME MOST OPTION...: a server, and all suites, beside the others.  MOST is
# the longest key that the engine takes.
names=() pids=() runs=()
try() {
	local name=$1 most=$2
	shift 2
	start "$name" "$@"
	run_suites "$most" >"$dir/$name.run" 2>&1 &
	names+=("$name") pids+=("$pid") runs+=($!)
}

# Engines that keep data need not be built.
for name in rocksdb lmdb; do
	[ ! -e "$(engine $name)" ] || try $name 250 "$(engine $name)" path="$data/$name" sync=none
done
mkdir "$data/fs"
try fs 82 "$(engine examples/fs)" dir="$data/fs"
try ticket 250 "$(engine examples/ticket)"
# All commands, the answers to which are seen by log: blocked, each.
try wouldblock 250 --filters "$build/filters/.libs" --filter log --filter wouldblock \
    "$(engine memory)" log-file="$dir/log" log-on=get,store,remove,flush,stats,own \
    wouldblock-on=get,store,remove,flush,stats,own
# With a sanitizer those that are most like others have been seen.
if [ "${SANITIZER:-no}" = no ]; then
	try memory 250 "$(engine memory)"
	try slow 250 "$(engine slow)" delay=1ms every=3
	try slow-blocking 250 "$(engine slow-blocking)" delay=1ms every=10
	try blocking 250 "$(engine examples/blocking)"
	try offload 250 "$(engine examples/offload)"
	try ttl 250 --filter "$(engine examples/ttl)" "$(engine memory)" ttl-max=24h
fi

for i in "${!names[@]}"; do
	wait "${runs[i]}" || failed=1
	cat "$dir/${names[i]}.run"
done

# Which commands there were, as their clients call them, is what the suites use.
commands=$(sed -n 's/^[^ ]* \([a-z_]*\): .*/\1/p' "$dir/log" | sort -u | xargs)
[ ${#suites[@]} -lt 4 ] || fact "these were blocked: $commands" test "$commands" = \
    "add append decr delete flush_all gat get incr prepend replace set stats touch"
not_one() { ! grep 'waits=0' "$dir/log"; }
fact "not one of the $(wc -l <"$dir/log") commands of wouldblock was not" not_one
for i in "${!names[@]}"; do
	fact "the server of ${names[i]} ends well" stop_well "${names[i]}" "${pids[i]}"
done
end
