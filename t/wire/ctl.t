#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewbctl does when nothing is wrong; scans of everything are compared in
# scan_equals_sort.t.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
unset EWB_ADDR
ewbctl=$build/daemon/ewbctl

# says OUTPUT ARGUMENT...: status 0, exactly that, and nothing on stderr.
says() {
	local want=$1
	shift
	"$ewbctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null &&
	    [ ! -s "$dir/err" ] && printf %s "$want" | cmp - "$dir/out" && return
	cat "$dir/out" "$dir/err"
	return 1
}

vbuckets=4
start first --vbuckets $vbuckets "$(engine memory)"
first=127.0.0.1:$port first_pid=$pid
start second --vbuckets 1 -s "$dir/sock" "$(engine memory)"

# One thing.
fact "set has nothing to say" says "" -H "$first" set k 'a value'
fact "get prints the value as it is" says 'a value' -H "$first" get k
fact "set - takes the standard input as it is" bash -c '
	printf "a\0b\n" | "$1" -H "$2" set bin - && "$1" -H "$2" get bin |
	    cmp - <(printf "a\0b\n")' - "$ewbctl" "$first"
fact "delete has nothing to say" says "" -H "$first" delete bin
fact "what was deleted is gone" test "$(ctl get bin 2>&1 >/dev/null)" != ""
fact "stats are a name and a value a line" bash -c '
	"$1" -H "$2" stats >"$3/out" && grep -qx "vbuckets 4" "$3/out" &&
	    ! grep -qvE "^[^ ]+ .+" "$3/out"' - "$ewbctl" "$first" "$dir"
fact "a group of statistics is that alone" bash -c '
	"$1" -H "$2" stats scans >"$3/out" && grep -q "^scans_open 0" "$3/out" &&
	    ! grep -q "^vbuckets" "$3/out"' - "$ewbctl" "$first" "$dir"

# Where.
EWB_ADDR=$first
export EWB_ADDR
fact "EWB_ADDR says where the server is" says 'a value' get k
fact "-H goes before EWB_ADDR" says "" -H "127.0.0.1:$port" set k second
fact "a path is a Unix socket" says second -H "$dir/sock" get k
fact "the other server was left alone" says 'a value' get k
unset EWB_ADDR
fact "the second server ends well" stop_well second "$pid"

# A load.
i=0
while [ $((i += 1)) -le 1000 ]; do printf 'key%04d\tvalue %d\n' $i $i; done >"$dir/input"
fact "load takes the standard input" bash -c '
	"$1" -H "$2" load <"$3/input" >"$3/out" 2>"$3/err" && grep -q 1000 "$3/out" "$3/err"' \
    - "$ewbctl" "$first" "$dir"

# A scan.
scan() { "$ewbctl" -H "$first" scan "$@"; }
gives() {
	local want=$1
	shift
	scan "$@" >"$dir/out" && cmp "$dir/out" "$want"
}
fact "a prefix gives what was loaded" gives "$dir/input" --prefix key

# Each vbucket has the keys that hash to it.
in_vbuckets() {
	local v
	for ((v = 0; v < vbuckets; v++)); do
		scan --keys --prefix key --vbucket $v >"$dir/vbucket" || return
		$python -c '
import sys, zlib
n, v = int(sys.argv[1]), int(sys.argv[2])
with open(sys.argv[3], "rb") as f:
    for line in f:
        key = line.split(b"\t")[0]
        if (zlib.crc32(key) >> 16 & 0x7fff) % n == v:
            print(key.decode())' $vbuckets $v "$dir/input" >"$dir/want"
		[ -s "$dir/want" ] && cmp "$dir/vbucket" "$dir/want" || return
	done
}
fact "a vbucket has the keys whose hash says so" in_vbuckets

# sampled SEED FILE: 50 of them in order, each of which was loaded.
sampled() {
	scan --sample 50 --seed "$1" >"$2" && [ "$(wc -l <"$2")" = 50 ] &&
	    sort "$2" | cmp - "$2" &&
	    [ -z "$(comm -13 <(sort "$dir/input" <(printf 'k\ta value\n')) "$2")" ]
}
fact "a sample has so many of them" sampled 7 "$dir/sample"
fact "the same seed gives the same" gives "$dir/sample" --sample 50 --seed 7
fact "another seed is another sample" sampled 18446744073709551615 "$dir/another"
fact "which is not the same" bash -c '! cmp -s "$1" "$2"' - "$dir/sample" "$dir/another"

fact "--json is an object a line" bash -c '
	"$1" -H "$2" scan --prefix key --json | "$3" -c "
import json, sys
for line in sys.stdin:
    o = json.loads(line)
    assert o[\"flags\"] == 0 and o[\"cas\"] > 0
    print(o[\"key\"], o[\"value\"], sep=\"\t\")" | cmp - "$4/input"' \
    - "$ewbctl" "$first" $python "$dir"
fact "--progress says when the snapshot was taken, and at the end how many" bash -c '
	"$1" -H "$2" scan --prefix key --progress 2>"$3/err" | cmp - "$3/input" &&
	    [ "$(head -n 1 "$3/err")" = "snapshot taken" ] &&
	    tail -n 1 "$3/err" | grep -qE "1,?000 "' - "$ewbctl" "$first" "$dir"
fact "the first server ends well" stop_well first "$first_pid"
end
