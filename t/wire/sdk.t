#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Couchbase's own SDK for node, as it comes from npm, takes ewbd for what it knows:
# login, documents, collections, range scans; see sdk.js.  It is looked for in npm/ of
# the build directory, where bootstrap.sh puts it; by hand, see doc/HACKING.md.
#
# EWB_SDK=all: all engines have as much to do as one has else.
. "${srcdir:-.}/t/wire/lib.sh"
[ "${SANITIZER:-no}" = no ] || skip "one who speaks as this SDK does is enough for a sanitizer"
needs node
needs $python
export NODE_PATH=$build/npm/node_modules
[ -d "$NODE_PATH/couchbase" ] || skip "the SDK is not in $build/npm"

user='of,the=SDK' password='not a-secret'
echo "$password" | "$build/daemon/ewbctl" passwd "$dir/users" "$user" >"$dir/passwd" ||
    give_up "no user: $(cat "$dir/passwd")"
cat >"$dir/collections" <<-'END'
	# as a number of one byte, and of two
	8 shop.orders
	1f4 shop.users
END

# serve NAME OPTION...: a server.
serve() {
	local name=$1
	shift
	start "$name" --users "$dir/users" --collections "$dir/collections" "$@"
}
# sdk FEW MANY BRIEF
sdk() {
	if [ "${EWB_SDK:-}" = all ]; then
		set -- 2000 20000 false
	fi
	node "$here/sdk.js" "{\"port\": $port, \"few\": $1, \"many\": $2, \"brief\": $3,
	    \"user\": \"$user\", \"password\": \"$password\"}"
}
# try NAME FEW MANY BRIEF OPTION...: a server and an SDK, beside the others.
names=() pids=() runs=()
try() {
	local name=$1 few=$2 many=$3 brief=$4
	shift 4
	serve "$name" "$@"
	sdk "$few" "$many" "$brief" >"$dir/$name.run" 2>&1 &
	names+=("$name") pids+=("$pid") runs+=($!)
}

# With 1024 vbuckets a scan is as many.
for vbuckets in 1 64 1024; do
	case $vbuckets in 64) large='500 20000' ;; *) large='200 200' ;; esac
	case $vbuckets in 1024) brief=true ;; *) brief=false ;; esac
	# shellcheck disable=SC2086 # two numbers
	try memory-$vbuckets $large $brief --vbuckets $vbuckets "$(engine memory)" limit=4G
	try slow-$vbuckets 200 200 $brief --vbuckets $vbuckets "$(engine slow)" \
	    delay=1ms every=3 limit=4G
	# each callback of each cursor waits, on a thread of these
	try wouldblock-$vbuckets 200 200 $brief --vbuckets $vbuckets --pool aux=8 \
	    --filters "$build/filters/.libs" --filter wouldblock "$(engine memory)" limit=4G
done
for i in "${!names[@]}"; do
	wait "${runs[i]}" || failed=1
	sed "s/^\(ok\|FAILED\): /&${names[i]}: /" "$dir/${names[i]}.run"
	fact "${names[i]}: the server ends well" stop_well "${names[i]}" "${pids[i]}"
done

# All frames of its scans go through one who knows the tables.
serve checked --vbuckets 16 "$(engine memory)"
mkfifo "$dir/proxy.port" "$dir/proxy.in"
"$python" -B "$here/scan_proxy.py" "$port" 16 "$dir/proxy.port" \
    <"$dir/proxy.in" >"$dir/proxy.out" 2>&1 &
proxy=$!
exec {hold}>"$dir/proxy.in" {said}<>"$dir/proxy.port"
read -r -t $enough -u "$said" port || give_up "the proxy does not listen"
fact "through the proxy all is the same" sdk 200 200 false
exec {hold}>&-
fact "and each frame is as the tables have it" wait $proxy
cat "$dir/proxy.out"
fact "its server ends well" stop_well checked "$pid"
end
