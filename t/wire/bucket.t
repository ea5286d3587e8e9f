#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What Couchbase's clients ask for before they ask for data, and collections.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

cat >"$dir/collections" <<-'END'
	# what there is to sell
	8 shop.users
	1F4 shop.orders   # and sold
	9 _default.other
END

start plain --bucket data -s "$dir/socket" "$(engine memory)"
"$python" -B "$here/bucket.py" plain "$port" "$dir/socket" || failed=1
fact "the server ends well" stop_well plain "$pid"

start memory -t 3 --collections "$dir/collections" "$(engine memory)"
"$python" -B "$here/bucket.py" collections "$port" || failed=1
fact "that with collections too" stop_well memory "$pid"

if [ "${SANITIZER:-no}" = no ]; then
	start away --vbuckets 7 --collections "$dir/collections" \
	    --filter wouldblock --filters "$build/filters/.libs" "$(engine memory)" \
	    wouldblock-when=every:3
	"$python" -B "$here/bucket.py" collections "$port" || failed=1
	stop "$pid"
	fact "and one that blocks" test $? = 0
fi

start busy --max-cookies 1 "$(engine slow)" delay=50ms
"$python" -B "$here/bucket.py" busy "$port" || failed=1
fact "one that may block once, too" stop_well busy "$pid"

# refuses FILE LINE: such a file, with that line.
refuses() {
	local said
	said=$(ewbd -p 0 --collections "$1" "$(engine memory)" 2>&1)
	[ $? = 1 ] && [ "$said" = "ewbd: --collections $1: $2" ] || { echo "$said"; return 1; }
}
printf '8 a.b\n7 a.c\n' >"$dir/bad"
fact "what is wrong with the file is said, with its line" refuses "$dir/bad" \
    "line 2: not an ID, hexadecimal, from 8 to 1fffff"
fact "or that there is none" refuses "$dir/none" "no such file or directory"
said=$(ewbd -p 0 --bucket 'a b' "$(engine memory)" 2>&1)
fact "a bucket has a name that can be one" test "$said" = \
    "ewbd: bucket a b: not 1 to 100 of a-z, A-Z, 0-9, and . _ % -"
end
