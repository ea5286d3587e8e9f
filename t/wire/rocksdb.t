#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The engine rocksdb: what it refuses to open, what it keeps, and what it reads
# from the disk.
. "${srcdir:-.}/t/wire/lib.sh"
[ -e "$(engine rocksdb)" ] || skip "the engine rocksdb was not built"
rocksdb=$(engine rocksdb)

without_leaks

# refused TEXT ARGUMENT...: it does not start, and has one line to say.
refused() {
	ewbd -p 0 "$rocksdb" "${@:2}" >"$dir/out" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -qF -- "$1" "$dir/err" && return
	cat "$dir/err"
	return 1
}
stat() { ctl stats "${2:-}" | sed -n "s/^$1 //p"; }
uuid() { ctl stats rocksdb | sed -n 's/^vb_0 *uuid \([0-9a-f]*\) .*/\1/p'; }
lines() { seq "$1" "$2" | awk '{ printf "key%06d\tvalue of %d\n", $1, $1 }'; }
load() { lines "$@" | ctl load >"$dir/load.out" 2>&1 || { cat "$dir/load.out"; return 1; }; }
# Gets of many keys in one pipeline; how many have answers.
gets() {
	"$say" "$port" "$(lines "$1" "$2" | cut -f 1 | tr '\n' ' ' | sed 's/^/get /')\r\nquit\r\n" |
	    grep -c '^value of '
}
# They are read again without it; files that are being merged read from it, too.
without_the_disk() {
	local before i

	for ((i = 0; i < enough; i++)); do
		before=$(stat blocks_read)
		[ "$(gets 1 500)" = 500 ] || return 1
		[ "$(stat blocks_read)" != "$before" ] || return 0
	done
	return 1
}
# A log in which one byte is another.  spoil FILE OFFSET
spoil() { printf '\377\376\375' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
again() { start "$1" "$rocksdb" path="$dir/db" "${@:2}"; }
killed() {
	kill -KILL "$pid"
	ended "$pid" 2>/dev/null
}

again plain
fact "one that is in use is refused" refused 'in use by another process' path="$dir/db"
fact "records are stored" load 1 2000
fact "there are as many as were stored" test "$(stat curr_items)" = 2000
first=$(uuid)
fact "a copy is made while it is used" ctl checkpoint "$dir/copy"
copy_again() { ! ctl checkpoint "$dir/copy" 2>"$dir/err" && grep -q 'it is there' "$dir/err"; }
fact "not where something is" copy_again
nowhere() { ! ctl checkpoint "$dir/no/copy" 2>"$dir/err" && grep -q "log says why" "$dir/err"; }
fact "one that fails says so" nowhere
fact "and the log says why" grep -q "checkpoint $dir/no/copy: IO error: No such file" "$dir/plain.err"
killed
again killed
fact "after a kill all is there, in order" cmp <(ctl scan) <(lines 1 2000)
fact "counted right after a scan" test "$(stat curr_items)" = 2000
fact "its history goes on, for it synced" test "$(uuid)" = "$first"
fact "it is loaded anew while clients are there" ctl engine reload >"$dir/out"
fact "and has it all" cmp <(ctl scan) <(lines 1 2000)
fact "it ends well" stop "$pid"

again hot
fact "what was not asked for before is found" test "$(gets 1 500)" = 500
behind=$(stat gets_behind)
fact "behind the front end" test "$behind" = 500
fact "what was is found" test "$(gets 1 500)" = 500
fact "at once" test "$(stat gets_behind)" = "$behind"
fact "and ends well" stop_well hot "$pid"

again cold hot=0 readers=1
fact "what is not in the cache is found" test "$(gets 1 500)" = 500
disk=$(stat blocks_read)
fact "on the disk" test "$disk" -gt 0
fact "several at once" test "$(stat read_calls)" -lt "$(stat gets_behind)"
fact "what is in the cache is found" test "$(gets 1 500)" = 500
fact "without the disk" without_the_disk
fact "and ends well" stop_well cold "$pid"

start copy "$rocksdb" path="$dir/copy"
fact "the copy has all of it" cmp <(ctl scan) <(lines 1 2000)
fact "and a history of its own" test "$(uuid)" != "$first"
fact "its server ends well" stop_well copy "$pid"

again lossy sync=none
load 2001 2100
killed
again after
fact "where nobody synced, a kill begins new histories" test "$(uuid)" != "$first"
fact "and the log says so" grep -q 'vbuckets begin new histories' "$dir/after.err"
fact "what the system had is there all the same" test "$(ctl get key002100)" = "value of 2100"
fact "its server ends" stop "$pid"

# Records that have expired already, megabytes of them; and one that has not.
expired() {
	local i text
	text=$(printf 'x%.0s' {1..1000})
	ctl set stays here || return
	for i in {1..40}; do
		"$say" "$port" "$(seq 100 | sed "s/.*/set e$i.& 0 -1 1000 noreply\\r\\n$text\\r/")
quit\r\n" || return
	done
}
# They are merged away, sooner or later; the bound is not reached.
left_out() {
	"$say" "$port" "get stays\r\nquit\r\n" >"$dir/out"
	[ "$(stat expired)" != 0 ]
}
start expiry "$rocksdb" path="$dir/expiry" memtable=1M sync=none
fact "what has expired is stored" expired
fact "and left out when files are merged" soon left_out
fact "what has not expired stays" test "$(ctl get stays)" = here
fact "its server ends well" stop_well expiry "$pid"

# what is wrong with the files
cp -r "$dir/db" "$dir/gone" && rm "$(ls "$dir"/gone/*.sst | head -n 1)"
fact "a file that is gone is named" refused 'No such file' path="$dir/gone"
cp -r "$dir/db" "$dir/manifest" && spoil "$(ls "$dir"/manifest/MANIFEST-*)" 20
fact "a damaged list of files is refused" refused 'Corruption' path="$dir/manifest"
cp -r "$dir/copy" "$dir/block" && spoil "$(ls -S "$dir"/block/*.sst | head -n 1)" 200
start block "$rocksdb" path="$dir/block"
reads_bad() { ! ctl scan --vbucket 0 >"$dir/out" 2>"$dir/err" && grep -q 'internal error' "$dir/err"; }
fact "a damaged block fails who reads it" reads_bad
fact "and nobody else" test "$(ctl scan --vbucket 63 | wc -l)" -gt 10
fact "the log says why" grep -q 'a read failed: Corruption' "$dir/block.err"
fact "its server ends" stop "$pid"
start log "$rocksdb" path="$dir/log"
load 1 300
killed
log=$(ls "$dir"/log/*.log | tail -n 1)
size=$(wc -c <"$log")
cp -r "$dir/log" "$dir/torn" && truncate -s $((size - 3)) "$dir/torn/${log##*/}"
start torn "$rocksdb" path="$dir/torn"
fact "a log without its end, as a kill leaves it, is opened" test "$(ctl get key000001)" = "value of 1"
fact "and its server ends well" stop_well torn "$pid"
spoil "$log" $((size / 2))
fact "a log that is damaged within is refused" refused 'say recovery=point-in-time' path="$dir/log"
start half "$rocksdb" path="$dir/log" recovery=point-in-time
fact "and opened up to there when one says so" test "$(ctl get key000001)" = "value of 1"
fact "which begins new histories" grep -q 'vbuckets begin new histories' "$dir/half.err"
fact "its server ends" stop "$pid"

fact "a path is required" refused 'path=DIR is missing'
fact "a file is no directory" refused 'Not a directory' path="$dir/plain.err"
mkdir "$dir/other" && echo >"$dir/other/file"
fact "a directory with other files is left alone" refused 'no CURRENT' path="$dir/other"
fact "and has nothing more in it" test "$(ls "$dir/other")" = file
fact "another number of vbuckets is refused" \
    refused 'it has 64 vbuckets, not 8; start with --vbuckets 64' path="$dir/db" --vbuckets 8
fact "another word for sync is refused" refused 'sync=x: not commit, interval:MS or none' path="$dir/x" sync=x
fact "a size that is none is refused" refused 'cache=x: not a size' path="$dir/x" cache=x
fact "a cache that is too small is refused" refused 'cache=1k: too small' path="$dir/x" cache=1k
fact "a number that is none is refused" refused 'readers=0: not a number from 1 to 64' path="$dir/x" readers=0
fact "another compression is refused" refused 'compression=x: not one of lz4, zstd, snappy, none' path="$dir/x" compression=x
fact "nothing was made for these" test ! -e "$dir/x"
mkdir "$dir/begun" && : >"$dir/begun/ewbd.new" && echo MANIFEST-000001 >"$dir/begun/CURRENT"
start begun "$rocksdb" path="$dir/begun"
fact "what was being made when it was killed is made anew" ctl set k v
fact "and ends well, too" stop_well begun "$pid"
end
