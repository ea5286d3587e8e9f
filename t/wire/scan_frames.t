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
end
