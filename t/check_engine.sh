#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ewb-check-engine passes the engines of this tree, and says so in TAP.
. "${srcdir:-.}/t/wire/lib.sh"
case ${SANITIZER:-no} in
*thread*)
	echo "it steps one thread, and has malloc of its own"
	exit 77
	;;
esac
seed=${RANDOM}

wouldblock=$build/filters/.libs/wouldblock.so

check() { "$check_engine" --seed "$seed" --limit $enough --patience 100 "$@"; }

# holds ENGINE [key=value...]: all checks hold, and a number of them.
holds() {
	check --seconds 0 "$@" >"$dir/out" 2>"$dir/err" &&
	    [ "$(grep -c '^ok ' "$dir/out")" -gt 40 ] &&
	    ! grep -q '^not ok' "$dir/out" && return 0
	cat "$dir/out" "$dir/err"
	return 1
}
# most ENGINE [key=value...]: likewise, but for those where an allocation fails,
# which open the engine for each of many, and for its own commands.
most() {
	check --seconds 0 --only contract --only composed --only notify --only ends \
	    --only scan --only random --only threads "$@" >"$dir/out" 2>"$dir/err" &&
	    [ "$(grep -c '^ok ' "$dir/out")" -gt 40 ] &&
	    ! grep -q '^not ok' "$dir/out" && return 0
	cat "$dir/out" "$dir/err"
	return 1
}
# through ENGINE [key=value...]: likewise when each command is blocked first.
through() { holds --filter "$wouldblock" "$@"; }
# kept_by FILTER CHECK: left out, with that filter as the reason.
kept_by() {
	check --only "$2" --filter "$build/filters/.libs/$1.so" "$(engine memory)" >"$dir/out" 2>&1 &&
	    grep -q "^ok 1 - $2 # SKIP a filter does not let a store come to the engine: it says EWB_NO_ACCESS$" "$dir/out" &&
	    return 0
	cat "$dir/out"
	return 1
}
# skips ENGINE CHECK: left out, with a reason.
skips() {
	check --only "$2" "$1" >"$dir/out" 2>&1 &&
	    grep -q "^ok 1 - $2 # SKIP the engine" "$dir/out" && return 0
	cat "$dir/out"
	return 1
}
# own_hold ENGINE...: its own commands were said, and hold.
own_hold() {
	check --seconds 0 --only own "$@" >"$dir/out" 2>&1 &&
	    grep -q '^ok 1 - own/answers$' "$dir/out" && grep -q '^ok 2 - own/ends$' "$dir/out" && return 0
	cat "$dir/out"
	return 1
}
# survives HOW: an engine that misbehaves so is seen through to the end, with
# clients that are answered; only never leaves them without, and is told so.
survives() {
	local patience=100
	[ "$1" != never ] || patience=1
	check --seconds 0 --patience $patience --only contract --only notify --only ends --only scan \
	    --filter "$wouldblock" "$(engine memory)" "wouldblock-how=$1" >"$dir/out" 2>"$dir/err"
	[ $? -le 1 ] && plan_is_kept && ! grep -q 'it crashed' "$dir/out" &&
	    { [ "$1" = never ] || ! grep -q 'never answered' "$dir/out"; } && return 0
	cat "$dir/out" "$dir/err"
	return 1
}
plan_is_kept() {
	[ "$(sed -n 's/^1\.\.//p' "$dir/out")" = "$(grep -c '^\(not \)\?ok ' "$dir/out")" ]
}
says() { # STATUS TEXT ARGUMENT...
	local status=$1 text=$2 got
	shift 2
	check "$@" >"$dir/out" 2>&1
	got=$?
	[ $got = "$status" ] && grep -qF -- "$text" "$dir/out" && return 0
	echo "status $got:"
	cat "$dir/out"
	return 1
}
lists() {
	check --list >"$dir/all" && check --list --only scan >"$dir/scan" &&
	    check --list --only '*/order' >"$dir/order" &&
	    [ "$(cat "$dir/order")" = scan/order ] &&
	    [ "$(wc -l <"$dir/all")" -gt "$(wc -l <"$dir/scan")" ] &&
	    ! grep -qv '^scan/' "$dir/scan"
}
helped() {
	local option
	check --help >"$dir/out" || return 1
	for option in $(grep -o -- '--[a-z]*' "$dir/out" | sort -u); do
		grep -q "Fl \\\\-${option#--}\\b" "$here/../../doc/ewb-check-engine.1" ||
		    { echo "$option is not in the manual page"; return 1; }
	done
}
same_keys() {
	check --only contract/binary-keys "$1" >"$dir/a" &&
	    check --only contract/binary-keys "$1" >"$dir/b" &&
	    cmp "$dir/a" "$dir/b" && grep -q "^# seed $seed$" "$dir/a"
}

echo "seed $seed"
fact "memory holds" holds "$(engine memory)"
fact "the plan is kept" plan_is_kept
fact "tiny, which stores nothing, holds" holds "$(engine examples/tiny)"
fact "what tiny cannot is left out" skips "$(engine examples/tiny)" scan/order
mkdir "$dir/fs" "$dir/fs-through"
fact "the example fs holds" holds "$(engine examples/fs)" dir="$dir/fs"
fact "stream's own command is said, in both protocols" own_hold "$(engine examples/stream)" dir="$dir"
fact "own commands of each kind hold" own_hold "$(engine t/wire/own)"
fact "and through wouldblock, which has some of its own" own_hold --filter "$wouldblock" "$(engine t/wire/own)"
fact "those of a filter alone hold, too" own_hold --filter "$wouldblock" "$(engine memory)"
fact "memory has none of its own" skips "$(engine memory)" own/answers
fact "memory holds through wouldblock" through "$(engine memory)"
# Of what is alike, a sanitizer sees one.
if [ "${SANITIZER:-no}" = no ]; then
	fact "slow-blocking holds" holds "$(engine slow-blocking)" delay=10us
	fact "stream, which has a command alone, holds" holds "$(engine examples/stream)" dir="$dir"
	fact "slow holds" holds "$(engine slow)" delay=1ms
	fact "slow, each third command, holds" holds "$(engine slow)" delay=0 every=3
	fact "offload holds" holds "$(engine examples/offload)"
	fact "ticket holds" holds "$(engine examples/ticket)"
	fact "offload holds through wouldblock" through "$(engine examples/offload)"
	fact "ticket holds through wouldblock" through "$(engine examples/ticket)"
	fact "slow holds through wouldblock" through "$(engine slow)" delay=1ms
	fact "fs holds through wouldblock" through "$(engine examples/fs)" dir="$dir/fs-through"
	fact "stream holds through wouldblock" through "$(engine examples/stream)" dir="$dir"
fi
if [ -e "$(engine rocksdb)" ]; then # it need not be built
	how=holds
	[ "${SANITIZER:-no}" = no ] || how=most
	fact "rocksdb holds" $how "$(engine rocksdb)" path="$dir/rocksdb"
	[ "${SANITIZER:-no}" != no ] || fact "rocksdb holds when each read asks the disk" \
	    most "$(engine rocksdb)" path="$dir/rocksdb-cold" sync=none hot=0 cache=1M memtable=1M
	[ "${SANITIZER:-no}" != no ] || fact "rocksdb holds through wouldblock" \
	    most --filter "$wouldblock" "$(engine rocksdb)" path="$dir/rocksdb-through" sync=interval:20ms
fi
if [ -e "$(engine lmdb)" ]; then # it need not be built
	fact "lmdb holds" holds "$(engine lmdb)" path="$dir/lmdb" sync=none
	[ "${SANITIZER:-no}" != no ] || fact "lmdb holds when its data are not in memory" \
	    holds "$(engine lmdb)" path="$dir/lmdb" sync=none memory=1
	[ "${SANITIZER:-no}" != no ] || fact "lmdb holds through wouldblock" through "$(engine lmdb)" path="$dir/lmdb-through" sync=none
fi
fact "memory holds through five filters" holds --filter "$build/filters/.libs/delay.so" \
    --filter "$build/filters/.libs/limit.so" --filter "$build/filters/.libs/error.so" \
    --filter "$wouldblock" --filter "$(engine examples/ttl)" "$(engine memory)" \
    delay-time=10us limit-ops=1000000 error-rate=0% ttl-max=24h
fact "what is wrong is seen through a filter" \
    says 1 'it should say EWB_EXISTS, and says EWB_OK' --only contract/expect-absent \
    --filter "$wouldblock" "$(engine t/faulty/faulty)" fault=ignores-absent
fact "and how it is seen again is said with the filter and its parameters" \
    grep -q "^  # again: .* --only contract/expect-absent --filter $wouldblock .*faulty.so fault=ignores-absent$" "$dir/out"
fact "a filter that is wrong is caught, too" \
    says 1 'whose block had been notified before' --only notify/once \
    --filter "$wouldblock" "$(engine memory)" wouldblock-how=twice
fact "and its parameters are said again" \
    grep -q "^  # again: .* --filter $wouldblock .*memory.so wouldblock-how=twice$" "$dir/out"
ways='early late twice threads wrong never hasty ticketless nonsense'
[ "${SANITIZER:-no}" = no ] || ways='twice wrong' # t/wire/bad_modes.t has them all
for how in $ways; do
	fact "an engine that notifies or answers badly, $how, does no harm" survives $how
done
fact "what readonly keeps from the engine is left out" kept_by readonly contract/remove
fact "also with real threads" kept_by readonly threads/increments
fact "the checks have names, and groups" lists
fact "the manual page has all options" helped
fact "a seed is accepted, and printed" same_keys "$(engine memory)"
fact "no engine: usage" says 2 'no engine'
fact "a check that there is not: usage" says 2 'scan/nothing: no check of that name' --only scan/nothing "$(engine memory)"
fact "a seed that is no number: usage" says 2 '--seed x' --seed x "$(engine memory)"
fact "a parameter without a value: usage" says 2 'a parameter is key=value' "$(engine memory)" limit
fact "a filter twice: usage" says 2 'a filter that is given twice' \
    --filter "$wouldblock" --filter "$wouldblock" "$(engine memory)"
fact "a filter without a name: usage" says 2 'not a name of 1 to 31' --filter ./ "$(engine memory)"
fact "a filter that there is not" says 1 'filter ./nothing.so: ./nothing.so: no such file' \
    --filter ./nothing.so "$(engine memory)"
fact "an engine as a filter fails" says 1 'it is an engine, not a filter' \
    --only contract/flush --filter "$(engine memory)" "$(engine memory)"
fact "a parameter that the filter does not know fails, by name" \
    says 1 'it does not open: filter wouldblock: no parameter nonsense' \
    --only contract/flush --filter "$wouldblock" "$(engine memory)" wouldblock-nonsense=1
fact "a file that there is not" says 1 'no such file' ./nothing.so
fact "a parameter that the engine does not know fails, by name" \
    says 1 'it does not open: engine memory: no parameter nonsense' --only contract/flush "$(engine memory)" nonsense=1
fact "what an engine calls is seen, also when it is linked with -Bsymbolic" \
    says 1 'whose block had been notified before' --only notify/once "$(engine t/faulty/bound)" fault=notifies-twice
fact "an engine with a libewb of its own is refused" \
    says 1 'has an ewb_notify() of its own' --only contract/flush "$(engine t/faulty/brings)"
fact "a file that is no engine fails" says 1 'it has no EWB_ENGINE' --only contract/flush "$(engine t/wire/no_engine)"
end
