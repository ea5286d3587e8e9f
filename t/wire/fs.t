#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# examples/fs, the engine that keeps each item in a file: what it declares holds
# from outside, and it stays small enough to be read at one sitting.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python
fs=$(engine examples/fs)
files=$dir/files
mkdir "$files"

# Lines with code: all that are not blank and not only comment.
code_lines() {
	sed -e 's|/\*.*\*/||g' -e '/\/\*/,/\*\//{s|/\*.*||;t' -e 'd;}' "$1" |
	    grep -c '[^[:space:]]'
}
n=$(code_lines "$srcdir/examples/fs.c")
fact "it has at most 225 lines of code, of which there are $n" test "$n" -le 225

# Opening: one line each.
refused() {
	timeout -k 1 $enough "$ewbd" -p 0 "$fs" "${@:2}" 2>"$dir/err" </dev/null
	[ $? = 1 ] && [ "$(wc -l <"$dir/err")" = 1 ] && grep -qE -e "^ewbd: engine fs: $1" "$dir/err" &&
	    return
	cat "$dir/err"
	return 1
}
mkdir "$dir/here"
: >"$dir/here/64"
cd "$dir/here" || give_up "no directory"
fact "without a directory it takes the current one" refused './64: Not a directory'
fact "also when its name is empty" refused './64: Not a directory' dir=
cd "$OLDPWD" || give_up "no directory"
fact "a directory that is not there is named" \
    refused "$dir/no/64: No such file or directory" dir="$dir/no"
fact "a file is no directory" refused "$fs/64: Not a directory" dir="$fs"
fact "a parameter that it does not know is refused with the one it does" \
    refused 'no parameter colour; it knows: dir$' dir="$files" colour=red
if [ "$(id -u)" != 0 ]; then
	mkdir -m 500 "$dir/locked"
	fact "a directory in which it may not write is refused" \
	    refused '.*: Permission denied' dir="$dir/locked"
fi

# Clients.
start first --pool reader=4 --pool writer=8 "$fs" dir="$files"
fact "what a text client may ask of it is right" \
    $python -B "$here/with_fs.py" "$port" text
fact "keys of any bytes, empty and large values come back" \
    $python -B "$here/with_fs.py" "$port" bytes
fact "64 clients count together, and none is lost" \
    $python -B "$here/with_fs.py" "$port" count
fact "of 64 clients that add a key one does" \
    $python -B "$here/with_fs.py" "$port" add
fact "a reader never sees half of a value" \
    $python -B "$here/with_fs.py" "$port" whole
fact "what is being written is gone when it is" \
    test -z "$(find "$files" -name '.*' ! -type d)"
fact "it ends well" stop_well first "$pid"

# Scans, of another directory.
files=$dir/other
mkdir "$files"
start second "$fs" dir="$files"
seed=${EWB_SEED:-$RANDOM}
echo "EWB_SEED=$seed"
$python -B "$here/records.py" make "$seed" 800 | awk -F'\t' 'length($1) <= 164' >"$dir/all"
cut -f2- "$dir/all" >"$dir/input"
ctl load "$dir/input" >/dev/null || give_up "the input was not loaded"
gives() {
	local what=$1
	shift
	ctl scan "$@" >"$dir/out" && cmp "$dir/out" "$what"
}
sort "$dir/all" | cut -f2- >"$dir/sorted"
grep '^lib' "$dir/input" | sort >"$dir/lib"
fact "a scan of everything is the input in order of key" gives "$dir/sorted"
fact "a scan of a prefix is that part of it" gives "$dir/lib" --prefix lib
awk -F'\t' '$1 >= "libd" && $1 < "libm"' "$dir/lib" >"$dir/part"
fact "bounds are heeded" gives "$dir/part" --start libd --end libm --exclusive-end
fact "it ends well, too" stop_well second "$pid"

# After the end.
start again "$fs" dir="$files"
fact "what was stored is there again" gives "$dir/sorted"
kill -KILL "$pid"
ended "$pid" 2>/dev/null
start after "$fs" dir="$files"
fact "also after it was killed" gives "$dir/sorted"
ctl set victim old
$python -B "$here/with_fs.py" "$port" overwrite & writer=$!
for ((i = 0; i < enough * 20; i++)); do
	case $(ctl get victim) in new*) break ;; esac
done
kill -KILL "$pid"
ended "$pid" 2>/dev/null
wait $writer
start survivor "$fs" dir="$files"
fact "killed within a store it has the old value or the new one, whole" \
    $python -B "$here/with_fs.py" "$port" survived
fact "the last server ends well" stop_well survivor "$pid"
end
