#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewbctl cannot do it says in one line on stderr: what, where, and what would
# be right.  Status 2 for wrong usage, 1 for what failed.
. "${srcdir:-.}/t/wire/lib.sh"

# one_line STATUS PATTERN ARGUMENT...: of ewbctl.
one_line() {
	local want=$1 pattern=$2 status
	shift 2
	timeout -k 1 $enough "$build/daemon/ewbctl" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status = "$want" ] && [ "$(wc -l <"$dir/err")" = 1 ] &&
	    [ ! -s "$dir/out" ] && grep -qE -e "$pattern" "$dir/err" && return
	echo "status $status, not $want; or not one line like '$pattern':"
	cat "$dir/out" "$dir/err"
	return 1
}
# shellcheck disable=SC2086 # words
usage() { fact "ewbctl $1: wrong usage" one_line 2 "$2" $1; }
failure() {
	local text=$1 pattern=$2
	shift 2
	fact "$text" one_line 1 "$pattern" "$@"
}
unset EWB_ADDR

# Usage.
usage "" '^usage: ewbctl .*COMMAND .*help'
usage "--nonsense get k" 'unknown option --nonsense.*(did you mean|help)'
usage "-H" '-H wants a value'
usage "-H 127.0.0.1:x get k" "-H wants host:port, .*not '127.0.0.1:x'"
usage "-H 127.0.0.1:65536 get k" '-H wants host:port, .*not'
usage "frobnicate" "unknown command 'frobnicate'"
usage "gett k" "unknown command 'gett'; did you mean get\?"
usage "get" '^usage: ewbctl get .*KEY$'
usage "get a b" '^usage: ewbctl get .*KEY$'
usage "set k" '^usage: ewbctl set .*KEY VALUE'
usage "delete" '^usage: ewbctl delete .*KEY'
usage "stats a b" '^usage: ewbctl stats'
for bad in 0 x -1 1000001; do
	usage "ping -- $bad" "ping wants a number from 1 to 1000000, not '$bad'"
done
for bad in 60001 x -1; do
	usage "engine reload $bad" "engine reload wants a number from 0 to 60000, not '$bad'"
done
usage "scan --nonsense" 'unknown option --nonsense'
usage "scan --limit x" "--limit wants a number, .*not 'x'"
usage "scan --limit 0" "--limit wants a number, .*not '0'"
usage "scan --sample 0" "--sample wants a number .*not '0'"
usage "scan --sample 1 --seed 18446744073709551616" "--seed wants a number, .*not"
usage "scan --vbucket 65536" "--vbucket wants a number .*not '65536'"
usage "scan --retry x" "--retry wants a number .*not 'x'"
usage "export --retry -1" "--retry wants a number .*not '-1'"
usage "scan --prefix" '--prefix wants a value'
usage "scan --prefix a --start b" '--prefix, or --start and --end: one of them'
usage "scan --exclusive-end" '--exclusive-end is for --end, which is missing'
usage "scan --seed 1" '--seed is for --sample, which is missing'
usage "scan --sample 1 --prefix a" '--sample is taken of all keys'
usage 'scan --prefix a\q' "--prefix: .*is no escape; write"
usage "export a b" '^usage: ewbctl export .*\[FILE\]'
for command in get set delete load import export scan; do
	usage "$command --collection nodot" "--collection wants SCOPE.NAME, not 'nodot'"
	usage "$command --collection" '--collection wants a value'
done
usage "export --nonsense" 'unknown option --nonsense'
usage "import a b" '^usage: ewbctl import .*\[FILE\]'
usage "import --nonsense" 'unknown option --nonsense'
usage "scan lib" "scan takes no word 'lib'; did you mean --prefix lib"
fact "a wrong EWB_ADDR: wrong usage" env EWB_ADDR=localhost:x bash -c '
	"$1" get k 2>"$2/err"; [ $? = 2 ] &&
	    grep -qx "ewbctl: EWB_ADDR wants host:port.*localhost:x." "$2/err"' \
    - "$build/daemon/ewbctl" "$dir"

# No server.
failure "no server on that port" \
    '^ewbctl: .*127\.0\.0\.1:1.*connection refused' -H 127.0.0.1:1 get k
failure "no server on that socket" \
    "^ewbctl: .*$dir/none.*no such file or directory" -H "$dir/none" get k
failure "a server that is no server" '^ewbctl: .*/dev/null' -H /dev/null get k

# A server.
start one --vbuckets 4 "$(engine memory)"
at=127.0.0.1:$port
failure "a key that is not there" '^ewbctl: k: (no such key|not found)' -H "$at" get k
failure "a key that is not there cannot be deleted" '^ewbctl: k: ' -H "$at" delete k
long=$(printf '%0251d' 0)
failure "a key that is too long" '^ewbctl: a key has 1 to 250 bytes, this one has 251' \
    -H "$at" get "$long"
failure "an empty key" '^ewbctl: a key has 1 to 250 bytes, this one has 0' -H "$at" get ""
failure "a group of statistics that there is not" \
    "^ewbctl: stats: no group 'nonsense'" -H "$at" stats nonsense
failure "a vbucket that the server has not" \
    '^ewbctl: scan: no vbucket 4: the server has 0 to 3' -H "$at" scan --vbucket 4
failure "a file that there is not" \
    "^ewbctl: $dir/none: no such file or directory" -H "$at" load "$dir/none"

failure "a file that there is not, to import" \
    "^ewbctl: $dir/none: no such file or directory" -H "$at" import "$dir/none"
failure "a directory to import" "^ewbctl: $dir: is a directory" -H "$at" import "$dir"
failure "a directory that there is not, to export to" \
    "^ewbctl: $dir/none/x.part: no such file or directory" -H "$at" export "$dir/none/x"
fact "a server that is not there empties no file" bash -c '
	echo old >"$2/old" && ! "$1" -H 127.0.0.1:1 export "$2/old" 2>/dev/null &&
	    [ "$(cat "$2/old")" = old ]' - "$build/daemon/ewbctl" "$dir"

# Of a load, what came before the wrong line is stored, and it says which one it
# was.
loads() { stores load "$@"; }
imports() { stores import "$@"; }
stores() {
	local command=$1
	shift
	printf "$1" >"$dir/lines"
	"$build/daemon/ewbctl" -H "$at" "$command" "$dir/lines" >"$dir/out" 2>"$dir/err"
	[ $? = 1 ] && [ ! -s "$dir/out" ] && grep -qE -e "$2" "$dir/err" && return
	cat "$dir/out" "$dir/err"
	return 1
}
fact "a line without a TAB is named" loads 'a\tb\nc\n' "^ewbctl: $dir/lines:2: no TAB"
fact "a line with half an escape is named, with its column" \
    loads 'a\tb\nc\td\\q\n' "^ewbctl: $dir/lines:2: column 4: a backslash wants"
fact "a line without a key is named" loads '\tb\n' "^ewbctl: $dir/lines:1: the key is empty"
fact "a line with too long a key is named" \
    loads "$long\tb\n" "^ewbctl: $dir/lines:1: the key is too long: 251 bytes, 250 at most"
fact "a value that the server does not take is named" \
    loads "big\t$(printf '%01048577d' 0)\n" "^ewbctl: $dir/lines:1: .*(too large|too big)"
fact "the lines before are stored" test "$(ctl get a)" = b
fact "a line that is longer than any item is named" \
    loads "a\tb\nbig\t$(printf '%06300000d' 0)" "^ewbctl: $dir/lines:2: longer than 6295552 bytes"

# Of an import likewise.
good='{"key":"i","value":"j"}'
fact "a line that is no JSON is named, with its column" \
    imports "$good\n{\"key\"}\n" "^ewbctl: $dir/lines:2: column 7: "
fact "a line that is cut short is named" \
    imports "$good\n{\"key\":\"a" "^ewbctl: $dir/lines:2: it is cut short"
fact "an empty line is named" imports "$good\n\n$good\n" "^ewbctl: $dir/lines:2: it is empty"
fact "a member that import does not know is named" \
    imports '{"key":"a","vaule":"b"}' "^ewbctl: $dir/lines:1: unknown member \"vaule\""
fact "and how far it came is said" grep -qx \
    "ewbctl: import: stopped at line 1; 0 records are known to be stored" "$dir/err"
fact "a document that the server does not take is named" \
    imports "{\"key\":\"big\",\"value\":\"$(printf '%01048577d' 0)\"}" \
    "^ewbctl: $dir/lines:1: .*(too large|too big)"
fact "the lines before are stored" test "$(ctl get i)" = j
full() {
	"$build/daemon/ewbctl" -H "$at" scan >/dev/full 2>"$dir/err"
	[ $? = 1 ] && [ "$(cat "$dir/err")" = "ewbctl: standard output: no space left on device" ] && return
	cat "$dir/err"
	return 1
}
fact "a full disk for the output is a failure" full
full_file() {
	"$build/daemon/ewbctl" -H "$at" export /dev/full 2>"$dir/err"
	[ $? = 1 ] && [ "$(cat "$dir/err")" = "ewbctl: export: /dev/full: no space left on device" ] && return
	cat "$dir/err"
	return 1
}
fact "so it is for an export" full_file
fact "the server ends well" stop_well one "$pid"
end
