#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Range scans as the protocol's tables have them: a client that was written after the
# tables alone checks each frame, and sees each status.
. "${srcdir:-.}/t/wire/lib.sh"
needs $python

printf '8 shop.orders\n1f4 shop.users\n' >"$dir/collections"
start frames --vbuckets 4 --max-scans 8 --high 64k --collections "$dir/collections" \
    --filters "$build/filters/.libs" --filter wouldblock "$(engine memory)" wouldblock-on=scan wouldblock-time=0
"$python" -B "$here/scan_frames.py" "$port" all || failed=1
fact "the server ends well" stop_well frames "$pid"

for user in ann bob; do
	echo secret | ctl passwd "$dir/users" $user >"$dir/passwd" || cat "$dir/passwd"
done
start owners --vbuckets 4 --users "$dir/users" "$(engine memory)"
"$python" -B "$here/scan_frames.py" "$port" owners || failed=1
fact "the server ends well" stop_well owners "$pid"

# What an engine has may be larger than what a server takes.
mkdir "$dir/large"
start before --vbuckets 4 "$(engine examples/fs)" dir="$dir/large"
stored() {
	local answer
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	{ printf 'set large 0 0 1000000\r\n'; head -c 1000000 /dev/zero; printf '\r\n'; } >&3
	read -r answer <&3
	exec 3>&-
	[ "$answer" = $'STORED\r' ] || { echo "$answer"; return 1; }
}
fact "there is a large record" stored
fact "the server ends well" stop_well before "$pid"
start large --vbuckets 4 -I 100k --high 64k --buffer-memory 512k "$(engine examples/fs)" dir="$dir/large"
"$python" -B "$here/scan_frames.py" "$port" large || failed=1
fact "the server ends well" stop_well large "$pid"
end
