#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The engine lmdb: what it refuses to open, what it keeps, and what it does when
# the map is full, a scan is old, or the data are not in memory.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
[ -e "$(engine lmdb)" ] || skip "the engine lmdb was not built"
lmdb=$(engine lmdb)

# refused TEXT ARGUMENT...: it does not start, and has one line to say.
refused() {
	ewbd -p 0 "$lmdb" "${@:2}" >"$dir/out" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -qF -- "$1" "$dir/err" && return
	cat "$dir/err"
	return 1
}
facts() { "$python" -B "$here/lmdb.py" "$port" "$1" "$dir/$1.err" || failed=1; }
# ends_with NAME LINES: well, with so many lines in its log.
ends_with() {
	stop "$pid" && [ "$(wc -l <"$dir/$1.err")" = "$2" ] && return
	cat "$dir/$1.err"
	return 1
}
uuid() { ctl stats lmdb | sed -n 's/^vb_0 *uuid \([0-9a-f]*\) .*/\1/p'; }

start plain "$lmdb" path="$dir/db"
fact "one that is in use is refused" refused 'in use by another process' path="$dir/db"
facts plain
ctl set kept value
first=$(uuid)
fact "a copy is made while it is used" ctl checkpoint "$dir/copy"
copy_again() { ! ctl checkpoint "$dir/copy" 2>"$dir/err" && grep -q 'it is there' "$dir/err"; }
fact "not where something is" copy_again
fact "it ends well" stop_well plain "$pid"
start again "$lmdb" path="$dir/db"
fact "what was stored is there again" test "$(ctl get kept)" = value
fact "it has its history" test "$(uuid)" = "$first"
kill -KILL "$pid"
ended "$pid" 2>/dev/null
start killed "$lmdb" path="$dir/db"
fact "also after it was killed" test "$(ctl get kept)" = value
fact "it is loaded anew while clients are there" ctl engine reload >"$dir/out"
fact "and has it" test "$(ctl get kept)" = value
fact "with its history, for it synced" test "$(uuid)" = "$first"
fact "and ends well again" ends_with killed 1
start copy "$lmdb" path="$dir/copy"
fact "the copy has it, too" test "$(ctl get kept)" = value
fact "and a history of its own" test "$(uuid)" != "$first"
fact "its server ends well" stop_well copy "$pid"

start full --vbuckets 1 "$lmdb" path="$dir/full" map=1M sync=none
facts full
fact "the full one ends well, having said so" ends_with full 1
start age --vbuckets 1 "$lmdb" path="$dir/age" scan-age=50ms sync=none
facts age
fact "the one with old scans ends well" stop "$pid"
start bounds --vbuckets 1 "$lmdb" path="$dir/bounds" sync=none
facts bounds
fact "the one that was asked for ranges ends well" stop_well bounds "$pid"
start away "$lmdb" path="$dir/away" memory=1
facts away
fact "the one that is not in memory ends well" stop_well away "$pid"

fact "a path is required" refused 'path=DIR is missing'
fact "a file is no directory" refused 'Not a directory' path="$dir/plain.err"
mkdir "$dir/other" && echo >"$dir/other/file"
fact "a directory with other files is left alone" refused 'no data.mdb' path="$dir/other"
fact "and has nothing more in it" test "$(ls "$dir/other")" = file
fact "another number of vbuckets is refused" \
    refused 'it has 64 vbuckets, not 8; start with --vbuckets 64' path="$dir/db" --vbuckets 8
fact "an interval is refused" refused 'sync=interval:5: not commit or none' path="$dir/x" sync=interval:5
fact "a map that is too small is refused" refused 'map=4k: too small' path="$dir/x" map=4k
fact "a time that is none is refused" refused 'scan-age=x: not a time' path="$dir/x" scan-age=x
fact "a size that is none is refused" refused 'memory=x: not auto or a size' path="$dir/x" memory=x
# changed NAME FROM TO: a copy of the directory, with other bytes in the database.
changed() {
	cp -r "$dir/db" "$dir/$1"
	LC_ALL=C sed -i "s/$2/$3/g" "$dir/$1/data.mdb"
}
changed newer 'ewbd\x00\x00\x00\x01' 'ewbd\x00\x00\x00\x02'
fact "a newer format is refused" refused 'its format is 2, of a newer release' path="$dir/newer"
changed foreign 'ewbd\x00\x00\x00\x01' 'else\x00\x00\x00\x01'
fact "another program's database is refused" refused 'it was not made by ewbd' path="$dir/foreign"
changed version '\xde\xc0\xef\xbe\x01' '\xde\xc0\xef\xbe\x7b'
fact "another version of LMDB is refused" refused 'has another format' path="$dir/version"
mkdir "$dir/text" "$dir/empty" && head -c 9000 /dev/zero >"$dir/text/data.mdb" && : >"$dir/empty/data.mdb"
fact "what is no database is refused" refused "is not LMDB's, or damaged" path="$dir/text"
fact "an empty file is no database" refused "is not LMDB's, or damaged" path="$dir/empty"
cp -r "$dir/db" "$dir/cut" && truncate -s 8192 "$dir/cut/data.mdb"
fact "what was cut off is refused" refused 'is damaged' path="$dir/cut"
fact "and left as it was" test "$(stat -c %s "$dir/cut/data.mdb")" = 8192
mkdir "$dir/begun" && : >"$dir/begun/ewbd.new" && head -c 100 /dev/zero >"$dir/begun/data.mdb"
start begun "$lmdb" path="$dir/begun"
fact "what was being made when it was killed is made anew" ctl set k v
fact "and ends well, too" stop_well begun "$pid"
end
