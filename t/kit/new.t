#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What ewb-engine-new will not do it says in one line, and then writes nothing.
. "${srcdir:-.}/t/kit/lib.sh"
cd "$dir" || exit 1
mkdir work && cd work || exit 1

# one_line STATUS PATTERN ARGUMENT...
one_line() {
	local want=$1 pattern=$2 status
	shift 2
	ewb-engine-new "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	[ $status = "$want" ] && [ "$(wc -l <"$dir/err")" = 1 ] && [ ! -s "$dir/out" ] &&
	    grep -qE -e "^ewb-engine-new: $pattern" "$dir/err" && return
	echo "status $status, not $want; or not one line like '$pattern':"
	cat "$dir/out" "$dir/err"
	return 1
}
usage() { fact "wrong usage: ${*:2}" one_line 2 "$1.*; try ewb-engine-new --help$" "${@:2}"; }

usage 'no name'
usage 'the name is empty' ''
for bad in Mine 1st mine_too a/b ../up mine- 'two words' "mine'" $'a\nb' ß; do
	fact "not a name: $bad" bash -c '
		ewb-engine-new "$1" >out 2>err; [ $? = 2 ] && [ ! -s out ] &&
		    grep -q "not a name of small letters" err; r=$?; rm -f out err; exit $r' - "$bad"
done
usage 'shelf: a file of the project has that name' shelf
usage '[a]*: longer than 31 characters' "$(printf 'a%.0s' {1..32})"
usage 'two: one name at a time' one two
usage 'unknown option --colour' --colour mine
usage '--model: wants a value' --model
usage '--model fast: not blocking, offload or ticket' --model fast mine
fact "and nothing was written" test -z "$(ls -A)"
mkdir there
fact "a directory that is there is left alone" one_line 1 'there: it is there already$' there
ln -s nowhere link
fact "so is a link" one_line 1 'link: it is there already$' link
fact "they are as before" test "$(ls -A . there | tr '\n' ' ')" = ".: link there  there: "
if [ "$(id -u)" != 0 ]; then
	chmod 500 there
	cd there || exit 1
	fact "where it may not write it says so" one_line 1 'mine: cannot be made: Permission denied' mine
	cd .. && chmod 700 there
fi
fact "--help says how it is used" grep -q '^usage: ewb-engine-new ' <(ewb-engine-new --help)
fact "--version says its version" grep -qE '^ewb-engine-new [0-9]+\.[0-9]+' <(ewb-engine-new --version)

# Names that are something else in C or make.
for name in while my-own x; do
	ewb-engine-new -m ticket $name >/dev/null || give_up "$name was not written"
	fact "an engine may be called $name" $CC -fsyntax-only -Wall -Werror \
	    $(pkg-config --cflags ewb) $name/$name.c $name/shelf.c
done
end
