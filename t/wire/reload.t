#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ewbctl engine reload: the engine's file is loaded anew, under clients.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
memory=$(engine memory)

reload() { ctl engine reload "$@"; }
# says TEXT COMMAND...: it fails with 1, and with TEXT in what it says.
says() {
	local text=$1 status
	shift
	"$@" >"$dir/says" 2>&1
	status=$?
	if [ $status = 1 ] && grep -qF -- "$text" "$dir/says"; then
		return 0
	fi
	echo "status $status, and says:"
	cat "$dir/says"
	return 1
}
# begin COMMAND...: in the background, until it has said that it is going.
begin() {
	mkfifo "$dir/job.in" "$dir/job.out"
	"$@" <"$dir/job.in" >"$dir/job.out" &
	job=$!
	exec {jobin}>"$dir/job.in" {jobout}<"$dir/job.out"
	rm "$dir/job.in" "$dir/job.out"
	read -r -t $enough -u "$jobout" said && [ "$said" = going ]
}
finish() {
	exec {jobin}>&-
	wait "$job"
}
# Waits until the server has a blocked get.
is_blocked() {
	local until=$((SECONDS + enough))
	until ctl stats cookies | grep -q opcode=get; do
		[ $SECONDS -lt $until ] || give_up "no get is blocked"
	done
}
try() { $python -B "$here/reload.py" "$@"; }
# Its old file is replaced by another one, as install does it.
put() { cp "$(engine "$1")" "$dir/new" && mv "$dir/new" "$dir/version.so"; }

put t/wire/first
start versions -t 2 "$dir/version.so"
fact "clients are at it" begin try versions "$port" 20 first second
put t/wire/second
fact "it says how long it took" reload
fact "each client had the first one's answers, then the second's" finish
echo rubbish >"$dir/new" && mv "$dir/new" "$dir/version.so"
fact "a file that cannot be loaded is refused" says "cannot be loaded" reload
fact "and the second one serves on" test "$(ctl get k)" = second
rm "$dir/version.so"
fact "a file that is gone is refused" says "no such file" reload
cp "$(engine t/wire/lacks_get)" "$dir/version.so"
fact "one that lacks something is refused, too" says "it needs the callbacks" reload
fact "and the second one serves on still" test "$(ctl get k)" = second
put t/wire/first
fact "what is right again is loaded" reload
fact "and serves" test "$(ctl get k)" = first
fact "it is counted" grep -qx "engine_reloads 2" <(ctl stats)
fact "it ends" stop "$pid"

# With a filter around it.
start stack --filters "$build/filters/.libs" --filter readonly "$memory"
fact "a filter is reloaded with it" reload
fact "and filters on" says "access" ctl set k v
fact "it ends" stop "$pid"

# Under clients, with scans.
start churn -t 2 --vbuckets 4 "$memory"
fact "clients churn" begin try churn "$port" 8
times='1 2 3 4 5 6 7 8 9 10'
[ "${SANITIZER:-no}" = no ] || times='1 2 3'
for _ in $times; do
	fact "it is reloaded under them" reload 100
done
fact "each had an answer that it may have" finish
$python -B "$here/records.py" make 1 20000 | cut -f 2- | ctl load
mkfifo "$dir/scan"
ctl scan --retry 0 >"$dir/scan" 2>"$dir/scan.err" &
scan=$!
exec {scanned}<"$dir/scan"
read -r -t $enough -u "$scanned" _
fact "with a scan whose reader has stopped it is reloaded" soon reload 0
cat <&"$scanned" >/dev/null
wait "$scan"
fact "and the scan says that it was cut" test $? = 1 -a -s "$dir/scan.err"
fact "it ends" stop "$pid"

# What a client on the same machine may say by mistake: nothing is reloaded.
start random "$memory"
fact "frames that are not quite a reload are refused" try wrong "$port"
fact "and none was one" grep -qx "engine_reloads 0" <(ctl stats)
fact "it ends" stop "$pid"

# Blocked commands.
start slow -t 2 --deadline 0 "$(engine slow)" delay=3600s
ctl get k >"$dir/blocked" 2>&1 &
blocked=$!
is_blocked
fact "what is blocked is cancelled after its time" soon reload 10
wait "$blocked"
fact "its client is told" grep -q "temporary failure" "$dir/blocked"
fact "it ends" stop "$pid"

start held -t 2 --deadline 0 "$(engine slow-blocking)" delay=4s
ctl get k >/dev/null 2>&1 &
blocked=$!
is_blocked
named=no
for ((i = 0; i < 20; i++)); do
	says "opcode=get" reload 0 && named=yes && break
	# it had ended meanwhile
	wait "$blocked"
	ctl get k >/dev/null 2>&1 &
	blocked=$!
	is_blocked
done
fact "what does not end is named" test $named = yes
wait "$blocked"
fact "afterwards it is reloaded" reload 60000
fact "it ends" stop "$pid"
end
