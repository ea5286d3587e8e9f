# SPDX-License-Identifier: BSD-2-Clause
# For the tests of the daemon from outside; bash reads it.  Gives a directory of
# the test's own in $dir, and ends every server that it started.
set -u
# What whoever started us ignores, nobody here would be ended by (as with nohup).
[ -z "$(trap -p)" ] || exec env --default-signal bash "$0" "$@"
export LC_ALL=C
here=$(cd "${srcdir:-.}/t/wire" && pwd) || exit 1
build=$(cd "${builddir:-.}" && pwd) || exit 1
python=/usr/bin/python3
case ${SANITIZER:-no} in
*thread*) export TSAN_OPTIONS="suppressions=$here/tsan.supp ${TSAN_OPTIONS:-}" ;;
esac
# A bound for what is waited for, seconds; not reached unless something is wrong.
enough=120

dir=$(mktemp -d) || exit 1
servers=() failed=0

skip() { echo "skipped: $*"; exit 77; }
needs() { command -v "$1" >/dev/null || skip "$1 is missing"; }

# fact TEXT COMMAND...: says whether it is one.
fact() {
	local text=$1
	shift
	if "$@"; then
		echo "ok: $text"
	else
		echo "FAILED: $text"
		failed=1
	fi
}
# For a moment, without a process.
mkfifo "$dir/idle" && exec {idle}<>"$dir/idle"
pause() { read -r -t 0.05 -u "$idle" _; true; }
# soon COMMAND...: it is so, or it comes to that.
soon() {
	local end=$((SECONDS + enough))
	until "$@"; do
		[ $SECONDS -lt $end ] || return
		pause
	done
}
give_up() { echo "FAILED: $*"; exit 1; }
end() { exit $failed; }

# A plugin of this tree, by name or as a path in the build directory.
engine() {
	case $1 in
	*/*) echo "$build/${1%/*}/.libs/${1##*/}.so" ;;
	*) echo "$build/engines/.libs/$1.so" ;;
	esac
}

# A program of this tree: itself, where libtool has put a script before it which
# takes six times as long to begin as it does.
program() {
	local real=$build/${1%/*}/.libs/${1##*/}
	[ -x "$real" ] || real=$build/$1
	echo "$real"
}
export LD_LIBRARY_PATH=$build/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
ewbd=$(program daemon/ewbd)
say=$build/t/wire/say # PORT TEXT: says it, and prints the answer
check_engine=$(program kit/ewb-check-engine)
ewbd() { "$ewbd" "$@"; }

ctl() { "$build/daemon/ewbctl" -H "127.0.0.1:$port" "$@"; }

# LeakSanitizer itself fails now and then where RocksDB's threads are just being
# made, or end.  The kit looks for what that engine leaks.
without_leaks() { export ASAN_OPTIONS="detect_leaks=0 ${ASAN_OPTIONS:-}"; }

alive() { kill -0 "$1" 2>/dev/null; }

# start NAME OPTION... ENGINE...: a server on a port of its own; then $port and
# $pid are its.  Its stderr goes to $dir/NAME.err.  The port comes through a
# pipe, when the server can be connected to.  What a busy machine has not done within
# the usual deadline is no fault.
start() {
	local name=$1 fd i part told=
	shift
	mkfifo "$dir/$name.port"
	exec {fd}<>"$dir/$name.port"
	case $* in *rocksdb*) local ASAN_OPTIONS=${ASAN_OPTIONS:-}; without_leaks ;; esac
	"${server:-$ewbd}" -p 0 --port-file "$dir/$name.port" --deadline 60000 \
	    --stop-grace 100 "$@" \
	    >"$dir/$name.out" 2>"$dir/$name.err" {fd}>&- &
	pid=$!
	servers+=("$pid")
	port=
	for ((i = 0; i < enough * 2; i++)); do
		# a read that takes too long may have read some of it
		read -r -t 0.5 -u "$fd" part && told=yes
		port+=$part
		[ -z "$told" ] && alive "$pid" || break
	done
	exec {fd}>&-
	if [ -z "$told" ]; then
		cat "$dir/$name.err"
		give_up "the server '$name' did not start"
	fi
}

# stop PID: gently; its exit status.
stop() {
	kill -TERM "$1"
	ended "$1"
}
ended() {
	local p others=()
	for p in ${servers[@]+"${servers[@]}"}; do
		[ "$p" = "$1" ] || others+=("$p")
	done
	servers=(${others[@]+"${others[@]}"})
	wait "$1"
}
# stop_well NAME PID: it must end with 0 and have had nothing to say.
stop_well() {
	local status
	stop "$2"
	status=$?
	if [ $status != 0 ] || [ -s "$dir/$1.err" ]; then
		cat "$dir/$1.err"
		echo "server '$1' ended with status $status"
		return 1
	fi
}

# A port in $held that nobody else gets: it is bound, and not listened on.
hold_port() {
	local fd
	mkfifo "$dir/held"
	exec {fd}<>"$dir/held"
	"$python" -c 'import signal, socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
signal.pause()' >"$dir/held" {fd}>&- &
	servers+=($!)
	read -r -t $enough -u "$fd" held || give_up "no port is free"
	exec {fd}>&-
}
# memcached_there OPTION...: Debian's, on port $theirs.
memcached_there() {
	local user=()
	[ "$(id -u)" != 0 ] || user=(-u nobody)
	hold_port
	theirs=$held
	memcached "${user[@]}" -l 127.0.0.1 -p "$theirs" -U 0 "$@" >"$dir/theirs" 2>&1 &
	servers+=($!)
	soon theirs_is_up || give_up "memcached does not start: $(cat "$dir/theirs")"
}
theirs_is_up() { (exec 3<>"/dev/tcp/127.0.0.1/$theirs") 2>/dev/null; }

clean() {
	local p
	trap - EXIT
	for p in ${servers[@]+"${servers[@]}"}; do
		kill -KILL "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	rm -rf "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
