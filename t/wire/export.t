#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewbctl exports, an empty server has again after an import, whatever the bytes.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
py="$python -B $here/export.py"
export TMPDIR=$dir

# counts PATTERN COMMAND...: status 0, one line like that, and nothing on stderr.
counts() {
	local pattern=$1
	shift
	"$@" >"$dir/said" 2>"$dir/err" && [ ! -s "$dir/err" ] &&
	    [ "$(wc -l <"$dir/said")" = 1 ] && grep -qE -e "$pattern" "$dir/said" && return
	cat "$dir/said" "$dir/err"
	return 1
}

start first --vbuckets 16 "$(engine memory)"
$py fill "$port" || give_up "the documents were not stored"
n=$($python -B -c "
import sys; sys.path.insert(0, '$here')
import export; print(len(export.documents()))")
fact "export has a line for each" counts "^$n records, " ctl export "$dir/once"
fact "with all that was stored, in the order of the keys" $py check "$dir/once"
ctl export >"$dir/again" 2>"$dir/err"
fact "to the standard output it is the same" cmp "$dir/once" "$dir/again"
fact "and nothing is said" test ! -s "$dir/err"

kill -KILL "$pid"
ended "$pid" 2>/dev/null
start second --vbuckets 4 "$(engine memory)"
fact "import stores what was exported" counts "^$n records, " ctl import "$dir/once"
ctl export "$dir/again" >/dev/null
fact "another server's export is the same, byte for byte" cmp "$dir/once" "$dir/again"

# A file that is there is replaced by a whole one or not at all.
cp "$dir/once" "$dir/kept"
ln -s kept "$dir/link"
chmod 640 "$dir/kept"
cut_short() {
	(ulimit -f 1; trap '' XFSZ; ctl export "$dir/kept" 2>"$dir/err")
	[ $? = 1 ] && grep -qx "ewbctl: export: .*/kept: file too large" "$dir/err" && return
	cat "$dir/err"
	return 1
}
fact "an export that cannot be written fails" cut_short
fact "and has not touched the file that was there" cmp "$dir/once" "$dir/kept"
echo old >"$dir/kept"
fact "one through a link" eval 'ctl export "$dir/link" >/dev/null'
fact "replaces what the link leads to" eval '[ -h "$dir/link" ] && cmp "$dir/once" "$dir/kept"'
fact "with its mode" test "$(stat -c %a "$dir/kept")" = 640
fact "and nothing beside it is left" test ! -e "$dir/kept.part"

# What has expired since.
line='{"key":"late","value":"x","expiry":'
printf '%s\n' "$line"'1}' "$line"'4102444800}' "$line"'2592000}' >"$dir/late"
fact "what has expired is left out, and counted" \
    counts '^1 records, .*; 2 had expired and were left out$' ctl import "$dir/late"

# A line of scan --json is one of import's, too.
ctl scan --json --prefix late >"$dir/json"
fact "import takes what scan --json prints" counts '^1 records' ctl import - <"$dir/json"
fact "the second server ends well" stop_well second "$pid"

# Memory: a large value of each vbucket has to be here before the first is written.
if [ "${SANITIZER:-no}" = no ]; then
	start third --vbuckets 256 "$(engine memory)" limit=1G
	$py large "$port" 128 || give_up "the large values were not stored"
	used=$($py memory "$build/daemon/ewbctl" -H "127.0.0.1:$port" export "$dir/large")
	fact "128 values of a MiB in 256 vbuckets are exported with $used MiB of memory" \
	    test "$used" -le 64
	used=$($py memory "$build/daemon/ewbctl" -H "127.0.0.1:$port" import "$dir/large")
	fact "and imported with $used MiB" test "$used" -le 64
	ctl export >"$dir/again"
	fact "and are the same" cmp "$dir/large" "$dir/again"
	fact "no file is left behind" test -z "$(find "$dir" -name 'ewbctl.*')"
	fact "the third server ends well" stop_well third "$pid"
fi
end
