#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A scan whose connection is cut, or whose server is killed, goes on behind the last
# record that came.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
records="$python -B $here/records.py"
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
$records make "$seed" 3000 >"$dir/all" || give_up "no records"
cut -f2- "$dir/all" >"$dir/input"
sort "$dir/all" | cut -f2- >"$dir/sorted"
tac "$dir/sorted" >"$dir/reversed"

# cutter NAME BYTES [FIRST GO]: then $cut is where it is, and $cutter_pid it.
cutter() {
	local fd name=$1
	shift
	mkfifo "$dir/$name"
	exec {fd}<>"$dir/$name"
	$python -B "$here/cutter.py" "$dir/port" "$dir/$name" "$@" {fd}>&- &
	cutter_pid=$!
	servers+=("$cutter_pid")
	read -r -t $enough -u "$fd" cut || give_up "no cutter"
	exec {fd}>&-
	cut=127.0.0.1:$cut
}
no_cutter() {
	kill "$cutter_pid"
	ended "$cutter_pid"
}
# gives FILE COMMAND...: through the cutter, exactly that and nothing on stderr.
gives() {
	local what=$1
	shift
	"$build/daemon/ewbctl" -H "$cut" "$@" >"$dir/out" 2>"$dir/err" &&
	    [ ! -s "$dir/err" ] && cmp "$dir/out" "$what" && return
	cat "$dir/err"
	return 1
}
# Cursors are closed in the background, after the answer.
none_open() { ctl stats scans | grep -qx 'scans_open 0'; }
no_scans() { soon none_open; }

# The old snapshot, while the server is there.
start one --vbuckets 4 "$(engine memory)"
echo "$port" >"$dir/port"
ctl load "$dir/input" >/dev/null || give_up "the input was not loaded"
ctl export "$dir/export" >/dev/null
cutter cuts 150000
fact "a scan that is cut again and again is the same" gives "$dir/sorted" scan
fact "in reverse, too" gives "$dir/reversed" scan --reverse
cut -f1 "$dir/sorted" >"$dir/keys"
ctl scan --sample 500 --seed 3 >"$dir/sample"
fact "and a sample" gives "$dir/sample" scan --sample 500 --seed 3
head -n 2000 "$dir/sorted" >"$dir/part"
fact "and the first ones" gives "$dir/part" scan --limit 2000
fact "and an export" gives "$dir/export" export
no_cutter
cutter small 30000
fact "and keys alone" gives "$dir/keys" scan --keys
no_cutter
fact "no scan is left open" no_scans
"$build/daemon/ewbctl" -H "127.0.0.1:$port" scan 2>"$dir/err" | head -n 1 >/dev/null
fact "nor when its reader has read enough" no_scans
fact "which is no error" test ! -s "$dir/err"

cutter once 150000
ends() {
	! "$build/daemon/ewbctl" -H "$cut" scan --retry 0 >/dev/null 2>"$dir/err" &&
	    grep -qxE "ewbctl: $cut: (the server closed the connection|connection reset by peer)" "$dir/err" &&
	    [ "$(wc -l <"$dir/err")" = 1 ] && return
	cat "$dir/err"
	return 1
}
fact "with --retry 0 it ends" ends
echo old >"$dir/export"
not_whole() {
	! "$build/daemon/ewbctl" -H "$cut" export --retry 0 "$dir/export" >"$dir/out" 2>"$dir/err" &&
	    grep -qx "ewbctl: export: not complete: what came is in .*/export.part" "$dir/err" && return
	cat "$dir/err"
	return 1
}
fact "so does an export" not_whole
fact "which leaves the file that was there" test "$(cat "$dir/export")" = old
fact "and what came beside it" test -e "$dir/export.part"
no_cutter

mkfifo "$dir/first" "$dir/go"
cutter changing 150000 "$dir/first" "$dir/go"
"$build/daemon/ewbctl" -H "$cut" scan >"$dir/out" 2>"$dir/err" &
scan=$!
read -r _ <"$dir/first"
$records change "$port" <"$dir/all"
echo >"$dir/go"
fact "what is changed after a cut is not seen: it goes on" wait $scan
fact "with the snapshot that it had" cmp "$dir/out" "$dir/sorted"
fact "and has nothing to say" test ! -s "$dir/err"
no_cutter

fact "the server ends well" stop_well one "$pid"

# A new one, when it was killed.
lmdb=$(engine lmdb)
[ -e "$lmdb" ] || { echo "without lmdb nothing is left when it was killed"; end; }
mkfifo "$dir/scanned" "$dir/told"
# restarted SIGNAL FILE OPTION...: the scan, of whose lines the first is read before
# the server is killed, and the others when it is said that it is not there.
restarted() {
	local signal=$1 want=$2 old out err line
	shift 2
	start "before$signal" -p "$held" --vbuckets 1 "$lmdb" path="$dir/db"
	old=$port
	ctl scan "$@" >"$dir/scanned" 2>"$dir/told" &
	scan=$!
	exec {out}<"$dir/scanned" {err}<"$dir/told"
	IFS= read -r line <&$out
	kill -"$signal" "$pid"
	ended "$pid" 2>/dev/null
	{ printf '%s\n' "$line"; cat <&$out; } >"$dir/out" &
	reader=$!
	exec {out}>&-
	read -r line <&$err
	# what it is answered, or what became of what it had said
	[[ $line = "ewbctl: 127.0.0.1:$old: connection "*"; trying again for 60 s" ]] ||
	    give_up "not what was to be said: $line"
	start "after$signal" -p "$held" --vbuckets 1 "$lmdb" path="$dir/db"
	read -r line <&$err
	[ "$line" = "ewbctl: scan: it was broken off, and goes on with a new snapshot of the rest" ] ||
	    give_up "not what was to be said: $line"
	wait $scan && wait $reader && cmp "$dir/out" "$want" && ! read -r line <&$err
}
hold_port
start first --vbuckets 1 "$lmdb" path="$dir/db"
ctl load "$dir/input" >/dev/null || give_up "the input was not loaded"
stop "$pid"
fact "a scan goes on with another server when its own was killed" \
    restarted KILL "$dir/sorted"
fact "which ends well" stop_well afterKILL "$pid"
fact "so it does when that was stopped, in reverse" \
    restarted TERM "$dir/reversed" --reverse

gives_up() {
	local out line
	"$@" >"$dir/scanned" 2>"$dir/err" &
	scan=$!
	exec {out}<"$dir/scanned"
	IFS= read -r line <&$out
	kill -KILL "$pid"
	ended "$pid" 2>/dev/null
	cat <&$out >/dev/null
	exec {out}>&-
	! wait $scan
}
fact "when there is none, it ends" gives_up ctl scan --retry 1
fact "and says why" grep -qx "ewbctl: .*connection refused.*; given up after 1 s" "$dir/err"
end
