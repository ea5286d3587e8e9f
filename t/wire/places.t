#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Where ewbd listens, what files it leaves while it runs, and how it detaches.
. "${srcdir:-.}/t/wire/lib.sh"
memory=$(engine memory)

answers() { "$build/daemon/ewbctl" -H "$1" ping 1 >/dev/null; }
is_number() { [[ $(cat "$1") =~ ^[0-9]+$ ]]; }
mode() { stat -c %a "$1"; }

# Engines by their names, where they are; as from a build tree.
start named --engines "$build/engines/.libs" memory
fact "it finds an engine where it is told to look" answers "127.0.0.1:$port"
fact "and ends well" stop_well named "$pid"
start tiny "$(engine examples/tiny)"
fact "the engine of the README answers as it says there" \
    test "$(ctl get hello)" = hello
fact "its server ends well" stop_well tiny "$pid"

# Files.
echo stale >"$dir/pid"
start files -P "$dir/pid" -s "$dir/sock" -s "$dir/sock2" -t 2 "$memory"
fact "it answers on the port that it said" answers "127.0.0.1:$port"
fact "the pidfile has its process id" test "$(cat "$dir/pid")" = "$pid"
fact "nothing is left beside the pidfile" test ! -e "$dir/pid.new"
fact "it answers on the Unix socket" answers "$dir/sock"
fact "it answers on the other Unix socket" answers "$dir/sock2"
fact "it ends well" stop_well files "$pid"
fact "the pidfile is gone then" test ! -e "$dir/pid"
fact "the Unix sockets are gone then" test ! -e "$dir/sock" -a ! -e "$dir/sock2"

# A socket that is left from one that was killed.
start killed -s "$dir/sock" "$memory"
kill -KILL "$pid"
ended "$pid" 2>/dev/null
fact "one that was killed leaves its Unix socket" test -S "$dir/sock"
start next -s "$dir/sock" "$memory"
fact "the next one takes its place" answers "$dir/sock"
fact "and ends well" stop_well next "$pid"

# Who may use a Unix socket.
start owner -s "$dir/sock" "$memory"
fact "a Unix socket is its owner's alone" test "$(mode "$dir/sock")" = 700
fact "and its server ends well" stop_well owner "$pid"
umask_was=$(umask)
umask 077
start group -s "$dir/sock" -a 0660 "$memory"
umask "$umask_was"
fact "with -a others may use it, too, whatever the umask says" \
    test "$(mode "$dir/sock")" = 660
fact "and the server of -a ends well" stop_well group "$pid"

# A pidfile that another has written since is its.
start before -P "$dir/both" "$memory"
before=$pid
start after -P "$dir/both" "$memory"
fact "a server ends whose pidfile another has written" stop_well before "$before"
fact "which has it still" test "$(cat "$dir/both")" = "$pid"
kill -HUP "$pid"
fact "without users SIGHUP is the end, as SIGTERM is" ended "$pid"
fact "and the pidfile is gone" test ! -e "$dir/both"

# A pidfile that is no file is written, and left alone.
mkfifo "$dir/pipe"
exec {pipe}<>"$dir/pipe"
start piped -P "$dir/pipe" "$memory"
read -r -t $enough -u "$pipe" said
fact "a pipe as the pidfile is told the process id" test "${said:-}" = "$pid"
fact "its server ends well" stop_well piped "$pid"
fact "the pipe is still there" test -p "$dir/pipe"
exec {pipe}>&-

# Addresses.
start several -l 127.0.0.1 -l 127.0.0.2 "$memory"
fact "it answers on the first of several addresses" answers "127.0.0.1:$port"
fact "and on the second, on the same port" answers "127.0.0.2:$port"
fact "the server of several ends well" stop_well several "$pid"
start ports -l 127.0.0.1,127.0.0.2:0 -l 127.0.0.3 "$memory"
fact "it answers on the addresses between commas" answers "127.0.0.1:$port"
fact "and on one after them, on the same port" answers "127.0.0.3:$port"
fact "one with a port of its own has that" bash -c '! "$@" 2>/dev/null' - \
    "$build/daemon/ewbctl" -H "127.0.0.2:$port" ping 1
fact "the server of several ports ends well" stop_well ports "$pid"
start own -l 127.0.0.2:0,127.0.0.1,127.0.0.3 "$memory"
fact "also where that stands first" answers "127.0.0.1:$port"
fact "those without one share theirs" answers "127.0.0.3:$port"
fact "the server with such a port first ends well" stop_well own "$pid"
if [ -e /proc/net/if_inet6 ] && grep -q '^0*1 .* lo$' /proc/net/if_inet6; then
	start six -l ::1 -l 127.0.0.1 "$memory"
	fact "it answers on ::1" answers "[::1]:$port"
	fact "and on 127.0.0.1 beside it" answers "127.0.0.1:$port"
	fact "the server of ::1 ends well" stop_well six "$pid"
fi

# Detached.  The parent's status tells how it went; the child is told by its
# pidfile.
"$ewbd" -d -p 0 --port-file "$dir/port" -P "$dir/pid" "$memory" \
    >"$dir/out" 2>&1
fact "when it has detached, the status is 0" test $? = 0
fact "and it had nothing to say" test ! -s "$dir/out"
fact "its port is there at once" is_number "$dir/port"
fact "its process id is there at once" is_number "$dir/pid"
daemon=$(cat "$dir/pid")
fact "and it answers at once" answers "127.0.0.1:$(cat "$dir/port")"
fact "it is a session of its own" \
    test "$(cut -d ' ' -f 6 "/proc/$daemon/stat")" = "$daemon"
# Its stdin, stdout and stderr are nobody's: or this would wait for it.
kill -TERM "$daemon"
timeout $enough tail --pid="$daemon" -f /dev/null
fact "it ends when it is told to" test ! -e "/proc/$daemon"
fact "its pidfile is gone then" test ! -e "$dir/pid"

# As another user: the files are then of that one.
chmod 755 "$dir"
if [ "$(id -u)" = 0 ] && setpriv --reuid=nobody --clear-groups test -x "$dir" 2>/dev/null; then
	mkdir "$dir/theirs"
	chown nobody "$dir/theirs"
	mkdir "$dir/roots"
	ewbd -d -u nobody -p 0 -s "$dir/roots/sock" --port-file "$dir/theirs/port" -P "$dir/theirs/pid" "$memory"
	daemon=$(cat "$dir/theirs/pid")
	says() { awk -v name="$1:" '$1 == name { $1 = ""; print }' "/proc/$daemon/status"; }
	user=$(id -u nobody) group=$(id -g nobody)
	fact "with -u it is that user" test "$(says Uid)" = " $user $user $user $user"
	fact "and of no group of root's" test "$(says Gid)$(says Groups)" = \
	    " $group $group $group $group $group"
	if [ -e "$(engine lmdb)" ]; then
		mkdir "$dir/theirs/db"
		chown nobody "$dir/theirs/db"
		fact "what its engine makes is that user's" ewbd -u nobody \
		    --run "test \$(stat -c %U $dir/theirs/db/* | sort -u) = nobody" \
		    "$(engine lmdb)" "path=$dir/theirs/db"
	fi
	fact "its Unix socket is that user's" \
	    test "$(stat -c %U "$dir/roots/sock")" = nobody
	fact "its pidfile is that user's" test "$(stat -c %U "$dir/theirs/pid")" = nobody
	fact "and it answers" answers "127.0.0.1:$(cat "$dir/theirs/port")"
	kill -TERM "$daemon"
	timeout $enough tail --pid="$daemon" -f /dev/null
	fact "it removes its pidfile" test ! -e "$dir/theirs/pid"
fi

start one "$memory"
fact "what cannot start says why" bash -c '
	"$1" -d -p "$2" "$3" 2>"$4/err"; [ $? = 1 ] &&
	    [ "$(wc -l <"$4/err")" = 1 ] && grep -q "^ewbd: listen.*in use" "$4/err"' \
    - "$ewbd" "$port" "$memory" "$dir"
fact "the server in the way ends well" stop_well one "$pid"

# Said.
fact "-V says its name and version" grep -qE '^ewbd [0-9]+\.[0-9]+' <(ewbd -V)
fact "--help says how it is used" grep -q '^usage: ewbd ' <(ewbd --help)
fact "and so does -h" cmp -s <(ewbd -h) <(ewbd --help)
fact "--version says that of ewbctl" \
    grep -qE '^ewbctl [0-9]+\.[0-9]+' <("$build/daemon/ewbctl" --version)
start loud -v "$memory"
fact "with -v it says on which port it is" timeout $enough bash -c '
	until grep -q "ready: .* port $1" "$2"; do kill -0 $3 || exit; done' \
    - "$port" "$dir/loud.err" "$pid"
stop "$pid"
fact "and what made it stop" grep -qi 'stopping: terminated' "$dir/loud.err"
# A command that has the server to itself.
run() { ewbd --run "$1" "$memory" 2>"$dir/run.err"; }
status_is() {
	local want=$1
	shift
	"$@"
	[ $? = "$want" ]
}
ctl=$build/daemon/ewbctl
fact "a command that is run finds the server" \
    test "$(run "$ctl set k v && $ctl get k")" = v
fact "each has a server of its own" status_is 1 run "$ctl get k 2>/dev/null"
fact "its status is the server's" status_is 7 run "exit 7"
for signal in HUP QUIT USR1 USR2; do
	fact "SIG$signal is passed on to it" status_is 9 \
	    run "trap 'exit 9' $signal; kill -$signal \$PPID; while :; do :; done"
done
fact "so is the signal that ended it" status_is 137 run 'kill -9 $$'
fact "it finds it on another address, too" ewbd -l 127.0.0.2 \
    --run "test \${EWB_ADDR%:*} = 127.0.0.2 && $ctl ping 1 >/dev/null" "$memory"
fact "it says that it cannot do both" \
    grep -q "one or the other" <(ewbd -d --run true "$memory" 2>&1)
mkfifo "$dir/run"
exec {fd}<>"$dir/run"
"$ewbd" --run "trap 'exit 3' TERM; echo here >$dir/run; while :; do sleep 1 & wait; done" \
    "$memory" {fd}>&- &
pid=$!
servers+=("$pid")
read -r -t $enough -u "$fd" _
fact "a signal goes to it, and the server waits for its end" \
    status_is 3 stop "$pid"
end
