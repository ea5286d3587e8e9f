#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# For each check of ewb-check-engine there is an engine that is wrong in just
# that way: the check fails, and says why.  Without its fault it passes all.
#
#	EWB_FAULTS=all t/faulty.sh     each fault against all checks: the table
. "${srcdir:-.}/t/wire/lib.sh"
[ "${SANITIZER:-no}" = no ] || {
	echo "what is found in the faulty is found without a sanitizer"
	exit 77
}
seed=${RANDOM}

check() {
	local plugin=$1 fault=$2
	shift 2
	"$check_engine" --seed "$seed" --seconds 0 --limit $enough \
	    --patience 2 "$@" "$(engine "t/faulty/$plugin")" "fault=$fault" \
	    >"$dir/out" 2>"$dir/err"
}

# The engine; its fault; the checks that fail, the one that it is for first, and
# with a ? those that may fail, as chance or time will have it; what that one says.
faults='
faulty|stale-tail|contract/store-and-get|after a store of a shorter value: the value should have 1 bytes
faulty|removes-nothing|contract/remove contract/expiry random/commands|a remove of a key that is not there
faulty|ignores-absent|contract/expect-absent random/commands|it should say EWB_EXISTS, and says EWB_OK
faulty|ignores-present|contract/expect-present random/commands|it should say EWB_NOT_FOUND, and says EWB_OK
faulty|ignores-cas|contract/expect-cas composed/beside-stores|another cas than the item
faulty|same-cas|contract/cas-changes|which it had after store 1
faulty|short-flags|contract/flags|flags 0xffffffff were stored, and 0x0000ffff are answered
faulty|narrow-datatype|contract/datatype|a datatype 0x0f was stored, and 0x07 is answered
faulty|never-expires|contract/expiry composed/touch scan/expired|a get 10 s after the expiry
plain|undeclared-cas|contract/undeclared|can lacks EWB_CAN_CAS
faulty|cuts-keys|contract/binary-keys|(250 bytes): the value of 8 bytes is another
faulty|empty-is-missing|contract/empty-value scan/records random/commands|an empty value: a get says EWB_NOT_FOUND
faulty|cuts-large|contract/large-values|a value of 65537 bytes: the value should have 65537 bytes, and has 65536
faulty|keeps-pointer|contract/own-copy|a value of 3000 bytes, when its store was over for long
faulty|token-runs-ahead|contract/tokens|, and vbucket() says 
faulty|flushes-half|contract/flush|a get after a flush: it should say EWB_NOT_FOUND
faulty|stats-without-name|contract/stats|a statistic has a value and no name
faulty|ends-with-end|contract/statuses contract/flush|a status that is none of the protocol
faulty|appends-in-place|composed/append-and-prepend composed/beside-stores|the value should have 11 bytes, and has 10
faulty|counts-to-32|composed/counters|the most and 2: it should be 1
faulty|forgets-touch|composed/touch|a get after the expiry that a touch gave it
faulty|loses-the-250th|composed/increments|64 incr at once: two of them answered
faulty|checks-early|composed/beside-stores|a store beside an incr: its value was lost
faulty|notifies-twice|notify/once|whose block had been notified before
faulty|stats-forever|notify/bounded contract/stats notify/never-waits ends/disconnect ends/deadline ends/stop ends/unload|stats was never answered
faulty|touches-after|notify/hands-off|ewb_reply_cas() was called on a cookie after its notify
faulty|waits-in-front|notify/never-waits|get waits each time that it is called
faulty|own-waits-in-front|notify/never-waits|its command fetch waits each time that it is called
faulty|reuses-lent|notify/lent-values composed/touch scan/snapshot|two values
faulty|silent-when-gone|ends/disconnect|whose client went after 1 steps: a set was never notified
faulty|silent-when-late|ends/deadline|whose deadline passed after 1 steps: a set was never notified
faulty|silent-when-stopped|ends/stop ?ends/unload|its commands cancelled, and a set was never notified
faulty|loses-the-ninth|ends/unload|the server was stopped, and a set was never notified
faulty|leaks-removed|ends/leaks memory/leaks|blocks that it allocated
faulty|leaks-taken|ends/leaks memory/leaks|ewb_value_take() was not freed
faulty|leaves-its-thread|ends/threads ?ends/stop ?ends/unload ?ends/leaks ?memory/leaks ?own/leaks ?threads/increments ?threads/commands|1 of its threads still run
faulty|wrong-order|scan/order scan/records scan/bounds scan/keys-only scan/resume scan/snapshot scan/under-writes scan/slow-reader scan/descending|keys are compared as unsigned bytes
faulty|scans-no-flags|scan/records|with flags 0x0, and get says
faulty|includes-excluded|scan/bounds scan/descending scan/seek|which is outside of its range
faulty|descends-past-start|scan/descending|which is outside of its range
faulty|seeks-in-the-present|scan/seek|a resumed 
faulty|keys-of-values|scan/keys-only|a scan of keys alone: record
faulty|forgets-refused|scan/resume scan/slow-reader scan/snapshot scan/descending scan/seek ?scan/under-writes|had been refused offered
faulty|ends-refused|scan/ends scan/resume scan/slow-reader scan/descending|it should say EWB_SCAN_COMPLETE, and says EWB_INTERNAL
faulty|counts-nothing|scan/count|holds 0 records, and 160 were stored in it
faulty|scans-expired|scan/expired|a record that had expired before it began
faulty|no-snapshot|scan/snapshot scan/seek|of a snapshot
plain|counts-its-way|scan/under-writes|beside writes
faulty|forgets-large|scan/slow-reader|a scan whose reader was slow
faulty|closes-midway-badly|scan/cursors|it crashed: signal 6
faulty|unchecked-open|memory/open|it crashed: signal 11
faulty|loses-when-short|memory/commands memory/leaks|a store that said EWB_NO_MEMORY, for want of memory, lost the key
faulty|unchecked-cursor|memory/scans|it crashed: signal 11
faulty|leaks-when-short|memory/leaks|allocation 2 failed, and 1 blocks are not freed
faulty|own-ends-with-end|own/answers|a status that is none of the protocol
faulty|own-odd-status|own/answers|says 0x0099, a status that is none of the protocol
faulty|own-overruns|own/answers own/ends own/leaks|it crashed: signal 6
faulty|own-forgets-some|own/answers|was never answered
faulty|own-notifies-twice|own/answers|whose block had been notified before
faulty|own-touches-after|own/answers|ewb_reply_cas() was called on a cookie after its notify
plain|own-would-block|own/answers|a blocking engine said would block
faulty|own-silent-when-gone|own/ends|whose client went after 1 steps: a turn was never notified
faulty|own-silent-when-late|own/ends|whose deadline passed after 1 steps: a turn was never notified
faulty|own-silent-when-stopped|own/ends|its commands cancelled, and a turn was never notified
faulty|own-sleeps-when-full|own/ends|whose reader stopped was never answered
faulty|own-leaks|own/leaks|blocks that it allocated
faulty|replace-with-nothing|random/commands|it should say EWB_OK, and says EWB_NOT_FOUND
plain|caches-by-thread|threads/increments|by real threads
plain|shares-a-scratch|threads/commands|by real threads
'

show() {
	cat "$dir/out" "$dir/err"
	return 1
}

# caught PLUGIN FAULT CHECK TEXT
caught() {
	local patience=100
	case $4 in *never* | *'still run'*) patience=2 ;; esac
	check "$1" "$2" --only "$3" --patience $patience && { echo "it passes"; return 1; }
	grep -q "^not ok 1 - $3\$" "$dir/out" || show || return 1
	grep -q "^  # rule: ewb-engine(3), " "$dir/out" || show || return 1
	grep -q "^  # again: ewb-check-engine --seed $seed .*--only $3 .*fault=$2\$" \
	    "$dir/out" || show || return 1
	grep -qF -- "$4" "$dir/out" || show
}
# only_these PLUGIN FAULT CHECK...
only_these() {
	local plugin=$1 fault=$2 k failed
	shift 2
	check "$plugin" "$fault"
	failed=" $(sed -n 's/^not ok [0-9]* - //p' "$dir/out" | tr '\n' ' ')"
	for k; do
		[[ $k = '?'* || $failed = *" $k "* ]] || { show; return 1; }
	done
	for k in $failed; do
		[[ " $* " = *" $k "* || " $* " = *" ?$k "* ]] || { show; return 1; }
	done
}
none_fails() {
	check "$1" none --patience 100 && ! grep -q '^not ok' "$dir/out" || show
}
# Every check has a fault that it finds.
all_are_there() {
	"$check_engine" --list | sort >"$dir/checks"
	cut -d'|' -f3 <<<"$faults" | sed 's/ .*//' | sed '/^$/d' | sort -u >"$dir/found"
	diff "$dir/checks" "$dir/found"
}

echo "seed $seed"
fact "the engine without a fault holds" none_fails faulty
fact "the blocking one without a fault holds" none_fails plain
looks_often() {
	check faulty none-but-looks --only own/answers --patience 100 || show
}
fact "a task that looks 400 times whether it may go on is waited for" looks_often
fact "each check has its fault" all_are_there
while IFS='|' read -r plugin fault checks text; do
	[ -n "$fault" ] || continue
	first=${checks%% *}
	fact "$fault: $first fails" caught "$plugin" "$fault" "$first" "$text"
	[ "${EWB_FAULTS-}" = all ] || continue
	# shellcheck disable=SC2086 # a list of words
	fact "$fault: only $checks" only_these "$plugin" "$fault" $checks
done <<<"$faults"
end
