#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Clients have to log in: by a SCRAM of the test's own, by ewbctl, by pylibmc and in
# text as with memcached; and where the password is not.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

users=$dir/users
passwd() { echo "$1" | "$build/daemon/ewbctl" passwd --rounds 4096 "$users" "$2"; }
as() { # USER PASSWORD COMMAND...
	local user=$1 password=$2
	shift 2
	EWB_PASSWORD=$password ctl -U "$user" "$@" 2>"$dir/as.err"
}
says() { # TEXT STATUS COMMAND...
	local text=$1 want=$2
	shift 2
	"$@" >"$dir/says.out"
	[ $? = "$want" ] && grep -qF -e "$text" "$dir/as.err" "$dir/says.out" && return
	cat "$dir/as.err" "$dir/says.out"
	return 1
}
# waits for a line of the server's log
logged() { until grep -q "$1" "$dir/auth.err"; do alive "$pid" || return; pause; done; }
# The passwords, which nothing may know but who uses them.
alice='glimmer-anvil-73' bob='tin=,whistle 9'

# ewbctl passwd.
fact "passwd makes a user's line" passwd "$alice" alice
fact "and another one's" passwd 'will be another' 'b,o=b'
fact "and sets a password that was set" passwd "$bob" 'b,o=b'
fact "each has one line" test "$(grep -vc '^[#@]' "$users")" = 2
fact "the file is its owner's alone" test "$(stat -c %a "$users")" = 600
fact "no password is in it" eval '! grep -qF -e "$alice" -e "$bob" "$users"'
for bad in '' 'a b' '#a' '@a'; do
	fact "'$bad' is no name" eval '! passwd x "$bad" 2>/dev/null'
done
fact "an empty password is none" eval '! passwd "" carol 2>"$dir/err"'
fact "which is said" grep -qx 'ewbctl: stdin: a password has 1 to 512 bytes' "$dir/err"
chmod 640 "$users"
fact "the file's mode is kept" eval 'passwd "$bob" "b,o=b" && [ "$(stat -c %a "$users")" = 640 ]'
chmod 600 "$users"
: >"$users.new"
fact "two do not write at once" eval '! passwd x carol 2>"$dir/err"'
fact "which is said, too" grep -q "users.new is there: another passwd is at work; if none is, remove it$" "$dir/err"
rm "$users.new"
fact "a password with a NUL byte is none" eval \
    '! printf "a\\0b\\n" | "$build/daemon/ewbctl" passwd "$users" carol 2>"$dir/err"'
fact "which is said as well" grep -qx 'ewbctl: stdin: a password has no NUL byte' "$dir/err"
echo 'important' >"$dir/other"
fact "what is no file of users is not changed" eval \
    '! echo x | "$build/daemon/ewbctl" passwd "$dir/other" carol 2>"$dir/err"'
fact "not at all" test "$(cat "$dir/other")" = important
fact "and it is said why" grep -q "other: line 1: it lacks .*: it is no file of users, and is left as it is$" "$dir/err"
cp "$users" "$dir/linked"
ln -s linked "$dir/link"
fact "through a link, what it leads to is changed" eval \
    'echo x | "$build/daemon/ewbctl" passwd "$dir/link" carol && [ -h "$dir/link" ] && grep -q "^carol " "$dir/linked"'
fact "what failed changes nothing" test "$(grep -vc '^[#@]' "$users")" = 2

# On a terminal it asks, twice, and shows nothing; Ctrl-C ends it.
fact "a terminal is asked, without echo" \
    "$python" -B "$here/auth_terminal.py" "$(program daemon/ewbctl)" "$dir/typed"

start auth -vv -t 2 --auth-timeout 120 --users "$users" "$(engine memory)"
waits=$pid

# ewbctl -U.
fact "ewbctl logs in" as alice "$alice" set k v
fact "and gets what it set" says v 0 as alice "$alice" get k
fact "so does one with a comma and an equals sign" says v 0 as 'b,o=b' "$bob" get k
no="no such user as alice, or another password"
fact "another password is refused" says "$no" 1 as alice "${alice}x" get k
fact "a user that there is not, too" says 'no such user as carol' 1 as carol x get k
fact "and who does not log in" eval '! ctl get k 2>"$dir/err"'
fact "which is said" grep -q 'nobody has logged in' "$dir/err"
echo "$alice" >"$dir/password"
fact "a file may have the password" eval \
    'EWB_PASSWORD_FILE=$dir/password ctl -U alice get k >/dev/null'
mkfifo "$dir/value"
EWB_PASSWORD=$alice "$(program daemon/ewbctl)" -H "127.0.0.1:$port" -U alice set k - \
    <"$dir/value" &
setter=$!
exec {value}>"$dir/value"
# It waits for the value, with the password in its hands.
is_in() { tr '\0' '\n' <"/proc/$setter/$1" | grep -qF -e "$2"; }
wiped() {
	until is_in cmdline alice && ! is_in environ "$alice"; do
		alive "$setter" || return
		pause
	done
}
fact "the password is in no environment once it was read" wiped
fact "nor in the list of processes" eval '! is_in cmdline "$alice"'
exec {value}>&-
wait "$setter"

# What a client sees.
"$python" -B "$here/auth.py" "$port" "$pid" "$alice" "$bob" || failed=1
if $python -c 'import pylibmc' 2>/dev/null; then
	fact "pylibmc logs in" "$python" -B "$here/auth_clients.py" "$port" pylibmc alice "$alice"
	fact "not with another password" eval \
	    '! "$python" -B "$here/auth_clients.py" "$port" pylibmc alice x 2>/dev/null'
else
	echo "left out: pylibmc is missing"
fi
if $python -c 'import pymemcache' 2>/dev/null; then
	fact "pymemcache logs in" "$python" -B "$here/auth_clients.py" "$port" pymemcache alice "$alice"
	fact "not with another password, either" eval \
	    '! "$python" -B "$here/auth_clients.py" "$port" pymemcache alice x 2>/dev/null'
else
	echo "left out: pymemcache is missing"
fi

# The file, read again.
sed -i '/^b,o=b /d' "$users"
kill -HUP "$pid"
logged 'read again'
fact "who was taken out may not come in" says 'no such user' 1 as 'b,o=b' "$bob" get k
fact "others may" as alice "$alice" get k
echo nonsense >>"$users"
kill -HUP "$pid"
logged 'those that were read before'
fact "a file that is wrong changes nothing" as alice "$alice" get k
fact "and is named with its line" grep -q "^users $users: line [0-9]*: it lacks" "$dir/auth.err"

fact "no password is in the log" eval '! grep -qF -e "$alice" -e "$bob" "$dir/auth.err"'
fact "who fails is in it, by his address" \
    grep -qE '^connection 127\.0\.0\.1:[0-9]+: a login failed$' "$dir/auth.err"
fact "the server is the same" test "$pid" = "$waits"
stop "$pid"
fact "it ends well" test $? = 0

refused() {
	ewbd "${@:2}" "$(engine memory)" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -q "$1" "$dir/err" && return
	cat "$dir/err"
	return 1
}
fact "a file that is not there is refused" \
    refused '^ewbd: users /nowhere/x: no such file or directory$' -p 0 --users /nowhere/x
fact "one that is wrong, too" refused "^ewbd: users $users: line " -p 0 --users "$users"
chmod 644 "$users"
sed -i /nonsense/d "$users"
start open --auth-timeout 1 --users "$users" "$(engine memory)"
fact "one that others may read is told of" \
    grep -qx "users $users: not its owner's alone: chmod 600" "$dir/open.err"
exec {silent}<>"/dev/tcp/127.0.0.1/$port"
fact "who says nothing is cut off" eval 'read -r -t $enough -u "$silent"; [ $? = 1 ]'
fact "and counted" says 'closed_unknown 1' 0 as alice "$alice" stats
stop "$pid"
end
