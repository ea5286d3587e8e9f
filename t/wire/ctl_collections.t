#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ewbctl in collections: each has keys of its own, and an export has all of them.
. "${srcdir:-.}/t/wire/lib.sh"
ctl=$build/daemon/ewbctl

cat >"$dir/collections" <<'END'
8 app.users
1f4 app.orders
END
start first --collections "$dir/collections" --vbuckets 16 "$(engine memory)"
export EWB_ADDR=127.0.0.1:$port

# is TEXT COMMAND...: prints that, and nothing on stderr.
is() {
	local want=$1
	shift
	"$ctl" "$@" >"$dir/out" 2>"$dir/err" && [ ! -s "$dir/err" ] &&
	    printf '%b' "$want" | cmp - "$dir/out" && return
	cat "$dir/out" "$dir/err"
	return 1
}
# says TEXT COMMAND...: fails with that line.
says() {
	local want=$1
	shift
	! "$ctl" "$@" >"$dir/out" 2>"$dir/err" && [ ! -s "$dir/out" ] &&
	    printf '%s\n' "$want" | cmp - "$dir/err" && return
	cat "$dir/out" "$dir/err"
	return 1
}

"$ctl" set k plain
fact "set stores in a collection" is "" set --collection app.users k user
fact "and in another" is "" set --collection=app.orders k order
fact "get finds each there" is user get --collection app.users k
fact "and without one in the default collection" is plain get k
fact "which has a name, too" is plain get --collection _default._default k
fact "delete deletes there" is "" delete --collection app.orders k
fact "and there alone" is user get --collection app.users k
fact "what is gone is gone" says "ewbctl: k: not found" get --collection app.orders k
fact "a collection that there is not is named" \
    says "ewbctl: collection app.none: the server has none of that name" \
    get --collection app.none k

for ((i = 100; i < 400; i++)); do printf 'key%d\tvalue %d\n' $i $i; done >"$dir/lines"
"$ctl" load --collection app.orders "$dir/lines" >/dev/null
fact "load stores in a collection, and scan has its records, in order" \
    is "$(sed 's/\\/\\\\/g' "$dir/lines")\n" scan --collection app.orders
fact "in reverse, too" \
    is "$(tac "$dir/lines")\n" scan --reverse --collection app.orders
fact "a prefix stays inside" is 'k\tuser\n' scan --prefix k --collection app.users
fact "other collections have their own" is 'k\tplain\n' scan

"$ctl" export "$dir/all" >/dev/null
fact "export has all collections" test "$(grep -c '"collection":"app.orders"' "$dir/all")" = 300
fact "and says which" is '{"key":"k","value":"user","collection":"app.users"}\n' \
    export --collection app.users
fact "all is the same" is "$(cat "$dir/all")\n" export --collection all
fact "the first server ends well" stop_well first "$pid"

start second --collections "$dir/collections" --vbuckets 4 "$(engine memory)"
EWB_ADDR=127.0.0.1:$port
"$ctl" import "$dir/all" >/dev/null
"$ctl" export >"$dir/again"
fact "import stores each where it was" cmp "$dir/all" "$dir/again"
"$ctl" export --collection app.users | "$ctl" import --collection app.orders - >/dev/null
fact "or all in one collection" is user get --collection app.orders k
echo '{"key":"x","value":"","collection":"app.none"}' >"$dir/none"
says_none() {
	"$ctl" import "$dir/none" 2>&1 | head -n 1 |
	    grep -qxF "ewbctl: $dir/none:1: the server has no collection \"app.none\""
}
fact "a document of a collection that there is not is named" says_none
fact "the second server ends well" stop_well second "$pid"
end
